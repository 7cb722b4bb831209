//! Signed notes: a text with signature lines below it. Format: C2SP `signed-note` v1.0.0,
//! signature type 0x01 (Ed25519).

use crate::crypto::{
    dsse::Verifier as _,
    hex,
    keys::{RegistryKey, RegistryVerifyingKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// A note of the log has about 300 bytes; witnesses add a line each.
const MAX_NOTE_BYTES: usize = 64 << 10;
const MAX_SIGNATURES: usize = 100;
const MAX_KEYS: usize = 64;
const ED25519: u8 = 1;
/// What to do about a signature by a key that nobody gave.
pub const OTHER_KEYS: &str = "The registry may have changed its key. `plimsoll audit key --all` prints all the keys \
    that you pinned; the registry lists all that it ever had at /api/v1/audit/keys, each with the note in which the \
    key before vouches for it. Give all of them, a line each in a --key-file; if your key vouches for none, it is \
    another registry's";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("the note has more than {MAX_NOTE_BYTES} bytes, so it is not read")]
    TooLarge,
    #[error("this is not a signed note: {0}")]
    Malformed(&'static str),
    #[error("the verifier key is malformed: {0}; it reads NAME+8 hex digits+base64, as the registry prints it")]
    Vkey(&'static str),
    #[error("the note is not signed by {0}; it comes from another registry, or the registry has another key")]
    NotSigned(String),
    /// Ids of keys, as everywhere: 8 hex digits each.
    #[error("it is signed by the key {signed} of {name}, and the known one is {known}. {OTHER_KEYS}")]
    OtherKey { name: String, signed: String, known: String },
    #[error("the signature of {0} does not hold: the note was altered after it was signed")]
    BadSignature(String),
    #[error("the checkpoint is malformed: {0}")]
    Checkpoint(&'static str),
    #[error("the checkpoint is of the log {found}, and the key is of {expected}")]
    Origin { found: String, expected: String },
}

/// A key name is not empty and has no white space, no control character and no plus sign.
pub fn check_name(name: &str) -> Result<(), NoteError> {
    match name.is_empty() || 255 < name.len() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
        true => Err(NoteError::Malformed("a key name has 1 to 255 bytes, no white space and no plus sign")),
        false => Ok(()),
    }
}

fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    key_id_of_type(ED25519, name, public)
}

pub(super) fn key_id_of_type(kind: u8, name: &str, public: &[u8; 32]) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', kind]).chain_update(public).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

/// The verifier key that a registry prints: `NAME+ID+KEY`.
pub fn vkey(name: &str, public: &[u8; 32]) -> String {
    vkey_of_type(ED25519, name, public)
}

pub(super) fn vkey_of_type(kind: u8, name: &str, public: &[u8; 32]) -> String {
    let key: Vec<u8> = std::iter::once(kind).chain(*public).collect();
    format!("{name}+{}+{}", hex::encode(&key_id_of_type(kind, name, public)), STANDARD.encode(key))
}

/// A verifier key that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vkey {
    pub name: String,
    pub id: [u8; 4],
    pub key: RegistryVerifyingKey,
}

impl Vkey {
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) = parse_vkey(text, ED25519)?;
        Ok(Self { name, id, key })
    }

    /// In the one form that the registry prints.
    pub fn text(&self) -> String {
        vkey(&self.name, &self.key.to_bytes())
    }
}

pub(super) fn parse_vkey(text: &str, kind: u8) -> Result<(String, [u8; 4], RegistryVerifyingKey), NoteError> {
    let mut parts = text.trim().splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::Vkey("it has fewer than three parts"));
    };
    check_name(name).map_err(|_| NoteError::Vkey("its name is not allowed"))?;
    let id = hex::decode::<4>(id).ok_or(NoteError::Vkey("its id is not 8 hex digits"))?;
    let key = STANDARD.decode(key).map_err(|_| NoteError::Vkey("its key is not base64"))?;
    let Some(public) = key.strip_prefix(&[kind]).and_then(|key| <[u8; 32]>::try_from(key).ok()) else {
        return Err(NoteError::Vkey("its key is not an Ed25519 key of the right kind"));
    };
    if key_id_of_type(kind, name, &public) != id {
        return Err(NoteError::Vkey("its id is not that of its name and key"));
    }
    let key = RegistryVerifyingKey::from_bytes(&public).map_err(|_| NoteError::Vkey("its key is not a point"))?;
    Ok((name.to_owned(), id, key))
}

/// The verifier keys of one log, a line each: a log that changes its key has several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vkeys(Vec<Vkey>);

