//! A rollback that is tried without carrying it out: is the way back still open?
//!
//! The registry's worker reads every byte of the target again, verifies its signature again, and loads and calls
//! the model in the sandbox. What came out is a record with a digest, and as old as it is.

pub(crate) mod jobs;
pub(crate) mod store;

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{
        digest::Digest,
        event::Event,
        ids::{AccountId, EnvironmentId, ModelId, RehearsalId, ReleaseId, VersionId, WorkspaceId},
    },
    error::Error,
    jobs::{Job, store::enqueue},
    releases::{gate, rollback, rollback::Target},
    versions::VersionRef,
};
use chrono::{DateTime, TimeDelta, Utc};

/// The name of this kind of evidence in policies.
pub const EVIDENCE_KIND: &str = "rehearsal";
const NOT_FOUND: Error = Error::NotFound { kind: "rehearsal" };

#[derive(Clone, Debug)]
pub struct Rehearsal {
    pub id: RehearsalId,
    pub workspace: WorkspaceId,
    pub environment: EnvironmentId,
    pub model: ModelId,
    /// The version to come back to, and its release.
    pub version: VersionId,
    pub release: ReleaseId,
    pub state: State,
    pub requested_by: AccountId,
    pub requested_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Canonical JSON of what was found.
    pub body: Option<String>,
    pub digest: Option<Digest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Queued,
    Passed,
    Failed,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Error> {
        let found = [Self::Queued, Self::Passed, Self::Failed].into_iter().find(|state| state.name() == raw);
        found.ok_or_else(|| Error::internal(format!("rehearsal state {raw}")))
    }
}

/// A rehearsal that passed, as evidence of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub version: VersionId,
    pub at: DateTime<Utc>,
    pub digest: Digest,
    pub requested_by: AccountId,
}

impl Proven {
    pub fn is_older_than(&self, days: u32, now: DateTime<Utc>) -> bool {
        TimeDelta::days(i64::from(days)) < now - self.at
    }
}

/// Has a rollback tried: to the version that is named, or to the last good one.
pub async fn request(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    to: Option<&VersionRef>,
) -> Result<Rehearsal, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let permit = policy::act(who, Action::ReleaseRehearse)?;
    let requested_by = who.id.ok_or(Error::Unauthenticated)?;
    let tx = app.db.begin().await?;
    let (environment, model) = gate::named(&tx.conn(), &sight, environment, model).await?;
    let left = rollback::current(&tx.conn(), environment.id, model.id).await?;
    let Some(left) = left else {
        let detail = format!("no version of {} is active in {}, so there is no way back", model.name, environment.name);
        return Err(Error::conflict("nothing_active", detail));
    };
    let (release, version) = match rollback::target(&tx.conn(), sight.scope(), &left, to, tx.at()).await? {
        Target::Fit(found) => *found,
        Target::Blocked(version, failed) => {
            let detail = format!("version {} could not come back: {}", version.number, failed[0].detail);
            let denied = policy::refuse(who, Action::ReleaseRehearse, "rollback_target_blocked", detail);
            let denied = denied.on("version", version.id);
            return Err(Error::Refused { denied, failed, unblock: Vec::new() });
        }
        Target::Unknown => {
            let detail = format!("no earlier release in {} could come back", environment.name);
            return Err(Error::conflict("rollback_target_unknown", detail));
        }
    };
    let rehearsal = Rehearsal {
        id: RehearsalId::generate(),
        workspace: who.workspace,
        environment: environment.id,
        model: model.id,
        version: version.id,
        release: release.id,
        state: State::Queued,
        requested_by,
        requested_at: tx.at(),
        finished_at: None,
        body: None,
        digest: None,
    };
    store::insert(&tx, &rehearsal).await?;
    enqueue(&tx, &Job::Rehearse { rehearsal: rehearsal.id }).await?;
    let event = Event::RehearsalRequested {
        release: release.id,
        rehearsal: rehearsal.id,
        version: version.id,
        environment: environment.id,
    };
    tx.commit(permit, event).await?;
    app.work.notify_waiters();
    Ok(rehearsal)
}

pub async fn find(app: &App, who: &Principal, id: RehearsalId) -> Result<Rehearsal, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let reader = app.db.read(&sight);
    store::find(reader.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_proof_is_as_old_as_it_is() {
        let at = Utc.with_ymd_and_hms(2026, 3, 2, 10, 0, 0).single().expect("time");
        let proven =
            Proven { version: VersionId::generate(), at, digest: Digest::of("x"), requested_by: AccountId::generate() };
        assert!(!proven.is_older_than(30, at + TimeDelta::days(30)));
        assert!(proven.is_older_than(30, at + TimeDelta::days(30) + TimeDelta::seconds(1)));
    }
}
