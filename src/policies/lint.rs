//! What is legal in a policy and still can't be meant: found in the document alone, or in it and
//! the workspace that it is for. An error can never work; a warning may be meant.

use crate::{
    environments::profile::{Class, OperatingMode},
    models::RiskTier,
    policies::{
        asked::Asked,
        document::Policy,
        freeze::{self, Window},
        quorum,
        rule::Circumstances,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// So many combinations of rules are looked at.
const MOST_CASES: usize = 200;
/// A freeze that lasts longer than this is one that never ends.
const LONGEST_FREEZE_DAYS: i64 = 366;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    pub severity: Weight,
    /// Stable and machine-readable, such as `freeze_always_on`.
    pub code: String,
    /// The field, such as `rules[0].freeze`; empty for the whole document.
    pub place: String,
    /// What is wrong and what to do, for a person.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It can't work.
    Error,
    /// It may be meant.
    Warning,
}

/// What of a workspace bears on the policy of one environment.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The environment that the policy is for.
    pub environment: String,
    pub class: Option<Class>,
    pub jurisdiction: Option<String>,
    /// The highest mode that its profile allows.
    pub mode: Option<OperatingMode>,
    /// Active people who can approve: account name and roles. Without whoever publishes the policy.
    pub judges: Vec<(String, Vec<String>)>,
    /// Roles that some active person holds.
    pub held_roles: BTreeSet<String>,
    /// Which of the accounts that the policy names exist.
    pub known_accounts: BTreeSet<String>,
    /// Every environment, with those that its current policy names as upstream.
    pub upstream: BTreeMap<String, Vec<String>>,
}

/// Everything that is found, errors first.
pub fn check(policy: &Policy, around: Option<&Surroundings>, now: DateTime<Utc>) -> Vec<Problem> {
    let mut found = BTreeSet::new();
    let cases = cases(policy, around);
    for case in &cases {
        case.times(&mut found);
        case.freezes(now, &mut found);
        case.seats(around, &mut found);
    }
    rules(policy, &cases, around, &mut found);
    past(policy, now, &mut found);
    emergencies(policy, around, &mut found);
    if let Some(around) = around {
        upstream(policy, around, &mut found);
        accounts(policy, around, &mut found);
    }
    found.into_iter().collect()
}

/// What is asked for where exactly these rules match.
struct Case<'a> {
    policy: &'a Policy,
    rules: Vec<usize>,
    asked: Asked,
}

/// Every set of rules that can match at once, and what it asks for.
fn cases<'a>(policy: &'a Policy, around: Option<&Surroundings>) -> Vec<Case<'a>> {
    let classes = match around.and_then(|around| around.class) {
        Some(class) => vec![class],
        None => vec![Class::Server, Class::Edge, Class::Batch, Class::Embedded],
    };
    let highest = around.and_then(|around| around.mode).unwrap_or(OperatingMode::Automated);
    let modes = [OperatingMode::Advisory, OperatingMode::HumanInTheLoop, OperatingMode::Automated];
    let modes: Vec<_> = modes.into_iter().filter(|mode| *mode <= highest).collect();
    // Nowhere that a rule names, and each place that one does.
    let mut places: BTreeSet<Option<String>> = BTreeSet::from([Some("-".to_owned())]);
    match around {
        Some(around) => places = BTreeSet::from([around.jurisdiction.clone()]),
        None => places.extend(policy.rules.iter().flat_map(|rule| rule.when.jurisdiction.iter().cloned().map(Some))),
    }
    let mut seen = BTreeSet::new();
    for risk_tier in [RiskTier::Low, RiskTier::Medium, RiskTier::High] {
        for (class, mode) in classes.iter().flat_map(|class| modes.iter().map(move |mode| (*class, *mode))) {
            for jurisdiction in &places {
                let here = Circumstances {
                    risk_tier,
                    jurisdiction: jurisdiction.clone(),
                    class: Some(class),
                    mode: Some(mode),
                };
                let matching: Vec<_> =
                    (0..policy.rules.len()).filter(|i| policy.rules[*i].when.matches(&here)).collect();
                if seen.len() < MOST_CASES {
                    seen.insert(matching);
                }
            }
        }
    }
    seen.into_iter().map(|rules| Case { policy, asked: asked(policy, &rules), rules }).collect()
}

fn asked(policy: &Policy, rules: &[usize]) -> Asked {
    let mut asked = policy.base();
    rules.iter().for_each(|i| asked.tighten(&policy.rules[*i]));
    asked
}

