//! Figures of one perturbation, one threshold or one class.

use super::{
    super::{
        measured::{Keyed, Measured},
        metric::{Dimension, Metric},
        spec::Constraint,
        words::Words,
    },
    Beyond, Candidate, missing,
};

/// The perturbation that the limit names, or all of them: the worst decides.
///
/// One that could not be carried out keeps a limit on all of them from being judged: it could have been the worst.
pub fn under_perturbation(constraint: &Constraint, measured: &Measured) -> Result<Vec<Candidate>, String> {
    let (metric, wanted) = (constraint.metric, constraint.perturbation.as_deref());
    let failed = |name: &str| measured.absent.get(&perturbed(name));
    if let Some(name) = wanted
        && let Some(reason) = failed(name)
    {
        return Err(format!("{} under {name} was not measured: {reason}", metric.word().replace('_', " ")));
    }
    let failure = measured.absent.iter().find(|(what, _)| what.starts_with(PERTURBED));
    if let (None, Some((what, reason))) = (wanted, failure) {
        let name = what.trim_start_matches(PERTURBED);
        return Err(format!("the worst of all perturbations isn't known: {name} was not measured: {reason}"));
    }
    let all = measured.keyed(Dimension::Robustness, metric);
    let found: Vec<Candidate> = all
        .filter(|one| wanted.is_none_or(|name| one.key == name))
        .map(|one| Candidate {
            doubt: left_out(measured, one),
            ..candidate(constraint, one, format!("{} under {}", spoken(constraint), one.key))
        })
        .collect();
    if found.is_empty() { Err(missing(measured, metric.word())) } else { Ok(found) }
}

/// Why a change of scores makes nothing pass: it is over the rows that still had a finite answer.
fn left_out(measured: &Measured, one: &Keyed) -> Option<String> {
    if !matches!(one.metric, Metric::MaxScoreChange | Metric::CalibrationChange) {
        return None;
    }
    let mut rates = measured.keyed(Dimension::Robustness, Metric::NonFiniteRate).filter(|rate| rate.key == one.key);
    let rate = rates.next()?.figure.value.filter(|rate| 0.0 < *rate)?;
    Some(format!("{:.1} % of the answers are no finite numbers and are left out of it", rate * 100.0))
}

/// What stands before the name of a perturbation where a measurement says why it was not carried out.
const PERTURBED: &str = "perturbation ";

/// The name under which a measurement says why a perturbation was not carried out.
pub fn perturbed(name: &str) -> String {
    format!("{PERTURBED}{name}")
}

/// All outputs of which something was recorded: the worst decides, and one that could not be compared could have been it.
pub fn with_recorded(constraint: &Constraint, measured: &Measured) -> Result<Vec<Candidate>, String> {
    let metric = constraint.metric;
    if let Some((what, reason)) = measured.absent.iter().find(|(what, _)| what.starts_with(OUTPUT)) {
        let name = what.trim_start_matches(OUTPUT);
        return Err(format!("{} of {name} was not measured: {reason}", spoken(constraint)));
    }
    let found = measured.keyed(Dimension::Agreement, metric);
    let subject = |one: &Keyed| match metric {
        Metric::MaxDifference => format!("the largest difference of {} from what was recorded", one.key),
        Metric::WithinTolerance => match measured.tolerances.get(&one.key) {
            Some(tolerance) => format!("the share of rows of {} within {tolerance} of what was recorded", one.key),
            None => format!("the share of rows of {} as they were recorded", one.key),
        },
        _ => format!("the share of rows of {} that decide otherwise than recorded", one.key),
    };
    let undefined = "an answer is no finite number where one was recorded, or the other way round";
    let found: Vec<Candidate> = found
        .map(|one| Candidate {
            doubt: one.figure.value.is_none().then(|| undefined.to_owned()),
            ..candidate(constraint, one, subject(one))
        })
        .collect();
    match (found.is_empty(), metric) {
        (false, _) => Ok(found),
        (true, Metric::FlipRate) if measured.keyed(Dimension::Agreement, Metric::WithinTolerance).next().is_some() => {
            let why = "numbers decide nothing; record labels, or give an output under tensors.expected a threshold";
            Err(format!("flip_rate was not measured: {why}"))
        }
        (true, Metric::MaxDifference)
            if measured.keyed(Dimension::Agreement, Metric::WithinTolerance).next().is_some() =>
        {
            let why = "labels have no distance; name columns with recorded scores under recorded.scores";
            Err(format!("max_difference was not measured: {why}"))
        }
        _ => Err(missing(measured, OUTPUTS)),
    }
}

