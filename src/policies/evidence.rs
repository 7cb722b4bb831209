//! Evidence that there must be, by kind, and how old it may be.

use crate::{
    accountability::Kind,
    constraints::words::{Words, words},
    core::clock::rfc3339,
    error::FailedCheck,
    models::Accountability,
    policies::document::OnMissing,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What a record that is asked for is about.
    EvidenceWord {
        Performance = "performance",
        Robustness = "robustness",
        Bias = "bias",
        Quality = "quality",
        Scan = "scan",
        Provenance = "provenance",
        Document = "document",
        Kpi = "kpi",
        /// That a rollback from here was tried and worked; asked for where there is a way back.
        Rehearsal = "rehearsal",
        Assumption = "assumption",
        Degradation = "degradation",
        Runbook = "runbook",
        Sla = "sla",
        Escalation = "escalation",
        IntegrationMap = "integration_map",
    }

    /// Who it comes from.
    EvidenceSource {
        /// The registry's own worker measured it.
        Measured = "measured",
        /// Somebody outside signed it.
        Reported = "reported",
        /// Somebody put it on record, answers for it, and looks at it again by a day.
        Record = "record",
    }
}

impl EvidenceWord {
    /// For which accountability somebody answers that it is there.
    pub fn answers(self) -> Accountability {
        match self {
            Self::Performance | Self::Robustness | Self::Bias | Self::Quality => Accountability::Validation,
            Self::Scan | Self::Provenance => Accountability::Development,
            Self::Document => Accountability::Compliance,
            Self::Kpi => Accountability::Business,
            Self::Rehearsal => Accountability::Operations,
            Self::Assumption => Accountability::Development,
            Self::Degradation | Self::Runbook | Self::Sla | Self::Escalation | Self::IntegrationMap => {
                Accountability::Operations
            }
        }
    }
}

/// One record that there must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceAsk {
    pub kind: EvidenceWord,
    /// Which document, or which report of that name. Any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who it must come from. Measured or reported if absent; runbooks and their like are always
    /// records, and a KPI is one with `record`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<EvidenceSource>,
    /// Older than this it does not count. 1 to 3,650; any age if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_age_days: Option<u32>,
    /// What it does when it is not there, or too old. `block` if absent.
    #[serde(default)]
    pub missing: OnMissing,
}

impl EvidenceAsk {
    /// The kind of record that is asked for; `None` where evidence about the version is.
    pub fn record_kind(&self) -> Option<Kind> {
        match self.kind {
            EvidenceWord::Kpi if self.source == Some(EvidenceSource::Record) => Some(Kind::Kpi),
            EvidenceWord::Assumption => Some(Kind::Assumption),
            EvidenceWord::Degradation => Some(Kind::Degradation),
            EvidenceWord::Runbook => Some(Kind::Runbook),
            EvidenceWord::Sla => Some(Kind::Sla),
            EvidenceWord::Escalation => Some(Kind::Escalation),
            EvidenceWord::IntegrationMap => Some(Kind::IntegrationMap),
            _ => None,
        }
    }

    /// Whether such a thing can come from there at all.
    pub fn has_a_source(&self) -> bool {
        match self.source {
            None => true,
            Some(source) => (source == EvidenceSource::Record) == self.record_kind().is_some(),
        }
    }

    /// Whether both are about the same record.
    pub fn is_about_the_same(&self, other: &Self) -> bool {
        (self.kind, &self.name, self.source) == (other.kind, &other.name, other.source)
    }

    /// What meets both asks.
    pub fn tighten(&mut self, other: &Self) {
        self.maximum_age_days = match (self.maximum_age_days, other.maximum_age_days) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.missing = self.missing.max(other.missing);
    }

    fn is_met_by(&self, held: &Held<'_>) -> bool {
        held.kind == self.kind.word()
            && self.source.is_none_or(|source| source == held.source)
            && self.name.as_deref().is_none_or(|name| held.name == Some(name))
    }

    fn described(&self) -> String {
        let source = self.source.map_or_else(String::new, |source| format!("{source} "));
        let name = self.name.as_ref().map_or_else(String::new, |name| format!(" \"{name}\""));
        format!("{source}{} evidence{name}", self.kind)
    }
}

