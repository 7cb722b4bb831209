//! Files that come in pieces: continued where they broke off, whole or not at all.

use crate::{
    harness::{Reply, reply},
    stores,
    story::{Files, MODEL, Story, declaration, text},
    workspaces::stranger,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use futures_util::future;
use plimsoll::{blobs, core::digest::Digest, db::entity::account, sweeps};
use sea_orm::{EntityTrait, QueryFilter};
use serde_json::{Value, json};
use std::time::Duration;

const CHUNK: usize = 64 << 10;
const UPLOADS: &str = "/api/v1/models/scorer/versions/1/uploads";

/// Two pieces and a bit.
fn bytes() -> Vec<u8> {
    (0..2 * CHUNK + 10).map(|n| (n % 251) as u8).collect()
}

async fn declared() -> Story {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let files: Files = vec![("a.bin".to_owned(), bytes()), ("b.bin".to_owned(), b"b".to_vec())];
    story.declare(MODEL, &files).await.expect(201);
    story
}

fn plan(path: &str, bytes: &[u8]) -> Value {
    json!({"path": path, "sha256": Digest::of(bytes).to_string(), "size_bytes": bytes.len(), "chunk_bytes": CHUNK})
}

fn address() -> String {
    UPLOADS.replace("scorer", MODEL)
}

async fn begin(story: &Story) -> String {
    let begun = story.app.post(&story.ines, &address(), plan("a.bin", &bytes())).await.expect(201).json();
    assert_eq!((begun["chunks"].as_i64(), &begun["received"]), (Some(3), &json!([])));
    format!("{}/{}", address(), text(&begun["id"]))
}

fn header(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Digest::of(bytes).bytes()))
}

async fn put(story: &Story, token: &str, upload: &str, number: usize, said: &str, bytes: &[u8]) -> Reply {
    let request = story.app.request(token, "PUT", &format!("{upload}/chunks/{number}"));
    let request = request.header("content-type", "application/octet-stream").header("content-digest", said);
    reply(request.body(bytes.to_vec())).await
}

/// The piece with this number, as it is.
async fn send(story: &Story, upload: &str, number: usize) {
    let bytes = bytes();
    let piece = bytes.chunks(CHUNK).nth(number).expect("piece");
    put(story, &story.ines, upload, number, &header(piece), piece).await.expect(204);
}

async fn complete(story: &Story, upload: &str) -> Reply {
    reply(story.app.request(&story.ines, "POST", &format!("{upload}/completion"))).await
}

async fn received(story: &Story, upload: &str) -> Value {
    story.app.get(&story.ines, upload).await.expect(200).json()["received"].clone()
}

async fn is_uploaded(story: &Story) -> bool {
    let version = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/1")).await.expect(200).json();
    version["files"][0]["uploaded"].as_bool().expect("uploaded")
}

async fn kept(story: &Story) -> usize {
    stores::count(story.app.data()).await
}

#[actix_web::test]
async fn pieces_come_in_any_order_and_several_at_once_and_are_the_file_when_completed() {
    let story = declared().await;
    let upload = begin(&story).await;
    tokio::join!(send(&story, &upload, 2), send(&story, &upload, 0));
    assert_eq!(received(&story, &upload).await, json!([0, 2]));
    let early = complete(&story, &upload).await.expect(409);
    assert_eq!(early.code(), "chunks_missing");
    assert!(early.text().contains("1 of 3 pieces are missing: 1;"), "{}", early.text());
    assert!(!is_uploaded(&story).await, "nothing is to be seen before it is whole");
    let before = story.app.events().await;
    send(&story, &upload, 1).await;
    send(&story, &upload, 1).await;
    assert_eq!(story.app.events().await, before, "a piece is no event");
    complete(&story, &upload).await.expect(204);
    assert_eq!(story.app.events().await, before + 1, "a file is one");
    complete(&story, &upload).await.expect(204);
    assert_eq!(story.app.events().await, before + 1, "whoever did not hear the answer asks again, and changes nothing");
    assert!(is_uploaded(&story).await);
    let path = format!("/api/v1/models/{MODEL}/versions/1/files/a.bin");
    assert!(story.app.get(&story.ines, &path).await.expect(200).body == bytes());
    assert_eq!(story.app.get(&story.ines, &upload).await.expect(200).json()["state"], "completed");
    assert_eq!(kept(&story).await, 1, "the pieces are gone");
    let late = put(&story, &story.ines, &upload, 1, &header(b"x"), b"x").await.expect(409);
    assert_eq!(late.code(), "upload_over");
    let again = story.app.post(&story.ines, &address(), plan("a.bin", &bytes())).await.expect(409);
    assert_eq!(again.code(), "file_is_here");
}

