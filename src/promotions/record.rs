//! How facts become rows, events and answers.
//!
//! The use-case whose command it is writes the rows that its own facts are about in full, such as
//! a release; everything else that a fact changes is written here, so that no fact is forgotten.

use crate::{
    authz::{Action, Principal, policy},
    core::{
        clock::rfc3339,
        digest::Digest,
        event::Event,
        ids::{AccountId, PromotionId, WorkspaceId},
        text::Line,
    },
    db::{Conn, WriteTx},
    error::{Change, Error, Untimely},
    promotions::{
        Promotion, Stage,
        assessment::Assessment,
        changes, lane, store,
        workflow::{Fact, Lane, Refusal, Why},
    },
    releases,
};

const REPLACED: &str = "changed since it was asked: replaces (another release is active now)";
const UNREADABLE: &str = "what it rests on can't be read any more";
const TIMED_OUT: &str = "nobody decided in time";

/// The words for people that go with facts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Telling<'a> {
    /// Why a request whose ground has changed no longer holds.
    pub changed: &'a str,
    /// Why a release ended, and the request behind it.
    pub ended: &'a str,
    /// Who ended it, and why they say they did.
    pub by: Option<AccountId>,
    pub reason: Option<&'a str>,
    /// Of a release that ends.
    pub workspace: Option<WorkspaceId>,
}

impl<'a> Telling<'a> {
    /// Of a release that somebody ends, with what becomes of its request.
    pub fn of(release: &releases::Release, ended: &'a str, by: AccountId, reason: &'a Line) -> Self {
        Self { ended, by: Some(by), reason: Some(reason.as_str()), workspace: Some(release.workspace), changed: "" }
    }
}

/// Writes what facts change beside the rows of the use-case itself, and returns what the log says
/// of it after the use-case's own event.
pub(crate) async fn record(
    tx: &WriteTx,
    lane: &Lane,
    facts: &[Fact],
    telling: Telling<'_>,
) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for fact in facts {
        match fact {
            Fact::Approved { promotion, quorum: true, .. } => {
                store::set_stage(tx, *promotion, Stage::Approved, None).await?;
            }
            Fact::Activated(release) if !is_bypassed(lane, facts, release.promotion) => {
                store::set_stage(tx, release.promotion, Stage::Activated, None).await?;
            }
            Fact::Ended { release, how } => {
                releases::assurance::ops::end(tx, *release, *how, &telling, &mut events).await?;
            }
            fact => {
                if let Some((promotion, stage)) = fact.leads_to() {
                    let why = closed_because(fact, &telling);
                    store::set_stage(tx, promotion, stage, why).await?;
                }
                events.extend(consequence(lane, fact));
            }
        }
    }
    Ok(events)
}

fn is_bypassed(lane: &Lane, facts: &[Fact], promotion: PromotionId) -> bool {
    let made = facts.iter().find_map(|fact| match fact {
        Fact::Requested(request) if request.id == promotion => Some(request),
        _ => None,
    });
    made.or(lane.requests.get(&promotion)).is_some_and(|request| request.stage == Stage::Bypassed)
}

fn closed_because<'a>(fact: &Fact, telling: &Telling<'a>) -> Option<&'a str> {
    match fact {
        Fact::Rejected { .. } => Some("a reviewer rejected it"),
        Fact::Withdrawn { .. } => Some("withdrawn by the one who asked"),
        Fact::Expired { .. } => Some(TIMED_OUT),
        Fact::Superseded { .. } => Some(telling.ended),
        Fact::Invalidated { why, .. } => Some(match why {
            Why::Replaced => REPLACED,
            Why::Unreadable => UNREADABLE,
            Why::Changed(_) | Why::Failed { .. } => telling.changed,
        }),
        _ => None,
    }
}

/// What the log says of a fact that no use-case tells of by itself.
fn consequence(lane: &Lane, fact: &Fact) -> Option<Event> {
    Some(match fact {
        Fact::QuorumLost { promotion } => Event::QuorumLost { promotion: *promotion },
        Fact::QuorumRegained { promotion } => Event::QuorumRegained { promotion: *promotion },
        Fact::Held { promotion, code, until } => {
            Event::PromotionHeld { promotion: *promotion, cause: code.clone(), until: until.map(rfc3339) }
        }
        Fact::HoldOver { promotion } => Event::PromotionUnheld { promotion: *promotion },
        Fact::Expired { promotion } => Event::PromotionExpired { promotion: *promotion },
        Fact::Invalidated { promotion, why } => {
            let own = lane.requests.get(promotion).map(|request| request.digest.to_string()).unwrap_or_default();
            let (cause, decision) = match why {
                Why::Changed(digest) => ("decision_changed", digest.to_string()),
                Why::Failed { digest, .. } => ("check_failed", digest.to_string()),
                Why::Replaced => ("release_replaced", own),
                Why::Unreadable => ("record_unreadable", own),
            };
            Event::PromotionInvalidated { promotion: *promotion, decision, cause: cause.to_owned() }
        }
        _ => return None,
    })
}

