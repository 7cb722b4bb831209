//! What witnesses say against the log in the database: that they saw more of it, or another
//! tree. While one of them does, nothing is signed (`guard`).
//!
//! Invariant: an objection goes only when the witness that raised it signs a head again, or
//! when it is configured no more. Silence takes nothing back.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use tokio::sync::OnceCell;

#[derive(Default)]
pub struct Objections {
    /// By the witness's label.
    raised: Mutex<BTreeMap<String, String>>,
    /// Set when every witness was asked, once after the start.
    pub(super) asked: OnceCell<()>,
}

impl Objections {
    pub fn raise(&self, witness: &str, why: String) {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).insert(witness.to_owned(), why);
    }

    pub fn withdraw(&self, witness: &str) {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).remove(witness);
    }

    pub fn stands(&self, witness: &str) -> bool {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).contains_key(witness)
    }

    /// A witness that objects, and why.
    pub fn first(&self) -> Option<(String, String)> {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        raised.iter().next().map(|(witness, why)| (witness.clone(), why.clone()))
    }
}
