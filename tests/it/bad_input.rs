//! What arrives wrong is a client's mistake that says what and where: never a 5xx, nothing
//! stored, nothing in the log, and the service goes on.

use crate::{
    harness::{Reply, TestApp, reply},
    openapi, raw,
    world::register_people,
};
use serde_json::json;

/// A service with a contributor and a manager, a model, an environment and a dataset.
struct Bad {
    t: TestApp,
    contributor: String,
    manager: String,
    auditor: String,
}

impl Bad {
    async fn start() -> Self {
        let t = TestApp::start().await;
        let contributor = t.user("ines", &["contributor"]).await;
        let manager = t.user("mara", &["environment_manager", "admin"]).await;
        let auditor = t.user("otto", &["auditor"]).await;
        let model = json!({"name": "scorer", "intended_use": "x", "risk_tier": "low"});
        t.post(&contributor, "/api/v1/models", model).await.expect(201);
        let profile = json!({"class": "server", "operating_mode": "advisory"});
        let environment = json!({"name": "production", "profile": profile});
        t.post(&manager, "/api/v1/environments", environment).await.expect(201);
        register_people(&t, &contributor, "people").await.expect(201);
        Self { t, contributor, manager, auditor }
    }

    fn who(&self, path: &str) -> &str {
        match path {
            _ if path.starts_with("/api/v1/environments") => &self.manager,
            _ if path.starts_with("/api/v1/accounts") || path.starts_with("/api/v1/trust") => &self.manager,
            _ if path.starts_with("/api/v1/audit") => &self.auditor,
            _ => &self.contributor,
        }
    }

    /// Sends a body as JSON by someone who may.
    async fn json(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        let request = self.t.request(self.who(path), method, path).header("content-type", "application/json");
        reply(request.header("if-match", "\"1\"").body(body)).await
    }

    /// Runs the attempts, then checks that they left no trace and the service works.
    async fn unharmed(&self, before: usize) {
        assert_eq!(self.t.events().await, before, "a mistake got into the log");
        self.t.get("", "/readyz").await.expect(200);
        let models = self.t.get(&self.contributor, "/api/v1/models").await.expect(200).json();
        assert_eq!(models["items"].as_array().map(Vec::len), Some(1), "{models}");
    }
}

/// A problem in full: its shape, its headers, and nothing of the inside.
#[track_caller]
fn assert_problem(reply: &Reply, status: &[u16], about: &str) {
    let text = reply.text();
    assert!(status.contains(&reply.status), "{about}: {}, not {status:?}: {text}", reply.status);
    assert_eq!(reply.header("content-type"), "application/problem+json", "{about}: {text}");
    let problem = reply.json();
    assert_eq!(problem["status"], reply.status, "{about}");
    assert_eq!(problem["request_id"], reply.header("x-request-id"), "{about}");
    assert_eq!(reply.header("x-request-id").len(), 36, "{about}");
    let code = problem["code"].as_str().unwrap_or_default();
    assert_eq!(problem["type"], format!("/problems/{code}"), "{about}");
    for field in ["title", "detail", "code"] {
        assert!(problem[field].as_str().is_some_and(|s| !s.is_empty()), "{about}: {field}: {text}");
    }
    for inside in ["SELECT ", "sqlx", "sea_orm", "panicked", ".rs:", "actix"] {
        assert!(!text.contains(inside), "{about}: {text}");
    }
}

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
            let status: &[u16] = if document { &[400, 422] } else { &[400] };
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
            Some("\u{7f}"),
        ] {
            let kind = kind.filter(|k| *k != "\u{7f}");
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

#[actix_web::test]
async fn methods_that_an_address_does_not_take_are_named_as_such() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    let mut paths: Vec<_> = openapi::operations().into_iter().map(|(_, path, _)| path).collect();
    paths.dedup();
    for path in paths {
        let known: Vec<_> = openapi::operations().into_iter().filter(|(_, p, _)| *p == path).map(|(m, ..)| m).collect();
        let filled = path.replace(['{', '}'], "");
        for method in ["PUT", "DELETE", "PATCH", "POST", "GET", "HEAD", "TRACE", "PROPFIND", "FOO", "get"] {
            if known.iter().any(|m| m == method) {
                continue;
            }
            let about = format!("{method} {filled}");
            let refused = reply(bad.t.request(&bad.contributor, method, &filled)).await;
            assert_eq!(refused.status, 405, "{about}: {}", refused.text());
            let mut allow: Vec<_> = refused.header("allow").split(", ").map(str::to_owned).collect();
            allow.sort();
            assert_eq!(allow, known, "{about}");
            if method != "HEAD" {
                assert_problem(&refused, &[405], &about);
            }
        }
        let options = reply(bad.t.request(&bad.contributor, "OPTIONS", &filled)).await;
        assert_eq!((options.status, options.header("access-control-allow-origin")), (204, ""), "{filled}");
    }
    for path in ["/livez", "/readyz", "/openapi.yaml"] {
        let refused = reply(bad.t.request("", "DELETE", path)).await;
        assert_problem(&refused, &[405], path);
        assert_eq!(refused.header("allow"), "GET", "{path}");
    }
    bad.unharmed(before).await;
}

