//! Values into the runtime's memory and out of it.

use super::{
    cells::{Matrix, Values},
    failure::Failure,
    runtime_error::run_failure,
    scores::Raw,
};
use ort::value::{DynMapValueType, DynValue, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};

/// The rows `rows` of `matrix` as a tensor, in that order; a row may come more than once.
pub(super) fn tensor(matrix: &Matrix, rows: &[usize]) -> Result<DynValue, Failure> {
    let mut shape = vec![rows.len()];
    match &matrix.row_shape {
        Some(row) => shape.extend(row),
        None if matrix.vector => {}
        None => shape.push(matrix.width),
    }
    let width = matrix.width;
    let built = match &matrix.values {
        Values::Float32(values) => Tensor::from_array((shape, gather(values, width, rows))).map(Tensor::into_dyn),
        Values::Float64(values) => Tensor::from_array((shape, gather(values, width, rows))).map(Tensor::into_dyn),
        Values::Int64(values) => Tensor::from_array((shape, gather(values, width, rows))).map(Tensor::into_dyn),
        Values::Int32(values) => Tensor::from_array((shape, gather(values, width, rows))).map(Tensor::into_dyn),
        Values::Bool(values) => Tensor::from_array((shape, gather(values, width, rows))).map(Tensor::into_dyn),
        Values::Text(values) => {
            let cells = gather(values, width, rows);
            Tensor::from_string_array((shape, cells.as_slice())).map(Tensor::into_dyn)
        }
    };
    built.map_err(|error| run_failure(error.code(), error.message()))
}

fn gather<T: Clone>(values: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    let mut gathered = Vec::with_capacity(rows.len() * width);
    for row in rows {
        gathered.extend(values.iter().skip(row * width).take(width).cloned());
    }
    gathered
}

/// Copies one output out of the runtime's memory.
pub(super) fn raw(value: &DynValue) -> Result<Raw, Failure> {
    extract(value).map_err(|error| run_failure(error.code(), error.message()))?.ok_or_else(|| {
        Failure::output(format!("an output turned out to have the type {}, which is no prediction", value.dtype()))
    })
}

fn extract(value: &DynValue) -> ort::Result<Option<Raw>> {
    let raw = match value.dtype() {
        ValueType::Tensor { ty, .. } => match ty {
            TensorElementType::Float32 => numbers(value, |x: f32| f64::from(x))?,
            TensorElementType::Float64 => numbers(value, |x: f64| x)?,
            TensorElementType::Int64 => classes(value, |x: i64| x.to_string())?,
            TensorElementType::Int32 => classes(value, |x: i32| x.to_string())?,
            TensorElementType::Bool => classes(value, |x: bool| x.to_string())?,
            TensorElementType::String => {
                let (shape, values) = value.try_extract_strings()?;
                Raw::Classes { shape: shape.to_vec(), values }
            }
            _ => return Ok(None),
        },
        ValueType::Sequence(inner) => match **inner {
            ValueType::Map { key: TensorElementType::Int64, value: TensorElementType::Float32 } => {
                maps(value, |map| {
                    let pairs = map.try_extract_key_values::<i64, f32>()?;
                    Ok(pairs.into_iter().map(|(key, p)| (key.to_string(), f64::from(p))).collect())
                })?
            }
            ValueType::Map { key: TensorElementType::String, value: TensorElementType::Float32 } => {
                maps(value, |map| {
                    let pairs = map.try_extract_key_values::<String, f32>()?;
                    Ok(pairs.into_iter().map(|(key, p)| (key, f64::from(p))).collect())
                })?
            }
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(raw))
}

fn numbers<T: PrimitiveTensorElementType + Copy>(value: &DynValue, widen: impl Fn(T) -> f64) -> ort::Result<Raw> {
    let (shape, values) = value.try_extract_tensor::<T>()?;
    Ok(Raw::Numbers { shape: shape.to_vec(), values: values.iter().copied().map(widen).collect() })
}

fn classes<T: PrimitiveTensorElementType + Copy>(value: &DynValue, text: impl Fn(T) -> String) -> ort::Result<Raw> {
    let (shape, values) = value.try_extract_tensor::<T>()?;
    Ok(Raw::Classes { shape: shape.to_vec(), values: values.iter().copied().map(text).collect() })
}

fn maps(value: &DynValue, read: impl Fn(&ort::value::DynMap) -> ort::Result<Vec<(String, f64)>>) -> ort::Result<Raw> {
    let rows = value.try_extract_sequence::<DynMapValueType>()?;
    rows.iter().map(read).collect::<ort::Result<_>>().map(Raw::Maps)
}