/// What stands before the name of an output where a measurement says why it was not held against what was recorded.
const OUTPUT: &str = "output ";
/// Where it says why there is nothing to hold answers against.
pub const OUTPUTS: &str = "agreement";

/// The name under which a measurement says why an output was not compared.
pub fn of_output(name: &str) -> String {
    format!("{OUTPUT}{name}")
}

pub fn at_threshold(constraint: &Constraint, measured: &Measured) -> Result<Vec<Candidate>, String> {
    let key = constraint.threshold.unwrap_or_default().to_string();
    let subject = match constraint.metric {
        super::Metric::RetainedAccuracy => format!("accuracy of the answers of at least {key} certainty"),
        _ => format!("the share of answers below {key} certainty"),
    };
    of_key(constraint, measured, &key, subject)
}

pub fn of_class(constraint: &Constraint, measured: &Measured) -> Result<Vec<Candidate>, String> {
    let class = constraint.class.as_deref().unwrap_or_default();
    let subject = format!("{} of the class {class}", spoken(constraint));
    match of_key(constraint, measured, class, subject) {
        Err(_) if measured.keyed.iter().any(|one| one.dimension == Dimension::Quality) => {
            Err(format!("no row has the class {class}, neither in the data nor in the answers"))
        }
        found => found,
    }
}

fn of_key(constraint: &Constraint, measured: &Measured, key: &str, subject: String) -> Result<Vec<Candidate>, String> {
    let found = measured.keyed(constraint.dimension, constraint.metric).find(|one| one.key == key);
    let found = found.ok_or_else(|| missing(measured, constraint.metric.word()))?;
    Ok(vec![candidate(constraint, found, subject)])
}

fn spoken(constraint: &Constraint) -> String {
    constraint.metric.word().replace('_', " ")
}

fn candidate(constraint: &Constraint, one: &Keyed, subject: String) -> Candidate {
    // Nobody's answers were kept, or no row was left: said as it is.
    let doubt = (one.figure.value.is_none() && constraint.dimension == Dimension::Abstention)
        .then(|| "no answer is that certain".to_owned());
    Candidate { subject, figure: one.figure, counted: "rows", doubt, left_out: None, beyond: Beyond::Interval }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::figure::Figure;

    #[test]
    fn a_change_over_the_rows_that_still_answer_is_doubted_and_what_counts_all_rows_is_not() {
        let mut measured = Measured::default();
        for (metric, key, value) in [
            (Metric::NonFiniteRate, "missing", 0.5),
            (Metric::NonFiniteRate, "noise", 0.0),
            (Metric::MaxScoreChange, "missing", 0.0),
            (Metric::MaxScoreChange, "noise", 0.0),
            (Metric::FlipRate, "missing", 0.5),
        ] {
            measured.add_keyed(Dimension::Robustness, metric, key, Figure::point(Some(value), 10));
        }
        let doubts: Vec<_> = measured.keyed.iter().map(|one| left_out(&measured, one)).collect();
        assert!(doubts[2].as_deref().is_some_and(|doubt| doubt.starts_with("50.0 %")), "{doubts:?}");
        assert_eq!(doubts.iter().flatten().count(), 1, "{doubts:?}");
    }
}
