//! Framing: what no client library would send.

use super::Bad;
use crate::raw;

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
