//! What the service ran with: its settings and the state of its schema, as events.
//!
//! Invariant: a start with what was logged last logs nothing; a secret is masked before it
//! comes here, so neither the row nor the digest depends on it.

pub mod ops;
mod store;

use std::collections::BTreeMap;

/// Values by name, secrets masked.
pub type Settings = BTreeMap<String, String>;

/// Names whose value is another than before, or that came or went.
pub fn changed(before: &Settings, now: &Settings) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = before.keys().chain(now.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != now.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_went_or_differs_has_changed() {
        let of = |pairs: &[(&str, &str)]| -> Settings {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let before = of(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(changed(&before, &of(&[("a", "1"), ("b", "x"), ("d", "4")])), ["b", "c", "d"]);
        assert!(changed(&before, &before).is_empty());
        assert_eq!(changed(&Settings::new(), &before).len(), 3);
    }
}
