//! As of when, about what, and for whom.

use super::{an_hour, ask, dossier, page, parsed, released, stage, unpack};
use crate::story::{ENVIRONMENT, MODEL, policy, scorer, spec, text};
use chrono::{DateTime, TimeDelta, Utc};
use plimsoll::{core::clock::rfc3339, dossiers::verify};
use serde_json::Value;

fn before(at: DateTime<Utc>, hours: i64) -> String {
    rfc3339(at - TimeDelta::hours(hours))
}

fn count(data: &Value, what: &str) -> usize {
    data[what].as_array().map_or(0, Vec::len)
}

#[actix_web::test]
async fn what_came_later_is_not_there() {
    let story = released().await;
    let now = story.app.app.db.clock().now();
    story.measured_version(2).await;
    let look = async |as_of: String| {
        let zip = dossier(&story, &format!("profile=sr-11-7&model={MODEL}&version=1&as_of={as_of}")).await;
        let entries = unpack(&zip);
        (parsed(&entries, "dossier.json"), entries)
    };
    // Requests (with decisions), releases and reports, and what the log shows of them.
    let steps = [(0, 1, 1, 1, "activated"), (2, 1, 0, 1, "approved"), (3, 0, 0, 1, ""), (4, 0, 0, 0, "")];
    for (hours, requests, releases, reports, state) in steps {
        let (data, entries) = look(before(now, hours)).await;
        let found = (count(&data, "requests"), count(&data, "releases"), count(&data, "reported"));
        assert_eq!(found, (requests, releases, reports), "{hours} hours before");
        assert_eq!(data["requests"][0]["state"].as_str().unwrap_or_default(), state, "{hours} hours before");
        assert_eq!(count(&data, "evidence"), 3);
        let leaves = page(&entries, "audit/leaves.jsonl");
        assert_eq!(leaves.contains("\"action\":\"promotion.activate\""), releases == 1);
        assert_eq!(leaves.contains("\"action\":\"promotion.approve\""), requests == 1);
        let names: Vec<_> =
            entries.keys().filter(|n| n.starts_with("releases/") || n.starts_with("approvals/")).collect();
        assert_eq!(names.len(), requests + releases, "{names:?}");
        let items = data["coverage"]["items"].as_array().expect("items");
        let challenge = items.iter().find(|item| item["item"] == "effective-challenge").expect("item");
        assert_eq!(challenge["state"] == "present", requests == 1, "{challenge}");
    }
    // Without a version: the one in force, although a newer one is sealed.
    let zip = dossier(&story, &format!("profile=sr-11-7&model={MODEL}")).await;
    assert_eq!(parsed(&unpack(&zip), "dossier.json")["version"]["number"], 1);
    let early = before(now, 5);
    let refused = ask(&story, &story.ada, &format!("profile=sr-11-7&model={MODEL}&as_of={early}")).await;
    refused.expect(422);
}

#[actix_web::test]
async fn the_same_facts_give_the_same_bytes() {
    let story = released().await;
    let at = rfc3339(story.app.app.db.clock().now());
    let query = format!("profile=eu-ai-act&model={MODEL}&as_of={at}");
    let first = dossier(&story, &query).await;
    an_hour(&story);
    story.measured_version(2).await;
    story.revoke_version("1").await.expect(200);
    assert_eq!(dossier(&story, &query).await, first);
    let now = dossier(&story, &format!("profile=eu-ai-act&model={MODEL}&version=1")).await;
    assert!(page(&unpack(&now), "dossier.html").contains("The version is revoked"));
}

#[actix_web::test]
async fn no_text_that_was_written_later_gets_into_a_dossier_of_before() {
    let story = released().await;
    let begun = story.app.get(&story.ada, &format!("/api/v1/models/{MODEL}")).await.expect(200).json();
    let at = rfc3339(story.app.app.db.clock().now());
    let query = format!("profile=sr-11-7&model={MODEL}&as_of={at}");
    let before = dossier(&story, &query).await;
    let items = |zip: &[u8]| {
        let data = parsed(&unpack(zip), "dossier.json");
        let items = data["coverage"]["items"].as_array().expect("items").clone();
        let item = |name: &str| items.iter().find(|item| item["item"] == name).expect("item").clone();
        (item("intended-use"), item("limits-of-use"))
    };
    let (used, limits) = items(&before);
    assert_eq!((&used["state"], &limits["state"]), (&"present".into(), &"missing".into()));
    assert_eq!(used["since"], begun["created_at"]);

    let change = async |revision: u32, fields: Value| {
        an_hour(&story);
        let path = format!("/api/v1/models/{MODEL}");
        let change = story.app.request(&story.ines, "PATCH", &path).header("if-match", format!("\"{revision}\""));
        crate::harness::reply(change.json(&fields)).await.expect(200).json()
    };
    // Nothing was written about it then, so nothing is lost: the same bytes.
    change(1, serde_json::json!({"prohibited_use": "Written after the incident."})).await;
    assert_eq!(dossier(&story, &query).await, before);
    // A text that stood there then is gone: neither the new one nor a date stands in its place.
    change(2, serde_json::json!({"intended_use": "Also written after the incident."})).await;
    let after = dossier(&story, &query).await;
    let (used, _) = items(&after);
    assert_eq!((&used["state"], &used["since"]), (&"missing".into(), &Value::Null));
    assert!(text(&used["why"]).contains("is not kept"), "{used}");
    for (name, bytes) in unpack(&after) {
        assert!(!String::from_utf8_lossy(&bytes).contains("after the incident"), "{name}");
    }
    assert!(page(&unpack(&after), "dossier.html").contains("said not to be kept"));
    // Of now: both, each since it was written.
    let now = dossier(&story, &format!("profile=sr-11-7&model={MODEL}")).await;
    let (used, limits) = items(&now);
    assert_eq!((&used["state"], &limits["state"]), (&"present".into(), &"present".into()));
    assert!(text(&begun["created_at"]) < text(&limits["since"]) && text(&limits["since"]) < text(&used["since"]));
}

