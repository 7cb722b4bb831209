//! Names of files that others will write to disk: what must not be among them, and which two are one.

use crate::{Refusal, misleads, quoted};
use std::collections::{HashMap, HashSet};
use unicode_normalization::UnicodeNormalization;

const MAX_NAME_BYTES: usize = 1_024;
const MAX_FOLDERS: usize = 32;
/// Of all names of an archive together, with the folders that they stand in.
const MAX_KEPT_BYTES: usize = 64 << 20;

/// Whether a part of a name is that of a device on some system.
pub fn is_device(part: &str) -> bool {
    // Digits above the line are digits there, and blanks before the ending are none.
    let stem: String = part.split('.').next().unwrap_or(part).trim_end().nfkc().flat_map(char::to_lowercase).collect();
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.ends_with(|c: char| c.is_ascii_digit()))
}

/// As a file system sees a name that ignores case and ways of writing an accent: equal ones are one file there.
pub fn folded(name: &str) -> String {
    // Upper case first: some letters have two lower ones, and some become two letters.
    let upper: String = name.nfkc().flat_map(char::to_lowercase).flat_map(char::to_uppercase).collect();
    upper.chars().flat_map(char::to_lowercase).nfkc().collect()
}

/// What is wrong with the name of a member; nothing where it stays in its folder on every system.
fn fault(name: &str) -> Option<&'static str> {
    let plain = name.strip_suffix('/').unwrap_or(name);
    let mut parts = plain.split('/');
    if plain.is_empty() || MAX_NAME_BYTES < name.len() || MAX_FOLDERS < plain.matches('/').count() {
        return Some("has no name, or one that is too long or too deep");
    }
    if name.starts_with(['/', '\\']) || name.contains(':') || name.split(['/', '\\']).any(|part| part == "..") {
        return Some("leaves its folder");
    }
    if name.contains('\\') {
        return Some("has a backslash, which is a folder on some systems and a letter on others");
    }
    if name.contains(misleads) {
        return Some("has a NUL, a control character or one that turns the reading direction");
    }
    if name.contains(['<', '>', '"', '|', '?', '*']) {
        return Some("has a character that stands in no name on some systems");
    }
    let odd = |part: &str| part.is_empty() || part == "." || part.ends_with(['.', ' ']) || is_device(part);
    parts.any(odd).then_some("is another name on another system")
}

/// The names of an archive, each seen once.
#[derive(Default)]
pub(crate) struct Names {
    /// By how they look when they are folded: whether it is a folder.
    seen: HashMap<String, bool>,
    /// Folders that files stand in.
    parents: HashSet<String>,
    kept_bytes: usize,
}

impl Names {
    /// # Errors
    /// `Unsafe` for a name that leaves its folder, stands twice, or is a file and a folder.
    pub fn add(&mut self, name: &str, is_folder: bool) -> Result<(), Refusal> {
        let refuse =
            |what: &str| Err(Refusal::Unsafe(format!("the archive has the entry {}, which {what}", quoted(name))));
        if let Some(what) = fault(name) {
            return refuse(what);
        }
        let folded = folded(name.strip_suffix('/').unwrap_or(name));
        for (at, _) in folded.match_indices('/') {
            let parent = folded.get(..at).unwrap_or_default();
            if self.seen.get(parent) == Some(&false) {
                return refuse("stands in a folder that is a file");
            }
            if !self.parents.contains(parent) {
                self.kept_bytes += parent.len();
                self.parents.insert(parent.to_owned());
            }
        }
        self.kept_bytes += folded.len();
        if MAX_KEPT_BYTES < self.kept_bytes {
            return Err(Refusal::Unsupported("the names of the archive are too long to be told apart".to_owned()));
        }
        if !is_folder && self.parents.contains(&folded) {
            return refuse("is a file and a folder");
        }
        match self.seen.insert(folded, is_folder) {
            Some(true) if is_folder => Ok(()),
            None => Ok(()),
            Some(_) => refuse("stands there twice, which two readers understand in two ways"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leaves_its_folder_or_means_two_things_is_refused() {
        for good in ["a", "a/b.c", "b..c", "köln/é", "folder/"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in [
            "",
            "/",
            "/etc/x",
            "../x",
            "a/../x",
            "a/..",
            "..\\x",
            "a\\b",
            "c:/x",
            "a\0b",
            "a\u{1b}",
            "a/./b",
            "a//b",
            "a.",
            "nul",
            "x/CON.txt",
            "CON .txt",
            "a<b>.txt",
            "a?",
            "COM\u{b9}",
            "lpt\u{b2}.bin",
            "CONIN$",
            "a\u{202e}b",
            &"x".repeat(1_025),
        ] {
            assert!(fault(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn two_names_that_are_one_file_somewhere_are_refused() {
        for (one, other) in [
            ("a", "a"),
            ("a", "A"),
            ("\u{e9}", "e\u{301}"),
            ("a", "a/b"),
            ("a/b", "a"),
            ("ﬁ", "fi"),
            ("aς", "aσ"),
            ("straße", "STRASSE"),
            ("K", "\u{212a}"),
        ] {
            let mut names = Names::default();
            names.add(one, false).expect("the first");
            assert!(names.add(other, false).is_err(), "{one} {other}");
        }
        let mut names = Names::default();
        for (name, is_folder) in [("a/", true), ("a/", true), ("a/b", false), ("a/c", false)] {
            names.add(name, is_folder).expect(name);
        }
    }
}
