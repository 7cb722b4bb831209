//! Something is wrong, with a severity, an owner and a due date.
//!
//! Invariants: of one code about one subject at most one finding stands, so that opening is
//! idempotent; it is closed, or accepted for a time, by a person who had no hand in it or by what
//! the registry sees; what waits for a review is settled by that review; an acceptance ends by itself.
//! The functions here are pure.

pub mod api;
pub mod ops;
mod settling;
pub(crate) mod store;

use crate::{
    constraints::words::words,
    core::{
        Malformed,
        ids::{AccountId, EnvironmentId, FindingId, ModelId, ReleaseId, VersionId, WorkspaceId},
    },
    error::{Error, FailedCheck},
    oversight::Reach,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

/// How long an accepted risk may stand before somebody has to look again.
pub const MAX_ACCEPTANCE_DAYS: i64 = 90;

/// What only the registry itself opens, as it sees these things.
pub const ASSURANCE_LAPSED: &str = "assurance_lapsed";
pub const BREAK_GLASS: &str = "break_glass";
pub const BREAK_GLASS_UNJUSTIFIED: &str = "break_glass_unjustified";
pub const OWNER_VACANT: &str = "owner_vacant";
pub const RECORD_LAPSED: &str = "record_lapsed";
pub const REVIEW_OVERDUE: &str = "review_overdue";
pub const RUNNING_DIFFERS: &str = "running_differs";
const RESERVED: [&str; 7] = [
    ASSURANCE_LAPSED,
    BREAK_GLASS,
    BREAK_GLASS_UNJUSTIFIED,
    OWNER_VACANT,
    RECORD_LAPSED,
    REVIEW_OVERDUE,
    RUNNING_DIFFERS,
];

words! {
    /// In ascending order.
    Severity {
        Info = "info",
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }

    /// `risk_accepted` is left when the acceptance ends; `closed` never.
    State {
        Open = "open",
        Remediating = "remediating",
        RiskAccepted = "risk_accepted",
        Closed = "closed",
    }

    /// What happened to a finding.
    Step {
        Opened = "opened",
        Remediated = "remediated",
        Accepted = "accepted",
        Reopened = "reopened",
        Closed = "closed",
    }
}

impl Severity {
    /// Days until it must be dealt with: 7 for critical, 14 for high, 30 for medium, 90 below.
    pub fn due_days(self) -> i64 {
        match self {
            Self::Critical => 7,
            Self::High => 14,
            Self::Medium => 30,
            Self::Low | Self::Info => 90,
        }
    }
}

/// The findings that stop a promotion where no policy says.
pub const BLOCKING_BY_DEFAULT: Severity = Severity::High;

/// What a finding is about: a kind and an id, and a part of it where it has several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub kind: String,
    pub id: Uuid,
    /// Empty for the whole.
    pub part: String,
}

impl Subject {
    pub fn new(kind: &str, id: Uuid) -> Self {
        Self { kind: kind.to_owned(), id, part: String::new() }
    }

    #[must_use]
    pub fn part(self, part: impl Into<String>) -> Self {
        Self { part: part.into(), ..self }
    }

    pub fn model(id: ModelId) -> Self {
        Self::new("model", id.0)
    }

    pub fn version(id: VersionId) -> Self {
        Self::new("version", id.0)
    }

    pub fn environment(id: EnvironmentId) -> Self {
        Self::new("environment", id.0)
    }

    pub fn release(id: ReleaseId) -> Self {
        Self::new("release", id.0)
    }
}

/// A finding as it is to be opened.
#[derive(Clone, Debug)]
pub struct NewFinding {
    pub workspace: WorkspaceId,
    pub code: String,
    pub subject: Subject,
    /// The requests and releases that it bears on; nothing set bears on none.
    pub reach: Reach,
    pub release: Option<ReleaseId>,
    pub severity: Severity,
    pub title: String,
    pub detail: String,
    /// If absent, whoever answers for the model or the environment.
    pub owner: Option<AccountId>,
    /// Absent when the registry saw it itself.
    pub opened_by: Option<AccountId>,
}

impl NewFinding {
    /// One that the registry opens, about a subject that bears on no request yet.
    pub fn seen(workspace: WorkspaceId, code: &str, subject: Subject, severity: Severity, title: &str) -> Self {
        Self {
            workspace,
            code: code.to_owned(),
            subject,
            reach: Reach::default(),
            release: None,
            severity,
            title: title.to_owned(),
            detail: String::new(),
            owner: None,
            opened_by: None,
        }
    }

