//! The roles that a workspace makes for itself: made, changed and removed by its administrators.
//!
//! Invariants: what such a role may hold says `authz::custom` alone; whoever holds one gets what it says now with the next
//! request, since both are read in one look; none goes while somebody holds it; nobody changes what their own accounts hold.

pub mod api;
pub mod ops;
pub(in crate::accounts) mod store;

use crate::{authz::CustomRole, core::ids::CustomRoleId};

/// A role of a workspace, and who holds it.
#[derive(Clone, Debug)]
pub struct Defined {
    pub name: String,
    pub actions: Vec<String>,
    /// Names of accounts.
    pub holders: Vec<String>,
}

/// One as it is stored.
#[derive(Clone, Debug)]
pub(in crate::accounts) struct Kept {
    pub id: CustomRoleId,
    pub name: String,
    pub actions: Vec<String>,
    /// None where the rules of now know no such role: it gives nothing.
    pub role: Option<CustomRole>,
}
