//! Freeze windows: wall time in a named zone in which nothing is activated.
//!
//! Zones are names of the IANA database and never offsets, so a window keeps its hours when the
//! clocks change. A beginning that the clock shows twice is the first of the two, an end the
//! second; a time that the clock leaps over is the moment of the leap. So a window is never
//! shorter than it reads. The beginning is frozen, the end is free.

use crate::{
    core::clock::rfc3339,
    policies::hold::{Hold, HoldCause},
};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Windows that follow each other are one freeze; one of more parts than this has no end that is said.
const MOST_PARTS: usize = 400;

/// Either `from` and `until`, or `weekly`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Why; shown to whoever waits.
    pub reason: String,
    /// A zone of the IANA database, such as `Europe/Berlin`.
    #[schema(value_type = String)]
    pub zone: Zone,
    /// Local time such as `2026-12-20T00:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub from: Option<WallMoment>,
    /// Local time, after `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub until: Option<WallMoment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Weekly>,
}

/// The same hours on some days of every week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Weekly {
    /// On which days it begins. 1 to 7, each once.
    pub days: Vec<Day>,
    /// Local time such as `18:00`.
    #[schema(value_type = String)]
    pub start: WallTime,
    /// Local time; one that is not after `start` is on the next day, so `00:00` is the day's end.
    #[schema(value_type = String)]
    pub end: WallTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A zone by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(Tz);

/// A date and a time on the clock of the window's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WallMoment(NaiveDateTime);

/// A time on the clock of the window's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WallTime(NaiveTime);

/// The freeze that holds at a moment, with the moment at which all windows that follow each other
/// are over.
pub fn active(windows: &[Window], now: DateTime<Utc>) -> Option<Hold> {
    let mut reasons: Vec<&str> = Vec::new();
    let mut end = now;
    for _ in 0..MOST_PARTS {
        let here = windows.iter().filter_map(|window| Some((window, window.end_around(end)?)));
        let Some((window, later)) = here.max_by_key(|(_, end)| *end) else { break };
        if !reasons.contains(&window.reason.as_str()) && reasons.len() < 3 {
            reasons.push(&window.reason);
        }
        end = later;
    }
    if end == now {
        return None;
    }
    let until = windows.iter().all(|window| window.end_around(end).is_none()).then_some(end);
    let over = until.map_or_else(|| "without an end".to_owned(), |end| format!("until {}", rfc3339(end)));
    let detail = format!("frozen {over}: {}", reasons.join(", "));
    Some(Hold { cause: HoldCause::Freeze, until, detail })
}

/// Whether any window holds at a moment.
pub fn holds(windows: &[Window], at: DateTime<Utc>) -> bool {
    windows.iter().any(|window| window.end_around(at).is_some())
}

impl Window {
    /// The end of the part of this window that a moment lies in.
    fn end_around(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if let (Some(from), Some(until)) = (self.from, self.until) {
            let (start, end) = (self.zone.first(from.0), self.zone.last(until.0));
            return (start <= at && at < end).then_some(end);
        }
        let weekly = self.weekly.as_ref()?;
        let today = at.with_timezone(&self.zone.0).date_naive();
        let days = (0..=2).filter_map(|back| today.checked_sub_days(Days::new(back)));
        let parts = days.filter_map(|day| weekly.on(day)).map(|(s, e)| (self.zone.first(s), self.zone.last(e)));
        parts.filter(|(start, end)| *start <= at && at < *end).map(|(_, end)| end).max()
    }

    /// What is wrong with it, if something is: the field and a sentence.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        match (self.from, self.until, &self.weekly) {
            (Some(from), Some(until), None) if from < until => None,
            (Some(_), Some(_), None) => Some(("until", "ends before it begins".to_owned())),
            (None, None, Some(weekly)) => weekly.problem().map(|detail| ("weekly.days", detail)),
            (Some(_), None, None) => Some(("until", "say when it ends".to_owned())),
            (None, Some(_), None) => Some(("from", "say when it begins".to_owned())),
            _ => Some(("weekly", "give from and until, or weekly, and not both".to_owned())),
        }
    }

    /// Whether it never comes again.
    pub fn is_past(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| self.zone.last(until.0) <= now)
    }
}

