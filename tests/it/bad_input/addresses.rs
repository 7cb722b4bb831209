//! Addresses: methods, paths, ids and pages.

use super::{Bad, assert_problem};
use crate::{harness::reply, openapi, raw};
use serde_json::json;

#[actix_web::test]
async fn methods_that_an_address_does_not_take_are_named_as_such() {
    let bad = Bad::start().await;
    let before = bad.t.events().await;
    let mut paths: Vec<_> = openapi::operations().into_iter().map(|(_, path, _)| path).collect();
    paths.dedup();
    for path in paths {
        let mut known: Vec<_> =
            openapi::operations().into_iter().filter(|(_, p, _)| *p == path).map(|(m, ..)| m).collect();
        // Whatever is read answers HEAD, too.
        if known.iter().any(|m| m == "GET") && known.iter().all(|m| m != "HEAD") {
            known.push("HEAD".to_owned());
            known.sort();
        }
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
        assert_eq!(refused.header("allow"), "GET, HEAD", "{path}");
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
        ("before=1", 400),
        ("cursor=x", 400),
        ("since=yesterday", 422),
        ("until=2026-13-01", 422),
        ("outcome=maybe", 422),
        ("order=random", 422),
        ("actor=nobody-here", 422),
        ("mentions=model:nothing", 422),
        ("action=%00", 400),
        ("action=none", 422),
        ("action=none.", 422),
        ("action=*", 422),
        ("action=promotion", 422),
        ("object=a%00b", 400),
        ("from=x", 400),
    ] {
        let path = format!("/api/v1/audit/events?{query}");
        assert_problem(&bad.t.get(&bad.auditor, &path).await, &[status], &path);
    }
    for query in
        ["action=schema.migrate", "object=%27%20OR%201%3D1", "mentions=%3Ddenied", "kind=%25", "until=2026-01-01"]
    {
        let events = bad.t.get(&bad.auditor, &format!("/api/v1/audit/events?{query}")).await.expect(200).json();
        assert_eq!(events, json!({"items": [], "next_cursor": null}), "{query}");
    }
    assert_problem(&bad.t.get(&bad.contributor, "/api/v1/models?search=%00").await, &[400, 422], "search");
    assert_eq!(bad.t.events().await, before);
}
