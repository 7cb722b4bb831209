//! Headers: credentials, preconditions, and what a client says about itself.

use super::{Bad, assert_problem};
use crate::harness::reply;
use serde_json::json;

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
