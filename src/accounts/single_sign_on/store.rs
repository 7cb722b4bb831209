//! The only SQL about identities of a provider and the roles that its groups give.

use crate::{
    accounts::{
        roles::{Held, store::to_held},
        store::forgotten_subject,
    },
    core::ids::{AccountId, WorkspaceId},
    db::{
        Reader, WriteTx,
        entity::{account, membership},
    },
    error::Error,
};
use sea_orm::{EntityTrait, QueryFilter, QuerySelect};

/// The account of a provider's person.
#[derive(Clone, Debug)]
pub struct Known {
    pub account: AccountId,
    pub name: String,
    pub active: bool,
}

/// Finds those who were erased, too: they are not active, and nobody new.
pub async fn find(reader: &Reader<'_>, issuer: &str, subject: &str) -> Result<Option<Known>, Error> {
    let row = account::Entity::find()
        .filter(account::COLUMN.issuer.eq(issuer))
        .filter(account::COLUMN.subject.is_in([subject.to_owned(), forgotten_subject(issuer, subject)]))
        .one(reader.conn())
        .await?;
    Ok(row.map(|row| Known { account: row.id, name: row.name, active: row.state == "active" }))
}

/// By whom the account signs in, if not by a password.
pub async fn issuer_of(reader: &Reader<'_>, id: AccountId) -> Result<Option<String>, Error> {
    Ok(account::Entity::find_by_id(id).one(reader.conn()).await?.and_then(|row| row.issuer))
}

/// Whether the account is active; holds it so.
pub async fn lock_active(tx: &WriteTx, id: AccountId) -> Result<bool, Error> {
    let row = account::Entity::find_by_id(id).lock_exclusive().one(&tx.conn()).await?;
    Ok(row.is_some_and(|row| row.state == "active"))
}

/// All roles that groups gave, with whose and where they are.
pub async fn mapped(reader: &Reader<'_>) -> Result<Vec<((WorkspaceId, AccountId), Held)>, Error> {
    let rows = membership::Entity::find().filter(membership::COLUMN.origin.is_not_null()).all(reader.conn()).await?;
    rows.into_iter().map(|row| Ok(((row.workspace_id, row.account_id), to_held(row)?))).collect()
}
