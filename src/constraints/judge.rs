//! From figures to verdicts.
//!
//! Order of the rules: not measured, not representative, undefined or not finite, too few
//! samples, half a comparison, then the limit. A constraint on the groups of an attribute takes
//! the worst group.

mod reports;

use super::{
    find::{Beyond, Candidate, find},
    measured::{HostFingerprint, Measured},
    reason,
    spec::{Confidence, Constraint, ConstraintSpec, Hardware, Machine},
    verdict::{ConstraintVerdict, Verdict},
};
use crate::stats::interval::Interval;

/// One verdict per constraint, in the order of the spec.
pub fn judge(spec: &ConstraintSpec, measured: &Measured) -> Vec<ConstraintVerdict> {
    let one = |constraint| judge_one(constraint, spec.hardware(), measured);
    spec.constraints().iter().map(one).collect()
}

fn judge_one(constraint: &Constraint, hardware: Option<&Hardware>, measured: &Measured) -> ConstraintVerdict {
    match find(constraint, measured) {
        Ok(candidates) => by_figures(constraint, hardware, measured.host.as_ref(), &candidates),
        Err(reason) => reports::worst(constraint, hardware, &measured.stand_ins)
            .unwrap_or_else(|| answer(constraint, Verdict::NotMeasured, None, reason)),
    }
}

/// The worst of the figures decides; `host` is where they come from.
fn by_figures(
    constraint: &Constraint,
    hardware: Option<&Hardware>,
    host: Option<&HostFingerprint>,
    candidates: &[Candidate],
) -> ConstraintVerdict {
    let conclusions = candidates.iter().map(|c| (c, conclude(constraint, c)));
    let worst = conclusions.reduce(|worst, next| {
        let (a, b) = (rank(constraint, &worst), rank(constraint, &next));
        if a.0 < b.0 || (a.0 == b.0 && b.1 < a.1) { next } else { worst }
    });
    let Some((candidate, (mut verdict, mut reason))) = worst else {
        let reason = "nothing was found to compare".to_owned();
        return answer(constraint, Verdict::NotMeasured, None, reason);
    };
    if constraint.representative_hardware
        && let Some(mismatch) = mismatch(hardware, host)
    {
        verdict = Verdict::NotRepresentative;
        reason = format!("{reason}; but {mismatch}");
    } else if let Some(remark) = remark(constraint, hardware, host) {
        reason = format!("{reason}; {remark}");
    }
    answer(constraint, verdict, Some(candidate), reason)
}

/// How bad, and how much is left to the limit: of two that are as bad, less left is worse.
fn rank(constraint: &Constraint, (candidate, (verdict, _)): &Concluded) -> (u8, f64) {
    let bad = match verdict {
        Verdict::Pass => 0,
        Verdict::Fail => 2,
        Verdict::Inconclusive | Verdict::NotMeasured | Verdict::NotRepresentative | Verdict::Waived => 1,
    };
    let value = candidate.figure.value.unwrap_or(f64::NAN);
    (bad, slack(constraint, value))
}

type Concluded<'a> = (&'a Candidate, (Verdict, String));

/// How far a value in base units is inside of the limit; negative outside.
pub(super) fn slack(constraint: &Constraint, value: f64) -> f64 {
    let limit = constraint.limit_in_base();
    if constraint.operator.is_upper_limit() { limit - value } else { value - limit }
}

fn conclude(constraint: &Constraint, candidate: &Candidate) -> (Verdict, String) {
    let Candidate { subject, figure, .. } = candidate;
    let inconclusive = |reason| (Verdict::Inconclusive, reason);
    let Some(value) = figure.value else {
        let why = candidate.doubt.as_deref().unwrap_or("its denominator is empty or its input out of range");
        return inconclusive(format!("{subject} is undefined: {why}"));
    };
    if !value.is_finite() {
        return inconclusive(format!("{subject} isn't a finite number"));
    }
    let found = found(constraint, candidate, value);
    if figure.n < constraint.minimum_samples {
        let asked = constraint.minimum_samples;
        return inconclusive(format!("{found}; at least {asked} are asked for"));
    }
    if let Some(doubt) = &candidate.doubt {
        return inconclusive(format!("{found}; {doubt}"));
    }
    let (verdict, remark) = match constraint.confidence {
        Confidence::Point if holds(constraint, value) => (Verdict::Pass, ""),
        Confidence::Point => (Verdict::Fail, ""),
        Confidence::Interval => by_interval(constraint, value, figure.interval, candidate.beyond),
    };
    let limit = reason::limit(constraint);
    let left_out = candidate.left_out.as_deref().unwrap_or("");
    (verdict, format!("{found}; {limit}{remark}{left_out}"))
}

fn holds(constraint: &Constraint, value: f64) -> bool {
    constraint.operator.holds(value, constraint.limit_in_base())
}

