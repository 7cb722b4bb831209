//! The gate: the only way for bytes to a deployer. Fails closed.

use crate::{
    app::App,
    authz::{Action, Principal, ReadPermit, Role, policy, policy::Involved},
    core::{
        event::Event,
        ids::ReleaseId,
        page::{Page, PageRequest},
        path::FilePath,
    },
    db::Conn,
    environments::{self, Environment},
    error::{Error, FailedCheck},
    models::{self, Model},
    promotions::{self, assessment::Facts},
    releases::{Release, store},
    versions::{self, DeclaredFile, StoredFile, Version, VersionRef, fitness},
};
use tokio::fs::File;

/// What a deployer gets: the release, the version's files, and what proves both.
pub struct Pull {
    pub release: Release,
    pub model: Model,
    pub environment: Environment,
    pub version: Version,
    pub files: Vec<StoredFile>,
    /// The author's OMS signature over the files.
    pub signature: Option<String>,
}

/// What a deployer is told.
pub enum Answer {
    /// It has this release already; nothing leaves, and nothing is logged.
    Known(ReleaseId),
    Pulled(Box<Pull>),
}

/// Something moved between the look and the record this often: somebody else's turn.
const LOOKS: usize = 16;

/// Lets the active release out, unless the deployer has it already (`seen` is its ETag).
pub async fn admit(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    wanted: Option<&VersionRef>,
    seen: Option<&[u8]>,
) -> Result<Answer, Error> {
    for _ in 0..LOOKS {
        let pull = look(app, who, environment, model, wanted).await?;
        if seen.is_some_and(|seen| seen == tag(pull.release.id).as_bytes()) {
            return Ok(Answer::Known(pull.release.id));
        }
        if record(app, who, &pull, None).await? {
            return Ok(Answer::Pulled(Box::new(pull)));
        }
    }
    Err(moving())
}

/// The ETag of a release.
pub fn tag(release: ReleaseId) -> String {
    format!("\"{release}\"")
}

fn moving() -> Error {
    let detail = "what is active here changes all the time; nothing was pulled, try again".to_owned();
    Error::Unavailable { code: "release_raced", detail }
}

/// The active release, if everything that must hold for it holds now. It may look different a
/// moment later: [`record`] has the last word.
///
/// `wanted` makes it an assertion: another version than the active one is refused, with
/// what stands in its way.
async fn look(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    wanted: Option<&VersionRef>,
) -> Result<Pull, Error> {
    let sight = policy::read(who, Action::ReleasePull).map_err(|d| d.on("environment", environment))?;
    let reader = app.db.read(&sight);
    let conn = reader.conn();
    let (environment, model) = named(conn, &sight, environment, model).await?;
    let active = store::active(conn, environment.id, model.id).await?;
    let Some(release) = active else {
        return Err(closed(app, conn, who, environment, model, wanted, "nothing_active", None).await);
    };
    let version = versions::store::find_by_id(conn, sight.scope(), release.version).await?;
    let version = version.ok_or(versions::ops::NOT_FOUND)?;
    let is_wanted = match wanted {
        None => true,
        Some(VersionRef::Number(number)) => *number == version.number,
        Some(VersionRef::Digest(digest)) => *digest == version.manifest,
    };
    if !is_wanted {
        return Err(closed(app, conn, who, environment, model, wanted, "not_approved", Some(version.number)).await);
    }
    let key = versions::ops::signing_key(conn, sight.scope(), &version).await?;
    let failed = fitness::checks(&version, key.as_ref(), app.db.clock().now());
    if !failed.is_empty() {
        let detail = format!("version {} may not leave any more: {}", version.number, failed[0].detail);
        let unblock = promotions::store::holders(conn, who.workspace, &[Role::EnvironmentManager], &[]).await?;
        let denied = policy::refuse(who, Action::ReleasePull, "release_blocked", detail).on("release", release.id);
        return Err(Error::Refused { denied, failed, unblock });
    }
    let files = versions::store::files(conn, version.id).await?;
    let signature = versions::store::signature_bundle(conn, version.id).await?;
    Ok(Pull { release, model, environment, version, files, signature })
}

