//! A checksum for each chunk of a blob, so that a part of it can be read and trusted alone.
//!
//! CRC-32 finds what disks and memory do to bytes, at several gigabytes a second. It finds no forger: whoever can
//! write to the store meets the sha256, which the client and the scrub compute.

/// Large enough that system calls don't count, small enough to be held for each reader.
pub const CHUNK_BYTES: u64 = 1 << 20;

/// What a blob's bytes must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksums {
    pub size_bytes: u64,
    pub chunk_bytes: u64,
    sums: Vec<u32>,
}

impl Checksums {
    /// From how they are stored: four bytes for each chunk. `None` when their number does not fit the size.
    pub fn parse(size_bytes: u64, chunk_bytes: u64, stored: &[u8]) -> Option<Self> {
        let sums = stored.as_chunks::<4>().0.iter().map(|four| u32::from_be_bytes(*four)).collect::<Vec<_>>();
        let chunks = if chunk_bytes == 0 { None } else { Some(size_bytes.div_ceil(chunk_bytes)) };
        let fits = chunks.and_then(|chunks| chunks.checked_mul(4)) == Some(stored.len() as u64);
        fits.then_some(Self { size_bytes, chunk_bytes, sums })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.sums.iter().flat_map(|sum| sum.to_be_bytes()).collect()
    }

    pub fn chunks(&self) -> u64 {
        self.sums.len() as u64
    }

    /// Which chunk the byte at this offset is in.
    pub fn chunk_at(&self, offset: u64) -> u64 {
        offset / self.chunk_bytes
    }

    pub fn begin_of(&self, chunk: u64) -> u64 {
        chunk * self.chunk_bytes
    }

    pub fn size_of(&self, chunk: u64) -> u64 {
        self.size_bytes.saturating_sub(self.begin_of(chunk)).min(self.chunk_bytes)
    }

    pub fn is_chunk(&self, chunk: u64, bytes: &[u8]) -> bool {
        let sum = usize::try_from(chunk).ok().and_then(|chunk| self.sums.get(chunk));
        bytes.len() as u64 == self.size_of(chunk) && sum == Some(&crc32fast::hash(bytes))
    }
}

/// Checksums of bytes as they come by.
#[derive(Default)]
pub struct Summing {
    chunk: crc32fast::Hasher,
    size_bytes: u64,
    sums: Vec<u32>,
}

impl Summing {
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = CHUNK_BYTES - self.size_bytes % CHUNK_BYTES;
            let (now, later) = bytes.split_at(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            self.chunk.update(now);
            self.size_bytes += now.len() as u64;
            if self.size_bytes.is_multiple_of(CHUNK_BYTES) {
                self.sums.push(std::mem::take(&mut self.chunk).finalize());
            }
            bytes = later;
        }
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub fn finish(mut self) -> Checksums {
        if !self.size_bytes.is_multiple_of(CHUNK_BYTES) {
            self.sums.push(self.chunk.finalize());
        }
        Checksums { size_bytes: self.size_bytes, chunk_bytes: CHUNK_BYTES, sums: self.sums }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_is_known_however_the_bytes_came() {
        let size = usize::try_from(CHUNK_BYTES).expect("size");
        for length in [0, 1, size - 1, size, size + 1, 2 * size] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let mut whole = Summing::default();
            whole.update(&bytes);
            let whole = whole.finish();
            let mut pieces = Summing::default();
            bytes.chunks(70_001).for_each(|piece| pieces.update(piece));
            assert_eq!(pieces.finish(), whole);
            assert_eq!(whole.chunks(), (length as u64).div_ceil(CHUNK_BYTES));
            assert_eq!(Checksums::parse(length as u64, CHUNK_BYTES, &whole.to_bytes()).as_ref(), Some(&whole));
            for (chunk, piece) in bytes.chunks(size).enumerate() {
                assert!(whole.is_chunk(chunk as u64, piece));
                let mut other = piece.to_vec();
                other[piece.len() / 2] ^= 1;
                assert!(!whole.is_chunk(chunk as u64, &other), "one bit");
                assert!(!whole.is_chunk(chunk as u64, &piece[1..]), "one byte less");
                assert!(!whole.is_chunk(chunk as u64 + 9, piece), "another chunk");
            }
        }
    }

    #[test]
    fn a_list_of_another_length_is_none() {
        assert_eq!(Checksums::parse(CHUNK_BYTES + 1, CHUNK_BYTES, &[0; 4]), None);
        assert_eq!(Checksums::parse(1, CHUNK_BYTES, &[0; 5]), None);
        assert_eq!(Checksums::parse(1, 0, &[0; 4]), None);
    }
}
