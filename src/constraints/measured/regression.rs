//! Quality and groups of a predicted number.

use super::{super::metric::Metric, Attributes, Grouping, Measured};
use crate::stats::{breakdown::Rows, regression::regression};

/// The answers of a regression, row by row, in the unit of the label.
#[derive(Clone, Copy, Debug)]
pub struct Estimates<'a> {
    pub predicted: &'a [f64],
    pub truth: &'a [f64],
    pub attributes: Attributes<'a>,
}

impl Measured {
    /// Quality of a numeric prediction, and the tables of groups that are asked for.
    pub fn add_regression(&mut self, estimates: &Estimates, grouping: &Grouping) {
        let Estimates { predicted, truth, attributes } = *estimates;
        let quality = regression(predicted, truth);
        self.figures.extend([
            (Metric::Mae, quality.mae),
            (Metric::Rmse, quality.rmse),
            (Metric::R2, quality.r2),
            (Metric::MeanResidual, quality.mean_residual),
            (Metric::MeanPrediction, quality.mean_prediction),
        ]);
        let rows = Rows { outcomes: None, labels: None, scores: None, numbers: Some((predicted, truth)) };
        self.fill_intervals(rows, truth.len(), grouping.plan);
        for request in grouping.requests {
            match &request.class {
                None => self.add_table(&attributes, rows, truth.len(), request, grouping),
                Some(_) => self.set_absent(&request.attribute, "a predicted number has no classes"),
            }
        }
    }
}
