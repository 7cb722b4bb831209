//! Data sets of named tensors: with state and without, with labels and with recorded answers.

pub mod material;
mod references;

use crate::{
    check_local::check,
    pages::stage::Browser,
    story::{ENVIRONMENT, MODEL, Story, evidence, figure, policy},
    worker_remote::{account, program},
};
use material::{FLOAT, INT64, UINT8, cast, model, node, npz, port, tensor};
use plimsoll::formats::tensor::{Tensor, Values};
use serde_json::{Value, json};

pub fn limit(name: &str, dimension: &str, metric: &str, operator: &str, limit: f64) -> Value {
    json!({"name": name, "dimension": dimension, "metric": metric, "operator": operator, "limit": limit, "unit": "1",
        "minimum_samples": 1, "owner": "ines"})
}

/// How answers agree with what was recorded, how right they are, and how long they take.
fn spec() -> Value {
    let mut latency = limit("latency", "latency", "latency", "<=", 10.0);
    latency["statistic"] = json!("p95");
    latency["unit"] = json!("s");
    latency["minimum_samples"] = json!(10);
    latency["load"] = json!({"samples": 20, "warm_up": 3, "concurrency": 2, "batch": 2});
    json!({"datasets": {MODEL: "tensors"}, "constraints": [
        limit("far", "agreement", "max_difference", "<=", 0.0001),
        limit("near", "agreement", "within_tolerance", ">=", 1.0),
        limit("flips", "agreement", "flip_rate", "<=", 0.0),
        limit("right", "quality", "accuracy", ">=", 0.5),
        latency,
    ]})
}

/// A run of a model on arrays.
pub async fn run(story: &Story, model: &[u8], arrays: &[u8], description: &Value, spec: Value) -> Value {
    story.model(MODEL).await;
    story.dataset("tensors", arrays, description).await.expect(201);
    story.environment(ENVIRONMENT, spec, policy(1)).await;
    let version = story.signed(MODEL, &vec![("model.onnx".to_owned(), model.to_vec())]).await;
    story.run(MODEL, &version, ENVIRONMENT).await
}

pub fn verdict<'a>(run: &'a Value, name: &str) -> &'a Value {
    let all = run["verdicts"].as_array().expect("verdicts");
    assert!(!all.is_empty(), "the run has no verdicts: {run:#}");
    all.iter().find(|verdict| verdict["constraint"] == name).expect("a verdict")
}

/// What it hears is what it remembers times the gain, and what comes in: `memory * gain + sound`.
fn listener() -> Vec<u8> {
    let nodes = [
        node("Mul", &["memory", "gain"], "faded"),
        node("Add", &["faded", "sound"], "kept"),
        node("Identity", &["kept"], "memory_next"),
        node("Sigmoid", &["kept"], "heard"),
    ];
    let inputs = [port("sound", FLOAT, &[0, 2]), port("memory", FLOAT, &[0, 2]), port("gain", FLOAT, &[])];
    model(&nodes, &inputs, &[port("heard", FLOAT, &[0, 2]), port("memory_next", FLOAT, &[0, 2])])
}

const ROWS: usize = 12;
/// The speaker changes twice.
const SPEAKERS: [i64; ROWS] = [4, 4, 4, 4, 4, 7, 7, 7, 4, 4, 4, 4];

/// Sounds, and what the listener hears when it forgets where `forgets` says so.
fn recordings(forgets: impl Fn(usize) -> bool) -> Vec<(&'static str, Tensor)> {
    let sounds: Vec<f32> = (0..ROWS * 2).map(|i| ((i * 7) % 5) as f32 * 0.5 - 1.0).collect();
    let (mut memory, mut heard) = ([0.0_f32; 2], Vec::new());
    for (row, sound) in sounds.chunks(2).enumerate() {
        if forgets(row) {
            memory = [0.0; 2];
        }
        memory = [memory[0] * 0.75 + sound[0], memory[1] * 0.75 + sound[1]];
        heard.extend(memory.map(|x| 1.0 / (1.0 + (-x).exp())));
    }
    vec![
        ("sounds", tensor(&[ROWS, 2], Values::Float32(sounds))),
        ("gain", tensor(&[], Values::Float32(vec![0.75]))),
        ("heard", tensor(&[ROWS, 2], Values::Float32(heard))),
        ("speaker", tensor(&[ROWS], Values::Int64(SPEAKERS.to_vec()))),
        ("row", tensor(&[ROWS], Values::Int64((0..12).collect()))),
    ]
}

