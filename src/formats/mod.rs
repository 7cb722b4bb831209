//! What a file is, read from its bytes alone: nothing is executed, no path that a file names is opened.
//!
//! Pure over a `BufRead + Seek`: linear in the size of the file, bounded in depth and in what is held in memory. Weights are
//! passed over, so that a model of any size is read with a few megabytes. Nothing here says that a model is good; it says
//! why some bytes can't be one, before anybody relies on them.

mod archive;
pub mod foreign;
mod gguf;
mod npy;
pub mod npz;
pub mod onnx;
mod pickle;
mod safetensors;
pub mod tensor;

use crate::core::text::misleads;
use std::{fmt, io};

/// Longest text of a file that a message repeats, in characters.
const MAX_SHOWN_CHARS: usize = 100;

/// Why a file is refused. Each text names the element that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes are no file of this format.
    Unreadable(String),
    /// Readable, and against a rule of the format.
    Invalid(String),
    /// Legal, and more than can be run here.
    Unsupported(String),
    /// It would read what was not uploaded, or run code.
    Unsafe(String),
    /// The bytes could not be read from where they are kept: not the file's fault.
    Storage(String),
}

impl Refusal {
    /// One word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable_model",
            Self::Invalid(_) => "invalid_model",
            Self::Unsupported(_) => "unsupported_model",
            Self::Unsafe(_) => "unsafe_model",
            Self::Storage(_) => "storage",
        }
    }

    pub fn detail(&self) -> &str {
        let (Self::Unreadable(detail)
        | Self::Invalid(detail)
        | Self::Unsupported(detail)
        | Self::Unsafe(detail)
        | Self::Storage(detail)) = self;
        detail
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Storage(error.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.detail())
    }
}

/// A name out of a file, short and without anything that moves a cursor or turns the reading direction.
pub(crate) fn quoted(name: &str) -> String {
    let shown: String = name.chars().take(MAX_SHOWN_CHARS).map(|c| if misleads(c) { '\u{FFFD}' } else { c }).collect();
    let cut = if shown.len() < name.len() && name.chars().nth(MAX_SHOWN_CHARS).is_some() { "…" } else { "" };
    format!("\"{shown}{cut}\"")
}