/// Inside: pass. Outside: fail. On both sides, or no interval: inconclusive. The point is asked
/// as well, so that an interval can't pass what its own point doesn't.
fn by_interval(
    constraint: &Constraint,
    value: f64,
    interval: Option<Interval>,
    beyond: Beyond,
) -> (Verdict, &'static str) {
    let Some(Interval { low, high, .. }) = interval else {
        return (
            Verdict::Inconclusive,
            ", and no 95 % interval can be given for so little variation or so few samples",
        );
    };
    if !(low.is_finite() && high.is_finite()) {
        return (Verdict::Inconclusive, ", and the interval isn't finite");
    }
    match [low, value, high].map(|end| holds(constraint, end)) {
        [true, true, true] => (Verdict::Pass, ""),
        [false, false, false] => match beyond {
            Beyond::Interval => (Verdict::Fail, ""),
            Beyond::AllPairs(Some(all)) if ![all.low, all.high].iter().any(|end| holds(constraint, *end)) => {
                (Verdict::Fail, "")
            }
            Beyond::AllPairs(_) => (
                Verdict::Inconclusive,
                ", and the interval is beyond it, but the farthest of so many groups may lie there by chance",
            ),
        },
        _ => (Verdict::Inconclusive, ", and the interval reaches over it"),
    }
}

/// "p95 is 3.1 ms over 500 calls"
fn found(constraint: &Constraint, candidate: &Candidate, value: f64) -> String {
    let Constraint { unit, limit, .. } = constraint;
    let amount = reason::amount(unit.from_base(value), *unit, *limit);
    let shown = candidate.figure.interval.filter(|_| constraint.confidence == Confidence::Interval);
    let interval =
        shown.and_then(|i| in_unit(constraint, i)).map(|i| format!(" ({})", reason::interval(i, *unit, *limit)));
    let (subject, n) = (&candidate.subject, candidate.figure.n);
    let over = match candidate.counted {
        _ if n == 1 && constraint.minimum_samples <= 1 => String::new(),
        counted => format!(" over {n} {counted}"),
    };
    format!("{subject} is {amount}{}{over}", interval.unwrap_or_default())
}

fn in_unit(constraint: &Constraint, interval: Interval) -> Option<Interval> {
    interval.map(|end| constraint.unit.from_base(end), interval.method)
}

/// Why the figures don't speak for the hardware that the spec means.
///
/// A spec that never says what its hardware is can't be satisfied by whatever machine happened to measure.
fn mismatch(wanted: Option<&Hardware>, host: Option<&HostFingerprint>) -> Option<String> {
    let Some(host) = host else {
        return Some("the hardware it was measured on isn't known".to_owned());
    };
    let (cpu_model, cores, label) = match wanted {
        Some(Hardware::Any(_)) => return None,
        Some(Hardware::Of(Machine { cpu_model, cores, label })) => (cpu_model.as_ref(), *cores, label.as_ref()),
        None => {
            return Some(format!(
                "it was measured on {}, and the spec doesn't say which hardware is representative; add `hardware` to it",
                machine(host)
            ));
        }
    };
    if let Some(label) = label.filter(|label| host.label.as_ref() != Some(label)) {
        return Some(format!("it was not measured by a worker with the label hardware={label}"));
    }
    match (cpu_model, cores) {
        (Some(cpu), _) if *cpu != host.cpu_model => {
            Some(format!("it was measured on `{}` and the environment has `{cpu}`", host.cpu_model))
        }
        (_, Some(cores)) if cores != host.cores => {
            Some(format!("it was measured on {} cores and the environment has {cores}", host.cores))
        }
        _ => None,
    }
}

/// What a reader has to know about a figure of a machine when nobody said which machine counts.
fn remark(constraint: &Constraint, hardware: Option<&Hardware>, host: Option<&HostFingerprint>) -> Option<String> {
    if hardware.is_some() || !constraint.dimension.depends_on_the_machine() {
        return None;
    }
    let machine = host.map_or_else(|| "an unknown machine".to_owned(), machine);
    Some(format!("measured on {machine}; the spec doesn't say whether that is like the environment's hardware"))
}

fn machine(host: &HostFingerprint) -> String {
    format!("`{}` with {} cores", host.cpu_model, host.cores)
}

fn answer(
    constraint: &Constraint,
    verdict: Verdict,
    candidate: Option<&Candidate>,
    reason: String,
) -> ConstraintVerdict {
    let figure = candidate.map(|c| c.figure);
    let value = figure.and_then(|f| f.value).filter(|v| v.is_finite());
    let size = constraint.limit_in_base().abs();
    let margin = value.map(|v| slack(constraint, v) / size);
    ConstraintVerdict {
        constraint: constraint.name.clone(),
        dimension: constraint.dimension,
        metric: constraint.metric,
        statistic: constraint.statistic,
        attribute: constraint.attribute.clone(),
        operator: constraint.operator,
        limit: constraint.limit,
        unit: constraint.unit,
        severity: constraint.severity,
        owner: constraint.owner.clone(),
        verdict,
        measured: value.map(|v| constraint.unit.from_base(v)).filter(|v| v.is_finite()),
        interval: figure.and_then(|f| f.interval).and_then(|i| in_unit(constraint, i)),
        samples: figure.map(|f| f.n),
        margin: margin.filter(|m| m.is_finite()),
        reason,
        method: constraint.method().to_owned(),
        reported: None,
    }
}

#[cfg(test)]
mod tests;
