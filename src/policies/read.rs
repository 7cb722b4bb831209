//! Reading a policy strictly: every problem is named with its place.

use crate::{
    authz::{Action, Role},
    core::name::Name,
    core::text::Line,
    environments::read_strictly,
    error::{Error, InField},
    frameworks,
    policies::{
        document::{FrameworkAsk, OnMissing, Policy, Slot},
        evidence::EvidenceAsk,
        exceptions::{BreakGlass, BreakGlassTerms, LONGEST_BREAK_GLASS_HOURS, LONGEST_WAIVER_DAYS, Waivers},
        exclude::Exclude,
        freeze::Window,
        gates::{self, Gate},
        rule::Rule,
        soak::Soak,
    },
};
use serde_json::Value;
use std::ops::RangeInclusive;

const REQUEST_HOURS: RangeInclusive<u32> = 1..=2_160;
const EVIDENCE_DAYS: RangeInclusive<u32> = 1..=3_650;
const WAIT_HOURS: RangeInclusive<u32> = 1..=720;

impl Policy {
    pub fn parse(written: &Value) -> Result<Self, Error> {
        let policy: Self = read_strictly(written)?;
        policy.check()?;
        Ok(policy)
    }

    /// What the types can't say.
    ///
    /// # Errors
    /// `Error::Invalid` with the place of the first problem.
    pub fn check(&self) -> Result<(), Error> {
        let here = Place("");
        if self.approvals.is_empty() || 10 < self.approvals.len() {
            return Err(Error::invalid("approvals", "ask for 1 to 10 kinds of approval; nothing is activated unseen"));
        }
        here.between("request_expires_after_hours", Some(self.request_expires_after_hours), REQUEST_HOURS)?;
        here.between("evidence_maximum_age_days", Some(self.evidence_maximum_age_days), EVIDENCE_DAYS)?;
        here.slots(&self.approvals)?;
        here.frameworks(&self.frameworks)?;
        here.evidence(&self.evidence)?;
        here.exclude(&self.exclude)?;
        here.soak(&self.soak)?;
        here.between("wait_hours", self.wait_hours, WAIT_HOURS)?;
        here.between("approval_expires_after_hours", self.approval_expires_after_hours, REQUEST_HOURS)?;
        here.freeze(&self.freeze)?;
        here.waivers(self.waivers)?;
        here.break_glass(self.break_glass.as_ref())?;
        here.gates(&self.gates)?;
        here.at_most("rules", self.rules.len(), 50)?;
        for (i, rule) in self.rules.iter().enumerate() {
            rule.check(&format!("rules[{i}]."))?;
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self, at: &str) -> Result<(), Error> {
        let here = Place(at);
        if self.when.is_empty() {
            let detail = "name a risk_tier, jurisdiction, class or mode; what holds always stands outside the rules";
            return Err(Error::invalid(format!("{at}when"), detail));
        }
        for (i, part) in self.when.jurisdiction.iter().enumerate() {
            Line::parse_required(part).in_field(&format!("{at}when.jurisdiction[{i}]"))?;
        }
        here.at_most("approvals", self.approvals.len(), 10)?;
        here.slots(&self.approvals)?;
        here.between("request_expires_after_hours", self.request_expires_after_hours, REQUEST_HOURS)?;
        here.between("evidence_maximum_age_days", self.evidence_maximum_age_days, EVIDENCE_DAYS)?;
        here.frameworks(&self.frameworks)?;
        here.evidence(&self.evidence)?;
        here.exclude(&self.exclude)?;
        here.soak(&self.soak)?;
        here.between("wait_hours", self.wait_hours, WAIT_HOURS)?;
        here.between("approval_expires_after_hours", self.approval_expires_after_hours, REQUEST_HOURS)?;
        here.freeze(&self.freeze)?;
        here.waivers(self.waivers)?;
        here.terms(self.break_glass.as_ref())?;
        here.gates(&self.gates)?;
        if let Some(i) = self.gates.iter().position(|gate| gate.action == OnMissing::Warn) {
            let detail = "a rule never asks for less; let it warn in the policy and block in rules";
            return Err(Error::invalid(format!("{at}gates[{i}].action"), detail));
        }
        Ok(())
    }
}

/// The beginning of the names of the fields that are looked at.
struct Place<'a>(&'a str);

