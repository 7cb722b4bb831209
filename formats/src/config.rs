//! Settings in JSON, with bounds: a name that stands twice is refused, because two readers take two different values.

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Longer ones are not read.
pub(crate) const MAX_BYTES: u64 = 16 << 20;
/// Values in all: what one takes in memory is a few dozen times what it takes in the file.
const MAX_VALUES: u32 = 500_000;
const MAX_DEPTH: u32 = 100;

/// A JSON value in which no name stands twice.
///
/// # Errors
/// Says what is wrong and where.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, String> {
    if MAX_BYTES < bytes.len() as u64 {
        return Err(format!("has more than {MAX_BYTES} bytes"));
    }
    let mut left = MAX_VALUES;
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let value =
        Strict { left: &mut left, depth: 0 }.deserialize(&mut from).map_err(|error| format!("is not read: {error}"))?;
    from.end().map_err(|error| format!("is not read: {error}"))?;
    Ok(value)
}

/// Whether an object in it has this name, however it is written; also where it can't be read here and may be elsewhere:
/// other readers take more bytes, other encodings, and the last of two names.
pub(crate) fn may_name(bytes: &[u8], name: &str) -> bool {
    match parse(bytes) {
        Ok(value) => has(&value, name),
        Err(_) => {
            let stands = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
            MAX_BYTES < bytes.len() as u64 || bytes.contains(&0) || stands(b"\\u") || stands(name.as_bytes())
        }
    }
}

fn has(value: &Value, name: &str) -> bool {
    match value {
        Value::Object(map) => map.contains_key(name) || map.values().any(|inner| has(inner, name)),
        Value::Array(list) => list.iter().any(|inner| has(inner, name)),
        _ => false,
    }
}

struct Strict<'l> {
    left: &'l mut u32,
    depth: u32,
}

impl Strict<'_> {
    fn inner<E: de::Error>(&mut self) -> Result<Strict<'_>, E> {
        *self.left = self.left.checked_sub(1).ok_or_else(|| E::custom(format!("more than {MAX_VALUES} values")))?;
        match self.depth < MAX_DEPTH {
            true => Ok(Strict { left: self.left, depth: self.depth + 1 }),
            false => Err(E::custom(format!("nested more than {MAX_DEPTH} deep"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self.inner()?)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(name) = map.next_key::<Name>()? {
            let value = map.next_value_seed(self.inner()?)?;
            let shown = crate::quoted(&name.0);
            if values.insert(name.0, value).is_some() {
                return Err(de::Error::custom(format!("the name {shown} stands twice")));
            }
        }
        Ok(Value::Object(values))
    }
}

struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_however_it_is_written() {
        let utf16: Vec<u8> = r#"{"class_name": 1}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let long = format!(r#"{{"{}": 1}}"#, "x".repeat(16 << 20));
        for there in [
            r#"{"a": [{"clas\u0073_name": 1}]}"#.as_bytes(),
            br#"{"a": NaN, "class_name": 1}"#,
            br#"{"a": 1, "a": {"\u0063lass_name": 1}}"#,
            &utf16,
            long.as_bytes(),
        ] {
            assert!(may_name(there, "class_name"), "{:?}", &there[..20.min(there.len())]);
        }
        for not in [br#"{"a": "class_name", "_class_name": 1}"#.as_slice(), br#"{"a": NaN}"#, b"no JSON", b""] {
            assert!(!may_name(not, "class_name"), "{not:?}");
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_at_any_depth() {
        assert_eq!(parse(br#"{"a": [1, {"b": null}]}"#), Ok(serde_json::json!({"a": [1, {"b": null}]})));
        for (bad, said) in [
            (r#"{"a": 1, "a": 1}"#.to_owned(), "twice"),
            (r#"[{"a": {"b": 1, "b": 2}}]"#.to_owned(), "twice"),
            ("{} {}".to_owned(), "trailing"),
            ("[".repeat(200), "deep"),
            (format!("[{}0]", "0,".repeat(500_000)), "values"),
        ] {
            let error = parse(bad.as_bytes()).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
    }
}
