//! `plimsoll check PATH`: the same engine on files that were not pushed.

use crate::{
    harness::ort_library,
    story::{ENVIRONMENT, MODEL, Story, evidence, figure, fixture, policy, spec, strict_spec, text},
};
use plimsoll::core::digest::Digest;
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Output, Stdio},
};
use tokio::process::Command;

pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: said(&output.stdout), err: said(&output.stderr) }
    }
}

/// Runs the check; with a service and a token, or with neither.
pub async fn check(words: &[&str], service: Option<(&str, &str)>) -> Ran {
    let folder = tempfile::tempdir().expect("folder");
    let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    program.arg("check").args(words).current_dir(folder.path()).stdin(Stdio::null());
    program.arg("--ort-lib").arg(ort_library().expect("ONNX Runtime"));
    program.env_remove("PLIMSOLL_TOKEN").env_remove("PLIMSOLL_URL").env("PLIMSOLL_CONFIG_DIR", folder.path());
    if let Some((url, token)) = service {
        program.args(["--url", url]).env("PLIMSOLL_TOKEN", token);
    }
    Ran::from(program.output().await.expect("the program"))
}

fn path_of(file: &Path) -> &str {
    file.to_str().expect("text")
}

#[actix_web::test]
async fn files_that_were_not_pushed_get_the_figures_and_verdicts_of_a_run() {
    let story = Story::stage().await;
    let service = Some((story.app.url.as_str(), story.ines.as_str()));
    let model = fixture("tensor_binary.onnx");
    let (before, words) = (story.app.events().await, [path_of(&model), "--env", ENVIRONMENT, "--json"]);
    let ran = check(&words, service).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("local: nothing here is evidence"), "{}", ran.err);
    let local: Value = serde_json::from_str(&ran.out).expect("json");
    let read = story.leaves("dataset.inspect").await;
    assert_eq!((read.len(), story.app.events().await), (1, before + 1), "the rows were read, and nothing was sent");

    let version = story.signed("scorer", &vec![("model.onnx".to_owned(), std::fs::read(&model).expect("file"))]).await;
    let run = story.run("scorer", &version, ENVIRONMENT).await;
    assert_eq!(local["version_digest"], run["version_digest"]);
    assert_eq!((&local["state"], &local["rows"]), (&json!("passed"), &json!(200)));
    let accuracy = |verdicts: &Value| (verdicts[0]["measured"].clone(), verdicts[0]["interval"].clone());
    assert_eq!(accuracy(&local["verdicts"]), accuracy(&run["verdicts"]));
    assert_eq!(local["figures"]["quality"]["figures"]["accuracy"]["value"], figure(&run, "accuracy"));
    assert_eq!(local["figures"]["quality"]["basis"], evidence(&run, "quality")["basis"], "the same spec and rows");
}

#[actix_web::test]
async fn what_is_outside_a_limit_is_refused_with_margin_and_owner() {
    let story = Story::stage_with(&[], strict_spec(), policy(1)).await;
    let service = Some((story.app.url.as_str(), story.ines.as_str()));
    let model = fixture("tensor_binary.onnx");
    let ran = check(&[path_of(&model), "--env", ENVIRONMENT], service).await;
    assert_eq!(ran.code, Some(5), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("fail (block)") && ran.out.contains(" %") && ran.out.contains("ines"), "{}", ran.out);
    assert!(ran.err.contains("accuracy (owner: ines)") && ran.err.contains("predicting"), "{}", ran.err);
    // The rows are for those who may register data.
    let refused =
        check(&[path_of(&model), "--env", ENVIRONMENT], Some((story.app.url.as_str(), story.mara.as_str()))).await;
    assert!(refused.code == Some(5) && refused.err.contains("dataset.inspect"), "{}", refused.err);
}

