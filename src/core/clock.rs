//! Where the time comes from.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use std::sync::{Arc, Mutex, PoisonError};

/// Invariant: every value is a whole number of microseconds, because that is what
/// PostgreSQL keeps. A finer value would come back from the database changed.
#[derive(Clone, Debug)]
pub enum Clock {
    System,
    /// The system's, so much ahead: for trials that wait for what the clock ends. Not in what is released.
    #[cfg(debug_assertions)]
    Ahead(TimeDelta),
    /// Stands still until [`Clock::advance`]; for tests.
    Manual(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    pub fn manual(at: DateTime<Utc>) -> Self {
        Self::Manual(Arc::new(Mutex::new(at.trunc_subsecs(6))))
    }

    pub fn now(&self) -> DateTime<Utc> {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the clock")]
            Self::System => Utc::now().trunc_subsecs(6),
            #[cfg(debug_assertions)]
            #[expect(clippy::disallowed_methods, reason = "this is the clock")]
            Self::Ahead(by) => (Utc::now() + *by).trunc_subsecs(6),
            Self::Manual(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a manual clock; the system's clock is not ours to move.
    pub fn advance(&self, by: TimeDelta) {
        if let Self::Manual(at) = self {
            let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
            *at += by;
        }
    }
}

/// UTC with six decimals and `Z`: the one form in which Plimsoll writes a time.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// What [`moment`] reads, for those who wrote something else.
pub const MOMENT: &str = "use a day such as 2026-04-16, or a time in RFC 3339";

/// A time in RFC 3339, or a day, which means its end in UTC; of today: now.
pub fn moment(raw: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(raw) {
        return Some(at.to_utc());
    }
    let day = NaiveDate::parse_from_str(raw, "%Y-%m-%d").ok().filter(|_| raw.len() == 10)?;
    let end = day.succ_opt()?.and_time(NaiveTime::MIN).and_utc() - TimeDelta::microseconds(1);
    Some(if day == now.date_naive() { now } else { end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_day_is_meant_to_its_end_and_today_to_now() {
        let now = Utc.with_ymd_and_hms(2026, 3, 2, 10, 0, 0).single().expect("time");
        for (raw, wanted) in [
            ("2026-03-01", Some("2026-03-01T23:59:59.999999Z")),
            ("2026-03-02", Some("2026-03-02T10:00:00.000000Z")),
            ("2026-03-01T12:00:00+02:00", Some("2026-03-01T10:00:00.000000Z")),
            ("2026-3-1", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(moment(raw, now).map(rfc3339).as_deref(), wanted, "{raw}");
        }
    }
}
