//! Graphs and arrays that tests write themselves, byte by byte.

use plimsoll::formats::tensor::{Element, Tensor, Values};
use std::io::{Cursor, Write};
use zip::{ZipWriter, write::SimpleFileOptions};

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        out.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return out;
        }
    }
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

/// Element types of ONNX.
pub const FLOAT: u64 = 1;
pub const UINT8: u64 = 2;
pub const INT64: u64 = 7;

/// An input or output; a dimension of 0 is not fixed.
pub fn port(name: &str, element: u64, shape: &[u64]) -> Vec<u8> {
    let dimension = |(at, size): (usize, &u64)| match size {
        0 => bytes(1, bytes(2, format!("d{at}"))),
        fixed => bytes(1, number(1, *fixed)),
    };
    let dimensions: Vec<u8> = shape.iter().enumerate().flat_map(dimension).collect();
    let tensor = [number(1, element), bytes(2, dimensions)].concat();
    [bytes(1, name), bytes(2, bytes(1, tensor))].concat()
}

pub fn node(op: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|name| bytes(1, name)).collect();
    [inputs, bytes(2, output), bytes(4, op)].concat()
}

/// To 32-bit floats.
pub fn cast(input: &str, output: &str) -> Vec<u8> {
    let to = [bytes(1, "to"), number(3, FLOAT), number(20, 2)].concat();
    [node("Cast", &[input], output), bytes(5, to)].concat()
}

/// 32-bit floats whose data are elsewhere.
pub fn external(name: &str, shape: &[u64], (location, offset): (&str, u64)) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|size| number(1, *size)).collect();
    let length = 4 * shape.iter().product::<u64>();
    let entry = |key: &str, value: &str| bytes(13, [bytes(1, key), bytes(2, value)].concat());
    let entries =
        [entry("location", location), entry("offset", &offset.to_string()), entry("length", &length.to_string())];
    [dims, number(2, FLOAT), bytes(8, name), entries.concat(), number(14, 1)].concat()
}

pub fn model(nodes: &[Vec<u8>], inputs: &[Vec<u8>], outputs: &[Vec<u8>]) -> Vec<u8> {
    model_with(nodes, &[], inputs, outputs)
}

pub fn model_with(nodes: &[Vec<u8>], weights: &[Vec<u8>], inputs: &[Vec<u8>], outputs: &[Vec<u8>]) -> Vec<u8> {
    let each = |field: u64, all: &[Vec<u8>]| all.iter().flat_map(|one| bytes(field, one)).collect::<Vec<u8>>();
    let graph = [each(1, nodes), bytes(2, "written"), each(5, weights), each(11, inputs), each(12, outputs)].concat();
    [number(1, 8), bytes(7, graph), bytes(8, [bytes(1, ""), number(2, 13)].concat())].concat()
}

pub fn tensor(shape: &[usize], values: Values) -> Tensor {
    Tensor::new(shape.to_vec(), values).expect("as many elements as the shape says")
}

fn descr(tensor: &Tensor) -> &'static str {
    match tensor.element() {
        Element::Float32 => "<f4",
        Element::Int32 => "<i4",
        Element::Int64 => "<i8",
        Element::Uint8 => "|u1",
        other => unreachable!("the tests write no {}", other.name()),
    }
}

/// As `numpy.savez` writes it.
pub fn npz(arrays: &[(&str, Tensor)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, tensor) in arrays {
        let dims: String = tensor.shape().iter().map(|size| format!("{size}, ")).collect();
        let header = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({dims}), }}\n", descr(tensor));
        let length = u16::try_from(header.len()).expect("short").to_le_bytes();
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).expect("begun");
        let data = tensor.values().to_bytes().expect("numbers");
        archive.write_all(&[b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &data].concat()).expect("written");
    }
    archive.finish().expect("finished").into_inner()
}
