//! Checks an export of the audit log, or the proof of one record, with nothing but the
//! registry's verifier key: no server, no database.
//!
//! Invariants: one line is in memory at a time, and a line has a bound; success means that
//! the export holds exactly the records that the checkpoint covers, in their order.

use crate::{
    audit::{
        export::{Header, HeaderError, LineError, Lines, MAX_LINE_BYTES},
        leaf::{Leaf, LeafError},
    },
    core::words::{counted, with_verb},
    crypto::{
        checkpoint::{self, Checkpoint},
        hex,
        merkle::{CompactRange, Hash, leaf_hash},
        note::NoteError,
        proof_file::{self, ProofError},
    },
};
use std::io::BufRead;

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Line(#[from] LineError),
    #[error("the file is empty; export the log again")]
    Empty,
    #[error("line 1: {0}")]
    Header(#[from] HeaderError),
    #[error("line 1, checkpoint: {0}")]
    Checkpoint(NoteError),
    #[error("line 1: the header names the log {header}, and the checkpoint is of {checkpoint}; the header was altered")]
    Origin { header: String, checkpoint: String },
    #[error("line {line}: the record was altered, or is none: {source}")]
    Leaf { line: u64, source: LeafError },
    #[error(
        "line {line}: the checkpoint covers {}, and this is one more; a record was added or duplicated",
        counted(*size, "record")
    )]
    TooMany { line: u64, size: u64 },
    #[error(
        "the file ends after line {line}: the checkpoint covers {}, and {} there; records were dropped, or the file \
         was cut",
        counted(*size, "record"),
        with_verb(*found, "record", ["is", "are"])
    )]
    TooFew { line: u64, size: u64, found: u64 },
    #[error(
        "lines 2 to {last_line}: the records give the root {found}, and {signed} was signed; at least one record was \
         altered, replaced or moved"
    )]
    Root { last_line: u64, signed: String, found: String },
    #[error("the older head: {0}")]
    Older(NoteError),
    #[error(
        "the older head covers {}, and this one {size}: records that were signed are not in this log",
        counted(*older, "record")
    )]
    Shrunk { older: u64, size: u64 },
    #[error(
        "the log does not go on from the older head over {}: a record that it covers was altered after that head was \
         signed",
        counted(*older, "record")
    )]
    Forked { older: u64 },
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// What an export that holds says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub origin: String,
    /// Of the key whose signature holds; equals the origin, or the checkpoint is refused.
    pub key_name: String,
    /// The number of records.
    pub size: u64,
    /// Lowercase hex.
    pub root: String,
    /// The times of the first and the last record, if there is any.
    pub first_at: Option<String>,
    pub last_at: Option<String>,
    /// The line of the first record that is earlier than the one before it: no error, as a
    /// clock may be set back.
    pub first_backwards_line: Option<u64>,
}

/// Checks an export against the verifier key that the registry published.
pub fn verify(reader: impl BufRead, vkey: &str) -> Result<Verified, VerifyError> {
    verify_since(reader, vkey, &[])
}

/// And that the log goes on from every one of these older signed heads.
pub fn verify_since(reader: impl BufRead, vkey: &str, older: &[String]) -> Result<Verified, VerifyError> {
    let mut lines = Lines::of(reader);
    let checkpoint = match lines.next()? {
        Some(header) => open_header(header, vkey)?,
        None => return Err(VerifyError::Empty),
    };
    let size = checkpoint.size;
    let mut older = Older::of(older, vkey, &checkpoint)?;
    let mut tree = CompactRange::new();
    let (mut first_at, mut last_at, mut first_backwards_line) = (None, String::new(), None);
    loop {
        let line = lines.count() + 1;
        let Some(text) = lines.next()? else { break };
        if tree.size() == size {
            return Err(VerifyError::TooMany { line, size });
        }
        let at = Leaf::time_of(text).map_err(|source| VerifyError::Leaf { line, source })?;
        older.compare(&tree)?;
        tree.append(leaf_hash(text.as_bytes()));
        if first_at.is_none() {
            first_at = Some(at.clone().into_owned());
        }
        if *at < *last_at {
            first_backwards_line.get_or_insert(line);
        }
        last_at.clear();
        last_at.push_str(&at);
    }
    if tree.size() < size {
        return Err(VerifyError::TooFew { line: lines.count(), size, found: tree.size() });
    }
    let (root, signed) = (hex::encode(&tree.root()), hex::encode(&checkpoint.root));
    if root != signed {
        return Err(VerifyError::Root { last_line: lines.count(), signed, found: root });
    }
    older.compare(&tree)?;
    let last_at = first_at.is_some().then_some(last_at);
    let (origin, key_name) = (checkpoint.origin.clone(), checkpoint.origin);
    Ok(Verified { origin, key_name, size, root, first_at, last_at, first_backwards_line })
}

/// Heads that somebody kept, to be met on the way.
pub(super) struct Older(Vec<Checkpoint>);

