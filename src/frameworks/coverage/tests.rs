mod records;

use super::*;
use crate::{
    accountability::Kind,
    constraints::{Dimension, Metric, Severity},
    datasets::roles::Roles,
    environments::profile::Profile,
    evidence::state::State as EvidenceState,
    frameworks::{
        catalog::catalog,
        facts::{
            AttestedFact, ConstraintsFact, DatasetFact, Dependence, LimitFact, MeasuredFact, RecordFact, ReleaseFact,
            ReportedFact, SignatureFact, Stamped,
        },
        profile::tests::least,
        selector::{MeasuredKind, ReportedKind},
    },
    stats::fairness::{Outcomes, tabulate},
    trust::TrustKey,
};
use serde_json::{Value, json};

fn at(raw: &str) -> DateTime<Utc> {
    raw.parse().expect("time")
}

/// Everything that can be on record, made on 1 March 2026.
fn full() -> Facts {
    let made = at("2026-03-01T00:00:00Z");
    let profile = json!({"description": "d", "class": "server", "jurisdiction": "EU", "operating_mode": "advisory",
        "hardware": {"cores": 2}, "sla": {}, "runbook_url": "https://example.org", "escalation_contact": "night desk"});
    let stamped = |reference: &str| Stamped { reference: reference.to_owned(), at: made };
    let release = |of_this_version| ReleaseFact { reference: "release".to_owned(), at: made, of_this_version };
    let measured = |kind| MeasuredFact { kind, digest: "sha256:m".to_owned(), at: made, has_figures: true };
    let cells = |one: &str, two: &str| -> Vec<String> {
        (0..80).map(|i| if i % 2 == 0 { one } else { two }.to_owned()).collect()
    };
    let labels: Vec<String> = (0..80).map(|i| if i % 3 == 0 { "1" } else { "0" }.to_owned()).collect();
    let outcomes = Outcomes::of_labels(&labels, &labels, Some("1")).expect("outcomes");
    let (sex, race) = (cells("f", "m"), cells("a", "b"));
    let table = |name: &str, columns: &[&[String]]| tabulate(name, columns, &outcomes, 30).expect("table");
    let report = |kind, document: Option<&str>| ReportedFact {
        kind,
        document: document.map(str::to_owned),
        digest: "sha256:r".to_owned(),
        reported_by: "an auditor".to_owned(),
        made_at: made,
        state: EvidenceState::Verified,
        key_revoked_at: None,
        valid_until: None,
        dataset: None,
        attributes: ["gender", "race", "race*gender"].map(str::to_owned).to_vec(),
        dependence: None,
    };
    Facts {
        model: "scorer".to_owned(),
        version: 1,
        environment: "production".to_owned(),
        intended_use: "Scores.".to_owned(),
        prohibited_use: "Nothing else.".to_owned(),
        risk_tier: "high".to_owned(),
        title: "Scorer".to_owned(),
        recorded_at: Some(made),
        owners: ["business", "development", "validation", "operations", "data", "compliance"]
            .map(|what| (what.to_owned(), "ines".to_owned()))
            .into(),
        sealed: Some(("sha256:v".to_owned(), made)),
        signature: SignatureFact::Verified(Box::new(key(None))),
        attestations: vec![AttestedFact {
            predicate_type: "https://slsa.dev/provenance/v1".to_owned(),
            digest: "sha256:a".to_owned(),
        }],
        profile: Some((Profile::parse(&profile).expect("profile"), "sha256:p".to_owned(), made)),
        constraints: Some(ConstraintsFact {
            digest: "sha256:c".to_owned(),
            at: made,
            limits: vec![limit(Metric::Accuracy, Severity::Block)],
        }),
        policy: Some(("sha256:q".to_owned(), made)),
        dataset: Some(DatasetFact {
            digest: "sha256:d".to_owned(),
            at: made,
            source: "made up".to_owned(),
            sensitive: vec!["sex".to_owned(), "race".to_owned()],
            roles: Roles::default(),
        }),
        measured: vec![
            measured(MeasuredKind::Performance),
            measured(MeasuredKind::Quality),
            measured(MeasuredKind::Bias),
        ],
        tables: vec![table("sex", &[&sex]), table("race", &[&race]), table("sex*race", &[&sex, &race])],
        approvals: vec![stamped("approval")],
        releases: vec![release(true), release(false)],
        leaf: Some((7, made)),
        reported: vec![
            report(ReportedKind::Bias, None),
            report(ReportedKind::Document, Some("monitoring_plan")),
            report(ReportedKind::Document, Some("conceptual_soundness")),
            report(ReportedKind::Document, Some("validation_report")),
        ],
        ..Facts::default()
    }
}

