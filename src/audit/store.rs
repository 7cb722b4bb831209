//! The only SQL about the log's order, tree and checkpoints.

use crate::{
    audit::{Head, mentions},
    authz::Scope,
    core::ids::WorkspaceId,
    crypto::{
        hex,
        merkle::{self, Hash},
    },
    db::{
        Bookkeeping, Reader,
        entity::{audit_checkpoint, audit_cosignature, audit_event, audit_head, audit_leaf, audit_node, audit_pending},
        slices,
    },
    error::Error,
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};
use std::collections::HashMap;

/// Rows per statement: well under every database's limit of parameters.
const CHUNK: usize = 500;

/// The size of the tree, locked: only one sequencer extends it at a time.
pub async fn lock_head(tx: &Bookkeeping) -> Result<u64, Error> {
    let row = audit_head::Entity::find_by_id(1).lock_exclusive().one(&tx.conn()).await?;
    let row = row.ok_or_else(|| Error::internal("the log has no head row"))?;
    u64::try_from(row.size).map_err(Error::internal)
}

/// Committed events without a place, in the order of their ids.
///
/// An event is the last thing that its transaction writes, when it holds the locks of every row
/// that it changed; so of two that changed the same row the later one has the higher id, and so
/// has one that began after the other was committed.
pub async fn pending(tx: &Bookkeeping, limit: u64) -> Result<Vec<audit_event::Model>, Error> {
    let mut waiting = Query::select();
    waiting.column(audit_pending::Column::EventId).from(audit_pending::Entity);
    let rows = audit_event::Entity::find()
        .filter(audit_event::COLUMN.id.in_subquery(waiting))
        .order_by_asc(audit_event::Column::Id)
        .limit(limit)
        .all(&tx.conn())
        .await?;
    Ok(rows)
}

pub async fn nodes_in(tx: &Bookkeeping, positions: &[u64]) -> Result<HashMap<u64, Hash>, Error> {
    let wanted = positions.iter().map(|p| i64::try_from(*p)).collect::<Result<Vec<_>, _>>().map_err(Error::internal)?;
    let rows = audit_node::Entity::find().filter(audit_node::COLUMN.position.is_in(wanted)).all(&tx.conn()).await?;
    rows.into_iter().map(to_node).collect()
}

pub async fn nodes(reader: &Reader<'_>, positions: &[u64]) -> Result<HashMap<u64, Hash>, Error> {
    let mut all = HashMap::new();
    for chunk in positions.chunks(CHUNK) {
        let wanted = chunk.iter().map(|p| i64::try_from(*p)).collect::<Result<Vec<_>, _>>().map_err(Error::internal)?;
        let rows =
            audit_node::Entity::find().filter(audit_node::COLUMN.position.is_in(wanted)).all(reader.conn()).await?;
        for row in rows {
            let (position, hash) = to_node(row)?;
            all.insert(position, hash);
        }
    }
    Ok(all)
}

