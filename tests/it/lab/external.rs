//! Models that keep tensors in other files of their version: measured, tried and checked like any other.

use super::tensors::{
    limit,
    material::{FLOAT, external, model_with, node, npz, port, tensor},
    verdict,
};
use crate::{
    check_local::check,
    story::{ENVIRONMENT, Files, MODEL, Story, evidence, policy},
    worker_remote::{account, program},
};
use plimsoll::formats::tensor::Values;
use serde_json::{Value, json};

const ROWS: usize = 40;

/// `y = x * weight + bias`: the weight stands behind eight other bytes, the bias in a folder.
fn files(location: &str) -> Files {
    let nodes = [node("MatMul", &["x", "weight"], "scaled"), node("Add", &["scaled", "bias"], "y")];
    let weights = [external("weight", &[3, 2], (location, 8)), external("bias", &[2], ("parts/bias.bin", 0))];
    let graph = model_with(&nodes, &weights, &[port("x", FLOAT, &[0, 3])], &[port("y", FLOAT, &[0, 2])]);
    let floats = |all: &[f32]| all.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    vec![
        ("model.onnx".to_owned(), graph),
        ("weights.bin".to_owned(), floats(&[9.0, 9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
        ("parts/bias.bin".to_owned(), floats(&[0.5, -0.5])),
    ]
}

/// Rows, and what the whole model says of them.
fn arrays() -> Vec<u8> {
    let x: Vec<f32> = (0..ROWS * 3).map(|i| ((i * 5) % 7) as f32 * 0.25).collect();
    let y = x
        .chunks(3)
        .flat_map(|row| [row[0] + 3.0 * row[1] + 5.0 * row[2] + 0.5, 2.0 * row[0] + 4.0 * row[1] + 6.0 * row[2] - 0.5]);
    npz(&[
        ("y", tensor(&[ROWS, 2], Values::Float32(y.collect()))),
        ("x", tensor(&[ROWS, 3], Values::Float32(x.clone()))),
    ])
}

fn described() -> Value {
    json!({"source": "made up", "tensors": {"inputs": {"x": {}}, "expected": {"y": {}}}})
}

fn spec(label: Option<&str>) -> Value {
    let mut cold = limit("cold", "load_time", "cold_start", "<=", 60.0);
    cold["unit"] = json!("s");
    let mut spec = json!({"datasets": {MODEL: "rows"}, "constraints": [
        limit("as-recorded", "agreement", "within_tolerance", ">=", 1.0),
        limit("elsewhere", "connectivity", "external_data", "<=", 2.0), cold]});
    if let Some(label) = label {
        spec["hardware"] = json!({"label": label});
    }
    spec
}

async fn stage(label: Option<&str>) -> Story {
    let story = Story::begin().await;
    story.model(MODEL).await;
    story.dataset("rows", &arrays(), &described()).await.expect(201);
    story.environment(ENVIRONMENT, spec(label), policy(1)).await;
    story
}

#[actix_web::test]
async fn tensors_in_other_files_of_the_version_are_the_models_own() {
    let story = stage(None).await;
    let version = story.signed(MODEL, &files("weights.bin")).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(run["state"], "passed", "{run:#}");
    assert_eq!(verdict(&run, "elsewhere")["measured"], 2.0);
    assert_eq!(evidence(&run, "performance")["figures"]["parameters"]["value"], 8.0);
    // By hand, too.
    let body = json!({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1.0, 0.0, 0.0]}]});
    let path = format!("/api/v1/models/{MODEL}/versions/{version}/infer");
    let answer = story.app.post(&story.ines, &path, body).await.expect(200).json();
    assert_eq!(answer["outputs"][0]["data"], json!([1.5, 1.5]), "{answer:#}");
}

#[actix_web::test]
async fn a_spelling_that_the_runtime_does_not_find_is_refused_at_the_seal() {
    let story = stage(None).await;
    let number = story.draft(MODEL, &files("./weights.bin")).await;
    let refused = story.seal(MODEL, &number, json!({})).await.expect(422);
    assert!(refused.text().contains("write it as"), "{}", refused.text());
}

#[actix_web::test]
async fn a_folder_is_checked_with_all_of_its_files() {
    let folder = tempfile::tempdir().expect("folder");
    for (path, bytes) in files("weights.bin") {
        let path = folder.path().join("model").join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }
    let given = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path.to_str().expect("text").to_owned()
    };
    let data = given("rows.npz", &arrays());
    let description = given("rows.json", described().to_string().as_bytes());
    let spec = given("spec.json", spec(None).to_string().as_bytes());
    let model = folder.path().join("model");
    let model = model.to_str().expect("text");
    let told = check(&[model, "--constraints", &spec, "--data", &data, "--description", &description], None).await;
    assert_eq!(told.code, Some(0), "{} {}", told.out, told.err);
}

#[actix_web::test]
async fn a_device_fetches_all_of_them() {
    let story = stage(Some("edge-cam")).await;
    let version = story.signed(MODEL, &files("weights.bin")).await;
    let asked = story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201).json();
    let folder = tempfile::tempdir().expect("folder");
    let token = folder.path().join("token");
    std::fs::write(&token, account(&story, "edge-cam").await).expect("written");
    let mut device = program(&story.app, &token, &["--once", "--name", "cam-1", "--label", "hardware=edge-cam"]);
    let ended = tokio::task::spawn_blocking(move || device.output()).await.expect("joined").expect("run");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let run = story.find_run(asked["id"].as_str().expect("an id")).await;
    assert_eq!(run["state"], "passed", "{run:#}");
    // The graph and two files left, and the log has all three.
    let fetched = story.leaves("run.carry_out").await;
    let models = fetched.iter().filter(|leaf| leaf["detail"]["material"] == "model").count();
    assert_eq!(models, 3, "{fetched:#?}");
}