/// A slice holds 1,000 records; one of the 1,010 inspections here is about the version like everything else.
#[actix_web::test]
async fn however_often_somebody_looked_the_stages_and_the_records_that_decide_are_there() {
    let story = stage().await;
    story.measured_version(1).await;
    let file = format!("/api/v1/models/{MODEL}/versions/1/files/README.md");
    for _ in 0..1_010 {
        story.app.get(&story.ada, &file).await.expect(200);
    }
    let rejected = story.request(MODEL, "1", ENVIRONMENT).await;
    story.decide(&story.mara, &rejected, "reject").await.expect(200);
    let approved = story.approved("1").await;

    let zip = dossier(&story, &format!("profile=sr-11-7&model={MODEL}")).await;
    let entries = unpack(&zip);
    let data = parsed(&entries, "dossier.json");
    let states: Vec<_> =
        data["requests"].as_array().expect("requests").iter().map(|r| (&r["id"], &r["state"])).collect();
    assert_eq!(states, [(&rejected["id"], &"rejected".into()), (&approved["id"], &"approved".into())]);
    let item = data["coverage"]["items"].as_array().expect("items").iter().find(|i| i["item"] == "effective-challenge");
    assert_eq!(item.expect("item")["state"], "present");
    let told: Vec<_> = data["audit"].as_array().expect("records").iter().map(|leaf| text(&leaf["action"])).collect();
    assert_eq!(told.len(), 1_000);
    for action in ["model.register", "version.seal", "run.finish", "promotion.reject", "promotion.approve"] {
        assert!(told.iter().any(|told| told == action), "{action}");
    }
    let (page, total) =
        (page(&entries, "dossier.html"), 1_010 + told.iter().filter(|a| *a != "version.inspect").count());
    assert!(page.contains(&format!("The log has {total} records about this, and 1000 of them are here")), "{total}");
    assert!(verify::verify(&zip, &story.verifier_key().await).is_ok());
}

#[actix_web::test]
async fn a_question_that_cannot_be_answered_says_what_to_ask() {
    let story = stage().await;
    story.signed(MODEL, &scorer(1)).await;
    let ada = &story.ada;
    for (query, status, says) in [
        (format!("profile=nope&model={MODEL}"), 422, "model-card"),
        (format!("profile=model-card&model={MODEL}&as_of=2026-01-03"), 422, "to come"),
        (format!("profile=model-card&model={MODEL}&as_of=soon"), 422, "2026-04-16"),
        (format!("profile=model-card&model={MODEL}&version=latest"), 422, "version"),
        (format!("profile=model-card&model={MODEL}&version=7"), 404, "version"),
        (format!("profile=model-card&model={MODEL}&environment=nowhere"), 404, "environment"),
        ("profile=model-card&model=nothing".to_owned(), 404, "model"),
        (format!("model={MODEL}"), 400, "profile"),
        (format!("profile=model-card&model={MODEL}&asof=2026-01-01"), 400, "asof"),
    ] {
        let refused = ask(&story, ada, &query).await.expect(status);
        assert!(refused.text().contains(says), "{query}: {}", refused.text());
    }
    story.environment("staging", spec(), policy(1)).await;
    let refused = ask(&story, ada, &format!("profile=model-card&model={MODEL}")).await.expect(422).text();
    assert!(refused.contains(ENVIRONMENT) && refused.contains("staging"), "{refused}");
    let named = dossier(&story, &format!("profile=model-card&model={MODEL}&environment=staging")).await;
    assert_eq!(parsed(&unpack(&named), "dossier.json")["environment"]["name"], "staging");
}

#[actix_web::test]
async fn who_may_not_take_one_is_refused_and_the_log_says_so() {
    let story = stage().await;
    story.signed(MODEL, &scorer(1)).await;
    let query = format!("profile=model-card&model={MODEL}");
    for token in [&story.ines, &story.tom, &story.robot] {
        let before = story.app.events().await;
        assert_eq!(ask(&story, token, &query).await.expect(403).code(), "forbidden");
        assert_eq!(story.app.events().await, before + 1);
        let newest = story.app.get(&story.ada, "/api/v1/audit/events?limit=1").await.expect(200).json();
        assert_eq!(
            (text(&newest["items"][0]["action"]), text(&newest["items"][0]["outcome"])),
            ("dossier.export".into(), "denied".into())
        );
    }
    for token in [&story.mara, &story.ada, &story.olga] {
        ask(&story, token, &query).await.expect(200);
    }
}
