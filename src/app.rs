//! What use-cases need. Built once, shared by every worker.

use crate::{
    audit::{
        guard,
        kept_head::KeptHead,
        signer::Signer,
        witness::{Witness, objections::Objections},
    },
    blobs::BlobStore,
    config::Config,
    core::clock::Clock,
    db,
    db::Db,
    error::Error,
    sandbox,
};
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore};

pub struct App {
    pub db: Db,
    pub blobs: BlobStore,
    pub signer: Signer,
    pub kept_head: KeptHead,
    /// Who is shown every signed head.
    pub witnesses: Vec<Witness>,
    /// What they say against the log in the database.
    pub objections: Objections,
    pub sandbox: sandbox::Runner,
    /// Password hashing takes tens of milliseconds and 19 MiB: a few at once, no more.
    pub hashing: Semaphore,
    /// Reading a table takes several times its size in memory: one at a time.
    pub tables: Semaphore,
    /// Replaying the log reads all of a workspace's and holds a connection meanwhile: two at a time,
    /// so that there are connections left for everybody else.
    pub replays: Semaphore,
    /// Signalled when there may be a job to do.
    pub work: Arc<Notify>,
    pub limits: Limits,
}

#[derive(Clone, Debug)]
pub struct Limits {
    pub max_file_bytes: u64,
    pub max_dataset_bytes: u64,
}

impl App {
    /// Opens storage, brings the schema up to date and makes what a first start lacks.
    pub async fn open(config: &Config, clock: Clock) -> Result<Self, Error> {
        tokio::fs::create_dir_all(&config.storage.data).await.map_err(Error::internal)?;
        let url = config.storage.database_url().map_err(Error::internal)?;
        db::migrate(&url).await?;
        let db = Db::open(&url, clock).await?;
        let blobs = BlobStore::open(config.storage.data.join("blobs")).await.map_err(Error::internal)?;
        let signer = Signer::open(&config.storage.signing_key(), &config.storage.origin)?;
        let kept_head = KeptHead::beside(&config.storage.signing_key(), config.storage.log_head_file.clone());
        let app = Self {
            db,
            blobs,
            signer,
            kept_head,
            witnesses: config.storage.witnesses.clone(),
            objections: Objections::default(),
            sandbox: runner(config)?,
            hashing: Semaphore::new(2),
            tables: Semaphore::new(1),
            replays: Semaphore::new(2),
            work: Arc::new(Notify::new()),
            limits: Limits {
                max_file_bytes: config.storage.max_file_bytes,
                max_dataset_bytes: config.storage.max_dataset_bytes,
            },
        };
        crate::workspaces::ops::ensure_default(&app).await?;
        crate::keys::ops::ensure_first(&app).await?;
        // Reading must go on, so this does not stop the start; readiness and the sequencer say it again.
        if let Err(refusal) = guard::check_now(&app).await {
            tracing::error!("the audit log is not extended: {refusal}");
        }
        Ok(app)
    }
}

fn runner(config: &Config) -> Result<sandbox::Runner, Error> {
    let limits = sandbox::Limits {
        memory_bytes: config.sandbox.sandbox_memory_mib << 20,
        cpu_seconds: config.sandbox.sandbox_seconds.saturating_mul(2),
        wall: config.sandbox.wall(),
        ..sandbox::Limits::default()
    };
    let exe = match &config.sandbox.sandbox_exe {
        Some(exe) => exe.clone(),
        None => std::env::current_exe().map_err(Error::internal)?,
    };
    Ok(sandbox::Runner { exe, ort_lib: config.sandbox.find_ort(), limits })
}