impl Place<'_> {
    fn wrong(&self, field: &str, detail: impl Into<String>) -> Error {
        Error::invalid(format!("{}{field}", self.0), detail)
    }

    fn between(&self, field: &str, value: Option<u32>, range: RangeInclusive<u32>) -> Result<(), Error> {
        match value {
            Some(value) if !range.contains(&value) => {
                Err(self.wrong(field, format!("use {} to {}", range.start(), range.end())))
            }
            _ => Ok(()),
        }
    }

    fn at_most(&self, field: &str, count: usize, most: usize) -> Result<(), Error> {
        if most < count {
            return Err(self.wrong(field, format!("at most {most} entries")));
        }
        Ok(())
    }

    fn slots(&self, slots: &[Slot]) -> Result<(), Error> {
        for (i, slot) in slots.iter().enumerate() {
            let field = format!("approvals[{i}].role");
            let role = Role::parse(&slot.role).in_field(&format!("{}{field}", self.0))?;
            if !role.allows(Action::PromotionApprove) {
                let able: Vec<_> = Role::ALL.iter().filter(|role| role.allows(Action::PromotionApprove)).collect();
                let able: Vec<_> = able.into_iter().map(|role| role.name()).collect();
                return Err(self.wrong(&field, format!("the role {role} cannot approve; use {}", able.join(" or "))));
            }
            self.between(&format!("approvals[{i}].count"), Some(slot.count), 1..=10)?;
        }
        Ok(())
    }

    fn frameworks(&self, asks: &[FrameworkAsk]) -> Result<(), Error> {
        self.at_most("frameworks", asks.len(), 20)?;
        let known = frameworks::catalog()?.ids();
        for (i, ask) in asks.iter().enumerate() {
            let place = format!("frameworks[{i}].id");
            if !known.contains(&ask.id.as_str()) {
                let detail = format!("no framework is called so; known are {}", known.join(", "));
                return Err(self.wrong(&place, detail));
            }
            if asks[..i].iter().any(|before| before.id == ask.id) {
                return Err(self.wrong(&place, format!("{} stands twice", ask.id)));
            }
        }
        Ok(())
    }

    fn evidence(&self, asks: &[EvidenceAsk]) -> Result<(), Error> {
        self.at_most("evidence", asks.len(), 50)?;
        for (i, ask) in asks.iter().enumerate() {
            if let Some(name) = &ask.name {
                Line::parse_required(name).in_field(&format!("{}evidence[{i}].name", self.0))?;
            }
            if !ask.has_a_source() {
                let detail = "runbooks and their like are records, evidence is none; a KPI may be either";
                return Err(self.wrong(&format!("evidence[{i}].source"), detail));
            }
            self.between(&format!("evidence[{i}].maximum_age_days"), ask.maximum_age_days, EVIDENCE_DAYS)?;
            if asks[..i].iter().any(|before| before.is_about_the_same(ask)) {
                return Err(self.wrong(&format!("evidence[{i}]"), "stands twice"));
            }
        }
        Ok(())
    }

    fn exclude(&self, exclude: &Exclude) -> Result<(), Error> {
        self.at_most("exclude.roles", exclude.roles.len(), 10)?;
        self.at_most("exclude.accounts", exclude.accounts.len(), 100)?;
        self.at_most("exclude.owners", exclude.owners.len(), 10)?;
        for (i, role) in exclude.roles.iter().enumerate() {
            Role::parse(role).in_field(&format!("{}exclude.roles[{i}]", self.0))?;
        }
        for (i, name) in exclude.accounts.iter().enumerate() {
            Name::parse(name).in_field(&format!("{}exclude.accounts[{i}]", self.0))?;
        }
        Ok(())
    }

    fn soak(&self, soaks: &[Soak]) -> Result<(), Error> {
        self.at_most("soak", soaks.len(), 10)?;
        for (i, soak) in soaks.iter().enumerate() {
            Name::parse(&soak.environment).in_field(&format!("{}soak[{i}].environment", self.0))?;
            self.between(&format!("soak[{i}].hours"), Some(soak.hours), 1..=8_760)?;
            if soaks[..i].iter().any(|before| before.environment == soak.environment) {
                return Err(self.wrong(&format!("soak[{i}].environment"), "stands twice"));
            }
        }
        Ok(())
    }

    fn freeze(&self, windows: &[Window]) -> Result<(), Error> {
        self.at_most("freeze", windows.len(), 50)?;
        for (i, window) in windows.iter().enumerate() {
            Line::parse_required(&window.reason).in_field(&format!("{}freeze[{i}].reason", self.0))?;
            if let Some((field, detail)) = window.problem() {
                return Err(self.wrong(&format!("freeze[{i}].{field}"), detail));
            }
        }
        Ok(())
    }

    fn waivers(&self, waivers: Option<Waivers>) -> Result<(), Error> {
        self.between("waivers.maximum_days", waivers.map(|waivers| waivers.maximum_days), 0..=LONGEST_WAIVER_DAYS)
    }

    fn break_glass(&self, allowed: Option<&BreakGlass>) -> Result<(), Error> {
        let Some(allowed) = allowed else { return Ok(()) };
        if allowed.roles.is_empty() {
            return Err(self.wrong("break_glass.roles", "name the roles that may, or leave break_glass out"));
        }
        self.at_most("break_glass.roles", allowed.roles.len(), 10)?;
        for (i, role) in allowed.roles.iter().enumerate() {
            Role::parse(role).in_field(&format!("{}break_glass.roles[{i}]", self.0))?;
        }
        let (hours, review) = (Some(allowed.maximum_hours), Some(allowed.review_within_hours));
        self.between("break_glass.maximum_hours", hours, 1..=LONGEST_BREAK_GLASS_HOURS)?;
        self.between("break_glass.review_within_hours", review, WAIT_HOURS)
    }

    fn terms(&self, terms: Option<&BreakGlassTerms>) -> Result<(), Error> {
        let Some(terms) = terms else { return Ok(()) };
        self.between("break_glass.maximum_hours", terms.maximum_hours, 1..=LONGEST_BREAK_GLASS_HOURS)?;
        self.between("break_glass.review_within_hours", terms.review_within_hours, WAIT_HOURS)
    }

    fn gates(&self, listed: &[Gate]) -> Result<(), Error> {
        self.at_most("gates", listed.len(), 50)?;
        for (i, gate) in listed.iter().enumerate() {
            if !gates::may_warn(&gate.code) {
                let detail = format!("this check always blocks; those that can warn are {}", gates::SOFT.join(", "));
                return Err(self.wrong(&format!("gates[{i}].code"), detail));
            }
            if listed[..i].iter().any(|before| before.code == gate.code) {
                return Err(self.wrong(&format!("gates[{i}].code"), format!("{} stands twice", gate.code)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_asks_somebody_who_can_answer() {
        assert!(Policy::parse(&json!({"approvals": [{"role": "reviewer", "count": 2}]})).is_ok());
        for bad in [
            json!({"approvals": []}),
            json!({"approvals": [{"role": "deployer", "count": 1}]}),
            json!({"approvals": [{"role": "reviewer", "count": 0}]}),
            json!({"approvals": [{"role": "reviewer", "count": 1}], "request_expires_after_hours": 0}),
            json!({"approvals": [{"role": "reviewer", "count": 1}], "auto": true}),
            asking(json!([{"id": "nyc-ll144"}])),
            asking(json!([{"id": "nyc-ll144", "missing": "ignore"}])),
            asking(json!([{"id": "nyc-ll144", "missing": "warn"}, {"id": "nyc-ll144", "missing": "block"}])),
            asking(json!([{"id": "nyc-ll144", "revision": 1, "missing": "warn"}])),
        ] {
            assert!(Policy::parse(&bad).is_err(), "{bad}");
        }
    }

    fn asking(frameworks: Value) -> Value {
        json!({"approvals": [{"role": "reviewer", "count": 1}], "frameworks": frameworks})
    }

    #[test]
    fn a_framework_that_nobody_knows_is_refused_with_those_that_are() {
        assert!(Policy::parse(&asking(json!([{"id": "nyc-ll144", "missing": "block"}]))).is_ok());
        let refused = Policy::parse(&asking(json!([{"id": "nyc-ll", "missing": "block"}]))).expect_err("unknown");
        for wanted in ["frameworks[0].id", "nyc-ll144", "eu-ai-act"] {
            assert!(refused.to_string().contains(wanted), "{refused}");
        }
    }

    #[test]
    fn a_policy_of_the_first_form_keeps_its_digest() {
        let written = json!({"approvals": [{"role": "reviewer", "count": 1}], "evidence_maximum_age_days": 90,
            "request_expires_after_hours": 72});
        let policy = Policy::parse(&written).expect("policy");
        assert_eq!(serde_json::to_value(&policy).expect("json"), written);
    }

    #[test]
    fn every_problem_is_named_with_its_place() {
        let always = |field: &str, value: Value| (json!({ field: value }), field.to_owned());
        let in_a_rule = |field: &str, value: Value| {
            (json!({"rules": [{"when": {"risk_tier": "high"}, field: value}]}), format!("rules[0].{field}"))
        };
        let year = json!({"reason": "r", "zone": "UTC", "from": "2026-01-01T00:00", "until": "2026-01-02T00:00"});
        for (field, value) in [
            ("evidence", json!([{"kind": "rumour"}])),
            ("evidence", json!([{"kind": "bias", "maximum_age_days": 0}])),
            ("evidence", json!([{"kind": "bias", "source": "record"}])),
            ("evidence", json!([{"kind": "runbook", "source": "reported"}])),
            ("evidence", json!([{"kind": "bias"}, {"kind": "bias", "missing": "warn"}])),
            ("evidence", json!([{"kind": "document", "name": ""}])),
            ("exclude", json!({"roles": ["boss"]})),
            ("exclude", json!({"accounts": ["Not A Name"]})),
            ("exclude", json!({"owners": ["cat"]})),
            ("soak", json!({"environment": "staging", "hours": 0})),
            ("soak", json!({"environment": "../x", "hours": 1})),
            ("soak", json!([{"environment": "a", "hours": 1}, {"environment": "a", "hours": 2}])),
            ("wait_hours", json!(0)),
            ("wait_hours", json!(721)),
            ("approval_expires_after_hours", json!(0)),
            ("freeze", json!([{"reason": "", "zone": "UTC", "from": "2026-01-01T00:00", "until": "2026-01-02T00:00"}])),
            ("freeze", json!([{"reason": "r", "zone": "Mars/Base", "from": year["from"], "until": year["until"]}])),
            ("freeze", json!([{"reason": "r", "zone": "UTC", "from": year["until"], "until": year["from"]}])),
            ("freeze", vec![year.clone(); 51].into()),
            ("blocking_finding", json!("awful")),
            ("on_lapse", json!("ignore")),
            ("waivers", json!({"maximum_days": 91})),
            ("break_glass", json!({"roles": ["admin"], "maximum_hours": 25})),
            ("gates", json!([{"code": "version_revoked", "action": "warn"}])),
            (
                "gates",
                json!([{"code": "evidence_expired", "action": "block"}, {"code": "evidence_expired", "action": "block"}]),
            ),
            ("approvals", json!([{"role": "deployer", "count": 1}])),
        ] {
            for (mut document, place) in [always(field, value.clone()), in_a_rule(field, value.clone())] {
                if document.get("approvals").is_none() {
                    document["approvals"] = json!([{"role": "reviewer", "count": 1}]);
                }
                let refused = Policy::parse(&document).expect_err(&document.to_string());
                let Error::Invalid(fields) = refused else { panic!("{refused:?}") };
                assert!(fields[0].0.starts_with(&place), "{document}: {fields:?}");
            }
        }
    }

    #[test]
    fn a_rule_that_always_holds_or_asks_for_less_is_refused() {
        let with = |rule: Value| json!({"approvals": [{"role": "reviewer", "count": 1}], "rules": [rule]});
        for (rule, place) in [
            (json!({"when": {}, "wait_hours": 1}), "rules[0].when"),
            (json!({"wait_hours": 1}), "rules[0]"),
            (json!({"when": {"risk_tier": []}}), "rules[0].when.risk_tier"),
            (
                json!({"when": {"risk_tier": "low"}, "gates": [{"code": "evidence_expired", "action": "warn"}]}),
                "rules[0].gates[0].action",
            ),
            (json!({"when": {"risk_tier": "low"}, "rules": []}), "rules[0]"),
        ] {
            let refused = Policy::parse(&with(rule.clone())).expect_err(&rule.to_string());
            let Error::Invalid(fields) = refused else { panic!("{refused:?}") };
            assert!(fields[0].0.starts_with(place), "{rule}: {fields:?}");
        }
    }
}
