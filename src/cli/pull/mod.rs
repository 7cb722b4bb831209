//! `pull`: what the gate gives, verified before it appears under its name.
//!
//! Invariant: the folder holds a whole verified release or what was there before.

mod approved;
mod fetch;
mod staging;
pub(super) mod verify;

use super::{
    Exit, Failure, again, authorities::Authorities, meter::Meter, output, print, profile::Profile, reference,
    reference::Wanted, session::Session,
};
use crate::{
    client::Client,
    config::Client as Connection,
    crypto::{
        keys::{RegistryVerifyingKey, VerifyingKey},
        oms::{Signed, Trust, Verified},
    },
    releases::api::PullView,
    versions::Manifest,
};
use clap::Args;
use fetch::Source;
use staging::Staging;
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};
use verify::Asked;

/// Written beside the files: what they are and what proves it.
const RECORD: &str = crate::versions::RECORD_FILE;

#[derive(Args)]
pub struct Pull {
    /// Such as `credit-risk`, or `credit-risk@3` to refuse any other version.
    #[arg(value_name = "MODEL[@VERSION]")]
    wanted: Wanted,
    /// The environment to deploy to.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// The folder to write; an earlier pull there is replaced.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// The registry's public key (PEM, or verifier keys, a line each) [default: pinned when you signed in].
    #[arg(long, value_name = "FILE")]
    registry_key: Option<PathBuf>,
    /// The author's public key (PEM): check the author's signature too.
    #[arg(long, value_name = "FILE")]
    author_key: Option<PathBuf>,
    #[command(flatten)]
    authorities: Authorities,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of lines.
    #[arg(long)]
    json: bool,
}

impl Pull {
    pub async fn run(self) -> Result<Exit, Failure> {
        check_target(&self.output)?;
        let authors = self.author_key.as_deref().map(read_author_key).transpose()?;
        let (authorities, at) = (self.authorities.read()?, self.authorities.at());
        let session = Session::open(&self.connection)?;
        let keys = registry_keys(self.registry_key.as_deref(), session.profile.as_ref())?;
        let (model, version) = (self.wanted.model.as_str(), self.wanted.version.as_ref());
        let path = ["environments", &self.env, "models", model, "release"];
        let number = version.map(ToString::to_string);
        let query: Vec<_> = number.iter().map(|number| ("version", number.as_str())).collect();
        let pull: PullView = session.client.get(&path, &query).await?;

        let manifest = verify::release(&pull, &Asked { model, version, environment: &self.env }, &keys)?;
        let trust = Trust { keys: authors.as_slice(), authorities: &authorities, at };
        let is_asked = authors.is_some() || !authorities.is_empty();
        let signed = is_asked.then(|| verify::author(&pull, &manifest, &trust)).transpose()?;
        let author = self.fetch(&session.client, &path, (&pull, &manifest), signed.as_ref()).await?;
        if self.json {
            return output::json(&pull);
        }
        self.report(&pull, &manifest, author.as_ref())
    }

    /// What somebody is told who interrupts it.
    pub fn interrupted() -> String {
        format!("interrupted; what came so far is kept, and the same command goes on: {}", again::command(None, &[]))
    }

