//! The threshold under which an answer is held back.

use super::{super::fields::Fields, super::metric::Dimension, robustness::number};

/// The least probability of an answer that is given.
pub fn threshold(fields: &mut Fields, dimension: Option<Dimension>) -> Option<f64> {
    if dimension? != Dimension::Abstention {
        fields.refuse("threshold", "only abstention has a threshold");
        return None;
    }
    number(fields, "threshold", |threshold| 0.0 < threshold && threshold <= 1.0, "above 0, to 1")
}
