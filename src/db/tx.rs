use crate::{
    audit::{
        changes::Change,
        leaf::{Leaf, LeafActor, LeafObject, Outcome},
    },
    authz::{Actor, Denied, Kind, Permit, policy},
    core::{
        clock::{Clock, rfc3339},
        event::{Event, Object},
        ids::ClaimId,
    },
    crypto::{hex, merkle},
    db::{
        changes, credential,
        entity::{audit_event, idempotency_claim},
        reach,
    },
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseExecutor, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::Expr,
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Notify;
use uuid::Uuid;

/// An open write transaction. Dropping it rolls back.
#[must_use = "a transaction that is not committed rolls back"]
pub struct WriteTx {
    tx: DatabaseTransaction,
    /// Where the changes of this transaction begin.
    mark: i64,
    clock: Clock,
    at: DateTime<Utc>,
    committed: Arc<Notify>,
}

impl WriteTx {
    pub(super) async fn new(tx: DatabaseTransaction, clock: Clock, committed: Arc<Notify>) -> Result<Self, Error> {
        let mark = changes::mark(&tx).await?;
        let at = clock.now();
        Ok(Self { tx, mark, clock, at, committed })
    }

    /// For `store.rs` files only.
    pub fn conn(&self) -> DatabaseExecutor<'_> {
        (&self.tx).into()
    }

    /// The one timestamp of this change; the row and its audit event agree.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The time after a lock was waited for, and not before the last change under that lock: another
    /// replica's clock may be ahead. Nothing that rests on [`Self::at`] may have been written before.
    pub fn catch_up(&mut self, last: Option<DateTime<Utc>>) {
        self.at = self.at.max(self.clock.now());
        self.at = last.map_or(self.at, |last| self.at.max(last));
    }

    /// Makes the log's hashes of a row's texts unrecognisable, for good. Rewrite every such text of
    /// the row afterwards, in this transaction.
    pub async fn forget(&self, table: &str, key: &str) -> Result<(), Error> {
        changes::forget(&self.tx, table, key).await
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
        policy::require_fresh(actor, permit.action(), event.object(), self.at)?;
        if policy::is_weighty(permit.action())
            && let Some(id) = actor.credential.id()
            && !credential::lock_live(&self.conn(), id, self.at).await?
        {
            return Err(Error::Unauthenticated);
        }
        let parts = changes::parts(changes::take(&self.tx, self.mark).await?)?;
        reach::require(&self.conn(), actor, permit.action(), &event, &parts).await?;
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or_default();
        let id = self.append(actor, Record::of(&event)?, first).await?;
        for part in parts {
            self.append(actor, Record::rest_of(&event, id), part).await?;
        }
        for consequence in &consequences {
            self.append(actor, Record::of(consequence)?, Vec::new()).await?;
        }
        if let Some(claim) = actor.cause.claim {
            self.settle(claim).await?;
        }
        self.tx.commit().await?;
        self.committed.notify_waiters();
        Ok(())
    }

    pub(super) async fn commit_denial(self, denied: &Denied) -> Result<(), Error> {
        let mut detail = json!({"event": "denied", "code": denied.code});
        for (kind, id) in denied.about.iter().skip(1) {
            detail[*kind] = json!(id);
        }
        let (action, object) = (denied.action.name(), denied.about.first().cloned());
        let record = Record { action, outcome: Outcome::Denied, object, detail };
        self.append(&denied.actor, record, Vec::new()).await?;
        self.tx.commit().await?;
        self.committed.notify_waiters();
        Ok(())
    }

    /// Writes a leaf; returns its id.
    async fn append(&self, actor: &Actor, record: Record, changes: Vec<Change>) -> Result<Uuid, Error> {
        let (object_kind, object_id) = record.object.clone().unzip();
        let id = Uuid::now_v7();
        let leaf = Leaf {
            v: 1,
            id: id.to_string(),
            at: rfc3339(self.at),
            workspace: actor.workspace.map(|id| id.to_string()),
            actor: LeafActor {
                kind: actor.kind.name().to_owned(),
                id: actor.id.map(|id| id.to_string()),
                name: (actor.kind == Kind::System).then(|| actor.name.clone()),
                auth: actor.credential.name().to_owned(),
                credential: actor.credential.id().map(|id| id.to_string()),
            },
            action: record.action.to_owned(),
            outcome: record.outcome,
            object: record.object.map(|(kind, id)| LeafObject { kind: kind.to_owned(), id }),
            request_id: actor.cause.request_id.clone(),
            detail: record.detail,
            changes,
        };
        let text = leaf.to_canonical().map_err(Error::internal)?;
        let row = audit_event::ActiveModel {
            id: NotSet,
            at: Set(self.at),
            workspace_id: Set(actor.workspace),
            actor_id: Set(actor.id),
            action: Set(record.action.to_owned()),
            outcome: Set(record.outcome.name().to_owned()),
            object_kind: Set(object_kind.map(str::to_owned)),
            object_id: Set(object_id),
            leaf_hash: Set(hex::encode(&merkle::leaf_hash(text.as_bytes()))),
            leaf: Set(text),
        };
        // A trigger puts it into the sequencer's queue.
        audit_event::Entity::insert(row).exec_without_returning(&self.tx).await?;
        Ok(id)
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

/// What a leaf says beyond who, when and which rows.
struct Record {
    action: &'static str,
    outcome: Outcome,
    object: Option<Object>,
    detail: Value,
}

impl Record {
    fn of(event: &Event) -> Result<Self, Error> {
        let detail = serde_json::to_value(event).map_err(Error::internal)?;
        Ok(Self { action: event.action().name(), outcome: Outcome::Done, object: Some(event.object()), detail })
    }

    /// For the changes that don't fit into the leaf of the event itself.
    fn rest_of(event: &Event, leaf: Uuid) -> Self {
        let detail = json!({"event": "changes_continued", "of": leaf.to_string()});
        Self { action: event.action().name(), outcome: Outcome::Done, object: Some(event.object()), detail }
    }
}
