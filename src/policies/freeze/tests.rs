use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn window(written: Value) -> Window {
    serde_json::from_value(written).expect("a window")
}

fn weekly(zone: &str, days: &[&str], start: &str, end: &str) -> Window {
    window(json!({"reason": "r", "zone": zone, "weekly": {"days": days, "start": start, "end": end}}))
}

fn absolute(zone: &str, from: &str, until: &str) -> Window {
    window(json!({"reason": "r", "zone": zone, "from": from, "until": until}))
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// Window, moment, and the end of the freeze that holds then.
fn check(name: &str, windows: &[Window], at: &str, expected: Option<&str>) {
    let found = active(windows, utc(at));
    assert_eq!(found.map(|hold| hold.until.expect("an end")), expected.map(utc), "{name} at {at}");
}

#[test]
fn a_window_begins_frozen_and_ends_free() {
    let year_end = [absolute("Europe/Berlin", "2026-12-20T00:00", "2027-01-05T06:00")];
    for (at, end) in [
        ("2026-12-19T22:59:59Z", None),
        ("2026-12-19T23:00:00Z", Some("2027-01-05T05:00:00Z")),
        ("2027-01-05T04:59:59Z", Some("2027-01-05T05:00:00Z")),
        ("2027-01-05T05:00:00Z", None),
    ] {
        check("year end", &year_end, at, end);
    }
    assert!(year_end[0].is_past(utc("2027-01-05T05:00:00Z")) && !year_end[0].is_past(utc("2027-01-05T04:59:59Z")));
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
    let nights = [weekly("Europe/Berlin", &["friday"], "22:00", "06:00")];
    // 2026-11-20 is a Friday; Berlin is an hour ahead of UTC.
    for (at, end) in [
        ("2026-11-20T20:59:59Z", None),
        ("2026-11-20T21:00:00Z", Some("2026-11-21T05:00:00Z")),
        ("2026-11-21T04:59:59Z", Some("2026-11-21T05:00:00Z")),
        ("2026-11-21T05:00:00Z", None),
        ("2026-11-21T21:00:00Z", None),
        ("2026-11-19T23:30:00Z", None),
    ] {
        check("Friday night", &nights, at, end);
    }
}

#[test]
fn windows_that_follow_each_other_are_one_freeze() {
    let weekend = [
        weekly("UTC", &["friday"], "16:00", "00:00"),
        weekly("UTC", &["saturday", "sunday"], "00:00", "00:00"),
        weekly("UTC", &["monday"], "00:00", "08:00"),
    ];
    check("weekend", &weekend, "2026-11-20T15:59:59Z", None);
    check("weekend", &weekend, "2026-11-20T16:00:00Z", Some("2026-11-23T08:00:00Z"));
    check("weekend", &weekend, "2026-11-23T07:00:00Z", Some("2026-11-23T08:00:00Z"));
    check("weekend", &weekend, "2026-11-23T08:00:00Z", None);
}

#[test]
fn a_freeze_that_never_ends_says_so() {
    let all = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let always = [weekly("America/New_York", &all, "12:00", "12:00")];
    let hold = active(&always, utc("2026-11-20T16:00:00Z")).expect("frozen");
    assert_eq!(hold.until, None);
    assert!(hold.detail.contains("without an end"), "{}", hold.detail);
}

#[test]
fn times_that_the_clock_leaps_over_are_the_moment_of_the_leap() {
    // Clocks go forward: Berlin 02:00 to 03:00 at 01:00 UTC, New York 02:00 to 03:00 at 07:00 UTC,
    // Lord Howe 02:00 to 02:30 at 15:30 UTC of the day before.
    for (zone, day, leap) in [
        ("Europe/Berlin", "2026-03-29", "2026-03-29T01:00:00Z"),
        ("America/New_York", "2026-03-08", "2026-03-08T07:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T15:30:00Z"),
    ] {
        let starts_in_it = [absolute(zone, &format!("{day}T02:15"), &format!("{day}T05:00"))];
        let before = utc(leap) - TimeDelta::seconds(1);
        assert_eq!(active(&starts_in_it, before), None, "{zone}");
        assert!(active(&starts_in_it, utc(leap)).is_some(), "{zone}");
        let ends_in_it = [absolute(zone, &format!("{day}T00:00"), &format!("{day}T02:15"))];
        assert_eq!(active(&ends_in_it, before).and_then(|hold| hold.until), Some(utc(leap)), "{zone}");
        assert_eq!(active(&ends_in_it, utc(leap)), None, "{zone}");
        let within = [absolute(zone, &format!("{day}T02:05"), &format!("{day}T02:20"))];
        for seconds in [-1, 0, 1] {
            assert_eq!(active(&within, utc(leap) + TimeDelta::seconds(seconds)), None, "{zone}: it has no length");
        }
    }
}

#[test]
fn times_that_the_clock_shows_twice_make_the_window_longer() {
    // Clocks go back: Berlin 03:00 to 02:00 at 01:00 UTC, New York 02:00 to 01:00 at 06:00 UTC,
    // Lord Howe 02:00 to 01:30 at 15:00 UTC of the day before. `first` and `last` are when the
    // clock shows the time in the middle of what it shows twice.
    for (zone, day, twice, first, last) in [
        ("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"),
        ("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"),
    ] {
        let begins = [absolute(zone, &format!("{day}T{twice}"), &format!("{day}T12:00"))];
        assert_eq!(active(&begins, utc(first) - TimeDelta::seconds(1)), None, "{zone}");
        assert!(active(&begins, utc(first)).is_some(), "{zone}");
        let ends = [absolute(zone, &format!("{day}T00:00"), &format!("{day}T{twice}"))];
        assert_eq!(active(&ends, utc(first)).and_then(|hold| hold.until), Some(utc(last)), "{zone}");
        assert_eq!(active(&ends, utc(last)), None, "{zone}");
    }
}

#[test]
fn a_weekly_window_keeps_its_hours_when_the_clocks_change() {
    let evenings = [weekly("Europe/Berlin", &["saturday", "sunday"], "22:00", "04:00")];
    check("summer", &evenings, "2026-10-24T20:00:00Z", Some("2026-10-25T03:00:00Z"));
    check("winter", &evenings, "2026-10-25T20:59:59Z", None);
    check("winter", &evenings, "2026-10-25T21:00:00Z", Some("2026-10-26T03:00:00Z"));
    let forward = [weekly("America/New_York", &["saturday"], "22:00", "04:00")];
    // Five hours instead of six: 03:00 UTC to 08:00 UTC.
    check("spring", &forward, "2026-03-08T03:00:00Z", Some("2026-03-08T08:00:00Z"));
}

#[test]
fn what_is_not_a_window_is_refused_with_its_field() {
    for (written, place) in [
        (json!({"reason": "r", "zone": "UTC"}), "weekly"),
        (json!({"reason": "r", "zone": "UTC", "from": "2026-01-01T00:00"}), "until"),
        (json!({"reason": "r", "zone": "UTC", "until": "2026-01-01T00:00"}), "from"),
        (json!({"reason": "r", "zone": "UTC", "from": "2026-01-02T00:00", "until": "2026-01-02T00:00"}), "until"),
        (
            json!({"reason": "r", "zone": "UTC", "weekly": {"days": [], "start": "10:00", "end": "11:00"}}),
            "weekly.days",
        ),
        (
            json!({"reason": "r", "zone": "UTC", "weekly": {"days": ["monday", "monday"], "start": "10:00", "end": "11:00"}}),
            "weekly.days",
        ),
    ] {
        assert_eq!(window(written.clone()).problem().map(|(field, _)| field), Some(place), "{written}");
    }
    for written in [
        json!({"reason": "r", "zone": "Europe/Atlantis", "from": "2026-01-01T00:00", "until": "2026-01-02T00:00"}),
        json!({"reason": "r", "zone": "+01:00", "from": "2026-01-01T00:00", "until": "2026-01-02T00:00"}),
        json!({"reason": "r", "zone": "UTC", "from": "2026-01-01T00:00Z", "until": "2026-01-02T00:00"}),
        json!({"reason": "r", "zone": "UTC", "from": "2026-01-01", "until": "2026-01-02T00:00"}),
        json!({"reason": "r", "zone": "UTC", "weekly": {"days": ["monday"], "start": "24:00", "end": "11:00"}}),
        json!({"reason": "r", "zone": "UTC", "weekly": {"days": ["mon"], "start": "10:00", "end": "11:00"}}),
    ] {
        assert!(serde_json::from_value::<Window>(written.clone()).is_err(), "{written}");
    }
    let refused = Zone::parse("europe/berlin").expect_err("another spelling");
    assert!(refused.contains("; Europe/Berlin is one"), "{refused}");
    assert!(Zone::parse("Berlin").expect_err("a city").contains("Europe/Berlin is one"));
}

#[test]
fn a_window_is_written_as_it_was_read() {
    let one = weekly("Europe/Berlin", &["friday"], "22:00", "06:00");
    let written = serde_json::to_value(&one).expect("json");
    assert_eq!(written["zone"], "Europe/Berlin");
    assert_eq!(written["weekly"]["start"], "22:00");
    assert_eq!(window(written), one);
}

proptest! {
    /// The end that a freeze names is free, and every moment before it is frozen.
    #[test]
    fn the_end_of_a_freeze_is_the_first_free_moment(
        zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        day in prop::sample::subsequence(vec!["monday", "wednesday", "saturday", "sunday"], 1..=4),
        start in 0u32..1440,
        end in 0u32..1440,
        seconds in 0i64..(3 * 365 * 86_400),
        part in 0.0f64..1.0,
    ) {
        let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let windows = [weekly(zone, &day, &clock(start), &clock(end))];
        let now = utc("2025-01-01T00:00:00Z") + TimeDelta::seconds(seconds);
        if let Some(hold) = active(&windows, now) {
            let until = hold.until.expect("one day of the week is free at least");
            prop_assert!(now < until);
            prop_assert_eq!(active(&windows, until), None);
            let between = now + TimeDelta::milliseconds(((until - now).num_milliseconds() as f64 * part) as i64);
            prop_assert_eq!(active(&windows, between).and_then(|hold| hold.until), Some(until));
        }
    }
}
