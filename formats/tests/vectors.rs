//! The archives and malformed models of the reference vectors: each is answered as its row asks.
//!
//! They live outside of the repository. Without them the tests say so and pass.

#![expect(clippy::panic, reason = "a test says what went wrong")]

use plimsoll_formats::{Contents, Pickles, Refusal, Severity, onnx::Surroundings, read};
use std::{
    env, fs,
    io::BufReader,
    path::{Path, PathBuf},
};

fn shared(name: &str, variable: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "where the vectors lie is no part of the configuration")]
    let named = env::var_os(variable).map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no {name}; name their folder in {variable}");
    None
}

fn look(place: &Path) -> Result<Contents, Refusal> {
    let file = fs::File::open(place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    let size = file.metadata().unwrap_or_else(|error| panic!("{}: {error}", place.display())).len();
    let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let contents = read(&name, &mut BufReader::new(file), size, &Surroundings { files: &[(&name, size)] })?;
    contents.judge(Pickles::Accepted).map(|()| contents)
}

/// File, one word of the kind of refusal, and what it says; nothing for one that is fine.
const ARCHIVES: &[(&str, &str, &str)] = &[
    ("abs.zip", "unsafe_model", "leaves its folder"),
    ("backslash.zip", "unsafe_model", "leaves its folder"),
    ("bomb.zip", "unsafe_model", "more than 100 times"),
    ("device.tar", "unsafe_model", "device"),
    ("dotdot-inner.zip", "unsafe_model", "leaves its folder"),
    ("dup.zip", "unsafe_model", "twice"),
    ("gguf-huge-kv.gguf", "invalid_model", "declares 1152921504606846976 keys"),
    ("gguf-template.gguf", "unsafe_model", "two underscores"),
    ("hardlink.tar", "unsafe_model", "hard link"),
    ("nul.zip", "unsafe_model", "backslash"),
    ("slip.tar", "unsafe_model", "leaves its folder"),
    ("slip.zip", "unsafe_model", "leaves its folder"),
    ("st-dup-key.safetensors", "invalid_model", "twice"),
    ("st-hole.safetensors", "invalid_model", "no tensor has the bytes before"),
    ("st-huge-header.safetensors", "invalid_model", "should have"),
    ("st-ok.safetensors", "", ""),
    ("st-overlap.safetensors", "invalid_model", "overlap"),
    ("st-shape-overflow.safetensors", "invalid_model", "counted"),
    ("st-trailing.safetensors", "invalid_model", "behind its tensors"),
    ("symlink-then-write.tar", "unsafe_model", "link"),
    ("symlink.zip", "unsafe_model", "link"),
];

#[test]
fn every_archive_of_the_vectors_gets_its_answer() {
    let Some(folder) = shared("vectors", "PLIMSOLL_VECTORS").map(|folder| folder.join("archives")) else { return };
    let mut wrong = Vec::new();
    for (name, code, said) in ARCHIVES {
        match look(&folder.join(name)) {
            Ok(_) if code.is_empty() => {}
            Err(refusal) if refusal.code() == *code && refusal.detail().contains(said) => {}
            other => wrong.push(format!("{name}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let listed = fs::read_dir(&folder).map(Iterator::count).unwrap_or_default();
    assert_eq!(listed, ARCHIVES.len(), "every file has its row");
}

#[test]
fn bad_models_are_refused_as_what_they_are() {
    let Some(folder) = shared("cases", "PLIMSOLL_CASES").map(|folder| folder.join("bad_models/files")) else { return };
    for (name, code, said) in [
        ("40_bomb.npz", "unsafe_model", "times as many"),
        ("41_os_system.pkl", "unsafe_model", "system"),
        ("42_malicious.pt", "unsafe_model", "data.pkl"),
        ("43_lambda.keras", "unsafe_model", "Lambda"),
        ("44_header_len.safetensors", "invalid_model", "should have"),
        ("44b_offset_past_end.safetensors", "invalid_model", "bytes"),
        ("45_counts.gguf", "invalid_model", "declares"),
        ("45b_nested_array.gguf", "invalid_model", "deep"),
        ("46_object_array.npy", "unsafe_model", "objects"),
        ("48_zip_slip.zip", "unsafe_model", "leaves its folder"),
        ("49_truncated.parquet", "invalid_model", "footer"),
        ("50_onnx_plus_zip.onnx", "unreadable_model", "ONNX"),
        ("10_ext_dotdot.onnx", "unsafe_model", "outside"),
    ] {
        let refusal = look(&folder.join(name)).expect_err(name);
        assert_eq!((refusal.code(), refusal.detail().contains(said)), (code, true), "{name}: {refusal}");
    }
    let finding = |name: &str| {
        let place = folder.join(name);
        let bytes = fs::read(&place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
        let size = bytes.len() as u64;
        let contents = read(name, &mut std::io::Cursor::new(bytes), size, &Surroundings { files: &[] });
        contents.unwrap_or_else(|refusal| panic!("{name}: {refusal}")).findings.into_iter().next()
    };
    let in_pickle = finding("42_malicious.pt").unwrap_or_else(|| panic!("no finding"));
    assert!(in_pickle.member.is_some() && in_pickle.offset.is_some() && in_pickle.opcode.is_some(), "{in_pickle}");
    assert_eq!(in_pickle.severity, Severity::Refused);
}
