//! What stands out in the log to whoever watches over a workspace: refusals and failed sign-ins that repeat, more of
//! what weighs much than a person does in a minute, sign-ins from where somebody never was, and
//! stored bytes that are not what was stored.
//!
//! Derived from events whenever it is asked for, and stored nowhere: [`derive`] is a pure function.

pub mod api;
mod ops;
mod store;

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Refusals, and failed sign-ins, of so many within the window are more than mistakes.
const REPEATED: usize = 5;
const REPEATED_MINUTES: i64 = 10;
/// No person decides, or takes bytes away, as often as this within a minute with their own hands.
const BURST: usize = 20;
const BURST_MINUTES: i64 = 1;

/// What an event is to this feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    RepeatedRefusals,
    RepeatedFailures,
    Burst,
    NewDevice,
    DamagedBytes,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::RepeatedRefusals => "repeated_refusals",
            Self::RepeatedFailures => "repeated_failures",
            Self::Burst => "burst",
            Self::NewDevice => "new_device",
            Self::DamagedBytes => "damaged_bytes",
        }
    }

    /// How many within what time stand out.
    fn limit(self) -> (usize, TimeDelta) {
        match self {
            Self::RepeatedRefusals | Self::RepeatedFailures => (REPEATED, TimeDelta::minutes(REPEATED_MINUTES)),
            Self::Burst => (BURST, TimeDelta::minutes(BURST_MINUTES)),
            Self::NewDevice | Self::DamagedBytes => (1, TimeDelta::zero()),
        }
    }
}

/// An event of the log, as far as it is looked at.
#[derive(Clone, Debug)]
pub struct Seen {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub kind: Kind,
    /// Whose doing it is, or in whose name it was tried; nobody who is known, if absent.
    pub account: Option<String>,
    pub action: String,
    /// Session or token with which it was done.
    pub credential: Option<String>,
}

/// What stands out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Of the event that made it stand out: it never changes, however long it goes on.
    pub event: i64,
    pub kind: Kind,
    pub account: Option<String>,
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub count: usize,
    pub actions: BTreeMap<String, usize>,
    pub credentials: BTreeSet<String>,
}

/// What stands out among events that are given in their order; in the order in which it began to.
///
/// One signal lasts as long as no two of its events are further apart than its window.
pub fn derive(seen: &[Seen]) -> Vec<Signal> {
    let mut groups: BTreeMap<(Kind, Option<&str>), Vec<&Seen>> = BTreeMap::new();
    for event in seen {
        groups.entry((event.kind, event.account.as_deref())).or_default().push(event);
    }
    let mut signals: Vec<_> = groups.iter().flat_map(|((kind, account), of)| in_group(*kind, *account, of)).collect();
    signals.sort_by_key(|signal| signal.event);
    signals
}

fn in_group(kind: Kind, account: Option<&str>, events: &[&Seen]) -> Vec<Signal> {
    let (least, window) = kind.limit();
    let mut signals = Vec::new();
    let mut first = 0;
    while first < events.len() {
        // The first that ends a window with enough in it.
        let Some(end) = (first + least - 1..events.len()).find(|n| events[*n].at - events[n + 1 - least].at <= window)
        else {
            break;
        };
        let begin = end + 1 - least;
        let after = (end + 1..events.len()).find(|n| window < events[*n].at - events[n - 1].at || window.is_zero());
        let of = &events[begin..after.unwrap_or(events.len())];
        let mut actions = BTreeMap::new();
        of.iter().for_each(|event| *actions.entry(event.action.clone()).or_default() += 1);
        signals.push(Signal {
            event: events[end].id,
            kind,
            account: account.map(str::to_owned),
            since: of.first().map_or(events[end].at, |event| event.at),
            until: of.last().map_or(events[end].at, |event| event.at),
            count: of.len(),
            actions,
            credentials: of.iter().filter_map(|event| event.credential.clone()).collect(),
        });
        first = begin + of.len();
    }
    signals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn events(kind: Kind, account: &str, seconds: impl IntoIterator<Item = i64>) -> Vec<Seen> {
        let event = |second| Seen {
            id: second,
            at: at(second),
            kind,
            account: Some(account.to_owned()),
            action: "model.register".to_owned(),
            credential: Some("a session".to_owned()),
        };
        seconds.into_iter().map(event).collect()
    }

    #[test]
    fn four_refusals_are_mistakes_and_five_are_a_signal() {
        assert_eq!(derive(&events(Kind::RepeatedRefusals, "ines", [1, 2, 3, 4])), []);
        let signals = derive(&events(Kind::RepeatedRefusals, "ines", [1, 2, 3, 4, 5, 300]));
        assert_eq!(signals.len(), 1);
        assert_eq!((signals[0].event, signals[0].count, signals[0].until), (5, 6, at(300)));
        assert_eq!(signals[0].actions["model.register"], 6);
    }

    #[test]
    fn what_is_spread_over_hours_or_people_does_not_stand_out() {
        assert_eq!(derive(&events(Kind::RepeatedRefusals, "ines", (0..50).map(|n| n * 200))), []);
        let mut all = events(Kind::RepeatedRefusals, "ines", [1, 2, 3]);
        all.extend(events(Kind::RepeatedRefusals, "omar", [4, 5, 6]));
        assert_eq!(derive(&all), []);
    }

    #[test]
    fn what_stops_for_longer_than_its_window_and_comes_back_is_another_signal() {
        let signals = derive(&events(Kind::RepeatedFailures, "ines", (0..7).chain(5_000..5_006)));
        let told: Vec<_> = signals.iter().map(|signal| (signal.event, signal.since, signal.count)).collect();
        assert_eq!(told, [(4, at(0), 7), (5_004, at(5_000), 6)]);
    }

    #[test]
    fn a_minute_of_a_person_has_so_many_decisions_and_no_more() {
        assert_eq!(derive(&events(Kind::Burst, "mara", (0..40).map(|n| n * 4))), []);
        let signals = derive(&events(Kind::Burst, "mara", 0..40));
        assert_eq!((signals.len(), signals[0].event, signals[0].count), (1, 19, 40));
    }

    #[test]
    fn each_sign_in_from_a_new_place_stands_alone() {
        let signals = derive(&events(Kind::NewDevice, "ines", [1, 1, 2]));
        assert_eq!(signals.iter().map(|signal| signal.count).collect::<Vec<_>>(), [1, 1, 1]);
    }

    #[test]
    fn more_events_never_take_a_signal_away() {
        let all = events(Kind::RepeatedRefusals, "ines", (0..30).map(|n| n * n * 7 % 4_000).collect::<BTreeSet<_>>());
        let mut before = Vec::new();
        for n in 0..=all.len() {
            let now: Vec<_> = derive(&all[..n]).into_iter().map(|signal| signal.event).collect();
            assert!(now.starts_with(&before), "{before:?} became {now:?}");
            before = now;
        }
    }
}
