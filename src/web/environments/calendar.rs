//! The freeze calendar: the days of this and the next four weeks, and the hours of each in which nothing is activated.

use crate::policies::freeze::{self, Window};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

const WEEKS: u64 = 5;

pub struct Day {
    /// Such as "18 Dec".
    pub name: String,
    pub is_today: bool,
    pub is_past: bool,
    /// In words; empty if nothing is frozen.
    pub frozen: String,
}

/// Weeks from Monday to Sunday, in UTC; nothing where no window holds in them.
pub fn weeks(windows: &[Window], now: DateTime<Utc>) -> Vec<Vec<Day>> {
    let today = now.date_naive();
    let Some(monday) = today.checked_sub_days(Days::new(u64::from(today.weekday().num_days_from_monday()))) else {
        return Vec::new();
    };
    let days: Vec<Day> = (0..WEEKS * 7)
        .filter_map(|number| monday.checked_add_days(Days::new(number)))
        .map(|date| Day {
            name: date.format("%-d %b").to_string(),
            is_today: date == today,
            is_past: date < today,
            frozen: frozen(windows, date),
        })
        .collect();
    if days.iter().all(|day| day.frozen.is_empty()) {
        return Vec::new();
    }
    let mut days = days.into_iter();
    (0..WEEKS).map(|_| days.by_ref().take(7).collect()).collect()
}

/// The hours of a day in which a window holds at some quarter.
fn frozen(windows: &[Window], date: NaiveDate) -> String {
    let midnight = date.and_time(NaiveTime::MIN).and_utc();
    let holds = |hour: i64| {
        let quarters = [0, 15, 30, 45].into_iter();
        quarters.into_iter().any(|m| freeze::holds(windows, midnight + TimeDelta::minutes(hour * 60 + m)))
    };
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for hour in (0..24).filter(|hour| holds(*hour)) {
        match spans.last_mut().filter(|(_, end)| *end == hour) {
            Some((_, end)) => *end = hour + 1,
            None => spans.push((hour, hour + 1)),
        }
    }
    if spans == [(0, 24)] {
        return "all day".to_owned();
    }
    let spans: Vec<_> = spans.iter().map(|(start, end)| format!("{start:02}–{end:02}")).collect();
    spans.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_month_of_days_says_when_nothing_is_activated() {
        let windows: Vec<Window> = serde_json::from_value(serde_json::json!([
            {"reason": "closing", "zone": "UTC", "from": "2026-12-18T18:00", "until": "2026-12-20T07:00"},
            {"reason": "nights", "zone": "UTC", "weekly": {"days": ["monday"], "start": "22:00", "end": "06:00"}},
        ]))
        .expect("windows");
        let now = Utc.with_ymd_and_hms(2026, 12, 16, 12, 0, 0).single().expect("time");
        let weeks = weeks(&windows, now);
        assert_eq!((weeks.len(), weeks[0].len(), weeks[0][0].name.as_str()), (5, 7, "14 Dec"));
        let read: Vec<_> = weeks[0].iter().map(|day| day.frozen.as_str()).collect();
        assert_eq!(read, ["22–24", "00–06", "", "", "18–24", "all day", "00–07"]);
        assert!(weeks[0][2].is_today && weeks[0][1].is_past && !weeks[0][3].is_past);
        assert!(super::weeks(&windows[..0], now).is_empty());
    }
}
