//! The bytes of a model on their way into the sandbox: its own file, then the files in which it keeps tensors.

use serde::{Deserialize, Serialize};
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncReadExt};

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
        Self { bytes: Box::pin(bytes), size_bytes, beside: Vec::new() }
    }

    /// With a further file, under the name by which the model asks for it.
    #[must_use]
    pub fn with(self, name: impl Into<String>, bytes: impl AsyncRead + Send + 'static, size_bytes: u64) -> Self {
        let Self { bytes: before, size_bytes: own, mut beside } = self;
        beside.push(Beside { name: name.into(), size_bytes });
        Self { bytes: Box::pin(before.chain(bytes)), size_bytes: own, beside }
    }

    pub(super) fn total_bytes(&self) -> u64 {
        self.beside.iter().fold(self.size_bytes, |sum, file| sum.saturating_add(file.size_bytes))
    }
}
