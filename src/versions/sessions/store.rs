//! The only SQL about files that come in pieces.

use super::{Chunk, OF_ONE_ACCOUNT, OF_ONE_WORKSPACE, State, UploadSession};
use crate::{
    blobs::{Place, Stored},
    core::{
        digest::Digest,
        ids::{AccountId, StoredBlobId, UploadId, VersionId},
        path::FilePath,
    },
    db::{
        Conn, Db,
        entity::{model_version, stored_blob, upload_chunk, upload_session, version_file, workspace},
    },
    error::Error,
    quotas,
    versions::State as VersionState,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set,
    sea_query::{Expr, ExprTrait, LockType, SelectStatement},
};

/// So many at a time.
const SWEPT: u64 = 1_000;

/// What became of the wish to begin.
pub enum Begun {
    New,
    /// Somebody with the same account was faster.
    Known(UploadSession),
    /// So many are open in all, of the account or of the workspace.
    TooMany(u64),
}

/// What became of a piece.
pub enum Arrival {
    Kept,
    /// It was here already.
    Known(Digest),
    /// The session is over.
    Ended,
    /// It took so long that the copy was collected.
    Lapsed,
}

pub async fn find(conn: &Conn<'_>, id: UploadId) -> Result<Option<UploadSession>, Error> {
    upload_session::Entity::find_by_id(id).one(conn).await?.map(TryInto::try_into).transpose()
}