impl Case<'_> {
    /// Where this is asked: the field, with the rule that makes it so if the policy alone does not.
    fn place(&self, field: &str, is_wrong: impl Fn(&Asked) -> bool) -> String {
        if is_wrong(&self.policy.base()) {
            return field.to_owned();
        }
        let alone = self.rules.iter().find(|i| is_wrong(&asked(self.policy, &[**i])));
        match alone.or(self.rules.last()) {
            Some(i) => format!("rules[{i}].{field}"),
            None => field.to_owned(),
        }
    }

    /// What ends before it can have an effect.
    fn times(&self, found: &mut BTreeSet<Problem>) {
        let life = self.asked.request_expires_after_hours;
        let Some(wait) = self.asked.wait_hours else { return };
        if life <= wait {
            let wrong = |asked: &Asked| asked.wait_hours.is_some_and(|w| asked.request_expires_after_hours <= w);
            let detail = format!(
                "a request ends {life} h after it is made, and waits {wait} h after its approval: it never gets there"
            );
            found.insert(error("request_ends_before_wait", self.place("wait_hours", wrong), detail));
        }
        if let Some(counts) = self.asked.approval_expires_after_hours.filter(|counts| *counts <= wait) {
            let wrong = |asked: &Asked| {
                asked.approval_expires_after_hours.is_some_and(|c| asked.wait_hours.is_some_and(|w| c <= w))
            };
            let detail = format!("an approval counts for {counts} h, and the wait after it takes {wait} h");
            found.insert(error("approval_ends_before_wait", self.place("approval_expires_after_hours", wrong), detail));
        }
    }

    fn freezes(&self, now: DateTime<Utc>, found: &mut BTreeSet<Problem>) {
        let wrong = |asked: &Asked| is_endless(&asked.freeze, now);
        if wrong(&self.asked) {
            let detail = "the windows leave no moment free, so nothing is ever activated".to_owned();
            found.insert(error("freeze_always_on", self.place("freeze", wrong), detail));
        }
    }

    /// Whether there is somebody for every seat.
    fn seats(&self, around: Option<&Surroundings>, found: &mut BTreeSet<Problem>) {
        for slot in &self.asked.approvals {
            if self.asked.exclude.roles.contains(&slot.role) {
                let role = slot.role.clone();
                let wrong = |asked: &Asked| {
                    asked.exclude.roles.contains(&role) && asked.approvals.iter().any(|slot| slot.role == role)
                };
                let detail = format!("{} is asked to approve and excluded from approving", slot.role);
                found.insert(error("seat_excluded", self.place("exclude.roles", wrong), detail));
            }
        }
        let Some(around) = around else { return };
        let (filled, seats) = filled(&self.asked, around);
        if filled == seats {
            return;
        }
        let place = self.place("approvals", |asked| {
            let (filled, seats) = self::filled(asked, around);
            filled < seats
        });
        let roles: Vec<_> = self.asked.approvals.iter().map(|slot| format!("{} x {}", slot.count, slot.role)).collect();
        let detail = format!(
            "of {seats} seats ({}) {filled} can be filled by the people there are, without whoever publishes the policy",
            roles.join(", ")
        );
        found.insert(error("seats_not_fillable", place, detail));
        for slot in &self.asked.approvals {
            if !around.judges.iter().any(|(_, roles)| roles.contains(&slot.role)) {
                let role = slot.role.clone();
                let place = self.place("approvals", |asked| asked.approvals.iter().any(|slot| slot.role == role));
                let detail = format!("nobody else holds the role {role}; give it to somebody");
                found.insert(error("role_not_held", place, detail));
            }
        }
    }
}

fn filled(asked: &Asked, around: &Surroundings) -> (usize, usize) {
    let excluded = |name: &String, roles: &[String]| {
        asked.exclude.accounts.contains(name) || roles.iter().any(|role| asked.exclude.roles.contains(role))
    };
    let free = around.judges.iter().filter(|(name, roles)| !excluded(name, roles));
    let people: Vec<_> = free.map(|(_, roles)| roles.clone()).collect();
    let seats = asked.seats();
    (quorum::filled(&seats, &people), seats.len())
}

fn is_endless(windows: &[Window], now: DateTime<Utc>) -> bool {
    let hold = freeze::active(windows, now);
    hold.is_some_and(|hold| hold.until.is_none_or(|until| now + TimeDelta::days(LONGEST_FREEZE_DAYS) < until))
}

