//! What was let out and is still on its way: looked at again until its last byte.

use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, policy},
    core::{
        event::Event,
        ids::{ReleaseId, VersionId},
        path::FilePath,
    },
    error::Error,
    releases::{State, store},
    versions::{self, fitness},
};

/// The caller's token or account came to its end.
pub const CREDENTIAL_ENDED: &str = "credential_ended";

/// Somebody whom the gate let have a release.
#[derive(Clone, Debug)]
pub struct Admission {
    pub who: Principal,
    pub release: ReleaseId,
    pub version: VersionId,
}

impl Admission {
    /// Why nothing more of it may leave, if so: a code. A doubt is a reason.
    pub async fn ended(&self, app: &App) -> Option<&'static str> {
        match self.look(app).await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(release = %self.release, ?error, "a download can't be watched");
                Some("record_unreadable")
            }
        }
    }

    async fn look(&self, app: &App) -> Result<Option<&'static str>, Error> {
        // Whoever may see nothing any more learns nothing of what became of it either.
        if !accounts::ops::is_signed_in(app, &self.who).await? {
            return Ok(Some(CREDENTIAL_ENDED));
        }
        let sight = policy::read(&self.who, Action::ReleasePull)?;
        let reader = app.db.read(&sight);
        let (conn, now) = (reader.conn(), app.db.clock().now());
        let release = store::find(conn, sight.scope(), self.release).await?.ok_or(Error::not_found("release"))?;
        match release.state {
            State::Active if release.is_over(now) => return Ok(Some("release_over")),
            State::Active => {}
            State::Suspended => return Ok(Some("release_suspended")),
            State::Superseded | State::RolledBack => return Ok(Some("release_ended")),
        }
        let version = versions::store::find_by_id(conn, sight.scope(), self.version).await?;
        let version = version.ok_or(versions::ops::NOT_FOUND)?;
        let key = versions::ops::signing_key(conn, sight.scope(), &version).await?;
        Ok((!fitness::checks(&version, key.as_ref(), now).is_empty()).then_some("release_blocked"))
    }

    /// Writes into the log that a file did not leave whole.
    pub async fn cut_off(&self, app: &App, path: &FilePath, cause: &'static str) -> Result<(), Error> {
        let who = Principal::system("gate", self.who.workspace);
        let permit = policy::system(&who, Action::ReleaseCutOff)?;
        let event = Event::DownloadCutOff { release: self.release, path: path.to_string(), cause: cause.to_owned() };
        app.db.begin().await?.commit(permit, event).await
    }
}
