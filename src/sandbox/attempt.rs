//! The child's side of a trial: one call with the tensors of a person.

use super::{
    failure::{Failure, quoted},
    ports::{Port, PortInfo},
    runtime_error::run_failure,
    scores::Raw,
    session::{Inputs, Model, ModelBytes, Runtime},
    trial::{Datatype, Elements, NamedTensor, Trial, Tried},
    values::raw,
};
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};
use std::time::Instant;

/// One thread inside an operator, as in a run.
const THREADS: u32 = 1;

/// Loads the model and does what is asked.
pub(super) fn attempt(runtime: &Runtime, bytes: &ModelBytes, trial: Trial) -> Result<Tried, Failure> {
    let mut model = runtime.open(bytes, THREADS)?;
    let info = |ports: &[Port]| -> Vec<PortInfo> { ports.iter().map(|port| port.info.clone()).collect() };
    let (inputs, outputs) = (info(&model.inputs), info(&model.outputs));
    let (answers, call_ms) = match trial {
        Trial::Describe => (Vec::new(), 0.0),
        Trial::Call { inputs, outputs } => call(&mut model, inputs, &outputs)?,
    };
    Ok(Tried { inputs, outputs, answers, call_ms, runtime: runtime.version.clone() })
}

fn call(model: &mut Model, given: Vec<NamedTensor>, wanted: &[String]) -> Result<(Vec<NamedTensor>, f64), Failure> {
    check_names(model, &given, wanted)?;
    let inputs: Inputs =
        given.into_iter().map(|tensor| Ok((tensor.name.clone(), value(tensor)?))).collect::<Result<_, Failure>>()?;
    let all: Vec<String> = model.outputs.iter().map(|port| port.info.name.clone()).collect();
    let wanted = if wanted.is_empty() { &all } else { wanted };
    let begin = Instant::now();
    let answers = model.run(&inputs)?;
    let call_ms = begin.elapsed().as_secs_f64() * 1e3;
    let read = wanted.iter().map(|name| {
        let value =
            answers.get(name).ok_or_else(|| Failure::output(format!("the output {} was not given", quoted(name))))?;
        answer(name, value)
    });
    Ok((read.collect::<Result<_, _>>()?, call_ms))
}

/// The runtime says less about a wrong name, and nothing about a wrong type that helps.
fn check_names(model: &Model, given: &[NamedTensor], wanted: &[String]) -> Result<(), Failure> {
    let names = |ports: &[Port]| ports.iter().map(|port| quoted(&port.info.name)).collect::<Vec<_>>().join(", ");
    for tensor in given {
        let Some(port) = model.inputs.iter().find(|port| port.info.name == tensor.name) else {
            let known = names(&model.inputs);
            return Err(Failure::input(format!("the model has no input {}; it has {known}", quoted(&tensor.name))));
        };
        let takes = &port.info.element_type;
        if Datatype::of_element(takes) != Some(tensor.datatype) {
            let word = Datatype::of_element(takes).map_or_else(|| takes.clone(), |datatype| datatype.name().to_owned());
            let (name, given) = (quoted(&tensor.name), tensor.datatype.name());
            return Err(Failure::input(format!("the input {name} takes {word}, not {given}")));
        }
        if !fits(&port.info.shape, &tensor.shape) {
            let (name, given) = (quoted(&tensor.name), &tensor.shape);
            let takes = &port.info.shape;
            return Err(Failure::input(format!("the input {name} takes the shape {takes:?} (-1: any), not {given:?}")));
        }
    }
    if let Some(missing) = model.inputs.iter().find(|port| !given.iter().any(|tensor| tensor.name == port.info.name)) {
        return Err(Failure::input(format!("the input {} is missing", quoted(&missing.info.name))));
    }
    match wanted.iter().find(|name| !model.outputs.iter().any(|port| port.info.name == **name)) {
        Some(unknown) => {
            let known = names(&model.outputs);
            Err(Failure::input(format!("the model has no output {}; it has {known}", quoted(unknown))))
        }
        None => Ok(()),
    }
}

/// A negative dimension takes any size. A model that declares no shape says nothing of it.
fn fits(takes: &[i64], given: &[u64]) -> bool {
    let mut pairs = takes.iter().zip(given);
    let same = |takes: i64, given: u64| u64::try_from(takes).map_or(true, |takes| takes == given);
    takes.is_empty() || (takes.len() == given.len() && pairs.all(|(takes, given)| same(*takes, *given)))
}

