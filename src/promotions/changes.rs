//! What differs between two decisions, part by part.

use crate::error::Change;
use serde_json::Value;
use std::collections::BTreeMap;

/// Every part of which the two say different things, in the order of their names. A text that is no
/// decision has no parts.
pub fn between(before: &str, now: &str) -> Vec<Change> {
    let read = |text: &str| serde_json::from_str::<BTreeMap<String, Value>>(text).unwrap_or_default();
    let (mut before, now) = (read(before), read(now));
    let mut changes = Vec::new();
    for (part, now) in now {
        let before = before.remove(&part).unwrap_or_default();
        if before != now {
            changes.push(Change { part, before, now });
        }
    }
    // What nobody asks about any more has changed too.
    let gone = before.into_iter().filter(|(_, before)| !before.is_null());
    changes.extend(gone.map(|(part, before)| Change { part, before, now: Value::Null }));
    changes.sort_by(|one, other| one.part.cmp(&other.part));
    changes
}

/// The parts by name, for a person.
pub fn sentence(changes: &[Change]) -> String {
    let names: Vec<_> = changes
        .iter()
        .map(|change| match change.part.as_str() {
            "replaces" => "replaces (another release is active now)",
            part => part,
        })
        .collect();
    format!("changed since it was asked: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_differs_between_two_decisions_is_named_with_both_sides() {
        let before = r#"{"policy":"a","replaces":null,"run":"r","waivers":["w"]}"#;
        let changes = between(before, r#"{"policy":"b","replaces":null,"run":"s","mode":"advisory"}"#);
        let change = |part: &str, before: Value, now: Value| Change { part: part.to_owned(), before, now };
        assert_eq!(
            changes,
            [
                change("mode", Value::Null, json!("advisory")),
                change("policy", json!("a"), json!("b")),
                change("run", json!("r"), json!("s")),
                change("waivers", json!(["w"]), Value::Null),
            ]
        );
        assert_eq!(sentence(&changes), "changed since it was asked: mode, policy, run, waivers");
        let replaced = sentence(&between(before, r#"{"policy":"a","replaces":"x","run":"r","waivers":["w"]}"#));
        assert!(replaced.contains("another release is active now"), "{replaced}");
    }

    #[test]
    fn a_part_that_is_absent_on_one_side_and_empty_on_the_other_is_the_same() {
        assert_eq!(between(r#"{"replaces":null}"#, "{}"), []);
        assert_eq!(between("{}", r#"{"replaces":null}"#), []);
        assert_eq!(between("no decision", "{}"), []);
    }
}
