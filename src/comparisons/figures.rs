//! What two versions differ in, from what the sandbox saw of both. Pure.
//!
//! Aggregates only. A group below [`MINIMUM_GROUP`] has a count of rows and nothing else.

use crate::{
    comparisons::outputs::{OutputChange, are_repeated, changes},
    constraints::{HostFingerprint, Load, LoadRun, Measured},
    sandbox::{LatencySamples, Observation},
    stats::{
        fairness::MAXIMUM_GROUPS,
        figure::{Figure, Rate},
        interval,
        percentile::percentile,
    },
    validation::evidence::Basis,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;

/// Fewer rows of a group have a count and no rate.
pub const MINIMUM_GROUP: usize = 30;

/// Of a comparison without labels.
pub const NO_QUALITY: &str = "none";

pub const METHOD: &str = "Both versions predict the same rows in sandboxes of their own on one machine, in the order baseline, candidate, baseline, candidate; each of the two turns times half of a load's calls, and the calls of both turns are taken together. Percentiles are nearest-rank with order-statistic 95 % intervals; a ratio is candidate over baseline. A row has flipped when the two give it another label. The score change of a row is the largest difference of the probability of any class, or the difference of the predicted values. Differences are candidate minus baseline, row by row, with Student's t intervals over the rows; the rate of flips has Wilson's. Without labels every output is held against the other version's as it is: the largest difference of a number, the cosine between both answers to a row, and whether another number of the row is the largest. Memory is the resident maximum of the sandbox's process, the larger of two turns; load time is the median over the loads of both.";

/// One of the two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Side {
    pub number: i64,
    /// Manifest digest.
    pub version: String,
    pub artifact_bytes: u64,
    pub load_time_s: Figure,
    pub peak_memory_bytes: u64,
    pub model_memory_bytes: u64,
    /// Accuracy of a classifier, mean absolute error of a predicted number; null without truth that can be read.
    pub quality: Figure,
    pub loads: Vec<LoadRun>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupFlips {
    pub attribute: String,
    pub group: String,
    pub rows: u64,
    /// None for a group that is too small.
    pub flips: Option<Rate>,
}

/// What a comparison found; its canonical JSON has the digest.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ComparisonBody {
    /// Of the candidate, with the rows and the limits that both were measured with.
    pub basis: Basis,
    pub baseline: Side,
    pub candidate: Side,
    /// `accuracy` or `mae`: what `quality` and `quality_difference` are; `none` where the rows have no labels.
    pub quality_metric: String,
    /// Candidate minus baseline, over the same rows.
    pub quality_difference: Figure,
    /// Rows with another label. None for predicted numbers.
    pub flips: Option<Rate>,
    /// Of the flips: those that were wrong and are right now, and the other way round.
    pub flips_to_right: u64,
    pub flips_to_wrong: u64,
    /// Over all rows; none where the models give no scores, or not for the same classes.
    pub max_score_change: Option<f64>,
    pub mean_score_change: Option<Figure>,
    /// The outputs as they are, where no labels say what they mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputChange>,
    /// Outputs that are not in `outputs`, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uncompared: BTreeMap<String, String>,
    pub groups: Vec<GroupFlips>,
    /// Attributes that are not in `groups`, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ungrouped: BTreeMap<String, String>,
    pub host: Option<HostFingerprint>,
    pub method: String,
}

/// Everything about one side but its figures.
pub struct Named {
    pub number: i64,
    pub version: String,
    pub artifact_bytes: u64,
}

/// Rows and what they mean.
pub struct Rows<'a> {
    pub basis: Basis,
    pub truth: &'a [String],
    /// Attribute and the group of each row.
    pub groups: &'a [(String, Vec<String>)],
}

/// The two turns of each side.
pub type Turns = [Observation; 2];

