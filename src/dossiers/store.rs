//! The only SQL about dossiers: rows as they stood at a moment. Callers found the model within
//! their scope, so what hangs on it is the same tenant's.

use crate::{
    authz::{Action, Scope},
    core::ids::{EnvironmentId, ModelId, VersionId},
    crypto::merkle::Hash,
    db::{
        Conn,
        entity::{
            approval, attestation, audit_checkpoint, audit_cosignature, audit_event, audit_leaf, audit_node,
            environment, environment_revision, model_version, promotion_request, release, row_salt, validation_run,
        },
    },
    dossiers::{slice::Objects, watched::store::taken_back},
    environments::{Current, DocumentKind, Environment, Revision},
    error::Error,
    promotions::{Approval, Promotion},
    releases::{Assurance, Release, State},
    versions::{Attested, Version, VersionRef},
};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use std::collections::HashMap;

/// Rows per statement: well under every database's limit of parameters.
const CHUNK: usize = 500;
/// A history that is longer is cut, and the document says so.
pub(super) const MAX_HISTORY: u64 = 200;
/// The same, of the log.
pub(super) const MAX_LEAVES: u64 = 1_000;

/// A version as it stood, if it was there.
pub(super) async fn version(
    conn: &Conn<'_>,
    model: ModelId,
    which: &VersionRef,
    at: DateTime<Utc>,
) -> Result<Option<Version>, Error> {
    let query = model_version::Entity::find().filter(model_version::COLUMN.model_id.eq(model));
    let query = match which {
        VersionRef::Number(number) => query.filter(model_version::COLUMN.number.eq(*number)),
        VersionRef::Digest(digest) => query.filter(model_version::COLUMN.manifest_digest.eq(digest.to_string())),
    };
    let row = query.filter(model_version::COLUMN.created_at.lte(at)).one(conn).await?;
    row.map(|row| then(row, at)).transpose()
}

pub(super) async fn version_by_id(conn: &Conn<'_>, id: VersionId, at: DateTime<Utc>) -> Result<Option<Version>, Error> {
    let row = model_version::Entity::find_by_id(id).one(conn).await?;
    row.map(|row| then(row, at)).transpose()
}

/// The version that was sealed last.
pub(super) async fn newest_sealed(
    conn: &Conn<'_>,
    model: ModelId,
    at: DateTime<Utc>,
) -> Result<Option<Version>, Error> {
    let row = model_version::Entity::find()
        .filter(model_version::COLUMN.model_id.eq(model))
        .filter(model_version::COLUMN.sealed_at.lte(at))
        .order_by_desc(model_version::Column::SealedAt)
        .order_by_desc(model_version::Column::Number)
        .one(conn)
        .await?;
    row.map(|row| then(row, at)).transpose()
}

/// Takes back what happened to a version later.
fn then(mut row: model_version::Model, at: DateTime<Utc>) -> Result<Version, Error> {
    let is_later = |time: Option<DateTime<Utc>>| time.is_some_and(|time| at < time);
    if is_later(row.revoked_at) {
        (row.state, row.revocation_reason) = ("sealed".to_owned(), None);
    }
    if is_later(row.sealed_at) {
        row.state = "draft".to_owned();
        (row.sealed_at, row.sealed_by, row.signature_state, row.trust_key_id) = (None, None, None, None);
        (row.signatory, row.certificates) = (None, None);
    }
    row.try_into()
}

pub(super) async fn environments(conn: &Conn<'_>, scope: Scope, at: DateTime<Utc>) -> Result<Vec<Environment>, Error> {
    let query = environment::Entity::find().filter(environment::COLUMN.created_at.lte(at));
    let query = match scope {
        Scope::Workspace(id) => query.filter(environment::COLUMN.workspace_id.eq(id)),
        _ => query,
    };
    let rows = query.order_by_asc(environment::Column::Id).limit(MAX_HISTORY).all(conn).await?;
    Ok(rows.into_iter().map(Environment::from).collect())
}