/// One record that a version has and that counts now.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    pub kind: &'a str,
    pub name: Option<&'a str>,
    pub source: EvidenceSource,
    /// When it was measured, or issued.
    pub at: DateTime<Utc>,
}

/// What an ask finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    pub check: FailedCheck,
    pub missing: OnMissing,
}

/// What of evidence about the version is asked for and not there, or too old; the last moment of an age still counts.
///
/// `version` is how people name the version, `owner` gives who answers for a kind.
pub fn lacks(
    asks: &[EvidenceAsk],
    held: &[Held<'_>],
    version: &str,
    owner: impl Fn(Accountability) -> Option<String>,
    now: DateTime<Utc>,
) -> Vec<Lack> {
    let lack = |ask: &EvidenceAsk| {
        let latest = held.iter().filter(|held| ask.is_met_by(held)).map(|held| held.at).max();
        let (code, detail) = match (latest, ask.maximum_age_days) {
            (None, _) => {
                let what = ask.described();
                ("required_evidence_missing", format!("{version} has no {what}, and the policy asks for it"))
            }
            (Some(at), Some(days)) if TimeDelta::days(i64::from(days)) < now - at => {
                let what = ask.described();
                let detail = format!("the {what} of {version} is of {}, older than {days} days", rfc3339(at));
                ("required_evidence_expired", detail)
            }
            _ => return None,
        };
        let check = FailedCheck { check: code.to_owned(), detail, owner: owner(ask.kind.answers()) };
        Some(Lack { check, missing: ask.missing })
    };
    asks.iter().filter(|ask| ask.record_kind().is_none()).filter_map(lack).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn ask(written: Value) -> EvidenceAsk {
        serde_json::from_value(written).expect("an ask")
    }

    #[test]
    fn a_record_counts_by_kind_name_source_and_age() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(100);
        let held = |kind, name, source, age| Held { kind, name, source, at: now - TimeDelta::days(age) };
        let all = [
            held("quality", None, EvidenceSource::Measured, 40),
            held("quality", None, EvidenceSource::Measured, 30),
            held("document", Some("model-card"), EvidenceSource::Reported, 5),
        ];
        for (written, code) in [
            (json!({"kind": "quality"}), None),
            (json!({"kind": "quality", "maximum_age_days": 30}), None),
            (json!({"kind": "quality", "maximum_age_days": 29}), Some("required_evidence_expired")),
            (json!({"kind": "quality", "source": "reported"}), Some("required_evidence_missing")),
            (json!({"kind": "document", "name": "model-card", "source": "reported"}), None),
            (json!({"kind": "document", "name": "dpia"}), Some("required_evidence_missing")),
            (json!({"kind": "bias"}), Some("required_evidence_missing")),
        ] {
            let found = lacks(&[ask(written.clone())], &all, "scorer@1", |what| Some(what.to_string()), now);
            assert_eq!(found.first().map(|lack| lack.check.check.as_str()), code, "{written}");
        }
        let found = lacks(&[ask(json!({"kind": "bias", "missing": "warn"}))], &all, "scorer@1", |_| None, now);
        assert_eq!(found[0].missing, OnMissing::Warn);
        assert!(found[0].check.detail.contains("scorer@1"), "{:?}", found[0]);
    }

    #[test]
    fn the_one_who_answers_for_a_kind_is_named() {
        let asks = [ask(json!({"kind": "scan"}))];
        let owner = |what| (what == Accountability::Development).then(|| "dana".to_owned());
        let found = lacks(&asks, &[], "scorer@1", owner, DateTime::UNIX_EPOCH);
        assert_eq!(found[0].check.owner.as_deref(), Some("dana"));
    }

    #[test]
    fn of_two_asks_the_smaller_age_and_the_stop_hold() {
        let mut one = ask(json!({"kind": "scan", "maximum_age_days": 30, "missing": "warn"}));
        one.tighten(&ask(json!({"kind": "scan", "maximum_age_days": 7, "missing": "block"})));
        assert_eq!(one, ask(json!({"kind": "scan", "maximum_age_days": 7})));
        one.tighten(&ask(json!({"kind": "scan", "missing": "warn"})));
        assert_eq!(one, ask(json!({"kind": "scan", "maximum_age_days": 7})));
    }
}
