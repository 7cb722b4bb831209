//! Who may not approve, beside those who had a hand in it.

use crate::models::Accountability;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Everyone who is named in any of the three ways is excluded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exclude {
    /// Whoever holds one of these roles, whichever others they hold. At most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Accounts by name. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Who answers for the model in one of these ways.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Accountability>,
}

impl Exclude {
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.accounts.is_empty() && self.owners.is_empty()
    }

    /// Everyone whom either excludes.
    pub fn join(&mut self, other: &Self) {
        add_new(&mut self.roles, &other.roles);
        add_new(&mut self.accounts, &other.accounts);
        add_new(&mut self.owners, &other.owners);
    }
}

fn add_new<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}
