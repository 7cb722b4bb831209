use super::*;
use crate::Severity;
use ::zip::{ZipWriter, write::SimpleFileOptions};
use proptest::prelude::*;
use std::io::{Cursor, Write};

/// Makes a refusal of some kind from its text.
type Kind = fn(String) -> Refusal;

fn open(name: &str, file: &[u8]) -> Result<Contents, Refusal> {
    read(name, &mut Cursor::new(file), file.len() as u64, &onnx::Surroundings { files: &[] })
}

fn look(name: &str, file: &[u8]) -> Result<(), Refusal> {
    open(name, file)?.judge(Pickles::Refused)
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
    let data = vec![0; if kind == "'<f4'" { 4 } else { 8 }];
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), &data].concat()
}

fn tensors(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; data]].concat()
}

fn gguf(tensors: u64, keys: u64, rest: &[u8]) -> Vec<u8> {
    [b"GGUF".as_slice(), &3u32.to_le_bytes(), &tensors.to_le_bytes(), &keys.to_le_bytes(), rest].concat()
}

fn said(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

fn entry(key: &str, value: &str) -> Vec<u8> {
    [said(key), 8u32.to_le_bytes().to_vec(), said(value)].concat()
}

/// A key with a list of one text.
fn several(key: &str, value: &str) -> Vec<u8> {
    let list = [9u32.to_le_bytes().as_slice(), &8u32.to_le_bytes(), &1u64.to_le_bytes()].concat();
    [said(key), list, said(value)].concat()
}

/// A tensor of 4-bit blocks at some place.
fn weights(name: &str, elements: u64, at: u64) -> Vec<u8> {
    let numbers =
        [1u32.to_le_bytes().as_slice(), &elements.to_le_bytes(), &2u32.to_le_bytes(), &at.to_le_bytes()].concat();
    [said(name), numbers].concat()
}

/// A key `x` whose value is this many arrays inside of each other.
fn nested(depth: usize) -> Vec<u8> {
    let array = [9u32.to_le_bytes().as_slice(), &1u64.to_le_bytes()].concat();
    let name = [1u64.to_le_bytes().as_slice(), b"x", &9u32.to_le_bytes()].concat();
    [name, array.repeat(depth - 1), [0u32.to_le_bytes().as_slice(), &1u64.to_le_bytes(), &[7]].concat()].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).expect("packed");
    packed.finish().expect("packed")
}

/// A model of one tensor, which has its data in another file: `ir_version`, `opset_import`, and a graph with an initializer.
fn elsewhere() -> Vec<u8> {
    let bytes =
        |field: u8, value: &[u8]| [&[field << 3 | 2, u8::try_from(value.len()).expect("short")], value].concat();
    let place = [bytes(1, b"location"), bytes(2, b"../../etc/passwd")].concat();
    let tensor = [&[1 << 3, 1, 2 << 3, 1], bytes(8, b"W").as_slice(), &bytes(13, &place), &[14 << 3, 1]].concat();
    [&[1 << 3, 8], bytes(8, &[2 << 3, 17]).as_slice(), &bytes(7, &bytes(5, &tensor))].concat()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).expect("packed");
    packed.finish().expect("packed")
}

/// Tensors behind a header of so many bytes, whose length begins as a pickle does.
fn padded(length: usize) -> Vec<u8> {
    let header = r#"{"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}"#;
    tensors(&format!("{header:length$}"), 16)
}

