//! What happens to inputs in the field, as a spec names it: noise, gaps, shifts, other units, other categories.
//!
//! Invariant: a [`Perturbation`] with nothing random in it has no seeds; one with chance in it has at least one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most perturbations of one spec.
pub const MAXIMUM_PERTURBATIONS: usize = 50;
/// Draws of a random perturbation unless the spec says otherwise.
pub const DEFAULT_SEEDS: u32 = 10;
pub const MAXIMUM_SEEDS: u32 = 100;

/// One perturbation of the rows of the evaluation data, the label excepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Perturbation {
    /// Unique in the spec: 1 to 64 of a-z, 0-9 and `-`.
    pub name: String,
    #[serde(flatten)]
    pub change: Change,
    /// The columns that it changes; absent: every column that the model takes and that the change is meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// How often it is drawn, 1 to 100; absent where nothing is random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<u32>,
    /// Of the first draw; each further one has the next number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// What it does to a value. `sigma` and `by_std` are in standard deviations of the column, shares in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// Normal noise on every number.
    Noise { sigma: f64 },
    /// A share of the cells is missing: NaN, or the empty text.
    Missing { share: f64 },
    /// Every number is moved by the same amount.
    Shift { by_std: f64 },
    /// Every number is multiplied: another unit.
    Scale { factor: f64 },
    /// Every number is the column's mean, as a plain imputation makes it.
    Mean,
    /// A share of the numbers is the column's mean plus or minus so much.
    Outlier { share: f64, by_std: f64 },
    /// A share of the numbers is infinite, of either sign.
    Infinite { share: f64 },
    /// Every number keeps so many significant decimal digits.
    Round { digits: u32 },
    /// A share of the texts is another value of the same column.
    Category { share: f64 },
    /// A share of the texts is a value that no row of the data has.
    UnseenCategory { share: f64 },
}

/// What a change is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeantFor {
    Numbers,
    Texts,
    Both,
}

impl Change {
    pub fn is_random(self) -> bool {
        match self {
            Self::Noise { .. }
            | Self::Outlier { .. }
            | Self::Infinite { .. }
            | Self::Category { .. }
            | Self::UnseenCategory { .. } => true,
            Self::Missing { share } => share < 1.0,
            Self::Shift { .. } | Self::Scale { .. } | Self::Mean | Self::Round { .. } => false,
        }
    }

    pub fn meant_for(self) -> MeantFor {
        match self {
            Self::Missing { .. } => MeantFor::Both,
            Self::Category { .. } | Self::UnseenCategory { .. } => MeantFor::Texts,
            _ => MeantFor::Numbers,
        }
    }

    /// As a sentence says it: "normal noise of 0.1 standard deviations".
    pub fn described(self) -> String {
        let percent = |share: f64| format!("{} %", share * 100.0);
        match self {
            Self::Noise { sigma } => format!("normal noise of {sigma} standard deviations"),
            Self::Missing { share } => format!("{} of the cells missing", percent(share)),
            Self::Shift { by_std } => format!("a shift by {by_std} standard deviations"),
            Self::Scale { factor } => format!("all numbers times {factor}"),
            Self::Mean => "all numbers at the mean".to_owned(),
            Self::Outlier { share, by_std } => {
                format!("{} of the numbers {by_std} standard deviations from the mean", percent(share))
            }
            Self::Infinite { share } => format!("{} of the numbers infinite", percent(share)),
            Self::Round { digits } => format!("numbers of {digits} significant digits"),
            Self::Category { share } => format!("{} of the categories exchanged", percent(share)),
            Self::UnseenCategory { share } => format!("{} of the categories never seen before", percent(share)),
        }
    }
}

impl Perturbation {
    /// The seed of each draw; one that stands for none where nothing is random.
    pub fn draws(&self) -> Vec<u64> {
        let first = self.seed.unwrap_or(0);
        (0..u64::from(self.seeds.unwrap_or(1))).map(|draw| first.wrapping_add(draw)).collect()
    }
}
