//! How a registry's key vouches for the next one: a signed note whose text names it, so that
//! who pinned an old key can find out by itself that a new one belongs to the same registry.
//!
//! Invariant: the text can be no checkpoint, because its first line has white space.

use crate::crypto::{
    json,
    keys::RegistryKey,
    note::{self, Vkey, Vkeys},
};
use serde::{Deserialize, Serialize};

const TITLE: &str = "plimsoll registry key v1";
/// A registry that changed its key each month for five years.
const MAX_STEPS: usize = 64;

/// A key, and the note in which the one before it vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub verifier_key: String,
    pub endorsement: Option<String>,
}

/// The keys of a registry as a file, oldest first: JSON, a list of `verifier_key` and `endorsement`.
///
/// # Errors
/// When they cannot be JSON, which texts always can.
pub fn to_file(links: &[Link]) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(links).map(|text| text + "\n")
}

/// Reads such a file; nothing in it is believed until [`follow`] found who vouches for it.
///
/// # Errors
/// What is wrong with it.
pub fn from_file(text: &[u8]) -> Result<Vec<Link>, String> {
    json::parse(text).map_err(|e| e.to_string())
}

/// The keys that the known ones vouch for, and those that these vouch for in turn. A list is
/// read once, oldest first, so that a hostile one costs little.
pub fn follow(origin: &str, known: &[String], links: &[Link]) -> Vec<String> {
    let mut all = known.to_vec();
    for Link { verifier_key, endorsement } in links.iter().take(MAX_STEPS) {
        let Some(note) = endorsement.as_deref().filter(|_| !all.contains(verifier_key) && all.len() < MAX_STEPS) else {
            continue;
        };
        let is_of_log = Vkey::parse(verifier_key).is_ok_and(|key| key.name == origin && key.text() == *verifier_key);
        if is_of_log && all.iter().any(|by| vouches(origin, by, verifier_key, note)) {
            all.push(verifier_key.clone());
        }
    }
    all.split_off(known.len())
}

/// 8 hex digits of the listed key whose public half has this fingerprint, as bundles name it.
pub fn id_of(fingerprint: &str, links: &[Link]) -> Option<String> {
    let mut keys = links.iter().take(MAX_STEPS).filter_map(|link| Vkey::parse(&link.verifier_key).ok());
    keys.find(|key| key.key.fingerprint() == fingerprint).map(|key| id(&key.text()))
}

/// 8 hex digits.
pub fn id(verifier_key: &str) -> String {
    verifier_key.split('+').nth(1).unwrap_or_default().to_owned()
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
    fn a_file_of_keys_is_followed_from_any_of_them_on() {
        let (_, links) = chain(4);
        let key = |n: usize| links[n].verifier_key.clone();
        let read = from_file(to_file(&links).expect("text").as_bytes()).expect("read");
        assert_eq!(read, links);
        for from in 0..4 {
            assert_eq!(follow(ORIGIN, &[key(from)], &read), (from + 1..4).map(key).collect::<Vec<_>>(), "{from}");
        }
        assert_eq!(follow(ORIGIN, &[key(0), key(1)], &read), [key(2), key(3)]);
        let (_, foreign) = chain(2);
        assert!(follow(ORIGIN, &[foreign[0].verifier_key.clone()], &read).is_empty());
        assert!(follow("other.example", &[key(0)], &read).is_empty());
        let gap = [links[0].clone(), Link { endorsement: None, ..links[1].clone() }, links[2].clone()];
        assert!(follow(ORIGIN, &[key(0)], &gap).is_empty(), "nobody vouches for the second");
        let stranger = Link { endorsement: foreign[1].endorsement.clone(), ..foreign[1].clone() };
        assert!(follow(ORIGIN, &[key(0)], &[stranger]).is_empty());
        let public = Vkey::parse(&key(2)).expect("key").key;
        assert_eq!(id_of(&public.fingerprint(), &links), Some(id(&key(2))));
        assert_eq!(id_of("00", &links), None);
        for bad in ["", "{}", "[1]", r#"[{"verifier_key":"x","endorsement":null,"more":1}]"#] {
            assert!(from_file(bad.as_bytes()).is_err(), "{bad}");
        }
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
