//! Whether a column, and a whole data set, has drifted: the default rules of Evidently and the
//! corrections for many tests. A decision is a convention on top of figures; the figures stand
//! beside it.

use super::{
    Bins, Levels, LogBase, Sample, goodness_of_fit, homogeneity, jensen_shannon_distance, kolmogorov_smirnov,
    wasserstein,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// With more rows in the reference a p-value finds every trifle, so a distance decides.
pub const DISTANCE_ABOVE_ROWS: u64 = 1000;
/// Numbers with at most this many distinct values in both samples are taken as levels.
const FEW_VALUES: usize = 5;
const DISTANCE_LIMIT: f64 = 0.1;
const P_VALUE_LIMIT: f64 = 0.05;
/// Of the columns.
const SHARE_LIMIT: f64 = 0.5;

/// One column in two samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    Numbers { reference: Sample, current: Sample },
    Levels(Levels),
}

/// What decides about a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftTest {
    /// First Wasserstein distance over the reference's standard deviation.
    Wasserstein,
    /// Jensen-Shannon distance in base e.
    JensenShannon,
    KolmogorovSmirnov,
    /// Goodness of fit with the reference as expected.
    ChiSquare,
    /// Two proportions, pooled variance.
    Z,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ColumnDecision {
    pub test: DriftTest,
    /// A distance, or a p-value.
    pub score: f64,
    pub threshold: f64,
    /// A distance at or above the threshold; a p-value below it.
    pub drifted: bool,
}

/// The test that Evidently (0.4 to 0.7) chooses by itself, and its answer. With more than 1000
/// reference rows: Wasserstein for numbers, Jensen-Shannon for levels, limit 0.1. Otherwise
/// Kolmogorov-Smirnov for numbers, chi-square for more than two levels, z for at most two, limit
/// p < 0.05. Numbers with at most five distinct values in both samples go the way of levels.
///
/// Narrow differences: a missing cell is a level of its own here, so that more missing cells are
/// drift; a level that only the current sample has gives p = 0. `None` where a distance isn't
/// finite.
pub fn default_choice(column: &Column) -> Option<ColumnDecision> {
    match column {
        Column::Levels(levels) => {
            let counts = (levels.reference.as_slice(), levels.current.as_slice());
            levels_choice(counts.0.iter().sum(), counts.0, counts.1)
        }
        Column::Numbers { reference, current } if few_values(reference, current) => {
            // At most five values: each is a bin of its own.
            let bins = Bins::sturges(reference, current);
            levels_choice(reference.n(), &bins.histogram(reference), &bins.histogram(current))
        }
        Column::Numbers { reference, current } if DISTANCE_ABOVE_ROWS < reference.n() => {
            Some(by_distance(DriftTest::Wasserstein, wasserstein(reference, current)?.normalised))
        }
        Column::Numbers { reference, current } => {
            Some(by_p_value(DriftTest::KolmogorovSmirnov, kolmogorov_smirnov(reference, current).p_value()))
        }
    }
}

fn few_values(reference: &Sample, current: &Sample) -> bool {
    let mut values = [reference.distinct(), current.distinct()].concat();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    values.len() <= FEW_VALUES
}

fn levels_choice(reference_rows: u64, reference: &[u64], current: &[u64]) -> Option<ColumnDecision> {
    if DISTANCE_ABOVE_ROWS < reference_rows {
        let distance = jensen_shannon_distance(reference, current, LogBase::E)?;
        return Some(by_distance(DriftTest::JensenShannon, distance));
    }
    let occurring = reference.iter().zip(current).filter(|(r, c)| **r + **c != 0).count();
    // The square of the pooled z is the chi-square of the two by two table.
    if occurring <= 2 {
        return Some(by_p_value(DriftTest::Z, homogeneity(reference, current)?.p_value));
    }
    let has_new_level = reference.iter().zip(current).any(|(r, c)| *r == 0 && *c != 0);
    let test = goodness_of_fit(reference, current);
    let p_value = if has_new_level { 0.0 } else { test?.p_value };
    Some(by_p_value(DriftTest::ChiSquare, p_value))
}

fn by_distance(test: DriftTest, score: f64) -> ColumnDecision {
    ColumnDecision { test, score, threshold: DISTANCE_LIMIT, drifted: DISTANCE_LIMIT <= score }
}

fn by_p_value(test: DriftTest, score: f64) -> ColumnDecision {
    ColumnDecision { test, score, threshold: P_VALUE_LIMIT, drifted: score < P_VALUE_LIMIT }
}

/// Whether the data set as a whole has drifted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DataSetDecision {
    pub columns: u64,
    pub columns_drifted: u64,
    pub share: f64,
    pub threshold: f64,
    /// The share is at or above the threshold.
    pub drifted: bool,
}

/// Half of the columns or more have drifted (Evidently's default). `None` without columns.
pub fn data_set(decisions: &[ColumnDecision]) -> Option<DataSetDecision> {
    let (columns, drifted) = (decisions.len(), decisions.iter().filter(|d| d.drifted).count());
    let share = drifted as f64 / columns as f64;
    (columns != 0).then_some(DataSetDecision {
        columns: columns as u64,
        columns_drifted: drifted as u64,
        share,
        threshold: SHARE_LIMIT,
        drifted: SHARE_LIMIT <= share,
    })
}

