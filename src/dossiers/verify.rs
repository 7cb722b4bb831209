//! Checks a dossier with nothing but the registry's public key: no server, nothing unpacked
//! to disk.
//!
//! Order: bounds and form of the zip; the signature over the manifest; every file against the
//! manifest; then what the files say: bodies of evidence against their names, statements and
//! proofs against the key. Success means that the registry signed exactly these files.

mod entries;

use crate::{
    core::digest::Digest,
    crypto::{
        bundle::{self, BundleError},
        checkpoint, json,
        key_chain::{self, Link},
        keys::RegistryVerifyingKey,
        merkle::leaf_hash,
        note::{self, NoteError, OTHER_KEYS, Vkey, Vkeys},
        proof_file::{self, ProofError},
    },
    dossiers::archive::{DOSSIER_TYPE, Entries, FORMAT, MANIFEST, Manifest, SIGNATURE, listed},
};
pub use entries::{MAX_FILE_BYTES, ZipError};

/// A line of `audit/leaves.jsonl` begins so, then come the index, `,"leaf":`, the record and `}`.
const LINE_START: &str = "{\"index\":";
const LEAF_START: &str = ",\"leaf\":";
const LEAVES: &str = "audit/leaves.jsonl";
const CHECKPOINT: &str = "audit/checkpoint";
/// Every key that the registry had, and how each vouches for the next.
pub(super) const KEYS: &str = "keys/registry.json";

#[derive(Debug, thiserror::Error)]
pub enum DossierError {
    #[error(transparent)]
    Zip(#[from] ZipError),
    #[error("the key cannot be read: {0}")]
    Key(String),
    #[error("{KEYS} is not a list of keys: {0}")]
    Keys(String),
    #[error("{path} is signed by the key {id}, which is not trusted. {OTHER_KEYS}")]
    OtherKey { path: String, id: String },
    #[error("it has no {0}; a dossier always has, so this is none, or it was taken out")]
    Absent(&'static str),
    #[error("the signature is not over this manifest: one of them was replaced")]
    OtherManifest,
    #[error("the manifest cannot be read: {0}")]
    Manifest(String),
    #[error("the dossier is of the registry {found}, and the key is of {expected}")]
    Origin { found: String, expected: String },
    #[error("{0} is not in the manifest: it was added or renamed")]
    Extra(String),
    #[error("{0} is in the manifest and not here: it was taken out or renamed")]
    Missing(String),
    #[error("{0} was altered: its size or its sha256 is not the one in the manifest")]
    Altered(String),
    #[error("{path} holds other evidence than its name says")]
    Evidence { path: String },
    #[error("{path}: {source}")]
    Statement { path: String, source: BundleError },
    #[error("{CHECKPOINT}: {0}")]
    Checkpoint(NoteError),
    #[error("{LEAVES}, line {line}: it is no record of a slice")]
    Line { line: usize },
    #[error("record {index} has no proof, or a proof has no record")]
    Unproven { index: u64 },
    #[error("the proof of record {index}: {source}")]
    Proof { index: u64, source: ProofError },
    #[error("the proof of record {index} leads to another head than {CHECKPOINT}")]
    OtherHead { index: u64 },
}

/// What a dossier that holds says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub manifest: Manifest,
    /// sha256 of the manifest: what the registry's log says about the export.
    pub manifest_digest: String,
    pub files: usize,
    pub evidence: usize,
    /// Statements of approvals and releases.
    pub statements: usize,
    /// Records of the log with proofs.
    pub records: usize,
    /// Ids of keys that were not given: a given one vouches for them, or one that it vouches for.
    pub followed: Vec<String>,
}

/// The registry's key as a verifier key (`NAME+ID+KEY`) or as PEM, which names no registry; or
/// several verifier keys, a line each, when it had several in its time.
struct Keys {
    keys: Vec<RegistryVerifyingKey>,
    origin: Option<String>,
}

impl Keys {
    fn parse(text: &str) -> Result<Self, DossierError> {
        let text = text.trim();
        if text.starts_with("-----BEGIN") {
            let key = RegistryVerifyingKey::from_pem(text).map_err(|e| DossierError::Key(e.to_string()))?;
            return Ok(Self { keys: vec![key], origin: None });
        }
        let vkeys = Vkeys::parse(text).map_err(|e| DossierError::Key(e.to_string()))?;
        Ok(Self { keys: vkeys.keys(), origin: Some(vkeys.name().to_owned()) })
    }

