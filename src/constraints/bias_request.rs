//! Which tables of groups a run makes.

use super::spec::DEFAULT_MINIMUM_GROUP_SIZE;
use crate::stats::disparity::Against;

/// A table of groups that a constraint needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BiasRequest {
    /// `sex` or `sex*age_group`.
    pub attribute: String,
    pub class: Option<String>,
    pub against: Against,
    pub minimum_group_size: u64,
}

/// Up to this many attributes are crossed in every way; of more only pairs are.
const ALL_INTERSECTIONS: usize = 3;
/// Of more attributes than this none is crossed unless somebody asks for it.
const PAIRS: usize = 6;

impl BiasRequest {
    /// More classes than this have tables only where a spec asks for them.
    pub const MAXIMUM_CLASSES: usize = 50;

    /// The attributes that are looked at without being asked for: single ones first, then pairs,
    /// then all three.
    pub fn intersections(sensitive: &[String]) -> Vec<String> {
        let mut all = sensitive.to_vec();
        if sensitive.len() <= PAIRS {
            for (i, first) in sensitive.iter().enumerate() {
                all.extend(sensitive.iter().skip(i + 1).map(|second| format!("{first}*{second}")));
            }
        }
        if sensitive.len() == ALL_INTERSECTIONS {
            all.push(sensitive.join("*"));
        }
        all
    }

    /// The groups of an attribute against each other, with the usual minimum size.
    pub fn of(attribute: impl Into<String>) -> Self {
        Self {
            attribute: attribute.into(),
            class: None,
            against: Against::BetweenGroups,
            minimum_group_size: DEFAULT_MINIMUM_GROUP_SIZE,
        }
    }
}
