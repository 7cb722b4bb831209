//! The only SQL about passwords and the codes for setting them.

use crate::{
    accounts::passwords::Reset,
    core::ids::{AccountId, WorkspaceId},
    db::{
        Reader, WriteTx,
        entity::{account, api_token, password_reset},
    },
    error::Error,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set, sea_query::Expr};

/// The stored form of a person's password; `None` for whoever has none.
pub async fn hash_of(reader: &Reader<'_>, account: AccountId) -> Result<Option<String>, Error> {
    let row = account::Entity::find_by_id(account).one(reader.conn()).await?;
    Ok(row.and_then(|row| row.password_hash))
}

pub async fn set(tx: &WriteTx, account: AccountId, hash: String) -> Result<(), Error> {
    account::Entity::update_many()
        .col_expr(account::Column::PasswordHash, Expr::value(hash))
        .filter(account::COLUMN.id.eq(account))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// Whether the password is still the one that was checked; holds it in place.
pub async fn lock_unchanged(tx: &WriteTx, account: AccountId, hash: Option<&str>) -> Result<bool, Error> {
    let row = account::Entity::find_by_id(account).lock_exclusive().one(&tx.conn()).await?;
    Ok(row.is_some_and(|row| row.state == "active" && row.password_hash.as_deref() == hash))
}

/// Holds an account in place while what belongs to it changes.
pub async fn lock(tx: &WriteTx, account: AccountId) -> Result<(), Error> {
    account::Entity::find_by_id(account).lock_exclusive().one(&tx.conn()).await?;
    Ok(())
}

/// A code replaces those before it.
pub async fn issue(tx: &WriteTx, workspace: WorkspaceId, new: &Reset, secret_hash: String) -> Result<(), Error> {
    end_all(tx, new.account).await?;
    let row = password_reset::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(workspace),
        account_id: Set(new.account),
        secret_hash: Set(secret_hash),
        issued_by: Set(new.issued_by),
        issued_at: Set(new.issued_at),
        expires_at: Set(new.expires_at),
        ended_at: Set(None),
    };
    password_reset::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// The code that is neither used nor replaced nor over, with the name of its account.
pub async fn find(
    reader: &Reader<'_>,
    secret_hash: &str,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<Option<(Reset, WorkspaceId, account::Model)>, Error> {
    let row = password_reset::Entity::find()
        .filter(password_reset::COLUMN.secret_hash.eq(secret_hash))
        .filter(password_reset::COLUMN.ended_at.is_null())
        .filter(password_reset::COLUMN.expires_at.gt(at))
        .one(reader.conn())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let account = account::Entity::find_by_id(row.account_id).one(reader.conn()).await?;
    let workspace = row.workspace_id;
    Ok(account.map(|account| (to_reset(row), workspace, account)))
}

/// Uses a code up; false when somebody else just did.
pub async fn use_up(tx: &WriteTx, reset: &Reset) -> Result<bool, Error> {
    let used = password_reset::Entity::update_many()
        .col_expr(password_reset::Column::EndedAt, Expr::value(tx.at()))
        .filter(password_reset::COLUMN.id.eq(reset.id))
        .filter(password_reset::COLUMN.ended_at.is_null())
        .exec(&tx.conn())
        .await?;
    Ok(used.rows_affected == 1)
}

/// Codes that still work end with whatever made them needless.
pub async fn end_all(tx: &WriteTx, account: AccountId) -> Result<(), Error> {
    password_reset::Entity::update_many()
        .col_expr(password_reset::Column::EndedAt, Expr::value(tx.at()))
        .filter(password_reset::COLUMN.account_id.eq(account))
        .filter(password_reset::COLUMN.ended_at.is_null())
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// Ends a person's sessions, except one, and with `tokens` what they made for programs; says how many.
pub async fn end_credentials(
    tx: &WriteTx,
    account: AccountId,
    except: Option<crate::core::ids::TokenId>,
    tokens: bool,
) -> Result<usize, Error> {
    let mut ended = api_token::Entity::update_many()
        .col_expr(api_token::Column::RevokedAt, Expr::value(tx.at()))
        .filter(api_token::COLUMN.account_id.eq(account))
        .filter(api_token::COLUMN.revoked_at.is_null())
        .filter(api_token::COLUMN.expires_at.gt(tx.at()));
    if !tokens {
        ended = ended.filter(api_token::COLUMN.kind.eq("session"));
    }
    if let Some(except) = except {
        ended = ended.filter(api_token::COLUMN.id.ne(except));
    }
    let ended = ended.exec(&tx.conn()).await?.rows_affected;
    Ok(usize::try_from(ended).unwrap_or(usize::MAX))
}

fn to_reset(row: password_reset::Model) -> Reset {
    Reset {
        id: row.id,
        account: row.account_id,
        issued_by: row.issued_by,
        issued_at: row.issued_at,
        expires_at: row.expires_at,
    }
}
