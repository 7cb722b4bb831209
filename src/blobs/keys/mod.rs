//! The keys that the keys of files are wrapped with: whoever holds the store and the database without them holds nothing.
//!
//! Each copy of a file has a key of its own (`crypto::cobblestone`), which is in the database, wrapped. Changing the
//! wrapping key touches rows and no file.

mod held;
mod keyring;
mod transit;

pub use keyring::Keyring;
pub use transit::{Transit, TransitSettings};

use crate::crypto::cobblestone::{CobblestoneError, MessageKey};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// A key of a file as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// By which key, with its version where it has versions.
    pub by: String,
    pub text: String,
}

/// Why a key is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the store's files are encrypted, and no encryption key is given: see --encryption-key-file")]
    NoKeys,
    #[error("no encryption key has the name \"{0}\": put it back among the keys, below the first one")]
    Unknown(String),
    #[error("the key of a file does not open with the encryption key \"{0}\": it is another key of the same name")]
    Closed(String),
    #[error("the service that holds the encryption key does not answer: {0}")]
    Unreachable(String),
    #[error("the service that holds the encryption key refuses: {0}")]
    Refused(String),
    #[error("the file's own key does not fit its bytes: {0}")]
    Message(#[from] CobblestoneError),
}

pub type Answer<'a, T> = BoxFuture<'a, Result<T, KeyError>>;

/// Who wraps the keys of files.
pub trait KeyService: Send + Sync {
    fn wrap<'a>(&'a self, key: &'a MessageKey) -> Answer<'a, Wrapped>;
    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped) -> Answer<'a, Arc<MessageKey>>;
    /// The same key under what wraps new ones now.
    fn rewrap<'a>(&'a self, wrapped: &'a Wrapped) -> Answer<'a, Wrapped>;
}