fn described() -> Value {
    json!({"source": "made up", "tensors": {
        "inputs": {"sound": {"array": "sounds"}, "gain": {"shared": true}},
        "state": {"memory": "memory_next"},
        "expected": {"heard": {"absolute": 0.0001}}}})
}

#[actix_web::test]
async fn a_model_hears_what_it_was_recorded_to_hear_because_its_state_is_carried() {
    let story = Story::begin().await;
    let run = run(&story, &listener(), &npz(&recordings(|_| false)), &described(), spec()).await;
    for name in ["far", "near", "flips", "latency"] {
        assert_eq!(verdict(&run, name)["verdict"], "pass", "{:#}", run["verdicts"]);
    }
    let right = verdict(&run, "right");
    assert_eq!(right["verdict"], "not_measured", "{right:#}");
    let why = right["reason"].as_str().expect("a reason");
    assert!(why.contains("name an array of them under `label`"), "{why}");
    let agreement = &evidence(&run, "quality")["agreement"]["heard"];
    assert_eq!(
        (agreement["within_tolerance"]["value"].as_f64(), agreement["flip_rate"]["n"].as_u64()),
        (Some(1.0), Some(12))
    );
    assert!(evidence(&run, "performance")["figures"]["peak_memory"]["value"].as_f64().is_some_and(|peak| 0.0 < peak));
    let bytes_in = evidence(&run, "performance")["figures"]["bytes_in"]["value"].as_f64().expect("bytes");
    assert!((bytes_in - 12.0).abs() < 1e-9, "two numbers and the gain: {bytes_in}");
    let address = format!("/runs/{}", run["id"].as_str().expect("an id"));
    let page = Browser::open(&story.app).await.sign_in("ines").await.get(&address).await.text();
    assert!(page.contains("Recorded answers") && page.contains("<th scope=\"row\">heard</th>"), "{page}");
}

#[actix_web::test]
async fn a_state_begins_anew_with_every_sequence() {
    let changes = |row: usize| row == 0 || SPEAKERS[row] != SPEAKERS[row - 1];
    let arrays = npz(&recordings(changes));
    let mut description = described();
    description["tensors"]["sequences"] = json!("speaker");
    let story = Story::begin().await;
    let heard = run(&story, &listener(), &arrays, &description, spec()).await;
    assert_eq!(verdict(&heard, "near")["verdict"], "pass", "{:#}", heard["verdicts"]);
    // Each row alone is something else than what was recorded, and said to be.
    description["tensors"]["sequences"] = json!("row");
    let story = Story::begin().await;
    let reset = run(&story, &listener(), &arrays, &description, spec()).await;
    assert_eq!((&reset["state"], &verdict(&reset, "near")["verdict"]), (&json!("failed"), &json!("fail")));
    let far = verdict(&reset, "far")["measured"].as_f64().expect("a figure");
    assert!(0.05 < far, "{far}");
}

#[actix_web::test]
async fn the_largest_logit_is_the_answer_that_labels_are_held_against() {
    // One image for each call, of bytes, and three numbers that are no probabilities.
    let nodes = [cast("pixels", "numbers"), node("Flatten", &["numbers"], "logits")];
    let model = model(&nodes, &[port("pixels", UINT8, &[1, 3, 1])], &[port("logits", FLOAT, &[1, 3])]);
    let pixels = vec![9, 200, 3, 250, 0, 0, 1, 2, 77, 90, 91, 92];
    let arrays = npz(&[
        ("pixels", tensor(&[4, 3, 1], Values::Uint8(pixels))),
        ("class", tensor(&[4], Values::Int64(vec![1, 0, 2, 0]))),
    ]);
    let description = json!({"label": "class", "tensors": {"inputs": {"pixels": {}}}});
    let story = Story::begin().await;
    let run = run(&story, &model, &arrays, &description, spec()).await;
    assert_eq!((figure(&run, "accuracy"), &verdict(&run, "right")["verdict"]), (0.75, &json!("pass")));
    let why = verdict(&run, "far")["reason"].as_str().expect("a reason");
    assert!(why.contains("name their arrays under tensors.expected"), "{why}");
    assert!(figure(&run, "macro_recall") > 0.0);
}

