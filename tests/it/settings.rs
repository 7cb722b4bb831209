//! What the service starts with is in the log, once for each change.

use crate::harness::TestApp;
use clap::Parser;
use plimsoll::{config::Config, settings};
use serde_json::Value;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

pub async fn start(app: &TestApp, arguments: &[&str]) {
    let data = app.data().display().to_string();
    let all = ["plimsoll", "--data", &data].into_iter().chain(arguments.iter().copied());
    settings::ops::record(&app.app, &Cli::parse_from(all).config).await.expect("recorded");
}

async fn details(app: &TestApp, token: &str, action: &str) -> Vec<Value> {
    let events = app.get(token, &format!("/api/v1/audit/events?action={action}")).await.expect(200).json();
    events["items"].as_array().expect("events").iter().map(|event| event["leaf"]["detail"].clone()).collect()
}

#[actix_web::test]
async fn each_change_of_the_configuration_is_one_event_and_the_same_again_is_none() {
    let app = TestApp::start().await;
    let ada = app.user("ada", &["auditor"]).await;
    start(&app, &[]).await;
    let before = app.events().await;
    start(&app, &[]).await;
    assert_eq!(app.events().await, before, "the same again");
    start(&app, &["--workers", "3", "--max-file-bytes", "5"]).await;
    assert_eq!(app.events().await, before + 1);
    start(&app, &["--workers", "3", "--max-file-bytes", "5"]).await;
    assert_eq!(app.events().await, before + 1);
    let loaded = details(&app, &ada, "configuration.load").await;
    assert_eq!(loaded[0]["changed"], serde_json::json!(["PLIMSOLL_MAX_FILE_BYTES", "PLIMSOLL_WORKERS"]));
    assert_ne!(loaded[0]["digest"], loaded[1]["digest"]);

    // A password is masked before anything is compared, stored or hashed.
    let url = |password: &str| format!("postgres://ann:{password}@db/x");
    start(&app, &["--db-url", &url("s3cret")]).await;
    let before = app.events().await;
    start(&app, &["--db-url", &url("0ther")]).await;
    assert_eq!(app.events().await, before);
    let loaded = details(&app, &ada, "configuration.load").await;
    assert_eq!(loaded.len(), 3);
    assert!(!Value::from(loaded).to_string().contains("s3cret"));
}

#[actix_web::test]
async fn migrations_are_in_the_log_by_name() {
    let app = TestApp::start().await;
    let ada = app.user("ada", &["auditor"]).await;
    start(&app, &[]).await;
    start(&app, &["--workers", "3"]).await;
    let migrated = details(&app, &ada, "schema.migrate").await;
    assert_eq!(migrated.len(), 1);
    let applied = migrated[0]["applied"].as_array().expect("names");
    assert_eq!(applied.len(), plimsoll::db::schema_versions().len());
    assert_eq!(applied.last(), migrated[0].get("version"));
}
