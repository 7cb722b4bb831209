//! Constraint specs as files: drafted from a model, looked at, and refused with the line.

use crate::story::{ENVIRONMENT, Story, fixture};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(words: &[&str], folder: &Path, token: &str) -> Ran {
    let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    program.args(words).current_dir(folder).env("PLIMSOLL_TOKEN", token).env("PLIMSOLL_CONFIG_DIR", folder);
    let output = program.output().expect("the program");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), out: said(&output.stdout), err: said(&output.stderr) }
}

const WRONG: &str = "# limits\nconstraints:\n  - name: fast\n    dimension: latency\n    metric: latency\n    statistic: p95\n    operator: '<='\n    limit: 5\n    unit: MBy\n    owner: mara\n  - {name: small, dimension: size, metric: artifact_size, operator: '<=',\n     limit: -3, unit: kBy, owner: mara}\n";

#[test]
fn what_is_wrong_with_a_spec_is_named_by_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("limits.yaml"), WRONG).expect("written");
    let ran = run(&["env", "lint", "limits.yaml"], folder.path(), "");
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("limits.yaml:9: constraints[0].unit: "), "{}", ran.err);
    assert!(ran.err.contains("limits.yaml:12: constraints[1].limit: "), "{}", ran.err);
    let ran = run(&["env", "lint", "limits.yaml", "--json"], folder.path(), "");
    let told: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.code, &told["problems"][0]["line"]), (Some(2), &json!(9)), "{told:#}");
}

#[test]
fn a_field_that_stands_twice_is_refused_instead_of_the_last_one_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let limit = "{name: small, dimension: size, metric: artifact_size, operator: '<=', unit: kBy, owner: mara, limit: 5, limit: 50000}";
    std::fs::write(folder.path().join("limits.yaml"), format!("constraints:\n  - {limit}\n")).expect("written");
    let ran = run(&["env", "lint", "limits.yaml"], folder.path(), "");
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("the key \"limit\" occurs twice"), "{}", ran.err);
}

#[test]
fn a_limit_the_wrong_way_round_is_remarked_on_by_its_line_and_is_no_mistake() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = "constraints:\n  - name: right\n    dimension: quality\n    metric: accuracy\n    operator: '<='\n    limit: 0.9\n    unit: '1'\n    owner: mara\n";
    std::fs::write(folder.path().join("limits.yaml"), limits).expect("written");
    let ran = run(&["env", "lint", "limits.yaml"], folder.path(), "");
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(
        ran.err.starts_with("limits.yaml:5: remark: constraints[0].operator: accuracy is better the more"),
        "{}",
        ran.err
    );
    let told = run(&["env", "lint", "limits.yaml", "--json"], folder.path(), "");
    let told: serde_json::Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!((&told["problems"], &told["remarks"][0]["line"]), (&serde_json::json!([]), &serde_json::json!(5)));
}

#[test]
fn a_draft_from_a_model_is_a_spec_that_says_what_it_does_not_know() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in
        ["tensor_binary.onnx", "columns_binary.onnx", "tensor_regression.onnx", "zipmap_binary.onnx"].map(fixture)
    {
        let model = file.display().to_string();
        let ran = run(&["env", "init", &model, "--model", "credit-risk", "--owner", "mara"], folder.path(), "");
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(ran.out.starts_with("# A draft from ") && ran.out.contains("credit-risk: TODO"), "{}", ran.out);
        std::fs::write(folder.path().join("draft.yaml"), &ran.out).expect("written");
        let ran = run(&["env", "lint", "draft.yaml"], folder.path(), "");
        assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("datasets.credit-risk: TODO stands where a name belongs"), "{}", ran.err);
        let whole = std::fs::read_to_string(folder.path().join("draft.yaml")).expect("read").replace("TODO", "credit");
        std::fs::write(folder.path().join("draft.yaml"), whole).expect("written");
        let ran = run(&["env", "lint", "draft.yaml"], folder.path(), "");
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    }
    let model = fixture("tensor_binary.onnx").display().to_string();
    let written = run(&["env", "init", &model, "-o", "limits.yaml"], folder.path(), "");
    assert_eq!(written.code, Some(0), "{}", written.err);
    let kept = run(&["env", "init", &model, "-o", "limits.yaml"], folder.path(), "");
    assert_eq!(kept.code, Some(2), "what is there is not written over");
    // A folder with a model, and what stands beside it.
    std::fs::copy(fixture("tensor_binary.onnx"), folder.path().join("model.onnx")).expect("copied");
    let interface = folder.path().join("interface.json");
    std::fs::write(&interface, r#"{"task":"regression"}"#).expect("written");
    let here = run(&["env", "init", "."], folder.path(), "");
    assert!(here.code == Some(0) && here.out.contains("metric: r2"), "{}{}", here.out, here.err);
    std::fs::write(&interface, r#"{"task":"guess"}"#).expect("written");
    let unknown = run(&["env", "init", "."], folder.path(), "");
    assert!(unknown.code == Some(2) && unknown.err.contains("interface.json: "), "{}", unknown.err);
    std::fs::remove_file(&interface).expect("removed");
    std::fs::write(folder.path().join("no.onnx"), b"not a model").expect("written");
    let refused = run(&["env", "init", "no.onnx"], folder.path(), "");
    assert_eq!(refused.code, Some(2), "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("no.onnx: "), "{}", refused.err);
}

#[actix_web::test]
async fn a_refusal_of_the_service_names_the_line_of_the_file() {
    let story = Story::stage().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("limits.yaml"), WRONG).expect("written");
    let (url, token, path) = (story.app.url.clone(), story.tom.clone(), folder.path().to_owned());
    let words =
        move || run(&["env", "apply", ENVIRONMENT, "--constraints", "limits.yaml", "--url", &url], &path, &token);
    let ran = tokio::task::spawn_blocking(words).await.expect("ran");
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("limits.yaml:9: constraints[0].unit: "), "{}", ran.err);
    assert!(ran.err.contains("limits.yaml:12: constraints[1].limit: "), "{}", ran.err);
}