#[actix_web::test]
async fn rows_may_be_another_dimension_or_none_of_the_model() {
    let floats = |count: usize| Values::Float32((0..count).map(|i| i as f32).collect());
    // Words side by side: rows are the second dimension, and the model has one for them there.
    let aside =
        model(&[cast("ids", "as_numbers")], &[port("ids", INT64, &[2, 0])], &[port("as_numbers", FLOAT, &[2, 0])]);
    let arrays = npz(&[
        ("ids", tensor(&[2, 3], Values::Int64((0..6).collect()))),
        ("recorded", tensor(&[3, 2], Values::Float32(vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]))),
    ]);
    let description = json!({"tensors": {"inputs": {"ids": {"axis": 1}},
        "expected": {"as_numbers": {"array": "recorded", "absolute": 0}}}});
    let story = Story::begin().await;
    let ran = run(&story, &aside, &arrays, &description, spec()).await;
    assert_eq!(verdict(&ran, "near")["verdict"], "pass", "{ran:#}");
    // A model of one frame, which knows no rows at all.
    let alone = model(&[node("Neg", &["frame"], "y")], &[port("frame", FLOAT, &[4])], &[port("y", FLOAT, &[4])]);
    let negative = Values::Float32((0..12).map(|i| -(i as f32)).collect());
    let arrays = npz(&[("frame", tensor(&[3, 4], floats(12))), ("y", tensor(&[3, 4], negative))]);
    let description = json!({"tensors": {"inputs": {"frame": {}}, "expected": {"y": {}}}});
    let story = Story::begin().await;
    let ran = run(&story, &alone, &arrays, &description, spec()).await;
    assert_eq!(verdict(&ran, "near")["verdict"], "pass", "{ran:#}");
}

#[actix_web::test]
async fn what_does_not_fit_together_is_said_with_what_to_do() {
    let story = Story::begin().await;
    let arrays = npz(&recordings(|_| false));
    let refused = async |description: Value| {
        let reply = story.dataset("refused", &arrays, &description).await;
        assert_eq!(reply.status, 422, "{}", reply.text());
        reply.text()
    };
    let missing = refused(json!({"tensors": {"inputs": {"sound": {"array": "noise"}}}})).await;
    assert!(missing.contains("no array") && missing.contains("sounds"), "{missing}");
    let both = refused(json!({"tensors": {"inputs": {"memory": {"array": "sounds"}}, "state": {"memory": "y"}}})).await;
    assert!(both.contains("fed by an array and by an output"), "{both}");
    let table = story.app.request(&story.ines, "PUT", "/api/v1/datasets/refused");
    let table = table.header("content-type", "text/csv").header("plimsoll-dataset", encoded(&described()));
    assert_eq!(crate::harness::reply(table.body(arrays.clone())).await.status, 415);

    // A run says which input is not fed, and which output nobody can compare.
    let mut description = described();
    description["tensors"]["inputs"] = json!({"sound": {"array": "sounds"}});
    let failed = run(&story, &listener(), &arrays, &description, spec()).await;
    let reason = &failed["reason"];
    assert_eq!(reason["code"], "input_mismatch", "{failed:#}");
    assert!(reason["detail"].as_str().is_some_and(|why| why.contains("`gain`") && why.contains("tensors.inputs")));
    let mut description = described();
    description["tensors"]["expected"] = json!({"heard": {}, "loudness": {"array": "heard"}});
    let story = Story::begin().await;
    let ran = run(&story, &listener(), &arrays, &description, spec()).await;
    let near = verdict(&ran, "near");
    assert_eq!(near["verdict"], "not_measured", "{near:#}");
    assert!(near["reason"].as_str().is_some_and(|why| why.contains("the model has no output `loudness`")), "{near:#}");
    assert!(evidence(&ran, "quality")["agreement"]["heard"]["max_difference"]["value"].is_f64());
}

#[actix_web::test]
async fn a_device_carries_the_state_as_the_registry_does() {
    let mut spec = spec();
    spec["hardware"] = json!({"label": "edge-cam"});
    let story = Story::begin().await;
    story.model(MODEL).await;
    story.dataset("tensors", &npz(&recordings(|_| false)), &described()).await.expect(201);
    story.environment(ENVIRONMENT, spec, policy(1)).await;
    let version = story.signed(MODEL, &vec![("model.onnx".to_owned(), listener())]).await;
    let asked = story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201).json();
    let folder = tempfile::tempdir().expect("folder");
    let token = folder.path().join("token");
    std::fs::write(&token, account(&story, "edge-cam").await).expect("written");
    let mut device = program(&story.app, &token, &["--once", "--name", "cam-1", "--label", "hardware=edge-cam"]);
    let ended = tokio::task::spawn_blocking(move || device.output()).await.expect("joined").expect("run");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let run = story.find_run(asked["id"].as_str().expect("an id")).await;
    assert_eq!(run["measured_by"], "edge-cam", "{run:#}");
    for name in ["far", "near", "flips"] {
        assert_eq!(verdict(&run, name)["verdict"], "pass", "{:#}", run["verdicts"]);
    }
}

