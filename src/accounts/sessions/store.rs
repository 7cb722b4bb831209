//! The only SQL about what sessions have beyond tokens.

use crate::{
    accounts::{Token, store::to_token},
    core::ids::{AccountId, TokenId},
    db::{Bookkeeping, Db, Reader, WriteTx, entity::api_token},
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

/// Nobody has more at once that would be worth showing.
const MAX_SHOWN: u64 = 200;

/// Notes that a session is used.
pub async fn note_use(db: &Db, id: TokenId, at: DateTime<Utc>) -> Result<(), Error> {
    let tx: Bookkeeping = db.begin_bookkeeping().await?;
    api_token::Entity::update_many()
        .col_expr(api_token::Column::SeenAt, Expr::value(at))
        .filter(api_token::COLUMN.id.eq(id))
        .filter(api_token::Column::SeenAt.is_null().or(api_token::Column::SeenAt.lt(at)))
        .exec(&tx.conn())
        .await?;
    tx.commit().await
}

/// Whether the account had a session in this browser since then, or with this program where there is no browser.
pub async fn is_known(
    reader: &Reader<'_>,
    account: AccountId,
    since: DateTime<Utc>,
    device: Option<&str>,
    client: Option<&str>,
) -> Result<bool, Error> {
    let mut query = api_token::Entity::find()
        .filter(api_token::COLUMN.account_id.eq(account))
        .filter(api_token::COLUMN.created_at.gt(since));
    query = match (device, client) {
        (Some(device), _) => query.filter(api_token::COLUMN.device.eq(device)),
        (None, Some(client)) => {
            query.filter(api_token::COLUMN.device.is_null()).filter(api_token::COLUMN.client.eq(client))
        }
        (None, None) => query.filter(api_token::COLUMN.kind.eq("session")).filter(api_token::COLUMN.client.is_null()),
    };
    Ok(0 < query.limit(1).count(reader.conn()).await?)
}

/// Sessions that have not ended, the newest first; idle ones are for the caller to tell.
pub async fn live(reader: &Reader<'_>, account: AccountId, now: DateTime<Utc>) -> Result<Vec<Token>, Error> {
    let rows = api_token::Entity::find()
        .filter(api_token::COLUMN.account_id.eq(account))
        .filter(api_token::COLUMN.kind.eq("session"))
        .filter(api_token::COLUMN.revoked_at.is_null())
        .filter(api_token::COLUMN.expires_at.gt(now))
        .order_by_desc(api_token::Column::Id)
        .limit(MAX_SHOWN)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(to_token).collect()
}

/// Ends a session if it lives; of two who do it at once, one does.
pub async fn end(tx: &WriteTx, id: TokenId) -> Result<bool, Error> {
    crate::accounts::store::revoke_token(tx, id).await
}
