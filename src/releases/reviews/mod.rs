//! What somebody else asks about a rollback afterwards: was it right?
//!
//! Invariants: every rollback has one review; nobody reviews their own; a review that was given never changes. One that is
//! overdue stands in the way of the next emergency there, and is a finding, once, until it is given.

pub(crate) mod store;

use crate::{
    accounts::people,
    app::App,
    authz::{Action, Principal, Scope, policy, policy::Involved},
    core::{
        clock::rfc3339,
        event::Event,
        ids::{AccountId, EnvironmentId, ModelId, ReleaseId, ReviewId, WorkspaceId},
        page::{Page, PageRequest},
        text::Line,
    },
    db::{Conn, WriteTx},
    error::Error,
    oversight::{
        self,
        findings::{self, NewFinding, REVIEW_OVERDUE, Severity, Subject},
    },
    promotions,
    releases::{self, Release},
    sweeps,
};
use chrono::{DateTime, TimeDelta, Utc};

/// A rollback is looked at within this time.
pub const DUE_AFTER: TimeDelta = TimeDelta::days(7);
/// So long before it is due, people are reminded once.
pub const REMIND_BEFORE: TimeDelta = TimeDelta::days(2);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    pub id: ReviewId,
    pub workspace: WorkspaceId,
    /// The release that the rollback made.
    pub release: ReleaseId,
    pub due_at: DateTime<Utc>,
    pub reminded_at: Option<DateTime<Utc>>,
    /// `None`: nobody has reviewed it yet.
    pub given: Option<Given>,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub outcome: Outcome,
    pub reason: String,
    pub by: AccountId,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Justified,
    Unjustified,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Justified => "justified",
            Self::Unjustified => "unjustified",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Error> {
        match raw {
            "justified" => Ok(Self::Justified),
            "unjustified" => Ok(Self::Unjustified),
            _ => Err(Error::invalid("outcome", "use justified or unjustified")),
        }
    }
}

impl Review {
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.given.is_none() && self.due_at <= now
    }

    /// Whether people are to be reminded now; once.
    pub fn is_to_remind(&self, now: DateTime<Utc>) -> bool {
        self.given.is_none() && self.reminded_at.is_none() && self.due_at - REMIND_BEFORE <= now
    }
}

/// The review that stands in the way of an emergency: the one that is overdue the longest.
pub fn review_overdue(reviews: &[Review], now: DateTime<Utc>) -> Option<&Review> {
    reviews.iter().filter(|review| review.is_overdue(now)).min_by_key(|review| review.due_at)
}

/// The open reviews of rollbacks of a model in an environment, for [`review_overdue`].
pub async fn open_at(conn: &Conn<'_>, environment: EnvironmentId, model: ModelId) -> Result<Vec<Review>, Error> {
    store::open_at(conn, environment, model).await
}

/// In the transaction of the rollback.
pub(super) async fn open(tx: &WriteTx, release: &Release) -> Result<Review, Error> {
    let review = Review {
        id: ReviewId::generate(),
        workspace: release.workspace,
        release: release.id,
        due_at: tx.at() + DUE_AFTER,
        reminded_at: None,
        given: None,
        created_at: tx.at(),
    };
    store::insert(tx, &review).await?;
    Ok(review)
}

/// Takes one person's review of a rollback.
pub async fn review(
    app: &App,
    who: &Principal,
    release: ReleaseId,
    outcome: Outcome,
    reason: Line,
) -> Result<Review, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    policy::act(who, Action::ReleaseReview).map(drop)?;
    let tx = app.db.begin().await?;
    let found = store::lock(&tx, sight.scope(), release).await?;
    let (review, rolled_back_by) = found.ok_or(Error::not_found("rollback"))?;
    let people = people::store::people(&tx.conn(), who.workspace, tx.at()).await?;
    let robots = promotions::store::robots(&tx.conn(), &[rolled_back_by]).await?;
    let mut involved = Involved::default();
    involved.add([rolled_back_by], "the one who rolled back");
    let involved = involved.with_owners(&robots).with_persons(people.at(tx.at()));
    let permit = policy::review_rollback(who, &involved).map_err(|denied| denied.on("release", release))?;
    let by = who.id.ok_or(Error::Unauthenticated)?;
    if let Some(given) = &review.given {
        let detail = format!("it was found {} on {}; a review stays", given.outcome.name(), rfc3339(given.at));
        return Err(Error::conflict("already_reviewed", detail));
    }
    let given = Given { outcome, reason: reason.to_string(), by, at: tx.at() };
    store::give(&tx, review.id, &given).await?;
    let about = Subject::release(release);
    let closed = findings::ops::close_by_system(&tx, who.workspace, REVIEW_OVERDUE, &about, "it was reviewed").await?;
    let event = Event::RollbackReviewed { release, review: review.id, outcome: outcome.name().to_owned() };
    tx.commit_all(permit, event, closed.into_iter().collect()).await?;
    Ok(Review { given: Some(given), ..review })
}

