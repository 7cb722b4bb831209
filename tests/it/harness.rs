//! A running server on a random port, with its own database, blobs and clock.

use crate::{databases, stores};
use actix_web::web::Data;
use chrono::{TimeZone, Utc};
use clap::Parser;
use plimsoll::{
    accounts::{self, NewAccount},
    app::App,
    authz::{Limits, Principal},
    config::Config,
    core::{clock::Clock, digest::Digest, text::Line},
    http::server,
    jobs::worker,
    workspaces,
};
use serde_json::Value;
use std::{net::TcpListener, path::PathBuf, sync::Arc, time::Duration};

pub struct TestApp {
    pub app: Arc<App>,
    pub url: String,
    http: reqwest::Client,
    data: Arc<tempfile::TempDir>,
    /// The URL, if it is not SQLite in the data folder.
    database: Option<String>,
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further arguments of `plimsoll serve`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let data = Arc::new(tempfile::tempdir().expect("folder"));
        let database = databases::migrated(data.path()).await;
        Self::start_on(data, database, arguments).await
    }

    /// As a role of PostgreSQL that owns nothing, with the owner's URL; `None` with SQLite.
    pub async fn start_without_ownership() -> Option<(Self, String)> {
        use sea_orm::ConnectionTrait;
        let data = Arc::new(tempfile::tempdir().expect("folder"));
        let owner = databases::migrated(data.path()).await?;
        let role = format!("{}_app", owner.rsplit('/').next().expect("a name"));
        let db = sea_orm::Database::connect(&owner).await.expect("owner");
        db.execute_unprepared(&format!("CREATE ROLE {role} LOGIN")).await.expect("role");
        plimsoll::db::grants::apply(&owner, &role).await.expect("granted");
        let url = owner.replacen("plimsoll@", &format!("{role}@"), 1);
        Some((Self::start_on(data, Some(url), &[]).await, owner))
    }

    /// Where the database is, if it is not SQLite in the data folder.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Another service over the same data folder and database, as after a restart.
    pub async fn again(&self, arguments: &[&str]) -> Self {
        Self::start_on(self.data.clone(), self.database.clone(), arguments).await
    }

    async fn start_on(data: Arc<tempfile::TempDir>, database: Option<String>, arguments: &[&str]) -> Self {
        // What `cli::main` does in the real program, which `log_witness` starts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = data.path().display().to_string();
        let mut all = vec!["plimsoll", "--data", &folder, "--sandbox-exe", env!("CARGO_BIN_EXE_plimsoll")];
        // Workspaces may trust it; nobody is there to be asked.
        all.extend(["--workload-issuer", "https://ci.example"]);
        if let Some(url) = &database {
            all.extend(["--db-url", url]);
        }
        let ort = ort_library().map(|path| path.display().to_string());
        if let Some(ort) = ort.as_ref().filter(|_| !arguments.contains(&"--ort-lib")) {
            all.extend(["--ort-lib", ort]);
        }
        let bucket = stores::s3(data.path()).map(|s3| s3.arguments(data.path())).unwrap_or_default();
        if !arguments.contains(&"--blobs") {
            all.extend(bucket.iter().map(String::as_str));
        }
        all.extend(arguments);
        let config = Cli::parse_from(all).config;
        let at = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).single().expect("valid");
        let app = Arc::new(App::open(&config, Clock::manual(at)).await.expect("open"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}", listener.local_addr().expect("addr"));
        actix_web::rt::spawn(server::run(listener, Data::from(app.clone()), 2, None).expect("run"));
        // The service closes what is idle for five seconds; a request must not meet that.
        let http = reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(2));
        let http = http.redirect(reqwest::redirect::Policy::none()).build().expect("client");
        Self { app, url, http, data, database }
    }

    /// A token of a new user with these roles; names must be unique within a test.
    pub async fn user(&self, name: &str, roles: &[&str]) -> String {
        self.account(name, "user", roles, Some("a password of some length")).await
    }

    /// A token of a new service account with these roles.
    pub async fn robot(&self, name: &str, roles: &[&str]) -> String {
        self.account(name, "service", roles, None).await
    }

    async fn account(&self, name: &str, kind: &str, roles: &[&str], password: Option<&str>) -> String {
        let console = self.console().await;
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let new = NewAccount::parse(name, "", kind, &roles, password).expect("account");
        accounts::ops::create(&self.app, &console, new).await.expect("create");
        let purpose = Line::parse("test").expect("line");
        accounts::ops::create_token(&self.app, &console, Some(name), purpose, 365, Limits::default())
            .await
            .expect("token")
            .secret
    }

    /// Runs the program on this service's machine, over the same data.
    pub async fn program(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(arguments).arg("--data").arg(self.data());
        command.args(self.database.iter().flat_map(|url| ["--db-url", url]));
        command.envs(stores::s3(self.data()).iter().flat_map(stores::S3::variables));
        command.output().await.expect("the program")
    }

    /// The folder of blobs, keys and, with SQLite, the database.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Where the only copy of these bytes is.
    pub fn blob(&self, bytes: &[u8]) -> std::path::PathBuf {
        let hex = Digest::of(bytes).hex();
        let folder = self.data().join("blobs/sha256").join(&hex[..2]).join(&hex[2..4]);
        let of_it =
            |path: &std::path::PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&hex));
        let entries = std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path());
        let copies: Vec<_> = entries.filter(of_it).collect();
        assert_eq!(copies.len(), 1, "{copies:?}");
        copies[0].clone()
    }

    pub async fn console(&self) -> Principal {
        let workspace = workspaces::ops::ensure_default(&self.app).await.expect("workspace");
        accounts::ops::console(workspace)
    }

    /// Does every job that is due.
    pub async fn work(&self) {
        worker::run_until_empty(&self.app).await.expect("work");
    }

    pub fn request(&self, token: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("method");
        let request = self.http.request(method, format!("{}{path}", self.url));
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }

    pub async fn get(&self, token: &str, path: &str) -> Reply {
        reply(self.request(token, "GET", path)).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Reply {
        reply(self.request(token, "POST", path).json(&body)).await
    }

    /// With the ETag that was last seen.
    pub async fn put(&self, token: &str, path: &str, etag: &str, body: Value) -> Reply {
        reply(self.request(token, "PUT", path).header("if-match", etag).json(&body)).await
    }

    /// The number of events in the log, refusals too.
    pub async fn events(&self) -> usize {
        use sea_orm::{EntityTrait, PaginatorTrait};
        let db = self.app.db.raw_for_tests();
        let count = plimsoll::db::entity::audit_event::Entity::find().count(db).await.expect("count");
        usize::try_from(count).expect("fits")
    }
}

/// Commits rows that no event tells of, as only someone with the database's password could.
pub async fn commit_unlogged(tx: sea_orm::DatabaseTransaction) {
    use sea_orm::EntityTrait;
    plimsoll::db::entity::row_change::Entity::delete_many().exec(&tx).await.expect("forget the change");
    tx.commit().await.expect("commit");
}

pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The answer, if the status is the wanted one; otherwise the test ends with what was said.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The answer, if it did what was asked.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self
    }

    /// The machine-readable code of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, body: response.bytes().await.expect("a body").to_vec() }
}

/// ONNX Runtime as `scripts/fetch-ort.sh` left it; `make test` makes sure of it.
pub fn ort_library() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache/onnxruntime");
    let files = std::fs::read_dir(folder).ok()?;
    files.filter_map(|f| Some(f.ok()?.path())).find(|p| p.to_string_lossy().contains("libonnxruntime"))
}
