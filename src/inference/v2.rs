//! The bodies of the Open Inference Protocol v2 (the KServe predict protocol, version 2), in JSON.
//!
//! Without its binary extension. Data may be flat or nested as the shape is. A number that is not finite is null in an
//! answer, and counted in the parameters of its output; it can't be sent. Pure.

use crate::{
    error::Error,
    sandbox::{Datatype, Elements, NamedTensor, PortInfo, Trial, Tried},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Elements of all inputs of one call.
const MAX_ELEMENTS: u64 = 1 << 20;
const MAX_TENSORS: usize = 256;
const MAX_RANK: usize = 16;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InferInput {
    /// Comes back with the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// None is known; other than an empty object is refused.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    pub inputs: Vec<TensorInput>,
    /// Which outputs to give; all of them without it.
    #[serde(default)]
    pub outputs: Vec<OutputInput>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TensorInput {
    pub name: String,
    pub shape: Vec<i64>,
    /// `BOOL`, `UINT8` to `UINT64`, `INT8` to `INT64`, `FP32`, `FP64` or `BYTES` (texts).
    pub datatype: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// The elements in row-major order, flat or nested.
    #[schema(value_type = Vec<Object>)]
    pub data: Value,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputInput {
    pub name: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct InferView {
    pub model_name: String,
    pub model_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `manifest_digest`, `call_ms` and `runtime`.
    #[schema(value_type = Object)]
    pub parameters: Value,
    pub outputs: Vec<TensorView>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct TensorView {
    pub name: String,
    pub shape: Vec<u64>,
    pub datatype: String,
    /// `non_finite`: how many elements are null because they are no finite number.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    #[schema(value_type = Vec<Object>)]
    pub data: Vec<Value>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct MetadataView {
    pub name: String,
    pub versions: Vec<String>,
    /// `onnxruntime_onnx`.
    pub platform: String,
    pub inputs: Vec<TensorMetadata>,
    pub outputs: Vec<TensorMetadata>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct TensorMetadata {
    pub name: String,
    /// The protocol's word, or the type's own name where the protocol has none.
    pub datatype: String,
    /// -1 for a dimension that is not fixed.
    pub shape: Vec<i64>,
}

impl InferInput {
    /// The call that it asks for.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn trial(self) -> Result<(Trial, Option<String>), Error> {
        no_parameters("parameters", &self.parameters)?;
        if self.inputs.is_empty() || MAX_TENSORS < self.inputs.len() || MAX_TENSORS < self.outputs.len() {
            return Err(Error::invalid(
                "inputs",
                format!("give 1 to {MAX_TENSORS} inputs, and at most as many outputs"),
            ));
        }
        let mut left = MAX_ELEMENTS;
        let mut inputs: Vec<NamedTensor> = Vec::new();
        for (index, tensor) in self.inputs.into_iter().enumerate() {
            let at = format!("inputs[{index}]");
            if inputs.iter().any(|other| other.name == tensor.name) {
                return Err(Error::invalid(format!("{at}.name"), "stands twice"));
            }
            inputs.push(tensor.read(&at, &mut left)?);
        }
        for (index, output) in self.outputs.iter().enumerate() {
            no_parameters(&format!("outputs[{index}].parameters"), &output.parameters)?;
        }
        let outputs = self.outputs.into_iter().map(|output| output.name).collect();
        Ok((Trial::Call { inputs, outputs }, self.id))
    }
}

fn no_parameters(field: &str, parameters: &Map<String, Value>) -> Result<(), Error> {
    match parameters.keys().next() {
        Some(_) => Err(Error::invalid(field, "none is known here; send data as JSON in `data`, not in binary form")),
        None => Ok(()),
    }
}

impl TensorInput {
    fn read(self, at: &str, left: &mut u64) -> Result<NamedTensor, Error> {
        no_parameters(&format!("{at}.parameters"), &self.parameters)?;
        let Some(datatype) = Datatype::parse(&self.datatype) else {
            let known = Datatype::ALL.map(Datatype::name).join(", ");
            return Err(Error::invalid(format!("{at}.datatype"), format!("use one of {known}")));
        };
        let field = format!("{at}.shape");
        if MAX_RANK < self.shape.len() {
            return Err(Error::invalid(field, format!("at most {MAX_RANK} dimensions")));
        }
        let sizes: Option<Vec<u64>> = self.shape.iter().map(|n| u64::try_from(*n).ok().filter(|n| *n != 0)).collect();
        let shape = sizes.ok_or_else(|| Error::invalid(&field, "every dimension is 1 or more"))?;
        let cells = shape.iter().try_fold(1_u64, |cells, size| cells.checked_mul(*size));
        let cells = cells.and_then(|cells| left.checked_sub(cells).map(|rest| (cells, rest)));
        let Some((cells, rest)) = cells else {
            return Err(Error::invalid(field, format!("one call has at most {MAX_ELEMENTS} elements")));
        };
        *left = rest;
        let field = format!("{at}.data");
        let mut flat = Vec::new();
        flatten(self.data, shape.len().max(1), &mut flat);
        if flat.len() as u64 != cells {
            let detail = format!("has {} elements where the shape has {cells}", flat.len());
            return Err(Error::invalid(field, detail));
        }
        let elements = elements(datatype, &flat)
            .map_err(|index| Error::invalid(&field, format!("element {index} is no {}", datatype.name())))?;
        Ok(NamedTensor { name: self.name, datatype, shape, elements })
    }
}

/// The elements in their order; no deeper than the shape, so that bad data can't recurse.
fn flatten(data: Value, depth: usize, flat: &mut Vec<Value>) {
    match data {
        Value::Array(items) if depth != 0 => {
            for item in items {
                flatten(item, depth - 1, flat);
            }
        }
        one => flat.push(one),
    }
}

/// Or the index of the first one that is none.
fn elements(datatype: Datatype, flat: &[Value]) -> Result<Elements, usize> {
    fn all<T>(flat: &[Value], read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, usize> {
        flat.iter().enumerate().map(|(index, value)| read(value).ok_or(index)).collect()
    }
    let signed = |low: i64, high: i64| {
        all(flat, |value| value.as_i64().filter(|x| (low..=high).contains(x))).map(Elements::Signed)
    };
    let unsigned = |high: u64| all(flat, |value| value.as_u64().filter(|x| *x <= high)).map(Elements::Unsigned);
    match datatype {
        Datatype::Bool => all(flat, Value::as_bool).map(Elements::Bool),
        Datatype::Uint8 => unsigned(u8::MAX.into()),
        Datatype::Uint16 => unsigned(u16::MAX.into()),
        Datatype::Uint32 => unsigned(u32::MAX.into()),
        Datatype::Uint64 => unsigned(u64::MAX),
        Datatype::Int8 => signed(i8::MIN.into(), i8::MAX.into()),
        Datatype::Int16 => signed(i16::MIN.into(), i16::MAX.into()),
        Datatype::Int32 => signed(i32::MIN.into(), i32::MAX.into()),
        Datatype::Int64 => signed(i64::MIN, i64::MAX),
        Datatype::Fp32 => {
            all(flat, |value| value.as_f64().filter(|x| x.abs() <= f64::from(f32::MAX)).map(Some)).map(Elements::Float)
        }
        Datatype::Fp64 => all(flat, |value| value.as_f64().map(Some)).map(Elements::Float),
        Datatype::Bytes => all(flat, |value| value.as_str().map(str::to_owned)).map(Elements::Text),
    }
}

/// What a call came to.
pub fn answer(model: &str, version: (i64, String), id: Option<String>, tried: Tried) -> InferView {
    let (number, manifest) = version;
    InferView {
        model_name: model.to_owned(),
        model_version: number.to_string(),
        id,
        parameters: json!({"manifest_digest": manifest, "call_ms": tried.call_ms, "runtime": tried.runtime}),
        outputs: tried.answers.into_iter().map(TensorView::from).collect(),
    }
}

impl From<NamedTensor> for TensorView {
    fn from(tensor: NamedTensor) -> Self {
        let data: Vec<Value> = match tensor.elements {
            Elements::Bool(all) => all.into_iter().map(Value::from).collect(),
            Elements::Signed(all) => all.into_iter().map(Value::from).collect(),
            Elements::Unsigned(all) => all.into_iter().map(Value::from).collect(),
            Elements::Float(all) => all.into_iter().map(|x| x.map_or(Value::Null, Value::from)).collect(),
            Elements::Text(all) => all.into_iter().map(Value::from).collect(),
        };
        let mut parameters = Map::new();
        let missing = data.iter().filter(|value| value.is_null()).count();
        if missing != 0 {
            parameters.insert("non_finite".to_owned(), missing.into());
        }
        Self { name: tensor.name, shape: tensor.shape, datatype: tensor.datatype.name().to_owned(), parameters, data }
    }
}

/// What a version takes and gives.
pub fn metadata(model: &str, number: i64, tried: &Tried) -> MetadataView {
    let ports = |ports: &[PortInfo]| ports.iter().map(TensorMetadata::from).collect();
    MetadataView {
        name: model.to_owned(),
        versions: vec![number.to_string()],
        platform: "onnxruntime_onnx".to_owned(),
        inputs: ports(&tried.inputs),
        outputs: ports(&tried.outputs),
    }
}

impl From<&PortInfo> for TensorMetadata {
    fn from(port: &PortInfo) -> Self {
        let word = Datatype::of_element(&port.element_type);
        let shape = if port.element_type.starts_with("sequence(") { vec![-1] } else { port.shape.clone() };
        let datatype = word.map_or_else(|| port.element_type.clone(), |datatype| datatype.name().to_owned());
        Self { name: port.name.clone(), datatype, shape }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(body: Value) -> Result<Trial, String> {
        let input: InferInput = serde_json::from_value(body).map_err(|e| e.to_string())?;
        input.trial().map(|(trial, _)| trial).map_err(|e| e.to_string())
    }

    fn one(datatype: &str, shape: &Value, data: &Value) -> Value {
        json!({"inputs": [{"name": "x", "datatype": datatype, "shape": shape, "data": data}]})
    }

    fn read(datatype: &str, shape: &Value, data: &Value) -> Option<Elements> {
        match trial(one(datatype, shape, data)) {
            Ok(Trial::Call { mut inputs, .. }) => inputs.pop().map(|tensor| tensor.elements),
            _ => None,
        }
    }

    #[test]
    fn data_are_read_flat_or_nested_and_as_their_type() {
        let shape = json!([2, 2]);
        let floats = Some(Elements::Float(vec![Some(1.0), Some(2.5), Some(-3.0), Some(4.0)]));
        assert_eq!(read("FP32", &shape, &json!([1, 2.5, -3, 4])), floats);
        assert_eq!(read("FP64", &shape, &json!([[1, 2.5], [-3, 4]])), floats);
        assert_eq!(read("INT8", &json!([2]), &json!([-128, 127])), Some(Elements::Signed(vec![-128, 127])));
        assert_eq!(read("UINT8", &json!([1]), &json!([255])), Some(Elements::Unsigned(vec![255])));
        assert_eq!(read("BOOL", &json!([1]), &json!([true])), Some(Elements::Bool(vec![true])));
        assert_eq!(read("BYTES", &json!([1, 1]), &json!([["é"]])), Some(Elements::Text(vec!["é".to_owned()])));
        assert_eq!(read("INT64", &json!([]), &json!([7])), Some(Elements::Signed(vec![7])));
    }

    #[test]
    fn what_is_no_tensor_is_refused_with_its_place() {
        let cases = [
            (one("FP32", &json!([2]), &json!([1])), "has 1 elements where the shape has 2"),
            (one("FP16", &json!([1]), &json!([1])), "use one of BOOL"),
            (one("fp32", &json!([1]), &json!([1])), "use one of BOOL"),
            (one("FP32", &json!([1]), &json!([null])), "element 0 is no FP32"),
            (one("FP32", &json!([1]), &json!([1e39])), "element 0 is no FP32"),
            (one("FP32", &json!([1]), &json!(["1"])), "element 0 is no FP32"),
            (one("INT8", &json!([2]), &json!([0, 128])), "element 1 is no INT8"),
            (one("UINT64", &json!([1]), &json!([-1])), "element 0 is no UINT64"),
            (one("INT64", &json!([1]), &json!([1.5])), "element 0 is no INT64"),
            (one("BOOL", &json!([1]), &json!([1])), "element 0 is no BOOL"),
            (one("FP32", &json!([-1]), &json!([1])), "1 or more"),
            (one("FP32", &json!([0]), &json!([])), "1 or more"),
            (one("FP32", &json!([1_000_000_000]), &json!([1])), "at most 1048576 elements"),
            (one("FP32", &json!([i64::MAX, i64::MAX]), &json!([1])), "at most 1048576 elements"),
            (one("FP32", &json!([1, 1]), &json!([[[1]]])), "element 0 is no FP32"),
            (one("FP32", &json!([1]), &json!({"a": 1})), "element 0 is no FP32"),
            (one("FP32", &json!(vec![1; 17]), &json!([1])), "at most 16 dimensions"),
            (json!({"inputs": []}), "1 to 256 inputs"),
            (json!({"inputs": [], "raw": 1}), "unknown field"),
        ];
        for (body, said) in cases {
            let refused = trial(body.clone()).expect_err("must be refused");
            assert!(refused.contains(said), "{body}: {refused}");
        }
        let mut twice = one("FP32", &json!([1]), &json!([1]));
        let again = twice["inputs"][0].clone();
        twice["inputs"].as_array_mut().expect("a list").push(again);
        assert!(trial(twice).expect_err("twice").contains("stands twice"));
        let mut binary = one("FP32", &json!([1]), &json!([1]));
        binary["inputs"][0]["parameters"] = json!({"binary_data_size": 4});
        assert!(trial(binary).expect_err("binary").contains("not in binary form"));
    }

    #[test]
    fn numbers_that_are_not_finite_are_null_and_counted() {
        let tensor = NamedTensor {
            name: "p".to_owned(),
            datatype: Datatype::Fp32,
            shape: vec![3],
            elements: Elements::Float(vec![Some(0.5), None, None]),
        };
        let view = serde_json::to_value(TensorView::from(tensor)).expect("json");
        let expected = json!({"name": "p", "shape": [3], "datatype": "FP32", "parameters": {"non_finite": 2},
            "data": [0.5, null, null]});
        assert_eq!(view, expected);
    }
}
