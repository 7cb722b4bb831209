//! How far a current sample has moved from a reference sample.
//!
//! Two kinds of column: numbers ([`Sample`]) and levels ([`Levels`]). Everything that is binned
//! says which bins; the binning is part of the figure, because the same two samples give another
//! PSI in other bins.
//!
//! Invariants: what is not a finite number is left out and counted; an empty sample has no drift
//! figure at all; the reference is always the first argument and most figures aren't symmetric.

mod bins;
mod chi_square;
mod decision;
mod divergence;
mod kolmogorov;
mod levels;
mod sample;
mod wasserstein;

pub use bins::Bins;
pub use chi_square::{ChiSquare, chi_square_2x2, goodness_of_fit, homogeneity, yates_2x2};
pub use decision::{
    Column, ColumnDecision, DISTANCE_ABOVE_ROWS, DataSetDecision, DriftTest, ManyTests, benjamini_hochberg, bonferroni,
    data_set, default_choice,
};
pub use divergence::{LogBase, ZeroRule, jensen_shannon_distance, psi};
pub use kolmogorov::{EXACT_MAXIMUM_ROWS, KolmogorovSmirnov, kolmogorov_smirnov};
pub use levels::{Levels, MAXIMUM_LEVELS};
pub use sample::Sample;
pub use wasserstein::{Wasserstein, wasserstein};

#[cfg(test)]
mod tests;
