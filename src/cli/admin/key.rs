//! Rotating and retiring the registry's own keys, where their files are.

use crate::{
    accounts,
    app::App,
    authz::Principal,
    cli::{Exit, Failure, output, print},
    config::Config,
    core::{clock::Clock, text::Line},
    keys::{api::RegistryKeyView, ops, parse_overlap},
    workspaces,
};
use chrono::TimeDelta;
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Key {
    /// List the keys that the registry had.
    #[command(after_help = "Example:\n  plimsoll admin key list --json")]
    List(List),
    /// Make a new key. It signs from now on; the old one signs the log's heads beside it for a while.
    ///
    /// A running service takes it over by itself within a second. The new file must be on every
    /// machine that runs the service, beside the old one, before the overlap ends.
    #[command(
        after_help = "Examples:\n  plimsoll admin key rotate\n  plimsoll admin key rotate --overlap 0d --reason \"The backup of the key was lost.\""
    )]
    Rotate(Rotate),
    /// End the time of a key that still signs beside the active one.
    #[command(after_help = "Example:\n  plimsoll admin key retire c74f20a3 --now --reason \"It was copied.\"")]
    Retire(Retire),
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    config: Config,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Rotate {
    /// For how long both keys sign the log's heads: days or hours.
    #[arg(long, default_value = "30d", value_name = "TIME", value_parser = parse_overlap)]
    overlap: TimeDelta,
    /// Why; kept with the old key, and not in the log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    config: Config,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Retire {
    /// 8 hex digits, as `plimsoll admin key list` shows them.
    id: String,
    /// It takes effect at once, and is not undone.
    #[arg(long, required = true)]
    now: bool,
    /// Why; kept with the key, and not in the log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    config: Config,
}

impl Key {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::List(args) => list(args).await,
            Self::Rotate(args) => rotate(args).await,
            Self::Retire(args) => retire(args).await,
        }
    }
}

async fn open(config: &Config) -> Result<(App, Principal), Failure> {
    let app = App::open(config, Clock::System).await?;
    let workspace = workspaces::ops::ensure_default(&app).await?;
    Ok((app, accounts::ops::console(workspace)))
}

async fn list(args: List) -> Result<Exit, Failure> {
    let (app, _) = open(&args.config).await?;
    let keys: Vec<_> = ops::list(&app).await?.into_iter().map(RegistryKeyView::from).collect();
    if args.json {
        return output::json(&keys);
    }
    output::rows(&table_of(keys), "no keys")
}

/// Verifier keys stand last, each on one line: they are copied from here.
fn table_of(keys: Vec<RegistryKeyView>) -> comfy_table::Table {
    let mut table = output::unwrapped_table(&["key", "state", "from", "until", "verifier key"]);
    for key in keys {
        let until = key.signs_until.as_deref().map(output::when).unwrap_or_default();
        table.add_row([key.id, key.state, output::when(&key.signs_from), until, key.verifier_key]);
    }
    table
}

async fn rotate(args: Rotate) -> Result<Exit, Failure> {
    let reason = args.reason.as_deref().map(reason).transpose()?;
    let (app, console) = open(&args.config).await?;
    let done = ops::rotate(&app, &console, args.overlap, reason.as_deref()).await?;
    let until = done.old.signs_until.map(crate::core::clock::rfc3339).unwrap_or_default();
    if args.json {
        return output::json(&serde_json::json!({
            "key": done.new.id, "verifier_key": done.new.verifier_key, "file": done.file.display().to_string(),
            "replaces": done.old.id, "old_signs_until": until,
        }));
    }
    print(&output::fields(&[
        ("signs from now on", done.new.verifier_key),
        ("its file", format!("{}; back it up, and copy it to every machine of the service", done.file.display())),
        ("the key before", format!("{} signs the log's heads too until {}", done.old.id, output::when(&until))),
        ("tell", "witnesses and verifiers of the log: they need the new verifier key by then".to_owned()),
    ]))
}

async fn retire(args: Retire) -> Result<Exit, Failure> {
    let reason = reason(&args.reason)?;
    let (app, console) = open(&args.config).await?;
    let key = ops::retire(&app, &console, &args.id, &reason).await?;
    print(&format!("the key {} signs no more; what it signed goes on verifying", key.id))
}

fn reason(text: &str) -> Result<String, Failure> {
    let line = Line::parse_required(text).map_err(|e| Failure::new(Exit::Usage, format!("--reason: {}", e.0)))?;
    Ok(line.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_key_stays_on_one_line_however_narrow_the_terminal_is() {
        let verifier_key = format!("a-log-with-a-long-name.example.org/plimsoll+c74f20a3+{}", "A".repeat(44));
        let key = RegistryKeyView {
            id: "c74f20a3".to_owned(),
            state: "active".to_owned(),
            verifier_key: verifier_key.clone(),
            public_key_pem: String::new(),
            endorsement: None,
            signs_from: "2026-01-02T03:04:05Z".to_owned(),
            signs_until: None,
        };
        for width in [0, 1, 40, 80] {
            let mut table = table_of(vec![key.clone()]);
            table.set_width(width);
            let text = output::text(&table);
            assert!(text.lines().any(|line| line.ends_with(&verifier_key)), "{width}\n{text}");
        }
    }
}