#[actix_web::test]
async fn addresses_that_lead_nowhere_are_not_found() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    for path in [
        "/api/v1/models/none",
        "/api/v1/models/..%2f..%2fetc%2fpasswd",
        "/api/v1/models/%2e%2e",
        "/api/v1/models/%252e%252e%252f",
        "/api/v1/models/..%5c..%5c",
        "/api/v1/models/a%00b",
        "/api/v1/models/%00",
        "/api/v1/models/%c0%ae%c0%ae",
        "/api/v1/models/%ff%fe",
        "/api/v1/models/%zz",
        "/api/v1/models/%",
        "/api/v1/models/a%0d%0aset-cookie:x=y",
        "/api/v1/models/scorer%20",
        "/api/v1/models/scorer;x=1",
        "/api/v1/models/Scorer",
        "/api/v1/models//versions",
        "/api/v1//models",
        "/api/v1/models/scorer/",
        "/api/v2/models",
        "/api/v1/nothing",
        "/nothing",
        "/.git/config",
        "/api/v1/environments/none",
        "/api/v1/environments/production/secrets",
        "/api/v1/environments/a%00b/policy",
        "/api/v1/environments/production/models/a%00b/releases",
        "/api/v1/datasets/none",
        "/api/v1/datasets/a%00b",
        "/api/v1/runs/none",
        "/api/v1/runs/1",
        "/api/v1/runs/00000000-0000-0000-0000-000000000000",
        "/api/v1/runs/00000000-0000-0000-0000-00000000000g",
        "/api/v1/runs/a%00b",
        "/api/v1/promotions/-1",
        "/api/v1/audit/leaves/9223372036854775808/proof",
        "/api/v1/audit/leaves/18446744073709551615/proof",
        "/api/v1/audit/leaves/99999999999999999999/proof",
        "/api/v1/audit/leaves/-1/proof",
        "/api/v1/audit/leaves/1e3/proof",
        "/api/v1/audit/leaves/a%00b/proof",
    ] {
        let got = raw::send(
            &bad.t,
            &format!("GET {path} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {}\r\n\r\n", bad.who(path)),
        )
        .await;
        assert_problem(&got, &[404, 400, 422], path);
    }
    let long = format!("/api/v1/models/{}", "x".repeat(20_000));
    let got = bad.t.get(&bad.contributor, &long).await;
    assert!((400..500).contains(&got.status), "{}", got.status);
    for (method, path) in [
        ("DELETE", "/api/v1/tokens/none"),
        ("DELETE", "/api/v1/trust-keys/none"),
        ("DELETE", "/api/v1/accounts/none"),
        ("DELETE", "/api/v1/accounts/a%00b"),
        ("POST", "/api/v1/promotions/none/withdrawal"),
        ("POST", "/api/v1/promotions/none/activation"),
    ] {
        let who = if path.contains("promotions/none/w") { &bad.contributor } else { &bad.manager };
        assert_problem(&reply(bad.t.request(who, method, path)).await, &[404, 400], path);
    }
    bad.unharmed(before).await;
}

