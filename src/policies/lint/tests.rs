use super::*;
use serde_json::{Value, json};

fn read(mut written: Value) -> Policy {
    if written.get("approvals").is_none() {
        written["approvals"] = json!([{"role": "reviewer", "count": 1}]);
    }
    Policy::parse(&written).expect("a legal policy")
}

fn now() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().expect("a moment")
}

fn found(written: Value, around: Option<&Surroundings>) -> Vec<(String, String)> {
    check(&read(written), around, now()).into_iter().map(|problem| (problem.code, problem.place)).collect()
}

fn here() -> Surroundings {
    let person = |name: &str, roles: &[&str]| (name.to_owned(), roles.iter().map(|r| (*r).to_owned()).collect());
    Surroundings {
        environment: "production".to_owned(),
        class: Some(Class::Server),
        jurisdiction: Some("EU".to_owned()),
        mode: Some(OperatingMode::HumanInTheLoop),
        judges: vec![person("mara", &["reviewer"]), person("rui", &["reviewer", "risk_officer"])],
        held_roles: ["reviewer", "risk_officer", "admin"].map(str::to_owned).into(),
        known_accounts: BTreeSet::from(["mara".to_owned()]),
        upstream: [("production", vec![]), ("staging", vec!["test"]), ("test", vec![]), ("loop", vec!["production"])]
            .map(|(name, up)| (name.to_owned(), up.into_iter().map(str::to_owned).collect()))
            .into(),
    }
}

#[test]
fn a_plain_policy_has_no_problem_anywhere() {
    assert_eq!(found(json!({}), None), []);
    assert_eq!(
        found(
            json!({"soak": {"environment": "staging", "hours": 24}, "exclude": {"accounts": ["mara"]}}),
            Some(&here())
        ),
        []
    );
}

#[test]
fn what_cannot_work_is_found_in_the_document_alone() {
    let all = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let always =
        json!([{"reason": "r", "zone": "Europe/Berlin", "weekly": {"days": all, "start": "00:00", "end": "00:00"}}]);
    let over = json!([{"reason": "r", "zone": "UTC", "from": "2025-12-20T00:00", "until": "2026-01-05T00:00"}]);
    let centuries = json!([{"reason": "r", "zone": "UTC", "from": "2020-01-01T00:00", "until": "2420-01-01T00:00"}]);
    let high = |field: &str, value: Value| json!({"rules": [{"when": {"risk_tier": "high"}, field: value}]});
    for (written, code, place) in [
        (json!({"freeze": always.clone()}), "freeze_always_on", "freeze"),
        (high("freeze", always), "freeze_always_on", "rules[0].freeze"),
        (json!({"freeze": centuries}), "freeze_always_on", "freeze"),
        (json!({"freeze": over.clone()}), "freeze_over", "freeze[0]"),
        (json!({"wait_hours": 72}), "request_ends_before_wait", "wait_hours"),
        (high("wait_hours", json!(100)), "request_ends_before_wait", "rules[0].wait_hours"),
        (
            json!({"wait_hours": 24, "approval_expires_after_hours": 24}),
            "approval_ends_before_wait",
            "approval_expires_after_hours",
        ),
        (json!({"exclude": {"roles": ["reviewer"]}}), "seat_excluded", "exclude.roles"),
        (high("exclude", json!({"roles": ["reviewer"]})), "seat_excluded", "rules[0].exclude.roles"),
        (high("approvals", json!([{"role": "reviewer", "count": 1}])), "rule_without_effect", "rules[0]"),
        (high("break_glass", json!({"maximum_hours": 1})), "rule_without_effect", "rules[0].break_glass"),
        (json!({"break_glass": {"roles": ["admin"]}}), "break_glass_alone", "break_glass.second_person"),
    ] {
        let found = found(written.clone(), None);
        assert!(found.contains(&(code.to_owned(), place.to_owned())), "{written}: {found:?}");
    }
}

#[test]
fn one_of_two_rules_that_say_the_same_is_enough() {
    let rule = json!({"when": {"risk_tier": "high"}, "wait_hours": 2});
    let codes = found(json!({"rules": [rule.clone(), rule]}), None);
    assert!(codes.iter().all(|(code, _)| code == "rule_without_effect") && codes.len() == 2, "{codes:?}");
}

#[test]
fn what_cannot_work_in_this_workspace_is_found() {
    let rule = |when: Value, field: &str, value: Value| json!({"rules": [{"when": when, field: value}]});
    for (written, code, place) in [
        (json!({"approvals": [{"role": "reviewer", "count": 3}]}), "seats_not_fillable", "approvals"),
        (
            json!({"approvals": [{"role": "reviewer", "count": 2}, {"role": "risk_officer", "count": 1}]}),
            "seats_not_fillable",
            "approvals",
        ),
        (
            rule(json!({"risk_tier": "high"}), "approvals", json!([{"role": "compliance_officer", "count": 1}])),
            "role_not_held",
            "rules[0].approvals",
        ),
        (
            json!({"exclude": {"accounts": ["mara"]}, "approvals": [{"role": "reviewer", "count": 2}]}),
            "seats_not_fillable",
            "approvals",
        ),
        (json!({"exclude": {"accounts": ["nobody"]}}), "account_unknown", "exclude.accounts[0]"),
        (json!({"soak": {"environment": "moon", "hours": 1}}), "environment_unknown", "soak[0].environment"),
        (json!({"soak": {"environment": "production", "hours": 1}}), "soak_cycle", "soak[0].environment"),
        (
            rule(json!({"risk_tier": "low"}), "soak", json!({"environment": "loop", "hours": 1})),
            "soak_cycle",
            "rules[0].soak[0].environment",
        ),
        (rule(json!({"class": "edge"}), "wait_hours", json!(1)), "rule_unreachable", "rules[0].when"),
        (rule(json!({"jurisdiction": "US"}), "wait_hours", json!(1)), "rule_unreachable", "rules[0].when"),
        (rule(json!({"mode": "automated"}), "wait_hours", json!(1)), "rule_unreachable", "rules[0].when"),
        (json!({"break_glass": {"roles": ["deployer"], "second_person": true}}), "role_not_held", "break_glass.roles"),
    ] {
        let codes = found(written.clone(), Some(&here()));
        assert!(codes.contains(&(code.to_owned(), place.to_owned())), "{written}: {codes:?}");
        if code != "soak_cycle" {
            let alone = found(written.clone(), None);
            assert!(!alone.contains(&(code.to_owned(), place.to_owned())), "{written} shows without a workspace");
        }
    }
}

#[test]
fn two_seats_of_overlapping_roles_are_filled_by_two_people() {
    let both = json!({"approvals": [{"role": "risk_officer", "count": 1}, {"role": "reviewer", "count": 1}]});
    assert_eq!(found(both, Some(&here())), []);
}

#[test]
fn many_rules_are_looked_at_in_little_time() {
    let rule = |i: usize| json!({"when": {"jurisdiction": format!("P{i}")}, "wait_hours": 1 + i});
    let rules: Vec<_> = (0..50).map(rule).collect();
    assert!(check(&read(json!({"rules": rules, "request_expires_after_hours": 2000})), None, now()).is_empty());
}