    /// Adds the listed keys that these vouch for; returns their ids.
    fn follow(&mut self, links: &[Link]) -> Vec<String> {
        let first = links.first().and_then(|link| Vkey::parse(&link.verifier_key).ok());
        let Some(name) = self.origin.clone().or(first.map(|key| key.name)) else { return Vec::new() };
        let known: Vec<_> = self.keys.iter().map(|key| note::vkey(&name, &key.to_bytes())).collect();
        let followed = key_chain::follow(&name, &known, links);
        self.keys.extend(followed.iter().filter_map(|key| Vkey::parse(key).ok()).map(|vkey| vkey.key));
        followed.iter().map(|key| key_chain::id(key)).collect()
    }
}

/// Says which key it was in the way in which every other place names keys.
fn refused(path: &str, error: BundleError, links: &[Link]) -> DossierError {
    let path = path.to_owned();
    match error {
        BundleError::UnknownKey { hint } => {
            DossierError::OtherKey { path, id: key_chain::id_of(&hint, links).unwrap_or(hint) }
        }
        source => DossierError::Statement { path, source },
    }
}

/// Checks the bytes of a zip against a key.
pub fn verify(zip: &[u8], key: &str) -> Result<Verified, DossierError> {
    let mut known = Keys::parse(key)?;
    let mut entries = entries::read(zip)?;
    let links = entries.get(KEYS).map_or(Ok(Vec::new()), |text| key_chain::from_file(text));
    let links = links.map_err(DossierError::Keys)?;
    let followed = known.follow(&links);
    let Keys { keys, origin } = known;
    let signature = entries.remove(SIGNATURE).ok_or(DossierError::Absent(SIGNATURE))?;
    let text = entries.remove(MANIFEST).ok_or(DossierError::Absent(MANIFEST))?;
    let digest = Digest::of(&text);
    let statement =
        bundle::verify_registry_statement_by(&signature, &keys).map_err(|e| refused(SIGNATURE, e, &links))?;
    let names = |s: &crate::crypto::statement::Subject| s.digest.get("sha256").is_some_and(|hex| *hex == digest.hex());
    if statement.predicate_type != DOSSIER_TYPE || statement.subject.len() != 1 || !statement.subject.iter().all(names)
    {
        return Err(DossierError::OtherManifest);
    }
    let manifest: Manifest = json::parse(&text).map_err(|e| DossierError::Manifest(e.to_string()))?;
    if manifest.format != FORMAT {
        return Err(DossierError::Manifest(format!("its format is not {FORMAT}; a newer program must read it")));
    }
    if let Some(expected) = origin.filter(|origin| *origin != manifest.origin) {
        return Err(DossierError::Origin { found: manifest.origin, expected });
    }
    compare(&manifest, &entries)?;
    let evidence = evidence(&entries)?;
    let statements = statements(&entries, &keys, &links)?;
    let vkeys: Vec<_> = keys.iter().map(|key| note::vkey(&manifest.origin, &key.to_bytes())).collect();
    let vkey = vkeys.join("\n");
    let records = slice(&entries, &vkey)?;
    let manifest_digest = digest.to_string();
    Ok(Verified { manifest_digest, files: entries.len(), evidence, statements, records, followed, manifest })
}

/// No file more, none less, none other.
fn compare(manifest: &Manifest, entries: &Entries) -> Result<(), DossierError> {
    let found = listed(entries);
    if found == manifest.files {
        return Ok(());
    }
    for file in &found {
        match manifest.files.iter().find(|wanted| wanted.path == file.path) {
            None => return Err(DossierError::Extra(file.path.clone())),
            Some(wanted) if wanted != file => return Err(DossierError::Altered(file.path.clone())),
            Some(_) => {}
        }
    }
    let gone = manifest.files.iter().find(|wanted| !entries.contains_key(&wanted.path));
    match gone {
        Some(gone) => Err(DossierError::Missing(gone.path.clone())),
        None => Err(DossierError::Manifest("its files are not sorted, or one stands twice".to_owned())),
    }
}

fn within<'a>(entries: &'a Entries, folder: &'a str) -> impl Iterator<Item = (&'a String, &'a Vec<u8>)> {
    entries.iter().filter(move |(path, _)| path.starts_with(folder))
}

