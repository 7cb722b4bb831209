//! Chapter 2.4: nobody takes the service from the others by asking too often or too slowly.

use crate::{
    harness::{Reply, TestApp, reply},
    pages::stage::Browser,
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[actix_web::test]
async fn v2_4_1_who_asks_too_often_is_told_to_wait_and_the_neighbour_is_not() {
    let t = TestApp::start_with(&["--requests-per-minute", "40"]).await;
    let (busy, calm) = (t.user("busy", &["admin"]).await, t.user("calm", &["viewer"]).await);
    let first = t.get(&busy, "/api/v1/whoami").await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), "\"read\";q=40;w=60");
    assert!(first.header("ratelimit").starts_with("\"read\";r=39;t="), "{}", first.header("ratelimit"));
    let mut last = first;
    for _ in 0..60 {
        last = t.get(&busy, "/api/v1/whoami").await;
        if last.status != 200 {
            break;
        }
    }
    assert_eq!((last.status, last.code().as_str()), (429, "rate_limited"), "{}", last.text());
    assert!(last.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
    assert_eq!(last.header("content-type"), "application/problem+json");
    assert_eq!(last.header("ratelimit-policy"), "\"read\";q=40;w=60");
    assert!(last.header("ratelimit").starts_with("\"read\";r=0;t="), "{}", last.header("ratelimit"));
    assert!(last.text().contains(&format!("try again in {} s", last.header("retry-after"))), "{}", last.text());
    // What changes something has a smaller bucket of its own, and it is not empty.
    let model = json!({"name": "m", "intended_use": "x", "risk_tier": "low"});
    let refused = t.post(&busy, "/api/v1/models", model).await.expect(403);
    assert_eq!(refused.header("ratelimit-policy"), "\"write\";q=8;w=60");
    t.get(&calm, "/api/v1/whoami").await.expect(200);
    // Whoever watches the service is never told to wait.
    for _ in 0..250 {
        t.get("", "/livez").await.expect(200);
    }
}

#[actix_web::test]
async fn v2_4_1_an_address_without_a_credential_has_a_limit_too() {
    let t = TestApp::start_with(&["--requests-per-minute", "4"]).await;
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(t.get("", "/api/v1/models").await.status);
    }
    assert_eq!((statuses[0], statuses[29]), (401, 429), "{statuses:?}");
    let refused = t.get("", "/api/v1/models").await.expect(429);
    assert!(refused.header("ratelimit").starts_with("\"address-read\";r=0;t="), "{}", refused.header("ratelimit"));
    let page = reply(t.request("", "GET", "/login").header("accept", "text/html")).await.expect(429);
    assert!(page.text().contains("Too often") && !page.header("retry-after").is_empty(), "{}", page.text());
}

#[actix_web::test]
async fn v2_4_1_a_session_of_a_page_is_counted_like_a_token() {
    let t = TestApp::start_with(&["--requests-per-minute", "20"]).await;
    t.user("vera", &["viewer"]).await;
    let vera = Browser::open(&t).await.sign_in("vera").await;
    let mut last = vera.get("/models").await;
    for _ in 0..30 {
        last = vera.get("/models").await;
    }
    assert_eq!(last.status, 429);
    assert!(last.text().contains("Too often"), "{}", last.text());
}

#[actix_web::test]
async fn v2_4_1_no_limit_is_kept_where_none_is_wanted() {
    let t = TestApp::start_with(&["--requests-per-minute", "0"]).await;
    let token = t.user("vera", &["viewer"]).await;
    let answer = t.get(&token, "/api/v1/whoami").await.expect(200);
    assert_eq!(answer.header("ratelimit"), "");
}

/// Sends a head and then a byte now and then, until there is an answer.
async fn trickle(t: &TestApp, head: &str) -> (String, Duration) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(t.url.strip_prefix("http://").expect("http")).await.expect("connect");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut got = Vec::new();
    let mut piece = [0; 4096];
    while began.elapsed() < Duration::from_secs(20) {
        let _ = stream.write_all(b" ").await;
        match tokio::time::timeout(Duration::from_millis(200), stream.read(&mut piece)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(n)) => got.extend_from_slice(&piece[..n]),
            Err(_) => {}
        }
    }
    (String::from_utf8_lossy(&got).into_owned(), began.elapsed())
}

#[actix_web::test]
async fn v2_4_1_a_body_that_comes_byte_by_byte_is_cut_off() {
    let t = TestApp::start_with(&["--body-seconds", "1"]).await;
    let token = t.user("ada", &["admin", "contributor"]).await;
    let sha256 = format!("sha256:{}", "0".repeat(64));
    let model = json!({"name": "slow", "intended_use": "x", "risk_tier": "low"});
    t.post(&token, "/api/v1/models", model).await.expect(201);
    let files = json!({"files": [{"path": "a", "sha256": sha256, "size_bytes": 50_000}]});
    t.post(&token, "/api/v1/models/slow/versions", files).await.expect(201);
    let before = t.events().await;
    for (method, path, kind) in [
        ("POST", "/api/v1/models", "application/json"),
        ("POST", "/login", "application/x-www-form-urlencoded"),
        ("PUT", "/api/v1/models/slow/versions/1/files/a", "application/octet-stream"),
    ] {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\n\
             content-length: 50000\r\n\r\n"
        );
        let (said, took) = trickle(&t, &head).await;
        assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("body_too_slow"), "{path}: {said}");
        assert!(Duration::from_secs(1) <= took && took < Duration::from_secs(10), "{path}: {took:?}");
    }
    assert_eq!(t.events().await, before, "nothing was kept");
    t.get(&token, "/api/v1/models/slow").await.expect(200);
}

