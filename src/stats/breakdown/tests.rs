use super::*;
use crate::stats::{bootstrap::Scheme, disparity::DisparityMetric, fairness::FigureName, interval::IntervalMethod};

const PLAN: Plan = Plan { resamples: 400, seed: 7, scheme: Scheme::StratifiedByGroup };

/// (group, truth, label, rows)
type Line = (&'static str, bool, bool, usize);

const LINES: [Line; 9] = [
    ("a", true, true, 40),
    ("a", true, false, 10),
    ("a", false, true, 20),
    ("a", false, false, 30),
    ("b", true, true, 20),
    ("b", true, false, 20),
    ("b", false, true, 5),
    ("b", false, false, 35),
    ("tiny", true, true, 3),
];

struct Sample {
    cells: Vec<String>,
    outcomes: Outcomes,
    scores: Vec<f64>,
}

fn sample() -> Sample {
    let (mut cells, mut truth, mut labels, mut scores) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (group, positive, selected, rows) in LINES {
        let word = |yes: bool| if yes { "1" } else { "0" }.to_owned();
        for row in 0..rows {
            cells.push(group.to_owned());
            truth.push(word(positive));
            labels.push(word(selected));
            scores.push(if selected { 0.6 } else { 0.1 } + row as f64 / 200.0);
        }
    }
    let outcomes = Outcomes::of_labels(&labels, &truth, Some("1")).expect("rows");
    Sample { cells, outcomes, scores }
}

fn table(against: &Against, exclusions: &[Exclusion]) -> AttributeTable {
    let Sample { cells, outcomes, scores } = sample();
    let rows = Rows { outcomes: Some(&outcomes), labels: None, scores: Some(&scores), numbers: None };
    let question = Question {
        attribute: "group",
        class: None,
        against,
        minimum_group_size: 10,
        plan: PLAN,
        budget: Budget::OF_ALL_TABLES,
        unknown: &[],
        exclusions,
    };
    break_down(&question, &[&cells], rows, cells.len()).expect("a table")
}

#[test]
fn every_group_has_its_own_figures_and_a_small_one_has_none() {
    let table = table(&Against::BetweenGroups, &[]);
    let names: Vec<&str> = table.groups.iter().map(|g| g.group.as_str()).collect();
    assert_eq!(names, ["a", "b", "tiny"]);
    let a = &table.groups[0];
    assert_eq!(a.npv.map(|r| (r.count, r.total)), Some((30, 40)));
    assert_eq!(a.figure(FigureName::FalseNegativesPerFalsePositive).and_then(|f| f.value), Some(0.5));
    assert!(a.figure(FigureName::Auc).is_some_and(|f| f.value.is_some()));
    assert!(table.groups[2].figures.is_empty() && table.groups[2].npv.is_none());
    assert_eq!(table.overall.as_ref().map(|all| all.n), Some(183));
}

#[test]
fn treatment_equality_and_average_odds_follow_their_definitions() {
    let table = table(&Against::BetweenGroups, &[]);
    let value = |metric| table.disparity(metric).and_then(|d| d.value);
    assert_eq!(value(DisparityMetric::TreatmentEqualityDifference), Some(20.0 / 5.0 - 0.5));
    assert_eq!(value(DisparityMetric::TreatmentEqualityRatio), Some(0.5 / 4.0));
    // TPR 0.8 and 0.5, FPR 0.4 and 0.125.
    let mean = value(DisparityMetric::AverageOddsDifference).expect("defined");
    assert!((mean - (0.3 + 0.275) / 2.0).abs() < 1e-12, "{mean}");
    assert_eq!(table.disparity(DisparityMetric::MaeDifference), None);
}

#[test]
fn against_all_rows_counts_the_rows_of_small_groups() {
    let table = table(&Against::Overall, &[]);
    let got = table.disparity(DisparityMetric::DemographicParityDifference).expect("there");
    // Selected: a 60 of 100, b 25 of 80, all 88 of 183.
    let want = 88.0 / 183.0 - 25.0 / 80.0;
    assert!((got.value.expect("defined") - want).abs() < 1e-12);
    assert_eq!((got.highest_group.as_deref(), got.lowest_group.as_deref()), (Some("(all rows)"), Some("b")));
    // The rows of b are among all rows, so Newcombe's interval alone doesn't apply.
    assert_eq!(got.interval.map(|i| i.method), Some(IntervalMethod::BootstrapOrClosedForm));
}

#[test]
fn against_one_group_the_farthest_other_one_decides() {
    let table = table(&Against::Group("b".to_owned()), &[]);
    let got = table.disparity(DisparityMetric::DemographicParityRatio).expect("there");
    assert_eq!(got.value, Some((25.0 / 80.0) / 0.6));
    let absent = Disparities::of(&Against::Group("tiny".to_owned()));
    assert_eq!((absent.value, absent.complete), (None, false));
    let contrasts = table.contrasts.as_ref().expect("contrasts");
    assert_eq!(contrasts.groups.iter().map(|g| g.group.as_str()).collect::<Vec<_>>(), ["a"]);
}

struct Disparities {
    value: Option<f64>,
    complete: bool,
}

impl Disparities {
    fn of(against: &Against) -> Self {
        let table = table(against, &[]);
        let got = table.disparity(DisparityMetric::DemographicParityRatio).expect("there");
        Self { value: got.value, complete: got.complete }
    }
}

#[test]
fn differences_keep_newcombes_interval_and_the_rest_is_resampled() {
    let table = table(&Against::BetweenGroups, &[]);
    for (metric, method) in [
        (DisparityMetric::DemographicParityDifference, IntervalMethod::Newcombe),
        (DisparityMetric::DemographicParityRatio, IntervalMethod::BootstrapOrClosedForm),
        (DisparityMetric::EqualizedOddsDifference, IntervalMethod::BootstrapOrClosedForm),
        (DisparityMetric::TreatmentEqualityDifference, IntervalMethod::BootstrapPercentile),
    ] {
        let got = table.disparity(metric).expect("there");
        let interval = got.interval.expect("an interval");
        assert_eq!(interval.method, method, "{metric:?}");
        let value = got.value.expect("defined");
        assert!(interval.low <= value && value <= interval.high, "{metric:?} {value} {interval:?}");
    }
    let bootstrap = table.bootstrap.as_ref().expect("a bootstrap");
    assert_eq!((bootstrap.plan, bootstrap.groups.len()), (PLAN, 2));
}

#[test]
fn a_ratio_that_no_resample_moves_keeps_its_closed_interval() {
    let cells: Vec<String> = ["a", "b"].iter().flat_map(|g| vec![(*g).to_owned(); 30]).collect();
    let all = vec!["1".to_owned(); 60];
    let outcomes = Outcomes::of_labels(&all, &all, Some("1")).expect("rows");
    let rows = Rows { outcomes: Some(&outcomes), labels: None, scores: None, numbers: None };
    let between = Against::BetweenGroups;
    let question = Question {
        attribute: "g",
        class: None,
        against: &between,
        minimum_group_size: 1,
        plan: PLAN,
        budget: Budget::OF_ALL_TABLES,
        unknown: &[],
        exclusions: &[],
    };
    let table = break_down(&question, &[&cells], rows, 60).expect("a table");
    let got = table.disparity(DisparityMetric::DemographicParityRatio).expect("there");
    let interval = got.interval.expect("Katz's");
    assert_eq!((got.value, interval.method), (Some(1.0), IntervalMethod::KatzAdjusted));
    assert!(interval.low < 0.99, "{interval:?}");
}

#[test]
fn impact_ratios_come_in_both_forms_and_say_what_was_not_left_out() {
    let exclusion = |category: &str| Exclusion { category: category.to_owned(), justification: "few".to_owned() };
    let table = table(&Against::BetweenGroups, &[exclusion("tiny"), exclusion("a")]);
    let impact = table.impact.expect("a favourable label");
    assert!(impact.scoring.is_some());
    assert_eq!(impact.refused_exclusions.len(), 1, "{:?}", impact.refused_exclusions);
    let b = impact.selection.categories.iter().find(|c| c.count.category == "b").expect("b");
    assert_eq!(b.impact_ratio, Some((25.0 / 80.0) / 0.6));
    // 3 of 183 rows, all selected: left out, so it isn't the highest rate.
    assert_eq!(impact.selection.highest_category.as_deref(), Some("a"));
}

#[test]
fn a_predicted_number_has_residuals_and_no_rates() {
    let cells: Vec<String> = (0..40).map(|i| if i % 2 == 0 { "x" } else { "y" }.to_owned()).collect();
    let truth: Vec<f64> = (0..40).map(f64::from).collect();
    let predicted: Vec<f64> = (0..40).map(|i| f64::from(i) + if i % 2 == 0 { 1.0 } else { -3.0 }).collect();
    let rows = Rows { outcomes: None, labels: None, scores: None, numbers: Some((&predicted, &truth)) };
    let between = Against::BetweenGroups;
    let question = Question {
        attribute: "g",
        class: None,
        against: &between,
        minimum_group_size: 1,
        plan: PLAN,
        budget: Budget::OF_ALL_TABLES,
        unknown: &[],
        exclusions: &[],
    };
    let table = break_down(&question, &[&cells], rows, 40).expect("a table");
    let value = |metric| table.disparity(metric).and_then(|d| d.value);
    assert_eq!(value(DisparityMetric::MaeDifference), Some(2.0));
    assert_eq!(value(DisparityMetric::MeanResidualDifference), Some(4.0));
    assert_eq!(table.disparity(DisparityMetric::AccuracyDifference), None);
    assert_eq!((table.groups[0].accuracy, table.impact.is_none()), (None, true));
}

#[test]
fn many_comparisons_come_with_a_warning() {
    let one = table(&Against::BetweenGroups, &[]);
    assert_eq!(Comparisons::of(std::slice::from_ref(&one)).note, None);
    let many = Comparisons::of(&vec![one; 25]);
    assert_eq!((many.tables, many.groups, many.comparisons), (25, 50, 25));
    assert!(many.note.is_some_and(|note| note.contains("about 1 of 25")));
}

#[test]
fn accuracy_over_several_classes_is_not_resampled_from_the_counts_of_one() {
    let truth = ["yes", "no", "maybe", "maybe"].repeat(30);
    let labels = ["yes", "maybe", "no", "maybe"].repeat(30);
    let cells: Vec<&str> = ["a", "b", "b"].into_iter().cycle().take(120).collect();
    let outcomes = Outcomes::of_labels(&labels, &truth, Some("yes")).expect("rows");
    let rows = Rows { outcomes: Some(&outcomes), labels: None, scores: None, numbers: None };
    let question = Question {
        attribute: "group",
        class: None,
        against: &Against::BetweenGroups,
        minimum_group_size: 10,
        plan: PLAN,
        budget: Budget::OF_ALL_TABLES,
        unknown: &[],
        exclusions: &[],
    };
    let table = break_down(&question, &[&cells], rows, cells.len()).expect("a table");
    assert_eq!(table.groups[0].accuracy.map(|rate| rate.value), Some(0.5));
    let ratio = table.disparity(DisparityMetric::AccuracyRatio).expect("there");
    assert_eq!(ratio.interval.map(|i| i.method), Some(IntervalMethod::Katz));
    let bootstrap = table.bootstrap.as_ref().expect("resamples");
    assert!(bootstrap.groups.iter().all(|group| group.rates.iter().all(|drawn| drawn.rate != RateName::Accuracy)));
    let contrasts = &table.contrasts.as_ref().expect("two groups").groups;
    assert!(contrasts.iter().all(|group| group.contrast.rate(RateName::Accuracy).is_none()));
}
