//! What becomes active, what ends, and what comes back.

use crate::{
    core::ids::{PromotionId, ReleaseId},
    promotions::workflow::{
        Fact, Lane, Observed, Refusal, Release, Request, Stage, Why,
        command::Asked,
        quorum::is_full,
        requests::{must_stand, recorded, short_of_seats, unreadable},
    },
    releases::State,
};
use chrono::{DateTime, Utc};

/// Compare and swap: a request replaces the release that was active when it was asked, or none.
pub(super) fn activate(
    lane: &Lane,
    request: &Request,
    release: ReleaseId,
    observed: &Observed,
    now: DateTime<Utc>,
) -> Result<Vec<Fact>, Refusal> {
    let active = lane.active().map(|active| active.id);
    if request.stage == Stage::Invalidated && request.replaces != active {
        return Err(raced(active));
    }
    if !request.stage.has_quorum() {
        // What the clock has ended says so rather than that it still waits.
        must_stand(request, observed, now)?;
        return Err(Refusal::stage(request.stage));
    }
    must_stand(request, observed, now)?;
    if request.replaces != active {
        let ends = Fact::Invalidated { promotion: request.id, why: Why::Replaced };
        return Err(Refusal { ends: Some(Box::new(ends)), ..raced(active) });
    }
    if !is_full(request, observed, now, None) {
        return Err(short_of_seats(request, observed, now));
    }
    if !observed.holds.is_empty() {
        let details: Vec<_> = observed.holds.iter().map(|hold| hold.detail.as_str()).collect();
        return Err(Refusal::new("promotion_held", details.join("; "), Stage::Held.allowed()));
    }
    let over = (request.stage == Stage::Held).then_some(Fact::HoldOver { promotion: request.id });
    let mut facts: Vec<_> = over.into_iter().collect();
    facts.extend(end_active(lane, State::Superseded));
    facts.push(Fact::Activated(begun(release, request)));
    facts.extend(beside(lane, Some(request.id)));
    Ok(facts)
}

/// Past checks, approvals and holds, and never past a revocation or a bad signature.
pub(super) fn bypass(
    lane: &Lane,
    asked: &Asked,
    release: ReleaseId,
    observed: &Observed,
) -> Result<Vec<Fact>, Refusal> {
    let Some(assessed) = &observed.assessment else { return Err(unreadable()) };
    may_leave(observed, "release_blocked")?;
    let request = recorded(lane, asked, assessed.digest, Stage::Bypassed);
    let release = begun(release, &request);
    let mut facts = vec![Fact::Requested(request)];
    facts.extend(end_active(lane, State::Superseded));
    facts.push(Fact::Activated(release));
    facts.extend(beside(lane, None));
    Ok(facts)
}

/// To a release that was active here and went through approval; what brought it to its end does
/// not matter, except that a version which may not leave does not come back. It begins where
/// something is active, or was and is suspended.
pub(super) fn roll_back(
    lane: &Lane,
    release: ReleaseId,
    to: ReleaseId,
    observed: &Observed,
) -> Result<Vec<Fact>, Refusal> {
    if lane.active().is_none() && suspended(lane).is_none() {
        return Err(nothing_active());
    }
    let unknown = |detail: &str| Refusal::new("rollback_target_unknown", detail, Stage::Activated.allowed());
    let earlier = lane.releases.iter().find(|earlier| earlier.id == to && earlier.state != State::Active);
    let earlier = earlier.ok_or_else(|| unknown("that release was not active here before the current one"))?;
    if !was_approved(lane, earlier) {
        return Err(unknown("that release was never approved here; it came by break-glass"));
    }
    may_leave(observed, "rollback_target_blocked")?;
    let mut facts = end_active(lane, State::RolledBack);
    facts.push(again(release, earlier, observed));
    facts.extend(beside(lane, None));
    Ok(facts)
}

pub(super) fn suspend(lane: &Lane) -> Result<Vec<Fact>, Refusal> {
    if lane.active().is_none() {
        return Err(nothing_active());
    }
    let mut facts = end_active(lane, State::Suspended);
    facts.extend(beside(lane, None));
    Ok(facts)
}

