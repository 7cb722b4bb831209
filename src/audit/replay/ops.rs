use crate::{
    app::App,
    audit::{
        leaf::Leaf,
        replay::{Comparison, Tables, compare::compare, store},
        store as log,
    },
    authz::policy,
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
    let snapshot = app.db.snapshot(&policy::upkeep()).await?;
    let reader = snapshot.reader();
    let head = log::head(&reader).await?;
    let signed = head.as_ref().map(|head| app.signer.open_checkpoint(&head.note)).transpose();
    let signed = signed.map_err(|e| broken(format!("the last signed head is not this registry's: {e}")))?;
    let mut tree = CompactRange::new();
    let mut tables = Tables::default();
    loop {
        if let Some(head) = signed.as_ref().filter(|head| head.size == tree.size() && head.root != tree.root()) {
            return Err(broken(format!("the first {} records are not those that were signed", head.size)));
        }
        let end = signed.as_ref().filter(|head| tree.size() < head.size).map_or(u64::MAX, |head| head.size);
        let leaves = log::leaves(&reader, tree.size(), end.min(tree.size() + PAGE)).await?;
        if leaves.is_empty() {
            break;
        }
        for text in leaves {
            apply(&mut tables, tree.size(), &text)?;
            tree.append(leaf_hash(text.as_bytes()));
        }
    }
    let signed = signed.map_or(0, |head| head.size);
    if tree.size() < signed {
        return Err(broken(format!("{signed} records were signed, and {} are there", tree.size())));
    }
    let mut records = tree.size();
    for text in store::unplaced(&reader).await? {
        apply(&mut tables, records, &text)?;
        records += 1;
    }
    let stored = store::tables(&reader).await?;
    Ok(Comparison { records, signed, ..compare(&tables, &stored) })
}

fn apply(tables: &mut Tables, index: u64, text: &str) -> Result<(), Error> {
    let leaf = Leaf::parse(text).map_err(|e| broken(format!("record {index}: {e}")))?;
    tables.apply(&leaf.changes).map_err(|e| broken(format!("record {index} does not follow: {e}")))
}

fn broken(what: String) -> Error {
    let next = "the log was changed past the service; restore the database from a copy that has the signed records";
    Error::conflict("log_broken", format!("{what}; {next}"))
}
