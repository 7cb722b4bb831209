//! The only SQL that turns ids of the log into names, and names into ids; of findings, waivers, records and
//! delegations, `watched` does.

mod watched;

use crate::{
    audit::names::Reference,
    authz::Scope,
    core::ids::*,
    db::{
        Reader,
        entity::{
            account, api_token, break_glass, comparison, dataset, environment, membership, model, model_version,
            promotion_request, release, reported_evidence, trust_key, validation_run, workspace,
        },
    },
    error::Error,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, sea_query::Query};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Ids per statement.
const CHUNK: usize = 500;

/// Names by id. Ids that name nothing, or nothing in the scope, are left out.
pub type Names = HashMap<Uuid, String>;

/// The ids that the log has of what somebody means; none if there is no such thing.
pub async fn resolve(reader: &Reader<'_>, reference: &Reference) -> Result<Vec<String>, Error> {
    let workspace = workspace_of(reader)?;
    let conn = reader.conn();
    let id = match reference {
        Reference::Id(text) => return ids_of(reader, text).await,
        Reference::Version(name, number) => {
            let Some(model) = find_model(reader, name).await? else { return Ok(Vec::new()) };
            let row = model_version::Entity::find()
                .filter(model_version::COLUMN.model_id.eq(model))
                .filter(model_version::COLUMN.number.eq(*number))
                .one(conn)
                .await?;
            return Ok(row.map_or(Vec::new(), |row| vec![row.id.to_string(), row.manifest_digest]));
        }
        Reference::Model(name) => find_model(reader, name).await?.map(|id| id.0),
        Reference::Environment(name) => environment::Entity::find()
            .filter(environment::COLUMN.workspace_id.eq(workspace))
            .filter(environment::COLUMN.name.eq(name.as_str()))
            .one(conn)
            .await?
            .map(|row| row.id.0),
        Reference::Dataset(name) => dataset::Entity::find()
            .filter(dataset::COLUMN.workspace_id.eq(workspace))
            .filter(dataset::COLUMN.name.eq(name.as_str()))
            .one(conn)
            .await?
            .map(|row| row.id.0),
        Reference::Account(name) => find_account(reader, name).await?.map(|id| id.0),
    };
    Ok(id.map(|id| id.to_string()).into_iter().collect())
}

/// An id stands for itself; a version is also what is done with its manifest's digest.
async fn ids_of(reader: &Reader<'_>, text: &str) -> Result<Vec<String>, Error> {
    let mut ids = vec![text.to_owned()];
    if let Ok(id) = text.parse().map(VersionId) {
        let row = model_version::Entity::find_by_id(id)
            .filter(model_version::COLUMN.workspace_id.eq(workspace_of(reader)?))
            .one(reader.conn())
            .await?;
        ids.extend(row.map(|row| row.manifest_digest));
    }
    Ok(ids)
}

async fn find_model(reader: &Reader<'_>, name: &str) -> Result<Option<ModelId>, Error> {
    let row = model::Entity::find()
        .filter(model::COLUMN.workspace_id.eq(workspace_of(reader)?))
        .filter(model::COLUMN.name.eq(name))
        .one(reader.conn())
        .await?;
    Ok(row.map(|row| row.id))
}

/// A member of the workspace by name.
pub async fn find_account(reader: &Reader<'_>, name: &str) -> Result<Option<AccountId>, Error> {
    let mut members = Query::select();
    members
        .column(membership::Column::AccountId)
        .from(membership::Entity)
        .and_where(membership::COLUMN.workspace_id.eq(workspace_of(reader)?));
    let row = account::Entity::find()
        .filter(account::COLUMN.name.eq(name))
        .filter(
            Condition::any()
                .add(account::COLUMN.home_id.eq(workspace_of(reader)?))
                .add(account::COLUMN.id.in_subquery(members)),
        )
        .one(reader.conn())
        .await?;
    Ok(row.map(|row| row.id))
}

fn workspace_of(reader: &Reader<'_>) -> Result<WorkspaceId, Error> {
    match reader.scope() {
        Scope::Workspace(id) => Ok(id),
        Scope::Instance => Err(Error::internal("a search is of one workspace")),
    }
}

/// Names of things of one kind, as events have kinds.
pub async fn names(reader: &Reader<'_>, kind: &str, ids: &BTreeSet<Uuid>) -> Result<Names, Error> {
    let ids: Vec<Uuid> = ids.iter().copied().take(CHUNK).collect();
    if ids.is_empty() {
        return Ok(Names::new());
    }
    match kind {
        "version" => versions(reader, &ids).await,
        "run" | "comparison" | "promotion" | "release" | "evidence" | "break_glass" => {
            of_versions(reader, kind, &ids).await
        }
        "finding" | "waiver" | "record" => watched::names(reader, kind, &ids).await,
        "delegation" => watched::delegations(reader, &ids).await,
        _ => plain(reader, kind, &ids).await,
    }
}

