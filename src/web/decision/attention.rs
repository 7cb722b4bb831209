//! What there is to look at before anybody decides.

use super::readiness::Readiness;
use crate::{
    error::FailedCheck,
    policies::OnMissing,
    promotions::{changes, ops::Detail},
    web::measured::Findings,
};

pub struct Attention {
    pub tone: &'static str,
    pub word: String,
    pub detail: String,
    pub owner: String,
}

impl Attention {
    fn new(tone: &'static str, word: &str, detail: impl Into<String>) -> Self {
        Self { tone, word: word.to_owned(), detail: detail.into(), owner: String::new() }
    }

    fn of(tone: &'static str, word: &str, check: &FailedCheck) -> Self {
        Self { owner: check.owner.clone().unwrap_or_default(), ..Self::new(tone, word, check.detail.as_str()) }
    }
}

/// What stops it first, then what only warns.
pub fn of(detail: &Detail, found: &Findings, readiness: &Readiness) -> Vec<Attention> {
    let promotion = &detail.promotion;
    let open = promotion.stage.is_open();
    let failed = if open { &detail.assessment.failed } else { &promotion.checks };
    let mut all: Vec<_> = failed.iter().map(|check| Attention::of("bad", "stops it", check)).collect();
    if open && detail.assessment.digest != promotion.decision_digest {
        let differs = changes::between(&promotion.decision, &detail.assessment.decision);
        let detail = format!(
            "What it rests on is not what it was: {}. A decision now would end the request; it has to be asked for \
             again.",
            changes::sentence(&differs)
        );
        all.push(Attention::new("bad", "changed", detail));
    }
    if open {
        all.extend(detail.assessment.warnings.iter().map(|check| Attention::of("mind", "warns", check)));
    }
    let warned = found.verdicts.iter().filter(|row| row.severity != "block" && row.tone != "good");
    all.extend(warned.map(|row| Attention {
        owner: row.owner.clone(),
        ..Attention::new("mind", &row.state, format!("{}: {}", row.constraint, row.reason))
    }));
    let excepted = found.verdicts.iter().filter(|row| row.severity == "block" && row.state == "waived");
    all.extend(excepted.map(|row| Attention {
        owner: row.owner.clone(),
        ..Attention::new("mind", "waived", format!("{}: {}", row.constraint, row.reason))
    }));
    let short = detail.frameworks.iter().filter(|held| held.on_missing == Some(OnMissing::Warn));
    all.extend(short.filter_map(|held| lacking(held.title(), held.awaited())));
    let small = found.subgroups.tables.iter().filter(|table| !table.small.is_empty());
    all.extend(
        small.map(|table| Attention::new("mind", "too few rows to tell", format!("{}: {}", table.title, table.small))),
    );
    let vacant = readiness.vacancies();
    if open && !vacant.is_empty() {
        all.push(Attention::new("mind", "vacant", format!("Nobody answers for {}.", vacant.join(", "))));
    }
    all
}

/// A framework whose items are only shown.
fn lacking(title: &str, items: usize) -> Option<Attention> {
    let detail =
        format!("{title}: {items} of what it asks for {} missing or stale", if items == 1 { "is" } else { "are" });
    (0 < items).then(|| Attention::new("mind", "not on record", detail))
}