/// Writes the pull into the log, before the first byte leaves, if the release is still active and
/// fit to leave. Both is asked under a lock that whatever ends or blocks it takes as well, so in
/// the log no pull stands behind that.
async fn record(app: &App, who: &Principal, pull: &Pull, path: Option<&FilePath>) -> Result<bool, Error> {
    let sight = policy::read(who, Action::ReleasePull)?;
    let permit = policy::act(who, Action::ReleasePull)?;
    let event = Event::ReleasePulled {
        release: pull.release.id,
        manifest: pull.version.manifest.to_string(),
        path: path.map(ToString::to_string),
    };
    let tx = app.db.begin().await?;
    if store::lock_active(&tx, sight.scope(), pull.release.id).await?.is_none() {
        return Ok(false);
    }
    let version = versions::store::find_by_id(&tx.conn(), sight.scope(), pull.version.id).await?;
    let version = version.ok_or(versions::ops::NOT_FOUND)?;
    let key = versions::ops::signing_key(&tx.conn(), sight.scope(), &version).await?;
    if !fitness::checks(&version, key.as_ref(), tx.at()).is_empty() {
        return Ok(false);
    }
    tx.commit(permit, event).await?;
    Ok(true)
}

/// One file of the active release.
pub async fn open(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    path: &FilePath,
) -> Result<(File, DeclaredFile), Error> {
    for _ in 0..LOOKS {
        let pull = look(app, who, environment, model, None).await?;
        let file = pull.files.iter().find(|f| f.declared.path == *path).ok_or(Error::not_found("file"))?;
        let (bytes, size) = app.blobs.read(&file.declared.sha256).await.map_err(Error::internal)?;
        if i64::try_from(size).ok() != Some(file.declared.size_bytes) {
            return Err(Error::internal(format!("the blob {} has another size than its record", file.declared.sha256)));
        }
        let declared = file.declared.clone();
        if record(app, who, &pull, Some(path)).await? {
            return Ok((bytes, declared));
        }
    }
    Err(moving())
}

/// What ran here and when, newest first.
pub async fn history(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    page: PageRequest,
) -> Result<Page<Release>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let reader = app.db.read(&sight);
    let (environment, model) = named(reader.conn(), &sight, environment, model).await?;
    store::history(&reader, environment.id, model.id, page).await
}

pub(super) async fn named(
    conn: &Conn<'_>,
    sight: &ReadPermit,
    environment: &str,
    model: &str,
) -> Result<(Environment, Model), Error> {
    let environment = environments::store::find(conn, sight.scope(), environment).await?;
    let model = models::store::find(conn, sight.scope(), model).await?;
    Ok((environment.ok_or(environments::ops::NOT_FOUND)?, model.ok_or(Error::not_found("model"))?))
}

/// The refusal: what stands in the way of what was asked for, and who can change that.
#[expect(clippy::too_many_arguments, reason = "one place says everything that a refusal has to say")]
async fn closed(
    app: &App,
    conn: &Conn<'_>,
    who: &Principal,
    environment: Environment,
    model: Model,
    wanted: Option<&VersionRef>,
    code: &'static str,
    active: Option<i64>,
) -> Error {
    let place = format!("{} in {}", model.name, environment.name);
    let detail = match (wanted, active) {
        (Some(wanted), Some(active)) => {
            format!(
                "{}@{wanted} is not approved for {}; version {active} is active there",
                model.name, environment.name
            )
        }
        (Some(wanted), None) => {
            format!("{}@{wanted} is not approved for {}; no version is", model.name, environment.name)
        }
        (None, _) => format!("no version of {place} is active"),
    };
    let scope = crate::authz::Scope::Workspace(who.workspace);
    let blocked = async {
        let holders = async |involved: &Involved| {
            promotions::store::holders(conn, who.workspace, Role::JUDGES, &involved.people()).await
        };
        let anyone = Involved::default();
        let Some(wanted) = wanted else { return Ok::<_, Error>((Vec::new(), holders(&anyone).await?)) };
        let Some(version) = versions::store::find(conn, scope, model.id, wanted).await? else {
            let unknown = missing("version_unknown", format!("{} has no version {wanted}", model.name));
            return Ok((vec![unknown], holders(&anyone).await?));
        };
        let open = promotions::store::find_open(conn, version.id, environment.id).await?;
        let facts = Facts::load(conn, scope, model.clone(), version, environment.clone()).await?;
        let mut failed = facts.assess(app.db.clock().now())?.failed;
        failed.push(match open {
            Some(open) => missing("approval_pending", format!("request {} is {}", open.id, open.stage.name())),
            None => missing("approval_missing", "no promotion request for it is open".to_owned()),
        });
        Ok((failed, holders(&facts.involved()).await?))
    };
    match blocked.await {
        Ok((failed, unblock)) => {
            let denied = policy::refuse(who, Action::ReleasePull, code, detail).on("environment", environment.id);
            Error::Refused { denied, failed, unblock }
        }
        Err(error) => error,
    }
}

fn missing(check: &str, detail: String) -> FailedCheck {
    FailedCheck { check: check.to_owned(), detail, owner: None }
}
