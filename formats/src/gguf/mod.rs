//! GGUF: counts, keys with values, tensor descriptions, data. Source: `docs/gguf.md` of the ggml project.

mod types;

use super::{Amount, Class, Contents, Refusal, quoted, source::Counted, template};
use std::{collections::HashSet, io::BufRead};

pub(super) const MAGIC: &[u8] = b"GGUF";
const MAX_KEYS: u64 = 65_536;
const MAX_TENSORS: u64 = 1 << 20;
/// Arrays inside of arrays.
const MAX_DEPTH: u32 = 4;
const MAX_NAME_BYTES: u64 = 64 << 10;
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// All names together: they are kept, so that none stands twice.
const MAX_NAMES_BYTES: u64 = 64 << 20;
/// The least that a key or a tensor's description takes.
const LEAST_KEY_BYTES: u64 = 13;
const LEAST_TENSOR_BYTES: u64 = 24;
const MAX_DIMENSIONS: u32 = 4;
/// Data begin at a multiple of this, unless a key says another one.
const ALIGNMENT: u64 = 32;
const MAX_ALIGNMENT: u64 = 1 << 20;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;

struct Reader<'s> {
    from: Counted<'s>,
    contents: Contents,
    alignment: u64,
    names_left: u64,
}

/// Where a tensor lies behind the descriptions.
struct Placed {
    at: u64,
    bytes: u64,
}

pub(super) fn read(from: &mut dyn BufRead, size_bytes: u64) -> Result<Contents, Refusal> {
    let contents = Contents::of("GGUF", Class::Data);
    let from = Counted::new(from, size_bytes);
    let mut reader = Reader { from, contents, alignment: ALIGNMENT, names_left: MAX_NAMES_BYTES };
    reader.array::<4>()?;
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(Refusal::Unsupported(format!("GGUF version {version}; 2 and 3 can be read")));
    }
    let (tensors, keys) = (reader.u64()?, reader.u64()?);
    let left = reader.from.left();
    for (what, count, least, most) in
        [("tensors", tensors, LEAST_TENSOR_BYTES, MAX_TENSORS), ("keys", keys, LEAST_KEY_BYTES, MAX_KEYS)]
    {
        if left / least < count {
            return Err(Refusal::Invalid(format!("it declares {count} {what} in {left} bytes")));
        }
        if most < count {
            return Err(Refusal::Unsupported(format!("it declares {count} {what}; at most {most} can be read")));
        }
    }
    reader.contents.say("GGUF version", version.to_string());
    let mut known = HashSet::new();
    for _ in 0..keys {
        let key = reader.name()?;
        let kind = reader.u32()?;
        reader.entry(&key, kind)?;
        if !known.insert(key.clone()) {
            return Err(Refusal::Invalid(format!("the key {} stands twice", quoted(&key))));
        }
    }
    known.clear();
    let mut placed = Vec::new();
    for _ in 0..tensors {
        let name = reader.name()?;
        placed.push(reader.tensor(&name)?);
        if !known.insert(name.clone()) {
            return Err(Refusal::Invalid(format!("the tensor {} stands twice", quoted(&name))));
        }
    }
    reader.check_places(placed, size_bytes)?;
    Ok(reader.contents)
}

