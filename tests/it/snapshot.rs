//! What deployers say really runs, and the finding about a difference.

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, scorer, text},
};
use chrono::TimeDelta;
use plimsoll::core::digest::Digest;
use serde_json::{Value, json};

async fn report(story: &Story, token: &str, host: &str, digest: Option<&str>) -> Reply {
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/running");
    reply(story.app.request(token, "PUT", &path).json(&json!({"digest": digest, "host": host}))).await
}

async fn digest_of(story: &Story, version: &str) -> String {
    let path = format!("/api/v1/models/{MODEL}/versions/{version}");
    text(&story.app.get(&story.mara, &path).await.expect(200).json()["digest"])
}

async fn standing(story: &Story) -> Vec<Value> {
    let findings = story.app.get(&story.mara, "/api/v1/findings?standing=true").await.expect(200).json();
    findings["items"].as_array().expect("items").clone()
}

#[actix_web::test]
async fn a_host_that_runs_what_is_active_matches_and_one_that_does_not_is_a_finding_until_it_does() {
    let story = Story::stage().await;
    story.released(1).await;
    let active = digest_of(&story, "1").await;
    let same = report(&story, &story.robot, "edge-1", Some(&active)).await.expect(200).json();
    assert_eq!((&same["matches"], &same["finding"]), (&json!(true), &Value::Null), "{same:#}");
    assert!(standing(&story).await.is_empty());

    let other = Digest::of("something else").to_string();
    let differs = report(&story, &story.robot, "edge-1", Some(&other)).await.expect(200).json();
    assert_eq!((&differs["matches"], &differs["active_version"]), (&json!(false), &json!(1)));
    assert!(text(&differs["difference"]).contains(&other), "{differs:#}");
    let findings = standing(&story).await;
    assert_eq!((findings.len(), &findings[0]["id"]), (1, &differs["finding"]));
    assert_eq!((&findings[0]["code"], &findings[0]["severity"]), (&json!("running_differs"), &json!("medium")));

    // It is one finding however often it is reported, and it closes by itself.
    story.app.app.db.clock().advance(TimeDelta::hours(2));
    let again = report(&story, &story.robot, "edge-1", Some(&other)).await.expect(200).json();
    assert_eq!(again["finding"], differs["finding"]);
    report(&story, &story.robot, "edge-1", Some(&active)).await.expect(200);
    assert!(standing(&story).await.is_empty());
    let path = format!("/api/v1/findings/{}", text(&differs["finding"]));
    let closed = story.app.get(&story.mara, &path).await.expect(200).json();
    assert_eq!((&closed["state"], &closed["steps"][1]["by"]), (&json!("closed"), &Value::Null), "{closed:#}");
    assert_eq!((story.leaves("finding.open").await.len(), story.leaves("finding.close").await.len()), (1, 1));
}

#[actix_web::test]
async fn hosts_are_told_apart() {
    let story = Story::stage().await;
    story.released(1).await;
    let active = digest_of(&story, "1").await;
    report(&story, &story.robot, "edge-1", None).await.expect(200);
    report(&story, &story.robot, "edge-2", None).await.expect(200);
    assert_eq!(standing(&story).await.len(), 2);
    report(&story, &story.robot, "edge-1", Some(&active)).await.expect(200);
    let left = standing(&story).await;
    assert_eq!(left.len(), 1);
    assert!(text(&left[0]["title"]).contains("edge-2"), "{left:#?}");
}

#[actix_web::test]
async fn nothing_runs_where_nothing_is_active_and_a_new_release_is_a_difference_until_it_runs() {
    let story = Story::stage().await;
    let nothing = report(&story, &story.robot, "edge-1", None).await.expect(200).json();
    assert_eq!((&nothing["matches"], &nothing["active_digest"]), (&json!(true), &Value::Null));
    story.released(1).await;
    let late = report(&story, &story.robot, "edge-1", None).await.expect(200).json();
    assert_eq!(late["matches"], false);
}

#[actix_web::test]
async fn the_same_again_within_an_hour_is_not_written_down() {
    let story = Story::stage().await;
    let before = story.app.events().await;
    for (minutes, written) in [(0, 1), (30, 1), (29, 1), (1, 2), (1, 2)] {
        story.app.app.db.clock().advance(TimeDelta::minutes(minutes));
        report(&story, &story.robot, "edge-1", None).await.expect(200);
        assert_eq!(story.app.events().await - before, written, "{minutes}");
    }
}