/// Compares; `loads` are those of the spec, in its order.
///
/// # Errors
/// A sentence when the two do not do the same kind of thing, or one of them answers another time differently.
pub fn compare(
    rows: Rows<'_>,
    (baseline, left): (&Named, &Turns),
    (candidate, right): (&Named, &Turns),
    loads: &[Load],
    host: Option<HostFingerprint>,
) -> Result<ComparisonBody, String> {
    for (side, turns) in [(baseline, left), (candidate, right)] {
        let same = (&turns[0].labels, &turns[0].values) == (&turns[1].labels, &turns[1].values);
        if !same || !are_repeated(&turns[0], &turns[1]) {
            return Err(format!("version {} gave the same rows other answers the second time", side.number));
        }
    }
    let (before, after) = (&left[0], &right[0]);
    if before.labels.is_empty() != after.labels.is_empty() {
        return Err("one of them predicts classes and the other one numbers".to_owned());
    }
    let is_read = !(before.labels.is_empty() && before.values.is_empty());
    let (outputs, uncompared) = match is_read {
        true => Default::default(),
        false => changes(before, after, usize::try_from(rows.basis.rows).unwrap_or(0)),
    };
    if !is_read && outputs.is_empty() {
        let why = uncompared.iter().map(|(name, why)| format!("{name}: {why}")).collect::<Vec<_>>().join("; ");
        return Err(format!("they have no output that could be compared; {why}"));
    }
    let (old, new) = (Correctness::of(before, rows.truth), Correctness::of(after, rows.truth));
    let changes = score_changes(before, after);
    let flipped: Vec<bool> = before.labels.iter().zip(&after.labels).map(|(a, b)| a != b).collect();
    let count = |right: bool| -> u64 {
        let moved = old.right.iter().zip(&new.right).zip(&flipped);
        moved.filter(|((old, new), flipped)| **flipped && **new == right && **old != right).count() as u64
    };
    let (groups, ungrouped) = group_flips(&flipped, rows.groups);
    Ok(ComparisonBody {
        quality_metric: match (is_read, before.labels.is_empty()) {
            (false, _) => NO_QUALITY,
            (true, true) => "mae",
            (true, false) => "accuracy",
        }
        .to_owned(),
        quality_difference: paired(&old.losses, &new.losses),
        flips: Rate::of(flipped.iter().filter(|flipped| **flipped).count() as u64, flipped.len() as u64),
        flips_to_right: count(true),
        flips_to_wrong: count(false),
        max_score_change: changes.as_ref().and_then(|changes| changes.iter().copied().reduce(f64::max)),
        mean_score_change: changes.as_ref().map(|changes| mean(changes)),
        outputs,
        uncompared,
        groups,
        ungrouped,
        baseline: side(baseline, left, loads, old.quality()),
        candidate: side(candidate, right, loads, new.quality()),
        basis: rows.basis,
        host,
        method: METHOD.to_owned(),
    })
}

/// Row by row: 1 for a right label and 0 for a wrong one, or the absolute error.
struct Correctness {
    losses: Vec<f64>,
    /// Of a classifier.
    right: Vec<bool>,
}

impl Correctness {
    fn of(seen: &Observation, truth: &[String]) -> Self {
        if seen.labels.is_empty() {
            let numbers: Option<Vec<f64>> = truth.iter().map(|cell| cell.parse().ok()).collect();
            let errors = numbers.map(|truth| truth.iter().zip(&seen.values).map(|(y, p)| (p - y).abs()).collect());
            return Self { losses: errors.unwrap_or_default(), right: Vec::new() };
        }
        let right: Vec<bool> = seen.labels.iter().zip(truth).map(|(label, truth)| label == truth).collect();
        Self { losses: right.iter().map(|right| f64::from(u8::from(*right))).collect(), right }
    }

    fn quality(&self) -> Figure {
        match self.right.is_empty() {
            true => mean(&self.losses),
            false => {
                let right = self.right.iter().filter(|right| **right).count() as u64;
                Rate::figure(Rate::of(right, self.right.len() as u64))
            }
        }
    }
}

fn mean(values: &[f64]) -> Figure {
    let n = values.len() as u64;
    let mean = (n != 0).then(|| values.iter().sum::<f64>() / n as f64);
    Figure::with_interval(mean, interval::mean(values), n)
}

fn paired(before: &[f64], after: &[f64]) -> Figure {
    let differences: Vec<f64> = before.iter().zip(after).map(|(before, after)| after - before).collect();
    mean(&differences)
}

