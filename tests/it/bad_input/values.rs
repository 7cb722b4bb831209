//! Values: well-formed, and against a rule.

use super::{Bad, assert_problem};
use crate::{harness::reply, world::register_people};
use serde_json::json;

#[actix_web::test]
async fn bytes_that_are_not_the_declared_ones_are_not_kept() {
    let bad = Bad::start().await;
    let digest = plimsoll::core::digest::Digest::of("abc").to_string();
    let files = json!({"files": [{"path": "a", "sha256": digest, "size_bytes": 3}]});
    bad.t.post(&bad.contributor, "/api/v1/models/scorer/versions", files).await.expect(201);
    let before = bad.t.events().await;
    let path = "/api/v1/models/scorer/versions/1/files/a";
    let octets = "application/octet-stream";
    for (body, kind, status) in [
        ("abd", octets, 422),
        ("ab", octets, 422),
        ("", octets, 422),
        ("abcd", octets, 413),
        ("abc", "text/plain", 415),
    ] {
        let request = bad.t.request(&bad.contributor, "PUT", path).header("content-type", kind).body(body);
        assert_problem(&reply(request).await, &[status], body);
    }
    assert_eq!(bad.t.events().await, before);
    let request = || bad.t.request(&bad.contributor, "PUT", path).header("content-type", octets).body("abc");
    reply(request()).await.expect(204);
    reply(request()).await.expect(204);
    assert_eq!(bad.t.events().await, before + 1, "the same bytes again are no event");
}

#[actix_web::test]
async fn names_that_could_deceive_are_refused() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    let names = [
        "p\u{430}ypal",
        "a\u{200d}b",
        "a\u{202e}b",
        "a\u{ad}b",
        "e\u{301}",
        "Scorer",
        "con",
        "nul",
        ".git",
        "..",
        ".",
        "api",
        "admin",
        "latest",
        "a//b",
        "a/b",
        "a.",
        "-a",
        "",
        " ",
        "a b",
        "..%2fother",
        "<script>",
        "a'--",
        &"x".repeat(65),
        &"x".repeat(256),
    ];
    for name in names {
        for (path, body) in [
            ("/api/v1/models", json!({"name": name, "intended_use": "x", "risk_tier": "low"})),
            ("/api/v1/accounts", json!({"name": name, "kind": "service", "roles": []})),
            ("/api/v1/environments", json!({"name": name, "profile": {"class": "edge", "operating_mode": "advisory"}})),
        ] {
            let refused = bad.json("POST", path, body.to_string()).await;
            assert_problem(&refused, &[422], &format!("{path} {name:?}"));
            assert_eq!(refused.json()["errors"][0]["field"], "name", "{path} {name:?}");
        }
    }
    for name in ["..%2fother", "a%2fb", "Scorer", "a%20b", "con", "%c3%bc", "a%00b"] {
        let refused = register_people(&bad.t, &bad.contributor, name).await;
        assert_problem(&refused, &[400, 404, 422], name);
    }
    bad.unharmed(before).await;
}

#[actix_web::test]
async fn version_references_are_a_number_or_a_digest() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    let refused =
        ["01", "1.0", "-1", "0", "9223372036854775808", "1;drop", "latest", "sha256:x", "md5:abc", "", "1 ", "%31"];
    let upper = format!("sha256:{}", "A".repeat(64));
    for version in refused.into_iter().chain([upper.as_str()]) {
        for (path, body) in [
            ("/api/v1/runs", json!({"model": "scorer", "version": version, "environment": "production"})),
            ("/api/v1/promotions", json!({"model": "scorer", "version": version, "environment": "production"})),
        ] {
            assert_problem(&bad.json("POST", path, body.to_string()).await, &[422], &format!("{path} {version}"));
        }
        if !version.is_empty() && version != "%31" {
            let path = format!("/api/v1/models/scorer/versions/{}", version.replace(' ', "%20"));
            assert_problem(&bad.t.get(&bad.contributor, &path).await, &[422], &path);
        }
    }
    let unknown = "/api/v1/models/scorer/versions/9223372036854775807";
    assert_problem(&bad.t.get(&bad.contributor, unknown).await, &[404], unknown);
    bad.unharmed(before).await;
}

