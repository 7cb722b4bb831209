//! On which line of a YAML or JSON text something stands that a message names by its path (`constraints[2].unit`).
//!
//! The text is read once more by the YAML reader itself, up to the named place, where the reader says where it is. So
//! comments, flow style, anchors and line ends are read by the same rules as the document.

use crate::cli::Failure;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::{fmt, path::Path};

/// Puts `FILE:LINE: ` before each reason whose path is in the text; the rest stays as it is.
pub fn place(failure: Failure, file: &Path, text: &str) -> Failure {
    let why =
        failure.why.into_iter().map(|line| match line.split_once(": ").and_then(|(path, _)| locate(text, path)) {
            Some(number) => format!("{}:{number}: {line}", file.display()),
            None => line,
        });
    Failure { why: why.collect(), ..failure }
}

/// The line, from 1, on which the value at `path` begins; that of what it is missing from, if it is not there.
///
/// `None` for a path that has nothing to do with the text.
pub fn locate(text: &str, path: &str) -> Option<usize> {
    let steps = steps(path)?;
    (1..=steps.len()).rev().find_map(|length| at(text, steps.get(..length)?))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
}

/// `constraints[2].unit` as steps; `None` for what is no path.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, items) = part.split_once('[').unwrap_or((part, "]"));
        if !items.ends_with(']') || name.is_empty() || name.contains(char::is_whitespace) {
            return None;
        }
        steps.push(Step::Field(name.to_owned()));
        for item in items.split('[').filter(|item| *item != "]") {
            steps.push(Step::Item(item.strip_suffix(']')?.parse().ok()?));
        }
    }
    Some(steps)
}

fn at(text: &str, steps: &[Step]) -> Option<usize> {
    let error = To(steps).deserialize(yaml_serde::Deserializer::from_str(text)).err()?;
    // Any other error has stopped the reader before it came there.
    error.to_string().contains(HERE).then(|| error.location().map(|place| place.line())).flatten()
}

/// What the reader is stopped with. No document can say it: this is no part of any.
const HERE: &str = "\u{1}here\u{1}";

/// Reads up to a place and stops there with an error, to which the reader adds where it is.
struct To<'s>(&'s [Step]);

impl<'de> DeserializeSeed<'de> for To<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl To<'_> {
    /// A value without parts: the place, or nothing on the way to it.
    fn scalar<E: Error>(&self) -> Result<(), E> {
        if self.0.is_empty() { Err(E::custom(HERE)) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for To<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.scalar::<A::Error>()?;
        if let Some((Step::Item(wanted), rest)) = self.0.split_first() {
            for _ in 0..*wanted {
                if items.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(());
                }
            }
            items.next_element_seed(To(rest))?;
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.scalar::<A::Error>()?;
        while let Some(key) = fields.next_key::<Value>()? {
            match self.0.split_first() {
                Some((Step::Field(wanted), rest)) if key.as_str() == Some(wanted) => {
                    fields.next_value_seed(To(rest))?
                }
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Exit;
    use proptest::prelude::*;

    const SPEC: &str = "# the load line\ndatasets: {credit: rows}\nconstraints:\n  - name: a\n    unit: ms\n\n  - {name: b,\n     unit: ms}\n  - &one\n    name: c # said here\n    load:\n      batch: 0\n";

    #[test]
    fn a_path_is_found_where_its_value_begins() {
        for (path, line) in [
            ("datasets", 2),
            ("datasets.credit", 2),
            ("constraints[0].name", 4),
            ("constraints[0].unit", 5),
            ("constraints[1].unit", 8),
            ("constraints[2].name", 10),
            ("constraints[2].load.batch", 12),
            // What is missing is missing from its limit.
            ("constraints[0].limit", 4),
            ("constraints[1].limit", 7),
        ] {
            assert_eq!(locate(SPEC, path), Some(line), "{path}");
            assert_eq!(locate(&SPEC.replace('\n', "\r\n"), path), Some(line), "{path} with other line ends");
        }
        assert_eq!(locate("{\n \"constraints\": [\n  {\"name\": 1}\n ]\n}", "constraints[0].name"), Some(3));
    }

    #[test]
    fn what_is_no_place_in_the_text_has_no_line() {
        for path in ["code invalid, request id 7", "nothing", "datasets[", "", "here: there", "a..b"] {
            assert_eq!(locate(SPEC, path), None, "{path}");
        }
        assert_eq!(locate("a: [", "a"), Some(1), "what stands before a fault of the text has its line");
        assert_eq!(locate("a: [\nb: }\nc: 1", "c"), None, "and what stands behind it has none");
    }

    #[test]
    fn reasons_get_the_line_and_the_rest_stays() {
        let mut failure = Failure::new(Exit::Usage, "wrong");
        failure.why = vec!["constraints[0].unit: no unit".to_owned(), "code invalid, request id x".to_owned()];
        let placed = place(failure, Path::new("limits.yaml"), SPEC);
        assert_eq!(placed.why, ["limits.yaml:5: constraints[0].unit: no unit", "code invalid, request id x"]);
    }

    proptest! {
        #[test]
        fn any_text_and_any_path_is_answered(text in any::<String>(), path in any::<String>()) {
            let _ = locate(&text, &path);
            let _ = locate(SPEC, &path);
        }
    }
}