/// What was suspended comes back as a release of its own, if nothing took its place.
pub(super) fn resume(lane: &Lane, release: ReleaseId, observed: &Observed) -> Result<Vec<Fact>, Refusal> {
    let gone = suspended(lane).filter(|gone| was_approved(lane, gone));
    let none = || {
        Refusal::new(
            "not_suspended",
            "nothing that may come back is suspended here; roll back, or ask for a promotion",
            &["request"],
        )
    };
    let gone = gone.ok_or_else(none)?;
    may_leave(observed, "release_blocked")?;
    let mut facts = vec![again(release, gone, observed)];
    facts.extend(beside(lane, None));
    Ok(facts)
}

/// The request behind it stays what it is: its approvals carry what goes on.
pub(super) fn lower_mode(lane: &Lane, release: ReleaseId, observed: &Observed) -> Result<Vec<Fact>, Refusal> {
    let active = lane.active().ok_or_else(nothing_active)?;
    if !was_approved(lane, active) {
        let detail = "an emergency's release has the mode that it was made with; suspend it, or roll back";
        return Err(Refusal::new("break_glass_active", detail, Stage::Activated.allowed()));
    }
    may_leave(observed, "release_blocked")?;
    let mut facts = vec![Fact::Ended { release: active.id, how: State::Superseded }, again(release, active, observed)];
    facts.extend(beside(lane, None));
    Ok(facts)
}

fn nothing_active() -> Refusal {
    Refusal::new(
        "nothing_active",
        "nothing is active here, so there is nothing to leave; ask for a promotion",
        &["request"],
    )
}

fn may_leave(observed: &Observed, code: &'static str) -> Result<(), Refusal> {
    let Some(unfit) = observed.unfit.first() else { return Ok(()) };
    let detail = format!("the version may not leave: {}", unfit.detail);
    Err(Refusal::new(code, detail, Stage::Activated.allowed()))
}

/// The newest release, if it was taken down and nothing took its place.
fn suspended(lane: &Lane) -> Option<&Release> {
    lane.releases.last().filter(|newest| newest.state == State::Suspended)
}

/// A request that nobody can find is a doubt.
fn was_approved(lane: &Lane, release: &Release) -> bool {
    let request = lane.requests.get(&release.promotion);
    request.is_some_and(|request| matches!(request.stage, Stage::Activated | Stage::Superseded))
}

fn again(id: ReleaseId, earlier: &Release, observed: &Observed) -> Fact {
    let release = Release {
        id,
        version: earlier.version,
        promotion: earlier.promotion,
        state: State::Active,
        lapsed: observed.lapsed,
    };
    Fact::Restored { release, restores: earlier.id }
}

/// A mark on what is active; once is enough.
pub(super) fn lapse(lane: &Lane, release: ReleaseId, observed: &Observed) -> Vec<Fact> {
    let active = lane.active().filter(|active| active.id == release && !active.lapsed && observed.lapsed);
    active.map(|active| Fact::Lapsed { release: active.id }).into_iter().collect()
}

fn begun(id: ReleaseId, request: &Request) -> Release {
    Release { id, version: request.version, promotion: request.id, state: State::Active, lapsed: false }
}

/// The active release ends, and with it the request that led to it, unless a rollback had brought
/// the release back: its request ended before.
fn end_active(lane: &Lane, how: State) -> Vec<Fact> {
    let Some(active) = lane.active() else { return Vec::new() };
    let mut facts = vec![Fact::Ended { release: active.id, how }];
    let request = lane.requests.get(&active.promotion).filter(|request| request.stage == Stage::Activated);
    facts.extend(request.map(|request| Fact::Superseded { promotion: request.id }));
    facts
}

/// What reviewers of other requests judged is not what an activation would change now.
fn beside(lane: &Lane, but: Option<PromotionId>) -> Vec<Fact> {
    let open = lane.requests.values().filter(|request| request.stage.is_open() && Some(request.id) != but);
    open.map(|request| Fact::Invalidated { promotion: request.id, why: Why::Replaced }).collect()
}

fn raced(active: Option<ReleaseId>) -> Refusal {
    let now = active.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let detail = format!(
        "another release became active since this was asked, so what was approved is not what would change; the \
         active one is {now}: look at it, and ask again"
    );
    Refusal::new("release_raced", detail, &["request"])
}
