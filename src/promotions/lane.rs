//! What the machine of requests and releases is given: the state that its command is about, and
//! what is looked up in the same transaction.

use crate::{
    authz::{Scope, Touched, policy::Involved},
    core::{
        event::Event,
        ids::{AccountId, EnvironmentId, ModelId, ReleaseId},
    },
    db::{Conn, WriteTx},
    error::Error,
    promotions::{
        Approval, Outcome, Promotion,
        assessment::{Assessment, Facts},
        holds,
        invalidation::Cause,
        parties, store,
        workflow::{self, Assessed, Bar, Command, Hold, Lane, Observed, Release, Request, Vote, Voter},
    },
    releases,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use crate::promotions::record::{Telling, commit_seen, record, refuse, untimely, why};

/// A request alone, for what concerns no other.
pub(crate) fn alone(promotion: &Promotion, approvals: &[Approval]) -> Lane {
    Lane { requests: BTreeMap::from([(promotion.id, request(promotion, approvals))]), releases: Vec::new() }
}

/// All open requests of a model in an environment, which is locked; what is active there, and
/// `earlier` releases, oldest first; each release with its request. The requests stay as they are.
pub(crate) async fn whole(
    tx: &WriteTx,
    scope: Scope,
    environment: EnvironmentId,
    model: ModelId,
    earlier: &[&releases::Release],
) -> Result<Lane, Error> {
    let mut lane = Lane::default();
    for open in store::lock_reached(tx, scope, Cause::Release(environment, model)).await? {
        lane.requests.insert(open.id, request(&open, &[]));
    }
    let active = releases::store::active(&tx.conn(), environment, model).await?;
    for release in earlier.iter().copied().chain(&active) {
        if let Some(behind) = store::lock(tx, scope, release.promotion).await? {
            lane.requests.insert(behind.id, request(&behind, &[]));
        }
        lane.releases.push(release_of(release));
    }
    Ok(lane)
}

pub(crate) fn release_of(release: &releases::Release) -> Release {
    Release {
        id: release.id,
        version: release.version,
        promotion: release.promotion,
        state: release.state,
        lapsed: release.assurance == releases::Assurance::Lapsed,
    }
}

pub(crate) fn request(promotion: &Promotion, approvals: &[Approval]) -> Request {
    #[derive(Deserialize)]
    struct Decided {
        replaces: Option<ReleaseId>,
    }
    let votes = approvals.iter().filter(|approval| approval.outcome == Outcome::Approve).map(|approval| Vote {
        id: approval.id,
        account: approval.account,
        digest: approval.decision_digest,
        expires_at: approval.expires_at,
        withdrawn: approval.withdrawn.is_some(),
    });
    Request {
        id: promotion.id,
        version: promotion.version,
        requested_by: promotion.requested_by,
        stage: promotion.stage,
        digest: promotion.decision_digest,
        // One that can't be read can't be activated: its digest is that of nothing.
        replaces: serde_json::from_str::<Decided>(&promotion.decision).ok().and_then(|decided| decided.replaces),
        expires_at: promotion.expires_at,
        votes: votes.collect(),
    }
}

/// Looks up what the machine is told about a request; `also` is whoever decides on it now, and in whose stead.
pub(crate) async fn look_up(
    conn: &Conn<'_>,
    promotion: &Promotion,
    facts: Facts,
    approvals: Vec<Approval>,
    also: Option<(AccountId, Option<AccountId>)>,
    now: DateTime<Utc>,
) -> Result<Looked, Error> {
    let involved = parties::involved(&facts, promotion, now);
    let assessment = facts.assess(now)?;
    let seats = assessment.asked.as_ref().map(|asked| asked.seats()).unwrap_or_default();
    let voters = voters(conn, promotion, &approvals, &involved, &seats, also).await?;
    let mut waits = Vec::new();
    if let Some(asked) = &assessment.asked {
        let approved_at = approved_at(promotion, &approvals, also.map(|(account, _)| account), now);
        waits = holds::of(conn, Scope::Workspace(promotion.workspace), &facts, asked, approved_at, now).await?;
    }
    let told = waits.iter().map(|hold| Hold {
        code: hold.cause.name().to_owned(),
        detail: hold.detail.clone(),
        until: hold.until,
    });
    let observed =
        Observed { assessment: Some(assessed(&assessment)), voters, holds: told.collect(), ..Observed::default() };
    Ok(Looked { facts, assessment, approvals, involved, observed })
}

/// When the last of the approvals that count came in: now, if it comes in now.
fn approved_at(
    promotion: &Promotion,
    approvals: &[Approval],
    also: Option<AccountId>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let lane = request(promotion, approvals);
    let live: Vec<_> = lane.votes.iter().filter(|vote| vote.is_live(&lane.digest, now)).collect();
    if also.is_some_and(|account| !live.iter().any(|vote| vote.account == account)) {
        return Some(now);
    }
    approvals.iter().filter(|a| live.iter().any(|vote| vote.id == a.id)).map(|approval| approval.created_at).max()
}

pub(crate) fn assessed(assessment: &Assessment) -> Assessed {
    let asked = assessment.asked.as_ref();
    let lifetime = asked.and_then(|asked| asked.approval_expires_after_hours);
    Assessed {
        digest: assessment.digest,
        failed: assessment.failed.clone(),
        seats: asked.map(|asked| asked.seats()).unwrap_or_default(),
        approval_lifetime: lifetime.map(|hours| TimeDelta::hours(i64::from(hours))),
    }
}

/// Everybody whose approval may count, as they are now.
async fn voters(
    conn: &Conn<'_>,
    promotion: &Promotion,
    approvals: &[Approval],
    involved: &Involved,
    seats: &[String],
    also: Option<(AccountId, Option<AccountId>)>,
) -> Result<Vec<Voter>, Error> {
    let standing = approvals.iter().filter(|a| a.outcome == Outcome::Approve && a.withdrawn.is_none());
    // Of several decisions of one account the latest says in whose stead it decides.
    let mut stead: BTreeMap<AccountId, Option<AccountId>> =
        standing.map(|approval| (approval.account, approval.on_behalf_of)).collect();
    if let Some((account, on_behalf_of)) = also {
        stead.entry(account).or_insert(on_behalf_of);
    }
    let accounts: Vec<AccountId> = stead.keys().copied().collect();
    let robots = if accounts.is_empty() { Vec::new() } else { store::robots(conn, &accounts).await? };
    let bar = |account: AccountId| {
        if robots.iter().any(|(robot, _)| *robot == account) {
            let why = "only a person decides on a promotion request".to_owned();
            return Some(Bar { code: "robot_cannot_approve", why });
        }
        let (_, part) = involved.parties.iter().find(|(party, _)| *party == account)?;
        Some(Bar {
            code: "separation_of_duties",
            why: format!("an approver has no part in it, and this one is {part}"),
        })
    };
    let mut voters = Vec::new();
    for (account, on_behalf_of) in stead {
        let vote = cast(conn, promotion, account, on_behalf_of).await?;
        let roles = vote.roles_that_count(involved);
        voters.push(Voter {
            account,
            person: involved.persons.standing_for(account),
            sits_as: involved.persons.sits_as(account),
            // In somebody's stead by the roles that both hold.
            decides: roles.iter().any(|role| seats.contains(role)),
            roles,
            bar: bar(account),
        });
    }
    Ok(voters)
}

/// Approvals with the roles that their people hold now.
pub(crate) async fn votes<'a>(
    conn: &Conn<'_>,
    promotion: &Promotion,
    approvals: impl Iterator<Item = &'a Approval>,
) -> Result<Vec<parties::Vote>, Error> {
    let mut votes = Vec::new();
    for approval in approvals {
        votes.push(cast(conn, promotion, approval.account, approval.on_behalf_of).await?);
    }
    Ok(votes)
}

