//! Jobs of others that prove who they are with a token of their issuer.

use super::{Exit, Failure, account::reach::ReachArgs, output, print, profile::Profile, reference, session::Session};
use crate::{
    accounts::{
        api::IssuedView,
        workloads::api::{WorkloadTokenInput, WorkloadTrustInput, WorkloadTrustView},
    },
    client::Client,
    config::Client as Connection,
};
use clap::{Args, Subcommand};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
    path::PathBuf,
};

#[derive(Subcommand)]
pub enum Workload {
    /// Let jobs of a CI service get short tokens of a service account for those of their issuer.
    ///
    /// The operator says which issuers can be trusted (plimsoll serve --workload-issuer).
    #[command(
        after_help = "Example:\n  plimsoll workload trust credit-ci --issuer https://token.actions.githubusercontent.com \\\n      --audience https://plimsoll.example.org --claim repository=corp/credit --claim 'ref=refs/tags/v*' \\\n      --account ci --model credit-risk --environment staging --minutes 15"
    )]
    Trust(TrustJobs),
    /// List whose jobs are trusted, with what they get.
    #[command(after_help = "Example:\n  plimsoll workload list --json")]
    List(List),
    /// Trust jobs no longer. Tokens that they were given are dead at once.
    #[command(after_help = "Example:\n  plimsoll workload end credit-ci")]
    End(End),
    /// In a job: get a token for that of its issuer, and print it.
    #[command(
        after_help = "Example:\n  export PLIMSOLL_TOKEN=$(plimsoll workload token credit-ci --id-token id-token.jwt)"
    )]
    Token(Token),
}

#[derive(Args)]
pub struct TrustJobs {
    /// What jobs call it.
    #[arg(value_parser = reference::name)]
    name: String,
    /// Who signs the jobs' tokens, letter by letter as it writes itself.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// For whom the jobs' tokens have to be made, and for nobody else.
    #[arg(long, value_name = "TEXT")]
    audience: String,
    /// A claim and a value that it may have; a value that ends with * stands for all that begin so. May be given several
    /// times: each claim has to have one of its values.
    #[arg(long = "claim", required = true, value_name = "CLAIM=VALUE", value_parser = claim)]
    claims: Vec<(String, String)>,
    /// The service account that they stand for.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    account: String,
    #[command(flatten)]
    reach: ReachArgs,
    /// How long the tokens last that they get, 1 to 60.
    #[arg(long, value_name = "N", default_value_t = 15)]
    minutes: i64,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct End {
    /// What jobs call it.
    #[arg(value_parser = reference::name)]
    name: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Token {
    /// By what name the job is trusted.
    #[arg(value_parser = reference::name)]
    trust: String,
    /// The token of the job's issuer; `-` reads it from standard input.
    #[arg(long, value_name = "FILE")]
    id_token: PathBuf,
    /// The workspace [default: default].
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of the bare token.
    #[arg(long)]
    json: bool,
}

fn claim(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(claim, value)| !claim.is_empty() && !value.is_empty());
    parts.map(|(claim, value)| (claim.to_owned(), value.to_owned())).ok_or_else(|| "write CLAIM=VALUE".to_owned())
}

impl Workload {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Trust(args) => args.run().await,
            Self::List(args) => args.run().await,
            Self::End(args) => args.run().await,
            Self::Token(args) => args.run().await,
        }
    }
}

impl TrustJobs {
    async fn run(self) -> Result<Exit, Failure> {
        let mut claims: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (claim, value) in self.claims {
            claims.entry(claim).or_default().insert(value);
        }
        let input = WorkloadTrustInput {
            name: self.name,
            issuer: self.issuer,
            audience: self.audience,
            claims,
            account: self.account,
            scope: self.reach.view(),
            minutes: self.minutes,
        };
        let client = Session::open(&self.connection)?.client;
        let trust: WorkloadTrustView = client.create(&["workload-trusts"], &input).await?;
        if self.json {
            return output::json(&trust);
        }
        print(&format!("jobs that {} means get tokens of {} for {} min each", trust.name, trust.account, trust.minutes))
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let trusts: Vec<WorkloadTrustView> = client.list(&["workload-trusts"], &[]).await?;
        if self.json {
            return output::json(&trusts);
        }
        let mut table = output::table(&["name", "issuer", "claims", "account", "reaches", "minutes", "ended"]);
        for trust in trusts {
            let values = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(" or ");
            let claims: Vec<_> = trust.claims.iter().map(|(claim, all)| format!("{claim}={}", values(all))).collect();
            table.add_row([
                trust.name,
                trust.issuer,
                claims.join(", "),
                trust.account,
                trust.scope.spoken(),
                trust.minutes.to_string(),
                trust.ended_at.as_deref().map(output::when).unwrap_or_default(),
            ]);
        }
        output::rows(&table, "no workload is trusted here")
    }
}

impl End {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let trusts: Vec<WorkloadTrustView> = client.list(&["workload-trusts"], &[]).await?;
        let found = trusts.into_iter().find(|trust| trust.name == self.name && trust.ended_at.is_none());
        let Some(trust) = found else {
            return Err(Failure::new(
                Exit::NotFound,
                format!("no workload is trusted here under the name {}", self.name),
            )
            .next("plimsoll workload list shows those that are"));
        };
        let ended: WorkloadTrustView = client.end(&["workload-trusts", &trust.id.to_string()]).await?;
        if self.json {
            return output::json(&ended);
        }
        print(&format!("jobs that {} meant get nothing any more, and what they were given is dead", ended.name))
    }
}

impl Token {
    async fn run(self) -> Result<Exit, Failure> {
        let unreadable =
            |e: std::io::Error| Failure::new(Exit::Usage, format!("can't read {}: {e}", self.id_token.display()));
        let mut token = String::new();
        match self.id_token.as_os_str() == "-" {
            true => std::io::stdin().read_to_string(&mut token).map(drop).map_err(unreadable)?,
            false => token = std::fs::read_to_string(&self.id_token).map_err(unreadable)?,
        }
        let input = WorkloadTokenInput { workspace: self.workspace, trust: self.trust, token: token.trim().to_owned() };
        let profile = Profile::load(&self.connection)?;
        let url =
            self.connection.url.clone().or(profile.map(|profile| profile.url)).ok_or_else(|| {
                Failure::new(Exit::Usage, "no service is named").next("give --url, or set PLIMSOLL_URL")
            })?;
        let client = Client::new(&url, None, &self.connection.trust)?;
        let issued: IssuedView = client.create(&["workload-tokens"], &input).await?;
        match self.json {
            true => output::json(&issued),
            false => print(&issued.token),
        }
    }
}
