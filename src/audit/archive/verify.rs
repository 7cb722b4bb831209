//! Checks an archive with nothing but the registry's verifier key, without unpacking it.

use crate::{
    audit::{
        archive::{
            ARCHIVE_TYPE, Extent, FORMAT, HEADS, KEYS, MANIFEST, MAX_HEADS, MAX_TEXT_BYTES, Manifest, README, RECORDS,
            STATEMENT, SUMS, VKEY, head_path, proof_path, record_path,
            tape::{Reader, TapeError},
        },
        leaf::{Leaf, LeafError, MAX_LEAF_BYTES},
        mirror::{CHECKPOINT, Files, MAX_FILE_BYTES, MirrorError, verify_tree},
        verify::{Older, Verified, VerifyError},
    },
    core::{digest::Digest, words::counted},
    crypto::{
        bundle::{self, BundleError},
        checkpoint::{self, Checkpoint},
        cosignature::WitnessKey,
        hex, json,
        key_chain::{self, Link},
        merkle::leaf_hash,
        note::{Note, NoteError, OTHER_KEYS, Vkeys},
        proof_file::{self, ProofError},
    },
};
use std::io::Read;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(transparent)]
    Tape(#[from] TapeError),
    #[error("{0} is not text; it was altered")]
    NotText(String),
    #[error("the key: {0}")]
    Key(NoteError),
    #[error("{KEYS} is not a list of keys: {0}")]
    Keys(String),
    #[error("{STATEMENT} is signed by the key {id}, which is not trusted. {OTHER_KEYS}")]
    OtherKey { id: String },
    #[error("{path}: {why}")]
    Head { path: String, why: NoteError },
    #[error("{path} is a head over {}; it was renamed or replaced", counted(*found, "record"))]
    HeadSize { path: String, found: u64 },
    #[error("there are more than {MAX_HEADS} earlier heads, or they are out of order; the archive was altered")]
    Heads,
    #[error(transparent)]
    Tree(#[from] MirrorError),
    #[error(transparent)]
    Older(#[from] VerifyError),
    #[error(
        "an archive of one workspace does not show that the log goes on from an older head; verify one of the whole log"
    )]
    SinceOfWorkspace,
    #[error("record {index} was altered, or is none: {source}")]
    Leaf { index: u64, source: LeafError },
    #[error("the proof of record {index}: {source}")]
    Proof { index: u64, source: ProofError },
    #[error("the proof of record {index} leads to another head, or to the place of another record")]
    OtherHead { index: u64 },
    #[error("record {index} is of another workspace than the archive")]
    Stranger { index: u64 },
    #[error("SHA256SUMS does not list the files before it; one or the other was altered")]
    Sums,
    #[error("manifest.json is not a manifest: {0}")]
    Manifest(String),
    #[error("manifest.json says \"{said}\" of {field}, and the archive has \"{found}\"; one of them was altered")]
    Differs { field: &'static str, said: String, found: String },
    #[error("manifest.sigstore.json: {0}")]
    Statement(#[from] BundleError),
    #[error("manifest.sigstore.json signs something else than this manifest.json; one of them was altered")]
    OtherManifest,
}

/// What an archive that holds says.
#[derive(Clone, Debug)]
pub struct Checked {
    pub log: Verified,
    pub manifest: Manifest,
    /// Earlier heads in it that the log goes on from.
    pub heads: u64,
    /// Earlier heads that another key signed: not looked at.
    pub heads_of_other_keys: u64,
    /// Witnesses whose signature below the head holds, and when they saw it, in seconds since 1970.
    pub witnesses: Vec<(String, u64)>,
    /// Signature lines below the head that no key was given for.
    pub other_signatures: u64,
    /// Ids of keys that were not given: a given one vouches for them, or one that it vouches for.
    pub followed: Vec<String>,
}

/// Checks an archive against the registry's key: also that its log goes on from heads that
/// were kept, and that these witnesses signed its head.
pub fn verify(
    input: impl Read,
    vkey: &str,
    older: &[String],
    witnesses: &[WitnessKey],
) -> Result<Checked, ArchiveError> {
    let given = Vkeys::parse(vkey).map_err(ArchiveError::Key)?;
    let mut tape = Reader::of(input);
    tape.take(README, MAX_TEXT_BYTES)?;
    tape.take(VKEY, MAX_TEXT_BYTES)?;
    let links = key_chain::from_file(&tape.take(KEYS, MAX_TEXT_BYTES)?).map_err(ArchiveError::Keys)?;
    let followed = key_chain::follow(given.name(), &given.texts(), &links);
    let vkey = [given.texts(), followed.clone()].concat().join("\n");
    let vkey = vkey.as_str();
    let keys = Vkeys::parse(vkey).map_err(ArchiveError::Key)?;
    let note = text(&mut tape, CHECKPOINT)?;
    let of_head = |why| ArchiveError::Head { path: CHECKPOINT.to_owned(), why };
    let head = checkpoint::open(&note, vkey).map_err(of_head)?;
    let (witnesses, other_signatures) = cosigned(&note, &keys, witnesses).map_err(of_head)?;
    let mut checked = Checked {
        log: Verified {
            origin: head.origin.clone(),
            key_name: head.origin.clone(),
            size: head.size,
            root: hex::encode(&head.root),
            first_at: None,
            last_at: None,
            first_backwards_line: None,
        },
        manifest: Manifest::empty(),
        heads: 0,
        heads_of_other_keys: 0,
        witnesses,
        other_signatures,
        followed: followed.iter().map(|key| key_chain::id(key)).collect(),
    };
    let (records, workspace) = match tape.peek()? {
        Some(path) if path.starts_with(HEADS) || path.starts_with("tile/") => {
            of_log(&mut tape, vkey, older, head, &mut checked)?;
            (checked.log.size, None)
        }
        _ if !older.is_empty() => return Err(ArchiveError::SinceOfWorkspace),
        _ => of_workspace(&mut tape, vkey, &head, &mut checked)?,
    };
    let files = tape.files();
    let sums = tape.take_sums(SUMS)?.ok_or(ArchiveError::Sums)?;
    let manifest = text(&mut tape, MANIFEST)?;
    let statement = text(&mut tape, STATEMENT)?;
    tape.finish()?;
    signed(&manifest, &statement, &keys, &links)?;
    checked.manifest = json::parse(manifest.as_bytes()).map_err(|e| ArchiveError::Manifest(e.to_string()))?;
    agrees(&checked, records, workspace, files, &sums)?;
    Ok(checked)
}

fn text(tape: &mut Reader<impl Read>, path: &str) -> Result<String, ArchiveError> {
    String::from_utf8(tape.take(path, MAX_TEXT_BYTES)?).map_err(|_| ArchiveError::NotText(path.to_owned()))
}

/// Which of the witnesses signed, and how many lines nobody looked at.
fn cosigned(note: &str, own: &Vkeys, witnesses: &[WitnessKey]) -> Result<(Vec<(String, u64)>, u64), NoteError> {
    let parsed = Note::parse(note)?;
    let seen = witnesses.iter().map(|witness| Ok((witness.label(), witness.seen_at(&parsed)?)));
    let seen = seen.collect::<Result<Vec<_>, NoteError>>()?;
    let lines = note.rsplit_once("\n\n").map_or(0, |(_, lines)| lines.lines().count()) as u64;
    let others = lines.saturating_sub((own.signers(&parsed) + seen.len()) as u64);
    Ok((seen, others))
}

impl<R: Read> Files for Reader<R> {
    type Error = ArchiveError;

    fn read(&mut self, path: &str) -> Result<Vec<u8>, ArchiveError> {
        Ok(self.take(path, MAX_FILE_BYTES)?)
    }
}

fn of_log(
    tape: &mut Reader<impl Read>,
    vkey: &str,
    older: &[String],
    head: Checkpoint,
    checked: &mut Checked,
) -> Result<(), ArchiveError> {
    let mut all = older.to_vec();
    let mut last = 0;
    while let Some(path) = tape.peek()?.filter(|path| path.starts_with(HEADS)).map(str::to_owned) {
        let note = text(tape, &path)?;
        let of_head = |why| ArchiveError::Head { path: path.clone(), why };
        match checkpoint::open(&note, vkey) {
            Ok(earlier) if path != head_path(earlier.size) => {
                return Err(ArchiveError::HeadSize { path, found: earlier.size });
            }
            Ok(earlier) if earlier.size <= last || head.size <= earlier.size => return Err(ArchiveError::Heads),
            Ok(earlier) => {
                last = earlier.size;
                checked.heads += 1;
                all.push(note);
            }
            // The registry may have had another key then.
            Err(NoteError::NotSigned(_) | NoteError::OtherKey { .. }) => checked.heads_of_other_keys += 1,
            Err(why) => return Err(of_head(why)),
        }
        if MAX_HEADS as u64 * 2 < checked.heads + checked.heads_of_other_keys {
            return Err(ArchiveError::Heads);
        }
    }
    let mut older = Older::of(&all, vkey, &head)?;
    checked.log = verify_tree(tape, head, &mut older)?;
    Ok(())
}

/// How many records there are, and of which workspace they all are.
fn of_workspace(
    tape: &mut Reader<impl Read>,
    vkey: &str,
    head: &Checkpoint,
    checked: &mut Checked,
) -> Result<(u64, Option<String>), ArchiveError> {
    let (mut records, mut next, mut workspace): (u64, u64, Option<String>) = (0, 0, None);
    while let Some(path) = tape.peek()?.filter(|path| path.starts_with(RECORDS)).map(str::to_owned) {
        let index = path.strip_prefix(RECORDS).and_then(|rest| rest.strip_suffix(".json")).unwrap_or_default();
        let index = index.parse().ok().filter(|index| record_path(*index) == path && next <= *index);
        let expected = || TapeError::Order { expected: "a later record".to_owned(), found: path.clone() };
        let index: u64 = index.ok_or_else(expected)?;
        let leaf = tape.take(&path, MAX_LEAF_BYTES as u64)?;
        let leaf = String::from_utf8(leaf).map_err(|_| ArchiveError::NotText(path))?;
        let proof = text(tape, &proof_path(index))?;
        let parsed = Leaf::parse(&leaf).map_err(|source| ArchiveError::Leaf { index, source })?;
        let proven = proof_file::check(&proof, leaf_hash(leaf.as_bytes()), vkey);
        let (at, of) = proven.map_err(|source| ArchiveError::Proof { index, source })?;
        if (at, &of) != (index, head) {
            return Err(ArchiveError::OtherHead { index });
        }
        if parsed.workspace.is_none() || (workspace.is_some() && workspace != parsed.workspace) {
            return Err(ArchiveError::Stranger { index });
        }
        workspace = parsed.workspace;
        checked.log.first_at.get_or_insert_with(|| parsed.at.clone());
        checked.log.last_at = Some(parsed.at);
        (records, next) = (records + 1, index + 1);
    }
    Ok((records, workspace))
}

fn signed(manifest: &str, statement: &str, keys: &Vkeys, links: &[Link]) -> Result<(), ArchiveError> {
    let judged = bundle::verify_registry_statement_by(statement.as_bytes(), &keys.keys());
    let statement = judged.map_err(|error| match error {
        BundleError::UnknownKey { hint } => {
            ArchiveError::OtherKey { id: key_chain::id_of(&hint, links).unwrap_or(hint) }
        }
        error => ArchiveError::Statement(error),
    })?;
    let digest = Digest::of(manifest).hex();
    let of_manifest = |subject: &crate::crypto::statement::Subject| {
        subject.name == MANIFEST && subject.digest.get("sha256") == Some(&digest)
    };
    let agrees = statement.predicate_type == ARCHIVE_TYPE
        && statement.subject.len() == 1
        && statement.subject.iter().all(of_manifest);
    if agrees { Ok(()) } else { Err(ArchiveError::OtherManifest) }
}

/// What the registry signed about the archive is what the archive is.
fn agrees(
    checked: &Checked,
    records: u64,
    workspace: Option<String>,
    files: u64,
    sums: &str,
) -> Result<(), ArchiveError> {
    let (said, log) = (&checked.manifest, &checked.log);
    let is_log = said.extent == Extent::Log;
    // Without records nothing but the manifest says which workspace it is.
    let of = workspace.or_else(|| said.workspace.clone().filter(|_| records == 0 && !is_log));
    let extent = if said.workspace.is_none() { Extent::Log } else { Extent::Workspace };
    let pairs = [
        ("format", said.format.clone(), FORMAT.to_owned()),
        ("extent", said.extent.name().to_owned(), extent.name().to_owned()),
        ("workspace", said.workspace.clone().unwrap_or_default(), of.unwrap_or_default()),
        ("origin", said.origin.clone(), log.origin.clone()),
        ("size", said.size.to_string(), log.size.to_string()),
        ("root", said.root.clone(), log.root.clone()),
        ("records", said.records.to_string(), records.to_string()),
        ("files", said.files.to_string(), files.to_string()),
        ("sums_sha256", said.sums_sha256.clone(), sums.to_owned()),
    ];
    match pairs.into_iter().find(|(_, said, found)| said != found) {
        Some((field, said, found)) => Err(ArchiveError::Differs { field, said, found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{cosignature, keys::RegistryKey};
    use proptest::prelude::*;

    #[test]
    fn witnesses_are_counted_by_whether_their_key_was_given() {
        let key = || RegistryKey::generate().expect("key");
        let (log, first, second) = (key(), key(), key());
        let head = Checkpoint { origin: "log.example".to_owned(), size: 7, root: [9; 32] };
        let line = |name: &str, key: &RegistryKey| cosignature::sign(&head.to_string(), name, key, 1_700_000_000);
        let note = head.sign(&log) + &line("one.example", &first) + &line("two.example", &second);
        let witness = |name: &str, key: &RegistryKey| {
            WitnessKey::parse(&cosignature::vkey(name, &key.public_bytes())).expect("vkey")
        };
        let one = witness("one.example", &first);
        let seen = |time| vec![(one.label(), time)];
        let own = Vkeys::parse(&crate::crypto::note::vkey("log.example", &log.public_bytes())).expect("key");
        assert_eq!(cosigned(&note, &own, &[]), Ok((Vec::new(), 2)));
        assert_eq!(cosigned(&note, &own, std::slice::from_ref(&one)), Ok((seen(1_700_000_000), 1)));
        assert!(matches!(cosigned(&note, &own, &[witness("three.example", &log)]), Err(NoteError::NotSigned(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
            let key = RegistryKey::generate().expect("key").public_bytes();
            let key = crate::crypto::note::vkey("log.example", &key);
            prop_assert!(matches!(verify(bytes.as_slice(), &key, &[], &[]), Err(ArchiveError::Tape(_))));
        }
    }
}
