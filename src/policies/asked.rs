//! What a policy asks for in given circumstances: the document's own asks, joined with those of
//! every rule that matches. The join takes the union of what is asked, the larger of two counts
//! and times to wait, and the smaller of two ages, so that one more rule never asks for less.

use crate::{
    oversight::findings::BLOCKING_BY_DEFAULT,
    policies::{
        document::{FrameworkAsk, OnMissing, Policy, Slot},
        evidence::EvidenceAsk,
        exceptions::{BreakGlass, FindingSeverity, LONGEST_WAIVER_DAYS, OnLapse},
        exclude::Exclude,
        freeze::Window,
        rule::{Circumstances, Rule},
        soak::Soak,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What holds for one request, with every default filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asked {
    /// One per role.
    pub approvals: Vec<Slot>,
    pub request_expires_after_hours: u32,
    pub evidence_maximum_age_days: u32,
    pub frameworks: Vec<FrameworkAsk>,
    pub evidence: Vec<EvidenceAsk>,
    pub exclude: Exclude,
    pub different_teams: bool,
    pub conditions_allowed: bool,
    /// One per environment.
    pub soak: Vec<Soak>,
    pub wait_hours: Option<u32>,
    pub approval_expires_after_hours: Option<u32>,
    pub freeze: Vec<Window>,
    pub blocking_finding: FindingSeverity,
    pub on_lapse: OnLapse,
    /// 0 allows no waiver.
    pub waiver_maximum_days: u32,
    /// Nobody may if absent.
    pub break_glass: Option<BreakGlass>,
    /// Codes of checks that warn.
    pub warn: Vec<String>,
}

impl Policy {
    /// What is asked for here.
    pub fn effective(&self, here: &Circumstances) -> Asked {
        let mut asked = self.base();
        for rule in self.rules.iter().filter(|rule| rule.when.matches(here)) {
            asked.tighten(rule);
        }
        asked
    }

    /// What is asked for whatever the circumstances.
    pub(super) fn base(&self) -> Asked {
        let warns = self.gates.iter().filter(|gate| gate.action == OnMissing::Warn);
        let mut asked = Asked {
            approvals: summed(&self.approvals),
            request_expires_after_hours: self.request_expires_after_hours,
            evidence_maximum_age_days: self.evidence_maximum_age_days,
            frameworks: self.frameworks.clone(),
            evidence: Vec::new(),
            exclude: self.exclude.clone(),
            different_teams: self.different_teams,
            conditions_allowed: self.conditions_allowed,
            soak: Vec::new(),
            wait_hours: self.wait_hours,
            approval_expires_after_hours: self.approval_expires_after_hours,
            freeze: self.freeze.clone(),
            blocking_finding: self.blocking_finding.unwrap_or(BLOCKING_BY_DEFAULT),
            on_lapse: self.on_lapse.unwrap_or_default(),
            waiver_maximum_days: self.waivers.map_or(LONGEST_WAIVER_DAYS, |waivers| waivers.maximum_days),
            break_glass: self.break_glass.clone(),
            warn: warns.map(|gate| gate.code.clone()).collect(),
        };
        asked.ask_evidence(&self.evidence);
        asked.ask_soak(&self.soak);
        asked
    }
}

impl Asked {
    /// One entry per person that is needed.
    pub fn seats(&self) -> Vec<String> {
        let seats = self.approvals.iter().flat_map(|slot| (0..slot.count).map(|_| slot.role.clone()));
        seats.collect()
    }

    /// Whether a check of this code stops nothing here.
    pub fn warns(&self, code: &str) -> bool {
        self.warn.iter().any(|warned| warned == code)
    }

    /// Adds what a rule asks for.
    pub(super) fn tighten(&mut self, rule: &Rule) {
        self.ask_approvals(&rule.approvals);
        self.ask_frameworks(&rule.frameworks);
        self.ask_evidence(&rule.evidence);
        self.ask_soak(&rule.soak);
        self.exclude.join(&rule.exclude);
        self.different_teams |= rule.different_teams;
        for window in &rule.freeze {
            if !self.freeze.contains(window) {
                self.freeze.push(window.clone());
            }
        }
        smaller(&mut self.request_expires_after_hours, rule.request_expires_after_hours);
        smaller(&mut self.evidence_maximum_age_days, rule.evidence_maximum_age_days);
        smaller(&mut self.waiver_maximum_days, rule.waivers.map(|waivers| waivers.maximum_days));
        smaller(&mut self.blocking_finding, rule.blocking_finding);
        self.on_lapse = self.on_lapse.max(rule.on_lapse.unwrap_or_default());
        self.wait_hours = self.wait_hours.max(rule.wait_hours);
        self.approval_expires_after_hours = match (self.approval_expires_after_hours, rule.approval_expires_after_hours)
        {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        if let Some(terms) = &rule.break_glass {
            self.break_glass = self.break_glass.as_ref().and_then(|allowed| allowed.narrowed(terms));
        }
        self.warn.retain(|code| !rule.gates.iter().any(|gate| gate.action == OnMissing::Block && gate.code == *code));
    }

    fn ask_approvals(&mut self, slots: &[Slot]) {
        for slot in summed(slots) {
            match self.approvals.iter_mut().find(|asked| asked.role == slot.role) {
                Some(asked) => asked.count = asked.count.max(slot.count),
                None => self.approvals.push(slot),
            }
        }
    }

    fn ask_frameworks(&mut self, asks: &[FrameworkAsk]) {
        for ask in asks {
            match self.frameworks.iter_mut().find(|asked| asked.id == ask.id) {
                Some(asked) => asked.missing = asked.missing.max(ask.missing),
                None => self.frameworks.push(ask.clone()),
            }
        }
    }

    fn ask_evidence(&mut self, asks: &[EvidenceAsk]) {
        for ask in asks {
            match self.evidence.iter_mut().find(|asked| asked.is_about_the_same(ask)) {
                Some(asked) => asked.tighten(ask),
                None => self.evidence.push(ask.clone()),
            }
        }
    }

    fn ask_soak(&mut self, soaks: &[Soak]) {
        for soak in soaks {
            match self.soak.iter_mut().find(|asked| asked.environment == soak.environment) {
                Some(asked) => asked.hours = asked.hours.max(soak.hours),
                None => self.soak.push(soak.clone()),
            }
        }
    }
}

/// A role that is listed twice in one document is needed as often as both say.
fn summed(slots: &[Slot]) -> Vec<Slot> {
    let mut all: Vec<Slot> = Vec::new();
    for slot in slots {
        match all.iter_mut().find(|known| known.role == slot.role) {
            Some(known) => known.count = known.count.saturating_add(slot.count),
            None => all.push(slot.clone()),
        }
    }
    all
}

fn smaller<T: Ord + Copy>(held: &mut T, asked: Option<T>) {
    *held = asked.map_or(*held, |asked| asked.min(*held));
}

#[cfg(test)]
mod tests;
