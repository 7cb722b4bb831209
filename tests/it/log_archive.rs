//! The archive that an auditor takes away: it holds for the registry's key only, every part
//! of it counts, and nobody takes another workspace's records.

use crate::{
    harness::{Reply, reply},
    story::Story,
    workspaces::stranger,
};
use plimsoll::{
    audit::archive::{
        Extent,
        verify::{ArchiveError, verify},
    },
    crypto::{keys::RegistryKey, note},
};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use std::{fs, path::Path, process::Command};

const CHECKPOINT: &str = "/api/v1/audit/checkpoint";
const BLOCK: usize = 512;

async fn export(story: &Story, token: &str, query: &str) -> Reply {
    reply(story.app.request(token, "POST", &format!("/api/v1/audit/export?{query}"))).await
}

/// A log of more than one tile, with heads that were signed on the way.
async fn grown(models: usize) -> Story {
    let story = Story::begin_without_runtime(&[]).await;
    for n in 0..models {
        story.model(&format!("model-{n}")).await;
        if n % 20 == 0 {
            story.app.get(&story.ada, CHECKPOINT).await.expect(200);
        }
    }
    story
}

/// The files of an archive, as runs of its bytes: path, header and padded content.
fn files(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (mut all, mut at) = (Vec::new(), 0);
    while archive[at] != 0 {
        let header = tar::Header::from_byte_slice(&archive[at..at + BLOCK]);
        let path = String::from_utf8(header.path_bytes().into_owned()).expect("path");
        let size = usize::try_from(header.entry_size().expect("size")).expect("fits");
        let end = at + BLOCK + size.next_multiple_of(BLOCK);
        all.push((path, archive[at..end].to_vec()));
        at = end;
    }
    assert_eq!(archive.len() - at, 2 * BLOCK);
    all
}

fn join(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let bytes = files.iter().flat_map(|(_, bytes)| bytes.clone());
    bytes.chain(std::iter::repeat_n(0, 2 * BLOCK)).collect()
}

#[track_caller]
fn refuse(archive: &[u8], key: &str, what: &str) -> ArchiveError {
    verify(archive, key, &[], &[]).expect_err(what)
}

/// Every way to change one part at a time.
fn tamper(archive: &[u8], key: &str) {
    let honest = files(archive);
    for at in 0..honest.len() {
        let path = honest[at].0.clone();
        let last = honest[at].1.len() - 1;
        for byte in [0, 100, 124, 148, 156, BLOCK, (BLOCK + last) / 2, last] {
            let mut altered = honest.clone();
            altered[at].1[byte] ^= 1;
            refuse(&join(&altered), key, &format!("byte {byte} of {path}"));
        }
        let mut without = honest.clone();
        without.remove(at);
        refuse(&join(&without), key, &format!("without {path}"));
        let mut twice = honest.clone();
        twice.insert(at, honest[at].clone());
        refuse(&join(&twice), key, &format!("{path} twice"));
        if at + 1 < honest.len() {
            let mut moved = honest.clone();
            moved.swap(at, at + 1);
            refuse(&join(&moved), key, &format!("{path} moved"));
        }
    }
    for length in (0..archive.len()).step_by(BLOCK).chain([archive.len() - 1]) {
        refuse(&archive[..length], key, &format!("the first {length} bytes"));
    }
    let random = (0..archive.len(), 1..=u8::MAX);
    let flips = TestRunner::new(Config { failure_persistence: None, cases: 200, ..Config::default() }).run(
        &random,
        |(at, flip)| {
            let mut altered = archive.to_vec();
            altered[at] ^= flip;
            proptest::prop_assert!(verify(altered.as_slice(), key, &[], &[]).is_err(), "byte {}", at);
            Ok(())
        },
    );
    flips.expect("every byte counts");
}

