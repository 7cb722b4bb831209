//! What a deployment tool checks before it believes a release: all of it offline, with keys
//! that it had before it asked.

use super::{
    super::{
        Exit, Failure, authorities,
        meter::Meter,
        signing::{Local, entries},
    },
    approved,
};
use crate::{
    core::{digest::Digest, path::FilePath},
    crypto::{
        bundle,
        keys::RegistryVerifyingKey,
        oms::{self, FileDigest, OmsError, Signed, Trust, Verified},
        statement::Statement,
    },
    releases::{
        api::{PullView, ReleaseView},
        statement::RELEASE_TYPE,
    },
    versions::{DeclaredFile, Manifest, VersionRef},
};
use serde_json::Value;
use std::path::Path;

/// What was asked for.
pub struct Asked<'a> {
    pub model: &'a str,
    pub version: Option<&'a VersionRef>,
    pub environment: &'a str,
}

pub fn wrong(what: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Verification, format!("the release does not verify: {what}"))
        .next("nothing was written; do not deploy it, and tell the registry's operator")
}

fn statement_wrong(error: bundle::BundleError) -> Failure {
    match error {
        bundle::BundleError::UnknownKey { .. } => wrong(error).next(
            "nothing was written. If the registry changed its key since you pinned it: sign in again, which checks that \
             the pinned key vouches for the new one; or give the new key with --registry-key",
        ),
        error => wrong(error),
    }
}

/// What the registry says about a release, and what it shows for it.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    pub release: &'a ReleaseView,
    pub statement: &'a Value,
    pub summary: Option<&'a Value>,
    pub approvals: &'a [Value],
}

/// The registry says, under its signature, that this digest is what runs there; and the list of
/// files has this digest.
pub fn release(pull: &PullView, asked: &Asked<'_>, keys: &[RegistryVerifyingKey]) -> Result<Manifest, Failure> {
    let listed = manifest(pull)?;
    let digest = listed.digest().map_err(wrong)?;
    if digest.to_string() != pull.release.version_digest {
        return Err(wrong(format!("its files give {digest}, and it says {}", pull.release.version_digest)));
    }
    let told = Told {
        release: &pull.release,
        statement: &pull.statement,
        summary: pull.verification_summary.as_ref(),
        approvals: &pull.approvals,
    };
    statements(&told, asked, keys)?;
    Ok(listed)
}

/// The same of the signed statements alone: of the release, of what was verified, of each approval.
pub fn statements(told: &Told<'_>, asked: &Asked<'_>, keys: &[RegistryVerifyingKey]) -> Result<(), Failure> {
    let digest = Digest::parse(&told.release.version_digest).map_err(|e| wrong(e.0))?;
    let statement = signed(told.statement, keys)?;
    let number = told.release.version;
    let says = |field: &str| statement.predicate[field].as_str().map(str::to_owned);
    let subject = statement.subject.first().filter(|_| statement.subject.len() == 1);
    let named = format!("{}@{number}", asked.model);
    // Statements of before there were kinds and modes say nothing of them.
    let kind = says("kind").unwrap_or_else(|| told.release.kind.clone());
    let checks = [
        (statement.predicate_type == RELEASE_TYPE, "the statement is not about a release"),
        (subject.is_some_and(|s| s.name == named), "the statement is about another version"),
        (subject.is_some_and(|s| s.digest.get("sha256") == Some(&digest.hex())), "the statement is about other files"),
        (says("environment").as_deref() == Some(asked.environment), "the statement is about another environment"),
        (says("release") == Some(told.release.id.to_string()), "the statement is about another release"),
        (kind == told.release.kind, "the statement is about a release of another kind"),
        (says("mode") == told.release.mode, "the statement is about a release in another mode"),
        (says("ends_at") == told.release.ends_at, "the statement is about a release with another end"),
        (is_wanted(asked.version, number, &digest), "this is not the version that was asked for"),
    ];
    if let Some((_, why)) = checks.into_iter().find(|(holds, _)| !holds) {
        return Err(wrong(why));
    }
    approved::check(told, &statement, asked, keys)
}

/// A statement that one of the registry's keys signed.
pub(super) fn signed(bundle: &Value, keys: &[RegistryVerifyingKey]) -> Result<Statement, Failure> {
    bundle::verify_registry_statement_by(bundle.to_string().as_bytes(), keys).map_err(statement_wrong)
}

fn is_wanted(wanted: Option<&VersionRef>, number: i64, digest: &Digest) -> bool {
    match wanted {
        None => true,
        Some(VersionRef::Number(wanted)) => *wanted == number,
        Some(VersionRef::Digest(wanted)) => wanted == digest,
    }
}

fn manifest(pull: &PullView) -> Result<Manifest, Failure> {
    let mut files = Vec::new();
    for file in &pull.files {
        files.push(DeclaredFile {
            path: FilePath::parse(&file.path).map_err(|e| wrong(e.0))?,
            sha256: Digest::parse(&file.sha256).map_err(|e| wrong(e.0))?,
            size_bytes: file.size_bytes,
        });
    }
    Manifest::new(files).map_err(|e| wrong(e.0))
}

/// The author's signature, which holds. What has to be hashed for it is compared once the files are here: `over`.
pub fn author(pull: &PullView, manifest: &Manifest, trust: &Trust<'_>) -> Result<Signed, Failure> {
    let Some(signature) = &pull.signature else {
        return Err(wrong("it has no author's signature"));
    };
    let signed = oms::open_trusting(signature.to_string().as_bytes(), trust).map_err(author_wrong)?;
    if signed.is_plain() {
        // Nothing has to be downloaded to find out.
        over(&signed, manifest, Path::new(""))?;
    }
    Ok(signed)
}

