//! Keyset pages: "after this id", never "skip so many".

use crate::core::Malformed;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

pub const DEFAULT_LIMIT: u64 = 50;
pub const MAX_LIMIT: u64 = 200;

/// Where a page begins and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    pub after: Option<Uuid>,
    pub limit: u64,
}

/// A page of things and where the next one begins.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<Uuid>,
}

impl PageRequest {
    pub fn first(limit: u64) -> Self {
        Self { after: None, limit }
    }

    /// A limit of 1 to 200 and a cursor that this list itself gave out.
    pub fn parse(list: &str, cursor: Option<&str>, limit: Option<u64>) -> Result<Self, PageError> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(PageError::Limit(Malformed::new(format!("use 1 to {MAX_LIMIT}"))));
        }
        let after = cursor.map(|c| decode(list, c).ok_or(PageError::Cursor)).transpose()?;
        Ok(Self { after, limit })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageError {
    Limit(Malformed),
    Cursor,
}

impl<T> Page<T> {
    /// From `limit + 1` rows: the extra one only tells that there is more.
    pub fn from_rows(mut rows: Vec<T>, limit: u64, id: impl Fn(&T) -> Uuid) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = limit < rows.len();
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(id);
        Self { items: rows, next }
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

/// The cursor names its list, so that one from another list is refused, not misread.
pub fn encode(list: &str, after: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(format!("1|{list}|{after}"))
}

fn decode(list: &str, cursor: &str) -> Option<Uuid> {
    if 200 < cursor.len() {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let id = text.strip_prefix("1|")?.strip_prefix(list)?.strip_prefix('|')?;
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_fits_only_the_list_that_gave_it() {
        let id = Uuid::now_v7();
        let cursor = encode("models", id);
        assert_eq!(PageRequest::parse("models", Some(&cursor), None).map(|p| p.after), Ok(Some(id)));
        for bad in ["", "x", &cursor[1..], &encode("runs", id), &"A".repeat(10_000)] {
            assert_eq!(PageRequest::parse("models", Some(bad), None), Err(PageError::Cursor), "{bad}");
        }
        for limit in [0, 201] {
            assert!(PageRequest::parse("models", None, Some(limit)).is_err());
        }
    }
}
