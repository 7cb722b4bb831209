//! A proof that one leaf is in the log, in one text that can be checked offline.
//! Format: C2SP `tlog-proof` v1, without the extra line.

use crate::crypto::{
    checkpoint::{self, Checkpoint},
    merkle::{Hash, check_inclusion},
    note::NoteError,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2^63 leaves has proofs of 63 hashes.
const MAX_HASHES: usize = 63;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("this is not a proof file: {0}")]
    Malformed(&'static str),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("the proof does not lead from the record at index {index} to the signed root: one of them was altered")]
    NotIncluded { index: u64 },
}

/// `proof`: the inclusion proof of `index`; `note`: the signed checkpoint that it leads to.
pub fn format(index: u64, proof: &[Hash], note: &str) -> String {
    let hashes: String = proof.iter().map(|hash| STANDARD.encode(hash) + "\n").collect();
    format!("{HEADER}\nindex {index}\n{hashes}\n{note}")
}

/// The index of the leaf and the signed checkpoint that it is proven against.
pub fn check(text: &str, leaf_hash: Hash, vkey: &str) -> Result<(u64, Checkpoint), ProofError> {
    let (proof, note) = text.split_once("\n\n").ok_or(ProofError::Malformed("no empty line before the checkpoint"))?;
    let mut lines = proof.split('\n');
    if lines.next() != Some(HEADER) {
        return Err(ProofError::Malformed("it does not begin with \"c2sp.org/tlog-proof@v1\""));
    }
    let stated = lines.next().and_then(|line| line.strip_prefix("index ")).unwrap_or_default();
    let index = stated.parse::<u64>().ok().filter(|index| index.to_string() == stated);
    let index = index.ok_or(ProofError::Malformed("its second line is not \"index NUMBER\""))?;
    let mut hashes = Vec::new();
    for line in lines {
        let hash = STANDARD.decode(line).ok().and_then(|hash| Hash::try_from(hash).ok());
        hashes.push(hash.ok_or(ProofError::Malformed("a line of the proof is not 32 bytes in base64"))?);
        if MAX_HASHES < hashes.len() {
            return Err(ProofError::Malformed("it has more hashes than any tree needs"));
        }
    }
    let checkpoint = checkpoint::open(note, vkey)?;
    match check_inclusion(leaf_hash, index, checkpoint.size, &hashes, checkpoint.root) {
        true => Ok((index, checkpoint)),
        false => Err(ProofError::NotIncluded { index }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{
        keys::RegistryKey,
        merkle::{inclusion_proof, leaf_hash, root_from, root_positions, stored_for_leaf},
        note,
    };

    #[test]
    fn a_proof_holds_for_its_leaf_its_place_and_its_key_only() {
        let key = RegistryKey::generate().expect("key");
        let vkey = note::vkey("log.example", &key.public_bytes());
        let leaves: Vec<_> = (0..21_u8).map(|n| leaf_hash(&[n])).collect();
        let mut stored = Vec::<Hash>::new();
        for (n, leaf) in (0..).zip(&leaves) {
            let more = stored_for_leaf(n, *leaf, |at| stored.get(at as usize).copied()).expect("earlier hashes");
            stored.extend(more);
        }
        let peaks: Vec<_> = root_positions(21).into_iter().map(|at| stored[at as usize]).collect();
        let checkpoint = Checkpoint { origin: "log.example".to_owned(), size: 21, root: root_from(21, &peaks) };
        let note = checkpoint.sign(&key);
        for index in 0..21 {
            let leaf = leaves[index as usize];
            let proof = inclusion_proof(index, 21, |at| stored.get(at as usize).copied()).expect("proof");
            let text = format(index, &proof, &note);
            assert!(text.starts_with(&std::format!("c2sp.org/tlog-proof@v1\nindex {index}\n")));
            assert_eq!(check(&text, leaf, &vkey), Ok((index, checkpoint.clone())));
            let other = leaves[(index as usize + 1) % 21];
            assert_eq!(check(&text, other, &vkey), Err(ProofError::NotIncluded { index }));
            for (from, to) in [("@v1", "@v2"), ("index ", "index 0"), ("\n21\n", "\n22\n"), ("\n\n", "\nAAAA\n\n")] {
                assert!(check(&text.replacen(from, to, 1), leaf, &vkey).is_err(), "{to}");
            }
            let stranger = note::vkey("log.example", &RegistryKey::generate().expect("key").public_bytes());
            assert!(matches!(check(&text, leaf, &stranger), Err(ProofError::Note(NoteError::OtherKey { .. }))));
        }
    }

    #[test]
    fn an_endless_proof_is_refused() {
        let text = format(0, &[[0; 32]; 64], "x");
        assert!(matches!(check(&text, [0; 32], "x"), Err(ProofError::Malformed(_))));
    }
}
