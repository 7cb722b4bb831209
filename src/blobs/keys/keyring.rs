//! Keys that the operator gives: a name and 32 bytes on each line. The first wraps new keys, all of them open.

use super::{Answer, KeyError, KeyService, Wrapped};
use crate::crypto::{cobblestone::MessageKey, seal::SealingKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::FutureExt;
use std::sync::Arc;
use zeroize::Zeroizing;

pub struct Keyring {
    /// By name; the first is the one that counts.
    keys: Vec<(String, SealingKey)>,
}

impl Keyring {
    /// Lines of a name and 32 bytes in base64; empty lines and those that begin with `#` say nothing. Several keys on one
    /// line are separated by commas.
    ///
    /// # Errors
    /// What is wrong with which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<(String, SealingKey)> = Vec::new();
        for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            for entry in
                line.split(',').map(str::trim).filter(|entry| !entry.is_empty() && !line.trim_start().starts_with('#'))
            {
                let (name, key) = entry.split_once(char::is_whitespace).ok_or_else(|| wrong(number))?;
                let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
                if !(1..=64).contains(&name.len()) || !name.chars().all(is_name) {
                    return Err(format!("line {number}: a key's name is 1 to 64 of a-z, 0-9, -, _ and ."));
                }
                if keys.iter().any(|(other, _)| other == name) {
                    return Err(format!(
                        "line {number}: there are two keys \"{name}\"; give the newer one another name"
                    ));
                }
                let bytes = STANDARD.decode(key.trim()).map(Zeroizing::new).map_err(|_| wrong(number))?;
                keys.push((name.to_owned(), SealingKey::from_bytes(&bytes).map_err(|_| wrong(number))?));
            }
        }
        if keys.is_empty() {
            return Err(
                "there is no key; make one: printf '2026 %s\\n' \"$(openssl rand -base64 32)\" > keys; chmod 600 keys"
                    .to_owned(),
            );
        }
        Ok(Self { keys })
    }

    fn wrapped(&self, key: &MessageKey) -> Result<Wrapped, KeyError> {
        let (name, sealing) = self.keys.first().ok_or(KeyError::NoKeys)?;
        let text = sealing.seal(key.as_bytes(), &belongs_to(name)).map_err(|_| KeyError::Closed(name.clone()))?;
        Ok(Wrapped { by: name.clone(), text })
    }

    fn unwrapped(&self, wrapped: &Wrapped) -> Result<MessageKey, KeyError> {
        let named = self.keys.iter().find(|(name, _)| *name == wrapped.by);
        let (name, sealing) = named.ok_or_else(|| KeyError::Unknown(wrapped.by.clone()))?;
        let opened = sealing.open(&wrapped.text, &belongs_to(name)).ok();
        opened.and_then(|bytes| MessageKey::from_bytes(&bytes)).ok_or_else(|| KeyError::Closed(name.clone()))
    }
}

impl KeyService for Keyring {
    fn wrap<'a>(&'a self, key: &'a MessageKey) -> Answer<'a, Wrapped> {
        async { self.wrapped(key) }.boxed()
    }

    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped) -> Answer<'a, Arc<MessageKey>> {
        async { self.unwrapped(wrapped).map(Arc::new) }.boxed()
    }

    fn rewrap<'a>(&'a self, wrapped: &'a Wrapped) -> Answer<'a, Wrapped> {
        async {
            if self.keys.first().is_some_and(|(name, _)| *name == wrapped.by) {
                return Ok(wrapped.clone());
            }
            self.wrapped(&self.unwrapped(wrapped)?)
        }
        .boxed()
    }
}

fn belongs_to(name: &str) -> String {
    format!("plimsoll/blob-key/v1/{name}")
}

fn wrong(line: usize) -> String {
    format!("line {line} is not a name, a space and 32 bytes in base64, such as `openssl rand -base64 32` prints")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, byte: u8) -> String {
        format!("{name} {}", STANDARD.encode([byte; 32]))
    }

    #[test]
    fn the_first_key_wraps_and_all_of_them_open() {
        let (old, new) = (line("2025", 1), line("2026", 2));
        let before = Keyring::parse(&old).expect("one");
        let key = MessageKey::generate().expect("key");
        let wrapped = before.wrapped(&key).expect("wrapped");
        assert_eq!(wrapped.by, "2025");
        let now = Keyring::parse(&format!("# newest first\n{new}\n\n{old}\n")).expect("two");
        let again = now.wrapped(&now.unwrapped(&wrapped).expect("opens")).expect("wrapped");
        assert_eq!(again.by, "2026");
        assert_eq!(now.unwrapped(&again).expect("opens").as_bytes(), key.as_bytes());
        assert!(matches!(before.unwrapped(&again), Err(KeyError::Unknown(name)) if name == "2026"));
        let other = Keyring::parse(&line("2025", 9)).expect("another");
        assert!(matches!(other.unwrapped(&wrapped), Err(KeyError::Closed(name)) if name == "2025"));
        assert_eq!(Keyring::parse(&format!("{new},{old}")).expect("one line").keys.len(), 2);
    }

    #[test]
    fn what_is_no_list_of_keys_is_refused_with_its_line() {
        let good = line("a", 1);
        for wrong in ["", "# nothing", "a", "a c2hvcnQ=", &format!("{good}\n{good}"), &line("A", 1), &line("", 1)] {
            assert!(Keyring::parse(wrong).is_err(), "{wrong}");
        }
        let said = Keyring::parse(&format!("{good}\nb nonsense")).map(drop).expect_err("refused");
        assert!(said.starts_with("line 2 "), "{said}");
    }
}
