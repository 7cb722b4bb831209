//! How the first account begins: with a code that the service prints once, when it starts with an empty database.
//!
//! Invariants: the code makes one account, an administrator's, and only while there is none; only its hash is stored;
//! it is printed when it is made, and never again. Whoever lost it makes another at the machine.

pub mod api;
pub mod ops;
mod store;

use crate::{
    accounts::passwords::NewPassword,
    core::{name::Name, text::Line},
    error::{Error, InField},
};
use chrono::{DateTime, Utc};

/// How long the code works.
pub const HOURS: i64 = 24;

/// A code in the only moment in which it is readable.
pub struct Code {
    pub secret: String,
    pub expires_at: DateTime<Utc>,
}

/// The first account as it is asked for, every field checked.
pub struct First {
    pub name: Name,
    pub display_name: Line,
    pub password: NewPassword,
}

impl First {
    pub fn parse(name: &str, display_name: &str, password: &str) -> Result<Self, Error> {
        let name = Name::parse(name).in_field("name")?;
        let password = NewPassword::parse(password, &[name.as_str(), display_name]).in_field("password")?;
        Ok(Self { name, display_name: Line::parse(display_name).in_field("display_name")?, password })
    }
}
