//! The bias evidence of a run on its page and on the page that a reviewer decides on.

use super::{assert_page, stage::Browser};
use crate::{
    harness::Reply,
    story::{ENVIRONMENT, MODEL, Story, fixture, policy, read, scorer, single, spec, text},
};
use serde_json::json;

async fn page(story: &Story, address: &str) -> Reply {
    let page = Browser::open(&story.app).await.sign_in("mara").await.get(address).await.expect(200);
    assert_page(address, &page);
    page
}

#[track_caller]
fn assert_says(page: &str, all: &[&str]) {
    for wanted in all {
        assert!(page.contains(wanted), "the page lacks {wanted}");
    }
}

#[actix_web::test]
async fn groups_intersections_and_impact_ratios_are_shown_with_what_is_too_small() {
    let mut limits = spec();
    limits["constraints"].as_array_mut().expect("list").push(
        json!({"name": "parity", "dimension": "bias", "metric": "demographic_parity_difference", "attribute": "region",
            "operator": "<=", "limit": 0.5, "unit": "1", "minimum_group_size": 30, "owner": "mara"}),
    );
    let story = Story::stage_with(&[], limits, policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    let request = story.request(MODEL, &version, ENVIRONMENT).await;
    let small = "<strong class=\"tag mind\">too few rows to tell</strong>";
    for address in [format!("/runs/{}", text(&run["id"])), format!("/promotions/{}", text(&request["id"]))] {
        let page = page(&story, &address).await.text();
        assert_says(
            &page,
            &[
                small,
                "2 of 4 groups have fewer than 30 rows, so no rate can be given: (missing) (3), island (4)",
                "<h3>By region</h3>",
                "<h3>By sex × region</h3>",
                "All rows",
                "Newcombe",
                "bootstrap, 100 resamples",
                "100 resamples within each group, seed",
                "The law names no pass mark",
                "Fisher's exact p",
                "Scoring rate",
                "unknown: counted, not compared",
            ],
        );
        // A row of a small group is a count and one sentence across all columns.
        let row = page.split("<th scope=\"row\">island</th><td class=\"exact\">4</td>").nth(1).expect("a row");
        let row = row.split("</tr>").next().unwrap_or_default();
        assert!(row.contains("colspan=") && row.contains(small) && !row.contains('%'), "{row}");
        // What the laws ask for has no tone; what the environment limits has one.
        let impact = page.split("<h4>Impact ratios</h4>").nth(1).and_then(|rest| rest.split("<h").next());
        assert!(impact.is_some_and(|part| part.contains("Impact ratio</th>") && !part.contains("class=\"tag")));
        let limited = page.split("<th scope=\"row\">demographic parity difference</th>").nth(1).expect("a row");
        assert!(
            limited.split("</tr>").next().is_some_and(|row| row.contains("tag good") && row.contains("at most 0.5"))
        );
    }
    let decision = page(&story, &format!("/promotions/{}", text(&request["id"]))).await.text();
    let attention = decision.split("id=\"verdicts\"").next().unwrap_or_default();
    assert!(attention.contains("region: 2 of 4 groups"), "small groups are among what needs attention");
}

#[actix_web::test]
async fn a_regression_shows_its_errors_by_group() {
    let spec = json!({"datasets": {MODEL: "pairs"}, "constraints": [
        {"name": "mae", "dimension": "quality", "metric": "mae", "operator": "<=", "limit": 900, "unit": "1",
            "minimum_samples": 4, "owner": "ines"}]});
    let story = Story::begin().await;
    story.model(MODEL).await;
    // prediction = 2 a - 3 b + 0.5; group x is off by 0 to 2, group y by 5 to 7.
    let row = |i: i32| {
        let (a, b, group) = (i % 7, i % 5, if i % 2 == 0 { "x" } else { "y" });
        format!("{a},{b},{},{group}\n", f64::from(2 * a - 3 * b) + 0.5 + f64::from(i % 3 + 5 * (i % 2)))
    };
    let csv = format!("a,b,y,team\n{}", (0..80).map(row).collect::<String>());
    let description = json!({"label": "y", "features": ["a", "b"], "sensitive": ["team"], "source": "made up"});
    story.dataset("pairs", csv.as_bytes(), &description).await.expect(201);
    story.environment(ENVIRONMENT, spec, policy(1)).await;
    let version = story.signed(MODEL, &single(&fixture("tensor_regression.onnx"))).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    let page = page(&story, &format!("/runs/{}", text(&run["id"]))).await.text();
    assert_says(
        &page,
        &[
            "Mean absolute error by team",
            "<th scope=\"col\">MAE",
            "<th scope=\"col\">RMSE",
            "<th scope=\"col\">Mean residual",
            "MAE difference",
            "all rows 3.4",
        ],
    );
    let groups = page.split("id=\"subgroups\"").nth(1).and_then(|rest| rest.split("</section>").next());
    let groups = groups.expect("subgroups");
    assert!(!groups.contains("Selection rate") && !groups.contains("Impact ratios"), "nobody is selected");
}

#[actix_web::test]
async fn names_of_groups_are_text_and_never_markup() {
    let story = Story::begin().await;
    story.model(MODEL).await;
    let people = String::from_utf8(read(&fixture("people.csv"))).expect("text");
    let hostile = people
        .replace(",female,", ",</title><script>alert(1)</script>,")
        .replace(",male,", ",' onload=alert(2) x=',")
        .replace(",island", ",<img src=x onerror=alert(3)>");
    let description = json!({"label": "y", "positive_label": "1", "features": ["amount", "age"],
        "sensitive": ["sex", "region"], "source": "made up"});
    story.dataset("people", hostile.as_bytes(), &description).await.expect(201);
    story.environment(ENVIRONMENT, spec(), policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    let page = page(&story, &format!("/runs/{}", text(&run["id"]))).await.text();
    assert_says(&page, &["&#60;script&#62;alert(1)&#60;/script&#62;", "&#39; onload=alert(2)", "&#60;img src=x"]);
}
