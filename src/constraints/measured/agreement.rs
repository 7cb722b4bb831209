//! How answers agree with those that were recorded.

use super::{
    super::{
        find::{OUTPUTS, of_output},
        metric::{Dimension, Metric},
    },
    Measured,
};
use crate::stats::agreement::{AgreedLabels, Agreement};

impl Measured {
    /// One output that was held against what was recorded of it.
    pub fn add_agreement(&mut self, output: &str, found: &Agreement) {
        self.tolerances.insert(output.to_owned(), found.tolerance);
        let mut add = |metric, figure| self.add_keyed(Dimension::Agreement, metric, output, figure);
        add(Metric::MaxDifference, found.max_difference);
        add(Metric::WithinTolerance, found.within);
        if let Some(flips) = found.flips {
            add(Metric::FlipRate, flips);
        }
    }

    /// Predicted labels that were held against recorded ones.
    pub fn add_agreed_labels(&mut self, output: &str, found: AgreedLabels) {
        self.add_keyed(Dimension::Agreement, Metric::WithinTolerance, output, found.same);
        self.add_keyed(Dimension::Agreement, Metric::FlipRate, output, found.flips);
    }

    /// One that was not, and why.
    pub fn set_not_agreed(&mut self, output: &str, why: impl Into<String>) {
        self.set_absent(&of_output(output), why);
    }

    /// Why there is nothing to hold answers against.
    pub fn set_nothing_recorded(&mut self, why: &str) {
        self.set_absent(OUTPUTS, why);
    }
}
