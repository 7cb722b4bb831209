//! Verdicts as a table: what failed first.

use crate::{
    constraints::{ConstraintVerdict, Operator, Severity, Unit, Verdict, reason},
    web::words,
};

pub struct VerdictRow {
    pub constraint: String,
    /// What is measured, such as "p95 latency" or "demographic parity ratio by sex".
    pub subject: String,
    pub state: String,
    pub tone: &'static str,
    pub severity: String,
    pub measured: String,
    pub interval: String,
    pub limit: String,
    /// How much of the limit is left.
    pub margin: String,
    pub owner: String,
    pub reason: String,
    /// How it was measured.
    pub method: String,
}

/// What stops a promotion first, then what only warns, then what passed.
pub fn rows(verdicts: &[ConstraintVerdict]) -> Vec<VerdictRow> {
    let mut ordered: Vec<_> = verdicts.iter().collect();
    ordered.sort_by_key(|verdict| rank(verdict));
    ordered.into_iter().map(row).collect()
}

/// "1 failed, 2 not measured, 9 passed".
pub fn summary(verdicts: &[ConstraintVerdict]) -> String {
    let all = [
        (Verdict::Fail, "failed"),
        (Verdict::Inconclusive, "inconclusive"),
        (Verdict::NotMeasured, "not measured"),
        (Verdict::NotRepresentative, "not representative"),
        (Verdict::Waived, "waived"),
        (Verdict::Pass, "passed"),
    ];
    let counted = all.into_iter().map(|(kind, word)| (verdicts.iter().filter(|v| v.verdict == kind).count(), word));
    let parts: Vec<_> = counted.filter(|(n, _)| *n != 0).map(|(n, word)| format!("{n} {word}")).collect();
    parts.join(", ")
}

/// "at most 20 ms".
pub fn limit(operator: Operator, limit: f64, unit: Unit) -> String {
    let amount = reason::amount(limit, unit, limit);
    match operator {
        Operator::AtMost => format!("at most {amount}"),
        Operator::Below => format!("less than {amount}"),
        Operator::AtLeast => format!("at least {amount}"),
        Operator::Above => format!("more than {amount}"),
    }
}

/// What only warns is never as loud as what stops a promotion.
pub fn tone(verdict: &ConstraintVerdict) -> &'static str {
    match (verdict.verdict, verdict.severity) {
        (Verdict::Fail, Severity::Warn | Severity::Info) => "mind",
        _ => words::tone(&verdict.verdict.to_string()),
    }
}

fn rank(verdict: &ConstraintVerdict) -> (u8, u8) {
    let passed = verdict.verdict == Verdict::Pass;
    let severity = match verdict.severity {
        Severity::Block => 0,
        Severity::Warn => 1,
        Severity::Info => 2,
    };
    match verdict.verdict {
        _ if passed => (3, severity),
        Verdict::Fail => (severity, 0),
        _ => (severity, 1),
    }
}

/// Who measured it, if that was not the registry.
fn by_whom(verdict: &ConstraintVerdict) -> String {
    verdict.reported.as_ref().map_or_else(String::new, |source| format!(", reported by {}", source.key))
}

fn row(verdict: &ConstraintVerdict) -> VerdictRow {
    let metric = words::spoken(&verdict.metric.to_string());
    let subject = match (verdict.statistic, &verdict.attribute) {
        (Some(statistic), _) => format!("{statistic} {metric}"),
        (None, Some(attribute)) => format!("{metric} by {attribute}"),
        (None, None) => metric,
    };
    let state = verdict.verdict.to_string();
    let amount = |value| reason::amount(value, verdict.unit, verdict.limit);
    VerdictRow {
        constraint: verdict.constraint.clone(),
        subject,
        state: words::spoken(&state),
        tone: tone(verdict),
        severity: verdict.severity.to_string(),
        measured: verdict.measured.map(amount).map(|measured| measured + &by_whom(verdict)).unwrap_or_default(),
        interval: verdict.interval.map(|i| format!("{} to {}", amount(i.low), amount(i.high))).unwrap_or_default(),
        limit: limit(verdict.operator, verdict.limit, verdict.unit),
        margin: verdict.margin.map(reason::margin).unwrap_or_default(),
        owner: verdict.owner.clone(),
        reason: verdict.reason.clone(),
        method: verdict.method.clone(),
    }
}
