//! Regulations: looked up by date, held against a version, and pinned by a request.

mod reports;

use crate::{
    harness::{Reply, TestApp},
    story::{ENVIRONMENT, MODEL, Story, checks, fixture, policy, read, scorer, spec, text},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// The limits of the stage, and one on results by sex.
fn spec_by_sex() -> Value {
    let mut spec = spec();
    let limit = json!({"name": "parity", "dimension": "bias", "metric": "demographic_parity_ratio", "attribute": "sex",
        "operator": ">=", "limit": 0.01, "unit": "1", "severity": "info", "minimum_group_size": 10, "owner": "ines"});
    spec["constraints"].as_array_mut().expect("limits").push(limit);
    spec
}

fn policy_with(frameworks: Value) -> Value {
    let mut policy = policy(1);
    policy["frameworks"] = frameworks;
    policy
}

async fn coverage(story: &Story, query: &str) -> Reply {
    story.app.get(&story.mara, &format!("/api/v1/models/{MODEL}/versions/1/coverage?{query}")).await
}

async fn held(story: &Story, framework: &str) -> Value {
    coverage(story, &format!("framework={framework}&environment={ENVIRONMENT}")).await.expect(200).json()
}

#[track_caller]
fn item<'a>(view: &'a Value, id: &str) -> &'a Value {
    view["items"].as_array().expect("items").iter().find(|item| item["item"] == id).unwrap_or(&Value::Null)
}

#[track_caller]
fn figure<'a>(view: &'a Value, rule: &str) -> &'a Value {
    view["metrics"].as_array().expect("figures").iter().find(|found| found["rule"] == rule).unwrap_or(&Value::Null)
}

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().expect("items");
    items.iter().map(|item| format!("{}@{}", text(&item["id"]), item["revision"])).collect()
}

/// Moves the clock to noon of a day; tokens outlive it by months.
fn go_to(app: &TestApp, day: &str) {
    let to: DateTime<Utc> = format!("{day}T12:00:00Z").parse().expect("day");
    let clock = app.app.db.clock();
    clock.advance(to - clock.now());
}

#[actix_web::test]
async fn the_day_decides_what_is_in_force() {
    let app = TestApp::start().await;
    let vera = app.user("vera", &["viewer"]).await;
    let list = async |day: &str| {
        names(&app.get(&vera, &format!("/api/v1/frameworks?in_force_on={day}")).await.expect(200).json())
    };
    let all = app.get(&vera, "/api/v1/frameworks").await.expect(200).json();
    assert_eq!((all["items"].as_array().map(Vec::len), &all["next_cursor"]), (Some(10), &Value::Null));
    let before = list("2026-04-16").await;
    assert!(before.contains(&"sr-11-7@1".to_owned()) && !before.contains(&"sr-26-2@1".to_owned()), "{before:?}");
    let after = list("2026-04-17T00:00:00Z").await;
    assert!(!after.contains(&"sr-11-7@1".to_owned()) && after.contains(&"sr-26-2@1".to_owned()), "{after:?}");
    assert!(!after.iter().any(|name| name.starts_with("eu-ai-act")), "{after:?}");
    assert!(list("2027-12-02").await.contains(&"eu-ai-act@1".to_owned()));
    assert!(list("2028-08-02").await.contains(&"eu-ai-act@2".to_owned()));
    for bad in ["2026-02-30", "26-04-17", "today", "2026-4-17"] {
        let refused = app.get(&vera, &format!("/api/v1/frameworks?in_force_on={bad}")).await.expect(422);
        assert!(refused.text().contains("in_force_on"), "{bad}: {}", refused.text());
    }
}

#[actix_web::test]
async fn one_revision_says_what_it_asks_for_and_where_that_stands() {
    let app = TestApp::start().await;
    let vera = app.user("vera", &["viewer"]).await;
    let view = app.get(&vera, "/api/v1/frameworks/nyc-ll144/revisions/1").await.expect(200).json();
    let rules = view["profile"]["metric_rules"].as_array().expect("rules");
    assert!(rules.iter().all(|rule| rule["limit"] == "none"), "the law has no pass mark: {rules:#?}");
    assert!(text(&view["digest"]).starts_with("sha256:") && !text(&view["profile"]["disclaimer"]).is_empty());
    for unknown in ["nyc-ll144/revisions/2", "nyc-ll144/revisions/0", "nyc/revisions/1", "NYC/revisions/1"] {
        app.get(&vera, &format!("/api/v1/frameworks/{unknown}")).await.expect(404);
    }
}

