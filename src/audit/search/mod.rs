//! Finding events: by who did it, to what, which action, when, with which outcome, and
//! everything that ever concerned one thing.
//!
//! Invariants: events are in the order of their time, and of their writing within one
//! instant; a page looks at a bounded number of rows, whatever is asked and however long the
//! log is, so a page may hold fewer events than it could, or none, and still have a next one.

pub mod actions;
pub mod api;
pub mod ops;
pub mod store;

use crate::{audit::Entry, core::ids::AccountId};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    Account(AccountId),
    /// The registry itself.
    System,
    /// Somebody who was not signed in.
    Anonymous,
}

/// What must hold of an event; what is absent holds of every one.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub by: Option<By>,
    /// One of these actions.
    pub actions: Option<Vec<String>>,
    /// The object is one of these.
    pub objects: Option<Vec<String>>,
    /// The leaf mentions one of these ids or digests.
    pub mentions: Option<Vec<String>>,
    pub kind: Option<String>,
    pub outcome: Option<String>,
    pub request: Option<String>,
    pub since: Option<DateTime<Utc>>,
    /// The first instant that is too late.
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Newest,
    Oldest,
}

/// Where an event is in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub at: DateTime<Utc>,
    pub id: i64,
}

impl Place {
    /// Both halves in one id, as cursors carry one: microseconds since 1970, and the event.
    pub fn to_cursor(self) -> Uuid {
        Uuid::from_u64_pair(self.at.timestamp_micros().cast_unsigned(), self.id.cast_unsigned())
    }

    /// Nothing, if the time is none that a clock can show.
    pub fn from_cursor(cursor: Uuid) -> Option<Self> {
        let (at, id) = cursor.as_u64_pair();
        let at = DateTime::from_timestamp_micros(at.cast_signed())?;
        // PostgreSQL knows no others, and nothing was logged outside them.
        let known = (0..=9_999).contains(&chrono::Datelike::year(&at));
        known.then_some(Self { at, id: id.cast_signed() })
    }
}

/// An event with the names that its ids have now.
#[derive(Clone, Debug)]
pub struct Record {
    pub entry: Entry,
    pub actor: Named,
    pub object: Option<Named>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub kind: String,
    pub id: Option<String>,
    /// Absent if nothing of that id is there any more.
    pub name: Option<String>,
}

/// An instant in RFC 3339, or a day, which begins at midnight UTC.
pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let at = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) => day.and_hms_opt(0, 0, 0)?.and_utc(),
        Err(_) => DateTime::parse_from_rfc3339(text).ok()?.to_utc(),
    };
    (0..=9_999).contains(&chrono::Datelike::year(&at)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_place_survives_its_cursor() {
        let at = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).single().expect("valid");
        let place = Place { at, id: 7 };
        assert_eq!(Place::from_cursor(place.to_cursor()), Some(place));
        assert_eq!(Place::from_cursor(Uuid::max()).map(|place| place.id), Some(-1));
        assert_eq!(Place::from_cursor(Uuid::from_u64_pair(i64::MAX.cast_unsigned(), 1)), None);
        assert_eq!(Place::from_cursor(Uuid::from_u64_pair(i64::MIN.cast_unsigned(), 1)), None);
    }

    #[test]
    fn a_time_is_an_instant_or_a_day() {
        let day = Utc.with_ymd_and_hms(2026, 1, 2, 0, 0, 0).single().expect("valid");
        for text in ["2026-01-02", "2026-01-02T00:00:00Z", "2026-01-02T01:00:00+01:00"] {
            assert_eq!(parse_time(text), Some(day), "{text}");
        }
        for text in ["", "2026", "2026-13-01", "yesterday", "2026-01-02T00:00:00", "+262000-01-01", "-0001-01-01"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
