use super::{statement::*, *};
use crate::{
    core::path::FilePath,
    crypto::statement::{Statement, Subject},
    stats::figure::Rate,
    versions::{DeclaredFile, StoredFile},
};
use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value, json};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_323_045, 0).expect("time")
}

fn manifest() -> Digest {
    Digest::of("manifest")
}

fn good(kind: &str) -> Value {
    let (dataset, constraints) = (Digest::of("rows").to_string(), Digest::of("spec").to_string());
    let basis = json!({"version": manifest(), "dataset": dataset, "constraints": constraints, "rows": 40});
    let rate = |count: u64| json!(Rate::of(count, 20));
    let group = |name: &str, count: u64| {
        json!({"group": name, "n": 20, "too_small": false, "counts": null, "base_rate": null,
            "selection_rate": rate(count), "accuracy": null, "tpr": null, "fpr": null, "fnr": null, "tnr": null,
            "precision": null})
    };
    let body = match kind {
        "bias" => json!({"basis": basis, "absent": {}, "method": "counted", "tables": [
            {"attribute": "sex", "minimum_group_size": 5, "n": 40, "disparities": [],
                "groups": [group("F", 10), group("M", 12)]}]}),
        "quality" => json!({"basis": basis, "absent": {}, "method": "counted",
            "figures": {"accuracy": {"value": 0.9, "interval": null, "n": 40}}}),
        "document" => json!({"media_type": "application/pdf", "sha256": dataset, "size_bytes": 9, "summary": "Fine."}),
        _ => json!({"findings": []}),
    };
    let mut predicate = json!({"kind": kind, "title": "An audit", "issued_at": "2026-01-02T03:00:00Z",
        "measured_at": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00+01:00", "method": "By hand.",
        "basis": {"dataset": dataset, "rows": 40, "constraints": constraints}, "body": body});
    if kind == "document" {
        predicate["document"] = json!("bias_audit");
    }
    predicate
}

fn read(predicate: Value) -> Result<Claim, Error> {
    let subject = vec![Subject::sha256("m@1", manifest().hex())];
    Claim::read(&Statement::new(subject, EVIDENCE_TYPE, predicate), &manifest(), now())
}

#[track_caller]
fn field_of(refused: Result<Claim, Error>) -> String {
    match refused {
        Err(Error::Invalid(problems)) => problems[0].0.clone(),
        other => panic!("not refused for a field: {other:?}"),
    }
}

#[test]
fn a_statement_of_every_kind_that_has_no_schema_elsewhere_is_read() {
    for kind in ["bias", "quality", "document", "robustness", "scan", "provenance", "kpi"] {
        let claim = read(good(kind)).expect(kind);
        assert_eq!(claim.kind.name(), kind);
        assert_eq!(Kind::parse(kind), Ok(claim.kind));
    }
    let mut bare = good("scan");
    for field in ["basis", "measured_at", "valid_until"] {
        bare.as_object_mut().expect("object").remove(field);
    }
    assert!(read(bare).is_ok());
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    let body = "/body/tables/0/groups/0/selection_rate";
    let cases: &[(&str, &str, Value, &str)] = &[
        ("bias", "/kind", json!("vibes"), "predicate.kind"),
        ("bias", "/passed", json!(true), "predicate.passed"),
        ("bias", "/title", json!(""), "predicate.title"),
        ("bias", "/title", json!("a\u{202e}b"), "predicate.title"),
        ("bias", "/method", Value::Null, "predicate.method"),
        ("bias", "/basis", Value::Null, "predicate.basis"),
        ("bias", "/basis", json!([Digest::of("rows"), 40]), "predicate"),
        ("bias", "/basis/extra", json!(1), "predicate.basis.extra"),
        ("bias", "/basis/rows", json!(41), "predicate.body.basis.rows"),
        ("bias", "/basis/dataset", json!("rows.csv"), "predicate.basis.dataset"),
        ("bias", "/body/basis/version", json!(Digest::of("other")), "predicate.body.basis.version"),
        ("bias", "/body/basis/constraints", json!(Digest::of("other")), "predicate.body.basis.constraints"),
        ("bias", "/body", json!([]), "predicate.body"),
        ("bias", "/body/tables/0/groups/1/n", json!("20"), "predicate.body.tables[0].groups[1].n"),
        ("bias", &format!("{body}/value"), json!(0.4), "predicate.body.tables[0].groups[0].selection_rate"),
        ("bias", &format!("{body}/count"), json!(21), "predicate.body.tables[0].groups[0].selection_rate"),
        ("bias", &format!("{body}/interval/low"), json!(0.6), "predicate.body.tables[0].groups[0].selection_rate"),
        ("bias", &format!("{body}/interval/high"), json!(1e300), "predicate.body.tables[0].groups[0].selection_rate"),
        ("bias", "/body/tables/0/n", json!(u64::MAX), "predicate.body.tables[0].n"),
        ("quality", "/body/figures/accuracy/n", json!(-1), "predicate.body.figures.accuracy"),
        (
            "quality",
            "/body/figures/charm",
            json!({"value": 1, "interval": null, "n": 1}),
            "predicate.body.figures.charm",
        ),
        ("document", "/document", Value::Null, "predicate.document"),
        ("document", "/document", json!("Bias Audit"), "predicate.document"),
        ("document", "/body/media_type", json!("pdf"), "predicate.body.media_type"),
        ("document", "/body/sha256", json!("00"), "predicate.body.sha256"),
        ("document", "/body/passed", json!(true), "predicate.body.passed"),
        ("scan", "/issued_at", json!("yesterday"), "predicate.issued_at"),
        ("scan", "/issued_at", json!("2026-01-02T03:09:06Z"), "predicate.issued_at"),
        ("scan", "/measured_at", json!("2026-01-02T03:00:01Z"), "predicate.measured_at"),
        ("scan", "/valid_until", json!("2026-01-02T03:00:00Z"), "predicate.valid_until"),
        ("scan", "/valid_until", json!("2026-01-02T03:04:05Z"), "predicate.valid_until"),
        ("scan", "/valid_until", json!("+10000-01-01T00:00:00Z"), "predicate.valid_until"),
        ("scan", "/body/note", json!("a\u{1b}[2J"), "predicate.body.note"),
    ];
    for (kind, pointer, value, field) in cases {
        let mut predicate = good(kind);
        let (parent, key) = pointer.rsplit_once('/').expect("pointer");
        predicate.pointer_mut(parent).expect("parent")[key] = value.clone();
        let found = field_of(read(predicate));
        assert!(found.starts_with(field), "{kind} {pointer} {value}: {found}");
    }
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    let at = |seconds: i64| {
        let mut predicate = good("scan");
        predicate["issued_at"] = json!(now() + TimeDelta::seconds(seconds));
        predicate
    };
    assert!(read(at(300)).is_ok());
    assert_eq!(field_of(read(at(301))), "predicate.issued_at");
}