#[actix_web::test]
async fn file_paths_that_could_leave_their_version_are_refused() {
    let bad = Bad::start().await;
    let files = json!({"files": [{"path": "a", "sha256": format!("sha256:{}", "0".repeat(64)), "size_bytes": 1}]});
    bad.t.post(&bad.contributor, "/api/v1/models/scorer/versions", files).await.expect(201);
    let before = bad.t.events().await;
    for path in [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/x",
        "a%5cb",
        "a%00b",
        "/etc/passwd",
        "",
        "a//b",
        "nul",
        "a%0a",
        "%ff",
        "other",
    ] {
        for method in ["GET", "PUT"] {
            let about = format!("{method} {path}");
            let head = format!(
                "{method} /api/v1/models/scorer/versions/1/files/{path} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {}\r\n\
                 content-type: application/octet-stream\r\ncontent-length: 1\r\n\r\nx",
                bad.contributor
            );
            assert_problem(&raw::send(&bad.t, &head).await, &[400, 404, 422], &about);
        }
    }
    for declared in ["../a", "/a", "a/../b", "a\\b", "con", "a\u{202e}b", "a:b", "", "a//b", "x.", &"x".repeat(300)] {
        let files =
            json!({"files": [{"path": declared, "sha256": format!("sha256:{}", "0".repeat(64)), "size_bytes": 1}]});
        let refused = bad.json("POST", "/api/v1/models/scorer/versions", files.to_string()).await;
        assert_problem(&refused, &[422], declared);
        assert!(refused.text().contains("files[0].path"), "{}", refused.text());
    }
    bad.unharmed(before).await;
}

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
        let mut body = json!({"name": "new-one", "kind": "user", "roles": [], "password": "a long enough one"});
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
        ("/api/v1/accounts", people("password", json!("short")), "password"),
        ("/api/v1/accounts", people("password", json!("x".repeat(257))), "password"),
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
async fn pages_are_asked_for_within_bounds_and_by_their_own_cursors() {
    let bad = Bad::start().await;
    for name in ["a-model", "b-model"] {
        let model = json!({"name": name, "intended_use": "x", "risk_tier": "low"});
        bad.t.post(&bad.contributor, "/api/v1/models", model).await.expect(201);
    }
    let before = bad.t.events().await;
    let first = bad.t.get(&bad.contributor, "/api/v1/models?limit=1").await.expect(200).json();
    let cursor = first["next_cursor"].as_str().expect("cursor").to_owned();
    bad.t.get(&bad.contributor, &format!("/api/v1/models?limit=1&cursor={cursor}")).await.expect(200);
    let lists = ["models", "accounts", "tokens", "trust-keys", "environments", "datasets", "runs", "promotions"];
    let mut flipped = cursor.clone().into_bytes();
    flipped[4] ^= 1;
    let flipped = String::from_utf8(flipped).expect("ascii");
    for list in lists {
        for (query, status) in [
            ("limit=0", 422),
            ("limit=201", 422),
            ("limit=1000000", 422),
            ("limit=-1", 400),
            ("limit=abc", 400),
            ("limit=1e3", 400),
            ("limit=", 400),
            ("limit=18446744073709551616", 400),
            ("limit=1&limit=2", 400),
            ("sort=password_hash", 400),
            ("cursor=", 400),
            ("cursor=x", 400),
            ("cursor=%00", 400),
            ("cursor=%ff", 400),
        ] {
            let path = format!("/api/v1/{list}?{query}");
            assert_problem(&bad.t.get(&bad.contributor, &path).await, &[status], &path);
        }
        let of_models = if list == "models" { flipped.as_str() } else { cursor.as_str() };
        for cursor in [of_models, &flipped, &cursor[1..], &cursor[..cursor.len() - 3], &"A".repeat(5_000)] {
            let path = format!("/api/v1/{list}?cursor={cursor}");
            let refused = bad.t.get(&bad.contributor, &path).await;
            assert_problem(&refused, &[400], &path);
            assert_eq!(refused.code(), "cursor_invalid", "{path}");
        }
    }
    for (query, status) in [
        ("limit=0", 422),
        ("limit=201", 422),
        ("before=x", 400),
        ("before=9223372036854775808", 400),
        ("action=%00", 400),
        ("object=a%00b", 400),
        ("from=x", 400),
    ] {
        let path = format!("/api/v1/audit/events?{query}");
        assert_problem(&bad.t.get(&bad.auditor, &path).await, &[status], &path);
    }
    for query in ["before=-9223372036854775808", "before=0", "action=none", "object=%27%20OR%201%3D1"] {
        let events = bad.t.get(&bad.auditor, &format!("/api/v1/audit/events?{query}")).await.expect(200).json();
        assert_eq!(events, json!([]), "{query}");
    }
    assert_problem(&bad.t.get(&bad.contributor, "/api/v1/models?search=%00").await, &[400, 422], "search");
    assert_eq!(bad.t.events().await, before);
}