fn limit(metric: Metric, severity: Severity) -> LimitFact {
    let (name, owner) = ("a-limit".to_owned(), "ines".to_owned());
    LimitFact { dimension: Dimension::Quality, metric, severity, name, owner }
}

fn key(revoked_at: Option<DateTime<Utc>>) -> TrustKey {
    TrustKey {
        id: crate::core::ids::TrustKeyId::generate(),
        name: "laptop".to_owned(),
        fingerprint: "ab12".to_owned(),
        public_key_pem: String::new(),
        identities: None,
        revoked_certificates: std::collections::BTreeSet::new(),
        added_by: crate::core::ids::AccountId::generate(),
        valid_from: at("2020-01-01T00:00:00Z"),
        valid_until: None,
        revoked_at,
    }
}

/// The state of one item that asks for this.
fn state(selector: Value, age_days: Option<u32>, facts: &Facts, now: &str) -> ItemState {
    let mut written = least();
    written["required_items"][0]["satisfied_by"] = selector;
    if let Some(days) = age_days {
        written["required_items"][0]["maximum_age_days"] = days.into();
    }
    let profile = FrameworkProfile::parse(&written).expect("profile");
    coverage(&profile, facts, at(now)).remove(0)
}

const SELECTORS: &str = r#"["version_sealed", "version_signed",
    {"attestation": {"predicate_type": "https://slsa.dev/provenance/"}},
    {"measured": {"evidence": "performance"}}, {"measured": {"evidence": "quality"}}, {"measured": {"evidence": "bias"}},
    {"bias_by": {"attribute": "any"}}, {"bias_by": {"attribute": "every"}}, {"bias_by": {"attribute": {"roles": ["sex"]}}},
    {"bias_by": {"attribute": {"roles": ["sex", "race_ethnicity"]}}},
    {"model_record": {"field": "intended_use"}}, {"model_record": {"field": "prohibited_use"}},
    {"model_record": {"field": "risk_tier"}}, {"model_record": {"field": "title"}},
    {"owner": {"accountability": "compliance"}},
    {"environment": {"field": "description"}}, {"environment": {"field": "jurisdiction"}},
    {"environment": {"field": "operating_mode"}}, {"environment": {"field": "human_oversight"}},
    {"environment": {"field": "hardware"}}, {"environment": {"field": "sla"}}, {"environment": {"field": "runbook"}},
    {"environment": {"field": "escalation"}},
    {"constraint": {"dimension": "quality"}},
    {"dataset": {"field": "registered"}}, {"dataset": {"field": "source"}}, {"dataset": {"field": "sensitive"}},
    "promotion_policy", "independent_approval", "audit_log", "release_history", "rollback_target",
    {"reported": {"evidence": "bias"}},
    {"reported": {"evidence": "bias", "independent": true, "tables": [{"roles": ["sex", "race_ethnicity"]}]}},
    {"reported": {"evidence": "document", "document": "monitoring_plan"}}]"#;

#[test]
fn every_selector_finds_what_is_there_and_says_what_to_do_where_nothing_is() {
    let selectors: Vec<Value> = serde_json::from_str(SELECTORS).expect("json");
    let nothing = Facts { model: "scorer".to_owned(), environment: "production".to_owned(), ..Facts::default() };
    for selector in selectors {
        let found = state(selector.clone(), None, &full(), "2026-03-02T00:00:00Z");
        assert_eq!(found.state, State::Present, "{selector}: {}", found.why);
        assert!(!found.evidence.is_empty() && found.since.is_some(), "{selector}");
        assert!(found.what_to_do.is_empty(), "{selector}");
        let lacking = state(selector.clone(), Some(3_650), &nothing, "2026-03-02T00:00:00Z");
        assert_eq!(lacking.state, State::Missing, "{selector}");
        assert!(!lacking.why.is_empty() && !lacking.what_to_do.is_empty(), "{selector}");
        assert!(lacking.evidence.is_empty() && lacking.since.is_none(), "{selector}");
    }
}

#[test]
fn what_is_older_than_allowed_is_stale_to_the_microsecond() {
    let quality = || json!({"measured": {"evidence": "quality"}});
    for (now, wanted) in [
        ("2026-03-31T00:00:00Z", State::Present),
        ("2026-03-31T00:00:00.000001Z", State::Stale),
        ("2026-02-28T00:00:00Z", State::Present),
    ] {
        assert_eq!(state(quality(), Some(30), &full(), now).state, wanted, "{now}");
    }
    let stale = state(quality(), Some(30), &full(), "2027-03-01T00:00:00Z");
    assert!(stale.why.contains("30 days") && !stale.what_to_do.is_empty() && !stale.evidence.is_empty(), "{stale:?}");
}

