//! The only SQL about versions, their files and their attestations.

use crate::{
    authz::Scope,
    core::{
        digest::Digest,
        ids::{AccountId, AttestationId, FileId, ModelId, VersionId},
        page::{Page, PageRequest},
    },
    db::{
        Reader, WriteTx,
        entity::{attestation, blob, earlier_author, model_version, version_file},
    },
    error::Error,
    versions::{DeclaredFile, Manifest, Named, Signature, State, Version, VersionRef},
};
use sea_orm::{
    ColumnTrait, DatabaseExecutor, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::{Expr, LockType, OnConflict},
};
use std::collections::HashMap;

mod file_rows;

pub use file_rows::set_uploaded;
pub(crate) use file_rows::{file, files};

/// `sha256:` and 64 hex digits.
const DIGEST_CHARS: usize = 71;

/// A statement about a version, as it was received.
#[derive(Clone, Debug)]
pub struct Attested {
    pub predicate_type: String,
    pub digest: String,
    pub statement: String,
    /// Who sent it.
    pub created_by: AccountId,
}

pub(crate) async fn find(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    model: ModelId,
    version: &VersionRef,
) -> Result<Option<Version>, Error> {
    named(scope, model, version).one(conn).await?.map(TryInto::try_into).transpose()
}

pub(crate) async fn find_by_id(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    id: VersionId,
) -> Result<Option<Version>, Error> {
    visible(scope).filter(model_version::COLUMN.id.eq(id)).one(conn).await?.map(TryInto::try_into).transpose()
}

