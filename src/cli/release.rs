//! What runs where, and the way back.

use super::{Exit, Failure, output, print, reference, session::Session};
use crate::{
    config::Client as Connection,
    environments::api::EnvironmentSummary,
    models::api::ModelView,
    promotions::api::{PromotionSummary, PromotionView},
    releases::api::{ReleasePage, ReleaseView, RollbackInput},
    versions::{VersionRef, api::VersionSummary},
};
use clap::Args;
use serde::Serialize;

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
    #[arg(long, value_name = "TEXT")]
    reason: String,
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
        let input = RollbackInput { to: self.to.as_ref().map(ToString::to_string), reason: self.reason };
        let path = ["environments", &self.env, "models", &self.model, "rollbacks"];
        let release: ReleaseView = client.create(&path, &input).await?;
        if self.json {
            return output::json(&release);
        }
        let (model, number, place) = (&self.model, release.version, &self.env);
        print(&format!("{model}@{number} is active again in {place} since {}", output::when(&release.activated_at)))
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
