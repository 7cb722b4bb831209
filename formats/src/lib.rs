//! What a file is, read from its bytes alone: nothing is executed, no path that a file names is opened.
//!
//! Pure over a `BufRead + Seek`: linear in the size of the file, bounded in depth and in what is held in memory. Weights are
//! passed over, so that a model of any size is read with a few megabytes. Nothing here says that a model is good; it says
//! why some bytes can't be one, before anybody relies on them.

mod config;
mod contents;
mod files;
mod gguf;
mod hdf5;
mod keras;
mod member;
mod named;
mod names;
mod npy;
pub mod npz;
pub mod onnx;
mod pickle;
mod programs;
mod safetensors;
mod secrets;
mod source;
mod tar;
mod template;
pub mod tensor;
mod torch;
mod zip;

pub use contents::{Amount, Class, Contents, Fact, Finding, Members, Pickles, Severity, Template};
pub use files::{read, refuse};
pub use names::{folded, is_device};
pub use source::Source;

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

    /// The same, naming the entry of an archive that it is about.
    pub(crate) fn of_entry(mut self, name: &str) -> Self {
        let (Self::Unreadable(detail) | Self::Invalid(detail) | Self::Unsupported(detail) | Self::Unsafe(detail)) =
            &mut self
        else {
            return self;
        };
        let name = quoted(name);
        if !detail.contains(&name) {
            *detail = format!("the entry {name}: {detail}");
        }
        self
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

/// Whether a character moves a cursor or turns the reading direction, so that a reader sees another text than there is.
pub fn misleads(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A name out of a file, short and without anything that moves a cursor or turns the reading direction.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", shortened(name, MAX_SHOWN_CHARS))
}

/// The same without quotation marks, of so many characters.
pub(crate) fn shortened(name: &str, most: usize) -> String {
    let mut shown: String = name.chars().take(most).map(|c| if misleads(c) { '\u{FFFD}' } else { c }).collect();
    if name.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}
