use super::*;
use serde_json::json;

/// A profile with nothing that it need not have.
pub(in crate::frameworks) fn least() -> Value {
    json!({
        "id": "a-rule", "revision": 1, "title": "A rule", "jurisdiction": "EU", "status": "in_force",
        "effective_from": "2026-01-01", "disclaimer": "Made up.",
        "citations": [{"short": "Rule", "reference": "The rule, in full"}],
        "required_items": [{"id": "sealed", "title": "Sealed", "citation": "Rule 1", "satisfied_by": "version_sealed"}],
    })
}

fn rule() -> Value {
    json!({"id": "ratio", "title": "Ratio", "metric": "demographic_parity_ratio", "attribute": "any", "limit": "none",
        "citation": "Rule 2", "severity": "report"})
}

#[test]
fn the_least_profile_is_one() {
    let profile = FrameworkProfile::parse(&least()).expect("profile");
    assert_eq!(profile.name(), "a-rule@1");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let with = |place: &str, value: Value| {
        let mut written = least();
        let mut at = &mut written;
        for part in place.split('/') {
            at = match part.parse::<usize>() {
                Ok(i) => &mut at[i],
                Err(_) => &mut at[part],
            };
        }
        *at = value;
        written
    };
    let ruled = |field: &str, value: Value| {
        let (mut written, mut rule) = (least(), rule());
        rule[field] = value;
        written["metric_rules"] = json!([rule]);
        written
    };
    let item = "required_items/0";
    for (written, wanted) in [
        (with("jurisdictions", json!("EU")), "unknown field"),
        (with("id", json!("A Rule")), "id"),
        (with("revision", json!(0)), "revision"),
        (with("status", json!("law")), "status"),
        (with("effective_from", json!("2026-02-30")), "effective_from"),
        (with("effective_to", json!("2026-01-01")), "effective_to"),
        (with("status", json!("rescinded")), "effective_to"),
        (with("supersedes", json!("a-rule")), "supersedes"),
        (with("supersedes", json!("a-rule@01")), "supersedes"),
        (with("disclaimer", json!(" ")), "disclaimer"),
        (with("required_items", json!([])), "required_items"),
        (with("citations", json!([])), "citations"),
        (with("citations/0/url", json!("http://example.org")), "citations[0].url"),
        (with(&format!("{item}/citation"), json!("Law 1")), "required_items[0].citation"),
        (with(&format!("{item}/maximum_age_days"), json!(0)), "required_items[0].maximum_age_days"),
        (with(&format!("{item}/satisfied_by"), json!("a_feeling")), "required_items[0].satisfied_by"),
        (with(&format!("{item}/satisfied_by"), json!({"owner": {"accountability": "night"}})), "satisfied_by"),
        (with(&format!("{item}/satisfied_by"), json!({"measured": {"evidence": "bias", "max": 1}})), "unknown field"),
        (with(&format!("{item}/satisfied_by"), json!({"bias_by": {"attribute": "overall"}})), "satisfied_by"),
        (with(&format!("{item}/satisfied_by"), json!({"bias_by": {"attribute": {"roles": []}}})), "satisfied_by"),
        (with(&format!("{item}/satisfied_by"), json!({"reported": {"evidence": "document"}})), "satisfied_by"),
        (
            with(
                &format!("{item}/satisfied_by"),
                json!({"reported": {"evidence": "scan", "tables": [{"roles": ["sex"]}]}}),
            ),
            "only evidence of kind bias",
        ),
        (
            with(&format!("{item}/satisfied_by"), json!({"reported": {"evidence": "bias", "tables": ["any"]}})),
            "which table is meant",
        ),
        (
            with(&format!("{item}/satisfied_by"), json!({"reported": {"evidence": "bias", "tables": [{"roles": []}]}})),
            "1 to 3 roles",
        ),
        (ruled("metric", json!("fairness")), "metric_rules[0].metric"),
        (ruled("metric", json!("latency")), "metric_rules[0].metric"),
        (ruled("attribute", json!("overall")), "metric_rules[0].metric"),
        (ruled("limit", json!({"at": {"operator": ">=", "value": 80}})), "metric_rules[0].limit"),
        (ruled("limit", json!({"at": {"operator": "about", "value": 0.8}})), "metric_rules[0].limit"),
        (ruled("limit", Value::Null), "metric_rules[0].limit"),
        (ruled("severity", json!("evidence_of_concern")), "metric_rules[0].severity"),
        (ruled("id", json!("sealed")), "stands twice"),
    ] {
        let said = FrameworkProfile::parse(&written).expect_err(wanted).to_string();
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn no_rule_judges_an_interval_that_nobody_computes() {
    let (mut written, mut rule) = (least(), rule());
    (rule["metric"], rule["confidence"]) = (json!("mae_ratio"), json!("interval"));
    written["metric_rules"] = json!([rule]);
    let said = FrameworkProfile::parse(&written).expect_err("no interval").to_string();
    assert!(said.contains("metric_rules[0].confidence"), "{said}");
}

#[test]
fn a_rule_says_itself_that_it_has_no_limit() {
    let (mut written, mut rule) = (least(), rule());
    rule.as_object_mut().expect("object").remove("limit");
    written["metric_rules"] = json!([rule]);
    let said = FrameworkProfile::parse(&written).expect_err("no limit").to_string();
    assert!(said.contains("limit"), "{said}");
}

#[test]
fn what_it_is_depends_on_the_day() {
    let mut written = least();
    written["effective_to"] = json!("2026-04-17");
    let day = |raw: &str| raw.parse().expect("day");
    for (status, on, standing) in [
        ("in_force", "2025-12-31", Standing::NotYetInForce),
        ("in_force", "2026-01-01", Standing::InForce),
        ("rescinded", "2026-04-16", Standing::InForce),
        ("rescinded", "2026-04-17", Standing::NoLongerInForce),
        ("proposed", "2026-02-01", Standing::Proposed),
    ] {
        written["status"] = json!(status);
        let profile = FrameworkProfile::parse(&written).expect("profile");
        assert_eq!(profile.standing(day(on)), standing, "{status} on {on}");
    }
}

#[test]
fn a_profile_is_written_as_it_is_read() {
    let mut written = least();
    written["metric_rules"] = json!([rule()]);
    let profile = FrameworkProfile::parse(&written).expect("profile");
    let again = FrameworkProfile::parse(&serde_json::to_value(&profile).expect("json")).expect("again");
    assert_eq!(profile, again);
}
