//! What `plimsoll push` states about how files were made, from what it finds around them.

use crate::{
    commands::{Client, Ran},
    story::{MODEL, Story, scorer, text},
};
use plimsoll::core::digest::Digest;
use serde_json::{Value, json};
use std::{fs, path::Path};
use tokio::process::Command;

const MLMODEL: &str = "flavors:\n  sklearn:\n    sklearn_version: 1.5.1\nrun_id: 0f7f3a52d7a94f0b9f1d9e1c0a6c7b11
model_uuid: 5a3c7b5c4f5e4d5aa1d6f6f4f0a3f2aa\nutc_time_created: '2026-01-01 00:30:00.5'\n";

/// Somebody with a trusted key, and the files of a version in a folder.
struct Desk {
    story: Story,
    client: Client,
}

impl Desk {
    async fn set(number: u32) -> Self {
        let story = Story::begin_without_runtime(&[]).await;
        story.model(MODEL).await;
        let client = Client::of(&story.app.url, &story.ines);
        fs::write(client.folder.path().join("signing-key.pem"), story.key.to_pem().as_bytes()).expect("the key");
        let desk = Self { story, client };
        fs::create_dir(desk.files()).expect("folder");
        for (path, bytes) in scorer(number) {
            desk.write(&path, &bytes);
        }
        desk
    }

    fn files(&self) -> std::path::PathBuf {
        self.client.folder.path().join("files")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.files().join(name), bytes).expect("written");
    }

    /// Within a job of GitLab, with what else is in the environment there.
    async fn push_in_a_job(&self) -> Ran {
        let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        program.args(["push", "files", MODEL, "--url", &self.story.app.url]).current_dir(self.client.folder.path());
        program.env("PLIMSOLL_TOKEN", &self.story.ines).env("PLIMSOLL_CONFIG_DIR", self.client.folder.path());
        for (name, value) in [
            ("GITLAB_CI", "true"),
            ("CI_PROJECT_URL", "https://gitlab.example/ml/scorer"),
            ("CI_JOB_URL", "https://gitlab.example/ml/scorer/-/jobs/9"),
            ("CI_RUNNER_ID", "7"),
            ("CI_JOB_TOKEN", "hunter2"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("CI_REPOSITORY_URL", "https://gitlab-ci-token:hunter2@gitlab.example/ml/scorer.git"),
        ] {
            program.env(name, value);
        }
        program.env_remove("GITHUB_ACTIONS").output().await.expect("the program").into()
    }

    async fn statements(&self) -> Value {
        let path = format!("/api/v1/models/{MODEL}/versions/1/attestations");
        self.story.app.get(&self.story.ada, &path).await.expect(200).json()
    }
}

async fn git(dir: &Path, words: &[&str]) -> String {
    let mut program = Command::new("git");
    program.args(["-c", "user.name=Ines", "-c", "user.email=ines@example.org", "-c", "commit.gpgsign=false"]);
    let output = program.args(words).current_dir(dir).output().await.expect("git");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[actix_web::test]
async fn a_push_states_what_it_finds_and_never_a_secret() {
    let desk = Desk::set(1).await;
    let rows = Digest::of("rows").hex();
    let training = json!({"dataset": [{"name": "rows.csv", "sha256": rows}], "finished_on": "2026-01-01T01:00:00Z"});
    desk.write("training.json", training.to_string().as_bytes());
    desk.write("MLmodel", MLMODEL.as_bytes());
    desk.write("requirements.txt", b"scikit-learn==1.5.1\n");
    let dir = desk.files();
    git(&dir, &["init", "-q"]).await;
    git(&dir, &["remote", "add", "origin", "https://ines:hunter2@git.example/ml/scorer.git"]).await;
    git(&dir, &["add", "-A"]).await;
    git(&dir, &["commit", "-q", "-m", "Train it"]).await;
    let commit = git(&dir, &["rev-parse", "HEAD"]).await;
    desk.write("README.md", b"Changed since.\n");

    let pushed = desk.push_in_a_job().await;
    assert_eq!(pushed.code, Some(0), "{}{}", pushed.out, pushed.err);
    for said in ["training.json", &commit[..12], "not committed", "GitLab CI", "requirements", "0f7f3a52d7a9"] {
        assert!(pushed.err.contains(said), "{said}: {}", pushed.err);
    }
    let statements = desk.statements().await;
    let said = &statements[0]["provenance"];
    assert_eq!(said["builder"], "https://gitlab.example/ml/scorer/-/runners/7", "{said:#}");
    assert_eq!(said["invocation"], "https://gitlab.example/ml/scorer/-/jobs/9");
    let roles: Vec<_> =
        said["made_from"].as_array().expect("a list").iter().map(|it| (text(&it["role"]), text(&it["name"]))).collect();
    let expected = [("training-dataset", "rows.csv"), ("code", "git"), ("environment", "requirements.txt")];
    assert_eq!(roles, expected.map(|(role, name)| (role.to_owned(), name.to_owned())));
    assert_eq!(said["made_from"][1]["digests"], json!({"gitCommit": commit}));
    let statement = desk.payload(&statements);
    let internal = &statement["predicate"]["buildDefinition"]["internalParameters"];
    assert_eq!(internal["mlflow"]["createdAt"], "2026-01-01T00:30:00.500Z", "{statement:#}");
    assert_eq!(statement["predicate"]["buildDefinition"]["resolvedDependencies"][1]["annotations"]["modified"], true);
    let everything = format!("{statement}{}{}", pushed.out, pushed.err);
    assert!(!everything.contains("hunter2"), "{everything}");

    let told = desk.client.well(&["lineage", &format!("sha256:{rows}")]).await;
    assert!(told.contains("scorer@1") && told.contains("rows.csv"), "{told}");
    let told = desk.client.well(&["lineage", "scorer@1"]).await;
    assert!(told.contains("training-dataset") && told.contains(&commit), "{told}");
}

#[actix_web::test]
async fn a_push_without_provenance_states_nothing() {
    let desk = Desk::set(1).await;
    desk.write("training.json", b"{}");
    let out = desk.client.well(&["push", "files", MODEL, "--no-provenance"]).await;
    assert!(out.starts_with("scorer@1 sha256:"), "{out}");
    assert_eq!(desk.statements().await, json!([]));
}

impl Desk {
    fn payload(&self, statements: &Value) -> Value {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let payload = text(&statements[0]["bundle"]["dsseEnvelope"]["payload"]);
        serde_json::from_slice(&STANDARD.decode(payload).expect("base64")).expect("json")
    }
}
