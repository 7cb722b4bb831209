//! A line between the client and the service that breaks as it is told, and counts what passes.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
};

/// When it fails.
#[derive(Clone, Copy)]
pub enum Line {
    Good,
    /// Each connection is cut after so many bytes in both directions together.
    Cut(u64),
    /// Nothing moves any more after so many bytes, of all connections together.
    Stalled(u64),
    /// Nothing moves after so many bytes, of all connections together, until somebody lets go; then connections that waited are cut.
    Held(u64),
    /// Whoever asks for a part of something is heard as if they asked for all.
    WithoutRanges,
}

pub struct Proxy {
    pub url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The first lines of requests.
    requests: Mutex<Vec<String>>,
    /// Bytes, in both directions.
    passed: AtomicU64,
    /// Those of answers.
    down: AtomicU64,
    /// Whether somebody let go.
    is_free: AtomicBool,
    free: Notify,
}

impl Proxy {
    pub async fn to(service: &str, line: Line) -> Self {
        let service = service.strip_prefix("http://").expect("http").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let seen = Arc::new(Seen::default());
        let all = seen.clone();
        actix_web::rt::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (service, seen) = (service.clone(), all.clone());
                actix_web::rt::spawn(async move { connection(client, &service, line, &seen).await });
            }
        });
        Self { url, seen }
    }

    /// The requests whose first line has this in it.
    pub fn requests(&self, of: &str) -> Vec<String> {
        self.seen.requests.lock().expect("lock").iter().filter(|line| line.contains(of)).cloned().collect()
    }

    /// Which pieces were sent, in order, each as often as it was.
    pub fn pieces(&self) -> Vec<usize> {
        let number = |line: &String| line.split("/chunks/").nth(1)?.split(' ').next()?.parse().ok();
        let mut all: Vec<_> = self.requests("/chunks/").iter().filter_map(number).collect();
        all.sort_unstable();
        all
    }

    /// Ends what [`Line::Held`] does.
    pub fn let_go(&self) {
        self.seen.is_free.store(true, Ordering::Relaxed);
        self.seen.free.notify_waiters();
    }

    /// Bytes of answers.
    pub fn down(&self) -> u64 {
        self.seen.down.load(Ordering::Relaxed)
    }
}

/// One connection, until either side ends it or the line breaks.
async fn connection(client: TcpStream, service: &str, line: Line, seen: &Seen) {
    let Ok(service) = TcpStream::connect(service).await else { return };
    let ((from_client, to_client), (from_service, to_service)) = (client.into_split(), service.into_split());
    let of_both = AtomicU64::new(0);
    let mut heads = Heads { line, seen, head: Vec::new(), body_left: 0 };
    tokio::select! {
        _ = copy(from_client, to_service, line, (&of_both, seen), |bytes| heads.read(bytes)) => {}
        _ = copy(from_service, to_client, line, (&of_both, seen), |bytes| {
            seen.down.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }) => {}
    }
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    line: Line,
    (of_both, seen): (&AtomicU64, &Seen),
    mut look: impl FnMut(&mut [u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let own = of_both.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
        let all = seen.passed.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
        match line {
            Line::Cut(after) if after < own => return Ok(()),
            Line::Stalled(after) if after < all => std::future::pending().await,
            Line::Held(after) if after < all && !seen.is_free.load(Ordering::Relaxed) => {
                seen.free.notified().await;
                return Ok(());
            }
            _ => {}
        }
        look(&mut buffer[..read]);
        to.write_all(&buffer[..read]).await?;
    }
}

/// Finds the heads of requests in what a client sends.
struct Heads<'a> {
    line: Line,
    seen: &'a Seen,
    head: Vec<u8>,
    body_left: usize,
}

impl Heads<'_> {
    fn read(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            if self.body_left != 0 {
                let skipped = self.body_left.min(bytes.len());
                self.body_left -= skipped;
                bytes = &mut bytes[skipped..];
                continue;
            }
            if matches!(self.line, Line::WithoutRanges)
                && let Some(at) = bytes.windows(14).position(|w| w.eq_ignore_ascii_case(b"\r\nrange: bytes"))
            {
                bytes[at + 2..at + 7].copy_from_slice(b"whole");
            }
            let before = self.head.len();
            self.head.extend_from_slice(bytes);
            let Some(end) = self.head.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4) else { return };
            let head = String::from_utf8_lossy(&self.head[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            self.body_left = length.unwrap_or(0);
            let first = String::from_utf8_lossy(&self.head).lines().next().unwrap_or_default().to_owned();
            self.seen.requests.lock().expect("lock").push(first);
            self.head.clear();
            bytes = &mut bytes[end - before..];
        }
    }
}
