//! The way back: one operation, to a release that was active before.
//!
//! It asks nothing that may be broken in the hour when it is needed: no evidence, no quorum, no
//! freeze, no profile that can be read. Whoever does it answers for it afterwards, in a review.

use crate::{
    app::App,
    authz::{Action, Principal, Scope, policy},
    core::{
        event::Event,
        ids::{EnvironmentId, ModelId, ReleaseId, VersionId},
        text::Line,
    },
    db::{Conn, WriteTx},
    environments::{self, profile::OperatingMode},
    error::{Error, FailedCheck},
    promotions::{
        Promotion,
        lane::{self, Telling},
        workflow::Command,
    },
    releases::{
        Kind, Release, State, assurance, gate, reviews, store,
        succession::{Next, Place, capped, ceiling, follow_on},
    },
    trust,
    versions::{self, Version, VersionRef, fitness},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::HashSet;

/// So many versions are named to somebody who asked for one that is no way back.
const NAMED: usize = 5;

/// What became of it.
pub struct RolledBack {
    pub release: Release,
    /// False when what was asked for is active already; then nothing was changed.
    pub changed: bool,
    /// Documents of the environment that were revised since the version was approved there.
    pub revised_since: Vec<&'static str>,
    /// The mode of what was left, if what came back has a higher one.
    pub mode_raised_from: Option<OperatingMode>,
    /// By when somebody else is to look at it.
    pub review_due_at: Option<DateTime<Utc>>,
}

/// Re-activates an earlier release: the one named, or the last good one.
///
/// Needs a reason and no new quorum; the approvals are those of the release it restores.
pub async fn roll_back(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    to: Option<&VersionRef>,
    reason: Line,
) -> Result<RolledBack, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let permit = policy::act(who, Action::ReleaseRollBack)?;
    let by = who.id.ok_or(Error::Unauthenticated)?;
    let mut tx = app.db.begin().await?;
    // No key is revoked while it brings back what the key signed.
    trust::store::lock_all_shared(&tx, sight.scope()).await?;
    let (environment, model) = gate::named(&tx.conn(), &sight, environment, model).await?;
    environments::store::lock(&tx, sight.scope(), &environment.name).await?;
    tx.catch_up(store::last_moment(&tx.conn(), environment.id, model.id).await?);
    let place = Place { scope: sight.scope(), environment: &environment, model: &model };
    let left = leaves(&tx.conn(), &place).await?;
    if is_there_already(&tx.conn(), &place, &left, to).await? {
        let (revised_since, mode_raised_from) = (Vec::new(), None);
        return Ok(RolledBack { release: left, changed: false, revised_since, mode_raised_from, review_due_at: None });
    }
    let found = target(&tx.conn(), sight.scope(), &left, to, tx.at()).await?;
    let (earlier, version) = match found {
        Target::Fit(found) => *found,
        Target::Blocked(version, failed) => {
            let detail = format!("version {} can't come back: {}", version.number, failed[0].detail);
            let denied = policy::refuse(who, Action::ReleaseRollBack, "rollback_target_blocked", detail);
            let denied = denied.on("version", version.id);
            return Err(Error::Refused { denied, failed, unblock: Vec::new() });
        }
        Target::Unknown => {
            return Err(unknown(&tx.conn(), &place, &left, to).await?);
        }
    };
    // What was taken down or left on purpose comes back like a resumption, and so does what does more by itself.
    let came_down = matches!(earlier.state, State::Suspended | State::RolledBack);
    let does_more = left.mode.zip(earlier.mode).is_some_and(|(before, after)| before < after);
    if came_down || does_more {
        policy::require_fresh(permit.actor(), Action::ReleaseResume, ("version", version.id.to_string()), tx.at())?;
    }
    let id = ReleaseId::generate();
    let command = Command::RollBack { release: id, to: earlier.id };
    let mut past = vec![&earlier];
    past.extend((left.state == State::Suspended).then_some(&left));
    let telling = Telling::of(&left, "rolled back", by, &reason);
    let here = (environment.id, model.id);
    let mut then = lane::succeed(&tx, sight.scope(), here, &past, &command, telling).await?;
    let next = Next {
        id,
        of: &earlier,
        version: &version,
        kind: Kind::Rollback,
        mode: capped(earlier.mode, ceiling(&tx, &environment).await),
        restores: Some(earlier.id),
        by,
        reason: &reason,
    };
    let (release, promotion) = follow_on(app, &tx, &place, next).await?;
    let review = reviews::open(&tx, &release).await?;
    let revised_since = revised_since(&tx, environment.id, &promotion).await;
    // The request of the release that comes back stays closed: which release is active says the
    // release itself.
    then.extend(assurance::ops::cured(&tx, &release).await?);
    then.extend(assurance::ops::look(&tx, &release).await?);
    let event = Event::ReleaseRolledBack {
        release: release.id,
        version: version.id,
        environment: environment.id,
        replaces: left.id,
        restores: earlier.id,
    };
    tx.commit_all(permit, event, then).await?;
    let mode_raised_from = left.mode.filter(|before| release.mode.is_some_and(|now| *before < now));
    Ok(RolledBack { release, changed: true, revised_since, mode_raised_from, review_due_at: Some(review.due_at) })
}

/// What is left: the active release, or the one that was suspended and nothing took the place of.
pub(super) async fn leaves(conn: &Conn<'_>, place: &Place<'_>) -> Result<Release, Error> {
    current(conn, place.environment.id, place.model.id).await?.ok_or_else(|| {
        let (model, place) = (&place.model.name, &place.environment.name);
        let detail = format!("no version of {model} is active in {place}, nor suspended; ask for a promotion");
        Error::conflict("nothing_active", detail)
    })
}

