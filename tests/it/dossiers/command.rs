//! `plimsoll dossier` as people and scripts call it.

use super::{dossier, released};
use crate::story::{MODEL, Story};
use std::{
    path::Path,
    process::{Command, Output},
};

/// Runs the program with nothing but these arguments and this token.
async fn plimsoll(arguments: Vec<String>, token: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.env_clear().env("PLIMSOLL_TOKEN", token).env("PLIMSOLL_CONFIG_DIR", "/nowhere").args(&arguments);
    actix_web::rt::task::spawn_blocking(move || command.output().expect("run")).await.expect("task")
}

fn verifying(file: &Path, key: &str) -> Vec<String> {
    ["dossier", "verify", &file.display().to_string(), "--key", key].map(str::to_owned).to_vec()
}

async fn fetched(story: &Story, file: &Path) -> Output {
    let file = file.display().to_string();
    let arguments = ["dossier", "--profile", "model-card", "--model", MODEL, "-o", &file, "--url", &story.app.url];
    plimsoll(arguments.map(str::to_owned).to_vec(), &story.ada).await
}

#[actix_web::test]
async fn a_dossier_is_fetched_and_verified_without_the_service() {
    let story = released().await;
    let (folder, key) = (tempfile::tempdir().expect("folder"), story.verifier_key().await);
    let file = folder.path().join("dossier.zip");
    let done = fetched(&story, &file).await;
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));

    let good = plimsoll(verifying(&file, &key), "").await;
    let said = String::from_utf8_lossy(&good.stdout).into_owned();
    assert_eq!(good.status.code(), Some(0), "{said}");
    assert!(said.contains("model-card@1") && said.contains(&format!("{MODEL}@1 in production")), "{said}");
    let as_json = plimsoll(verifying(&file, &key).into_iter().chain(["--json".to_owned()]).collect(), "").await;
    let value: serde_json::Value = serde_json::from_slice(&as_json.stdout).expect("json");
    assert_eq!((&value["verified"], &value["counts"]["evidence"]), (&true.into(), &3.into()));

    let mut zip = dossier(&story, &format!("profile=model-card&model={MODEL}")).await;
    let middle = zip.len() / 2;
    zip[middle] ^= 1;
    let bad = folder.path().join("bad.zip");
    std::fs::write(&bad, zip).expect("write");
    let refused = plimsoll(verifying(&bad, &key), "").await;
    assert_eq!(refused.status.code(), Some(6), "{}", String::from_utf8_lossy(&refused.stderr));
    for nonsense in [b"".as_slice(), b"PK\x05\x06", &[0; 4096]] {
        std::fs::write(&bad, nonsense).expect("write");
        assert_eq!(plimsoll(verifying(&bad, &key), "").await.status.code(), Some(6));
    }
    assert_eq!(plimsoll(verifying(&folder.path().join("absent.zip"), &key), "").await.status.code(), Some(2));
}
