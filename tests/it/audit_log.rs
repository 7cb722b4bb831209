//! The log: one event for each change, in order, for ever, and verifiable without the registry.

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, declaration, policy, reported, scan, scorer, spec, text},
};
use futures_util::future::join_all;
use plimsoll::{
    audit::{leaf::Leaf, verify},
    core::canonical,
    crypto::{
        checkpoint,
        keys::SigningKey,
        merkle::{CompactRange, leaf_hash},
    },
    http::server,
};
use reqwest::RequestBuilder;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Calls each operation twice, and counts what the log gained.
struct Ledger<'a> {
    story: &'a Story,
    /// Somebody who may look and nothing else.
    viewer: String,
    viewer_id: String,
    called: BTreeSet<&'static str>,
}

impl Ledger<'_> {
    /// Refused to a viewer with one denial; done for the other with this many events.
    async fn row(
        &mut self,
        operation: &'static str,
        token: &str,
        events: usize,
        request: impl Fn(&str) -> RequestBuilder,
    ) -> Reply {
        let before = self.story.app.events().await;
        let refused = reply(request(&self.viewer)).await;
        assert_eq!(refused.status, 403, "{operation}: {}", refused.text());
        assert_eq!(self.story.app.events().await, before + 1, "{operation} refused");
        let newest = self.newest().await;
        let actor = &newest["leaf"]["actor"];
        assert_eq!((newest["outcome"].as_str(), actor["kind"].as_str()), (Some("denied"), Some("user")));
        assert_eq!(actor["id"], self.viewer_id);
        self.done(operation, events, request(token)).await
    }

    async fn done(&mut self, operation: &'static str, events: usize, request: RequestBuilder) -> Reply {
        let before = self.story.app.events().await;
        let answer = reply(request).await;
        assert!(answer.status < 300, "{operation}: {}", answer.text());
        assert_eq!(self.story.app.events().await, before + events, "{operation}");
        let newest = self.newest().await;
        assert_eq!(newest["outcome"], "done", "{operation}");
        assert_eq!(newest["leaf"]["request_id"], answer.header("x-request-id"), "{operation} can be traced");
        self.called.insert(operation);
        answer
    }

    async fn newest(&self) -> Value {
        self.story.app.get(&self.story.ada, "/api/v1/audit/events?limit=1").await.expect(200).json()[0].clone()
    }
}

#[actix_web::test]
async fn every_operation_that_changes_something_is_one_event() {
    let story = Story::begin().await;
    let viewer = story.app.user("vic", &["viewer"]).await;
    let accounts = story.app.get(&story.ada, "/api/v1/accounts").await.expect(200).json();
    let viewer_id = accounts["items"].as_array().and_then(|all| all.iter().find(|a| a["name"] == "vic"));
    let viewer_id = text(&viewer_id.expect("vic")["id"]);
    let mut ledger = Ledger { story: &story, viewer, viewer_id, called: BTreeSet::new() };
    people(&mut ledger).await;
    registry(&mut ledger).await;
    reports(&mut ledger).await;
    environments(&mut ledger).await;
    promotions(&mut ledger).await;
    let called = ledger.called;

    let document = serde_json::to_value(server::openapi()).expect("document");
    let changing: BTreeSet<_> = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().expect("item"))
        .filter(|(method, _)| ["post", "put", "patch", "delete"].contains(&method.as_str()))
        .map(|(_, operation)| text(&operation["operationId"]))
        .collect();
    // Bytes that leave are events although nothing changes.
    let called: BTreeSet<_> = called.iter().map(|name| (*name).to_owned()).collect();
    let without_row: Vec<_> = changing.difference(&called).collect();
    assert_eq!(without_row, Vec::<&String>::new(), "give each of these a row in this test");
    let gone: Vec<_> = called.difference(&changing).collect();
    assert_eq!(gone, ["pullFile", "pullRelease"]);
}

async fn people(ledger: &mut Ledger<'_>) {
    let story = ledger.story;
    let app = &story.app;
    let password = "a password of some length";
    let account = json!({"name": "nina", "kind": "user", "roles": ["viewer"], "password": password});
    ledger.row("createAccount", &story.olga, 1, |t| app.request(t, "POST", "/api/v1/accounts").json(&account)).await;

    let login = |password: &str| {
        app.request("", "POST", "/api/v1/sessions").json(&json!({"name": "nina", "password": password}))
    };
    let before = app.events().await;
    reply(login("another password of length")).await.expect(401);
    assert_eq!(app.events().await, before + 1, "a sign-in that failed");
    let session = text(&ledger.done("signIn", 1, login(password)).await.json()["token"]);
    ledger.done("signOut", 1, app.request(&session, "DELETE", "/api/v1/sessions/current")).await;

    let token = json!({"name": "ci", "account": "olga", "expires_in_days": 7});
    let made =
        ledger.row("createToken", &story.olga, 1, |t| app.request(t, "POST", "/api/v1/tokens").json(&token)).await;
    let path = format!("/api/v1/tokens/{}", text(&made.json()["id"]));
    // Other people's tokens do not exist for a viewer.
    let before = app.events().await;
    reply(app.request(&ledger.viewer, "DELETE", &path)).await.expect(404);
    assert_eq!(app.events().await, before);
    ledger.done("revokeToken", 1, app.request(&story.olga, "DELETE", &path)).await;
    ledger.row("deactivateAccount", &story.olga, 1, |t| app.request(t, "DELETE", "/api/v1/accounts/nina")).await;
    ledger.row("eraseAccount", &story.olga, 1, |t| app.request(t, "POST", "/api/v1/accounts/nina/erasure")).await;

    let pem = SigningKey::generate().expect("key").verifying_key().to_pem();
    let key = json!({"name": "spare", "public_key_pem": pem});
    let made =
        ledger.row("addTrustKey", &story.olga, 1, |t| app.request(t, "POST", "/api/v1/trust-keys").json(&key)).await;
    let path = format!("/api/v1/trust-keys/{}", text(&made.json()["id"]));
    ledger.row("revokeTrustKey", &story.olga, 1, |t| app.request(t, "DELETE", &path)).await;
}

