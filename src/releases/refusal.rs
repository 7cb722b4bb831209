//! What the gate says when it stays closed: what stands in the way, and who can change that.

use crate::{
    app::App,
    authz::{Action, Principal, Role, Scope, Touched, policy, policy::Involved},
    blobs,
    core::clock::rfc3339,
    db::Conn,
    environments::Environment,
    error::{Error, FailedCheck},
    models::Model,
    promotions::{self, assessment::Facts},
    releases::{Release, rollback},
    versions::{self, Version, VersionRef},
};

/// Who asked, where, for what.
pub(super) struct Asked<'a> {
    pub app: &'a App,
    pub conn: &'a Conn<'a>,
    pub who: &'a Principal,
    pub environment: &'a Environment,
    pub model: &'a Model,
    pub wanted: Option<&'a VersionRef>,
}

impl Asked<'_> {
    fn scope(&self) -> Scope {
        Scope::Workspace(self.who.workspace)
    }

    async fn holders(&self, roles: &[Role], involved: &Involved) -> Result<Vec<String>, Error> {
        let place = Touched { models: [self.model.id].into(), environments: [self.environment.id].into() };
        promotions::store::holders(self.conn, self.who.workspace, &place, roles, &involved.people()).await
    }

    /// Nothing is active here.
    pub(super) async fn nothing_active(&self) -> Error {
        let (model, environment) = (&self.model.name, &self.environment.name);
        let detail = match self.wanted {
            Some(wanted) => format!("{model}@{wanted} is not approved for {environment}; no version is"),
            None => format!("no version of {model} in {environment} is active"),
        };
        self.not_open("nothing_active", detail).await
    }

    /// Another version is active than the one that is wanted.
    pub(super) async fn not_approved(&self, wanted: &VersionRef, active: i64) -> Error {
        let (model, environment) = (&self.model.name, &self.environment.name);
        let detail = format!("{model}@{wanted} is not approved for {environment}; version {active} is active there");
        self.not_open("not_approved", detail).await
    }

    async fn not_open(&self, code: &'static str, detail: String) -> Error {
        match self.lacks().await {
            Ok((failed, unblock)) => self.refused(code, detail, failed, unblock),
            Err(error) => error,
        }
    }

    /// What the wanted version lacks, and who could approve it.
    async fn lacks(&self) -> Result<(Vec<FailedCheck>, Vec<String>), Error> {
        let anyone = Involved::default();
        let Some(wanted) = self.wanted else {
            return Ok((Vec::new(), self.holders(Role::JUDGES, &anyone).await?));
        };
        let Some(version) = versions::store::find(self.conn, self.scope(), self.model.id, wanted).await? else {
            let unknown = check("version_unknown", format!("{} has no version {wanted}", self.model.name));
            return Ok((vec![unknown], self.holders(Role::JUDGES, &anyone).await?));
        };
        let open = promotions::store::find_open(self.conn, version.id, self.environment.id).await?;
        let (model, environment) = (self.model.clone(), self.environment.clone());
        let now = self.app.db.clock().now();
        let facts = Facts::load(self.conn, self.scope(), model, version, environment, now).await?;
        let mut failed = facts.assess(now)?.failed;
        failed.push(match open {
            Some(open) => check("approval_pending", format!("request {} is {}", open.id, open.stage.name())),
            None => check("approval_missing", "no promotion request for it is open".to_owned()),
        });
        Ok((failed, self.holders(Role::JUDGES, &facts.involved()).await?))
    }

    /// The release was taken down, or its own end has come.
    pub(super) async fn suspended(&self, release: &Release) -> Result<Error, Error> {
        let at = release.ended_at.or(release.ends_at).map(rfc3339).unwrap_or_default();
        let lapse = release.lapse_cause.as_ref().filter(|_| release.was_taken_down());
        let (code, detail) = match (release.ended_at, lapse) {
            (None, _) => {
                ("release_over", format!("the release ended by itself on {at}; roll back, or promote a version"))
            }
            (Some(_), None) => {
                ("release_suspended", format!("the release was suspended on {at}; resume it, or roll back"))
            }
            (Some(_), Some(_)) => {
                let detail = format!(
                    "the release was suspended on {at}, because what its approval rested on no longer holds and the \
                     policy takes down what lapses; have the version approved anew, roll back, or resume it when that \
                     holds again"
                );
                ("release_suspended", detail)
            }
        };
        let unblock = self.holders(&[Role::EnvironmentManager], &Involved::default()).await?;
        let mut failed = vec![check(code, detail.clone())];
        failed.extend(lapse.map(|cause| check(cause, release.ended_reason.clone().unwrap_or_default())));
        let denied = policy::refuse(self.who, Action::ReleasePull, "release_suspended", detail);
        Ok(Error::Refused { denied: denied.on("release", release.id), failed, unblock })
    }

    /// The active version may not leave any more.
    pub(super) async fn blocked(
        &self,
        release: &Release,
        version: &Version,
        failed: Vec<FailedCheck>,
    ) -> Result<Error, Error> {
        let now = self.app.db.clock().now();
        let by_key = failed.iter().any(|failed| failed.check.starts_with("signing_"));
        let (roles, next): (&[Role], _) = if rollback::has_way_back(self.conn, self.scope(), release, now).await? {
            (&[Role::EnvironmentManager], "roll back to an earlier release")
        } else if by_key {
            (&[Role::Admin], "trust a key, and have a version promoted that is signed with it")
        } else {
            (Role::JUDGES, "have another version promoted")
        };
        let why = failed.first().map_or("", |first| first.detail.as_str());
        let detail = format!("version {} may not leave any more: {why}; {next}", version.number);
        let unblock = self.holders(roles, &Involved::default()).await?;
        let denied = policy::refuse(self.who, Action::ReleasePull, "release_blocked", detail);
        Ok(Error::Refused { denied: denied.on("release", release.id), failed, unblock })
    }

    fn refused(&self, code: &'static str, detail: String, failed: Vec<FailedCheck>, unblock: Vec<String>) -> Error {
        let denied = policy::refuse(self.who, Action::ReleasePull, code, detail);
        Error::Refused { denied: denied.on("environment", self.environment.id), failed, unblock }
    }
}

/// What the gate can't read does not leave. The cause stays in the service's log.
pub(super) async fn unreadable(
    conn: &Conn<'_>,
    who: &Principal,
    about: (&'static str, &str),
    code: &'static str,
    cause: &(dyn std::error::Error + Send + Sync),
) -> Error {
    tracing::error!(code, place = about.1, error = ?cause, "the gate stays closed");
    let detail = match code {
        "blob_unreadable" => "a file of the release can't be read as it was stored; nothing leaves",
        blobs::ops::QUARANTINED => "the stored bytes of a file of the release are damaged; nothing of it leaves",
        _ => "what the registry has about the release can't be read; nothing leaves",
    };
    let next = match code {
        blobs::ops::QUARANTINED => {
            "Push the same files again, or have the registry's operator put a good copy in place and run plimsoll admin scrub"
        }
        _ => "Tell the registry's operator, who finds the cause in the service's log",
    };
    let detail = format!("{detail}. {next}");
    let unblock = promotions::store::holders(conn, who.workspace, &Touched::default(), &[Role::Admin], &[])
        .await
        .unwrap_or_default();
    let denied = policy::refuse(who, Action::ReleasePull, code, detail.clone()).on(about.0, about.1);
    Error::Refused { denied, failed: vec![check(code, detail)], unblock }
}

fn check(check: &str, detail: String) -> FailedCheck {
    FailedCheck { check: check.to_owned(), detail, owner: None }
}
