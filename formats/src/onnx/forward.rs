//! What can be read once, for a reader that only ever passes on.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

pub(super) struct Forward<'s>(pub &'s mut dyn BufRead);

impl Read for Forward<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl BufRead for Forward<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.0.consume(count);
    }
}

impl Seek for Forward<'_> {
    /// Only on from where it is; nobody asks where that is.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Current(count) if 0 <= count => {
                io::copy(&mut (&mut *self.0).take(count.unsigned_abs()), &mut io::sink())
            }
            _ => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }
}
