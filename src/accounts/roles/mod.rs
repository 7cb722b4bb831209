//! Which roles an account holds: given and taken one by one, by an administrator or by the groups of an identity provider.
//!
//! Invariants: nobody changes the roles of their own accounts; somebody who can give roles is always left.

pub mod api;
pub mod custom;
pub mod ops;
pub(in crate::accounts) mod store;

use crate::{
    authz::{Reach, RoleName},
    core::ids::MembershipId,
};

/// A role that somebody holds.
#[derive(Clone, Debug)]
pub struct Held {
    pub id: MembershipId,
    pub role: RoleName,
    /// The provider and the group of it that gave the role, `corp/credit-risk`; a person did where there is none.
    pub origin: Option<String>,
    /// For which models and environments; the whole workspace where it is not limited.
    pub reach: Reach,
}
