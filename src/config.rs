//! The only reader of the environment: one struct per concern, flattened.
//!
//! Zero configuration works: SQLite and blobs in `./plimsoll-data`, loopback only.

mod accounts;
mod blobs;
mod ci;
mod encryption;
mod mask;

pub use accounts::{Accounts, secret_variable};
pub use blobs::Blobs;
pub use ci::variables as ci_variables;

use crate::{
    accounts::single_sign_on::settings::described,
    audit::witness::Witness,
    core::{bytes::Bytes, clock::Clock, label::Label},
    http::peer::Network,
};
use clap::Args;
use mask::mask;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Everything that `serve` and `worker` need to know.
#[derive(Args, Clone, Debug)]
pub struct Config {
    #[command(flatten)]
    pub storage: Storage,
    #[command(flatten)]
    pub blobs: Blobs,
    #[command(flatten)]
    pub http: Http,
    #[command(flatten)]
    pub accounts: Accounts,
    #[command(flatten)]
    pub sandbox: Sandbox,
    #[command(flatten)]
    pub log: Log,
    /// How far the service's clock is ahead of the machine's, in seconds. Programs that are released have no such flag.
    #[cfg(debug_assertions)]
    #[arg(long, hide = true, default_value_t = 0, value_name = "SECONDS")]
    pub clock_ahead_seconds: i64,
}

impl Config {
    pub fn sealing_key_file(&self) -> PathBuf {
        self.accounts.sealing_key_file.clone().unwrap_or_else(|| self.storage.data.join("keys/sealing.key"))
    }

    pub fn clock(&self) -> Clock {
        #[cfg(debug_assertions)]
        if self.clock_ahead_seconds != 0 {
            return Clock::Ahead(chrono::TimeDelta::seconds(self.clock_ahead_seconds));
        }
        Clock::System
    }
}

