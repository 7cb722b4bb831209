//! Two things side by side, line by line.

use std::collections::{BTreeMap, BTreeSet};

/// A line of a table of two.
pub struct Pair {
    pub what: String,
    /// Empty where there is nothing.
    pub before: String,
    pub after: String,
}

impl Pair {
    pub fn new(what: impl Into<String>, before: impl Into<String>, after: impl Into<String>) -> Self {
        Self { what: what.into(), before: before.into(), after: after.into() }
    }

    /// How the second differs from the first, in a word; empty if it does not.
    pub fn change(&self) -> &'static str {
        match (self.before.is_empty(), self.after.is_empty()) {
            _ if self.before == self.after => "",
            (true, _) => "added",
            (_, true) => "removed",
            _ => "changed",
        }
    }
}

/// A line for every name that either has.
pub fn pairs(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<Pair> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let side = |of: &BTreeMap<String, String>, name: &String| of.get(name).cloned().unwrap_or_default();
    names.into_iter().map(|name| Pair::new(name.clone(), side(old, name), side(new, name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_said_in_a_word() {
        let words = [("a", "a"), ("", "a"), ("a", ""), ("a", "b")].map(|(old, new)| Pair::new("x", old, new).change());
        assert_eq!(words, ["", "added", "removed", "changed"]);
    }
}
