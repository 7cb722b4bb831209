//! Bytes on their way in: what is kept, and what is not.

use crate::{
    harness::reply,
    stores,
    story::{ENVIRONMENT, Files, MODEL, Story, checks, declaration, provenance, scorer, sign, text},
};
use plimsoll::{core::digest::Digest, crypto::keys::SigningKey};
use serde_json::json;
use std::path::Path;

async fn begin() -> Story {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    story
}

/// Files under a folder, however deep.
fn count(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path());
    entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
}

fn nothing_half_written(story: &Story) {
    assert_eq!(count(&story.app.data().join("blobs/incoming")), 0, "nothing half-written stays");
}

#[actix_web::test]
async fn only_the_declared_bytes_are_kept() {
    let story = begin().await;
    let files: Files = vec![("a.bin".to_owned(), b"0123456789".to_vec())];
    story.declare(MODEL, &files).await.expect(201);
    let before = story.app.events().await;
    for (bytes, status, code) in [
        (b"012345678x".to_vec(), 422, "invalid"),
        (b"01234".to_vec(), 422, "invalid"),
        (Vec::new(), 422, "invalid"),
        (b"0123456789x".to_vec(), 413, "too_large"),
        (vec![b'0'; 1 << 20], 413, "too_large"),
    ] {
        let refused = story.upload(&story.ines, MODEL, "1", "a.bin", bytes).await.expect(status);
        assert_eq!(refused.code(), code);
        nothing_half_written(&story);
    }
    assert_eq!(story.app.events().await, before, "what was refused changed nothing");
    assert_eq!(stores::count(story.app.data()).await, 0);
    assert_eq!(story.seal(MODEL, "1", json!({})).await.expect(409).code(), "files_missing");
    story.upload(&story.ines, MODEL, "1", "a.bin", files[0].1.clone()).await.expect(204);
    assert_eq!(stores::count(story.app.data()).await, 1);
    let inspected = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/1/files/a.bin")).await;
    assert!(inspected.expect(200).body == files[0].1);
}

#[actix_web::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    use std::io::Write;
    let story = begin().await;
    let files: Files = vec![("a.bin".to_owned(), vec![7; 1 << 20])];
    story.declare(MODEL, &files).await.expect(201);
    let address = story.app.url.trim_start_matches("http://");
    let mut socket = std::net::TcpStream::connect(address).expect("connect");
    let head = format!(
        "PUT /api/v1/models/{MODEL}/versions/1/files/a.bin HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
        story.ines,
        1 << 20
    );
    socket.write_all(head.as_bytes()).expect("head");
    socket.write_all(&vec![7; 512 << 10]).expect("half");
    drop(socket);
    for _ in 0..100 {
        if count(&story.app.data().join("blobs/incoming")) == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    nothing_half_written(&story);
    let version = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/1")).await.expect(200).json();
    assert_eq!(version["files"][0]["uploaded"], false);
    story.upload(&story.ines, MODEL, "1", "a.bin", files[0].1.clone()).await.expect(204);
}

#[actix_web::test]
async fn a_path_that_was_not_declared_takes_nothing() {
    let story = begin().await;
    story.declare(MODEL, &scorer(1)).await.expect(201);
    for path in ["other.bin", "model.onnx/x", "MODEL.ONNX"] {
        story.upload(&story.ines, MODEL, "1", path, b"x".to_vec()).await.expect(404);
    }
    story.upload(&story.ines, MODEL, "2", "model.onnx", b"x".to_vec()).await.expect(404);
    story.upload(&story.ines, "another", "1", "model.onnx", b"x".to_vec()).await.expect(404);
    let wrong_type =
        story.app.request(&story.ines, "PUT", &format!("/api/v1/models/{MODEL}/versions/1/files/model.onnx"));
    reply(wrong_type.header("content-type", "text/plain").body("x")).await.expect(415);
    nothing_half_written(&story);
}

#[actix_web::test]
async fn another_persons_draft_is_not_touched() {
    let story = begin().await;
    let files = scorer(1);
    story.declare(MODEL, &files).await.expect(201);
    let other = story.app.user("other", &["contributor"]).await;
    let refused = story.upload(&other, MODEL, "1", "model.onnx", files[0].1.clone()).await.expect(409);
    assert_eq!(refused.code(), "not_your_draft");
    let seal = format!("/api/v1/models/{MODEL}/versions/1/seal");
    assert_eq!(story.app.post(&other, &seal, json!({})).await.expect(409).code(), "not_your_draft");
    assert_eq!(stores::count(story.app.data()).await, 0);
}

