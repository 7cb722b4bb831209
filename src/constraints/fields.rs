//! Reads the fields of one JSON object and notes every problem with its place.

use super::{spec::SpecError, words::Words};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// A hostile document can be wrong in a million places; the first ones say enough.
pub const MAXIMUM_PROBLEMS: usize = 100;

/// The problems found so far.
#[derive(Default)]
pub struct Problems(Vec<SpecError>);

impl Problems {
    pub fn add(&mut self, path: impl Into<String>, detail: impl Into<String>) {
        if self.0.len() < MAXIMUM_PROBLEMS {
            self.0.push(SpecError { path: path.into(), detail: detail.into() });
        }
    }

    pub fn into_vec(self) -> Vec<SpecError> {
        self.0
    }
}

/// One object of the document. A reader returns `None` for what is absent or wrong; what is
/// wrong, or absent and needed, is noted.
pub struct Fields<'v, 'p> {
    map: &'v Map<String, Value>,
    path: String,
    problems: &'p mut Problems,
}

impl<'v, 'p> Fields<'v, 'p> {
    /// Opens an object and notes fields that it should not have.
    pub fn open(value: &'v Value, path: String, known: &[&str], problems: &'p mut Problems) -> Option<Self> {
        let Some(map) = value.as_object() else {
            problems.add(path, format!("{} stands where an object belongs", kind(value)));
            return None;
        };
        let fields = Self { map, path, problems };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            let detail = format!("unknown field; known are {}", known.join(", "));
            fields.problems.add(fields.place(&shortened(name)), detail);
        }
        Some(fields)
    }

    pub fn place(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    pub fn note(&mut self, name: &str, detail: impl Into<String>) {
        self.problems.add(self.place(name), detail);
    }

    /// Notes something about the object itself.
    pub fn note_here(&mut self, detail: impl Into<String>) {
        self.problems.add(self.path.clone(), detail);
    }

    /// The value of a field; `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// The value of a field that has to be there.
    pub fn needed(&mut self, name: &str, what: &str) -> Option<&'v Value> {
        let value = self.get(name);
        if value.is_none() {
            self.note(name, format!("missing; give {what}"));
        }
        value
    }

    /// Notes a field that has no meaning here.
    pub fn refuse(&mut self, name: &str, because: &str) {
        if self.get(name).is_some() {
            self.note(name, because);
        }
    }

    pub fn text(&mut self, name: &str, longest: usize) -> Option<&'v str> {
        let value = self.get(name)?;
        match value.as_str() {
            Some(text) if (1..=longest).contains(&text.chars().count()) && is_clean(text) => Some(text),
            Some(_) => {
                let detail =
                    format!("give 1 to {longest} characters, without control characters other than line breaks");
                self.note(name, detail);
                None
            }
            None => {
                self.note(name, format!("{} stands where text belongs", kind(value)));
                None
            }
        }
    }

    pub fn word<T: Words>(&mut self, name: &str) -> Option<T> {
        let value = self.get(name)?;
        let word = value.as_str().and_then(T::from_word);
        if word.is_none() {
            let given = value.as_str().map_or_else(|| kind(value).to_owned(), shortened);
            self.note(name, format!("`{given}` is none of {}", T::listed()));
        }
        word
    }

    pub fn integer(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(name)?;
        let integer = value.as_u64().filter(|i| range.contains(i));
        if integer.is_none() {
            let (low, high) = range.into_inner();
            self.note(name, format!("give a whole number from {low} to {high}"));
        }
        integer
    }

    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        if !value.is_boolean() {
            self.note(name, format!("{} stands where true or false belongs", kind(value)));
        }
        value.as_bool()
    }

    /// Opens one object of a list inside this one.
    pub fn item(&mut self, name: &str, index: usize, value: &'v Value, known: &[&str]) -> Option<Fields<'v, '_>> {
        let path = format!("{}[{index}]", self.place(name));
        Fields::open(value, path, known, self.problems)
    }

    /// Opens an object inside this one.
    pub fn object(&mut self, name: &str, known: &[&str]) -> Option<Fields<'v, '_>> {
        let (value, path) = (self.get(name)?, self.place(name));
        Fields::open(value, path, known, self.problems)
    }
}

fn is_clean(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && c != '\n')
}

/// A name from outside, cut so that a message stays short.
fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