#[actix_web::test]
async fn preconditions_are_needed_understood_and_current() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    for (method, path, who, body) in [
        ("PATCH", "/api/v1/models/scorer", &bad.contributor, json!({"title": "x"})),
        (
            "PUT",
            "/api/v1/environments/production/profile",
            &bad.manager,
            json!({"class": "edge", "operating_mode": "advisory"}),
        ),
    ] {
        let send = |tag: Option<&'static str>| {
            let request = bad.t.request(who, method, path).json(&body);
            tag.into_iter().fold(request, |r, tag| r.header("if-match", tag))
        };
        assert_problem(&reply(send(None)).await, &[428], path);
        for stale in ["\"0\"", "\"2\"", "\"9223372036854775807\"", "\"-1\""] {
            let refused = reply(send(Some(stale))).await;
            assert_problem(&refused, &[412], stale);
            assert!(refused.text().contains("\\\"1\\\""), "says which is current: {}", refused.text());
        }
        for malformed in ["", "1", "*", "W/\"1\"", "\"1", "\"1\", \"2\"", "\"x\"", "\"\"", "\"9223372036854775808\""] {
            assert_problem(&reply(send(Some(malformed))).await, &[400], malformed);
        }
    }
    bad.unharmed(before).await;
}

#[actix_web::test]
async fn a_caller_who_cannot_be_known_is_unauthenticated() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    let token = &bad.contributor;
    let flipped = format!("{}{}", &token[..token.len() - 1], if token.ends_with('a') { 'b' } else { 'a' });
    let values = [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer x".to_owned(),
        format!("bearer {token}"),
        format!("Bearer  {token}"),
        format!("Bearer {flipped}"),
        format!("Bearer {token}x"),
        format!("Bearer {token} {token}"),
        format!("Bearer {}", "x".repeat(4_000)),
        format!("Token {token}"),
        "Basic aW5lczp4".to_owned(),
        token.clone(),
        "Bearer ' OR 1=1 --".to_owned(),
    ];
    for value in values {
        let refused = reply(bad.t.request("", "GET", "/api/v1/models").header("authorization", &value)).await;
        assert_problem(&refused, &[401], &value);
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{value}");
    }
    let twice = bad.t.request(token, "GET", "/api/v1/models").header("authorization", format!("Bearer {token}"));
    assert_problem(&reply(twice).await, &[401], "two headers");
    for (name, value) in
        [("cookie", format!("session={token}")), ("x-api-key", token.clone()), ("x-forwarded-user", "ines".to_owned())]
    {
        assert_problem(&reply(bad.t.request("", "GET", "/api/v1/models").header(name, value)).await, &[401], name);
    }
    let query = format!("/api/v1/models?access_token={token}");
    assert_problem(&bad.t.get("", &query).await, &[401], "a token in the address");
    bad.unharmed(before).await;
}

