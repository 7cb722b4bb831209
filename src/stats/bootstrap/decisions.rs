//! The bootstrap of figures of a binary decision that aren't a share of rows.

use super::{Comparison, FiguresBootstrap, PlanError, classes::Cells};
use crate::stats::{confusion::Confusion, fairness::FigureName};

const NAMES: [FigureName; 4] = [FigureName::Accuracy, FigureName::BalancedAccuracy, FigureName::F1, FigureName::Mcc];

/// All figures, in the order of `NAMES`, by the rules of [`Confusion`] without their intervals.
fn figures(c: &Confusion) -> [Option<f64>; 4] {
    let share = |part: u64, whole: u64| (whole != 0).then(|| part as f64 / whole as f64);
    let joint = c.tp + c.fp + c.fn_;
    let balanced = share(c.tp, c.positives()).zip(share(c.tn, c.negatives())).map(|(tpr, tnr)| (tpr + tnr) / 2.0);
    [share(c.tp + c.tn, c.n()), balanced, share(2 * c.tp, c.tp + joint).filter(|_| joint != 0), c.mcc().value]
}

/// Percentile intervals for accuracy, balanced accuracy, F1 and Matthews correlation: over all
/// rows, by group and between groups. The rows are drawn by cell, so a million cost no more than
/// a thousand. `progress` hears the share that is done.
pub fn decisions(
    of: &Comparison<'_>,
    positive: &[bool],
    selected: &[bool],
    progress: &mut dyn FnMut(f64),
) -> Result<FiguresBootstrap, PlanError> {
    if positive.len() != selected.len() {
        return Err(PlanError::Lengths { rows: positive.len(), other: selected.len() });
    }
    let strata = of.strata(positive.len())?;
    let cell = |row: usize| {
        let truth_and_answer = (positive.get(row).copied(), selected.get(row).copied());
        u32::from(truth_and_answer.0 == Some(true)) * 2 + u32::from(truth_and_answer.1 == Some(true))
    };
    let mut cells = Cells::of(&strata, cell);
    let usable = strata.usable.clone();
    let confusion = |cells: &[(u32, u64)]| {
        let mut counts = Confusion::default();
        for (cell, rows) in cells {
            let place = match cell {
                3 => &mut counts.tp,
                2 => &mut counts.fn_,
                1 => &mut counts.fp,
                _ => &mut counts.tn,
            };
            *place += rows;
        }
        counts
    };
    of.bootstrap(strata, &NAMES.map(|name| (name, None)), progress, |generator, values| {
        cells.draw(of.plan.scheme, generator);
        values.extend(figures(&confusion(cells.all())));
        for (cells, _) in cells.groups().zip(&usable).filter(|(_, usable)| **usable) {
            values.extend(figures(&confusion(cells)));
        }
    })
}