/// Several at once, in no order.
pub(crate) async fn by_ids(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    ids: impl IntoIterator<Item = VersionId>,
) -> Result<Vec<Version>, Error> {
    let rows = visible(scope).filter(model_version::COLUMN.id.is_in(ids)).all(conn).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Versions of whichever model whose digest begins so, by their digest.
pub async fn with_digest(reader: &Reader<'_>, beginning: &str, limit: u64) -> Result<Vec<Version>, Error> {
    // A range is an index range on every database. Digests are lowercase hex, so nothing that begins so lies above it.
    let end = format!("{beginning:f<0$}", DIGEST_CHARS);
    let rows = visible(reader.scope())
        .filter(model_version::COLUMN.manifest_digest.gte(beginning))
        .filter(model_version::COLUMN.manifest_digest.lte(end))
        .order_by_asc(model_version::Column::ManifestDigest)
        .order_by_asc(model_version::Column::Id)
        .limit(limit)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub async fn lock(tx: &WriteTx, scope: Scope, model: ModelId, version: &VersionRef) -> Result<Option<Version>, Error> {
    let query = named(scope, model, version).lock(LockType::NoKeyUpdate);
    query.one(&tx.conn()).await?.map(TryInto::try_into).transpose()
}

pub async fn lock_by_id(tx: &WriteTx, scope: Scope, id: VersionId) -> Result<Option<Version>, Error> {
    let query = visible(scope).filter(model_version::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    query.one(&tx.conn()).await?.map(TryInto::try_into).transpose()
}

/// It stays as it is until the end of the transaction.
pub async fn lock_shared(
    tx: &WriteTx,
    scope: Scope,
    model: ModelId,
    version: &VersionRef,
) -> Result<Option<Version>, Error> {
    named(scope, model, version).lock_shared().one(&tx.conn()).await?.map(TryInto::try_into).transpose()
}

/// Newest first.
pub async fn list(reader: &Reader<'_>, model: ModelId, page: PageRequest) -> Result<Page<Version>, Error> {
    let mut query = visible(reader.scope())
        .filter(model_version::COLUMN.model_id.eq(model))
        .order_by_desc(model_version::Column::Id)
        .limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(model_version::COLUMN.id.lt(VersionId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

pub async fn last_number(tx: &WriteTx, model: ModelId) -> Result<i64, Error> {
    let last = model_version::Entity::find()
        .filter(model_version::COLUMN.model_id.eq(model))
        .order_by_desc(model_version::Column::Number)
        .one(&tx.conn())
        .await?;
    Ok(last.map_or(0, |row| row.number))
}

/// Files whose bytes the workspace holds already count as uploaded; `within` a model alone, for those who may not read others.
pub async fn insert(tx: &WriteTx, new: &Version, manifest: &Manifest, within: Option<ModelId>) -> Result<(), Error> {
    let row = model_version::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        model_id: Set(new.model),
        number: Set(new.number),
        state: Set(new.state.name().to_owned()),
        manifest_digest: Set(new.manifest.to_string()),
        signature_state: Set(None),
        signature_detail: Set(None),
        trust_key_id: Set(None),
        signature_bundle: Set(None),
        created_by: Set(new.created_by),
        created_at: Set(new.created_at),
        sealed_by: Set(None),
        sealed_at: Set(None),
        revoked_at: Set(None),
        revocation_reason: Set(None),
        signatory: Set(None),
        certificates: Set(None),
    };
    model_version::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    for files in manifest.files().chunks(500) {
        let digests: Vec<_> = files.iter().map(|f| f.sha256.to_string()).collect();
        let mut held = blob::Entity::find()
            .filter(blob::COLUMN.workspace_id.eq(new.workspace))
            .filter(blob::COLUMN.sha256.is_in(digests));
        if let Some(model) = within {
            held = held.filter(blob::Column::Sha256.in_subquery(file_rows::uploaded_to(model)));
        }
        let held: HashMap<String, i64> =
            held.all(&tx.conn()).await?.into_iter().map(|row| (row.sha256, row.size_bytes)).collect();
        // Known bytes under another size are not these bytes: the size is part of the manifest.
        let is_held = |f: &DeclaredFile| held.get(&f.sha256.to_string()) == Some(&f.size_bytes);
        let rows = files.iter().map(|f| version_file::ActiveModel {
            id: Set(FileId::generate()),
            version_id: Set(new.id),
            path: Set(f.path.to_string()),
            sha256: Set(f.sha256.to_string()),
            size_bytes: Set(f.size_bytes),
            uploaded_at: Set(is_held(f).then(|| tx.at())),
        });
        version_file::Entity::insert_many(rows).exec_without_returning(&tx.conn()).await?;
    }
    Ok(())
}

/// Gives a draft to another author, and keeps who had it before.
pub async fn take_over(tx: &WriteTx, id: VersionId, before: AccountId, by: AccountId) -> Result<(), Error> {
    let kept = earlier_author::ActiveModel { version_id: Set(id), account_id: Set(before), until: Set(tx.at()) };
    // It may have been theirs more than once.
    earlier_author::Entity::insert(kept)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(&tx.conn())
        .await?;
    model_version::Entity::update_many()
        .col_expr(model_version::Column::CreatedBy, Expr::value(by))
        .filter(model_version::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// Those who declared a version, as a draft, before it was taken over.
pub(crate) async fn earlier_authors(conn: &DatabaseExecutor<'_>, id: VersionId) -> Result<Vec<AccountId>, Error> {
    let rows = earlier_author::Entity::find().filter(earlier_author::COLUMN.version_id.eq(id)).all(conn).await?;
    Ok(rows.into_iter().map(|row| row.account_id).collect())
}

pub async fn seal(tx: &WriteTx, version: &Version, bundle: Option<String>) -> Result<(), Error> {
    let named = match &version.signature {
        Signature::Verified { signatory, .. } => signatory.as_ref(),
        _ => None,
    };
    let (key, detail) = match &version.signature {
        Signature::Verified { key, .. } => (Some(*key), None),
        Signature::Untrusted { detail } => (None, Some(detail.clone())),
        Signature::Absent => (None, None),
    };
    model_version::Entity::update_many()
        .col_expr(model_version::Column::State, Expr::value(version.state.name()))
        .col_expr(model_version::Column::SignatureState, Expr::value(version.signature.name()))
        .col_expr(model_version::Column::SignatureDetail, Expr::value(detail))
        .col_expr(model_version::Column::TrustKeyId, Expr::value(key))
        .col_expr(model_version::Column::SignatureBundle, Expr::value(bundle))
        .col_expr(model_version::Column::Signatory, Expr::value(named.map(|named| named.names.join("\n"))))
        .col_expr(model_version::Column::Certificates, Expr::value(named.map(|named| named.certificates.join(" "))))
        .col_expr(model_version::Column::SealedBy, Expr::value(version.sealed_by))
        .col_expr(model_version::Column::SealedAt, Expr::value(version.sealed_at))
        .filter(model_version::COLUMN.id.eq(version.id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

pub async fn revoke(tx: &WriteTx, id: VersionId, reason: &str) -> Result<(), Error> {
    model_version::Entity::update_many()
        .col_expr(model_version::Column::State, Expr::value(State::Revoked.name()))
        .col_expr(model_version::Column::RevokedAt, Expr::value(tx.at()))
        .col_expr(model_version::Column::RevocationReason, Expr::value(reason))
        .filter(model_version::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

pub async fn insert_attestation(tx: &WriteTx, version: VersionId, attested: &Attested) -> Result<(), Error> {
    let row = attestation::ActiveModel {
        id: Set(AttestationId::generate()),
        version_id: Set(version),
        predicate_type: Set(attested.predicate_type.clone()),
        digest: Set(attested.digest.clone()),
        statement: Set(attested.statement.clone()),
        created_by: Set(attested.created_by),
        created_at: Set(tx.at()),
    };
    attestation::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

pub async fn attestations(reader: &Reader<'_>, version: VersionId) -> Result<Vec<Attested>, Error> {
    attestations_in(reader.conn(), version).await
}

pub(crate) async fn attestations_in(conn: &DatabaseExecutor<'_>, version: VersionId) -> Result<Vec<Attested>, Error> {
    let rows = attestation::Entity::find()
        .filter(attestation::COLUMN.version_id.eq(version))
        .order_by_asc(attestation::Column::Id)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(to_attested).collect())
}

/// The signature bundle as it was received.
pub(crate) async fn signature_bundle(conn: &DatabaseExecutor<'_>, id: VersionId) -> Result<Option<String>, Error> {
    let row = model_version::Entity::find_by_id(id).one(conn).await?;
    Ok(row.and_then(|row| row.signature_bundle))
}

fn named(scope: Scope, model: ModelId, version: &VersionRef) -> Select<model_version::Entity> {
    let query = visible(scope).filter(model_version::COLUMN.model_id.eq(model));
    match version {
        VersionRef::Number(number) => query.filter(model_version::COLUMN.number.eq(*number)),
        VersionRef::Digest(digest) => query.filter(model_version::COLUMN.manifest_digest.eq(digest.to_string())),
    }
}

fn visible(scope: Scope) -> Select<model_version::Entity> {
    match scope {
        Scope::Instance => model_version::Entity::find(),
        Scope::Workspace(id) => model_version::Entity::find().filter(model_version::COLUMN.workspace_id.eq(id)),
    }
}

fn to_attested(row: attestation::Model) -> Attested {
    Attested {
        predicate_type: row.predicate_type,
        digest: row.digest,
        statement: row.statement,
        created_by: row.created_by,
    }
}

impl TryFrom<model_version::Model> for Version {
    type Error = Error;

    fn try_from(row: model_version::Model) -> Result<Self, Error> {
        let signature = match (row.signature_state.as_deref(), row.trust_key_id) {
            (Some("verified"), Some(key)) => {
                let signatory = row.certificates.map(|certificates| Named {
                    names: row.signatory.unwrap_or_default().lines().map(str::to_owned).collect(),
                    certificates: certificates.split(' ').map(str::to_owned).collect(),
                });
                Signature::Verified { key, signatory }
            }
            (Some("untrusted"), _) => Signature::Untrusted { detail: row.signature_detail.unwrap_or_default() },
            _ => Signature::Absent,
        };
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            model: row.model_id,
            number: row.number,
            state: State::parse(&row.state)?,
            manifest: Digest::parse(&row.manifest_digest).map_err(|e| Error::internal(e.0))?,
            signature,
            created_by: row.created_by,
            created_at: row.created_at,
            sealed_by: row.sealed_by,
            sealed_at: row.sealed_at,
            revocation_reason: row.revocation_reason,
        })
    }
}
