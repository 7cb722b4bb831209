use crate::error::Error;
use chrono::{DateTime, Utc};
use sea_orm::{DatabaseExecutor, DatabaseTransaction};

/// A transaction over rows that are not a state of the domain, so that they have no
/// audit event: queue leases, progress, idempotency claims, the order of the log.
#[must_use = "a transaction that is not committed rolls back"]
pub struct Bookkeeping {
    tx: DatabaseTransaction,
    at: DateTime<Utc>,
}

impl Bookkeeping {
    pub(super) fn new(tx: DatabaseTransaction, at: DateTime<Utc>) -> Self {
        Self { tx, at }
    }

    /// For `store.rs` files only.
    pub fn conn(&self) -> DatabaseExecutor<'_> {
        (&self.tx).into()
    }

    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    pub async fn commit(self) -> Result<(), Error> {
        Ok(self.tx.commit().await?)
    }
}