    /// Into a folder beside the target, which then takes its place. Returns who the author is, if the author's signature was
    /// to be checked.
    async fn fetch(
        &self,
        client: &Client,
        release: &[&str],
        (pull, manifest): (&PullView, &Manifest),
        signed: Option<&Signed>,
    ) -> Result<Option<Verified>, Failure> {
        let staging = Staging::open(&absolute(&self.output)?, manifest)?;
        match fill(&staging, client, release, (pull, manifest), signed).await {
            Ok(author) => staging.deliver(is_earlier_pull).map(|()| author),
            // What another pull may still need stays; what is not what was approved, or must not leave any more, does not.
            Err(failure) if matches!(failure.exit, Exit::Refused) && is_another(client, release, pull).await => {
                let mut another =
                    Failure::new(Exit::Conflict, "another version became active while this one was fetched");
                another.why = failure.why;
                Err(another.next(format!(
                    "nothing was put in its place; to fetch what is active now: {}",
                    again::command(None, &[])
                )))
            }
            Err(failure)
                if failure.exit == Exit::Verification || (failure.exit == Exit::Refused && failure.is_a_services()) =>
            {
                staging.clear();
                Err(failure)
            }
            Err(mut failure) if staging.has_some() => {
                let kept = staging.folder().display().to_string();
                let then = format!("what came so far is in {kept}; to go on: {}", again::command(None, &[]));
                let first = failure.next.take().filter(|_| failure.exit == Exit::SignIn);
                Err(failure.next(first.map_or(then.clone(), |first| format!("{first}\n  then, {then}"))))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Who the author is, and by whose word.
    fn named(&self, author: &Verified) -> String {
        let fingerprint = &author.key_fingerprint;
        match &author.signatory {
            Some(who) => {
                let names = output::printable(&who.names.names.join(", "));
                let names = if names.is_empty() { "somebody without a name".to_owned() } else { names };
                format!("verified; signed by {names}, certificate {}, authority {fingerprint}", who.sha256)
            }
            None => format!("verified with {} ({fingerprint})", display(self.author_key.as_deref())),
        }
    }

    fn report(&self, pull: &PullView, manifest: &Manifest, author: Option<&Verified>) -> Result<Exit, Failure> {
        let release = &pull.release;
        let author = match author {
            Some(author) => self.named(author),
            None => "not checked; to check it here too give --author-key, or --trust-root with --identity".to_owned(),
        };
        let registry = match &self.registry_key {
            Some(file) => format!("verified with {}", file.display()),
            None => "verified with the key that was pinned at sign-in".to_owned(),
        };
        let count = manifest.files().len();
        print(&output::fields(&[
            ("pulled", format!("{}@{} {}", pull.model, release.version, release.version_digest)),
            ("for", format!("{}, active since {}", pull.environment, output::when(&release.activated_at))),
            ("mode", release.mode.clone().unwrap_or_else(|| "not said".to_owned())),
            ("approvals", approvals(pull)),
            ("registry", registry),
            ("author", author),
            ("files", format!("{count}, each verified by sha256")),
            ("in", self.output.display().to_string()),
        ]))
    }
}

/// The keys to verify with: those in a file, or those that were pinned at sign-in.
pub(super) fn registry_keys(
    file: Option<&Path>,
    profile: Option<&Profile>,
) -> Result<Vec<RegistryVerifyingKey>, Failure> {
    let text = match (file, profile) {
        (Some(file), _) => fs::read_to_string(file)
            .map_err(|e| Failure::new(Exit::Usage, format!("can't read {}: {e}", file.display())))?,
        (None, Some(profile)) => profile.registry.verifier_keys(),
        (None, None) => {
            return Err(Failure::new(Exit::Usage, "there is no registry key to verify with")
                .next("give one with --registry-key FILE, or sign in once to pin it"));
        }
    };
    if let Ok(key) = RegistryVerifyingKey::from_pem(&text) {
        return Ok(vec![key]);
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Result<Vec<_>, _> = lines.map(RegistryVerifyingKey::from_vkey).collect();
    keys.map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}

/// How many people approved it, by what verified.
fn approvals(pull: &PullView) -> String {
    match (pull.approvals.len(), &pull.verification_summary) {
        (0, None) if pull.release.kind == "break_glass" => "none: an emergency".to_owned(),
        (0, None) => "not shown; the registry signed the release alone".to_owned(),
        (count, _) => format!("{count}, each verified, and the summary of what they rest on"),
    }
}

fn display(file: Option<&Path>) -> String {
    file.map(|f| f.display().to_string()).unwrap_or_default()
}

/// Only what an earlier pull wrote is ever replaced: its record, and the files that it lists.
fn check_target(target: &Path) -> Result<(), Failure> {
    let wrong = |why: &str| {
        let what = format!("{} {why}, and can't be replaced as a whole", target.display());
        Err(Failure::new(Exit::Usage, what)
            .next(format!("name a folder in it, such as -o {}", target.join("model").display())))
    };
    if let Ok(about) = fs::symlink_metadata(target) {
        if about.is_symlink() {
            return wrong("is a link");
        }
        let above = absolute(target)?.parent().and_then(|above| fs::metadata(above).ok());
        if above.is_some_and(|above| above.dev() != about.dev()) {
            return wrong("is where another file system is mounted");
        }
    }
    let is_empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if !target.exists() || is_empty || is_earlier_pull(target) {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, format!("{} is there and is not an earlier pull", target.display()))
        .next("name another folder with -o"))
}

fn is_earlier_pull(target: &Path) -> bool {
    let record = fs::read(target.join(RECORD)).ok().and_then(|bytes| serde_json::from_slice::<PullView>(&bytes).ok());
    let Some(record) = record else { return false };
    let mut ours: HashSet<PathBuf> = record.files.iter().map(|f| target.join(&f.path)).collect();
    ours.insert(target.join(RECORD));
    let mut folders = vec![target.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { return false };
        for entry in entries {
            let Ok(entry) = entry else { return false };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && ours.contains(&entry.path()) => {}
                _ => return false,
            }
        }
    }
    true
}

/// Brings every file, and the record beside them; all is verified, and nothing has its name yet.
async fn fill(
    staging: &Staging,
    client: &Client,
    release: &[&str],
    (pull, manifest): (&PullView, &Manifest),
    signed: Option<&Signed>,
) -> Result<Option<Verified>, Failure> {
    let mut sizes: HashMap<_, _> = HashMap::new();
    sizes.extend(manifest.files().iter().map(|file| (file.sha256, file.size_bytes.unsigned_abs())));
    let meter = RefCell::new(Meter::new("downloading", sizes.values().sum()));
    let source = Source { client, release, version: &pull.release.version_digest, meter: &meter };
    for file in manifest.files() {
        // The same bytes under another name have come already.
        if sizes.remove(&file.sha256).is_some() {
            source.fetch(file, &staging.part(&file.sha256)).await?;
        }
    }
    drop(meter);
    let whole = staging.assemble(manifest)?;
    let author = signed.map(|signed| verify::over(signed, manifest, &whole)).transpose()?;
    let record = serde_json::to_string_pretty(pull).map_err(Failure::other)?;
    staging::write_for_good(&whole, RECORD, &(record + "\n"))?;
    // It may have taken hours: what was taken down meanwhile does not take the place of what is there.
    client.tag_of(release, &[("version", &pull.release.version_digest)]).await?;
    Ok(author)
}

/// Whether the gate is open, and for another version than the one that was asked for.
async fn is_another(client: &Client, release: &[&str], pull: &PullView) -> bool {
    client.tag_of(release, &[]).await.is_ok_and(|active| active != pull.release.id.to_string())
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(Failure::other)
}

fn read_author_key(file: &Path) -> Result<VerifyingKey, Failure> {
    let wrong = |e: String| Failure::new(Exit::Usage, format!("{}: {e}", file.display()));
    let text = fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
    VerifyingKey::from_pem(&text).map_err(|e| wrong(e.to_string()))
}
