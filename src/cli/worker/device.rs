//! A worker over the API: claims a run, fetches what it needs, runs the sandbox, hands in what that saw.
//!
//! Invariants: whatever happens, the service alone knows whose a run is; when it says that a claim is lost, the
//! sandbox's process group is killed at once. Nothing that was fetched has a name on this machine's disk.

use crate::{
    cli::{Exit, Failure, serve::stop_signal},
    client::{Client, broken_off},
    core::digest::Digest,
    sandbox::{ModelSource, Outcome, Progress, Runner, Task},
    validation::jobs::phase_name,
    workers::api::{BesideView, ClaimInput, ClaimView, ProgressInput},
};
use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::{
    io::{Seek, Write},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// How long the service may let a claim wait.
const WAIT_SECONDS: u64 = 20;
/// How often a worker says that it is still at it, at least and at most.
const BEAT: Duration = Duration::from_secs(4);
const SHORTEST_BEAT: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// As much as the sandbox reads.
const MAX_TASK_BYTES: usize = 1 << 30;

pub struct Device {
    pub client: Client,
    pub runner: Runner,
    pub name: String,
    pub labels: Vec<String>,
}

/// How far a run is, as the worker says it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    phase: &'static str,
    percent: i32,
}

impl Device {
    pub async fn work(&self, once: bool) -> Result<Exit, Failure> {
        let mut stop = std::pin::pin!(stop_signal().map_err(Failure::other)?);
        let mut pause = FIRST_PAUSE;
        loop {
            let claimed = tokio::select! {
                claimed = self.claim(if once { 0 } else { WAIT_SECONDS }) => claimed,
                _ = &mut stop => return Ok(Exit::Ok),
            };
            let claim = match claimed {
                Ok(Some(claim)) => claim,
                Ok(None) if once => return Ok(Exit::Ok),
                Ok(None) => continue,
                Err(failure) if failure.exit == Exit::Unreachable && !once => {
                    tracing::warn!(why = failure.what, "no run could be asked for; trying again in {pause:?}");
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = &mut stop => return Ok(Exit::Ok),
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            pause = FIRST_PAUSE;
            tracing::info!(run = %claim.run, attempt = claim.attempt, "run begins");
            // The run at hand is finished before a stop.
            match self.carry_out(&claim).await {
                Ok(()) => tracing::info!(run = %claim.run, "handed in"),
                Err(failure) if failure.exit == Exit::Conflict => {
                    tracing::warn!(run = %claim.run, why = failure.what, "the run is not ours any more");
                }
                // Its lease ends, and somebody tries again.
                Err(failure) => tracing::error!(run = %claim.run, why = failure.what, "the run was left"),
            }
        }
    }

    async fn claim(&self, wait_seconds: u64) -> Result<Option<ClaimView>, Failure> {
        let input = ClaimInput { name: self.name.clone(), labels: self.labels.clone(), wait_seconds };
        let answer = self.client.send_once(Method::POST, &["worker", "claims"], &[], json(&input)?).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        serde_json::from_slice(&read(answer, 1 << 20).await?).map(Some).map_err(Failure::other)
    }

    async fn carry_out(&self, claim: &ClaimView) -> Result<(), Failure> {
        let place = Place::of(claim);
        let (tell, hear) = watch::channel(State { phase: "fetching", percent: 0 });
        let work = async {
            let task: Task = {
                let answer = self.client.get_raw(&place.path(&["task"]), &place.query()).await?;
                serde_json::from_slice(&read(answer, MAX_TASK_BYTES).await?).map_err(Failure::other)?
            };
            let model = self.fetch_model(claim, &place).await?;
            let outcome = self.runner.run(task, model, |Progress { phase, percent }| {
                let _ = tell.send(State { phase: phase_name(phase), percent: percent.into() });
            });
            let outcome = outcome.await;
            let _ = tell.send(State { phase: "handing in", percent: 0 });
            self.hand_in(&place, &outcome).await
        };
        tokio::select! {
            done = work => done,
            // Dropping the work kills the sandbox.
            lost = self.beat(&place, hear) => Err(lost),
        }
    }

    /// The model, and the files in which it keeps tensors.
    async fn fetch_model(&self, claim: &ClaimView, place: &Place) -> Result<ModelSource, Failure> {
        let size = |size: i64| u64::try_from(size).unwrap_or(0);
        let (sha256, size_bytes) = (&claim.model_sha256, size(claim.model_size_bytes));
        let mut model = ModelSource::new(self.fetch(place, None, sha256, size_bytes).await?, size_bytes);
        for BesideView { path, sha256, size_bytes } in &claim.beside {
            let size_bytes = size(*size_bytes);
            let file = self.fetch(place, Some(path), sha256, size_bytes).await?;
            model = model.with(path, file, size_bytes);
        }
        Ok(model)
    }

    /// A file without a name here, checked against the claim.
    async fn fetch(
        &self,
        place: &Place,
        path: Option<&str>,
        sha256: &str,
        size_bytes: u64,
    ) -> Result<tokio::fs::File, Failure> {
        let query: Vec<_> = place.query().into_iter().chain(path.map(|path| ("file", path))).collect();
        let mut answer = self.client.get_raw(&place.path(&["model"]), &query).await?;
        let mut file = tempfile::tempfile().map_err(Failure::other)?;
        let (mut seen, mut left) = (Sha256::new(), size_bytes);
        while let Some(chunk) = answer.chunk().await.map_err(broken_off)? {
            left = left.checked_sub(chunk.len() as u64).ok_or_else(|| Failure::other("the model is too long"))?;
            seen.update(&chunk);
            file.write_all(&chunk).map_err(Failure::other)?;
        }
        if left != 0 || Digest::finish(seen).to_string() != sha256 {
            return Err(Failure::other("the model that came is not the one that was claimed"));
        }
        file.rewind().map_err(Failure::other)?;
        Ok(tokio::fs::File::from_std(file))
    }

    /// Until the service has it, or says that nobody waits for it.
    async fn hand_in(&self, place: &Place, outcome: &Outcome) -> Result<(), Failure> {
        let body = json(outcome)?;
        let mut pause = FIRST_PAUSE;
        loop {
            let answer =
                self.client.send_once(Method::POST, &place.path(&["result"]), &place.query(), body.clone()).await;
            match answer {
                Err(failure) if failure.exit == Exit::Unreachable => {
                    tracing::warn!(why = failure.what, "the result did not arrive; again in {pause:?}");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                answer => return answer.map(drop),
            }
        }
    }

    /// Says again and again how far it is; returns when the claim is lost.
    async fn beat(&self, place: &Place, mut hear: watch::Receiver<State>) -> Failure {
        let mut last = Instant::now();
        loop {
            let until = last + BEAT;
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                changed = hear.changed() => match changed {
                    Ok(()) => tokio::time::sleep_until((last + SHORTEST_BEAT).min(until)).await,
                    Err(_) => tokio::time::sleep_until(until).await,
                },
            }
            last = Instant::now();
            let State { phase, percent } = *hear.borrow_and_update();
            let body = match json(&ProgressInput { phase: phase.to_owned(), percent }) {
                Ok(body) => body,
                Err(failure) => return failure,
            };
            match self.client.send_once(Method::PUT, &place.path(&[]), &place.query(), body).await {
                Ok(_) => {}
                Err(failure) if matches!(failure.exit, Exit::Unreachable | Exit::Other) => {
                    tracing::warn!(why = failure.what, "the service does not hear that this run goes on");
                }
                Err(failure) => return failure,
            }
        }
    }
}

/// Where a claim is spoken of.
struct Place {
    id: String,
    attempt: String,
}

impl Place {
    fn of(claim: &ClaimView) -> Self {
        Self { id: claim.id.to_string(), attempt: claim.attempt.to_string() }
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [&["worker", "claims", &self.id], rest].concat()
    }

    fn query(&self) -> [(&'static str, &str); 1] {
        [("attempt", &self.attempt)]
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(Failure::other)
}

async fn read(mut answer: Response, most: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken_off)? {
        if most < bytes.len() + chunk.len() {
            return Err(Failure::other("the answer is larger than any that this program expects"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
