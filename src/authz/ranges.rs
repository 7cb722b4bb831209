//! Roles that somebody holds for some models or environments alone.
//!
//! Invariants: a range only ever takes away; looking, and what is one's own, is never narrowed; what a role with a range
//! changes is looked at once more at the commit, by what [`Reach`] says of tokens.

use crate::authz::{Reach, Role};
use std::collections::BTreeMap;

/// Those of somebody's roles that are not held in the whole workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(BTreeMap<Role, Reach>);

impl Ranges {
    /// Roles with where they are held; those that are held everywhere have no range.
    pub fn of(held: impl IntoIterator<Item = (Role, Reach)>) -> Self {
        Self(held.into_iter().filter(|(_, reach)| reach.asks_where()).collect())
    }

    /// Within one of which whatever is done by these roles has to be; empty where one of them is held everywhere.
    pub fn around(&self, roles: impl IntoIterator<Item = Role>) -> Vec<Reach> {
        let mut all = Vec::new();
        for role in roles {
            match self.0.get(&role) {
                Some(reach) => all.push(reach.clone()),
                None => return Vec::new(),
            }
        }
        all
    }

    /// Where a role is held; everywhere if nothing says where.
    pub fn at(&self, role: Role) -> Option<&Reach> {
        self.0.get(&role)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        authz::Limits,
        core::ids::{EnvironmentId, ModelId},
    };

    #[test]
    fn a_role_that_is_held_everywhere_widens_what_another_is_held_for() {
        let staging =
            Reach::new(Limits { environments: Some([EnvironmentId::generate()].into()), ..Limits::default() });
        let scorer = Reach::new(Limits { models: Some([ModelId::generate()].into()), ..Limits::default() });
        let ranges = Ranges::of([
            (Role::Reviewer, staging.clone()),
            (Role::Contributor, scorer.clone()),
            (Role::Viewer, Reach::default()),
        ]);
        assert_eq!(ranges.around([Role::Reviewer]), std::slice::from_ref(&staging));
        assert_eq!(ranges.around([Role::Contributor, Role::Reviewer]), [scorer, staging]);
        assert!(ranges.around([Role::Reviewer, Role::RiskOfficer]).is_empty(), "an officer everywhere");
        assert!(ranges.around([Role::Viewer]).is_empty() && Ranges::default().is_empty() && !ranges.is_empty());
    }
}