impl Older {
    pub(super) fn of(notes: &[String], vkey: &str, newest: &Checkpoint) -> Result<Self, VerifyError> {
        let mut heads = Vec::new();
        for note in notes {
            let head = checkpoint::open(note, vkey).map_err(VerifyError::Older)?;
            if newest.size < head.size {
                return Err(VerifyError::Shrunk { older: head.size, size: newest.size });
            }
            heads.push(head);
        }
        // The next one is at the end.
        heads.sort_by_key(|head| std::cmp::Reverse(head.size));
        Ok(Self(heads))
    }

    pub(super) fn compare(&mut self, tree: &CompactRange) -> Result<(), VerifyError> {
        while let Some(head) = self.0.last().filter(|head| head.size == tree.size()) {
            if head.root != tree.root() {
                return Err(VerifyError::Forked { older: head.size });
            }
            self.0.pop();
        }
        Ok(())
    }
}

fn open_header(line: &str, vkey: &str) -> Result<Checkpoint, VerifyError> {
    let header = Header::parse(line)?;
    let checkpoint = checkpoint::open(&header.checkpoint, vkey).map_err(VerifyError::Checkpoint)?;
    if header.origin != checkpoint.origin {
        return Err(VerifyError::Origin { header: header.origin, checkpoint: checkpoint.origin });
    }
    Ok(checkpoint)
}

/// What a proof that holds says about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub origin: String,
    pub index: u64,
    pub size: u64,
    /// Lowercase hex.
    pub root: String,
}

/// The proof that one record is in the log, as a text to keep beside the record.
pub struct ProofFile;

impl ProofFile {
    /// `proof`: the inclusion proof of `index`; `note`: the signed checkpoint that it leads to.
    pub fn make(index: u64, proof: &[Hash], note: &str) -> String {
        proof_file::format(index, proof, note)
    }