#[actix_web::test]
async fn a_sealed_version_takes_no_more_bytes() {
    let story = begin().await;
    let files = scorer(1);
    story.signed(MODEL, &files).await;
    let refused = story.upload(&story.ines, MODEL, "1", "model.onnx", files[0].1.clone()).await.expect(409);
    assert_eq!(refused.code(), "version_sealed");
    let before = story.app.events().await;
    let again = story.seal(MODEL, "1", json!({})).await.expect(200).json();
    assert_eq!((again["state"].as_str(), again["signature"].as_str()), (Some("sealed"), Some("verified")));
    assert_eq!(story.app.events().await, before, "sealing again changes nothing");
    let other = story.app.user("other", &["contributor"]).await;
    story.app.post(&other, &format!("/api/v1/models/{MODEL}/versions/1/seal"), json!({})).await.expect(409);
    story.revoke_version("1").await.expect(200);
    assert_eq!(story.seal(MODEL, "1", json!({})).await.expect(409).code(), "version_sealed");
    assert_eq!(story.revoke_version("1").await.expect(409).code(), "version_revoked");
}

#[actix_web::test]
async fn the_same_files_again_are_the_same_version() {
    let story = begin().await;
    let files = scorer(1);
    story.signed(MODEL, &files).await;
    let before = story.app.events().await;
    let mut turned = files.clone();
    turned.reverse();
    for again in [&files, &turned] {
        let known = story.declare(MODEL, again).await.expect(200).json();
        assert_eq!((&known["number"], known["state"].as_str()), (&json!(1), Some("sealed")));
        assert!(known["files"].as_array().expect("files").iter().all(|f| f["uploaded"] == true));
    }
    assert_eq!(story.app.events().await, before, "nothing happened, so nothing is logged");
}

#[actix_web::test]
async fn bytes_that_are_here_are_not_asked_for_again() {
    let story = begin().await;
    story.signed(MODEL, &scorer(1)).await;
    let declared = story.declare(MODEL, &scorer(2)).await.expect(201).json();
    let here: Vec<_> = declared["files"].as_array().expect("files").iter().map(|f| f["uploaded"].clone()).collect();
    assert_eq!(here, [false, true], "README.md is new, model.onnx is known");
    for (path, bytes) in scorer(2) {
        story.upload(&story.ines, MODEL, "2", &path, bytes.clone()).await.expect(204);
        let other = vec![7; bytes.len()];
        story.upload(&story.ines, MODEL, "2", &path, bytes.clone()).await.expect(204);
        let refused = story.upload(&story.ines, MODEL, "2", &path, other).await.expect(422);
        assert!(refused.text().contains("nothing was changed"), "{}", refused.text());
        story.upload(&story.ines, MODEL, "2", &path, [&bytes[..], b"x"].concat()).await.expect(413);
    }
    assert_eq!(stores::count(story.app.data()).await, 3);
}

#[actix_web::test]
async fn bytes_that_are_here_cannot_be_declared_with_another_size() {
    let story = begin().await;
    let files = scorer(1);
    story.signed(MODEL, &files).await;
    let mut smaller = declaration(&files);
    smaller["files"][0]["size_bytes"] = 1.into();
    let declared = story.app.post(&story.ines, &format!("/api/v1/models/{MODEL}/versions"), smaller).await.expect(201);
    assert_eq!(declared.json()["files"][1]["uploaded"], false, "a size that was never checked would be measured");
    story.upload(&story.ines, MODEL, "2", "model.onnx", files[0].1.clone()).await.expect(413);
    assert_eq!(story.seal(MODEL, "2", json!({})).await.expect(409).code(), "files_missing");
}

#[actix_web::test]
async fn a_file_name_that_could_become_a_path_is_refused() {
    let story = begin().await;
    let digest = Digest::of(b"x").to_string();
    let long = "x".repeat(256);
    for path in [
        "",
        ".",
        "..",
        "../x",
        "a/../x",
        "/etc/passwd",
        "a//b",
        "a/",
        "a\\b",
        "C:x",
        "nul",
        "con.txt",
        "a.",
        "a ",
        " a",
        "a\nb",
        "a\u{202e}b",
        "a\u{200b}",
        "x?",
        "x*",
        &long,
    ] {
        let body = json!({"files": [{"path": path, "sha256": digest, "size_bytes": 1}]});
        let refused = story.app.post(&story.ines, &format!("/api/v1/models/{MODEL}/versions"), body).await;
        assert_eq!(refused.expect(422).json()["errors"][0]["field"], "files[0].path", "{path:?}");
    }
    let nul = json!({"files": [{"path": "a\u{0}b", "sha256": digest, "size_bytes": 1}]});
    story.app.post(&story.ines, &format!("/api/v1/models/{MODEL}/versions"), nul).await.expect(400);
    assert_eq!(
        story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions")).await.json()["items"],
        json!([])
    );
}

