//! What holds wherever bytes are kept; `scripts/s3.sh run` keeps them in a bucket.

use crate::{
    harness::reply,
    stores,
    story::{Files, MODEL, Story},
};
use plimsoll::core::digest::Digest;

const FILE: &str = "/api/v1/models/scorer/versions/1/files/a.bin";

async fn holding(bytes: &[u8]) -> Story {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let files: Files = vec![("a.bin".to_owned(), bytes.to_vec())];
    story.declare(MODEL, &files).await.expect(201);
    story.upload(&story.ines, MODEL, "1", "a.bin", bytes.to_vec()).await.expect(204);
    story
}

/// No two pieces of it are the same.
fn bytes(count: usize) -> Vec<u8> {
    (0u32..).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).take(count).collect()
}

#[actix_web::test]
async fn what_was_pushed_comes_back_whole_and_in_parts() {
    // More than two parts of an upload to a bucket, and a chunk that is not full.
    let sent = bytes((17 << 20) + 5);
    let story = holding(&sent).await;
    let whole = story.app.get(&story.ines, FILE).await.expect(200);
    assert!(whole.body == sent);
    for (first, last) in
        [(0, 0), (1 << 20, (1 << 20) + 1), ((8 << 20) - 3, (8 << 20) + 3), (sent.len() - 5, sent.len() - 1)]
    {
        let asked = story.app.request(&story.ines, "GET", FILE).header("range", format!("bytes={first}-{last}"));
        assert!(reply(asked).await.expect(206).body == sent[first..=last], "{first}-{last}");
    }
    assert_eq!(stores::count(story.app.data()).await, 1);
    let incoming = std::fs::read_dir(story.app.data().join("blobs/incoming")).expect("folder").count();
    assert_eq!(incoming, 0, "nothing stays where it came in");
    let again = story.app.again(&[]).await;
    assert!(again.get(&story.ines, FILE).await.expect(200).body == sent, "after a restart");
}

#[actix_web::test]
async fn a_file_without_bytes_is_a_file() {
    let story = holding(&[]).await;
    assert!(story.app.get(&story.ines, FILE).await.expect(200).body.is_empty());
}

#[actix_web::test]
async fn bytes_that_rot_where_they_are_kept_do_not_leave() {
    let sent = bytes((3 << 20) + 5);
    let story = holding(&sent).await;
    stores::rot(story.app.data(), &Digest::of(&sent).to_string(), 2 << 20).await;
    let response = story.app.request(&story.ines, "GET", FILE).send().await.expect("an answer");
    assert_eq!(response.content_length(), Some(sent.len() as u64));
    assert!(response.bytes().await.is_err(), "it broke off");
    let refused = story.app.get(&story.ines, FILE).await.expect(409);
    assert_eq!(refused.code(), "blob_quarantined");
}

#[actix_web::test]
async fn a_bucket_that_does_not_answer_is_said_and_can_be_tried_again() {
    let folder = tempfile::tempdir().expect("folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "a secret").expect("secret");
    // Nobody listens there.
    let story = Story::begin_without_runtime(&[
        "--blobs",
        "s3://nowhere/models",
        "--s3-endpoint",
        "http://127.0.0.1:1",
        "--s3-access-key-id",
        "nobody",
        "--s3-secret-access-key-file",
        &secret.display().to_string(),
    ])
    .await;
    let broken = story.app.get("", "/readyz").await.expect(503).json();
    assert_eq!((broken["database"].as_str(), broken["blobs"].as_str()), (Some("ok"), Some("failed")), "{broken}");
    story.model(MODEL).await;
    let files: Files = vec![("a.bin".to_owned(), b"x".to_vec())];
    story.declare(MODEL, &files).await.expect(201);
    let refused = story.upload(&story.ines, MODEL, "1", "a.bin", b"x".to_vec()).await.expect(503);
    assert_eq!(refused.code(), "storage_unreachable");
}