/// Rules that never apply, or change nothing where they do.
fn rules(policy: &Policy, cases: &[Case<'_>], around: Option<&Surroundings>, found: &mut BTreeSet<Problem>) {
    if MOST_CASES <= cases.len() {
        return;
    }
    for i in 0..policy.rules.len() {
        let place = format!("rules[{i}]");
        let mut reached = cases.iter().filter(|case| case.rules.contains(&i)).peekable();
        if reached.peek().is_none() {
            let whom = around.map_or_else(String::new, |around| format!(" of {}", around.environment));
            let detail = format!("the circumstances{whom} never match this rule");
            found.insert(warning("rule_unreachable", format!("{place}.when"), detail));
        } else if reached.all(|case| {
            let others: Vec<_> = case.rules.iter().copied().filter(|other| *other != i).collect();
            asked(policy, &others) == case.asked
        }) {
            let detail = "asks for nothing that is not asked for without it".to_owned();
            found.insert(warning("rule_without_effect", place, detail));
        }
    }
}

fn past(policy: &Policy, now: DateTime<Utc>, found: &mut BTreeSet<Problem>) {
    let places = std::iter::once((String::new(), &policy.freeze))
        .chain(policy.rules.iter().enumerate().map(|(i, rule)| (format!("rules[{i}]."), &rule.freeze)));
    for (at, windows) in places {
        for (i, window) in windows.iter().enumerate().filter(|(_, window)| window.is_past(now)) {
            let detail = format!("the window \"{}\" is over and never comes again", window.reason);
            found.insert(warning("freeze_over", format!("{at}freeze[{i}]"), detail));
        }
    }
}

fn emergencies(policy: &Policy, around: Option<&Surroundings>, found: &mut BTreeSet<Problem>) {
    let Some(allowed) = &policy.break_glass else {
        for (i, _) in policy.rules.iter().enumerate().filter(|(_, rule)| rule.break_glass.is_some()) {
            let detail = "narrows an emergency that the policy does not allow".to_owned();
            found.insert(warning("rule_without_effect", format!("rules[{i}].break_glass"), detail));
        }
        return;
    };
    let high = Circumstances { risk_tier: RiskTier::High, jurisdiction: None, class: None, mode: None };
    if policy.effective(&high).break_glass.is_some_and(|allowed| !allowed.second_person) {
        let detail = "one person alone may activate a model of high risk; ask for a second_person".to_owned();
        found.insert(warning("break_glass_alone", "break_glass.second_person".to_owned(), detail));
    }
    let Some(around) = around else { return };
    if !allowed.roles.iter().any(|role| around.held_roles.contains(role)) {
        let detail = format!("nobody holds {}", allowed.roles.join(" or "));
        found.insert(warning("role_not_held", "break_glass.roles".to_owned(), detail));
    }
}

/// Upstream environments that are not there, or wait for this one.
fn upstream(policy: &Policy, around: &Surroundings, found: &mut BTreeSet<Problem>) {
    let base = policy.soak.iter().enumerate().map(|(i, soak)| (format!("soak[{i}].environment"), soak));
    let ruled = policy.rules.iter().enumerate().flat_map(|(r, rule)| {
        rule.soak.iter().enumerate().map(move |(i, soak)| (format!("rules[{r}].soak[{i}].environment"), soak))
    });
    for (place, soak) in base.chain(ruled) {
        if !around.upstream.contains_key(&soak.environment) && soak.environment != around.environment {
            let known: Vec<_> = around.upstream.keys().take(20).map(String::as_str).collect();
            let detail = format!("there is no environment {}; known are {}", soak.environment, known.join(", "));
            found.insert(error("environment_unknown", place, detail));
        } else if let Some(way) = way_back(&soak.environment, around) {
            let detail = format!("waits for itself: {} -> {}", around.environment, way.join(" -> "));
            found.insert(error("soak_cycle", place, detail));
        }
    }
}

/// The way from an environment back to the one that the policy is for, if there is one.
fn way_back(from: &str, around: &Surroundings) -> Option<Vec<String>> {
    let mut ways = vec![vec![from.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        let last = way.last()?.clone();
        if last == around.environment {
            return Some(way);
        }
        if !seen.insert(last.clone()) {
            continue;
        }
        for next in around.upstream.get(&last).into_iter().flatten() {
            ways.push(way.iter().cloned().chain([next.clone()]).collect());
        }
    }
    None
}

fn accounts(policy: &Policy, around: &Surroundings, found: &mut BTreeSet<Problem>) {
    let places = std::iter::once((String::new(), &policy.exclude))
        .chain(policy.rules.iter().enumerate().map(|(i, rule)| (format!("rules[{i}]."), &rule.exclude)));
    for (at, exclude) in places {
        for (i, name) in exclude.accounts.iter().enumerate().filter(|(_, name)| !around.known_accounts.contains(*name))
        {
            let detail = format!("there is no account {name} here, so nobody is excluded by it");
            found.insert(error("account_unknown", format!("{at}exclude.accounts[{i}]"), detail));
        }
    }
}

/// A policy that can't be published at all: the field and what is wrong with it.
pub fn illegal((place, detail): (String, String)) -> Problem {
    error("not_legal", place, detail)
}

fn error(code: &str, place: String, detail: String) -> Problem {
    Problem { severity: Weight::Error, code: code.to_owned(), place, detail }
}

fn warning(code: &str, place: String, detail: String) -> Problem {
    Problem { severity: Weight::Warning, code: code.to_owned(), place, detail }
}

#[cfg(test)]
mod tests;
