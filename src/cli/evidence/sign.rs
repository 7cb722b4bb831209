//! Signing a statement offline, with the key of whoever answers for it.

use super::super::{Exit, Failure, init, output, print, push::files, reference::VersionOf, session::Session};
use crate::{
    config::Client as Connection,
    core::{
        clock::{Clock, rfc3339},
        digest::Digest,
    },
    crypto::{
        bundle, json,
        keys::SigningKey,
        statement::{MAX_STATEMENT_BYTES, Statement, Subject},
    },
    evidence::statement::{Claim, EVIDENCE_TYPE},
    versions::{VersionRef, api::VersionView},
};
use clap::Args;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Args)]
pub struct Sign {
    /// The predicate as YAML or JSON: kind, title, method, body and so on. `issued_at` is now
    /// if the file does not say.
    file: PathBuf,
    /// A private key as PEM [default: the key that `plimsoll init` made].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The version that it is about; by digest nothing is asked of the service.
    #[arg(long, value_name = "MODEL@VERSION", required_unless_present = "files", conflicts_with = "files")]
    model: Option<VersionOf>,
    /// A folder with exactly the version's files.
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Where the bundle goes [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    /// The bundle is JSON anyway.
    #[arg(long)]
    json: bool,
}

impl Sign {
    pub async fn run(self) -> Result<Exit, Failure> {
        let key = match &self.key {
            Some(file) => read_key(file)?,
            None => init::read_signing_key(&self.connection)?,
        };
        let now = Clock::System.now();
        let mut predicate = read_predicate(&self.file)?;
        if let Some(fields) = predicate.as_object_mut() {
            fields.entry("issued_at").or_insert_with(|| rfc3339(now).into());
        }
        let (manifest, subjects) = self.subjects().await?;
        let statement = Statement::new(subjects, EVIDENCE_TYPE, predicate);
        // What the registry would refuse is not worth a signature.
        Claim::read(&statement, &manifest, now)?;
        let bundle = bundle::sign_statement(&statement, &key);
        say!("signed with the key {}, about {manifest}", key.verifying_key().fingerprint());
        let Some(place) = &self.output else { return output::json(&bundle) };
        let text = serde_json::to_string_pretty(&bundle).map_err(Failure::other)?;
        fs::write(place, text + "\n").map_err(|e| Failure::other(format!("can't write {}: {e}", place.display())))?;
        say!("next: plimsoll evidence report MODEL@VERSION {}", place.display());
        if self.json { output::json(&bundle) } else { print(&place.display().to_string()) }
    }

    /// The version's manifest digest, and what the statement names.
    async fn subjects(&self) -> Result<(Digest, Vec<Subject>), Failure> {
        if let Some(dir) = &self.files {
            let manifest = files::manifest(&files::find(dir)?)?;
            let subjects = manifest.files().iter().map(|f| Subject::sha256(f.path.as_str(), f.sha256.hex())).collect();
            return Ok((manifest.digest()?, subjects));
        }
        let Some(version) = &self.model else {
            return Err(Failure::new(Exit::Usage, "say which version it is about, with --model or --files"));
        };
        let manifest = match version.version {
            VersionRef::Digest(digest) => digest,
            VersionRef::Number(number) => {
                let client = Session::open(&self.connection)?.client;
                let path = ["models", &version.model, "versions", &number.to_string()];
                let view: VersionView = client.get(&path, &[]).await?;
                Digest::parse(&view.digest).map_err(|e| Failure::other(e.0))?
            }
        };
        let name = format!("{}@{}", version.model, version.version);
        Ok((manifest, vec![Subject::sha256(name, manifest.hex())]))
    }
}

fn read_key(file: &Path) -> Result<SigningKey, Failure> {
    let wrong = |e: String| Failure::new(Exit::Usage, format!("{}: {e}", file.display()));
    let text = fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
    SigningKey::from_pem(&text).map_err(|e| wrong(e.to_string()))
}

fn read_predicate(file: &Path) -> Result<Value, Failure> {
    let wrong = |e: String| Failure::new(Exit::Usage, format!("{}: {e}", file.display()));
    let size = fs::metadata(file).map_err(|e| wrong(e.to_string()))?.len();
    if MAX_STATEMENT_BYTES as u64 <= size {
        return Err(wrong(format!("has {MAX_STATEMENT_BYTES} bytes or more")));
    }
    let text = fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
    json::value(yaml_serde::Deserializer::from_str(&text)).map_err(|e| wrong(e.to_string()))
}
