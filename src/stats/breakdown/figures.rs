//! Figures of scores, residuals and several classes, by group and over all rows.

use super::Rows;
use crate::stats::{
    by_group::{self, OfGroup},
    fairness::{AttributeTable, FigureName, GroupRates},
    figure::Figure,
    groups::Groups,
    multiclass::Classes,
    quality::ScoreQuality,
    regression::RegressionQuality,
};

type Named = Vec<(FigureName, Figure)>;

/// Adds what the rows allow to every group that is large enough.
pub fn add(table: &mut AttributeTable, groups: &Groups, rows: Rows) {
    let minimum = table.minimum_group_size;
    let by_group = named(groups, rows, minimum);
    for (group, figures) in table.groups.iter_mut().zip(by_group) {
        fill(group, figures);
    }
    let none: [&[&str]; 0] = [];
    let count = groups.of_rows().len();
    let (Ok(all), Some(overall)) = (Groups::of(&table.attribute, &none, count), &mut table.overall) else { return };
    if let Some(figures) = named(&all, rows, 0).pop() {
        fill(overall, figures);
    }
}

fn fill(group: &mut GroupRates, figures: Named) {
    if !group.too_small {
        group.figures.extend(figures);
    }
}

/// The figures of each group, in order; none for a group that is too small.
fn named(groups: &Groups, rows: Rows, minimum: u64) -> Vec<Named> {
    let mut all: Vec<Named> = vec![Vec::new(); groups.len()];
    let positives = rows.outcomes.map(|outcomes| outcomes.positives());
    if let Some((positives, scores)) = positives.zip(rows.scores) {
        let scored = by_group::scores_by_group(groups, &positives, scores, minimum);
        extend(&mut all, scored, |figures| {
            let ScoreQuality { auc, brier, log_loss, ece } = figures.quality;
            vec![
                (FigureName::MeanScore, figures.mean_score),
                (FigureName::CalibrationGap, figures.calibration_gap),
                (FigureName::Auc, auc),
                (FigureName::Brier, brier),
                (FigureName::LogLoss, log_loss),
                (FigureName::Ece, ece),
            ]
        });
    }
    if let Some((predicted, truth)) = rows.numbers {
        let regressed = by_group::regression_by_group(groups, predicted, truth, minimum);
        extend(&mut all, regressed, |figures| {
            let RegressionQuality { mae, rmse, r2, mean_residual, mean_prediction, .. } = figures;
            vec![
                (FigureName::Mae, mae),
                (FigureName::Rmse, rmse),
                (FigureName::R2, r2),
                (FigureName::MeanResidual, mean_residual),
                (FigureName::MeanPrediction, mean_prediction),
            ]
        });
    }
    if let Some((labels, truth)) = rows.labels {
        let pairs: Vec<(&str, &str)> =
            labels.iter().map(String::as_str).zip(truth.iter().map(String::as_str)).collect();
        for (figures, rows) in all.iter_mut().zip(groups.split(&pairs)) {
            let (labels, truth): (Vec<&str>, Vec<&str>) = rows.iter().copied().unzip();
            let classes = Classes::of(&labels, &truth).filter(|_| minimum <= rows.len() as u64);
            figures.extend(classes.iter().flat_map(|classes| {
                [
                    (FigureName::MacroF1, classes.macro_f1()),
                    (FigureName::MacroRecall, classes.macro_recall()),
                    (FigureName::MacroPrecision, classes.macro_precision()),
                ]
            }));
        }
    }
    all
}

fn extend<T>(all: &mut [Named], groups: Vec<OfGroup<T>>, of: impl Fn(T) -> Named) {
    for (figures, group) in all.iter_mut().zip(groups) {
        figures.extend(group.figures.into_iter().flat_map(&of));
    }
}