/// What was asked for is no way back; says which versions are.
pub(super) async fn unknown(
    conn: &Conn<'_>,
    place: &Place<'_>,
    left: &Release,
    to: Option<&VersionRef>,
) -> Result<Error, Error> {
    let name = &place.environment.name;
    let mut detail = match to {
        Some(to) => format!("version {to} was not active in {name} before the current one"),
        None => format!("no earlier release in {name} can come back by itself"),
    };
    let earlier = store::earlier(conn, left.environment, left.model).await?;
    let approved = earlier.iter().filter(|release| release.kind != Kind::BreakGlass).map(|release| release.version);
    let mut seen: Vec<VersionId> = Vec::new();
    for version in approved.filter(|version| *version != left.version) {
        if seen.len() < NAMED && !seen.contains(&version) {
            seen.push(version);
        }
    }
    let mut numbers = Vec::new();
    for version in seen {
        let found = versions::store::find_by_id(conn, place.scope, version).await?;
        numbers.extend(found.map(|version| version.number.to_string()));
    }
    detail.push_str(&match numbers.as_slice() {
        [] => "; ask for a promotion".to_owned(),
        numbers => format!("; approved and active there before: {}", numbers.join(", ")),
    });
    Ok(Error::conflict("rollback_target_unknown", detail))
}

/// Where a rollback would begin.
pub(crate) async fn current(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
) -> Result<Option<Release>, Error> {
    let active = store::active(conn, environment, model).await?;
    let newest = store::newest(conn, environment, model).await?;
    Ok(active.or(newest.filter(|release| release.state == State::Suspended)))
}

pub(super) async fn is_there_already(
    conn: &Conn<'_>,
    place: &Place<'_>,
    left: &Release,
    to: Option<&VersionRef>,
) -> Result<bool, Error> {
    // An emergency's release is not the approved one of its version: that may come back in its place.
    let Some(to) = to.filter(|_| left.kind != Kind::BreakGlass) else { return Ok(false) };
    let current = versions::store::find_by_id(conn, place.scope, left.version).await?;
    if !current.is_some_and(|version| is_meant(Some(to), &version)) {
        return Ok(false);
    }
    if left.state == State::Suspended {
        let detail = format!("version {to} is suspended in {}; resume it instead", place.environment.name);
        return Err(Error::conflict("release_suspended", detail));
    }
    Ok(true)
}

/// Where a rollback can go.
pub(crate) enum Target {
    Fit(Box<(Release, Version)>),
    /// It was named, and may not leave.
    Blocked(Box<Version>, Vec<FailedCheck>),
    Unknown,
}

/// The release to come back to from the one that is left: the newest of the version that is named,
/// or of the first version before it that is fit to leave.
pub(crate) async fn target(
    conn: &Conn<'_>,
    scope: Scope,
    left: &Release,
    to: Option<&VersionRef>,
    now: DateTime<Utc>,
) -> Result<Target, Error> {
    let mut looked_at: HashSet<_> = (left.kind != Kind::BreakGlass).then_some(left.version).into_iter().collect();
    let all = match to {
        None => store::earlier(conn, left.environment, left.model).await?,
        Some(to) => match versions::store::find(conn, scope, left.model, to).await? {
            Some(named) => store::earlier_of(conn, left.environment, left.model, named.id).await?,
            None => return Ok(Target::Unknown),
        },
    };
    for earlier in all {
        // Nobody approved what an emergency brought.
        if earlier.kind == Kind::BreakGlass {
            continue;
        }
        // A version's newest release says how it ended here; what was rolled back from or taken down
        // is no last good one, and comes back only by name.
        let taken_down = matches!(earlier.state, State::RolledBack | State::Suspended);
        if !looked_at.insert(earlier.version) || (to.is_none() && taken_down) {
            continue;
        }
        let version = versions::store::find_by_id(conn, scope, earlier.version).await?;
        let version = version.ok_or(versions::ops::NOT_FOUND)?;
        if !is_meant(to, &version) {
            continue;
        }
        let key = versions::ops::signing_key(conn, scope, &version).await?;
        let failed = fitness::checks(&version, key.as_ref(), now);
        if failed.is_empty() {
            return Ok(Target::Fit(Box::new((earlier, version))));
        }
        if to.is_some() {
            return Ok(Target::Blocked(Box::new(version), failed));
        }
    }
    Ok(Target::Unknown)
}

/// Whether there is a way back from here at this moment.
pub(super) async fn has_way_back(
    conn: &Conn<'_>,
    scope: Scope,
    left: &Release,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    Ok(matches!(target(conn, scope, left, None, now).await?, Target::Fit(_)))
}

/// What the environment says otherwise than when the version was approved there. Nothing here may
/// keep a rollback from happening.
async fn revised_since(tx: &WriteTx, environment: EnvironmentId, promotion: &Promotion) -> Vec<&'static str> {
    let Ok(current) = environments::store::all_current(&tx.conn(), environment).await else { return Vec::new() };
    let decided: Value = serde_json::from_str(&promotion.decision).unwrap_or_default();
    let documents = [("profile", &current.profile), ("constraints", &current.constraints), ("policy", &current.policy)];
    let digest = |revision: &Option<environments::Revision>| revision.as_ref().map(|r| r.digest.to_string());
    let differs = documents.into_iter().filter(|(name, now)| decided[*name].as_str() != digest(now).as_deref());
    differs.map(|(name, _)| name).collect()
}

fn is_meant(to: Option<&VersionRef>, version: &Version) -> bool {
    match to {
        None => true,
        Some(VersionRef::Number(number)) => *number == version.number,
        Some(VersionRef::Digest(digest)) => *digest == version.manifest,
    }
}
