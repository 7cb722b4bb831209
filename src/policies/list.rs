//! `field: value` and `field: [value, value]`: both are read, the list is what is kept.

use serde::{
    Deserialize, Deserializer,
    de::{Error, IntoDeserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// More entries than any list of a policy takes; reading stops here.
const MOST: usize = 200;

/// Reads one value or a list of them. An empty list is refused: whether it means "all" or "none"
/// would be a guess.
pub(super) fn one_or_many<'de, D, T>(reader: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    reader.deserialize_any(OneOrMany(PhantomData))
}

struct OneOrMany<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list of them")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Vec<T>, E> {
        Ok(vec![T::deserialize(word.into_deserializer())?])
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
        Ok(vec![T::deserialize(MapAccessDeserializer::new(map))?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(entry) = entries.next_element()? {
            all.push(entry);
            if MOST < all.len() {
                return Err(A::Error::custom(format!("more than {MOST} entries")));
            }
        }
        if all.is_empty() {
            return Err(A::Error::custom("the list is empty; leave the field out, or name what it is about"));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::RiskTier;
    use serde_json::{Value, json};

    #[derive(Debug, Deserialize, serde::Serialize, PartialEq)]
    struct Holder {
        #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
        tier: Vec<RiskTier>,
    }

    fn read(written: Value) -> Result<Holder, serde_json::Error> {
        serde_json::from_value(written)
    }

    #[test]
    fn one_value_is_a_list_of_one_and_an_empty_list_is_no_answer() {
        assert_eq!(read(json!({"tier": "high"})).expect("one"), Holder { tier: vec![RiskTier::High] });
        assert_eq!(read(json!({"tier": ["low", "high"]})).expect("two").tier.len(), 2);
        assert_eq!(read(json!({})).expect("none").tier.len(), 0);
        for wrong in [json!({"tier": []}), json!({"tier": "huge"}), json!({"tier": [["high"]]}), json!({"tier": 1})] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(read(json!({"tier": vec!["low"; 300]})).is_err());
    }
}