#[tokio::test]
async fn a_runtime_that_is_not_there_is_named_before_anything_begins() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    let folder = tempfile::tempdir().expect("folder");
    program.args(["serve", "--ort-lib", "/nowhere/libonnxruntime.so", "--data"]).arg(folder.path());
    let ran = Ran::from(program.output().await.expect("the program"));
    assert!(ran.code != Some(0) && ran.err.contains("there is no file /nowhere/libonnxruntime.so"), "{}", ran.err);
}

#[actix_web::test]
async fn rows_that_are_held_out_are_read_by_runs_alone() {
    let story = Story::stage().await;
    let description = json!({"label": "y", "positive_label": "1", "features": ["amount", "age"], "held_out": true});
    let rows = std::fs::read(fixture("people.csv")).expect("file");
    story.dataset("unseen", &rows, &description).await.expect(201);
    let service = Some((story.app.url.as_str(), story.ines.as_str()));
    let model = fixture("tensor_binary.onnx");
    let ran = check(&[path_of(&model), "--env", ENVIRONMENT, "--dataset", "unseen"], service).await;
    assert!(ran.code == Some(5) && ran.err.contains("are held out"), "{:?} {}", ran.code, ran.err);
    let refused = story.app.get(&story.olga, "/api/v1/datasets/unseen/content").await.expect(403).json();
    assert_eq!(refused["code"], "forbidden", "administrators do not measure: {refused:#}");
    let refused = story.app.get(&story.tom, "/api/v1/datasets/unseen/content").await.expect(403).json();
    assert_eq!(refused["code"], "dataset_held_out", "{refused:#}");

    let mut on_unseen = spec();
    on_unseen["datasets"] = json!({MODEL: "unseen"});
    story.revise(ENVIRONMENT, "constraints", on_unseen).await;
    let version = story.signed(MODEL, &vec![("model.onnx".to_owned(), std::fs::read(&model).expect("file"))]).await;
    assert_eq!(story.run(MODEL, &version, ENVIRONMENT).await["state"], "passed", "a run reads them");
}

#[actix_web::test]
async fn a_check_works_offline_and_refuses_what_no_version_could_be_made_of() {
    let folder = tempfile::tempdir().expect("folder");
    let place = |name: &str| folder.path().join(name);
    let write = |name: &str, bytes: &[u8]| std::fs::write(place(name), bytes).expect("file");
    write("spec.json", spec().to_string().as_bytes());
    write("people.yaml", b"label: y\npositive_label: \"1\"\nfeatures: [amount, age]\nsensitive: [sex]\n");
    std::fs::create_dir(place("v4")).expect("folder");
    write("v4/model.onnx", &std::fs::read(fixture("tensor_binary.onnx")).expect("file"));
    write("v4/README.md", b"The fourth.");
    let (rows, limits, columns) = (fixture("people.csv"), place("spec.json"), place("people.yaml"));
    let own = ["--constraints", path_of(&limits), "--data", path_of(&rows), "--description", path_of(&columns)];
    let run = async |subject: &Path| check(&[&[path_of(subject)][..], &own, &["--json"]].concat(), None).await;

    let ran = run(&place("v4")).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let local: Value = serde_json::from_str(&ran.out).expect("json");
    let digest = Digest::of(std::fs::read(&rows).expect("file")).to_string();
    assert_eq!((text(&local["dataset"]), text(&local["state"])), (digest, "passed".to_owned()));

    let refused = run(&fixture("truncated.onnx")).await;
    assert!(refused.code == Some(5) && refused.err.contains("would not be sealed"), "{}", refused.err);
    let failed = run(&fixture("random_noise.onnx")).await;
    assert!(failed.code == Some(5) && failed.err.contains("non_deterministic"), "{}", failed.err);
    assert!(failed.out.contains("\"state\": \"failed\""), "{}", failed.out);
    let nowhere = run(&place("v5")).await;
    assert!(nowhere.code == Some(2) && nowhere.err.contains("no such file or folder"), "{}", nowhere.err);
    let alone = check(&[path_of(&place("v4")), "--constraints", path_of(&limits)], None).await;
    assert!(alone.code == Some(4), "the data are the service's: {}", alone.err);
}
