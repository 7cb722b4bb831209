//! The wire format of protocol buffers, as a cursor over a file.
//!
//! Source: the "Encoding" page of the Protocol Buffers documentation. Groups, which ONNX never has, are refused. A length is
//! checked against the end of the message around it before anything else, so no length from the file is ever allocated.

use super::super::Refusal;
use std::io::{BufRead, Seek};

/// A key is a 29-bit number and 3 bits of wire type.
const MAX_FIELD: u64 = (1 << 29) - 1;

pub(super) struct Wire<R> {
    from: R,
    at: u64,
    /// Bytes of text that may still be kept.
    budget_bytes: u64,
}

/// A field's number and what follows it. Of `Bytes` the caller reads or skips up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Number(u32, u64),
    /// 4 or 8 bytes that were passed over.
    Fixed(u32),
    Bytes(u32, u64),
}

impl<R: BufRead + Seek> Wire<R> {
    /// `budget_bytes` bounds all texts together that are kept from the file.
    pub fn new(from: R, budget_bytes: u64) -> Self {
        Self { from, at: 0, budget_bytes }
    }

    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next field of a message that ends at `end`; `None` at its end.
    pub fn next(&mut self, end: u64) -> Result<Option<Field>, Refusal> {
        if self.at == end {
            return Ok(None);
        }
        let start = self.at;
        let key = self.varint(end)?;
        let number = match key >> 3 {
            number @ 1..=MAX_FIELD => u32::try_from(number).unwrap_or(u32::MAX),
            _ => return Err(unreadable(start, "a field has no legal number")),
        };
        match key & 7 {
            0 => Ok(Some(Field::Number(number, self.varint(end)?))),
            1 => self.pass(8, end).map(|()| Some(Field::Fixed(number))),
            2 => {
                let length = self.varint(end)?;
                let stop = self.at.checked_add(length).filter(|stop| *stop <= end);
                let stop = stop.ok_or_else(|| {
                    unreadable(start, &format!("a field of {length} bytes reaches beyond what contains it"))
                })?;
                Ok(Some(Field::Bytes(number, stop)))
            }
            5 => self.pass(4, end).map(|()| Some(Field::Fixed(number))),
            _ => Err(unreadable(start, "a field has a wire type that ONNX does not use")),
        }
    }

    /// Passes over what is left up to `end`.
    pub fn skip_to(&mut self, end: u64) -> Result<(), Refusal> {
        let left = end.saturating_sub(self.at);
        self.from.seek_relative(i64::try_from(left).map_err(|_| unreadable(self.at, "a field is too long"))?)?;
        self.at = end.max(self.at);
        Ok(())
    }

    /// The text up to `end`; texts longer than `most` bytes are refused.
    pub fn text(&mut self, end: u64, most: u64) -> Result<String, Refusal> {
        let (start, length) = (self.at, end.saturating_sub(self.at));
        if most < length {
            return Err(Refusal::Unsupported(format!(
                "a name at byte {start} has {length} bytes; at most {most} can be read"
            )));
        }
        self.spend(length)?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.from.read_exact(&mut bytes).map_err(|error| ended(start, &error))?;
        self.at = end;
        String::from_utf8(bytes).map_err(|_| unreadable(start, "a text is not UTF-8"))
    }

    /// The bytes up to `end`, which the caller knows to be few.
    pub fn bytes(&mut self, end: u64) -> Result<Vec<u8>, Refusal> {
        let (start, length) = (self.at, end.saturating_sub(self.at));
        self.spend(length)?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.from.read_exact(&mut bytes).map_err(|error| ended(start, &error))?;
        self.at = end;
        Ok(bytes)
    }

    /// Whether the bytes up to `end` are `wanted`; passes over them.
    pub fn is(&mut self, end: u64, wanted: &[u8; 4]) -> Result<bool, Refusal> {
        if end.saturating_sub(self.at) != 4 {
            return self.skip_to(end).map(|()| false);
        }
        let mut bytes = [0; 4];
        self.from.read_exact(&mut bytes).map_err(|error| ended(self.at, &error))?;
        self.at = end;
        Ok(bytes == *wanted)
    }

    /// Numbers that stand one behind the other up to `end`, at most `most` of them.
    pub fn packed(&mut self, end: u64, most: usize, into: &mut Vec<i64>) -> Result<(), Refusal> {
        while self.at < end {
            let value = self.varint(end)?;
            self.push(value, most, into)?;
        }
        Ok(())
    }

    /// One number of a list that may have `most`.
    pub fn push(&mut self, value: u64, most: usize, into: &mut Vec<i64>) -> Result<(), Refusal> {
        if most <= into.len() {
            let detail = format!("a list of numbers at byte {} is longer than the {most} that can be read", self.at);
            return Err(Refusal::Unsupported(detail));
        }
        self.spend(8)?;
        into.push(value.cast_signed());
        Ok(())
    }

    /// How many numbers stand packed up to `end`, without keeping them.
    pub fn count_packed(&mut self, end: u64) -> Result<u64, Refusal> {
        let mut count = 0;
        while self.at < end {
            self.varint(end)?;
            count += 1;
        }
        Ok(count)
    }

    /// Counts something that is kept against the budget.
    pub fn spend(&mut self, bytes: u64) -> Result<(), Refusal> {
        self.budget_bytes = self.budget_bytes.checked_sub(bytes).ok_or_else(|| {
            Refusal::Unsupported("the graph has more names and nodes than can be looked at here".to_owned())
        })?;
        Ok(())
    }

    fn varint(&mut self, end: u64) -> Result<u64, Refusal> {
        let start = self.at;
        let mut value: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(end)?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte holds the last bit of 64.
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(unreadable(start, "a number has more than 64 bits"))
    }

    fn byte(&mut self, end: u64) -> Result<u8, Refusal> {
        if end <= self.at {
            return Err(unreadable(self.at, "a number is cut off"));
        }
        let byte = self.from.fill_buf()?.first().copied();
        let byte = byte.ok_or_else(|| unreadable(self.at, "the file ends in the middle of a field"))?;
        self.from.consume(1);
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, bytes: u64, end: u64) -> Result<(), Refusal> {
        match self.at.checked_add(bytes).filter(|stop| *stop <= end) {
            Some(stop) => self.skip_to(stop),
            None => Err(unreadable(self.at, "a number is cut off")),
        }
    }
}

pub(super) fn unreadable(at: u64, what: &str) -> Refusal {
    Refusal::Unreadable(format!("not a readable ONNX model: {what} (at byte {at})"))
}

fn ended(at: u64, error: &std::io::Error) -> Refusal {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => unreadable(at, "the file ends in the middle of a field"),
        _ => Refusal::Storage(error.to_string()),
    }
}