fn evidence(entries: &Entries) -> Result<usize, DossierError> {
    let mut count = 0;
    for (path, bytes) in within(entries, "evidence/") {
        if *path != format!("evidence/{}.json", Digest::of(bytes).hex()) {
            return Err(DossierError::Evidence { path: path.clone() });
        }
        count += 1;
    }
    Ok(count)
}

fn statements(entries: &Entries, keys: &[RegistryVerifyingKey], links: &[Link]) -> Result<usize, DossierError> {
    let mut count = 0;
    for (path, bytes) in within(entries, "approvals/").chain(within(entries, "releases/")) {
        bundle::verify_registry_statement_by(bytes, keys).map_err(|error| refused(path, error, links))?;
        count += 1;
    }
    Ok(count)
}

/// Every record has a proof that leads to the head in the dossier, and the other way round.
fn slice(entries: &Entries, vkey: &str) -> Result<usize, DossierError> {
    let proofs = within(entries, "audit/").filter(|(path, _)| path.ends_with(".tlog-proof")).count();
    let Some(lines) = entries.get(LEAVES) else {
        return if proofs == 0 { Ok(0) } else { Err(DossierError::Absent(LEAVES)) };
    };
    let lines = std::str::from_utf8(lines).map_err(|_| DossierError::Line { line: 1 })?;
    let note = entries.get(CHECKPOINT).ok_or(DossierError::Absent(CHECKPOINT))?;
    let note = std::str::from_utf8(note).map_err(|_| DossierError::Absent(CHECKPOINT))?;
    let head = checkpoint::open(note, vkey).map_err(DossierError::Checkpoint)?;
    let mut records = 0;
    let mut before = None;
    for (n, line) in (1..).zip(lines.lines()) {
        let (index, leaf) =
            split(line).filter(|(index, _)| before < Some(*index)).ok_or(DossierError::Line { line: n })?;
        let proof = entries.get(&format!("audit/{index}.tlog-proof"));
        let proof = proof.and_then(|proof| std::str::from_utf8(proof).ok()).ok_or(DossierError::Unproven { index })?;
        let (proven, reached) = proof_file::check(proof, leaf_hash(leaf.as_bytes()), vkey)
            .map_err(|source| DossierError::Proof { index, source })?;
        if proven != index || reached != head {
            return Err(DossierError::OtherHead { index });
        }
        (records, before) = (records + 1, Some(index));
    }
    match records == proofs {
        true => Ok(records),
        false => Err(DossierError::Unproven { index: before.unwrap_or_default() }),
    }
}

/// The index and the record of a line, whose bytes are exactly those that were hashed.
fn split(line: &str) -> Option<(u64, &str)> {
    let (index, leaf) = line.strip_prefix(LINE_START)?.strip_suffix('}')?.split_once(LEAF_START)?;
    let number = index.parse::<u64>().ok().filter(|number| number.to_string() == index)?;
    Some((number, leaf))
}

/// A line of the slice.
pub(super) fn line(index: u64, leaf: &str) -> String {
    format!("{LINE_START}{index}{LEAF_START}{leaf}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_the_record_byte_for_byte_and_is_json() {
        let leaf = r#"{"a":",\"leaf\":{}","b":1}"#;
        let line = line(7, leaf);
        assert_eq!(split(line.trim_end()), Some((7, leaf)));
        let read: serde_json::Value = serde_json::from_str(&line).expect("json");
        assert_eq!(read["leaf"]["b"], 1);
        for bad in ["", "{}", "{\"index\":07,\"leaf\":{}}", "{\"index\":-1,\"leaf\":{}}", "{\"index\":1}"] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }
}
