//! Finding events: by who, what, when and on what; the history of any object; and that a
//! search stays within bounds whatever it looks for.

use crate::{
    log_restore::past_the_triggers,
    story::{MODEL, Story},
    workspaces::stranger,
};
use plimsoll::db::entity::audit_event;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, Set, Statement};
use serde_json::{Value, json};
use std::process::Command;

const EVENTS: &str = "/api/v1/audit/events";
const HISTORY: &str = "/api/v1/audit/history";

async fn found(story: &Story, query: &str) -> Vec<Value> {
    let page = story.app.get(&story.ada, &format!("{EVENTS}?limit=200&{query}")).await.expect(200).json();
    assert_eq!(page["next_cursor"], Value::Null, "{query}");
    page["items"].as_array().expect("items").clone()
}

fn actions(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["action"].as_str().expect("action")).collect()
}

/// Two models, a version of the first, a refusal and a failed sign-in, a day apart.
async fn eventful() -> Story {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let day = chrono::TimeDelta::days(1);
    story.app.app.db.clock().advance(day);
    story.model("other").await;
    story.app.app.db.clock().advance(day);
    let files = json!({"files": [{"path": "a", "sha256": format!("sha256:{}", "7".repeat(64)), "size_bytes": 1}]});
    let path = format!("/api/v1/models/{MODEL}/versions");
    story.app.post(&story.ines, &path, files).await.expect(201);
    story
        .app
        .post(&story.mara, "/api/v1/models", json!({"name": "no", "intended_use": "x", "risk_tier": "low"}))
        .await
        .expect(403);
    let wrong = json!({"name": "olga", "password": "not the right one"});
    story.app.post("", "/api/v1/sessions", wrong).await.expect(401);
    story
}

#[actix_web::test]
async fn events_are_found_by_who_what_when_and_on_what() {
    let story = eventful().await;
    let model = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}")).await.expect(200).json();
    let id = model["id"].as_str().expect("id");
    let by_ines = found(&story, "actor=ines").await;
    assert_eq!(actions(&by_ines), ["version.create", "model.register", "model.register"]);
    let ines = by_ines[0]["actor"].clone();
    assert_eq!((&ines["kind"], &ines["name"]), (&json!("user"), &json!("ines")));
    for (query, wanted) in [
        (
            format!("actor={}", ines["id"].as_str().expect("id")),
            vec!["version.create", "model.register", "model.register"],
        ),
        ("actor=ines&action=model.register&until=2026-01-03".to_owned(), vec!["model.register"]),
        ("actor=ines&action=model.&since=2026-01-03".to_owned(), vec!["model.register"]),
        (
            "action=model.register&since=2026-01-03T03:04:05Z&until=2026-01-03T03:04:05.000001Z".to_owned(),
            vec!["model.register"],
        ),
        ("action=model.register&since=2026-01-02T03:04:05Z&until=2026-01-02T03:04:05Z".to_owned(), vec![]),
        (format!("object={id}"), vec!["model.register"]),
        (format!("object=model:{MODEL}"), vec!["model.register"]),
        (format!("mentions={id}"), vec!["version.create", "model.register"]),
        (format!("mentions=model:{MODEL}&kind=version"), vec!["version.create"]),
        (format!("mentions=model:{MODEL}@1"), vec!["version.create"]),
        ("mentions=model:other&actor=mara".to_owned(), vec![]),
        ("outcome=denied&actor=mara".to_owned(), vec!["model.register"]),
        ("outcome=denied&kind=version".to_owned(), vec![]),
        ("actor=system&action=workspace.".to_owned(), vec!["workspace.create"]),
        ("actor=anonymous".to_owned(), vec!["session.open"]),
        ("kind=version".to_owned(), vec!["version.create"]),
        ("object=log".to_owned(), vec![]),
    ] {
        let events = found(&story, &query).await;
        assert_eq!(actions(&events), wanted, "{query}");
    }
    let refused = &found(&story, "outcome=denied&actor=mara").await[0];
    assert_eq!(refused["summary"], "refused: model register (forbidden)");
    let version = &found(&story, "kind=version").await[0];
    assert_eq!(
        (&version["object"]["name"], &version["summary"]),
        (&json!(format!("{MODEL}@1")), &json!("version created"))
    );
    assert_eq!(version["proof"], format!("/api/v1/audit/leaves/{}/proof", version["index"]));
    let proof = story.app.get(&story.ada, version["proof"].as_str().expect("address")).await.expect(200).text();
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\n"), "{proof}");
    let request = version["leaf"]["request_id"].as_str().expect("request");
    assert_eq!(actions(&found(&story, &format!("request={request}")).await), ["version.create"]);
    let digest = version["leaf"]["detail"]["manifest"].as_str().expect("digest");
    assert_eq!(actions(&found(&story, &format!("mentions={digest}")).await), ["version.create"]);
    // A form sends what was left empty.
    assert_eq!(found(&story, "actor=&kind=version&since=").await.len(), 1);
}

