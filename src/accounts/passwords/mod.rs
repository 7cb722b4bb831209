//! Which passwords may be set, how one is changed, and how a lost one is set anew.
//!
//! Invariants: nobody but the person themself ever chooses a person's password, except at the machine; a change
//! needs the current one, a reset a code that works once and for an hour, and a new account one that works for three days.

pub mod api;
mod common;
pub mod ops;
pub(super) mod store;

use crate::core::{
    Malformed,
    ids::{AccountId, ResetId},
};
use chrono::{DateTime, Utc};

/// For accounts that sign in with a password alone (OWASP ASVS 5.0, 6.2.1).
const MIN_CHARS: usize = 15;
/// Longer ones are refused, never cut (6.2.9 asks for at least 64).
const MAX_CHARS: usize = 256;
/// What has to be left of a password when the names that everybody knows are taken out of it.
const MIN_CHARS_BESIDE_NAMES: usize = 8;
/// Shorter names stand in too many words.
const MIN_NAME_CHARS: usize = 4;
const PRODUCT: &str = "plimsoll";
/// How long a code for setting a password works.
pub const RESET_MINUTES: i64 = 60;
/// How long the code of a new account works.
pub const INVITATION_HOURS: i64 = 72;

/// A password that may be set: 15 to 256 characters of any kind, none of those that are tried first,
/// and not built from the names of the account or the product.
pub struct NewPassword(String);

impl NewPassword {
    /// `names`: the account's name, its display name, and whatever else everybody knows.
    pub fn parse(raw: &str, names: &[&str]) -> Result<Self, Malformed> {
        let length = raw.chars().count();
        if !(MIN_CHARS..=MAX_CHARS).contains(&length) {
            let detail = format!("use {MIN_CHARS} to {MAX_CHARS} characters; a few words make a good one");
            return Err(Malformed::new(detail));
        }
        let lower = raw.to_lowercase();
        if lower.contains(PRODUCT) || is_built_from(&lower, names) {
            return Err(Malformed::new("do not build it from the account's or the product's name"));
        }
        if common::is_guessed_first(&lower) {
            let detail = "this one, or what it is made of, is on the lists that are tried first; use a few words that \
                do not belong together";
            return Err(Malformed::new(detail));
        }
        Ok(Self(raw.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A code by which one person sets their password once.
#[derive(Clone, Debug)]
pub struct Reset {
    pub id: ResetId,
    pub account: AccountId,
    pub issued_by: Option<AccountId>,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

fn is_built_from(lower: &str, names: &[&str]) -> bool {
    let words = names.iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()).chain([*name]));
    let words = words.map(str::to_lowercase).filter(|word| MIN_NAME_CHARS <= word.chars().count());
    let left = words.fold(lower.to_owned(), |left, word| left.replace(&word, ""));
    left.len() != lower.len() && left.chars().count() < MIN_CHARS_BESIDE_NAMES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_not_a_name() {
        let long = "four words in a row, and more ".repeat(9);
        for good in ["corrected horses battering", "ÄÖÜ äöü ß 日本語 emoji 🦀!", &long[..256], "ines likes long walks"]
        {
            assert!(NewPassword::parse(good, &["ines", "Ines Amaro"]).is_ok(), "{good}");
        }
        for bad in
            ["short", "ines-ines-1234x", "amaro-ines-amaro", "my-plimsoll-is-long", &long[..257], "fourteen chars"]
        {
            assert!(NewPassword::parse(bad, &["ines", "Ines Amaro"]).is_err(), "{bad}");
        }
    }

    #[test]
    fn any_character_counts_as_one_and_none_is_asked_for() {
        for good in ["дом стоит на холме", "🦀🐙🦑🐡🐠🦐🦞🐟🐬🐳🐋🦈🦭🐚🪸", "no capitals no digits"]
        {
            assert!(NewPassword::parse(good, &[]).is_ok(), "{good}");
        }
    }
}
