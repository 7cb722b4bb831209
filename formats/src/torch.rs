//! PyTorch archives: a pickle that puts tensors together, their data beside it, and in a TorchScript the code.

use crate::{
    Contents, Finding, Refusal,
    pickle::{self, ADVICE, Around},
    zip::Entry,
};
use std::io::BufRead;

/// Whether a member belongs to a TorchScript program.
pub(crate) fn is_script(name: &str) -> bool {
    let inner = name.split_once('/').map_or(name, |(_, inner)| inner);
    inner.starts_with("code/")
        || inner == "constants.pkl"
        || inner.ends_with(".debug_pkl")
        || inner == "mobile_debug_handles.pkl"
}

/// Whether a member holds the data of a tensor: `archive/data/0` and the like.
pub(crate) fn is_weights(name: &str) -> bool {
    let inner = name.split_once('/').map_or(name, |(_, inner)| inner);
    let key = inner.strip_prefix("data/").or_else(|| name.strip_prefix("data/"));
    key.is_some_and(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(crate) fn check_names(entries: &[Entry], contents: &mut Contents) {
    if let Some(script) = entries.iter().find(|entry| is_script(&entry.name)) {
        contents.format = "TorchScript archive";
        let what = format!(
            "{} is part of a TorchScript program, which runs when the model is used",
            crate::quoted(&script.name)
        );
        contents.find(Finding::refused("torch_script", what, ADVICE));
    }
}

/// A pickle of the archive.
pub(crate) fn read(from: &mut dyn BufRead, size_bytes: u64) -> Result<Contents, Refusal> {
    Ok(pickle::walk(from, size_bytes, Around::Storages)?.into_contents("PyTorch weights"))
}
