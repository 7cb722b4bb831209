use super::*;
use crate::{
    core::ids::{EnvironmentId, ModelId},
    policies::OnMissing,
};

fn noon() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(1_000)
}

fn held(kind: Kind, name: &str, review_in_days: i64) -> Held {
    let body = match kind {
        Kind::Assumption => json!({"statement": "It is so.", "state": "holds", "check": "Look."}),
        _ => json!({"support": "weekdays"}),
    };
    let of = if kind == Kind::Assumption { Kind::Assumption } else { Kind::Sla };
    let record = Record {
        id: RecordId::generate(),
        workspace: WorkspaceId::generate(),
        kind,
        name: name.to_owned(),
        reach: Reach::place(EnvironmentId::generate(), ModelId::generate()),
        revision: 1,
        owner: AccountId::generate(),
        review_by: noon() + TimeDelta::days(review_in_days),
        digest: Digest::of(name),
        body: Body::parse(of, &body).expect("a body"),
        revised_by: AccountId::generate(),
        revised_at: noon() - TimeDelta::days(30),
        lapsed_at: None,
    };
    Held { record, owner: "olga".to_owned(), owner_is_active: true }
}

fn asks(written: serde_json::Value) -> Vec<EvidenceAsk> {
    serde_json::from_value(written).expect("asks")
}

fn records(held: Vec<Held>) -> Records {
    Records {
        held,
        owners: BTreeMap::from([(Accountability::Operations, "tom".to_owned())]),
        model: "credit-risk".to_owned(),
        environment: "production".to_owned(),
    }
}

/// The codes of what is asked for and lacks.
fn codes(written: serde_json::Value, held: Vec<Held>) -> Vec<String> {
    records(held).lacks(&asks(written), noon()).into_iter().map(|lack| lack.check.check).collect()
}

#[test]
fn one_record_that_counts_is_enough_and_the_others_do_not_matter() {
    let vacant = || Held { owner_is_active: false, ..held(Kind::Runbook, "day", 10) };
    let ask = json!([{"kind": "runbook"}]);
    for (all, expected) in [
        (vec![], vec!["record_missing"]),
        (vec![held(Kind::Runbook, "night", 1)], vec![]),
        (vec![held(Kind::Runbook, "night", 0)], vec!["record_lapsed"]),
        (vec![held(Kind::Runbook, "night", -1)], vec!["record_lapsed"]),
        (vec![vacant()], vec!["owner_vacant"]),
        (vec![vacant(), held(Kind::Runbook, "night", -1)], vec!["owner_vacant", "record_lapsed"]),
        (vec![vacant(), held(Kind::Runbook, "night", 1)], vec![]),
        (vec![held(Kind::Sla, "night", 1)], vec!["record_missing"]),
    ] {
        let said = format!("{all:?}");
        assert_eq!(codes(ask.clone(), all), expected, "{said}");
    }
}

#[test]
fn a_name_and_an_age_narrow_what_is_asked_for() {
    let all = || vec![held(Kind::Runbook, "night", 100), held(Kind::Runbook, "day", 100)];
    for (ask, expected) in [
        (json!({"kind": "runbook", "name": "night"}), vec![]),
        (json!({"kind": "runbook", "name": "dusk"}), vec!["record_missing"]),
        (json!({"kind": "runbook", "maximum_age_days": 30}), vec![]),
        (json!({"kind": "runbook", "name": "day", "maximum_age_days": 29}), vec!["record_lapsed"]),
        (json!({"kind": "bias"}), vec![]),
    ] {
        assert_eq!(codes(json!([ask]), all()), expected, "{ask}");
    }
    let warned = asks(json!([{"kind": "escalation", "missing": "warn"}]));
    assert_eq!(records(all()).lacks(&warned, noon())[0].missing, OnMissing::Warn);
}

#[test]
fn every_assumption_must_count() {
    let all = vec![held(Kind::Assumption, "income", 10), held(Kind::Assumption, "age", -1)];
    assert_eq!(codes(json!([{"kind": "assumption"}]), all), ["record_lapsed"]);
}

#[test]
fn a_violated_assumption_is_told_whoever_asks() {
    let mut violated = held(Kind::Assumption, "income", 10);
    let body = json!({"statement": "It is so.", "state": "violated", "check": "Look."});
    violated.record.body = Body::parse(Kind::Assumption, &body).expect("a body");
    let failed = records(vec![violated]).violations();
    assert_eq!((failed.len(), failed[0].check.as_str()), (1, "assumption_violated"));
    assert_eq!(failed[0].owner.as_deref(), Some("olga"));
    assert!(failed[0].detail.contains("credit-risk in production"), "{}", failed[0].detail);
}

#[test]
fn a_missing_record_names_who_answers_for_its_kind() {
    let lacks = records(vec![]).lacks(&asks(json!([{"kind": "escalation"}])), noon());
    assert_eq!(lacks[0].check.owner.as_deref(), Some("tom"));
}

#[test]
fn a_kpi_is_evidence_unless_a_record_is_asked_for() {
    let all = || vec![held(Kind::Kpi, "late-orders", 10)];
    let digests = |written: serde_json::Value| records(all()).digests(Some(&asks(written)));
    assert!(digests(json!([{"kind": "kpi"}])).is_empty());
    assert_eq!(digests(json!([{"kind": "kpi", "source": "record"}])).len(), 1);
    assert_eq!(records(all()).digests(None).len(), 1, "in doubt everything counts");
}

#[test]
fn the_digest_is_of_what_it_says_and_who_answers() {
    let record = held(Kind::Sla, "night", 1).record;
    let content = |name, model, owner| {
        let content = Content { kind: Kind::Sla, name, model, environment: None, owner, body: &record.body };
        content.digest().expect("a digest")
    };
    let first = content("night", Some("m"), record.owner);
    assert_eq!(first, content("night", Some("m"), record.owner));
    for other in [
        content("day", Some("m"), record.owner),
        content("night", Some("n"), record.owner),
        content("night", None, record.owner),
        content("night", Some("m"), AccountId::generate()),
    ] {
        assert_ne!(first, other);
    }
}

#[test]
fn a_review_is_due_within_a_year() {
    for (days, good) in [(-1, false), (0, false), (1, true), (366, true), (367, false)] {
        assert_eq!(review_day(noon() + TimeDelta::days(days), noon()).is_ok(), good, "{days}");
    }
}