#[actix_web::test]
async fn headers_that_lie_about_the_request_are_ignored() {
    let bad = Bad::start().await;
    for (name, value) in [
        ("x-http-method-override", "DELETE"),
        ("x-original-url", "/api/v1/audit/events"),
        ("x-request-id", "chosen-by-the-client"),
        ("if-none-match", "W/\"junk"),
        ("if-modified-since", "junk"),
        ("range", "bytes=9-1"),
        ("accept", "application/x-yaml"),
        ("expect", "junk"),
    ] {
        let got = reply(bad.t.request(&bad.contributor, "GET", "/api/v1/models/scorer").header(name, value)).await;
        assert!(got.status == 200 || (400..500).contains(&got.status), "{name}: {}", got.status);
        assert_ne!(got.header("x-request-id"), "chosen-by-the-client");
    }
    bad.t.get(&bad.contributor, "/api/v1/models/scorer").await.expect(200);
}

#[actix_web::test]
async fn a_request_with_broken_framing_harms_nobody() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    let token = &bad.contributor;
    let head = format!(
        "POST /api/v1/models HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
    );
    let good = r#"{"name":"smuggled","intended_use":"x","risk_tier":"low"}"#;
    let length = good.len();
    let cases = [
        ("two lengths", format!("{head}content-length: {length}\r\ncontent-length: 5\r\n\r\n{good}")),
        ("a length and chunks", format!("{head}content-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n{good}")),
        ("a bad chunk", format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n{good}\r\n0\r\n\r\n")),
        ("a huge chunk", format!("{head}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{good}\r\n0\r\n\r\n")),
        ("a negative length", format!("{head}content-length: -1\r\n\r\n{good}")),
        ("a length that is no number", format!("{head}content-length: 5x\r\n\r\n{good}")),
        ("an unknown transfer encoding", format!("{head}transfer-encoding: xchunked\r\n\r\n{good}")),
        ("a huge header", format!("GET /livez HTTP/1.1\r\nhost: t\r\nx: {}\r\n\r\n", "x".repeat(300_000))),
        ("a thousand headers", format!("GET /livez HTTP/1.1\r\nhost: t\r\n{}\r\n", "x: y\r\n".repeat(1_000))),
        ("NUL in a header", "GET /livez HTTP/1.1\r\nhost: t\r\nx: a\0b\r\n\r\n".to_owned()),
        ("a folded header", "GET /livez HTTP/1.1\r\nhost: t\r\nx: a\r\n b\r\n\r\n".to_owned()),
        ("no version", "GET /livez\r\n\r\n".to_owned()),
        ("another version", "GET /livez HTTP/9.9\r\nhost: t\r\n\r\n".to_owned()),
        ("not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_owned()),
        (
            "a NUL in the address",
            format!("GET /api/v1/models/a\0b HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\n\r\n"),
        ),
        ("a body cut off", format!("{head}content-length: 5000\r\n\r\n{good}")),
    ];
    for (about, bytes) in cases {
        let got = raw::exchange(&bad.t, bytes.as_bytes()).await;
        let status = raw::status(&got);
        assert!(status.is_none_or(|s| s < 500), "{about}: {status:?}");
        let text = String::from_utf8_lossy(&got);
        assert!(text.matches("HTTP/1.1 201").count() == 0, "{about} made something: {text}");
        bad.t.get("", "/livez").await.expect(200);
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
