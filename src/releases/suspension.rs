//! Taking a release down at once, bringing it back, and leaving more to people.
//!
//! None of it needs a quorum: each leaves less running, or only what was approved to run. A release
//! that ended stays ended; what comes back is a release of its own, and counts from then.

use crate::{
    app::App,
    authz::{Action, Principal, Role, policy},
    core::{event::Event, ids::ReleaseId, text::Line},
    db::WriteTx,
    environments,
    environments::profile::OperatingMode,
    error::{Error, FailedCheck},
    promotions::{
        self,
        lane::{self, Telling},
        workflow::Command,
    },
    releases::{
        Kind, Release, State, assurance,
        assurance::Lapse,
        gate, store,
        succession::{Next, Place, capped, ceiling, follow_on},
    },
    trust,
    versions::{self, Version, fitness},
};

/// Withdraws the active release: from the commit on nothing of it leaves. Of one that is suspended
/// already, nothing changes.
pub async fn suspend(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    reason: Line,
) -> Result<Release, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let permit = policy::act(who, Action::ReleaseSuspend)?;
    let mut tx = app.db.begin().await?;
    let (environment, model) = gate::named(&tx.conn(), &sight, environment, model).await?;
    environments::store::lock(&tx, sight.scope(), &environment.name).await?;
    tx.catch_up(store::last_moment(&tx.conn(), environment.id, model.id).await?);
    let Some(active) = store::active(&tx.conn(), environment.id, model.id).await? else {
        let newest = store::newest(&tx.conn(), environment.id, model.id).await?;
        let suspended = newest.filter(|release| release.state == State::Suspended);
        return suspended.ok_or_else(|| nothing_active(&model.name, &environment.name));
    };
    let by = who.id.ok_or(Error::Unauthenticated)?;
    let telling = Telling::of(&active, "its release was suspended", by, &reason);
    let here = (environment.id, model.id);
    let ended = lane::succeed(&tx, sight.scope(), here, &[], &Command::Suspend, telling).await?;
    let event = Event::ReleaseSuspended { release: active.id, version: active.version, environment: environment.id };
    let suspended = Release {
        state: State::Suspended,
        ended_at: Some(tx.at()),
        ended_by: who.id,
        ended_reason: Some(reason.to_string()),
        ..active
    };
    tx.commit_all(permit, event, ended).await?;
    Ok(suspended)
}

/// Brings back the release that was suspended, if nothing took its place and it is fit to leave.
pub async fn resume(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    reason: Line,
) -> Result<Release, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let permit = policy::act(who, Action::ReleaseResume)?;
    let by = who.id.ok_or(Error::Unauthenticated)?;
    let mut tx = app.db.begin().await?;
    // No key is revoked while what it signed comes back.
    trust::store::lock_all_shared(&tx, sight.scope()).await?;
    let (environment, model) = gate::named(&tx.conn(), &sight, environment, model).await?;
    environments::store::lock(&tx, sight.scope(), &environment.name).await?;
    tx.catch_up(store::last_moment(&tx.conn(), environment.id, model.id).await?);
    let newest = store::newest(&tx.conn(), environment.id, model.id).await?;
    let Some(suspended) = newest.filter(|release| release.state == State::Suspended) else {
        let (model, place) = (&model.name, &environment.name);
        let detail = format!("no release of {model} is suspended in {place}, so none comes back; roll back instead");
        return Err(Error::conflict("not_suspended", detail));
    };
    if suspended.kind == Kind::BreakGlass {
        let detail = "an emergency's release does not come back: ask for a promotion, or roll back";
        return Err(Error::conflict("break_glass_over", detail));
    }
    let place = Place { scope: sight.scope(), environment: &environment, model: &model };
    let version = fit(&tx, who, Action::ReleaseResume, &place, &suspended).await?;
    if let Some(lapse) = assurance::ops::in_the_way(&tx.conn(), &suspended, tx.at()).await {
        return Err(lapsed(&tx, who, &suspended, lapse).await?);
    }
    let mode = capped(suspended.mode, ceiling(&tx, &environment).await);
    let id = ReleaseId::generate();
    let (here, command) = ((environment.id, model.id), Command::Resume { release: id });
    let telling = Telling::of(&suspended, "", by, &reason);
    let mut ended = lane::succeed(&tx, sight.scope(), here, &[&suspended], &command, telling).await?;
    let next = Next {
        id,
        of: &suspended,
        version: &version,
        kind: Kind::Resumption,
        mode,
        restores: Some(suspended.id),
        by,
        reason: &reason,
    };
    let (release, _) = follow_on(app, &tx, &place, next).await?;
    ended.extend(assurance::ops::cured(&tx, &release).await?);
    ended.extend(assurance::ops::look(&tx, &release).await?);
    let event = Event::ReleaseResumed {
        release: release.id,
        version: version.id,
        environment: environment.id,
        restores: suspended.id,
        mode: mode.map_or("", OperatingMode::name).to_owned(),
    };
    tx.commit_all(permit, event, ended).await?;
    Ok(release)
}