/// Reviews, the newest first; only those that are overdue, if asked.
pub async fn list(app: &App, who: &Principal, overdue: bool, page: PageRequest) -> Result<Page<Review>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let now = app.db.clock().now();
    store::list(&app.db.read(&sight), overdue.then_some(now), page).await
}

/// Reminds of what is soon due, and opens findings about what is overdue.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let reader = app.db.read(&policy::upkeep());
    let mut outcome = remind_due(app).await;
    for due in store::unsaid(&reader, app.db.clock().now()).await? {
        outcome = sweeps::and(outcome, due.id, find_overdue(app, &due).await);
    }
    outcome
}

/// Opens a finding about a review that nobody gave in time, once. Whoever answers for the operation of
/// the model owns it, else somebody who manages the environment; one who did not roll back, if there is one.
async fn find_overdue(app: &App, due: &Review) -> Result<(), Error> {
    let who = Principal::system("clock", due.workspace);
    let scope = Scope::Workspace(due.workspace);
    let tx = app.db.begin().await?;
    let Some((review, rolled_back_by)) = store::lock(&tx, scope, due.release).await? else { return Ok(()) };
    let about = Subject::release(review.release);
    let said = findings::store::was_opened(&tx.conn(), due.workspace, REVIEW_OVERDUE, &about).await?;
    if said || !review.is_overdue(tx.at()) {
        return Ok(());
    }
    let release = releases::store::find(&tx.conn(), scope, review.release).await?;
    let release = release.ok_or(Error::not_found("release"))?;
    let place = (release.environment, release.model);
    let owner = oversight::store::in_charge(&tx.conn(), due.workspace, place, rolled_back_by).await?;
    let title = "Nobody reviewed a rollback in time";
    let finding = NewFinding::seen(due.workspace, REVIEW_OVERDUE, about, Severity::High, title);
    let when = rfc3339(review.due_at);
    let detail = format!("the review was due on {when}; until it is given no emergency activation is possible there");
    let finding = finding.of_release(review.release).owned_by(owner).saying(detail);
    match findings::ops::open(&tx, finding).await? {
        Some(event) => tx.commit(policy::system(&who, Action::FindingOpen)?, event).await,
        None => Ok(()),
    }
}

/// Reminds of each review that is soon due, once.
pub async fn remind_due(app: &App) -> Result<(), Error> {
    let reader = app.db.read(&policy::upkeep());
    let now = app.db.clock().now();
    let mut outcome = Ok(());
    for due in store::to_remind(&reader, now + REMIND_BEFORE).await? {
        outcome = sweeps::and(outcome, due.id, remind(app, &due).await);
    }
    outcome
}

async fn remind(app: &App, due: &Review) -> Result<(), Error> {
    let who = Principal::system("clock", due.workspace);
    let tx = app.db.begin().await?;
    let found = store::lock(&tx, Scope::Workspace(due.workspace), due.release).await?;
    // Somebody may have reviewed it, or another worker reminded, since it was read.
    let Some((review, _)) = found.filter(|(review, _)| review.is_to_remind(tx.at())) else { return Ok(()) };
    store::set_reminded(&tx, review.id).await?;
    let permit = policy::system(&who, Action::ReleaseRemind)?;
    let event =
        Event::RollbackReviewReminded { release: review.release, review: review.id, due_at: rfc3339(review.due_at) };
    tx.commit(permit, event).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn review(due_in_days: i64, now: DateTime<Utc>) -> Review {
        Review {
            id: ReviewId::generate(),
            workspace: WorkspaceId::generate(),
            release: ReleaseId::generate(),
            due_at: now + TimeDelta::days(due_in_days),
            reminded_at: None,
            given: None,
            created_at: now - TimeDelta::days(1),
        }
    }

    #[test]
    fn the_review_that_is_overdue_the_longest_stands_in_the_way_until_it_is_given() {
        let now = Utc.with_ymd_and_hms(2026, 3, 2, 10, 0, 0).single().expect("time");
        let given = Given { outcome: Outcome::Justified, reason: String::new(), by: AccountId::generate(), at: now };
        let done = Review { given: Some(given), ..review(-9, now) };
        let all = [review(1, now), done, review(-1, now), review(-3, now), review(0, now)];
        assert_eq!(review_overdue(&all, now), Some(&all[3]));
        assert_eq!(review_overdue(&all[..2], now), None);
        assert_eq!(review_overdue(&all[4..], now), Some(&all[4]), "at the moment itself it is overdue");
    }

    #[test]
    fn people_are_reminded_once_and_before_it_is_due() {
        let now = Utc.with_ymd_and_hms(2026, 3, 2, 10, 0, 0).single().expect("time");
        assert!(!review(3, now).is_to_remind(now));
        let soon = review(2, now);
        assert!(soon.is_to_remind(now));
        assert!(!Review { reminded_at: Some(now), ..soon }.is_to_remind(now));
    }
}
