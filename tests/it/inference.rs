//! Trying a version by hand: the Open Inference Protocol v2 within limits.

use crate::{
    harness::{Reply, reply},
    story::{MODEL, Story, fixture, scorer, single, text},
    validation::others_are_served,
};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PATH: &str = "/api/v1/models/scorer/versions/1/infer";

async fn sealed(files: &crate::story::Files) -> Story {
    let story = Story::begin().await;
    story.model(MODEL).await;
    story.signed(MODEL, files).await;
    story
}

fn body(data: &Value) -> Value {
    json!({"id": "mine", "inputs": [{"name": "features", "datatype": "FP32", "shape": [2, 2], "data": data}]})
}

#[actix_web::test]
async fn a_person_tries_a_version_and_the_values_are_in_no_log() {
    let story = sealed(&scorer(1)).await;
    let described = story.app.get(&story.mara, PATH).await.expect(200).json();
    assert_eq!((text(&described["name"]), &described["versions"]), (MODEL.to_owned(), &json!(["1"])));
    assert_eq!(described["inputs"], json!([{"name": "features", "datatype": "FP32", "shape": [-1, 2]}]));
    assert_eq!(described["outputs"][0]["datatype"], "INT64", "{described:#}");
    assert_eq!(story.leaves("version.inspect").await.len(), 0, "looking at what it takes is no call");

    let answer = story.app.post(&story.mara, PATH, body(&json!([[1234.5, 30], [-9, 70]]))).await.expect(200).json();
    assert_eq!((&answer["id"], &answer["model_version"]), (&json!("mine"), &json!("1")));
    let output = |name: &str| -> Value {
        let all = answer["outputs"].as_array().expect("outputs");
        all.iter().find(|output| output["name"] == name).cloned().unwrap_or_default()
    };
    let names: Vec<_> = described["outputs"].as_array().expect("outputs").iter().map(|o| text(&o["name"])).collect();
    let (label, scores) = (output(&names[0]), output(&names[1]));
    assert_eq!((&label["shape"], &label["datatype"]), (&json!([2]), &json!("INT64")), "{answer:#}");
    assert_eq!((&scores["shape"], &scores["datatype"]), (&json!([2, 2]), &json!("FP32")));
    let p: Vec<f64> = scores["data"].as_array().expect("data").iter().filter_map(Value::as_f64).collect();
    assert!((p[0] + p[1] - 1.0).abs() < 1e-6 && (p[2] + p[3] - 1.0).abs() < 1e-6, "{p:?}");
    let flat = story.app.post(&story.mara, PATH, body(&json!([1234.5, 30, -9, 70]))).await.expect(200).json();
    assert_eq!(flat["outputs"], answer["outputs"], "flat or nested is the same");
    let mut one = body(&json!([1, 2, 3, 4]));
    one["outputs"] = json!([{"name": names[1]}]);
    let one = story.app.post(&story.mara, PATH, one).await.expect(200).json();
    assert_eq!(one["outputs"].as_array().map(Vec::len), Some(1));

    let leaves = story.leaves("version.inspect").await;
    assert_eq!(leaves.len(), 3);
    assert!(leaves.iter().all(|leaf| !leaf.to_string().contains("1234.5")), "{leaves:?}");
    // The same key again is a call again: the answer was not kept.
    let request = || {
        let request = story.app.request(&story.mara, "POST", PATH).header("idempotency-key", "once-and-no-more");
        reply(request.json(&body(&json!([1, 2, 3, 4]))))
    };
    request().await.expect(200);
    let again = request().await;
    assert!(again.status != 200 || !again.text().contains("outputs"), "{}", again.text());
}

