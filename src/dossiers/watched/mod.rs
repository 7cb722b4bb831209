//! What people watched over, said and answered for beside a version, as it stood at a moment.
//!
//! Every row of these tables has the times at which it changed, so what came later is taken back here
//! and nothing is guessed: a finding has its steps, a waiver its grants, an emergency its ends.

pub(super) mod store;

use crate::{
    accountability::{Record, store as records},
    authz::Scope,
    constraints::words::Words,
    core::ids::{AccountId, EnvironmentId, ModelId, VersionId},
    db::Conn,
    error::Error,
    oversight::{
        break_glass::{self, BreakGlass},
        findings::{self, Finding, Step, ops::Told},
        waivers::{self, Waiver},
    },
    promotions::{Promotion, comments::Comment},
    releases::{
        Release,
        rehearsals::{self, Rehearsal},
        reviews::Review,
    },
};
use chrono::{DateTime, Utc};

/// A finding with what had happened to it.
pub(super) struct Seen {
    pub finding: Finding,
    /// Oldest first.
    pub steps: Vec<Told>,
}

/// Everything of it that concerns a version in an environment, each kind oldest first.
#[derive(Default)]
pub(super) struct Watched {
    pub comments: Vec<Comment>,
    pub findings: Vec<Seen>,
    pub waivers: Vec<Waiver>,
    pub emergencies: Vec<BreakGlass>,
    /// Of the model in the environment, whichever version they went back to.
    pub rehearsals: Vec<Rehearsal>,
    pub reviews: Vec<Review>,
    pub records: Vec<Record>,
}

/// What it is about.
#[derive(Clone, Copy)]
pub(super) struct About {
    pub scope: Scope,
    pub model: ModelId,
    pub version: VersionId,
    pub environment: EnvironmentId,
    pub at: DateTime<Utc>,
}

pub(super) async fn collect(
    conn: &Conn<'_>,
    about: About,
    requests: &[Promotion],
    releases: &[Release],
) -> Result<Watched, Error> {
    let mut findings = Vec::new();
    for finding in
        findings::store::ever_reaching(conn, about.scope, about.model, about.version, about.environment).await?
    {
        if about.at < finding.opened_at {
            continue;
        }
        let steps = findings::store::steps(conn, finding.id).await?;
        findings.push(stood(finding, steps, about.at));
    }
    findings.sort_by_key(|seen| seen.finding.id);
    let waivers = store::waivers(conn, about).await?;
    let emergencies = store::emergencies(conn, about).await?;
    let rehearsals = store::rehearsals(conn, about).await?;
    let reviews = store::reviews(conn, about, releases).await?;
    let all = records::reaching(conn, about.scope, about.model, about.environment).await?;
    let mut then = Vec::new();
    for now in all {
        then.extend(store::record(conn, now.record, about.at).await?);
    }
    Ok(Watched {
        comments: store::comments(conn, about, requests).await?,
        findings,
        waivers: waivers.into_iter().map(|waiver| held(waiver, about.at)).collect(),
        emergencies: emergencies.into_iter().map(|broken| broke(broken, about.at)).collect(),
        rehearsals: rehearsals.into_iter().map(|rehearsal| tried(rehearsal, about.at)).collect(),
        reviews: reviews.into_iter().map(|review| given(review, about.at)).collect(),
        records: then,
    })
}

impl Watched {
    /// Everybody who is named.
    pub fn people(&self) -> Vec<AccountId> {
        let mut people: Vec<AccountId> = self.comments.iter().map(|comment| comment.account).collect();
        for Seen { finding, steps } in &self.findings {
            people.extend(finding.owner.into_iter().chain(finding.opened_by));
            people.extend(steps.iter().filter_map(|step| step.by));
        }
        for waiver in &self.waivers {
            people.extend(waiver.grants.iter().map(|grant| grant.account).chain([waiver.requested_by]));
            people.extend(waiver.closed_by);
        }
        let of = |broken: &BreakGlass| [Some(broken.invoked_by), broken.second_by, broken.ended_by, broken.reviewed_by];
        people.extend(self.emergencies.iter().flat_map(of).flatten());
        people.extend(self.rehearsals.iter().map(|rehearsal| rehearsal.requested_by));
        people.extend(self.reviews.iter().filter_map(|review| review.given.as_ref()).map(|given| given.by));
        people.extend(self.records.iter().flat_map(|record| [record.owner, record.revised_by]));
        people
    }

    /// What the log is searched for: ids of what has records of its own there.
    pub fn objects(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.findings.iter().map(|seen| seen.finding.id.to_string()).collect();
        ids.extend(self.waivers.iter().map(|waiver| waiver.id.to_string()));
        ids.extend(self.emergencies.iter().map(|broken| broken.id.to_string()));
        ids.extend(self.records.iter().map(|record| record.id.to_string()));
        ids
    }
}

