//! A file inside of an archive, which is read once from its first byte to its last.

use crate::{
    Class, Contents, Finding, Refusal, config, gguf, hdf5, keras, named, npy, onnx,
    pickle::{self, Hidden},
    programs, quoted, safetensors, secrets,
    source::{Tail, fill},
    tar, template, zip,
};
use flate2::bufread::DeflateDecoder;
use serde_json::Value;
use std::io::{BufRead, Read};

/// Enough to know most things by.
const START_BYTES: u64 = 64 << 10;

/// What packs things in a way that is not looked into: beginning and name.
const PACKED: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
    // What joblib wrote before version 0.10.
    (b"ZF0x", "zlib"),
];

/// Fewer bytes may come out of a text by chance.
const LEAST_UNPACKED_BYTES: usize = 64;

/// Whether something begins like an archive that is not looked into.
pub(crate) fn packed(start: &[u8]) -> Option<&'static str> {
    let known = PACKED.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, name)| *name);
    known.or_else(|| is_zlib(start).then_some("zlib")).or_else(|| is_lzma(start).then_some("lzma"))
}

/// What joblib packs with by default. Two bytes alone would be found in texts: they have to unpack, or to a pickle as far
/// as they do, for whoever reads one has run it before the rest turns out to be broken.
fn is_zlib(start: &[u8]) -> bool {
    let [0x78, flags, rest @ ..] = start else { return false };
    if !(0x7800 | u16::from(*flags)).is_multiple_of(31) || flags & 0x20 != 0 {
        return false;
    }
    let mut unpacked = Vec::new();
    let ended = DeflateDecoder::new(rest).take(START_BYTES).read_to_end(&mut unpacked);
    (ended.is_ok() && LEAST_UNPACKED_BYTES <= unpacked.len()) || pickle::hidden(&unpacked, u64::MAX) == Hidden::Yes
}

/// The header of lzma before xz: the usual properties, a dictionary that is a power of two, and a length or none.
fn is_lzma(start: &[u8]) -> bool {
    let Some(&[0x5d, a, b, c, d, ref length @ ..]) = start.first_chunk::<13>() else { return false };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    let length = u64::from_le_bytes(*length);
    dictionary.is_power_of_two() && 4096 <= dictionary && (length == u64::MAX || length < 1 << 40)
}

/// Reads a member of so many bytes; nothing where nothing is known about what it is.
pub(crate) fn read(name: &str, from: &mut dyn BufRead, size_bytes: u64) -> Result<Option<Contents>, Refusal> {
    let mut from = Tail::new(from, zip::TAIL_BYTES);
    let start = fill(&mut from, START_BYTES)?;
    if zip::is_zip(&start) || tar::is_tar(&start) || packed(&start).is_some() {
        return Err(Refusal::Unsupported(format!(
            "the archive has the entry {}, which is an archive itself and is not looked into; put its files beside the others",
            quoted(name)
        )));
    }
    let read = by_start(name, &start, &mut start.as_slice().chain(&mut from), size_bytes);
    let read = read.map_err(|refusal| refusal.of_entry(name))?;
    zip::refuse_behind(&from.end()?)?;
    Ok(read)
}

/// What can be told without going back and forth in it.
///
/// # Errors
/// Also for what is not what its name says.
pub(crate) fn by_start(
    name: &str,
    start: &[u8],
    from: &mut dyn BufRead,
    size_bytes: u64,
) -> Result<Option<Contents>, Refusal> {
    named::require_whole(start)?;
    let lower = name.to_ascii_lowercase();
    let file = lower.rsplit('/').next().unwrap_or(&lower);
    if pickle::is_named(name) {
        return pickle::read(from, size_bytes).map(Some);
    }
    let hidden = pickle::hidden(start, size_bytes);
    if hidden == Hidden::Yes {
        return pickle::read(from, size_bytes).map(Some);
    }
    // The only one whose beginning is a number: it may be one that pickles begin with.
    if file.ends_with(".safetensors") {
        return safetensors::read(from, size_bytes).map(Some);
    }
    if file.ends_with(".onnx") {
        return onnx::read_member(from, size_bytes).map(Some);
    }
    if let Some(known) = by_magic(file, start, from, size_bytes)? {
        return Ok(Some(known));
    }
    let read = match hidden {
        Hidden::Perhaps => pickle::read_hidden(start, from, size_bytes)?,
        _ => by_name(file, start, from, size_bytes)?,
    };
    if read.is_none() {
        named::require_promised(file)?;
    }
    Ok(read)
}

fn by_magic(file: &str, start: &[u8], from: &mut dyn BufRead, size_bytes: u64) -> Result<Option<Contents>, Refusal> {
    if start.starts_with(npy::MAGIC) {
        return npy::read(from, size_bytes).map(Some);
    }
    if start.starts_with(gguf::MAGIC) {
        return gguf::read(from, size_bytes).map(Some);
    }
    if start.starts_with(hdf5::MAGIC) {
        return hdf5::read(from).map(Some);
    }
    if let Some(at) = hdf5::place_behind(start) {
        return Ok(Some(hdf5::behind(at)));
    }
    Ok(programs::native(file, start))
}