/// Why a request no longer holds, for a person.
pub(crate) fn why(fact: &Fact, changes: &[Change]) -> String {
    match fact {
        Fact::Invalidated { why: Why::Failed { check, .. }, .. } => check.detail.clone(),
        Fact::Invalidated { why: Why::Changed(_), .. } => changes::sentence(changes),
        Fact::Invalidated { why: Why::Replaced, .. } => REPLACED.to_owned(),
        Fact::Expired { .. } => TIMED_OUT.to_owned(),
        _ => UNREADABLE.to_owned(),
    }
}

/// Records what time or a cause alone did to a request, as the registry's own act.
pub(crate) async fn commit_seen(
    tx: WriteTx,
    promotion: &Promotion,
    facts: &[Fact],
    changes: &[Change],
) -> Result<(), Error> {
    let changed = facts.first().map(|fact| why(fact, changes)).unwrap_or_default();
    let lane = lane::alone(promotion, &[]);
    let mut events = record(&tx, &lane, facts, Telling { changed: &changed, ..Telling::default() }).await?.into_iter();
    let Some(first) = events.next() else { return Ok(()) };
    let gate = Principal::system("gate", promotion.workspace);
    let permit = policy::system(&gate, first.action())?;
    tx.commit_all(permit, first, events.collect()).await
}

/// A refusal that found nothing to be over.
pub(crate) fn untimely(refusal: Refusal) -> Error {
    let Refusal { code, detail, allowed, .. } = refusal;
    Error::Untimely(Box::new(Untimely { code, detail, allowed, changes: Vec::new() }))
}

/// The answer to a refused command. What the refusal found to be over is recorded first.
pub(crate) async fn refuse(
    tx: WriteTx,
    who: &Principal,
    action: Action,
    promotion: &Promotion,
    assessment: Option<&Assessment>,
    seen: &Digest,
    refusal: Refusal,
) -> Error {
    if matches!(refusal.code, "separation_of_duties" | "robot_cannot_approve" | "forbidden" | "not_yours") {
        return policy::refuse(who, action, refusal.code, refusal.detail).on("promotion", promotion.id).into();
    }
    let now = assessment.map(|assessment| assessment.decision.as_str());
    let mut changes = Vec::new();
    if refusal.ends.is_some() || promotion.stage == Stage::Invalidated {
        changes = now.map(|now| changes::between(&promotion.decision, now)).unwrap_or_default();
    }
    if refusal.code == "decision_changed" && *seen != promotion.decision_digest {
        changes = match since_seen(&tx.conn(), promotion, seen).await {
            Ok(changes) => changes,
            Err(error) => return error,
        };
    }
    let mut detail = refusal.detail;
    if let Some(fact) = refusal.ends {
        let why = why(&fact, &changes);
        if let Err(error) = commit_seen(tx, promotion, &[*fact], &changes).await {
            return error;
        }
        if refusal.code == "decision_changed" {
            detail = format!("what was asked for no longer holds: {why}. The request is invalidated; ask again");
        }
    } else if let Some(why) = promotion.closed_reason.as_ref().filter(|_| refusal.code == "promotion_state") {
        detail = format!("{detail} ({why})");
    }
    Error::Untimely(Box::new(Untimely { code: refusal.code, detail, allowed: refusal.allowed, changes }))
}

/// What a refusal says of a digest that the caller saw and the request has not: how it differs from
/// the request that it belonged to, if that is known.
async fn since_seen(conn: &Conn<'_>, promotion: &Promotion, seen: &Digest) -> Result<Vec<Change>, Error> {
    let earlier = store::decided_by(conn, promotion, seen).await?;
    Ok(match earlier {
        Some(decision) => changes::between(&decision, &promotion.decision),
        None => vec![Change {
            part: "decision_digest".to_owned(),
            before: seen.to_string().into(),
            now: promotion.decision_digest.to_string().into(),
        }],
    })
}