fn author_wrong(error: OmsError) -> Failure {
    match authorities::advice(&error) {
        Some(advice) => wrong(error).next(format!("nothing was written; {advice}")),
        None => wrong(error),
    }
}

/// The author signed exactly these files, which lie in `folder`. Returns who that is.
pub fn over(signed: &Signed, manifest: &Manifest, folder: &Path) -> Result<Verified, Failure> {
    let verified = if signed.is_plain() {
        let digest = |f: &DeclaredFile| FileDigest { path: f.path.to_string(), sha256: f.sha256.hex() };
        signed.compare(&manifest.files().iter().map(digest).collect::<Vec<_>>())
    } else {
        let mut meter = Meter::new("hashing", manifest.files().iter().map(|f| f.size_bytes.unsigned_abs()).sum());
        let entries = manifest.files().iter().map(|file| {
            let path = file.path.to_string();
            let place = folder.join(&path);
            let local = Local { path, place, size_bytes: file.size_bytes.unsigned_abs() };
            entries(signed, &local, &mut meter, wrong)
        });
        signed.compare_entries(&entries.collect::<Result<Vec<_>, _>>()?)
    };
    let verified = verified.map_err(wrong)?;
    match verified.unsigned.first() {
        Some(path) => Err(wrong(format!("the author did not sign {path}"))),
        None => Ok(verified),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::ids::{PromotionId, ReleaseId},
        crypto::{
            keys::{RegistryKey, SigningKey, VerifyingKey},
            statement::Subject,
        },
        versions::api::FileView,
    };
    use chrono::DateTime;
    use serde_json::json;

    const ASKED: Asked<'static> = Asked { model: "m", version: None, environment: "prod" };

    fn honest(key: &RegistryKey, author: &SigningKey) -> PullView {
        let sha256 = Digest::of("weights");
        let files = vec![FileView {
            path: "a.onnx".to_owned(),
            sha256: sha256.to_string(),
            size_bytes: 7,
            uploaded: true,
            damaged: false,
        }];
        let declared = DeclaredFile { path: FilePath::parse("a.onnx").expect("path"), sha256, size_bytes: 7 };
        let digest = Manifest::new(vec![declared]).map(|m| m.digest()).expect("manifest").expect("digest");
        let release = ReleaseView {
            id: ReleaseId::generate(),
            version: 1,
            version_digest: digest.to_string(),
            state: "active".to_owned(),
            promotion: PromotionId::generate(),
            restores: None,
            reason: None,
            activated_by: "tom".to_owned(),
            activated_at: String::new(),
            ended_at: None,
            kind: "promotion".to_owned(),
            mode: None,
            ends_at: None,
            ended_by: None,
            ended_reason: None,
            assurance: "sound".to_owned(),
            lapsed_at: None,
            lapse_cause: None,
        };
        let predicate = json!({"environment": "prod", "release": release.id});
        let statement = Statement::new(vec![Subject::sha256("m@1", digest.hex())], RELEASE_TYPE, predicate);
        let signed = FileDigest { path: "a.onnx".to_owned(), sha256: sha256.hex() };
        PullView {
            model: "m".to_owned(),
            environment: "prod".to_owned(),
            release,
            files,
            statement: bundle::sign_registry_statement(&statement, key),
            verification_summary: None,
            approvals: Vec::new(),
            signature: Some(oms::sign(&[signed], "m", author).expect("signed")),
        }
    }

    #[test]
    fn an_honest_release_verifies_and_every_change_is_found() {
        let (key, by) = (RegistryKey::generate().expect("key"), SigningKey::generate().expect("key"));
        let public = key.verifying_key();
        let good = honest(&key, &by);
        let manifest = release(&good, &ASKED, std::slice::from_ref(&public)).expect("honest");
        let author = |pull: &PullView, key: VerifyingKey| {
            author(pull, &manifest, &Trust { keys: &[key], authorities: &[], at: DateTime::UNIX_EPOCH })
        };
        let signed = author(&good, by.verifying_key()).expect("author");
        let nowhere = Path::new("/nowhere");
        let verified = over(&signed, &manifest, nowhere).expect("over");
        assert_eq!(verified.key_fingerprint, by.verifying_key().fingerprint());

        type Change = fn(&mut PullView);
        let changes: [Change; 10] = [
            |p| p.files[0].sha256 = Digest::of("other").to_string(),
            |p| p.files[0].path = "../a.onnx".to_owned(),
            |p| p.files[0].size_bytes = 8,
            |p| p.release.version = 2,
            |p| p.release.id = ReleaseId::generate(),
            |p| p.statement = json!({}),
            |p| p.release.mode = Some("automated".to_owned()),
            |p| p.release.ends_at = Some("2030-01-01T00:00:00Z".to_owned()),
            |p| p.verification_summary = Some(p.statement.clone()),
            |p| p.approvals = vec![p.statement.clone()],
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut pull = honest(&key, &by);
            change(&mut pull);
            assert_eq!(
                release(&pull, &ASKED, std::slice::from_ref(&public)).err().map(|f| f.exit),
                Some(Exit::Verification),
                "{n}"
            );
        }
        let elsewhere = Asked { environment: "test", ..ASKED };
        assert!(release(&good, &elsewhere, std::slice::from_ref(&public)).is_err());
        let other = VersionRef::Number(2);
        assert!(release(&good, &Asked { version: Some(&other), ..ASKED }, std::slice::from_ref(&public)).is_err());
        let stranger = RegistryKey::generate().expect("key").verifying_key();
        assert!(release(&good, &ASKED, std::slice::from_ref(&stranger)).is_err());
        let stranger = SigningKey::generate().expect("key").verifying_key();
        assert!(author(&good, stranger).is_err());
        assert!(author(&PullView { signature: None, ..good }, by.verifying_key()).is_err());
    }
}
