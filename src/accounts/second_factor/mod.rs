//! A second factor: codes by the clock from an authenticator, and codes on paper for when it is lost.
//!
//! Invariants: what an authenticator shares with the service is sealed under a key that is not in the
//! database; a code of a moment and a code on paper are used once; only the person adds a factor, in a
//! session, and it counts when a first code of it was right.

pub mod api;
pub mod demand;
pub mod key_file;
pub mod ops;
pub(super) mod store;
pub(super) mod tried;

use crate::{core::ids::AccountId, crypto::hex};
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

/// How many codes on paper there are.
pub const RECOVERY_CODES: usize = 10;
const GROUPS: usize = 4;
const GROUP_CHARS: usize = 4;
/// Without letters and digits that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A factor as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    pub account: AccountId,
    /// What the authenticator shares, sealed; none where the factor was taken away.
    pub sealed: Option<String>,
    pub confirmed_at: Option<DateTime<Utc>>,
    /// The newest step whose code was used.
    pub last_step: Option<i64>,
    /// When an administrator took it away; the person is to add one again.
    pub taken_at: Option<DateTime<Utc>>,
}

impl Factor {
    /// Its codes are asked for.
    pub fn counts(&self) -> bool {
        self.confirmed_at.is_some()
    }
}

/// What of a code that was right has to be noted, so that it is right no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    Step(i64),
    Paper(uuid::Uuid),
}

/// Codes on paper: 80 random bits each.
fn recovery_codes() -> Result<Vec<String>, getrandom::Error> {
    (0..RECOVERY_CODES)
        .map(|_| {
            let mut random = [0_u8; GROUPS * GROUP_CHARS];
            getrandom::fill(&mut random)?;
            let chars: Vec<char> = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
            Ok(chars.chunks(GROUP_CHARS).map(String::from_iter).collect::<Vec<_>>().join("-"))
        })
        .collect()
}

/// What is stored of a code on paper, however it was typed. The code is random enough that no slow hash is needed.
fn paper_hash(code: &str, account: AccountId) -> String {
    let plain: String = code.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    hex::encode(&Sha256::new().chain_update(format!("recovery v1\n{account}\n")).chain_update(plain).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_on_paper_are_ten_and_read_however_they_are_typed() {
        let codes = recovery_codes().expect("codes");
        let different: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!(different.len(), RECOVERY_CODES);
        let (one, account) = (&codes[0], AccountId::generate());
        assert_eq!(one.len(), 19);
        let typed = format!(" {} ", one.replace('-', " ").to_uppercase());
        assert_eq!(paper_hash(one, account), paper_hash(&typed, account));
        assert_ne!(paper_hash(one, account), paper_hash(one, AccountId::generate()));
    }
}
