//! What arrives is checked once, here, before any handler sees it.

use crate::{core::page::PageRequest, error::Error, http::problem::Problem};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
    web::Bytes,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, SeqAccess, Visitor},
};
use std::{collections::HashSet, fmt, future::Future, pin::Pin};
use utoipa::IntoParams;

/// A JSON body: the right content type, UTF-8, no repeated key, no NUL in a string, no
/// unknown field. Anything else is a 4xx that says what and where.
pub struct ValidJson<T>(pub T);

impl<T: DeserializeOwned> FromRequest for ValidJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = require_json(request);
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            kind?;
            let bytes = bytes.await.map_err(|e| body_problem(&e))?;
            parse(&bytes).map(Self)
        })
    }
}

/// Reads strictly. Shared with everything that takes JSON from outside.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice::<Strict>(bytes).map_err(|e| malformed(&e.to_string()))?;
    // serde would take a list for a struct, its items for the fields in their order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(malformed("send an object: { … }"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(|e| match e.path().to_string() {
        path if path == "." => malformed(&e.inner().to_string()),
        path => malformed(&format!("{path}: {}", e.inner())),
    })
}

fn malformed(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
}

fn require_json(request: &HttpRequest) -> Result<(), Problem> {
    require_type(request, "application/json")
}

/// The body's type is exactly this one, and it is not compressed.
pub fn require_type(request: &HttpRequest, wanted: &str) -> Result<(), Problem> {
    let header = |name| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = header(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let unsupported =
        |detail: String| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    if kind != wanted {
        return unsupported(format!("send the body as {wanted}, not as \"{}\"", kind.escape_default()));
    }
    match header(header::CONTENT_ENCODING) {
        "" | "identity" => Ok(()),
        other => unsupported(format!("send the body without the encoding \"{}\"", other.escape_default())),
    }
}

pub fn body_problem(error: &actix_web::Error) -> Problem {
    match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::from(Error::TooLarge { detail: "the body is larger than this operation takes".to_owned() })
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "body_unreadable", error.to_string()),
    }
}

/// Reads a JSON value only to refuse what serde would let pass.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Strict, E> {
        if text.contains('\0') {
            return Err(E::custom("a string holds the character U+0000, which is not allowed"));
        }
        Ok(Strict)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        while items.next_element::<Strict>()?.is_some() {}
        Ok(Strict)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Strict, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key.contains('\0') {
                return Err(serde::de::Error::custom("a key holds the character U+0000, which is not allowed"));
            }
            if seen.contains(&key) {
                return Err(serde::de::Error::custom(format!("the key \"{key}\" stands twice")));
            }
            entries.next_value::<Strict>()?;
            seen.insert(key);
        }
        Ok(Strict)
    }
}

/// Which page of a list.
#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageParams {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

impl PageParams {
    pub fn parse(&self, list: &str) -> Result<PageRequest, Error> {
        Ok(PageRequest::parse(list, self.cursor.as_deref(), self.limit)?)
    }
}

/// The revision that the caller last saw, from `If-Match`.
pub struct IfMatch(pub i64);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || {
            let value = request.headers().get(header::IF_MATCH).ok_or(Error::PreconditionRequired)?;
            let tag = value.to_str().unwrap_or_default().trim();
            let number = tag.strip_prefix('"').and_then(|t| t.strip_suffix('"')).and_then(|t| t.parse().ok());
            number.ok_or_else(|| Error::BadRequest {
                code: "if_match_invalid",
                detail: "If-Match takes one ETag as it was given, such as \"3\"".to_owned(),
            })
        };
        std::future::ready(read().map(Self).map_err(Problem::from))
    }
}

/// The strong ETag of a revision.
pub fn etag(revision: i64) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{revision}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn what_serde_would_let_pass_is_refused() {
        assert!(parse::<Value>(br#"{"a":{"b":[1,null,"x"]}}"#).is_ok());
        let nested = "[".repeat(100_000);
        for (bad, why) in [
            (r#"{"a":1,"a":2}"#, "stands twice"),
            (r#"{"a":[{"b":1,"b":2}]}"#, "stands twice"),
            (r#"{"a":"x\u0000y"}"#, "U+0000"),
            (r#"{"a\u0000":1}"#, "U+0000"),
            (r#"{"a":1} x"#, "trailing"),
            (r#"{"a":NaN}"#, "expected"),
            (r#"{"a":"\ud800"}"#, "hex escape"),
            (&nested, "recursion"),
            ("[1]", "an object"),
            ("null", "an object"),
            ("", "EOF"),
        ] {
            let problem = parse::<Value>(bad.as_bytes()).expect_err(why);
            assert!(problem.detail.contains(why), "{}", problem.detail);
        }
        assert!(parse::<Value>(b"\"\xff\"").is_err());
    }

    #[test]
    fn an_error_says_where() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Inner {
            #[expect(dead_code, reason = "only its type matters")]
            n: u8,
        }
        type Lists = std::collections::BTreeMap<String, Vec<Inner>>;
        let problem = parse::<Lists>(br#"{"a":[{"n":1},{"n":"x"}]}"#).expect_err("type");
        assert!(problem.detail.starts_with("a[1].n"), "{}", problem.detail);
        assert!(parse::<Lists>(br#"{"a":[{"n":1,"m":2}]}"#).is_err());
    }
}
