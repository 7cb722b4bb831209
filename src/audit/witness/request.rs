//! What a log sends to a witness: the size that the witness should know, the proof from
//! there, and the new checkpoint.

use crate::crypto::merkle::Hash;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A tree of 2^63 leaves has consistency proofs of at most 63 hashes.
const MAX_HASHES: usize = 63;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub old_size: u64,
    pub proof: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

impl Request {
    pub fn to_text(&self) -> String {
        let hashes: String = self.proof.iter().map(|hash| STANDARD.encode(hash) + "\n").collect();
        format!("old {}\n{hashes}\n{}", self.old_size, self.checkpoint)
    }

    /// Nothing, if it is not of that form.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let stated = lines.next()?.strip_prefix("old ")?;
        let old_size = stated.parse::<u64>().ok().filter(|size| size.to_string() == stated)?;
        let mut proof = Vec::new();
        for line in lines {
            proof.push(Hash::try_from(STANDARD.decode(line).ok()?).ok()?);
            if MAX_HASHES < proof.len() {
                return None;
            }
        }
        Some(Self { old_size, proof, checkpoint: checkpoint.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_survives_its_text() {
        for proof in [vec![], vec![[1; 32], [2; 32]]] {
            let request = Request { old_size: 7, proof, checkpoint: "log\n9\nAAAA\n\n\u{2014} log AAAA\n".to_owned() };
            assert_eq!(Request::parse(&request.to_text()), Some(request));
        }
        let hash = STANDARD.encode([0; 32]);
        for bad in [
            "",
            "old 7\n",
            "old 07\n\nx",
            "old -1\n\nx",
            "new 7\n\nx",
            "old 7\nAAAA\n\nx",
            &format!("old 7\n{}\nx", format!("{hash}\n").repeat(64)),
        ] {
            assert_eq!(Request::parse(bad), None, "{bad:?}");
        }
    }
}
