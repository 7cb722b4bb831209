//! Nothing leaves before its event is durable.

use crate::{
    harness::{TestApp, reply},
    story::{ENVIRONMENT, MODEL, Story},
};
use sea_orm::{ConnectionTrait, DbBackend};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

fn paths() -> [String; 2] {
    let place = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release");
    [format!("{place}/files/model.onnx"), place]
}

#[actix_web::test]
async fn the_event_is_there_when_the_first_byte_is_and_stays_when_the_client_hangs_up() {
    let story = Story::stage().await;
    story.released(1).await;
    let inspected = format!("/api/v1/models/{MODEL}/versions/1/files/model.onnx");
    let pulls = paths().map(|path| (path, &story.robot));
    for (path, token) in pulls.into_iter().chain([(inspected, &story.ines)]) {
        let before = story.app.events().await;
        let address = story.app.url.strip_prefix("http://").expect("http");
        let mut stream = TcpStream::connect(address).await.expect("connect");
        let request = format!("GET {path} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.expect("the beginning of the answer");
        assert_eq!(story.app.events().await, before + 1, "{path}");
        assert_eq!(&first, b"HTTP/1.1 200");
        drop(stream);
        assert_eq!(story.app.events().await, before + 1, "{path}");
    }
}

/// From now on the database takes no event.
async fn full(app: &TestApp, yes: bool) {
    let db = app.app.db.raw_for_tests();
    let sqlite = db.get_database_backend() == DbBackend::Sqlite;
    let sql = match (yes, sqlite) {
        (true, true) => "CREATE TRIGGER no_more BEFORE INSERT ON audit_event BEGIN SELECT RAISE(ABORT, 'full'); END",
        (true, false) => {
            "CREATE FUNCTION no_more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$;
             CREATE TRIGGER no_more BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION no_more()"
        }
        (false, true) => "DROP TRIGGER no_more",
        (false, false) => "DROP TRIGGER no_more ON audit_event; DROP FUNCTION no_more()",
    };
    db.execute_unprepared(sql).await.expect("trigger");
}

#[actix_web::test]
async fn what_cannot_be_logged_does_not_leave() {
    let story = Story::stage().await;
    story.released(1).await;
    let inspected = format!("/api/v1/models/{MODEL}/versions/1/files/model.onnx");
    let [file, release] = paths();
    let all = [("GET", file, &story.robot), ("GET", release, &story.robot), ("GET", inspected, &story.ines)];
    let all: Vec<_> = all.into_iter().chain([("POST", "/api/v1/audit/export".to_owned(), &story.ada)]).collect();
    let bytes = std::fs::read(crate::story::fixture("tensor_binary.onnx")).expect("fixture");
    full(&story.app, true).await;
    for (method, path, token) in &all {
        let answer = reply(story.app.request(token, method, path)).await;
        assert_eq!(answer.status, 500, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(!answer.body.windows(64).any(|piece| piece == &bytes[..64]), "{path}");
        assert!(!answer.text().contains("signature") && !answer.text().contains("checkpoint"), "{path}");
    }
    // A refusal that cannot be logged is no plain refusal either.
    let answer = reply(story.app.request(&story.ines, "POST", "/api/v1/audit/export")).await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    full(&story.app, false).await;
    for (method, path, token) in &all {
        assert_eq!(reply(story.app.request(token, method, path)).await.status, 200, "{path}");
    }
}
