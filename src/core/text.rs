//! Free text from people, bounded and printable.

use crate::core::Malformed;
use std::fmt;

pub use plimsoll_formats::misleads;

/// Text of at most `MAX` bytes without control characters other than line feed and tab,
/// and without bidirectional overrides, which make a reader see another text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<const MAX: usize>(String);

/// A sentence or two: reasons, titles.
pub type Line = Text<500>;
/// A few paragraphs: intended use, rationale.
pub type Paragraph = Text<8_000>;

impl<const MAX: usize> Text<MAX> {
    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        let trimmed = raw.trim();
        if MAX < trimmed.len() {
            return Err(Malformed::new(format!("use at most {MAX} bytes")));
        }
        if let Some(c) = trimmed.chars().find(|c| forbidden(*c)) {
            return Err(Malformed::new(format!("the character U+{:04X} is not allowed", u32::from(c))));
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// For texts that must say something.
    pub fn parse_required(raw: &str) -> Result<Self, Malformed> {
        let text = Self::parse(raw)?;
        if text.0.is_empty() {
            return Err(Malformed::new("must not be empty"));
        }
        Ok(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn forbidden(c: char) -> bool {
    misleads(c) && c != '\n' && c != '\t'
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Replaces what is no part of a text: control characters, and those that turn its direction.
pub fn plain(text: &str) -> String {
    let is_odd = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFE}' | '\u{FFFF}')
    };
    text.chars().map(|c| if is_odd(c) { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_printable_and_bounded() {
        assert_eq!(Line::parse(" ok\n ").map(|t| t.to_string()), Ok("ok".to_owned()));
        for bad in ["a\0b", "a\u{1b}[31m", "abc\u{202e}fed", &"x".repeat(501)] {
            assert!(Line::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Line::parse_required("  ").is_err());
    }
}
