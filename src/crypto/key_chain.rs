//! How a registry's key vouches for the next one: a signed note whose text names it, so that
//! who pinned an old key can find out by itself that a new one belongs to the same registry.
//!
//! Invariant: the text can be no checkpoint, because its first line has white space.

use crate::crypto::{
    keys::RegistryKey,
    note::{self, Vkeys},
};

const TITLE: &str = "plimsoll registry key v1";
/// A registry that changed its key each month for five years.
const MAX_STEPS: usize = 64;

/// A key, and the note in which the one before it vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub verifier_key: String,
    pub endorsement: Option<String>,
}

fn text(origin: &str, verifier_key: &str) -> String {
    format!("{TITLE}\n{origin}\n{verifier_key}\n")
}

/// The note in which `key` vouches for the key that comes after it.
pub fn endorse(origin: &str, verifier_key: &str, key: &RegistryKey) -> String {
    note::sign(&text(origin, verifier_key), origin, key)
}

/// The keys from `pinned` to `wanted`, both included, each vouched for by the one before it;
/// `None` when they don't lead there.
pub fn path(origin: &str, pinned: &str, wanted: &str, links: &[Link]) -> Option<Vec<String>> {
    let mut found = vec![wanted.to_owned()];
    for _ in 0..MAX_STEPS {
        let current = found.last()?;
        if current == pinned {
            found.reverse();
            return Some(found);
        }
        let note = links.iter().find(|link| link.verifier_key == *current)?.endorsement.as_deref()?;
        let mut keys = links.iter().map(|link| link.verifier_key.as_str());
        let before = keys.find(|before| vouches(origin, before, current, note))?;
        found.push(before.to_owned());
    }
    None
}

/// Whether `wanted` comes from `pinned`.
pub fn leads(origin: &str, pinned: &str, wanted: &str, links: &[Link]) -> bool {
    path(origin, pinned, wanted, links).is_some()
}

fn vouches(origin: &str, by: &str, whom: &str, note: &str) -> bool {
    let opened = Vkeys::parse(by).ok().filter(|key| key.name() == origin).and_then(|key| key.open(note).ok());
    by != whom && opened.is_some_and(|opened| opened == text(origin, whom))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::checkpoint::Checkpoint;

    const ORIGIN: &str = "log.example";

    fn chain(length: usize) -> (Vec<RegistryKey>, Vec<Link>) {
        let keys: Vec<_> = (0..length).map(|_| RegistryKey::generate().expect("key")).collect();
        let vkey = |key: &RegistryKey| note::vkey(ORIGIN, &key.public_bytes());
        let links = (0..length).map(|n| Link {
            verifier_key: vkey(&keys[n]),
            endorsement: n.checked_sub(1).map(|before| endorse(ORIGIN, &vkey(&keys[n]), &keys[before])),
        });
        let links = links.collect();
        (keys, links)
    }

    #[test]
    fn a_key_leads_to_those_that_came_after_it_and_to_no_other() {
        let (_, links) = chain(4);
        let key = |n: usize| links[n].verifier_key.as_str();
        for from in 0..4 {
            for to in 0..4 {
                let way = (from <= to).then(|| (from..=to).map(|n| key(n).to_owned()).collect::<Vec<_>>());
                assert_eq!(path(ORIGIN, key(from), key(to), &links), way, "{from} to {to}");
            }
        }
        assert!(!leads("other.example", key(0), key(1), &links));
        let without: Vec<_> = links.iter().filter(|link| link.verifier_key != key(1)).cloned().collect();
        assert!(!leads(ORIGIN, key(0), key(2), &without), "a step is missing");
    }

    #[test]
    fn nobody_else_vouches_for_a_key() {
        let (keys, links) = chain(2);
        let (strangers, foreign) = chain(1);
        let (pinned, stranger) = (links[0].verifier_key.as_str(), foreign[0].verifier_key.as_str());
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: 1, root: [1; 32] }.sign(&keys[0]);
        let itself = endorse(ORIGIN, stranger, &strangers[0]);
        let stolen = links[1].endorsement.clone().expect("endorsement");
        for endorsement in [None, Some(checkpoint), Some(itself), Some(stolen), Some("nonsense".to_owned())] {
            let mut offered = links.clone();
            offered.push(Link { verifier_key: stranger.to_owned(), endorsement });
            assert!(!leads(ORIGIN, pinned, stranger, &offered), "{:?}", offered.last());
        }
    }
}
