//! Of whom the service wants a second factor.

use crate::{
    authz::{CustomRoles, Kind, Role},
    core::Malformed,
};
use std::{collections::BTreeSet, fmt, str::FromStr};

const EVERYBODY: &str = "everybody";

/// A role whose holders need one, or everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    Everybody,
    Of(Role),
}

/// Whether somebody with these roles needs a second factor. Robots have no factors; they have tokens.
pub fn is_needed(demands: &[Demand], kind: Kind, roles: &BTreeSet<Role>, custom: &CustomRoles) -> bool {
    let asks = |demand: &Demand| match demand {
        Demand::Everybody => true,
        // A role of the workspace's own does not get around what is asked of the one whose work it does.
        Demand::Of(role) => roles.contains(role) || custom.iter().any(|custom| custom.does_what(*role)),
    };
    kind == Kind::User && demands.iter().any(asks)
}

impl FromStr for Demand {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            EVERYBODY => Ok(Self::Everybody),
            role => {
                Role::parse(role).map(Self::Of).map_err(|wrong| Malformed::new(format!("{}, or {EVERYBODY}", wrong.0)))
            }
        }
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str(EVERYBODY),
            Self::Of(role) => role.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_wanted_of_roles_or_of_everybody_and_of_no_robot() {
        let demands = |text: &str| text.split(',').map(|one| one.parse().expect("a demand")).collect::<Vec<Demand>>();
        let none = CustomRoles::default();
        let (admin, viewer) = (BTreeSet::from([Role::Admin, Role::Viewer]), BTreeSet::from([Role::Viewer]));
        assert!(!is_needed(&[], Kind::User, &admin, &none));
        let some = demands("admin,reviewer");
        assert!(is_needed(&some, Kind::User, &admin, &none) && !is_needed(&some, Kind::User, &viewer, &none));
        let all = demands("everybody");
        assert!(is_needed(&all, Kind::User, &viewer, &none) && !is_needed(&all, Kind::Service, &viewer, &none));
        assert!("everyone".parse::<Demand>().is_err());
        assert_eq!(all[0].to_string(), "everybody");
    }
}