#[test]
fn a_key_that_was_revoked_signs_nothing_any_more() {
    let mut facts = full();
    facts.signature = SignatureFact::Verified(Box::new(key(Some(at("2026-03-01T12:00:00Z")))));
    let found = state(json!("version_signed"), None, &facts, "2026-03-02T00:00:00Z");
    assert!(found.state == State::Missing && found.why.contains("laptop"), "{found:?}");
}

#[test]
fn an_owner_who_left_is_not_one() {
    let mut facts = full();
    let ines = facts.owners.remove("compliance").expect("owner");
    facts.vacant.insert("compliance".to_owned(), ines);
    let found = state(json!({"owner": {"accountability": "compliance"}}), None, &facts, "2026-03-02T00:00:00Z");
    assert!(found.state == State::Missing && found.why.contains("ines"), "{found:?}");
}

#[test]
fn groups_that_are_too_small_cover_no_attribute() {
    let mut facts = full();
    let few: Vec<String> = (0..40).map(|i| if i < 5 { "f" } else { "m" }.to_owned()).collect();
    let outcomes = Outcomes::of_labels(&few, &few, Some("m")).expect("outcomes");
    facts.tables = vec![tabulate("sex", &[&few], &outcomes, 30).expect("table")];
    for selector in [json!({"roles": ["sex"]}), json!("any"), json!("every")] {
        let found = state(json!({"bias_by": {"attribute": selector}}), None, &facts, "2026-03-02T00:00:00Z");
        assert_eq!(found.state, State::Missing, "{selector}");
    }
}

#[test]
fn a_model_that_decides_alone_has_no_oversight() {
    let mut facts = full();
    if let Some((profile, ..)) = &mut facts.profile {
        profile.operating_mode = crate::environments::profile::OperatingMode::Automated;
    }
    let found = state(json!({"environment": {"field": "human_oversight"}}), None, &facts, "2026-03-02T00:00:00Z");
    assert_eq!(found.state, State::Missing);
}

#[test]
fn only_what_can_be_there_before_a_decision_stops_one() {
    let profile = &catalog().expect("catalog").find("sr-26-2", 1).expect("profile").profile;
    let items = coverage(profile, &Facts::default(), at("2026-05-01T00:00:00Z"));
    assert_eq!(tally(&items), (0, 0, profile.required_items.len()));
    let failed = failed_checks(profile, &items, Some("mara"));
    let awaited = items.iter().filter(|item| item.comes_with_the_decision).count();
    assert_eq!((awaited, failed.len()), (3, profile.required_items.len() - 3));
    for check in &failed {
        assert_eq!((check.check.as_str(), check.owner.as_deref()), ("framework_item_missing", Some("mara")));
    }
    let first = &failed[0].detail;
    for wanted in ["sr-26-2@1", "inventory-purpose", "SR 26-2, inventory", "What to do"] {
        assert!(first.contains(wanted), "{first}");
    }
}

#[test]
fn what_was_approved_under_a_letter_that_was_rescinded_stays_provable() {
    let catalog = catalog().expect("catalog");
    let facts = full();
    let on = at("2026-04-16T23:59:59Z");
    let letter = catalog.in_force("sr-11-7", on.date_naive()).expect("in force");
    let then = coverage(&letter.profile, &facts, on);
    assert_eq!(tally(&then), (letter.profile.required_items.len(), 0, 0));
    // Years later the revision is still there, word for word, and says the same of that day.
    let pinned = catalog.find("sr-11-7", 1).expect("kept");
    assert_eq!(pinned.digest, letter.digest);
    assert_eq!(coverage(&pinned.profile, &facts, on), then);
    assert!(catalog.in_force("sr-11-7", at("2026-04-17T00:00:00Z").date_naive()).is_none());
}

#[test]
fn a_record_without_any_figure_measures_nothing() {
    for kind in ["performance", "quality", "bias"] {
        let mut facts = full();
        facts.measured.iter_mut().for_each(|record| record.has_figures = false);
        facts.absent.insert("labels".to_owned(), "the data have no label".to_owned());
        let found = state(json!({"measured": {"evidence": kind}}), None, &facts, "2026-03-02T00:00:00Z");
        assert_eq!(found.state, State::Missing, "{kind}");
        assert!(found.why.contains("without any figure") && found.why.contains("no label"), "{}", found.why);
        assert!(found.what_to_do.contains("plimsoll check"), "{}", found.what_to_do);
    }
}

#[test]
fn a_limit_is_held_to_when_it_blocks_or_warns_and_says_how_right_the_model_is() {
    for (metric, severity, wanted) in [
        (Metric::Accuracy, Severity::Block, State::Present),
        (Metric::Mae, Severity::Warn, State::Present),
        (Metric::Accuracy, Severity::Info, State::Missing),
        (Metric::SelectionRate, Severity::Block, State::Missing),
        (Metric::MeanPrediction, Severity::Block, State::Missing),
    ] {
        let mut facts = full();
        facts.constraints.as_mut().expect("spec").limits = vec![limit(metric, severity)];
        let found = state(json!({"constraint": {"dimension": "quality"}}), None, &facts, "2026-03-02T00:00:00Z");
        assert_eq!(found.state, wanted, "{metric} {severity}: {}", found.why);
        assert!(wanted == State::Present || found.why.contains("a-limit"), "{}", found.why);
    }
}

