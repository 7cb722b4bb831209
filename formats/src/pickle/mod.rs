//! Python pickles: programs for a small machine, whatever they are called.
//!
//! Every instruction is followed and none is carried out: what stands on the machine's stack is known as far as names, small
//! numbers and short tuples go. A name that is not on the list of what weights need, a call of what is not known, and a
//! pickle that can't be followed to its end are each a finding. Source: `pickletools` and PEP 3154, 574.

mod allowed;
mod machine;
mod opcodes;
mod values;

use crate::{Class, Contents, Finding, Refusal, source::Counted};
use machine::Machine;
use std::{collections::BTreeMap, io::BufRead};
use values::{Stopped, Storage};

/// Pickles behind each other in one file.
const MAX_STREAMS: usize = 64;
/// A file of `torch.save` before version 1.6: this many pickles, then the weights.
const OLD_TORCH_STREAMS: usize = 5;
pub(crate) const ADVICE: &str = "save the weights as safetensors, or export the model to ONNX";
/// What Python names may be called in a message.
const MAX_NAMED: usize = 8;

/// What a pickle may refer to beside what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    Nothing,
    /// The weights of a PyTorch archive.
    Storages,
}

/// What was found in a file of pickles.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub findings: Vec<Finding>,
    /// The names that it resolves, in their order.
    pub names: Vec<String>,
    /// Weights beside it, by their key.
    storages: BTreeMap<String, Storage>,
    /// Whether it does anything at all that a text would hardly do: it ends, or calls something.
    acts: bool,
    /// Whether it resolves anything, by a name or otherwise.
    resolves: bool,
    /// Whether it goes on for longer than it was followed.
    is_endless: bool,
}

/// Whether bytes that nobody calls a pickle are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    No,
    Yes,
    /// Its beginning does not tell.
    Perhaps,
}

/// Whether a name is one that is given to pickles.
pub(crate) fn is_named(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".pkl", ".pickle", ".joblib", ".dill", ".pck", ".pcl", ".p", ".cloudpickle", ".sav"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// Whether a file begins as pickles of protocol 2 to 5 do. Raw numbers do so, too.
fn says_so(start: &[u8]) -> bool {
    matches!(start, [0x80, 0..=5, ..])
}

/// Whether a file that begins so can be followed to a call, or to its end behind a name: no byte at its beginning need say
/// that it is a pickle.
pub(crate) fn hidden(start: &[u8], size_bytes: u64) -> Hidden {
    let mut from = start;
    match walk(&mut from, size_bytes, Around::Nothing) {
        Ok(walked) if walked.is_one(start) => Hidden::Yes,
        Ok(_) if from.is_empty() && (start.len() as u64) < size_bytes => Hidden::Perhaps,
        _ => Hidden::No,
    }
}

/// Reads a file whose beginning may be that of a pickle; nothing where all of it is none.
pub(crate) fn read_hidden(start: &[u8], from: &mut dyn BufRead, size_bytes: u64) -> Result<Option<Contents>, Refusal> {
    let walked = walk(from, size_bytes, Around::Nothing)?;
    Ok(walked.is_one(start).then(|| walked.into_contents("Python pickle")))
}

/// Reads a file that is called a pickle or begins like one.
pub(crate) fn read(from: &mut dyn BufRead, size_bytes: u64) -> Result<Contents, Refusal> {
    Ok(walk(from, size_bytes, Around::Nothing)?.into_contents("Python pickle"))
}

/// Follows the pickles of a file, which stand behind each other.
pub(crate) fn walk(from: &mut dyn BufRead, size_bytes: u64, around: Around) -> Result<Walked, Refusal> {
    let mut from = Counted::new(from, size_bytes);
    let (mut walked, mut around, mut is_old_torch) = (Walked::default(), around, false);
    for stream in 0..MAX_STREAMS {
        let begins_at = from.at();
        let mut machine = Machine::new(around, walked);
        let stopped = machine.run(&mut from)?;
        if stream == 0 && machine.is_old_torch {
            (is_old_torch, around) = (true, Around::Storages);
        }
        walked = machine.walked;
        match stopped {
            Stopped::End => walked.acts = true,
            Stopped::Fault { at, opcode, what } if stream == 0 => {
                let finding =
                    Finding::refused("pickle_broken", format!("the pickle can't be followed: {what}"), ADVICE);
                walked.is_endless |= what == machine::TOO_MANY;
                walked.findings.push(Finding { opcode, ..finding.at(at) });
                return Ok(walked);
            }
            Stopped::Fault { what, .. } => {
                walked.is_endless |= what == machine::TOO_MANY;
                let what = "bytes stand behind the end of the pickle that are none themselves";
                walked.findings.push(Finding::refused("pickle_trailing", what, ADVICE).at(begins_at));
                return Ok(walked);
            }
        }
        let is_whole = from.left() == 0 || (is_old_torch && stream + 1 == OLD_TORCH_STREAMS);
        if is_whole {
            return Ok(walked);
        }
    }
    let what = format!("more than {MAX_STREAMS} pickles stand behind each other");
    walked.findings.push(Finding::refused("pickle_trailing", what, ADVICE).at(from.at()));
    Ok(walked)
}

impl Walked {
    /// Where the beginning says so itself, it takes less to believe it.
    fn is_one(&self, start: &[u8]) -> bool {
        let (acts, resolves) = (self.acts, self.resolves);
        self.is_endless || if says_so(start) { acts || resolves } else { acts && resolves }
    }

    pub fn into_contents(self, format: &'static str) -> Contents {
        let mut contents = Contents::of(format, Class::Pickled);
        let named: Vec<&str> = self.names.iter().take(MAX_NAMED).map(String::as_str).collect();
        contents.say("names it resolves", named.join(", "));
        for finding in self.findings {
            contents.find(finding);
        }
        for storage in self.storages.into_values() {
            contents.tensors(storage.kind, storage.amount());
        }
        contents
    }
}

#[cfg(test)]
mod tests;
