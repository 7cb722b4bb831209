use super::*;
use crate::stats::{
    confusion::Confusion, disparity::Against, fairness::FigureName, groups::Groups, interval, multiclass,
    multiclass::Classes, quality::ScoreQuality, regression::regression,
};

const PLAN: Plan = Plan { resamples: 2000, seed: 7, scheme: Scheme::StratifiedByGroup };

struct Data {
    groups: Groups,
    positive: Vec<bool>,
    scores: Vec<f64>,
}

/// Groups `a` and `b` of the given sizes and a group `c` of three rows. Scores say the chance,
/// except in `b`, where they are too high.
fn data(a: usize, b: usize) -> Data {
    let mut generator = Generator::of(99, 0);
    let cells: Vec<&str> = [vec!["a"; a], vec!["b"; b], vec!["c"; 3]].concat();
    let scores: Vec<f64> = cells.iter().map(|_| (generator.uniform() * 1000.0).round() / 1000.0).collect();
    let chance = |cell: &str, score: f64| if cell == "b" { score * 0.8 } else { score };
    let positive = cells.iter().zip(&scores).map(|(cell, score)| generator.uniform() < chance(cell, *score)).collect();
    Data { groups: Groups::of("g", &[&cells], cells.len()).expect("few groups"), positive, scores }
}

fn comparison(groups: &Groups, against: Against, plan: Plan) -> Comparison<'_> {
    Comparison { groups, minimum_group_size: 10, against, plan }
}

fn of_scores(data: &Data, against: Against, plan: Plan) -> FiguresBootstrap {
    scores(&comparison(&data.groups, against, plan), &data.positive, &data.scores, &mut |_| {}).expect("possible")
}

fn named(figures: &[FigureBootstrap], name: FigureName) -> Replicates {
    figures.iter().find(|f| f.figure == name && f.class.is_none()).expect("there").replicates
}

/// Ends within a tenth of the width of the closed form.
fn close(what: &str, got: Replicates, want: Option<Interval>) {
    let (got, want) = got.interval.zip(want).expect("both");
    let room = (want.high - want.low) / 10.0;
    assert!((got.low - want.low).abs() < room && (got.high - want.high).abs() < room, "{what}: {got:?} {want:?}");
}

#[test]
fn bounds_agree_with_the_closed_forms_of_large_groups() {
    let data = data(1500, 1200);
    let got = of_scores(&data, Against::Overall, PLAN);
    assert_eq!((got.plan, got.generator.as_str(), got.groups_left_out), (PLAN, ROW_GENERATOR, vec!["c".to_owned()]));
    let rows = |from: usize, to: usize| ScoreQuality::of(&data.positive[from..to], &data.scores[from..to]);
    for (quality, figures) in [
        (rows(0, 1500), &got.groups[0].figures),
        (rows(1500, 2700), &got.groups[1].figures),
        (rows(0, 2703), &got.overall),
    ] {
        close("auc", named(figures, FigureName::Auc), quality.auc.interval);
        close("brier", named(figures, FigureName::Brier), quality.brier.interval);
        close("log loss", named(figures, FigureName::LogLoss), quality.log_loss.interval);
    }
    close("mean", named(&got.groups[0].figures, FigureName::MeanScore), interval::mean(&data.scores[..1500]));
    let gap = |from: usize, to: usize| -> Vec<f64> {
        (from..to).map(|i| data.scores[i] - if data.positive[i] { 1.0 } else { 0.0 }).collect()
    };
    close("gap", named(&got.groups[1].figures, FigureName::CalibrationGap), interval::mean(&gap(1500, 2700)));
}

