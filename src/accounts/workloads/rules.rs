//! Which tokens of an issuer a workspace means. Values in, values out.

use crate::{
    accounts::single_sign_on::claims::{LEEWAY_SECONDS, is_for, time},
    core::Malformed,
    crypto::jwt::Claims,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const MAX_CLAIMS: usize = 20;
const MAX_VALUES: usize = 50;
const MAX_BYTES: usize = 400;
/// Of a subject, and of the name of a token.
const MAX_ID_BYTES: usize = 255;
/// A job lasts a day at most, and so long it has to be known which tokens were used.
const MAX_HOURS: i64 = 24;
/// What every token says, and what is asked of it already.
const STANDARD: &[&str] = &["iss", "aud", "exp", "nbf", "iat", "jti"];

/// Claims, and the values that each may have. A value that ends with `*` stands for all that begin as it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rules(BTreeMap<String, BTreeSet<String>>);

/// Of whom and when a token has to speak.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    pub now: DateTime<Utc>,
}

/// A workload that its issuer vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub subject: String,
    /// The name of the token that says so.
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

/// Why a token is not exchanged: stable, for the log, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub cause: &'static str,
    pub said: String,
}

impl Workload {
    /// Until when it has to be known that the token was used.
    pub fn kept_until(&self) -> DateTime<Utc> {
        self.expires_at + TimeDelta::seconds(2 * LEEWAY_SECONDS)
    }
}

impl Refusal {
    pub fn new(cause: &'static str, said: impl Into<String>) -> Self {
        Self { cause, said: said.into() }
    }
}

impl Rules {
    /// # Errors
    /// When there is none, one of them would let everything in, or they are more than anybody reads.
    pub fn parse(claims: BTreeMap<String, BTreeSet<String>>) -> Result<Self, Malformed> {
        if claims.is_empty() {
            return Err(Malformed::new(
                "name a claim, such as sub or repository, and its values: an issuer signs for many",
            ));
        }
        if MAX_CLAIMS < claims.len() {
            return Err(Malformed::new(format!("{MAX_CLAIMS} claims are the most")));
        }
        for (claim, values) in &claims {
            if claim.is_empty() || MAX_BYTES < claim.len() || STANDARD.contains(&claim.as_str()) {
                return Err(Malformed::new(format!("\"{claim}\" is no claim that a rule is about")));
            }
            if values.is_empty() || MAX_VALUES < values.len() {
                return Err(Malformed::new(format!("{claim}: give 1 to {MAX_VALUES} values")));
            }
            for value in values {
                let plain = value.strip_suffix('*').unwrap_or(value);
                if plain.is_empty() || plain.contains('*') || MAX_BYTES < value.len() {
                    return Err(Malformed::new(format!(
                        "{claim}: a value is a text, or the beginning of one with a * at its end, of at most {MAX_BYTES} bytes"
                    )));
                }
            }
        }
        Ok(Self(claims))
    }

    pub fn claims(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.0
    }

    /// The first claim that is not as it has to be.
    pub fn unmet(&self, claims: &Claims) -> Option<&str> {
        let fits = |said: &str, value: &String| match value.strip_suffix('*') {
            Some(beginning) => said.starts_with(beginning),
            None => said == value,
        };
        let holds = |claim: &String, values: &BTreeSet<String>| match claims.get(claim) {
            Some(Value::String(said)) => values.iter().any(|value| fits(said, value)),
            Some(Value::Bool(said)) => values.contains(if *said { "true" } else { "false" }),
            _ => false,
        };
        self.0.iter().find(|(claim, values)| !holds(claim, values)).map(|(claim, _)| claim.as_str())
    }
}

