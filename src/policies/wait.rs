//! The waiting time: how long after the approval that filled the last seat an activation waits.
//!
//! It counts from the approval and not from the request, so that it can't be used up while nobody
//! has looked: anyone who may decide has that long to object to what is about to happen.

use crate::{
    core::clock::rfc3339,
    policies::hold::{Hold, HoldCause},
};
use chrono::{DateTime, TimeDelta, Utc};

/// The wait that is left, if there is one. `approved_at` is when the last seat was filled; without
/// it the wait has not begun.
pub fn left(hours: Option<u32>, approved_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Hold> {
    let hours = hours.filter(|hours| 0 < *hours)?;
    let Some(approved_at) = approved_at else {
        let detail = format!("waits {hours} h after the last approval, and that is not there yet");
        return Some(Hold { cause: HoldCause::Wait, until: None, detail });
    };
    let until = approved_at + TimeDelta::hours(i64::from(hours));
    let detail = format!("waits {hours} h after the last approval, until {}", rfc3339(until));
    (now < until).then_some(Hold { cause: HoldCause::Wait, until: Some(until), detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_begins_with_the_last_approval_and_its_end_is_free() {
        let approved = DateTime::UNIX_EPOCH;
        let at = |hours: i64| left(Some(24), Some(approved), approved + TimeDelta::hours(hours)).map(|hold| hold.until);
        assert_eq!(at(0), Some(Some(approved + TimeDelta::hours(24))));
        assert!(at(23).is_some());
        assert_eq!(at(24), None);
        assert_eq!(left(None, Some(approved), approved), None);
        assert_eq!(left(Some(1), None, approved).expect("not begun").until, None);
    }
}