#[actix_web::test]
async fn versions_are_compared_output_by_output_where_no_labels_say_what_they_mean() {
    let story = Story::begin().await;
    run(&story, &listener(), &npz(&recordings(|_| false)), &described(), spec()).await;
    // One that hears half as well: its memory is the same, and what it says is not.
    let nodes = [
        node("Mul", &["memory", "gain"], "faded"),
        node("Add", &["faded", "sound"], "kept"),
        node("Identity", &["kept"], "memory_next"),
        node("Neg", &["kept"], "turned"),
        node("Sigmoid", &["turned"], "heard"),
    ];
    let inputs = [port("sound", FLOAT, &[0, 2]), port("memory", FLOAT, &[0, 2]), port("gain", FLOAT, &[])];
    let deaf = model(&nodes, &inputs, &[port("heard", FLOAT, &[0, 2]), port("memory_next", FLOAT, &[0, 2])]);
    let second = story.signed(MODEL, &vec![("model.onnx".to_owned(), deaf)]).await;
    let body = json!({"model": MODEL, "version": second, "environment": ENVIRONMENT, "against": "1"});
    let asked = story.app.post(&story.ines, "/api/v1/comparisons", body).await.expect(201).json();
    story.app.work().await;
    let id = asked["id"].as_str().expect("an id");
    let found = story.app.get(&story.mara, &format!("/api/v1/comparisons/{id}")).await.expect(200).json();
    assert_eq!(found["state"], "completed", "{found:#}");
    let result = &found["result"];
    assert_eq!((&result["quality_metric"], &result["quality_difference"]["value"]), (&json!("none"), &Value::Null));
    let output = |name: &str| {
        let all = result["outputs"].as_array().expect("outputs");
        all.iter().find(|output| output["output"] == name).expect("compared")
    };
    assert_eq!((&output("memory_next")["max_difference"], &output("memory_next")["numbers"]), (&json!(0.0), &json!(2)));
    // A sigmoid of the opposite is one minus the sigmoid: the farther from a half, the larger the change.
    let heard: Vec<f64> = recordings(|_| false)[2].1.values().numbers().expect("numbers");
    let farthest = heard.iter().map(|x| (2.0 * x - 1.0).abs()).fold(0.0, f64::max);
    let measured = output("heard")["max_difference"].as_f64().expect("a difference");
    assert!((measured - farthest).abs() < 1e-6, "{measured} and {farthest}");
    assert!(output("heard")["other_largest"]["count"].as_u64() > Some(0), "{result:#}");
    // The page and the command show them.
    let address = format!("/comparisons/{id}");
    let page = Browser::open(&story.app).await.sign_in("mara").await.get(&address).await.text();
    assert!(page.contains("held against each other as they are") && page.contains("memory_next"), "{page}");
}

#[actix_web::test]
async fn tensors_are_checked_without_a_service() {
    let folder = tempfile::tempdir().expect("folder");
    let place = |name: &str| folder.path().join(name).display().to_string();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("file");
    write("model.onnx", &listener());
    write("sounds.npz", &npz(&recordings(|_| false)));
    write("sounds.yaml", serde_json::to_string(&described()).expect("json").as_bytes());
    write("spec.json", spec().to_string().as_bytes());
    let own = ["--constraints", &place("spec.json"), "--data", &place("sounds.npz"), "--description"];
    let ran =
        check(&[&[place("model.onnx").as_str()][..], &own, &[&place("sounds.yaml"), "--json"]].concat(), None).await;
    assert!(ran.out.starts_with('{'), "{}{}", ran.out, ran.err);
    let local: Value = serde_json::from_str(&ran.out).expect("json");
    assert_eq!((&local["rows"], &local["state"]), (&json!(12), &json!("inconclusive")), "{local:#}");
    assert_eq!(verdict(&local, "near")["verdict"], "pass");
}

pub fn encoded(description: &Value) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(description.to_string())
}
