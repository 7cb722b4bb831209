//! What becomes of a request before it is active.

use crate::{
    core::{clock::rfc3339, ids::AccountId},
    promotions::{
        Outcome,
        workflow::{
            Fact, Lane, Observed, Refusal, Request, Stage, Vote, Why,
            command::{Asked, Decision},
            quorum::{filled, is_full},
        },
    },
};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

pub(super) fn ask(lane: &Lane, asked: &Asked, observed: &Observed) -> Result<Vec<Fact>, Refusal> {
    let same = |request: &&Request| request.version == asked.version && request.stage.is_open();
    if let Some(open) = lane.requests.values().find(same) {
        let stage = open.stage.name();
        let detail = format!("request {} for this version is {stage}; decide on it or withdraw it", open.id);
        return Err(Refusal::new("promotion_open", detail, open.stage.allowed()));
    }
    let Some(assessed) = &observed.assessment else { return Err(unreadable()) };
    let stage = if assessed.failed.is_empty() { Stage::AwaitingApproval } else { Stage::ChecksFailed };
    Ok(vec![Fact::Requested(recorded(lane, asked, assessed.digest, stage))])
}

pub(super) fn recorded(lane: &Lane, asked: &Asked, digest: crate::core::digest::Digest, stage: Stage) -> Request {
    Request {
        id: asked.promotion,
        version: asked.version,
        requested_by: asked.by,
        stage,
        digest,
        replaces: lane.active().map(|release| release.id),
        expires_at: asked.expires_at,
        votes: Vec::new(),
    }
}

pub(super) fn unreadable() -> Refusal {
    Refusal::new("record_unreadable", "what it rests on can't be read; tell the registry's operator", &[])
}

pub(super) fn decide(
    request: &Request,
    decision: &Decision,
    observed: &Observed,
    now: DateTime<Utc>,
) -> Result<Vec<Fact>, Refusal> {
    let voter = observed.voters.iter().find(|voter| voter.account == decision.account);
    if let Some(bar) = voter.and_then(|voter| voter.bar.as_ref()) {
        return Err(Refusal::new(bar.code, bar.why.as_str(), &[]));
    }
    if !voter.is_some_and(|voter| voter.decides) {
        return Err(fills_no_seat(observed));
    }
    if decision.seen != request.digest {
        let detail = format!("the request's decision digest is {}; look at it again", request.digest);
        return Err(Refusal::new("decision_changed", detail, request.stage.allowed()));
    }
    must_stand(request, observed, now)?;
    let promotion = request.id;
    if decision.outcome == Outcome::Reject {
        return Ok(vec![Fact::Rejected { promotion, approval: decision.approval }]);
    }
    let mut live = request.votes.iter().filter(|vote| vote.is_live(&request.digest, now));
    if live.any(|vote| vote.account == decision.account) {
        return Ok(look(request, observed, now));
    }
    if is_full(request, observed, now, None) && request.stage.has_quorum() {
        return Err(Refusal::stage(request.stage));
    }
    let mut facts = Vec::new();
    if request.stage.has_quorum() {
        facts.push(Fact::QuorumLost { promotion });
    }
    let quorum = is_full(request, observed, now, Some(decision.account));
    let lifetime = observed.assessment.as_ref().and_then(|assessed| assessed.approval_lifetime);
    let vote = Vote {
        id: decision.approval,
        account: decision.account,
        digest: decision.seen,
        expires_at: lifetime.map(|lifetime| now + lifetime),
        withdrawn: false,
    };
    facts.push(Fact::Approved { promotion, vote, quorum });
    if quorum {
        facts.extend(held(request, observed));
    }
    Ok(facts)
}

/// Whoever could fill no seat decides nothing, a rejection neither.
fn fills_no_seat(observed: &Observed) -> Refusal {
    let seats = observed.assessment.as_ref().map(|assessed| assessed.seats.as_slice()).unwrap_or_default();
    let roles: BTreeSet<&str> = seats.iter().map(String::as_str).collect();
    let asked = if roles.is_empty() { "nobody".to_owned() } else { roles.into_iter().collect::<Vec<_>>().join(", ") };
    let detail = format!(
        "the policy asks {asked} to decide on this request, and this account counts as none of them; ask somebody who \
         does, or comment on it"
    );
    Refusal::new("forbidden", detail, &[])
}

