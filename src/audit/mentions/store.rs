//! The only SQL that fills the table of mentions.

use crate::{
    audit::mentions::{self, Mentions, Part},
    core::ids::WorkspaceId,
    db::{
        Bookkeeping, Conn, Reader,
        entity::{
            accountability_record, audit_event, audit_leaf, audit_mention, audit_mentioned, break_glass, finding,
            model_version, promotion_request, rehearsal, release, reported_evidence, running_snapshot, validation_run,
            waiver,
        },
        slices,
    },
    error::Error,
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set,
    sea_query::{Expr, OnConflict},
};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Rows per statement: well under every database's limit of parameters.
const CHUNK: usize = 1_000;

/// What happened in no workspace is kept under this one, which nobody is in.
pub fn workspace_of(event: Option<WorkspaceId>) -> WorkspaceId {
    event.unwrap_or(WorkspaceId(Uuid::nil()))
}

/// How many leaves have their mentions.
pub async fn size(reader: &Reader<'_>) -> Result<u64, Error> {
    let row = audit_mentioned::Entity::find_by_id(1).one(reader.conn()).await?;
    size_of(row)
}

async fn size_in(tx: &Bookkeeping) -> Result<u64, Error> {
    size_of(audit_mentioned::Entity::find_by_id(1).one(&tx.conn()).await?)
}

fn size_of(row: Option<audit_mentioned::Model>) -> Result<u64, Error> {
    let row = row.ok_or_else(|| Error::internal("the log's mentions have no size"))?;
    u64::try_from(row.size).map_err(Error::internal)
}

/// The mentions of events that get the places from `first` on, unless earlier leaves still
/// lack theirs: then [`catch_up`] comes to these too. The head must be locked.
pub async fn extend(tx: &Bookkeeping, first: u64, events: &[audit_event::Model]) -> Result<(), Error> {
    match size_in(tx).await? == first {
        true => insert(tx, first, events).await,
        false => Ok(()),
    }
}

/// Adds the mentions of up to `limit` leaves that lack them; returns how many did. The head
/// must be locked, and `size` be that of the tree.
pub async fn catch_up(tx: &Bookkeeping, size: u64, limit: u64) -> Result<u64, Error> {
    let first = size_in(tx).await?;
    let last = size.min(first + limit);
    if last <= first {
        return Ok(0);
    }
    let signed = |n: u64| i64::try_from(n).map_err(Error::internal);
    let places: Vec<i64> = audit_leaf::Entity::find()
        .select_only()
        .column(audit_leaf::Column::EventId)
        .filter(audit_leaf::COLUMN.seq.gte(signed(first)?))
        .filter(audit_leaf::COLUMN.seq.lt(signed(last)?))
        .into_tuple()
        .all(&tx.conn())
        .await?;
    let events = audit_event::Entity::find().filter(audit_event::COLUMN.id.is_in(places)).all(&tx.conn()).await?;
    if events.len() as u64 != last - first {
        return Err(Error::internal("the log lacks events that have a place"));
    }
    insert(tx, first, &events).await?;
    Ok(last - first)
}

