//! Checkpoints: what the log looked like when the registry signed it.
//! Format: C2SP `tlog-checkpoint` v1.0.0, without extension lines.

use crate::crypto::{
    keys::RegistryKey,
    merkle::Hash,
    note::{self, NoteError, Vkeys},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::fmt;

/// The name of a log, its number of leaves and its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Also the name of the key; see [`note::check_name`].
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }
}

impl Checkpoint {
    /// Reads exactly the three lines that [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), Some(""), None) =
            (lines.next(), lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::Checkpoint("it has three lines: origin, size and root"));
        };
        note::check_name(origin).map_err(|_| NoteError::Checkpoint("its origin is not allowed"))?;
        let number = size.parse::<u64>().ok().filter(|number| number.to_string() == size);
        let size = number.filter(|size| *size <= i64::MAX as u64);
        let size = size.ok_or(NoteError::Checkpoint("its size is not a plain decimal number"))?;
        let root = STANDARD.decode(root).ok().and_then(|root| Hash::try_from(root).ok());
        let root = root.ok_or(NoteError::Checkpoint("its root is not 32 bytes in base64"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// The signed note. The origin must satisfy [`note::check_name`], or nobody can read it.
    pub fn sign(&self, key: &RegistryKey) -> String {
        self.sign_all([key])
    }

    /// A line for each key, while one follows the other.
    pub fn sign_all<'a>(&self, keys: impl IntoIterator<Item = &'a RegistryKey>) -> String {
        note::sign_all(&self.to_string(), &self.origin, keys)
    }
}

/// The checkpoint in a note that the owner of a key signed, of the log that the key names.
/// `vkeys`: the log's verifier key; or all that it had, a line each, of which one is enough.
pub fn open(note: &str, vkeys: &str) -> Result<Checkpoint, NoteError> {
    let vkeys = Vkeys::parse(vkeys)?;
    let checkpoint = Checkpoint::parse(&vkeys.open(note)?)?;
    if checkpoint.origin != vkeys.name() {
        return Err(NoteError::Origin { found: checkpoint.origin, expected: vkeys.name().to_owned() });
    }
    Ok(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "log.example".to_owned(), size: 7, root: [9; 32] }
    }

    #[test]
    fn a_checkpoint_survives_signing() {
        let key = RegistryKey::generate().expect("key");
        let vkey = note::vkey("log.example", &key.public_bytes());
        assert_eq!(open(&checkpoint().sign(&key), &vkey), Ok(checkpoint()));
        let altered = checkpoint().sign(&key).replace("\n7\n", "\n8\n");
        assert!(matches!(open(&altered, &vkey), Err(NoteError::BadSignature(_))));
        let foreign =
            note::sign(&Checkpoint { origin: "other".to_owned(), ..checkpoint() }.to_string(), "log.example", &key);
        assert!(matches!(open(&foreign, &vkey), Err(NoteError::Origin { .. })));
    }

    #[test]
    fn only_the_one_form_is_read() {
        let text = checkpoint().to_string();
        assert_eq!(Checkpoint::parse(&text), Ok(checkpoint()));
        for bad in [
            text.replace("\n7\n", "\n07\n"),
            text.replace("\n7\n", "\n+7\n"),
            text.replace("\n7\n", "\n18446744073709551615\n"),
            text.replace("log.example", "log example"),
            text.replace("log.example", ""),
            text.replace("CQk", "CQ"),
            text.trim_end().to_owned(),
            format!("{text}extension\n"),
        ] {
            assert!(Checkpoint::parse(&bad).is_err(), "{bad}");
        }
    }
}
