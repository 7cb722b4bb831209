use super::*;
use crate::frameworks::catalog::catalog;

fn asked(id: &str, missing: OnMissing) -> Vec<FrameworkAsk> {
    vec![FrameworkAsk { id: id.to_owned(), missing }]
}

fn at(raw: &str) -> DateTime<Utc> {
    raw.parse().expect("time")
}

#[test]
fn a_request_keeps_its_revision_past_the_day_on_which_it_ends() {
    let catalog = catalog().expect("catalog");
    let asked = asked("sr-11-7", OnMissing::Block);
    let (before, after) = (at("2026-04-16T12:00:00Z"), at("2026-04-18T12:00:00Z"));
    let pins = choose(catalog, &asked, before.date_naive());
    assert_eq!((pins[0].id.as_str(), pins[0].revision), ("sr-11-7", 1));
    // The same request two days later: the same items, though the letter was rescinded.
    let then = checks(catalog, &asked, &pins, &Facts::default(), before);
    assert_eq!(checks(catalog, &asked, &pins, &Facts::default(), after), then);
    assert!(then.iter().all(|check| check.check == "framework_item_missing") && !then.is_empty());
    // A request that is made two days later is told what to name instead.
    let late = choose(catalog, &asked, after.date_naive());
    let failed = checks(catalog, &asked, &late, &Facts::default(), after);
    assert_eq!((late.len(), failed.len(), failed[0].check.as_str()), (0, 1, "framework_not_in_force"));
    assert!(failed[0].detail.contains("sr-26-2"), "{}", failed[0].detail);
}

#[test]
fn a_warning_stops_nothing() {
    let catalog = catalog().expect("catalog");
    for (id, day) in [("sr-26-2", "2026-05-01T00:00:00Z"), ("sr-11-7", "2026-05-01T00:00:00Z")] {
        let asked = asked(id, OnMissing::Warn);
        let pins = choose(catalog, &asked, at(day).date_naive());
        assert_eq!(checks(catalog, &asked, &pins, &Facts::default(), at(day)), []);
    }
}

#[test]
fn a_revision_with_another_text_is_not_the_one_that_was_pinned() {
    let catalog = catalog().expect("catalog");
    let now = at("2026-05-01T00:00:00Z");
    for missing in [OnMissing::Warn, OnMissing::Block] {
        let asked = asked("sr-26-2", missing);
        let mut pins = choose(catalog, &asked, now.date_naive());
        pins[0].digest = Digest::of(b"another text").to_string();
        let failed = checks(catalog, &asked, &pins, &Facts::default(), now);
        assert_eq!(failed.iter().map(|c| c.check.as_str()).collect::<Vec<_>>(), ["framework_unknown"]);
    }
}

#[test]
fn a_decision_says_what_it_pins() {
    let catalog = catalog().expect("catalog");
    let pins = choose(catalog, &asked("nyc-ll144", OnMissing::Warn), at("2026-05-01T00:00:00Z").date_naive());
    let decision = serde_json::json!({"v": 1, "model": "m", "frameworks": pins}).to_string();
    assert_eq!(of_decision(&decision).expect("pins"), pins);
    assert_eq!(of_decision(r#"{"v": 1, "model": "m"}"#).expect("none"), []);
}