/// A tensor in the runtime's memory. Elements were checked for their type's range before they came here.
fn value(tensor: NamedTensor) -> Result<DynValue, Failure> {
    let out_of_range = || Failure::input(format!("the input {} has an element out of range", quoted(&tensor.name)));
    let shape: Vec<i64> =
        tensor.shape.iter().map(|size| i64::try_from(*size)).collect::<Result<_, _>>().map_err(|_| out_of_range())?;
    macro_rules! whole {
        ($from:expr, $($type:ident => $to:ty),*) => {
            match tensor.datatype {
                $(Datatype::$type => {
                    let cells = $from.iter().map(|x| <$to>::try_from(*x)).collect::<Result<Vec<_>, _>>();
                    Tensor::from_array((shape, cells.map_err(|_| out_of_range())?)).map(Tensor::into_dyn)
                })*
                _ => return Err(out_of_range()),
            }
        };
    }
    let built = match &tensor.elements {
        Elements::Bool(all) => Tensor::from_array((shape, all.clone())).map(Tensor::into_dyn),
        Elements::Signed(all) => whole!(all, Int8 => i8, Int16 => i16, Int32 => i32, Int64 => i64),
        Elements::Unsigned(all) => whole!(all, Uint8 => u8, Uint16 => u16, Uint32 => u32, Uint64 => u64),
        Elements::Float(all) => {
            let cells = all.iter().map(|x| x.unwrap_or(f64::NAN));
            match tensor.datatype {
                #[expect(clippy::cast_possible_truncation, reason = "a number for a model of single precision")]
                Datatype::Fp32 => {
                    Tensor::from_array((shape, cells.map(|x| x as f32).collect::<Vec<_>>())).map(Tensor::into_dyn)
                }
                _ => Tensor::from_array((shape, cells.collect::<Vec<_>>())).map(Tensor::into_dyn),
            }
        }
        Elements::Text(all) => Tensor::from_string_array((shape, all.as_slice())).map(Tensor::into_dyn),
    };
    built.map_err(|error| run_failure(error.code(), error.message()))
}

/// Copies one output out of the runtime's memory.
fn answer(name: &str, value: &DynValue) -> Result<NamedTensor, Failure> {
    let read = match value.dtype() {
        ValueType::Tensor { ty, .. } => tensor(*ty, value),
        _ => return maps(name, value),
    };
    let found = read.map_err(|error| run_failure(error.code(), error.message()))?;
    let Some((datatype, shape, elements)) = found else {
        let what = format!("the output {} has the type {}, which can't be shown here", quoted(name), value.dtype());
        return Err(Failure::output(what));
    };
    let shape = shape.iter().map(|size| u64::try_from(*size).unwrap_or(0)).collect();
    Ok(NamedTensor { name: name.to_owned(), datatype, shape, elements })
}

type Read = (Datatype, Vec<i64>, Elements);

fn tensor(ty: TensorElementType, value: &DynValue) -> ort::Result<Option<Read>> {
    let (datatype, (shape, elements)) = match ty {
        TensorElementType::Bool => {
            let (shape, all) = value.try_extract_tensor::<bool>()?;
            (Datatype::Bool, (shape.to_vec(), Elements::Bool(all.to_vec())))
        }
        TensorElementType::Uint8 => (Datatype::Uint8, unsigned::<u8>(value)?),
        TensorElementType::Uint16 => (Datatype::Uint16, unsigned::<u16>(value)?),
        TensorElementType::Uint32 => (Datatype::Uint32, unsigned::<u32>(value)?),
        TensorElementType::Uint64 => (Datatype::Uint64, unsigned::<u64>(value)?),
        TensorElementType::Int8 => (Datatype::Int8, signed::<i8>(value)?),
        TensorElementType::Int16 => (Datatype::Int16, signed::<i16>(value)?),
        TensorElementType::Int32 => (Datatype::Int32, signed::<i32>(value)?),
        TensorElementType::Int64 => (Datatype::Int64, signed::<i64>(value)?),
        TensorElementType::Float32 => (Datatype::Fp32, float::<f32>(value)?),
        TensorElementType::Float64 => (Datatype::Fp64, float::<f64>(value)?),
        TensorElementType::String => {
            let (shape, all) = value.try_extract_strings()?;
            (Datatype::Bytes, (shape.to_vec(), Elements::Text(all)))
        }
        _ => return Ok(None),
    };
    Ok(Some((datatype, shape, elements)))
}

type Shaped = (Vec<i64>, Elements);

fn unsigned<T: PrimitiveTensorElementType + Copy + Into<u64>>(value: &DynValue) -> ort::Result<Shaped> {
    let (shape, all) = value.try_extract_tensor::<T>()?;
    Ok((shape.to_vec(), Elements::Unsigned(all.iter().map(|x| (*x).into()).collect())))
}

fn signed<T: PrimitiveTensorElementType + Copy + Into<i64>>(value: &DynValue) -> ort::Result<Shaped> {
    let (shape, all) = value.try_extract_tensor::<T>()?;
    Ok((shape.to_vec(), Elements::Signed(all.iter().map(|x| (*x).into()).collect())))
}

fn float<T: PrimitiveTensorElementType + Copy + Into<f64>>(value: &DynValue) -> ort::Result<Shaped> {
    let (shape, all) = value.try_extract_tensor::<T>()?;
    let finite = all.iter().map(|x| Some((*x).into()).filter(|x: &f64| x.is_finite()));
    Ok((shape.to_vec(), Elements::Float(finite.collect())))
}

/// For each row the probabilities of the classes, as one JSON object.
fn maps(name: &str, value: &DynValue) -> Result<NamedTensor, Failure> {
    let Raw::Maps(rows) = raw(value)? else {
        return Err(Failure::output(format!("the output {} is no tensor", quoted(name))));
    };
    let text = |row: Vec<(String, f64)>| {
        let pairs = row.into_iter().map(|(class, p)| (class, serde_json::json!(p)));
        serde_json::Value::Object(pairs.collect()).to_string()
    };
    let rows: Vec<String> = rows.into_iter().map(text).collect();
    let shape = vec![rows.len() as u64];
    Ok(NamedTensor { name: name.to_owned(), datatype: Datatype::Bytes, shape, elements: Elements::Text(rows) })
}
