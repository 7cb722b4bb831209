//! What a worker says about its machine, and what a run may ask of one: `hardware=edge-cam`.

use crate::core::Malformed;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

const MAXIMUM_PART: usize = 64;

/// `key=value`; both are 1 to 64 of a-z, 0-9, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

impl Label {
    /// The most labels that one worker has.
    pub const MAXIMUM: usize = 32;

    /// # Errors
    /// When a part is empty, too long, or has other characters.
    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        let wrong = || {
            let text = "write a label as key=value, such as hardware=edge-cam; both have 1 to 64 of a-z, 0-9, `.`, `_` and `-`";
            Malformed::new(text)
        };
        let (key, value) = raw.split_once('=').ok_or_else(wrong)?;
        if !is_part(key) || !is_part(value) {
            return Err(wrong());
        }
        Ok(Self(raw.to_owned()))
    }

    /// The hardware that a constraint spec names by a word.
    ///
    /// # Errors
    /// When the word can be no part of a label.
    pub fn of_hardware(word: &str) -> Result<Self, Malformed> {
        if !is_part(word) {
            return Err(Malformed::new("use 1 to 64 of a-z, 0-9, `.`, `_` and `-`"));
        }
        Ok(Self(format!("hardware={word}")))
    }

    /// What stands behind `hardware=`.
    pub fn hardware(&self) -> Option<&str> {
        self.0.strip_prefix("hardware=")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_part(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (1..=MAXIMUM_PART).contains(&text.len()) && text.bytes().all(allowed)
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Label {
    type Err = Malformed;

    fn from_str(raw: &str) -> Result<Self, Malformed> {
        Self::parse(raw)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(|error| serde::de::Error::custom(error.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_key_and_a_value_of_plain_characters() {
        for good in ["hardware=edge-cam", "a=b", "gpu.model=a100_80", &format!("{0}={0}", "x".repeat(64))] {
            assert_eq!(Label::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", "=", "hardware", "hardware=", "=x", "a=b=c", "A=b", "a=b c", "a=ü", "a=b,c=d", &"x".repeat(65)]
        {
            assert!(Label::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hardware_has_a_word_of_its_own() {
        let label = Label::of_hardware("edge-cam").expect("a label");
        assert_eq!((label.as_str(), label.hardware()), ("hardware=edge-cam", Some("edge-cam")));
        assert_eq!(Label::parse("gpu=a100").expect("a label").hardware(), None);
        assert!(Label::of_hardware("edge=cam").is_err());
    }
}
