//! What a rollback would do, before anybody does it: the same search, under no lock and with nothing changed.

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    environments::profile::OperatingMode,
    error::{Error, FailedCheck},
    releases::{
        Release, gate,
        rollback::{self, Target},
        succession::Place,
    },
    versions::{self, Version, VersionRef},
};

/// What would happen as things stand.
pub struct Plan {
    /// What is active or suspended now, and of which version.
    pub leaves: (Release, Version),
    pub returns: Returns,
}

/// What would be there afterwards.
pub enum Returns {
    /// What was asked for is active already.
    Same,
    /// This release's version, on its approvals.
    Earlier(Box<(Release, Version)>),
    /// It was named, and may not leave.
    Blocked(Box<Version>, Vec<FailedCheck>),
}

/// # Errors
/// `Conflict` where nothing is active, or no release can come back; then it names those that can. Denied as the rollback
/// itself would be.
pub async fn plan(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    to: Option<&VersionRef>,
) -> Result<Plan, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    policy::act(who, Action::ReleaseRollBack).map(drop)?;
    let reader = app.db.read(&sight);
    let conn = reader.conn();
    let (environment, model) = gate::named(conn, &sight, environment, model).await?;
    let place = Place { scope: sight.scope(), environment: &environment, model: &model };
    let left = rollback::leaves(conn, &place).await?;
    let returns = if rollback::is_there_already(conn, &place, &left, to).await? {
        Returns::Same
    } else {
        match rollback::target(conn, sight.scope(), &left, to, app.db.clock().now()).await? {
            Target::Fit(found) => Returns::Earlier(found),
            Target::Blocked(version, failed) => Returns::Blocked(version, failed),
            Target::Unknown => return Err(rollback::unknown(conn, &place, &left, to).await?),
        }
    };
    let version = versions::store::find_by_id(conn, sight.scope(), left.version).await?;
    let version = version.ok_or(versions::ops::NOT_FOUND)?;
    Ok(Plan { leaves: (left, version), returns })
}

impl Plan {
    /// The modes before and after, where what comes back would do more by itself.
    pub fn raises_mode(&self) -> Option<(OperatingMode, OperatingMode)> {
        let Returns::Earlier(found) = &self.returns else { return None };
        let (before, after) = (self.leaves.0.mode?, found.0.mode?);
        (before < after).then_some((before, after))
    }
}
