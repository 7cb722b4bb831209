//! Limits and descriptions of data that mean nothing are refused with their place, and nothing of
//! them is kept.

use crate::story::{ENVIRONMENT, MODEL, Story, policy, spec};
use serde_json::{Value, json};

#[actix_web::test]
async fn a_limit_on_groups_that_means_nothing_is_refused_with_its_place() {
    let story = Story::begin().await;
    story.environment(ENVIRONMENT, spec(), policy(1)).await;
    let path = format!("/api/v1/environments/{ENVIRONMENT}/constraints");
    let before = story.app.get(&story.tom, &path).await.expect(200);
    let events = story.app.events().await;
    let bias = json!({"name": "parity", "dimension": "bias", "metric": "demographic_parity_ratio", "attribute": "sex",
        "operator": ">=", "limit": 0.8, "unit": "1", "owner": "mara"});
    let latency = spec()["constraints"][1].clone();
    for (limit, change, place, says) in [
        (&bias, json!({"against": "everybody"}), "constraints[0].against", "overall"),
        (&bias, json!({"against": {"group": ""}}), "constraints[0].against.group", "characters"),
        (&bias, json!({"against": {"groups": "a"}}), "constraints[0].against.groups", "unknown"),
        (&bias, json!({"metric": "tpr", "against": "overall"}), "constraints[0].against", "disparity"),
        (&bias, json!({"metric": "fairness"}), "constraints[0].metric", "demographic_parity_ratio"),
        (&bias, json!({"metric": "auc_difference", "operator": "<=", "class": "a"}), "constraints[0].class", "rates"),
        (&bias, json!({"attribute": "sex*sex"}), "constraints[0].attribute", "different"),
        (&bias, json!({"limit": 1.25}), "constraints[0].limit", "outside"),
        (&bias, json!({"minimum_group_size": 0}), "constraints[0].minimum_group_size", "whole number"),
        (&bias, json!({"metric": "mae_ratio", "confidence": "interval"}), "constraints[0].confidence", "point"),
        (&latency, json!({"class": "a"}), "constraints[0].class", "only bias"),
        (&latency, json!({"against": "overall"}), "constraints[0].against", "disparity"),
        (&latency, json!({"attribute": "sex"}), "constraints[0].attribute", "only bias"),
    ] {
        let mut limit = limit.clone();
        for (key, value) in change.as_object().expect("a change") {
            limit[key] = value.clone();
        }
        let body = json!({"datasets": {MODEL: "people"}, "constraints": [limit]});
        let reply = story.app.put(&story.tom, &path, before.header("etag"), body).await.expect(422);
        has_place(&reply.json(), place, says);
    }
    for (part, value, place, says) in [
        ("bootstrap", json!({"resamples": 99}), "bootstrap.resamples", "100"),
        ("bootstrap", json!({"seed": -1}), "bootstrap.seed", "whole number"),
        ("exclusions", json!({"sex": [{"category": "x"}]}), "exclusions", "justification"),
        ("exclusions", json!({"sex*sex": []}), "exclusions", "different"),
    ] {
        let mut body = json!({"datasets": {MODEL: "people"}, "constraints": [bias]});
        body[part] = value;
        let reply = story.app.put(&story.tom, &path, before.header("etag"), body).await.expect(422);
        has_place(&reply.json(), place, says);
    }
    let after = story.app.get(&story.tom, &path).await.expect(200);
    assert_eq!((before.text(), story.app.events().await), (after.text(), events), "nothing was stored");
}

#[actix_web::test]
async fn a_description_of_groups_that_means_nothing_is_refused_with_its_place() {
    let story = Story::begin().await;
    let events = story.app.events().await;
    let csv = b"a,age,y\n1,20,0\n2,30,1\n";
    for (change, place, says) in [
        (json!({"cut_points": {"age": [45, 25]}}), "cut_points.age", "greater than the one before"),
        (json!({"cut_points": {"age": [25, 25]}}), "cut_points.age", "greater than the one before"),
        (json!({"cut_points": {"age": []}}), "cut_points.age", "1 to 100"),
        (json!({"cut_points": {"a": [25]}}), "cut_points.a", "sensitive"),
        (json!({"sensitive": ["sex"]}), "description", "no column \"sex\""),
    ] {
        let mut description = json!({"label": "y", "positive_label": "1", "features": ["a"], "sensitive": ["age"]});
        for (key, value) in change.as_object().expect("a change") {
            description[key] = value.clone();
        }
        let reply = story.dataset("people", csv, &description).await.expect(422);
        has_place(&reply.json(), place, says);
    }
    story.app.get(&story.ines, "/api/v1/datasets/people").await.expect(404);
    assert_eq!(story.app.events().await, events, "nothing was stored");
}

#[track_caller]
fn has_place(problem: &Value, place: &str, says: &str) {
    let errors = problem["errors"].as_array().expect("errors");
    let found = errors.iter().find(|error| error["field"].as_str().is_some_and(|field| field.starts_with(place)));
    let detail = found.and_then(|error| error["detail"].as_str());
    assert!(detail.is_some_and(|detail| detail.contains(says)), "{place}: {problem:#}");
}
