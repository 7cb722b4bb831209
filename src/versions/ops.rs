//! Creating, listing and revoking versions. Bytes are in `files`, sealing in `seal`.

use crate::{
    app::App,
    authz::{Action, Principal, Scope, policy, policy::Involved},
    blobs,
    core::{
        event::Event,
        ids::{ModelId, VersionId},
        page::{Page, PageRequest},
        path::FilePath,
        text::Line,
    },
    db::Conn,
    error::{Error, FailedCheck},
    models,
    promotions::invalidation::{self, Cause},
    quotas, releases,
    trust::{self, TrustKey},
    versions::{Manifest, Signature, State, StoredFile, Version, VersionRef, fitness, store},
};

pub const NOT_FOUND: Error = Error::NotFound { kind: "version" };

/// Of a digest, so many digits have to be given before anything is searched.
const MIN_DIGITS: usize = 6;
const MOST_FOUND: u64 = 50;

/// A version and its files.
pub struct Detail {
    pub version: Version,
    pub files: Vec<StoredFile>,
}

/// Declares a version's files. The same files again give the version that is there.
///
/// Returns whether it was created now.
pub async fn create(app: &App, who: &Principal, model: &str, manifest: Manifest) -> Result<(Detail, bool), Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    let permit = policy::act(who, Action::VersionCreate)?;
    let created_by = who.id.ok_or(Error::Unauthenticated)?;
    let largest = manifest.files().iter().map(|f| f.size_bytes).max().unwrap_or(0);
    if app.limits.max_file_bytes < u64::try_from(largest).unwrap_or(0) {
        let detail = format!("a file may have at most {} bytes", app.limits.max_file_bytes);
        return Err(Error::TooLarge { detail });
    }
    let digest = manifest.digest()?;
    let tx = app.db.begin().await?;
    let model = models::store::lock(&tx, sight.scope(), model).await?.ok_or(Error::not_found("model"))?;
    let same = store::find(&tx.conn(), sight.scope(), model.id, &VersionRef::Digest(digest)).await?;
    if let Some(mut version) = same {
        let files = store::files(&tx.conn(), version.id).await?;
        if version.state == State::Draft && version.created_by != created_by {
            // Whoever declares the same files takes an unfinished draft over: nobody can
            // keep others from a content by naming it first.
            store::take_over(&tx, version.id, version.created_by, created_by).await?;
            version.created_by = created_by;
            tx.commit(permit, Event::DraftTakenOver { version: version.id, manifest: digest.to_string() }).await?;
        }
        return Ok((Detail { version, files }, false));
    }
    let version = Version {
        id: VersionId::generate(),
        workspace: who.workspace,
        model: model.id,
        number: store::last_number(&tx, model.id).await? + 1,
        state: State::Draft,
        manifest: digest,
        signature: Signature::Absent,
        created_by,
        created_at: tx.at(),
        sealed_by: None,
        sealed_at: None,
        revocation_reason: None,
    };
    let sizes = manifest.files().iter().map(|file| (file.sha256, file.size_bytes));
    quotas::store::require_room(&tx.conn(), version.workspace, sizes).await?;
    // Whoever may read some models only would else get the bytes of others by naming their digest.
    let is_limited = who.reach.asks_where() || !who.ranges_for(Action::VersionInspect).is_empty();
    store::insert(&tx, &version, &manifest, is_limited.then_some(model.id)).await?;
    let files = store::files(&tx.conn(), version.id).await?;
    let event = Event::VersionCreated {
        version: version.id,
        model: model.id,
        number: version.number,
        manifest: digest.to_string(),
    };
    tx.commit(permit, event).await?;
    Ok((Detail { version, files }, true))
}

pub async fn find(app: &App, who: &Principal, model: &str, version: &VersionRef) -> Result<Detail, Error> {
    let version = find_alone(app, who, model, version).await?;
    let sight = policy::read(who, Action::VersionRead)?;
    let files = store::files(app.db.read(&sight).conn(), version.id).await?;
    Ok(Detail { version, files })
}

/// Without its files.
pub async fn find_alone(app: &App, who: &Principal, model: &str, version: &VersionRef) -> Result<Version, Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    let reader = app.db.read(&sight);
    let model = models::store::find(reader.conn(), sight.scope(), model).await?.ok_or(Error::not_found("model"))?;
    store::find(reader.conn(), sight.scope(), model.id, version).await?.ok_or(NOT_FOUND)
}

/// A version with one of its files, if there is such a one.
pub async fn find_with(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    path: &FilePath,
) -> Result<(Version, Option<StoredFile>), Error> {
    let version = find_alone(app, who, model, version).await?;
    let sight = policy::read(who, Action::VersionRead)?;
    let file = store::file(app.db.read(&sight).conn(), version.id, path).await?;
    Ok((version, file))
}

pub async fn list(app: &App, who: &Principal, model: &str, page: PageRequest) -> Result<Page<Version>, Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    let reader = app.db.read(&sight);
    let model = models::store::find(reader.conn(), sight.scope(), model).await?.ok_or(Error::not_found("model"))?;
    store::list(&reader, model.id, page).await
}

