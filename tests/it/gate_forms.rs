//! The other ways to ask the gate: without a body, as an assertion, waiting for what comes next; and what it never
//! gives, in any of them.

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, scorer, text},
};
use futures_util::future::join;
use serde_json::json;
use std::time::{Duration, Instant};

fn place() -> String {
    format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}")
}

async fn ask(story: &Story, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let path = format!("{}{path}", place());
    let request = story.app.request(&story.robot, method, &path);
    reply(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[actix_web::test]
async fn an_unapproved_version_leaves_in_no_form() {
    let story = Story::stage().await;
    story.released(1).await;
    let etag = story.pull(None).await.expect(200).header("etag").to_owned();
    let file = story.pull_file("model.onnx").await.expect(200).header("etag").to_owned();
    let version = story.signed(MODEL, &scorer(2)).await;
    let described = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/{version}")).await;
    let digest = text(&described.expect(200).json()["digest"]);
    for method in ["GET", "HEAD"] {
        for wanted in [&version, &digest] {
            for headers in
                [&[][..], &[("range", "bytes=0-9")], &[("if-none-match", &etag)], &[("if-none-match", &file)]]
            {
                for form in ["release", "assertion", "release/files/model.onnx"] {
                    let refused = ask(&story, method, &format!("/{form}?version={wanted}"), headers).await;
                    assert_eq!(refused.status, 412, "{method} {form} {wanted} {headers:?}: {}", refused.text());
                }
            }
        }
        // A part of a file is no way around either: it is one of what was released. HEAD knows no parts (RFC 9110, 14.2).
        let (status, bytes) = if method == "GET" { (206, 10) } else { (200, scorer(1)[0].1.len()) };
        let part = ask(&story, method, "/release/files/model.onnx", &[("range", "bytes=0-9")]).await.expect(status);
        assert_eq!(part.header("content-length"), bytes.to_string(), "{method}");
    }
}

#[actix_web::test]
async fn a_head_says_what_a_get_would_and_is_no_pull() {
    let story = Story::stage().await;
    let before = story.app.events().await;
    let refused = ask(&story, "HEAD", "/release", &[]).await;
    assert_eq!((refused.status, refused.body.len()), (412, 0));
    assert_eq!(story.app.events().await, before + 1, "a refusal is in the log");
    story.released(1).await;
    let etag = story.pull(None).await.expect(200).header("etag").to_owned();
    let before = story.app.events().await;
    let open = ask(&story, "HEAD", "/release", &[]).await.expect(200);
    assert_eq!((open.header("etag"), open.body.len()), (etag.as_str(), 0));
    assert_eq!(ask(&story, "HEAD", "/release", &[("if-none-match", &etag)]).await.status, 304);
    let file = ask(&story, "HEAD", "/release/files/model.onnx", &[]).await.expect(200);
    assert_eq!((file.header("content-length"), file.body.len()), (scorer(1)[0].1.len().to_string().as_str(), 0));
    assert_eq!(ask(&story, "HEAD", "/release/files/absent.txt", &[]).await.status, 404);
    assert_eq!(story.app.events().await, before, "nothing left");
}

#[actix_web::test]
async fn an_assertion_proves_what_is_active_and_is_no_pull() {
    let story = Story::stage().await;
    assert_eq!(ask(&story, "GET", "/assertion", &[]).await.expect(412).code(), "nothing_active");
    story.released(1).await;
    let before = story.app.events().await;
    for path in ["/assertion", "/assertion?version=1"] {
        let said = ask(&story, "GET", path, &[]).await.expect(200).json();
        assert_eq!((&said["approved"], &said["release"]["version"]), (&json!(true), &json!(1)));
        assert!(said["statement"].is_object() && said["verification_summary"].is_object(), "{said:#}");
        assert_eq!(said["approvals"].as_array().map(Vec::len), Some(1));
        assert!(said["files"].is_null());
    }
    assert_eq!(story.app.events().await, before);
    let refused = ask(&story, "GET", "/assertion?version=2", &[]).await.expect(412);
    assert_eq!(refused.code(), "not_approved");
    assert_eq!(story.app.events().await, before + 1);
}

#[actix_web::test]
async fn who_waits_is_told_at_once_when_another_release_comes_or_the_gate_closes() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let etag = story.pull(None).await.expect(200).header("etag").to_owned();
    let begun = Instant::now();
    let unchanged = ask(&story, "GET", "/release?wait=1", &[("if-none-match", &etag)]).await;
    assert_eq!(unchanged.status, 304);
    assert!(Duration::from_secs(1) <= begun.elapsed());
    let later = async |change: &str| {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let body = json!({"reason": "a test"});
        story.app.post(&story.tom, &format!("{}/{change}", place()), body).await.expect_success();
    };
    let begun = Instant::now();
    let headers = [("if-none-match", etag.as_str())];
    let (next, ()) = join(ask(&story, "GET", "/release?wait=60", &headers), later("rollbacks")).await;
    assert_eq!(next.expect(200).json()["release"]["version"], 1);
    let etag = story.pull(None).await.expect(200).header("etag").to_owned();
    let headers = [("if-none-match", etag.as_str())];
    let (closed, ()) = join(ask(&story, "GET", "/release?wait=60", &headers), later("release/suspension")).await;
    assert_eq!(closed.expect(412).code(), "release_suspended");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    ask(&story, "GET", "/release?wait=61", &[]).await.expect(422);
    ask(&story, "GET", "/release?wait=-1", &[]).await.expect(400);
}

#[actix_web::test]
async fn who_waits_with_a_credential_that_ends_is_sent_away() {
    let story = Story::stage().await;
    story.released(1).await;
    let robot = story.app.robot("second", &["deployer"]).await;
    let path = format!("{}/release", place());
    let etag = story.app.get(&robot, &path).await.expect(200).header("etag").to_owned();
    let waiting = story.app.request(&robot, "GET", &format!("{path}?wait=60")).header("if-none-match", etag);
    let fire = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/second").send().await);
    };
    let (told, ()) = join(reply(waiting), fire).await;
    assert_eq!(told.status, 401, "{}", told.text());
}

#[actix_web::test]
async fn a_robot_that_waits_is_sent_away_when_its_owner_leaves() {
    let story = Story::stage().await;
    story.released(1).await;
    let otto = story.app.user("otto", &["admin"]).await;
    let robot = json!({"name": "third", "kind": "service", "roles": ["deployer"]});
    story.app.post(&otto, "/api/v1/accounts", robot).await.expect(201);
    let token = json!({"account": "third", "name": "a test", "expires_in_days": 1});
    let robot = text(&story.app.post(&otto, "/api/v1/tokens", token).await.expect(201).json()["token"]);
    let path = format!("{}/release", place());
    let etag = story.app.get(&robot, &path).await.expect(200).header("etag").to_owned();
    let waiting = story.app.request(&robot, "GET", &format!("{path}?wait=10")).header("if-none-match", etag);
    let fire = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        story.app.request(&story.olga, "DELETE", "/api/v1/accounts/otto").send().await.expect("sent");
        // Something else becomes active, which is none of its business any more.
        story
            .app
            .post(&story.tom, &format!("{}/release/suspension", place()), json!({"reason": "x"}))
            .await
            .expect(200);
    };
    let (told, ()) = join(reply(waiting), fire).await;
    assert_eq!(told.status, 401, "{}", told.text());
}
