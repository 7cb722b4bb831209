//! Reading a policy file, and saying where it is wrong.

use crate::{
    cli::{Exit, Failure},
    crypto::json,
    error::Error,
    policies::{
        Policy,
        lint::{self, Problem},
    },
};
use serde_json::Value;
use std::{fs, path::Path};

const MAX_BYTES: u64 = 1 << 20;

/// The policy in a file, as it is read and as it is written; or why it is none, with the line and
/// column where the reader can tell.
pub fn policy(file: &Path) -> Result<Result<(Policy, Value), Problem>, Failure> {
    let wrong = |e: String| Failure::new(Exit::Usage, format!("{}: {e}", file.display()));
    if fs::metadata(file).is_ok_and(|found| MAX_BYTES < found.len()) {
        return Err(wrong(format!("has more than {MAX_BYTES} bytes")));
    }
    let text = fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
    Ok(of_text(&text))
}

fn of_text(text: &str) -> Result<(Policy, Value), Problem> {
    let at = |place: String, error: &yaml_serde::Error| {
        let found = error.to_string();
        let known = error.location().filter(|_| !found.contains(" at line "));
        let position = known.map_or_else(String::new, |at| format!(" at line {} column {}", at.line(), at.column()));
        lint::illegal((place, format!("{found}{position}")))
    };
    let written: Value = json::value(yaml_serde::Deserializer::from_str(text)).map_err(|e| at(String::new(), &e))?;
    let reader = yaml_serde::Deserializer::from_str(text);
    let policy: Policy = serde_path_to_error::deserialize(reader).map_err(|e| {
        let place = e.path().to_string();
        at(if place == "." { String::new() } else { place }, e.inner())
    })?;
    match policy.check() {
        Ok(()) => Ok((policy, written)),
        Err(Error::Invalid(mut fields)) if !fields.is_empty() => Err(lint::illegal(fields.swap_remove(0))),
        Err(error) => Err(lint::illegal((String::new(), error.to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "approvals:\n  - {role: reviewer, count: 1}\n";

    #[test]
    fn where_a_file_is_wrong_is_said_with_line_and_column() {
        assert!(of_text(GOOD).is_ok());
        for (text, place, wanted) in [
            ("approvals: [", "", "line 2"),
            ("approvals:\n  - {role: reviewer, count: many}\n", "approvals[0].count", "line 2 column"),
            (
                "approvals:\n  - {role: reviewer, count: 1}\nrules:\n  - when: {risk_tier: huge}\n",
                "rules[0].when.risk_tier",
                "line 4",
            ),
            ("approvals:\n  - {role: reviewer, count: 1}\nautomatic: true\n", "automatic", "line 3"),
            ("approvals:\n  - {role: reviewer, count: 11}\n", "approvals[0].count", "1 to 10"),
            (
                "approvals:\n  - {role: reviewer, count: 1}\nfreeze:\n  - {reason: r, zone: Mars, from: 2026-01-01T00:00, until: 2026-01-02T00:00}\n",
                "freeze[0].zone",
                "line 4",
            ),
        ] {
            let problem = of_text(text).expect_err(text);
            assert_eq!(problem.place, place, "{text}: {problem:?}");
            assert!(problem.detail.contains(wanted), "{text}: {problem:?}");
        }
    }

    proptest! {
        /// Whatever stands in a file, reading it ends in a policy or in a problem.
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,200}") {
            let _ = of_text(&text);
        }

        #[test]
        fn no_broken_policy_breaks_the_reader(cut in 0usize..400, with in "[\\[\\]{}:,&*!|> \n\"a-z0-9-]{0,8}") {
            let whole = include_str!("../../../docs/examples/bank-policy.yaml");
            let cut = whole.char_indices().map(|(i, _)| i).nth(cut % whole.chars().count()).unwrap_or(0);
            let _ = of_text(&format!("{}{with}{}", &whole[..cut], &whole[cut..]));
            let _ = of_text(&format!("{}{with}", &whole[..cut]));
        }
    }

    #[test]
    fn the_example_of_the_documentation_is_legal_and_has_no_problem() {
        let (policy, _) = of_text(include_str!("../../../docs/examples/bank-policy.yaml")).expect("legal");
        let now = "2026-11-20T12:00:00Z".parse().expect("a moment");
        assert_eq!(lint::check(&policy, None, now), []);
    }
}
