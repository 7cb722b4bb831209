//! Data sets of named tensors: which array of an `.npz` feeds which input, what is expected of the outputs, and what
//! a model is given back of its own from call to call.
//!
//! Invariants of a [`TensorDescription`], which is only made from JSON: at least one input takes rows; an input is fed
//! by an array or by an output and never by both; an output feeds one input; every number is finite.

mod bound;

pub(super) use bound::bind;
pub use bound::{Expected, Fed, Fedback, Tensors};

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

const MAX_PORTS: usize = 256;
const MAX_NAME_BYTES: usize = 200;

/// What the arrays of an `.npz` are for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Written")]
pub struct TensorDescription {
    /// Input of the model to the array that feeds it.
    inputs: BTreeMap<String, Feed>,
    /// Output of the model to what was recorded of it, to be held against its answers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    expected: BTreeMap<String, Recorded>,
    /// Input of the model to the output that feeds it from call to call. Rows are then predicted one by one, in order.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, WrittenFeedback>)]
    state: BTreeMap<String, Feedback>,
    /// An array with the sequence of each row: where it changes, the state begins anew. Without it all rows are one.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequences: Option<String>,
}

/// What feeds an input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// The array; that of the input's own name when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// The dimension that counts rows.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schema(default = 0)]
    pub axis: usize,
    /// Every call gets the whole array, such as a sample rate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

/// What was recorded of an output, a row for each row of the inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The array; that of the output's own name when it is left out. Its first dimension counts rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// How far a number may be from the recorded one.
    #[serde(default = "tolerance")]
    #[schema(default = 0.0001)]
    pub absolute: f64,
    /// How much further it may be, as a share of the recorded one.
    #[serde(default)]
    pub relative: f64,
    /// Of one number for each row: from here on the answer is yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// Where an input's state comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// The output whose value the next call gets.
    pub output: String,
    /// The array that a sequence begins with. Without it zeros in the shape of the input, 1 where that is not fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<String>,
}

fn tolerance() -> f64 {
    1e-4
}

fn is_zero(axis: &usize) -> bool {
    *axis == 0
}

/// Only finite numbers come out of JSON.
impl Eq for TensorDescription {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    inputs: BTreeMap<String, Feed>,
    #[serde(default)]
    expected: BTreeMap<String, Recorded>,
    #[serde(default)]
    state: BTreeMap<String, WrittenFeedback>,
    #[serde(default)]
    sequences: Option<String>,
}

/// The output, such as `stateN`, or the output with the array that a sequence begins with.
#[derive(Deserialize, ToSchema)]
#[schema(as = StateSource)]
#[serde(untagged)]
enum WrittenFeedback {
    Output(String),
    Whole(Feedback),
}

impl TryFrom<Written> for TensorDescription {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let feedback = |written| match written {
            WrittenFeedback::Output(output) => Feedback { output, initial: None },
            WrittenFeedback::Whole(feedback) => feedback,
        };
        let state = written.state.into_iter().map(|(input, from)| (input, feedback(from))).collect();
        let Written { inputs, expected, sequences, .. } = written;
        let description = Self { inputs, expected, state, sequences };
        description.check()?;
        Ok(description)
    }
}

