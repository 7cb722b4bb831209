//! What people and robots say on a request, beside deciding on it.
//!
//! Invariants: comments are only ever added; they are no part of what is decided on, so no digest
//! changes by them; whoever may take part in a request may speak on it, robots too, also when it is
//! closed: what was learnt afterwards belongs to it.

pub mod api;
pub mod ops;
mod store;

use crate::core::ids::{AccountId, CommentId, PromotionId};
use chrono::{DateTime, Utc};

/// So that nobody fills the database by talking.
pub const MAX_COMMENTS: u64 = 500;

#[derive(Clone, Debug)]
pub struct Comment {
    pub id: CommentId,
    pub promotion: PromotionId,
    pub account: AccountId,
    pub body: String,
    pub created_at: DateTime<Utc>,
}
