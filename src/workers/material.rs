//! What leaves the registry for a worker elsewhere: no more than the model takes. Pure.

use crate::sandbox::Task;
use std::collections::HashSet;

/// The task without the columns that a model with these inputs cannot ask for.
///
/// An input takes the columns that `interface.json` maps to it, else the column of its own name; a single one may take
/// the features of the data set.
pub fn only_needed(mut task: Task, inputs: &[String]) -> Task {
    let interface = task.interface.as_ref().and_then(|interface| interface.inputs.as_ref());
    let mapped = interface.into_iter().flatten().flat_map(|mapping| &mapping.columns);
    let features = task.feature_order.iter().filter(|_| inputs.len() <= 1);
    let needed: HashSet<String> = inputs.iter().chain(mapped).chain(features).cloned().collect();
    task.columns.retain(|column| needed.contains(&column.name));
    if let Some(tensors) = &mut task.tensors {
        tensors.inputs.retain(|fed| inputs.contains(&fed.input));
    }
    task.scales.retain(|name, _| needed.contains(name));
    task
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn task(interface: &serde_json::Value, features: &[&str]) -> Task {
        let column = |name: &str| json!({"name": name, "values": ["1"]});
        let columns = ["a", "b", "sex", "recorded"].map(column);
        serde_json::from_value(json!({
            "interface": interface, "columns": columns, "feature_order": features,
            "loads": [], "threads": 1, "scales": {"a": {"mean": 0.0, "std": 1.0, "continuous": true},
                "recorded": {"mean": 0.0, "std": 1.0, "continuous": true}}
        }))
        .expect("a task")
    }

    #[test]
    fn tensors_that_feed_other_models_stay() {
        let tensor = json!({"shape": [1], "values": {"element": "uint8", "base64": "AQ=="}});
        let fed = |input: &str| json!({"input": input, "tensor": tensor, "axis": 0});
        let mut task = task(&json!(null), &[]);
        task.columns.clear();
        let tensors = json!({"rows": 1, "inputs": [fed("sound"), fed("other")], "state": [], "starts": [0], "wanted": [],
            "predicts": false});
        task.tensors = serde_json::from_value(tensors).expect("tensors");
        assert_eq!(task.check(), Ok(()));
        let left = only_needed(task, &["sound".to_owned(), "memory".to_owned()]).tensors.expect("tensors");
        assert_eq!(left.inputs.iter().map(|fed| fed.input.as_str()).collect::<Vec<_>>(), ["sound"]);
    }

    #[test]
    fn what_the_model_does_not_take_stays() {
        let none = json!(null);
        let mapped = json!({"task": "regression", "inputs": [{"name": "x", "columns": ["b"]}]});
        for (interface, features, inputs, left) in [
            (&none, &[][..], &["a", "b"][..], &["a", "b"][..]),
            (&none, &["a", "b"], &["x"], &["a", "b"]),
            (&none, &["a"], &["b", "sex"], &["b", "sex"]),
            (&mapped, &[], &["x"], &["b"]),
            (&mapped, &[], &["x", "a"], &["a", "b"]),
            (&none, &[], &[], &[]),
        ] {
            let inputs: Vec<_> = inputs.iter().map(|name| (*name).to_owned()).collect();
            let task = only_needed(task(interface, features), &inputs);
            let names: Vec<_> = task.columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(names, left, "{inputs:?} {features:?}");
            assert!(!task.scales.contains_key("recorded"));
        }
    }
}
