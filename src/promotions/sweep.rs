//! What the clock does to open requests. Whoever looks at one does the same by themselves.

use crate::{
    app::App,
    authz::{Scope, policy},
    core::ids::PromotionId,
    db::Conn,
    error::Error,
    promotions::{
        Promotion, changes, lane, ops, store,
        workflow::{self, Command, Fact, Observed},
    },
    sweeps,
};
use chrono::{DateTime, Utc};

/// How many requests are looked at in one go.
const PAGE: u64 = 200;

/// A time-out always means no.
pub async fn expire_due(app: &App) -> Result<(), Error> {
    let reader = app.db.read(&policy::upkeep());
    let mut outcome = Ok(());
    for due in store::overdue(&reader, app.db.clock().now()).await? {
        outcome = sweeps::and(outcome, due.id, look_again(app, &due).await);
    }
    outcome
}

/// Ends what is over, lets go what is held no longer, and takes a page of all others each time: evidence,
/// approvals and keys end by themselves too.
pub async fn run(app: &App) -> Result<(), Error> {
    let mut outcome = expire_due(app).await;
    let now = app.db.clock().now();
    let reader = app.db.read(&policy::upkeep());
    let turn = u64::try_from(now.timestamp().max(0)).unwrap_or_default() / 30;
    for open in store::open_page(&reader, turn, PAGE).await? {
        match seen(reader.conn(), &open, now).await {
            Ok((facts, _)) if facts.is_empty() => {}
            // A doubt ends it, under the lock.
            Ok(_) | Err(_) => outcome = sweeps::and(outcome, open.id, look_again(app, &open).await),
        }
    }
    outcome
}

/// Records how a request stands by now.
async fn look_again(app: &App, open: &Promotion) -> Result<(), Error> {
    let mut tx = app.db.begin().await?;
    let promotion = ops::lock_in_place(&tx, Scope::Workspace(open.workspace), open.id).await?;
    let approvals = store::approvals(&tx.conn(), promotion.id).await?;
    tx.catch_up(lane::last_moment(&promotion, &approvals));
    let (facts, now) = seen(&tx.conn(), &promotion, tx.at()).await.unwrap_or_else(|error| {
        tracing::error!(promotion = %promotion.id, ?error, "an open request can't be assessed");
        (looked(&promotion, &Observed::default(), tx.at()), None)
    });
    let changes = now.map(|now| changes::between(&promotion.decision, &now)).unwrap_or_default();
    lane::commit_seen(tx, &promotion, &facts, &changes).await
}

/// What looking at a request finds, and what would be decided on now.
async fn seen(
    conn: &Conn<'_>,
    promotion: &Promotion,
    now: DateTime<Utc>,
) -> Result<(Vec<Fact>, Option<String>), Error> {
    if promotion.expires_at <= now {
        // Nothing has to be read to say no.
        return Ok((looked(promotion, &Observed::default(), now), None));
    }
    let facts = ops::reload(conn, Scope::Workspace(promotion.workspace), promotion, now).await?;
    let approvals = store::approvals(conn, promotion.id).await?;
    let looked = lane::look_up(conn, promotion, facts, approvals, None, now).await?;
    let lane = lane::alone(promotion, &looked.approvals);
    Ok((look(&lane, promotion.id, &looked.observed, now), Some(looked.assessment.decision)))
}

fn looked(promotion: &Promotion, observed: &Observed, now: DateTime<Utc>) -> Vec<Fact> {
    look(&lane::alone(promotion, &[]), promotion.id, observed, now)
}

fn look(lane: &workflow::Lane, promotion: PromotionId, observed: &Observed, now: DateTime<Utc>) -> Vec<Fact> {
    workflow::apply(lane, &Command::Look { promotion }, observed, now).unwrap_or_default()
}