#[actix_web::test]
async fn pages_miss_nothing_in_either_order() {
    let story = eventful().await;
    let all = found(&story, "").await;
    for (order, query) in [("newest", ""), ("oldest", ""), ("newest", "&action=account."), ("oldest", "&actor=ines")] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{EVENTS}?order={order}&limit=2{query}{cursor}");
            let page = story.app.get(&story.ada, &path).await.expect(200).json();
            seen.extend(page["items"].as_array().expect("items").iter().map(|event| event["id"].as_i64().expect("id")));
            match page["next_cursor"].as_str() {
                Some(next) if seen.len() < 100 => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        let wanted = if query.is_empty() { all.clone() } else { found(&story, &query[1..]).await };
        let mut wanted: Vec<_> = wanted.iter().map(|event| event["id"].as_i64().expect("id")).collect();
        if order == "oldest" {
            wanted.reverse();
        }
        assert_eq!(seen, wanted, "{order}{query}");
        assert!(2 < seen.len());
    }
}

#[actix_web::test]
async fn an_object_has_a_history_that_only_its_workspace_sees() {
    let story = eventful().await;
    let history = async |reference: &str| story.app.get(&story.ada, &format!("{HISTORY}/{reference}")).await;
    let of_model = history(&format!("model:{MODEL}?order=oldest")).await.expect(200).json();
    let events = of_model["items"].as_array().expect("items").clone();
    assert_eq!(actions(&events), ["model.register", "version.create"]);
    assert!(events.iter().all(|event| event["index"].is_i64() && event["proof"].is_string()));
    let account = history("account:ines").await.expect(200).json();
    let told = actions(account["items"].as_array().expect("items")).join(" ");
    assert!(told.ends_with("model.register model.register token.create account.create"), "{told}");
    let version = history(&format!("model:{MODEL}@1")).await.expect(200).json();
    let manifest = version["items"][0]["leaf"]["detail"]["manifest"].as_str().expect("digest").to_owned();
    let id = version["items"][0]["object"]["id"].as_str().expect("id").to_owned();
    let stranger = stranger(&story.app).await;
    for reference in [&manifest, &id, &format!("model:{MODEL}"), &format!("model:{MODEL}@1"), "account:ines"] {
        history(reference).await.expect(200);
        story.app.get(&stranger, &format!("{HISTORY}/{reference}")).await.expect(404);
        let query = format!("{EVENTS}?mentions={reference}");
        let seen = story.app.get(&stranger, &query).await;
        assert!(seen.status == 422 || seen.json() == json!({"items": [], "next_cursor": null}), "{}", seen.text());
    }
    for unknown in ["model:nothing", "model:scorer@9", "0190a3c4-0000-7000-8000-00000000000a", "%3Dsystem", "x", "%27"]
    {
        assert_eq!(history(unknown).await.expect(404).code(), "not_found", "{unknown}");
    }
    story.app.get(&story.mara, &format!("{HISTORY}/model:{MODEL}")).await.expect(403);
}

