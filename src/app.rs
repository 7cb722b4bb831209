//! What use-cases need. Built once, shared by every worker.

use crate::{
    accounts::{
        second_factor::{self, demand::Demand, key_file},
        single_sign_on::Providers,
        throttle::Throttle,
        workloads::Issuers,
    },
    audit::{
        asof::States,
        guard,
        kept_head::KeptHead,
        signer::Signer,
        witness::{Witness, objections::Objections},
    },
    blobs::BlobStore,
    config::{self, Config},
    core::{bytes::Bytes, clock::Clock, label::Label},
    crypto::seal::SealingKey,
    db,
    db::Db,
    error::{Error, InField},
    formats::Pickles,
    http::{peer::Network, rate::Buckets, uploads::Uploads},
    sandbox,
    versions::sessions::Joins,
};
use std::{sync::Arc, time::Duration};
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
    /// Who failed to prove who they are, how often and where.
    pub attempts: Throttle,
    /// Seals what authenticators share with the service.
    pub seal: SealingKey,
    /// Of whom a second factor is wanted.
    pub factor_demands: Vec<Demand>,
    /// Whom people may sign in with.
    pub providers: Providers,
    /// Whose workloads a workspace may trust.
    pub workload_issuers: Issuers,
    /// Proxies that are believed about whom they forward for.
    pub proxies: Vec<Network>,
    /// Whether those who pull have to show a certificate.
    pub pulls_need_certificate: bool,
    /// How often everybody asked lately.
    pub buckets: Buckets,
    /// Who is uploading.
    pub uploads: Uploads,
    /// Which files that came in pieces are put together now.
    pub joins: Joins,
    /// Password hashing takes tens of milliseconds and 19 MiB: a few at once, no more.
    pub hashing: Semaphore,
    /// The same for sign-ins from where nobody is known: however many of them there are, they keep nobody else waiting.
    pub strangers: Semaphore,
    /// Reading a table takes several times its size in memory: one at a time.
    pub tables: Semaphore,
    /// Replaying the log reads all of a workspace's and holds a connection meanwhile: two at a time,
    /// so that there are connections left for everybody else.
    pub replays: Semaphore,
    /// What the log tells of the dates that were asked for lately.
    pub states: States,
    /// A model's graph is read into some hundred megabytes at most: one at a time.
    pub graphs: Semaphore,
    /// What workers elsewhere hand in takes several times its size in memory: one at a time.
    pub answers: Semaphore,
    /// A version that is tried by hand takes a process with up to 1 GiB: two at a time.
    pub trials: Semaphore,
    /// Signalled when there may be a job to do.
    pub work: Arc<Notify>,
    pub limits: Limits,
    /// What this process's own workers can be chosen by.
    pub labels: Vec<Label>,
}

#[derive(Clone, Debug)]
pub struct Limits {
    pub max_file_bytes: u64,
    pub max_dataset_bytes: u64,
    /// What a workspace may keep that is made from now on; none: as much as there is room for.
    pub workspace_quota: Option<Bytes>,
    /// What becomes of pickles that only put weights together.
    pub pickles: Pickles,
    /// How long a body has before it has to come at the least rate.
    pub body_patience: Duration,
}

impl App {
    /// Opens storage, brings the schema up to date and makes what a first start lacks.
    pub async fn open(config: &Config, clock: Clock) -> Result<Self, Error> {
        config.storage.make_data().await.map_err(Error::internal)?;
        // Before anything is made: a service that trusts half of what it was told must not start.
        let providers = Providers::open(config.accounts.identity_providers.as_deref())?;
        let workload_issuers = Issuers::open(&config.accounts.workload_issuers).in_field("--workload-issuer")?;
        let url = config.storage.database_url().map_err(Error::internal)?;
        db::migrate(&url).await?;
        let db = Db::open(&url, clock).await?;
        let is_sealed = second_factor::ops::is_anything_sealed(&db).await?;
        let seal = key_file::open(config.accounts.sealing_key.as_deref(), &config.sealing_key_file(), is_sealed)?;
        let plan =
            config.blobs.plan(&config.storage.data).map_err(|error| Error::invalid("--blobs", error.to_string()))?;
        let blobs = BlobStore::open(plan).await.map_err(Error::internal)?;
        let signer = Signer::open(&config.storage.signing_key(), &config.storage.origin)?;
        let kept_head = KeptHead::beside(&config.storage.signing_key(), config.storage.log_head_file.clone());
        let app = Self {
            db,
            blobs,
            signer,
            kept_head,
            witnesses: config.storage.witnesses.clone(),
            objections: Objections::default(),
            sandbox: runner(&config.sandbox)?,
            attempts: Throttle::default(),
            seal,
            factor_demands: config.accounts.factor_demands.clone(),
            providers,
            workload_issuers,
            proxies: config.http.trusted_proxies.clone(),
            pulls_need_certificate: config.http.tls.tls_client_ca.is_some(),
            buckets: Buckets::new(config.http.requests_per_minute),
            uploads: Uploads::default(),
            joins: Joins::default(),
            hashing: Semaphore::new(2),
            strangers: Semaphore::new(2),
            tables: Semaphore::new(1),
            replays: Semaphore::new(2),
            states: States::default(),
            graphs: Semaphore::new(1),
            answers: Semaphore::new(1),
            trials: Semaphore::new(2),
            work: Arc::new(Notify::new()),
            limits: Limits {
                max_file_bytes: config.storage.max_file_bytes,
                max_dataset_bytes: config.storage.max_dataset_bytes,
                workspace_quota: config.storage.workspace_quota,
                pickles: match config.storage.accept_pickled_weights {
                    true => Pickles::Accepted,
                    false => Pickles::Refused,
                },
                body_patience: Duration::from_secs(config.http.body_seconds),
            },
            labels: config.sandbox.labels.clone(),
        };
        crate::workspaces::ops::ensure_default(&app).await?;
        crate::keys::ops::ensure_first(&app).await?;
        crate::blobs::ask_for_keys(&app).await?;
        crate::blobs::owner::claim(&app).await?;
        // Reading must go on, so this does not stop the start; readiness and the sequencer say it again.
        if let Err(refusal) = guard::check_now(&app).await {
            tracing::error!("the audit log is not extended: {refusal}");
        }
        Ok(app)
    }
}

/// What runs models, as the settings have it.
///
/// # Errors
/// When this program does not know where it is itself.
pub fn runner(config: &config::Sandbox) -> Result<sandbox::Runner, Error> {
    let limits = sandbox::Limits {
        memory_bytes: config.sandbox_memory_mib << 20,
        cpu_seconds: config.sandbox_seconds.saturating_mul(2),
        wall: config.wall(),
        ..sandbox::Limits::default()
    };
    let exe = match &config.sandbox_exe {
        Some(exe) => exe.clone(),
        None => std::env::current_exe().map_err(Error::internal)?,
    };
    if let Some(missing) = config.ort_lib.as_ref().filter(|file| !file.is_file()) {
        let detail = format!("there is no file {}; scripts/fetch-ort.sh fetches the library", missing.display());
        return Err(Error::invalid("--ort-lib", detail));
    }
    Ok(sandbox::Runner { exe, ort_lib: config.find_ort(), limits })
}
