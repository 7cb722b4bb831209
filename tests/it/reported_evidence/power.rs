//! Energy that a laboratory measured, where the registry's own host can't: accepted where a limit says so, and only as
//! long as the report counts.

use super::*;
use crate::story::{checks, policy};

fn spec(accept: bool) -> Value {
    let mut limit = json!({"name": "energy", "dimension": "power", "metric": "energy_per_inference", "operator": "<=",
        "limit": 5, "unit": "mJ", "owner": "ines"});
    if accept {
        limit["accept_reports_of"] = json!(["the-lab", "second-lab", "ines-laptop"]);
    }
    json!({"datasets": {MODEL: "people"}, "constraints": [limit]})
}

async fn lab(accept: bool) -> Lab {
    let story = Story::stage_with(&[], spec(accept), policy(1)).await;
    story.signed(MODEL, &scorer(1)).await;
    Lab::of(story).await
}

async fn run(lab: &Lab) -> Value {
    lab.story.run(MODEL, "1", ENVIRONMENT).await
}

/// The laboratory's report: the registry's own record of the run, with its figure of energy.
fn report(run: &Value, joules: f64, issued_at: &str) -> Value {
    let mut body = evidence(run, "performance").clone();
    for own in ["id", "kind", "digest", "created_at"] {
        body.as_object_mut().expect("a record").remove(own);
    }
    body["figures"] = json!({"energy_per_inference": {"value": joules, "interval": null, "n": 10_000}});
    body["method"] = json!("Wattmeter at the socket, idle taken off.");
    let basis = json!({"dataset": body["basis"]["dataset"], "rows": body["basis"]["rows"]});
    json!({"kind": "performance", "title": "Energy on the bench", "issued_at": issued_at,
        "method": "Wattmeter at the socket, idle taken off.", "basis": basis, "body": body})
}

/// Whether this host has counters of its own, so that no report is needed.
fn is_measured_here(run: &Value) -> bool {
    let measured = run["verdicts"][0]["verdict"] != "not_measured";
    if measured {
        eprintln!("this host's energy counters can be read; nothing stands in for them");
    }
    measured
}

#[actix_web::test]
async fn a_report_stands_in_until_it_is_withdrawn() {
    let lab = lab(true).await;
    let first = run(&lab).await;
    if is_measured_here(&first) {
        return;
    }
    assert_eq!(first["state"], "inconclusive");
    let record = lab.report(report(&first, 0.002, "2026-01-02T03:00:00Z")).await;
    let second = run(&lab).await;
    let verdict = &second["verdicts"][0];
    assert_eq!((&second["state"], &verdict["verdict"]), (&json!("passed"), &json!("pass")), "{second:#}");
    assert_eq!(verdict["reported"]["key"], "the-lab", "{verdict:#}");
    assert_eq!(verdict["reported"]["evidence"], record["digest"]);
    assert!(text(&verdict["reason"]).starts_with("reported by the key the-lab, not measured here: "), "{verdict:#}");
    // The run's own evidence has no figure that the registry did not measure.
    assert!(evidence(&second, "performance")["figures"]["energy_per_inference"].is_null());
    let page = Browser::open(&lab.story.app).await.sign_in("rui").await;
    let page = page.get(&format!("/runs/{}", text(&second["id"]))).await.expect(200).text();
    assert!(page.contains(", reported by the-lab"), "{page}");
    let asked = lab.story.request(MODEL, "1", ENVIRONMENT).await;
    assert!(checks(&asked).is_empty(), "{asked:#}");

    lab.close(&lab.story.ines, &record, "withdraw").await.expect(200);
    assert_eq!(lab.story.look(&asked).await["state"], "invalidated");
    let refused = lab.story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(checks(&refused), ["constraint_not_measured"], "{refused:#}");
    assert!(text(&refused["failed_checks"][0]["detail"]).contains("no longer counts"), "{refused:#}");
    assert_eq!(run(&lab).await["verdicts"][0]["verdict"], "not_measured");
}

#[actix_web::test]
async fn a_revoked_key_and_an_end_take_the_measurement_away() {
    for end in ["revoked", "expired", "refuted"] {
        let lab = lab(true).await;
        let first = run(&lab).await;
        if is_measured_here(&first) {
            return;
        }
        let mut predicate = report(&first, 0.002, "2026-01-02T03:00:00Z");
        if end == "expired" {
            predicate["valid_until"] = "2026-01-02T04:00:00Z".into();
        }
        let record = lab.report(predicate).await;
        assert_eq!(run(&lab).await["state"], "passed");
        match end {
            "revoked" => lab.revoke_key().await,
            "refuted" => drop(lab.close(&lab.story.mara, &record, "refute").await.expect(200)),
            _ => lab.story.app.app.db.clock().advance(TimeDelta::hours(1)),
        }
        let refused = lab.story.request(MODEL, "1", ENVIRONMENT).await;
        assert_eq!(checks(&refused), ["constraint_not_measured"], "{end}: {refused:#}");
    }
}

/// Signs and sends a report as the holder of another trusted key.
async fn report_by(lab: &Lab, key: &SigningKey, predicate: Value) -> Value {
    lab.send(&lab.story.ines, reported(&lab.manifest, predicate, key)).await.expect(201).json()
}

