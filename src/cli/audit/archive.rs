//! Verifying an archive, and saying plainly what that showed.

use super::{unreadable, verify::refuted};
use crate::{
    audit::archive::{
        Extent,
        verify::{Checked, verify as check},
    },
    cli::{Exit, Failure, output, print},
    core::words::counted,
    crypto::cosignature::WitnessKey,
};
use chrono::DateTime;
use serde_json::json;
use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

/// Where a tar header says that it is one.
const MAGIC: (usize, &[u8]) = (257, b"ustar");
const BUFFER_BYTES: usize = 1 << 20;

/// Whether the file begins as a tar file does.
pub fn is_archive(file: &Path) -> Result<bool, Failure> {
    if file.is_dir() {
        return Ok(false);
    }
    let mut first = Vec::new();
    let open = File::open(file).map_err(|e| unreadable(file, &e))?;
    open.take(512).read_to_end(&mut first).map_err(|e| unreadable(file, &e))?;
    Ok(first.get(MAGIC.0..).is_some_and(|rest| rest.starts_with(MAGIC.1)))
}

pub fn verify(file: &Path, key: &str, older: &[String], witnesses: &[String], json: bool) -> Result<Exit, Failure> {
    let parse =
        |text: &String| WitnessKey::parse(text).map_err(|e| Failure::new(Exit::Usage, format!("--witness: {e}")));
    let keys = witnesses.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let input = BufReader::with_capacity(BUFFER_BYTES, File::open(file).map_err(|e| unreadable(file, &e))?);
    let checked = check(input, key, older, &keys).map_err(|e| refuted(file, &e))?;
    if json {
        return output::json(&json!({
            "verified": true, "extent": checked.manifest.extent, "workspace": checked.manifest.workspace,
            "origin": checked.log.origin, "size": checked.log.size, "root": checked.log.root,
            "records": checked.manifest.records, "first_at": checked.log.first_at, "last_at": checked.log.last_at,
            "exported_at": checked.manifest.exported_at, "earlier_heads": checked.heads,
            "heads_of_other_keys": checked.heads_of_other_keys, "since": older.len(),
            "witnesses": checked.witnesses.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "other_signatures": checked.other_signatures, "followed_keys": checked.followed,
        }));
    }
    print(&output::fields(&said(file, &checked, older.len())))
}

fn said(file: &Path, checked: &Checked, since: usize) -> Vec<(&'static str, String)> {
    let (log, manifest) = (&checked.log, &checked.manifest);
    let is_log = manifest.extent == Extent::Log;
    let mut said = vec![
        ("verified", format!("{}: every byte is as the registry signed it", file.display())),
        ("log", log.origin.clone()),
        ("head", format!("{}, root {}; the registry's signature holds", counted(log.size, "record"), log.root)),
    ];
    if !checked.followed.is_empty() {
        said.push(("keys", output::followed(&checked.followed)));
    }
    match is_log {
        true => said.push(("records", format!("all {}: none was changed, removed, added or moved", log.size))),
        false => {
            let workspace = manifest.workspace.as_deref().unwrap_or_default();
            said.push((
                "records",
                format!("{} of workspace {workspace}, each proven to be in the log", manifest.records),
            ));
            said.push(("not shown", "that these are all of them: that is what the registry says and signs".to_owned()));
        }
    }
    said.push(("first", output::when(log.first_at.as_deref().unwrap_or_default())));
    said.push(("last", output::when(log.last_at.as_deref().unwrap_or_default())));
    said.push(("exported", output::when(&manifest.exported_at)));
    if is_log {
        said.push((
            "goes on from",
            format!("{} in the archive, {since} that you kept", counted(checked.heads, "earlier head")),
        ));
    }
    if checked.heads_of_other_keys != 0 {
        said.push((
            "not checked",
            format!("{} that another key signed", counted(checked.heads_of_other_keys, "earlier head")),
        ));
    }
    for (name, seconds) in &checked.witnesses {
        let at = i64::try_from(*seconds).ok().and_then(|at| DateTime::from_timestamp(at, 0));
        said.push((
            "witness",
            format!("{name} saw it at {}", at.map_or_else(String::new, |at| output::when(&at.to_rfc3339()))),
        ));
    }
    if checked.other_signatures != 0 {
        let more = counted(checked.other_signatures, "more signature");
        said.push(("not checked", format!("{more} below the head; give --witness VKEY for each")));
    }
    said
}
