//! Whether the log may be extended: only if the tree in the database goes on from every
//! head that was signed before. A database that was restored from an older copy, or that
//! somebody rewrote, would otherwise give two logs under one name.

use crate::{
    app::App,
    audit::{Head, kept_head::Kept, store},
    authz::policy,
    core::words::counted,
    crypto::{
        checkpoint::Checkpoint,
        merkle::{self, Hash},
    },
    error::Error,
    keys,
};
use std::collections::HashMap;

/// The code of every refusal to extend the log.
pub const REFUSED: &str = "log_refused";

pub fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Unavailable { code: REFUSED, .. })
}

/// Checks the tree as the database has it now.
pub async fn check_now(app: &App) -> Result<(), Error> {
    let size = store::size(&app.db.read(&policy::upkeep())).await?;
    check(app, size).await.map(drop)
}

/// Checks that the tree of `size` leaves goes on from the last signed heads: those in the
/// kept files, and the database's own; and that no witness saw another one. All its nodes
/// must be committed.
///
/// Returns the database's head if a file lacks it, because another process signed it: keep
/// it, so that this process, too, notices when the database is put back.
pub async fn check(app: &App, size: u64) -> Result<Option<Head>, Error> {
    // Whatever was rotated or retired meanwhile, here or by another process.
    keys::ops::refresh(app).await?;
    app.signer.check().map_err(|why| refuse(why, RESTORE_KEY))?;
    if let Some((witness, why)) = app.objections.first() {
        return Err(refuse(format!("the witness {witness} objects: {why}"), WITNESS));
    }
    let mut heads: Vec<(String, Checkpoint)> = Vec::new();
    let kept = app.kept_head.read().await?;
    let mut is_everywhere = kept.len() == app.kept_head.places();
    for Kept { file, note } in kept {
        let place = file.display().to_string();
        let head = app.signer.open_checkpoint(&note).map_err(|why| refuse(format!("{place}: {why}"), RESTORE_FILE))?;
        heads.push((place, head));
    }
    let last = store::head(&app.db.read(&policy::upkeep())).await?;
    if let Some(last) = &last {
        is_everywhere &= heads.iter().all(|(_, head)| last.size <= head.size);
        let place = "the database's last checkpoint".to_owned();
        let head = app.signer.open_checkpoint(&last.note).map_err(|why| refuse(format!("{place}: {why}"), RESTORE))?;
        heads.push((place, head));
    }
    heads.dedup_by(|a, b| a.1 == b.1);
    for (place, head) in heads {
        extends(app, size, &place, &head).await?;
    }
    Ok(last.filter(|_| !is_everywhere))
}

async fn extends(app: &App, size: u64, place: &str, head: &Checkpoint) -> Result<(), Error> {
    if size < head.size {
        let what = format!(
            "the audit log in the database has {}, but a head over {} was signed ({place})",
            counted(size, "record"),
            head.size
        );
        return Err(refuse(what, RESTORE));
    }
    let wanted = [
        merkle::consistency_positions(head.size, size),
        merkle::root_positions(head.size),
        merkle::root_positions(size),
    ];
    let nodes = store::nodes(&app.db.read(&policy::upkeep()), &wanted.concat()).await?;
    let held = (|| {
        let proof = merkle::consistency_proof(head.size, size, |position| nodes.get(&position).copied())?;
        let new = root(size, &nodes)?;
        // The old root as the database has it, so that equal sizes are compared too.
        let old = root(head.size, &nodes)?;
        Some(old == head.root && merkle::check_consistency(head.size, head.root, size, new, &proof))
    })();
    match held {
        Some(true) => Ok(()),
        _ => {
            let what = format!(
                "the audit log in the database is not the one whose head over {} was signed ({place})",
                counted(head.size, "record")
            );
            Err(refuse(what, RESTORE))
        }
    }
}

fn root(size: u64, nodes: &HashMap<u64, Hash>) -> Option<Hash> {
    let peaks: Option<Vec<_>> = merkle::root_positions(size).iter().map(|p| nodes.get(p).copied()).collect();
    Some(merkle::root_from(size, &peaks?))
}

const RESTORE: &str = "The database was restored from an older copy, or changed past the service. Nothing more is \
    signed, so that no second log comes to be under this name; reading goes on. Restore a copy of the database that \
    has all signed records. If there is none, records are lost for good: tell those who rely on the log, keep the \
    signed head for them, and only then move its file away";
const WITNESS: &str = "Nothing more is signed, so that no second log comes to be under this name; reading goes on. \
    Restore a copy of the database that has all signed records: the witness is asked every second, and signing goes on \
    when it signs again. If it is the witness that is wrong, start without it (--witness), and tell its operator";
const RESTORE_FILE: &str = "The last signed head of the audit log is kept there, and it must be one that this \
    registry's key signed. Nothing more is signed; restore the file, or the signing key that belongs to it";
const RESTORE_KEY: &str = "Nothing more is signed; bring the file of that key here. If it is lost for good, \
    `plimsoll admin key rotate --overlap 0d` makes another one, which everybody who pinned the old one must then pin";

fn refuse(what: String, next: &str) -> Error {
    Error::Unavailable { code: REFUSED, detail: format!("{what}. {next}") }
}
