//! A first constraint spec for a model, from what its file says. Every limit is a proposal.

use crate::{
    formats::onnx::{Element, Outline, Port},
    sandbox::TaskKind,
};
use serde_json::{Value, json};

/// What a new spec cannot do without and no file says.
pub const TO_DO: &str = "TODO";

/// What is asked of the person who drafts.
pub struct Names<'a> {
    pub model: &'a str,
    pub dataset: &'a str,
    pub owner: &'a str,
}

/// Columns of scores that are rather classes than an embedding or a signal.
const MOST_CLASSES: u64 = 100;

/// What the answers seem to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    Classes,
    Number,
    /// The file does not tell.
    Unknown,
}

impl Answers {
    /// `said` is the task of an `interface.json` beside the model. Else the outputs tell: labels and maps are of classes, and
    /// so are a few columns of scores; one number for each row is a predicted number.
    pub fn of(outline: &Outline, said: Option<TaskKind>) -> Self {
        match said {
            Some(TaskKind::Regression) => return Self::Number,
            Some(TaskKind::BinaryClassification | TaskKind::MulticlassClassification) => return Self::Classes,
            None => {}
        }
        let has_classes = |port: &Port| port.element != Element::Float || matches!(width(port), Some(2..=MOST_CLASSES));
        match outline.outputs.as_slice() {
            outputs if outputs.iter().any(has_classes) => Self::Classes,
            [only] if width(only) == Some(1) => Self::Number,
            _ => Self::Unknown,
        }
    }
}

/// Numbers of one row, where the file says it.
fn width(port: &Port) -> Option<u64> {
    match port.shape.as_deref()? {
        [] | [_] => Some(1),
        [_, rest @ ..] => rest.iter().try_fold(1_u64, |width, size| width.checked_mul((*size)?)),
    }
}

/// A spec as JSON; it is a whole one once the names in it are somebody's and something's.
pub fn spec(outline: &Outline, size_bytes: u64, answers: Answers, names: &Names<'_>) -> Value {
    let owner = names.owner;
    let limit = |name: &str, dimension: &str, metric: &str, operator: &str, limit: Value, unit: &str| {
        json!({"name": name, "dimension": dimension, "metric": metric, "operator": operator, "limit": limit,
            "unit": unit, "owner": owner})
    };
    let mut latency = limit("latency-p95", "latency", "latency", "<=", json!(latency_ms(outline)), "ms");
    latency["statistic"] = json!("p95");
    let mut limits = vec![
        latency,
        limit("cold-start", "load_time", "cold_start", "<=", json!(5), "s"),
        limit("peak-memory", "memory", "peak_memory", "<=", json!(memory_mib(outline, size_bytes)), "MiBy"),
        limit(
            "artifact-size",
            "size",
            "artifact_size",
            "<=",
            json!((size_bytes + size_bytes / 4).div_ceil(1000).max(1)),
            "kBy",
        ),
        limit(
            "operators",
            "compute",
            "operators",
            "<=",
            json!(outline.size.operators + outline.size.inner_operators),
            "1",
        ),
        limit("parameters", "compute", "parameters", "<=", json!(outline.size.parameters), "1"),
        limit("answers-with-numbers", "quality", "non_finite_rate", "<=", json!(0), "%"),
        limit("no-network", "connectivity", "network_free", ">=", json!(1), "1"),
        limit("own-files-only", "connectivity", "external_data", "<=", json!(outline.size.external_tensors), "1"),
    ];
    let flops = outline.size.flops;
    if flops.bearing_nodes > 0 && flops.counted_nodes == flops.bearing_nodes {
        limits.push(limit("flops", "compute", "flops", "<=", json!(flops.total.ceil()), "1"));
    }
    match answers {
        Answers::Classes => limits.push(limit("accuracy", "quality", "accuracy", ">=", json!(0.8), "1")),
        Answers::Number => limits.push(limit("r2", "quality", "r2", ">=", json!(0), "1")),
        Answers::Unknown => {}
    }
    let mut spec = json!({"datasets": {names.model: names.dataset}, "repeats": 2});
    if answers != Answers::Unknown && outline.inputs.iter().any(is_float) {
        spec["perturbations"] = json!([{"name": "sensor-noise", "kind": "noise", "sigma": 0.1}]);
        let mut noise = match answers {
            Answers::Classes => limit("steady-under-noise", "robustness", "flip_rate", "<=", json!(5), "%"),
            _ => limit("finite-under-noise", "robustness", "non_finite_rate", "<=", json!(0), "%"),
        };
        noise["perturbation"] = json!("sensor-noise");
        limits.push(noise);
    }
    spec["constraints"] = Value::Array(limits);
    spec
}

/// The draft with what its reader has to know in front.
pub fn yaml(spec: &Value, outline: &Outline, answers: Answers, file: &str) -> Result<String, yaml_serde::Error> {
    let size = outline.size;
    let ports = |ports: &[Port]| ports.iter().map(Port::to_string).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "# A draft from {file}: {} operators, {} parameters.\n# Inputs: {}\n# Outputs: {}\n",
        size.operators + size.inner_operators,
        size.parameters,
        ports(&outline.inputs),
        ports(&outline.outputs),
    );
    let flops = size.flops;
    text += &match flops.bearing_nodes == flops.counted_nodes {
        true => format!("# About {} floating point operations a row.\n", flops.total.ceil()),
        false => format!(
            "# Its operations can't be counted from the file: {} of {} nodes have known shapes.\n",
            flops.counted_nodes, flops.bearing_nodes
        ),
    };
    if answers == Answers::Unknown {
        text += "# What its outputs mean the file does not say. An interface.json beside it can, or add limits on quality or\n# on agreement with recorded answers yourself: without one nothing here asks how right it is.\n";
    }
    text += "# Every limit is a proposal: set what the environment needs, not what the model can do.\n";
    text += &format!("# {TO_DO} stands where only you know: the evaluation dataset, and who answers for each limit.\n");
    Ok(text + &yaml_serde::to_string(spec)?)
}

