//! What was in force on any date, told by the log.

use crate::{
    harness::reply,
    story::{MODEL, Story, text},
};
use chrono::TimeDelta;
use plimsoll::{
    audit::{
        asof::{Selection, state},
        replay::file::{Form, replay},
    },
    core::clock::rfc3339,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

async fn as_of(story: &Story, query: &str) -> Value {
    story.app.get(&story.ada, &format!("/api/v1/asof?{query}")).await.expect(200).json()
}

fn release(view: &Value) -> &Value {
    let environments = view["environments"].as_array().expect("environments");
    let production = environments.iter().find(|e| e["name"] == "production").expect("production");
    &production["releases"]
}

/// Now, and an hour passes.
fn mark(story: &Story) -> String {
    let now = rfc3339(story.app.app.db.clock().now());
    story.app.app.db.clock().advance(TimeDelta::hours(1));
    now
}

#[actix_web::test]
async fn each_date_has_the_release_the_documents_the_owners_and_the_roles_of_that_date() {
    let story = Story::stage().await;
    let none = mark(&story);
    story.released(1).await;
    let first = mark(&story);
    story.released(2).await;
    let second = mark(&story);
    story.roll_back(None).await.expect_success();
    let path = format!("/api/v1/models/{MODEL}");
    let before = story.app.get(&story.ines, &path).await.expect(200);
    let change = json!({"owners": {"business": "tom"}, "risk_tier": "low"});
    let request = story.app.request(&story.ines, "PATCH", &path).header("if-match", before.header("etag"));
    reply(request.json(&change)).await.expect(200);
    reply(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/mara")).await.expect(200);
    story.revise("production", "policy", json!({"approvals": [{"role": "reviewer", "count": 2}]})).await;
    let last = mark(&story);

    let at = |time: &str| format!("at={time}&environment=production&model={MODEL}");
    assert_eq!(release(&as_of(&story, &at(&none)).await), &json!([]));
    for (time, version) in [(&first, 1), (&second, 2), (&last, 1)] {
        let view = as_of(&story, &at(time)).await;
        let released = &release(&view)[0];
        assert_eq!((&released["version"], &released["model"]), (&json!(version), &json!(MODEL)), "{view:#}");
        assert!(!released["approved_by"].as_array().expect("people").is_empty(), "{released:#}");
    }
    let (then, now) = (as_of(&story, &at(&first)).await, as_of(&story, &at(&last)).await);
    let policy = |view: &Value| view["environments"][0]["documents"]["policy"]["revision"].clone();
    assert_eq!((policy(&then), policy(&now)), (json!(1), json!(2)));
    let tier = |view: &Value| view["models"][0]["risk_tier"].clone();
    assert_ne!(tier(&then), tier(&now));
    assert_eq!(now["models"][0]["owners"]["business"]["name"], "tom");
    let mara = |view: &Value| {
        let roles = view["roles"].as_array().expect("roles").clone();
        roles.into_iter().find(|role| role["account"]["name"] == "mara").expect("mara")["account"]["active"].clone()
    };
    assert_eq!((mara(&then), mara(&now)), (json!(true), json!(false)));
}

#[actix_web::test]
async fn what_was_replayed_once_is_told_again_with_the_names_and_rights_of_now() {
    let story = Story::stage().await;
    story.released(1).await;
    let then = mark(&story);
    let query = format!("at={then}");
    let approvers = |view: &Value| release(view)[0]["approved_by"].clone();
    let first = as_of(&story, &query).await;
    assert_eq!(as_of(&story, &query).await, first, "asked twice, told the same");
    story.released(2).await;
    assert_eq!(as_of(&story, &query).await, first, "what came later changes nothing");
    let later = mark(&story);
    assert_eq!(release(&as_of(&story, &format!("at={later}")).await)[0]["version"], 2);
    assert_eq!(approvers(&first)[0]["name"], "mara", "{first:#}");
    reply(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/mara")).await.expect(200);
    reply(story.app.request(&story.olga, "POST", "/api/v1/accounts/mara/erasure")).await.expect_success();
    let forgotten = as_of(&story, &query).await;
    assert_eq!(approvers(&forgotten)[0]["id"], approvers(&first)[0]["id"]);
    assert!(!forgotten.to_string().contains("\"mara\""), "a name that was erased is not told: {forgotten:#}");
    let path = format!("/api/v1/asof?{query}");
    story.app.get(&story.ines, &path).await.expect(403);
}

#[actix_web::test]
async fn an_export_tells_the_same_offline() {
    let story = Story::stage().await;
    story.released(1).await;
    let then = mark(&story);
    story.released(2).await;
    let (export, _) = story.export().await;
    let told = replay(|| Ok(export.as_bytes()), Form::Lines, Some(&then)).expect("replays");
    let offline = state(&told.tables, &Selection::default(), &BTreeMap::new());
    let mut online = as_of(&story, &format!("at={then}")).await;
    strip_names(&mut online);
    let offline = serde_json::to_value(offline).expect("json");
    for part in ["environments", "models", "open_requests"] {
        assert_eq!(offline[part], online[part], "{part}");
    }
    assert_eq!(offline["environments"][0]["releases"][0]["version"], 1);
    let request = story.app.request(&story.ada, "POST", "/api/v1/audit/export?format=tar");
    let archive = reply(request).await.expect(200).body;
    let packed = replay(|| Ok(archive.as_slice()), Form::Archive, Some(&then)).expect("the archive replays");
    assert_eq!((packed.records, &packed.tables), (told.records, &told.tables), "an archive tells the same");
    assert!(told.ends_at.expect("a record") > then, "the file knows of later ones");
}

fn strip_names(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip_names),
        Value::Object(fields) => {
            if let Some(Value::Object(person)) = fields.get_mut("account") {
                person.remove("name");
            }
            fields.iter_mut().filter(|(key, _)| *key == "approved_by" || *key == "owners").for_each(|(_, people)| {
                let people: Vec<&mut Value> = match people {
                    Value::Array(people) => people.iter_mut().collect(),
                    Value::Object(people) => people.values_mut().collect(),
                    _ => Vec::new(),
                };
                people.into_iter().filter_map(Value::as_object_mut).for_each(|person| drop(person.remove("name")));
            });
            fields.values_mut().for_each(strip_names);
        }
        _ => {}
    }
}

#[actix_web::test]
async fn the_future_and_what_is_no_time_are_refused() {
    let story = Story::begin_without_runtime(&[]).await;
    for (at, says) in [("2199-01-01", "future"), ("soon", "RFC 3339"), ("2026-13-01", "RFC 3339"), ("", "RFC 3339")] {
        let refused = story.app.get(&story.ada, &format!("/api/v1/asof?at={at}")).await.expect(422);
        assert!(text(&refused.json()["detail"]).contains(says), "{}", refused.text());
    }
    let view = as_of(&story, "at=2020-01-01").await;
    assert_eq!((&view["records"], &view["models"]), (&json!(0), &json!([])));
}