async fn registry(ledger: &mut Ledger<'_>) {
    let story = ledger.story;
    let app = &story.app;
    let model = json!({"name": MODEL, "intended_use": "Scores.", "risk_tier": "high"});
    ledger.row("registerModel", &story.ines, 1, |t| app.request(t, "POST", "/api/v1/models").json(&model)).await;
    let path = format!("/api/v1/models/{MODEL}");
    let change = json!({"title": "The scorer"});
    let patch = |t: &str| app.request(t, "PATCH", &path).header("if-match", "\"1\"").json(&change);
    ledger.row("updateModel", &story.ines, 1, patch).await;

    for number in ["1", "2"] {
        let files = scorer(number.parse().expect("number"));
        let (path, declared) = (format!("/api/v1/models/{MODEL}/versions"), declaration(&files));
        ledger.row("createVersion", &story.ines, 1, |t| app.request(t, "POST", &path).json(&declared)).await;
        for (file, bytes) in files.iter().skip(usize::from(number == "2")) {
            let path = format!("{path}/{number}/files/{file}");
            let put = |t: &str| {
                let request = app.request(t, "PUT", &path).header("content-type", "application/octet-stream");
                request.body(bytes.clone())
            };
            ledger.row("uploadFile", &story.ines, 1, put).await;
        }
        let body = json!({"signature": crate::story::sign(&files, MODEL, &story.key),
            "attestations": [crate::story::provenance(&files, &story.key)]});
        let path = format!("{path}/{number}/seal");
        ledger.row("sealVersion", &story.ines, 1, |t| app.request(t, "POST", &path).json(&body)).await;
    }
}

async fn reports(ledger: &mut Ledger<'_>) {
    let story = ledger.story;
    let app = &story.app;
    let version = format!("/api/v1/models/{MODEL}/versions/1");
    let manifest = text(&app.get(&story.ada, &version).await.expect(200).json()["digest"]);
    let reason = json!({"reason": "It is about something else."});
    let ends = [("withdrawEvidence", &story.ines, "withdraw"), ("refuteEvidence", &story.mara, "refute")];
    for (operation, who, last) in ends {
        let body = json!({"bundle": reported(&manifest, scan(last), &story.key)});
        let path = format!("{version}/evidence");
        let report = |t: &str| app.request(t, "POST", &path).json(&body);
        let made = ledger.row("reportEvidence", &story.ines, 1, report).await.json();
        // The same again is no change.
        let before = app.events().await;
        reply(report(&story.ines)).await.expect(200);
        assert_eq!(app.events().await, before);
        let path = format!("{path}/{}/{last}", text(&made["id"]));
        ledger.row(operation, who, 1, |t| app.request(t, "POST", &path).json(&reason)).await;
    }
    // A newer statement and the end of the older one are one event.
    for (seconds, superseded) in [(1, false), (2, true)] {
        let mut predicate = scan("twice");
        predicate["issued_at"] = format!("2026-01-02T03:00:0{seconds}Z").into();
        let body = json!({"bundle": reported(&manifest, predicate, &story.key)});
        let path = format!("{version}/evidence");
        let made = ledger.row("reportEvidence", &story.ines, 1, |t| app.request(t, "POST", &path).json(&body)).await;
        let detail = ledger.newest().await["leaf"]["detail"].clone();
        assert_eq!((&detail["digest"], detail["supersedes"].is_string()), (&made.json()["digest"], superseded));
        assert!(!detail.to_string().contains("A scan"), "no free text in the log: {detail}");
    }
}

