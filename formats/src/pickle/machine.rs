//! The machine of pickle, with values that are known only as far as they matter.

use super::{
    ADVICE, Around, Walked, allowed,
    opcodes::{self, Argument},
    values::{Stopped, Storage, Value, is_path, is_state_of_numbers, long, makes_numbers, number, whole},
};
use crate::{Finding, Refusal, quoted, source::Counted};
use std::collections::HashMap;

/// Values on the stack, and values that are remembered.
const MAX_VALUES: usize = 1 << 20;
/// Texts that are longer are no name of anything.
const MAX_TEXT_BYTES: u64 = 128;
const MAX_LINE_BYTES: u64 = 64 << 10;
/// Names that are listed, and findings that are kept; more are counted by nobody, for one is enough.
const MAX_NAMES: usize = 64;
const MAX_FINDINGS: usize = 33;
const MAX_STORAGES: usize = 1 << 18;
/// What `torch.save` began with before its files were archives, as a long whole number.
const OLD_TORCH: &[u8] = &[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// The end of a sentence about a pickle that can't be followed.
type Fault = &'static str;
const EMPTY: Fault = "it takes a value where there is none";
pub(super) const TOO_MANY: Fault = "it holds more values than are followed";

pub(super) struct Machine {
    around: Around,
    pub walked: Walked,
    stack: Vec<Value>,
    /// How many values there were at each mark.
    marks: Vec<usize>,
    memo: HashMap<u64, Value>,
    at: u64,
    opcode: &'static str,
    pub is_old_torch: bool,
}

impl Machine {
    pub fn new(around: Around, walked: Walked) -> Self {
        Self {
            around,
            walked,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            at: 0,
            opcode: "",
            is_old_torch: false,
        }
    }

    /// Follows one pickle to its end.
    ///
    /// # Errors
    /// `Storage` where the bytes can't be read.
    pub fn run(&mut self, from: &mut Counted<'_>) -> Result<Stopped, Refusal> {
        loop {
            self.at = from.at();
            let fault = |opcode, what| Ok(Stopped::Fault { at: self.at, opcode, what });
            let Some([byte]) = from.array::<1>()? else { return fault(None, "it ends before it says so") };
            let Some((opcode, argument)) = opcodes::of(byte) else { return fault(None, "a byte is no instruction") };
            self.opcode = opcode;
            if byte == b'.' {
                return match self.stack.pop() {
                    Some(_) => Ok(Stopped::End),
                    None => Ok(Stopped::Fault { at: self.at, opcode: Some(opcode), what: EMPTY }),
                };
            }
            let stepped = match argument {
                Argument::Nothing => self.plain(byte),
                Argument::Number(width) => match number(from, width)? {
                    Some(value) => self.with_number(byte, value),
                    None => Err("it is cut off"),
                },
                Argument::Counted(width) => match number(from, width)? {
                    Some(length) if length <= MAX_TEXT_BYTES => match from.bytes(length)? {
                        Some(bytes) => self.with_bytes(byte, Some(&bytes)),
                        None => Err("it is cut off"),
                    },
                    Some(length) => match from.pass(length)? {
                        true => self.with_bytes(byte, None),
                        false => Err("it is cut off"),
                    },
                    None => Err("it is cut off"),
                },
                Argument::Line => match from.line(MAX_LINE_BYTES)? {
                    Some(line) => self.with_line(byte, &line),
                    // Texts and fractions may be as long as they like.
                    None if matches!(byte, b'S' | b'V' | b'F') && from.pass_line()? => {
                        self.stack.push(Value::Unknown);
                        Ok(())
                    }
                    None => Err("a line has no end, or is too long"),
                },
                Argument::Lines => match (from.line(MAX_LINE_BYTES)?, from.line(MAX_LINE_BYTES)?) {
                    (Some(module), Some(name)) => self.with_lines(byte, &module, &name),
                    _ => Err("a line has no end, or is too long"),
                },
            };
            if let Err(what) = stepped {
                return Ok(Stopped::Fault { at: self.at, opcode: Some(opcode), what });
            }
            if MAX_VALUES < self.stack.len().max(self.memo.len()).max(self.marks.len()) {
                return Ok(Stopped::Fault { at: self.at, opcode: Some(opcode), what: TOO_MANY });
            }
        }
    }

    fn plain(&mut self, byte: u8) -> Result<(), Fault> {
        match byte {
            b'(' => self.marks.push(self.stack.len()),
            b'0' if self.marks.last() == Some(&self.stack.len()) => drop(self.marks.pop()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.since_mark()?),
            b'2' => {
                let top = self.pop()?;
                self.stack.extend([top.clone(), top]);
            }
            b'N' => self.stack.push(Value::Nothing),
            b'}' | b']' | 0x8f | 0x88 | 0x89 | 0x97 => self.stack.push(Value::Plain),
            b'Q' => {
                let id = self.pop()?;
                self.refer(&id);
            }
            b'R' | 0x81 => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                self.call(&callee, &arguments);
            }
            0x92 => {
                let (_, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.call(&class, &arguments);
            }
            b'o' => {
                let mut values = self.since_mark()?.into_iter();
                let class = values.next().ok_or(EMPTY)?;
                self.call(&class, &Value::tuple(values.collect()));
            }
            b'b' => {
                let (state, object) = (self.pop()?, self.top()?.clone());
                match object {
                    Value::Type if is_state_of_numbers(&state) => {}
                    Value::Type => self.objects(),
                    _ => self.require_data(&object, "it changes what it did not make"),
                }
            }
            b'a' => self.put_into(1)?,
            b's' => self.put_into(2)?,
            b'e' | b'u' | 0x90 => {
                self.since_mark()?;
                self.put_into(0)?;
            }
            b'd' | b'l' | 0x91 => {
                self.since_mark()?;
                self.stack.push(Value::Plain);
            }
            b't' => {
                let values = self.since_mark()?;
                self.tuple(values);
            }
            b')' => self.tuple(Vec::new()),
            0x85..=0x87 => {
                let wanted = usize::from(byte - 0x84);
                let floor = self.marks.last().copied().unwrap_or(0);
                let at = self.stack.len().checked_sub(wanted).filter(|at| floor <= *at).ok_or(EMPTY)?;
                let values = self.stack.split_off(at);
                self.tuple(values);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (module, name) {
                    (Value::Text(module), Value::Text(name)) => self.resolve(&module, &name),
                    _ => self.find("pickle_call", "it resolves a name that is not written down".to_owned()),
                }
            }
            0x94 => {
                let top = self.top()?.clone();
                self.memo.insert(self.memo.len() as u64, top);
            }
            0x98 => drop(self.top()?),
            _ => return Err("a byte is no instruction"),
        }
        Ok(())
    }

    fn with_number(&mut self, byte: u8, value: u64) -> Result<(), Fault> {
        match byte {
            b'J' => self.stack.push(Value::Number(i64::from(u32::try_from(value).unwrap_or_default().cast_signed()))),
            b'K' | b'M' => self.stack.push(Value::Number(value.cast_signed())),
            b'G' => self.stack.push(Value::Plain),
            b'h' | b'j' => {
                let value = self.memo.get(&value).ok_or("it recalls what it did not note")?.clone();
                self.stack.push(value);
            }
            b'q' | b'r' => {
                let top = self.top()?.clone();
                self.memo.insert(value, top);
            }
            0x80 if 5 < value => return Err("it is of a protocol that does not exist"),
            0x82..=0x84 => {
                self.find(
                    "pickle_call",
                    format!("it resolves the name of the number {value}, which each system knows for itself"),
                );
            }
            // A frame is a hint of how much to read at once.
            _ => {}
        }
        Ok(())
    }

    /// `bytes` are there where they are few.
    fn with_bytes(&mut self, byte: u8, bytes: Option<&[u8]>) -> Result<(), Fault> {
        let is_text = matches!(byte, b'T' | b'U' | b'X' | 0x8c | 0x8d);
        let text = bytes.filter(|_| is_text).and_then(|bytes| std::str::from_utf8(bytes).ok());
        match (byte, bytes, text) {
            (_, _, Some(text)) => self.text(text),
            (0x8a, Some(bytes), _) => {
                self.is_old_torch |= bytes == OLD_TORCH && self.at <= 2;
                self.stack.push(long(bytes).map_or(Value::Plain, Value::Number));
            }
            _ => self.stack.push(Value::Plain),
        }
        Ok(())
    }

    fn with_line(&mut self, byte: u8, line: &[u8]) -> Result<(), Fault> {
        let text = std::str::from_utf8(line).ok();
        let number = text.and_then(whole);
        match byte {
            b'I' | b'L' => self.stack.push(number.map_or(Value::Plain, Value::Number)),
            b'F' => self.stack.push(Value::Plain),
            b'S' => {
                let bare = |quote: char| text.and_then(|text| text.strip_prefix(quote)?.strip_suffix(quote));
                match bare('\'').or_else(|| bare('"')) {
                    Some(text) if !text.contains('\\') => self.text(text),
                    Some(_) => self.stack.push(Value::Unknown),
                    None => return Err("a text has no quotation marks"),
                }
            }
            b'V' => match text.filter(|text| !text.contains('\\')) {
                Some(text) => self.text(text),
                None => self.stack.push(Value::Unknown),
            },
            b'P' => self.refer(&Value::Unknown),
            b'g' => {
                let key = number.and_then(|key| u64::try_from(key).ok()).ok_or("a place of its memory is no number")?;
                let value = self.memo.get(&key).ok_or("it recalls what it did not note")?.clone();
                self.stack.push(value);
            }
            b'p' => {
                let key = number.and_then(|key| u64::try_from(key).ok()).ok_or("a place of its memory is no number")?;
                let top = self.top()?.clone();
                self.memo.insert(key, top);
            }
            _ => {}
        }
        Ok(())
    }

    fn with_lines(&mut self, byte: u8, module: &[u8], name: &[u8]) -> Result<(), Fault> {
        let (Ok(module), Ok(name)) = (std::str::from_utf8(module), std::str::from_utf8(name)) else {
            return Err("a name is no text");
        };
        let arguments = if byte == b'i' { Some(Value::tuple(self.since_mark()?)) } else { None };
        self.resolve(module, name);
        if let Some(arguments) = arguments {
            let class = self.pop()?;
            self.call(&class, &arguments);
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.stack.push(if text.len() as u64 <= MAX_TEXT_BYTES { Value::Text(text.into()) } else { Value::Plain });
    }

    fn resolve(&mut self, module: &str, name: &str) {
        // What could not be imported is the line of a text.
        self.walked.resolves |= is_path(module) && is_path(name);
        let full = format!("{module}.{name}");
        if self.walked.names.len() < MAX_NAMES && !self.walked.names.contains(&full) {
            self.walked.names.push(crate::shortened(&full, crate::MAX_SHOWN_CHARS));
        }
        let value = match (allowed::is_allowed(module, name), allowed::storage(name)) {
            (true, Some((kind, bytes))) => Value::Storage(kind, bytes),
            (true, None) if full == "numpy.dtype" => Value::TypeName,
            (true, None) => Value::Name,
            (false, _) => {
                let what = format!("it resolves {}, which weights do not need", quoted(&full));
                self.note(Finding::refused("pickle_name", what, ADVICE).at(self.at).by(self.opcode));
                Value::Unlisted
            }
        };
        self.stack.push(value);
    }

    fn call(&mut self, callee: &Value, arguments: &Value) {
        self.walked.acts |= matches!(callee, Value::Name | Value::TypeName | Value::Storage(..) | Value::Unlisted);
        let made = match callee {
            Value::Name | Value::Storage(..) => Value::Made,
            Value::TypeName => {
                if !makes_numbers(arguments) {
                    self.objects();
                }
                Value::Type
            }
            // There is a finding about the name already.
            Value::Unlisted => Value::Unlisted,
            _ => {
                let what = "it calls what is not written down as a name".to_owned();
                self.note(Finding::refused("pickle_call", what, ADVICE).at(self.at).by(self.opcode));
                Value::Unlisted
            }
        };
        self.stack.push(made);
    }

    /// What NumPy would take for the addresses of objects.
    fn objects(&mut self) {
        let what = "it makes a type of Python objects, of records, or one that is not written down; NumPy takes bytes for addresses then";
        self.note(Finding::refused("pickle_objects", what, ADVICE).at(self.at).by(self.opcode));
    }

    /// Something that is kept beside the pickle.
    fn refer(&mut self, id: &Value) {
        if self.around != Around::Storages {
            return self.find("pickle_reference", "it refers to something outside of itself".to_owned());
        }
        self.stack.push(Value::Made);
        let Value::Tuple(parts) = id else { return };
        if let [Value::Text(_), Value::Storage(kind, bytes_each), Value::Text(key), _, Value::Number(elements), ..] =
            &**parts
            && let Ok(elements) = u64::try_from(*elements)
            && self.walked.storages.len() < MAX_STORAGES
        {
            let storage = Storage { kind, elements, bytes_each: *bytes_each };
            self.walked.storages.insert(key.to_string(), storage);
        }
    }

    /// What an instruction changes must be data: a class that is changed changes all that is made of it.
    fn require_data(&mut self, object: &Value, what: &str) {
        if !matches!(object, Value::Made | Value::Plain | Value::Unlisted) {
            self.note(Finding::refused("pickle_change", what, ADVICE).at(self.at).by(self.opcode));
        }
    }

    /// Puts the last so many values into what stands below them.
    fn put_into(&mut self, values: usize) -> Result<(), Fault> {
        for _ in 0..values {
            self.pop()?;
        }
        let object = self.top()?.clone();
        self.require_data(&object, "it puts something into what is no list or dictionary");
        Ok(())
    }

    fn find(&mut self, code: &'static str, what: String) {
        self.walked.resolves |= code == "pickle_call";
        self.note(Finding::refused(code, what, ADVICE).at(self.at).by(self.opcode));
        self.stack.push(Value::Unlisted);
    }

    fn note(&mut self, finding: Finding) {
        if self.walked.findings.len() < MAX_FINDINGS {
            self.walked.findings.push(finding);
        }
    }

    fn tuple(&mut self, values: Vec<Value>) {
        self.stack.push(Value::tuple(values));
    }

    fn pop(&mut self) -> Result<Value, Fault> {
        match self.marks.last().copied().unwrap_or(0) < self.stack.len() {
            true => self.stack.pop().ok_or(EMPTY),
            false => Err(EMPTY),
        }
    }

    fn top(&self) -> Result<&Value, Fault> {
        self.stack.last().filter(|_| self.marks.last().copied().unwrap_or(0) < self.stack.len()).ok_or(EMPTY)
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, Fault> {
        let mark = self.marks.pop().ok_or("it goes back to a mark that is not there")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }
}