#[test]
fn a_key_does_not_speak_for_the_time_before_it_was_trusted() {
    let claim = read(good("scan")).expect("claim");
    let from = |seconds: i64| require_after(&claim, "lab", claim.issued_at + TimeDelta::seconds(seconds));
    assert!(from(-1).is_ok() && from(300).is_ok());
    match from(301) {
        Err(Error::Invalid(problems)) => {
            assert_eq!(problems[0].0, "predicate.issued_at");
            assert!(problems[0].1.contains("lab"), "{}", problems[0].1);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_predicate_type_is_not_evidence() {
    let statement = Statement::new(Vec::new(), "https://slsa.dev/provenance/v1", good("scan"));
    assert_eq!(field_of(Claim::read(&statement, &manifest(), now())), "predicateType");
}

#[test]
fn a_statement_is_about_the_whole_version() {
    let file = |path: &str| StoredFile {
        declared: DeclaredFile { path: FilePath::parse(path).expect("path"), sha256: Digest::of(path), size_bytes: 1 },
        uploaded: true,
        damaged: false,
    };
    let files = [file("interface.json"), file("model.onnx")];
    let named = |path: &str| Subject::sha256(path, Digest::of(path).hex());
    let judge = |subjects: Vec<Subject>| {
        require_about(&Statement::new(subjects, EVIDENCE_TYPE, Value::Null), &manifest(), &files)
    };
    let whole = || Subject::sha256("m@1", manifest().hex());
    assert!(judge(vec![whole()]).is_ok());
    assert!(judge(vec![named("model.onnx"), named("interface.json")]).is_ok());
    assert!(judge(vec![whole(), named("model.onnx")]).is_ok());
    for wrong in [
        Vec::new(),
        vec![named("model.onnx")],
        vec![named("other.onnx")],
        vec![whole(), named("other.onnx")],
        vec![Subject::sha256("model.onnx", Digest::of("x").hex()), named("interface.json")],
        vec![Subject { digest: Default::default(), ..Subject::sha256("model.onnx", "") }],
    ] {
        assert!(judge(wrong.clone()).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_record_is_named_by_id_or_digest() {
    let id = EvidenceId::generate();
    assert_eq!(EvidenceRef::parse(&id.to_string()).expect("id"), EvidenceRef::Id(id));
    let digest = Digest::of("x");
    assert_eq!(EvidenceRef::parse(&digest.to_string()).expect("digest"), EvidenceRef::Digest(digest));
    for bad in ["", "1", "sha256:", "latest", "sha256:zz"] {
        assert!(EvidenceRef::parse(bad).is_err(), "{bad}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,8}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec!["value", "interval", "count", "total", "low", "high", "groups", "n", "kind"])
                .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..5).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_predicate_makes_it_panic(predicate in any_json()) {
        let _ = read(predicate);
    }

    /// Close to a good one, which gets further in.
    #[test]
    fn no_altered_predicate_makes_it_panic(
        kind in prop::sample::select(vec!["bias", "quality", "performance", "document", "kpi"]),
        place in prop::sample::select(vec!["/kind", "/document", "/basis", "/basis/rows", "/body", "/body/basis", "/body/tables",
            "/body/tables/0", "/body/tables/0/groups/0", "/body/tables/0/groups/0/selection_rate", "/issued_at", "/valid_until"]),
        value in any_json(),
    ) {
        let mut predicate = good(kind);
        if let Some(target) = predicate.pointer_mut(place) {
            *target = value;
        }
        if let Ok(claim) = read(predicate) {
            prop_assert!(crate::core::canonical::to_string(&claim.body).is_ok());
        }
    }
}