impl TensorDescription {
    fn check(&self) -> Result<(), String> {
        if [self.inputs.len(), self.expected.len(), self.state.len()].iter().any(|ports| MAX_PORTS < *ports) {
            return Err(format!("at most {MAX_PORTS} inputs, outputs and states can be described"));
        }
        if self.inputs.values().all(|feed| feed.shared) {
            return Err("no input takes rows; describe under `inputs` at least one array that is not shared".to_owned());
        }
        if let Some((input, _)) = self.inputs.iter().find(|(_, feed)| feed.shared && feed.axis != 0) {
            return Err(format!(
                "the input \"{input}\" has an axis of rows and is shared by all rows; give one of them"
            ));
        }
        if let Some(input) = self.state.keys().find(|input| self.inputs.contains_key(*input)) {
            return Err(format!("the input \"{input}\" is fed by an array and by an output; take it out of one"));
        }
        let mut outputs = BTreeSet::new();
        if let Some(twice) = self.state.values().find(|feedback| !outputs.insert(&feedback.output)) {
            return Err(format!("the output \"{}\" feeds two inputs", twice.output));
        }
        if self.sequences.is_some() && self.state.is_empty() {
            return Err(
                "sequences are for models with a state; describe it under `state`, or leave them out".to_owned()
            );
        }
        for (output, recorded) in &self.expected {
            let legal = |tolerance: f64| tolerance.is_finite() && tolerance >= 0.0;
            if !legal(recorded.absolute) || !legal(recorded.relative) {
                return Err(format!("the tolerances of the output \"{output}\" are numbers of 0 or more"));
            }
            if recorded.threshold.is_some_and(|threshold| !threshold.is_finite()) {
                return Err(format!("the threshold of the output \"{output}\" is a finite number"));
            }
        }
        let illegal = |name: &&str| name.is_empty() || MAX_NAME_BYTES < name.len() || name.contains(char::is_control);
        match self.names().find(illegal) {
            Some(name) => Err(format!("\"{}\" is no name of 1 to {MAX_NAME_BYTES} bytes", name.escape_debug())),
            None => Ok(()),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let ports = self.inputs.keys().chain(self.expected.keys()).chain(self.state.keys());
        let fed = self.inputs.values().filter_map(|feed| feed.array.as_ref());
        let recorded = self.expected.values().filter_map(|recorded| recorded.array.as_ref());
        let states = self.state.values().flat_map(|from| std::iter::once(&from.output).chain(&from.initial));
        ports.chain(fed).chain(recorded).chain(states).chain(&self.sequences).map(String::as_str)
    }

    /// Whether this array reaches the model.
    pub fn feeds(&self, array: &str) -> bool {
        let mut fed = self.inputs.iter().map(|(input, feed)| feed.array.as_ref().unwrap_or(input));
        fed.any(|name| name == array) || self.state.values().any(|from| from.initial.as_deref() == Some(array))
    }

    /// Whether there is something recorded to hold answers against.
    pub fn expects(&self) -> bool {
        !self.expected.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(written: Value) -> Result<TensorDescription, String> {
        serde_json::from_value(written).map_err(|error| error.to_string())
    }

    #[test]
    fn a_description_comes_back_as_it_was_meant() {
        let written = json!({"inputs": {"x": {"array": "frames", "axis": 1}, "sr": {"shared": true}},
            "expected": {"y": {"absolute": 0.01, "threshold": 0.5}},
            "state": {"h": "hN", "c": {"output": "cN", "initial": "c0"}}, "sequences": "speaker"});
        let description = read(written).expect("legal");
        assert_eq!(description.state["h"], Feedback { output: "hN".to_owned(), initial: None });
        let again = read(serde_json::to_value(&description).expect("json")).expect("legal");
        assert_eq!(again, description);
    }

    #[test]
    fn what_feeds_a_model_is_known() {
        let read = |written| read(written).expect("legal");
        let description = read(
            json!({"inputs": {"x": {"array": "frames"}, "y": {}}, "state": {"h": {"output": "hN", "initial": "h0"}}}),
        );
        assert!(["frames", "y", "h0"].iter().all(|array| description.feeds(array)));
        assert!(!description.feeds("x") && !description.feeds("hN"));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (written, said) in [
            (json!({"inputs": {}}), "no input takes rows"),
            (json!({"inputs": {"x": {"shared": true}}}), "no input takes rows"),
            (json!({"inputs": {"x": {}, "y": {"shared": true, "axis": 1}}}), "\"y\" has an axis"),
            (json!({"inputs": {"x": {}}, "state": {"x": "y"}}), "\"x\" is fed by an array and by an output"),
            (json!({"inputs": {"x": {}}, "state": {"a": "y", "b": "y"}}), "\"y\" feeds two inputs"),
            (json!({"inputs": {"x": {}}, "sequences": "s"}), "sequences are for models with a state"),
            (json!({"inputs": {"x": {}}, "expected": {"y": {"absolute": -1}}}), "tolerances"),
            (json!({"inputs": {"x": {"array": ""}}}), "is no name"),
            (json!({"inputs": {"x": {}}, "labels": "y"}), "unknown field"),
        ] {
            let refused = read(written).expect_err(said);
            assert!(refused.contains(said), "{refused}");
        }
    }
}
