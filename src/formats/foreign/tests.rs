use super::*;
use proptest::prelude::*;
use std::io::{Cursor, Write};
use zip::{ZipWriter, write::SimpleFileOptions};

/// Makes a refusal of some kind from its text.
type Kind = fn(String) -> Refusal;

fn look(name: &str, file: &[u8]) -> Result<(), Refusal> {
    inspect(name, Cursor::new(file), file.len() as u64)
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).expect("an entry");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("an archive").into_inner()
}

fn array(kind: &str) -> Vec<u8> {
    let header = format!("{{'descr': {kind}, 'fortran_order': False, 'shape': (1,), }}\n");
    let length = u16::try_from(header.len()).expect("short").to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), &[0; 8]].concat()
}

fn tensors(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; data]].concat()
}

fn gguf(tensors: u64, keys: u64, rest: &[u8]) -> Vec<u8> {
    [b"GGUF".as_slice(), &3u32.to_le_bytes(), &tensors.to_le_bytes(), &keys.to_le_bytes(), rest].concat()
}

/// A key `x` whose value is this many arrays inside of each other.
fn nested(depth: usize) -> Vec<u8> {
    let array = [9u32.to_le_bytes().as_slice(), &1u64.to_le_bytes()].concat();
    let name = [1u64.to_le_bytes().as_slice(), b"x", &9u32.to_le_bytes()].concat();
    [name, array.repeat(depth - 1), [0u32.to_le_bytes().as_slice(), &1u64.to_le_bytes(), &[7]].concat()].concat()
}

#[test]
fn harmless_files_pass() {
    let weights = r#"{"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "__metadata__": {"a": "b"}}"#;
    let layers: &[u8] = br#"{"config": {"layers": [{"class_name": "Dense"}]}}"#;
    for (name, file) in [
        ("README.md", b"# A model".to_vec()),
        ("empty", Vec::new()),
        ("m.zip", archive(&[("a/model.onnx", b"x"), ("b..c", b"y")])),
        ("m.keras", archive(&[("config.json", layers)])),
        ("a.npy", array("'<f4'")),
        ("a.npz", archive(&[("x.npy", &array("[('Origin', '<i8')]"))])),
        ("m.safetensors", tensors(weights, 16)),
        ("m.gguf", gguf(0, 1, &nested(2))),
        ("d.parquet", [b"PAR1metadata".as_slice(), &8u32.to_le_bytes(), b"PAR1"].concat()),
    ] {
        assert_eq!(look(name, &file), Ok(()), "{name}");
    }
}

#[test]
fn what_runs_code_leaves_its_folder_or_lies_is_refused() {
    use Refusal::{Invalid, Unreadable, Unsafe};
    let layers: &[u8] = br#"{"config": {"layers": [{"class_name": "\u004cambda"}]}}"#;
    let far = r#"{"w": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 1099511627776]}}"#;
    let short = r#"{"w": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 8]}}"#;
    let cases: [(&str, Vec<u8>, Kind, &str); 15] = [
        ("m.pkl", b"anything".to_vec(), Unsafe, "pickle"),
        ("m.bin", b"\x80\x04K\x01.".to_vec(), Unsafe, "pickle"),
        ("m.pt", archive(&[("archive/data.pkl", b"x")]), Unsafe, "archive/data.pkl"),
        ("m.zip", archive(&[("../x", b"y")]), Unsafe, "leaves its folder"),
        ("m.zip", archive(&[("a/..\\..\\x", b"y")]), Unsafe, "leaves its folder"),
        ("m.keras", archive(&[("config.json", layers)]), Unsafe, "Lambda"),
        ("a.npz", archive(&[("x.npy", &vec![0; 32 << 20])]), Invalid, "header"),
        ("b.zip", archive(&[("zeros", &vec![0; 32 << 20])]), Unsafe, "times as many"),
        ("a.npy", array("'|O'"), Unsafe, "objects"),
        ("a.npz", archive(&[("x.npy", &array("[('a', '<f4'), ('b', '|O')]"))]), Unsafe, "objects"),
        ("m.safetensors", [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat(), Invalid, "should have"),
        ("m.safetensors", tensors(far, 64), Invalid, "lies at"),
        ("m.safetensors", tensors(short, 64), Invalid, "shape and dtype"),
        ("m.gguf", gguf(1 << 61, 1 << 60, &[]), Invalid, "declares"),
        ("m.gguf", gguf(0, 1, &nested(20_000)), Invalid, "nests"),
    ];
    for (name, file, kind, said) in cases {
        let refusal = look(name, &file).expect_err(said);
        assert_eq!(refusal, kind(refusal.detail().to_owned()), "{said}: {refusal}");
        assert!(refusal.detail().contains(said), "{said}: {refusal}");
    }
    let cut = look("d.parquet", b"PAR1 and no more").expect_err("cut");
    assert!(cut.detail().contains("footer"), "{cut}");
    assert!(matches!(look("m.zip", b"PK\x03\x04 and no more"), Err(Unreadable(_))));
}

proptest! {
    #[test]
    fn any_bytes_pass_or_are_refused(kind in 0usize..6, file in proptest::collection::vec(any::<u8>(), 0..600)) {
        let start: [&[u8]; 6] = [b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"GGUF\x03\x00\x00\x00", b"PAR1", b"\x80\x02", b""];
        let file = [start[kind], &file].concat();
        let _ = look("m.safetensors", &file);
    }
}
