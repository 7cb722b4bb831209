use super::*;
use crate::{core::digest::Digest, crypto::statement::Subject};
use serde_json::{Value, json};

fn training() -> Value {
    let digest = |text: &str| json!({"sha256": Digest::of(text).hex()});
    json!({
        "buildDefinition": {
            "buildType": TRAINING,
            "externalParameters": {"repository": "https://git.example/ml/fraud", "params": {"seed": "42"}},
            "internalParameters": {"runnerPool": "gpu-a"},
            "resolvedDependencies": [
                {"uri": "git+https://git.example/ml/fraud@refs/tags/v7",
                    "digest": {"gitCommit": "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"}},
                {"name": "tx-2026q3", "uri": "s3://datasets/tx", "digest": digest("rows"),
                    "mediaType": "text/csv", "annotations": {"role": "training-dataset", "records": "3"}},
                {"name": "base", "digest": digest("base"), "annotations": {"role": "base-model"}},
                {"uri": "oci://registry.example/image", "digest": digest("image"), "annotations": {"role": "environment"}},
                {"name": "notes", "digest": digest("notes"), "annotations": null, "somethingNew": 1},
            ],
        },
        "runDetails": {
            "builder": {"id": "https://ci.example/runner", "version": {"argo": "3.6.0"}},
            "metadata": {"invocationId": "https://ci.example/runs/4711", "startedOn": "2026-11-20T22:00:00Z",
                "finishedOn": "2026-11-21T03:12:09+01:00"},
            "byproducts": [{"name": "metrics.json", "digest": digest("metrics")}],
        },
    })
}

fn about(predicate: Value) -> Statement {
    Statement::new(vec![Subject::sha256("model.onnx", Digest::of("m").hex())], PREDICATE_TYPE, predicate)
}

fn refused(predicate: Value) -> (String, String) {
    let fault = read(&about(predicate)).expect_err("a fault");
    (fault.field, fault.detail)
}

/// The value at a JSON pointer, replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut predicate = training();
    *predicate.pointer_mut(pointer).expect("a place") = value;
    predicate
}

#[test]
fn a_training_is_read_with_everything_that_it_was_made_from() {
    let read = read(&about(training())).expect("well-formed");
    let roles: Vec<_> = read.materials.iter().map(|material| (material.role, material.label())).collect();
    let code = "git+https://git.example/ml/fraud@refs/tags/v7";
    assert_eq!(
        roles,
        [
            (Role::Code, code),
            (Role::TrainingData, "tx-2026q3"),
            (Role::BaseModel, "base"),
            (Role::Environment, "oci://registry.example/image"),
            (Role::Other, "notes"),
        ]
    );
    assert_eq!(read.materials[1].sha256(), Some(Digest::of("rows").hex().as_str()));
    assert_eq!(read.materials[0].sha256(), None);
    assert_eq!(read.builder, "https://ci.example/runner");
    assert_eq!(read.started_on.map(|at| at.to_rfc3339()), Some("2026-11-20T22:00:00+00:00".to_owned()));
    assert_eq!((read.byproducts.len(), read.builder_version["argo"].as_str()), (1, "3.6.0"));
}

#[test]
fn little_is_enough_and_null_is_as_good_as_nothing() {
    let least = json!({"buildDefinition": {"buildType": "https://example.org/t/v1", "resolvedDependencies": null},
        "runDetails": {"builder": {"id": "https://example.org/notebook"}, "metadata": null}});
    let read = read(&about(least)).expect("well-formed");
    assert!(read.materials.is_empty() && read.invocation.is_none());
}

#[test]
fn each_refusal_says_which_field_and_why() {
    let dependency = "/buildDefinition/resolvedDependencies/1";
    let at = "predicate.buildDefinition.resolvedDependencies[1]";
    for (pointer, value, field, says) in [
        ("", json!([]), "predicate", "is no object"),
        ("/buildDefinition", Value::Null, "predicate.buildDefinition", "is missing"),
        ("/buildDefinition/buildType", json!(7), "predicate.buildDefinition.buildType", "is no text"),
        ("/buildDefinition/buildType", json!("training"), "predicate.buildDefinition.buildType", "is no URI"),
        (
            "/buildDefinition/externalParameters",
            json!("x"),
            "predicate.buildDefinition.externalParameters",
            "no object",
        ),
        (
            "/buildDefinition/externalParameters",
            json!({"sed": 1}),
            "predicate.buildDefinition.externalParameters.sed",
            "is no parameter of the build type",
        ),
        (
            "/buildDefinition/resolvedDependencies",
            json!({}),
            "predicate.buildDefinition.resolvedDependencies",
            "no list",
        ),
        (dependency, json!({"name": "rows"}), at, "none of uri, digest and content"),
        (dependency, json!({"content": "a row"}), &format!("{at}.content"), "no base64"),
        (&format!("{dependency}/digest"), json!({"sha256": "AB"}), &format!("{at}.digest.sha256"), "64 lowercase hex"),
        (&format!("{dependency}/digest"), json!({"git commit": "ab"}), &format!("{at}.digest.git commit"), "no name"),
        (&format!("{dependency}/name"), json!("a\u{202e}b"), &format!("{at}.name"), "U+202E"),
        (&format!("{dependency}/uri"), json!("s3://me:secret@host/x"), &format!("{at}.uri"), "holds a password"),
        (&format!("{dependency}/annotations"), json!([1]), &format!("{at}.annotations"), "is no object"),
        ("/runDetails/builder", json!({}), "predicate.runDetails.builder.id", "is missing"),
        ("/runDetails/metadata/startedOn", json!("yesterday"), "predicate.runDetails.metadata.startedOn", "no time"),
        (
            "/runDetails/metadata/finishedOn",
            json!("2026-11-20T21:00:00Z"),
            "predicate.runDetails.metadata.finishedOn",
            "before startedOn",
        ),
    ] {
        let (at, why) = refused(with(pointer, value));
        assert_eq!(at, field, "{why}");
        assert!(why.contains(says), "{field}: {why}");
    }
}

#[test]
fn size_and_depth_have_an_end() {
    let many: Vec<_> = (0..1_001).map(|i| json!({"uri": format!("https://example.org/{i}")})).collect();
    let (field, why) = refused(with("/buildDefinition/resolvedDependencies", json!(many)));
    assert!(field.ends_with("resolvedDependencies") && why.contains("1001"), "{field}: {why}");
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(refused(with("/buildDefinition/internalParameters", json!({"deep": deep}))).0, "predicate");
    let long = json!("x".repeat(3_000));
    assert!(refused(with("/runDetails/metadata/invocationId", long)).1.contains("2048"));
}

#[test]
fn other_versions_of_the_format_are_refused_and_other_predicates_left_alone() {
    let mut statement = about(training());
    assert!(matches!(of(&statement), Some(Ok(_))));
    statement.predicate_type = "https://slsa.dev/provenance/v0.2".to_owned();
    assert!(matches!(of(&statement), Some(Err(fault)) if fault.field == "predicateType"));
    statement.predicate_type = "https://in-toto.io/attestation/test-result/v0.1".to_owned();
    assert!(of(&statement).is_none());
}
