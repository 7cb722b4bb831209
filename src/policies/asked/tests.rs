use super::*;
use crate::{
    environments::profile::{Class, OperatingMode},
    models::RiskTier,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn policy(rules: Value) -> Policy {
    let written = json!({
        "approvals": [{"role": "reviewer", "count": 1}],
        "evidence": [{"kind": "quality", "maximum_age_days": 60, "missing": "warn"}],
        "evidence_maximum_age_days": 30,
        "blocking_finding": "high",
        "break_glass": {"roles": ["environment_manager"], "maximum_hours": 12},
        "gates": [{"code": "evidence_expired", "action": "warn"}],
        "rules": rules,
    });
    Policy::parse(&written).expect("a legal policy")
}

fn here(risk_tier: RiskTier) -> Circumstances {
    Circumstances {
        risk_tier,
        jurisdiction: Some("EU".to_owned()),
        class: Some(Class::Server),
        mode: Some(OperatingMode::Automated),
    }
}

#[test]
fn a_rule_asks_for_more_where_it_matches_and_for_nothing_elsewhere() {
    let policy = policy(json!([{
        "when": {"risk_tier": "high"},
        "approvals": [{"role": "reviewer", "count": 2}],
        "evidence": [{"kind": "quality", "maximum_age_days": 7}, {"kind": "bias"}],
        "evidence_maximum_age_days": 10,
        "request_expires_after_hours": 24,
        "soak": {"environment": "staging", "hours": 72},
        "wait_hours": 12,
        "different_teams": true,
        "exclude": {"owners": ["business"]},
        "blocking_finding": "medium",
        "on_lapse": "suspend",
        "waivers": {"maximum_days": 30},
        "break_glass": {"second_person": true, "maximum_hours": 4},
        "gates": [{"code": "evidence_expired", "action": "block"}],
    }]));
    assert_eq!(policy.effective(&here(RiskTier::Low)), policy.base());
    let high = policy.effective(&here(RiskTier::High));
    assert_eq!(high.seats(), ["reviewer", "reviewer"]);
    assert_eq!(high.evidence.len(), 2);
    assert_eq!((high.evidence[0].maximum_age_days, high.evidence[0].missing), (Some(7), OnMissing::Block));
    assert_eq!((high.evidence_maximum_age_days, high.request_expires_after_hours), (10, 24));
    assert_eq!((high.soak[0].hours, high.wait_hours, high.different_teams), (72, Some(12), true));
    assert_eq!((high.blocking_finding, high.on_lapse), (FindingSeverity::Medium, OnLapse::Suspend));
    assert_eq!(high.waiver_maximum_days, 30);
    let emergency = high.break_glass.as_ref().expect("allowed");
    assert_eq!((emergency.maximum_hours, emergency.second_person, emergency.review_within_hours), (4, true, 72));
    assert!(!high.warns("evidence_expired") && policy.base().warns("evidence_expired"));
}

#[test]
fn of_several_rules_the_strictest_of_each_holds() {
    let rule = |count: u32, days: u32, hours: u32| {
        json!({"when": {"class": "server"}, "approvals": [{"role": "reviewer", "count": count}],
            "evidence_maximum_age_days": days, "soak": [{"environment": "staging", "hours": hours}]})
    };
    let asked = policy(json!([rule(3, 20, 1), rule(2, 5, 9), rule(1, 40, 4)])).effective(&here(RiskTier::Low));
    assert_eq!((asked.seats().len(), asked.evidence_maximum_age_days, asked.soak[0].hours), (3, 5, 9));
}

#[test]
fn a_rule_can_forbid_an_emergency_and_never_allow_one() {
    let forbids = policy(json!([{"when": {"risk_tier": "high"}, "break_glass": {"forbidden": true}}]));
    assert_eq!(forbids.effective(&here(RiskTier::High)).break_glass, None);
    assert!(forbids.effective(&here(RiskTier::Low)).break_glass.is_some());
    let mut none = policy(json!([{"when": {"risk_tier": "high"}, "break_glass": {"maximum_hours": 1}}]));
    none.break_glass = None;
    assert_eq!(none.effective(&here(RiskTier::High)).break_glass, None);
}

#[test]
fn a_policy_of_the_first_form_asks_what_it_always_asked() {
    let policy =
        Policy::parse(&json!({"approvals": [{"role": "reviewer", "count": 1}, {"role": "reviewer", "count": 2}]}))
            .expect("a legal policy");
    let asked = policy.effective(&here(RiskTier::High));
    assert_eq!(asked.seats(), policy.seats());
    assert_eq!((asked.waiver_maximum_days, asked.break_glass, asked.wait_hours), (90, None, None));
}

/// `more` asks for everything that `less` asks for.
fn at_least(more: &Asked, less: &Asked) -> Result<(), TestCaseError> {
    for slot in &less.approvals {
        prop_assert!(more.approvals.iter().any(|s| s.role == slot.role && slot.count <= s.count));
    }
    for ask in &less.evidence {
        let kept = more.evidence.iter().any(|m| {
            m.is_about_the_same(ask)
                && ask.missing <= m.missing
                && ask.maximum_age_days.is_none_or(|days| m.maximum_age_days.is_some_and(|more| more <= days))
        });
        prop_assert!(kept, "{ask:?}");
    }
    for ask in &less.frameworks {
        prop_assert!(more.frameworks.iter().any(|m| m.id == ask.id && ask.missing <= m.missing));
    }
    for soak in &less.soak {
        prop_assert!(more.soak.iter().any(|m| m.environment == soak.environment && soak.hours <= m.hours));
    }
    prop_assert!(less.freeze.iter().all(|window| more.freeze.contains(window)));
    prop_assert!(less.exclude.roles.iter().all(|role| more.exclude.roles.contains(role)));
    prop_assert!(less.exclude.accounts.iter().all(|name| more.exclude.accounts.contains(name)));
    prop_assert!(less.exclude.owners.iter().all(|owner| more.exclude.owners.contains(owner)));
    prop_assert!(less.different_teams <= more.different_teams);
    prop_assert!(more.request_expires_after_hours <= less.request_expires_after_hours);
    prop_assert!(more.evidence_maximum_age_days <= less.evidence_maximum_age_days);
    prop_assert!(less.wait_hours <= more.wait_hours);
    prop_assert!(
        less.approval_expires_after_hours.is_none_or(|h| more.approval_expires_after_hours.is_some_and(|m| m <= h))
    );
    prop_assert!(more.blocking_finding <= less.blocking_finding);
    prop_assert!(less.on_lapse <= more.on_lapse);
    prop_assert!(more.waiver_maximum_days <= less.waiver_maximum_days);
    prop_assert!(more.warn.iter().all(|code| less.warn.contains(code)));
    match (&less.break_glass, &more.break_glass) {
        (None, more) => prop_assert!(more.is_none()),
        (Some(_), None) => {}
        (Some(less), Some(more)) => prop_assert!(
            more.maximum_hours <= less.maximum_hours
                && less.second_person <= more.second_person
                && more.review_within_hours <= less.review_within_hours
                && more.roles == less.roles
        ),
    }
    Ok(())
}

fn some_rule() -> impl Strategy<Value = Value> {
    let tiers = prop::sample::subsequence(vec!["low", "medium", "high"], 1..=3);
    // Once each: a list that names one twice is no legal policy.
    let kinds = prop::collection::btree_map(
        prop::sample::select(vec!["quality", "bias", "scan"]),
        (prop::option::of(1u32..100), any::<bool>()),
        0..3,
    );
    let numbers = (prop::option::of(1u32..90), prop::option::of(1u32..90), prop::option::of(1u32..90), 0u32..4);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (tiers, kinds, numbers, flags).prop_map(|(tiers, kinds, (age, wait, life, count), (teams, lapse, terms, gate))| {
        let mut rule = json!({"when": {"risk_tier": tiers}, "different_teams": teams});
        let missing = |block: bool| if block { "block" } else { "warn" };
        let evidence = kinds.into_iter().map(|(kind, (days, block))| {
            let mut ask = json!({"kind": kind, "missing": missing(block)});
            if let Some(days) = days {
                ask["maximum_age_days"] = days.into();
            }
            ask
        });
        rule["evidence"] = evidence.collect();
        for (field, value) in [
            ("evidence_maximum_age_days", age),
            ("wait_hours", wait),
            ("approval_expires_after_hours", life),
            ("request_expires_after_hours", life),
        ] {
            if let Some(value) = value {
                rule[field] = value.into();
            }
        }
        if 0 < count {
            rule["approvals"] = json!([{"role": "reviewer", "count": count}]);
            rule["soak"] = json!([{"environment": "staging", "hours": count}]);
        }
        if lapse {
            rule["on_lapse"] = "suspend".into();
            rule["waivers"] = json!({"maximum_days": age.unwrap_or(0)});
            rule["frameworks"] = json!([{"id": "eu-ai-act", "missing": missing(teams)}]);
        }
        if terms {
            rule["break_glass"] = json!({"forbidden": teams, "second_person": lapse, "maximum_hours": 1 + count});
        }
        if gate {
            rule["gates"] = json!([{"code": "evidence_expired", "action": "block"}]);
            rule["blocking_finding"] = "low".into();
        }
        rule
    })
}

proptest! {
    #[test]
    fn one_more_rule_never_asks_for_less(
        rules in prop::collection::vec(some_rule(), 0..4),
        more in some_rule(),
        place in 0usize..5,
        tier in prop::sample::select(vec![RiskTier::Low, RiskTier::Medium, RiskTier::High]),
    ) {
        let before = policy(json!(rules)).effective(&here(tier));
        let mut all = rules;
        all.insert(place.min(all.len()), more);
        let after = policy(json!(all)).effective(&here(tier));
        at_least(&after, &before)?;
    }

    #[test]
    fn the_order_of_the_rules_changes_nothing(
        rules in prop::collection::vec(some_rule(), 0..5),
        tier in prop::sample::select(vec![RiskTier::Low, RiskTier::Medium, RiskTier::High]),
    ) {
        let one = policy(json!(rules)).effective(&here(tier));
        let turned: Vec<_> = rules.into_iter().rev().collect();
        let other = policy(json!(turned)).effective(&here(tier));
        at_least(&one, &other)?;
        at_least(&other, &one)?;
    }
}
