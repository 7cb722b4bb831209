//! Which actions somebody means: one by its name, or all that begin alike. A name that no action
//! has is refused with those that are near it, as an empty answer would say that nothing happened.

use crate::authz::Action;
use std::collections::BTreeSet;

/// So many changed letters away, a name is still thought to be meant.
const NEAR: usize = 3;
const MAX_SUGGESTED: usize = 5;

/// `promotion.approve` is one; `promotion.` and `promotion.*` stand for every one that begins so.
///
/// # Errors
/// A sentence that names what is near.
pub fn meant(wanted: &str) -> Result<Vec<String>, String> {
    let prefix = wanted.strip_suffix('*').unwrap_or(wanted);
    let fits = |name: &&str| if prefix.ends_with('.') { name.starts_with(prefix) } else { *name == wanted };
    let found: Vec<_> = names().filter(fits).map(str::to_owned).collect();
    if found.is_empty() { Err(unknown(wanted)) } else { Ok(found) }
}

fn names() -> impl Iterator<Item = &'static str> {
    Action::ALL.iter().map(|action| action.name())
}

fn unknown(wanted: &str) -> String {
    let mut near: Vec<_> = names().map(|name| (distance(wanted, name), name)).collect();
    near.sort_unstable();
    near.retain(|(distance, _)| *distance <= NEAR);
    let group = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let mut said: Vec<&str> = near.into_iter().map(|(_, name)| name).collect();
    said.extend(names().filter(|name| group(name) == group(wanted) && !said.contains(name)).collect::<Vec<_>>());
    said.truncate(MAX_SUGGESTED);
    if !said.is_empty() {
        let all = group(said.first().copied().unwrap_or_default());
        return format!(
            "no action is called that; near are {}; `{all}.` stands for all that begin so",
            said.join(", ")
        );
    }
    let groups: BTreeSet<_> = names().map(|name| format!("{}.", group(name))).collect();
    let groups: Vec<_> = groups.into_iter().collect();
    format!("no action is called that; these stand for all that begin so: {}", groups.join(", "))
}

/// Letters to insert, remove or replace (Levenshtein). Past the length of any name it is not counted out.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let apart = a.len().abs_diff(b.len());
    if NEAR < apart {
        return apart;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (pair, y) in row.windows(2).zip(&b) {
            let [diagonal, above] = pair else { continue };
            let left = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(x != y)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_stands_for_every_action_that_begins_so() {
        assert_eq!(meant("promotion.approve").expect("known"), ["promotion.approve"]);
        let all = meant("promotion.").expect("known");
        assert!(all.contains(&"promotion.approve".to_owned()) && all.iter().all(|a| a.starts_with("promotion.")));
        assert_eq!(meant("promotion.*"), Ok(all));
    }

    #[test]
    fn what_no_action_is_called_is_answered_with_what_is_near() {
        for (wanted, near) in [
            ("promotion.aprove", "near are promotion.approve, "),
            ("release.pul", "near are release.pull, "),
            ("promotion.promote", "promotion.request"),
            ("promotion", "`promotion.` stands for all"),
            ("promotion.approv*", "near are promotion.approve, "),
            ("modle.register", "near are model.register; `model.`"),
            ("nothing.", "account., audit., blob., break_glass., configuration."),
            ("*", "account., "),
            ("", "account., "),
        ] {
            let said = meant(wanted).expect_err(wanted);
            assert!(said.contains(near), "{wanted}: {said}");
        }
    }

    #[test]
    fn names_are_as_far_apart_as_letters_change() {
        for (a, b, far) in [("", "", 0), ("abc", "abc", 0), ("abc", "ab", 1), ("abc", "xbcd", 2), ("ab", "ba", 2)] {
            assert_eq!((distance(a, b), distance(b, a)), (far, far), "{a} {b}");
        }
        assert!(NEAR < distance("a", &"x".repeat(300)));
    }
}
