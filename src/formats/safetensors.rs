//! Safetensors: a length, a JSON header, data. Source: the format section of the safetensors README.

use super::{Refusal, quoted};
use serde_json::Value;
use std::io::{BufRead, Read};

/// The format's own limit on the header.
const MAX_HEADER_BYTES: u64 = 100_000_000;
const LENGTH_BYTES: u64 = 8;

pub(super) fn inspect(mut from: impl BufRead, size_bytes: u64) -> Result<(), Refusal> {
    let mut length = [0; 8];
    if size_bytes < LENGTH_BYTES {
        return Err(Refusal::Invalid("it is too short for the length of its header".to_owned()));
    }
    from.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    let left = size_bytes - LENGTH_BYTES;
    if MAX_HEADER_BYTES.min(left) < length {
        return Err(Refusal::Invalid(format!("its header should have {length} bytes; {left} are there")));
    }
    let mut header = Vec::new();
    from.take(length).read_to_end(&mut header)?;
    let header: Value =
        serde_json::from_slice(&header).map_err(|error| Refusal::Invalid(format!("its header is no JSON: {error}")))?;
    let tensors = header.as_object().ok_or_else(|| Refusal::Invalid("its header is no object".to_owned()))?;
    let data_bytes = left - length;
    for (name, tensor) in tensors.iter().filter(|(name, _)| *name != "__metadata__") {
        check(name, tensor, data_bytes)?;
    }
    Ok(())
}

fn check(name: &str, tensor: &Value, data_bytes: u64) -> Result<(), Refusal> {
    let refuse = |what: String| Refusal::Invalid(format!("the tensor {} {what}", quoted(name)));
    let numbers =
        |field: &str| -> Option<Vec<u64>> { tensor.get(field)?.as_array()?.iter().map(Value::as_u64).collect() };
    let (Some(shape), Some(offsets)) = (numbers("shape"), numbers("data_offsets")) else {
        return Err(refuse("has no shape or no data_offsets".to_owned()));
    };
    let &[start, end] = offsets.as_slice() else {
        return Err(refuse("does not have two data_offsets".to_owned()));
    };
    if end < start || data_bytes < end {
        return Err(refuse(format!("lies at {start} to {end} of {data_bytes} bytes")));
    }
    let bits = match tensor.get("dtype").and_then(Value::as_str) {
        Some("F64" | "I64" | "U64" | "C64") => 64,
        Some("F32" | "I32" | "U32") => 32,
        Some("F16" | "BF16" | "I16" | "U16") => 16,
        Some("I8" | "U8" | "BOOL" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0") => 8,
        // Types of tomorrow: their size is not known here.
        Some(_) => return Ok(()),
        None => return Err(refuse("has no dtype".to_owned())),
    };
    let elements = shape.iter().try_fold(1u64, |all, dim| all.checked_mul(*dim));
    if elements.and_then(|all| all.checked_mul(bits)).map(|all| all / 8) != Some(end - start) {
        return Err(refuse(format!("has {} bytes, which its shape and dtype do not need", end - start)));
    }
    Ok(())
}