fn audit(more: Value) -> Value {
    let mut asked = json!({"evidence": "bias"});
    for (field, value) in more.as_object().expect("object") {
        asked[field] = value.clone();
    }
    json!({"reported": asked})
}

/// One report of bias, changed.
fn reporting(change: impl FnOnce(&mut ReportedFact)) -> Facts {
    let mut facts = full();
    facts.reported.truncate(1);
    change(&mut facts.reported[0]);
    facts
}

#[test]
fn an_independent_report_is_neither_by_the_versions_key_nor_by_its_author() {
    for (dependence, says) in [
        (Dependence::SigningKey, "reported by the key that signed the version; an independent one is asked for"),
        (Dependence::Author, "submitted by an author of the version; an independent one is asked for"),
    ] {
        let facts = reporting(|report| report.dependence = Some(dependence));
        let found = state(audit(json!({"independent": true})), None, &facts, "2026-03-02T00:00:00Z");
        assert!(found.state == State::Missing && found.why.contains(says), "{found:?}");
        assert_eq!(state(audit(json!({})), None, &facts, "2026-03-02T00:00:00Z").state, State::Present);
        // An older one by somebody else is still there.
        let mut both = facts;
        both.reported.extend(reporting(|report| report.made_at = at("2026-02-01T00:00:00Z")).reported);
        let found = state(audit(json!({"independent": true})), None, &both, "2026-03-02T00:00:00Z");
        assert_eq!((found.state, found.since.as_deref()), (State::Present, Some("2026-02-01T00:00:00.000000Z")));
    }
}

#[test]
fn an_audit_has_the_tables_that_are_asked_for() {
    let tables =
        || json!({"tables": [{"roles": ["sex"]}, {"roles": ["race_ethnicity"]}, {"roles": ["sex", "race_ethnicity"]}]});
    for (attributes, absent) in [
        (&["sex", "race", "race*sex"][..], None),
        (&[], Some("for sex, race or ethnicity, sex crossed with race or ethnicity")),
        (&["sex", "race"], Some("for sex crossed with race or ethnicity")),
        (&["sex*race"], Some("for sex, race or ethnicity")),
        (&["age", "region"], Some("for sex, ")),
    ] {
        let facts = reporting(|report| report.attributes = attributes.iter().map(|&name| name.to_owned()).collect());
        let found = state(audit(tables()), None, &facts, "2026-03-02T00:00:00Z");
        assert_eq!(found.state == State::Present, absent.is_none(), "{attributes:?}: {}", found.why);
        assert!(absent.is_none_or(|absent| found.why.contains(absent)), "{attributes:?}: {}", found.why);
    }
    // What the description says of the columns is about these data and no others.
    let origin = |dataset: &str| {
        let mut facts = reporting(|report| {
            report.dataset = Some(dataset.to_owned());
            report.attributes = vec!["origin".to_owned()];
        });
        facts.dataset.as_mut().expect("data").roles = Roles { sex: None, race: Some("origin".to_owned()) };
        state(audit(json!({"tables": [{"roles": ["race_ethnicity"]}]})), None, &facts, "2026-03-02T00:00:00Z").state
    };
    assert_eq!((origin("sha256:d"), origin("sha256:e")), (State::Present, State::Missing));
}

#[test]
fn a_report_is_known_by_its_kind_and_only_a_document_by_its_name() {
    let named = reporting(|report| report.document = Some("audit_2026".to_owned()));
    assert_eq!(state(audit(json!({})), None, &named, "2026-03-02T00:00:00Z").state, State::Present);
    let other = reporting(|report| (report.kind, report.document) = (ReportedKind::Document, Some("dpia".to_owned())));
    for (name, wanted) in [("dpia", State::Present), ("model_card", State::Missing)] {
        let asked = json!({"reported": {"evidence": "document", "document": name}});
        assert_eq!(state(asked, None, &other, "2026-03-02T00:00:00Z").state, wanted, "{name}");
    }
}

#[test]
fn a_report_is_as_old_as_what_it_says_whenever_it_came() {
    let old = reporting(|report| report.made_at = at("2023-03-01T00:00:00Z"));
    let found = state(audit(json!({})), Some(365), &old, "2026-03-02T00:00:00Z");
    assert!(found.state == State::Stale && found.why.contains("2023-03-01"), "{found:?}");
}
