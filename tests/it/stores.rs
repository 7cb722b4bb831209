//! Where tests keep bytes: in the data folder, or in a bucket when `TEST_S3` holds a server's address (scripts/s3.sh).

use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, aws::AmazonS3Builder, path::Path as Key};
use std::path::{Path, PathBuf};

const BUCKET: &str = "plimsoll";
/// Beside the copies: whose they are.
const NOTE: &str = "registry";

pub struct S3 {
    endpoint: String,
    id: String,
    secret: String,
    /// Of one service's objects.
    prefix: String,
}

/// Each service has its own prefix, and the same one again after a restart.
pub fn s3(data: &Path) -> Option<S3> {
    #[expect(clippy::disallowed_methods, reason = "the tests' script says where the server is")]
    let told = |name: &str| std::env::var(name).ok();
    let folder = data.file_name().expect("a name").to_string_lossy();
    Some(S3 {
        endpoint: told("TEST_S3")?,
        id: told("TEST_S3_ACCESS_KEY_ID")?,
        secret: told("TEST_S3_SECRET_ACCESS_KEY")?,
        prefix: folder.trim_matches('.').to_owned(),
    })
}

impl S3 {
    /// What `plimsoll serve` is told of it.
    pub fn arguments(&self, data: &Path) -> Vec<String> {
        let file = data.join("s3-secret");
        std::fs::write(&file, &self.secret).expect("the secret");
        let place = self.place();
        let file = file.display().to_string();
        [
            "--blobs",
            &place,
            "--s3-endpoint",
            &self.endpoint,
            "--s3-access-key-id",
            &self.id,
            "--s3-secret-access-key-file",
            &file,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// The same for a program of its own.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("PLIMSOLL_BLOBS", self.place()),
            ("PLIMSOLL_S3_ENDPOINT", self.endpoint.clone()),
            ("PLIMSOLL_S3_ACCESS_KEY_ID", self.id.clone()),
            ("PLIMSOLL_S3_SECRET_ACCESS_KEY", self.secret.clone()),
        ]
    }

    fn place(&self) -> String {
        format!("s3://{BUCKET}/{}", self.prefix)
    }

    fn store(&self) -> impl ObjectStore + use<> {
        AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_region("us-east-1")
            .with_endpoint(&self.endpoint)
            .with_allow_http(true)
            .with_access_key_id(&self.id)
            .with_secret_access_key(&self.secret)
            .build()
            .expect("a store")
    }

    async fn copies(&self) -> Vec<Key> {
        let under = Key::parse(format!("{}/sha256", self.prefix)).expect("a key");
        let objects: Vec<_> = self.store().list(Some(&under)).try_collect().await.expect("a list");
        objects.into_iter().map(|object| object.location).filter(|key| key.filename() != Some(NOTE)).collect()
    }
}

/// How many copies are kept.
pub async fn count(data: &Path) -> usize {
    match s3(data) {
        Some(s3) => s3.copies().await.len(),
        None => files(&data.join("blobs/sha256")).len(),
    }
}

/// Changes one bit of the only copy of some bytes, behind the service's back.
pub async fn rot(data: &Path, sha256: &str, at: usize) {
    let hex = sha256.trim_start_matches("sha256:");
    let Some(s3) = s3(data) else {
        let path = files(&data.join("blobs/sha256")).into_iter().find(|path| path.display().to_string().contains(hex));
        let path = path.expect("a copy");
        let mut bytes = std::fs::read(&path).expect("read");
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).expect("write");
        return;
    };
    let key = s3.copies().await.into_iter().find(|key| key.as_ref().contains(hex)).expect("a copy");
    let mut bytes = s3.store().get(&key).await.expect("get").bytes().await.expect("bytes").to_vec();
    bytes[at] ^= 1;
    s3.store().put(&key, bytes.into()).await.expect("put");
}

/// All but the note.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("entry").path());
    let entries = entries.filter(|path| path.file_name().is_some_and(|name| name != NOTE));
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