async fn insert(tx: &Bookkeeping, first: u64, events: &[audit_event::Model]) -> Result<(), Error> {
    let mut rows = Vec::new();
    let told: Vec<Mentions> = events.iter().map(|event| mentions::of_leaf(&event.leaf)).collect();
    let belongings = belongings(&tx.conn(), told.iter().flat_map(|told| &told.parts).copied().collect()).await?;
    for (event, Mentions { mut terms, parts }) in events.iter().zip(told) {
        terms.extend(parts.iter().filter_map(|(_, id)| belongings.get(id)).flatten().map(Uuid::to_string));
        rows.extend(terms.into_iter().map(|term| audit_mention::ActiveModel {
            object_id: Set(term),
            workspace_id: Set(workspace_of(event.workspace_id)),
            at: Set(event.at),
            event_id: Set(event.id),
        }));
    }
    // Some may be there, if somebody made the mentions again without emptying the table.
    let keep = OnConflict::new().do_nothing().to_owned();
    for slice in slices(&rows) {
        audit_mention::Entity::insert_many(slice.to_vec())
            .on_conflict(keep.clone())
            .exec_without_returning(&tx.conn())
            .await?;
    }
    let size = i64::try_from(first + events.len() as u64).map_err(Error::internal)?;
    audit_mentioned::Entity::update_many()
        .col_expr(audit_mentioned::Column::Size, Expr::value(size))
        .filter(audit_mentioned::COLUMN.id.eq(1))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// What the parts belong to, by part: version, model, environment.
pub async fn belongings(conn: &Conn<'_>, parts: BTreeSet<(Part, Uuid)>) -> Result<HashMap<Uuid, Vec<Uuid>>, Error> {
    let all =
        |wanted: Part| parts.iter().filter(move |(part, _)| *part == wanted).map(|(_, id)| *id).collect::<Vec<_>>();
    let (mut found, of_releases) = loose(conn, &all).await?;
    let releases: BTreeSet<Uuid> = of_releases.values().copied().chain(all(Part::Release)).collect();
    let releases: Vec<Uuid> = releases.into_iter().collect();
    macro_rules! gather {
        ($entity:ident, $ids:expr, $first:ident, $second:ident) => {
            for chunk in $ids.chunks(CHUNK) {
                let rows: Vec<(Uuid, Uuid, Uuid)> = $entity::Entity::find()
                    .select_only()
                    .column($entity::Column::Id)
                    .column($entity::Column::$first)
                    .column($entity::Column::$second)
                    .filter($entity::Column::Id.is_in(chunk.to_vec()))
                    .into_tuple()
                    .all(conn)
                    .await?;
                found.extend(rows.into_iter().map(|(id, first, second)| (id, vec![first, second])));
            }
        };
    }
    gather!(validation_run, all(Part::Run), VersionId, EnvironmentId);
    gather!(promotion_request, all(Part::Request), VersionId, EnvironmentId);
    gather!(release, releases, VersionId, EnvironmentId);
    gather!(break_glass, all(Part::Emergency), VersionId, EnvironmentId);
    gather!(rehearsal, all(Part::Rehearsal), VersionId, EnvironmentId);
    // A report is of a version only; the second column says so again.
    gather!(reported_evidence, all(Part::Report), VersionId, VersionId);
    for (part, release) in of_releases {
        let more = found.get(&release).cloned().unwrap_or_default();
        found.entry(part).or_default().extend(more);
    }
    let above: BTreeSet<Uuid> = found.values().flatten().copied().chain(all(Part::Version)).collect();
    let mut models: HashMap<Uuid, Uuid> = HashMap::new();
    for chunk in above.into_iter().collect::<Vec<_>>().chunks(CHUNK) {
        let rows: Vec<(Uuid, Uuid)> = model_version::Entity::find()
            .select_only()
            .column(model_version::Column::Id)
            .column(model_version::Column::ModelId)
            .filter(model_version::Column::Id.is_in(chunk.to_vec()))
            .into_tuple()
            .all(conn)
            .await?;
        models.extend(rows);
    }
    for ids in found.values_mut() {
        ids.sort_unstable();
        ids.dedup();
        let of_model: Vec<Uuid> = ids.iter().filter_map(|id| models.get(id).copied()).collect();
        ids.extend(of_model);
    }
    for version in all(Part::Version) {
        found.entry(version).or_default().extend(models.get(&version));
    }
    Ok(found)
}

/// What findings, waivers, records and reports of what runs bear on; and the releases that some of
/// them are of, by part.
async fn loose(
    conn: &Conn<'_>,
    all: &impl Fn(Part) -> Vec<Uuid>,
) -> Result<(HashMap<Uuid, Vec<Uuid>>, HashMap<Uuid, Uuid>), Error> {
    type Some4 = (Uuid, Option<Uuid>, Option<Uuid>, Option<Uuid>, Option<Uuid>);
    let (mut found, mut of_releases): (HashMap<Uuid, Vec<Uuid>>, HashMap<Uuid, Uuid>) = Default::default();
    macro_rules! gather {
        ($entity:ident, $ids:expr, $($column:ident),*) => {
            for chunk in $ids.chunks(CHUNK) {
                let rows: Vec<Some4> = $entity::Entity::find()
                    .select_only()
                    .column($entity::Column::Id)
                    $(.column($entity::Column::$column))*
                    .filter($entity::Column::Id.is_in(chunk.to_vec()))
                    .into_tuple()
                    .all(conn)
                    .await?;
                for (id, one, two, three, release) in rows {
                    found.insert(id, [one, two, three].into_iter().flatten().collect());
                    of_releases.extend(release.map(|release| (id, release)));
                }
            }
        };
    }
    gather!(finding, all(Part::Finding), ModelId, VersionId, EnvironmentId, ReleaseId);
    gather!(running_snapshot, all(Part::Snapshot), ModelId, EnvironmentId, EnvironmentId, ReleaseId);
    macro_rules! gather_places {
        ($entity:ident, $ids:expr, $($column:ident),*) => {
            for chunk in $ids.chunks(CHUNK) {
                let rows: Vec<(Uuid, Option<Uuid>, Option<Uuid>, Option<Uuid>)> = $entity::Entity::find()
                    .select_only()
                    .column($entity::Column::Id)
                    $(.column($entity::Column::$column))*
                    .filter($entity::Column::Id.is_in(chunk.to_vec()))
                    .into_tuple()
                    .all(conn)
                    .await?;
                let placed = |(id, one, two, three): (Uuid, Option<Uuid>, Option<Uuid>, Option<Uuid>)| {
                    (id, [one, two, three].into_iter().flatten().collect())
                };
                found.extend(rows.into_iter().map(placed));
            }
        };
    }
    gather_places!(waiver, all(Part::Waiver), ModelId, VersionId, EnvironmentId);
    gather_places!(accountability_record, all(Part::Record), ModelId, EnvironmentId, EnvironmentId);
    Ok((found, of_releases))
}
