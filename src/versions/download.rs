//! A file as the body of an answer.

use crate::{core::digest::Digest, versions::DeclaredFile};
use actix_web::{
    HttpResponse, HttpResponseBuilder,
    body::SizedStream,
    http::header::{self, ContentDisposition, DispositionParam, DispositionType},
    web::Bytes,
};
use futures_util::StreamExt;
use sha2::{Digest as _, Sha256};
use std::{io, time::Duration};
use tokio::{fs::File, time::Instant};
use tokio_util::io::ReaderStream;

/// Large enough that system calls don't count.
const CHUNK_BYTES: usize = 512 << 10;
/// A file that takes long is looked after so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Never rendered by a browser: octet-stream, attachment, sandboxed.
pub fn stream(bytes: File, file: &DeclaredFile) -> HttpResponse {
    let body = ReaderStream::with_capacity(bytes, CHUNK_BYTES);
    described(file).body(SizedStream::new(size(file), body))
}

/// The same, but the body breaks off when it may not go on, or is not what it should be.
///
/// `may_go_on` is asked before the last piece leaves, and before others when [`LOOK_EVERY`] has passed; a file
/// of one piece leaves at once. The last piece leaves only if all of them have the file's sha256.
pub fn stream_while<F>(bytes: File, file: &DeclaredFile, may_go_on: impl Fn() -> F + 'static) -> HttpResponse
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let state = Leaving {
        pieces: ReaderStream::with_capacity(bytes, CHUNK_BYTES),
        left: size(file),
        seen: Sha256::new(),
        sha256: file.sha256,
        looked: Instant::now(),
        is_first: true,
    };
    let body = futures_util::stream::unfold((Some(state), may_go_on), |(state, may_go_on)| async move {
        let mut state = state?;
        match state.next(&may_go_on).await? {
            Ok(piece) => Some((Ok(piece), (Some(state), may_go_on))),
            Err(error) => {
                tracing::warn!(%error, "a file broke off");
                Some((Err(error), (None, may_go_on)))
            }
        }
    });
    // Nobody polls two pieces at once.
    described(file).body(SizedStream::new(size(file), Box::pin(body)))
}

struct Leaving {
    pieces: ReaderStream<File>,
    left: u64,
    seen: Sha256,
    sha256: Digest,
    looked: Instant,
    is_first: bool,
}

impl Leaving {
    async fn next<F>(&mut self, may_go_on: impl Fn() -> F) -> Option<io::Result<Bytes>>
    where
        F: Future<Output = io::Result<()>>,
    {
        if self.left == 0 {
            return None;
        }
        let wrong = |what: &str| Some(Err(io::Error::new(io::ErrorKind::InvalidData, what.to_owned())));
        let piece = match self.pieces.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Some(Err(error)),
            None => return wrong("the file is shorter than its record says"),
        };
        let Some(left) = self.left.checked_sub(piece.len() as u64) else {
            return wrong("the file is longer than its record says");
        };
        self.left = left;
        self.seen.update(&piece);
        if left == 0 && Digest::finish(self.seen.clone()) != self.sha256 {
            return wrong("the file is not what was stored");
        }
        let is_only = std::mem::take(&mut self.is_first) && left == 0;
        if !is_only && (left == 0 || LOOK_EVERY <= self.looked.elapsed()) {
            if let Err(error) = may_go_on().await {
                return Some(Err(error));
            }
            self.looked = Instant::now();
        }
        Some(Ok(piece))
    }
}

/// The headers of a file.
pub fn described(file: &DeclaredFile) -> HttpResponseBuilder {
    let name = file.path.as_str().rsplit('/').next().unwrap_or("file").to_owned();
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(header::ContentType::octet_stream())
        .insert_header(disposition)
        .insert_header(("content-security-policy", "sandbox; default-src 'none'"))
        .insert_header((header::ETAG, format!("\"{}\"", file.sha256)));
    answer
}

fn size(file: &DeclaredFile) -> u64 {
    u64::try_from(file.size_bytes).unwrap_or(0)
}