#[actix_web::test]
async fn a_declaration_that_cannot_be_right_is_refused() {
    let story = begin().await;
    let path = format!("/api/v1/models/{MODEL}/versions");
    let digest = Digest::of(b"x").to_string();
    let file = |path: &str, sha256: &str, size: i64| json!({"path": path, "sha256": sha256, "size_bytes": size});
    let upper = digest.to_uppercase();
    for (files, status) in [
        (json!([]), 422),
        (json!([file("a", &digest, -1)]), 422),
        (json!([file("a", "md5:x", 1)]), 422),
        (json!([file("a", &upper, 1)]), 422),
        (json!([file("a", &digest, 1), file("a", &digest, 1)]), 422),
        (json!([file("a", &digest, 1), file("A", &digest, 1)]), 422),
        (json!([file("a", &digest, i64::MAX)]), 413),
        (json!([{"path": "a", "sha256": digest, "size_bytes": 1, "state": "sealed"}]), 400),
        (json!([{"path": "a", "sha256": digest, "size_bytes": 1.5}]), 400),
        (json!("all"), 400),
    ] {
        story.app.post(&story.ines, &path, json!({"files": files})).await.expect(status);
    }
    story.app.post(&story.ines, "/api/v1/models/another/versions", declaration(&scorer(1))).await.expect(404);
}

