//! What an ID token whose signature holds has to say (OpenID Connect Core, section 3.1.3.7).

use super::Refusal;
use crate::{
    core::{name::Name, text::Line},
    crypto::jwt::Claims,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::collections::BTreeSet;

/// By how much the provider's clock may differ from this one.
pub const LEEWAY_SECONDS: i64 = 60;
/// An ID token is made for this moment.
const MAX_AGE_MINUTES: i64 = 15;
const MAX_SUBJECT_BYTES: usize = 255;
const MAX_GROUPS: usize = 2_000;

/// Of whom and when an ID token has to speak.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub now: DateTime<Utc>,
    /// The person must have proven who they are since then, not only be signed in there.
    pub proven_since: Option<DateTime<Utc>>,
}

/// Who the provider says came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub subject: String,
    /// Until when the token that says so holds.
    pub expires_at: DateTime<Utc>,
}

pub fn check(claims: &Claims, wanted: &Wanted<'_>) -> Result<Proven, Refusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let refused = |cause, said: &str| Err(Refusal::new(cause, format!("The provider's answer {said}.")));
    if text("iss") != Some(wanted.issuer) {
        return refused("other_issuer", "is by another issuer than the configured one");
    }
    if !is_for(claims.get("aud"), wanted.client_id) {
        return refused("other_audience", "is not for this service, or not for it alone");
    }
    if claims.get("azp").is_some_and(|party| party.as_str() != Some(wanted.client_id)) {
        return refused("other_party", "was asked for by another service (azp)");
    }
    let (Some(expires_at), Some(issued_at)) = (time(claims, "exp"), time(claims, "iat")) else {
        return refused("no_times", "does not say since when and until when it holds");
    };
    let leeway = TimeDelta::seconds(LEEWAY_SECONDS);
    if expires_at + leeway <= wanted.now || issued_at + TimeDelta::minutes(MAX_AGE_MINUTES) < wanted.now {
        return refused("expired", "is too old; sign in again");
    }
    let begins = claims.contains_key("nbf").then(|| time(claims, "nbf"));
    let begun = begins.is_none_or(|begins| begins.is_some_and(|begins| begins <= wanted.now + leeway));
    if !begun || wanted.now + leeway < issued_at {
        return refused("not_yet_valid", "is from the future; one of the two clocks is wrong");
    }
    if text("nonce") != Some(wanted.nonce) {
        return refused("wrong_nonce", "belongs to another sign-in (nonce)");
    }
    if let Some(since) = wanted.proven_since {
        match time(claims, "auth_time") {
            Some(proven) if since - leeway <= proven && proven <= wanted.now + leeway => {}
            _ => return refused("not_proven_anew", "does not say that you proved just now who you are (auth_time)"),
        }
    }
    let subject = text("sub").filter(|sub| (1..=MAX_SUBJECT_BYTES).contains(&sub.len()) && !sub.contains('\0'));
    match subject {
        Some(subject) => Ok(Proven { subject: subject.to_owned(), expires_at }),
        None => refused("no_subject", "does not say whom it is about (sub)"),
    }
}

/// For nobody else: another service that got the same token could come here with it.
pub fn is_for(audience: Option<&Value>, client_id: &str) -> bool {
    match audience {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(many)) => many.len() == 1 && many[0].as_str() == Some(client_id),
        _ => false,
    }
}

pub fn time(claims: &Claims, name: &str) -> Option<DateTime<Utc>> {
    let value = claims.get(name)?;
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64))?;
    // Far from the ends of what can be added to.
    (0..=100_000_000_000).contains(&seconds).then(|| DateTime::from_timestamp(seconds, 0)).flatten()
}

/// The account's name: the claim in lower case. Of a mail address of the house's own domain it is what stands before the
/// `@`; of any other, the domain stays, so that people of two domains have two names.
pub fn account_name(claims: &Claims, claim: &str, own_domain: Option<&str>) -> Result<Name, Refusal> {
    let no_name = |why: &str| {
        let said = format!("Your provider says no name that an account here could have (claim \"{claim}\"): {why}.");
        Refusal::new("no_account_name", said)
    };
    let said = claims.get(claim).and_then(Value::as_str).ok_or_else(|| no_name("it is not there"))?;
    let lower = said.to_lowercase();
    let name = match lower.split_once('@') {
        Some((local, domain)) if Some(domain) == own_domain => local.to_owned(),
        Some((local, domain)) => format!("{local}-at-{domain}"),
        None => lower,
    };
    Name::parse(&name).map_err(|malformed| no_name(&malformed.0))
}