#[test]
fn differences_have_signs_and_spreads_have_none() {
    let data = data(600, 500);
    let got = of_scores(&data, Against::Group("a".to_owned()), PLAN);
    assert!(got.groups[0].differences.is_empty());
    let difference = named(&got.groups[1].differences, FigureName::CalibrationGap);
    // In `b` scores are a tenth too high on average.
    let interval = difference.interval.expect("enough");
    assert!(0.0 < interval.low && interval.low < 0.1 && 0.1 < interval.high, "{interval:?}");
    let spread = named(&got.spreads, FigureName::CalibrationGap).interval.expect("enough");
    assert!((spread.low - interval.low).abs() < 1e-12 && (spread.high - interval.high).abs() < 1e-12);
    // The signed difference of two like groups may be 0; the spread is above it in every replicate.
    let mean = named(&got.groups[1].differences, FigureName::MeanScore).interval.expect("enough");
    assert!(mean.low < 0.0, "{mean:?}");
    assert!(0.0 <= named(&got.spreads, FigureName::MeanScore).interval.expect("enough").low);
    // Both are the same figure with the opposite sign from the other side.
    let other = of_scores(&data, Against::Group("b".to_owned()), PLAN);
    let turned = named(&other.groups[0].differences, FigureName::MeanScore).interval.expect("enough");
    assert!((turned.low + mean.high).abs() < 1e-12 && (turned.high + mean.low).abs() < 1e-12);
}

#[test]
fn the_same_plan_gives_the_same_bits_and_progress_reaches_the_end() {
    let data = data(80, 60);
    let first = of_scores(&data, Against::Overall, PLAN);
    assert_eq!(first, of_scores(&data, Against::Overall, PLAN));
    assert_ne!(first, of_scores(&data, Against::Overall, Plan { seed: 8, ..PLAN }));
    assert_ne!(first, of_scores(&data, Against::Overall, Plan { scheme: Scheme::Rows, ..PLAN }));
    let mut heard = Vec::new();
    let of = comparison(&data.groups, Against::Overall, PLAN);
    scores(&of, &data.positive, &data.scores, &mut |share| heard.push(share)).expect("possible");
    assert!(heard.is_sorted() && heard.last() == Some(&1.0) && heard.len() <= 102, "{heard:?}");
}

#[test]
fn undefined_replicates_are_left_out_and_what_is_never_defined_stays_so() {
    let mut data = data(30, 30);
    // One positive among thirty: about a third of the resamples has none.
    data.positive[..30].fill(false);
    data.positive[3] = true;
    data.scores[40] = f64::NAN;
    let got = of_scores(&data, Against::Overall, PLAN);
    let auc = named(&got.groups[0].figures, FigureName::Auc);
    assert!((1150..1400).contains(&auc.defined), "{auc:?}");
    assert_eq!(named(&got.groups[0].figures, FigureName::Brier).defined, 2000);
    for figure in [&got.groups[1].figures, &got.overall, &got.groups[0].differences, &got.spreads] {
        assert_eq!(named(figure, FigureName::Auc).defined, 0);
    }
    // A logit has an AUC and no calibration.
    data.scores[40] = 3.0;
    let got = of_scores(&data, Against::Overall, PLAN);
    assert_eq!(named(&got.groups[1].figures, FigureName::Auc).defined, 2000);
    assert_eq!(named(&got.overall, FigureName::Ece).defined, 0);
}

#[test]
fn residuals_agree_with_the_closed_forms() {
    let data = data(900, 700);
    let truth: Vec<f64> = data.positive.iter().map(|p| if *p { 12.0 } else { 10.0 }).collect();
    let predicted: Vec<f64> = data.scores.iter().map(|score| 10.0 + 2.0 * score).collect();
    let of = comparison(&data.groups, Against::Overall, PLAN);
    let got = residuals(&of, &predicted, &truth, &mut |_| {}).expect("possible");
    for (figures, from, to) in [(&got.groups[1].figures, 900, 1600), (&got.overall, 0, 1603)] {
        let want = regression(&predicted[from..to], &truth[from..to]);
        close("mae", named(figures, FigureName::Mae), want.mae.interval);
        close("rmse", named(figures, FigureName::Rmse), want.rmse.interval);
        close("mean", named(figures, FigureName::MeanResidual), want.mean_residual.interval);
        let r2 = named(figures, FigureName::R2);
        assert!(r2.interval.is_some_and(|i| want.r2.value.is_some_and(|v| i.low < v && v < i.high)), "{r2:?}");
    }
    let constant = vec![10.0; truth.len()];
    let got = residuals(&of, &predicted, &constant, &mut |_| {}).expect("possible");
    assert_eq!(named(&got.overall, FigureName::R2).defined, 0);
}