/// Many tests at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ManyTests {
    /// What a p-value has to be below.
    pub threshold: f64,
    /// Some p-value is.
    pub drifted: bool,
}

/// Bonferroni's correction: some p-value below `level` / tests, so that no more than `level` of
/// the data sets without drift are called drifted. `None` without tests or with a p-value outside
/// [0, 1].
pub fn bonferroni(p_values: &[f64], level: f64) -> Option<ManyTests> {
    let threshold = level / usable(p_values)?.len() as f64;
    Some(ManyTests { threshold, drifted: p_values.iter().any(|p| *p < threshold) })
}

/// Benjamini and Hochberg (1995): the i-th smallest p-value is held against `level` * i / tests,
/// and the largest such limit that is met counts; without one, the smallest limit. `None` as in
/// [`bonferroni`].
pub fn benjamini_hochberg(p_values: &[f64], level: f64) -> Option<ManyTests> {
    let mut sorted = usable(p_values)?.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let limit = |rank: usize| level * (rank + 1) as f64 / sorted.len() as f64;
    let met = sorted.iter().enumerate().rfind(|(rank, p)| **p < limit(*rank)).map(|(rank, _)| rank);
    Some(ManyTests { threshold: limit(met.unwrap_or(0)), drifted: met.is_some() })
}

fn usable(p_values: &[f64]) -> Option<&[f64]> {
    let in_range = p_values.iter().all(|p| (0.0..=1.0).contains(p));
    (in_range && !p_values.is_empty()).then_some(p_values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(reference: &[(&str, usize)], current: &[(&str, usize)]) -> Column {
        let cells = |counts: &[(&str, usize)]| -> Vec<String> {
            counts.iter().flat_map(|(level, count)| vec![(*level).to_owned(); *count]).collect()
        };
        Column::Levels(Levels::of(&cells(reference), &cells(current)).expect("few levels"))
    }

    fn numbers(reference: impl Iterator<Item = u32>, current: impl Iterator<Item = u32>) -> Column {
        let of = |values: Vec<u32>| Sample::of(&values.into_iter().map(f64::from).collect::<Vec<_>>()).expect("some");
        Column::Numbers { reference: of(reference.collect()), current: of(current.collect()) }
    }

    #[test]
    fn rows_and_distinct_values_choose_the_test() {
        for (column, test) in [
            (numbers(0..1000, 0..10), DriftTest::KolmogorovSmirnov),
            (numbers(0..1001, 0..10), DriftTest::Wasserstein),
            (numbers((0..999).map(|i| i % 5), 0..5), DriftTest::ChiSquare),
            (numbers((0..999).map(|i| i % 2), 0..2), DriftTest::Z),
            (numbers((0..1002).map(|i| i % 5), 0..5), DriftTest::JensenShannon),
            (numbers((0..1002).map(|i| i % 5), 5..6), DriftTest::Wasserstein),
            (levels(&[("a", 10), ("b", 5)], &[("a", 3)]), DriftTest::Z),
            (levels(&[("a", 10), ("b", 5), ("c", 1)], &[("a", 3)]), DriftTest::ChiSquare),
            (levels(&[("a", 1001)], &[("a", 3)]), DriftTest::JensenShannon),
        ] {
            assert_eq!(default_choice(&column).map(|d| d.test), Some(test), "{column:?}");
        }
    }

    #[test]
    fn a_constant_has_not_drifted_and_a_new_level_has() {
        let same = default_choice(&levels(&[("a", 9)], &[("a", 3)])).expect("a decision");
        assert_eq!((same.score, same.drifted), (1.0, false));
        let new = default_choice(&levels(&[("a", 9), ("b", 9)], &[("a", 3), ("b", 3), ("c", 1)])).expect("a decision");
        assert_eq!((new.test, new.score, new.drifted), (DriftTest::ChiSquare, 0.0, true));
    }

    #[test]
    fn half_of_the_columns_are_a_drifted_data_set() {
        let column = |drifted| ColumnDecision { drifted, ..by_p_value(DriftTest::Z, 0.5) };
        let of = |decisions: &[ColumnDecision]| data_set(decisions).map(|d| (d.share, d.drifted));
        assert_eq!(of(&[column(true), column(false)]), Some((0.5, true)));
        assert_eq!(of(&[column(true), column(false), column(false)]).map(|d| d.1), Some(false));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn corrections_follow_their_definitions() {
        let p = [0.04, 0.01, 0.03, 0.9];
        assert_eq!(bonferroni(&p, 0.05), Some(ManyTests { threshold: 0.0125, drifted: true }));
        // Limits 0.0125, 0.025, 0.0375, 0.05: the first of the sorted 0.01, 0.03, 0.04, 0.9 only.
        assert_eq!(benjamini_hochberg(&p, 0.05), Some(ManyTests { threshold: 0.0125, drifted: true }));
        assert_eq!(benjamini_hochberg(&[0.02, 0.03], 0.05), Some(ManyTests { threshold: 0.05, drifted: true }));
        assert_eq!(benjamini_hochberg(&[0.5, 0.6], 0.05), Some(ManyTests { threshold: 0.025, drifted: false }));
        for nothing in [&[][..], &[f64::NAN], &[1.5]] {
            assert_eq!((bonferroni(nothing, 0.05), benjamini_hochberg(nothing, 0.05)), (None, None));
        }
    }
}
