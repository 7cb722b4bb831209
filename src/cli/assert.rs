//! `assert`: whether a version is what may run in an environment, as an exit code.

use super::{
    Exit, Failure, output, print,
    pull::{
        registry_keys,
        verify::{Asked, Told, statements},
    },
    reference,
    reference::VersionOf,
    session::Session,
};
use crate::{
    config::Client as Connection,
    core::clock::{Clock, moment},
    releases::api::AssertionView,
    versions::VersionRef,
};
use clap::Args;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Larger than any record that a pull writes.
const MAX_RECORD_BYTES: u64 = 64 << 20;

#[derive(Args)]
pub struct Assert {
    /// Such as `credit-risk@3` or `credit-risk@sha256:…`.
    #[arg(value_name = "MODEL@VERSION")]
    wanted: VersionOf,
    /// The environment that it is to run in.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// Ask nobody: check the `release.json` that an earlier pull or assertion wrote. What was withdrawn since is not
    /// known then.
    #[arg(long, value_name = "FILE")]
    offline: Option<PathBuf>,
    /// The registry's public key (PEM, or verifier keys, a line each) [default: pinned when you signed in].
    #[arg(long, value_name = "FILE")]
    registry_key: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of a line.
    #[arg(long)]
    json: bool,
}

impl Assert {
    pub async fn run(self) -> Result<Exit, Failure> {
        match &self.offline {
            Some(record) => self.offline(record),
            None => self.online().await,
        }
    }

    async fn online(&self) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection)?;
        let path = ["environments", &self.env, "models", &self.wanted.model, "assertion"];
        let version = self.wanted.version.to_string();
        let said: AssertionView = session.client.get(&path, &[("version", &version)]).await?;
        // A pipeline without a pinned key believes the service that it asked over its connection.
        let keys = match (&self.registry_key, &session.profile) {
            (None, None) => None,
            (file, profile) => Some(registry_keys(file.as_deref(), profile.as_ref())?),
        };
        if let Some(keys) = &keys {
            statements(&told(&said), &self.asked(), keys)?;
        }
        if self.json {
            return output::json(&said);
        }
        let proof = if keys.is_some() { "verified" } else { "not verified: no registry key is pinned" };
        print(&format!("{}; {proof}", line(&said)))
    }

    fn offline(&self, record: &Path) -> Result<Exit, Failure> {
        let said = read(record)?;
        let profile = super::profile::Profile::load(&self.connection).ok().flatten();
        let keys = registry_keys(self.registry_key.as_deref(), profile.as_ref())?;
        let release = &said.release;
        let is_wanted = match &self.wanted.version {
            VersionRef::Number(number) => *number == release.version,
            VersionRef::Digest(digest) => digest.to_string() == release.version_digest,
        };
        let refused = |why: String| Failure::new(Exit::Refused, why).next("pull what is active there now");
        if said.model != self.wanted.model || said.environment != self.env || !is_wanted {
            let (model, number) = (&said.model, release.version);
            return Err(refused(format!("{} is about {model}@{number} in {}", record.display(), said.environment)));
        }
        statements(&told(&said), &self.asked(), &keys)?;
        let now = Clock::System.now();
        if let Some(end) = &release.ends_at
            && moment(end, now).is_none_or(|end| end <= now)
        {
            return Err(refused(format!("the release ended by itself on {}", output::when(end))));
        }
        if self.json {
            return output::json(&json!({"approved": true, "offline": true, "model": said.model,
                "environment": said.environment, "release": release}));
        }
        print(&format!("{}; verified offline: whether it was withdrawn since, only the registry knows", line(&said)))
    }

    fn asked(&self) -> Asked<'_> {
        Asked { model: &self.wanted.model, version: Some(&self.wanted.version), environment: &self.env }
    }
}

fn told(said: &AssertionView) -> Told<'_> {
    Told {
        release: &said.release,
        statement: &said.statement,
        summary: said.verification_summary.as_ref(),
        approvals: &said.approvals,
    }
}

/// What a pull wrote, or `assert --json`.
fn read(record: &Path) -> Result<AssertionView, Failure> {
    let wrong =
        |why: String| Failure::new(Exit::Usage, format!("{} is no record of a release: {why}", record.display()));
    let size = fs::metadata(record).map_err(|e| wrong(e.to_string()))?.len();
    if MAX_RECORD_BYTES < size {
        return Err(wrong(format!("it has {size} bytes")));
    }
    let text = fs::read_to_string(record).map_err(|e| wrong(e.to_string()))?;
    let mut value: serde_json::Value = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    // A pull's record does not say it; whether it holds is what is found out here.
    if let Some(record) = value.as_object_mut() {
        record.insert("approved".to_owned(), true.into());
    }
    serde_json::from_value(value).map_err(|e| wrong(e.to_string()))
}

fn line(said: &AssertionView) -> String {
    let release = &said.release;
    let mode = release.mode.as_deref().map(|mode| format!(" ({mode})")).unwrap_or_default();
    let emergency = if release.kind == "break_glass" { "runs in an emergency, approved by nobody" } else { "approved" };
    let (model, number, digest) = (&said.model, release.version, &release.version_digest);
    let (place, since) = (&said.environment, output::when(&release.activated_at));
    output::printable(&format!("{emergency}: {model}@{number} {digest} in {place}{mode}, active since {since}"))
}
