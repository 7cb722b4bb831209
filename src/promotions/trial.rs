//! What a policy would do, before it does anything: whether it can work in this workspace, and
//! what it would say to a version. Nothing is written.

pub mod api;
pub mod ops;

use crate::{
    error::FailedCheck,
    policies::{Asked, Hold},
};
use std::collections::BTreeMap;

/// What a request that is made now would come to.
pub struct Trial {
    /// What would fail its checks.
    pub would_block: Vec<FailedCheck>,
    /// What would be shown to those who decide, and stop nothing.
    pub warnings: Vec<FailedCheck>,
    /// What would keep it waiting if it were approved now.
    pub holds: Vec<Hold>,
    /// What the policy asks for here; nothing without a policy.
    pub asked: Option<Asked>,
    /// The role of each seat, and the accounts of somebody who could fill it while others fill the
    /// others; none if the seats can't all be filled.
    pub seats: Vec<(String, Vec<String>)>,
    /// Who could decide, by role: names of people who have no part in it and whom nothing excludes.
    pub eligible: BTreeMap<String, Vec<String>>,
}
