//! How people begin, and add a second factor, with the client's program.

use super::{PASSWORD, factor::Authenticator};
use crate::harness::TestApp;
use plimsoll::accounts::founding::ops;
use std::{
    path::Path,
    process::{Output, Stdio},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

fn program(config: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(words).env("PLIMSOLL_CONFIG_DIR", config);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn run(config: &Path, words: &[&str], input: &str) -> Output {
    let mut child = program(config, words).spawn().expect("the program");
    // Some commands read nothing, and have ended by now.
    let _ = child.stdin.take().expect("stdin").write_all(input.as_bytes()).await;
    child.wait_with_output().await.expect("output")
}

/// What a command that succeeds prints to standard output.
async fn well(config: &Path, words: &[&str], input: &str) -> String {
    let done = run(config, words, input).await;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{words:?}: {said}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[actix_web::test]
async fn v6_4_1_people_begin_and_add_a_second_factor_at_the_command_line() {
    let t = TestApp::start().await;
    let (ada, mara) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let (ada, mara) = (ada.path(), mara.path());
    let code = ops::first_code(&t.app).await.expect("asked").expect("a code").secret;
    let said = well(ada, &["found", &t.url, "--user", "ada", "--stdin"], &format!("{code}\n{PASSWORD}\n")).await;
    assert!(said.starts_with("made ada (admin)"), "{said}");
    well(ada, &["login", &t.url, "--user", "ada", "--password-stdin"], PASSWORD).await;
    let invitation = well(ada, &["user", "create", "mara", "--role", "viewer"], "").await;
    let input = format!("{}\n{PASSWORD}\n", invitation.trim());
    assert!(well(mara, &["join", &t.url, "--stdin"], &input).await.starts_with("the password is set"));
    let login = ["login", t.url.as_str(), "--user", "mara", "--password-stdin"];
    well(mara, &login, PASSWORD).await;
    // The program shows a secret, and waits for the code.
    let mut adding = program(mara, &["factor", "add"]).spawn().expect("the program");
    let mut shown = BufReader::new(adding.stderr.take().expect("stderr")).lines();
    let secret = loop {
        let line = shown.next_line().await.expect("a line").expect("a secret before the end");
        let word = line.trim();
        if word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
            break word.to_owned();
        }
    };
    let authenticator = Authenticator::of(&secret);
    let code = format!("{}\n", authenticator.code(&t, 0));
    adding.stdin.take().expect("stdin").write_all(code.as_bytes()).await.expect("written");
    let papers = adding.wait_with_output().await.expect("output");
    assert!(papers.status.success());
    assert_eq!(String::from_utf8_lossy(&papers.stdout).lines().count(), 10);
    assert!(well(mara, &["factor", "show"], "").await.contains("active"));
    let asked = run(mara, &login, PASSWORD).await;
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(asked.status.code() == Some(4) && said.contains("a second factor") && said.contains("--code"), "{said}");
    let code = authenticator.code(&t, 1);
    well(mara, &[&login[..], &["--code", &code]].concat(), PASSWORD).await;
    assert_eq!(well(mara, &["factor", "codes"], "").await.lines().count(), 10);
    well(ada, &["user", "take-factor", "mara"], "").await;
    well(mara, &login, PASSWORD).await;
    assert!(well(mara, &["factor", "show"], "").await.contains("nothing else may be done"));
}
