//! Arrays of NumPy. Source: the format description in `numpy.lib.format`.

use super::Refusal;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Looks at the header, which the first bytes of the file hold.
pub(super) fn inspect(start: &[u8]) -> Result<(), Refusal> {
    let broken = || Refusal::Invalid("the array has no readable header".to_owned());
    let rest = start.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (length, rest) = match rest {
        [1, _, low, high, rest @ ..] => (usize::from(u16::from_le_bytes([*low, *high])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => {
            (usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).map_err(|_| broken())?, rest)
        }
        _ => return Err(broken()),
    };
    let header = rest.get(..length).ok_or_else(broken)?;
    let header = String::from_utf8_lossy(header);
    let (_, kind) = header.split_once("'descr':").ok_or_else(broken)?;
    // The value, which for a record is a list of pairs, ends where the next key begins.
    let kind = kind.split("'fortran_order'").next().unwrap_or(kind);
    // A byte order, the letter, and in old files its size.
    let is_object = |code: &str| matches!(code.trim_start_matches(['|', '<', '>', '=']), "O" | "O4" | "O8");
    if kind.split('\'').any(is_object) {
        return Err(Refusal::Unsafe("the array holds Python objects, which are a pickle; store numbers".to_owned()));
    }
    Ok(())
}