fn by_name(file: &str, start: &[u8], from: &mut dyn BufRead, size_bytes: u64) -> Result<Option<Contents>, Refusal> {
    match file {
        "saved_model.pb" | "saved_model.pbtxt" | "saved_model.cpb" => {
            let what = "a TensorFlow SavedModel is a program, which can read and write files";
            let mut contents = Contents::of("TensorFlow SavedModel", Class::Code);
            contents.find(Finding::refused("saved_model", what, "export the model to ONNX"));
            Ok(Some(contents))
        }
        "chat_template.json" | "tokenizer_config.json" | "processor_config.json" => {
            chat(file, from, size_bytes).map(Some)
        }
        "schema.json" => {
            let bytes = fill(from, config::MAX_BYTES + 1)?;
            if !config::may_name(&bytes, "__loader__") {
                return text(&bytes, &mut bytes.as_slice(), size_bytes);
            }
            let mut contents = Contents::of("skops model", Class::Code);
            let what = "a skops file says which Python classes to make and what to call";
            contents.find(Finding::refused("skops", what, "export the model to ONNX"));
            Ok(Some(contents))
        }
        _ if file.ends_with(".jinja") => chat(file, from, size_bytes).map(Some),
        _ if file.ends_with(".json") => settings(file, from, size_bytes),
        _ => {
            let read = text(start, from, size_bytes)?;
            let Some(finding) = programs::source(file) else { return Ok(read) };
            let mut contents = read.unwrap_or_else(|| Contents::of("Python source", Class::Unknown));
            contents.find(finding);
            Ok(Some(contents))
        }
    }
}

/// Settings in JSON: the description of a Keras model, beside its weights or by itself, or anything.
fn settings(file: &str, from: &mut dyn BufRead, size_bytes: u64) -> Result<Option<Contents>, Refusal> {
    let bytes = fill(from, config::MAX_BYTES + 1)?;
    let is_keras = match file {
        // What Keras itself reads: also where it is not read here.
        keras::CONFIG => config::may_name(&bytes, "class_name"),
        _ => config::parse(&bytes).is_ok_and(|value| keras::is_model(&value)),
    };
    if is_keras {
        return keras::config(&bytes).map(Some);
    }
    let read = text(&bytes, &mut bytes.as_slice(), size_bytes)?;
    if !(file == keras::CONFIG && config::may_name(&bytes, "auto_map")) {
        return Ok(read);
    }
    let mut contents = read.unwrap_or_else(|| Contents::of("settings", Class::Unknown));
    contents.find(programs::remote());
    Ok(Some(contents))
}

/// A chat template, alone or in the settings of a tokenizer.
fn chat(file: &str, from: &mut dyn BufRead, size_bytes: u64) -> Result<Contents, Refusal> {
    let mut contents = Contents::of("chat template", Class::Data);
    let bytes = fill(from, config::MAX_BYTES + 1)?;
    let advice = "make it smaller, or leave it out";
    if size_bytes <= secrets::MAX_BYTES {
        secrets::findings(&bytes).into_iter().for_each(|finding| contents.find(finding));
    }
    if file.ends_with(".jinja") {
        match String::from_utf8(bytes) {
            Ok(text) => one(file, &text, &mut contents),
            Err(_) => contents.find(Finding::refused("chat_template", "the chat template is not UTF-8", advice)),
        }
        return Ok(contents);
    }
    match config::parse(&bytes) {
        Ok(value) => templates(&value, &mut contents),
        Err(why) => contents.find(Finding::refused("settings_unreadable", format!("{} {why}", quoted(file)), advice)),
    }
    Ok(contents)
}

/// One template, several by name, or a list of names with templates.
fn templates(settings: &Value, contents: &mut Contents) {
    match settings.get("chat_template") {
        Some(Value::String(text)) => one("chat_template", text, contents),
        Some(Value::Object(all)) => {
            for (name, text) in all {
                one(name, text.as_str().unwrap_or_default(), contents);
            }
        }
        Some(Value::Array(list)) => {
            for each in list {
                let part = |name: &str| each.get(name).and_then(Value::as_str).unwrap_or_default();
                one(part("name"), part("template"), contents);
            }
        }
        _ => {}
    }
}

fn one(name: &str, text: &str, contents: &mut Contents) {
    contents.template(name, text);
    for finding in template::findings(text, 0) {
        contents.find(finding);
    }
}

/// Whatever else is short and may be text: looked through for secrets.
fn text(start: &[u8], from: &mut dyn BufRead, size_bytes: u64) -> Result<Option<Contents>, Refusal> {
    if secrets::MAX_BYTES < size_bytes || start.contains(&0) {
        return Ok(None);
    }
    let found = secrets::findings(&fill(from, secrets::MAX_BYTES)?);
    if found.is_empty() {
        return Ok(None);
    }
    let mut contents = Contents::of("text", Class::Unknown);
    found.into_iter().for_each(|finding| contents.find(finding));
    Ok(Some(contents))
}
