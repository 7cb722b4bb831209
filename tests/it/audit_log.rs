//! The log: one event for each change, in order, for ever, and verifiable without the registry.

use crate::{
    harness::reply,
    story::{MODEL, Story},
};
use futures_util::future::join_all;
use plimsoll::{
    audit::{leaf::Leaf, verify},
    core::canonical,
    crypto::{
        checkpoint,
        merkle::{CompactRange, leaf_hash},
    },
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

#[actix_web::test]
async fn what_a_client_got_wrong_is_no_event() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let before = story.app.events().await;
    let again = json!({"name": MODEL, "intended_use": "Scores.", "risk_tier": "high"});
    story.app.post(&story.ines, "/api/v1/models", again).await.expect(409);
    story.app.post(&story.ines, "/api/v1/models", json!({"name": "X"})).await.expect(400);
    story.app.post(&story.ines, &format!("/api/v1/models/{MODEL}/versions"), json!({"files": []})).await.expect(422);
    story.app.get(&story.ines, "/api/v1/models/other").await.expect(404);
    story.app.get("", "/api/v1/models").await.expect(401);
    assert_eq!(story.app.events().await, before);
}

#[actix_web::test]
async fn a_checkpoint_verifies_with_the_published_key() {
    let story = Story::begin_without_runtime(&[]).await;
    let note = story.app.get(&story.ada, "/api/v1/audit/checkpoint").await.expect(200).text();
    let head = checkpoint::open(&note, &story.verifier_key().await).expect("signature");
    assert_eq!(usize::try_from(head.size).expect("fits"), story.app.events().await);
    let other = Story::begin_without_runtime(&[]).await.verifier_key().await;
    assert!(checkpoint::open(&note, &other).is_err(), "another registry's key");
}

#[actix_web::test]
async fn an_approval_can_be_proven_without_the_registry() {
    let story = Story::measured().await;
    story.approved("1").await;
    let events = "/api/v1/audit/events?action=promotion.approve";
    let event = story.app.get(&story.ada, events).await.expect(200).json()["items"][0].clone();
    let index = event["index"].as_u64().expect("index");
    let leaf = canonical::to_string(&event["leaf"]).expect("leaf");
    let record = story.app.get(&story.ada, &format!("/api/v1/audit/leaves/{index}")).await.expect(200).text();
    assert_eq!(record, leaf);
    let proof = story.app.get(&story.ada, &format!("/api/v1/audit/leaves/{index}/proof")).await.expect(200).text();
    let key = story.verifier_key().await;
    let proven = verify::ProofFile::verify(&proof, &leaf, &key).expect("proof");
    assert_eq!(proven.index, index);
    let forged = leaf.replace("\"approve\"", "\"reject\"");
    assert_ne!(forged, leaf);
    assert!(verify::ProofFile::verify(&proof, &forged, &key).is_err());
    let beyond = story.app.events().await;
    for index in [beyond.to_string(), u64::MAX.to_string(), "-1".to_owned(), "x".to_owned()] {
        for part in ["", "/proof"] {
            story.app.get(&story.ada, &format!("/api/v1/audit/leaves/{index}{part}")).await.expect(404);
        }
    }
}

#[actix_web::test]
async fn an_export_verifies_and_a_tampered_one_does_not() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let (export, key) = story.export().await;
    let verified = verify::verify(export.as_bytes(), &key).expect("the log holds");
    let lines: Vec<_> = export.lines().collect();
    assert_eq!(usize::try_from(verified.size).expect("fits"), lines.len() - 1);
    let join = |lines: Vec<&str>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let without = |at: usize| join([&lines[..at], &lines[at + 1..]].concat());
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    let mut repeated = lines.clone();
    repeated.insert(3, lines[3]);
    for (what, tampered) in [
        ("a kind is altered", export.replacen("\"kind\":\"user\"", "\"kind\":\"service\"", 1)),
        ("a line is dropped", without(4)),
        ("the last line is dropped", without(lines.len() - 1)),
        ("two lines are swapped", join(swapped)),
        ("a line is repeated", join(repeated)),
        ("the file is cut", export[..export.len() - 5].to_owned()),
        ("the header is dropped", without(0)),
        ("the checkpoint is altered", export.replacen("\\n\\n", "\\nx\\n\\n", 1)),
        ("nothing is left", String::new()),
    ] {
        assert_ne!(tampered, export, "{what}");
        assert!(verify::verify(tampered.as_bytes(), &key).is_err(), "{what}");
    }
    let other = Story::begin_without_runtime(&[]).await.verifier_key().await;
    assert!(verify::verify(export.as_bytes(), &other).is_err(), "another registry's key");
}

