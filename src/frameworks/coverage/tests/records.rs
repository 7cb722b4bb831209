//! What records that somebody answers for cover.

use super::*;

fn on_record(kind: Kind, review_by: &str, owner_is_active: bool) -> RecordFact {
    RecordFact {
        kind,
        name: "night".to_owned(),
        digest: "sha256:o".to_owned(),
        at: at("2026-03-01T00:00:00Z"),
        review_by: at(review_by),
        owner: "olga".to_owned(),
        owner_is_active,
    }
}

#[test]
fn what_somebody_answers_for_says_as_much_as_the_profile() {
    let mut facts = full();
    let bare = json!({"class": "server", "operating_mode": "advisory"});
    let bare = Profile::parse(&bare).expect("profile");
    let now = "2026-03-02T00:00:00Z";
    for (kind, selector) in [
        (Kind::Sla, json!({"environment": {"field": "sla"}})),
        (Kind::Runbook, json!({"environment": {"field": "runbook"}})),
        (Kind::Escalation, json!({"environment": {"field": "escalation"}})),
        (Kind::Kpi, json!({"reported": {"evidence": "kpi"}})),
    ] {
        facts.profile = None;
        facts.records = Vec::new();
        assert_eq!(state(selector.clone(), None, &facts, now).state, State::Missing, "{kind}");
        for profile in [None, Some((bare.clone(), "sha256:p".to_owned(), at(now)))] {
            facts.profile = profile;
            for (review_by, active, expected) in [
                ("2026-03-03T00:00:00Z", true, State::Present),
                ("2026-03-03T00:00:00Z", false, State::Missing),
                ("2026-03-02T00:00:00Z", true, State::Missing),
            ] {
                facts.records = vec![on_record(kind, review_by, active)];
                let found = state(selector.clone(), None, &facts, now);
                assert_eq!(found.state, expected, "{kind}: {found:?}");
                assert!(found.why.contains("night") && found.why.contains("olga") | (expected == State::Missing));
            }
        }
    }
}

#[test]
fn a_framework_is_met_by_records_where_the_profile_is_silent() {
    let entry = catalog().expect("catalog").find("hipaa", 1).expect("hipaa");
    let mut facts = full();
    let bare = json!({"class": "server", "operating_mode": "advisory"});
    facts.profile = Some((Profile::parse(&bare).expect("profile"), "sha256:p".to_owned(), at("2026-03-01T00:00:00Z")));
    let missing = |facts: &Facts| {
        let items = coverage(&entry.profile, facts, at("2026-03-02T00:00:00Z"));
        items.iter().filter(|item| item.state == State::Missing).count()
    };
    let before = missing(&facts);
    facts.records = vec![
        on_record(Kind::Runbook, "2026-06-01T00:00:00Z", true),
        on_record(Kind::Escalation, "2026-06-01T00:00:00Z", true),
    ];
    assert_eq!(missing(&facts), before - 2);
}
