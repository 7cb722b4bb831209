//! Signing in with an identity provider of the house, by OpenID Connect: code flow with PKCE, `state` and `nonce`.
//!
//! Invariants: an account belongs to an issuer and a subject, never to a mail address or a name; each answer of a
//! provider opens one session in the browser that asked for it, and each ID token is used once; roles that come from groups
//! are set anew at every sign-in, and those given by hand are not touched.

pub mod answer;
pub mod claims;
mod exchange;
pub mod ops;
pub mod roles;
pub mod settings;
pub(super) mod store;

pub use answer::{Answer, Attempt, Purpose};
pub use settings::{Provider, Providers};

use crate::error::Error;

/// Why somebody who came from a provider is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{said}")]
pub struct Refusal {
    /// Stable, for the log; nothing of what came from outside.
    pub cause: &'static str,
    /// A sentence for the person.
    pub said: String,
}

impl Refusal {
    pub fn new(cause: &'static str, said: impl Into<String>) -> Self {
        Self { cause, said: said.into() }
    }
}

/// What became of a sign-in that opened nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// In the audit log, unless it was an answer that nobody here had asked for.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Other(#[from] Error),
}
