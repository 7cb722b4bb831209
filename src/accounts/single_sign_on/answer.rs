//! What ties a provider's answer to the browser that asked: all of it follows from one cookie.

use crate::{core::digest::Digest, crypto::hex, error::Error};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

/// How long somebody has to prove to the provider who they are.
pub const MINUTES: i64 = 10;
const MAX_CODE_BYTES: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    SignIn,
    /// To prove again who one is, before what weighs much.
    Confirm,
}

/// A sign-in that is under way. Its cookie is the only place where it stands.
///
/// Invariant: `state`, `nonce` and the PKCE verifier are hashes over the whole cookie with its 256-bit secret, so whoever
/// changes the cookie, or has another one, has others.
#[derive(Clone, Debug)]
pub struct Attempt {
    secret: String,
    started_at: DateTime<Utc>,
    pub purpose: Purpose,
    pub provider: String,
    /// Where it leads, as it came.
    pub next: String,
}

/// What the provider sends back through the browser.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct Answer {
    pub state: Option<String>,
    pub code: Option<String>,
    pub iss: Option<String>,
    pub error: Option<String>,
}

impl Attempt {
    pub fn begin(provider: &str, purpose: Purpose, next: &str, now: DateTime<Utc>) -> Result<Self, Error> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(Error::internal)?;
        let (provider, next) = (provider.to_owned(), next.to_owned());
        let started_at = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now);
        Ok(Self { secret: hex::encode(&random), started_at, purpose, provider, next })
    }

    pub fn to_cookie(&self) -> String {
        let purpose = if self.purpose == Purpose::Confirm { "confirm" } else { "sign-in" };
        let next = URL_SAFE_NO_PAD.encode(&self.next);
        // A provider's name may hold dots, a colon it may not.
        format!("{}:{}:{purpose}:{}:{next}", self.secret, self.started_at.timestamp(), self.provider)
    }

    pub fn of_cookie(cookie: &str) -> Option<Self> {
        let mut parts = cookie.split(':');
        let mut part = || parts.next();
        let secret = part().filter(|secret| hex::decode::<32>(secret).is_some())?.to_owned();
        let started_at = DateTime::from_timestamp(part()?.parse().ok()?, 0)?;
        let purpose = match part()? {
            "confirm" => Purpose::Confirm,
            "sign-in" => Purpose::SignIn,
            _ => return None,
        };
        let provider = part()?.to_owned();
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(part()?).ok()?).ok()?;
        Some(Self { secret, started_at, purpose, provider, next })
    }

    pub fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        let age = now - self.started_at;
        age < TimeDelta::zero() - TimeDelta::minutes(1) || TimeDelta::minutes(MINUTES) < age
    }

    /// Until when it has to be known that its answer was used: a provider may sign another token for it as long as the
    /// attempt itself holds, and another clock may be behind.
    pub fn kept_until(&self, token_ends: DateTime<Utc>) -> DateTime<Utc> {
        token_ends.max(self.started_at + TimeDelta::minutes(MINUTES)) + TimeDelta::minutes(2)
    }

    pub fn state(&self) -> String {
        self.derived("state")
    }

    pub fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// 64 characters, of which PKCE takes 43 to 128.
    pub fn verifier(&self) -> String {
        self.derived("verifier")
    }

    /// The verifier's S256 form.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }

    /// Compares hashes: how long that takes says nothing.
    pub fn fits(&self, answer: &Answer) -> bool {
        let said = answer.state.as_deref().unwrap_or_default();
        Sha256::digest(said) == Sha256::digest(self.state())
    }

    fn derived(&self, what: &str) -> String {
        Digest::of(format!("plimsoll single sign-on v1\n{what}\n{}", self.to_cookie())).hex()
    }
}

impl Answer {
    /// The code, if it can be one.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref().filter(|code| !code.is_empty() && code.len() <= MAX_CODE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(12)
    }

    #[test]
    fn all_of_an_attempt_follows_from_its_cookie() {
        let attempt = Attempt::begin("corp", Purpose::Confirm, "/models?x=é", noon()).expect("attempt");
        let again = Attempt::of_cookie(&attempt.to_cookie()).expect("the same");
        assert_eq!(
            (again.state(), again.nonce(), again.verifier()),
            (attempt.state(), attempt.nonce(), attempt.verifier())
        );
        assert_eq!((again.purpose, again.next.as_str()), (Purpose::Confirm, "/models?x=é"));
        let all = [attempt.state(), attempt.nonce(), attempt.verifier(), attempt.secret.clone()];
        assert_eq!(std::collections::BTreeSet::from(all).len(), 4);
        for (from, to) in [("confirm", "sign-in"), ("corp", "other"), (":43200:", ":43201:")] {
            let other = Attempt::of_cookie(&attempt.to_cookie().replace(from, to)).expect("another");
            assert_ne!(other.state(), attempt.state(), "{to}");
        }
        for bad in ["", ":::", "x:1:confirm:corp:", &attempt.to_cookie().replace("confirm", "x")] {
            assert!(Attempt::of_cookie(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_answer_fits_one_attempt_for_ten_minutes() {
        let [one, two] = [(); 2].map(|()| Attempt::begin("corp", Purpose::SignIn, "/", noon()).expect("attempt"));
        let answer = Answer { state: Some(one.state()), ..Answer::default() };
        assert!(one.fits(&answer) && !two.fits(&answer) && !one.fits(&Answer::default()));
        assert!(!one.is_over(noon() + TimeDelta::minutes(MINUTES)));
        let minutes = |n: i64| noon() + TimeDelta::minutes(n);
        assert_eq!((one.kept_until(minutes(1)), one.kept_until(minutes(20))), (minutes(MINUTES + 2), minutes(22)));
        assert!(one.is_over(noon() + TimeDelta::minutes(MINUTES + 1)) && one.is_over(noon() - TimeDelta::hours(1)));
    }
}