#[actix_web::test]
async fn a_run_turns_what_is_missing_into_what_is_present() {
    let story = Story::stage_with(&[], spec_by_sex(), policy(1)).await;
    story.signed(MODEL, &scorer(1)).await;
    let before = held(&story, "nyc-ll144").await;
    for id in ["bias-measured", "bias-by-sex", "bias-audit-summary"] {
        assert_eq!(item(&before, id)["state"], "missing", "{:#}", item(&before, id));
        assert!(!text(&item(&before, id)["what_to_do"]).is_empty());
    }
    assert_eq!(figure(&before, "impact-ratio-by-sex")["verdict"], "not_measured");

    let run = story.run(MODEL, "1", ENVIRONMENT).await;
    let after = held(&story, "nyc-ll144").await;
    let bias = run["evidence"].as_array().expect("evidence").iter().find(|e| e["kind"] == "bias").expect("bias");
    let measured = item(&after, "bias-measured");
    assert_eq!((&measured["state"], &measured["evidence"][0]), (&json!("present"), &bias["digest"]));
    assert_eq!(item(&after, "bias-by-sex")["state"], "present");
    // The data have no column of race.
    let race = item(&after, "bias-by-race-ethnicity");
    assert_eq!(race["state"], "missing");
    assert!(text(&race["what_to_do"]).contains("race or ethnicity"), "{race:#}");
    let (present, missing) = (after["present"].as_u64(), after["missing"].as_u64());
    assert!(before["present"].as_u64() < present && missing < before["missing"].as_u64());

    let ratio = figure(&after, "impact-ratio-by-sex");
    assert_eq!((&ratio["verdict"], &ratio["limit"]), (&json!("no_pass_mark"), &Value::Null), "{ratio:#}");
    let tables = bias["body"]["tables"].as_array().expect("tables");
    let impact = &tables.iter().find(|t| t["attribute"] == "sex").expect("sex")["impact"];
    let (law, rows) = (&impact["selection"], ratio["impact"]["categories"].as_array().expect("categories"));
    assert_eq!(
        (&ratio["value"], &ratio["n"], &ratio["impact"]["unknown"]),
        (&impact["four_fifths"]["lowest_impact_ratio"], &law["n"], &law["unknown"])
    );
    let listed = law["categories"].as_array().expect("categories");
    assert_eq!(rows.len(), listed.len());
    for (row, category) in rows.iter().zip(listed) {
        assert_eq!((&row["n"], &row["rate"]), (&category["count"]["n"], &category["rate"]));
        assert_eq!(
            (row["impact_ratio"].as_f64(), &row["standing"]),
            (category["impact_ratio"].as_f64(), &category["standing"]["standing"])
        );
        assert!(["no_pass_mark", "not_applicable"].contains(&text(&row["verdict"]).as_str()), "{row:#}");
    }
    let scoring = figure(&after, "scoring-impact-ratio-by-sex");
    assert!(impact["scoring"].is_object(), "the scorer gives scores");
    assert_eq!(
        (&scoring["verdict"], scoring["impact"]["scoring"]["median"].as_f64()),
        (&json!("no_pass_mark"), impact["scoring"]["scoring"]["median"].as_f64())
    );
    assert!(text(&scoring["why"]).contains("no pass mark"));
    // The same figure under the four fifths rule has a limit, and means a concern at most.
    let fifths = held(&story, "ugesp").await;
    let fifths = figure(&fifths, "four-fifths-by-sex");
    let within = if ratio["value"].as_f64() >= Some(0.8) { "within" } else { "outside" };
    assert_eq!(
        (&fifths["verdict"], &fifths["severity"]),
        (&json!(within), &json!("evidence_of_concern")),
        "{fifths:#}"
    );
    let rows = fifths["impact"]["categories"].as_array().expect("categories");
    let tested = rows.iter().filter(|row| row["fisher_exact_p_value"].is_number());
    assert_eq!(tested.count(), rows.len() - 1, "each against the highest: {rows:#?}");

    story.app.app.db.clock().advance(TimeDelta::days(366));
    let vera = story.app.user("vera", &["viewer"]).await;
    let path = format!("/api/v1/models/{MODEL}/versions/1/coverage?framework=nyc-ll144&environment={ENVIRONMENT}");
    let later = story.app.get(&vera, &path).await.expect(200).json();
    assert_eq!(item(&later, "bias-measured")["state"], "stale", "{:#}", item(&later, "bias-measured"));
}

