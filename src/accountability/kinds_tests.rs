use super::*;
use serde_json::json;

fn digest() -> String {
    Digest::of("a runbook").to_string()
}

/// One good body of each kind.
fn good(kind: Kind) -> Value {
    match kind {
        Kind::Kpi => json!({"metric": "share of late orders", "unit": "%", "target": 2.5, "baseline": 4.0,
            "due": "2026-12-31", "source": "the monthly report"}),
        Kind::Assumption => {
            json!({"statement": "Incomes are stated before tax.", "state": "holds", "check": "Compare a sample."})
        }
        Kind::Degradation => json!({"triggers": ["no answer for 2 s"], "response": "human_review"}),
        Kind::Runbook => json!({"url": "https://wiki.example/credit", "sha256": digest()}),
        Kind::Sla => json!({"availability_percent": 99.9, "response_time_p95_ms": 200.0}),
        Kind::Escalation => {
            json!({"steps": [{"after_minutes": 0, "contact": "on call"}, {"after_minutes": 30, "contact": "olga"}]})
        }
        Kind::IntegrationMap => json!({"upstream": ["ledger"], "downstream": [],
            "interfaces": [{"system": "ledger", "protocol": "file", "data": "accounts of the day"}]}),
    }
}

/// The body with one field replaced; `null` takes it away.
fn with(kind: Kind, field: &str, value: Value) -> Value {
    let mut body = good(kind);
    let fields = body.as_object_mut().expect("an object");
    match value {
        Value::Null => fields.remove(field),
        value => fields.insert(field.to_owned(), value),
    };
    body
}

#[test]
fn a_good_body_of_each_kind_is_read_and_written_as_it_was() {
    for kind in Kind::ALL {
        let body = Body::parse(*kind, &good(*kind)).expect("good");
        assert_eq!(serde_json::to_value(&body).expect("json"), good(*kind), "{kind}");
        assert_eq!(Body::parse(*kind, &serde_json::to_value(&body).expect("json")).expect("again"), body);
    }
}

#[test]
fn a_field_that_nobody_knows_is_refused_in_every_kind() {
    for kind in Kind::ALL {
        let refused = Body::parse(*kind, &with(*kind, "surprise", json!(1))).expect_err("unknown field").to_string();
        assert!(refused.contains("surprise"), "{kind}: {refused}");
        for other in [json!([]), json!("text"), json!({}), json!(null)] {
            assert!(Body::parse(*kind, &other).is_err(), "{kind}: {other}");
        }
    }
}

#[test]
fn a_bad_body_is_refused_with_the_place_of_what_is_wrong() {
    let long = "x".repeat(501);
    let step = |minutes: i64, contact: &str| json!({"after_minutes": minutes, "contact": contact});
    let interface = |system: &str, protocol: &str| json!({"system": system, "protocol": protocol, "data": "rows"});
    for (kind, field, value, place) in [
        (Kind::Kpi, "metric", json!(" "), "metric"),
        (Kind::Kpi, "metric", json!(long), "metric"),
        (Kind::Kpi, "unit", json!(null), "unit"),
        (Kind::Kpi, "target", json!("high"), "target"),
        (Kind::Kpi, "due", json!("soon"), "due"),
        (Kind::Kpi, "due", json!("2026-02-30"), "due"),
        (Kind::Kpi, "source", json!(""), "source"),
        (Kind::Assumption, "statement", json!(""), "statement"),
        (Kind::Assumption, "state", json!("probably"), "state"),
        (Kind::Assumption, "check", json!("  "), "check"),
        (Kind::Assumption, "evidence", json!("sha256:12"), "evidence"),
        (Kind::Degradation, "triggers", json!([]), "triggers"),
        (Kind::Degradation, "triggers", json!(["a", ""]), "triggers[1]"),
        (Kind::Degradation, "triggers", json!(vec!["x"; 21]), "triggers"),
        (Kind::Degradation, "response", json!("pray"), "response"),
        (Kind::Degradation, "response", json!("fallback_model"), "fallback"),
        (Kind::Degradation, "fallback", json!("scorecard"), "fallback"),
        (Kind::Runbook, "url", json!("ftp://wiki.example"), "url"),
        (Kind::Runbook, "url", json!("javascript:alert(1)"), "url"),
        (Kind::Runbook, "url", json!("https://"), "url"),
        (Kind::Runbook, "url", json!("https://a b"), "url"),
        (Kind::Runbook, "url", json!(format!("https://{}", "x".repeat(500))), "url"),
        (Kind::Runbook, "sha256", json!("12ab"), "sha256"),
        (Kind::Runbook, "sha256", json!(null), "sha256"),
        (Kind::Sla, "availability_percent", json!(100.1), "availability_percent"),
        (Kind::Sla, "availability_percent", json!(0), "availability_percent"),
        (Kind::Sla, "response_time_p95_ms", json!(-1), "response_time_p95_ms"),
        (Kind::Sla, "support", json!(""), "support"),
        (Kind::Escalation, "steps", json!([]), "steps"),
        (Kind::Escalation, "steps", json!([step(5, "a"), step(5, "b")]), "steps[1].after_minutes"),
        (Kind::Escalation, "steps", json!([step(43_201, "a")]), "steps[0].after_minutes"),
        (Kind::Escalation, "steps", json!([step(-1, "a")]), "steps[0].after_minutes"),
        (Kind::Escalation, "steps", json!([step(5, "")]), "steps[0].contact"),
        (Kind::Escalation, "steps", (0..21).map(|i| step(i, "a")).collect(), "steps"),
        (Kind::IntegrationMap, "upstream", json!([]), "upstream"),
        (Kind::IntegrationMap, "upstream", json!(vec!["ledger"; 101]), "upstream"),
        (Kind::IntegrationMap, "downstream", json!([""]), "downstream[0]"),
        (Kind::IntegrationMap, "interfaces", json!([interface("crm", "file")]), "interfaces[0].system"),
        (Kind::IntegrationMap, "interfaces", json!([interface("ledger", "")]), "interfaces[0].protocol"),
    ] {
        let body = with(kind, field, value);
        let Err(Error::Invalid(problems)) = Body::parse(kind, &body) else { panic!("{kind}: {body} was taken") };
        // serde names the object where a field is missing from it.
        let named = problems[0].0 == place || (problems[0].0 == "body" && problems[0].1.contains(place));
        assert!(named, "{kind}: {body}: {problems:?}");
    }
    let nothing = with(Kind::Sla, "availability_percent", json!(null));
    assert!(Body::parse(Kind::Sla, &nothing).is_ok());
    assert!(Body::parse(Kind::Sla, &json!({"support": "weekdays from 8 to 18"})).is_ok());
}

#[test]
fn only_an_assumption_that_is_violated_is() {
    for kind in Kind::ALL {
        assert!(!Body::parse(*kind, &good(*kind)).expect("good").is_violated(), "{kind}");
    }
    for (state, violated) in [("holds", false), ("unknown", false), ("violated", true)] {
        let body = with(Kind::Assumption, "state", json!(state));
        assert_eq!(Body::parse(Kind::Assumption, &body).expect("good").is_violated(), violated, "{state}");
    }
}