#[actix_web::test]
async fn what_does_not_fit_the_model_is_refused_with_its_place() {
    let story = sealed(&scorer(1)).await;
    let tensor = |name: &str, datatype: &str, shape: Value, data: Value| json!({"inputs": [{"name": name, "datatype": datatype, "shape": shape, "data": data}]});
    let cases = [
        (tensor("features", "FP32", json!([1_000_000_000]), json!([1])), 422, "at most 1048576 elements"),
        (tensor("features", "FP32", json!([i64::MAX, 4]), json!([1])), 422, "at most 1048576 elements"),
        (tensor("features", "INT64", json!([1, 2]), json!([1, 2])), 422, "takes FP32, not INT64"),
        (tensor("\u{202e}eman", "FP32", json!([1, 2]), json!([1, 2])), 422, "has no input"),
        (tensor("features", "FP32", json!([1, 3]), json!([1, 2, 3])), 422, "features"),
        (tensor("features", "FP32", json!([1, 2]), json!([1, "2"])), 422, "element 1 is no FP32"),
        (tensor("features", "FP32", json!([2]), json!([1, 2])), 422, "takes the shape [-1, 2] (-1: any), not [2]"),
        (
            json!({"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}],
                "outputs": [{"name": "mood"}]}),
            422,
            "has no output",
        ),
        (json!({"inputs": []}), 422, "1 to 256 inputs"),
        (json!({"inputs": 1}), 400, "inputs"),
    ];
    for (body, status, said) in cases {
        let refused = story.app.post(&story.ines, PATH, body.clone()).await.expect(status);
        assert!(refused.text().contains(said), "{body}: {}", refused.text());
        // Where a client of the protocol looks; what is no JSON of this kind is refused before the protocol is known.
        let error = refused.json()["error"].as_str().map(str::to_owned);
        assert!(status == 400 || error.as_deref().is_some_and(|error| error.contains(said)), "{}", refused.text());
        assert!(!refused.text().contains('\u{202e}'), "{}", refused.text());
    }
    let body = body(&json!([1, 2, 3, 4]));
    // Robots and deployers use what was pulled; drafts and what is not there are nobody's.
    let robot = story.app.robot("trainer", &["contributor"]).await;
    assert_eq!(story.app.post(&robot, PATH, body.clone()).await.expect(403).code(), "people_only");
    story.app.post(&story.robot, PATH, body.clone()).await.expect(403);
    story.app.post(&story.tom, PATH, body.clone()).await.expect(403);
    story.draft(MODEL, &scorer(2)).await;
    let draft = story.app.post(&story.ines, &PATH.replace("/1/", "/2/"), body.clone()).await.expect(409);
    assert_eq!(draft.code(), "version_not_sealed");
    story.app.post(&story.ines, &PATH.replace("/1/", "/9/"), body.clone()).await.expect(404);
    story.revoke_version("1").await.expect(200);
    story.app.post(&story.ines, PATH, body).await.expect(409);
}

#[actix_web::test]
async fn a_model_that_never_ends_is_stopped_and_no_more_than_two_are_tried_at_once() {
    let story = sealed(&single(&fixture("infinite_loop.onnx"))).await;
    let described = story.app.get(&story.ines, PATH).await.expect(200).json();
    let input = &described["inputs"][0];
    let body = json!({"inputs": [{"name": input["name"], "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]});
    let began = Instant::now();
    let calls = join_all((0..4).map(|_| story.app.post(&story.ines, PATH, body.clone())));
    let (answers, slowest): (Vec<Reply>, _) = join(calls, others_are_served(&story)).await;
    assert!(began.elapsed() < Duration::from_secs(20) && slowest < Duration::from_secs(2), "{slowest:?}");
    let (busy, stopped): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 503);
    assert_eq!((busy.len(), stopped.len()), (2, 2));
    for answer in busy {
        assert_eq!((answer.code().as_str(), answer.header("retry-after")), ("trials_busy", "2"));
    }
    for answer in stopped {
        assert_eq!((answer.status, answer.code().as_str()), (422, "model_failed"), "{}", answer.text());
        assert!(answer.text().contains("time_limit"), "{}", answer.text());
    }
    assert_eq!(story.leaves("version.inspect").await.len(), 2, "what never came back was tried, too");
}

#[actix_web::test]
async fn answers_that_are_no_numbers_are_null_and_maps_are_texts() {
    let story = sealed(&single(&fixture("nan_scores.onnx"))).await;
    story.signed(MODEL, &single(&fixture("zipmap_binary.onnx"))).await;
    let answer = story.app.post(&story.ines, PATH, body(&json!([1, 2, 3, 4]))).await.expect(200).json();
    let nulls = answer["outputs"].as_array().expect("outputs").iter().find(|o| o["data"][0].is_null());
    assert!(nulls.is_some_and(|o| o["parameters"]["non_finite"].as_u64() >= Some(1)), "{answer:#}");
    let maps = story.app.post(&story.ines, &PATH.replace("/1/", "/2/"), body(&json!([1, 2, 3, 4]))).await.expect(200);
    let maps = maps.json();
    let texts = maps["outputs"].as_array().expect("outputs").iter().find(|o| o["datatype"] == "BYTES");
    let first: Value = serde_json::from_str(texts.and_then(|o| o["data"][0].as_str()).expect("text")).expect("json");
    assert_eq!(first.as_object().map(serde_json::Map::len), Some(2), "{maps:#}");
}
