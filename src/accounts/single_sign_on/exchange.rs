//! What is asked of a provider: to prove who somebody is, and its word for the code that came of it.

use super::{Failed, Provider, Refusal};
use crate::{
    accounts::issuers::{Unproven, answer, unavailable},
    crypto::{json, jwt::Claims},
    error::Error,
};
use chrono::{DateTime, Utc};
use reqwest::{StatusCode, Url, header};

#[derive(serde::Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

/// How a client shows its secret (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    InHeader,
    InBody,
}

impl Provider {
    /// Where the browser goes, with these parameters.
    pub(super) async fn authorization(&self, pairs: &[(&str, &str)], now: DateTime<Utc>) -> Result<Url, Error> {
        let description = self.issuer.description(now).await?;
        let mut url = self.issuer.address("authorization_endpoint", &description.authorization_endpoint)?;
        url.query_pairs_mut().extend_pairs(pairs);
        Ok(url)
    }

    /// The ID token for a code.
    pub(super) async fn redeem(&self, code: &str, verifier: &str, now: DateTime<Utc>) -> Result<String, Failed> {
        let description = self.issuer.description(now).await?;
        let url = self.issuer.address("token_endpoint", &description.token_endpoint)?;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_url.as_str()),
            ("code_verifier", verifier),
        ];
        let mut request = self.issuer.post(url);
        match shown(&description.token_endpoint_auth_methods_supported) {
            Some(Shown::InHeader) => {
                request = request.basic_auth(encoded(&self.client_id), Some(encoded(self.secret.reveal())));
            }
            Some(Shown::InBody) => {
                pairs.extend([("client_id", self.client_id.as_str()), ("client_secret", self.secret.reveal())]);
            }
            None => return Err(unavailable("the provider takes a client's secret neither as basic nor as post").into()),
        }
        let form = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form(&pairs));
        let (status, body) = answer(form).await?;
        if status.is_server_error() {
            return Err(unavailable(&format!("the provider's token endpoint answers {status}")).into());
        }
        if status != StatusCode::OK {
            tracing::warn!(provider = %self.name, %status, "the provider gave no token for a code");
            let said = "Your provider gave no token for its answer: it is used, too old or not its own. Sign in again.";
            return Err(Refusal::new("code_refused", said).into());
        }
        let tokens: Option<Tokens> = json::parse(&body).ok();
        tokens.and_then(|tokens| tokens.id_token).ok_or_else(|| {
            Refusal::new("no_id_token", "Your provider's answer has no ID token; the scope openid may be missing.")
                .into()
        })
    }

    /// The claims of a token that a key of the provider signed.
    pub(super) async fn verified(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Failed> {
        match self.issuer.verified(token, now).await {
            Ok(claims) => Ok(claims),
            Err(Unproven::Forged(e)) => {
                Err(Refusal::new(e.code(), format!("The provider's answer is not believed: {e}.")).into())
            }
            Err(Unproven::Other(error)) => Err(error.into()),
        }
    }
}

/// Without a list, a provider takes the header (Discovery, section 3). A secret is sent in no way that is not asked for.
fn shown(methods: &[String]) -> Option<Shown> {
    let takes = |method: &str| methods.iter().any(|one| one == method);
    match () {
        () if methods.is_empty() || takes("client_secret_basic") => Some(Shown::InHeader),
        () if takes("client_secret_post") => Some(Shown::InBody),
        () => None,
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// As in a form (RFC 6749, section 2.3.1, asks for it in the password of a client, too).
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_as_the_provider_takes_it_or_not_at_all() {
        let of = |methods: &[&str]| shown(&methods.iter().map(|method| (*method).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), Some(Shown::InHeader));
        assert_eq!(of(&["client_secret_post", "client_secret_basic"]), Some(Shown::InHeader));
        assert_eq!(of(&["private_key_jwt", "client_secret_post"]), Some(Shown::InBody));
        assert_eq!(of(&["private_key_jwt"]), None);
    }
}