/// None where the two have no scores for the same classes.
fn score_changes(before: &Observation, after: &Observation) -> Option<Vec<f64>> {
    if before.labels.is_empty() {
        let changes = before.values.iter().zip(&after.values).map(|(a, b)| (a - b).abs());
        return (!before.values.is_empty()).then(|| changes.collect());
    }
    if before.probabilities.len() != before.labels.len() || after.probabilities.len() != after.labels.len() {
        return None;
    }
    let places: HashMap<&str, usize> = after.classes.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let order: Option<Vec<usize>> = before.classes.iter().map(|name| places.get(name.as_str()).copied()).collect();
    let order = order.filter(|order| order.len() == after.classes.len())?;
    let change = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        let of_class = a.iter().zip(&order).map(|(p, at)| (p - b.get(*at).copied().unwrap_or(f64::NAN)).abs());
        of_class.fold(0.0, f64::max)
    };
    Some(before.probabilities.iter().zip(&after.probabilities).map(change).collect())
}

/// The groups of each attribute, and the attributes that have more groups than anybody could look at.
fn group_flips(flipped: &[bool], groups: &[(String, Vec<String>)]) -> (Vec<GroupFlips>, BTreeMap<String, String>) {
    let (mut all, mut left_out) = (Vec::new(), BTreeMap::new());
    for (attribute, of_row) in groups.iter().filter(|_| !flipped.is_empty()) {
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (group, flipped) in of_row.iter().zip(flipped) {
            let count = counts.entry(group.as_str()).or_default();
            count.0 += 1;
            count.1 += u64::from(*flipped);
        }
        if MAXIMUM_GROUPS < counts.len() {
            let why = format!("it has more than {MAXIMUM_GROUPS} groups; put its values into bands first");
            left_out.insert(attribute.clone(), why);
            continue;
        }
        all.extend(counts.into_iter().map(|(group, (rows, flips))| GroupFlips {
            attribute: attribute.clone(),
            group: if group.is_empty() { "(missing)".to_owned() } else { group.to_owned() },
            rows,
            flips: Rate::of(flips, rows).filter(|_| MINIMUM_GROUP as u64 <= rows),
        }));
    }
    (all, left_out)
}

fn side(named: &Named, turns: &Turns, loads: &[Load], quality: Figure) -> Side {
    let mut measured = Measured::default();
    for (load, (first, second)) in loads.iter().zip(turns[0].latencies.iter().zip(&turns[1].latencies)) {
        let nanos: Vec<u64> = first.nanos.iter().chain(&second.nanos).copied().collect();
        let wall = |samples: &LatencySamples| samples.wall_nanos as f64 / 1e9;
        measured.add_run(
            Load { samples: nanos.len().try_into().unwrap_or(load.samples), ..*load },
            &nanos,
            wall(first) + wall(second),
        );
    }
    let loaded = |seen: &Observation| std::iter::once(seen.load_time_ms).chain(seen.later_loads_ms.clone());
    let mut seconds: Vec<f64> = turns.iter().flat_map(loaded).map(|ms| ms / 1e3).collect();
    seconds.sort_by(f64::total_cmp);
    let own = |seen: &Observation| seen.peak_memory_bytes.saturating_sub(seen.baseline_memory_bytes);
    Side {
        number: named.number,
        version: named.version.clone(),
        artifact_bytes: named.artifact_bytes,
        load_time_s: percentile(&seconds, 50),
        peak_memory_bytes: turns.iter().map(|seen| seen.peak_memory_bytes).max().unwrap_or(0),
        model_memory_bytes: turns.iter().map(own).max().unwrap_or(0),
        quality,
        loads: measured.runs,
    }
}

/// Candidate over baseline of a percentile; `None` where one of them is undefined or nothing.
pub fn ratio(baseline: Figure, candidate: Figure) -> Option<f64> {
    let (baseline, candidate) = (baseline.value?, candidate.value?);
    let ratio = candidate / baseline;
    (ratio.is_finite() && baseline > 0.0).then_some(ratio)
}

#[cfg(test)]
mod tests;