#[actix_web::test]
async fn many_writers_give_one_dense_log_in_order() {
    const WRITERS: usize = 30;
    let story = Story::begin_without_runtime(&[]).await;
    let write = |n: usize| {
        let story = &story;
        async move {
            let name = format!("model-{n}");
            story.model(&name).await;
            for seen in 1..=3 {
                let path = format!("/api/v1/models/{name}");
                let request = story.app.request(&story.ines, "PATCH", &path).header("if-match", format!("\"{seen}\""));
                reply(request.json(&json!({"title": format!("{seen}")}))).await.expect(200);
            }
        }
    };
    let watch = async {
        let mut notes = Vec::new();
        for _ in 0..12 {
            notes.push(story.app.get(&story.ada, "/api/v1/audit/checkpoint").await.expect(200).text());
            tokio::time::sleep(std::time::Duration::from_millis(40)).await;
        }
        notes
    };
    let (_, notes) = futures_util::future::join(join_all((0..WRITERS).map(write)), watch).await;

    let (export, key) = story.export().await;
    verify::verify(export.as_bytes(), &key).expect("the log holds");
    let leaves: Vec<_> = export.lines().skip(1).collect();
    for n in 0..WRITERS {
        let model =
            leaves.iter().map(|l| Leaf::parse(l).expect("leaf")).find(|l| l.detail["name"] == format!("model-{n}"));
        let id = model.expect("registered").object.expect("object").id;
        let about = leaves.iter().map(|l| Leaf::parse(l).expect("leaf"));
        let revisions: Vec<_> = about
            .filter(|l| l.object.as_ref().is_some_and(|o| o.id == id))
            .map(|l| l.detail["revision"].as_u64().unwrap_or(1))
            .collect();
        assert_eq!(revisions, [1, 2, 3, 4], "each writer's events in the order of writing");
    }
    // Every head that was signed meanwhile is a prefix of the log as it is now.
    for note in notes {
        let head = checkpoint::open(&note, &key).expect("checkpoint");
        let mut tree = CompactRange::new();
        leaves
            .iter()
            .take(usize::try_from(head.size).expect("fits"))
            .for_each(|l| tree.append(leaf_hash(l.as_bytes())));
        assert_eq!(tree.root(), head.root, "the head at {}", head.size);
    }
    let path = "/api/v1/audit/events?limit=200";
    let events = story.app.get(&story.ada, path).await.expect(200).json();
    let mut indices: Vec<_> =
        events["items"].as_array().expect("events").iter().map(|e| e["index"].as_u64().expect("index")).collect();
    indices.sort_unstable();
    assert_eq!(indices, (0..=leaves.len() as u64).collect::<Vec<_>>(), "dense from 0, with the export itself");
}

#[actix_web::test]
async fn history_cannot_be_changed_even_with_the_databases_password() {
    let story = Story::stage().await;
    story.released(1).await;
    story.app.get(&story.ada, "/api/v1/audit/checkpoint").await.expect(200);
    let db = story.app.app.db.raw_for_tests();
    for (table, column) in [
        ("audit_event", "id"),
        ("audit_leaf", "seq"),
        ("audit_node", "position"),
        ("audit_checkpoint", "size"),
        ("environment_revision", "id"),
        ("evidence", "id"),
        ("approval", "id"),
    ] {
        for change in [format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")] {
            let refused = db.execute_unprepared(&change).await.expect_err(&change).to_string();
            assert!(refused.contains("append-only"), "{change}: {refused}");
        }
    }
    story.pull(None).await.expect(200);
}

#[actix_web::test]
async fn a_refusal_by_role_says_on_what_it_was() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let files = json!({"files": [{"path": "a", "sha256": format!("sha256:{}", "7".repeat(64)), "size_bytes": 1}]});
    let versions = format!("/api/v1/models/{MODEL}/versions");
    let version = story.app.post(&story.ines, &versions, files).await.expect(201).json();
    let model = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}")).await.expect(200).json();
    let reason = json!({"reason": "not mine to say"});
    story.app.post(&story.ines, &format!("{versions}/1/revocation"), reason).await.expect(403);
    for name in ["mara", "nobody-here"] {
        reply(story.app.request(&story.ines, "DELETE", &format!("/api/v1/accounts/{name}"))).await.expect(403);
    }

    let denied = story.app.get(&story.ada, "/api/v1/audit/events?outcome=denied").await.expect(200).json();
    let denied = denied["items"].as_array().expect("events").clone();
    let account = story.app.get(&story.ada, "/api/v1/accounts?limit=100").await.expect(200).json();
    let mara = account["items"].as_array().expect("accounts").iter().find(|a| a["name"] == "mara").expect("mara");
    assert_eq!(denied[0]["object"], Value::Null, "what is not there is not named: {}", denied[0]);
    assert_eq!((&denied[1]["object"]["kind"], &denied[1]["object"]["id"]), (&json!("account"), &mara["id"]));
    let revocation = &denied[2];
    assert_eq!((&revocation["object"]["kind"], &revocation["object"]["id"]), (&json!("version"), &version["id"]));
    assert_eq!(revocation["leaf"]["detail"]["model"], model["id"], "{revocation}");
    let of_model = story.app.get(&story.ada, &format!("/api/v1/audit/history/model:{MODEL}")).await.expect(200).json();
    let events = of_model["items"].as_array().expect("events");
    assert!(events.iter().any(|e| e["outcome"] == "denied" && e["action"] == "version.revoke"), "{of_model}");
}
