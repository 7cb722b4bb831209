//! Witnesses: others who look at every head and sign that they saw it, so that the registry
//! cannot show different logs to different people (C2SP `tlog-witness` v1.0.0).
//!
//! `client` sends the registry's own heads to the configured witnesses; `server` is a
//! witness for logs of others, with a key and a file of its own and no database.

pub mod client;
pub mod objections;
mod request;
mod rule;
pub mod server;
pub mod state;

use crate::crypto::{cosignature::WitnessKey, note::NoteError};
use reqwest::Url;
use std::str::FromStr;

/// The type of a body that holds nothing but the size that a witness knows.
const SIZE_TYPE: &str = "text/x.tlog.size";

/// A witness to send heads to: `VKEY URL`.
#[derive(Clone, Debug)]
pub struct Witness {
    pub key: WitnessKey,
    /// Its address; `add-checkpoint` comes below it.
    pub url: Url,
}

#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error("write the witness's verifier key, a space, and its address")]
    Form,
    #[error(transparent)]
    Key(#[from] NoteError),
    #[error("\"{0}\" is not an http or https address")]
    Address(String),
}

impl FromStr for Witness {
    type Err = WitnessError;

    fn from_str(text: &str) -> Result<Self, WitnessError> {
        let (key, address) = text.trim().split_once(' ').ok_or(WitnessError::Form)?;
        let wrong = || WitnessError::Address(address.to_owned());
        let url = Url::parse(&format!("{}/add-checkpoint", address.trim().trim_end_matches('/')));
        let url = url.ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(wrong)?;
        Ok(Self { key: WitnessKey::parse(key)?, url })
    }
}