#[actix_web::test]
async fn an_archive_of_the_log_holds_and_every_part_of_it_counts() {
    let story = grown(60).await;
    let key = story.verifier_key().await;
    let answer = export(&story, &story.ada, "format=tar").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/x-tar");
    let archive = answer.body;
    let checked = verify(archive.as_slice(), &key, &[], &[]).expect("holds");
    assert_eq!((checked.manifest.extent, checked.manifest.workspace.clone()), (Extent::Log, None));
    assert_eq!(checked.manifest.records, checked.log.size);
    assert_eq!(
        usize::try_from(checked.log.size).expect("fits") + 1,
        story.app.events().await,
        "all but the export itself"
    );
    assert!(3 <= checked.heads, "{}", checked.heads);
    let names: Vec<_> = files(&archive).into_iter().map(|(path, _)| path).collect();
    assert_eq!(names[..4], ["README.txt", "vkey", "keys.json", "checkpoint"]);
    assert_eq!(names[names.len() - 3..], ["SHA256SUMS", "manifest.json", "manifest.sigstore.json"]);
    // Fetched before the long look: a client that thinks for long loses its connection.
    let later = files(&export(&story, &story.ada, "format=tar&extent=log").await.expect(200).body);
    tamper(&archive, &key);

    // The signature is over everything: parts of two honest archives do not make one.
    let mut mixed = files(&archive);
    let last = later.len() - 1;
    let end = mixed.len() - 1;
    mixed[end] = later[last].clone();
    assert!(matches!(refuse(&join(&mixed), &key, "mixed"), ArchiveError::OtherManifest));
    let stranger = note::vkey(story.app.app.signer.origin(), &RegistryKey::generate().expect("key").public_bytes());
    assert!(matches!(refuse(&archive, &stranger, "another key"), ArchiveError::Head { .. }));
}

#[actix_web::test]
async fn an_archive_goes_on_from_heads_that_were_kept() {
    let story = grown(30).await;
    let key = story.verifier_key().await;
    let kept = story.app.get(&story.ada, CHECKPOINT).await.expect(200).text();
    story.model("later").await;
    let archive = export(&story, &story.ada, "format=tar").await.expect(200).body;
    verify(archive.as_slice(), &key, std::slice::from_ref(&kept), &[]).expect("goes on");
    let newer = story.app.get(&story.ada, CHECKPOINT).await.expect(200).text();
    let forked = story.app.app.signer.sign_checkpoint(9, [7; 32]);
    for head in [newer, forked, "no head".to_owned()] {
        assert!(verify(archive.as_slice(), &key, &[kept.clone(), head.clone()], &[]).is_err(), "{head}");
    }
    let ours = export(&story, &story.ada, "format=tar&extent=workspace").await.expect(200).body;
    let refused = verify(ours.as_slice(), &key, &[kept], &[]);
    assert!(matches!(refused, Err(ArchiveError::SinceOfWorkspace)), "{refused:?}");
}

#[actix_web::test]
async fn a_workspace_takes_its_own_records_and_no_others() {
    let story = grown(5).await;
    let key = story.verifier_key().await;
    let stranger = stranger(&story.app).await;
    // The first answer lists nothing yet, and is itself the first thing that happened there.
    let empty = export(&story, &stranger, "format=tar").await.expect(200).body;
    assert_eq!(verify(empty.as_slice(), &key, &[], &[]).expect("holds").manifest.records, 0);
    for query in ["", "format=jsonl", "format=tar&extent=log"] {
        assert_eq!(export(&story, &stranger, query).await.expect(403).code(), "other_workspaces", "{query}");
    }
    story.app.get(&stranger, "/api/v1/audit/tile/entries/000.p/1").await.expect(403);
    let body = serde_json::json!({"name": "theirs", "intended_use": "x", "risk_tier": "low"});
    story.app.post(&stranger, "/api/v1/models", body).await.expect(201);
    let archive = export(&story, &stranger, "format=tar").await.expect(200).body;
    let checked = verify(archive.as_slice(), &key, &[], &[]).expect("holds");
    let listed = story.app.get(&stranger, "/api/v1/audit/events?limit=200").await.expect(200).json();
    let listed = listed["items"].as_array().expect("items").len() as u64;
    assert_eq!((checked.manifest.extent, checked.manifest.records + 1), (Extent::Workspace, listed));
    let text = String::from_utf8_lossy(&archive).into_owned();
    assert!(text.contains("\"theirs\"") || text.contains("model.register"));
    let own = checked.manifest.workspace.clone().expect("workspace");
    let leaves =
        files(&archive).into_iter().filter(|(path, _)| path.starts_with("records/") && path.ends_with(".json"));
    for (path, bytes) in leaves {
        let leaf = String::from_utf8_lossy(&bytes[BLOCK..]).trim_end_matches('\0').to_owned();
        let leaf: Value = serde_json::from_str(&leaf).expect("leaf");
        assert_eq!(leaf["workspace"], own, "{path}");
    }
    tamper(&archive, &key);
    // A pair that is left out without a trace in the order is missed by the signed digest.
    let mut fewer = files(&archive);
    let at = fewer.iter().position(|(path, _)| path.starts_with("records/")).expect("a record");
    fewer.drain(at..at + 2);
    assert!(matches!(refuse(&join(&fewer), &key, "fewer"), ArchiveError::Sums | ArchiveError::Tape(_)));
    for bad in ["format=zip", "format=tar&extent=all", "format=jsonl&extent=workspace"] {
        export(&story, &story.ada, bad).await.expect(422);
    }
    export(&story, &story.mara, "format=tar").await.expect(403);
}

