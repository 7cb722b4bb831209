//! Asking for a version to become active, deciding on it, activating it.

use super::{Exit, Failure, output, print, reference, reference::VersionOf, session::Session};
use crate::{
    client::Client,
    config::Client as Connection,
    core::{digest::Digest, ids::PromotionId},
    promotions::api::{DecisionInput, PromotionInput, PromotionView, UnapprovalInput},
    releases::api::ReleaseView,
};
use clap::Args;
use serde_json::Value;

#[derive(Args)]
pub struct Request {
    /// Such as `credit-risk@3`.
    #[arg(value_name = "MODEL@VERSION")]
    version: VersionOf,
    /// The environment it shall become active in.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// How much the model is to do by itself: advisory, human_in_the_loop or automated [default: as what is active; of
    /// the first release, what the environment begins with].
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// For those who decide.
    #[arg(long, default_value = "", value_name = "TEXT")]
    comment: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Approve {
    /// The request's id.
    id: PromotionId,
    /// The decision digest that you looked at, in full.
    #[arg(long, value_name = "sha256:…")]
    digest: Digest,
    /// Why; kept with the approval.
    #[arg(long, default_value = "", value_name = "TEXT")]
    reason: String,
    /// What is to hold beside, where the policy lets an approval have conditions; may be given several times.
    #[arg(long = "condition", value_name = "TEXT")]
    conditions: Vec<String>,
    /// Somebody whose delegate you are, and in whose stead you approve.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    on_behalf_of: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Reject {
    /// The request's id.
    id: PromotionId,
    /// The decision digest that you looked at, in full.
    #[arg(long, value_name = "sha256:…")]
    digest: Digest,
    /// Why; kept with the rejection.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Unapprove {
    /// The request's id.
    id: PromotionId,
    /// Why; kept with the approval.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Promote {
    /// The request's id.
    id: PromotionId,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Request {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection)?;
        let input = PromotionInput {
            mode: self.mode,
            model: self.version.model,
            version: self.version.version.to_string(),
            environment: self.env,
            comment: self.comment,
        };
        let view: PromotionView = session.client.create(&["promotions"], &input).await?;
        show(&view, self.json)?;
        if view.failed_checks.is_empty() {
            return Ok(Exit::Ok);
        }
        let what = format!("{}@{} cannot be promoted to {} as it is", view.model, view.version, view.environment);
        let mut failure = Failure::new(Exit::Refused, output::printable(&what));
        failure.why = view
            .failed_checks
            .iter()
            .map(|check| {
                let owner = check.owner.as_ref().map_or_else(String::new, |owner| format!(" (owner: {owner})"));
                output::printable(&format!("{}: {}{owner}", check.check, check.detail))
            })
            .collect();
        Err(failure.next("improve the version, or talk to the owners of the limits"))
    }
}

impl Approve {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = DecisionInput {
            decision_digest: self.digest.to_string(),
            outcome: "approve".to_owned(),
            reason: self.reason,
            conditions: self.conditions,
            on_behalf_of: self.on_behalf_of,
        };
        decide(&client, self.id, &input, self.json).await
    }
}

impl Reject {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = DecisionInput {
            decision_digest: self.digest.to_string(),
            outcome: "reject".to_owned(),
            reason: self.reason,
            conditions: Vec::new(),
            on_behalf_of: None,
        };
        decide(&client, self.id, &input, self.json).await
    }
}

impl Unapprove {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let (id, input) = (self.id.to_string(), UnapprovalInput { reason: self.reason });
        let view: PromotionView = client.create(&["promotions", &id, "decisions", "withdrawal"], &input).await?;
        show(&view, self.json)
    }
}

async fn decide(client: &Client, id: PromotionId, input: &DecisionInput, json: bool) -> Result<Exit, Failure> {
    let view: PromotionView = client.create(&["promotions", &id.to_string(), "decisions"], input).await?;
    show(&view, json)
}

impl Promote {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let id = self.id.to_string();
        let view: PromotionView = client.get(&["promotions", &id], &[]).await?;
        say!("{}@{} to {}: {}", view.model, view.version, view.environment, view.state);
        let answer = client.post(&["promotions", &id, "activation"], None::<&Value>).await?;
        let release: ReleaseView = answer.json().await.map_err(crate::client::broken_off)?;
        if self.json {
            return output::json(&release);
        }
        let (model, version, place) = (view.model, release.version, view.environment);
        print(&output::printable(&format!(
            "{model}@{version} is active in {place} since {}",
            output::when(&release.activated_at)
        )))
    }
}

fn show(view: &PromotionView, json: bool) -> Result<Exit, Failure> {
    if json {
        return output::json(view);
    }
    let mut fields = vec![
        ("request", view.id.to_string()),
        ("version", format!("{}@{} {}", view.model, view.version, view.version_digest)),
        ("environment", view.environment.clone()),
        ("state", view.state.replace('_', " ")),
        ("approvals", format!("{} of {}", view.seats_filled, view.seats.len())),
        ("decision", view.decision_digest.clone()),
    ];
    for seat in &view.seats {
        let by = if seat.filled_by.is_empty() { "nobody yet".to_owned() } else { seat.filled_by.join(", ") };
        fields.push(("seat", format!("{}: {by}", seat.role.replace('_', " "))));
    }
    for hold in &view.holds {
        fields.push(("held", hold.detail.clone()));
    }
    if view.state == "awaiting_approval" {
        fields.push(("expires", output::when(&view.expires_at)));
    }
    print(&output::fields(&fields))
}