/// Versions whose digest begins so, with the names of their models, by digest; at most 50.
///
/// # Errors
/// `Invalid` where it is no beginning of a digest, or one that says too little.
pub async fn by_digest(app: &App, who: &Principal, beginning: &str) -> Result<Vec<(String, Version)>, Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    policy::read(who, Action::ModelRead).map(drop)?;
    let hex = beginning.strip_prefix("sha256:").unwrap_or(beginning);
    if !(MIN_DIGITS..=64).contains(&hex.len()) || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        let detail = format!("of a digest give sha256: and {MIN_DIGITS} to 64 of its hex digits, in small letters");
        return Err(Error::invalid("search", detail));
    }
    let reader = app.db.read(&sight);
    let found = store::with_digest(&reader, &format!("sha256:{hex}"), MOST_FOUND).await?;
    let models = models::store::names(reader.conn(), sight.scope(), found.iter().map(|version| version.model)).await?;
    let named = |version: Version| Some((models.get(&version.model)?.clone(), version));
    Ok(found.into_iter().filter_map(named).collect())
}

/// The statements that came with a version.
pub async fn attestations(app: &App, who: &Principal, version: VersionId) -> Result<Vec<store::Attested>, Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    store::attestations(&app.db.read(&sight), version).await
}

/// The model's and the number's human-readable name of versions, for showing.
pub async fn label(app: &App, who: &Principal, version: VersionId) -> Result<(String, Version), Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    let reader = app.db.read(&sight);
    let version = store::find_by_id(reader.conn(), sight.scope(), version).await?.ok_or(NOT_FOUND)?;
    let model = model_name(app, who, version.model).await?;
    Ok((model, version))
}

/// The version of a release, for everyone who may see releases.
pub async fn for_release(app: &App, who: &Principal, version: VersionId) -> Result<Version, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let reader = app.db.read(&sight);
    store::find_by_id(reader.conn(), sight.scope(), version).await?.ok_or(NOT_FOUND)
}

async fn model_name(app: &App, who: &Principal, id: ModelId) -> Result<String, Error> {
    let sight = policy::read(who, Action::ModelRead)?;
    let model = models::store::find_by_id(app.db.read(&sight).conn(), sight.scope(), id).await?;
    Ok(model.ok_or(Error::not_found("model"))?.name)
}

/// Who began, created or sealed a version.
pub(crate) async fn authors(conn: &Conn<'_>, version: &Version) -> Result<Involved, Error> {
    let mut involved = Involved::default();
    involved.add([version.created_by], "the version's author");
    involved.add(version.sealed_by, "the version's author");
    involved.add(store::earlier_authors(conn, version.id).await?, "who began the version");
    Ok(involved)
}

/// The key that signed a version, if it is still listed.
pub(crate) async fn signing_key(conn: &Conn<'_>, scope: Scope, version: &Version) -> Result<Option<TrustKey>, Error> {
    match &version.signature {
        Signature::Verified { key, .. } => trust::store::find(conn, scope, *key).await,
        _ => Ok(None),
    }
}

/// What the state of a version's stored bytes stands in the way of, if it does.
pub(crate) async fn damaged(conn: &Conn<'_>, version: VersionId) -> Result<Option<FailedCheck>, Error> {
    Ok(fitness::bytes(&blobs::store::damaged(conn, version).await?))
}

/// Ends a version for good: nothing of it leaves through the gate any more, and requests for it end.
pub async fn revoke(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    reason: Line,
) -> Result<Detail, Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    let permit = policy::act(who, Action::VersionRevoke)?;
    let tx = app.db.begin().await?;
    let mut version = lock(&tx, &sight, model, version).await?;
    if version.state == State::Revoked {
        return Err(Error::conflict("version_revoked", "the version is revoked already"));
    }
    store::revoke(&tx, version.id, reason.as_str()).await?;
    version.state = State::Revoked;
    version.revocation_reason = Some(reason.to_string());
    let files = store::files(&tx.conn(), version.id).await?;
    let ended = invalidation::follow(&tx, sight.scope(), Cause::Version(version.id)).await?;
    releases::store::hold_version(&tx, version.id).await?;
    tx.commit_all(permit, Event::VersionRevoked { version: version.id }, ended).await?;
    Ok(Detail { version, files })
}

/// Finds a version for change; what the caller may not see does not exist.
pub(super) async fn lock(
    tx: &crate::db::WriteTx,
    sight: &crate::authz::ReadPermit,
    model: &str,
    version: &VersionRef,
) -> Result<Version, Error> {
    let model = models::store::find(&tx.conn(), sight.scope(), model).await?.ok_or(Error::not_found("model"))?;
    store::lock(tx, sight.scope(), model.id, version).await?.ok_or(NOT_FOUND)
}

/// Drafts belong to whoever began them.
pub(super) fn require_own_draft(who: &Principal, version: &Version) -> Result<(), Error> {
    if version.state != State::Draft {
        let detail = format!("version {} is sealed; its bytes never change. Push a new version", version.number);
        return Err(Error::conflict("version_sealed", detail));
    }
    if who.id != Some(version.created_by) {
        return Err(Error::conflict("not_your_draft", "only the one who began a draft uploads to it and seals it"));
    }
    Ok(())
}