#[test]
fn decisions_and_classes_are_the_same_figures_for_two_classes() {
    let data = data(400, 300);
    let selected: Vec<bool> = data.scores.iter().map(|score| 0.5 <= *score).collect();
    let of = comparison(&data.groups, Against::Overall, PLAN);
    let two = decisions(&of, &data.positive, &selected, &mut |_| {}).expect("possible");
    let label = |flags: &[bool]| -> Vec<&str> { flags.iter().map(|flag| if *flag { "1" } else { "0" }).collect() };
    let (labels, truth) = (label(&selected), label(&data.positive));
    let several = classes(&of, &labels, &truth, &mut |_| {}).expect("possible");
    let mut counts = Confusion::default();
    data.positive.iter().zip(&selected).for_each(|(positive, selected)| counts.add(*positive, *selected));
    let classes = Classes::of(&labels, &truth).expect("rows");
    close("accuracy", named(&two.overall, FigureName::Accuracy), counts.accuracy().map(|r| r.interval));
    close("balanced", named(&two.overall, FigureName::BalancedAccuracy), counts.balanced_accuracy().interval);
    for (got, want) in [
        (named(&two.overall, FigureName::Mcc), counts.mcc().value),
        (named(&two.overall, FigureName::F1), counts.f1().value),
        (named(&several.overall, FigureName::MacroF1), classes.macro_f1().value),
        (named(&several.overall, FigureName::MacroRecall), counts.balanced_accuracy().value),
        (named(&several.overall, FigureName::MacroPrecision), classes.macro_precision().value),
        (named(&several.overall, FigureName::Accuracy), multiclass::accuracy(&labels, &truth).value),
    ] {
        let (median, want) = got.median.zip(want).expect("both");
        assert!((median - want).abs() < 0.01, "{median} {want}");
    }
    let f1 = several.overall.iter().find(|f| f.figure == FigureName::F1 && f.class.as_deref() == Some("1"));
    let (one, other) = (f1.and_then(|f| f.replicates.interval), named(&two.overall, FigureName::F1).interval);
    assert!(one.zip(other).is_some_and(|(a, b)| (a.low - b.low).abs() < 0.01 && (a.high - b.high).abs() < 0.01));
    // Four figures of all classes and three of each.
    assert_eq!((several.overall.len(), several.groups.len(), several.spreads.len()), (10, 2, 10));
}

#[test]
fn what_cannot_be_done_is_refused() {
    let data = data(30, 30);
    let run = |against: Against, plan: Plan, positive: &[bool]| {
        scores(&comparison(&data.groups, against, plan), positive, &data.scores, &mut |_| {}).map(|_| ())
    };
    let absent = PlanError::NoReference { group: "c".to_owned() };
    assert_eq!(run(Against::Group("c".to_owned()), PLAN, &data.positive), Err(absent));
    assert_eq!(run(Against::Overall, PLAN, &[true]), Err(PlanError::Lengths { rows: 1, other: 63 }));
    let many = Plan { resamples: 99, ..PLAN };
    assert_eq!(run(Against::Overall, many, &data.positive), Err(PlanError::Resamples { asked: 99 }));
    let labels: Vec<String> = (0..63).map(|row| row.to_string()).collect();
    let plan = Plan { resamples: 100_000, ..PLAN };
    let of = comparison(&data.groups, Against::Overall, plan);
    assert!(matches!(classes(&of, &labels, &labels, &mut |_| {}), Err(PlanError::TooMuch { .. })));
    let empty: &[&str] = &[];
    let none = Groups::of("g", &[empty], 0).expect("no groups");
    let got = scores(&comparison(&none, Against::Overall, PLAN), &[], &[], &mut |_| {}).expect("nothing");
    assert_eq!((got.groups.len(), named(&got.overall, FigureName::Auc).defined), (0, 0));
}
