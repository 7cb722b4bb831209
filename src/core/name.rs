//! Names that people give to things.

use crate::core::Malformed;
use std::fmt;

/// Invariant: 1 to 64 characters of `a-z 0-9 . _ -`, starting and ending with a letter
/// or digit, without `..`, none of the reserved words, and no id.
///
/// Plain ASCII on purpose: two names that look alike are the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Words that would be confused with a route, a file or a device.
const RESERVED: &[&str] = &["admin", "api", "aux", "con", "current", "latest", "new", "nul", "prn", "system"];

impl Name {
    pub const MAX_CHARS: usize = 64;

    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let allowed = |c: char| edge(c) || matches!(c, '.' | '_' | '-');
        let fits = (1..=Self::MAX_CHARS).contains(&raw.len())
            && raw.chars().all(allowed)
            && raw.starts_with(edge)
            && raw.ends_with(edge)
            && !raw.contains("..");
        if !fits {
            return Err(Malformed::new(
                "use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning and ending with a letter or digit",
            ));
        }
        if RESERVED.contains(&raw) {
            return Err(Malformed::new(format!("\"{raw}\" is a reserved word")));
        }
        // Ids are looked for wherever they may stand, and by them it is judged what somebody bears on.
        if uuid::Uuid::try_parse(raw).is_ok() {
            return Err(Malformed::new("a name is no id; take another"));
        }
        Ok(Self(raw.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "fraud-7", "credit.risk_2", &"x".repeat(64)] {
            assert!(Name::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "0190a3c4-0000-7000-8000-00000000000a",
            "0190a3c400007000800000000000000a",
            "Fraud",
            "a b",
            "ü",
            "..",
            "a..b",
            "-a",
            "a-",
            ".git",
            "con",
            "p\u{430}ypal",
            "a\u{200d}b",
            "a/b",
            "a\0",
            &"x".repeat(65),
        ] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
        }
    }
}
