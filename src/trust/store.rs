//! The only SQL about trusted keys.

use crate::{
    authz::Scope,
    core::{
        ids::{TrustKeyId, WorkspaceId},
        page::{Page, PageRequest},
    },
    db::{
        Reader, WriteTx,
        entity::{model_version, reported_evidence, trust_key, workspace},
    },
    error::Error,
    trust::TrustKey,
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseExecutor, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    Set, SqlErr,
    sea_query::{Expr, LockType},
};
use std::collections::BTreeSet;

pub async fn list(reader: &Reader<'_>, page: PageRequest) -> Result<Page<TrustKey>, Error> {
    let mut query = visible(reader.scope()).order_by_asc(trust_key::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(trust_key::COLUMN.id.gt(TrustKeyId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id.0).map(TrustKey::from))
}

/// Every key of the scope, revoked ones too: what a signature is judged against.
pub(crate) async fn all(conn: &DatabaseExecutor<'_>, scope: Scope) -> Result<Vec<TrustKey>, Error> {
    let rows = visible(scope).order_by_asc(trust_key::Column::Id).all(conn).await?;
    Ok(rows.into_iter().map(TrustKey::from).collect())
}

pub(crate) async fn find(conn: &DatabaseExecutor<'_>, scope: Scope, id: TrustKeyId) -> Result<Option<TrustKey>, Error> {
    Ok(visible(scope).filter(trust_key::COLUMN.id.eq(id)).one(conn).await?.map(TrustKey::from))
}

/// What names a version that a key signed, or that evidence is about which it signed.
pub(crate) fn rests_on(key: TrustKeyId, version: impl ColumnTrait) -> Condition {
    let signed = model_version::Entity::find().select_only().column(model_version::Column::Id);
    let signed = signed.filter(model_version::COLUMN.trust_key_id.eq(key)).into_query();
    let reported = reported_evidence::Entity::find().select_only().column(reported_evidence::Column::VersionId);
    let reported = reported.filter(reported_evidence::COLUMN.trust_key_id.eq(key)).into_query();
    Condition::any().add(version.in_subquery(signed)).add(version.in_subquery(reported))
}

pub async fn lock(tx: &WriteTx, scope: Scope, id: TrustKeyId) -> Result<Option<TrustKey>, Error> {
    let query = visible(scope).filter(trust_key::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    Ok(query.one(&tx.conn()).await?.map(TrustKey::from))
}

/// Every authority of the scope, revoked ones too, in one order for whoever locks them.
pub async fn lock_authorities(tx: &WriteTx, scope: Scope) -> Result<Vec<TrustKey>, Error> {
    let query = visible(scope).filter(trust_key::COLUMN.identities.is_not_null()).order_by_asc(trust_key::Column::Id);
    let rows = query.lock(LockType::NoKeyUpdate).all(&tx.conn()).await?;
    Ok(rows.into_iter().map(TrustKey::from).collect())
}

/// No key is revoked before the end of the transaction.
pub async fn lock_all_shared(tx: &WriteTx, scope: Scope) -> Result<(), Error> {
    visible(scope).order_by_asc(trust_key::Column::Id).lock_shared().all(&tx.conn()).await?;
    Ok(())
}

/// Nobody else names a key in the workspace before the end of the transaction: of two of one name, each would not see the
/// other's.
pub async fn lock_names(tx: &WriteTx, workspace: WorkspaceId) -> Result<(), Error> {
    workspace::Entity::find_by_id(workspace).lock(LockType::NoKeyUpdate).one(&tx.conn()).await?;
    Ok(())
}

/// Whether a key of this name is trusted that was not revoked.
pub async fn is_name_taken(tx: &WriteTx, workspace: WorkspaceId, name: &str) -> Result<bool, Error> {
    let of_name = trust_key::Entity::find()
        .filter(trust_key::COLUMN.workspace_id.eq(workspace))
        .filter(trust_key::COLUMN.name.eq(name))
        .filter(trust_key::COLUMN.revoked_at.is_null());
    Ok(of_name.lock_exclusive().one(&tx.conn()).await?.is_some())
}

pub async fn insert(tx: &WriteTx, workspace: WorkspaceId, new: &TrustKey) -> Result<(), Error> {
    let row = trust_key::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(workspace),
        name: Set(new.name.clone()),
        fingerprint: Set(new.fingerprint.clone()),
        public_key_pem: Set(new.public_key_pem.clone()),
        added_by: Set(new.added_by),
        valid_from: Set(new.valid_from),
        valid_until: Set(new.valid_until),
        revoked_at: Set(None),
        identities: Set(new.identities.clone()),
        revoked_certificates: Set(written(&new.revoked_certificates)),
    };
    trust_key::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::conflict("trust_key_known", "this key is listed already"),
        _ => e.into(),
    })?;
    Ok(())
}

pub async fn revoke(tx: &WriteTx, id: TrustKeyId) -> Result<(), Error> {
    trust_key::Entity::update_many()
        .col_expr(trust_key::Column::RevokedAt, Expr::value(tx.at()))
        .filter(trust_key::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// One more certificate of an authority counts no more.
pub async fn revoke_certificates(tx: &WriteTx, id: TrustKeyId, all: &BTreeSet<String>) -> Result<(), Error> {
    trust_key::Entity::update_many()
        .col_expr(trust_key::Column::RevokedCertificates, Expr::value(written(all)))
        .filter(trust_key::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

fn visible(scope: Scope) -> Select<trust_key::Entity> {
    match scope {
        Scope::Instance => trust_key::Entity::find(),
        Scope::Workspace(id) => trust_key::Entity::find().filter(trust_key::COLUMN.workspace_id.eq(id)),
    }
}

fn written(all: &BTreeSet<String>) -> Option<String> {
    Some(all.iter().map(String::as_str).collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
}

fn words(text: Option<&str>) -> impl Iterator<Item = String> {
    text.unwrap_or_default().split(' ').filter(|word| !word.is_empty()).map(str::to_owned)
}

impl From<trust_key::Model> for TrustKey {
    fn from(row: trust_key::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            fingerprint: row.fingerprint,
            public_key_pem: row.public_key_pem,
            added_by: row.added_by,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            revoked_at: row.revoked_at,
            identities: row.identities,
            revoked_certificates: words(row.revoked_certificates.as_deref()).collect(),
        }
    }
}