#[actix_web::test]
async fn values_that_break_a_rule_name_their_field() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    let model = |field: &str, value: serde_json::Value| {
        let mut body = json!({"name": "new-one", "intended_use": "x", "risk_tier": "low"});
        body[field] = value;
        body
    };
    let people = |field: &str, value: serde_json::Value| {
        let mut body = json!({"name": "new-one", "kind": "user", "roles": []});
        body[field] = value;
        body
    };
    for (path, body, field) in [
        ("/api/v1/models", model("risk_tier", json!("extreme")), "risk_tier"),
        ("/api/v1/models", model("intended_use", json!("")), "intended_use"),
        ("/api/v1/models", model("intended_use", json!("x".repeat(8_001))), "intended_use"),
        ("/api/v1/models", model("title", json!("a\u{202e}b")), "title"),
        ("/api/v1/models", model("title", json!("x".repeat(501))), "title"),
        ("/api/v1/models", model("owners", json!({"finance": "ines"})), "owners.finance"),
        ("/api/v1/models", model("owners", json!({"business": "nobody"})), "owners.business"),
        ("/api/v1/accounts", people("kind", json!("god")), "kind"),
        ("/api/v1/accounts", people("roles", json!(["root"])), "roles"),
        ("/api/v1/first-account", json!({"code": "x", "name": "ada", "password": "short"}), "password"),
        ("/api/v1/first-account", json!({"code": "x", "name": "ada", "password": "x".repeat(257)}), "password"),
        ("/api/v1/tokens", json!({"name": "", "expires_in_days": 1}), "name"),
        ("/api/v1/tokens", json!({"name": "x", "expires_in_days": 0}), "expires_in_days"),
        ("/api/v1/tokens", json!({"name": "x", "expires_in_days": 366}), "expires_in_days"),
        ("/api/v1/tokens", json!({"name": "x", "expires_in_days": i64::MAX}), "expires_in_days"),
        ("/api/v1/trust-keys", json!({"name": "x", "public_key_pem": "x"}), "public_key_pem"),
        ("/api/v1/models/scorer/versions", json!({"files": []}), "files"),
    ] {
        let refused = bad.json("POST", path, body.to_string()).await;
        assert_problem(&refused, &[422], &format!("{path}: {field}"));
        assert_eq!(refused.json()["errors"][0]["field"], field, "{}", refused.text());
    }
    bad.unharmed(before).await;
}

#[actix_web::test]
async fn a_table_that_is_not_one_is_refused() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    let good = r#"{"label":"y","features":["a"]}"#;
    let cases: [(&str, Option<&str>, &[u8], u16); 12] = [
        ("no description", None, b"a,y\n1,0\n", 400),
        ("a description that is no JSON", Some("{"), b"a,y\n1,0\n", 400),
        ("a description with an unknown field", Some(r#"{"label":"y","x":1}"#), b"a,y\n1,0\n", 422),
        ("a description with a repeated key", Some(r#"{"label":"y","label":"a"}"#), b"a,y\n1,0\n", 400),
        ("a column that is not there", Some(r#"{"label":"z"}"#), b"a,y\n1,0\n", 422),
        ("no rows", Some(good), b"a,y\n", 422),
        ("nothing", Some(good), b"", 422),
        ("a short row", Some(good), b"a,y\n1\n", 422),
        ("a column twice", Some(good), b"a,y,y\n1,0,0\n", 422),
        ("NUL", Some(good), b"a,y\n1,\0\n", 422),
        ("not UTF-8", Some(good), b"a,y\n1,\xff\n", 422),
        ("another language", Some(good), b"<html></html>", 422),
    ];
    for (about, description, body, status) in cases {
        let request =
            bad.t.request(&bad.contributor, "PUT", "/api/v1/datasets/new-one").header("content-type", "text/csv");
        let request = description.into_iter().fold(request, |r, d| r.header("plimsoll-dataset", STANDARD.encode(d)));
        assert_problem(&reply(request.body(body.to_vec())).await, &[status], about);
    }
    let request = bad.t.request(&bad.contributor, "PUT", "/api/v1/datasets/new-one").header("content-type", "text/csv");
    assert_problem(&reply(request.header("plimsoll-dataset", "***").body("a")).await, &[400], "no base64");
    bad.unharmed(before).await;
}
