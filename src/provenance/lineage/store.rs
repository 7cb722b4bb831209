//! The only SQL about what versions were made from.

use crate::{
    authz::Scope,
    core::{
        digest::Digest,
        ids::{MaterialId, ModelId, VersionId},
    },
    db::{
        WriteTx,
        entity::{dataset, known_as, made_from, model_version, version_file},
    },
    error::Error,
    provenance::{
        Material,
        lineage::{Link, Named},
    },
    versions::Version,
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseExecutor, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    Set,
};
use std::collections::{BTreeMap, BTreeSet};

const DRAFT: &str = "draft";
/// Of values in one statement; PostgreSQL takes 65,535 and SQLite 32,766.
const AT_ONCE: usize = 500;

/// What one statement names, for good.
pub async fn insert(tx: &WriteTx, version: &Version, attestation: &str, materials: &[Material]) -> Result<(), Error> {
    let mut rows = Vec::new();
    for (place, material) in materials.iter().enumerate() {
        let place = i32::try_from(place).map_err(Error::internal)?;
        rows.extend(material.digests.iter().map(|(algorithm, value)| made_from::ActiveModel {
            id: Set(MaterialId::generate()),
            workspace_id: Set(version.workspace),
            version_id: Set(version.id),
            attestation: Set(attestation.to_owned()),
            place: Set(place),
            role: Set(material.role.name().to_owned()),
            name: Set(material.name.clone()),
            uri: Set(material.uri.clone()),
            digest: Set(format!("{algorithm}:{value}")),
        }));
    }
    for chunk in rows.chunks(AT_ONCE) {
        made_from::Entity::insert_many(chunk.to_vec()).exec_without_returning(&tx.conn()).await?;
    }
    Ok(())
}

