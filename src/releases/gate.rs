//! The gate: the only way for bytes to a deployer. Fails closed.

use crate::{
    app::App,
    authz::{Action, Principal, ReadPermit, policy},
    blobs::{self, Opened as Bytes},
    core::{
        event::Event,
        ids::ReleaseId,
        page::{Page, PageRequest},
        path::FilePath,
    },
    db::Conn,
    environments::{self, Environment},
    error::Error,
    models::{self, Model},
    promotions,
    releases::{
        Release, State,
        refusal::{self, Asked},
        store, summary,
        watch::{Admission, CREDENTIAL_ENDED},
    },
    versions::{self, DeclaredFile, StoredFile, Version, VersionRef, fitness},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// What a deployer gets: the release, the version's files, and what proves both.
pub struct Pull {
    pub release: Release,
    pub model: Model,
    pub environment: Environment,
    pub version: Version,
    pub files: Vec<StoredFile>,
    /// The registry's signed statement of the release.
    pub statement: Value,
    /// The signed summary of what was verified.
    pub summary: Option<Value>,
    /// The signed approvals that the summary names.
    pub approvals: Vec<Value>,
    /// The author's OMS signature over the files.
    pub signature: Option<Value>,
}

/// What a deployer is told.
pub enum Answer {
    /// It has this release already; nothing leaves, and nothing is logged.
    Known(Box<Admission>),
    Pulled(Box<Pull>),
}

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    pub environment: &'a str,
    pub model: &'a str,
    /// Refuse every other version than this.
    pub wanted: Option<&'a VersionRef>,
}

/// A file that may leave, and who it was let out for.
pub struct Opened {
    pub bytes: Bytes,
    pub file: DeclaredFile,
    pub admission: Admission,
}

/// Something moved between the look and the record this often: somebody else's turn.
const LOOKS: usize = 16;
/// Other replicas' changes can't wake one who waits; so often it looks by itself.
const POLL: Duration = Duration::from_secs(1);
/// However busy the registry is, nobody who waits looks more often.
const PAUSE: Duration = Duration::from_millis(250);

/// Lets the active release out, unless the deployer has it already (`seen` is its ETag).
pub async fn admit(app: &App, who: &Principal, wish: Wish<'_>, seen: Option<&[u8]>) -> Result<Answer, Error> {
    for _ in 0..LOOKS {
        let pull = look(app, who, wish).await?;
        if seen.is_some_and(|seen| seen == tag(pull.release.id).as_bytes()) {
            return Ok(Answer::Known(Box::new(admission(who, &pull))));
        }
        if record(app, who, &pull, None).await? {
            return Ok(Answer::Pulled(Box::new(pull)));
        }
    }
    Err(moving())
}

/// The same; a deployer that has the active release already waits for what comes after it, or for the
/// gate to close, but not for longer than `wait`.
pub async fn admit_next(
    app: &App,
    who: &Principal,
    wish: Wish<'_>,
    seen: Option<&[u8]>,
    wait: Duration,
) -> Result<Answer, Error> {
    let until = Instant::now() + wait;
    let committed = app.db.committed();
    loop {
        let mut changed = std::pin::pin!(committed.notified());
        changed.as_mut().enable();
        let known = match admit(app, who, wish, seen).await? {
            Answer::Known(known) if Instant::now() < until => known,
            answer => return Ok(answer),
        };
        let ended = loop {
            let left = until.saturating_duration_since(Instant::now());
            tokio::select! {
                () = changed.as_mut() => tokio::time::sleep(PAUSE.min(left)).await,
                () = tokio::time::sleep(POLL.min(left)) => {}
            }
            changed.set(committed.notified());
            changed.as_mut().enable();
            let ended = known.ended(app).await;
            if ended.is_some() || until <= Instant::now() {
                break ended;
            }
        };
        if ended == Some(CREDENTIAL_ENDED) {
            return Err(Error::Unauthenticated);
        }
    }
}

fn admission(who: &Principal, pull: &Pull) -> Admission {
    Admission { who: who.clone(), release: pull.release.id, version: pull.version.id }
}

/// Whether the gate is open for this, without a pull: nothing leaves, and nothing is logged but a refusal.
pub async fn assert(app: &App, who: &Principal, wish: Wish<'_>) -> Result<Pull, Error> {
    look(app, who, wish).await
}

/// The ETag of a release.
pub fn tag(release: ReleaseId) -> String {
    format!("\"{release}\"")
}

fn moving() -> Error {
    let detail = "what is active here changes all the time; nothing was pulled, try again".to_owned();
    Error::Unavailable { code: "gate_busy", detail }
}

/// The active release, if everything that must hold for it holds now. It may look different a
/// moment later: [`record`] has the last word.
async fn look(app: &App, who: &Principal, wish: Wish<'_>) -> Result<Pull, Error> {
    let sight = policy::read(who, Action::ReleasePull).map_err(|d| d.on("environment", wish.environment))?;
    let reader = app.db.read(&sight);
    match seek(app, reader.conn(), who, &sight, wish).await {
        Err(Error::Internal(cause)) => {
            let about = ("environment", wish.environment);
            Err(refusal::unreadable(reader.conn(), who, about, "record_unreadable", cause.as_ref()).await)
        }
        found => found,
    }
}

