use crate::{
    app::App,
    audit::{
        guard,
        replay::{
            Comparison, Difference, Fault, Tables,
            compare::{MAX_NAMED, compare},
            store,
        },
        store as log,
    },
    authz::policy,
    core::words::with_verb,
    crypto::merkle::{CompactRange, leaf_hash},
    error::Error,
};

/// Leaves per read.
const PAGE: u64 = 1_000;

/// Replays the whole log of this registry and compares with what its tables hold, both as they are
/// at one moment. For the operator: it reads every workspace.
///
/// # Errors
/// When the records are not those that were signed, or do not follow from each other.
pub async fn compare_tables(app: &App) -> Result<Comparison, Error> {
    // A copy that was put back may agree with itself.
    guard::check_now(app).await?;
    let snapshot = app.db.snapshot(&policy::upkeep()).await?;
    let reader = snapshot.reader();
    let head = log::head(&reader).await?;
    let signed = head.as_ref().map(|head| app.signer.open_checkpoint(&head.note)).transpose();
    let signed = signed.map_err(|e| broken(format!("the last signed head is not this registry's: {e}")))?;
    let mut tree = CompactRange::new();
    let mut tables = Tables::default();
    let mut altered = Vec::new();
    loop {
        if let Some(head) = signed.as_ref().filter(|head| head.size == tree.size() && head.root != tree.root()) {
            return Err(broken(format!("the first {} records are not those that were signed", head.size)));
        }
        let end = signed.as_ref().filter(|head| tree.size() < head.size).map_or(u64::MAX, |head| head.size);
        let rows = store::placed(&reader, tree.size(), end.min(tree.size() + PAGE)).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            tree.append(leaf_hash(row.text.as_bytes()));
            altered.extend(apply(&mut tables, row)?);
        }
    }
    let signed = signed.map_or(0, |head| head.size);
    if tree.size() < signed {
        return Err(broken(format!(
            "{} signed, and {} there",
            with_verb(signed, "record", ["was", "were"]),
            with_verb(tree.size(), "record", ["is", "are"])
        )));
    }
    let mut records = tree.size();
    for row in store::unplaced(&reader).await? {
        altered.extend(apply(&mut tables, row)?);
        records += 1;
    }
    for (table, key) in store::left_over(&reader).await? {
        altered.push(Difference { table, key, fault: Fault::LeftBehind });
    }
    let stored = store::tables(&reader).await?;
    let mut found = compare(&tables, &stored);
    found.differing += altered.len();
    found.differences.splice(0..0, altered);
    found.differences.truncate(MAX_NAMED);
    Ok(Comparison { records, signed, ..found })
}

/// What the row of a record has otherwise than its leaf, which is what counts.
fn apply(tables: &mut Tables, row: store::Record) -> Result<Option<Difference>, Error> {
    let (leaf, columns) = row.read.map_err(|e| broken(format!("event {}: {e}", row.id)))?;
    tables.apply(&leaf.changes).map_err(|e| broken(format!("event {}: {e}", row.id)))?;
    let columns: Vec<_> = columns.into_iter().map(str::to_owned).collect();
    let fault = (!columns.is_empty()).then_some(Fault::Changed { columns });
    Ok(fault.map(|fault| Difference { table: "audit_event".to_owned(), key: row.id.to_string(), fault }))
}

fn broken(what: String) -> Error {
    let next = "the log was changed past the service; restore the database from a copy that has the signed records";
    Error::conflict("log_broken", format!("{what}; {next}"))
}