#[actix_web::test]
async fn the_revision_is_looked_up_for_the_day_that_was_asked_for() {
    let story = Story::stage().await;
    go_to(&story.app, "2026-05-04");
    story.signed(MODEL, &scorer(1)).await;
    let at = async |query: &str| coverage(&story, &format!("environment={ENVIRONMENT}&{query}")).await;
    let past = at("framework=sr-11-7&as_of=2026-04-16").await.expect(200).json();
    assert_eq!(
        (&past["framework"], &past["revision"], &past["standing"]),
        (&json!("sr-11-7"), &json!(1), &json!("in_force"))
    );
    let named = at("framework=sr-11-7@1").await.expect(200).json();
    assert_eq!(named["standing"], "no_longer_in_force");
    let gone = at("framework=sr-11-7").await.expect(422);
    assert!(gone.text().contains("2026-04-17") && gone.text().contains("sr-26-2"), "{}", gone.text());
    assert_eq!(at("framework=eu-ai-act").await.expect(200).json()["standing"], "not_yet_in_force");
    assert_eq!(at("framework=eu-ai-act&as_of=2028-08-02").await.expect(200).json()["revision"], 2);

    for unknown in ["framework=sr-7", "framework=sr-11-7@2", "framework=..%2Fetc", "framework="] {
        at(unknown).await.expect(404);
    }
    coverage(&story, "framework=gdpr&environment=nowhere").await.expect(404);
    at("framework=gdpr&as_of=tomorrow").await.expect(422);
    at("framework=gdpr&as_off=2026-04-16").await.expect(400);
    coverage(&story, "framework=gdpr").await.expect(400);
    let other = format!("/api/v1/models/{MODEL}/versions/7/coverage?framework=gdpr&environment={ENVIRONMENT}");
    story.app.get(&story.mara, &other).await.expect(404);
}

#[actix_web::test]
async fn a_policy_that_blocks_names_what_is_missing_and_one_that_warns_does_not_stop() {
    let story = Story::measured().await;
    story.revise(ENVIRONMENT, "policy", policy_with(json!([{"id": "gdpr", "missing": "block"}]))).await;
    let refused = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(refused["state"], "checks_failed");
    assert!(checks(&refused).iter().all(|check| check == "framework_item_missing"), "{:?}", checks(&refused));
    let failed = refused["failed_checks"].to_string();
    for wanted in ["gdpr@1", "impact-assessment", "GDPR Art. 35", "What to do", "purpose-limits"] {
        assert!(failed.contains(wanted), "{wanted}: {failed}");
    }
    assert!(!failed.contains("accountability"), "the log comes by itself: {failed}");

    story.revise(ENVIRONMENT, "policy", policy_with(json!([{"id": "gdpr", "missing": "warn"}]))).await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(asked["state"], "awaiting_approval", "{:#}", asked["failed_checks"]);
    let [shown] = asked["frameworks"].as_array().expect("frameworks").as_slice() else { unreachable!("one") };
    assert_eq!((&shown["framework"], &shown["on_missing"]), (&json!("gdpr"), &json!("warn")));
    assert_eq!(item(shown, "impact-assessment")["state"], "missing");
    assert_eq!(item(shown, "security")["state"], "present");
    let listed = story.app.get(&story.mara, "/api/v1/frameworks/gdpr/revisions/1").await.expect(200).json();
    let pin = json!({"id": "gdpr", "revision": 1, "digest": listed["digest"]});
    assert_eq!(asked["decision"]["frameworks"], json!([pin]));
    let approved = story.approve(&story.mara, &asked).await.expect(200).json();
    assert_eq!(approved["state"], "approved");
    story.activate(&asked).await.expect(201);
    let now = story.look(&asked).await;
    assert_eq!(now["decision_digest"], asked["decision_digest"]);
    assert_eq!(held(&story, "iso-42001").await["items"].as_array().map(Vec::len), Some(17));
    let iso = held(&story, "iso-42001").await;
    assert_eq!(item(&iso, "deployment")["state"], "present", "an approval by somebody else is on record now");
}

