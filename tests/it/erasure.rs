//! Forgetting a person: the name and everything by which it could be recognised goes, the id and
//! every proof stay.

use crate::{
    harness::reply,
    story::{Story, text},
};
use plimsoll::{
    audit::{changes, replay::ops::compare_tables, verify},
    db::entity::row_salt,
};
use sea_orm::EntityTrait;
use serde_json::Value;

#[actix_web::test]
async fn an_erased_person_is_nowhere_and_every_proof_holds() {
    let story = Story::stage().await;
    story.released(1).await;
    let (before, key) = story.export().await;
    let accounts = story.app.get(&story.olga, "/api/v1/accounts").await.expect(200).json();
    let mara = accounts["items"].as_array().expect("items").iter().find(|a| a["name"] == "mara").expect("mara");
    let id = text(&mara["id"]);
    let db = story.app.app.db.raw_for_tests();
    let salts = row_salt::Entity::find().all(db).await.expect("salts");
    let salt = salts.iter().find(|s| s.table_name == "account" && s.row_key == id).expect("salt").salt.clone();
    let told = changes_of(&before, &id);
    assert_eq!(
        text(&told["row"]["name"]),
        changes::salted(&salt, "name", "mara"),
        "who has the salt recognises the name"
    );

    let erase = |name: &str| story.app.request(&story.olga, "POST", &format!("/api/v1/accounts/{name}/erasure"));
    assert_eq!(reply(erase("mara")).await.expect(409).code(), "account_active");
    reply(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/mara")).await.expect(200);
    let left = reply(erase("mara")).await.expect(200).json();
    assert_eq!((text(&left["id"]), left["state"].as_str()), (id.clone(), Some("deactivated")));
    reply(erase("mara")).await.expect(404);
    reply(erase(&text(&left["name"]))).await.expect(200);

    let after = row_salt::Entity::find().all(db).await.expect("salts");
    assert!(after.iter().all(|s| s.salt != salt), "the salt is gone");
    for path in ["/api/v1/accounts", "/api/v1/promotions", "/api/v1/audit/events", "/api/v1/asof?at=2026-01-02"] {
        let said = story.app.get(&story.ada, path).await.expect(200).text();
        assert!(!said.contains("\"mara\""), "{path}: {said}");
    }
    let (now, _) = story.export().await;
    verify::verify_since(now.as_bytes(), &key, &[checkpoint(&before)]).expect("the log goes on");
    let found = compare_tables(&story.app.app).await.expect("replays");
    assert_eq!(found.differing, 0, "{:#?}", found.differences);
    story.pull(None).await.expect(200);
}

/// The insertion of a row, as the log told it.
fn changes_of(export: &str, key: &str) -> Value {
    let leaves = export.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).expect("json"));
    let mut changes = leaves.flat_map(|leaf| leaf["changes"].as_array().cloned().unwrap_or_default());
    changes.find(|change| change["key"] == key && change["op"] == "insert").expect("insertion")
}

fn checkpoint(export: &str) -> String {
    let header: Value = serde_json::from_str(export.lines().next().expect("header")).expect("json");
    text(&header["checkpoint"])
}