    /// `leaf`: the canonical text of the record, without a line end.
    pub fn verify(text: &str, leaf: &str, vkey: &str) -> Result<Proven, VerifyError> {
        if MAX_LINE_BYTES < text.len() {
            return Err(ProofError::Malformed("it is longer than any proof").into());
        }
        Leaf::parse(leaf).map_err(|source| VerifyError::Leaf { line: 1, source })?;
        let (index, checkpoint) = proof_file::check(text, leaf_hash(leaf.as_bytes()), vkey)?;
        Ok(Proven { origin: checkpoint.origin, index, size: checkpoint.size, root: hex::encode(&checkpoint.root) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{
            export::{header_line, leaf_line},
            leaf::{LeafActor, Outcome},
        },
        crypto::{
            keys::RegistryKey,
            merkle::{inclusion_proof, stored_for_leaf},
            note,
        },
    };

    const ORIGIN: &str = "log.example";

    fn leaf(n: u64) -> String {
        let actor =
            LeafActor { kind: "user".to_owned(), id: None, name: None, auth: "token".to_owned(), credential: None };
        let leaf = Leaf {
            v: 1,
            id: format!("0190a3c4-0000-7000-8000-{n:012x}"),
            at: format!("2026-01-01T00:00:{n:02}.000000Z"),
            workspace: None,
            actor,
            action: "model.register".to_owned(),
            outcome: Outcome::Done,
            object: None,
            request_id: None,
            detail: serde_json::json!({"n": n}),
            changes: Vec::new(),
        };
        leaf.to_canonical().expect("canonical")
    }

    struct Log {
        key: RegistryKey,
        leaves: Vec<String>,
        stored: Vec<Hash>,
        note: String,
    }

    impl Log {
        fn of(size: u64) -> Self {
            Self::from((0..size).map(leaf).collect())
        }

        fn from(leaves: Vec<String>) -> Self {
            let key = RegistryKey::generate().expect("key");
            let (mut tree, mut stored) = (CompactRange::new(), Vec::<Hash>::new());
            for (n, leaf) in (0..).zip(&leaves) {
                let hash = leaf_hash(leaf.as_bytes());
                tree.append(hash);
                let more = stored_for_leaf(n, hash, |at| stored.get(at as usize).copied()).expect("earlier hashes");
                stored.extend(more);
            }
            let note = Checkpoint { origin: ORIGIN.to_owned(), size: tree.size(), root: tree.root() }.sign(&key);
            Self { key, leaves, stored, note }
        }

        fn vkey(&self) -> String {
            note::vkey(ORIGIN, &self.key.public_bytes())
        }

        /// The lines of the export, with their line ends.
        fn lines(&self) -> Vec<String> {
            std::iter::once(header_line(ORIGIN, &self.note)).chain(self.leaves.iter().map(|l| leaf_line(l))).collect()
        }

        fn judge(&self, lines: &[String]) -> Result<Verified, VerifyError> {
            verify(lines.concat().as_bytes(), &self.vkey())
        }
    }

    #[test]
    fn an_honest_export_of_any_size_holds() {
        for size in [0, 1, 2, 3, 8, 21] {
            let log = Log::of(size);
            let verified = log.judge(&log.lines()).expect("honest");
            assert_eq!((verified.origin.as_str(), verified.size), (ORIGIN, size));
            assert_eq!(verified.first_at.is_some(), size > 0);
            if size > 0 {
                assert_eq!(verified.last_at, Some(format!("2026-01-01T00:00:{:02}.000000Z", size - 1)));
            }
        }
    }

    #[test]
    fn every_way_to_falsify_an_export_is_found_and_its_line_is_named() {
        let log = Log::of(9);
        type Falsify = fn(&mut Vec<String>);
        let cases: [(Falsify, &str); 12] = [
            (|l| l[4] = l[4].replace("token", "nekot"), "lines 2 to 10: the records give the root"),
            (|l| l[4] = l[4].replace("\"v\":1", "\"v\": 1"), "line 5: the record was altered"),
            (|l| l[4] = "\n".to_owned(), "line 5: the record was altered"),
            (|l| drop(l.remove(4)), "the file ends after line 9"),
            (|l| drop(l.pop()), "the file ends after line 9"),
            (|l| l.swap(3, 4), "lines 2 to 10"),
            (|l| l.insert(4, l[4].clone()), "line 11: the checkpoint covers 9 records"),
            (|l| l[5] = l[4].clone(), "lines 2 to 10"),
            (|l| l[9].truncate(40), "line 10: it breaks off"),
            (|l| l[4] = "x".repeat(1 << 20) + "\n", "line 5: it has more than"),
            (|l| l[0] = l[0].replacen("log.example", "log.exampla", 1), "line 1"),
            (|l| drop(l.remove(0)), "line 1: it is not the header"),
        ];
        for (n, (falsify, sentence)) in cases.into_iter().enumerate() {
            let mut lines = log.lines();
            falsify(&mut lines);
            let error = log.judge(&lines).expect_err(sentence).to_string();
            assert!(error.starts_with(sentence), "case {n}: {error}");
        }
        assert!(matches!(log.judge(&[]), Err(VerifyError::Empty)));
        assert!(matches!(verify(&b"\xff\n"[..], &log.vkey()), Err(VerifyError::Line(LineError::NotText { line: 1 }))));
    }

    #[test]
    fn no_single_altered_byte_goes_unnoticed() {
        let log = Log::of(3);
        let honest = log.lines().concat().into_bytes();
        for at in 0..honest.len() {
            let mut bytes = honest.clone();
            bytes[at] ^= 1;
            assert!(verify(bytes.as_slice(), &log.vkey()).is_err(), "byte {at}");
            assert!(verify(&honest[..at], &log.vkey()).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_is_reported_and_is_no_error() {
        let log = Log::from((0..6).map(|n| leaf(if n == 3 { 1 } else { n })).collect());
        let verified = log.judge(&log.lines()).expect("honest");
        assert_eq!((verified.first_backwards_line, verified.key_name.as_str()), (Some(5), ORIGIN));
        let log = Log::of(6);
        assert_eq!(log.judge(&log.lines()).expect("honest").first_backwards_line, None);
    }

    #[test]
    fn another_key_or_another_log_is_found() {
        let (log, other) = (Log::of(3), Log::of(3));
        let export = log.lines().concat();
        let not_signed = verify(export.as_bytes(), &other.vkey()).expect_err("other key").to_string();
        assert!(not_signed.starts_with("line 1, checkpoint: it is signed by the key"), "{not_signed}");
        assert!(not_signed.contains("plimsoll audit key --all"), "it says what to do: {not_signed}");
        let elsewhere = note::vkey("other.example", &log.key.public_bytes());
        assert!(verify(export.as_bytes(), &elsewhere).is_err());
        assert!(verify(export.as_bytes(), "nonsense").is_err());
        let mut renamed = log.lines();
        renamed[0] = header_line("other.example", &log.note);
        assert!(matches!(log.judge(&renamed), Err(VerifyError::Origin { .. })));
    }

    #[test]
    fn a_proof_file_holds_for_its_record_only() {
        let log = Log::of(21);
        let proof = inclusion_proof(5, 21, |at| log.stored.get(at as usize).copied()).expect("proof");
        let text = ProofFile::make(5, &proof, &log.note);
        let proven = ProofFile::verify(&text, &log.leaves[5], &log.vkey()).expect("proven");
        assert_eq!((proven.index, proven.size, proven.origin.as_str()), (5, 21, ORIGIN));
        let other = ProofFile::verify(&text, &log.leaves[6], &log.vkey());
        assert!(matches!(other, Err(VerifyError::Proof(ProofError::NotIncluded { index: 5 }))));
        assert!(matches!(ProofFile::verify(&text, "{}", &log.vkey()), Err(VerifyError::Leaf { .. })));
    }
}