#[actix_web::test]
async fn whoever_begins_again_goes_on_where_it_broke_off() {
    let story = declared().await;
    let upload = begin(&story).await;
    send(&story, &upload, 1).await;
    let mut other = plan("a.bin", &bytes());
    other["chunk_bytes"] = json!(2 * CHUNK);
    let again = story.app.post(&story.ines, &address(), other).await.expect(200).json();
    assert!(upload.ends_with(&text(&again["id"])));
    assert_eq!((&again["received"], again["chunk_bytes"].as_u64()), (&json!([1]), Some(CHUNK as u64)));
}

#[actix_web::test]
async fn a_piece_that_is_not_what_it_says_is_not_kept() {
    let story = declared().await;
    let upload = begin(&story).await;
    let bytes = bytes();
    let piece = &bytes[..CHUNK];
    let other = vec![9; CHUNK];
    let put = async |number, said: &str, bytes: &[u8]| put(&story, &story.ines, &upload, number, said, bytes).await;
    put(0, &header(piece), &other).await.expect(422);
    put(0, &header(piece), &piece[1..]).await.expect(422);
    put(0, &header(piece), &[piece, b"x"].concat()).await.expect(413);
    put(3, &header(piece), piece).await.expect(422);
    for said in ["", "sha-256=:AA==:", "sha-512=:AA==:", "sha-256=:%%:"] {
        put(0, said, piece).await.expect(422);
    }
    assert_eq!((received(&story, &upload).await, kept(&story).await), (json!([]), 0));
    // One of several digests counts.
    put(0, &format!("md5=:AAAA:, {};x=1", header(piece)), piece).await.expect(204);
    put(0, &header(piece), piece).await.expect(204);
    assert_eq!(put(0, &header(&other), &other).await.expect(409).code(), "chunk_differs");
}

#[actix_web::test]
async fn pieces_that_are_another_file_together_are_refused_and_nothing_of_them_stays() {
    let story = declared().await;
    let upload = begin(&story).await;
    for (number, size) in [(0, CHUNK), (1, CHUNK), (2, 10)] {
        let piece = vec![7; size];
        put(&story, &story.ines, &upload, number, &header(&piece), &piece).await.expect(204);
    }
    for _ in 0..2 {
        complete(&story, &upload).await.expect(422);
        assert!(!is_uploaded(&story).await);
    }
    assert_eq!(story.app.get(&story.ines, &upload).await.expect(200).json()["state"], "mismatched");
    assert_eq!(kept(&story).await, 0);
    begin(&story).await;
}

#[actix_web::test]
async fn only_the_declared_file_is_begun_and_in_pieces_of_a_sensible_size() {
    let story = declared().await;
    for (field, value) in [
        ("sha256", json!(Digest::of("other").to_string())),
        ("size_bytes", json!(7)),
        ("chunk_bytes", json!(CHUNK - 1)),
        ("chunk_bytes", json!(1_u64 << 40)),
        ("chunk_bytes", json!(0)),
        ("chunk_bytes", json!(-1)),
    ] {
        let mut wrong = plan("a.bin", &bytes());
        wrong[field] = value;
        story.app.post(&story.ines, &address(), wrong).await.expect(422);
    }
    story.app.post(&story.ines, &address(), plan("c.bin", &bytes())).await.expect(404);
}

#[actix_web::test]
async fn an_upload_that_somebody_else_began_does_not_exist() {
    let story = declared().await;
    let upload = begin(&story).await;
    send(&story, &upload, 0).await;
    let colleague = story.app.user("other", &["contributor"]).await;
    let elsewhere = stranger(&story.app).await;
    for token in [&colleague, &elsewhere] {
        story.app.get(token, &upload).await.expect(404);
        put(&story, token, &upload, 1, &header(b"x"), b"x").await.expect(404);
        reply(story.app.request(token, "POST", &format!("{upload}/completion"))).await.expect(404);
        reply(story.app.request(token, "DELETE", &upload)).await.expect(404);
    }
    let refused = story.app.post(&colleague, &address(), plan("a.bin", &bytes())).await.expect(409);
    assert_eq!(refused.code(), "not_your_draft");
    assert_eq!(received(&story, &upload).await, json!([0]));
}

