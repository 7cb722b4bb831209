//! Rooms for chunks on their way, used again: a new one of a MiB has to be given by the system and emptied each time, which
//! takes longer than reading what is in it.

use super::checksums::CHUNK_BYTES;
use actix_web::web::Bytes;
use std::{
    io,
    sync::{Mutex, PoisonError},
};

const CHUNK: usize = CHUNK_BYTES as usize;
/// So many are kept while nobody uses them: what one download has, of which one is read while another leaves.
const MOST_SPARE: usize = 3;

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// What was in it before is there still, and nobody is shown it.
struct Room {
    bytes: Vec<u8>,
    filled: usize,
}

impl Room {
    fn of(size: usize) -> Self {
        // Smaller ones are the ends of files: a room of a MiB would be held for little.
        let spare = match size == CHUNK {
            true => SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop(),
            false => None,
        };
        Self { bytes: spare.unwrap_or_else(|| vec![0; size]), filled: 0 }
    }
}

impl AsRef<[u8]> for Room {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if self.bytes.len() == CHUNK && spare.len() < MOST_SPARE {
            spare.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// So many bytes as `read` gives for a place in them; fewer only where it gives none any more.
///
/// # Errors
/// Those of `read`; being interrupted is none.
pub fn fill(size: usize, mut read: impl FnMut(&mut [u8], usize) -> io::Result<usize>) -> io::Result<Bytes> {
    let mut room = Room::of(size);
    while let Some(place) = room.bytes.get_mut(room.filled..size).filter(|place| !place.is_empty()) {
        match read(place, room.filled) {
            Ok(0) => break,
            Ok(count) => room.filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Bytes::from_owner(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sees_what_was_in_a_room_before() {
        let full = fill(CHUNK, |place, _| {
            place.fill(7);
            Ok(place.len())
        });
        assert_eq!(full.expect("filled").len(), CHUNK);
        let mut left = 3;
        let short = fill(CHUNK, |place, filled| {
            let count = usize::min(left, 2);
            left -= count;
            place.get_mut(..count).expect("room").fill(u8::try_from(filled).expect("small"));
            Ok(count)
        });
        assert_eq!(short.expect("filled"), &[0, 0, 2][..]);
        assert_eq!(fill(CHUNK + 1, |place, _| Ok(place.len())).expect("filled").len(), CHUNK + 1);
        assert!(fill(1, |_, _| Err(io::Error::other("gone"))).is_err());
    }
}