#[test]
fn harmless_files_pass() {
    let weights = r#"{"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "__metadata__": {"a": "b"}}"#;
    let layers: &[u8] =
        br#"{"module": "keras", "class_name": "Sequential", "config": {"layers": [{"class_name": "Dense"}]}}"#;
    for (name, file) in [
        ("README.md", b"# A model".to_vec()),
        ("formula.txt", b"x^2 + y^2 = z^2, which is a text that begins as packed bytes do".to_vec()),
        ("model.onnx.data", b"\x80\x02\0?and more numbers".to_vec()),
        ("model.py", b"import numpy".to_vec()),
        ("settings.json", br#"{"class_name": "mine", "config": {}}"#.to_vec()),
        ("h128.safetensors", padded(128)),
        ("h384.safetensors", padded(384)),
        ("empty", Vec::new()),
        ("m.zip", archive(&[("a/model.bin", b"x"), ("b..c", b"y")])),
        (
            "m.keras",
            archive(&[("config.json", layers), ("metadata.json", b"{}"), ("model.weights.h5", b"\x89HDF\r\n\x1a\n")]),
        ),
        ("a.npy", array("'<f4'")),
        ("a.npz", archive(&[("x.npy", &array("[('Origin', '<i8')]"))])),
        ("m.safetensors", tensors(weights, 16)),
        ("m.gguf", gguf(0, 1, &nested(2))),
        ("d.parquet", [b"PAR1metadata".as_slice(), &8u32.to_le_bytes(), b"PAR1"].concat()),
        ("w.weights.h5", b"\x89HDF\r\n\x1a\n and weights".to_vec()),
        ("tokenizer_config.json", br#"{"chat_template": "{{ messages[0].content }}"}"#.to_vec()),
    ] {
        assert_eq!(look(name, &file), Ok(()), "{name}");
    }
}

#[test]
fn what_runs_code_leaves_its_folder_or_lies_is_refused() {
    use Refusal::{Invalid, Unreadable, Unsafe, Unsupported};
    let layers: &[u8] = br#"{"config": {"layers": [{"class_name": "\u004cambda"}]}}"#;
    let hidden: &[u8] = br#"{"\u0063lass_name": "Lambda", "config": {}}"#;
    let far_behind = [b" ".repeat(100_000), br#"{"class_name": "Lambda"}"#.to_vec()].concat();
    let far = r#"{"w": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 1099511627776]}}"#;
    let short = r#"{"w": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 8]}}"#;
    let zeros = vec![0; 2 << 20];
    let lower = r#"{"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}, "\u0061": {"dtype": "U8", "shape": [2], "data_offsets": [2, 4]}}"#;
    let cases: Vec<(&str, Vec<u8>, Kind, &str)> = vec![
        ("m.pkl", b"anything".to_vec(), Unsafe, "can't be followed"),
        ("m.bin", b"\x80\x04K\x01.".to_vec(), Unsafe, "pickle"),
        ("m.bin", b"\x80\x04K\x01.and more".to_vec(), Unsafe, "behind the end"),
        ("m.bin", b"cos\nsystem\n(S'id'\ntR.".to_vec(), Unsafe, "\"os.system\""),
        ("m.pt", archive(&[("archive/data.pkl", b"x"), ("archive/version", b"3")]), Unsafe, "archive/data.pkl"),
        ("m.pt", archive(&[("m/data.pkl", b"\x80\x02}q\x00."), ("m/code/x.py", b"")]), Unsafe, "TorchScript"),
        ("m.zip", archive(&[("../x", b"y")]), Unsafe, "leaves its folder"),
        ("m.zip", archive(&[("a/..\\..\\x", b"y")]), Unsafe, "leaves its folder"),
        ("m.zip", archive(&[("in.zip", &archive(&[("x", b"y")]))]), Unsupported, "an archive itself"),
        ("m.keras", archive(&[("config.json", layers), ("metadata.json", b"{}")]), Unsafe, "Lambda"),
        ("m.keras", archive(&[("config.json", hidden)]), Unsafe, "Lambda"),
        ("m.zip", archive(&[("a/config.json", &far_behind)]), Unsafe, "Lambda"),
        ("m.skops", archive(&[("schema.json", br#"{"__load\u0065r__": "x"}"#)]), Unsafe, "skops"),
        ("a.npz", archive(&[("x.npy", &zeros)]), Unsafe, "times as many"),
        ("b.zip", archive(&[("zeros", &vec![0; 32 << 20])]), Unsafe, "times as many"),
        ("a.npy", array("'|O'"), Unsafe, "objects"),
        ("a.npy", array("'object'"), Unsafe, "objects"),
        ("a.npy", array("'f4,O'"), Unsafe, "objects"),
        ("a.npy", array("[('a', '<f4'), ('b', [('c', 'O8')])]"), Unsafe, "objects"),
        ("a.npy", array("'\\x4f'"), Invalid, "no readable header"),
        ("a.npy", array("'<f4' + 'O'"), Invalid, "no readable header"),
        ("evil.bin", zlib(b"cos\nsystem\n(S'id'\ntR."), Unsupported, "zlib"),
        ("m.bin", zlib(&[7; 5_000]), Unsupported, "zlib"),
        ("m.bin", [b"\x5d\0\0\x80\0".as_slice(), &[0xff; 8], b"rest"].concat(), Unsupported, "lzma"),
        ("m.txt", [b"a text\n".as_slice(), &archive(&[("x", b"y")])].concat(), Unsafe, "behind something else"),
        ("m.bin", [b"\n".as_slice(), &archive(&[("x", b"y")]), b"and more"].concat(), Unsafe, "behind something else"),
        (
            "m.zip",
            archive(&[("in.bin", &[b"#".as_slice(), &archive(&[("x", b"y")])].concat())]),
            Unsafe,
            "behind something else",
        ),
        ("m.h5", [vec![0; 512], b"\x89HDF\r\n\x1a\n".to_vec()].concat(), Unsafe, "begins here"),
        ("m.bin", [vec![0; 128 << 10], b"\x89HDF\r\n\x1a\n".to_vec()].concat(), Unsafe, "begins here"),
        (
            "m.keras",
            archive(&[("config.json", b"{}"), ("metadata.json", b"{}"), ("x.weights.h5", b"cos\nsystem\n(S'id'\ntR.")]),
            Unsafe,
            "os.system",
        ),
        (
            "arch.json",
            br#"{"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda"}]}}"#.to_vec(),
            Unsafe,
            "Lambda",
        ),
        ("saved_model.pbtxt", b"x".to_vec(), Unsafe, "SavedModel"),
        ("m.zip", archive(&[("model.ONNX", b"nonsense")]), Unreadable, "not a readable ONNX model"),
        ("m.zip", archive(&[("model.onnx", &elsewhere())]), Unsafe, "the entry \"model.onnx\": "),
        ("model.onnx.gz", gzip(&elsewhere()), Unsupported, "send the model unpacked"),
        ("lib.so", b"\x7fELF\x02".to_vec(), Unsafe, "Linux"),
        ("model.pt", b"nonsense".to_vec(), Invalid, "its name says"),
        ("model.keras", b"nonsense".to_vec(), Invalid, "its name says"),
        ("model.npz", b"nonsense".to_vec(), Invalid, "its name says"),
        ("model.H5", b"nonsense".to_vec(), Invalid, "its name says"),
        ("model.gguf", b"nonsense".to_vec(), Invalid, "its name says"),
        ("model.tar.gz", b"nonsense".to_vec(), Invalid, "its name says"),
        ("model.onnx", b"version https://git-lfs.example/spec/v1\noid sha256:0\n".to_vec(), Invalid, "Git LFS"),
        ("m.gguf", [gguf(1, 0, &weights("w", 32, 0)), vec![0; 100]].concat(), Invalid, "stand behind"),
        ("a.npz", archive(&[("x.npy", &array("[('a', '<f4'), ('b', '|O')]"))]), Unsafe, "objects"),
        ("a.npy", [array("'<f4'"), vec![0]].concat(), Invalid, "declares 1 elements"),
        ("m.safetensors", [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat(), Invalid, "should have"),
        ("m.safetensors", tensors(far, 64), Invalid, "has 1099511627776 bytes"),
        ("m.safetensors", tensors(short, 64), Invalid, "shape and dtype"),
        ("m.safetensors", tensors(lower, 4), Invalid, "twice"),
        ("m.safetensors", tensors("{}", 1), Invalid, "no tensor's"),
        ("m.gguf", gguf(1 << 61, 1 << 60, &[]), Invalid, "declares"),
        ("m.gguf", gguf(0, 1, &nested(20_000)), Invalid, "nests"),
        ("m.gguf", gguf(0, 2, &[entry("a", "b"), entry("a", "c")].concat()), Invalid, "twice"),
        ("m.gguf", gguf(1, 0, &weights("w", 33, 0)), Invalid, "whole blocks"),
        ("m.gguf", gguf(1, 0, &weights("w", 32, 0)), Invalid, "beyond the end"),
        ("m.gguf", gguf(1, 0, &weights("w", u64::MAX / 2, 0)), Invalid, "blocks"),
        ("m.gguf", gguf(0, 1, &entry("tokenizer.chat_template", "{{ x.__class__ }}")), Unsafe, "two underscores"),
        ("m.h5", b"\x89HDF\r\n\x1a\n model_config".to_vec(), Unsafe, "Keras"),
        ("saved_model.pb", b"x".to_vec(), Unsafe, "SavedModel"),
        ("additional_chat_templates/tool.jinja", b"{{ x.__class__ }}".to_vec(), Unsafe, "two underscores"),
        ("m.gguf", gguf(0, 1, &several("tokenizer.chat_templates", "{{ x.__class__ }}")), Unsafe, "two underscores"),
        ("chat_template.jinja", b"{{ lipsum.__globals__ }}".to_vec(), Unsafe, "chat template"),
        ("tokenizer_config.json", br#"{"chat_template": "a", "chat_template": "b"}"#.to_vec(), Unsafe, "twice"),
        ("m.skops", archive(&[("schema.json", br#"{"__loader__": "x"}"#)]), Unsafe, "skops"),
        ("m.7z", b"7z\xbc\xaf\x27\x1c".to_vec(), Unsupported, "7-Zip"),
        ("d.parquet", b"PAR1 and no more".to_vec(), Invalid, "footer"),
        ("m.zip", b"PK\x03\x04 and no more".to_vec(), Unreadable, "one end"),
    ];
    for (name, file, kind, said) in cases {
        let refusal = look(name, &file).expect_err(said);
        assert_eq!(refusal, kind(refusal.detail().to_owned()), "{said}: {refusal}");
        assert!(refusal.detail().contains(said), "{said}: {refusal}");
    }
}

#[test]
fn what_a_file_holds_is_counted_by_type() {
    let header = r#"{"__metadata__": {"format": "pt", "license": "mit"}, "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]}}"#;
    let contents = open("m.safetensors", &tensors(header, 32)).expect("readable");
    assert_eq!(
        (contents.class, contents.total.tensors, contents.total.parameters, contents.total.bytes),
        (Class::Data, 2, 10, 32)
    );
    assert_eq!(contents.types["BF16"].parameters, 4);
    assert!(contents.facts.iter().any(|fact| fact.name == "license" && fact.value == "mit"));

    let keys = [
        entry("general.license", "apache-2.0"),
        entry("general.architecture", "llama"),
        entry("tokenizer.chat_template", "{{ messages[0]['content'] }}"),
    ];
    let mut file = gguf(2, 3, &[keys.concat(), weights("a", 64, 0), weights("b", 32, 64)].concat());
    file.resize(file.len().next_multiple_of(32) + 64 + 18, 0);
    let contents = open("m.gguf", &file).expect("readable");
    assert_eq!((contents.total.tensors, contents.total.parameters, contents.total.bytes), (2, 96, 54));
    assert_eq!(contents.templates[0].text, "{{ messages[0]['content'] }}");
    assert!(contents.facts.iter().any(|fact| fact.value == "apache-2.0"), "{:?}", contents.facts);
    assert_eq!(contents.judge(Pickles::Refused), Ok(()));
}

#[test]
fn a_secret_in_a_text_is_a_warning_and_no_refusal() {
    let text = b"# Use it\nkey = AKIAABCDEFGHIJKLMNOP\n";
    let contents = open("README.md", text).expect("readable");
    assert_eq!(contents.findings[0].severity, Severity::Warning);
    assert_eq!(contents.findings[0].offset, Some(15));
    assert_eq!(contents.judge(Pickles::Refused), Ok(()));
}

proptest! {
    #[test]
    fn any_bytes_pass_or_are_refused(kind in 0usize..9, file in proptest::collection::vec(any::<u8>(), 0..600)) {
        let start: [&[u8]; 9] = [b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"GGUF\x03\x00\x00\x00", b"PAR1", b"\x80\x02", b"", b"\x1f\x8b\x08\x00",
            b"(", b"\x89HDF\r\n\x1a\n"];
        let file = [start[kind], &file].concat();
        let _ = look("m.safetensors", &file);
        let _ = look("m.bin", &file);
    }
}
