//! Cosignatures: a witness says that it saw a checkpoint, and no other at that size, at a
//! time. Format: C2SP `tlog-cosignature` v1.0.1, signature type 0x04 (Ed25519).

use crate::crypto::{
    dsse::Verifier as _,
    hex,
    keys::{RegistryKey, RegistryVerifyingKey},
    note::{self, Note, NoteError},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

pub const COSIGNATURE: u8 = 4;

/// The verifier key that a witness prints: `NAME+ID+KEY`.
pub fn vkey(name: &str, public: &[u8; 32]) -> String {
    note::vkey_of_type(COSIGNATURE, name, public)
}

/// A witness's verifier key that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessKey {
    pub name: String,
    pub id: [u8; 4],
    key: RegistryVerifyingKey,
}

impl WitnessKey {
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) = note::parse_vkey(text, COSIGNATURE)?;
        Ok(Self { name, id, key })
    }

    /// `NAME+ID`: tells witnesses apart.
    pub fn label(&self) -> String {
        format!("{}+{}", self.name, hex::encode(&self.id))
    }

    /// When this witness saw the checkpoint, in seconds since 1970.
    ///
    /// # Errors
    /// When it did not sign it, or its signature does not hold.
    pub fn seen_at(&self, checkpoint: &Note) -> Result<u64, NoteError> {
        let bad = || NoteError::BadSignature(self.name.clone());
        let signature = checkpoint.signature_of(&self.name, self.id).ok_or(NoteError::NotSigned(self.name.clone()))?;
        let (time, signature) = signature.split_first_chunk().ok_or_else(bad)?;
        let time = u64::from_be_bytes(*time);
        match self.key.accepts(message(&checkpoint.text, time).as_bytes(), signature) {
            true => Ok(time),
            false => Err(bad()),
        }
    }
}

/// The signature line of a witness, with its line end. `text`: of the checkpoint, without signatures.
pub fn sign(text: &str, name: &str, key: &RegistryKey, time: u64) -> String {
    let mut bytes = note::key_id_of_type(COSIGNATURE, name, &key.public_bytes()).to_vec();
    bytes.extend_from_slice(&time.to_be_bytes());
    bytes.extend_from_slice(&key.sign(message(text, time).as_bytes()));
    format!("\u{2014} {name} {}\n", STANDARD.encode(bytes))
}

fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosignature_holds_for_its_checkpoint_its_time_and_its_witness_only() {
        let (log, witness) = (RegistryKey::generate().expect("key"), RegistryKey::generate().expect("key"));
        let text = "log.example\n7\nAAAA\n";
        let signed = note::sign(text, "log.example", &log);
        let line = sign(text, "witness.example", &witness, 1_700_000_000);
        let cosigned = Note::parse(&format!("{signed}{line}")).expect("note");
        let key = WitnessKey::parse(&vkey("witness.example", &witness.public_bytes())).expect("vkey");
        assert_eq!(key.seen_at(&cosigned), Ok(1_700_000_000));
        assert_eq!(key.label(), format!("witness.example+{}", hex::encode(&key.id)));
        assert!(matches!(key.seen_at(&Note::parse(&signed).expect("note")), Err(NoteError::NotSigned(_))));
        let altered = Note::parse(&format!("{signed}{line}").replacen("\n7\n", "\n8\n", 1)).expect("note");
        assert!(matches!(key.seen_at(&altered), Err(NoteError::BadSignature(_))));
        let mut bytes = STANDARD.decode(line.trim().rsplit(' ').next().expect("base64")).expect("base64");
        bytes[11] ^= 1;
        let later = format!("{signed}\u{2014} witness.example {}\n", STANDARD.encode(bytes));
        assert!(matches!(key.seen_at(&Note::parse(&later).expect("note")), Err(NoteError::BadSignature(_))));
        // A key for checkpoints is no key for cosignatures, and the other way round.
        assert!(WitnessKey::parse(&note::vkey("witness.example", &witness.public_bytes())).is_err());
        assert!(note::Vkey::parse(&vkey("witness.example", &witness.public_bytes())).is_err());
    }
}
