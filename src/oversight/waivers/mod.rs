//! A time-bound exception to one limit, for one version or for every version of a model, in one
//! environment.
//!
//! Invariants: the owner of the limit is among those who granted it, and not alone if they had a
//! hand in what is excepted; it names what is done instead and when it ends, at most 90 days ahead;
//! it excepts the limit as it was when it was asked for, so a revised limit is another limit; it
//! changes no measured verdict, only what follows from it. The functions here are pure.

pub mod api;
pub mod ops;
mod owner;
pub(crate) mod store;

use crate::{
    authz::{Touched, policy::Involved},
    constraints::{Constraint, ConstraintSpec, ConstraintVerdict, Severity, Verdict, words::words},
    core::{
        canonical,
        clock::rfc3339,
        digest::Digest,
        ids::{AccountId, EnvironmentId, ModelId, VersionId, WaiverId, WorkspaceId},
    },
    error::{Error, FailedCheck},
    oversight::Reach,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;

/// The longest that any waiver lasts, whatever a policy says.
pub const MAX_DAYS: u32 = 90;

words! {
    State {
        Requested = "requested",
        Granted = "granted",
        Refused = "refused",
        Revoked = "revoked",
        Expired = "expired",
    }

    Outcome {
        Grant = "grant",
        Refuse = "refuse",
    }
}

#[derive(Clone, Debug)]
pub struct Waiver {
    pub id: WaiverId,
    pub workspace: WorkspaceId,
    pub model: ModelId,
    /// Every version if absent.
    pub version: Option<VersionId>,
    pub environment: EnvironmentId,
    /// The limit's name, and the digest of what it was when this was asked for.
    pub constraint: String,
    pub constraint_digest: Digest,
    pub reason: String,
    pub compensating_control: String,
    pub requested_by: AccountId,
    pub requested_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// As it was written last; [`Waiver::standing`] says what it is now.
    pub state: State,
    /// When the last who must had granted it.
    pub granted_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub closed_by: Option<AccountId>,
    pub closed_reason: Option<String>,
    pub grants: Vec<Grant>,
}

/// One person's decision on a waiver.
#[derive(Clone, Debug)]
pub struct Grant {
    pub account: AccountId,
    pub outcome: Outcome,
    pub reason: String,
    /// The registry's signed statement of it.
    pub statement: String,
    pub decided_at: DateTime<Utc>,
}

/// What can happen to a waiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Somebody granted it; `complete` says whether everybody who must has.
    Grant {
        complete: bool,
    },
    Refuse,
    Revoke,
    Expire,
}

/// A waiver as a decision has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excepted {
    waiver: WaiverId,
    constraint: String,
    digest: String,
}

impl Waiver {
    /// What it bears on.
    pub fn reach(&self) -> Reach {
        Reach { model: Some(self.model), version: self.version, environment: Some(self.environment) }
    }

    /// Where roles are asked for that decide about it.
    pub fn place(&self) -> Touched {
        Touched { models: [self.model].into(), environments: [self.environment].into() }
    }

    /// The state at a moment. The last moment does not count any more.
    pub fn standing(&self, now: DateTime<Utc>) -> State {
        match self.state {
            State::Requested | State::Granted if self.expires_at <= now => State::Expired,
            state => state,
        }
    }

    /// Where a command leads, or a refusal that says what is possible instead.
    pub fn apply(&self, command: Command, now: DateTime<Utc>) -> Result<State, Error> {
        match (self.standing(now), command) {
            (State::Requested, Command::Grant { complete: true }) => Ok(State::Granted),
            (State::Requested, Command::Grant { complete: false }) => Ok(State::Requested),
            (State::Requested, Command::Refuse) => Ok(State::Refused),
            (State::Requested | State::Granted, Command::Revoke) => Ok(State::Revoked),
            (State::Expired, Command::Expire) if self.state != State::Expired => Ok(State::Expired),
            (state, _) => {
                let next = match state {
                    State::Requested => "grant, refuse or revoke it",
                    State::Granted => "it holds: revoke it, or wait until it ends",
                    _ => "ask for another one",
                };
                Err(Error::conflict("waiver_state", format!("the waiver is {state}; {next}")))
            }
        }
    }

    /// Whether it excepts this limit now.
    pub fn excepts(&self, constraint: &Constraint, now: DateTime<Utc>) -> Result<bool, Error> {
        if self.standing(now) != State::Granted || self.constraint != constraint.name {
            return Ok(false);
        }
        Ok(digest_of(constraint)? == self.constraint_digest)
    }

