//! Zip archives: bundles, `.npz`, PyTorch and Keras files. Nothing is unpacked to anywhere.

use super::{Refusal, npy, pickle, quoted};
use serde_json::Value;
use std::io::{BufRead, Read, Seek};
use zip::{ZipArchive, result::ZipError};

/// Larger than this, an archive is looked at for how much it was packed.
const BOMB_BYTES: u64 = 16 << 20;
/// Unpacked over packed bytes. Weights hardly shrink; zeros do by a thousand.
const MAX_RATIO: u64 = 200;
const MAX_ENTRIES: usize = 10_000;
/// A Keras configuration with more bytes is not read.
const MAX_CONFIG_BYTES: u64 = 16 << 20;
/// Of each packed array only its header is read.
const MAX_HEADER_BYTES: u64 = 64 << 10;

pub(super) fn inspect<R: BufRead + Seek>(from: R) -> Result<(), Refusal> {
    let mut archive = ZipArchive::new(from).map_err(unreadable)?;
    if MAX_ENTRIES < archive.len() {
        return Err(Refusal::Unsupported(format!("the archive has {} entries; at most {MAX_ENTRIES}", archive.len())));
    }
    let (mut packed, mut unpacked) = (0u64, 0u64);
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(unreadable)?;
        let name = entry.name().map_err(unreadable)?.into_owned();
        packed = packed.saturating_add(entry.compressed_size());
        unpacked = unpacked.saturating_add(entry.size());
        drop(entry);
        check_name(&name)?;
        if name.ends_with(".npy") {
            npy::inspect(&start_of(&mut archive, index, MAX_HEADER_BYTES)?)?;
        }
        if name == "config.json" {
            check_layers(&start_of(&mut archive, index, MAX_CONFIG_BYTES + 1)?)?;
        }
    }
    if BOMB_BYTES < unpacked && packed.saturating_mul(MAX_RATIO) < unpacked {
        return Err(Refusal::Unsafe(format!(
            "the archive unpacks from {packed} to {unpacked} bytes, more than {MAX_RATIO} times as many"
        )));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let leaves =
        name.starts_with(['/', '\\']) || name.contains(':') || name.split(['/', '\\']).any(|part| part == "..");
    if leaves {
        return Err(Refusal::Unsafe(format!("the archive has the entry {}, which leaves its folder", quoted(name))));
    }
    if pickle::is_named(name) {
        return Err(pickle::refusal(name));
    }
    Ok(())
}

/// The first bytes of an entry, unpacked.
fn start_of<R: BufRead + Seek>(archive: &mut ZipArchive<R>, index: usize, most: u64) -> Result<Vec<u8>, Refusal> {
    let entry = archive.by_index(index).map_err(unreadable)?;
    let mut start = Vec::new();
    entry
        .take(most)
        .read_to_end(&mut start)
        .map_err(|error| Refusal::Unreadable(format!("a broken archive: {error}")))?;
    Ok(start)
}

/// Keras keeps code of its `Lambda` layers in the configuration.
fn check_layers(config: &[u8]) -> Result<(), Refusal> {
    if MAX_CONFIG_BYTES < config.len() as u64 {
        return Err(Refusal::Unsupported(format!("its config.json has more than {MAX_CONFIG_BYTES} bytes")));
    }
    // What is no JSON is no configuration of Keras either, and nobody runs it.
    let Ok(config) = serde_json::from_slice::<Value>(config) else { return Ok(()) };
    let mut open = vec![&config];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                if map.get("class_name").and_then(Value::as_str) == Some("Lambda") {
                    let detail = "a Lambda layer holds byte code that runs when the model is loaded; export to ONNX";
                    return Err(Refusal::Unsafe(detail.to_owned()));
                }
                open.extend(map.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    Ok(())
}

fn unreadable(error: ZipError) -> Refusal {
    Refusal::Unreadable(format!("a broken archive: {error}"))
}
