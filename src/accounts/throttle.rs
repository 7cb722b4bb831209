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
/// Failures in all sessions of one account.
const PER_PERSON: u32 = 50;
/// A code of a second factor has six digits, and three of a million are right at a time: 20 tries in an hour from one place,
/// and 100 from all of them, need 3,300 hours on average.
const CODE_MINUTES: i64 = 60;
const PER_CODE: u32 = 20;
const PER_ACCOUNTS_CODES: u32 = 100;
/// Windows that are kept; an address adds few, as it is stopped itself.
const MAX_WINDOWS: usize = 50_000;
/// When there are too many, one in so many goes.
const EVICTED: usize = 10;

type Key = [u8; 16];

#[derive(Default)]
pub struct Throttle(Mutex<HashMap<Key, Window>>);

struct Window {
    ends: DateTime<Utc>,
    failures: u32,
    /// Of an account, not of a place: there are far fewer of these, and they are what somebody with many addresses
    /// would want forgotten.
    of_account: bool,
    length: TimeDelta,
}

impl Window {
    fn new(now: DateTime<Utc>, minutes: i64, of_account: bool) -> Self {
        let length = TimeDelta::minutes(minutes);
        Self { ends: now + length, failures: 0, of_account, length }
    }

    /// Neither over nor, after the clock was set back, longer than it ever was.
    fn is_open(&self, now: DateTime<Utc>) -> bool {
        now < self.ends && self.ends - now <= self.length
    }
}

/// A try that counts as a failure until it is known to be none.
#[must_use = "a try that succeeded has to be taken back"]
pub struct Try {
    keys: Vec<Key>,
    is_last: bool,
}

impl Try {
    /// Whether whoever tries here has to wait if this one fails. That is so once in a while only, however many try.
    pub fn is_last(&self) -> bool {
        self.is_last
    }
}

/// Where somebody tries from.
pub enum Place<'a> {
    /// From an address, by somebody who is not known there.
    Address(&'a str),
    /// From a browser or a program that has been this account's before.
    Known(&'a str),
    /// With a session or token of the account.
    SignedIn(&'a str),
    /// With the password, and a code of a second factor: from a browser or session that is known, or from anywhere else.
    Code(Option<&'a str>),
}

impl Throttle {
    /// # Errors
    /// `TooMany` when there were too many failures; it does not depend on whether the account exists.
    pub fn attempt(&self, account: &str, place: &Place<'_>, now: DateTime<Utc>) -> Result<Try, Error> {
        let minutes = if let Place::Code(_) = place { CODE_MINUTES } else { MINUTES };
        let keys = match place {
            // Whoever has the password makes as many browsers known as they like, so all of them together have an end.
            Place::Code(known) => vec![
                (key(&["code", account, known.unwrap_or_default()]), PER_CODE, true),
                (key(&["codes", account]), PER_ACCOUNTS_CODES, true),
            ],
            Place::Known(id) => vec![(key(&["known", account, id]), PER_PLACE, false)],
            Place::SignedIn(credential) => vec![
                (key(&["credential", account, credential]), PER_PLACE, false),
                (key(&["person", account]), PER_PERSON, true),
            ],
            Place::Address(address) => vec![
                (key(&["place", account, address]), PER_PLACE, false),
                (key(&["address", address]), PER_ADDRESS, false),
                (key(&["account", account]), PER_ACCOUNT, true),
            ],
        };
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = keys.iter().filter_map(|(key, limit, _)| {
            let window = windows.get(key).filter(|window| window.is_open(now) && *limit <= window.failures)?;
            Some((window.ends - now).num_seconds().max(1))
        });
        if let Some(seconds) = full.max() {
            return Err(too_many(seconds));
        }
        make_room(&mut windows, now);
        let mut is_last = false;
        for (key, limit, of_account) in &keys {
            let window = windows.entry(*key).or_insert_with(|| Window::new(now, minutes, *of_account));
            if !window.is_open(now) {
                *window = Window::new(now, minutes, *of_account);
            }
            window.failures += 1;
            is_last |= window.failures == *limit;
        }
        Ok(Try { keys: keys.into_iter().map(|(key, ..)| key).collect(), is_last })
    }

    /// The try was none to count.
    pub fn succeeded(&self, tried: Try) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in tried.keys {
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
    windows.retain(|_, window| window.is_open(now));
    if windows.len() < MAX_WINDOWS {
        return;
    }
    // Rather forget some than take no more: what is forgotten begins again at nothing. Places go before accounts, and
    // of each the oldest.
    let rank = |window: &Window| (window.of_account, window.ends);
    let mut ranks: Vec<_> = windows.values().map(rank).collect();
    let (_, limit, _) = ranks.select_nth_unstable(MAX_WINDOWS / EVICTED);
    let limit = *limit;
    windows.retain(|_, window| limit < rank(window));
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
        for n in 1..=PER_PLACE {
            assert_eq!(throttle.attempt("ines", &here, noon()).expect("a try").is_last(), n == PER_PLACE);
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
    fn who_stole_one_session_uses_up_no_other_sessions_tries() {
        let throttle = Throttle::default();
        for _ in 0..PER_PLACE {
            let _ = throttle.attempt("ines", &Place::SignedIn("stolen"), noon()).expect("a try");
        }
        assert!(throttle.attempt("ines", &Place::SignedIn("stolen"), noon()).is_err());
        let _ = throttle.attempt("ines", &Place::SignedIn("own"), noon()).expect("another session");
    }

    #[test]
    fn many_addresses_do_not_make_an_accounts_failures_forgotten() {
        let throttle = Throttle::default();
        for n in 0..PER_ACCOUNT {
            let _ = throttle.attempt("ines", &Place::Address(&format!("192.0.2.{n}")), noon()).expect("a try");
        }
        let later = noon() + TimeDelta::minutes(1);
        for n in 0..MAX_WINDOWS {
            let _ = throttle.attempt("omar", &Place::Known(&n.to_string()), later).expect("a try");
        }
        assert!(throttle.attempt("ines", &Place::Address("203.0.113.9"), later).is_err());
        assert!(throttle.0.lock().expect("lock").len() <= MAX_WINDOWS);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_for_longer() {
        let throttle = Throttle::default();
        let here = Place::Address("192.0.2.1");
        for _ in 0..PER_PLACE {
            let _ = throttle.attempt("ines", &here, noon()).expect("a try");
        }
        let _ = throttle.attempt("ines", &here, noon() - TimeDelta::hours(1)).expect("the clock was set back");
    }

    #[test]
    fn codes_from_many_known_browsers_have_one_end() {
        let throttle = Throttle::default();
        for n in 0..PER_ACCOUNTS_CODES {
            let _ = throttle.attempt("ines", &Place::Code(Some(&n.to_string())), noon()).expect("a try");
        }
        assert!(throttle.attempt("ines", &Place::Code(Some("another")), noon()).is_err());
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
