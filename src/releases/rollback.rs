//! The way back: one operation, to a release that was active before.

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{event::Event, ids::ReleaseId, text::Line},
    environments,
    error::Error,
    promotions::{
        self,
        invalidation::{self, Cause},
    },
    releases::{Release, State, gate, statement, statement::Claim, store},
    trust,
    versions::{self, Version, VersionRef, fitness},
};
use std::collections::HashSet;

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
) -> Result<Release, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let permit = policy::act(who, Action::ReleaseRollBack)?;
    let activated_by = who.id.ok_or(Error::Unauthenticated)?;
    let mut tx = app.db.begin().await?;
    // No key is revoked while it brings back what the key signed.
    trust::store::lock_all_shared(&tx, sight.scope()).await?;
    let (environment, model) = gate::named(&tx.conn(), &sight, environment, model).await?;
    environments::store::lock(&tx, sight.scope(), &environment.name).await?;
    tx.catch_up(store::last_moment(&tx.conn(), environment.id, model.id).await?);
    let active = store::active(&tx.conn(), environment.id, model.id).await?;
    let active = active.ok_or_else(|| {
        Error::conflict("nothing_active", format!("no version of {} is active in {}", model.name, environment.name))
    })?;
    let mut target = None;
    let mut looked_at = HashSet::from([active.version]);
    for earlier in store::earlier(&tx.conn(), environment.id, model.id).await? {
        // A version's newest release says how it ended here; what was rolled back from is no
        // last good one, and comes back only by name.
        if !looked_at.insert(earlier.version) || (to.is_none() && earlier.state == State::RolledBack) {
            continue;
        }
        let version = versions::store::find_by_id(&tx.conn(), sight.scope(), earlier.version).await?;
        let version = version.ok_or(versions::ops::NOT_FOUND)?;
        if !is_meant(to, &version) {
            continue;
        }
        let key = versions::ops::signing_key(&tx.conn(), sight.scope(), &version).await?;
        let failed = fitness::checks(&version, key.as_ref(), tx.at());
        if failed.is_empty() {
            target = Some((earlier, version));
            break;
        }
        if to.is_some() {
            let detail = format!("version {} can't come back: {}", version.number, failed[0].detail);
            let denied = policy::refuse(who, Action::ReleaseRollBack, "rollback_target_blocked", detail);
            let denied = denied.on("version", version.id);
            return Err(Error::Refused { denied, failed, unblock: Vec::new() });
        }
    }
    let Some((earlier, version)) = target else {
        let detail = match to {
            Some(to) => format!("version {to} was not active in {} before the current one", environment.name),
            None => format!("no earlier release in {} can come back", environment.name),
        };
        return Err(Error::conflict("rollback_target_unknown", detail));
    };
    let promotion = promotions::store::find(&tx.conn(), sight.scope(), earlier.promotion).await?;
    let promotion = promotion.ok_or(promotions::ops::NOT_FOUND)?;
    store::end(&tx, active.id, State::RolledBack).await?;
    promotions::ops::supersede(&tx, sight.scope(), active.promotion, "rolled back").await?;
    let id = ReleaseId::generate();
    let release = Release {
        id,
        workspace: who.workspace,
        environment: environment.id,
        model: model.id,
        version: version.id,
        promotion: earlier.promotion,
        restores: Some(earlier.id),
        state: State::Active,
        reason: Some(reason.to_string()),
        statement: statement::sign(
            app,
            &Claim {
                release: id,
                model: &model.name,
                number: version.number,
                manifest: &version.manifest,
                environment: &environment.name,
                decision_digest: &promotion.decision_digest,
                restores: Some(earlier.id),
                activated_by,
                activated_at: tx.at(),
            },
        ),
        activated_by,
        activated_at: tx.at(),
        ended_at: None,
    };
    store::insert(&tx, &release).await?;
    // The request of the release that comes back stays closed: which release is active says the
    // release itself.
    let ended = invalidation::follow(&tx, sight.scope(), Cause::Release(environment.id, model.id)).await?;
    let event = Event::ReleaseRolledBack {
        release: id,
        version: version.id,
        environment: environment.id,
        replaces: active.id,
        restores: earlier.id,
    };
    tx.commit_all(permit, event, ended).await?;
    Ok(release)
}

fn is_meant(to: Option<&VersionRef>, version: &Version) -> bool {
    match to {
        None => true,
        Some(VersionRef::Number(number)) => *number == version.number,
        Some(VersionRef::Digest(digest)) => *digest == version.manifest,
    }
}
