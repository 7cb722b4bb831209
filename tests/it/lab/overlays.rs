//! One model has tighter limits than its environment: its runs and its requests are judged by them.

use crate::story::{ENVIRONMENT, MODEL, Story, checks, policy, scorer, spec};
use serde_json::{Value, json};

fn with_overlay(model: &str, tightening: &Value) -> Value {
    let mut spec = spec();
    spec["overlays"] = json!({model: [tightening]});
    spec
}

#[actix_web::test]
async fn a_models_overlay_decides_for_it_and_for_no_other() {
    // No model of these tests is as right as this.
    let strict = json!({"name": "accuracy", "limit": 0.99});
    let story = Story::stage_with(&[], with_overlay(MODEL, &strict), policy(1)).await;
    story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, "1", ENVIRONMENT).await;
    let accuracy = &run["verdicts"][0];
    assert_eq!((&accuracy["verdict"], &accuracy["limit"]), (&json!("fail"), &json!(0.99)), "{run:#}");
    assert_eq!(run["verdicts"][1]["verdict"], "pass");
    assert_eq!(checks(&story.request(MODEL, "1", ENVIRONMENT).await), ["constraint_fail"]);

    // The overlay of another model is none of this one's; the old run counts for nothing any more.
    story.model("another-model").await;
    story.revise(ENVIRONMENT, "constraints", with_overlay("another-model", &strict)).await;
    assert_eq!(checks(&story.request(MODEL, "1", ENVIRONMENT).await), ["evidence_missing"]);
    assert_eq!(story.run(MODEL, "1", ENVIRONMENT).await["state"], "passed");
    assert!(checks(&story.request(MODEL, "1", ENVIRONMENT).await).is_empty());
}

#[actix_web::test]
async fn the_age_that_an_overlay_asks_for_is_the_age_that_counts() {
    let fresh = json!({"name": "accuracy", "maximum_evidence_age_days": 1});
    let story = Story::stage_with(&[], with_overlay(MODEL, &fresh), policy(1)).await;
    story.signed(MODEL, &scorer(1)).await;
    story.run(MODEL, "1", ENVIRONMENT).await;
    let young = story.request(MODEL, "1", ENVIRONMENT).await;
    assert!(checks(&young).is_empty());
    story.withdraw(&story.ines, &young).await.expect(200);
    story.app.app.db.clock().advance(chrono::TimeDelta::hours(25));
    assert_eq!(checks(&story.request(MODEL, "1", ENVIRONMENT).await), ["constraint_evidence_expired"]);
}

#[actix_web::test]
async fn an_overlay_that_loosens_is_refused_with_its_place() {
    let story = Story::stage().await;
    let path = format!("/api/v1/environments/{ENVIRONMENT}/constraints");
    let seen = story.app.get(&story.tom, &path).await;
    let misspelled = with_overlay("credit-rsik", &json!({"name": "accuracy", "limit": 0.99}));
    let refused = story.app.put(&story.tom, &path, seen.header("etag"), misspelled).await.expect(422).json();
    assert_eq!(refused["errors"][0]["field"], "overlays.credit-rsik", "{refused:#}");
    for (tightening, field) in [
        (json!({"name": "accuracy", "limit": 0.6}), "limit"),
        (json!({"name": "accuracy", "severity": "info"}), "severity"),
        (json!({"name": "no-such-limit", "limit": 0.9}), "name"),
        (json!({"name": "latency-p95", "load": {"batch": 2}}), "load"),
    ] {
        let body = with_overlay(MODEL, &tightening);
        let refused = story.app.put(&story.tom, &path, seen.header("etag"), body).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], format!("overlays.{MODEL}[0].{field}"), "{refused:#}");
    }
}
