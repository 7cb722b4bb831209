//! A file as the body of an answer.

use crate::versions::DeclaredFile;
use actix_web::{
    HttpResponse,
    body::SizedStream,
    http::header::{self, ContentDisposition, DispositionParam, DispositionType},
};
use tokio::fs::File;
use tokio_util::io::ReaderStream;

/// Large enough that system calls don't count.
const CHUNK_BYTES: usize = 512 << 10;

/// Never rendered by a browser: octet-stream, attachment, sandboxed.
pub fn stream(bytes: File, file: &DeclaredFile) -> HttpResponse {
    let size = u64::try_from(file.size_bytes).unwrap_or(0);
    let name = file.path.as_str().rsplit('/').next().unwrap_or("file").to_owned();
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    HttpResponse::Ok()
        .content_type(header::ContentType::octet_stream())
        .insert_header(disposition)
        .insert_header(("content-security-policy", "sandbox; default-src 'none'"))
        .insert_header((header::ETAG, format!("\"{}\"", file.sha256)))
        .body(SizedStream::new(size, ReaderStream::with_capacity(bytes, CHUNK_BYTES)))
}
