//! A file inside of an archive, which is read once from its first byte to its last.

use crate::{
    Class, Contents, Finding, Refusal, config, gguf, hdf5, keras, npy, pickle, quoted, safetensors, secrets,
    source::fill, tar, template, zip,
};
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
];

/// Whether something begins like an archive that is not looked into.
pub(crate) fn packed(start: &[u8]) -> Option<&'static str> {
    PACKED.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, name)| *name)
}

/// Reads a member of so many bytes; nothing where nothing is known about what it is.
pub(crate) fn read(name: &str, from: &mut dyn BufRead, size_bytes: u64) -> Result<Option<Contents>, Refusal> {
    let start = fill(from, START_BYTES)?;
    if zip::is_zip(&start) || tar::is_tar(&start) || packed(&start).is_some() {
        return Err(Refusal::Unsupported(format!(
            "the archive has the entry {}, which is an archive itself and is not looked into; put its files beside the others",
            quoted(name)
        )));
    }
    let mut whole = start.as_slice().chain(from);
    by_start(name, &start, &mut whole, size_bytes)
}

/// What can be told without going back and forth in it.
pub(crate) fn by_start(
    name: &str,
    start: &[u8],
    from: &mut dyn BufRead,
    size_bytes: u64,
) -> Result<Option<Contents>, Refusal> {
    let lower = name.to_ascii_lowercase();
    let file = lower.rsplit('/').next().unwrap_or(&lower);
    if pickle::is_named(name) || pickle::may_begin(start) || pickle::is_old(start) {
        return pickle::read(from, size_bytes).map(Some);
    }
    if start.starts_with(npy::MAGIC) {
        return npy::read(from, size_bytes).map(Some);
    }
    if start.starts_with(gguf::MAGIC) {
        return gguf::read(from, size_bytes).map(Some);
    }
    if start.starts_with(hdf5::MAGIC) {
        return hdf5::read(from).map(Some);
    }
    if file.ends_with(".safetensors") {
        return safetensors::read(from, size_bytes).map(Some);
    }
    if file == "saved_model.pb" {
        let what = "a TensorFlow SavedModel is a program, which can read and write files";
        let mut contents = Contents::of("TensorFlow SavedModel", Class::Code);
        contents.find(Finding::refused("saved_model", what, "export the model to ONNX"));
        return Ok(Some(contents));
    }
    match file {
        "chat_template.jinja" | "chat_template.json" | "tokenizer_config.json" | "processor_config.json" => {
            chat(file, from, size_bytes).map(Some)
        }
        // Keras 3 beside its weights, or a description of layers that is loaded by itself.
        keras::CONFIG => {
            let bytes = fill(from, config::MAX_BYTES + 1)?;
            match config::may_name(&bytes, "class_name") {
                true => keras::config(&bytes).map(Some),
                false => text(&bytes, from, size_bytes),
            }
        }
        "schema.json" => {
            let bytes = fill(from, config::MAX_BYTES + 1)?;
            if !config::may_name(&bytes, "__loader__") {
                return text(&bytes, from, size_bytes);
            }
            let mut contents = Contents::of("skops model", Class::Code);
            let what = "a skops file says which Python classes to make and what to call";
            contents.find(Finding::refused("skops", what, "export the model to ONNX"));
            Ok(Some(contents))
        }
        _ => text(start, from, size_bytes),
    }
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