/// Things that have a name of their own.
async fn plain(reader: &Reader<'_>, kind: &str, ids: &[Uuid]) -> Result<Names, Error> {
    let (workspace, conn, ids) = (workspace_of(reader)?, reader.conn(), ids.to_vec());
    macro_rules! named {
        ($entity:ident) => {
            $entity::Entity::find()
                .select_only()
                .column($entity::Column::Id)
                .column($entity::Column::Name)
                .filter($entity::Column::Id.is_in(ids))
        };
    }
    macro_rules! scoped {
        ($entity:ident) => {
            named!($entity).filter($entity::Column::WorkspaceId.eq(workspace))
        };
    }
    let rows: Vec<(Uuid, String)> = match kind {
        "model" => scoped!(model).into_tuple().all(conn).await?,
        "environment" => scoped!(environment).into_tuple().all(conn).await?,
        "dataset" => scoped!(dataset).into_tuple().all(conn).await?,
        "trust_key" => scoped!(trust_key).into_tuple().all(conn).await?,
        "token" => scoped!(api_token).into_tuple().all(conn).await?,
        // Whoever acted here is known here, also when the role is gone.
        "account" => named!(account).into_tuple().all(conn).await?,
        "workspace" => named!(workspace).filter(workspace::Column::Id.eq(workspace)).into_tuple().all(conn).await?,
        _ => Vec::new(),
    };
    Ok(rows.into_iter().collect())
}

/// `NAME@NUMBER`.
async fn versions(reader: &Reader<'_>, ids: &[Uuid]) -> Result<Names, Error> {
    let rows: Vec<(Uuid, Uuid, i64)> = model_version::Entity::find()
        .select_only()
        .column(model_version::Column::Id)
        .column(model_version::Column::ModelId)
        .column(model_version::Column::Number)
        .filter(model_version::Column::Id.is_in(ids.to_vec()))
        .filter(model_version::Column::WorkspaceId.eq(workspace_of(reader)?))
        .into_tuple()
        .all(reader.conn())
        .await?;
    let models: Vec<Uuid> = rows.iter().map(|(_, model, _)| *model).collect();
    let models = plain(reader, "model", &models).await?;
    let named =
        rows.into_iter().filter_map(|(id, model, number)| Some((id, format!("{}@{number}", models.get(&model)?))));
    Ok(named.collect())
}

/// What is about a version, and perhaps about an environment: `NAME@NUMBER in ENVIRONMENT`.
async fn of_versions(reader: &Reader<'_>, kind: &str, ids: &[Uuid]) -> Result<Names, Error> {
    let (workspace, conn, ids) = (workspace_of(reader)?, reader.conn(), ids.to_vec());
    macro_rules! placed {
        ($entity:ident) => {
            $entity::Entity::find()
                .select_only()
                .column($entity::Column::Id)
                .column($entity::Column::VersionId)
                .column($entity::Column::EnvironmentId)
                .filter($entity::Column::Id.is_in(ids))
                .filter($entity::Column::WorkspaceId.eq(workspace))
                .into_tuple::<(Uuid, Uuid, Uuid)>()
                .all(conn)
                .await?
        };
    }
    let rows: Vec<(Uuid, Uuid, Option<Uuid>)> = match kind {
        "run" => placed!(validation_run).into_iter().map(|(id, version, place)| (id, version, Some(place))).collect(),
        "comparison" => {
            placed!(comparison).into_iter().map(|(id, version, place)| (id, version, Some(place))).collect()
        }
        "promotion" => {
            placed!(promotion_request).into_iter().map(|(id, version, place)| (id, version, Some(place))).collect()
        }
        "release" => placed!(release).into_iter().map(|(id, version, place)| (id, version, Some(place))).collect(),
        "break_glass" => {
            placed!(break_glass).into_iter().map(|(id, version, place)| (id, version, Some(place))).collect()
        }
        _ => {
            let reported: Vec<(Uuid, Uuid)> = reported_evidence::Entity::find()
                .select_only()
                .column(reported_evidence::Column::Id)
                .column(reported_evidence::Column::VersionId)
                .filter(reported_evidence::Column::Id.is_in(ids))
                .filter(reported_evidence::Column::WorkspaceId.eq(workspace))
                .into_tuple()
                .all(conn)
                .await?;
            reported.into_iter().map(|(id, version)| (id, version, None)).collect()
        }
    };
    let of: Vec<Uuid> = rows.iter().map(|(_, version, _)| *version).collect();
    let versions = versions(reader, &of).await?;
    let places: Vec<Uuid> = rows.iter().filter_map(|(_, _, place)| *place).collect();
    let places = plain(reader, "environment", &places).await?;
    let named = rows.into_iter().filter_map(|(id, version, place)| {
        let version = versions.get(&version)?;
        let place = place.and_then(|place| places.get(&place));
        Some((id, place.map_or_else(|| version.clone(), |place| format!("{version} in {place}"))))
    });
    Ok(named.collect())
}