/// Gives events their places and the tree its new nodes.
pub async fn extend(
    tx: &Bookkeeping,
    first: u64,
    events: &[audit_event::Model],
    nodes: &[(u64, Hash)],
) -> Result<(), Error> {
    let size = first + events.len() as u64;
    let signed = |n: u64| i64::try_from(n).map_err(Error::internal);
    let leaves = events
        .iter()
        .zip(first..)
        .map(|(event, seq)| Ok(audit_leaf::ActiveModel { seq: Set(signed(seq)?), event_id: Set(event.id) }))
        .collect::<Result<Vec<_>, Error>>()?;
    let nodes = nodes
        .iter()
        .map(|(position, hash)| {
            Ok(audit_node::ActiveModel { position: Set(signed(*position)?), hash: Set(hex::encode(hash)) })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    for slice in slices(&leaves) {
        audit_leaf::Entity::insert_many(slice.to_vec()).exec_without_returning(&tx.conn()).await?;
    }
    for slice in slices(&nodes) {
        audit_node::Entity::insert_many(slice.to_vec()).exec_without_returning(&tx.conn()).await?;
    }
    let mut placed = Query::select();
    placed.column(audit_leaf::Column::EventId).from(audit_leaf::Entity);
    placed.and_where(audit_leaf::COLUMN.seq.gte(signed(first)?));
    audit_pending::Entity::delete_many()
        .filter(audit_pending::COLUMN.event_id.in_subquery(placed))
        .exec(&tx.conn())
        .await?;
    mentions::store::extend(tx, first, events).await?;
    audit_head::Entity::update_many()
        .col_expr(audit_head::Column::Size, Expr::value(signed(size)?))
        .filter(audit_head::COLUMN.id.eq(1))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// Makes a head readable.
pub async fn insert_checkpoint(tx: &Bookkeeping, head: &Head, root: &Hash) -> Result<(), Error> {
    let row = audit_checkpoint::ActiveModel {
        size: Set(i64::try_from(head.size).map_err(Error::internal)?),
        root: Set(hex::encode(root)),
        note: Set(head.note.clone()),
        created_at: Set(tx.at()),
    };
    audit_checkpoint::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// The size of the last signed head; 0 if there is none.
pub async fn signed_size(tx: &Bookkeeping) -> Result<u64, Error> {
    let row = audit_checkpoint::Entity::find().order_by_desc(audit_checkpoint::Column::Size).one(&tx.conn()).await?;
    row.map_or(Ok(0), |row| u64::try_from(row.size).map_err(Error::internal))
}

/// The size of the tree, signed or not.
pub async fn size(reader: &Reader<'_>) -> Result<u64, Error> {
    let row = audit_head::Entity::find_by_id(1).one(reader.conn()).await?;
    let row = row.ok_or_else(|| Error::internal("the log has no head row"))?;
    u64::try_from(row.size).map_err(Error::internal)
}

pub async fn head(reader: &Reader<'_>) -> Result<Option<Head>, Error> {
    let row = audit_checkpoint::Entity::find().order_by_desc(audit_checkpoint::Column::Size).one(reader.conn()).await?;
    row.map(|row| Ok(Head { size: u64::try_from(row.size).map_err(Error::internal)?, note: row.note })).transpose()
}

/// The newest head over at most so many leaves.
pub async fn head_up_to(reader: &Reader<'_>, size: u64) -> Result<Option<Head>, Error> {
    let row = audit_checkpoint::Entity::find()
        .filter(audit_checkpoint::COLUMN.size.lte(i64::try_from(size).map_err(Error::internal)?))
        .order_by_desc(audit_checkpoint::Column::Size)
        .one(reader.conn())
        .await?;
    row.map(|row| Ok(Head { size: u64::try_from(row.size).map_err(Error::internal)?, note: row.note })).transpose()
}

/// The newest head that at least so many witnesses signed, and at least one.
pub async fn cosigned_head(reader: &Reader<'_>, witnesses: u64) -> Result<Option<Head>, Error> {
    let count = Expr::col(audit_cosignature::Column::Witness).count();
    let size: Option<i64> = audit_cosignature::Entity::find()
        .select_only()
        .column(audit_cosignature::Column::Size)
        .group_by(audit_cosignature::Column::Size)
        .having(count.gte(i64::try_from(witnesses).unwrap_or(i64::MAX)))
        .order_by_desc(audit_cosignature::Column::Size)
        .limit(1)
        .into_tuple()
        .one(reader.conn())
        .await?;
    let Some(size) = size else { return Ok(None) };
    let row = audit_checkpoint::Entity::find_by_id(size).one(reader.conn()).await?;
    row.map(|row| Ok(Head { size: u64::try_from(row.size).map_err(Error::internal)?, note: row.note })).transpose()
}

/// The signature lines of witnesses below the head of this size.
pub async fn cosignatures(reader: &Reader<'_>, size: u64) -> Result<String, Error> {
    let rows = audit_cosignature::Entity::find()
        .filter(audit_cosignature::COLUMN.size.eq(i64::try_from(size).map_err(Error::internal)?))
        .order_by_asc(audit_cosignature::Column::Witness)
        .all(reader.conn())
        .await?;
    Ok(rows.into_iter().map(|row| row.line).collect())
}

/// The largest size that this witness signed; 0 if none.
pub async fn cosigned_size(reader: &Reader<'_>, witness: &str) -> Result<u64, Error> {
    let row = audit_cosignature::Entity::find()
        .filter(audit_cosignature::COLUMN.witness.eq(witness))
        .order_by_desc(audit_cosignature::Column::Size)
        .one(reader.conn())
        .await?;
    row.map_or(Ok(0), |row| u64::try_from(row.size).map_err(Error::internal))
}

/// Another process may have kept the same one already.
pub async fn insert_cosignature(tx: &Bookkeeping, size: u64, witness: &str, line: &str) -> Result<(), Error> {
    let row = audit_cosignature::ActiveModel {
        size: Set(i64::try_from(size).map_err(Error::internal)?),
        witness: Set(witness.to_owned()),
        line: Set(line.to_owned()),
        created_at: Set(tx.at()),
    };
    let columns = [audit_cosignature::Column::Size, audit_cosignature::Column::Witness];
    let keep = OnConflict::columns(columns).do_nothing().to_owned();
    audit_cosignature::Entity::insert(row).on_conflict(keep).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// Leaves `from..to`, in their order.
pub async fn leaves(reader: &Reader<'_>, from: u64, to: u64) -> Result<Vec<String>, Error> {
    Ok(rows(reader, from, to).await?.into_iter().map(|row| row.leaf).collect())
}

/// The rows of the leaves `from..to`, in their order.
pub async fn rows(reader: &Reader<'_>, from: u64, to: u64) -> Result<Vec<audit_event::Model>, Error> {
    let ids: Vec<_> = places(reader, from, to).await?.iter().map(|place| place.event_id).collect();
    let mut rows = HashMap::new();
    for chunk in ids.chunks(CHUNK) {
        let found = audit_event::Entity::find().filter(audit_event::COLUMN.id.is_in(chunk.to_vec()));
        rows.extend(found.all(reader.conn()).await?.into_iter().map(|row| (row.id, row)));
    }
    ids.iter().map(|id| rows.remove(id).ok_or_else(|| Error::internal(format!("event {id} is missing")))).collect()
}

async fn places(reader: &Reader<'_>, from: u64, to: u64) -> Result<Vec<audit_leaf::Model>, Error> {
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let rows = audit_leaf::Entity::find()
        .filter(audit_leaf::COLUMN.seq.gte(signed(from)))
        .filter(audit_leaf::COLUMN.seq.lt(signed(to)))
        .order_by_asc(audit_leaf::Column::Seq)
        .all(reader.conn())
        .await?;
    Ok(rows)
}

/// Of the leaves `from..to` those of one workspace, with their places, in their order.
pub async fn leaves_of(
    reader: &Reader<'_>,
    workspace: WorkspaceId,
    from: u64,
    to: u64,
) -> Result<Vec<(u64, String)>, Error> {
    let places = places(reader, from, to).await?;
    let mut found = Vec::new();
    for chunk in places.chunks(CHUNK) {
        let ids: Vec<_> = chunk.iter().map(|place| place.event_id).collect();
        let rows =
            visible(Scope::Workspace(workspace)).filter(audit_event::COLUMN.id.is_in(ids)).all(reader.conn()).await?;
        let mut leaves: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row.leaf)).collect();
        for place in chunk {
            let index = u64::try_from(place.seq).map_err(Error::internal)?;
            found.extend(leaves.remove(&place.event_id).map(|leaf| (index, leaf)));
        }
    }
    Ok(found)
}

/// Whether the leaf at a place belongs to the scope: what another tenant did is not there.
pub async fn is_visible(reader: &Reader<'_>, index: u64) -> Result<bool, Error> {
    let index = i64::try_from(index).unwrap_or(-1);
    let Some(place) = audit_leaf::Entity::find_by_id(index).one(reader.conn()).await? else { return Ok(false) };
    let row = visible(reader.scope()).filter(audit_event::COLUMN.id.eq(place.event_id)).one(reader.conn()).await?;
    Ok(row.is_some())
}

fn visible(scope: Scope) -> Select<audit_event::Entity> {
    match scope {
        Scope::Instance => audit_event::Entity::find(),
        Scope::Workspace(id) => audit_event::Entity::find().filter(audit_event::COLUMN.workspace_id.eq(id)),
    }
}

fn to_node(row: audit_node::Model) -> Result<(u64, Hash), Error> {
    let position = u64::try_from(row.position).map_err(Error::internal)?;
    let digest = crate::core::digest::Digest::from_hex(&row.hash).map_err(|e| Error::internal(e.0))?;
    Ok((position, *digest.bytes()))
}

pub fn leaf_hash(event: &audit_event::Model) -> Hash {
    merkle::leaf_hash(event.leaf.as_bytes())
}