#[actix_web::test]
async fn a_version_an_environment_and_a_model_have_all_that_was_done_with_them() {
    let story = Story::measured().await;
    story.approved("1").await;
    let history = async |reference: &str| {
        let path = format!("{HISTORY}/{reference}?order=oldest&limit=200");
        let page = story.app.get(&story.ada, &path).await.expect(200).json();
        let events = page["items"].as_array().expect("items").clone();
        actions(&events).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let way = ["run.request", "run.finish", "promotion.request", "promotion.approve"];
    for (reference, first) in [
        (format!("model:{MODEL}@1"), "version.create"),
        (format!("model:{MODEL}"), "model.register"),
        ("environment:production".to_owned(), "environment.create"),
    ] {
        let told = history(&reference).await;
        assert_eq!(told[0], first, "{reference}: {told:?}");
        let mut rest = told.iter();
        for step in way {
            assert!(rest.any(|action| action == step), "{reference} has no {step} where it belongs: {told:?}");
        }
    }
    assert!(history(&format!("model:{MODEL}")).await.contains(&"version.seal".to_owned()));
}

#[actix_web::test]
async fn a_version_has_the_event_by_which_its_release_ended() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    story.roll_back(None).await.expect_success();
    let history = async |reference: &str| {
        let page = story.app.get(&story.ada, &format!("{HISTORY}/{reference}?limit=200")).await.expect(200).json();
        page["items"].as_array().expect("items").clone()
    };
    let activated = |events: &[Value]| actions(events).iter().filter(|a| **a == "promotion.activate").count();
    let (first, second) = (history(&format!("model:{MODEL}@1")).await, history(&format!("model:{MODEL}@2")).await);
    assert_eq!(activated(&first), 2, "its own activation, and that of what replaced it");
    assert_eq!(actions(&first)[0], "release.roll_back");
    assert_eq!(activated(&second), 1);
    assert_eq!(actions(&second)[0], "release.roll_back", "it was rolled back");
    // A log whose mentions are made again has the same.
    let emptied = ["DELETE FROM audit_mention", "UPDATE audit_mentioned SET size = 0"].map(str::to_owned);
    past_the_triggers(&story.app, &emptied).await;
    assert_eq!(history(&format!("model:{MODEL}@2")).await, second);
}

#[actix_web::test]
async fn a_log_from_before_the_mentions_becomes_searchable() {
    let story = eventful().await;
    let query = format!("mentions=model:{MODEL}");
    let before = found(&story, &query).await;
    assert_eq!(before.len(), 2);
    let emptied = ["DELETE FROM audit_mention", "UPDATE audit_mentioned SET size = 0"].map(str::to_owned);
    past_the_triggers(&story.app, &emptied).await;
    story.model("one-more").await;
    assert_eq!(found(&story, &query).await, before);
    assert_eq!(actions(&found(&story, "mentions=model:one-more").await), ["model.register"]);
}

/// Adds events that only the order of time leads to.
async fn pad(story: &Story, count: i64) {
    let db = story.app.app.db.raw_for_tests();
    let model = audit_event::Entity::find().filter(audit_event::Column::Action.eq("model.register")).one(db).await;
    let one = model.expect("query").expect("an event");
    let at = story.app.app.db.clock().now();
    let rows: Vec<_> = (0..count)
        .map(|n| audit_event::ActiveModel {
            at: Set(at + chrono::TimeDelta::microseconds(n)),
            workspace_id: Set(one.workspace_id),
            actor_id: Set(None),
            action: Set("run.finish".to_owned()),
            outcome: Set("done".to_owned()),
            object_kind: Set(Some("run".to_owned())),
            leaf: Set(one.leaf.clone()),
            leaf_hash: Set(one.leaf_hash.clone()),
            ..Default::default()
        })
        .collect();
    for chunk in rows.chunks(1_000) {
        audit_event::Entity::insert_many(chunk.to_vec()).exec_without_returning(db).await.expect("insert");
    }
}

#[actix_web::test]
async fn a_page_looks_at_a_bounded_part_of_the_log_and_the_next_goes_on() {
    let story = eventful().await;
    pad(&story, 6_000).await;
    let first = story.app.get(&story.ada, &format!("{EVENTS}?kind=model")).await.expect(200).json();
    assert_eq!(first["items"], json!([]), "5,000 newer events were looked at");
    let cursor = first["next_cursor"].as_str().expect("more to look at");
    let next = story.app.get(&story.ada, &format!("{EVENTS}?kind=model&cursor={cursor}")).await.expect(200).json();
    assert_eq!(actions(next["items"].as_array().expect("items")), ["model.register", "model.register"]);
    assert_eq!(next["next_cursor"], Value::Null);
    // What an index leads to is not slowed down by the rest.
    assert_eq!(found(&story, "action=model.register&outcome=done").await.len(), 2);
    assert_eq!(found(&story, "kind=model&until=2026-01-04").await.len(), 2);
}

