//! Bodies: JSON that is not well-formed, of another type, encoding or size.

use super::{Bad, assert_problem};
use crate::harness::reply;
use serde_json::json;

/// Every route that takes JSON and its smallest right body.
fn json_routes() -> Vec<(&'static str, &'static str, serde_json::Value)> {
    let profile = json!({"class": "server", "operating_mode": "advisory"});
    vec![
        ("POST", "/api/v1/sessions", json!({"name": "ines", "password": "wrong"})),
        ("POST", "/api/v1/accounts", json!({"name": "new-one", "kind": "service", "roles": []})),
        ("POST", "/api/v1/tokens", json!({"name": "x", "expires_in_days": 1})),
        ("POST", "/api/v1/trust-keys", json!({"name": "new-one", "public_key_pem": "x"})),
        ("POST", "/api/v1/models", json!({"name": "new-one", "intended_use": "x", "risk_tier": "low"})),
        ("PATCH", "/api/v1/models/scorer", json!({"title": "x"})),
        ("POST", "/api/v1/models/scorer/versions", json!({"files": []})),
        ("POST", "/api/v1/models/scorer/versions/1/seal", json!({"attestations": []})),
        ("POST", "/api/v1/models/scorer/versions/1/revocation", json!({"reason": "x"})),
        ("POST", "/api/v1/environments", json!({"name": "new-one", "profile": profile})),
        ("PUT", "/api/v1/environments/production/profile", profile),
        ("POST", "/api/v1/runs", json!({"model": "scorer", "version": "1", "environment": "production"})),
        ("POST", "/api/v1/promotions", json!({"model": "scorer", "version": "1", "environment": "production"})),
        ("POST", "/api/v1/environments/production/models/scorer/rollbacks", json!({"reason": "x"})),
    ]
}

/// Whoever has not signed in may send these, and little.
const PUBLIC: [&str; 3] = ["/api/v1/sessions", "/api/v1/password-resets", "/api/v1/first-account"];

#[actix_web::test]
async fn json_that_is_not_well_formed_is_refused_on_every_route() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    for (method, path, good) in json_routes() {
        let text = good.to_string();
        let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).expect("object");
        let (key, _) = inner.split_once(':').expect("a field");
        let depth = "[".repeat(200_000);
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("empty", Vec::new()),
            ("cut off", text[..text.len() - 1].into()),
            ("top-level null", b"null".to_vec()),
            ("top-level list", b"[]".to_vec()),
            ("top-level string", b"\"x\"".to_vec()),
            ("a repeated key", format!("{{{inner},{inner}}}").into()),
            ("an unknown field", format!("{{{inner},\"surprise\":1}}").into()),
            ("the id is not the client's to set", format!("{{{inner},\"id\":\"x\",\"workspace\":\"y\"}}").into()),
            ("a wrong type", format!("{{{key}:{{\"a\":[1]}}}}").into()),
            ("NUL in a string", format!("{{{key}:\"a\\u0000b\"}}").into()),
            ("NUL in a key", format!("{{{inner},\"a\\u0000\":1}}").into()),
            ("a lone surrogate", format!("{{{key}:\"\\ud800\"}}").into()),
            ("invalid UTF-8", [b"{".as_slice(), key.as_bytes(), b":\"\xff\xfe\"}"].concat()),
            ("NaN", format!("{{{key}:NaN}}").into()),
            ("infinity", format!("{{{key}:-Infinity}}").into()),
            ("a number beyond every type", format!("{{{key}:1e999999}}").into()),
            ("an integer beyond every type", format!("{{{key}:{}}}", "9".repeat(400)).into()),
            ("a comment", format!("{{{inner}/* */}}").into()),
            ("two documents", format!("{text}{text}").into()),
            ("a depth bomb", format!("{{{key}:{depth}").into()),
            ("a depth bomb of objects", format!("{{{key}:{}", "{\"a\":".repeat(100_000)).into()),
        ];
        for (about, body) in cases {
            let about = format!("{method} {path}: {about}");
            let document = path.ends_with("/profile");
            // A document is a JSON value of its own: what is wrong inside it is a value that breaks a rule.
            let status: &[u16] = match document {
                true => &[400, 422],
                // Nobody who has not signed in sends as much.
                false if PUBLIC.contains(&path) => &[400, 413],
                false => &[400],
            };
            assert_problem(&bad.json(method, path, body).await, status, &about);
        }
    }
    bad.unharmed(before).await;
}

#[actix_web::test]
async fn an_error_in_json_says_where_it_is() {
    let bad = Bad::start().await;
    let files = json!({"files": [{"path": "a", "sha256": "x", "size_bytes": 1}, {"path": "b", "sha256": "x", "size_bytes": "many"}]});
    let refused = bad.json("POST", "/api/v1/models/scorer/versions", files.to_string()).await;
    assert!(refused.text().contains("files[1].size_bytes"), "{}", refused.text());
    let twice = bad.json("POST", "/api/v1/models", r#"{"name":"a","name":"b"}"#).await;
    assert!(twice.text().contains("the key \\\"name\\\" stands twice"), "{}", twice.text());
}

#[actix_web::test]
async fn a_body_of_another_type_or_encoding_or_size_is_refused() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    for (method, path, good) in json_routes() {
        let about = format!("{method} {path}");
        let send = |kind: Option<&'static str>, encoding: Option<&'static str>, body: String| {
            let mut request = bad.t.request(bad.who(path), method, path).header("if-match", "\"1\"").body(body);
            request = kind.into_iter().fold(request, |r, k| r.header("content-type", k));
            encoding.into_iter().fold(request, |r, e| r.header("content-encoding", e))
        };
        for kind in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/jsonp"),
            Some("application/json, text/plain"),
            Some("application"),
            Some(""),
        ] {
            assert_problem(&reply(send(kind, None, good.to_string())).await, &[415], &format!("{about} as {kind:?}"));
        }
        for encoding in ["gzip", "br", "deflate", "zstd", "compress", "gzip, identity", "x"] {
            let request = send(Some("application/json"), Some(encoding), good.to_string());
            assert_problem(&reply(request).await, &[415], &format!("{about} with {encoding}"));
        }
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(4 << 20));
        let request = send(Some("application/json"), None, large);
        assert_problem(&reply(request).await, &[413], &format!("{about}: too large"));
    }
    bad.unharmed(before).await;
}
