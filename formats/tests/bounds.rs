//! What reading takes: memory within a stated multiple of the file, and time that grows as the file does.
//!
//! One test alone in this program, for the memory of a process is everybody's.

#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

use cap::Cap;
use plimsoll_formats::{Pickles, onnx::Surroundings, read};
use std::{
    alloc::System,
    fs,
    io::{Cursor, Write},
    path::Path,
    time::{Duration, Instant},
};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Whatever the file is.
const FREE_BYTES: usize = 4 << 20;
/// Times the file's size: what a pickle notes with one byte takes some dozens. A node of an ONNX graph takes two bytes in a file and some hundred in memory.
const MULTIPLE: usize = 128;
const MULTIPLE_OF_GRAPHS: usize = 512;
/// However large the file is.
const MOST_BYTES: usize = 600 << 20;

/// Reads a file with no more memory than is stated; taking more ends the process.
fn within_bounds(name: &str, file: &[u8]) -> Duration {
    let multiple = if name.ends_with(".onnx") { MULTIPLE_OF_GRAPHS } else { MULTIPLE };
    let bound = FREE_BYTES + (file.len() * multiple).min(MOST_BYTES);
    MEMORY.set_limit(MEMORY.allocated() + bound).expect("a limit");
    let began = Instant::now();
    let surroundings = Surroundings { files: &[] };
    let judged =
        read(name, &mut Cursor::new(file), file.len() as u64, &surroundings).map(|it| it.judge(Pickles::Accepted));
    drop(judged);
    let took = began.elapsed();
    MEMORY.set_limit(usize::MAX).expect("no limit");
    took
}

fn stored(entries: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in entries {
        zip.start_file(name, options).expect("an entry");
        zip.write_all(&bytes).expect("written");
    }
    zip.finish().expect("an archive").into_inner()
}

/// A message of protocol buffers, its length in as many bytes as it takes.
fn message(field: u8, inner: &[u8]) -> Vec<u8> {
    let (mut length, mut out) = (inner.len(), vec![field << 3 | 2]);
    while 0x80 <= length {
        out.push(u8::try_from(length & 0x7f | 0x80).expect("a byte"));
        length >>= 7;
    }
    out.push(u8::try_from(length).expect("a byte"));
    out.extend(inner);
    out
}

/// What makes readers take much of something, `n` times.
fn hostile(n: usize) -> Vec<(&'static str, Vec<u8>)> {
    let graph = |inner: Vec<u8>| [vec![8, 8], message(7, &inner), message(8, &[16, 17])].concat();
    let header = |text: String| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let pairs = |n: usize| (0..n).map(|i| format!("\"k{i}\":[]")).collect::<Vec<_>>().join(",");
    let tensors = |n: usize| {
        let one = |i| format!("\"k{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
        (0..n).map(one).collect::<Vec<_>>().join(",")
    };
    let keys = (0..n.min(60_000)).flat_map(|i| {
        let key = format!("{i:08}");
        [&8u64.to_le_bytes()[..], key.as_bytes(), &0u32.to_le_bytes(), &[1]].concat()
    });
    vec![
        ("empty nodes.onnx", graph(message(1, &[]).repeat(n))),
        ("empty initializers.onnx", graph(message(5, &[]).repeat(n))),
        ("inputs.onnx", graph(message(11, &[]).repeat(n))),
        ("attributes.onnx", graph(message(1, &message(5, &[]).repeat(n)))),
        ("functions.onnx", [graph(Vec::new()), message(25, &[]).repeat(n)].concat()),
        ("said.onnx", [graph(Vec::new()), message(14, &[]).repeat(n)].concat()),
        ("opsets.onnx", [graph(Vec::new()), message(8, &[]).repeat(n)].concat()),
        ("dims.onnx", graph(message(5, &[8, 1].repeat(n)))),
        ("marks.pkl", b"(".repeat(n)),
        ("lists.pkl", b"]".repeat(n)),
        ("memory.pkl", [b"\x80\x04N".to_vec(), b"\x94".repeat(n)].concat()),
        ("texts.pkl", [b"\x80\x04".to_vec(), b"\x8c\x10aaaaaaaaaaaaaaaa".repeat(n / 8)].concat()),
        ("tuples.pkl", [b"\x80\x04)".to_vec(), b"\x85".repeat(n)].concat()),
        ("doubled.pkl", [b"\x80\x04)".to_vec(), b"2\x86".repeat(n)].concat()),
        ("names.pkl", b"ca\nb\n".repeat(n / 4)),
        ("lines.pkl", b"I1\n".repeat(n / 2)),
        ("a.safetensors", header(format!("{{{}}}", tensors(n / 16)))),
        ("b.safetensors", header("[".repeat(n))),
        ("c.safetensors", header(format!("{{\"__metadata__\":{{{}}}}}", pairs(n / 8).replace("[]", "\"\"")))),
        ("tokenizer_config.json", "[".repeat(n).into_bytes()),
        ("processor_config.json", format!("[{}0]", "0,".repeat(n.min(400_000))).into_bytes()),
        ("chat_template.json", format!("{{{}}}", pairs(n / 8)).into_bytes()),
        ("chat_template.jinja", "{{ '_' }}".repeat(n / 8).into_bytes()),
        ("open.jinja", "{{'".repeat(n / 4).into_bytes()),
        ("chat_template.jinja", "{{'".repeat(n / 4).into_bytes()),
        (
            "keys.gguf",
            [&b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0"[..], &(n.min(60_000) as u64).to_le_bytes(), &keys.collect::<Vec<u8>>()]
                .concat(),
        ),
        ("many.zip", stored((0..(n / 64).min(9_000)).map(|i| (format!("{i}"), Vec::new())))),
        ("deep.zip", stored((0..(n / 64).min(2_000)).map(|i| (format!("{}{i}", "a/".repeat(30)), Vec::new())))),
        ("keys.txt", b"-----BEGIN ".repeat(n / 16)),
        ("keys.txt", b"AKIA".repeat(n / 4)),
        ("zeros.bin", vec![0; n]),
        ("letters.bin", b"c".repeat(n)),
        ("lists.bin", b"]".repeat(n)),
        ("array.npy", [b"\x93NUMPY\x02\0".to_vec(), (n as u32).to_le_bytes().to_vec(), b"'".repeat(n)].concat()),
        ("m.h5", [b"\x89HDF\r\n\x1a\n".to_vec(), b"model_confi".repeat(n / 8)].concat()),
    ]
}

#[test]
fn reading_takes_memory_and_time_as_the_file_is_large() {
    const SMALL: usize = 1 << 15;
    for ((name, small), (_, large)) in hostile(SMALL).into_iter().zip(hostile(16 * SMALL)) {
        eprintln!("{name}: {} and {} bytes", small.len(), large.len());
        let best = |file: &[u8]| (0..3).map(|_| within_bounds(name, file)).min().unwrap_or_default();
        let (short, long) = (best(&small), best(&large));
        // Sixteen times the file may take sixteen times as long; a square would be 256 times.
        let most = short.max(Duration::from_millis(2)) * 64;
        assert!(long <= most, "{name}: {short:?} for {} bytes, {long:?} for {}", small.len(), large.len());
    }
    for folder in ["../../shared/vectors/archives", "../../shared/cases/bad_models/files", "../tests/fixtures"] {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Ok(file) = fs::read(entry.path()) {
                eprintln!("{name}");
                within_bounds(&name, &file);
            }
        }
    }
}