#[actix_web::test]
async fn what_is_abandoned_or_expires_leaves_nothing() {
    let story = declared().await;
    let upload = begin(&story).await;
    send(&story, &upload, 0).await;
    reply(story.app.request(&story.ines, "DELETE", &upload)).await.expect(204);
    story.app.get(&story.ines, &upload).await.expect(404);
    assert_eq!(kept(&story).await, 0);
    let upload = begin(&story).await;
    send(&story, &upload, 0).await;
    blobs::collect(&story.app.app, Duration::ZERO, false).await.expect("collected");
    assert_eq!((received(&story, &upload).await, kept(&story).await), (json!([0]), 1), "what is on its way stays");
    story.app.app.db.clock().advance(TimeDelta::days(7));
    sweeps::run(&story.app.app).await.expect("swept");
    assert_eq!(kept(&story).await, 0);
}

#[actix_web::test]
async fn what_nobody_need_or_can_complete_any_more_ends_before_its_time() {
    let story = declared().await;
    let upload = begin(&story).await;
    send(&story, &upload, 0).await;
    story.upload(&story.ines, MODEL, "1", "a.bin", bytes()).await.expect(204);
    assert_eq!(kept(&story).await, 2, "a piece and the file");
    sweeps::run(&story.app.app).await.expect("swept");
    assert_eq!(story.app.get(&story.ines, &upload).await.expect(200).json()["state"], "completed");
    assert_eq!(kept(&story).await, 1);

    let story = declared().await;
    let upload = begin(&story).await;
    send(&story, &upload, 0).await;
    let other = story.app.user("ilse", &["contributor"]).await;
    let again = declaration(&vec![("a.bin".to_owned(), bytes()), ("b.bin".to_owned(), b"b".to_vec())]);
    story.app.post(&other, &format!("/api/v1/models/{MODEL}/versions"), again).await.expect(200);
    sweeps::run(&story.app.app).await.expect("swept");
    story.app.get(&story.ines, &upload).await.expect(404);
    assert_eq!(kept(&story).await, 0, "the draft is another's by now");
}

#[actix_web::test]
async fn putting_together_goes_on_when_it_takes_long_and_whoever_asks_again_waits_on() {
    let story = declared().await;
    let upload = begin(&story).await;
    for number in 0..3 {
        send(&story, &upload, number).await;
    }
    let db = story.app.app.db.raw_for_tests();
    let found = account::Entity::find().filter(account::COLUMN.name.eq("ines")).one(db).await.expect("read");
    let ines = found.expect("ines").id;
    let places = (0..8).map(|_| story.app.app.uploads.take(ines));
    let places = future::try_join_all(places).await.expect("all her places");
    let (first, second) = tokio::join!(complete(&story, &upload), complete(&story, &upload));
    for waited in [first, second] {
        assert_eq!(waited.expect(202).header("retry-after"), "1");
    }
    assert!(!is_uploaded(&story).await);
    let before = story.app.events().await;
    drop(places);
    complete(&story, &upload).await.expect(204);
    assert!(is_uploaded(&story).await);
    assert_eq!(story.app.events().await, before + 1, "it was put together once");
}

#[actix_web::test]
async fn only_so_many_are_open_at_once() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let files: Files = (0..17).map(|n| (format!("{n}.bin"), vec![n; 10])).collect();
    story.declare(MODEL, &files).await.expect(201);
    for (path, bytes) in &files[..16] {
        story.app.post(&story.ines, &address(), plan(path, bytes)).await.expect(201);
    }
    let refused = story.app.post(&story.ines, &address(), plan(&files[16].0, &files[16].1)).await.expect(429);
    assert_eq!(refused.code(), "too_many_uploads");
}

#[actix_web::test]
async fn a_sealed_version_takes_no_pieces() {
    let story = declared().await;
    let upload = begin(&story).await;
    for number in 0..3 {
        send(&story, &upload, number).await;
    }
    for (path, bytes) in [("a.bin", bytes()), ("b.bin", b"b".to_vec())] {
        story.upload(&story.ines, MODEL, "1", path, bytes).await.expect(204);
    }
    story.seal(MODEL, "1", json!({})).await.expect(200);
    assert_eq!(complete(&story, &upload).await.expect(409).code(), "version_sealed");
    let again = story.app.post(&story.ines, &address(), plan("a.bin", &bytes())).await.expect(409);
    assert_eq!(again.code(), "version_sealed");
}
