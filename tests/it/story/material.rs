//! What the story is made of: documents, files, signatures; and reading its answers.

use super::*;

/// Every limit that the small scorer meets on any machine. Few resamples, since most tests want a run and not its
/// intervals.
pub fn spec() -> Value {
    json!({"datasets": {MODEL: "people"}, "bootstrap": {"resamples": 100}, "constraints": [
        {"name": "accuracy", "dimension": "quality", "metric": "accuracy", "operator": ">=", "limit": 0.7,
            "unit": "1", "minimum_samples": 100, "owner": "ines"},
        {"name": "latency-p95", "dimension": "latency", "metric": "latency", "statistic": "p95", "operator": "<=",
            "limit": 5, "unit": "s", "load": {"batch": 1, "concurrency": 1, "warm_up": 2, "samples": 60, "max_seconds": 5},
            "minimum_samples": 20, "owner": "tom"},
    ]})
}

/// The spec with a limit that no model of these tests meets.
pub fn strict_spec() -> Value {
    let mut spec = spec();
    spec["constraints"][0]["limit"] = 0.99.into();
    spec
}

pub fn policy(reviewers: u32) -> Value {
    json!({"approvals": [{"role": "reviewer", "count": reviewers}], "request_expires_after_hours": 72,
        "evidence_maximum_age_days": 30})
}

/// The files of the small scorer; each number gives another version.
pub fn scorer(number: u32) -> Files {
    vec![
        ("model.onnx".to_owned(), read(&fixture("tensor_binary.onnx"))),
        ("README.md".to_owned(), format!("The scorer, number {number}.\n").into_bytes()),
    ]
}

pub fn single(model: &Path) -> Files {
    vec![("model.onnx".to_owned(), read(model))]
}

pub fn declaration(files: &Files) -> Value {
    let listed: Vec<_> = files
        .iter()
        .map(|(path, bytes)| json!({"path": path, "sha256": Digest::of(bytes).to_string(), "size_bytes": bytes.len()}))
        .collect();
    json!({"files": listed})
}

pub fn sign(files: &Files, model: &str, key: &SigningKey) -> Value {
    let digests: Vec<_> =
        files.iter().map(|(path, bytes)| FileDigest { path: path.clone(), sha256: Digest::of(bytes).hex() }).collect();
    oms::sign(&digests, model, key).expect("signature")
}

pub fn provenance(files: &Files, key: &SigningKey) -> Value {
    let subjects = files.iter().map(|(path, bytes)| Subject::sha256(path, Digest::of(bytes).hex())).collect();
    let predicate = json!({"buildDefinition": {"buildType": "https://example.org/training/v1"},
        "runDetails": {"builder": {"id": "https://example.org/notebook"}}});
    bundle::sign_statement(&Statement::new(subjects, PROVENANCE, predicate), key)
}

/// A statement of reported evidence about the version with this manifest digest.
pub fn reported(manifest: &str, predicate: Value, key: &SigningKey) -> Value {
    let hex = manifest.strip_prefix("sha256:").expect("a digest");
    bundle::sign_statement(&Statement::new(vec![Subject::sha256("a version", hex)], EVIDENCE_TYPE, predicate), key)
}

/// A report that needs no schema, issued just before the tests begin.
pub fn scan(name: &str) -> Value {
    json!({"kind": "scan", "document": name, "title": "A scan", "issued_at": "2026-01-02T03:00:00Z",
        "method": "By reading it.", "body": {"findings": []}})
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The folder of reference cases, which is outside of the repository: `PLIMSOLL_CASES` names it, default
/// `../shared/cases`. Where there is none, whoever asked says so and passes.
pub fn cases_folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where the reference cases are")]
    let named = std::env::var_os("PLIMSOLL_CASES").map(PathBuf::from);
    let root = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"));
    if root.is_dir() {
        return Some(root);
    }
    eprintln!("skipped: {} is no folder of reference cases; PLIMSOLL_CASES names one", root.display());
    None
}

#[track_caller]
pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The body of a run's evidence of a kind.
#[track_caller]
pub fn evidence<'a>(run: &'a Value, kind: &str) -> &'a Value {
    let all = run["evidence"].as_array().expect("a list");
    &all.iter().find(|e| e["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {run:#}"))["body"]
}

/// The group of a run's bias table.
#[track_caller]
pub fn group<'a>(run: &'a Value, attribute: &str, group: &str) -> &'a Value {
    let groups = table(run, attribute)["groups"].as_array().expect("groups");
    groups.iter().find(|g| g["group"] == group).unwrap_or_else(|| panic!("no {group} of {attribute}"))
}

#[track_caller]
pub fn table<'a>(run: &'a Value, attribute: &str) -> &'a Value {
    let tables = evidence(run, "bias")["tables"].as_array().expect("tables");
    tables.iter().find(|t| t["attribute"] == attribute).unwrap_or_else(|| panic!("no table of {attribute}"))
}

#[track_caller]
pub fn figure(run: &Value, metric: &str) -> f64 {
    let value = &evidence(run, "quality")["figures"][metric]["value"];
    value.as_f64().unwrap_or_else(|| panic!("no {metric}: {:#}", evidence(run, "quality")))
}

#[track_caller]
pub fn close(what: &str, found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "{what}: {found} is not {wanted}");
}

/// Gives an account one more role, past what the API allows.
pub async fn give_role(story: &Story, name: &str, role: &str) {
    let db = story.app.app.db.raw_for_tests();
    let account = account::Entity::find().filter(account::COLUMN.name.eq(name)).one(db).await.expect("read");
    let account = account.expect(name).id;
    let held = membership::Entity::find().filter(membership::COLUMN.account_id.eq(account)).all(db).await;
    let held = held.expect("read");
    if held.iter().any(|m| m.role == role) {
        return;
    }
    let row = membership::ActiveModel {
        id: Set(MembershipId::generate()),
        workspace_id: Set(held[0].workspace_id),
        account_id: Set(account),
        role: Set(role.to_owned()),
        origin: Set(None),
        reach: Set(None),
        custom_id: Set(None),
    };
    let tx = db.begin().await.expect("begin");
    membership::Entity::insert(row).exec_without_returning(&tx).await.expect("insert");
    commit_unlogged(tx).await;
}

/// The names of the checks that failed.
pub fn checks(answer: &Value) -> Vec<String> {
    let failed = answer["failed_checks"].as_array().cloned().unwrap_or_default();
    failed.iter().map(|check| text(&check["check"])).collect()
}
