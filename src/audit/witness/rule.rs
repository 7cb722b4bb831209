//! What a witness signs: a head of a log that it knows, that goes on from the last head of
//! that log that it signed. The order of the checks is that of the protocol.

use super::request::Request;
use crate::crypto::{
    checkpoint::Checkpoint,
    merkle::{EMPTY_ROOT, Hash, check_consistency},
    note::{Note, Vkey},
};

/// The last head of a log that the witness signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub size: u64,
    pub root: Hash,
}

impl Default for Seen {
    fn default() -> Self {
        Self { size: 0, root: EMPTY_ROOT }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the request is not of the form that C2SP tlog-witness describes")]
    Malformed,
    #[error("this witness does not know the log {0}")]
    UnknownLog(String),
    #[error("no known key of the log signed this checkpoint")]
    NotSigned,
    #[error("the old size is larger than the checkpoint's")]
    Backwards,
    /// The witness's size.
    #[error("{0}\n")]
    OtherSize(u64),
    #[error("a checkpoint with another root was signed at this size before: the log was forked")]
    Forked,
    #[error("the proof does not lead from the old checkpoint to the new one")]
    NotProven,
}

impl Refusal {
    /// The status of the protocol.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed | Self::Backwards => 400,
            Self::NotSigned => 403,
            Self::UnknownLog(_) => 404,
            Self::OtherSize(_) | Self::Forked => 409,
            Self::NotProven => 422,
        }
    }
}

/// A head of a known log that one of its keys signed, with what is to be cosigned.
pub fn read(request: &Request, logs: &[Vkey]) -> Result<(Checkpoint, String), Refusal> {
    let note = Note::parse(&request.checkpoint).map_err(|_| Refusal::Malformed)?;
    let checkpoint = Checkpoint::parse(&note.text).map_err(|_| Refusal::Malformed)?;
    let keys: Vec<_> = logs.iter().filter(|key| key.name == checkpoint.origin).collect();
    if keys.is_empty() {
        return Err(Refusal::UnknownLog(checkpoint.origin));
    }
    if !keys.iter().any(|key| note.verify(key).is_ok()) {
        return Err(Refusal::NotSigned);
    }
    Ok((checkpoint, note.text))
}

/// Whether the head goes on from the last one.
pub fn judge(request: &Request, new: &Checkpoint, seen: &Seen) -> Result<(), Refusal> {
    if new.size < request.old_size {
        return Err(Refusal::Backwards);
    }
    if request.old_size != seen.size {
        return Err(Refusal::OtherSize(seen.size));
    }
    if new.size == seen.size && new.root != seen.root {
        return Err(Refusal::Forked);
    }
    match check_consistency(seen.size, seen.root, new.size, new.root, &request.proof) {
        true => Ok(()),
        false => Err(Refusal::NotProven),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{
        keys::RegistryKey,
        merkle::{CompactRange, consistency_proof, leaf_hash, stored_for_leaf},
        note,
    };

    const ORIGIN: &str = "log.example";

    struct Log {
        stored: Vec<Hash>,
        roots: Vec<Hash>,
    }

    impl Log {
        fn of(name: &str, size: u64) -> Self {
            let (mut tree, mut stored) = (CompactRange::new(), Vec::<Hash>::new());
            let mut roots = vec![tree.root()];
            for n in 0..size {
                let hash = leaf_hash(format!("{name} {n}").as_bytes());
                let more = stored_for_leaf(n, hash, |at| stored.get(at as usize).copied()).expect("earlier");
                stored.extend(more);
                tree.append(hash);
                roots.push(tree.root());
            }
            Self { stored, roots }
        }

        fn head(&self, size: u64) -> Checkpoint {
            Checkpoint { origin: ORIGIN.to_owned(), size, root: self.roots[size as usize] }
        }

        fn request(&self, old_size: u64, size: u64, key: &RegistryKey) -> Request {
            let proof = consistency_proof(old_size, size, |at| self.stored.get(at as usize).copied());
            Request { old_size, proof: proof.unwrap_or_default(), checkpoint: self.head(size).sign(key) }
        }
    }

    #[test]
    fn only_a_head_that_goes_on_from_the_last_one_is_signed() {
        let key = RegistryKey::generate().expect("key");
        let (log, other) = (Log::of("one", 20), Log::of("two", 20));
        let seen = Seen { size: 7, root: log.roots[7] };
        let judged = |request: Request, seen: &Seen| {
            let (head, _) = read(&request, &[Vkey::parse(&note::vkey(ORIGIN, &key.public_bytes())).expect("key")])?;
            judge(&request, &head, seen)
        };
        assert_eq!(judged(log.request(0, 7, &key), &Seen::default()), Ok(()));
        assert_eq!(judged(log.request(7, 20, &key), &seen), Ok(()));
        assert_eq!(judged(log.request(7, 7, &key), &seen), Ok(()), "the same again");
        assert_eq!(judged(log.request(5, 20, &key), &seen), Err(Refusal::OtherSize(7)));
        assert_eq!(judged(log.request(5, 6, &key), &seen), Err(Refusal::OtherSize(7)), "a rollback");
        assert_eq!(judged(log.request(9, 8, &key), &seen), Err(Refusal::Backwards));
        assert_eq!(judged(other.request(7, 7, &key), &seen), Err(Refusal::Forked));
        assert_eq!(judged(other.request(7, 20, &key), &seen), Err(Refusal::NotProven), "a fork");
        let proof = Vec::new();
        assert_eq!(judged(Request { proof, ..log.request(7, 20, &key) }, &seen), Err(Refusal::NotProven));
        let extra = Request { proof: vec![[0; 32]], ..log.request(0, 7, &key) };
        assert_eq!(judged(extra, &Seen::default()), Err(Refusal::NotProven));
    }

    #[test]
    fn only_known_logs_with_known_keys_are_looked_at() {
        let (key, stranger) = (RegistryKey::generate().expect("key"), RegistryKey::generate().expect("key"));
        let vkey = |name: &str| Vkey::parse(&note::vkey(name, &key.public_bytes())).expect("key");
        let log = Log::of("one", 3);
        let request = log.request(0, 3, &key);
        assert!(read(&request, &[vkey("other"), vkey(ORIGIN)]).is_ok());
        assert!(matches!(read(&request, &[vkey("other")]), Err(Refusal::UnknownLog(_))));
        assert_eq!(read(&log.request(0, 3, &stranger), &[vkey(ORIGIN)]).err(), Some(Refusal::NotSigned));
        let nonsense = Request { checkpoint: "x".to_owned(), ..request };
        assert_eq!(read(&nonsense, &[vkey(ORIGIN)]).err(), Some(Refusal::Malformed));
    }
}
