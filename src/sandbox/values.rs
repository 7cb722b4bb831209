//! Values into the runtime's memory and out of it.

use super::{
    cells::{Matrix, Values},
    failure::Failure,
    gathered::Shaped,
    ports::Element,
    runtime_error::run_failure,
    scores::Raw,
    session::element,
};
use half::f16;
use ort::value::{DynMapValueType, DynValue, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};

/// The rows `rows` of `matrix` as a tensor, in that order; a row may come more than once.
pub(super) fn tensor(matrix: &Matrix, rows: &[usize]) -> Result<DynValue, Failure> {
    let mut shape = vec![rows.len()];
    match &matrix.row_shape {
        Some(row) => shape.extend(row),
        None if matrix.vector => {}
        None => shape.push(matrix.width),
    }
    of_rows(shape, &matrix.values, matrix.width, rows)
}

/// So many elements of each of the rows, as a tensor of this shape.
pub(super) fn of_rows(shape: Vec<usize>, values: &Values, width: usize, rows: &[usize]) -> Result<DynValue, Failure> {
    macro_rules! owned {
        ($all:expr) => {
            Tensor::from_array((shape, gather($all, width, rows))).map(Tensor::into_dyn)
        };
    }
    let built = match values {
        Values::Float32(all) => owned!(all),
        Values::Float64(all) => owned!(all),
        Values::Float16(all) => owned!(all),
        Values::Int8(all) => owned!(all),
        Values::Int16(all) => owned!(all),
        Values::Int32(all) => owned!(all),
        Values::Int64(all) => owned!(all),
        Values::Uint8(all) => owned!(all),
        Values::Uint16(all) => owned!(all),
        Values::Uint32(all) => owned!(all),
        Values::Uint64(all) => owned!(all),
        Values::Bool(all) => owned!(all),
        Values::Text(all) => {
            let cells = gather(all, width, rows);
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
            TensorElementType::Float16 => numbers(value, |x: f16| f64::from(x))?,
            TensorElementType::Int64 => classes::<i64>(value)?,
            TensorElementType::Int32 => classes::<i32>(value)?,
            TensorElementType::Int16 => classes::<i16>(value)?,
            TensorElementType::Int8 => classes::<i8>(value)?,
            TensorElementType::Uint64 => classes::<u64>(value)?,
            TensorElementType::Uint32 => classes::<u32>(value)?,
            TensorElementType::Uint16 => classes::<u16>(value)?,
            TensorElementType::Uint8 => classes::<u8>(value)?,
            TensorElementType::Bool => classes::<bool>(value)?,
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

fn classes<T: PrimitiveTensorElementType + Copy + ToString>(value: &DynValue) -> ort::Result<Raw> {
    let (shape, values) = value.try_extract_tensor::<T>()?;
    Ok(Raw::Classes { shape: shape.to_vec(), values: values.iter().map(ToString::to_string).collect() })
}

/// Bytes of a tensor of numbers; 0 of anything else.
pub(super) fn size_bytes(value: &DynValue) -> u64 {
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return 0 };
    let width = element(*ty).and_then(Element::width).unwrap_or(0);
    shape.iter().map(|size| u64::try_from(*size).unwrap_or(0)).product::<u64>().saturating_mul(width as u64)
}

/// Whether it holds texts, of which none is a number that is not finite.
pub(super) fn is_text(value: &DynValue) -> bool {
    matches!(value.dtype(), ValueType::Tensor { ty: TensorElementType::String, .. })
}

/// The numbers of a tensor with its shape; `None` where there are none.
pub(super) fn plain_numbers(value: &DynValue) -> Result<Option<Shaped>, Failure> {
    let ValueType::Tensor { ty, .. } = value.dtype() else { return Ok(None) };
    let read = match ty {
        TensorElementType::Float32 => numbers(value, |x: f32| f64::from(x)),
        TensorElementType::Float64 => numbers(value, |x: f64| x),
        TensorElementType::Float16 => numbers(value, |x: f16| f64::from(x)),
        TensorElementType::Int64 => numbers(value, |x: i64| x as f64),
        TensorElementType::Int32 => numbers(value, |x: i32| f64::from(x)),
        TensorElementType::Int16 => numbers(value, |x: i16| f64::from(x)),
        TensorElementType::Int8 => numbers(value, |x: i8| f64::from(x)),
        TensorElementType::Uint64 => numbers(value, |x: u64| x as f64),
        TensorElementType::Uint32 => numbers(value, |x: u32| f64::from(x)),
        TensorElementType::Uint16 => numbers(value, |x: u16| f64::from(x)),
        TensorElementType::Uint8 => numbers(value, |x: u8| f64::from(x)),
        TensorElementType::Bool => numbers(value, |x: bool| f64::from(u8::from(x))),
        _ => return Ok(None),
    };
    match read.map_err(|error| run_failure(error.code(), error.message()))? {
        Raw::Numbers { shape, values } => Ok(Some((shape, values))),
        _ => Ok(None),
    }
}

fn maps(value: &DynValue, read: impl Fn(&ort::value::DynMap) -> ort::Result<Vec<(String, f64)>>) -> ort::Result<Raw> {
    let rows = value.try_extract_sequence::<DynMapValueType>()?;
    rows.iter().map(read).collect::<ort::Result<_>>().map(Raw::Maps)
}