/// Lets the model do less by itself, at once. The way up is a request.
pub async fn lower_mode(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    mode: OperatingMode,
    reason: Line,
) -> Result<Release, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let permit = policy::act(who, Action::ReleaseLowerMode)?;
    let by = who.id.ok_or(Error::Unauthenticated)?;
    let mut tx = app.db.begin().await?;
    trust::store::lock_all_shared(&tx, sight.scope()).await?;
    let (environment, model) = gate::named(&tx.conn(), &sight, environment, model).await?;
    environments::store::lock(&tx, sight.scope(), &environment.name).await?;
    tx.catch_up(store::last_moment(&tx.conn(), environment.id, model.id).await?);
    let active = store::active(&tx.conn(), environment.id, model.id).await?;
    let active = active.ok_or_else(|| nothing_active(&model.name, &environment.name))?;
    let now = active.mode.or(ceiling(&tx, &environment).await).unwrap_or(OperatingMode::Automated);
    if active.mode == Some(mode) {
        return Ok(active);
    }
    if now < mode {
        let detail = format!("it runs as {}; ask for {} with a promotion request", now.name(), mode.name());
        return Err(Error::conflict("mode_not_lower", detail));
    }
    if active.kind == Kind::BreakGlass {
        let detail = "an emergency's release has the mode that it was made with; suspend it, or roll back";
        return Err(Error::conflict("break_glass_active", detail));
    }
    let place = Place { scope: sight.scope(), environment: &environment, model: &model };
    let version = fit(&tx, who, Action::ReleaseLowerMode, &place, &active).await?;
    let id = ReleaseId::generate();
    let (here, command) = ((environment.id, model.id), Command::LowerMode { release: id });
    let telling = Telling::of(&active, "", by, &reason);
    let mut ended = lane::succeed(&tx, sight.scope(), here, &[], &command, telling).await?;
    let next = Next {
        id,
        of: &active,
        version: &version,
        kind: Kind::ModeLowered,
        mode: Some(mode),
        restores: None,
        by,
        reason: &reason,
    };
    let (release, _) = follow_on(app, &tx, &place, next).await?;
    ended.extend(assurance::ops::look(&tx, &release).await?);
    let event = Event::ReleaseModeLowered {
        release: release.id,
        version: version.id,
        environment: environment.id,
        replaces: active.id,
        from: now.name().to_owned(),
        to: mode.name().to_owned(),
    };
    tx.commit_all(permit, event, ended).await?;
    Ok(release)
}

/// The release's version, if it may leave at this moment.
async fn fit(
    tx: &WriteTx,
    who: &Principal,
    action: Action,
    place: &Place<'_>,
    release: &Release,
) -> Result<Version, Error> {
    let version = versions::store::find_by_id(&tx.conn(), place.scope, release.version).await?;
    let version = version.ok_or(versions::ops::NOT_FOUND)?;
    let key = versions::ops::signing_key(&tx.conn(), place.scope, &version).await?;
    let failed: Vec<FailedCheck> = fitness::checks(&version, key.as_ref(), tx.at());
    let Some(first) = failed.first() else { return Ok(version) };
    let detail = format!("version {} may not leave: {}; roll back instead", version.number, first.detail);
    let unblock =
        promotions::store::holders(&tx.conn(), who.workspace, &release.place(), &[Role::EnvironmentManager], &[])
            .await?;
    let denied = policy::refuse(who, action, "release_blocked", detail).on("release", release.id);
    Err(Error::Refused { denied, failed, unblock })
}

/// The policy wants it down while its approval does not hold.
async fn lapsed(tx: &WriteTx, who: &Principal, release: &Release, lapse: Lapse) -> Result<Error, Error> {
    let Lapse { cause, detail } = lapse;
    let told = format!(
        "what its approval rested on no longer holds ({detail}), and the policy takes down what lapses; have it \
         approved anew, or roll back"
    );
    let unblock = promotions::store::holders(&tx.conn(), who.workspace, &release.place(), Role::JUDGES, &[]).await?;
    let denied = policy::refuse(who, Action::ReleaseResume, "assurance_lapsed", told).on("release", release.id);
    let failed = vec![FailedCheck { check: cause, detail, owner: None }];
    Ok(Error::Refused { denied, failed, unblock })
}

fn nothing_active(model: &str, environment: &str) -> Error {
    let detail = format!(
        "no version of {model} is active in {environment}; ask for a promotion, or bring back what is suspended"
    );
    Error::conflict("nothing_active", detail)
}
