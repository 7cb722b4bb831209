//! The state on any date, from the service or from an export.

use crate::{
    audit::{
        asof::{Person, State, api::AsOfView},
        replay,
    },
    cli::{Exit, Failure, output, print, session::Session},
    config::Client as Connection,
    core::clock::{Clock, MOMENT, moment, rfc3339},
};
use clap::Args;
use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  plimsoll asof 2026-03-01 --env production\n  plimsoll asof 2026-03-01T12:00:00Z --model credit-risk --json\n  plimsoll asof 2026-03-01 --log log.tar --key-file registry.vkey    (offline)"
)]
pub struct AsOf {
    /// A day, which means its end in UTC, or a time in RFC 3339.
    at: String,
    /// Only this environment.
    #[arg(long = "env", value_name = "NAME")]
    environment: Option<String>,
    /// Only this model.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Replay this export of the log instead of asking a service; accounts have ids only.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    log: Option<PathBuf>,
    /// The registry's verifier key, to verify the export before.
    #[arg(long, value_name = "FILE", requires = "log")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl AsOf {
    pub async fn run(self) -> Result<Exit, Failure> {
        let view = match (&self.log, &self.key_file) {
            (Some(log), Some(key_file)) => self.offline(log, key_file)?,
            _ => self.online().await?,
        };
        if self.json {
            return output::json(&view);
        }
        print(&said(&view))
    }

    async fn online(&self) -> Result<AsOfView, Failure> {
        let client = Session::open(&self.connection)?.client;
        let mut query = vec![("at", self.at.as_str())];
        query.extend(self.environment.as_deref().map(|name| ("environment", name)));
        query.extend(self.model.as_deref().map(|name| ("model", name)));
        client.get(&["asof"], &query).await
    }

    fn offline(&self, log: &std::path::Path, key_file: &std::path::Path) -> Result<AsOfView, Failure> {
        let at = moment(&self.at, Clock::System.now()).ok_or_else(|| Failure::new(Exit::Usage, MOMENT))?;
        let replayed = super::audit::replayed(log, key_file, Some(at))?;
        let end = super::audit::beyond(&replayed, Some(at));
        if let Some(end) = &end {
            say!("note: the export ends at {}; what came later is not in it", output::when(end));
        }
        let wanted = crate::audit::asof::Selection { environment: self.environment.clone(), model: self.model.clone() };
        let state = crate::audit::asof::state(&replayed.tables, &wanted, &BTreeMap::new());
        let replay::file::Replayed { records, .. } = replayed;
        Ok(AsOfView { at: end.unwrap_or_else(|| rfc3339(at)), records, state })
    }
}

fn said(view: &AsOfView) -> String {
    let State { environments, models, open_requests, roles } = &view.state;
    let mut text = format!("as of {}\n", output::when(&view.at));
    let mut part = |title: &str, header: &[&str], rows: Vec<Vec<String>>| {
        let mut table = output::table(header);
        let none = rows.is_empty();
        for row in rows {
            table.add_row(row);
        }
        let body = if none { "none".to_owned() } else { output::text(&table) };
        // Writing to a string can't fail.
        let _ = write!(text, "\n{title}\n{body}\n");
    };
    let releases = environments.iter().flat_map(|e| e.releases.iter().map(move |r| (e, r)));
    let release_row = |(e, r): (&crate::audit::asof::EnvironmentState, &crate::audit::asof::ReleaseState)| {
        let people: Vec<_> = r.approved_by.iter().map(person).collect();
        let version = format!("{}@{}", r.model, r.version);
        vec![
            e.name.clone(),
            version,
            r.version_state.clone(),
            output::when(&r.since),
            people.join(", "),
            r.version_digest.clone(),
        ]
    };
    part(
        "releases",
        &["environment", "version", "state", "since", "approved by", "digest"],
        releases.map(release_row).collect(),
    );
    let documents = environments.iter().flat_map(|e| e.documents.iter().map(move |(kind, r)| (e, kind, r)));
    let rows = documents
        .map(|(e, kind, r)| {
            vec![e.name.clone(), kind.clone(), r.revision.to_string(), output::when(&r.since), r.digest.clone()]
        })
        .collect();
    part("documents", &["environment", "document", "revision", "since", "digest"], rows);
    let rows = models.iter().map(|m| {
        let owners: Vec<_> = m.owners.iter().map(|(what, who)| format!("{what}: {}", person(who))).collect();
        let versions: Vec<_> = m.versions.iter().map(|v| format!("{} {}", v.number, v.state)).collect();
        vec![m.name.clone(), m.risk_tier.clone(), owners.join("\n"), versions.join(", ")]
    });
    part("models", &["model", "risk tier", "owners", "versions"], rows.collect());
    let rows = open_requests.iter().map(|r| {
        vec![format!("{}@{}", r.model, r.version), r.environment.clone(), r.state.clone(), output::when(&r.since)]
    });
    part("open requests", &["version", "environment", "state", "since"], rows.collect());
    let rows = roles.iter().map(|held| {
        let state = if held.account.active { "active" } else { "deactivated" };
        vec![person(&held.account), state.to_owned(), held.roles.join(", ")]
    });
    part("people and robots", &["account", "state", "roles"], rows.collect());
    text.trim_end().to_owned()
}

fn person(person: &Person) -> String {
    person.name.clone().unwrap_or_else(|| person.id.clone())
}