impl Weekly {
    /// Begin and end on the clock of the part that begins on a day.
    fn on(&self, day: NaiveDate) -> Option<(NaiveDateTime, NaiveDateTime)> {
        let begins = Day::of(day);
        if !self.days.contains(&begins) {
            return None;
        }
        let last = if self.start < self.end { day } else { day.succ_opt()? };
        Some((day.and_time(self.start.0), last.and_time(self.end.0)))
    }

    fn problem(&self) -> Option<String> {
        let twice = self.days.iter().enumerate().any(|(i, day)| self.days[..i].contains(day));
        (self.days.is_empty() || twice).then(|| "name 1 to 7 days, each once".to_owned())
    }
}

impl Day {
    fn of(date: NaiveDate) -> Self {
        match date.weekday() {
            chrono::Weekday::Mon => Self::Monday,
            chrono::Weekday::Tue => Self::Tuesday,
            chrono::Weekday::Wed => Self::Wednesday,
            chrono::Weekday::Thu => Self::Thursday,
            chrono::Weekday::Fri => Self::Friday,
            chrono::Weekday::Sat => Self::Saturday,
            chrono::Weekday::Sun => Self::Sunday,
        }
    }
}

impl Zone {
    pub fn parse(name: &str) -> Result<Self, String> {
        name.parse().map(Self).map_err(|_| {
            let close = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).find(|known| is_close(known, name));
            let hint = close().map_or_else(String::new, |known| format!("; {known} is one"));
            format!("no time zone is called so; use a name of the IANA database such as Europe/Berlin{hint}")
        })
    }

    /// The first moment at which the clock shows a time, or leaps over it.
    fn first(self, wall: NaiveDateTime) -> DateTime<Utc> {
        self.shown(wall).map_or_else(|| self.leap(wall), |(first, _)| first)
    }

    /// The last moment at which the clock shows a time, or leaps over it.
    fn last(self, wall: NaiveDateTime) -> DateTime<Utc> {
        self.shown(wall).map_or_else(|| self.leap(wall), |(_, last)| last)
    }

    fn shown(self, wall: NaiveDateTime) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let shown = self.0.from_local_datetime(&wall);
        Some((shown.earliest()?.to_utc(), shown.latest()?.to_utc()))
    }

    /// The moment of the leap over a time. The longest leap there was left out one day.
    fn leap(self, wall: NaiveDateTime) -> DateTime<Utc> {
        let before = (1..=1_500).find_map(|minutes| {
            let (_, shown) = self.shown(wall.checked_sub_signed(TimeDelta::minutes(minutes))?)?;
            // The minute that was shown last ends with the leap.
            Some(shown + TimeDelta::minutes(1))
        });
        before.unwrap_or_else(|| wall.and_utc())
    }
}

/// The same name in another spelling, or its last part.
fn is_close(known: &str, name: &str) -> bool {
    let wanted = name.trim().replace(' ', "_");
    known.eq_ignore_ascii_case(&wanted)
        || known.rsplit_once('/').is_some_and(|(_, city)| {
            city.eq_ignore_ascii_case(wanted.rsplit('/').next().unwrap_or_default()) && 3 < city.len()
        })
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0.name().to_owned()
    }
}

const MOMENT: &str = "%Y-%m-%dT%H:%M";
const TIME: &str = "%H:%M";

impl TryFrom<String> for WallMoment {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let read = NaiveDateTime::parse_from_str(&text, MOMENT).ok().filter(|m| (1970..=9000).contains(&m.year()));
        let read = read.filter(|read| read.format(MOMENT).to_string() == text);
        read.map(Self).ok_or("use local time without an offset, such as 2026-12-20T00:00")
    }
}

impl From<WallMoment> for String {
    fn from(moment: WallMoment) -> Self {
        moment.0.format(MOMENT).to_string()
    }
}

impl TryFrom<String> for WallTime {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let read = NaiveTime::parse_from_str(&text, TIME).ok().filter(|read| read.format(TIME).to_string() == text);
        read.map(Self).ok_or("use local time such as 18:00; 00:00 is the end of a day as well")
    }
}

impl From<WallTime> for String {
    fn from(time: WallTime) -> Self {
        time.0.format(TIME).to_string()
    }
}

#[cfg(test)]
mod tests;