/// A finding's state is that of its last step.
fn stood(mut finding: Finding, mut steps: Vec<Told>, at: DateTime<Utc>) -> Seen {
    use findings::State;
    steps.retain(|step| step.at <= at);
    let last = steps.last();
    (finding.state, finding.accepted_until) = match last.map(|step| (step.step, step.until)) {
        Some((Step::Remediated, _)) => (State::Remediating, None),
        Some((Step::Accepted, until)) => (State::RiskAccepted, until),
        Some((Step::Closed, _)) => (State::Closed, None),
        Some((Step::Opened | Step::Reopened, _)) | None => (State::Open, None),
    };
    finding.closed_at = finding.closed_at.filter(|end| *end <= at);
    finding.state = finding.standing(at);
    Seen { finding, steps }
}

fn held(mut waiver: Waiver, at: DateTime<Utc>) -> Waiver {
    use waivers::State;
    waiver.grants.retain(|grant| grant.decided_at <= at);
    waiver.granted_at = waiver.granted_at.filter(|granted| *granted <= at);
    if waiver.closed_at.is_none_or(|end| at < end) {
        waiver.state = if waiver.granted_at.is_some() { State::Granted } else { State::Requested };
        (waiver.closed_at, waiver.closed_by, waiver.closed_reason) = (None, None, None);
    }
    waiver.state = waiver.standing(at);
    waiver
}

fn broke(mut broken: BreakGlass, at: DateTime<Utc>) -> BreakGlass {
    use break_glass::State;
    if broken.reviewed_at.is_some_and(|reviewed| at < reviewed) {
        broken.state = State::Closed;
        (broken.reviewed_at, broken.reviewed_by, broken.review_reason) = (None, None, None);
    }
    if broken.ended_at.is_some_and(|ended| at < ended) {
        broken.state = if broken.starts_at.is_some() { State::Active } else { State::Proposed };
        (broken.ended_at, broken.ended_by, broken.ended_reason) = (None, None, None);
    }
    if broken.starts_at.is_some_and(|starts| at < starts) {
        broken.state = State::Proposed;
        (broken.starts_at, broken.ends_at, broken.review_due_at) = (None, None, None);
        (broken.second_by, broken.promotion, broken.release, broken.would_have_passed) = (None, None, None, None);
    }
    broken.state = broken.standing(at);
    broken
}

fn tried(mut rehearsal: Rehearsal, at: DateTime<Utc>) -> Rehearsal {
    if rehearsal.finished_at.is_some_and(|finished| at < finished) {
        rehearsal.state = rehearsals::State::Queued;
        (rehearsal.finished_at, rehearsal.body, rehearsal.digest) = (None, None, None);
    }
    rehearsal
}

fn given(mut review: Review, at: DateTime<Utc>) -> Review {
    review.given = review.given.filter(|given| given.at <= at);
    review.reminded_at = review.reminded_at.filter(|reminded| *reminded <= at);
    review
}

/// The word of a state, as the log and the API have it.
pub(super) fn word<T: Words>(state: T) -> &'static str {
    state.word()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::{FindingId, WorkspaceId};
    use chrono::TimeDelta;
    use findings::{Severity, State, Subject};

    fn at(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(days)
    }

    fn step(step: Step, day: i64, until: Option<DateTime<Utc>>) -> Told {
        Told { step, by: None, reason: String::new(), until, at: at(day) }
    }

    #[test]
    fn a_finding_stands_as_its_last_step_before_the_moment_says() {
        let finding = Finding {
            id: FindingId::generate(),
            workspace: WorkspaceId::generate(),
            code: "leak".to_owned(),
            subject: Subject::new("version", uuid::Uuid::nil()),
            reach: crate::oversight::Reach::default(),
            release: None,
            severity: Severity::High,
            title: String::new(),
            detail: String::new(),
            owner: None,
            due_at: at(14),
            opened_by: None,
            opened_at: at(1),
            state: State::Closed,
            remediated_by: None,
            accepted_until: None,
            closed_at: Some(at(9)),
            reminded_at: None,
        };
        let steps = || {
            vec![
                step(Step::Opened, 1, None),
                step(Step::Remediated, 2, None),
                step(Step::Accepted, 3, Some(at(5))),
                step(Step::Reopened, 6, None),
                step(Step::Closed, 9, None),
            ]
        };
        for (day, wanted, told) in [
            (1, State::Open, 1),
            (2, State::Remediating, 2),
            (4, State::RiskAccepted, 3),
            // The acceptance has ended, and nobody had written so.
            (5, State::Open, 3),
            (7, State::Open, 4),
            (9, State::Closed, 5),
        ] {
            let seen = stood(finding.clone(), steps(), at(day));
            assert_eq!((seen.finding.state, seen.steps.len()), (wanted, told), "day {day}");
            assert_eq!(seen.finding.closed_at.is_some(), day == 9);
        }
    }
}
