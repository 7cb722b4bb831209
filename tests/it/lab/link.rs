//! Limits on the way to a model: judged by the link that the environment declares, and only by the present one.

use crate::story::{ENVIRONMENT, MODEL, Story, checks, evidence, fixture, policy, single};
use serde_json::{Value, json};

fn limit(name: &str, metric: &str, operator: &str, limit: f64, unit: &str) -> Value {
    json!({"name": name, "dimension": "connectivity", "metric": metric, "operator": operator, "limit": limit,
        "unit": unit, "owner": "mara"})
}

fn profile(connectivity: &Value) -> Value {
    json!({"class": "edge", "operating_mode": "advisory", "connectivity": connectivity})
}

fn verdict<'a>(run: &'a Value, name: &str) -> &'a Value {
    let all = run["verdicts"].as_array().expect("verdicts");
    all.iter().find(|verdict| verdict["constraint"] == name).expect("a verdict")
}

#[actix_web::test]
async fn transfer_and_offline_time_rest_on_the_declared_link() {
    let spec = json!({"datasets": {MODEL: "people"}, "constraints": [
        limit("transfer", "transfer_time", "<=", 100.0, "ms"), limit("offline", "maximum_offline_time", ">=", 1.0, "h"),
        limit("in", "bytes_in", "<=", 1.0, "kBy"), limit("out", "bytes_out", "<=", 1.0, "kBy"),
    ]});
    let story = Story::stage_with(&[], spec, policy(1)).await;
    let version = story.signed(MODEL, &single(&fixture("tensor_binary.onnx"))).await;

    let undeclared = story.run(MODEL, &version, ENVIRONMENT).await;
    for name in ["transfer", "offline"] {
        let found = verdict(&undeclared, name);
        assert_eq!(found["verdict"], "not_measured", "{found:#}");
        assert!(found["reason"].as_str().is_some_and(|reason| reason.contains("connectivity")), "{found:#}");
    }
    assert_eq!(verdict(&undeclared, "in")["verdict"], "pass");

    let fast = json!({"rate": {"value": 1, "unit": "Mbit/s"}, "round_trip": {"value": 20, "unit": "ms"},
        "maximum_offline_time": {"value": 2, "unit": "h"}});
    story.revise(ENVIRONMENT, "profile", profile(&fast)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(run["state"], "passed", "{run:#}");
    let record = evidence(&run, "performance");
    assert_eq!(record["link"], fast);
    let of = |metric: &str| record["figures"][metric]["value"].as_f64().expect("a figure");
    let wanted = 0.02 + 8.0 * (of("bytes_in") + of("bytes_out")) / 1e6;
    assert!((of("transfer_time") - wanted).abs() < 1e-12, "{record:#}");
    assert!(checks(&story.request(MODEL, &version, ENVIRONMENT).await).is_empty());

    // What was judged by the fast link says nothing of a slow one.
    let slow = json!({"rate": {"value": 1, "unit": "kbit/s"}, "round_trip": {"value": 2, "unit": "s"},
        "maximum_offline_time": {"value": 2, "unit": "h"}});
    story.revise(ENVIRONMENT, "profile", profile(&slow)).await;
    let failed = checks(&story.request(MODEL, &version, ENVIRONMENT).await);
    assert_eq!(failed, ["constraint_link_changed", "constraint_link_changed"]);
    let again = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(verdict(&again, "transfer")["verdict"], "fail", "{again:#}");
    assert_eq!(verdict(&again, "offline")["verdict"], "pass");
}

#[actix_web::test]
async fn a_profile_with_an_impossible_link_is_refused_with_its_place() {
    let story = Story::stage().await;
    let seen = story.app.get(&story.tom, &format!("/api/v1/environments/{ENVIRONMENT}/profile")).await;
    let path = format!("/api/v1/environments/{ENVIRONMENT}/profile");
    for (link, field) in [
        (json!({"rate": {"value": 0, "unit": "Mbit/s"}}), "connectivity.rate"),
        (json!({"rate": {"value": 5, "unit": "ms"}}), "connectivity.rate"),
        (json!({"round_trip": {"value": -1, "unit": "ms"}}), "connectivity.round_trip"),
        (json!({"maximum_offline_time": {"value": 5, "unit": "kBy"}}), "connectivity.maximum_offline_time"),
    ] {
        let answer = story.app.put(&story.tom, &path, seen.header("etag"), profile(&link)).await.expect(422).json();
        assert_eq!(answer["errors"][0]["field"], field, "{answer:#}");
    }
}
