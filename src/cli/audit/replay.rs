//! The tables that an export of the log tells of.

use super::{archive, read_small, unreadable};
use crate::{
    audit::{
        archive::verify::verify as verify_archive,
        replay::file::{Form, Replayed, replay},
        verify::verify,
    },
    cli::{Exit, Failure, output, print},
    core::{
        clock::{Clock, MOMENT, moment, rfc3339},
        words::with_verb,
    },
};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Map, Value, json};
use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

const BUFFER_BYTES: usize = 1 << 20;

#[derive(Args)]
pub struct Replay {
    /// An export of the log: an archive, or lines.
    file: PathBuf,
    /// A file with the registry's verifier key: the export is verified first.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Only what was logged until then: a day, which means its end in UTC, or a time in RFC 3339.
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Print the rows of this table, such as `release`, as JSON; texts of people are salted hashes.
    #[arg(long)]
    table: Option<String>,
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub fn run(self) -> Result<Exit, Failure> {
        let at = self.as_of.as_deref().map(|raw| moment(raw, Clock::System.now()));
        let at = at.map(|at| at.ok_or_else(|| Failure::new(Exit::Usage, MOMENT))).transpose()?;
        let told = replayed(&self.file, &self.key_file, at)?;
        if let Some(end) = beyond(&told, at) {
            say!("note: the export ends at {}; what came later is not in it", output::when(&end));
        }
        let Replayed { tables, records, .. } = told;
        if let Some(table) = &self.table {
            let rows: Map<_, _> = tables.rows(table).map(|(key, row)| (key.clone(), json!(row))).collect();
            return output::json(&Value::Object(rows));
        }
        if self.json {
            let counts: Map<_, _> = tables.counts().into_iter().map(|(t, n)| (t.to_owned(), json!(n))).collect();
            return output::json(&json!({"records": records, "rows": counts}));
        }
        let mut shown = output::table(&["table", "rows"]);
        for (table, rows) in tables.counts() {
            shown.add_row([table.to_owned(), rows.to_string()]);
        }
        let records = with_verb(records, "record", ["gives", "give"]);
        print(&format!("{records} these tables\n{}", output::text(&shown)))
    }
}

/// Verifies an export, lines or archive, and replays it.
pub fn replayed(file: &Path, key_file: &Path, until: Option<DateTime<Utc>>) -> Result<Replayed, Failure> {
    if until.is_some_and(|until| Clock::System.now() < until) {
        return Err(Failure::new(Exit::Usage, "that is in the future; ask for a time that has passed"));
    }
    let key = read_small(key_file)?;
    let reader = || File::open(file).map(|file| BufReader::with_capacity(BUFFER_BYTES, file));
    let first = || reader().map_err(|e| unreadable(file, &e));
    let form = if archive::is_archive(file)? { Form::Archive } else { Form::Lines };
    match form {
        Form::Lines => drop(verify(first()?, key.trim()).map_err(|e| super::verify::refuted(file, &e))?),
        Form::Archive => {
            drop(verify_archive(first()?, key.trim(), &[], &[]).map_err(|e| super::verify::refuted(file, &e))?)
        }
    }
    let until = until.map(rfc3339);
    replay(reader, form, until.as_deref()).map_err(|e| super::verify::refuted(file, &e))
}

/// What an export can't know, if a time after its last record was asked for.
pub fn beyond(replayed: &Replayed, until: Option<DateTime<Utc>>) -> Option<String> {
    let (ends_at, until) = (replayed.ends_at.as_ref()?, until?);
    (*ends_at < rfc3339(until)).then(|| ends_at.clone())
}
