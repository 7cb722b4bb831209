//! Whether the credential of whoever changes something still stands when the change is committed: it was looked at
//! before the body came, and a body may take minutes.

use crate::{
    core::ids::TokenId,
    db::{
        Conn,
        entity::{account, api_token, workload_trust},
    },
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{EntityTrait, QuerySelect};

/// Locks the credential against its end, and says whether it has come: for itself, for its account, or for whoever owns
/// that. The last lock of a transaction.
pub(super) async fn lock_live(conn: &Conn<'_>, id: TokenId, at: DateTime<Utc>) -> Result<bool, Error> {
    let token = api_token::Entity::find_by_id(id).lock_shared().one(conn).await?;
    let Some(token) = token.filter(|token| token.revoked_at.is_none() && at < token.expires_at) else {
        return Ok(false);
    };
    // What a job was given ends with the trust in it.
    if let Some(trust) = token.trust_id {
        let trust = workload_trust::Entity::find_by_id(trust).one(conn).await?;
        if trust.is_none_or(|trust| trust.ended_at.is_some()) {
            return Ok(false);
        }
    }
    let account = account::Entity::find_by_id(token.account_id).one(conn).await?;
    let Some(account) = account.filter(|account| account.state == "active") else { return Ok(false) };
    let Some(owner) = account.owner_id else { return Ok(true) };
    Ok(account::Entity::find_by_id(owner).one(conn).await?.is_some_and(|owner| owner.state == "active"))
}