async fn trust(lab: &Lab, name: &str) -> SigningKey {
    let key = SigningKey::generate().expect("key");
    let asked = json!({"name": name, "public_key_pem": key.verifying_key().to_pem()});
    lab.story.app.post(&lab.story.olga, "/api/v1/trust-keys", asked).await.expect(201);
    key
}

#[actix_web::test]
async fn a_later_report_asks_for_another_run_and_then_the_worst_decides() {
    let lab = lab(true).await;
    let first = run(&lab).await;
    if is_measured_here(&first) {
        return;
    }
    lab.report(report(&first, 0.002, "2026-01-02T03:00:00Z")).await;
    assert_eq!(run(&lab).await["state"], "passed");
    // Keys that the limit does not name say nothing about it.
    let stranger = trust(&lab, "a-stranger").await;
    report_by(&lab, &stranger, report(&first, 0.02, "2026-01-02T03:01:00Z")).await;
    let asked = lab.story.request(MODEL, "1", ENVIRONMENT).await;
    assert!(checks(&asked).is_empty(), "{asked:#}");

    let second = trust(&lab, "second-lab").await;
    report_by(&lab, &second, report(&first, 0.02, "2026-01-02T03:02:00Z")).await;
    let refused = lab.story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(checks(&refused), ["constraint_not_measured"], "{refused:#}");
    assert!(text(&refused["failed_checks"][0]["detail"]).contains("is not the last one"), "{refused:#}");
    let again = run(&lab).await;
    assert_eq!((&again["state"], &again["verdicts"][0]["reported"]["key"]), (&json!("failed"), &json!("second-lab")));
}

#[actix_web::test]
async fn who_signed_the_version_is_no_laboratory() {
    let lab = lab(true).await;
    let first = run(&lab).await;
    if is_measured_here(&first) {
        return;
    }
    let own = |joules: f64, at: &str| reported(&lab.manifest, report(&first, joules, at), &lab.story.key);
    let taken = lab.send(&lab.story.ines, own(0.002, "2026-01-02T03:00:00Z")).await.expect(201).json();
    assert_eq!(taken["report"]["reported_by"]["key"], "ines-laptop", "the limit names this key");
    assert_eq!(run(&lab).await["verdicts"][0]["verdict"], "not_measured");
    // Nor do they take away what a laboratory said.
    lab.report(report(&first, 0.002, "2026-01-02T03:01:00Z")).await;
    assert_eq!(run(&lab).await["state"], "passed");
    lab.send(&lab.story.ines, own(0.02, "2026-01-02T03:02:00Z")).await.expect(201);
    let asked = lab.story.request(MODEL, "1", ENVIRONMENT).await;
    assert!(checks(&asked).is_empty(), "{asked:#}");
}

#[actix_web::test]
async fn a_fresh_run_makes_no_old_report_young() {
    let lab = lab(true).await;
    let first = run(&lab).await;
    if is_measured_here(&first) {
        return;
    }
    lab.report(report(&first, 0.002, "2026-01-02T03:00:00Z")).await;
    run(&lab).await;
    let asked = lab.story.request(MODEL, "1", ENVIRONMENT).await;
    assert!(checks(&asked).is_empty(), "{asked:#}");
    // The policy lets evidence be thirty days old.
    lab.story.app.app.db.clock().advance(TimeDelta::days(31));
    run(&lab).await;
    let refused = lab.story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(checks(&refused), ["constraint_not_measured"], "{refused:#}");
    assert!(text(&refused["failed_checks"][0]["detail"]).contains("too old for this limit"), "{refused:#}");
}

#[actix_web::test]
async fn a_limit_that_does_not_ask_for_reports_gets_none_and_too_much_energy_fails() {
    let strict = lab(false).await;
    let first = run(&strict).await;
    if is_measured_here(&first) {
        return;
    }
    strict.report(report(&first, 0.002, "2026-01-02T03:00:00Z")).await;
    let verdict = run(&strict).await["verdicts"][0].clone();
    assert_eq!((&verdict["verdict"], &verdict["reported"]), (&json!("not_measured"), &Value::Null), "{verdict:#}");

    let open = lab(true).await;
    let first = run(&open).await;
    open.report(report(&first, 0.02, "2026-01-02T03:00:00Z")).await;
    let found = run(&open).await;
    assert_eq!((&found["state"], &found["verdicts"][0]["verdict"]), (&json!("failed"), &json!("fail")), "{found:#}");
}

#[actix_web::test]
async fn only_limits_on_power_accept_reports() {
    let lab = lab(true).await;
    let spec = json!({"datasets": {MODEL: "people"}, "constraints": [{"name": "small", "dimension": "size",
        "metric": "artifact_size", "operator": "<=", "limit": 1, "unit": "MBy", "owner": "ines", "accept_reports_of": ["the-lab"]}]});
    let path = format!("/api/v1/environments/{ENVIRONMENT}/constraints");
    let seen = lab.story.app.get(&lab.story.tom, &path).await;
    let refused = lab.story.app.put(&lab.story.tom, &path, seen.header("etag"), spec).await.expect(422).json();
    assert_eq!(refused["errors"][0]["field"], "constraints[0].accept_reports_of", "{refused:#}");
}
