//! How often somebody may try a password: counted by account and place together, so that a stranger who
//! fails shuts out nobody but themself.
//!
//! Whoever has signed in from a browser before is counted by account and browser alone: no number of
//! failures elsewhere keeps them out. Counts are of this process and are gone after five minutes; with
//! several replicas each counts for itself.

use crate::error::Error;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

const MINUTES: i64 = 5;
/// Failures for one account from one place or one known browser.
const PER_PLACE: u32 = 10;
/// Failures from one address, whatever the account: enough for an office behind one address.
const PER_ADDRESS: u32 = 60;
/// Failures for one account from everywhere that is not known.
const PER_ACCOUNT: u32 = 100;
/// A code of a second factor has six digits, and three of a million are right at a time: 20 tries in an hour need two
/// years.
const CODE_MINUTES: i64 = 60;
const PER_CODE: u32 = 20;
/// Windows that are kept; an address adds few, as it is stopped itself.
const MAX_WINDOWS: usize = 50_000;

type Key = [u8; 16];

#[derive(Default)]
pub struct Throttle(Mutex<HashMap<Key, Window>>);

struct Window {
    ends: DateTime<Utc>,
    failures: u32,
}

/// A try that counts as a failure until it is known to be none.
#[must_use = "a try that succeeded has to be taken back"]
pub struct Try(Vec<Key>);

/// Where somebody tries from.
pub enum Place<'a> {
    /// From an address, by somebody who is not known there.
    Address(&'a str),
    /// From a browser or a session that has been this account's before.
    Known(&'a str),
    /// With the password, and a code of a second factor: from a browser or session that is known, or from anywhere else.
    Code(Option<&'a str>),
}

impl Throttle {
    /// # Errors
    /// `TooMany` when there were too many failures; it does not depend on whether the account exists.
    pub fn attempt(&self, account: &str, place: &Place<'_>, now: DateTime<Utc>) -> Result<Try, Error> {
        let minutes = if let Place::Code(_) = place { CODE_MINUTES } else { MINUTES };
        let keys = match place {
            Place::Code(known) => vec![(key(&["code", account, known.unwrap_or_default()]), PER_CODE)],
            Place::Known(id) => vec![(key(&["known", account, id]), PER_PLACE)],
            Place::Address(address) => vec![
                (key(&["place", account, address]), PER_PLACE),
                (key(&["address", address]), PER_ADDRESS),
                (key(&["account", account]), PER_ACCOUNT),
            ],
        };
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = keys.iter().filter_map(|(key, limit)| {
            let window = windows.get(key).filter(|window| now < window.ends && *limit <= window.failures)?;
            Some((window.ends - now).num_seconds().max(1))
        });
        if let Some(seconds) = full.max() {
            return Err(too_many(seconds));
        }
        make_room(&mut windows, now);
        for (key, _) in &keys {
            let fresh = || Window { ends: now + TimeDelta::minutes(minutes), failures: 0 };
            let window = windows.entry(*key).or_insert_with(fresh);
            if window.ends <= now {
                *window = fresh();
            }
            window.failures += 1;
        }
        Ok(Try(keys.into_iter().map(|(key, _)| key).collect()))
    }

    /// The try was none to count.
    pub fn succeeded(&self, tried: Try) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in tried.0 {
            if let Some(window) = windows.get_mut(&key) {
                window.failures = window.failures.saturating_sub(1);
            }
        }
    }
}

fn too_many(seconds: i64) -> Error {
    let minutes = (seconds + 59) / 60;
    Error::TooMany {
        code: "too_many_attempts",
        detail: format!("too many failed attempts; try again in {minutes} min"),
        retry_after: u64::try_from(seconds).unwrap_or(1),
    }
}

fn make_room(windows: &mut HashMap<Key, Window>, now: DateTime<Utc>) {
    if windows.len() < MAX_WINDOWS {
        return;
    }
    windows.retain(|_, window| now < window.ends);
    // Rather forget the oldest than take no more: what is forgotten begins again at nothing.
    while MAX_WINDOWS <= windows.len() {
        let Some(oldest) = windows.iter().min_by_key(|(_, window)| window.ends).map(|(key, _)| *key) else { return };
        windows.remove(&oldest);
    }
}

fn key(parts: &[&str]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut key = Key::default();
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(12)
    }

    #[test]
    fn the_eleventh_failure_from_a_place_waits_and_others_do_not() {
        let throttle = Throttle::default();
        let (here, there, known) = (Place::Address("192.0.2.1"), Place::Address("192.0.2.2"), Place::Known("laptop"));
        for _ in 0..PER_PLACE {
            let _ = throttle.attempt("ines", &here, noon()).expect("a try");
        }
        assert!(throttle.attempt("ines", &here, noon()).is_err());
        for (account, place) in [("ines", &there), ("ines", &known), ("omar", &here)] {
            throttle.succeeded(throttle.attempt(account, place, noon()).expect("another"));
        }
        let later = noon() + TimeDelta::minutes(MINUTES);
        throttle.succeeded(throttle.attempt("ines", &here, later).expect("the time is over"));
    }

    #[test]
    fn what_succeeds_is_not_counted() {
        let throttle = Throttle::default();
        for _ in 0..1000 {
            throttle.succeeded(throttle.attempt("ines", &Place::Address("192.0.2.1"), noon()).expect("a try"));
        }
    }

    #[test]
    fn strangers_from_everywhere_stop_each_other_and_not_who_is_known() {
        let throttle = Throttle::default();
        for n in 0..PER_ACCOUNT {
            let _ = throttle.attempt("ines", &Place::Address(&format!("192.0.2.{n}")), noon()).expect("a try");
        }
        assert!(throttle.attempt("ines", &Place::Address("203.0.113.9"), noon()).is_err());
        let _ = throttle.attempt("ines", &Place::Known("laptop"), noon()).expect("a known browser");
    }

    #[test]
    fn wrong_codes_wait_for_an_hour_and_a_known_browser_counts_for_itself() {
        let throttle = Throttle::default();
        for _ in 0..PER_CODE {
            let _ = throttle.attempt("ines", &Place::Code(None), noon()).expect("a try");
        }
        let later = noon() + TimeDelta::minutes(CODE_MINUTES - 1);
        assert!(throttle.attempt("ines", &Place::Code(None), later).is_err());
        let _ = throttle.attempt("ines", &Place::Code(Some("laptop")), later).expect("a known browser");
        let _ = throttle.attempt("ines", &Place::Address("192.0.2.1"), later).expect("a password");
        let _ = throttle.attempt("ines", &Place::Code(None), noon() + TimeDelta::hours(1)).expect("the time is over");
    }
}
