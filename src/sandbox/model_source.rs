//! The bytes of a model on their way into the sandbox: its own file, then the files in which it keeps tensors.

use super::failure::Failure;
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The most files beside a model's own.
pub const MAX_BESIDE: usize = crate::formats::onnx::MAX_EXTERNAL_FILES;
/// Of all files of a model together: they are held in memory, and the sandbox is allowed as much more.
const MAX_TOTAL_BYTES: u64 = 10 << 30;

/// A file of the version in which the model keeps tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Beside {
    /// As the model names it.
    pub name: String,
    pub size_bytes: u64,
}

/// A model that is streamed, never held. It gives exactly as many bytes as it says.
pub struct ModelSource {
    pub(super) bytes: Pin<Box<dyn AsyncRead + Send>>,
    /// Of the model's own file.
    pub(super) size_bytes: u64,
    pub(super) beside: Vec<Beside>,
}

impl ModelSource {
    /// A model in one file.
    pub fn new(bytes: impl AsyncRead + Send + 'static, size_bytes: u64) -> Self {
        Self { bytes: Box::pin(bytes.take(size_bytes)), size_bytes, beside: Vec::new() }
    }

    /// With a further file, under the name by which the model asks for it.
    #[must_use]
    pub fn with(self, name: impl Into<String>, bytes: impl AsyncRead + Send + 'static, size_bytes: u64) -> Self {
        let Self { bytes: before, size_bytes: own, mut beside } = self;
        beside.push(Beside { name: name.into(), size_bytes });
        // A file that is longer than it was must not shift the next one.
        Self { bytes: Box::pin(before.chain(bytes.take(size_bytes))), size_bytes: own, beside }
    }

    /// Whether the sandbox can hold it.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let total = self.total_bytes();
        if MAX_BESIDE < self.beside.len() {
            let count = self.beside.len();
            let what = format!(
                "the model keeps its tensors in {count} files, and {MAX_BESIDE} are read; save them in one file"
            );
            return Err(Failure::unsupported(what));
        }
        if !self.beside.is_empty() && MAX_TOTAL_BYTES < total {
            let what = format!("the model has {total} bytes with the files beside it, and {MAX_TOTAL_BYTES} are read");
            return Err(Failure::unsupported(what));
        }
        Ok(())
    }

    pub(super) fn total_bytes(&self) -> u64 {
        self.beside.iter().fold(self.size_bytes, |sum, file| sum.saturating_add(file.size_bytes))
    }
}