pub fn display_name(claims: &Claims) -> Line {
    let said = claims.get("name").and_then(Value::as_str).unwrap_or_default();
    Line::parse(said).unwrap_or_default()
}

/// The groups that the provider says; none when it says nothing of groups.
pub fn groups(claims: &Claims, claim: &str) -> Result<BTreeSet<String>, Refusal> {
    let wrong =
        || Refusal::new("malformed_groups", format!("What your provider says of groups (\"{claim}\") is no list."));
    match claims.get(claim) {
        None | Some(Value::Null) => Ok(BTreeSet::new()),
        Some(Value::String(one)) => Ok(BTreeSet::from([one.clone()])),
        Some(Value::Array(many)) if many.len() <= MAX_GROUPS => {
            many.iter().map(|group| group.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn wanted() -> Wanted<'static> {
        let now = DateTime::from_timestamp(NOW, 0).expect("a time");
        Wanted { issuer: "https://id.example", client_id: "plimsoll", nonce: "n", now, proven_since: None }
    }

    fn claims(changed: Value) -> Claims {
        let mut all = json!({"iss": "https://id.example", "aud": "plimsoll", "exp": NOW + 300, "iat": NOW, "nonce": "n",
            "sub": "1", "auth_time": NOW});
        for (name, value) in changed.as_object().expect("an object") {
            all[name] = value.clone();
        }
        all.as_object().expect("an object").clone()
    }

    #[test]
    fn a_token_says_who_by_whom_for_whom_and_when() {
        assert_eq!(check(&claims(json!({})), &wanted()).expect("good").subject, "1");
        assert!(check(&claims(json!({"aud": ["plimsoll"], "azp": "plimsoll", "exp": NOW - 59})), &wanted()).is_ok());
        for (changed, cause) in [
            (json!({"iss": "https://id.example/"}), "other_issuer"),
            (json!({"aud": "other"}), "other_audience"),
            (json!({"aud": ["plimsoll", "other"], "azp": "plimsoll"}), "other_audience"),
            (json!({"aud": []}), "other_audience"),
            (json!({"azp": "other"}), "other_party"),
            (json!({"exp": NOW - 60}), "expired"),
            (json!({"iat": NOW - 901}), "expired"),
            (json!({"exp": "soon"}), "no_times"),
            (json!({"exp": 1e300}), "no_times"),
            (json!({"nbf": NOW + 61}), "not_yet_valid"),
            (json!({"nbf": "now"}), "not_yet_valid"),
            (json!({"iat": NOW + 61}), "not_yet_valid"),
            (json!({"nonce": "m"}), "wrong_nonce"),
            (json!({"nonce": null}), "wrong_nonce"),
            (json!({"sub": ""}), "no_subject"),
            (json!({"sub": 1}), "no_subject"),
        ] {
            assert_eq!(check(&claims(changed.clone()), &wanted()).expect_err("refused").cause, cause, "{changed}");
        }
    }

    #[test]
    fn to_be_signed_in_there_is_not_to_have_proven_it_anew() {
        let now = wanted().now;
        let wanted = Wanted { proven_since: Some(now - TimeDelta::seconds(20)), ..wanted() };
        assert!(check(&claims(json!({"auth_time": NOW - 10})), &wanted).is_ok());
        for proven in [json!(NOW - 81), json!(NOW + 61), json!(null)] {
            let refused = check(&claims(json!({"auth_time": proven})), &wanted).expect_err("refused");
            assert_eq!(refused.cause, "not_proven_anew");
        }
    }

    #[test]
    fn a_name_is_made_of_a_claim_or_not_at_all() {
        let named = |name: Value| {
            account_name(&claims(json!({"preferred_username": name})), "preferred_username", Some("corp.example"))
        };
        for (said, name) in [
            ("Ines", "ines"),
            ("Ines.Amaro@corp.example", "ines.amaro"),
            ("Ines.Amaro@other.example", "ines.amaro-at-other.example"),
        ] {
            assert_eq!(named(json!(said)).expect("a name").as_str(), name);
        }
        for bad in [json!(null), json!(7), json!(""), json!("@x"), json!("admin"), json!("ines amaro"), json!("înes")]
        {
            assert!(named(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn groups_are_a_list_or_nothing() {
        let of = |value: Value| groups(&claims(json!({"groups": value})), "groups");
        assert_eq!(of(json!(["a", "b"])).expect("groups").len(), 2);
        assert!(of(json!(null)).expect("none").is_empty());
        for bad in [json!([1]), json!({"a": 1}), json!(3)] {
            assert!(of(bad.clone()).is_err(), "{bad}");
        }
    }
}
