//! Dossiers: taking one away, and verifying one without a service.

use super::{Exit, Failure, output, print, reference, session::Session};
use crate::{
    client::broken_off,
    config::Client as Connection,
    dossiers::verify::{self, MAX_FILE_BYTES, Verified},
    versions::VersionRef,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

const MAX_KEY_BYTES: u64 = 64 << 10;

#[derive(Args)]
pub struct Dossier {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    export: Option<Export>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Subcommand)]
enum Command {
    /// Verify a dossier with the registry's public key, offline. Nothing is unpacked.
    #[command(
        after_help = "Examples:\n  plimsoll dossier verify credit-risk.zip --key-file registry.vkey\n  plimsoll dossier verify credit-risk.zip --key 'plimsoll.example.org+8f3c1a2b+AVx…' --json"
    )]
    Verify(Verify),
}

#[derive(Args)]
struct Export {
    /// A framework such as `sr-26-2`, `model-card` or `cyclonedx`; `@` and a revision may follow.
    // The connection has a profile of its own, which is given with --as.
    #[arg(id = "made_by", long = "profile", value_name = "PROFILE")]
    profile: String,
    #[arg(long, value_parser = reference::name)]
    model: String,
    /// Number or digest; the version in force, or else the newest sealed one, if absent.
    #[arg(long, value_parser = |raw: &str| VersionRef::parse(raw).map_err(|e| e.0))]
    version: Option<VersionRef>,
    /// May be absent where only one fits.
    #[arg(long, visible_alias = "env", value_parser = reference::name)]
    environment: Option<String>,
    /// A time in RFC 3339, or a day, which means its end (UTC); now if absent.
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(group(clap::ArgGroup::new("by").required(true).args(["key", "key_file"])))]
struct Verify {
    file: PathBuf,
    /// The registry's verifier key, or its public key as PEM.
    #[arg(long, visible_alias = "vkey", value_name = "KEY")]
    key: Option<String>,
    /// A file that holds either.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[arg(long)]
    json: bool,
}

impl Dossier {
    pub async fn run(self) -> Result<Exit, Failure> {
        match (self.command, self.export) {
            (Some(Command::Verify(args)), _) => args.run(),
            (None, Some(export)) => export.run(&self.connection).await,
            (None, None) => Err(Failure::new(Exit::Usage, "say which dossier: --profile, --model and -o")),
        }
    }
}

impl Export {
    async fn run(self, connection: &Connection) -> Result<Exit, Failure> {
        let session = Session::open(connection)?;
        let version = self.version.as_ref().map(ToString::to_string);
        let mut query = vec![("profile", self.profile.as_str()), ("model", self.model.as_str())];
        query.extend(version.as_deref().map(|version| ("version", version)));
        query.extend(self.environment.as_deref().map(|environment| ("environment", environment)));
        query.extend(self.as_of.as_deref().map(|as_of| ("as_of", as_of)));
        let mut answer = session.client.get_raw(&["dossiers"], &query).await?;
        let folder = self.output.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| unwritable(&self.output, &e))?;
        let mut zip = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken_off)? {
            zip.extend_from_slice(&chunk);
            if MAX_FILE_BYTES < zip.len() as u64 {
                return Err(Failure::other("the answer is larger than any dossier"));
            }
            file.write_all(&chunk).map_err(|e| unwritable(&self.output, &e))?;
        }
        // What does not verify under the pinned key is not kept.
        let verified = match &session.profile {
            Some(profile) => {
                let key = profile.registry.verifier_keys();
                Some(verify::verify(&zip, &key).map_err(|e| refuted(&self.output, &e))?)
            }
            None => None,
        };
        file.persist(&self.output).map_err(|e| unwritable(&self.output, &e.error))?;
        match verified {
            Some(verified) => show(&self.output, &verified, self.json),
            None if self.json => output::json(&json!({"verified": false, "file": self.output})),
            None => print(&format!(
                "the dossier is in {}; no key is pinned, so verify it: plimsoll dossier verify",
                self.output.display()
            )),
        }
    }
}

impl Verify {
    fn run(self) -> Result<Exit, Failure> {
        let key = match (self.key, &self.key_file) {
            (Some(key), _) => key,
            (None, Some(file)) => {
                let bytes = read(file, MAX_KEY_BYTES)?;
                String::from_utf8(bytes).map_err(|_| Failure::new(Exit::Usage, "the key is not text"))?
            }
            (None, None) => return Err(Failure::new(Exit::Usage, "give --key KEY or --key-file FILE")),
        };
        let zip = read(&self.file, MAX_FILE_BYTES + 1)?;
        let verified = verify::verify(&zip, &key).map_err(|e| refuted(&self.file, &e))?;
        show(&self.file, &verified, self.json)
    }
}

fn show(file: &Path, verified: &Verified, as_json: bool) -> Result<Exit, Failure> {
    let Verified { manifest, manifest_digest, files, evidence, statements, records, followed } = verified;
    if as_json {
        let mut value = serde_json::to_value(manifest).map_err(Failure::other)?;
        if let Value::Object(fields) = &mut value {
            fields.remove("files");
            fields.insert("verified".to_owned(), json!(true));
            fields.insert("followed_keys".to_owned(), json!(followed));
            fields.insert("manifest_digest".to_owned(), json!(manifest_digest));
            fields.insert(
                "counts".to_owned(),
                json!({"files": files, "evidence": evidence, "statements": statements, "records": records}),
            );
        }
        return output::json(&value);
    }
    let mut said = vec![
        ("verified", format!("{}: {files} files, none changed, added or taken out", file.display())),
        ("registry", manifest.origin.clone()),
        ("profile", manifest.profile.clone()),
        ("about", format!("{}@{} in {}", manifest.model, manifest.version, manifest.environment)),
        ("as of", output::when(&manifest.as_of)),
        ("evidence", format!("{evidence} records, each under its digest")),
        ("statements", format!("{statements} of approvals and releases, signed by the registry")),
        ("log", format!("{records} records, each with a proof")),
        ("manifest", manifest_digest.clone()),
    ];
    if !followed.is_empty() {
        said.push(("keys", output::followed(followed)));
    }
    print(&output::fields(&said))
}

fn read(file: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let unreadable = |e: std::io::Error| Failure::new(Exit::Usage, format!("can't read {}: {e}", file.display()));
    let mut bytes = Vec::new();
    fs::File::open(file).map_err(unreadable)?.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn refuted(file: &Path, error: &impl std::fmt::Display) -> Failure {
    let mut failure = Failure::new(Exit::Verification, format!("{} does not verify", file.display()));
    failure.why.push(output::printable(&error.to_string()));
    failure
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::other(format!("can't write {}: {error}", file.display()))
}
