//! What keeps other sites' pages from acting in a person's name: where a request came
//! from, the token in a form, and where a sign-in may lead.

use crate::crypto::hex;
use actix_web::http::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use sha2::{Digest, Sha256};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// A path that is worth coming back to is not longer than this.
const MAX_NEXT_BYTES: usize = 500;

/// The token of every form that one browser's session gets, or one cookie's holder.
///
/// SHA-256 over a fixed prefix and a secret of 256 bits: nobody can make it without
/// the secret, it gives nothing of it away, and every replica makes the same one.
pub fn form_token(secret: &str) -> String {
    hex::encode(&Sha256::new().chain_update("plimsoll form v1\n").chain_update(secret).finalize())
}

/// Compares hashes: how long that takes says nothing about the token.
pub fn is_form_token(sent: &str, secret: &str) -> bool {
    Sha256::digest(sent) == Sha256::digest(form_token(secret))
}

/// Whether a form was sent from a page of this site, as far as the browser says.
///
/// Every current browser sends at least one of the two headers with a form. A client that
/// sends neither is no browser, so nobody can have tricked it; the form's token still counts.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let from_here = match text(&FETCH_SITE) {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => true,
    };
    let host = text(&HOST).unwrap_or_default();
    let named_here = match text(&ORIGIN) {
        // The scheme is not compared: behind a proxy that ends TLS it is not known here.
        Some(origin) => origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host)),
        None => true,
    };
    from_here && named_here
}

/// Where a sign-in leads: a path on this host that every browser reads as one, or `/`.
///
/// Two slashes begin another host, browsers take a backslash for a slash and drop control
/// characters: so only a list of harmless characters passes.
pub fn local_path(raw: &str) -> &str {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"/-._~%?&=+:@,".contains(&b);
    let local = raw.starts_with('/') && !raw.starts_with("//") && raw.len() <= MAX_NEXT_BYTES;
    if local && raw.bytes().all(harmless) { raw } else { "/" }
}

/// Percent-encodes a value of a query.
pub fn encode(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn a_sign_in_leads_nowhere_else() {
        for good in ["/", "/models", "/promotions/0198?x=1&y=%2F", "/models/a.b-c/versions/3", "/x:y@z"] {
            assert_eq!(local_path(good), good);
        }
        for bad in [
            "",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "/ /evil.example",
            "%2f%2fevil.example",
            "/<script>",
            "/\u{2028}",
            &format!("/{}", "x".repeat(MAX_NEXT_BYTES)),
        ] {
            assert_eq!(local_path(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn only_this_site_sends_forms() {
        let check = |pairs: &[(HeaderName, &'static str)]| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("registry.example:8250"));
            for (name, value) in pairs {
                headers.insert(name.clone(), HeaderValue::from_static(value));
            }
            is_same_origin(&headers)
        };
        assert!(check(&[]));
        assert!(check(&[(ORIGIN, "https://registry.example:8250"), (FETCH_SITE, "same-origin")]));
        assert!(check(&[(FETCH_SITE, "none")]));
        for foreign in [
            "null",
            "",
            "https://evil.example",
            "https://registry.example:8250.evil.example",
            "https://registry.example",
            "https://registry.example:8250/",
        ] {
            assert!(!check(&[(ORIGIN, foreign)]), "{foreign}");
        }
        for site in ["cross-site", "same-site", ""] {
            assert!(!check(&[(FETCH_SITE, site)]), "{site}");
            assert!(!check(&[(ORIGIN, "https://registry.example:8250"), (FETCH_SITE, site)]), "{site}");
        }
    }

    #[test]
    fn a_form_token_fits_one_cookie() {
        assert!(is_form_token(&form_token("one"), "one"));
        for (sent, secret) in [(form_token("one"), "two"), (String::new(), "one"), ("one".to_owned(), "one")] {
            assert!(!is_form_token(&sent, secret), "{sent}");
        }
    }

    #[test]
    fn a_query_value_is_one_value() {
        assert_eq!(encode("/a?b=c&d=é#"), "/a%3Fb%3Dc%26d%3D%C3%A9%23");
    }
}