/// What all files of a version go by together.
pub async fn insert_root(tx: &WriteTx, version: &Version, root: &Digest) -> Result<(), Error> {
    let row = known_as::ActiveModel {
        version_id: Set(version.id),
        workspace_id: Set(version.workspace),
        digest: Set(root.to_string()),
    };
    known_as::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// What these versions were made from.
pub async fn of_versions(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    versions: &[VersionId],
    limit: u64,
) -> Result<Vec<Link>, Error> {
    links(conn, links_in(scope).filter(made_from::COLUMN.version_id.is_in(versions.to_vec())), limit).await
}

/// Where versions were made from something with this digest.
pub async fn from_digest(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    digest: &str,
    limit: u64,
) -> Result<Vec<Link>, Error> {
    links(conn, links_in(scope).filter(made_from::COLUMN.digest.eq(digest)), limit).await
}

/// Where versions were made from one of these: by its manifest, by all files together, or by one file.
pub async fn from_versions(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    versions: &[VersionId],
    limit: u64,
) -> Result<Vec<Link>, Error> {
    let ids = || versions.to_vec();
    let of_manifest = model_version::Entity::find()
        .select_only()
        .column(model_version::Column::ManifestDigest)
        .filter(model_version::COLUMN.id.is_in(ids()))
        .into_query();
    let of_root = known_as::Entity::find()
        .select_only()
        .column(known_as::Column::Digest)
        .filter(known_as::COLUMN.version_id.is_in(ids()))
        .into_query();
    let of_file = version_file::Entity::find()
        .select_only()
        .column(version_file::Column::Sha256)
        .filter(version_file::COLUMN.version_id.is_in(ids()))
        .into_query();
    let any = Condition::any()
        .add(made_from::Column::Digest.in_subquery(of_manifest))
        .add(made_from::Column::Digest.in_subquery(of_root))
        .add(made_from::Column::Digest.in_subquery(of_file));
    links(conn, links_in(scope).filter(any), limit).await
}

/// Sealed versions that go by one of these digests: by their manifest, by all files together, or by one file; and whether
/// there are more. Those that are meant as a whole come before those that hold one file, which may be in every version.
pub async fn known_by(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    digests: &[String],
    limit: u64,
) -> Result<(BTreeMap<String, Vec<Named>>, bool), Error> {
    let (mut found, mut is_cut) = (BTreeMap::<_, BTreeSet<_>>::new(), false);
    for chunk in digests.chunks(AT_ONCE) {
        let of_file = version_file::Entity::find()
            .select_only()
            .column(version_file::Column::VersionId)
            .filter(version_file::COLUMN.sha256.is_in(chunk.to_vec()))
            .into_query();
        let of_root = known_as::Entity::find()
            .select_only()
            .column(known_as::Column::VersionId)
            .filter(known_as::COLUMN.digest.is_in(chunk.to_vec()))
            .into_query();
        let whole = Condition::any()
            .add(model_version::COLUMN.manifest_digest.is_in(chunk.to_vec()))
            .add(model_version::Column::Id.in_subquery(of_root));
        let part = Condition::all().add(model_version::Column::Id.in_subquery(of_file));
        let mut rows = BTreeMap::new();
        for of in [whole, part] {
            let query = sealed(scope).filter(of).order_by_asc(model_version::Column::Id);
            let mut some = query.limit(limit + 1).all(conn).await?;
            is_cut |= limit < some.len() as u64;
            some.truncate(usize::try_from(limit).map_err(Error::internal)?);
            rows.extend(some.into_iter().map(|row| (row.id, row)));
        }
        for row in rows.values() {
            if chunk.binary_search(&row.manifest_digest).is_ok() {
                found.entry(row.manifest_digest.clone()).or_default().insert(named(row));
            }
        }
        let ids: Vec<_> = rows.keys().copied().collect();
        for (version, digest) in names_among(conn, &ids, chunk).await? {
            found.entry(digest).or_default().extend(rows.get(&version).map(named));
        }
    }
    Ok((found.into_iter().map(|(digest, all)| (digest, all.into_iter().collect())).collect(), is_cut))
}

/// By which of these digests others may name these versions, but for those of their manifests.
async fn names_among(
    conn: &DatabaseExecutor<'_>,
    versions: &[VersionId],
    digests: &[String],
) -> Result<Vec<(VersionId, String)>, Error> {
    let mut found: Vec<(VersionId, String)> = version_file::Entity::find()
        .select_only()
        .columns([version_file::Column::VersionId, version_file::Column::Sha256])
        .filter(version_file::COLUMN.version_id.is_in(versions.to_vec()))
        .filter(version_file::COLUMN.sha256.is_in(digests.to_vec()))
        .into_tuple()
        .all(conn)
        .await?;
    let roots = known_as::Entity::find()
        .filter(known_as::COLUMN.version_id.is_in(versions.to_vec()))
        .filter(known_as::COLUMN.digest.is_in(digests.to_vec()))
        .all(conn)
        .await?;
    found.extend(roots.into_iter().map(|row| (row.version_id, row.digest)));
    Ok(found)
}

pub async fn by_ids(conn: &DatabaseExecutor<'_>, scope: Scope, ids: &[VersionId]) -> Result<Vec<Named>, Error> {
    let rows = sealed(scope).filter(model_version::COLUMN.id.is_in(ids.to_vec())).all(conn).await?;
    Ok(rows.iter().map(named).collect())
}

/// Names of registered datasets by their digests.
pub async fn datasets(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    digests: &[String],
) -> Result<Vec<(String, String)>, Error> {
    let mut found = Vec::new();
    for chunk in digests.chunks(AT_ONCE) {
        let rows = datasets_in(scope)
            .filter(dataset::COLUMN.sha256.is_in(chunk.to_vec()))
            .order_by_asc(dataset::Column::Name)
            .all(conn)
            .await?;
        found.extend(rows.into_iter().map(|row| (row.sha256, row.name)));
    }
    Ok(found)
}

async fn links(conn: &DatabaseExecutor<'_>, query: Select<made_from::Entity>, limit: u64) -> Result<Vec<Link>, Error> {
    let rows = query.order_by_asc(made_from::Column::Id).limit(limit).all(conn).await?;
    let link = |row: made_from::Model| Link {
        version: row.version_id,
        attestation: row.attestation,
        place: row.place,
        role: row.role,
        name: row.name,
        uri: row.uri,
        digest: row.digest,
    };
    Ok(rows.into_iter().map(link).collect())
}

fn named(row: &model_version::Model) -> Named {
    Named {
        id: row.id,
        model: ModelId(row.model_id.0),
        number: row.number,
        digest: row.manifest_digest.clone(),
        state: row.state.clone(),
    }
}

fn sealed(scope: Scope) -> Select<model_version::Entity> {
    let all = model_version::Entity::find().filter(model_version::COLUMN.state.ne(DRAFT));
    match scope {
        Scope::Instance => all,
        Scope::Workspace(id) => all.filter(model_version::COLUMN.workspace_id.eq(id)),
    }
}

fn links_in(scope: Scope) -> Select<made_from::Entity> {
    match scope {
        Scope::Instance => made_from::Entity::find(),
        Scope::Workspace(id) => made_from::Entity::find().filter(made_from::COLUMN.workspace_id.eq(id)),
    }
}

fn datasets_in(scope: Scope) -> Select<dataset::Entity> {
    match scope {
        Scope::Instance => dataset::Entity::find(),
        Scope::Workspace(id) => dataset::Entity::find().filter(dataset::COLUMN.workspace_id.eq(id)),
    }
}
