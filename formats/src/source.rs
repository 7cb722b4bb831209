//! Bytes on their way in, and what bounds them.

use crate::Refusal;
use std::io::{self, BufRead, Read, Seek};

/// A file that can be read from any place.
pub trait Source: BufRead + Seek {}

impl<S: BufRead + Seek> Source for S {}

/// Reads on and counts; never beyond an end that is known.
pub(crate) struct Counted<'s> {
    from: &'s mut dyn BufRead,
    at: u64,
    end: u64,
}

impl<'s> Counted<'s> {
    pub fn new(from: &'s mut dyn BufRead, size_bytes: u64) -> Self {
        Self { from, at: 0, end: size_bytes }
    }

    /// Where the next byte is.
    pub fn at(&self) -> u64 {
        self.at
    }

    pub fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    /// # Errors
    /// `None` where fewer are left.
    pub fn array<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        if self.left() < N as u64 {
            return Ok(None);
        }
        match self.from.read_exact(&mut bytes) {
            Ok(()) => {
                self.at += N as u64;
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// So many bytes; `None` where fewer are left. Nothing is set aside that is not there.
    pub fn bytes(&mut self, count: u64) -> io::Result<Option<Vec<u8>>> {
        if self.left() < count {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let read = (&mut *self.from).take(count).read_to_end(&mut bytes)? as u64;
        self.at += read;
        Ok((read == count).then_some(bytes))
    }

    /// Passes over so many bytes by reading them; `false` where fewer are left.
    pub fn pass(&mut self, count: u64) -> io::Result<bool> {
        if self.left() < count {
            return Ok(false);
        }
        let read = io::copy(&mut (&mut *self.from).take(count), &mut io::sink())?;
        self.at += read;
        Ok(read == count)
    }

    /// Up to a line feed, which is left out; `None` where the line is longer than `most` or does not end.
    pub fn line(&mut self, most: u64) -> io::Result<Option<Vec<u8>>> {
        let (mut line, most) = (Vec::new(), most.min(self.left()));
        let read = (&mut *self.from).take(most).read_until(b'\n', &mut line)? as u64;
        self.at += read;
        Ok((line.pop() == Some(b'\n')).then_some(line))
    }

    /// Passes over the rest of a line by reading it; `false` where it does not end.
    pub fn pass_line(&mut self) -> io::Result<bool> {
        loop {
            let piece = self.from.fill_buf()?;
            let most = piece.len().min(usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX));
            let end = piece.get(..most).unwrap_or_default().iter().position(|byte| *byte == b'\n');
            let read = end.map_or(most, |at| at + 1);
            self.from.consume(read);
            self.at += read as u64;
            match (end, read) {
                (Some(_), _) => return Ok(true),
                (None, 0) => return Ok(false),
                (None, _) => {}
            }
        }
    }
}

/// Reads on and keeps what it read last.
pub(crate) struct Tail<'s> {
    from: &'s mut dyn BufRead,
    most: usize,
    last: Vec<u8>,
}

impl<'s> Tail<'s> {
    pub fn new(from: &'s mut dyn BufRead, most: usize) -> Self {
        Self { from, most, last: Vec::new() }
    }

    /// Reads to the end, and gives the last bytes.
    pub fn end(mut self) -> io::Result<Vec<u8>> {
        io::copy(&mut self, &mut io::sink())?;
        let before = self.last.len().saturating_sub(self.most);
        self.last.drain(..before);
        Ok(self.last)
    }
}

fn keep(last: &mut Vec<u8>, bytes: &[u8], most: usize) {
    if 2 * most < last.len() {
        last.drain(..last.len() - most);
    }
    last.extend(bytes.get(bytes.len().saturating_sub(most)..).unwrap_or_default());
}

impl Read for Tail<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        keep(&mut self.last, into.get(..count).unwrap_or_default(), self.most);
        Ok(count)
    }
}

impl BufRead for Tail<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.from.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        // What is consumed was filled already.
        if let Ok(bytes) = self.from.fill_buf() {
            keep(&mut self.last, bytes.get(..count).unwrap_or_default(), self.most);
        }
        self.from.consume(count);
    }
}

/// Fills `buffer` as far as there are bytes.
pub(crate) fn fill(from: &mut dyn Read, most: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    from.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
