//! What ends open requests when something that they rest on changes.
//!
//! Whoever changes it calls [`follow`] in the same transaction, after the change, and commits the
//! events with it. So that nobody waits for somebody who waits, locks are taken in one order:
//! version, trusted keys, environments by id, requests by id, releases.

use crate::{
    authz::{Action, Principal, Scope, policy},
    core::{
        clock::rfc3339,
        event::Event,
        ids::{EnvironmentId, ModelId, ReleaseId, VersionId},
    },
    db::WriteTx,
    environments,
    error::Error,
    oversight::Reach,
    promotions::{
        Promotion,
        assessment::{Assessment, Facts},
        ops,
        stage::Command,
        store,
    },
    releases,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What changed, and with it which requests may no longer hold.
#[derive(Clone, Copy, Debug)]
pub enum Cause {
    /// A document of an environment was revised.
    Documents(EnvironmentId),
    /// A version was revoked, a run of it finished, or evidence about it came or went.
    Version(VersionId),
    /// A trusted key was revoked: it may have signed versions, and evidence about any other.
    TrustRoots,
    /// Another release of a model became active in an environment.
    Release(EnvironmentId, ModelId),
    /// A finding or a waiver came or went.
    Oversight(Reach),
}

/// How a request stands to what holds now.
enum Standing {
    Holds(Assessment),
    Expired,
    Changed { why: String, event: Event },
}

/// Ends the requests that no longer hold, and returns what is to be logged with the cause.
pub(crate) async fn follow(tx: &WriteTx, scope: Scope, cause: Cause) -> Result<Vec<Event>, Error> {
    if matches!(cause, Cause::Oversight(reach) if reach.is_nowhere()) {
        return Ok(Vec::new());
    }
    let mut places = store::places(&tx.conn(), scope, cause).await?;
    if let Cause::Version(version) = cause {
        // A rollback there may be about to bring it back.
        places.extend(releases::store::places(&tx.conn(), version).await?);
    }
    environments::store::lock_all(tx, scope, &places).await?;
    let mut events = Vec::new();
    for promotion in store::lock_reached(tx, scope, cause).await? {
        let now = match ops::reload(&tx.conn(), Scope::Workspace(promotion.workspace), &promotion).await {
            Ok(facts) => standing(&promotion, &facts, tx.at()),
            Err(error) => Err(error),
        };
        // A doubt ends the request; it must not keep a revocation from happening.
        let now = now.unwrap_or_else(|error| {
            tracing::error!(promotion = %promotion.id, ?error, "an open request can't be assessed");
            unreadable(&promotion)
        });
        if let Standing::Changed { why, event } = now {
            store::set_stage(tx, promotion.id, promotion.stage.apply(Command::Invalidate)?, Some(&why)).await?;
            events.push(event);
        }
    }
    Ok(events)
}

/// Hands the transaction back if the request still rests on what holds now; otherwise
/// the request is closed, and the answer says so.
pub(crate) async fn still_holds(
    tx: WriteTx,
    promotion: &Promotion,
    facts: &Facts,
) -> Result<(WriteTx, Assessment), Error> {
    let who = Principal::system("gate", promotion.workspace);
    match standing(promotion, facts, tx.at())? {
        Standing::Holds(assessment) => Ok((tx, assessment)),
        Standing::Expired => {
            let stage = promotion.stage.apply(Command::Expire)?;
            store::set_stage(&tx, promotion.id, stage, Some("nobody decided in time")).await?;
            let permit = policy::system(&who, Action::PromotionExpire)?;
            tx.commit(permit, Event::PromotionExpired { promotion: promotion.id }).await?;
            let detail = format!("the request expired on {}; ask again", rfc3339(promotion.expires_at));
            Err(Error::conflict("promotion_expired", detail))
        }
        Standing::Changed { why, event } => {
            let stage = promotion.stage.apply(Command::Invalidate)?;
            store::set_stage(&tx, promotion.id, stage, Some(&why)).await?;
            tx.commit(policy::system(&who, Action::PromotionInvalidate)?, event).await?;
            let detail = format!("what was asked for no longer holds: {why}. The request is invalidated; ask again");
            Err(Error::conflict("decision_changed", detail))
        }
    }
}

/// Whether another release than `active` ran when this was asked, so that what reviewers judged
/// is not what an activation would change now.
pub(crate) fn is_beside_another(promotion: &Promotion, active: Option<ReleaseId>) -> bool {
    #[derive(Deserialize)]
    struct Asked {
        v: u8,
        replaces: Option<ReleaseId>,
    }
    // Decisions of the first form don't say what they replace.
    serde_json::from_str::<Asked>(&promotion.decision).is_ok_and(|asked| 1 < asked.v && asked.replaces != active)
}

fn standing(promotion: &Promotion, facts: &Facts, now: DateTime<Utc>) -> Result<Standing, Error> {
    if promotion.expires_at <= now {
        return Ok(Standing::Expired);
    }
    let assessment = facts.assess(now)?;
    let why = if assessment.digest != promotion.decision_digest {
        changed(&promotion.decision, &assessment.decision)
    } else if let Some(first) = assessment.failed.first() {
        first.detail.clone()
    } else {
        return Ok(Standing::Holds(assessment));
    };
    let event = Event::PromotionInvalidated {
        promotion: promotion.id,
        decision: assessment.digest.to_string(),
        cause: if assessment.failed.is_empty() { "decision_changed" } else { "check_failed" }.to_owned(),
    };
    Ok(Standing::Changed { why, event })
}

fn unreadable(promotion: &Promotion) -> Standing {
    let event = Event::PromotionInvalidated {
        promotion: promotion.id,
        decision: promotion.decision_digest.to_string(),
        cause: "record_unreadable".to_owned(),
    };
    Standing::Changed { why: "what it rests on can't be read any more".to_owned(), event }
}

/// Which parts of two decisions differ.
fn changed(before: &str, now: &str) -> String {
    let read = |text: &str| serde_json::from_str::<BTreeMap<String, serde_json::Value>>(text).unwrap_or_default();
    let (before, now) = (read(before), read(now));
    let differing = now.iter().filter(|(name, value)| before.get(*name) != Some(value));
    let names: Vec<_> = differing
        .map(|(name, _)| match name.as_str() {
            "replaces" => "replaces (another release is active now)",
            name => name,
        })
        .collect();
    format!("changed since it was asked: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_two_decisions_is_named() {
        let before = r#"{"policy":"a","replaces":null,"run":"r"}"#;
        assert_eq!(
            changed(before, r#"{"policy":"b","replaces":null,"run":"s"}"#),
            "changed since it was asked: policy, run"
        );
        let now = changed(before, r#"{"policy":"a","replaces":"x","run":"r"}"#);
        assert!(now.contains("another release is active now"), "{now}");
    }
}