async fn seek(app: &App, conn: &Conn<'_>, who: &Principal, sight: &ReadPermit, wish: Wish<'_>) -> Result<Pull, Error> {
    let (environment, model) = named(conn, sight, wish.environment, wish.model).await?;
    let asked = Asked { app, conn, who, environment: &environment, model: &model, wanted: wish.wanted };
    let Some(release) = store::active(conn, environment.id, model.id).await? else {
        let newest = store::newest(conn, environment.id, model.id).await?;
        return Err(match newest.filter(|release| release.state == State::Suspended) {
            Some(suspended) => asked.suspended(&suspended).await?,
            None => asked.nothing_active().await,
        });
    };
    let now = app.db.clock().now();
    if release.is_over(now) {
        return Err(asked.suspended(&release).await?);
    }
    let version = versions::store::find_by_id(conn, sight.scope(), release.version).await?;
    let version = version.ok_or_else(|| Error::internal(format!("the release {} has no version", release.id)))?;
    if let Some(wanted) = wish.wanted
        && !is_wanted(wanted, &version)
    {
        return Err(asked.not_approved(wanted, version.number).await);
    }
    let key = versions::ops::signing_key(conn, sight.scope(), &version).await?;
    let failed = fitness::checks(&version, key.as_ref(), now);
    if !failed.is_empty() {
        return Err(asked.blocked(&release, &version, failed).await?);
    }
    let files = versions::store::files(conn, version.id).await?;
    let json = |text: &str| serde_json::from_str::<Value>(text).map_err(Error::internal);
    let signature = versions::store::signature_bundle(conn, version.id).await?.as_deref().map(json).transpose()?;
    let statement = json(&release.statement)?;
    let mut approvals = Vec::new();
    if let Some(told) = &release.summary {
        let told = summary::read(told).ok_or_else(|| Error::internal("the summary of the release can't be read"))?;
        let named = summary::approvals(&told);
        for approval in promotions::store::approvals(conn, release.promotion).await? {
            if summary::payload_digest(&approval.statement).is_some_and(|digest| named.contains(&digest.to_string())) {
                approvals.push(json(&approval.statement)?);
            }
        }
    }
    let summary = release.summary.as_deref().map(json).transpose()?;
    Ok(Pull { release, model, environment, version, files, statement, summary, approvals, signature })
}

fn is_wanted(wanted: &VersionRef, version: &Version) -> bool {
    match wanted {
        VersionRef::Number(number) => *number == version.number,
        VersionRef::Digest(digest) => *digest == version.manifest,
    }
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
    let mut tx = app.db.begin().await?;
    let Some(release) = store::lock_active(&tx, sight.scope(), pull.release.id).await? else { return Ok(false) };
    // Whatever held the lock may have taken its time, and neither an end nor a key is judged by when it began.
    tx.catch_up(None);
    let version = versions::store::find_by_id(&tx.conn(), sight.scope(), pull.version.id).await?;
    let version = version.ok_or(versions::ops::NOT_FOUND)?;
    let key = versions::ops::signing_key(&tx.conn(), sight.scope(), &version).await?;
    if release.is_over(tx.at()) || !fitness::checks(&version, key.as_ref(), tx.at()).is_empty() {
        return Ok(false);
    }
    tx.commit(permit, event).await?;
    Ok(true)
}

/// One file of the active release.
pub async fn open(app: &App, who: &Principal, wish: Wish<'_>, path: &FilePath) -> Result<Opened, Error> {
    for _ in 0..LOOKS {
        let pull = look(app, who, wish).await?;
        let (bytes, file) = find_file(app, who, &pull, path).await?;
        if record(app, who, &pull, Some(path)).await? {
            return Ok(Opened { bytes, file, admission: admission(who, &pull) });
        }
    }
    Err(moving())
}

/// What [`open`] would give; nothing leaves, and nothing is logged but a refusal.
pub async fn describe(app: &App, who: &Principal, wish: Wish<'_>, path: &FilePath) -> Result<DeclaredFile, Error> {
    let pull = look(app, who, wish).await?;
    find_file(app, who, &pull, path).await.map(|(_, file)| file)
}

async fn find_file(app: &App, who: &Principal, pull: &Pull, path: &FilePath) -> Result<(Bytes, DeclaredFile), Error> {
    let file = pull.files.iter().find(|f| f.declared.path == *path).ok_or(Error::not_found("file"))?;
    let declared = file.declared.clone();
    let cause = match blobs::ops::open(app, &declared.sha256).await {
        Ok(bytes) => return Ok((bytes, declared)),
        Err(cause) => cause,
    };
    let sight = policy::read(who, Action::ReleasePull)?;
    let (reader, release) = (app.db.read(&sight), pull.release.id.to_string());
    let code = match &cause {
        Error::Conflict { code: blobs::ops::QUARANTINED, .. } => blobs::ops::QUARANTINED,
        _ => "blob_unreadable",
    };
    Err(refusal::unreadable(reader.conn(), who, ("release", &release), code, &cause).await)
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

/// What was active here at a moment, if something was.
pub async fn active_at(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    at: DateTime<Utc>,
) -> Result<Option<Release>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let reader = app.db.read(&sight);
    let (environment, model) = named(reader.conn(), &sight, environment, model).await?;
    store::active_at(reader.conn(), environment.id, model.id, at).await
}

pub(crate) async fn named(
    conn: &Conn<'_>,
    sight: &ReadPermit,
    environment: &str,
    model: &str,
) -> Result<(Environment, Model), Error> {
    let environment = environments::store::find(conn, sight.scope(), environment).await?;
    let model = models::store::find(conn, sight.scope(), model).await?;
    Ok((environment.ok_or(environments::ops::NOT_FOUND)?, model.ok_or(Error::not_found("model"))?))
}