#[actix_web::test]
async fn a_framework_that_nobody_knows_is_refused_when_the_policy_is_published() {
    let story = Story::stage().await;
    let path = format!("/api/v1/environments/{ENVIRONMENT}/policy");
    let seen = story.app.get(&story.tom, &path).await.expect(200);
    for (frameworks, wanted) in [
        (json!([{"id": "nyc-144", "missing": "block"}]), "nyc-ll144"),
        (json!([{"id": "gdpr", "missing": "maybe"}]), "frameworks[0].missing"),
        (json!([{"id": "gdpr", "missing": "warn"}, {"id": "gdpr", "missing": "warn"}]), "stands twice"),
        (json!("gdpr"), "frameworks"),
    ] {
        let refused = story.app.put(&story.tom, &path, seen.header("etag"), policy_with(frameworks)).await.expect(422);
        assert!(refused.text().contains(wanted), "{}", refused.text());
    }
}

#[actix_web::test]
async fn a_request_keeps_the_revision_that_applied_when_it_was_made() {
    let story = Story::begin().await;
    go_to(&story.app, "2026-04-15");
    story.model(MODEL).await;
    story.people().await;
    story.environment(ENVIRONMENT, spec(), policy(1)).await;
    story.measured_version(1).await;
    story.revise(ENVIRONMENT, "policy", policy_with(json!([{"id": "sr-11-7", "missing": "warn"}]))).await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(asked["decision"]["frameworks"][0]["id"], "sr-11-7", "{:#}", asked["decision"]);
    // Two days later the letter is rescinded; the request is still under it.
    go_to(&story.app, "2026-04-17");
    let now = story.look(&asked).await;
    assert_eq!(now["decision_digest"], asked["decision_digest"]);
    assert_eq!(now["frameworks"][0]["standing"], "in_force", "on the day on which it was asked for");
    let approved = story.approve(&story.mara, &asked).await.expect(200).json();
    assert_eq!((&approved["state"], &approved["decision"]), (&json!("approved"), &asked["decision"]));
    story.activate(&asked).await.expect(201);
    // Whoever asks now is told that the policy names what no longer applies.
    story.revise(ENVIRONMENT, "policy", policy_with(json!([{"id": "sr-11-7", "missing": "block"}]))).await;
    let late = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(checks(&late), ["framework_not_in_force"]);
    assert!(late["failed_checks"].to_string().contains("sr-26-2"), "{:#}", late["failed_checks"]);
    story.revise(ENVIRONMENT, "policy", policy_with(json!([{"id": "sr-26-2", "missing": "warn"}]))).await;
    let renewed = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(renewed["decision"]["frameworks"][0]["id"], "sr-26-2", "{:#}", renewed["failed_checks"]);
}

#[actix_web::test]
async fn the_description_of_the_data_says_which_column_a_law_means() {
    let story = Story::stage().await;
    let described = json!({"label": "y", "positive_label": "1", "features": ["amount", "age"],
        "sensitive": ["region", "sex"], "roles": {"race": "region"}, "source": "made up"});
    let csv = read(&fixture("people.csv"));
    let mut wrong = described.clone();
    wrong["roles"]["race"] = "amount".into();
    let refused = story.dataset("people-by-origin", &csv, &wrong).await.expect(422);
    assert_eq!(refused.json()["errors"][0]["field"], "roles.race");
    let made = story.dataset("people-by-origin", &csv, &described).await.expect(201).json();
    assert_eq!(made["description"]["roles"], json!({"race": "region"}));
    let mut spec = spec_by_sex();
    spec["datasets"][MODEL] = "people-by-origin".into();
    story.revise(ENVIRONMENT, "constraints", spec).await;
    story.signed(MODEL, &scorer(1)).await;
    story.run(MODEL, "1", ENVIRONMENT).await;
    let view = held(&story, "nyc-ll144").await;
    for id in ["bias-by-sex", "bias-by-race-ethnicity", "bias-by-intersection"] {
        assert_eq!(item(&view, id)["state"], "present", "{:#}", item(&view, id));
    }
    // The columns stand in another order than the roles.
    let crossed = figure(&view, "impact-ratio-by-intersection");
    assert_eq!((&crossed["attribute"], &crossed["verdict"]), (&json!("region*sex"), &json!("no_pass_mark")));
}