#[actix_web::test]
async fn v2_4_1_files_of_a_push_are_not_counted_as_changes() {
    let t = TestApp::start_with(&["--requests-per-minute", "10"]).await;
    let token = t.user("ines", &["contributor"]).await;
    t.post(&token, "/api/v1/models", json!({"name": "one", "intended_use": "x", "risk_tier": "low"})).await.expect(201);
    let sha256 = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let files = json!({"files": [{"path": "a", "sha256": sha256, "size_bytes": 1}]});
    t.post(&token, "/api/v1/models/one/versions", files.clone()).await.expect(201);
    t.post(&token, "/api/v1/models/one/versions", files).await.expect(429);
    upload(&t, &token, "one").await.expect(204);
}

#[actix_web::test]
async fn v2_4_1_who_is_nobody_yet_has_little_to_say() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    for path in ["/api/v1/sessions", "/api/v1/password-resets"] {
        let body = format!("{{\"name\": \"vera\", \"password\": \"{}\"}}", "x".repeat(17 << 10));
        let request = t.request("", "POST", path).header("content-type", "application/json");
        reply(request.body(body)).await.expect(413);
    }
    let padded = format!("{}{}", " ".repeat(15 << 10), json!({"name": "vera", "password": crate::asvs::PASSWORD}));
    let request = t.request("", "POST", "/api/v1/sessions").header("content-type", "application/json");
    reply(request.body(padded)).await.expect(201);
}

/// Two accounts with a draft each, of one file with one byte.
async fn two_drafts(t: &TestApp) -> (String, String) {
    let (greedy, other) = (t.user("greedy", &["contributor"]).await, t.user("other", &["contributor"]).await);
    for (token, name) in [(&greedy, "one"), (&other, "two")] {
        let model = json!({"name": name, "intended_use": "x", "risk_tier": "low"});
        t.post(token, "/api/v1/models", model).await.expect(201);
        let sha256 = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
        let files = json!({"files": [{"path": "a", "sha256": sha256, "size_bytes": 1}]});
        t.post(token, &format!("/api/v1/models/{name}/versions"), files).await.expect(201);
    }
    (greedy, other)
}

/// A connection on which an upload has begun, and none of its bytes has come.
async fn begun(t: &TestApp, token: &str, model: &str) -> TcpStream {
    let head = format!(
        "PUT /api/v1/models/{model}/versions/1/files/a HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\n\
         content-type: application/octet-stream\r\ncontent-length: 1\r\n\r\n"
    );
    let mut stream = TcpStream::connect(t.url.strip_prefix("http://").expect("http")).await.expect("connect");
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream
}

async fn upload(t: &TestApp, token: &str, model: &str) -> Reply {
    let request = t.request(token, "PUT", &format!("/api/v1/models/{model}/versions/1/files/a"));
    reply(request.header("content-type", "application/octet-stream").body("x")).await
}

#[actix_web::test]
async fn v2_4_1_one_account_does_not_take_all_places_for_uploads() {
    let t = TestApp::start().await;
    let (greedy, other) = two_drafts(&t).await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(begun(&t, &greedy, "one").await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let folder = t.data().join("blobs");
    let others = async {
        // The ninth waits, and neither the others nor the disk notice.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(temporary(&folder), 8);
        upload(&t, &other, "two").await.expect(204);
        drop(open);
    };
    let (ninth, ()) = futures_util::future::join(upload(&t, &greedy, "one"), others).await;
    ninth.expect(204);
}

/// How many files are on their way in.
fn temporary(blobs: &std::path::Path) -> usize {
    std::fs::read_dir(blobs.join("incoming")).expect("folder").count()
}

#[actix_web::test]
async fn v2_4_1_who_waits_for_a_place_among_the_uploads_is_not_late() {
    let t = TestApp::start_with(&["--body-seconds", "2"]).await;
    let (greedy, _) = two_drafts(&t).await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(begun(&t, &greedy, "one").await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut ninth = begun(&t, &greedy, "one").await;
    // The eight send nothing and are cut off; only then does the time of the ninth begin.
    tokio::time::sleep(Duration::from_millis(2300)).await;
    ninth.write_all(b"x").await.expect("sent");
    let mut piece = [0; 64];
    for (stream, status) in open.iter_mut().chain([&mut ninth]).zip([408; 8].into_iter().chain([204])) {
        let n = stream.read(&mut piece).await.expect("an answer");
        let said = String::from_utf8_lossy(&piece[..n]);
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
}