impl Reader<'_> {
    /// A key's value; what people ask for is kept.
    fn entry(&mut self, key: &str, kind: u32) -> Result<(), Refusal> {
        match kind {
            TEXT if key.contains("chat_template") => self.template(key),
            TEXT => {
                let text = self.text(MAX_TEXT_BYTES, "a text")?;
                if is_fact(key) {
                    self.contents.say(key, String::from_utf8_lossy(&text));
                }
                Ok(())
            }
            4 | 5 | 10 if key == "general.alignment" || is_fact(key) => {
                let number = if kind == 10 { self.u64()? } else { self.u32()?.into() };
                if key == "general.alignment" {
                    if !number.is_power_of_two() || MAX_ALIGNMENT < number {
                        return Err(Refusal::Invalid(format!(
                            "its data are aligned to {number} bytes, which nobody does"
                        )));
                    }
                    self.alignment = number;
                } else {
                    self.contents.say(key, number.to_string());
                }
                Ok(())
            }
            ARRAY if key.contains("chat_template") || key.contains("tags") || key.contains("languages") => {
                let (kind, count) = (self.u32()?, self.u64()?);
                self.elements(key, kind, count, 0)
            }
            _ => self.value(key, kind, 0),
        }
    }

    fn template(&mut self, key: &str) -> Result<(), Refusal> {
        // A length of eight bytes stands before the text.
        let at = self.from.at() + 8;
        let text = self.text(MAX_TEXT_BYTES, "a text")?;
        let text = String::from_utf8_lossy(&text);
        self.contents.template(key, &text);
        template::findings(&text, at).into_iter().for_each(|finding| self.contents.find(finding));
        Ok(())
    }

    fn value(&mut self, key: &str, kind: u32, depth: u32) -> Result<(), Refusal> {
        match kind {
            0 | 1 | 7 => self.pass(1),
            2 | 3 => self.pass(2),
            4..=6 => self.pass(4),
            10..=12 => self.pass(8),
            TEXT if key.contains("chat_template") => self.template(key),
            TEXT => {
                let length = self.u64()?;
                if MAX_TEXT_BYTES < length {
                    let key = quoted(key);
                    return Err(Refusal::Unsupported(format!(
                        "the key {key} has a text of {length} bytes; at most {MAX_TEXT_BYTES}"
                    )));
                }
                self.pass(length)
            }
            ARRAY if MAX_DEPTH <= depth => {
                Err(Refusal::Invalid(format!("the key {} nests arrays more than {MAX_DEPTH} deep", quoted(key))))
            }
            ARRAY => {
                let (kind, count) = (self.u32()?, self.u64()?);
                self.elements(key, kind, count, depth)
            }
            other => Err(Refusal::Invalid(format!("the key {} has the unknown type {other}", quoted(key)))),
        }
    }

    fn elements(&mut self, key: &str, kind: u32, count: u64, depth: u32) -> Result<(), Refusal> {
        // Every element takes a byte at least.
        if self.from.left() < count {
            return Err(Refusal::Invalid(format!("the key {} declares {count} elements", quoted(key))));
        }
        let width = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            _ => return (0..count).try_for_each(|_| self.value(key, kind, depth + 1)),
        };
        let bytes = count.checked_mul(width);
        self.pass(bytes.ok_or_else(|| Refusal::Invalid(format!("the key {} declares {count} elements", quoted(key))))?)
    }

    fn tensor(&mut self, name: &str) -> Result<Placed, Refusal> {
        let refuse = |what: String| Refusal::Invalid(format!("the tensor {} {what}", quoted(name)));
        let dimensions = self.u32()?;
        if MAX_DIMENSIONS < dimensions {
            return Err(refuse(format!("has {dimensions} dimensions; at most {MAX_DIMENSIONS}")));
        }
        let mut elements = Some(1u64);
        let mut row = 1;
        for at in 0..dimensions {
            let size = self.u64()?;
            row = if at == 0 { size } else { row };
            elements = elements.and_then(|all| all.checked_mul(size));
        }
        let elements = elements.ok_or_else(|| refuse("has more elements than can be counted".to_owned()))?;
        let (kind, at) = (self.u32()?, self.u64()?);
        let Some((kind, per_block, block_bytes)) = types::of(kind) else {
            let name = quoted(name);
            return Err(Refusal::Unsupported(format!(
                "the tensor {name} has the type {kind}, which is not known here, so nobody can say where it ends"
            )));
        };
        if row % per_block != 0 {
            return Err(refuse(format!("has rows of {row} elements, which are no whole blocks of {per_block}")));
        }
        let bytes = (elements / per_block).checked_mul(block_bytes);
        let bytes = bytes.ok_or_else(|| refuse("has more bytes than can be counted".to_owned()))?;
        self.contents.tensors(kind, Amount { tensors: 1, parameters: elements, bytes });
        Ok(Placed { at, bytes })
    }

    /// Every tensor lies in the file, none in another.
    fn check_places(&self, mut placed: Vec<Placed>, size_bytes: u64) -> Result<(), Refusal> {
        let begins = self.from.at().checked_next_multiple_of(self.alignment).unwrap_or(u64::MAX);
        let there = size_bytes.saturating_sub(begins);
        placed.sort_unstable_by_key(|tensor| tensor.at);
        let mut end = 0;
        for tensor in placed {
            let lies = |what: &str| {
                let (at, bytes) = (tensor.at, tensor.bytes);
                Refusal::Invalid(format!("a tensor of {bytes} bytes lies at {at} of {there} bytes of data, {what}"))
            };
            if !tensor.at.is_multiple_of(self.alignment) {
                return Err(lies("which is not aligned"));
            }
            if tensor.at < end {
                return Err(lies("where another one lies"));
            }
            if end.saturating_add(self.alignment) <= tensor.at {
                return Err(lies("behind bytes that are no tensor's"));
            }
            end = tensor.at.saturating_add(tensor.bytes);
            if there < end {
                return Err(lies("beyond the end"));
            }
        }
        // Writers fill the last tensor up; what is more than that nobody reads as a tensor, and something else may.
        if size_bytes != u64::MAX && end.saturating_add(self.alignment) <= there {
            let rest = there - end;
            return Err(Refusal::Invalid(format!(
                "{rest} bytes stand behind its last tensor, which are none of its data"
            )));
        }
        Ok(())
    }

    fn name(&mut self) -> Result<String, Refusal> {
        let bytes = self.text(MAX_NAME_BYTES, "a name")?;
        let left = self.names_left.checked_sub(bytes.len() as u64);
        self.names_left =
            left.ok_or_else(|| Refusal::Unsupported(format!("its names have more than {MAX_NAMES_BYTES} bytes")))?;
        String::from_utf8(bytes).map_err(|_| Refusal::Invalid("a name is not UTF-8".to_owned()))
    }

    fn text(&mut self, most: u64, what: &str) -> Result<Vec<u8>, Refusal> {
        let length = self.u64()?;
        if self.from.left() < length {
            return Err(ended());
        }
        if most < length {
            return Err(Refusal::Invalid(format!("{what} has {length} bytes; at most {most}")));
        }
        self.from.bytes(length)?.ok_or_else(ended)
    }

    fn u32(&mut self) -> Result<u32, Refusal> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Refusal> {
        self.array().map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        self.from.array()?.ok_or_else(ended)
    }

    fn pass(&mut self, bytes: u64) -> Result<(), Refusal> {
        if self.from.pass(bytes)? { Ok(()) } else { Err(ended()) }
    }
}

fn ended() -> Refusal {
    Refusal::Invalid("it ends in the middle of a value".to_owned())
}

/// Whether people ask for the value of a key.
fn is_fact(key: &str) -> bool {
    const ASKED: &[&str] = &[
        "general.architecture",
        "general.name",
        "general.author",
        "general.organization",
        "general.version",
        "general.description",
        "general.license",
        "general.license.name",
        "general.license.link",
        "general.url",
        "general.source.url",
        "general.size_label",
        "general.file_type",
        "general.quantization_version",
        "tokenizer.ggml.model",
    ];
    ASKED.contains(&key)
        || [".context_length", ".block_count", ".embedding_length", ".vocab_size"].iter().any(|end| key.ends_with(end))
}