#[actix_web::test]
async fn every_kind_of_search_begins_at_an_index() {
    let story = eventful().await;
    pad(&story, 3_000).await;
    let db = story.app.app.db.raw_for_tests();
    let backend = db.get_database_backend();
    for term in ["x", "y", "z"] {
        let mention = "INSERT INTO audit_mention (object_id, workspace_id, at, event_id)";
        let of = "workspace_id, at, id FROM audit_event WHERE workspace_id IS NOT NULL";
        db.execute_unprepared(&format!("{mention} SELECT '{term}', {of}")).await.expect("mentions");
    }
    db.execute_unprepared("ANALYZE").await.expect("analyze");
    let (workspace, at) = match backend {
        DbBackend::Sqlite => ("zeroblob(16)", "'2026-01-03'"),
        _ => ("gen_random_uuid()", "timestamptz '2026-01-03'"),
    };
    let on_events = format!("SELECT at, id FROM audit_event WHERE workspace_id = (SELECT {workspace}) AND at < {at}");
    let order = "ORDER BY at DESC, id DESC LIMIT 51";
    let mention = format!(
        "SELECT at, event_id FROM audit_mention WHERE object_id = 'x' AND workspace_id = (SELECT {workspace})
         AND at < {at} ORDER BY at DESC, event_id DESC LIMIT 51"
    );
    let primary = if backend == DbBackend::Sqlite { "sqlite_autoindex_audit_mention_1" } else { "audit_mention_pkey" };
    for (query, index) in [
        (format!("{on_events} {order}"), "ix_audit_event_workspace_id_at_id"),
        (format!("{on_events} AND action = 'model.register' {order}"), "ix_audit_event_workspace_id_action_at_id"),
        (mention, primary),
    ] {
        let explain = if backend == DbBackend::Sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
        let column = if backend == DbBackend::Sqlite { "detail" } else { "QUERY PLAN" };
        let rows = db.query_all_raw(Statement::from_string(backend, format!("{explain} {query}"))).await.expect("plan");
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("", column).expect("line")).collect();
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{query}\n{plan}");
    }
    assert!(3_000 < audit_event::Entity::find().count(db).await.expect("count"));
}

#[actix_web::test]
async fn the_program_searches_and_tells_histories() {
    let story = eventful().await;
    let config = tempfile::tempdir().expect("folder");
    let run = async |words: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        program.arg("audit").args(words).args(["--url", &story.app.url]);
        program.env("PLIMSOLL_TOKEN", &story.ada).env("PLIMSOLL_CONFIG_DIR", config.path());
        let done = tokio::task::spawn_blocking(move || program.output()).await.expect("ran").expect("output");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), said(&done.stdout), said(&done.stderr))
    };
    let (code, said, _) = run(&["search", "--actor", "ines", "--action", "model.", "--since", "2026-01-03"]).await;
    assert_eq!((code, said.lines().count()), (Some(0), 3), "{said}");
    assert!(said.contains("ines") && said.contains("model registered") && said.contains("model other"), "{said}");
    let (_, said, _) = run(&["history", "model:scorer", "--json", "--limit", "1", "--oldest-first"]).await;
    let events: Vec<Value> = serde_json::from_str(&said).expect("json");
    assert_eq!(actions(&events), ["model.register"]);
    let (_, said, _) = run(&["search", "--limit", "0", "--json"]).await;
    let events: Vec<Value> = serde_json::from_str(&said).expect("json");
    assert_eq!(events.len(), story.app.events().await);
    let (code, _, said) = run(&["history", "model:nothing"]).await;
    assert!(code != Some(0) && said.contains("no such model"), "{said}");
    let (code, _, said) = run(&["search", "--outcome", "maybe"]).await;
    assert!(code != Some(0) && said.contains("use done or denied"), "{said}");
}
