//! The wire between parent and child.
//!
//! Parent to child, on standard input: a [`Start`] frame, a frame with the list of `Beside`, a `Task` or `Trial` frame, then
//! the model's bytes as they are, and those of the files beside it in the order of the list.
//! Child to parent, on standard output: any number of [`Answer::Progress`] frames, among them one [`Answer::Answered`] after
//! the first call, then one [`Answer::Done`], or [`Answer::Tried`] for a trial that went well.
//! A frame is its length as 4 bytes, big endian, then that many bytes of JSON.
//!
//! No reader allocates a declared length: memory grows with the bytes that really arrive.

use super::{limits::ChildLimits, observation::Outcome, task::Progress, trial::Tried};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};
use tokio::io::{AsyncRead, AsyncReadExt};

pub(super) const MAX_START_BYTES: u32 = 4 << 10;
/// Bounds the names of files in which a model keeps tensors.
pub(super) const MAX_BESIDE_BYTES: u32 = 4 << 20;
/// Bounds the data set as text.
pub(super) const MAX_TASK_BYTES: u32 = 1 << 30;

/// The first frame: small, and of the parent's making alone, so that limits hold before anything else is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    pub limits: ChildLimits,
    pub model_size_bytes: u64,
    pub threads: u32,
    pub purpose: Purpose,
}

/// What the second frame is, and what is done with the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    Measure,
    Try,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Progress(Progress),
    /// The first call has its answer. `data_nanos` went into reading and preparing the data set, which a deployment has not.
    Answered {
        data_nanos: u64,
    },
    Done(Box<Outcome>),
    Tried(Box<Tried>),
}

/// `message` as one frame.
pub(super) fn encode(message: &impl Serialize, max_bytes: u32) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = u32::try_from(frame.len() - 4)
        .ok()
        .filter(|length| *length <= max_bytes)
        .ok_or_else(|| too_large(frame.len() as u64, u64::from(max_bytes)))?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// Writes one frame and flushes.
pub(super) fn write_frame(out: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    out.write_all(&encode(message, u32::MAX)?)?;
    out.flush()
}

/// Reads one frame, blocking.
pub(super) fn read_frame<T: DeserializeOwned>(from: &mut impl Read, max_bytes: u32) -> io::Result<T> {
    let mut prefix = [0; 4];
    from.read_exact(&mut prefix)?;
    let length = u32::from_be_bytes(prefix);
    if max_bytes < length {
        return Err(too_large(u64::from(length), u64::from(max_bytes)));
    }
    let mut json = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut json)?;
    if json.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&json)?)
}

/// Reads one answer of the child and takes its length off `budget_bytes`, which is for the whole run.
pub(super) async fn read_answer(from: &mut (impl AsyncRead + Unpin), budget_bytes: &mut u64) -> io::Result<Answer> {
    let mut prefix = [0; 4];
    from.read_exact(&mut prefix).await?;
    let length = u64::from(u32::from_be_bytes(prefix));
    *budget_bytes = budget_bytes.checked_sub(length + 4).ok_or_else(|| too_large(length, *budget_bytes))?;
    let mut json = Vec::new();
    from.take(length).read_to_end(&mut json).await?;
    if json.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&json)?)
}

fn too_large(length: u64, max_bytes: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("a message of {length} bytes, of which {max_bytes} are allowed"),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::task::Phase, *};
    use proptest::prelude::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
    }

    fn answer(bytes: &[u8], budget_bytes: u64) -> io::Result<Answer> {
        let (mut bytes, mut budget) = (bytes, budget_bytes);
        runtime().block_on(read_answer(&mut bytes, &mut budget))
    }

    #[test]
    fn a_frame_comes_back_as_it_was_sent() {
        let sent = Answer::Progress(Progress { phase: Phase::Measuring, percent: 7 });
        let mut wire = Vec::new();
        write_frame(&mut wire, &sent).expect("written");
        assert_eq!(read_frame::<Answer>(&mut wire.as_slice(), 100).expect("read"), sent);
        assert_eq!(answer(&wire, 100).expect("read"), sent);
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_before_it_is_read() {
        let wire = u32::MAX.to_be_bytes();
        let kind = |result: io::Result<Answer>| result.expect_err("refused").kind();
        assert_eq!(kind(read_frame(&mut wire.as_slice(), 100)), io::ErrorKind::FileTooLarge);
        assert_eq!(kind(answer(&wire, 100)), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn the_budget_is_for_all_frames_together() {
        let mut wire = Vec::new();
        let progress = Answer::Progress(Progress { phase: Phase::Loading, percent: 1 });
        write_frame(&mut wire, &progress).expect("written");
        let (mut bytes, mut budget) = (wire.repeat(2), wire.len() as u64 + 5);
        bytes.truncate(wire.len() * 2);
        let mut stream = bytes.as_slice();
        runtime().block_on(async {
            assert!(read_answer(&mut stream, &mut budget).await.is_ok());
            let second = read_answer(&mut stream, &mut budget).await.expect_err("over the budget");
            assert_eq!(second.kind(), io::ErrorKind::FileTooLarge);
        });
    }

    #[test]
    fn a_message_over_its_own_limit_is_not_sent() {
        assert!(encode(&"0123456789", 12).is_ok());
        assert!(encode(&"0123456789", 11).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_frame::<Answer>(&mut bytes.as_slice(), 1_000);
            let _ = answer(&bytes, 1_000);
        }
    }
}
