//! Two versions side by side.

use crate::{
    harness::Reply,
    story::{self, ENVIRONMENT, MODEL, Story, close, fixture, read, scorer, single, spec, text},
};
use plimsoll::comparisons::figures::MINIMUM_GROUP;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

async fn ask(story: &Story, version: &str, against: &str) -> Reply {
    let body = json!({"model": MODEL, "version": version, "environment": ENVIRONMENT, "against": against});
    story.app.post(&story.ines, "/api/v1/comparisons", body).await
}

/// Asked for, carried out, and fetched again.
async fn compared(story: &Story, version: &str, against: &str) -> Value {
    let asked = ask(story, version, against).await.expect(201).json();
    story.app.work().await;
    let path = format!("/api/v1/comparisons/{}", text(&asked["id"]));
    story.app.get(&story.mara, &path).await.expect(200).json()
}

#[actix_web::test]
async fn a_version_is_held_against_what_is_live_and_against_another_one() {
    let story = Story::stage().await;
    story.released(1).await;
    let second = story.signed(MODEL, &single(&fixture("zipmap_binary.onnx"))).await;
    let live = compared(&story, &second, "release").await;
    assert_eq!((text(&live["state"]), &live["baseline"]), ("completed".to_owned(), &json!(1)), "{live:#}");
    assert!(live["release"].is_string() && live["digest"].as_str().is_some_and(|d| d.starts_with("sha256:")));
    let result = &live["result"];
    // The same weights, and the scores in another form.
    assert_eq!((&result["flips"]["count"], &result["flips"]["total"]), (&json!(0), &json!(200)));
    assert_eq!(result["quality_difference"]["value"], 0.0);
    assert!(result["max_score_change"].as_f64().is_some_and(|change| change < 1e-6), "{result:#}");
    for side in ["baseline", "candidate"] {
        let side = &result[side];
        assert_eq!(side["loads"][0]["latency"]["p50"]["n"], 60, "half of the calls in each turn");
        assert!(
            side["load_time_s"]["value"].as_f64() > Some(0.0) && side["peak_memory_bytes"].as_u64() > Some(1 << 20)
        );
        assert!(side["artifact_bytes"].as_u64() > Some(0));
    }
    for group in result["groups"].as_array().expect("groups") {
        let small = group["rows"].as_u64() < Some(MINIMUM_GROUP as u64);
        assert_eq!(group["flips"].is_null(), small, "{group}");
    }
    let leaves = story.leaves("run.finish").await;
    let digests: Vec<_> = leaves.iter().filter(|leaf| leaf.to_string().contains(&text(&live["digest"]))).collect();
    assert_eq!(digests.len(), 1, "its digest stands in the log once");
    let by_number = compared(&story, "1", &second).await;
    assert_eq!((by_number["state"].as_str(), &by_number["release"]), (Some("completed"), &Value::Null));
    let listed = story.app.get(&story.ada, "/api/v1/comparisons").await.expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
}

#[actix_web::test]
async fn what_can_not_be_compared_is_refused_or_ends_with_the_reason() {
    let story = Story::stage().await;
    story.signed(MODEL, &scorer(1)).await;
    assert_eq!(ask(&story, "1", "release").await.expect(409).code(), "no_active_release");
    assert_eq!(ask(&story, "1", "1").await.expect(409).code(), "same_version");
    ask(&story, "1", "9").await.expect(404);
    ask(&story, "1", "latest").await.expect(422);
    story.draft(MODEL, &scorer(2)).await;
    assert_eq!(ask(&story, "1", "2").await.expect(409).code(), "version_not_sealed");
    let body = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT, "against": "2"});
    story.app.post(&story.mara, "/api/v1/comparisons", body).await.expect(403);

    let broken = story.signed(MODEL, &single(&fixture("nan_scores.onnx"))).await;
    let failed = compared(&story, &broken, "1").await;
    assert_eq!((failed["state"].as_str(), failed["result"].is_null()), (Some("failed"), true), "{failed:#}");
    assert_eq!(failed["reason"]["code"], "invalid_output");
    assert!(text(&failed["reason"]["detail"]).contains(&format!("version {broken}: ")), "{failed:#}");
    let numbers = story.signed(MODEL, &single(&fixture("tensor_regression.onnx"))).await;
    let unlike = compared(&story, &numbers, "1").await;
    assert_eq!(unlike["state"], "failed");
    // Classes that no row of the data has: it would be wrong for every row, and flip all of them.
    let interface = json!({"task": "binary_classification", "classes": ["no", "yes"]}).to_string();
    let files =
        [single(&fixture("tensor_binary.onnx")), vec![("interface.json".to_owned(), interface.into())]].concat();
    let renamed = story.signed(MODEL, &files).await;
    let unlike = compared(&story, &renamed, "1").await;
    assert_eq!(
        (&unlike["state"], &unlike["reason"]["code"]),
        (&json!("failed"), &json!("input_mismatch")),
        "{unlike:#}"
    );
}

