//! Pure numbers: slices in, figures out. No input or output, no clock, no randomness but that of
//! a seed in the arguments.
//!
//! Invariants of every function here:
//! - counts are `u64`, rates are computed in `f64` from counts, with one rounding where it matters;
//! - what is undefined (an empty denominator, one class only, a score that is not a number) is
//!   `None`, never 0 and never NaN;
//! - intervals are two-sided 95 % and name the method that made them.

pub mod abstention;
pub mod agreement;
pub mod bands;
pub mod bootstrap;
pub mod breakdown;
pub mod by_group;
pub mod calibration;
pub mod confusion;
pub mod contrast;
pub mod disparity;
pub mod drift;
pub mod fairness;
pub mod figure;
pub mod groups;
pub mod histogram;
pub mod impact;
pub mod inequality;
pub mod interval;
pub mod multiclass;
pub mod percentile;
pub mod quality;
mod recalibration;
pub mod regression;
pub mod robustness;
pub mod score;
pub mod several;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod properties;