/// Takes the latest live approval of an account back.
pub(super) fn unapprove(
    request: &Request,
    account: AccountId,
    observed: &Observed,
    now: DateTime<Utc>,
) -> Result<Vec<Fact>, Refusal> {
    must_stand(request, observed, now)?;
    let mine = |vote: &&Vote| vote.account == account && vote.is_live(&request.digest, now);
    let Some(vote) = request.votes.iter().find(mine) else {
        let detail = "you have no approval on this request that counts; there is nothing to take back";
        return Err(Refusal::new("approval_missing", detail, request.stage.allowed()));
    };
    let promotion = request.id;
    let mut facts = vec![Fact::ApprovalWithdrawn { promotion, approval: vote.id }];
    let mut without = request.clone();
    without.votes.retain(|left| left.id != vote.id);
    if request.stage.has_quorum() && !is_full(&without, observed, now, None) {
        facts.push(Fact::QuorumLost { promotion });
    }
    Ok(facts)
}

pub(super) fn withdraw(request: &Request, by: AccountId) -> Result<Vec<Fact>, Refusal> {
    if by != request.requested_by {
        let detail = "only the one who asked withdraws a request; reject it instead";
        return Err(Refusal::new("not_yours", detail, request.stage.allowed()));
    }
    if !request.stage.is_open() {
        return Err(Refusal::stage(request.stage));
    }
    Ok(vec![Fact::Withdrawn { promotion: request.id }])
}

/// How an open request stands now, whoever looks: ended, short of a seat, held, or as it was.
pub(super) fn look(request: &Request, observed: &Observed, now: DateTime<Utc>) -> Vec<Fact> {
    if !request.stage.is_open() {
        return Vec::new();
    }
    if let Some(ending) = ending(request, observed, now) {
        return vec![ending.1];
    }
    let promotion = request.id;
    let full = is_full(request, observed, now, None);
    match request.stage {
        Stage::AwaitingApproval if full => {
            let mut facts = vec![Fact::QuorumRegained { promotion }];
            facts.extend(held(request, observed));
            facts
        }
        Stage::Approved | Stage::Held if !full => vec![Fact::QuorumLost { promotion }],
        Stage::Approved => held(request, observed).into_iter().collect(),
        Stage::Held if observed.holds.is_empty() => vec![Fact::HoldOver { promotion }],
        _ => Vec::new(),
    }
}

/// Refuses what comes too late, or to what has no ground any more. What ended it goes with the refusal.
pub(super) fn must_stand(request: &Request, observed: &Observed, now: DateTime<Utc>) -> Result<(), Refusal> {
    if !request.stage.is_open() {
        return Err(Refusal::stage(request.stage));
    }
    let Some(((code, detail), fact)) = ending(request, observed, now) else { return Ok(()) };
    Err(Refusal { ends: Some(Box::new(fact)), ..Refusal::new(code, detail, &["request"]) })
}

/// What ends an open request now. A time-out always means no, and so does a doubt.
fn ending(request: &Request, observed: &Observed, now: DateTime<Utc>) -> Option<((&'static str, String), Fact)> {
    let promotion = request.id;
    if request.expires_at <= now {
        let detail = format!("the request expired on {}; ask again", rfc3339(request.expires_at));
        return Some((("promotion_expired", detail), Fact::Expired { promotion }));
    }
    let why = match &observed.assessment {
        None => Why::Unreadable,
        Some(assessed) if assessed.digest != request.digest => Why::Changed(assessed.digest),
        Some(assessed) => {
            let check = assessed.failed.first()?.clone();
            Why::Failed { digest: assessed.digest, check }
        }
    };
    let detail = "what was asked for no longer holds. The request is invalidated; ask again".to_owned();
    Some((("decision_changed", detail), Fact::Invalidated { promotion, why }))
}

/// The hold that lasts longest.
fn held(request: &Request, observed: &Observed) -> Option<Fact> {
    let longest = observed.holds.iter().max_by_key(|hold| hold.until.unwrap_or(DateTime::<Utc>::MAX_UTC))?;
    Some(Fact::Held { promotion: request.id, code: longest.code.clone(), until: longest.until })
}

/// Says how many seats are short.
pub(super) fn short_of_seats(request: &Request, observed: &Observed, now: DateTime<Utc>) -> Refusal {
    let seats = observed.assessment.as_ref().map_or(0, |assessed| assessed.seats.len());
    let filled = filled(request, observed, now, None);
    let detail = format!(
        "{filled} of {seats} approvals still count: one was taken back or has run out, or whoever gave it lost the role \
         or had a part in it; somebody else has to approve"
    );
    Refusal::new("quorum_lost", detail, Stage::AwaitingApproval.allowed())
}