async fn cast(
    conn: &Conn<'_>,
    promotion: &Promotion,
    account: AccountId,
    on_behalf_of: Option<AccountId>,
) -> Result<parties::Vote, Error> {
    let people: Vec<_> = [account].into_iter().chain(on_behalf_of).collect();
    let place =
        Touched { models: BTreeSet::from([promotion.model]), environments: BTreeSet::from([promotion.environment]) };
    let mut roles = store::roles_now(conn, promotion.workspace, &place, &people).await?.into_iter();
    let own = roles.next().unwrap_or_default();
    Ok(parties::Vote { account, roles: own, on_behalf_of: on_behalf_of.zip(roles.next()) })
}

/// Moves what is active by a command that takes no decision, and returns what the log says of it after
/// the use-case's own event. `earlier` are releases that ended, oldest first.
pub(crate) async fn succeed(
    tx: &WriteTx,
    scope: Scope,
    (environment, model): (EnvironmentId, ModelId),
    earlier: &[&releases::Release],
    command: &Command,
    telling: Telling<'_>,
) -> Result<Vec<Event>, Error> {
    let lane = whole(tx, scope, environment, model, earlier).await?;
    // Whether the version may leave, the use-case has asked.
    let facts = workflow::apply(&lane, command, &Observed::default(), tx.at()).map_err(untimely)?;
    record(tx, &lane, &facts, telling).await
}

/// When something last happened to a request: nothing that follows is dated before it.
pub(crate) fn last_moment(promotion: &Promotion, approvals: &[Approval]) -> Option<DateTime<Utc>> {
    let of = |approval: &Approval| approval.withdrawn.as_ref().map_or(approval.created_at, |gone| gone.at);
    approvals.iter().map(of).chain([promotion.requested_at]).max()
}

/// What is looked up of a request for the machine, in one go.
pub(crate) struct Looked {
    pub facts: Facts,
    pub assessment: Assessment,
    pub approvals: Vec<Approval>,
    pub involved: Involved,
    pub observed: Observed,
}

impl Looked {
    /// Where roles are asked for that decide about it.
    pub fn place(&self) -> Touched {
        Touched { models: [self.facts.model.id].into(), environments: [self.facts.environment.id].into() }
    }
}
