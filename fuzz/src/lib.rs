//! What the targets share: a file is read as the registry reads it at a seal, and judged.

use plimsoll_formats::{Class, Pickles, Severity, onnx::Surroundings, read};
use std::io::Cursor;

/// Reads bytes as a file of this name.
///
/// Whatever they are, they pass or are refused; what passes has no finding that refuses, and is no code.
pub fn file(name: &str, bytes: &[u8]) {
    let files = [("model.onnx", bytes.len() as u64), ("weights.bin", 1_000)];
    let around = Surroundings { files: &files };
    let Ok(contents) = read(name, &mut Cursor::new(bytes), bytes.len() as u64, &around) else { return };
    if contents.judge(Pickles::Accepted).is_ok() {
        assert!(contents.class != Class::Code);
        assert!(contents.findings.iter().all(|finding| finding.severity == Severity::Warning));
    }
    for fact in &contents.facts {
        assert!(!fact.value.chars().any(plimsoll_formats::misleads));
    }
}

/// An archive with these entries, as it would have to be to be read.
pub fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let at = file.len() as u32;
        let mut sum = flate2::Crc::new();
        sum.update(bytes);
        let size = (bytes.len() as u32).to_le_bytes();
        let named = (name.len() as u16).to_le_bytes();
        let both = [&[0; 8][..], &sum.sum().to_le_bytes(), &size, &size, &named, &[0; 2]].concat();
        file.extend([b"PK\x03\x04\x14\0", &both[..], name.as_bytes(), bytes].concat());
        directory.extend([b"PK\x01\x02\x14\0\x14\0", &both[..], &[0; 10], &at.to_le_bytes(), name.as_bytes()].concat());
    }
    let (at, bytes) = ((file.len() as u32).to_le_bytes(), (directory.len() as u32).to_le_bytes());
    let count = (entries.len() as u16).to_le_bytes();
    [&file[..], &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &bytes, &at, &[0; 2]].concat()
}
