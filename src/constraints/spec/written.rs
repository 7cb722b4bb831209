//! A spec as JSON: as it was written, and with every default spelt out.

use super::{ConstraintSpec, SpecError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

impl ConstraintSpec {
    /// The same spec with every default written out: what a later change of a default can't
    /// touch. It parses to an equal list of constraints.
    pub fn explicit(&self) -> serde_json::Result<Value> {
        let mut spec = serde_json::Map::new();
        spec.insert("datasets".to_owned(), serde_json::to_value(&self.datasets)?);
        if let Some(hardware) = &self.hardware {
            spec.insert("hardware".to_owned(), serde_json::to_value(hardware)?);
        }
        spec.insert("bootstrap".to_owned(), serde_json::to_value(self.bootstrap)?);
        if !self.exclusions.is_empty() {
            spec.insert("exclusions".to_owned(), serde_json::to_value(&self.exclusions)?);
        }
        if !self.perturbations.is_empty() {
            spec.insert("perturbations".to_owned(), serde_json::to_value(&self.perturbations)?);
        }
        if let Some(cost) = self.cost {
            spec.insert("cost".to_owned(), serde_json::to_value(cost)?);
        }
        if let Some(repeats) = self.repeats {
            spec.insert("repeats".to_owned(), repeats.into());
        }
        for (name, value) in [("threads", self.threads), ("rows_per_call", self.rows_per_call)] {
            if let Some(value) = value {
                spec.insert(name.to_owned(), value.into());
            }
        }
        let constraints = serde_json::to_value(&self.constraints)?;
        spec.insert("constraints".to_owned(), constraints);
        if !self.overlays.is_empty() {
            spec.insert("overlays".to_owned(), serde_json::to_value(&self.overlays)?);
        }
        Ok(Value::Object(spec))
    }
}

impl Serialize for ConstraintSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ConstraintSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Value::deserialize(deserializer)?).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(SpecError::to_string).collect();
            serde::de::Error::custom(lines.join("; "))
        })
    }
}