/// What a token whose signature holds has to say.
pub fn check(claims: &Claims, wanted: Wanted<'_>, rules: &Rules) -> Result<Workload, Refusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let refused = |cause, said: &str| Err(Refusal::new(cause, format!("the token {said}")));
    if text("iss") != Some(wanted.issuer) {
        return refused("other_issuer", "is by another issuer than the one that is trusted");
    }
    if !is_for(claims.get("aud"), wanted.audience) {
        return refused("other_audience", "is not for the audience that is trusted, or not for it alone");
    }
    let (Some(expires_at), Some(issued_at)) = (time(claims, "exp"), time(claims, "iat")) else {
        return refused("no_times", "does not say since when and until when it holds (iat, exp)");
    };
    let leeway = TimeDelta::seconds(LEEWAY_SECONDS);
    if expires_at + leeway <= wanted.now {
        return refused("expired", "is over; ask your issuer for another one");
    }
    if TimeDelta::hours(MAX_HOURS) < expires_at - issued_at || wanted.now + TimeDelta::hours(MAX_HOURS) < expires_at {
        return refused("too_long", "holds for longer than a day");
    }
    let begins = claims.contains_key("nbf").then(|| time(claims, "nbf"));
    let begun = begins.is_none_or(|begins| begins.is_some_and(|begins| begins <= wanted.now + leeway));
    if !begun || wanted.now + leeway < issued_at {
        return refused("not_yet_valid", "is from the future; one of the two clocks is wrong");
    }
    let named = |name: &str| text(name).filter(|id| (1..=MAX_ID_BYTES).contains(&id.len()) && !id.contains('\0'));
    let Some(subject) = named("sub") else { return refused("no_subject", "does not say whom it is about (sub)") };
    let Some(token) = named("jti") else {
        return refused("no_token_id", "has no name of its own (jti), so nobody could know that it was used");
    };
    if let Some(claim) = rules.unmet(claims) {
        let said = format!("says something else in the claim \"{claim}\" than what is trusted");
        return refused("claim_differs", &said);
    }
    Ok(Workload { subject: subject.to_owned(), token: token.to_owned(), expires_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn rules(pairs: &[(&str, &[&str])]) -> Result<Rules, Malformed> {
        let values = |all: &[&str]| all.iter().map(|value| (*value).to_owned()).collect();
        Rules::parse(pairs.iter().map(|(claim, all)| ((*claim).to_owned(), values(all))).collect())
    }

    fn verdict(changed: Value) -> Result<Workload, &'static str> {
        let mut all = json!({"iss": "https://ci.example", "aud": "plimsoll", "exp": NOW + 300, "iat": NOW, "jti": "t-1",
            "sub": "repo:corp/credit:ref:refs/heads/main", "repository": "corp/credit", "ref": "refs/heads/main"});
        for (name, value) in changed.as_object().expect("an object") {
            all[name] = value.clone();
        }
        let now = DateTime::from_timestamp(NOW, 0).expect("a time");
        let wanted = Wanted { issuer: "https://ci.example", audience: "plimsoll", now };
        let rules = rules(&[("repository", &["corp/credit"]), ("ref", &["refs/heads/main", "refs/tags/v*"])]);
        check(all.as_object().expect("an object"), wanted, &rules.expect("rules")).map_err(|refusal| refusal.cause)
    }

    #[test]
    fn a_token_is_of_the_trusted_workload_and_of_now() {
        assert_eq!(verdict(json!({})).expect("good").token, "t-1");
        assert!(verdict(json!({"ref": "refs/tags/v1.2", "aud": ["plimsoll"]})).is_ok());
        for (changed, cause) in [
            (json!({"iss": "https://ci.example/"}), "other_issuer"),
            (json!({"aud": ["plimsoll", "other"]}), "other_audience"),
            (json!({"aud": null}), "other_audience"),
            (json!({"exp": null}), "no_times"),
            (json!({"iat": "now"}), "no_times"),
            (json!({"exp": NOW - 60}), "expired"),
            (json!({"exp": NOW + 25 * 3600}), "too_long"),
            (json!({"iat": NOW - 25 * 3600}), "too_long"),
            (json!({"nbf": NOW + 61}), "not_yet_valid"),
            (json!({"iat": NOW + 61}), "not_yet_valid"),
            (json!({"sub": ""}), "no_subject"),
            (json!({"jti": null}), "no_token_id"),
            (json!({"jti": "x".repeat(256)}), "no_token_id"),
            (json!({"repository": "corp/credit-fork"}), "claim_differs"),
            (json!({"repository": ["corp/credit"]}), "claim_differs"),
            (json!({"repository": null}), "claim_differs"),
            (json!({"ref": "refs/heads/main2"}), "claim_differs"),
            (json!({"ref": "refs/heads/v1"}), "claim_differs"),
        ] {
            assert_eq!(verdict(changed.clone()), Err(cause), "{changed}");
        }
    }

    #[test]
    fn rules_name_something_and_never_everything() {
        assert!(rules(&[("sub", &["repo:corp/*"]), ("ref_protected", &["true"])]).is_ok());
        for bad in [
            &[][..],
            &[("sub", &[][..])],
            &[("sub", &["*"])],
            &[("sub", &[""])],
            &[("sub", &["repo:*/main"])],
            &[("aud", &["x"])],
            &[("", &["x"])],
        ] {
            assert!(rules(bad).is_err(), "{bad:?}");
        }
        let protected = rules(&[("ref_protected", &["true"])]).expect("rules");
        let claims = |value: Value| json!({"ref_protected": value}).as_object().expect("an object").clone();
        assert!(protected.unmet(&claims(json!(true))).is_none() && protected.unmet(&claims(json!("true"))).is_none());
        assert_eq!(protected.unmet(&claims(json!(false))), Some("ref_protected"));
    }
}
