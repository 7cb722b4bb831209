//! The whole story on the real credit models of `examples/credit`.

use crate::story::{self, Story, close, evidence, figure, group, table, text};
use plimsoll::{
    audit,
    core::digest::Digest,
    crypto::{bundle, keys::RegistryVerifyingKey, oms},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const CREDIT: &str = "credit-risk";
const RELEASE: &str = "/api/v1/environments/production/models/credit-risk/release";

#[actix_web::test]
async fn a_credit_model_goes_from_push_to_production_and_back() {
    let story = Story::begin().await;
    // The owner of the fairness limits is a reviewer; the limits themselves are Tom's work.
    set_up(&story).await;

    let first = push(&story, "v1").await;
    let run = story.run(CREDIT, &first, "production").await;
    assert_eq!(run["state"], "passed", "{run:#}");
    agrees_with_the_published_figures(&run, "v1");
    promote(&story, &first).await;
    pulls_and_verifies(&story, "v1").await;

    let second = push(&story, "v2").await;
    refuses_what_is_not_approved(&story, &second).await;
    let run = story.run(CREDIT, &second, "production").await;
    assert_eq!(run["state"], "passed", "{run:#}");
    agrees_with_the_published_figures(&run, "v2");
    promote(&story, &second).await;
    pulls_and_verifies(&story, "v2").await;

    let body = json!({"reason": "Complaints about the second version."});
    let path = "/api/v1/environments/production/models/credit-risk/rollbacks";
    let back = story.app.post(&story.tom, path, body).await.expect(201).json();
    assert_eq!(back["version"], 1);
    pulls_and_verifies(&story, "v1").await;
    let history = story.app.get(&story.tom, &format!("{RELEASE}s")).await.expect(200).json();
    let states: Vec<_> = history["items"].as_array().expect("items").iter().map(|r| text(&r["state"])).collect();
    assert_eq!(states, ["active", "rolled_back", "superseded"]);

    verifies_the_log(&story).await;
}

#[actix_web::test]
async fn an_unfair_credit_model_is_found_out_by_measuring() {
    let story = Story::begin().await;
    set_up(&story).await;
    let version = push(&story, "v3").await;
    let run = story.run(CREDIT, &version, "production").await;
    assert_eq!(run["state"], "failed");
    agrees_with_the_published_figures(&run, "v3");
    let failed: Vec<_> = run["verdicts"]
        .as_array()
        .expect("verdicts")
        .iter()
        .filter(|v| v["verdict"] != "pass")
        .map(|v| (text(&v["constraint"]), text(&v["verdict"])))
        .collect();
    let wanted = ["accuracy", "parity-age", "opportunity-age"].map(|name| (name.to_owned(), "fail".to_owned()));
    assert_eq!(failed, wanted);
    let refused = story.request(CREDIT, &version, "production").await;
    assert_eq!(refused["state"], "checks_failed");
    let owners: Vec<_> =
        refused["failed_checks"].as_array().expect("checks").iter().map(|c| text(&c["owner"])).collect();
    assert_eq!(owners, ["ines", "mara", "mara"]);
}

async fn set_up(story: &Story) {
    story.model(CREDIT).await;
    let csv = story::read(&credit("evaluation.csv"));
    let description = json!({"label": "creditworthy", "positive_label": "good", "sensitive": ["sex", "age_group"],
        "source": "Statlog (German Credit Data), Hans Hofmann, 1994, CC BY 4.0"});
    story.dataset("german-credit-holdout", &csv, &description).await.expect(201);
    let mut profile = yaml("environment.yaml");
    let name = profile.as_object_mut().and_then(|p| p.remove("name")).expect("name");
    let body = json!({"name": name, "profile": profile});
    story.app.post(&story.tom, "/api/v1/environments", body).await.expect(201);
    story.revise("production", "constraints", yaml("constraints.yaml")).await;
    story.revise("production", "policy", yaml("policy.yaml")).await;
}

async fn push(story: &Story, version: &str) -> String {
    let files = files(version);
    let number = story.signed(CREDIT, &files).await;
    let path = format!("/api/v1/models/{CREDIT}/versions/{number}/attestations");
    let statements = story.app.get(&story.ines, &path).await.expect(200).json();
    assert_eq!(statements[0]["predicate_type"], story::PROVENANCE);
    number
}

async fn promote(story: &Story, version: &str) {
    let promotion = story.request(CREDIT, version, "production").await;
    assert_eq!(promotion["state"], "awaiting_approval", "{:#}", promotion["failed_checks"]);
    // With the role, too, Ines is refused for having made it.
    story::give_role(story, "ines", "reviewer").await;
    assert_eq!(story.approve(&story.ines, &promotion).await.expect(403).code(), "separation_of_duties");
    assert_eq!(story.activate(&promotion).await.expect(409).code(), "promotion_state");
    let approved = story.approve(&story.mara, &promotion).await.expect(200).json();
    assert_eq!((approved["state"].as_str(), &approved["seats_filled"]), (Some("approved"), &json!(1)));
    is_signed_by_the_registry(story, &approved["approvals"][0]["statement"]).await;
    story.activate(&promotion).await.expect(201);
}

async fn is_signed_by_the_registry(story: &Story, statement: &Value) -> Value {
    let registry = story.app.get("", "/api/v1/registry").await.expect(200).json();
    let key = RegistryVerifyingKey::from_pem(&text(&registry["public_key_pem"])).expect("key");
    let statement = bundle::verify_registry_statement(statement.to_string().as_bytes(), &key).expect("signature");
    assert_eq!(statement.predicate["environment"], "production");
    statement.predicate
}

/// As a deployment tool does: every byte against the signed manifest, both signatures.
async fn pulls_and_verifies(story: &Story, version: &str) {
    let pulled = story.app.get(&story.robot, RELEASE).await.expect(200).json();
    is_signed_by_the_registry(story, &pulled["statement"]).await;
    let mut digests = Vec::new();
    for (path, bytes) in files(version) {
        let got = story.app.get(&story.robot, &format!("{RELEASE}/files/{path}")).await.expect(200);
        assert!(got.body == bytes, "{path} differs");
        digests.push(oms::FileDigest { path, sha256: Digest::of(&got.body).hex() });
    }
    assert_eq!(pulled["files"].as_array().map(Vec::len), Some(digests.len()));
    let signature = pulled["signature"].to_string();
    let verified = oms::verify(signature.as_bytes(), &digests, &[story.key.verifying_key()]).expect("signature");
    assert_eq!(verified.file_count, digests.len());
}

async fn refuses_what_is_not_approved(story: &Story, version: &str) {
    let refused = story.app.get(&story.robot, &format!("{RELEASE}?version={version}")).await.expect(412);
    assert_eq!(refused.code(), "not_approved");
    assert_eq!(story::checks(&refused.json()), ["evidence_missing", "approval_missing"]);
    let unblock = refused.json()["unblock"].clone();
    assert!(unblock.as_array().is_some_and(|names| names.contains(&json!("mara"))), "{unblock}");
}

async fn verifies_the_log(story: &Story) {
    let (export, key) = story.export().await;
    let verified = audit::verify::verify(export.as_bytes(), &key).expect("the log holds");
    // The export is an event too, after the head that it covers.
    assert_eq!(verified.size as usize + 1, story.app.events().await);
    for action in ["version.seal", "run.finish", "promotion.approve", "promotion.activate", "release.roll_back"] {
        assert!(export.contains(&format!("\"action\":\"{action}\"")), "{action}");
    }
}

#[track_caller]
fn agrees_with_the_published_figures(run: &Value, version: &str) {
    let all: Value = serde_json::from_slice(&story::read(&credit("figures.json"))).expect("figures");
    let wanted = &all[version];
    let number = |value: &Value| value.as_f64().expect("a number");
    assert_eq!(evidence(run, "quality")["basis"]["rows"], wanted["rows"]);
    close("accuracy", figure(run, "accuracy"), number(&wanted["accuracy"]), 1e-12);
    close("auc", figure(run, "auc"), number(&wanted["auc"]), 1e-6);
    close("selection_rate", figure(run, "selection_rate"), number(&wanted["selection_rate"]), 1e-12);
    for attribute in ["sex", "age_group"] {
        for (name, counts) in wanted[attribute]["groups"].as_object().expect("groups") {
            let found = group(run, attribute, name);
            assert_eq!(found["n"], counts["rows"], "{name}");
            assert_eq!(found["counts"]["selected"], counts["selected"], "{name}");
            assert_eq!(found["counts"]["positives"], counts["good"], "{name}");
            assert_eq!(found["counts"]["tp"], counts["good_selected"], "{name}");
            close(name, number(&found["selection_rate"]["value"]), number(&counts["selection_rate"]), 1e-12);
            close(name, number(&found["tpr"]["value"]), number(&counts["true_positive_rate"]), 1e-12);
        }
        for metric in ["demographic_parity_ratio", "equal_opportunity_difference"] {
            let disparities = table(run, attribute)["disparities"].as_array().expect("disparities");
            let found = disparities.iter().find(|d| d["metric"] == metric).expect(metric);
            close(metric, number(&found["value"]), number(&wanted[attribute][metric]), 1e-12);
        }
    }
}

fn files(version: &str) -> story::Files {
    let mut names: Vec<_> = std::fs::read_dir(credit(version)).expect("folder").filter_map(Result::ok).collect();
    names.sort_by_key(std::fs::DirEntry::file_name);
    names.iter().map(|f| (f.file_name().to_string_lossy().into_owned(), story::read(&f.path()))).collect()
}

fn yaml(name: &str) -> Value {
    yaml_serde::from_slice(&story::read(&credit(name))).expect(name)
}

fn credit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/credit").join(name)
}