/// The documents that were current.
pub(super) async fn current(conn: &Conn<'_>, id: EnvironmentId, at: DateTime<Utc>) -> Result<Current, Error> {
    Ok(Current {
        profile: revision(conn, id, DocumentKind::Profile, at).await?,
        constraints: revision(conn, id, DocumentKind::Constraints, at).await?,
        policy: revision(conn, id, DocumentKind::Policy, at).await?,
    })
}

async fn revision(
    conn: &Conn<'_>,
    id: EnvironmentId,
    kind: DocumentKind,
    at: DateTime<Utc>,
) -> Result<Option<Revision>, Error> {
    let row = environment_revision::Entity::find()
        .filter(environment_revision::COLUMN.environment_id.eq(id))
        .filter(environment_revision::COLUMN.kind.eq(kind.name()))
        .filter(environment_revision::COLUMN.created_at.lte(at))
        .order_by_desc(environment_revision::Column::Revision)
        .one(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

pub(super) async fn attestations(
    conn: &Conn<'_>,
    version: VersionId,
    at: DateTime<Utc>,
) -> Result<Vec<Attested>, Error> {
    let rows = attestation::Entity::find()
        .filter(attestation::COLUMN.version_id.eq(version))
        .filter(attestation::COLUMN.created_at.lte(at))
        .order_by_asc(attestation::Column::Id)
        .all(conn)
        .await?;
    let attested = |row: attestation::Model| Attested {
        predicate_type: row.predicate_type,
        digest: row.digest,
        statement: row.statement,
        created_by: row.created_by,
    };
    Ok(rows.into_iter().map(attested).collect())
}

pub(super) async fn data(
    conn: &Conn<'_>,
    scope: Scope,
    name: &str,
    at: DateTime<Utc>,
) -> Result<Option<crate::datasets::Dataset>, Error> {
    let found = crate::datasets::store::find(conn, scope, name).await?;
    Ok(found.filter(|data| data.created_at <= at))
}

/// The run that counted: the last that had finished against these limits on these rows.
pub(super) async fn run(
    conn: &Conn<'_>,
    version: VersionId,
    constraints: &Revision,
    data: &crate::datasets::Dataset,
    at: DateTime<Utc>,
) -> Result<Option<crate::validation::Run>, Error> {
    let row = validation_run::Entity::find()
        .filter(validation_run::COLUMN.version_id.eq(version))
        .filter(validation_run::COLUMN.constraints_id.eq(constraints.id))
        .filter(validation_run::COLUMN.dataset_id.eq(data.id))
        .filter(validation_run::COLUMN.finished_at.lte(at))
        .filter(validation_run::COLUMN.state.ne("cancelled"))
        .order_by_desc(validation_run::Column::FinishedAt)
        .order_by_desc(validation_run::Column::Id)
        .one(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// What ran anywhere until then, newest first.
pub(super) async fn releases(conn: &Conn<'_>, model: ModelId, at: DateTime<Utc>) -> Result<Vec<Release>, Error> {
    let rows = release::Entity::find()
        .filter(release::COLUMN.model_id.eq(model))
        .filter(release::COLUMN.activated_at.lte(at))
        .order_by_desc(release::Column::ActivatedAt)
        .order_by_desc(release::Column::Id)
        .limit(MAX_HISTORY)
        .all(conn)
        .await?;
    let then = |mut row: release::Model| {
        if row.ended_at.is_some_and(|end| at < end) {
            (row.state, row.ended_at) = (State::Active.name().to_owned(), None);
            (row.ended_by, row.ended_reason) = (None, None);
        }
        if row.lapsed_at.is_some_and(|lapsed| at < lapsed) {
            (row.assurance, row.lapsed_at, row.lapse_cause) = (Assurance::Sound.name().to_owned(), None, None);
        }
        row.try_into()
    };
    rows.into_iter().map(then).collect()
}

/// The newest requests for this version here, oldest first. Their stage is the one of today.
pub(super) async fn requests(
    conn: &Conn<'_>,
    version: VersionId,
    environment: EnvironmentId,
    at: DateTime<Utc>,
) -> Result<Vec<Promotion>, Error> {
    let rows = promotion_request::Entity::find()
        .filter(promotion_request::COLUMN.version_id.eq(version))
        .filter(promotion_request::COLUMN.environment_id.eq(environment))
        .filter(promotion_request::COLUMN.requested_at.lte(at))
        .order_by_desc(promotion_request::Column::Id)
        .limit(MAX_HISTORY)
        .all(conn)
        .await?;
    rows.into_iter().rev().map(TryInto::try_into).collect()
}

/// Decisions on requests, oldest first, with those that had been taken back.
pub(super) async fn approvals(conn: &Conn<'_>, of: &[Promotion], at: DateTime<Utc>) -> Result<Vec<Approval>, Error> {
    let ids: Vec<_> = of.iter().map(|request| request.id).collect();
    let rows = approval::Entity::find()
        .filter(approval::COLUMN.promotion_id.is_in(ids))
        .filter(approval::COLUMN.created_at.lte(at))
        .order_by_asc(approval::Column::Id)
        .all(conn)
        .await?;
    let mut all = rows.into_iter().map(TryInto::try_into).collect::<Result<Vec<_>, _>>()?;
    taken_back(conn, &mut all, at).await?;
    Ok(all)
}

/// One event that is in the tree.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub index: u64,
    pub at: DateTime<Utc>,
    pub action: String,
    pub outcome: String,
    pub object: String,
    /// Canonical JSON, as it was hashed.
    pub leaf: String,
}

/// What a record does. When not all fit, those that decide stay before the others.
#[derive(Clone, Copy)]
enum Weight {
    Decides,
    Prepares,
    Refused,
    Looks,
}

impl Weight {
    fn of(self) -> Condition {
        let (done, action) = (audit_event::COLUMN.outcome.eq("done"), audit_event::COLUMN.action);
        let looks = [Action::VersionInspect.name()];
        let prepares = [Action::VersionUpload.name(), Action::RunRequest.name()];
        match self {
            Self::Decides => Condition::all().add(done).add(action.is_not_in(looks.into_iter().chain(prepares))),
            Self::Prepares => Condition::all().add(done).add(action.is_in(prepares)),
            Self::Refused => Condition::all().add(audit_event::COLUMN.outcome.ne("done")),
            Self::Looks => Condition::all().add(done).add(action.is_in(looks)),
        }
    }
}

/// Pulls and dossiers are many and change nothing.
fn about(scope: Scope, objects: &[String], at: DateTime<Utc>) -> Select<audit_event::Entity> {
    let query = audit_event::Entity::find()
        .filter(audit_event::COLUMN.object_id.is_in(objects.to_vec()))
        .filter(audit_event::COLUMN.action.is_not_in([Action::ReleasePull.name(), Action::DossierExport.name()]))
        .filter(audit_event::COLUMN.at.lte(at));
    match scope {
        Scope::Workspace(id) => query.filter(audit_event::COLUMN.workspace_id.eq(id)),
        Scope::Instance => query,
    }
}

pub(super) async fn count_events(
    conn: &Conn<'_>,
    scope: Scope,
    objects: &Objects,
    at: DateTime<Utc>,
) -> Result<u64, Error> {
    let mut total = 0;
    for chunk in objects.own.chunks(CHUNK).chain(objects.around.chunks(CHUNK)) {
        total += about(scope, chunk, at).count(conn).await?;
    }
    Ok(total)
}

/// At most [`MAX_LEAVES`] events about these objects, in the log's order; which ones, [`Weight`]
/// says. `None` if one of them has no place in the tree yet.
pub(super) async fn events(
    conn: &Conn<'_>,
    scope: Scope,
    objects: &Objects,
    at: DateTime<Utc>,
) -> Result<Option<Vec<Placed>>, Error> {
    let (own, around) = (objects.own.as_slice(), objects.around.as_slice());
    let all = [own, around].concat();
    let order = [
        (Weight::Decides, own),
        (Weight::Decides, around),
        (Weight::Prepares, all.as_slice()),
        (Weight::Refused, all.as_slice()),
        (Weight::Looks, all.as_slice()),
    ];
    let mut rows = Vec::new();
    for (weight, objects) in order {
        let room = MAX_LEAVES - rows.len() as u64;
        let mut some = Vec::new();
        for chunk in objects.chunks(CHUNK) {
            let newest = about(scope, chunk, at).filter(weight.of()).order_by_desc(audit_event::Column::Id);
            some.extend(newest.limit(room).all(conn).await?);
        }
        some.sort_by_key(|row| std::cmp::Reverse(row.id));
        some.truncate(usize::try_from(room).unwrap_or_default());
        rows.extend(some);
    }
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut places = HashMap::new();
    for chunk in ids.chunks(CHUNK) {
        let found =
            audit_leaf::Entity::find().filter(audit_leaf::COLUMN.event_id.is_in(chunk.to_vec())).all(conn).await?;
        places.extend(found.into_iter().map(|place| (place.event_id, place.seq)));
    }
    let placed = |row: audit_event::Model| {
        Some(Placed {
            index: u64::try_from(*places.get(&row.id)?).ok()?,
            at: row.at,
            action: row.action,
            outcome: row.outcome,
            object: row.object_id.unwrap_or_default(),
            leaf: row.leaf,
        })
    };
    let all: Option<Vec<_>> = rows.into_iter().map(placed).collect();
    let Some(mut all) = all else { return Ok(None) };
    all.sort_by_key(|event| event.index);
    Ok(Some(all))
}

/// The first signed head that covers so many leaves, with the cosignatures that it has: the
/// same for the same slice, however long the log has become since.
pub(super) async fn head_over(conn: &Conn<'_>, leaves: u64) -> Result<Option<(u64, String)>, Error> {
    let least = i64::try_from(leaves).map_err(Error::internal)?;
    let row = audit_checkpoint::Entity::find()
        .filter(audit_checkpoint::COLUMN.size.gte(least))
        .order_by_asc(audit_checkpoint::Column::Size)
        .one(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let lines = audit_cosignature::Entity::find()
        .filter(audit_cosignature::COLUMN.size.eq(row.size))
        .order_by_asc(audit_cosignature::Column::Witness)
        .all(conn)
        .await?;
    let note = lines.into_iter().fold(row.note, |note, cosigned| note + &cosigned.line);
    Ok(Some((u64::try_from(row.size).map_err(Error::internal)?, note)))
}

/// Stored nodes of the tree by position.
pub(super) async fn nodes(conn: &Conn<'_>, positions: &[u64]) -> Result<HashMap<u64, Hash>, Error> {
    let mut all = HashMap::new();
    for chunk in positions.chunks(CHUNK) {
        let wanted = chunk.iter().map(|p| i64::try_from(*p)).collect::<Result<Vec<_>, _>>().map_err(Error::internal)?;
        for row in audit_node::Entity::find().filter(audit_node::COLUMN.position.is_in(wanted)).all(conn).await? {
            let digest = crate::core::digest::Digest::from_hex(&row.hash).map_err(|e| Error::internal(e.0))?;
            all.insert(u64::try_from(row.position).map_err(Error::internal)?, *digest.bytes());
        }
    }
    Ok(all)
}

/// Events about the record of a model until a moment, newest first, with their leaves.
pub(super) async fn changes_of_record(
    conn: &Conn<'_>,
    model: ModelId,
    at: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, String)>, Error> {
    let rows = audit_event::Entity::find()
        .filter(audit_event::COLUMN.object_id.eq(model.to_string()))
        .filter(audit_event::COLUMN.action.is_in([Action::ModelRegister.name(), Action::ModelUpdate.name()]))
        .filter(audit_event::COLUMN.outcome.eq("done"))
        .filter(audit_event::COLUMN.at.lte(at))
        .order_by_desc(audit_event::Column::Id)
        .limit(MAX_LEAVES)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.at, row.leaf)).collect())
}

/// With what the log hashes the texts of a row.
pub(super) async fn salt(conn: &Conn<'_>, table: &str, key: &str) -> Result<Option<String>, Error> {
    let found = row_salt::Entity::find_by_id((table.to_owned(), key.to_owned())).one(conn).await?;
    Ok(found.map(|row| row.salt))
}
