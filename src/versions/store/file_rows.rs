//! The only SQL about the files of versions.

use crate::{
    blobs,
    core::{
        digest::Digest,
        ids::{ModelId, VersionId},
        path::FilePath,
    },
    db::{
        WriteTx,
        entity::{blob, model_version, version_file},
    },
    error::Error,
    versions::{DeclaredFile, StoredFile, Version},
};
use sea_orm::{
    ColumnTrait, DatabaseExecutor, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Set,
    sea_query::{Expr, OnConflict, SelectStatement},
};
use std::collections::BTreeSet;

/// Sorted by path, as the manifest is.
pub(crate) async fn files(conn: &DatabaseExecutor<'_>, version: VersionId) -> Result<Vec<StoredFile>, Error> {
    let rows = version_file::Entity::find().filter(version_file::COLUMN.version_id.eq(version)).all(conn).await?;
    let damaged = blobs::store::damaged(conn, version).await?;
    let mut files = rows.into_iter().map(|row| to_file(row, &damaged)).collect::<Result<Vec<_>, _>>()?;
    files.sort_by(|a, b| a.declared.path.cmp(&b.declared.path));
    Ok(files)
}

/// One file, without looking at the others, of which there may be thousands.
pub(crate) async fn file(
    conn: &DatabaseExecutor<'_>,
    version: VersionId,
    path: &FilePath,
) -> Result<Option<StoredFile>, Error> {
    let row = version_file::Entity::find()
        .filter(version_file::COLUMN.version_id.eq(version))
        .filter(version_file::COLUMN.path.eq(path.as_str()))
        .one(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let damaged = match row.uploaded_at {
        Some(_) if blobs::store::is_damaged(conn, &row.sha256).await? => BTreeSet::from([row.sha256.clone()]),
        _ => BTreeSet::new(),
    };
    to_file(row, &damaged).map(Some)
}

pub async fn set_uploaded(tx: &WriteTx, version: &Version, file: &DeclaredFile) -> Result<(), Error> {
    let held = blob::ActiveModel {
        workspace_id: Set(version.workspace),
        sha256: Set(file.sha256.to_string()),
        size_bytes: Set(file.size_bytes),
        created_at: Set(tx.at()),
    };
    let mut known = OnConflict::columns([blob::Column::WorkspaceId, blob::Column::Sha256]);
    blob::Entity::insert(held).on_conflict(known.do_nothing().to_owned()).exec_without_returning(&tx.conn()).await?;
    version_file::Entity::update_many()
        .col_expr(version_file::Column::UploadedAt, Expr::value(tx.at()))
        .filter(version_file::COLUMN.version_id.eq(version.id))
        .filter(version_file::COLUMN.sha256.eq(file.sha256.to_string()))
        .filter(version_file::COLUMN.size_bytes.eq(file.size_bytes))
        .filter(version_file::COLUMN.uploaded_at.is_null())
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// The sha256 of every file that came to some version of a model.
pub(super) fn uploaded_to(model: ModelId) -> SelectStatement {
    let versions = model_version::Entity::find()
        .select_only()
        .column(model_version::Column::Id)
        .filter(model_version::COLUMN.model_id.eq(model))
        .into_query();
    version_file::Entity::find()
        .select_only()
        .column(version_file::Column::Sha256)
        .filter(version_file::Column::VersionId.in_subquery(versions))
        .filter(version_file::Column::UploadedAt.is_not_null())
        .into_query()
}

fn to_file(row: version_file::Model, damaged: &BTreeSet<String>) -> Result<StoredFile, Error> {
    Ok(StoredFile {
        damaged: row.uploaded_at.is_some() && damaged.contains(&row.sha256),
        declared: DeclaredFile {
            path: FilePath::parse(&row.path).map_err(|e| Error::internal(e.0))?,
            sha256: Digest::parse(&row.sha256).map_err(|e| Error::internal(e.0))?,
            size_bytes: row.size_bytes,
        },
        uploaded: row.uploaded_at.is_some(),
    })
}
