//! Reporting, withdrawing and refuting evidence; looking at all evidence of a version.

use crate::{
    accounts::people,
    app::App,
    authz::{Action, Principal, ReadPermit, policy},
    core::{
        canonical,
        digest::Digest,
        event::Event,
        ids::{EvidenceId, VersionId},
        page::{Page, PageRequest},
        text::Line,
    },
    crypto::bundle,
    db::{Conn, WriteTx},
    error::Error,
    evidence::{
        Closed, EvidenceRef, Measured, Reported, ReportingKey,
        state::{Command, State},
        statement::{self, Claim},
        store::{self, Stored},
    },
    models,
    promotions::invalidation::{self, Cause},
    trust::{self, TrustKey},
    versions::{self, Version, VersionRef},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub const NOT_FOUND: Error = Error::NotFound { kind: "evidence" };
/// A decision reads all of them, so there is an end to it.
const MAX_PER_VERSION: u64 = 1_000;

/// One record of a version, whichever way it came.
pub enum Record {
    Measured(Measured),
    Reported(Box<Reported>),
}

/// A record with its body, and for a reported one the signed bundle.
pub struct Detail {
    pub record: Record,
    pub body: String,
    pub bundle: Option<String>,
}

impl From<Reported> for Record {
    fn from(reported: Reported) -> Self {
        Self::Reported(Box::new(reported))
    }
}

impl Record {
    fn id(&self) -> EvidenceId {
        match self {
            Self::Measured(measured) => measured.id,
            Self::Reported(reported) => reported.id,
        }
    }
}

/// Verifies a signed statement about a version and keeps it. The same statement by the same
/// key again gives the record that is there; a newer one takes the place of an older one.
///
/// Returns whether it was stored now.
pub async fn report(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    bundle: &Value,
) -> Result<(Reported, bool), Error> {
    let sight = policy::read(who, Action::EvidenceRead)?;
    let tx = app.db.begin().await?;
    // Two reports of one version must not both find that there is none before them.
    let version = lock_version(&tx, &sight, model, version).await?;
    let permit = policy::act(who, Action::EvidenceReport).map_err(|d| d.on("version", version.id))?;
    let submitted_by = who.id.ok_or(Error::Unauthenticated)?;
    if version.state == versions::State::Draft {
        let detail = format!("version {} is a draft; evidence is about bytes that no longer change", version.number);
        return Err(Error::conflict("version_not_sealed", detail));
    }
    let files = versions::store::files(&tx.conn(), version.id).await?;
    let text = bundle.to_string();
    let (key, signed) = verify(&tx, &sight, &text).await?;
    statement::require_about(&signed, &version.manifest, &files).map_err(in_bundle)?;
    let identity = json!({"key": key.fingerprint, "statement": signed});
    let digest = canonical::digest(&identity).map_err(|e| Error::invalid("bundle", e.to_string()))?;
    if let Some(same) = store::find(&tx.conn(), sight.scope(), version.id, EvidenceRef::Digest(digest)).await? {
        return Ok((same, false));
    }
    let claim = Claim::read(&signed, &version.manifest, tx.at()).map_err(in_bundle)?;
    statement::require_after(&claim, &key.name, key.valid_from).map_err(in_bundle)?;
    if MAX_PER_VERSION <= store::count(&tx, version.id).await? {
        let detail = format!("version {} has {MAX_PER_VERSION} reported records, and takes no more", version.number);
        return Err(Error::conflict("evidence_full", detail));
    }
    let body = canonical::to_string(&claim.body).map_err(|e| Error::invalid("bundle", e.to_string()))?;
    let new = record(&version, claim, &key, digest, submitted_by, tx.at());
    let supersedes = supersede(&tx, &sight, &new).await?;
    store::insert(&tx, &new, Stored { body, bundle: text }).await?;
    let event = Event::EvidenceReported {
        evidence: new.id,
        version: new.version,
        kind: new.kind.name().to_owned(),
        digest: new.digest.to_string(),
        key: new.key.id,
        supersedes,
    };
    let ended = invalidation::follow(&tx, sight.scope(), Cause::Version(new.version)).await?;
    tx.commit_all(permit, event, ended).await?;
    Ok((new, true))
}

/// The statement, and the trusted key that signed it. The key must be valid now: what it
/// signed before its time or after it is not the workspace's to rely on.
async fn verify(
    tx: &WriteTx,
    sight: &ReadPermit,
    bundle: &str,
) -> Result<(TrustKey, crate::crypto::statement::Statement), Error> {
    let keys = trust::store::all(&tx.conn(), sight.scope()).await?;
    let signed = bundle::verify_statement_by(bundle.as_bytes(), &trust::Roots::of(&keys)?.keys);
    let (statement, fingerprint) = signed.map_err(|e| Error::invalid("bundle", e.to_string()))?;
    let key = keys.into_iter().find(|key| key.fingerprint == fingerprint);
    let key = key.ok_or_else(|| Error::internal("verified by a key that is not listed"))?;
    if !key.is_valid_at(tx.at()) {
        let why = if key.revoked_at.is_some() { "was revoked" } else { "is not valid at this time" };
        return Err(Error::invalid("bundle", format!("the key {} {why}; sign with a key that is trusted", key.name)));
    }
    Ok((key, statement))
}

fn record(
    version: &Version,
    claim: Claim,
    key: &TrustKey,
    digest: Digest,
    by: crate::core::ids::AccountId,
    at: DateTime<Utc>,
) -> Reported {
    Reported {
        id: EvidenceId::generate(),
        workspace: version.workspace,
        version: version.id,
        kind: claim.kind,
        document: claim.document,
        title: claim.title.to_string(),
        method: claim.method.to_string(),
        basis: claim.basis,
        issued_at: claim.issued_at,
        measured_at: claim.measured_at,
        valid_until: claim.valid_until,
        digest,
        key: ReportingKey::from(key),
        submitted_by: by,
        submitted_at: at,
        state: State::Verified,
        closed: None,
    }
}

/// Ends what the same key said before. A statement that is not newer is refused: an old one
/// sent late must not take the place of what was said since.
async fn supersede(tx: &WriteTx, sight: &ReadPermit, new: &Reported) -> Result<Option<EvidenceId>, Error> {
    let line = (new.version, new.key.id, new.kind, new.document.as_deref());
    let before = store::line(tx, sight.scope(), line).await?;
    if let Some(newest) = before.iter().find(|old| new.issued_at <= old.issued_at) {
        let detail = format!(
            "the same key issued a statement of this kind about this version at or after that moment (record {}); \
             issue a newer one",
            newest.id
        );
        return Err(Error::conflict("evidence_not_newer", detail));
    }
    let Some(old) = before.iter().find(|old| old.state == State::Verified) else { return Ok(None) };
    store::close(tx, old.id, old.state.apply(Command::Supersede)?, new.submitted_by, None).await?;
    Ok(Some(old.id))
}

/// Takes a record back: for the one who submitted it, or an administrator.
pub async fn withdraw(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    which: EvidenceRef,
    reason: Line,
) -> Result<Reported, Error> {
    let sight = policy::read(who, Action::EvidenceRead)?;
    let tx = app.db.begin().await?;
    let (_, old) = lock(&tx, &sight, model, version, which).await?;
    let permit = policy::withdraw_evidence(who, old.submitted_by).map_err(|d| d.on("evidence", old.id))?;
    let closed = close(&tx, who, old, Command::Withdraw, reason).await?;
    let event =
        Event::EvidenceWithdrawn { evidence: closed.id, version: closed.version, digest: closed.digest.to_string() };
    let ended = invalidation::follow(&tx, sight.scope(), Cause::Version(closed.version)).await?;
    tx.commit_all(permit, event, ended).await?;
    Ok(closed)
}

/// Says that a record is wrong: for a reviewer who had no part in the version or the record.
pub async fn refute(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    which: EvidenceRef,
    reason: Line,
) -> Result<Reported, Error> {
    let sight = policy::read(who, Action::EvidenceRead)?;
    let tx = app.db.begin().await?;
    let (version, old) = lock(&tx, &sight, model, version, which).await?;
    let mut involved = versions::ops::authors(&tx.conn(), &version).await?;
    involved.add([old.submitted_by], "the submitter of the record, who withdraws it instead");
    let involved = people::ops::as_one(&tx.conn(), who.workspace, involved, tx.at()).await?;
    let permit = policy::refute_evidence(who, &involved).map_err(|d| d.on("evidence", old.id))?;
    let closed = close(&tx, who, old, Command::Refute, reason).await?;
    let event =
        Event::EvidenceRefuted { evidence: closed.id, version: closed.version, digest: closed.digest.to_string() };
    let ended = invalidation::follow(&tx, sight.scope(), Cause::Version(closed.version)).await?;
    tx.commit_all(permit, event, ended).await?;
    Ok(closed)
}

async fn close(
    tx: &WriteTx,
    who: &Principal,
    old: Reported,
    command: Command,
    reason: Line,
) -> Result<Reported, Error> {
    let by = who.id.ok_or(Error::Unauthenticated)?;
    let state = old.state.apply(command)?;
    store::close(tx, old.id, state, by, Some(reason.as_str())).await?;
    Ok(Reported { state, closed: Some(Closed { at: tx.at(), by, reason: Some(reason.to_string()) }), ..old })
}

/// All evidence of a version, measured and reported, newest first.
pub async fn list(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    page: PageRequest,
) -> Result<Page<Record>, Error> {
    let sight = policy::read(who, Action::EvidenceRead)?;
    let reader = app.db.read(&sight);
    let version = find_version(reader.conn(), &sight, model, version).await?;
    let measured = store::measured_of_version(reader.conn(), sight.scope(), version.id, page).await?;
    let reported = store::page_of_version(reader.conn(), sight.scope(), version.id, page).await?;
    let mut all: Vec<_> =
        measured.into_iter().map(Record::Measured).chain(reported.into_iter().map(Record::from)).collect();
    all.sort_by_key(|record| std::cmp::Reverse(record.id()));
    Ok(Page::from_rows(all, page.limit, |record| record.id().0))
}

/// One record by its id or its digest. Two runs that found the same have records of one
/// digest: the newest is given.
pub async fn find(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    which: EvidenceRef,
) -> Result<Detail, Error> {
    let sight = policy::read(who, Action::EvidenceRead)?;
    let reader = app.db.read(&sight);
    let version = find_version(reader.conn(), &sight, model, version).await?;
    if let Some(reported) = store::find(reader.conn(), sight.scope(), version.id, which).await? {
        let stored = store::statement(reader.conn(), reported.id).await?;
        return Ok(Detail { record: Record::from(reported), body: stored.body, bundle: Some(stored.bundle) });
    }
    let found = store::find_measured(reader.conn(), sight.scope(), version.id, which).await?;
    let (found, body) = found.ok_or(NOT_FOUND)?;
    Ok(Detail { record: Record::Measured(found), body, bundle: None })
}

/// What was reported about a version, newest first, closed records too.
pub async fn reported_of(app: &App, who: &Principal, version: VersionId) -> Result<Vec<Reported>, Error> {
    let sight = policy::read(who, Action::EvidenceRead)?;
    store::of_version(app.db.read(&sight).conn(), sight.scope(), version).await
}

/// The canonical JSON of a reported record's body.
pub async fn body(app: &App, who: &Principal, record: &Reported) -> Result<String, Error> {
    let sight = policy::read(who, Action::EvidenceRead)?;
    Ok(store::statement(app.db.read(&sight).conn(), record.id).await?.body)
}

async fn lock(
    tx: &WriteTx,
    sight: &ReadPermit,
    model: &str,
    version: &VersionRef,
    which: EvidenceRef,
) -> Result<(Version, Reported), Error> {
    let version = lock_version(tx, sight, model, version).await?;
    let record = store::lock(tx, sight.scope(), version.id, which).await?.ok_or(NOT_FOUND)?;
    Ok((version, record))
}

async fn find_version(
    conn: &Conn<'_>,
    sight: &ReadPermit,
    model: &str,
    version: &VersionRef,
) -> Result<Version, Error> {
    let model = models::store::find(conn, sight.scope(), model).await?.ok_or(Error::not_found("model"))?;
    versions::store::find(conn, sight.scope(), model.id, version).await?.ok_or(versions::ops::NOT_FOUND)
}

async fn lock_version(tx: &WriteTx, sight: &ReadPermit, model: &str, version: &VersionRef) -> Result<Version, Error> {
    let model = models::store::find(&tx.conn(), sight.scope(), model).await?.ok_or(Error::not_found("model"))?;
    versions::store::lock(tx, sight.scope(), model.id, version).await?.ok_or(versions::ops::NOT_FOUND)
}

/// A problem inside the statement is a problem of the bundle that carries it.
fn in_bundle(error: Error) -> Error {
    match error {
        Error::Invalid(problems) => {
            Error::Invalid(problems.into_iter().map(|(field, detail)| (format!("bundle.{field}"), detail)).collect())
        }
        other => other,
    }
}
