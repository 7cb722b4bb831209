//! What a policy's text asks for in given circumstances, read a second time: the rules that the
//! service reads it by are not asked.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What rules look at; what is not known matches every condition.
#[derive(Debug, Default)]
pub(super) struct Circumstances {
    pub risk_tier: Option<String>,
    pub jurisdiction: Option<String>,
    pub class: Option<String>,
    pub mode: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The role of each seat.
    pub seats: Vec<String>,
    /// After so many hours an approval counts no more.
    pub approval_hours: Option<u64>,
    /// People of one team fill one seat between them.
    pub different_teams: bool,
    /// Who does not approve, whatever part they had.
    pub exclude: Exclude,
    /// What must be on record: a kind, and a name if any will not do.
    pub records: BTreeSet<(String, Option<String>)>,
    /// The least severity of findings that stop a request, by its place among all.
    pub blocking: usize,
}

/// By the roles that somebody holds, by name, by what they answer for of the model.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Exclude {
    pub roles: BTreeSet<String>,
    pub accounts: BTreeSet<String>,
    pub owners: BTreeSet<String>,
}

/// Kinds of evidence that are records which somebody answers for; a KPI is one if it says so.
const RECORDS: [&str; 6] = ["assumption", "degradation", "runbook", "sla", "escalation", "integration_map"];

