//! The row of a record against its leaf: the columns are there for searching, and say what the
//! leaf says or are not believed.

use crate::{
    audit::leaf::{Leaf, LeafError},
    core::clock::rfc3339,
    crypto::{hex, merkle},
    db::entity::audit_event,
};

/// The leaf of a row, and the columns that say something else.
pub fn read(row: &audit_event::Model) -> Result<(Leaf, Vec<&'static str>), LeafError> {
    let leaf = Leaf::parse(&row.leaf)?;
    let (object_kind, object_id) = leaf.object.clone().map(|object| (object.kind, object.id)).unzip();
    let columns = [
        // Events are counted from 1; what refers to 0 refers to nothing.
        ("id", 0 < row.id),
        ("at", rfc3339(row.at) == leaf.at),
        ("workspace_id", row.workspace_id.map(|id| id.to_string()) == leaf.workspace),
        ("actor_id", row.actor_id.map(|id| id.to_string()) == leaf.actor.id),
        ("action", row.action == leaf.action),
        ("outcome", row.outcome == leaf.outcome.name()),
        ("object_kind", row.object_kind == object_kind),
        ("object_id", row.object_id == object_id),
        ("leaf_hash", row.leaf_hash == hex::encode(&merkle::leaf_hash(row.leaf.as_bytes()))),
    ];
    Ok((leaf, columns.into_iter().filter(|(_, agrees)| !agrees).map(|(column, _)| column).collect()))
}

/// Why a row may not get a place: somebody wrote it past the service.
pub fn doubt(row: &audit_event::Model) -> Option<String> {
    match read(row) {
        Ok((_, columns)) if columns.is_empty() => None,
        Ok((_, columns)) => Some(format!("event {}: {} not as in its leaf", row.id, columns.join(", "))),
        Err(error) => Some(format!("event {}: {error}", row.id)),
    }
}