fn plimsoll(words: &[&str], files: &[&Path]) -> (bool, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(words).args(files).output().expect("ran");
    let said = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[actix_web::test]
async fn the_program_takes_an_archive_and_says_what_it_shows() {
    let story = grown(25).await;
    let folder = tempfile::tempdir().expect("folder");
    let (key, archive, kept) = (folder.path().join("vkey"), folder.path().join("log.tar"), folder.path().join("kept"));
    fs::write(&key, story.verifier_key().await).expect("key");
    fs::write(&kept, story.app.get(&story.ada, CHECKPOINT).await.expect(200).body).expect("kept");
    let take = async |file: &Path, more: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        program.args(["audit", "export", "--url", &story.app.url, "-o"]).arg(file).args(more);
        program.env("PLIMSOLL_TOKEN", &story.ada).env("PLIMSOLL_CONFIG_DIR", folder.path());
        let done = tokio::task::spawn_blocking(move || program.output()).await.expect("ran").expect("output");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    take(&archive, &[]).await;
    let (held, said) = plimsoll(&["audit", "verify", "--key-file"], &[&key, &archive, Path::new("--since"), &kept]);
    assert!(
        held && said.contains("none was changed, removed, added or moved") && said.contains("1 that you kept"),
        "{said}"
    );
    let (held, said) = plimsoll(&["audit", "verify", "--json", "--key-file"], &[&key, &archive]);
    let json: Value = serde_json::from_str(&said).expect("json");
    assert!(
        held && json["verified"] == true && json["extent"] == "log" && json["earlier_heads"].as_u64() > Some(0),
        "{said}"
    );
    // Unpacked it is a mirror.
    let mirror = folder.path().join("unpacked");
    tar::Archive::new(fs::File::open(&archive).expect("open")).unpack(&mirror).expect("unpack");
    let (held, said) = plimsoll(&["audit", "verify", "--key-file"], &[&key, &mirror]);
    assert!(held, "{said}");
    let mut altered = fs::read(&archive).expect("read");
    let middle = altered.len() / 2;
    altered[middle] ^= 4;
    fs::write(&archive, altered).expect("write");
    let (held, said) = plimsoll(&["audit", "verify", "--key-file"], &[&key, &archive]);
    assert!(!held && said.contains("does not verify"), "{said}");
    let ours = folder.path().join("ours.tar");
    take(&ours, &["--extent", "workspace"]).await;
    let (held, said) = plimsoll(&["audit", "verify", "--key-file"], &[&key, &ours]);
    assert!(held && said.contains("each proven to be in the log") && said.contains("not shown"), "{said}");
    // Each record of it with its proof stands alone, too.
    let unpacked = folder.path().join("ours");
    tar::Archive::new(fs::File::open(&ours).expect("open")).unpack(&unpacked).expect("unpack");
    let (record, proof) = (unpacked.join("records/3.json"), unpacked.join("records/3.tlog-proof"));
    let (held, said) = plimsoll(&["audit", "verify", "--key-file"], &[&key, &proof, Path::new("--record"), &record]);
    assert!(held, "{said}");
    let lines = folder.path().join("log.jsonl");
    take(&lines, &[]).await;
    let (held, said) = plimsoll(&["audit", "verify", "--key-file"], &[&key, &lines]);
    assert!(held && said.contains("records"), "{said}");
}