/// Labels flip as published, within what another CPU may change.
#[actix_web::test]
async fn quantised_variants_flip_as_many_labels_as_published() {
    let Some(folder) = story::cases_folder().and_then(|cases| with_variants(&cases)) else {
        eprintln!("skipped: no reference case has variants of a model");
        return;
    };
    let json = |file: &str| -> Value { serde_json::from_slice(&read(&folder.join(file))).expect("json") };
    let (published, schema) = (json("expected.json"), json("schema.json"));
    let story = Story::stage().await;
    let description = json!({"label": schema["label_column"], "features": schema["inputs"][0]["columns"],
        "sensitive": schema["protected_columns"]});
    story.dataset("variants", &read(&folder.join("test.csv")), &description).await.expect(201);
    let mut limits = spec();
    limits["datasets"][MODEL] = "variants".into();
    story.revise(ENVIRONMENT, "constraints", limits).await;
    story.signed(MODEL, &single(&folder.join("model.onnx"))).await;
    let variants = published["variants"].as_object().expect("variants");
    for (name, variant) in variants.iter().filter(|(name, _)| *name != "model") {
        let version = story.signed(MODEL, &single(&folder.join(text(&variant["file"])))).await;
        let found = compared(&story, &version, "1").await;
        assert_eq!(found["state"], "completed", "{name}: {}", found["reason"]);
        let result = &found["result"];
        let flips = |count: &Value| count.as_u64().expect("a count");
        let (count, least) = (flips(&result["flips"]["count"]), flips(&variant["label_flips_vs_float"]));
        assert!(count <= 2 * least && (count == 0) == (least == 0), "{name}: {count} flips, published {least}");
        assert_eq!(result["flips"]["count"], sum(&result["groups"]), "{name}: the groups have all flips");
        let number = |value: &Value| value.as_f64().expect("a number");
        let accuracy = |side: &str| number(&result[side]["quality"]["value"]);
        close(name, accuracy("baseline"), number(&published["variants"]["model"]["accuracy"]), 1e-12);
        close(name, accuracy("candidate"), number(&variant["accuracy"]), 0.003);
        let difference = accuracy("candidate") - accuracy("baseline");
        close(name, number(&result["quality_difference"]["value"]), difference, 1e-12);
        let change = number(&variant["max_abs_probability_change"]);
        close(name, number(&result["max_score_change"]), change, (change / 2.0).max(5e-4));
        let smaller = result["candidate"]["artifact_bytes"].as_u64() < result["baseline"]["artifact_bytes"].as_u64();
        assert!(smaller, "{name}");
    }
}

fn with_variants(cases: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(cases).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    folders.into_iter().find(|folder| {
        let expected = std::fs::read(folder.join("expected.json")).unwrap_or_default();
        let expected: Value = serde_json::from_slice(&expected).unwrap_or_default();
        expected["variants"]["model"]["label_flips_vs_float"].is_u64()
    })
}

/// Flips of all groups of one attribute.
fn sum(groups: &Value) -> u64 {
    let counts = groups.as_array().into_iter().flatten().map(|group| group["flips"]["count"].as_u64());
    counts.map(|count| count.expect("no group is small")).sum()
}

#[actix_web::test]
async fn the_command_waits_for_the_result_and_shows_both_sides() {
    let story = Story::stage().await;
    story.signed(MODEL, &scorer(1)).await;
    story.signed(MODEL, &single(&fixture("zipmap_binary.onnx"))).await;
    let folder = tempfile::tempdir().expect("folder");
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    program.args(["compare", "scorer@2", "--env", ENVIRONMENT, "--against", "1", "--url", &story.app.url]);
    program.env("PLIMSOLL_TOKEN", &story.ines).env("PLIMSOLL_CONFIG_DIR", folder.path());
    let worker = async {
        // It asks first; then there is something to do.
        while story.leaves("run.request").await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        story.app.work().await;
    };
    let (ran, ()) = futures_util::future::join(program.output(), worker).await;
    let ran = ran.expect("the program");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (said(&ran.stdout), said(&ran.stderr));
    assert_eq!(ran.status.code(), Some(0), "{out}{err}");
    for wanted in
        ["scorer@2 against @1 in production: completed", "peak memory", "p95, batch 1", "0 of 200", "too few rows"]
    {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
}
