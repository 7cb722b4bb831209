//! Numbers in bands, cells that are no number, and values that mean that nobody knows.

use crate::story::{ENVIRONMENT, MODEL, Story, fixture, group, policy, read, scorer, table};
use serde_json::{Value, json};

/// The people of the fixtures with a column of years that is as untidy as real ones are.
fn untidy() -> Vec<u8> {
    let text = String::from_utf8(read(&fixture("people.csv"))).expect("text");
    let row = |(i, line): (usize, &str)| {
        let age = line.split(',').nth(2).expect("an age");
        let years = match i {
            0 => "years",
            1..=31 => "",
            32..=34 => "about fifty",
            35..=69 => "999",
            _ => age,
        };
        format!("{line},{years}\n")
    };
    text.lines().enumerate().map(row).collect::<String>().into_bytes()
}

#[actix_web::test]
async fn years_are_put_into_bands_and_what_nobody_knows_is_counted_and_not_compared() {
    let limit = |name: &str, metric: &str| {
        json!({"name": name, "dimension": "bias", "metric": metric, "attribute": "years", "operator": ">=", "limit": 0.01,
            "unit": "1", "owner": "mara"})
    };
    let spec = json!({"datasets": {MODEL: "people"},
        "constraints": [limit("selected", "impact_ratio"), limit("scored", "scoring_impact_ratio")]});
    let story = Story::begin().await;
    story.model(MODEL).await;
    let description = json!({"label": "y", "positive_label": "1", "features": ["amount", "age"],
        "sensitive": ["years"], "cut_points": {"years": [30, 45.5]}, "unknown": ["999"], "source": "made up"});
    let made = story.dataset("people", &untidy(), &description).await.expect(201).json();
    assert_eq!(made["description"]["cut_points"], json!({"years": [30.0, 45.5]}));
    story.environment(ENVIRONMENT, spec, policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;

    let names: Vec<&Value> =
        table(&run, "years")["groups"].as_array().expect("groups").iter().map(|g| &g["group"]).collect();
    assert_eq!(names, ["(missing)", "(not a number)", "30 to under 45.5", "45.5 and over", "999", "under 30"]);
    for (name, rows) in [("(missing)", 31), ("(not a number)", 3), ("999", 35)] {
        assert_eq!(group(&run, "years", name)["n"], rows, "{name}");
    }
    let rows: u64 = names.iter().filter_map(|name| group(&run, "years", name.as_str()?)["n"].as_u64()).sum();
    assert_eq!(rows, 200);
    // Large enough for rates, and never compared by the law's ratio.
    assert_eq!(group(&run, "years", "999")["too_small"], false);
    for form in ["selection", "scoring"] {
        let analysis = &table(&run, "years")["impact"][form];
        let small = table(&run, "years")["impact"]["too_small"].as_array().expect("a list").clone();
        let wanted = [("(not a number)", 3, false), ("under 30", 23, true)];
        assert_eq!(small, wanted.map(|(name, n, known)| json!({"category": name, "n": n, "known": known})));
        assert_eq!(analysis["unknown"], 66, "{form}");
        for category in analysis["categories"].as_array().expect("categories") {
            let name = category["count"]["category"].as_str().expect("a name");
            let known = name.contains("under") || name.contains("over");
            assert_eq!(category["impact_ratio"].is_number(), known, "{form} {category}");
        }
    }
    for verdict in run["verdicts"].as_array().expect("verdicts") {
        let reason = verdict["reason"].as_str().expect("a sentence");
        assert_eq!(verdict["verdict"], "pass", "{reason}");
        assert!(reason.contains("unknown: (missing), 999, (not a number)"), "{reason}");
    }
}
