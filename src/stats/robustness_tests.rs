use super::{super::bootstrap::Scheme, *};

const PLAN: Plan = Plan { resamples: 200, seed: 1, scheme: Scheme::Rows };

fn base<'a>(truth: &'a [Option<u32>], classes: &'a [u32], scores: &'a [f64]) -> Unperturbed<'a> {
    Unperturbed { truth, classes, scores, positive: Some(1) }
}

#[test]
fn one_draw_is_counted_exactly() {
    let truth = [Some(1), Some(1), Some(0), Some(0)];
    let (classes, scores) = ([1, 1, 0, 1], [0.9, 0.8, 0.1, 0.6]);
    let draw = Draw { classes: &[Some(1), Some(0), Some(0), None], scores: &[Some(0.7), Some(0.4), Some(0.1), None] };
    let got = of_classifier(&base(&truth, &classes, &scores), &[draw], PLAN).expect("defined");
    assert_eq!(got.accuracy.figure.value, Some(0.5));
    assert_eq!(got.accuracy_drop.figure.value, Some(0.25));
    // The second row changed its class, the fourth has no answer any more.
    assert_eq!(got.flip_rate.figure.value, Some(0.5));
    assert_eq!(got.flip_rate.figure.interval, wilson(2, 4));
    assert_eq!(got.non_finite_rate.figure.value, Some(0.25));
    assert_eq!(got.max_score_change.figure.value, Some(0.4));
    let spread = got.accuracy.spread.expect("one draw");
    assert_eq!((spread.sd, spread.minimum, spread.maximum), (None, 0.5, 0.5));
    // Before: bins [.1,.2) 0.1, [.6,.7) 0.6, [.8,.9) 0.2 and [.9,1] 0.1, each of one row: 1/4 of their sum.
    // After, over the three rows that have an answer: 0.1, |0.4 - 1| and |0.7 - 1|, each of one in three.
    let want = (0.1 + 0.6 + 0.3) / 3.0 - (0.1 + 0.6 + 0.2 + 0.1) / 4.0;
    assert!((got.calibration_change.figure.value.expect("defined") - want).abs() < 1e-12);
}

#[test]
fn several_draws_are_averaged_and_say_how_they_differ() {
    let truth = [Some(1), Some(0), Some(1), Some(0)];
    let classes = [1, 0, 1, 0];
    let draws = [
        Draw { classes: &[Some(1), Some(0), Some(1), Some(1)], scores: &[] },
        Draw { classes: &[Some(1), Some(0), Some(0), Some(1)], scores: &[] },
    ];
    let got = of_classifier(&base(&truth, &classes, &[]), &draws, PLAN).expect("defined");
    assert_eq!(got.accuracy.figure.value, Some(0.625));
    assert_eq!(got.accuracy_drop.figure.value, Some(0.375));
    assert_eq!(got.flip_rate.figure.value, Some(0.375));
    let spread = got.flip_rate.spread.expect("two draws");
    assert_eq!((spread.minimum, spread.maximum), (0.25, 0.5));
    assert!((spread.sd.expect("two draws") - 0.125 * 2.0_f64.sqrt()).abs() < 1e-15);
    // Over rows: 0, 0, 0.5 and 1.
    assert_eq!(got.flip_rate.figure.interval.expect("rows differ").method, IntervalMethod::StudentT);
    assert_eq!(got.flip_rate.figure.n, 4);
    assert_eq!((got.max_score_change.figure.value, got.calibration_change.figure.value), (None, None));
}

#[test]
fn nothing_that_changes_is_still_not_certain() {
    let truth = [Some(1); 40];
    let classes = [1; 40];
    let same = [Some(1); 40];
    let got =
        of_classifier(&base(&truth, &classes, &[]), &[Draw { classes: &same, scores: &[] }], PLAN).expect("defined");
    assert_eq!(got.accuracy_drop.figure.value, Some(0.0));
    let interval = got.accuracy_drop.figure.interval.expect("an interval");
    assert!(interval.low < 0.0 && 0.05 < interval.high && interval.high < 0.1, "{interval:?}");
}

#[test]
fn a_class_that_the_model_does_not_know_is_never_right() {
    let got =
        of_classifier(&base(&[None], &[0], &[]), &[Draw { classes: &[None], scores: &[] }], PLAN).expect("defined");
    assert_eq!(got.accuracy.figure.value, Some(0.0));
    assert_eq!(got.accuracy_drop.figure.value, Some(0.0));
}

#[test]
fn answers_that_do_not_fit_together_have_no_figures() {
    let truth = [Some(1), Some(0)];
    assert_eq!(of_classifier(&base(&truth, &[1, 0], &[]), &[], PLAN), None);
    assert_eq!(of_classifier(&base(&truth, &[1, 0], &[]), &[Draw { classes: &[Some(1)], scores: &[] }], PLAN), None);
    assert_eq!(of_classifier(&base(&[], &[], &[]), &[Draw { classes: &[], scores: &[] }], PLAN), None);
    assert_eq!(of_regression(&[1.0], &[1.0], &[&[]]), None);
}

#[test]
fn a_predicted_number_has_errors() {
    let got =
        of_regression(&[1.0, 2.0], &[1.5, 2.0], &[&[Some(2.0), Some(1.0)], &[Some(1.0), Some(2.0)]]).expect("defined");
    assert_eq!(got.mae.figure.value, Some(0.5));
    assert_eq!(got.mae_increase.figure.value, Some(0.25));
    assert_eq!(got.max_score_change.figure.value, Some(0.75));
    assert_eq!(got.non_finite_rate.figure.value, Some(0.0));
    // One row without an answer: the mean error of the others would say less than it seems to.
    let got = of_regression(&[1.0, 2.0], &[1.5, 2.0], &[&[Some(2.0), None]]).expect("defined");
    assert_eq!((got.mae.figure.value, got.mae_increase.figure.value), (None, None));
    assert_eq!(got.non_finite_rate.figure.value, Some(0.5));
}

#[test]
fn the_largest_change_and_the_calibration_have_intervals_where_there_is_something_to_tell() {
    let truth: Vec<Option<u32>> = (0..60).map(|row| Some(u32::from(row % 3 == 0))).collect();
    let (classes, scores) = (vec![1; 60], vec![0.5; 60]);
    let of = |score: f64| vec![Some(score); 60];
    let all = vec![Some(1); 60];
    let (high, higher) = (of(0.8), of(0.9));
    let draws = [Draw { classes: &all, scores: &high }, Draw { classes: &all, scores: &higher }];
    let got = of_classifier(&base(&truth, &classes, &scores), &draws, PLAN).expect("defined");
    let largest = got.max_score_change.figure;
    assert!((largest.value.expect("defined") - 0.35).abs() < 1e-12);
    let interval = largest.interval.expect("two draws differ");
    assert!(interval.low == 0.0 && 0.35 < interval.high && interval.method == IntervalMethod::StudentT, "{interval:?}");
    let change = got.calibration_change.figure;
    let interval = change.interval.expect("sixty rows");
    assert_eq!(interval.method, IntervalMethod::BootstrapPercentile);
    let value = change.value.expect("defined");
    // Every resample changes by about the same here, up to the order of its sums.
    assert!(interval.low - 1e-9 <= value && value <= interval.high + 1e-9, "{value} {interval:?}");
    let one = of_classifier(&base(&truth, &classes, &scores), &draws[..1], PLAN).expect("defined");
    assert_eq!(one.max_score_change.figure.interval, None, "one draw says nothing of others");
}
