//! `worker`: carries validation runs out, at the database of a service or on a machine of its own.

mod device;

use super::{
    Exit, Failure,
    serve::{close, stop_signal},
};
use crate::{
    app::{App, runner},
    client::Client,
    config::{Config, Trust},
    core::{ids::WorkerId, label::Label, name::Name},
    jobs::worker,
    sweeps, telemetry, workers,
};
use clap::Args;
use std::{path::PathBuf, sync::Arc};
use tokio::{sync::watch, task::JoinSet};

#[derive(Args)]
pub struct Worker {
    #[command(flatten)]
    config: Config,
    /// The service to work for, over its API: nothing of its storage is needed here.
    #[arg(long, value_name = "URL", requires = "token_file", help_heading = "On a device")]
    url: Option<String>,
    /// A file with a token of a service account that has the role `worker`.
    #[arg(long, value_name = "FILE", requires = "url", help_heading = "On a device")]
    token_file: Option<PathBuf>,
    /// What this worker is called among those of its account.
    #[arg(long, default_value = "worker", value_parser = name, requires = "url", help_heading = "On a device")]
    name: Name,
    #[command(flatten)]
    trust: Trust,
    /// Do what is due, and end.
    #[arg(long)]
    once: bool,
}

fn name(raw: &str) -> Result<Name, String> {
    Name::parse(raw).map_err(|error| error.0)
}

impl Worker {
    pub async fn run(self) -> Result<Exit, Failure> {
        telemetry::start(&self.config.log).map_err(|e| Failure::new(Exit::Usage, e))?;
        if self.config.sandbox.find_ort().is_none() {
            let what = "no ONNX Runtime library was found, so this worker could measure nothing";
            return Err(
                Failure::new(Exit::Other, what).next("scripts/fetch-ort.sh fetches it; or name it with --ort-lib")
            );
        }
        if Label::MAXIMUM < self.config.sandbox.labels.len() {
            let what = format!("a worker has at most {} labels", Label::MAXIMUM);
            return Err(Failure::new(Exit::Usage, what));
        }
        match (&self.url, &self.token_file) {
            (Some(url), Some(file)) => {
                let token = std::fs::read_to_string(file).map_err(|e| {
                    Failure::new(Exit::SignIn, format!("can't read the token in {}: {e}", file.display()))
                })?;
                let device = device::Device {
                    client: Client::new(url, Some(token.trim()), &self.trust)?,
                    runner: runner(&self.config.sandbox).map_err(Failure::other)?,
                    name: self.name.to_string(),
                    labels: self.config.sandbox.labels.iter().map(ToString::to_string).collect(),
                };
                device.work(self.once).await
            }
            _ => at_the_database(self.config, self.once).await,
        }
    }
}

async fn at_the_database(config: Config, once: bool) -> Result<Exit, Failure> {
    let app = Arc::new(App::open(&config, config.clock()).await?);
    if once {
        workers::ops::announce_once(&app, WorkerId::generate()).await;
        worker::run_until_empty(&app).await?;
        return close(&app).await;
    }
    let (stop, stopped) = watch::channel(false);
    let mut work = JoinSet::new();
    for _ in 0..config.sandbox.workers.max(1) {
        work.spawn(worker::run(app.clone(), sweeps::ALL, stopped.clone()));
    }
    work.spawn(workers::ops::announce(app.clone(), stopped.clone()));
    stop_signal().map_err(Failure::other)?.await;
    let _ = stop.send(true);
    app.work.notify_waiters();
    while work.join_next().await.is_some() {}
    close(&app).await
}
