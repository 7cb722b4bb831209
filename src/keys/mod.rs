//! The registry's own keys: which of them signs when, and how one follows another.
//!
//! A rotation makes a new key file, then registers its public half in one transaction with
//! its event; until that transaction is committed nothing signs with it. For a time the
//! log's heads carry a line of each key; statements are signed by the newest alone.
//!
//! Invariants: all keys of a database are of one log, whose name never changes; exactly one key signs until further notice; a key's time may end sooner than
//! was announced and never later; what a retired key signed goes on verifying.

pub mod api;
pub mod ops;
mod store;

use chrono::{DateTime, TimeDelta, Utc};

/// The public half of a key, as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredKey {
    /// 8 hex digits: the id in signed notes.
    pub id: String,
    pub origin: String,
    /// C2SP: `ORIGIN+ID+KEY`.
    pub verifier_key: String,
    pub public_key_pem: String,
    /// The note in which the key before vouches for this one.
    pub endorsement: Option<String>,
    pub added_at: DateTime<Utc>,
    /// Absent for the one key that signs until further notice.
    pub signs_until: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Signs everything.
    Active,
    /// Signs the heads of the log beside the active key.
    Retiring,
    Retired,
}

impl KeyState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }
}

impl RegisteredKey {
    pub fn state(&self, now: DateTime<Utc>) -> KeyState {
        match self.signs_until {
            None => KeyState::Active,
            Some(end) if now < end => KeyState::Retiring,
            Some(_) => KeyState::Retired,
        }
    }
}

/// How long two keys sign side by side: `30d`, `12h` or `0d`; at most 400 days.
pub fn parse_overlap(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "write a number of days or hours, such as 30d or 12h, of at most 400 days".to_owned();
    let (number, hours) = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "d")) => (number, 24),
        Some((number, "h")) => (number, 1),
        _ => return Err(wrong()),
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let hours = number.parse::<i64>().ok().and_then(|n| n.checked_mul(hours));
    hours.filter(|hours| *hours <= 400 * 24).map(TimeDelta::hours).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_is_days_or_hours() {
        for (text, hours) in [("30d", 720), ("12h", 12), ("0d", 0), ("400d", 9_600)] {
            assert_eq!(parse_overlap(text), Ok(TimeDelta::hours(hours)), "{text}");
        }
        for bad in ["", "d", "30", "-1d", "+1d", "1.5d", "401d", "99999999999999999999d", "1 d", "1é", "é"] {
            assert!(parse_overlap(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_ends_when_its_time_ends() {
        let at = DateTime::UNIX_EPOCH;
        let key = |signs_until| RegisteredKey {
            id: String::new(),
            origin: String::new(),
            verifier_key: String::new(),
            public_key_pem: String::new(),
            endorsement: None,
            added_at: at,
            signs_until,
        };
        assert_eq!(key(None).state(at), KeyState::Active);
        assert_eq!(key(Some(at + TimeDelta::seconds(1))).state(at), KeyState::Retiring);
        assert_eq!(key(Some(at)).state(at), KeyState::Retired);
    }
}