#[actix_web::test]
async fn only_a_deployer_reports_and_says_something_that_can_be_read() {
    let story = Story::stage().await;
    for token in [&story.ines, &story.tom, &story.mara, &story.ada] {
        assert_eq!(report(&story, token, "edge-1", None).await.expect(403).code(), "forbidden");
    }
    for (host, digest, field) in [
        ("a b", None, "host"),
        ("", None, "host"),
        ("edge-1", Some("latest"), "digest"),
        ("edge-1", Some(""), "digest"),
    ] {
        let refused = report(&story, &story.robot, host, digest).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{host} {digest:?}");
    }
}

#[actix_web::test]
async fn the_command_hashes_a_folder_as_a_push_does_and_says_what_differs() {
    let story = Story::stage().await;
    story.released(1).await;
    let folder = tempfile::tempdir().expect("folder");
    for (path, bytes) in scorer(1) {
        std::fs::write(folder.path().join(path), bytes).expect("written");
    }
    let dir = folder.path().display().to_string();
    let snapshot = async |more: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(["snapshot", &dir, "--env", ENVIRONMENT, "--host", "edge-1", "--json"]).args(more);
        command.env("PLIMSOLL_URL", &story.app.url).env("PLIMSOLL_TOKEN", &story.robot);
        command.env("PLIMSOLL_CONFIG_DIR", folder.path().join("config"));
        command.output().await.expect("the program")
    };
    let ran = snapshot(&["--model", MODEL]).await;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    let view: Value = serde_json::from_str(&said).expect("json");
    assert_eq!((&view["matches"], &view["digest"]), (&json!(true), &json!(digest_of(&story, "1").await)));
    // Nobody said which model it is.
    assert_eq!(snapshot(&[]).await.status.code(), Some(2));
    std::fs::write(folder.path().join("README.md"), "Changed.").expect("written");
    let ran = snapshot(&["--model", MODEL]).await;
    assert_eq!(ran.status.code(), Some(5), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("does not run what is active"));
    assert_eq!(standing(&story).await.len(), 1);
}

async fn reports(story: &Story, query: &str) -> Value {
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/running{query}");
    story.app.get(&story.ada, &path).await.expect(200).json()
}

#[actix_web::test]
async fn what_was_reported_is_listed_newest_first_in_pages_and_by_host() {
    let story = Story::stage().await;
    assert_eq!(reports(&story, "").await, json!({"items": [], "next_cursor": null}));
    story.released(1).await;
    let (active, other) = (digest_of(&story, "1").await, Digest::of("something else").to_string());
    for (host, digest) in [("edge-1", Some(&active)), ("edge-2", Some(&other)), ("edge-1", None)] {
        report(&story, &story.robot, host, digest.map(String::as_str)).await.expect(200);
        // The same again within an hour is one report.
        report(&story, &story.robot, host, digest.map(String::as_str)).await.expect(200);
        story.app.app.db.clock().advance(TimeDelta::minutes(1));
    }
    let all = reports(&story, "").await["items"].as_array().expect("items").clone();
    let told: Vec<_> =
        all.iter().map(|one| (text(&one["host"]), one["digest"].clone(), one["matches"] == true)).collect();
    let of = |host: &str, digest: Value, matches: bool| (host.to_owned(), digest, matches);
    assert_eq!(
        told,
        [of("edge-1", Value::Null, false), of("edge-2", json!(other), false), of("edge-1", json!(active), true)]
    );
    let release = story.pull(None).await.expect(200).json()["release"]["id"].clone();
    for one in &all {
        assert_eq!((&one["release"], &one["reported_by"]), (&release, &json!("pipeline")), "{one:#}");
    }
    let first = reports(&story, "?limit=2").await;
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    let next = reports(&story, &format!("?limit=2&cursor={}", text(&first["next_cursor"]))).await;
    assert_eq!((&next["items"][0], &next["next_cursor"]), (&all[2], &Value::Null));
    let one = reports(&story, "?host=edge-2").await;
    assert_eq!(one["items"], json!([all[1]]));
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/running");
    for bad in ["?host=a%20b", "?limit=0", "?cursor=x", "?other=1"] {
        let refused = story.app.get(&story.ada, &format!("{path}{bad}")).await;
        assert!([400, 422].contains(&refused.status), "{bad}: {}", refused.text());
    }
    story.app.get(&story.ada, &path.replace(MODEL, "nothing")).await.expect(404);
}
