//! What is wrong, whose it is, and until when it must be dealt with.

use super::{Exit, Failure, output, print, reference, reference::Wanted, session::Session};
use crate::{
    config::Client as Connection,
    core::ids::FindingId,
    oversight::findings::api::{AcceptanceInput, FindingInput, FindingSummary, FindingView},
    versions::api::ReasonInput,
};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Finding {
    /// Say that something is wrong; open requests that it bears on end.
    #[command(
        after_help = "Examples:\n  plimsoll finding open subgroup_error --about credit-risk@3 --severity high --title 'it fails for the under-25s'\n  plimsoll finding open disk_full --env edge-7 --severity low --title 'less than 1 GiB is free'"
    )]
    Open(Open),
    /// List findings, newest first; closed ones too with --all.
    #[command(after_help = "Example:\n  plimsoll finding list --model credit-risk")]
    List(List),
    /// Show a finding with what happened to it.
    #[command(after_help = "Example:\n  plimsoll finding show 019a4c1e-…")]
    Show(Show),
    /// Say that you work on it. Somebody else closes it then.
    #[command(
        after_help = "Example:\n  plimsoll finding remediate 019a4c1e-… --reason 'fitting it again without the column'"
    )]
    Remediate(Step),
    /// Close a finding that is dealt with.
    #[command(after_help = "Example:\n  plimsoll finding close 019a4c1e-… --reason 'measured again, inside the limit'")]
    Close(Step),
    /// Accept its risk for at most 90 days.
    #[command(
        after_help = "Example:\n  plimsoll finding accept 019a4c1e-… --until 2026-12-31 --reason 'the product is withdrawn then'"
    )]
    Accept(Accept),
}

#[derive(Args)]
pub struct Open {
    /// What kind of thing is wrong: a-z, 0-9, `_` and `-`.
    code: String,
    /// Such as `credit-risk` or `credit-risk@3`.
    #[arg(long, value_name = "MODEL[@VERSION]", required_unless_present = "env")]
    about: Option<Wanted>,
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: Option<String>,
    /// info, low, medium, high or critical.
    #[arg(long)]
    severity: String,
    #[arg(long, value_name = "TEXT")]
    title: String,
    #[arg(long, default_value = "", value_name = "TEXT")]
    detail: String,
    /// The account that shall deal with it.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    owner: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct List {
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    model: Option<String>,
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: Option<String>,
    /// Closed ones too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    /// The finding's id.
    id: FindingId,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Step {
    /// The finding's id.
    id: FindingId,
    /// Why; kept with the finding.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Accept {
    /// The finding's id.
    id: FindingId,
    /// When the acceptance ends: a day or a time in RFC 3339.
    #[arg(long, value_name = "TIME")]
    until: String,
    /// Why; kept with the finding.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Finding {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Open(args) => args.run().await,
            Self::List(args) => args.run().await,
            Self::Show(args) => args.run().await,
            Self::Remediate(args) => args.run("remediation").await,
            Self::Close(args) => args.run("closure").await,
            Self::Accept(args) => args.run().await,
        }
    }
}

impl Open {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let (model, version) = match self.about {
            Some(Wanted { model, version }) => (Some(model), version.map(|version| version.to_string())),
            None => (None, None),
        };
        let input = FindingInput {
            code: self.code,
            severity: self.severity,
            title: self.title,
            detail: self.detail,
            model,
            version,
            environment: self.env,
            owner: self.owner,
        };
        show(&client.create(&["findings"], &input).await?, self.json)
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let mut query = vec![("standing", if self.all { "false" } else { "true" })];
        query.extend(self.model.as_deref().map(|model| ("model", model)));
        query.extend(self.env.as_deref().map(|env| ("environment", env)));
        let findings: Vec<FindingSummary> = client.list(&["findings"], &query).await?;
        if self.json {
            return output::json(&findings);
        }
        let mut table = output::table(&["finding", "severity", "state", "code", "about", "owner", "due"]);
        for finding in findings {
            let due = output::when(&finding.due_at);
            table.add_row([
                finding.id.to_string(),
                finding.severity.clone(),
                finding.state.replace('_', " "),
                finding.code.clone(),
                about(&finding),
                finding.owner.clone().unwrap_or_default(),
                if finding.overdue { format!("{due} (overdue)") } else { due },
            ]);
        }
        output::rows(&table, "there are no findings")
    }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        show(&client.get(&["findings", &self.id.to_string()], &[]).await?, self.json)
    }
}

impl Step {
    async fn run(self, step: &str) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let input = ReasonInput { reason: self.reason };
        show(&client.create(&["findings", &self.id.to_string(), step], &input).await?, self.json)
    }
}

impl Accept {
    async fn run(self) -> Result<Exit, Failure> {
        let until = reference::later(&self.until).map_err(|why| Failure::new(Exit::Usage, why))?;
        let client = Session::open(&self.connection)?.client;
        let input = AcceptanceInput { reason: self.reason, until };
        show(&client.create(&["findings", &self.id.to_string(), "acceptance"], &input).await?, self.json)
    }
}

fn about(finding: &FindingSummary) -> String {
    let version = finding.version.map_or_else(String::new, |version| format!("@{version}"));
    let model = finding.model.as_ref().map(|model| format!("{model}{version}"));
    match (model, &finding.environment) {
        (Some(model), Some(environment)) => format!("{model} in {environment}"),
        (Some(one), None) => one,
        (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    }
}

fn show(view: &FindingView, json: bool) -> Result<Exit, Failure> {
    if json {
        return output::json(view);
    }
    let finding = &view.summary;
    let mut fields = vec![
        ("finding", finding.id.to_string()),
        ("what", format!("{}: {}", finding.code, finding.title)),
        ("about", about(finding)),
        ("severity", finding.severity.clone()),
        ("state", finding.state.replace('_', " ")),
        ("owner", finding.owner.clone().unwrap_or_else(|| "nobody".to_owned())),
        ("due", output::when(&finding.due_at)),
    ];
    for step in &view.steps {
        let by = step.by.as_deref().unwrap_or("the registry");
        let until = step.until.as_deref().map_or_else(String::new, |until| format!(" until {}", output::when(until)));
        let reason = if step.reason.is_empty() { String::new() } else { format!(": {}", step.reason) };
        fields.push(("", format!("{} {} by {by}{until}{reason}", output::when(&step.at), step.step)));
    }
    print(&output::fields(&fields))
}