/// The one that this account has open for this file.
pub async fn find_same(
    conn: &Conn<'_>,
    version: VersionId,
    account: AccountId,
    path: &FilePath,
) -> Result<Option<UploadSession>, Error> {
    let row = upload_session::Entity::find()
        .filter(upload_session::COLUMN.version_id.eq(version))
        .filter(upload_session::COLUMN.account_id.eq(account))
        .filter(upload_session::COLUMN.path.eq(path.as_str()))
        .one(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// The piece with this number, if it is here.
pub async fn chunk(conn: &Conn<'_>, id: UploadId, number: i64) -> Result<Option<Chunk>, Error> {
    upload_chunk::Entity::find_by_id((id, number)).one(conn).await?.map(TryInto::try_into).transpose()
}

/// In their order.
pub async fn chunks(conn: &Conn<'_>, id: UploadId) -> Result<Vec<Chunk>, Error> {
    let rows = upload_chunk::Entity::find()
        .filter(upload_chunk::COLUMN.session_id.eq(id))
        .order_by_asc(upload_chunk::Column::Number)
        .all(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Counts and begins under the lock of the workspace, so that no two see the last place or the last bytes free.
pub async fn begin(db: &Db, new: &UploadSession, heals: bool) -> Result<Begun, Error> {
    let tx = db.begin_bookkeeping().await?;
    workspace::Entity::find_by_id(new.workspace).lock(LockType::NoKeyUpdate).one(&tx.conn()).await?;
    if let Some(same) = find_same(&tx.conn(), new.version, new.account, &new.path).await? {
        return Ok(Begun::Known(same));
    }
    let open = upload_session::Entity::find()
        .filter(upload_session::COLUMN.workspace_id.eq(new.workspace))
        .filter(upload_session::COLUMN.state.eq(State::Open.name()));
    let own = open.clone().filter(upload_session::COLUMN.account_id.eq(new.account));
    for (open, most) in [(own, OF_ONE_ACCOUNT), (open, OF_ONE_WORKSPACE)] {
        if most <= open.count(&tx.conn()).await? {
            return Ok(Begun::TooMany(most));
        }
    }
    quotas::store::promise(&tx.conn(), new.workspace, new.size_bytes, heals).await?;
    let row = upload_session::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        version_id: Set(new.version),
        account_id: Set(new.account),
        path: Set(new.path.to_string()),
        sha256: Set(new.sha256.to_string()),
        size_bytes: Set(new.size_bytes),
        chunk_bytes: Set(new.chunk_bytes),
        begun_at: Set(new.begun_at),
        expires_at: Set(new.expires_at),
        state: Set(new.state.name().to_owned()),
    };
    upload_session::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    tx.commit().await?;
    Ok(Begun::New)
}

/// Makes a copy a piece. What holds it keeps the session open and the copy from being collected.
pub async fn arrive(db: &Db, id: UploadId, chunk: &Chunk) -> Result<Arrival, Error> {
    let tx = db.begin_bookkeeping().await?;
    let open = upload_session::Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(&tx.conn()).await?;
    if open.is_none_or(|session| session.state != State::Open.name()) {
        return Ok(Arrival::Ended);
    }
    if let Some(known) = upload_chunk::Entity::find_by_id((id, chunk.number)).one(&tx.conn()).await? {
        return Ok(Arrival::Known(Chunk::try_from(known)?.sha256));
    }
    if stored_blob::Entity::find_by_id(chunk.copy).lock_exclusive().one(&tx.conn()).await?.is_none() {
        return Ok(Arrival::Lapsed);
    }
    let row = upload_chunk::ActiveModel {
        session_id: Set(id),
        number: Set(chunk.number),
        sha256: Set(chunk.sha256.to_string()),
        stored_blob_id: Set(chunk.copy),
    };
    upload_chunk::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    tx.commit().await?;
    Ok(Arrival::Kept)
}

/// Forgets a piece that can't be read, so that it is sent again. Its copy is collected later.
pub async fn forget(db: &Db, id: UploadId, chunk: &Chunk) -> Result<(), Error> {
    let tx = db.begin_bookkeeping().await?;
    upload_chunk::Entity::delete_many()
        .filter(upload_chunk::COLUMN.session_id.eq(id))
        .filter(upload_chunk::COLUMN.stored_blob_id.eq(chunk.copy))
        .exec(&tx.conn())
        .await?;
    tx.commit().await
}

/// Forgets all that came, and the session too unless it is to be known as something; returns the places that are nobody's now.
pub async fn end(db: &Db, id: UploadId, known_as: Option<State>) -> Result<Vec<Place>, Error> {
    let tx = db.begin_bookkeeping().await?;
    upload_session::Entity::find_by_id(id).lock_exclusive().one(&tx.conn()).await?;
    let pieces = || {
        upload_chunk::Entity::find()
            .select_only()
            .column(upload_chunk::Column::StoredBlobId)
            .filter(upload_chunk::COLUMN.session_id.eq(id))
            .into_query()
    };
    let rows = stored_blob::Entity::find()
        .filter(stored_blob::Column::Id.in_subquery(pieces()))
        .order_by_asc(stored_blob::Column::Id)
        .lock_exclusive()
        .all(&tx.conn())
        .await?;
    stored_blob::Entity::delete_many().filter(stored_blob::Column::Id.in_subquery(pieces())).exec(&tx.conn()).await?;
    upload_chunk::Entity::delete_many().filter(upload_chunk::COLUMN.session_id.eq(id)).exec(&tx.conn()).await?;
    match known_as {
        None => upload_session::Entity::delete_by_id(id).exec(&tx.conn()).await?.rows_affected,
        Some(state) => {
            let known = upload_session::Entity::update_many()
                .col_expr(upload_session::Column::State, state.name().into())
                .filter(upload_session::COLUMN.id.eq(id));
            known.exec(&tx.conn()).await?.rows_affected
        }
    };
    tx.commit().await?;
    rows.into_iter().map(|row| Stored::try_from(row).map(|stored| stored.place())).collect()
}

/// Those that are over, and as what they are to be known from now on: their time is up, their file came in another way, or
/// somebody else has taken the draft over.
pub async fn over(conn: &Conn<'_>, now: DateTime<Utc>) -> Result<Vec<(UploadId, Option<State>)>, Error> {
    let is_open = || upload_session::COLUMN.state.eq(State::Open.name());
    let mut all = Vec::new();
    for (filter, known_as) in [
        (Condition::all().add(upload_session::COLUMN.expires_at.lte(now)), None),
        (Condition::all().add(is_open()).add(Expr::exists(of_another())), None),
        (Condition::all().add(is_open()).add(Expr::exists(come_otherwise())), Some(State::Completed)),
    ] {
        all.extend(those(conn, filter).await?.into_iter().map(|id| (id, known_as)));
    }
    Ok(all)
}

async fn those(conn: &Conn<'_>, filter: Condition) -> Result<Vec<UploadId>, Error> {
    let rows = upload_session::Entity::find()
        .filter(filter)
        .order_by_asc(upload_session::Column::ExpiresAt)
        .order_by_asc(upload_session::Column::Id)
        .limit(SWEPT)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The session's file, where its bytes are here and well.
fn come_otherwise() -> SelectStatement {
    let damaged = stored_blob::Entity::find()
        .select_only()
        .column(stored_blob::Column::Sha256)
        .filter(stored_blob::COLUMN.state.eq("quarantined"))
        .into_query();
    version_file::Entity::find()
        .select_only()
        .column(version_file::Column::Id)
        .filter(own(upload_session::Column::VersionId).equals((version_file::Entity, version_file::Column::VersionId)))
        .filter(own(upload_session::Column::Path).equals((version_file::Entity, version_file::Column::Path)))
        .filter(version_file::Column::UploadedAt.is_not_null())
        .filter(version_file::Column::Sha256.not_in_subquery(damaged))
        .into_query()
}

/// The session's version, where somebody else has taken the draft over.
fn of_another() -> SelectStatement {
    model_version::Entity::find()
        .select_only()
        .column(model_version::Column::Id)
        .filter(own(upload_session::Column::VersionId).equals((model_version::Entity, model_version::Column::Id)))
        .filter(
            own(upload_session::Column::AccountId)
                .ne(Expr::col((model_version::Entity, model_version::Column::CreatedBy))),
        )
        .filter(model_version::COLUMN.state.eq(VersionState::Draft.name()))
        .into_query()
}

fn own(column: upload_session::Column) -> Expr {
    Expr::col((upload_session::Entity, column))
}

impl TryFrom<upload_session::Model> for UploadSession {
    type Error = Error;

    fn try_from(row: upload_session::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            version: row.version_id,
            account: row.account_id,
            path: FilePath::parse(&row.path).map_err(|e| Error::internal(e.0))?,
            sha256: Digest::parse(&row.sha256).map_err(|e| Error::internal(e.0))?,
            size_bytes: row.size_bytes,
            chunk_bytes: row.chunk_bytes,
            begun_at: row.begun_at,
            expires_at: row.expires_at,
            state: State::parse(&row.state)?,
        })
    }
}

impl TryFrom<upload_chunk::Model> for Chunk {
    type Error = Error;

    fn try_from(row: upload_chunk::Model) -> Result<Self, Error> {
        let sha256 = Digest::parse(&row.sha256).map_err(|e| Error::internal(e.0))?;
        let copy: StoredBlobId = row.stored_blob_id;
        Ok(Self { number: row.number, sha256, copy })
    }
}
