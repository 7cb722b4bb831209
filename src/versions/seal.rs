//! Sealing: from here on a version's bytes never change, and its signature and
//! statements have been judged.

use crate::{
    app::App,
    authz::{Action, Principal, ReadPermit, policy},
    blobs,
    core::{digest::Digest, event::Event, ids::AccountId, text::misleads},
    crypto::{
        bundle, json as crypto_json,
        oms::{self, OmsError},
        statement::Statement,
    },
    error::Error,
    provenance::{self, Material, lineage},
    sandbox::Interface,
    trust::{self, Roots, TrustKey},
    versions::{
        INTERFACE_FILE, Named, Signature, State, StoredFile, VersionRef, inspect, ops,
        ops::Detail,
        signature::{ListError, Listed},
        store,
        store::Attested,
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::io::AsyncReadExt;

/// An interface file says little; more is not one.
const MAX_INTERFACE_BYTES: i64 = 64 << 10;
/// Provenance and the like: a handful per version.
const MAX_ATTESTATIONS: usize = 16;
/// Longest name of a subject that a message repeats.
const MAX_SHOWN_CHARS: usize = 200;

/// What a version is sealed with.
#[derive(Default)]
pub struct Seal {
    /// An OMS v1.0 bundle over the version's files.
    pub signature: Option<Value>,
    /// Sigstore bundles with DSSE-signed in-toto statements about the version.
    pub attestations: Vec<Value>,
}

/// Seals a draft whose files are all here. Sealing a sealed version again changes nothing.
pub async fn seal(app: &App, who: &Principal, model: &str, version: &VersionRef, with: Seal) -> Result<Detail, Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    let permit = policy::act(who, Action::VersionSeal)?;
    let detail = ops::find(app, who, model, version).await?;
    if detail.version.state == State::Sealed && Some(detail.version.created_by) == who.id {
        return Ok(detail);
    }
    ops::require_own_draft(who, &detail.version)?;
    require_complete(&detail.files)?;
    check_interface(app, &detail.files).await?;
    inspect::check_files(app, who, &detail.version, &detail.files).await?;
    if MAX_ATTESTATIONS < with.attestations.len() {
        return Err(Error::invalid("attestations", format!("at most {MAX_ATTESTATIONS} per version")));
    }
    let listed = listed(app, &sight, &with, &detail.files).await?;

    let tx = app.db.begin().await?;
    let mut version = ops::lock(&tx, &sight, model, version).await?;
    ops::require_own_draft(who, &version)?;
    let keys: Vec<_> =
        trust::store::all(&tx.conn(), sight.scope()).await?.into_iter().filter(|k| k.is_valid_at(tx.at())).collect();
    let roots = Roots::of(&keys)?;
    let (signature, bundle) = judge_signature(&with, &listed, &keys, &roots, tx.at())?;
    let by = who.id.ok_or(Error::Unauthenticated)?;
    let mut seen = BTreeSet::new();
    let attested = with
        .attestations
        .iter()
        .enumerate()
        .map(|(i, bundle)| judge_attestation(i, bundle, &detail.files, &roots, by))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(twice) = attested.iter().position(|(a, _)| !seen.insert(a.digest.clone())) {
        return Err(Error::invalid(format!("attestations[{twice}]"), "stands twice"));
    }
    version.signature = signature;
    version.state = State::Sealed;
    version.sealed_by = who.id;
    version.sealed_at = Some(tx.at());
    store::seal(&tx, &version, bundle).await?;
    for (attested, materials) in &attested {
        store::insert_attestation(&tx, version.id, attested).await?;
        lineage::store::insert(&tx, &version, &attested.digest, materials).await?;
    }
    lineage::store::insert_root(&tx, &version, &root(&detail.files)).await?;
    let event = Event::VersionSealed {
        version: version.id,
        manifest: version.manifest.to_string(),
        signature: version.signature.name().to_owned(),
        key: match &version.signature {
            Signature::Verified { key, .. } => Some(key.to_string()),
            _ => None,
        },
        attestations: attested.into_iter().map(|(attested, _)| attested.digest).collect(),
    };
    tx.commit(permit, event).await?;
    Ok(Detail { version, files: detail.files })
}

fn require_complete(files: &[StoredFile]) -> Result<(), Error> {
    let missing: Vec<_> = files.iter().filter(|f| !f.is_here()).map(|f| f.declared.path.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let shown = missing[..missing.len().min(5)].join(", ");
    Err(Error::conflict(
        "files_missing",
        format!("{} of {} files are not here yet: {shown}", missing.len(), files.len()),
    ))
}

/// The interface of a sealed version is readable, or the version is not sealed.
async fn check_interface(app: &App, files: &[StoredFile]) -> Result<(), Error> {
    read_interface(app, files).await.map(drop)
}

/// The interface that a version declares, if it has one.
pub async fn read_interface(app: &App, files: &[StoredFile]) -> Result<Option<Interface>, Error> {
    let Some(file) = files.iter().find(|f| f.declared.path.as_str() == INTERFACE_FILE) else {
        return Ok(None);
    };
    if MAX_INTERFACE_BYTES < file.declared.size_bytes {
        return Err(Error::invalid(INTERFACE_FILE, format!("has more than {MAX_INTERFACE_BYTES} bytes")));
    }
    let (bytes, _) = blobs::ops::local(app, &file.declared.sha256).await?;
    let mut text = Vec::new();
    let limit = MAX_INTERFACE_BYTES.unsigned_abs();
    bytes.take(limit).read_to_end(&mut text).await.map_err(Error::internal)?;
    parse_interface(&text).map(Some)
}

/// The interface in the bytes of an interface file.
pub fn parse_interface(text: &[u8]) -> Result<Interface, Error> {
    if MAX_INTERFACE_BYTES.unsigned_abs() < text.len() as u64 {
        return Err(Error::invalid(INTERFACE_FILE, format!("has more than {MAX_INTERFACE_BYTES} bytes")));
    }
    let interface: Interface = crypto_json::parse(text).map_err(|e| Error::invalid(INTERFACE_FILE, e.to_string()))?;
    interface.check().map_err(|e| Error::invalid(INTERFACE_FILE, e))?;
    Ok(interface)
}

/// The files as the signature wants them hashed, if it is by a key of this workspace; whether that key counts is judged
/// later, in the transaction.
async fn listed(app: &App, sight: &ReadPermit, with: &Seal, files: &[StoredFile]) -> Result<Listed, Error> {
    let Some(bundle) = &with.signature else { return Ok(Listed::stored(files)) };
    let reader = app.db.read(sight);
    let keys = trust::store::all(reader.conn(), sight.scope()).await?;
    let roots = Roots::of(&keys)?;
    let Ok(signed) = oms::open_trusting(bundle.to_string().as_bytes(), &roots.at(app.db.clock().now())) else {
        return Ok(Listed::stored(files));
    };
    Listed::of(app, &signed, files).await.map_err(|error| match error {
        ListError::Signature(error) => Error::invalid("signature", error.to_string()),
        ListError::Stored(error) => error,
        ListError::Io(error) => Error::internal(error),
    })
}

/// A signature over other bytes is refused; one by a stranger is kept and said to be so. Certificates are judged as of now,
/// when the signature comes in.
fn judge_signature(
    with: &Seal,
    files: &Listed,
    keys: &[TrustKey],
    roots: &Roots,
    now: DateTime<Utc>,
) -> Result<(Signature, Option<String>), Error> {
    let Some(bundle) = &with.signature else {
        return Ok((Signature::Absent, None));
    };
    let text = bundle.to_string();
    let verified = oms::open_trusting(text.as_bytes(), &roots.at(now)).and_then(|signed| files.compare(&signed));
    match verified {
        Ok(verified) => {
            if let Some(path) = verified.unsigned.first() {
                let detail = format!("the file \"{path}\" is not covered by the signature; leave it out or sign it");
                return Err(Error::invalid("signature", detail));
            }
            let key = keys.iter().find(|key| key.fingerprint == verified.key_fingerprint);
            let key = key.ok_or_else(|| Error::internal("verified by a key that is not listed"))?;
            let signatory = verified.signatory.map(|signatory| {
                let certificates = trust::certificates(&signatory);
                Named { names: signatory.names.names, certificates }
            });
            if let Some(certificate) = signatory.as_ref().and_then(|named| key.revoked_of(&named.certificates)) {
                let detail = format!("the certificate {certificate} was revoked; sign with one that counts");
                return Err(Error::invalid("signature", detail));
            }
            Ok((Signature::Verified { key: key.id, signatory }, Some(text)))
        }
        Err(error) if error.is_stranger() => {
            let detail = match error {
                OmsError::UnknownKey { .. } => "signed by a key that this workspace does not trust".to_owned(),
                error => error.to_string(),
            };
            Ok((Signature::Untrusted { detail }, Some(text)))
        }
        Err(error) => Err(Error::invalid("signature", error.to_string())),
    }
}

/// A statement counts only if a trusted key signed it and it is about these files. Gives with it what the files were made from.
fn judge_attestation(
    index: usize,
    bundle: &Value,
    files: &[StoredFile],
    roots: &Roots,
    created_by: AccountId,
) -> Result<(Attested, Vec<Material>), Error> {
    let field = format!("attestations[{index}]");
    let text = bundle.to_string();
    let statement =
        bundle::verify_statement(text.as_bytes(), &roots.keys).map_err(|e| Error::invalid(&field, e.to_string()))?;
    require_about(&statement, files).map_err(|detail| Error::invalid(&field, detail))?;
    let read = provenance::of(&statement)
        .transpose()
        .map_err(|fault| Error::invalid(format!("{field}.{}", fault.field), fault.detail))?;
    let attested = Attested {
        predicate_type: statement.predicate_type.clone(),
        digest: Digest::of(&text).to_string(),
        statement: text,
        created_by,
    };
    Ok((attested, read.map(|read| read.materials).unwrap_or_default()))
}

/// What a statement is about is files of the version, byte for byte, or the version as a whole, by the root of its model
/// signature. As the format asks, digests tell which it is; a name counts only where it is that of another file.
fn require_about(statement: &Statement, files: &[StoredFile]) -> Result<(), String> {
    if statement.subject.is_empty() {
        return Err("the statement has no subject".to_owned());
    }
    let root = root(files).hex();
    for subject in &statement.subject {
        let name: String = subject.name.chars().filter(|c| !misleads(*c)).take(MAX_SHOWN_CHARS).collect();
        let Some(sha256) = subject.digest.get("sha256") else {
            return Err(format!("the subject \"{name}\" has no sha256, by which files are known here"));
        };
        let is_it = |file: &StoredFile| file.declared.sha256.hex() == *sha256;
        let mut named = files.iter().filter(|file| file.declared.path.as_str() == subject.name);
        if *sha256 != root && !named.clone().all(is_it) {
            return Err(format!("the subject \"{name}\" has another sha256 than the file that was pushed"));
        }
        if *sha256 != root && named.next().is_none() && !files.iter().any(is_it) {
            return Err(format!("the subject \"{name}\" is not a file of this version"));
        }
    }
    Ok(())
}

/// The digest of all files in OpenSSF Model Signing v1.0: over their raw digests, in the order of their paths.
fn root(files: &[StoredFile]) -> Digest {
    Digest::of(files.iter().flat_map(|file| *file.declared.sha256.bytes()).collect::<Vec<_>>())
}
