//! A file as the body of an answer.

use crate::{
    app::App,
    blobs::{self, Opened, Part, ReadError},
    http::{
        problem::Problem,
        ranges::{self, Wanted},
    },
    versions::DeclaredFile,
};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::SizedStream,
    http::{
        StatusCode,
        header::{self, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue},
    },
    web::Bytes,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::Instant};

/// A file that takes long is looked after so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What is handed over at once: it is copied into what the connection sends, which is quick while it fits into a core's cache.
const SLICE_BYTES: usize = 128 << 10;

/// The answer to somebody who has the file already, before anything is opened or recorded.
///
/// # Errors
/// When it has no such part.
pub fn settled(request: &HttpRequest, file: &DeclaredFile) -> Result<Option<HttpResponse>, Problem> {
    match ranges::wanted(request, &file.sha256.to_string(), size(file)) {
        Wanted::Unchanged => Ok(Some(described(file).status(StatusCode::NOT_MODIFIED).finish())),
        Wanted::Nothing => Err(ranges::not_there(size(file))),
        Wanted::Another => Err(ranges::not_that()),
        Wanted::Whole | Wanted::Part(_) => Ok(None),
    }
}

/// The answer to somebody who asks about a file and not for it. Parts are of GET alone.
///
/// # Errors
/// When it is not the file that they mean.
pub fn told(request: &HttpRequest, file: &DeclaredFile) -> Result<HttpResponse, Problem> {
    let nothing = futures_util::stream::empty::<io::Result<Bytes>>();
    match ranges::wanted(request, &file.sha256.to_string(), size(file)) {
        Wanted::Unchanged => Ok(described(file).status(StatusCode::NOT_MODIFIED).finish()),
        Wanted::Another => Err(ranges::not_that()),
        _ => Ok(described(file).body(SizedStream::new(size(file), nothing))),
    }
}

/// The file, or the part of it that is asked for. It breaks off before a chunk that is not what was stored.
pub fn stream(app: Arc<App>, request: &HttpRequest, bytes: Opened, file: &DeclaredFile) -> HttpResponse {
    stream_while(app, request, bytes, file, || std::future::ready(Ok(())))
}

/// The same, but the body breaks off when it may not go on too.
///
/// `may_go_on` is asked before the last piece leaves, and before others when [`LOOK_EVERY`] has passed; a file
/// of one piece leaves at once.
pub fn stream_while<F>(
    app: Arc<App>,
    request: &HttpRequest,
    bytes: Opened,
    file: &DeclaredFile,
    may_go_on: impl Fn() -> F + 'static,
) -> HttpResponse
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let part = match ranges::wanted(request, &file.sha256.to_string(), size(file)) {
        Wanted::Part(part) => Some(part),
        _ => None,
    };
    deliver(app, described(file), bytes, part, may_go_on)
}

/// Bytes as the body of an answer whose headers are there.
pub fn deliver<F>(
    app: Arc<App>,
    mut answer: HttpResponseBuilder,
    bytes: Opened,
    part: Option<Part>,
    may_go_on: impl Fn() -> F + 'static,
) -> HttpResponse
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let whole = bytes.size_bytes();
    let (from, end) = part.map_or((0, whole), |part| (part.first, part.last + 1));
    answer.insert_header((header::ACCEPT_RANGES, "bytes"));
    if let Some(Part { first, last }) = part {
        answer.status(StatusCode::PARTIAL_CONTENT);
        answer.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{whole}")));
    }
    let bytes = Arc::new(bytes);
    let (looked, pending) = (Instant::now(), Bytes::new());
    let leaving = Leaving { app, bytes, from, end, pending, ahead: None, looked, is_first: true };
    let body = futures_util::stream::unfold((Some(leaving), may_go_on), |(leaving, may_go_on)| async move {
        let mut leaving = leaving?;
        match leaving.next(&may_go_on).await? {
            Ok(piece) => Some((Ok(piece), (Some(leaving), may_go_on))),
            Err(error) => {
                tracing::warn!(%error, "a file broke off");
                Some((Err(error), (None, may_go_on)))
            }
        }
    });
    // Nobody polls two pieces at once.
    answer.body(SizedStream::new(end - from, Box::pin(body)))
}

struct Leaving {
    app: Arc<App>,
    bytes: Arc<Opened>,
    /// The first byte that has not been looked at.
    from: u64,
    end: u64,
    /// What has been looked at and not left.
    pending: Bytes,
    /// The chunk from there on, while the one before it leaves.
    ahead: Option<JoinHandle<Result<Bytes, ReadError>>>,
    looked: Instant,
    is_first: bool,
}

impl Leaving {
    async fn next<F>(&mut self, may_go_on: impl Fn() -> F) -> Option<io::Result<Bytes>>
    where
        F: Future<Output = io::Result<()>>,
    {
        if !self.pending.is_empty() {
            return Some(Ok(self.slice()));
        }
        if self.end <= self.from {
            return None;
        }
        let reading = self.ahead.take().unwrap_or_else(|| self.read());
        let piece = match reading.await {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => {
                let said = blobs::ops::unread(&self.app, &self.bytes.stored, error).await;
                return Some(Err(io::Error::new(io::ErrorKind::InvalidData, format!("{said:?}"))));
            }
            Err(error) => return Some(Err(io::Error::other(error))),
        };
        self.from += piece.len() as u64;
        if self.from < self.end {
            self.ahead = Some(self.read());
        }
        let is_last = self.end <= self.from;
        let is_only = std::mem::take(&mut self.is_first) && is_last;
        if !is_only && (is_last || LOOK_EVERY <= self.looked.elapsed()) {
            if let Err(error) = may_go_on().await {
                return Some(Err(error));
            }
            self.looked = Instant::now();
        }
        self.pending = piece;
        Some(Ok(self.slice()))
    }

    fn slice(&mut self) -> Bytes {
        self.pending.split_to(self.pending.len().min(SLICE_BYTES))
    }

    fn read(&self) -> JoinHandle<Result<Bytes, ReadError>> {
        let (bytes, from, last) = (Arc::clone(&self.bytes), self.from, self.end - 1);
        tokio::spawn(async move { bytes.piece(from, last).await })
    }
}

/// The headers of a file. Never rendered by a browser: octet-stream, attachment, sandboxed.
pub fn described(file: &DeclaredFile) -> HttpResponseBuilder {
    let name = file.path.as_str().rsplit('/').next().unwrap_or("file").to_owned();
    let disposition = ContentDisposition { disposition: DispositionType::Attachment, parameters: called(name) };
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(header::ContentType::octet_stream())
        .insert_header(disposition)
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header(("content-security-policy", "sandbox; default-src 'none'"))
        .insert_header((header::ETAG, format!("\"{}\"", file.sha256)));
    answer
}

/// As RFC 6266 has names beyond ASCII: once for those who read them, and once for all others.
fn called(name: String) -> Vec<DispositionParam> {
    if name.is_ascii() {
        return vec![DispositionParam::Filename(name)];
    }
    let plain = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    let charset = Charset::Ext("UTF-8".to_owned());
    let whole = ExtendedValue { charset, language_tag: None, value: name.into_bytes() };
    vec![DispositionParam::Filename(plain), DispositionParam::FilenameExt(whole)]
}

fn size(file: &DeclaredFile) -> u64 {
    u64::try_from(file.size_bytes).unwrap_or(0)
}
