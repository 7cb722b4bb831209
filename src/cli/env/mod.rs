//! Environments from files.

mod draft;
mod init;
pub(super) mod lines;

use super::{Exit, Failure, output, print, reference, session::Session};
use crate::{
    client::Client,
    config::Client as Connection,
    constraints::{ConstraintSpec, SpecError},
    crypto::json,
    environments::api::{EnvironmentInput, EnvironmentView, RevisionView},
};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

const MAX_BYTES: u64 = 1 << 20;

#[derive(Subcommand)]
pub enum Env {
    /// Create an environment, or revise the documents of one.
    #[command(
        after_help = "Example:\n  plimsoll env apply production --profile environment.yaml --constraints constraints.yaml --policy policy.yaml"
    )]
    Apply(Apply),
    /// Draft a constraint spec from an ONNX file.
    #[command(
        after_help = "Example:\n  plimsoll env init credit.onnx --model credit-risk --dataset credit-2026 --owner mara -o constraints.yaml"
    )]
    Init(init::Init),
    /// Say what is wrong with a constraint spec, and on which line, without a service.
    #[command(after_help = "Example:\n  plimsoll env lint constraints.yaml")]
    Lint(init::Lint),
}

#[derive(Args)]
pub struct Apply {
    #[arg(value_parser = reference::name)]
    name: String,
    /// What it is (YAML or JSON); needed for a new one.
    #[arg(id = "environment_profile", long = "profile", value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Its load line (YAML or JSON).
    #[arg(long, value_name = "FILE")]
    constraints: Option<PathBuf>,
    /// What an activation needs (YAML or JSON).
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Env {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Apply(apply) => apply.run().await,
            Self::Init(init) => init.run(),
            Self::Lint(lint) => lint.run(),
        }
    }
}

impl Apply {
    async fn run(self) -> Result<Exit, Failure> {
        // All files are read before anything is changed.
        let mut profile = self.profile.as_deref().map(Written::read).transpose()?;
        if let Some(profile) = &mut profile {
            take_name(&mut profile.value, &self.name)?;
        }
        let constraints = self.constraints.as_deref().map(Written::read).transpose()?;
        let policy = self.policy.as_deref().map(Written::read).transpose()?;
        if let Some((written, Ok(spec))) = constraints.as_ref().map(|w| (w, ConstraintSpec::parse(&w.value))) {
            remark(&spec.remarks(), &written.file, &written.text);
        }
        let client = Session::open(&self.connection)?.client;
        let before: Option<EnvironmentView> = client.find(&["environments", &self.name]).await?;
        let (current, profile) = match (before, profile) {
            (Some(current), profile) => (current, profile),
            (None, Some(profile)) => {
                let input = EnvironmentInput { name: self.name.clone(), profile: profile.value.clone() };
                let made: Result<EnvironmentView, _> = client.create(&["environments"], &input).await;
                let made = made.map_err(|failure| profile.place(failure))?;
                say!("created the environment {}", self.name);
                (made, None)
            }
            (None, None) => {
                return Err(Failure::new(Exit::NotFound, format!("there is no environment {}", self.name))
                    .next("give --profile FILE to create it"));
            }
        };
        self.revise(&client, "profile", profile, current.profile.as_ref()).await?;
        self.revise(&client, "constraints", constraints, current.constraints.as_ref()).await?;
        self.revise(&client, "policy", policy, current.policy.as_ref()).await?;
        let now: EnvironmentView = client.get(&["environments", &self.name], &[]).await?;
        if self.json {
            return output::json(&now);
        }
        let documents = [("profile", &now.profile), ("constraints", &now.constraints), ("policy", &now.policy)];
        let say = |revision: &Option<RevisionView>| match revision {
            Some(revision) => format!("revision {} {}", revision.revision, revision.digest),
            None => "none yet".to_owned(),
        };
        print(&output::fields(&documents.map(|(name, revision)| (name, say(revision)))))
    }

    async fn revise(
        &self,
        client: &Client,
        document: &str,
        written: Option<Written>,
        current: Option<&RevisionView>,
    ) -> Result<(), Failure> {
        let Some(written) = written else { return Ok(()) };
        let seen = current.map_or(0, |revision| revision.revision);
        let path = ["environments", &self.name, document];
        let now: Result<RevisionView, _> = client.revise(&path, seen, &written.value).await;
        let now = now.map_err(|failure| written.place(failure))?;
        if now.revision == seen {
            say!("{document}: unchanged");
        }
        Ok(())
    }
}

/// Says on standard error what is no mistake and yet hardly meant, by its line.
fn remark(remarks: &[SpecError], file: &Path, text: &str) {
    for remark in remarks {
        let line = lines::locate(text, &remark.path).map(|line| format!(":{line}")).unwrap_or_default();
        say!("{}{line}: remark: {}", file.display(), output::printable(&remark.to_string()));
    }
}

/// A profile file may say the name for its readers; it is not part of the document.
fn take_name(profile: &mut Value, name: &str) -> Result<(), Failure> {
    match profile.as_object_mut().and_then(|fields| fields.remove("name")) {
        Some(Value::String(written)) if written != name => {
            Err(Failure::new(Exit::Usage, format!("the profile is of the environment \"{written}\", not \"{name}\"")))
        }
        _ => Ok(()),
    }
}

/// A document with its text, so that what is wrong with it can be named by its line.
struct Written {
    file: PathBuf,
    text: String,
    value: Value,
}

impl Written {
    fn read(file: &Path) -> Result<Self, Failure> {
        let text = text_of(file)?;
        Ok(Self { file: file.to_owned(), value: parse(file, &text)?, text })
    }

    fn place(&self, failure: Failure) -> Failure {
        lines::place(failure, &self.file, &self.text)
    }
}

/// A document in YAML or JSON.
pub(super) fn read(file: &Path) -> Result<Value, Failure> {
    parse(file, &text_of(file)?)
}

fn parse(file: &Path, text: &str) -> Result<Value, Failure> {
    let read = json::value(yaml_serde::Deserializer::from_str(text));
    read.map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", file.display())))
}

fn text_of(file: &Path) -> Result<String, Failure> {
    let wrong = |e: String| Failure::new(Exit::Usage, format!("{}: {e}", file.display()));
    if fs::metadata(file).is_ok_and(|m| MAX_BYTES < m.len()) {
        return Err(wrong(format!("has more than {MAX_BYTES} bytes")));
    }
    fs::read_to_string(file).map_err(|e| wrong(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_profile_is_not_applied_to_another_environment() {
        let mut profile = json!({"name": "production", "class": "server"});
        assert!(take_name(&mut profile.clone(), "test").is_err());
        take_name(&mut profile, "production").expect("same");
        assert_eq!(profile, json!({"class": "server"}));
    }
}