    /// What a decision says of it: its digest covers all that was asked for and who granted it.
    pub fn excepted(&self) -> Result<Excepted, Error> {
        let grants: Vec<_> = self
            .grants
            .iter()
            .map(|grant| json!({"by": grant.account, "outcome": grant.outcome, "at": rfc3339(grant.decided_at)}))
            .collect();
        let content = json!({
            "waiver": self.id, "model": self.model, "version": self.version, "environment": self.environment,
            "constraint": self.constraint, "constraint_digest": self.constraint_digest.to_string(),
            "reason": self.reason, "compensating_control": self.compensating_control,
            "requested_by": self.requested_by, "expires_at": rfc3339(self.expires_at), "grants": grants,
        });
        let digest = canonical::digest(&content).map_err(Error::internal)?;
        Ok(Excepted { waiver: self.id, constraint: self.constraint.clone(), digest: digest.to_string() })
    }

    pub fn grantors(&self) -> Vec<AccountId> {
        self.grants.iter().filter(|grant| grant.outcome == Outcome::Grant).map(|grant| grant.account).collect()
    }
}

/// What a limit is: sha256 over the canonical JSON of its every field.
pub fn digest_of(constraint: &Constraint) -> Result<Digest, Error> {
    canonical::digest(constraint).map_err(Error::internal)
}

/// When a waiver may end: after now, and within the days that a policy allows.
pub fn check_end(expires_at: DateTime<Utc>, maximum_days: u32, now: DateTime<Utc>) -> Result<(), Error> {
    let days = maximum_days.min(MAX_DAYS);
    if expires_at <= now || now + TimeDelta::days(i64::from(days)) < expires_at {
        return Err(Error::invalid("expires_at", format!("use a moment after now and within {days} days")));
    }
    Ok(())
}

/// Whether everybody granted who must: the owner of the limit, and somebody without a part in it. A
/// waiver for every version of a model takes two persons, since nobody knows whose versions it serves.
pub fn is_complete(owner: AccountId, involved: &Involved, whole_model: bool, grantors: &[AccountId]) -> bool {
    let parties = involved.people();
    let independent = grantors.iter().any(|grantor| !parties.contains(grantor));
    let persons: BTreeSet<_> = grantors.iter().map(|grantor| involved.persons.standing_for(*grantor)).collect();
    let wanted = if whole_model || parties.contains(&owner) { 2 } else { 1 };
    grantors.contains(&owner) && independent && wanted <= persons.len()
}

/// Those that except a limit of this spec now.
pub fn live<'a>(waivers: &'a [Waiver], spec: &ConstraintSpec, now: DateTime<Utc>) -> Result<Vec<&'a Waiver>, Error> {
    let mut live = Vec::new();
    for waiver in waivers {
        let constraint = spec.constraints().iter().find(|constraint| constraint.name == waiver.constraint);
        if let Some(constraint) = constraint
            && waiver.excepts(constraint, now)?
        {
            live.push(waiver);
        }
    }
    Ok(live)
}

/// The verdicts with what follows from them: of an excepted limit that is not passed, `waived`. What
/// was concluded from the measurement stays in the reason.
pub fn waived(verdicts: &[ConstraintVerdict], live: &[&Waiver]) -> Vec<ConstraintVerdict> {
    let one = |verdict: &ConstraintVerdict| {
        // Of one that holds and its successor, the one that holds longer.
        let excepting = live.iter().filter(|waiver| waiver.constraint == verdict.constraint);
        let excepting = excepting.max_by_key(|waiver| waiver.expires_at);
        let Some(waiver) = excepting.filter(|_| verdict.verdict != Verdict::Pass) else { return verdict.clone() };
        let reason = format!(
            "waived until {} (waiver {}); measured: {}, {}",
            rfc3339(waiver.expires_at),
            waiver.id,
            verdict.verdict.to_string().replace('_', " "),
            verdict.reason
        );
        ConstraintVerdict { verdict: Verdict::Waived, reason, ..verdict.clone() }
    };
    verdicts.iter().map(one).collect()
}

/// The refusal to approve what limits stop that nobody excepted; `None` if none of these checks is one.
pub fn gate_red(checks: &[FailedCheck]) -> Option<Error> {
    let red: Vec<_> = checks
        .iter()
        .filter(|check| check.check.starts_with("constraint_"))
        .map(|check| check.detail.as_str())
        .collect();
    if red.is_empty() {
        return None;
    }
    let detail = format!(
        "a limit stops it and no waiver holds: {}. Improve the version, or ask the owner of the limit for a waiver, and \
         then ask again",
        red.join("; ")
    );
    Some(Error::conflict("gate_red", detail))
}

/// Whether a verdict stops a promotion.
pub fn stops(verdict: &ConstraintVerdict) -> bool {
    verdict.severity == Severity::Block && !matches!(verdict.verdict, Verdict::Pass | Verdict::Waived)
}

#[cfg(test)]
mod tests;
