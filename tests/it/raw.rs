//! Requests that no client library would send, byte for byte.

use crate::harness::{Reply, TestApp};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends bytes, says that no more will come, and reads until the server has nothing to add.
pub async fn exchange(app: &TestApp, bytes: &[u8]) -> Vec<u8> {
    let address = app.url.strip_prefix("http://").expect("http");
    let mut stream = TcpStream::connect(address).await.expect("connect");
    // The server may hang up before it has everything: that is an answer as well.
    let _ = stream.write_all(bytes).await;
    let mut got = Vec::new();
    let mut piece = [0; 16 << 10];
    while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_millis(700), stream.read(&mut piece)).await {
        if n == 0 {
            break;
        }
        got.extend_from_slice(&piece[..n]);
    }
    got
}

/// The status of the first answer, if there was one.
pub fn status(got: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(got);
    text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Sends a whole request and takes the answer apart.
pub async fn send(app: &TestApp, request: &str) -> Reply {
    let request = request.replacen("host: t\r\n", "host: t\r\nconnection: close\r\n", 1);
    let got = exchange(app, request.as_bytes()).await;
    let end = got.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&got[..end]).into_owned();
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        let name: reqwest::header::HeaderName = name.parse().expect("name");
        headers.append(name, value.parse().expect("value"));
    }
    Reply { status: status(&got).expect("a status"), headers, body: got[end + 4..].to_vec() }
}