    #[must_use]
    pub fn reaching(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }

    #[must_use]
    pub fn saying(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    #[must_use]
    pub fn owned_by(self, owner: Option<AccountId>) -> Self {
        Self { owner, ..self }
    }

    #[must_use]
    pub fn of_release(self, release: ReleaseId) -> Self {
        Self { release: Some(release), ..self }
    }
}

#[derive(Clone, Debug)]
pub struct Finding {
    pub id: FindingId,
    pub workspace: WorkspaceId,
    pub code: String,
    pub subject: Subject,
    pub reach: Reach,
    pub release: Option<ReleaseId>,
    pub severity: Severity,
    pub title: String,
    pub detail: String,
    pub owner: Option<AccountId>,
    pub due_at: DateTime<Utc>,
    pub opened_by: Option<AccountId>,
    pub opened_at: DateTime<Utc>,
    /// As it was written last; [`Finding::standing`] says what it is now.
    pub state: State,
    pub remediated_by: Option<AccountId>,
    pub accepted_until: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub reminded_at: Option<DateTime<Utc>>,
}

/// A finding as a decision has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Known {
    finding: FindingId,
    code: String,
    severity: Severity,
    state: State,
}

/// What can be done to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Remediate,
    Close,
    Accept {
        until: DateTime<Utc>,
    },
    /// The acceptance has ended.
    Reopen,
}

impl Finding {
    /// The state at a moment: an acceptance that has ended counts for nothing, written down or not.
    pub fn standing(&self, now: DateTime<Utc>) -> State {
        match self.state {
            State::RiskAccepted if self.accepted_until.is_none_or(|until| until <= now) => State::Open,
            state => state,
        }
    }

    /// Where a command leads, or a refusal that says what is possible instead.
    pub fn apply(&self, command: Command, now: DateTime<Utc>) -> Result<State, Error> {
        match (self.standing(now), command) {
            (State::Open, Command::Remediate) => Ok(State::Remediating),
            (State::Open | State::Remediating, Command::Accept { until }) => {
                let longest = now + TimeDelta::days(MAX_ACCEPTANCE_DAYS);
                if until <= now || longest < until {
                    let detail = format!("use a moment after now and within {MAX_ACCEPTANCE_DAYS} days");
                    return Err(Error::invalid("until", detail));
                }
                Ok(State::RiskAccepted)
            }
            (State::Open | State::Remediating | State::RiskAccepted, Command::Close) => Ok(State::Closed),
            (State::Open, Command::Reopen) if self.state == State::RiskAccepted => Ok(State::Open),
            (state, _) => Err(refusal(state)),
        }
    }

    /// Whether it stops what it bears on; `from` is the least severity that does.
    pub fn blocks(&self, from: Severity, now: DateTime<Utc>) -> bool {
        from <= self.severity && matches!(self.standing(now), State::Open | State::Remediating)
    }

    /// What a decision says of it.
    pub fn known(&self, now: DateTime<Utc>) -> Known {
        Known { finding: self.id, code: self.code.clone(), severity: self.severity, state: self.standing(now) }
    }

    /// Whether its due date has passed with nobody having dealt with it.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.due_at <= now && matches!(self.standing(now), State::Open | State::Remediating)
    }
}

fn refusal(state: State) -> Error {
    let next = match state {
        State::Open => "remediate, accept or close it",
        State::Remediating => "accept or close it",
        State::RiskAccepted => "it is accepted for a time: close it, or wait until that ends",
        State::Closed => "open another one if it is there again",
    };
    Error::conflict("finding_state", format!("the finding is {}; {next}", state.to_string().replace('_', " ")))
}

/// One failed check for each finding that stops a promotion. `owner` gives an account's name.
pub fn checks(
    findings: &[Finding],
    from: Severity,
    now: DateTime<Utc>,
    owner: impl Fn(AccountId) -> Option<String>,
) -> Vec<FailedCheck> {
    let blocking = findings.iter().filter(|finding| finding.blocks(from, now));
    let check = |finding: &Finding| FailedCheck {
        check: "finding_open".to_owned(),
        detail: format!("{} ({}, finding {}): {}", finding.code, finding.severity, finding.id, finding.title),
        owner: finding.owner.and_then(&owner),
    };
    blocking.map(check).collect()
}

