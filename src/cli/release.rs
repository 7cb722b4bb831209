//! What runs where, and the way back.

use super::{Exit, Failure, output, print, reference, session::Session};
use crate::{
    client::Client,
    config::Client as Connection,
    environments::api::EnvironmentSummary,
    models::api::ModelView,
    promotions::api::{PromotionSummary, PromotionView},
    releases::api::{RehearsalInput, RehearsalView, ReleasePage, ReleaseView, RollbackInput, RollbackView},
    versions::{VersionRef, api::VersionSummary},
};
use clap::Args;
use serde::Serialize;
use std::time::Duration;

/// A rehearsal reads all bytes and loads a model: longer than this it does not take.
const REHEARSAL_WAIT: Duration = Duration::from_secs(15 * 60);
const REHEARSAL_POLL: Duration = Duration::from_millis(500);

#[derive(Args)]
pub struct Rollback {
    #[arg(value_parser = reference::name)]
    model: String,
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// Number or digest [default: the last good one].
    #[arg(long, value_name = "VERSION", value_parser = version)]
    to: Option<VersionRef>,
    /// Why; kept with the release.
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "rehearse",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
    /// Change nothing: have every byte of the target read again, its signature verified and its model loaded.
    #[arg(long, conflicts_with = "reason")]
    rehearse: bool,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Status {
    #[arg(value_parser = reference::name)]
    model: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

/// What `status --json` prints.
#[derive(Serialize)]
struct Standing {
    model: ModelView,
    versions: Vec<VersionSummary>,
    environments: Vec<Place>,
    open_requests: Vec<PromotionView>,
}

#[derive(Serialize)]
struct Place {
    environment: String,
    active: Option<ReleaseView>,
}

fn version(raw: &str) -> Result<VersionRef, String> {
    VersionRef::parse(raw).map_err(|e| e.0)
}

impl Rollback {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        if self.rehearse {
            return self.rehearse(&client).await;
        }
        let input = RollbackInput { to: self.to.as_ref().map(ToString::to_string), reason: self.reason };
        let path = ["environments", &self.env, "models", &self.model, "rollbacks"];
        let done: RollbackView = client.create(&path, &input).await?;
        if self.json {
            return output::json(&done);
        }
        let (model, number, place, release) = (&self.model, done.release.version, &self.env, &done.release);
        let since = output::when(&release.activated_at);
        let Some(due) = &done.review_due_at else {
            return print(&format!("{model}@{number} is active in {place} already, since {since}"));
        };
        let mut said = vec![format!("{model}@{number} is active again in {place} since {since}")];
        if !done.revised_since.is_empty() {
            said.push(format!("revised since it was approved: {}", done.revised_since.join(", ")));
        }
        if let (Some(before), Some(now)) = (&done.mode_raised_from, &done.release.mode) {
            said.push(format!(
                "it runs as {now}, and what was left ran as {before}: lower the mode if that is too much"
            ));
        }
        said.push(format!(
            "somebody else reviews this by {}: plimsoll release review {}",
            output::when(due),
            release.id
        ));
        print(&said.join("\n"))
    }
}

impl Rollback {
    async fn rehearse(&self, client: &Client) -> Result<Exit, Failure> {
        let input = RehearsalInput { to: self.to.as_ref().map(ToString::to_string) };
        let path = ["environments", &self.env, "models", &self.model, "rollbacks", "rehearsals"];
        let mut rehearsal: RehearsalView = client.create(&path, &input).await?;
        let until = tokio::time::Instant::now() + REHEARSAL_WAIT;
        while rehearsal.state == "queued" {
            if until < tokio::time::Instant::now() {
                let what = format!("the rehearsal {} is still queued; is a worker running?", rehearsal.id);
                return Err(Failure::new(Exit::TimedOut, what));
            }
            tokio::time::sleep(REHEARSAL_POLL).await;
            rehearsal = client.get(&["rehearsals", &rehearsal.id.to_string()], &[]).await?;
        }
        let passed = rehearsal.state == "passed";
        if self.json {
            output::json(&rehearsal)?;
        } else {
            print(&self.told(&rehearsal))?;
        }
        Ok(if passed { Exit::Ok } else { Exit::Verification })
    }

    fn told(&self, rehearsal: &RehearsalView) -> String {
        let (model, number, place) = (&self.model, rehearsal.version, &self.env);
        let could = if rehearsal.state == "passed" { "could come back" } else { "could not come back" };
        let mut lines = vec![format!("{model}@{number} {could} in {place}; nothing was changed")];
        let tried = rehearsal.body.as_ref().and_then(|body| body["tried"].as_array()).cloned().unwrap_or_default();
        for one in tried {
            let sign = if one["passed"] == true { "passed" } else { "failed" };
            let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
            lines.push(format!("  {sign} {}: {}", text("check").replace('_', " "), text("detail")));
        }
        lines.extend(rehearsal.digest.as_ref().map(|digest| format!("  recorded as {digest}")));
        lines.iter().map(|line| output::printable(line)).collect::<Vec<_>>().join("\n")
    }
}

impl Status {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection)?;
        let client = &session.client;
        let model: ModelView = client.get(&["models", &self.model], &[]).await?;
        let versions = client.list(&["models", &self.model, "versions"], &[]).await?;
        let mut environments = Vec::new();
        for environment in client.list::<EnvironmentSummary>(&["environments"], &[]).await? {
            let path = ["environments", &environment.name, "models", &self.model, "releases"];
            let page: ReleasePage = client.get(&path, &[("limit", "1")]).await?;
            let active = page.items.into_iter().find(|release| release.state == "active");
            environments.push(Place { environment: environment.name, active });
        }
        let mut open_requests = Vec::new();
        for open in client.list::<PromotionSummary>(&["promotions"], &[("open", "true")]).await? {
            let view: PromotionView = client.get(&["promotions", &open.id.to_string()], &[]).await?;
            if view.model == self.model {
                open_requests.push(view);
            }
        }
        let standing = Standing { model, versions, environments, open_requests };
        if self.json {
            return output::json(&standing);
        }
        print(&standing.text())
    }
}

impl Standing {
    fn text(&self) -> String {
        let model = &self.model;
        let mut parts = vec![output::printable(&format!("{}: {} ({} risk)", model.name, model.title, model.risk_tier))];
        let mut versions = output::table(&["version", "state", "signature", "active in", "pushed", "digest"]);
        for version in &self.versions {
            let here = |place: &&Place| place.active.as_ref().is_some_and(|r| r.version == version.number);
            let places: Vec<_> = self.environments.iter().filter(here).map(|p| p.environment.as_str()).collect();
            versions.add_row([
                version.number.to_string(),
                version.state.clone(),
                version.signature.clone(),
                places.join(", "),
                output::when(&version.created_at),
                version.digest.clone(),
            ]);
        }
        parts.push(if versions.is_empty() { "no versions yet".to_owned() } else { output::text(&versions) });
        for place in self.environments.iter().filter(|p| p.active.is_none()) {
            parts.push(format!("nothing is active in {}", place.environment));
        }
        for open in &self.open_requests {
            let (filled, seats) = (open.seats_filled, open.seats.len());
            parts.push(output::printable(&format!(
                "request {} for {}@{} in {}: {}, {filled} of {seats} approvals",
                open.id,
                open.model,
                open.version,
                open.environment,
                open.state.replace('_', " ")
            )));
        }
        parts.join("\n")
    }
}
