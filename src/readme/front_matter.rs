//! The metadata at the head of a card: YAML, of which names and numbers are taken, and reported results.

use crate::formats::misleads;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{cell::Cell, fmt};

/// More is no metadata.
const MAX_BYTES: usize = 64 << 10;
/// Values in all. Counted as they are read, so that what is named once and used often ends the reading in time.
const MAX_VALUES: usize = 5_000;
const MAX_DEPTH: usize = 16;
/// Of each list that is shown.
const MAX_ITEMS: usize = 64;
const MAX_CHARS: usize = 300;

/// What the author says about the model. Nobody checked it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    pub license: Option<String>,
    pub license_name: Option<String>,
    pub license_link: Option<String>,
    pub pipeline_tag: Option<String>,
    pub library: Option<String>,
    pub language: Vec<String>,
    pub tags: Vec<String>,
    pub datasets: Vec<String>,
    pub base_model: Vec<String>,
    /// From `model-index`.
    pub reported: Vec<Reported>,
}

/// A result that the author reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    pub task: Option<String>,
    pub dataset: Option<String>,
    pub metric: String,
    pub value: String,
}

impl Metadata {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// # Errors
/// A sentence about what is wrong.
pub fn read(yaml: &str) -> Result<Metadata, String> {
    if MAX_BYTES < yaml.len() {
        return Err(format!("the metadata have {} bytes, and at most {MAX_BYTES} are read", yaml.len()));
    }
    let room = Room { values: Cell::new(MAX_VALUES), bytes: Cell::new(MAX_BYTES) };
    let bounded = Bounded { room: &room, depth: 0 };
    let value = bounded.deserialize(yaml_serde::Deserializer::from_str(yaml));
    match value.map_err(|e| clean(&e.to_string()))? {
        Value::Null => Ok(Metadata::default()),
        Value::Object(fields) => Ok(metadata(&fields)),
        _ => Err("the metadata are no list of names with values".to_owned()),
    }
}

fn metadata(fields: &Map<String, Value>) -> Metadata {
    let text = |name: &str| fields.get(name).and_then(scalar);
    let list = |name: &str| match fields.get(name) {
        Some(Value::Array(items)) => items.iter().filter_map(scalar).take(MAX_ITEMS).collect(),
        Some(one) => scalar(one).into_iter().collect(),
        None => Vec::new(),
    };
    Metadata {
        // A list of licences is written as one.
        license: Some(list("license")).filter(|all: &Vec<_>| !all.is_empty()).map(|all| all.join(", ")),
        license_name: text("license_name"),
        license_link: text("license_link"),
        pipeline_tag: text("pipeline_tag"),
        library: text("library_name"),
        language: list("language"),
        tags: list("tags"),
        datasets: list("datasets"),
        base_model: list("base_model"),
        reported: fields.get("model-index").map(reported).unwrap_or_default(),
    }
}

fn reported(index: &Value) -> Vec<Reported> {
    let called = |of: Option<&Value>| {
        let of = of?;
        of.get("name").and_then(scalar).or_else(|| of.get("type").and_then(scalar))
    };
    let results = each(Some(index)).iter().flat_map(|model| each(model.get("results")));
    let metrics = results.flat_map(|result| {
        let (task, dataset) = (called(result.get("task")), called(result.get("dataset")));
        each(result.get("metrics")).iter().filter_map(move |metric| {
            let value = scalar(metric.get("value")?)?;
            Some(Reported { task: task.clone(), dataset: dataset.clone(), metric: called(Some(metric))?, value })
        })
    });
    metrics.take(MAX_ITEMS).collect()
}

fn each(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => clean(text),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// One line without anything that would move it about where it is shown.
fn clean(text: &str) -> String {
    let is_moving =
        |c: char| misleads(c) || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{feff}');
    let line: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_moving(*c)).collect();
    line.trim().chars().take(MAX_CHARS).collect()
}

/// What may still be read. An alias takes of it whatever it stands for, so that little text can't become much.
struct Room {
    values: Cell<usize>,
    bytes: Cell<usize>,
}

impl Room {
    fn take<E: Error>(of: &Cell<usize>, wanted: usize, refusal: &str) -> Result<(), E> {
        of.set(of.get().checked_sub(wanted).ok_or_else(|| E::custom(refusal))?);
        Ok(())
    }
}

/// Reads a value as long as there are not too many, nor too long, nor too deep; repeated names and tags are refused.
#[derive(Clone, Copy)]
struct Bounded<'b> {
    room: &'b Room,
    depth: usize,
}

impl Bounded<'_> {
    fn text<E: Error>(self, text: &str) -> Result<String, E> {
        Room::take(&self.room.bytes, text.len(), "the metadata repeat too much text")?;
        Ok(text.to_owned())
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("the metadata are nested too deeply"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Room::take(&self.room.values, 1, "the metadata are too many values")?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without a tag")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    /// Of metadata without anything in them.
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let (within, mut all) = (self.deeper()?, Vec::new());
        while let Some(item) = items.next_element_seed(within)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let (within, mut all) = (self.deeper()?, Map::new());
        while let Some(name) = fields.next_key::<String>()? {
            let name = self.text(&name)?;
            let value = fields.next_value_seed(within)?;
            if all.insert(name, value).is_some() {
                return Err(A::Error::custom("the metadata name something twice"));
            }
        }
        Ok(Value::Object(all))
    }
}