/// A code that somebody gives a finding: 1 to 64 of a-z, 0-9, `_` and `-`, none of the registry's own.
pub fn parse_code(raw: &str) -> Result<String, Malformed> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    if raw.is_empty() || 64 < raw.len() || !raw.bytes().all(plain) {
        return Err(Malformed::new("use 1 to 64 of a-z, 0-9, _ and -, such as subgroup_error"));
    }
    if RESERVED.contains(&raw) {
        return Err(Malformed::new(format!("the registry opens {raw} by itself; use another code")));
    }
    Ok(raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraints::words::Words;

    fn finding(state: State, severity: Severity, accepted_until: Option<DateTime<Utc>>) -> Finding {
        Finding {
            id: FindingId::generate(),
            workspace: WorkspaceId::generate(),
            code: "leak".to_owned(),
            subject: Subject::new("version", Uuid::nil()),
            reach: Reach::default(),
            release: None,
            severity,
            title: "It leaks".to_owned(),
            detail: String::new(),
            owner: None,
            due_at: at(severity.due_days()),
            opened_by: None,
            opened_at: at(0),
            state,
            remediated_by: None,
            accepted_until,
            closed_at: None,
            reminded_at: None,
        }
    }

    fn at(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(days)
    }

    #[test]
    fn a_finding_goes_only_where_the_table_says() {
        let accept = Command::Accept { until: at(10) };
        let table = [
            (State::Open, [Some(State::Remediating), Some(State::Closed), Some(State::RiskAccepted), None]),
            (State::Remediating, [None, Some(State::Closed), Some(State::RiskAccepted), None]),
            (State::RiskAccepted, [None, Some(State::Closed), None, None]),
            (State::Closed, [None, None, None, None]),
        ];
        for (state, wanted) in table {
            let finding = finding(state, Severity::High, (state == State::RiskAccepted).then(|| at(5)));
            for (command, wanted) in
                [Command::Remediate, Command::Close, accept, Command::Reopen].into_iter().zip(wanted)
            {
                assert_eq!(finding.apply(command, at(1)).ok(), wanted, "{state:?} {command:?}");
            }
        }
    }

    #[test]
    fn an_acceptance_ends_at_its_last_moment_whether_or_not_anybody_wrote_so() {
        let accepted = finding(State::RiskAccepted, Severity::Critical, Some(at(5)));
        let before = at(5) - TimeDelta::microseconds(1);
        assert_eq!(accepted.standing(before), State::RiskAccepted);
        assert!(!accepted.blocks(Severity::Critical, before));
        assert_eq!(accepted.standing(at(5)), State::Open);
        assert!(accepted.blocks(Severity::Critical, at(5)));
        assert_eq!(accepted.apply(Command::Reopen, at(5)).ok(), Some(State::Open));
        assert!(accepted.apply(Command::Reopen, before).is_err());
    }

    #[test]
    fn a_risk_is_accepted_for_at_most_ninety_days() {
        let open = finding(State::Open, Severity::High, None);
        for (until, fits) in [(at(0), false), (at(1), true), (at(90), true), (at(91), false)] {
            assert_eq!(open.apply(Command::Accept { until }, at(0)).is_ok(), fits, "{until}");
        }
    }

    #[test]
    fn a_finding_blocks_from_the_severity_that_was_asked_for() {
        for (i, severity) in Severity::ALL.iter().enumerate() {
            for (j, from) in Severity::ALL.iter().enumerate() {
                assert_eq!(finding(State::Remediating, *severity, None).blocks(*from, at(0)), j <= i);
                assert!(!finding(State::Closed, *severity, None).blocks(*from, at(0)));
            }
        }
        let days: Vec<_> = Severity::ALL.iter().map(|severity| severity.due_days()).collect();
        assert_eq!(days, [90, 90, 30, 14, 7]);
    }

    #[test]
    fn people_cannot_use_the_codes_of_the_registry() {
        assert!(parse_code("subgroup_error2").is_ok());
        for bad in ["", "a b", "Leak", "ä", "running_differs", &"x".repeat(65)] {
            assert!(parse_code(bad).is_err(), "{bad}");
        }
    }
}