impl Asked {
    /// The policy's own asks, and of each matching rule whatever is stricter.
    pub fn of(policy: &Value, here: &Circumstances) -> Self {
        let rules = policy.get("rules").and_then(Value::as_array).into_iter().flatten();
        let rules = rules.filter(|rule| matches(rule.get("when").unwrap_or(&Value::Null), here));
        let parts: Vec<&Value> = std::iter::once(policy).chain(rules).collect();
        let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
        for part in &parts {
            for (role, count) in slots(part) {
                let known = wanted.entry(role).or_default();
                *known = count.max(*known);
            }
        }
        // More seats than a policy can ask for are as many as nobody fills.
        let seats = wanted.into_iter().flat_map(|(role, count)| (0..count.min(1_000)).map(move |_| role.clone()));
        let hours = parts.iter().filter_map(|part| part.get("approval_expires_after_hours")?.as_u64()).min();
        let apart = parts.iter().any(|part| part.get("different_teams").and_then(Value::as_bool) == Some(true));
        let excluded = |by: &str| {
            let lists = parts.iter().filter_map(|part| part.get("exclude")?.get(by)?.as_array());
            lists.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let severities = parts.iter().filter_map(|part| part.get("blocking_finding")?.as_str());
        // What nobody knows blocks.
        let own = policy.get("blocking_finding").map_or(Some("high"), Value::as_str).unwrap_or_default();
        Self {
            seats: seats.collect(),
            approval_hours: hours,
            different_teams: apart,
            exclude: Exclude { roles: excluded("roles"), accounts: excluded("accounts"), owners: excluded("owners") },
            blocking: severities.chain([own]).map(severity).min().unwrap_or_default(),
            records: parts.iter().flat_map(|part| records(part)).collect(),
        }
    }

    /// Whether a record of this kind and name is one of those that are asked for.
    pub fn counts(&self, kind: &str, name: &str) -> bool {
        self.records.iter().any(|(wanted, named)| wanted == kind && named.as_deref().is_none_or(|named| named == name))
    }
}

fn records(part: &Value) -> impl Iterator<Item = (String, Option<String>)> {
    let asks = part.get("evidence").and_then(Value::as_array).into_iter().flatten();
    asks.filter_map(|ask| {
        let word = |field: &str| ask.get(field).and_then(Value::as_str).map(str::to_owned);
        let kind = word("kind")?;
        let is_record = RECORDS.contains(&kind.as_str()) || word("source").as_deref() == Some("record");
        is_record.then(|| (kind, word("name")))
    })
}

/// The place of a severity among all, from the least.
pub(super) fn severity(word: &str) -> usize {
    ["info", "low", "medium", "high", "critical"].iter().position(|known| *known == word).unwrap_or_default()
}

fn slots(part: &Value) -> BTreeMap<String, u64> {
    let mut slots = BTreeMap::new();
    for slot in part.get("approvals").and_then(Value::as_array).into_iter().flatten() {
        let role = slot.get("role").and_then(Value::as_str).unwrap_or_default();
        let count = slot.get("count").and_then(Value::as_u64).unwrap_or_default();
        *slots.entry(role.to_owned()).or_default() += count;
    }
    slots
}

fn matches(when: &Value, here: &Circumstances) -> bool {
    let fits = |name: &str, is: Option<&String>, same: fn(&str, &str) -> bool| {
        let wanted = when.get(name).map(|wanted| match wanted {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect::<Vec<_>>(),
        });
        match (wanted, is) {
            (Some(wanted), Some(is)) => wanted.is_empty() || wanted.iter().any(|wanted| same(wanted, is)),
            _ => true,
        }
    };
    let equal = |wanted: &str, is: &str| wanted == is;
    fits("risk_tier", here.risk_tier.as_ref(), equal)
        && fits("class", here.class.as_ref(), equal)
        && fits("mode", here.mode.as_ref(), equal)
        && fits("jurisdiction", here.jurisdiction.as_ref(), |wanted, is| {
            // `US` holds in `US-NY`.
            is == wanted || is.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('-'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whom_and_what_matching_rules_name_is_added_to_what_the_policy_names() {
        let policy = json!({
            "exclude": {"roles": ["auditor"]},
            "evidence": [{"kind": "scan"}, {"kind": "runbook", "name": "night"}, {"kind": "kpi"}],
            "rules": [
                {"when": {"risk_tier": ["high"]}, "exclude": {"roles": ["admin"], "owners": ["business"]},
                    "evidence": [{"kind": "kpi", "source": "record"}]},
                {"when": {"risk_tier": ["low"]}, "exclude": {"accounts": ["ada"]}},
            ],
        });
        let high = Circumstances { risk_tier: Some("high".to_owned()), ..Circumstances::default() };
        let asked = Asked::of(&policy, &high);
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!((asked.exclude.roles.clone(), asked.exclude.accounts.len()), (set(&["admin", "auditor"]), 0));
        assert_eq!(asked.exclude.owners, set(&["business"]));
        let counted = [("runbook", "night"), ("runbook", "day"), ("kpi", "any"), ("scan", "malware")];
        assert_eq!(counted.map(|(kind, name)| asked.counts(kind, name)), [true, false, true, false]);
    }

    #[test]
    fn a_rule_asks_for_more_where_it_matches() {
        let policy = json!({
            "approvals": [{"role": "reviewer", "count": 1}],
            "approval_expires_after_hours": 48,
            "rules": [
                {"when": {"risk_tier": ["high"]}, "approvals": [{"role": "reviewer", "count": 2}]},
                {"when": {"jurisdiction": ["US"]}, "approvals": [{"role": "risk_officer", "count": 1}],
                    "approval_expires_after_hours": 24, "different_teams": true},
            ],
        });
        let here = |tier: &str, place: &str| Circumstances {
            risk_tier: Some(tier.to_owned()),
            jurisdiction: Some(place.to_owned()),
            ..Circumstances::default()
        };
        for (here, seats, hours) in [
            (here("low", "DE"), vec!["reviewer"], 48),
            (here("high", "DE"), vec!["reviewer", "reviewer"], 48),
            (here("low", "US-NY"), vec!["reviewer", "risk_officer"], 24),
            (here("low", "USX"), vec!["reviewer"], 48),
            // A doubt asks for more.
            (Circumstances::default(), vec!["reviewer", "reviewer", "risk_officer"], 24),
        ] {
            let asked = Asked::of(&policy, &here);
            assert_eq!(
                (asked.seats, asked.approval_hours),
                (seats.iter().map(ToString::to_string).collect(), Some(hours))
            );
        }
    }
}