async fn environments(ledger: &mut Ledger<'_>) {
    let story = ledger.story;
    let app = &story.app;
    let csv = crate::story::read(&crate::story::fixture("people.csv"));
    let description = json!({"label": "y", "positive_label": "1", "features": ["amount", "age"]}).to_string();
    use base64::{Engine, engine::general_purpose::STANDARD};
    let put = |t: &str| {
        let request = app.request(t, "PUT", "/api/v1/datasets/people").header("content-type", "text/csv");
        request.header("plimsoll-dataset", STANDARD.encode(&description)).body(csv.clone())
    };
    ledger.row("registerDataset", &story.ines, 1, put).await;

    let body = json!({"name": ENVIRONMENT, "profile": {"class": "server", "operating_mode": "advisory"}});
    // The environment, and the first revision of its profile.
    ledger
        .row("createEnvironment", &story.tom, 2, |t| app.request(t, "POST", "/api/v1/environments").json(&body))
        .await;
    for (document, body) in [("constraints", spec()), ("policy", policy(1))] {
        let path = format!("/api/v1/environments/{ENVIRONMENT}/{document}");
        let put = |t: &str| app.request(t, "PUT", &path).header("if-match", "\"0\"").json(&body);
        ledger.row("reviseDocument", &story.tom, 1, put).await;
    }
    for number in ["1", "2"] {
        let body = json!({"model": MODEL, "version": number, "environment": ENVIRONMENT});
        ledger.row("requestRun", &story.ines, 1, |t| app.request(t, "POST", "/api/v1/runs").json(&body)).await;
        let before = app.events().await;
        app.work().await;
        assert_eq!(app.events().await, before + 1, "the end of the run");
    }
}

async fn promotions(ledger: &mut Ledger<'_>) {
    let story = ledger.story;
    let app = &story.app;
    for (number, last) in [("1", "withdrawal"), ("1", "activation"), ("2", "activation"), ("1", "nothing")] {
        let body = json!({"model": MODEL, "version": number, "environment": ENVIRONMENT});
        let ask = |t: &str| app.request(t, "POST", "/api/v1/promotions").json(&body);
        let asked = ledger.row("requestPromotion", &story.ines, 1, ask).await.json();
        let path = format!("/api/v1/promotions/{}", text(&asked["id"]));
        if last == "nothing" {
            continue;
        }
        if last == "withdrawal" {
            let path = format!("{path}/withdrawal");
            ledger.row("withdrawPromotion", &story.ines, 1, |t| app.request(t, "POST", &path)).await;
            continue;
        }
        let decision = json!({"decision_digest": asked["decision_digest"], "outcome": "approve"});
        let decide = format!("{path}/decisions");
        ledger.row("decidePromotion", &story.mara, 1, |t| app.request(t, "POST", &decide).json(&decision)).await;
        let activate = format!("{path}/activation");
        ledger.row("activatePromotion", &story.tom, 1, |t| app.request(t, "POST", &activate)).await;
    }
    let place = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}");
    ledger.row("pullRelease", &story.robot, 1, |t| app.request(t, "GET", &format!("{place}/release"))).await;
    let file = format!("{place}/release/files/README.md");
    ledger.row("pullFile", &story.robot, 1, |t| app.request(t, "GET", &file)).await;
    let back = json!({"reason": "It answered too slowly."});
    ledger.row("rollBack", &story.tom, 1, |t| app.request(t, "POST", &format!("{place}/rollbacks")).json(&back)).await;

    // A consequence: the request that is still open rested on the old policy.
    let path = format!("/api/v1/environments/{ENVIRONMENT}/policy");
    let put = |t: &str| app.request(t, "PUT", &path).header("if-match", "\"1\"").json(&policy(2));
    ledger.row("reviseDocument", &story.tom, 1, put).await;
    let before = app.events().await;
    app.work().await;
    assert_eq!(app.events().await, before + 1, "the open request is invalidated");

    let revoke = format!("/api/v1/models/{MODEL}/versions/2/revocation");
    let why = json!({"reason": "It learnt from leaked data."});
    ledger.row("revokeVersion", &story.olga, 1, |t| app.request(t, "POST", &revoke).json(&why)).await;
    ledger.row("exportLog", &story.ada, 1, |t| app.request(t, "POST", "/api/v1/audit/export")).await;
}

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
    let event = story.app.get(&story.ada, events).await.expect(200).json()[0].clone();
    let index = event["index"].as_u64().expect("index");
    let leaf = canonical::to_string(&event["leaf"]).expect("leaf");
    let proof = story.app.get(&story.ada, &format!("/api/v1/audit/leaves/{index}/proof")).await.expect(200).text();
    let key = story.verifier_key().await;
    let proven = verify::ProofFile::verify(&proof, &leaf, &key).expect("proof");
    assert_eq!(proven.index, index);
    let forged = leaf.replace("\"approve\"", "\"reject\"");
    assert_ne!(forged, leaf);
    assert!(verify::ProofFile::verify(&proof, &forged, &key).is_err());
    let beyond = story.app.events().await;
    for index in [beyond.to_string(), u64::MAX.to_string(), "-1".to_owned(), "x".to_owned()] {
        story.app.get(&story.ada, &format!("/api/v1/audit/leaves/{index}/proof")).await.expect(404);
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
        events.as_array().expect("events").iter().map(|e| e["index"].as_u64().expect("index")).collect();
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
