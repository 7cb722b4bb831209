//! Copies as objects of an S3-compatible service.
//!
//! Nothing here depends on conditional writes, which some services ignore: a place is written once, and which copy
//! counts is a row of the database. An object is there whole or not at all, for parts show only once they are complete.

use crate::blobs::{Place, owner::NOTE};
use actix_web::web::Bytes;
use futures_util::TryStreamExt;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart,
    aws::AmazonS3Builder, path::Path as Key,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{fs::File, io::AsyncReadExt};

/// What is sent at once. Some services want all parts but the last to have the same size.
const PART_BYTES: u64 = 8 << 20;
/// So many parts an object may have is 10,000; a few are left.
const MOST_PARTS: u64 = 9_000;
/// Parts on their way at once: an upload holds so many, and one more, in memory.
const AT_ONCE: usize = 2;

#[derive(Clone)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
}

/// How a bucket is reached.
pub struct BucketSettings<'a> {
    pub bucket: &'a str,
    pub prefix: &'a str,
    /// None for Amazon's own in the region.
    pub endpoint: Option<&'a str>,
    pub region: &'a str,
    pub access_key_id: &'a str,
    pub secret_access_key: &'a str,
    /// Authorities to believe besides the machine's own, as PEM.
    pub authorities: Option<&'a str>,
}

impl Bucket {
    /// Asks nothing of the service yet.
    ///
    /// # Errors
    /// When an address or a certificate is none.
    pub fn open(settings: BucketSettings<'_>) -> io::Result<Self> {
        // A service that does not answer keeps whoever asks waiting for so long, and then they are told.
        let mut client =
            ClientOptions::new().with_connect_timeout(Duration::from_secs(5)).with_timeout(Duration::from_secs(60));
        for certificate in settings
            .authorities
            .map(|pem| Certificate::from_pem_bundle(pem.as_bytes()))
            .transpose()?
            .unwrap_or_default()
        {
            client = client.with_root_certificate(certificate);
        }
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(3), ..BackoffConfig::default() },
            max_retries: 4,
            retry_timeout: Duration::from_secs(30),
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(settings.bucket)
            .with_region(settings.region)
            .with_access_key_id(settings.access_key_id)
            .with_secret_access_key(settings.secret_access_key)
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = settings.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let prefix = Key::parse(settings.prefix).map_err(io::Error::other)?;
        Ok(Self { store: Arc::new(builder.build()?), prefix })
    }

    /// Sends a file that is whole to its place for good.
    pub(super) async fn put(&self, mut file: File, size_bytes: u64, place: Place) -> io::Result<()> {
        let (key, part) = (self.key(place), part_bytes(size_bytes)?);
        if size_bytes <= PART_BYTES {
            let bytes = next(&mut file, part).await?;
            self.store.put(&key, bytes.into()).await.map_err(told)?;
            return Ok(());
        }
        let upload = self.store.put_multipart(&key).await.map_err(told)?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, part);
        loop {
            let sent = match parts.wait_for_capacity(AT_ONCE).await {
                Ok(()) => next(&mut file, part).await,
                Err(error) => Err(told(error)),
            };
            match sent {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => parts.put(bytes),
                Err(error) => {
                    // What stays if this fails too is what the bucket's lifecycle rule is for.
                    let _ = parts.abort().await;
                    return Err(error);
                }
            }
        }
        parts.finish().await.map_err(told)?;
        Ok(())
    }

    pub(super) async fn size(&self, place: Place) -> io::Result<u64> {
        Ok(self.store.head(&self.key(place)).await.map_err(told)?.size)
    }

    /// So many bytes from there on; they must be within.
    pub(super) async fn range(&self, place: Place, from: u64, count: u64) -> io::Result<Bytes> {
        if count == 0 {
            return Ok(Bytes::new());
        }
        self.store.get_range(&self.key(place), from..from + count).await.map_err(told)
    }

    /// Takes a copy away; one that is gone already is no error.
    pub(super) async fn remove(&self, place: Place) -> io::Result<()> {
        match self.store.delete(&self.key(place)).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            done => done.map_err(told),
        }
    }

    /// Every copy that was last written before then. What has another name than a copy is left alone.
    pub(super) async fn older_than(&self, before: std::time::SystemTime) -> io::Result<Vec<Place>> {
        let before = chrono::DateTime::<chrono::Utc>::from(before);
        let kept = self.prefix.clone().join("sha256");
        let mut objects = self.store.list(Some(&kept));
        let mut found = Vec::new();
        while let Some(object) = objects.try_next().await.map_err(told)? {
            if object.last_modified < before {
                // Only under the name that this store would give it.
                let place = object.location.filename().and_then(Place::named);
                found.extend(place.filter(|place| self.key(*place) == object.location));
            }
        }
        Ok(found)
    }

    /// Writes a few bytes: what readiness must know.
    pub(super) async fn probe(&self) -> io::Result<()> {
        self.store.put(&self.prefix.clone().join("probe"), Bytes::from_static(b"probe").into()).await.map_err(told)?;
        Ok(())
    }

    pub(super) fn note(&self) -> Key {
        self.prefix.clone().join("sha256").join(NOTE)
    }

    pub(super) async fn read_note(&self) -> io::Result<String> {
        let bytes = self.store.get(&self.note()).await.map_err(told)?.bytes().await.map_err(told)?;
        String::from_utf8(bytes.to_vec()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    pub(super) async fn write_note(&self, note: &str) -> io::Result<()> {
        self.store.put(&self.note(), Bytes::copy_from_slice(note.as_bytes()).into()).await.map_err(told)?;
        Ok(())
    }

    fn key(&self, place: Place) -> Key {
        place.folders().into_iter().fold(self.prefix.clone().join("sha256"), Key::join).join(place.name())
    }
}

/// The kinds tell what is to be done: [`ops::storage`](super::ops::storage).
fn told(error: object_store::Error) -> io::Error {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    let kind = match error {
        NotFound { .. } => io::ErrorKind::NotFound,
        PermissionDenied { .. } | Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        _ => io::ErrorKind::NetworkDown,
    };
    io::Error::new(kind, error)
}

/// The size of all parts but the last.
fn part_bytes(size_bytes: u64) -> io::Result<usize> {
    let least = size_bytes.div_ceil(MOST_PARTS).next_multiple_of(1 << 20);
    usize::try_from(least.max(PART_BYTES)).map_err(io::Error::other)
}

/// The next so many bytes; fewer at the end.
async fn next(file: &mut File, count: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(count);
    let limit = u64::try_from(count).map_err(io::Error::other)?;
    file.take(limit).read_to_end(&mut bytes).await?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_never_has_more_parts_than_it_may() {
        for size in [0, PART_BYTES, 10 << 30, 100 << 30, 4 << 40] {
            let part = u64::try_from(part_bytes(size).expect("size")).expect("size");
            assert!(PART_BYTES <= part && size.div_ceil(part) <= 10_000, "{size}");
        }
    }
}
