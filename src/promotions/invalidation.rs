//! What ends open requests, and marks active releases, when something that they rest on changes.
//!
//! Whoever changes it calls [`follow`] in the same transaction, after the change, and commits the
//! events with it. So that nobody waits for somebody who waits, locks are taken in one order:
//! version, trusted keys, environments by id, requests by id, releases.

use crate::{
    authz::Scope,
    core::{
        event::Event,
        ids::{EnvironmentId, ModelId, TrustKeyId, VersionId},
    },
    db::WriteTx,
    environments,
    error::Error,
    oversight::Reach,
    promotions::{
        Promotion, changes,
        lane::{self, Telling},
        ops, store,
        workflow::{self, Command, Fact, Observed},
    },
    releases,
};

/// What changed, and with it which requests and releases may no longer hold.
#[derive(Clone, Copy, Debug)]
pub enum Cause {
    /// A document of an environment was revised.
    Documents(EnvironmentId),
    /// A version was revoked, a run of it finished, or evidence about it came or went.
    Version(VersionId),
    /// A trusted key was revoked: it may have signed versions, and evidence about any other.
    TrustKey(TrustKeyId),
    /// The record of a model was revised: its risk tier, or what it is for.
    Model(ModelId),
    /// Another release of a model became active in an environment.
    Release(EnvironmentId, ModelId),
    /// A finding or a waiver came or went, or a record that somebody answers for was written.
    Oversight(Reach),
}

/// Ends the requests that no longer hold, marks the releases that no longer do, and returns what is to
/// be logged with the cause.
pub(crate) async fn follow(tx: &WriteTx, scope: Scope, cause: Cause) -> Result<Vec<Event>, Error> {
    if matches!(cause, Cause::Oversight(reach) if reach.is_nowhere()) {
        return Ok(Vec::new());
    }
    let mut places = store::places(&tx.conn(), scope, cause).await?;
    places.extend(releases::assurance::store::places(&tx.conn(), scope, cause).await?);
    if let Cause::Version(version) = cause {
        // A rollback there may be about to bring it back.
        places.extend(releases::store::places(&tx.conn(), version).await?);
    }
    environments::store::lock_all(tx, scope, &places).await?;
    let mut events = Vec::new();
    for promotion in store::lock_reached(tx, scope, cause).await? {
        events.extend(look(tx, &promotion).await?);
    }
    events.extend(releases::assurance::ops::follow(tx, scope, cause).await?);
    Ok(events)
}

async fn look(tx: &WriteTx, promotion: &Promotion) -> Result<Vec<Event>, Error> {
    let command = Command::Look { promotion: promotion.id };
    let scope = Scope::Workspace(promotion.workspace);
    let found = async {
        let facts = ops::reload(&tx.conn(), scope, promotion, tx.at()).await?;
        let approvals = store::approvals(&tx.conn(), promotion.id).await?;
        lane::look_up(&tx.conn(), promotion, facts, approvals, None, tx.at()).await
    };
    let (lane, observed, changes) = match found.await {
        Ok(looked) => {
            let changes = changes::between(&promotion.decision, &looked.assessment.decision);
            (lane::alone(promotion, &looked.approvals), looked.observed, changes)
        }
        // A doubt ends the request; it must not keep a revocation from happening.
        Err(error) => {
            tracing::error!(promotion = %promotion.id, ?error, "an open request can't be assessed");
            (lane::alone(promotion, &[]), Observed::default(), Vec::new())
        }
    };
    let mut facts: Vec<Fact> = workflow::apply(&lane, &command, &observed, tx.at()).unwrap_or_default();
    // Who counts and what waits is looked at by whoever comes to the request itself.
    facts.retain(|fact| fact.leads_to().is_some_and(|(_, stage)| !stage.is_open()));
    let why = facts.first().map(|fact| lane::why(fact, &changes)).unwrap_or_default();
    lane::record(tx, &lane, &facts, Telling { changed: &why, ..Telling::default() }).await
}