#[derive(Args, Clone, Debug)]
pub struct Storage {
    /// Folder for keys and, by default, blobs and the database.
    #[arg(long, env = "PLIMSOLL_DATA", default_value = "plimsoll-data", value_name = "DIR")]
    pub data: PathBuf,
    /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST:PORT/NAME` [default: SQLite in the data folder].
    #[arg(long, env = "PLIMSOLL_DB_URL", value_name = "URL", hide_env_values = true)]
    pub db_url: Option<String>,
    /// A file that holds the database URL, for secrets that must not be in the environment.
    #[arg(long, env = "PLIMSOLL_DB_URL_FILE", value_name = "FILE", conflicts_with = "db_url")]
    pub db_url_file: Option<PathBuf>,
    /// The registry's Ed25519 signing key (PKCS#8 PEM); made at first start [default: in the data folder].
    #[arg(long, env = "PLIMSOLL_SIGNING_KEY_FILE", value_name = "FILE")]
    pub signing_key_file: Option<PathBuf>,
    /// One more file for the audit log's last signed head, on another disk than the database [default: only beside
    /// the signing key].
    #[arg(long, env = "PLIMSOLL_LOG_HEAD_FILE", value_name = "FILE")]
    pub log_head_file: Option<PathBuf>,
    /// A witness of the audit log: its verifier key, a space, and its address. May be given several times.
    #[arg(long = "witness", env = "PLIMSOLL_WITNESS", value_delimiter = ',', value_name = "VKEY URL")]
    pub witnesses: Vec<Witness>,
    /// The name of this registry in its audit log and statements; never changes afterwards.
    #[arg(long, env = "PLIMSOLL_ORIGIN", default_value = "plimsoll.example/log", value_name = "NAME")]
    pub origin: String,
    /// The largest file that may be pushed, in bytes.
    #[arg(long, env = "PLIMSOLL_MAX_FILE_BYTES", default_value_t = 10 << 30, value_name = "BYTES")]
    pub max_file_bytes: u64,
    /// The largest evaluation dataset, in bytes.
    #[arg(long, env = "PLIMSOLL_MAX_DATASET_BYTES", default_value_t = 256 << 20, value_name = "BYTES")]
    pub max_dataset_bytes: u64,
    /// How much a workspace may keep that is made from now on, such as `500GiB`; plimsoll admin quota changes it [default: as
    /// much as there is room for].
    #[arg(long, env = "PLIMSOLL_WORKSPACE_QUOTA", value_name = "BYTES")]
    pub workspace_quota: Option<Bytes>,
    /// Seal versions with pickles that do nothing but put weights together; without it no pickle is sealed.
    #[arg(long, env = "PLIMSOLL_ACCEPT_PICKLED_WEIGHTS")]
    pub accept_pickled_weights: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Http {
    /// Address and port to listen on.
    #[arg(long, env = "PLIMSOLL_LISTEN", default_value = "127.0.0.1:8250", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub tls: Tls,
    /// HTTP worker threads [default: one per core, at least 2].
    #[arg(long, env = "PLIMSOLL_HTTP_WORKERS", value_name = "N")]
    pub http_workers: Option<usize>,
    /// A proxy that is believed about whom it forwards for (`X-Forwarded-For`): an address or a network such as
    /// `10.0.0.0/8`. May be given several times.
    #[arg(long = "trusted-proxy", env = "PLIMSOLL_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxies: Vec<Network>,
    /// How often one credential may ask in a minute; a fifth of that may change something, and an address has five
    /// times as much. 0 counts nothing.
    #[arg(long, env = "PLIMSOLL_REQUESTS_PER_MINUTE", default_value_t = 12_000, value_name = "N")]
    pub requests_per_minute: u32,
    /// Seconds that the body of a request has before it has to come at 8 KiB a second.
    #[arg(long, env = "PLIMSOLL_BODY_SECONDS", default_value_t = 20, value_name = "SECONDS")]
    pub body_seconds: u64,
    /// Seconds to go on serving after a stop signal, while load balancers notice.
    #[arg(long, env = "PLIMSOLL_DRAIN_SECONDS", default_value_t = 0, value_name = "SECONDS")]
    pub drain_seconds: u64,
}

#[derive(Args, Clone, Debug, Default)]
pub struct Tls {
    /// The certificate that this service shows, with those up to its authority (PEM). It is read again when the file
    /// changes.
    #[arg(long, env = "PLIMSOLL_TLS_CERT_FILE", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, env = "PLIMSOLL_TLS_KEY_FILE", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Authorities of those who pull (PEM): without a certificate of theirs nobody pulls, whatever token they have.
    #[arg(long, env = "PLIMSOLL_TLS_CLIENT_CA_FILE", value_name = "FILE", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,
    /// Without a certificate, speak plain HTTP beyond this machine: only where a proxy in front ends TLS.
    #[arg(long, env = "PLIMSOLL_ALLOW_PLAIN_HTTP")]
    pub allow_plain_http: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Sandbox {
    /// The ONNX Runtime library [default: next to the program in `lib/`, or in `.cache/onnxruntime`].
    #[arg(long, env = "PLIMSOLL_ORT_LIB", value_name = "FILE")]
    pub ort_lib: Option<PathBuf>,
    /// Address space that a model's process may use beyond the model itself, in MiB.
    #[arg(long, env = "PLIMSOLL_SANDBOX_MEMORY_MIB", default_value_t = 2048, value_name = "MIB")]
    pub sandbox_memory_mib: u64,
    /// Wall-clock seconds that one validation run may take.
    #[arg(long, env = "PLIMSOLL_SANDBOX_SECONDS", default_value_t = 300, value_name = "SECONDS")]
    pub sandbox_seconds: u64,
    /// The program to start as the sandbox [default: this one].
    #[arg(long, hide = true, value_name = "FILE")]
    pub sandbox_exe: Option<PathBuf>,
    /// Validation runs at once in this process; 0 leaves them to `plimsoll worker`.
    #[arg(long, env = "PLIMSOLL_WORKERS", default_value_t = 1, value_name = "N")]
    pub workers: usize,
    /// What this machine is, such as `hardware=edge-cam`: runs that ask for a label go to workers that have it. May be
    /// given several times.
    #[arg(long = "label", env = "PLIMSOLL_LABELS", value_delimiter = ',', value_name = "KEY=VALUE")]
    pub labels: Vec<Label>,
}

/// The sandbox of a command that measures on the spot.
#[derive(Args, Clone, Debug)]
pub struct LocalSandbox {
    /// The ONNX Runtime library [default: next to the program in `lib/`, or in `.cache/onnxruntime`].
    #[arg(long, env = "PLIMSOLL_ORT_LIB", value_name = "FILE", help_heading = "Sandbox")]
    ort_lib: Option<PathBuf>,
    /// Address space that the model's process may use beyond the model itself, in MiB.
    #[arg(
        long,
        env = "PLIMSOLL_SANDBOX_MEMORY_MIB",
        default_value_t = 2048,
        value_name = "MIB",
        help_heading = "Sandbox"
    )]
    sandbox_memory_mib: u64,
    /// Wall-clock seconds that the measurement may take.
    #[arg(
        long,
        env = "PLIMSOLL_SANDBOX_SECONDS",
        default_value_t = 300,
        value_name = "SECONDS",
        help_heading = "Sandbox"
    )]
    sandbox_seconds: u64,
}

impl From<LocalSandbox> for Sandbox {
    fn from(local: LocalSandbox) -> Self {
        Self {
            ort_lib: local.ort_lib,
            sandbox_memory_mib: local.sandbox_memory_mib,
            sandbox_seconds: local.sandbox_seconds,
            sandbox_exe: None,
            workers: 1,
            labels: Vec::new(),
        }
    }
}

#[derive(Args, Clone, Debug)]
pub struct Log {
    /// Which lines are logged, such as `info` or `plimsoll=debug,info`.
    #[arg(long, env = "PLIMSOLL_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// One JSON object per line instead of text for people.
    #[arg(long, env = "PLIMSOLL_LOG_JSON")]
    pub log_json: bool,
}

impl Storage {
    /// # Errors
    /// When the file named by `--db-url-file` cannot be read.
    pub fn database_url(&self) -> std::io::Result<String> {
        if let Some(url) = &self.db_url {
            return Ok(url.clone());
        }
        if let Some(file) = &self.db_url_file {
            return Ok(std::fs::read_to_string(file)?.trim().to_owned());
        }
        Ok(format!("sqlite://{}", self.data.join("plimsoll.db").display()))
    }

    /// Makes the data folder, for its owner alone. One that is there stays as it is.
    pub async fn make_data(&self) -> std::io::Result<()> {
        tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data).await
    }

    pub fn signing_key(&self) -> PathBuf {
        self.signing_key_file.clone().unwrap_or_else(|| self.data.join("keys/registry.pem"))
    }
}

impl Sandbox {
    pub fn wall(&self) -> Duration {
        Duration::from_secs(self.sandbox_seconds)
    }

    /// The first place where the library is; `None` when it is nowhere.
    pub fn find_ort(&self) -> Option<PathBuf> {
        if let Some(named) = &self.ort_lib {
            return Some(named.clone());
        }
        let beside = std::env::current_exe().ok()?.parent()?.join("lib");
        [beside, PathBuf::from(".cache/onnxruntime")].iter().find_map(|dir| library_in(dir))
    }
}

fn library_in(dir: &Path) -> Option<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(dir)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            name.starts_with("libonnxruntime.") && (name.contains(".so") || name.ends_with(".dylib"))
        })
        .collect();
    found.sort();
    found.pop()?.canonicalize().ok()
}

/// The effective values, with secrets masked: what `plimsoll config` prints.
pub fn effective(config: &Config) -> Vec<(&'static str, String)> {
    let path = |p: Option<PathBuf>| p.map_or_else(|| "not found".to_owned(), |p| p.display().to_string());
    let named = |p: Option<&PathBuf>| p.map_or_else(String::new, |p| p.display().to_string());
    let values = vec![
        ("PLIMSOLL_DATA", config.storage.data.display().to_string()),
        ("PLIMSOLL_DB_URL", config.storage.database_url().map_or_else(|e| e.to_string(), |url| mask(&url))),
        ("PLIMSOLL_SIGNING_KEY_FILE", config.storage.signing_key().display().to_string()),
        (
            "PLIMSOLL_LOG_HEAD_FILE",
            config.storage.log_head_file.as_ref().map_or_else(String::new, |p| p.display().to_string()),
        ),
        ("PLIMSOLL_WITNESS", config.storage.witnesses.iter().map(|w| w.key.label()).collect::<Vec<_>>().join(", ")),
        ("PLIMSOLL_ORIGIN", config.storage.origin.clone()),
        ("PLIMSOLL_MAX_FILE_BYTES", config.storage.max_file_bytes.to_string()),
        ("PLIMSOLL_MAX_DATASET_BYTES", config.storage.max_dataset_bytes.to_string()),
        (
            "PLIMSOLL_WORKSPACE_QUOTA",
            config.storage.workspace_quota.map_or_else(String::new, |bytes| bytes.to_string()),
        ),
        ("PLIMSOLL_ACCEPT_PICKLED_WEIGHTS", config.storage.accept_pickled_weights.to_string()),
        ("PLIMSOLL_LISTEN", config.http.listen.to_string()),
        ("PLIMSOLL_TLS_CERT_FILE", named(config.http.tls.tls_cert.as_ref())),
        ("PLIMSOLL_TLS_KEY_FILE", named(config.http.tls.tls_key.as_ref())),
        ("PLIMSOLL_TLS_CLIENT_CA_FILE", named(config.http.tls.tls_client_ca.as_ref())),
        ("PLIMSOLL_ALLOW_PLAIN_HTTP", config.http.tls.allow_plain_http.to_string()),
        ("PLIMSOLL_HTTP_WORKERS", config.http.workers().to_string()),
        ("PLIMSOLL_DRAIN_SECONDS", config.http.drain_seconds.to_string()),
        ("PLIMSOLL_REQUESTS_PER_MINUTE", config.http.requests_per_minute.to_string()),
        ("PLIMSOLL_BODY_SECONDS", config.http.body_seconds.to_string()),
        (
            "PLIMSOLL_TRUSTED_PROXIES",
            config.http.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        ),
        (
            "PLIMSOLL_REQUIRE_SECOND_FACTOR",
            config.accounts.factor_demands.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        ),
        ("PLIMSOLL_SEALING_KEY_FILE", config.sealing_key_file().display().to_string()),
        ("PLIMSOLL_SEALING_KEY", config.accounts.sealing_key.as_ref().map_or_else(String::new, |_| "***".to_owned())),
        ("PLIMSOLL_WORKLOAD_ISSUERS", config.accounts.workload_issuers.join(", ")),
        ("PLIMSOLL_IDENTITY_PROVIDERS", described(config.accounts.identity_providers.as_deref())),
        ("PLIMSOLL_ORT_LIB", path(config.sandbox.find_ort())),
        ("PLIMSOLL_SANDBOX_MEMORY_MIB", config.sandbox.sandbox_memory_mib.to_string()),
        ("PLIMSOLL_SANDBOX_SECONDS", config.sandbox.sandbox_seconds.to_string()),
        ("PLIMSOLL_WORKERS", config.sandbox.workers.to_string()),
        ("PLIMSOLL_LABELS", config.sandbox.labels.iter().map(|label| label.as_str()).collect::<Vec<_>>().join(", ")),
        ("PLIMSOLL_LOG", config.log.log.clone()),
        ("PLIMSOLL_LOG_JSON", config.log.log_json.to_string()),
    ];
    [values, config.blobs.effective()].concat()
}

impl Tls {
    /// Whether what is said to this service can be read on the way.
    pub fn is_open(&self, listen: SocketAddr) -> bool {
        self.tls_cert.is_none() && !listen.ip().is_loopback()
    }
}

impl Http {
    pub fn workers(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        self.http_workers.unwrap_or(cores).max(2)
    }
}

/// Where the client keeps its profiles, and what it takes from the environment.
#[derive(Args, Clone, Debug)]
pub struct Client {
    /// The service's address [default: that of the stored sign-in].
    #[arg(long, env = "PLIMSOLL_URL", value_name = "URL", help_heading = "Connection")]
    pub url: Option<String>,
    /// A file that holds the token to use instead of the stored sign-in.
    #[arg(long, env = "PLIMSOLL_TOKEN_FILE", value_name = "FILE", help_heading = "Connection")]
    pub token_file: Option<PathBuf>,
    /// The token itself, from the environment only: arguments are visible to everyone.
    #[arg(skip = token_of_environment())]
    pub token: Option<String>,
    /// Which stored sign-in to use.
    #[arg(
        long = "as",
        env = "PLIMSOLL_PROFILE",
        default_value = "default",
        value_name = "NAME",
        help_heading = "Connection"
    )]
    pub profile: String,
    /// Folder of the stored sign-ins and keys [default: `~/.config/plimsoll`].
    #[arg(long, env = "PLIMSOLL_CONFIG_DIR", value_name = "DIR", help_heading = "Connection")]
    pub config_dir: Option<PathBuf>,
    #[command(flatten)]
    pub trust: Trust,
}

/// Whom a client believes to be the service, and what it shows of itself.
#[derive(Args, Clone, Debug, Default)]
pub struct Trust {
    /// Authorities to believe besides the machine's own (PEM), for a service with a certificate of a private one.
    #[arg(long, env = "PLIMSOLL_CA_FILE", value_name = "FILE", help_heading = "Connection")]
    pub ca_file: Option<PathBuf>,
    /// This machine's certificate and its key, one after the other (PEM), where the service asks for one.
    #[arg(long, env = "PLIMSOLL_CLIENT_CERT_FILE", value_name = "FILE", help_heading = "Connection")]
    pub client_cert: Option<PathBuf>,
}

#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
fn token_of_environment() -> Option<String> {
    std::env::var("PLIMSOLL_TOKEN").ok().filter(|token| !token.is_empty())
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
    pub fn config_folder(&self) -> PathBuf {
        let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
        self.config_dir
            .clone()
            .or_else(|| home("XDG_CONFIG_HOME").map(|dir| dir.join("plimsoll")))
            .or_else(|| home("HOME").map(|dir| dir.join(".config/plimsoll")))
            .unwrap_or_else(|| PathBuf::from(".plimsoll"))
    }
}