#[actix_web::test]
async fn an_interface_file_that_cannot_be_read_is_refused_at_the_seal() {
    let story = begin().await;
    for (number, bad) in [
        "not json".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"task":"sorcery"}"#.to_owned(),
        r#"{"task":"regression","shell":"rm"}"#.to_owned(),
        format!(r#"{{"task":"regression","inputs":{}}}"#, "[".repeat(20_000)),
        format!("{}{}", r#"{"task":"regression"}"#, " ".repeat(64 << 10)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut files = scorer(u32::try_from(number).expect("fits"));
        files.push(("interface.json".to_owned(), bad.clone().into_bytes()));
        let version = story.draft(MODEL, &files).await;
        let refused = story.seal(MODEL, &version, json!({"signature": sign(&files, MODEL, &story.key)})).await;
        let shown = &bad[..bad.len().min(60)];
        assert_eq!(refused.status, 422, "{shown}");
        assert_eq!(refused.json()["errors"][0]["field"], "interface.json", "{shown}");
        let draft = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/{version}")).await.json();
        assert_eq!(draft["state"], "draft");
    }
}

#[actix_web::test]
async fn a_signature_over_other_files_is_refused() {
    let story = begin().await;
    let files = scorer(1);
    let number = story.draft(MODEL, &files).await;
    let mut flipped = sign(&files, MODEL, &story.key);
    let payload = text(&flipped["dsseEnvelope"]["payload"]);
    flipped["dsseEnvelope"]["payload"] = payload.replacen('a', "b", 1).into();
    let mut more = files.clone();
    more.push(("more.txt".to_owned(), b"more".to_vec()));
    for (why, signature) in [
        ("other bytes", sign(&scorer(2), MODEL, &story.key)),
        ("one file is not covered", sign(&files[..1].to_vec(), MODEL, &story.key)),
        ("a file that is not here", sign(&more, MODEL, &story.key)),
        ("an altered payload", flipped),
        ("no bundle", json!({"hello": "world"})),
        ("a number", json!(7)),
    ] {
        let refused = story.seal(MODEL, &number, json!({"signature": signature})).await;
        assert_eq!((refused.status, refused.code()), (422, "invalid".to_owned()), "{why}: {}", refused.text());
    }
    story.seal(MODEL, &number, json!({"signature": sign(&files, MODEL, &story.key)})).await.expect(200);
}

#[actix_web::test]
async fn a_statement_counts_only_if_a_trusted_key_signed_it_about_these_files() {
    let story = begin().await;
    let files = scorer(1);
    let number = story.draft(MODEL, &files).await;
    let stranger = SigningKey::generate().expect("key");
    for (why, statement) in [
        ("a stranger's key", provenance(&files, &stranger)),
        ("other files", provenance(&scorer(2), &story.key)),
        ("no subject", provenance(&Vec::new(), &story.key)),
        ("no bundle", json!({})),
    ] {
        let body = json!({"signature": sign(&files, MODEL, &story.key), "attestations": [statement]});
        let refused = story.seal(MODEL, &number, body).await.expect(422).json();
        assert!(text(&refused["errors"][0]["field"]).starts_with("attestations[0]"), "{why}: {refused}");
    }
    let many: Vec<_> = (0..17).map(|_| provenance(&files, &story.key)).collect();
    story.seal(MODEL, &number, json!({"attestations": many})).await.expect(422);
}

#[actix_web::test]
async fn a_statement_is_about_files_by_their_digest_and_never_calls_one_by_anothers_name() {
    let story = begin().await;
    let files: Files = vec![("a.bin".to_owned(), b"one".to_vec()), ("b.bin".to_owned(), b"two".to_vec())];
    let number = story.draft(MODEL, &files).await;
    let called = |names: [&str; 2]| {
        let renamed: Files =
            names.iter().zip(&files).map(|(name, (_, bytes))| (name.to_string(), bytes.clone())).collect();
        provenance(&renamed, &story.key)
    };
    let with = |statement| json!({"signature": sign(&files, MODEL, &story.key), "attestations": [statement]});
    let refused = story.seal(MODEL, &number, with(called(["b.bin", "a.bin"]))).await.expect(422).json();
    assert!(refused.to_string().contains("another sha256 than the file that was pushed"), "{refused}");
    let sealed = story.seal(MODEL, &number, with(called(["dist/a.bin", ""]))).await.expect(200).json();
    assert_eq!(sealed["state"], "sealed");
}

#[actix_web::test]
async fn a_strangers_signature_is_kept_as_untrusted_and_blocks() {
    let story = Story::stage().await;
    let files = scorer(1);
    let stranger = SigningKey::generate().expect("key");
    let number = story.draft(MODEL, &files).await;
    let sealed =
        story.seal(MODEL, &number, json!({"signature": sign(&files, MODEL, &stranger)})).await.expect(200).json();
    assert_eq!((sealed["state"].as_str(), sealed["signature"].as_str()), (Some("sealed"), Some("untrusted")));
    assert_eq!(story.run(MODEL, &number, ENVIRONMENT).await["state"], "passed");
    assert_eq!(checks(&story.request(MODEL, &number, ENVIRONMENT).await), ["signature_not_trusted"]);
    // Trusting the key later does not change what was judged.
    let body = json!({"name": "stranger", "public_key_pem": stranger.verifying_key().to_pem()});
    story.app.post(&story.olga, "/api/v1/trust-keys", body).await.expect(201);
    assert_eq!(checks(&story.request(MODEL, &number, ENVIRONMENT).await), ["signature_not_trusted"]);
}

#[actix_web::test]
async fn a_version_without_a_model_file_can_be_kept_but_not_measured() {
    let story = Story::stage().await;
    let files: Files = vec![("weights.bin".to_owned(), b"weights".to_vec())];
    let number = story.signed(MODEL, &files).await;
    let run = story.run(MODEL, &number, ENVIRONMENT).await;
    assert_eq!((run["state"].as_str(), run["reason"]["code"].as_str()), (Some("failed"), Some("unsupported_model")));
}

#[actix_web::test]
async fn whoever_declares_the_same_files_takes_an_unfinished_draft_over() {
    let story = Story::begin().await;
    story.model(MODEL).await;
    let files = scorer(1);
    let squatter = story.app.user("sven", &["contributor"]).await;
    let path = format!("/api/v1/models/{MODEL}/versions");
    story.app.post(&squatter, &path, declaration(&files)).await.expect(201);
    story.app.post(&story.ines, &path, declaration(&files)).await.expect(200);
    for (name, bytes) in &files {
        story.upload(&story.ines, MODEL, "1", name, bytes.clone()).await.expect(204);
    }
    story.seal(MODEL, "1", json!({"signature": sign(&files, MODEL, &story.key)})).await.expect(200);
    let events = story.leaves("version.create").await;
    assert_eq!(events.len(), 2, "{events:#?}");
}

#[actix_web::test]
async fn fewer_bytes_than_declared_are_refused_even_if_they_hash_right() {
    let story = Story::begin().await;
    story.model(MODEL).await;
    let mut body = declaration(&scorer(1));
    body["files"][0]["size_bytes"] = 1_000_000.into();
    story.app.post(&story.ines, &format!("/api/v1/models/{MODEL}/versions"), body).await.expect(201);
    let (name, bytes) = scorer(1).remove(0);
    let refused = story.upload(&story.ines, MODEL, "1", &name, bytes).await.expect(422);
    assert!(refused.text().contains("declared"), "{}", refused.text());
}
