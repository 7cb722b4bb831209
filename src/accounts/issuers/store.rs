//! The only SQL about what is believed once.

use crate::{
    core::digest::Digest,
    db::{Reader, WriteTx, entity::used_assertion},
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{EntityTrait, QueryFilter, Set, SqlErr};

/// A token of an issuer, or what stands for it.
#[derive(Clone, Debug)]
pub struct Once {
    issuer: String,
    token_hash: String,
    /// Until nobody would believe it any more.
    kept_until: DateTime<Utc>,
}

impl Once {
    pub fn new(issuer: &str, token: &str, kept_until: DateTime<Utc>) -> Self {
        Self { issuer: issuer.to_owned(), token_hash: Digest::of(token).hex(), kept_until }
    }

    /// Whether it was used before, as far as can be seen without waiting.
    pub async fn is_used(&self, reader: &Reader<'_>) -> Result<bool, Error> {
        let key = (self.issuer.clone(), self.token_hash.clone());
        Ok(used_assertion::Entity::find_by_id(key).one(reader.conn()).await?.is_some())
    }

    /// Whether nobody used it before: of many at once, one is told so. A transaction that is told otherwise is over.
    pub async fn use_up(&self, tx: &WriteTx) -> Result<bool, Error> {
        used_assertion::Entity::delete_many()
            .filter(used_assertion::COLUMN.kept_until.lt(tx.at()))
            .exec(&tx.conn())
            .await?;
        let row = used_assertion::ActiveModel {
            issuer: Set(self.issuer.clone()),
            token_hash: Set(self.token_hash.clone()),
            kept_until: Set(self.kept_until),
        };
        match used_assertion::Entity::insert(row).exec_without_returning(&tx.conn()).await {
            Ok(_) => Ok(true),
            Err(error) => match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => Ok(false),
                _ => Err(error.into()),
            },
        }
    }
}
