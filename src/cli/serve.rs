//! Starting and stopping the service.

use crate::{
    accounts::{
        founding::{self, Code},
        second_factor, single_sign_on,
    },
    app::App,
    audit, blobs,
    cli::{Exit, Failure, print},
    config::Config,
    core::clock::rfc3339,
    db,
    http::{server, tls},
    jobs::worker,
    settings, sweeps, telemetry, workers,
};
use actix_web::web::Data;
use std::{net::TcpListener, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// How long the database may take to let go.
const CLOSE: Duration = Duration::from_secs(10);

pub async fn serve(config: Config) -> Result<Exit, Failure> {
    telemetry::start(&config.log).map_err(|e| Failure::new(Exit::Usage, e))?;
    let tls = config.http.tls.clone();
    if tls.is_open(config.http.listen) && !tls.allow_plain_http {
        let what =
            format!("{} can be reached from elsewhere, and everything said there could be read", config.http.listen);
        return Err(Failure::new(Exit::Usage, what).next(
            "name a certificate with --tls-cert and --tls-key; where a proxy in front ends TLS, say --allow-plain-http",
        ));
    }
    let listener = TcpListener::bind(config.http.listen).map_err(|e| {
        Failure::new(Exit::Other, format!("can't listen on {}: {e}", config.http.listen))
            .next("is another plimsoll running? choose another port with --listen")
    })?;
    let address = listener.local_addr().map_err(Failure::other)?;
    let app = Arc::new(App::open(&config, config.clock()).await?);
    let shown = tls::Shown::open(&config.http.tls).await?;
    let over_tls = match &shown {
        Some(shown) => Some(shown.config(tls.tls_client_ca.as_deref()).await?),
        None => None,
    };
    settings::ops::record(&app, &config).await?;
    second_factor::ops::check_key(&app).await?;
    single_sign_on::roles::reconcile(&app).await?;
    if app.db.may_rewrite_log().await.map_err(Failure::other)? {
        tracing::warn!(
            "the database role of this service could rewrite the audit log: it owns the tables. Make a role that owns \
             nothing, give it its rights with `plimsoll admin grants --role NAME --apply`, and serve as that role"
        );
    }
    let (stop, stopped) = watch::channel(false);
    let mut background = JoinSet::new();
    background.spawn(audit::sequencer::run(app.clone(), stopped.clone()));
    background.spawn(audit::witness::client::run(app.clone(), stopped.clone()));
    for _ in 0..config.sandbox.workers {
        background.spawn(worker::run(app.clone(), sweeps::ALL, stopped.clone()));
    }
    if 0 < config.sandbox.workers {
        background.spawn(workers::ops::announce(app.clone(), stopped.clone()));
        background.spawn(blobs::run(app.clone(), stopped.clone()));
    }
    if let Some(shown) = shown {
        background.spawn(tls::watch(shown, stopped.clone()));
    }
    let service = server::run(listener, Data::from(app.clone()), config.http.workers(), over_tls);
    let service = service.map_err(Failure::other)?;
    let handle = service.handle();
    let service = tokio::spawn(service);
    // From here on a stop is clean; whoever reads that it listens may send one at once.
    let stop_asked = stop_signal().map_err(Failure::other)?;
    welcome(&config, &app, address.to_string());
    if let Some(code) = founding::ops::first_code(&app).await?
        && let Err(failure) = print_first(&config, &address.to_string(), &code)
    {
        let why = failure.what;
        tracing::error!(
            why,
            "the code for the first account could not be printed; make it with plimsoll admin create-user"
        );
    }
    stop_asked.await;
    tracing::info!("stopping: finishing what is under way");
    tokio::time::sleep(Duration::from_secs(config.http.drain_seconds)).await;
    handle.stop(true).await;
    let _ = stop.send(true);
    app.work.notify_waiters();
    service.await.map_err(Failure::other)?.map_err(Failure::other)?;
    while background.join_next().await.is_some() {}
    close(&app).await
}

/// So that SQLite merges its WAL: who then copies the database's file alone has all of it.
pub(super) async fn close(app: &App) -> Result<Exit, Failure> {
    match tokio::time::timeout(CLOSE, app.db.close()).await {
        Ok(closed) => closed.map_err(Failure::other)?,
        Err(_) => tracing::warn!("a connection to the database is still in use; it is left as it is"),
    }
    Ok(Exit::Ok)
}

/// Once, to standard output: the log, which goes to many places, never has it.
fn print_first(config: &Config, address: &str, code: &Code) -> Result<Exit, Failure> {
    let scheme = if config.http.tls.tls_cert.is_some() { "https" } else { "http" };
    let until = rfc3339(code.expires_at);
    print(&format!(
        "There is no account yet. Make the first one at {scheme}://{address}/first, or by\n  plimsoll found {scheme}://{address} \
         --user NAME\nwith this code, which works once, until {until}, and is not shown again:\n  {}",
        code.secret
    ))
}

pub async fn migrate(config: Config) -> Result<Exit, Failure> {
    config.storage.make_data().await.map_err(Failure::other)?;
    let url = config.storage.database_url().map_err(Failure::other)?;
    db::migrate(&url).await.map_err(Failure::other)?;
    print("the schema is up to date")
}

fn welcome(config: &Config, app: &App, address: String) {
    let scheme = if config.http.tls.tls_cert.is_some() { "https" } else { "http" };
    tracing::info!("Plimsoll {} listens on {scheme}://{address}", env!("CARGO_PKG_VERSION"));
    tracing::info!("API: {scheme}://{address}/docs  data: {}", config.storage.data.display());
    if app.sandbox.ort_lib.is_none() {
        tracing::warn!(
            "no ONNX Runtime library was found: validation runs will wait. Fetch it with scripts/fetch-ort.sh"
        );
    }
    if config.http.tls.is_open(config.http.listen) {
        tracing::warn!("listening beyond this machine without TLS: only a proxy that ends TLS may reach this address");
    }
}

/// What a service manager or a person at the terminal sends, heard from this call on.
pub(super) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
