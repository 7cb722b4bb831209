//! The reference models of sound, of bytes and of images, against the answers that come with them.

use super::{
    limit,
    material::{npz, tensor},
    run, verdict,
};
use crate::story::{MODEL, Story, cases_folder, evidence, figure, read};
use plimsoll::formats::{
    npz as arrays,
    tensor::{Tensor, Values},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, io::Cursor, path::PathBuf};

fn case(name: &str) -> Option<PathBuf> {
    let folder = cases_folder()?.join(name);
    if folder.join("model.onnx").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: there is no case {name}");
    None
}

fn of(folder: &std::path::Path, file: &str) -> BTreeMap<String, Tensor> {
    arrays::read(Cursor::new(read(&folder.join(file))), 1 << 30).expect("arrays")
}

/// Memory and agreement; the tolerance is that of the references.
fn spec(memory_mib: f64) -> Value {
    let mut memory = limit("memory", "memory", "peak_memory", "<=", memory_mib);
    memory["unit"] = json!("MiBy");
    let mut latency = limit("latency", "latency", "latency", "<=", 60.0);
    latency["statistic"] = json!("p50");
    latency["unit"] = json!("s");
    latency["minimum_samples"] = json!(10);
    latency["load"] = json!({"samples": 10, "warm_up": 1});
    json!({"datasets": {MODEL: "tensors"}, "constraints": [memory, latency,
        limit("far", "agreement", "max_difference", "<=", 0.0001),
        limit("near", "agreement", "within_tolerance", ">=", 1.0),
        limit("flips", "agreement", "flip_rate", "<=", 0.0)]})
}

#[actix_web::test]
async fn a_voice_detector_is_right_with_its_state_and_wrong_without() {
    let Some(folder) = case("silero_vad_stateful") else { return };
    let (given, expected) = (of(&folder, "input.npz"), of(&folder, "expected.npz"));
    let rows = given["frames"].shape()[0];
    let file = npz(&[
        ("frames", given["frames"].clone()),
        ("sr", given["sr"].clone()),
        ("carried", expected["speech_prob_stateful"].clone()),
        ("reset", expected["speech_prob_state_reset_each_call"].clone()),
        ("window", tensor(&[rows], Values::Int64((0..i64::try_from(rows).expect("few")).collect()))),
    ]);
    let model = read(&folder.join("model.onnx"));
    let describe = |recorded: &str, sequences: Value| {
        let mut tensors = json!({"inputs": {"input": {"array": "frames"}, "sr": {"shared": true}},
            "state": {"state": "stateN"}, "expected": {"output": {"array": recorded, "threshold": 0.5}}});
        if sequences.is_string() {
            tensors["sequences"] = sequences;
        }
        json!({"source": "reference case", "tensors": tensors})
    };
    let one = json!("window");
    for (recorded, sequences, passes) in
        [("carried", Value::Null, true), ("reset", one.clone(), true), ("carried", one, false)]
    {
        let story = Story::begin().await;
        let run = run(&story, &model, &file, &describe(recorded, sequences), spec(1_000.0)).await;
        let wanted = if passes { "pass" } else { "fail" };
        for name in ["far", "near", "flips"] {
            assert_eq!(verdict(&run, name)["verdict"], wanted, "{recorded} {:#}{:#}", run["reason"], run["verdicts"]);
        }
        assert_eq!(verdict(&run, "latency")["verdict"], "pass", "{:#}", run["verdicts"]);
        eprintln!("{recorded}: {}", verdict(&run, "far")["reason"]);
    }
}

#[actix_web::test]
async fn contents_of_files_are_told_apart_as_recorded_and_as_labelled() {
    let Some(folder) = case("magika_bytes") else { return };
    let (given, expected) = (of(&folder, "input.npz"), of(&folder, "expected.npz"));
    let said: Value = serde_json::from_slice(&read(&folder.join("expected.json"))).expect("JSON");
    let classes: Vec<&Value> = said["classes"].as_array().expect("classes").iter().collect();
    let top = said["top1"].as_array().expect("answers").iter();
    let labels: Vec<i64> = top
        .map(|class| classes.iter().position(|one| *one == class).and_then(|at| i64::try_from(at).ok()).expect("known"))
        .collect();
    let file = npz(&[
        ("bytes", given["bytes"].clone()),
        ("target_label", expected["target_label"].clone()),
        ("class", tensor(&[labels.len()], Values::Int64(labels))),
    ]);
    let description = json!({"label": "class", "tensors": {"inputs": {"bytes": {}}, "expected": {"target_label": {}}}});
    let story = Story::begin().await;
    let run = run(&story, &read(&folder.join("model.onnx")), &file, &description, spec(1_000.0)).await;
    assert_eq!(run["state"], "passed", "{:#}{:#}", run["reason"], run["verdicts"]);
    assert!((figure(&run, "accuracy") - 1.0).abs() < 1e-12);
    eprintln!("{}", verdict(&run, "far")["reason"]);
}

/// The bytes of a picture as the models take it: channels first, from 0 to 1.
fn picture(pixels: &Tensor) -> Tensor {
    let [height, width, channels] = *pixels.shape() else { unreachable!("a picture has three dimensions") };
    let bytes = pixels.values().numbers().expect("numbers");
    let at = |channel: usize, place: usize| (bytes[place * channels + channel] / 255.0) as f32;
    let all = (0..channels).flat_map(|channel| (0..height * width).map(move |place| (channel, place)));
    let values = all.map(|(channel, place)| at(channel, place)).collect();
    tensor(&[1, channels, height, width], Values::Float32(values))
}

fn pictured(folder: &std::path::Path, output: &str) -> (Vec<u8>, Value) {
    let expected = of(folder, "expected.npz");
    let file = npz(&[("picture", picture(&of(folder, "input.npz")["u8"])), ("recorded", expected["out0"].clone())]);
    let description = json!({"tensors": {"inputs": {"data_0": {"array": "picture"}},
        "expected": {output: {"array": "recorded"}}}});
    (file, description)
}

#[actix_web::test]
async fn a_picture_gets_the_recorded_answer_and_the_memory_is_measured() {
    let Some(folder) = case("light_squeezenet") else { return };
    let (file, description) = pictured(&folder, "softmaxout_1");
    let story = Story::begin().await;
    let run = run(&story, &read(&folder.join("model.onnx")), &file, &description, spec(1_000.0)).await;
    assert_eq!(run["state"], "passed", "{:#}{:#}", run["reason"], run["verdicts"]);
    assert!(evidence(&run, "performance")["figures"]["peak_memory"]["value"].as_f64().is_some_and(|peak| 1e7 < peak));
}

#[actix_web::test]
async fn a_tiny_file_that_takes_much_memory_ends_at_its_limit_with_what_it_reached() {
    let Some(folder) = case("light_vgg19") else { return };
    let (file, description) = pictured(&folder, "prob_1");
    let story = Story::begin_with(&["--sandbox-memory-mib", "640"]).await;
    let run = run(&story, &read(&folder.join("model.onnx")), &file, &description, spec(512.0)).await;
    assert_eq!((&run["state"], &run["reason"]["code"]), (&json!("failed"), &json!("memory_limit")), "{run:#}");
    let detail = run["reason"]["detail"].as_str().expect("a sentence");
    assert!(detail.contains("it reached") && detail.contains("MiB"), "{detail}");
    eprintln!("{detail}");
}
