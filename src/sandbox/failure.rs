//! Why a run gave no observation.

use crate::core::text::misleads;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest `detail` kept, in characters.
const MAX_DETAIL_CHARS: usize = 2_000;

/// The cause, in the words that a verdict uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The model asked for more memory than it may have, while it was loaded or run.
    MemoryLimit,
    /// The wall clock or the CPU time ran out.
    TimeLimit,
    /// The bytes are no model, or break a rule of the format.
    InvalidModel,
    /// A valid model that needs something the runtime or this sandbox does not have.
    UnsupportedModel,
    /// The data set, the interface file and the model's inputs do not fit together.
    InputMismatch,
    /// The runtime refused to compute an answer.
    RuntimeError,
    /// The model answered with something that is no prediction: NaN, no probability, a wrong number of rows.
    InvalidOutput,
    /// The same rows gave another answer the second time.
    NonDeterministic,
    /// The child died of a signal, or answered nothing readable.
    Crashed,
    /// The sandbox itself cannot work here. This is not the model's fault, and no verdict about it.
    Unavailable,
}

impl FailureKind {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::MemoryLimit => "memory_limit",
            Self::TimeLimit => "time_limit",
            Self::InvalidModel => "invalid_model",
            Self::UnsupportedModel => "unsupported_model",
            Self::InputMismatch => "input_mismatch",
            Self::RuntimeError => "runtime_error",
            Self::InvalidOutput => "invalid_output",
            Self::NonDeterministic => "non_deterministic",
            Self::Crashed => "crashed",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A failed run: the kind, and one bounded text for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    pub kind: FailureKind,
    /// At most 2,000 characters, none of them a control character or a bidirectional override.
    pub detail: String,
}

impl Failure {
    /// Escapes and cuts `detail`, which may come from the model or the runtime.
    pub fn new(kind: FailureKind, detail: impl AsRef<str>) -> Self {
        Self { kind, detail: printable(detail.as_ref(), MAX_DETAIL_CHARS) }
    }

    pub(super) fn input(detail: impl AsRef<str>) -> Self {
        Self::new(FailureKind::InputMismatch, detail)
    }

    pub(super) fn output(detail: impl AsRef<str>) -> Self {
        Self::new(FailureKind::InvalidOutput, detail)
    }

    pub(super) fn unsupported(detail: impl AsRef<str>) -> Self {
        Self::new(FailureKind::UnsupportedModel, detail)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

impl std::error::Error for Failure {}

/// `text` with every character escaped that could move a cursor or turn the reading direction, cut to `max_chars`.
///
/// Applying it twice gives the same text.
pub(super) fn printable(text: &str, max_chars: usize) -> String {
    let mut out = String::new();
    let mut chars = 0;
    for c in text.trim().chars() {
        let piece = if misleads(c) { c.escape_default().to_string() } else { c.to_string() };
        let length = piece.chars().count();
        if max_chars < chars + length {
            break;
        }
        chars += length;
        out.push_str(&piece);
    }
    out.truncate(out.trim_end().len());
    out
}

/// A name from the model or the data set, quoted and short enough for a message.
pub(super) fn quoted(name: &str) -> String {
    let shown = printable(name, 100);
    if shown.chars().count() < name.trim().chars().count() { format!("`{shown}…`") } else { format!("`{shown}`") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_characters_and_overrides_are_escaped() {
        let failure = Failure::new(FailureKind::RuntimeError, "a\nb\u{1b}[31m\u{202e}c");
        assert_eq!(failure.detail, "a\\nb\\u{1b}[31m\\u{202e}c");
    }

    #[test]
    fn the_kind_has_the_same_name_on_the_wire() {
        for kind in [FailureKind::MemoryLimit, FailureKind::NonDeterministic, FailureKind::Unavailable] {
            let json = serde_json::to_string(&kind).expect("serialises");
            assert_eq!(json, format!("\"{}\"", kind.name()));
        }
    }

    proptest! {
        #[test]
        fn a_detail_is_bounded_and_escaping_is_idempotent(text in "\\PC*|[\\x00-\\x7f]{0,3000}") {
            let once = Failure::new(FailureKind::Crashed, &text);
            prop_assert!(once.detail.chars().count() <= MAX_DETAIL_CHARS);
            prop_assert!(!once.detail.chars().any(char::is_control));
            let twice = Failure::new(FailureKind::Crashed, &once.detail);
            prop_assert_eq!(once, twice);
        }
    }
}
