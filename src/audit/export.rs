//! The export of the audit log: JSON Lines that anybody can check without the registry.
//!
//! The first line is the header with the signed checkpoint; then comes one canonical leaf
//! per line, from index 0 to the checkpoint's size. Every line ends with LF.

use crate::{audit::leaf::MAX_LEAF_BYTES, crypto::json};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read as _};

pub const FORMAT: &str = "plimsoll-audit-export/v1";
/// The header carries a note, escaped; no line is longer.
pub const MAX_LINE_BYTES: usize = 128 << 10;

const _: () = assert!(MAX_LEAF_BYTES < MAX_LINE_BYTES);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("it is not the header of an audit export: {0}")]
    Malformed(String),
    #[error("the export has the format \"{0}\"; only \"{FORMAT}\" is known, so a newer program must read it")]
    Format(String),
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub format: String,
    pub origin: String,
    /// The signed note.
    pub checkpoint: String,
}

impl Header {
    /// Reads the first line, without its line end.
    pub fn parse(line: &str) -> Result<Self, HeaderError> {
        let header: Self = json::parse(line.as_bytes()).map_err(|e| HeaderError::Malformed(e.to_string()))?;
        if header.format != FORMAT {
            return Err(HeaderError::Format(header.format));
        }
        Ok(header)
    }
}

/// The first line, with its line end. `note` is the signed checkpoint.
pub fn header_line(origin: &str, note: &str) -> String {
    let header = serde_json::json!({"format": FORMAT, "origin": origin, "checkpoint": note});
    format!("{header}\n")
}

/// A canonical leaf as a line, with its line end.
pub fn leaf_line(canonical: &str) -> String {
    format!("{canonical}\n")
}

#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("line {line}: the file could not be read: {source}")]
    Read { line: u64, source: io::Error },
    #[error("line {line}: it has more than {MAX_LINE_BYTES} bytes, so it is no line of an export")]
    LineTooLong { line: u64 },
    #[error("line {line}: it is not UTF-8, so it is no line of an export")]
    NotText { line: u64 },
    #[error("line {line}: it breaks off without a line end; the file was cut, so export the log again")]
    CutLine { line: u64 },
}

/// The lines of an export, one at a time and none longer than [`MAX_LINE_BYTES`].
pub struct Lines<R> {
    reader: R,
    /// The number of lines read so far.
    line: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub fn of(reader: R) -> Self {
        Self { reader, line: 0, buffer: Vec::new() }
    }

    /// How many lines were read so far.
    pub fn count(&self) -> u64 {
        self.line
    }

    /// The next line without its line end, or nothing at the end of the file.
    #[expect(clippy::should_implement_trait, reason = "a line borrows the buffer, which no iterator can do")]
    pub fn next(&mut self) -> Result<Option<&str>, LineError> {
        self.line += 1;
        let line = self.line;
        self.buffer.clear();
        // One byte more than allowed tells a long line from a cut one.
        let mut bounded = self.reader.by_ref().take(MAX_LINE_BYTES as u64 + 1);
        bounded.read_until(b'\n', &mut self.buffer).map_err(|source| LineError::Read { line, source })?;
        if self.buffer.is_empty() {
            self.line -= 1;
            return Ok(None);
        }
        if self.buffer.pop() != Some(b'\n') {
            let too_long = MAX_LINE_BYTES <= self.buffer.len();
            return Err(if too_long { LineError::LineTooLong { line } } else { LineError::CutLine { line } });
        }
        std::str::from_utf8(&self.buffer).map(Some).map_err(|_| LineError::NotText { line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_its_line() {
        let line = header_line("log.example", "log.example\n1\nx\n\n\u{2014} log.example AAAA\n");
        let text = line.strip_suffix('\n').expect("line end");
        assert!(!text.contains('\n'));
        let header = Header::parse(text).expect("header");
        assert_eq!((header.origin.as_str(), header.checkpoint.lines().count()), ("log.example", 5));
        assert!(matches!(Header::parse(&text.replace("/v1", "/v2")), Err(HeaderError::Format(_))));
        for bad in ["", "{}", &text.replace("origin", "Origin"), &text.replacen('{', "{\"origin\":\"x\",", 1)] {
            assert!(matches!(Header::parse(bad), Err(HeaderError::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn lines_are_bounded_complete_and_text() {
        let longest = "x".repeat(MAX_LINE_BYTES);
        let text = format!("a\n\n{longest}\n");
        let mut lines = Lines::of(text.as_bytes());
        assert_eq!(lines.next().expect("line"), Some("a"));
        assert_eq!(lines.next().expect("line"), Some(""));
        assert_eq!(lines.next().expect("line").map(str::len), Some(MAX_LINE_BYTES));
        assert_eq!(lines.next().expect("end"), None);
        assert_eq!(lines.count(), 3);
        let of = |bytes: &[u8]| Lines::of(bytes).next().map(drop);
        assert!(matches!(of(longest.as_bytes()), Err(LineError::CutLine { line: 1 })));
        assert!(matches!(of(format!("{longest}x\n").as_bytes()), Err(LineError::LineTooLong { line: 1 })));
        assert!(matches!(of(b"\xff\n"), Err(LineError::NotText { line: 1 })));
    }
}
