//! Logical names of a version's files.

use crate::core::Malformed;
use plimsoll_formats::is_device;
use std::fmt;

/// A relative name inside a version, such as `weights/model.onnx`.
///
/// Invariant: 1 to 255 bytes, parts joined by `/`, no empty part, no `.` or `..`, no
/// backslash, colon or control character, no device name of any file system, no
/// trailing dot or space. It never becomes a path of the server's file system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(String);

impl FilePath {
    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        if raw.is_empty() || 255 < raw.len() {
            return Err(Malformed::new("use 1 to 255 bytes"));
        }
        if let Some(c) = raw.chars().find(|c| forbidden(*c)) {
            return Err(Malformed::new(format!("the character U+{:04X} is not allowed in a file name", u32::from(c))));
        }
        for part in raw.split('/') {
            if part.is_empty() || part == "." || part == ".." {
                return Err(Malformed::new("parts must not be empty, \".\" or \"..\""));
            }
            if part.ends_with(['.', ' ']) || part.starts_with(' ') || is_device(part) {
                return Err(Malformed::new(format!("\"{part}\" cannot be a file name on every system")));
            }
        }
        Ok(Self(raw.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}'..='\u{200F}' | '\u{FEFF}')
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_leave_a_folder_is_a_file_name() {
        for good in ["model.onnx", "a/b/c.txt", "README.md", "köln.csv", ".gitignore"] {
            assert!(FilePath::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a\\b",
            "c:x",
            "a\0",
            "nul",
            "a/CON.txt",
            "lpt1",
            "a.",
            "a ",
            "x\u{202e}y",
            &"x".repeat(256),
        ] {
            assert!(FilePath::parse(bad).is_err(), "{bad:?}");
        }
    }
}
