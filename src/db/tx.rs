use crate::{
    audit::leaf::{Leaf, LeafActor, LeafObject, Outcome},
    authz::{Actor, Denied, Permit},
    core::{
        clock::rfc3339,
        event::{Event, Object},
        ids::ClaimId,
    },
    crypto::merkle,
    db::entity::{audit_event, audit_pending, idempotency_claim},
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseExecutor, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::Expr,
};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Notify;
use uuid::Uuid;

/// An open write transaction. Dropping it rolls back.
#[must_use = "a transaction that is not committed rolls back"]
pub struct WriteTx {
    tx: DatabaseTransaction,
    at: DateTime<Utc>,
    committed: Arc<Notify>,
}

impl WriteTx {
    pub(super) fn new(tx: DatabaseTransaction, at: DateTime<Utc>, committed: Arc<Notify>) -> Self {
        Self { tx, at, committed }
    }

    /// For `store.rs` files only.
    pub fn conn(&self) -> DatabaseExecutor<'_> {
        (&self.tx).into()
    }

    /// The one timestamp of this change; the row and its audit event agree.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Appends the audit event and commits, in one transaction.
    ///
    /// This is the only way to make a change durable, and it takes the permit that
    /// allowed it: the actor in the log comes from the decision itself.
    pub async fn commit(self, permit: Permit, event: Event) -> Result<(), Error> {
        self.commit_all(permit, event, Vec::new()).await
    }

    /// One change with its consequences: a revised spec invalidates open requests.
    pub async fn commit_all(self, permit: Permit, event: Event, consequences: Vec<Event>) -> Result<(), Error> {
        debug_assert_eq!(event.action(), permit.action());
        let actor = permit.actor();
        for event in std::iter::once(&event).chain(&consequences) {
            let detail = serde_json::to_value(event).map_err(Error::internal)?;
            let action = event.action().name();
            self.append(actor, action, Outcome::Done, Some(event.object()), detail).await?;
        }
        if let Some(claim) = actor.cause.claim {
            self.settle(claim).await?;
        }
        self.tx.commit().await?;
        self.committed.notify_waiters();
        Ok(())
    }

    pub(super) async fn commit_denial(self, denied: &Denied) -> Result<(), Error> {
        let detail = serde_json::json!({"event": "denied", "code": denied.code});
        let action = denied.action.name();
        self.append(&denied.actor, action, Outcome::Denied, denied.object.clone(), detail).await?;
        self.tx.commit().await?;
        self.committed.notify_waiters();
        Ok(())
    }

    async fn append(
        &self,
        actor: &Actor,
        action: &str,
        outcome: Outcome,
        object: Option<Object>,
        detail: Value,
    ) -> Result<(), Error> {
        let (object_kind, object_id) = object.clone().unzip();
        let leaf = Leaf {
            v: 1,
            id: Uuid::now_v7().to_string(),
            at: rfc3339(self.at),
            workspace: actor.workspace.map(|id| id.to_string()),
            actor: LeafActor {
                kind: actor.kind.name().to_owned(),
                id: actor.id.map(|id| id.to_string()),
                name: actor.name.clone(),
                auth: actor.credential.name().to_owned(),
            },
            action: action.to_owned(),
            outcome,
            object: object.map(|(kind, id)| LeafObject { kind: kind.to_owned(), id }),
            request_id: actor.cause.request_id.clone(),
            detail,
        };
        let text = leaf.to_canonical().map_err(Error::internal)?;
        let row = audit_event::ActiveModel {
            id: NotSet,
            // The database fills in its transaction id: the sequencer orders by it.
            xid: NotSet,
            at: Set(self.at),
            workspace_id: Set(actor.workspace),
            actor_id: Set(actor.id),
            action: Set(action.to_owned()),
            outcome: Set(outcome.name().to_owned()),
            object_kind: Set(object_kind.map(str::to_owned)),
            object_id: Set(object_id),
            leaf_hash: Set(hex(&merkle::leaf_hash(text.as_bytes()))),
            leaf: Set(text),
        };
        let inserted = audit_event::Entity::insert(row).exec(&self.tx).await?;
        let pending = audit_pending::ActiveModel { event_id: Set(inserted.last_insert_id) };
        audit_pending::Entity::insert(pending).exec_without_returning(&self.tx).await?;
        Ok(())
    }

    /// From here on a repeated request knows that the first one took effect.
    async fn settle(&self, claim: ClaimId) -> Result<(), Error> {
        let settled = idempotency_claim::Entity::update_many()
            .col_expr(idempotency_claim::Column::State, Expr::value("applied"))
            .filter(idempotency_claim::COLUMN.id.eq(claim))
            .exec(&self.tx)
            .await?;
        if settled.rows_affected != 1 {
            let detail = "this request took so long that its Idempotency-Key went to another one; nothing was changed";
            return Err(Error::conflict("idempotency_lost", detail));
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
