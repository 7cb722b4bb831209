//! What is known of a value while a pickle is followed.

use super::allowed;
use crate::{Amount, Refusal, source::Counted};
use std::rc::Rc;

/// Longer tuples are known as something alone.
const MAX_TUPLE: usize = 8;

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(Rc<str>),
    Number(i64),
    /// Few values in a row.
    Tuple(Rc<[Value]>),
    /// A name from the list.
    Name,
    /// A name that is not on it, and what it makes: there is a finding about it.
    Unlisted,
    /// A kind of storage.
    Storage(&'static str, u64),
    /// What a listed name made.
    Made,
    /// The name of NumPy's types, and a type that it made.
    TypeName,
    Type,
    /// Python's `None`.
    Nothing,
    /// What is written down: numbers, bytes, lists, dictionaries.
    Plain,
    /// Nobody knows.
    Unknown,
}

impl Value {
    /// A row of values; a long one, or one of rows of rows, is known as something alone.
    pub fn tuple(values: Vec<Self>) -> Self {
        let holds_rows =
            |value: &Self| matches!(value, Self::Tuple(inner) if inner.iter().any(|it| matches!(it, Self::Tuple(_))));
        match values.len() <= MAX_TUPLE && !values.iter().any(holds_rows) {
            true => Self::Tuple(values.into()),
            false => Self::Plain,
        }
    }
}

/// Weights that a pickle refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Storage {
    pub kind: &'static str,
    pub elements: u64,
    pub bytes_each: u64,
}

/// How a pickle ended.
pub(super) enum Stopped {
    End,
    /// It breaks the rules of the format.
    Fault {
        at: u64,
        opcode: Option<&'static str>,
        what: &'static str,
    },
}

impl Storage {
    pub fn amount(self) -> Amount {
        allowed::amount(self.elements, self.bytes_each)
    }
}

pub(super) fn number(from: &mut Counted<'_>, width: u8) -> Result<Option<u64>, Refusal> {
    let bytes = from.bytes(width.into())?;
    Ok(bytes.map(|bytes| bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))))
}

/// A whole number of up to eight bytes, the lowest first, with its sign.
pub(super) fn long(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.last().is_some_and(|last| 0x80 <= *last);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(wide))
}

/// A whole number as Python reads one: with blanks around it, underscores in it, and an L behind it where it is long.
pub(super) fn whole(text: &str) -> Option<i64> {
    let digits = text.trim_matches([' ', '\t', '\r', '\u{b}', '\u{c}']).trim_end_matches('L');
    digits.replace('_', "").parse().ok()
}

/// Whether NumPy may make a type of these arguments: of a text that names a type of numbers or texts.
pub(super) fn makes_numbers(arguments: &Value) -> bool {
    let Value::Tuple(parts) = arguments else { return false };
    matches!(parts.first(), Some(Value::Text(text)) if allowed::is_number_type(text))
}

/// Whether a type may be given this state: a byte order and sizes, and no fields. With fields and flags of somebody's choice
/// NumPy takes bytes for addresses.
pub(super) fn is_state_of_numbers(state: &Value) -> bool {
    let Value::Tuple(parts) = state else { return false };
    let is_size = |part: &Value| matches!(part, Value::Number(_));
    match &**parts {
        [version, Value::Text(order), Value::Nothing, Value::Nothing, Value::Nothing, sizes @ ..] => {
            is_size(version) && matches!(&**order, "<" | ">" | "|" | "=") && sizes.iter().all(is_size)
        }
        _ => false,
    }
}

/// Whether Python could look something up by this: words with points between them.
pub(super) fn is_path(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && !word.starts_with(|c: char| c.is_ascii_digit())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii())
    };
    text.split('.').all(is_word)
}