/// A thousand million operations a second are slow for one core; 20 ms go into everything else.
fn latency_ms(outline: &Outline) -> u64 {
    let work = (outline.size.flops.total / 1e6).ceil();
    // Beyond any limit that a person would set.
    20 + work.clamp(0.0, 3_600_000.0) as u64
}

/// A runtime of some tens of megabytes, the file, and its weights as they are unpacked.
fn memory_mib(outline: &Outline, size_bytes: u64) -> u64 {
    let weights = outline.size.parameters.saturating_mul(8);
    let bytes = size_bytes.saturating_mul(4).saturating_add(weights).min(1 << 42);
    128 + bytes.div_ceil(1 << 20)
}

fn is_float(port: &Port) -> bool {
    port.element == Element::Float
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        constraints::ConstraintSpec,
        formats::onnx::{Flops, Size},
    };

    fn port(name: &str, element: Element, shape: Option<Vec<Option<u64>>>) -> Port {
        Port { name: name.to_owned(), element, shape }
    }

    /// With a label it has classes, else one number for each row.
    fn outline(element: Element) -> Outline {
        let shape = if element == Element::Float { vec![None, Some(1)] } else { vec![None] };
        let mut outputs = vec![port("label", element, Some(shape))];
        if element != Element::Float {
            outputs.push(port("probabilities", Element::Float, Some(vec![None, Some(4)])));
        }
        Outline {
            size: Size {
                operators: 3,
                parameters: 52,
                flops: Flops { total: 104.0, counted_nodes: 1, bearing_nodes: 1 },
                ..Size::default()
            },
            inputs: vec![port("X", Element::Float, Some(vec![None, Some(4)]))],
            outputs,
        }
    }

    #[test]
    fn a_draft_is_a_spec_as_soon_as_its_names_are_given() {
        for (element, metric) in [(Element::Integer, "accuracy"), (Element::Float, "r2")] {
            let names = Names { model: "credit-risk", dataset: "credit", owner: "mara" };
            let outline = outline(element);
            let answers = Answers::of(&outline, None);
            let drafted = spec(&outline, 2_048, answers, &names);
            let parsed = ConstraintSpec::parse(&drafted).expect("a spec");
            assert_eq!(parsed.dataset("credit-risk"), Some("credit"));
            assert!(parsed.constraints().iter().any(|c| c.metric.to_string() == metric));
            assert!(parsed.constraints().iter().any(|c| c.name == "flops" && c.limit == 104.0));
            let text = yaml(&drafted, &outline, answers, "model.onnx").expect("written");
            let read: Value = yaml_serde::from_str(&text).expect("YAML");
            assert_eq!(read, drafted, "{text}");
            assert!(text.starts_with("# A draft from model.onnx: 3 operators, 52 parameters."), "{text}");
        }
    }

    #[test]
    fn what_the_answers_are_is_said_or_seen_or_not_taken_for_granted() {
        let of = |shape: Option<Vec<Option<u64>>>, said| {
            let outputs = vec![port("out", Element::Float, shape)];
            Answers::of(&Outline { outputs, ..outline(Element::Float) }, said)
        };
        let none = None::<TaskKind>;
        assert_eq!(of(Some(vec![None, Some(3)]), none), Answers::Classes, "scores without labels");
        assert_eq!(of(Some(vec![None]), none), Answers::Number);
        assert_eq!(of(Some(vec![None, Some(1)]), none), Answers::Number);
        for shape in [None, Some(vec![None, None]), Some(vec![None, Some(384)])] {
            assert_eq!(of(shape.clone(), none), Answers::Unknown);
            assert_eq!(of(shape, Some(TaskKind::MulticlassClassification)), Answers::Classes);
        }
        assert_eq!(of(Some(vec![None, Some(3)]), Some(TaskKind::Regression)), Answers::Number);
        let unknown = Outline { outputs: Vec::new(), ..outline(Element::Float) };
        let drafted = spec(&unknown, 9, Answers::Unknown, &Names { model: "m", dataset: "d", owner: "o" });
        assert!(ConstraintSpec::parse(&drafted).is_ok() && drafted["perturbations"].is_null(), "{drafted:#}");
        let text = yaml(&drafted, &unknown, Answers::Unknown, "m").expect("written");
        assert!(text.contains("interface.json"), "{text}");
    }

    #[test]
    fn operations_that_were_not_all_counted_are_no_limit() {
        let mut outline = outline(Element::Integer);
        outline.size.flops.bearing_nodes = 2;
        let drafted = spec(&outline, 2_048, Answers::Classes, &Names { model: "m", dataset: "d", owner: "o" });
        let names: Vec<&str> =
            drafted["constraints"].as_array().expect("limits").iter().filter_map(|c| c["name"].as_str()).collect();
        assert!(!names.contains(&"flops"), "{names:?}");
        assert!(yaml(&drafted, &outline, Answers::Classes, "m").expect("written").contains("1 of 2 nodes"));
    }
}