impl Vkeys {
    /// At least one, at most 64, all of one name; empty lines are skipped.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys = lines.take(MAX_KEYS + 1).map(Vkey::parse).collect::<Result<Vec<_>, _>>()?;
        match keys.as_slice() {
            [] => Err(NoteError::Vkey("there is none")),
            keys if MAX_KEYS < keys.len() => Err(NoteError::Vkey("there are more than 64")),
            [first, rest @ ..] if rest.iter().any(|key| key.name != first.name) => {
                Err(NoteError::Vkey("there are keys of several logs"))
            }
            _ => Ok(Self(keys)),
        }
    }

    /// Of the log.
    pub fn name(&self) -> &str {
        self.0.first().map_or("", |key| key.name.as_str())
    }

    /// Each as the registry prints it.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(Vkey::text).collect()
    }

    pub fn keys(&self) -> Vec<RegistryVerifyingKey> {
        self.0.iter().map(|vkey| vkey.key.clone()).collect()
    }

    /// The text of a note that the owner of at least one of these keys signed; no signature
    /// of any of them may be wrong.
    pub fn open(&self, note: &str) -> Result<String, NoteError> {
        let note = Note::parse(note)?;
        let mut signed = false;
        for key in &self.0 {
            match note.verify(key) {
                Ok(()) => signed = true,
                Err(NoteError::NotSigned(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if signed { Ok(note.text) } else { Err(self.not_signed(&note)) }
    }

    /// How many of these keys signed.
    pub fn signers(&self, note: &Note) -> usize {
        self.0.iter().filter(|key| note.verify(key).is_ok()).count()
    }

    fn not_signed(&self, note: &Note) -> NoteError {
        let name = self.name().to_owned();
        let lines = note.signatures.iter().filter(|line| line.name == name);
        let signed: Vec<_> = lines.take(4).map(|line| hex::encode(&line.id)).collect();
        if signed.is_empty() {
            return NoteError::NotSigned(name);
        }
        let known: Vec<_> = self.0.iter().map(|key| hex::encode(&key.id)).collect();
        NoteError::OtherKey { name, signed: signed.join(", "), known: known.join(", ") }
    }
}

/// A note taken apart. Nothing is known about its signatures until [`verify`](Note::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// With its final newline.
    pub text: String,
    signatures: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl Note {
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if MAX_NOTE_BYTES < note.len() {
            return Err(NoteError::TooLarge);
        }
        if note.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NoteError::Malformed("it has control characters"));
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Malformed("no empty line before the signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed("the last line does not end"))?;
        let signatures = lines.split('\n').map(parse_line).collect::<Result<Vec<_>, _>>()?;
        if MAX_SIGNATURES < signatures.len() {
            return Err(NoteError::Malformed("it has more than 100 signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The bytes after the key's id on the first line of that key.
    pub(super) fn signature_of(&self, name: &str, id: [u8; 4]) -> Option<&[u8]> {
        self.signatures.iter().find(|line| line.name == name && line.id == id).map(|line| line.signature.as_slice())
    }

    /// Every signature of this key holds, and there is one. Those of other keys are not looked at.
    pub fn verify(&self, vkey: &Vkey) -> Result<(), NoteError> {
        let mut found = false;
        for line in self.signatures.iter().filter(|line| line.name == vkey.name && line.id == vkey.id) {
            if !vkey.key.accepts(self.text.as_bytes(), &line.signature) {
                return Err(NoteError::BadSignature(vkey.name.clone()));
            }
            found = true;
        }
        if found { Ok(()) } else { Err(NoteError::NotSigned(vkey.name.clone())) }
    }
}

fn parse_line(line: &str) -> Result<Line, NoteError> {
    let parts = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' '));
    let (name, encoded) =
        parts.ok_or(NoteError::Malformed("a signature line does not read \"\u{2014} NAME BASE64\""))?;
    check_name(name)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::Malformed("a signature is not base64"))?;
    let (id, signature) = bytes.split_first_chunk().ok_or(NoteError::Malformed("a signature is too short"))?;
    Ok(Line { name: name.to_owned(), id: *id, signature: signature.to_vec() })
}

/// Signs a text, which must end with a newline, as `name`.
pub fn sign(text: &str, name: &str, key: &RegistryKey) -> String {
    sign_all(text, name, [key])
}

/// Signs a text, which must end with a newline, with several keys of one name: a line each.
pub fn sign_all<'a>(text: &str, name: &str, keys: impl IntoIterator<Item = &'a RegistryKey>) -> String {
    let lines = keys.into_iter().map(|key| {
        let mut signature = key_id(name, &key.public_bytes()).to_vec();
        signature.extend_from_slice(&key.sign(text.as_bytes()));
        format!("\u{2014} {name} {}\n", STANDARD.encode(signature))
    });
    format!("{text}\n{}", lines.collect::<String>())
}

/// The text of a note that the owner of `vkey` signed.
pub fn open(note: &str, vkey: &Vkey) -> Result<String, NoteError> {
    let note = Note::parse(note)?;
    note.verify(vkey)?;
    Ok(note.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_go_implementation_verifies() {
        let vkey = Vkey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").expect("vkey");
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        assert!(open(note, &vkey).expect("signed").ends_with("your problem is.\n"));
        let altered = note.replace("answer", "Answer");
        assert_eq!(open(&altered, &vkey), Err(NoteError::BadSignature("PeterNeumann".to_owned())));
    }

    #[test]
    fn a_note_holds_for_its_key_and_name_only() {
        let (key, other) = (RegistryKey::generate().expect("key"), RegistryKey::generate().expect("key"));
        let note = sign("text\n\nmore\n", "log", &key);
        let vkey = |name: &str, key: &RegistryKey| Vkey::parse(&vkey(name, &key.public_bytes())).expect("vkey");
        assert_eq!(open(&note, &vkey("log", &key)).expect("signed"), "text\n\nmore\n");
        for wrong in [vkey("log", &other), vkey("lag", &key)] {
            assert_eq!(open(&note, &wrong), Err(NoteError::NotSigned(wrong.name.clone())));
        }
        let second = sign("text\n\nmore\n", "log", &other);
        let both = format!("{note}{}", second.rsplit_once("\n\n").expect("signatures").1);
        assert!(open(&both, &vkey("log", &key)).is_ok() && open(&both, &vkey("log", &other)).is_ok());
    }

    #[test]
    fn a_note_of_two_keys_holds_for_either_and_for_both() {
        let keys: Vec<_> = (0..3).map(|_| RegistryKey::generate().expect("key")).collect();
        let texts: Vec<_> = keys.iter().map(|key| vkey("log", &key.public_bytes())).collect();
        let note = sign_all("text\n", "log", &keys[..2]);
        let judge = |text: String, note: &str| Vkeys::parse(&text).expect("keys").open(note);
        for known in [&texts[..1], &texts[1..2], &texts[..2], &texts[1..], &texts[..]] {
            assert_eq!(judge(known.join("\n"), &note), Ok("text\n".to_owned()));
        }
        let id = |n: usize| texts[n].split('+').nth(1).expect("id").to_owned();
        let (signed, name) = (format!("{}, {}", id(0), id(1)), "log".to_owned());
        assert_eq!(judge(texts[2].clone(), &note), Err(NoteError::OtherKey { name, signed, known: id(2) }));
        // A line of a known key that does not hold counts, whatever else holds.
        let wrong = sign("other\n", "log", &keys[1]);
        let mixed = format!("{}{}", sign("text\n", "log", &keys[0]), wrong.rsplit_once("\n\n").expect("lines").1);
        assert_eq!(judge(texts.join("\n"), &mixed), Err(NoteError::BadSignature("log".to_owned())));
        assert_eq!(judge(texts[0].clone(), &mixed), Ok("text\n".to_owned()));
        let foreign = vkey("lag", &keys[0].public_bytes());
        for bad in [String::new(), " \n".to_owned(), format!("{}\n{foreign}", texts[0]), texts[0].repeat(2)] {
            assert!(matches!(Vkeys::parse(&bad), Err(NoteError::Vkey(_))), "{bad:?}");
        }
        let many = format!("{}\n", texts[0]).repeat(65);
        assert!(matches!(Vkeys::parse(&many), Err(NoteError::Vkey(_))));
    }

    #[test]
    fn malformed_notes_and_keys_are_refused() {
        for bad in [
            "",
            "\n\n",
            "x\n\n",
            "x\n\nlog AAAA\n",
            "x\n\n\u{2014} log AA\n",
            "x\n\n\u{2014} log AAAAAAAA",
            "x\r\n\n\u{2014} log AAAAAAAA\n",
        ] {
            assert!(matches!(Note::parse(bad), Err(NoteError::Malformed(_))), "{bad:?}");
        }
        assert_eq!(Note::parse(&"x".repeat(70_000)), Err(NoteError::TooLarge));
        let good = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        for (from, to) in
            [("Peter", "peter"), ("c7", "C7"), ("ARpc", "AhpC"), ("+c", " c"), ("PeterNeumann", ""), ("10TW", "")]
        {
            assert!(matches!(Vkey::parse(&good.replacen(from, to, 1)), Err(NoteError::Vkey(_))), "{to}");
        }
    }
}
