//! `push`: hash, declare, upload what is not there, sign, seal.

pub mod card;
pub mod files;
mod gathered;
mod pieces;
mod provenance;
mod upload;

use super::{Exit, Failure, again, init, output, reference, session::Session, signing};
use crate::{
    client::{Client, Patience},
    config::Client as Connection,
    crypto::{bundle, certificate::Chain, keys::SigningKey, oms, oms::FileDigest},
    models::api::ModelView,
    trust::api::TrustKeyView,
    versions::{
        Manifest,
        api::{FileInput, SealInput, VersionInput, VersionView},
    },
};
use clap::Args;
use files::Found;
use gathered::Gathered;
use provenance::Made;
use std::{path::PathBuf, time::Duration};

/// Of pieces of a file: enough to fill a line, and half of what a service takes from one account at once.
const AT_ONCE: u8 = 4;
/// How long a service may need to look at all files of a version before it seals it.
const SEALING: Duration = Duration::from_secs(1_800);

#[derive(Args)]
pub struct Push {
    /// The folder that holds the version's files.
    dir: PathBuf,
    /// The model; registered from `plimsoll.yaml` if it is new.
    #[arg(value_parser = reference::name)]
    model: String,
    /// State nothing about how the files were made.
    #[arg(long)]
    no_provenance: bool,
    /// The certificate of the signing key, followed by those of the authorities below the root (PEM). Then no provenance is
    /// signed, as statements are believed of keys alone.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Go on with a push of these files that broke off: send what is missing, then sign and seal.
    #[arg(long)]
    resume: bool,
    /// The same, but throw away what is there of files that are not whole.
    #[arg(long, conflicts_with = "resume")]
    restart: bool,
    /// So many pieces of a large file are sent at once.
    #[arg(long, value_name = "COUNT", default_value_t = AT_ONCE, value_parser = clap::value_parser!(u8).range(1..=8))]
    at_once: u8,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of `MODEL@NUMBER DIGEST`.
    #[arg(long)]
    json: bool,
}

impl Push {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection)?;
        let client = &session.client;
        let key = init::read_signing_key(&self.connection)?;
        let chain = self.certificate.as_deref().map(signing::read_chain).transpose()?;
        if chain.is_none() {
            require_trusted(client, &key).await?;
        }
        let found = files::find(&self.dir)?;
        let total = found.iter().map(|f| f.size_bytes).sum();
        say!("{} files, {}", found.len(), output::size(total));
        let (found, manifest) = tokio::task::spawn_blocking(move || files::manifest(&found).map(|m| (found, m)))
            .await
            .map_err(Failure::other)??;
        let digest = manifest.digest()?.to_string();
        let known: Option<VersionView> = client.find(&["models", &self.model, "versions", &digest]).await?;
        self.weigh(known.as_ref())?;
        let with = self.signed(&manifest, &key, chain.as_ref())?;
        self.register(client).await?;
        let version = self.carry_out(client, &found, &manifest, &digest, &with).await.map_err(go_on)?;
        report(&version);
        if self.json {
            return output::json(&version);
        }
        super::print(&format!("{}@{} {}", self.model, version.number, version.digest))
    }

    /// What somebody is told who interrupts it.
    pub fn interrupted() -> String {
        format!("interrupted; to go on: {}", resume())
    }

    /// Whether these files may be pushed, by what is there of them.
    fn weigh(&self, known: Option<&VersionView>) -> Result<(), Failure> {
        let draft = known.filter(|known| known.state == "draft");
        let Some(draft) = draft else {
            if self.resume && known.is_none() {
                say!("no push of these files was begun; this one begins");
            }
            return Ok(());
        };
        let here = draft.files.iter().filter(|file| file.uploaded).count();
        let progress = format!("{here} of its {} files are there", draft.files.len());
        if self.resume || self.restart {
            say!("going on with version {}: {progress}", draft.number);
            return Ok(());
        }
        let what = format!("these files are version {} of {}, which is not finished", draft.number, self.model);
        let mut failure = Failure::new(Exit::Conflict, what);
        failure.why.push(progress);
        let restart = again::command(Some("--restart"), &["--resume"]);
        Err(failure.next(format!("to go on with it: {}\n  or, to send again what is not whole: {restart}", resume())))
    }

    /// Declares, uploads, seals. Each step may be repeated: the next one to try finds what the last one did.
    async fn carry_out(
        &self,
        client: &Client,
        found: &[Found],
        manifest: &Manifest,
        digest: &str,
        with: &SealInput,
    ) -> Result<VersionView, Failure> {
        let say = |line: &str| say!("{line}");
        let patience = Patience::long(&say);
        let versions = ["models", &self.model, "versions"];
        let draft: VersionView = client.repeat_for(&versions, &declaration(manifest), patience).await?;
        if draft.digest != digest {
            return Err(Failure::new(Exit::Verification, "the service gives these files another digest")
                .next("compare `plimsoll --version` with the version of the service"));
        }
        let number = draft.number.to_string();
        let way = upload::Way { client, model: &self.model, at_once: self.at_once.into(), anew: self.restart };
        if draft.state != "draft" {
            say!("these files are version {} already", draft.number);
            if draft.files.iter().all(|file| file.uploaded) {
                return Ok(draft);
            }
            say!("what the service has of them is damaged; it is sent again");
            way.send(&draft, found).await?;
            return client.get(&["models", &self.model, "versions", &number], &[]).await;
        }
        let sent = match way.send(&draft, found).await {
            // The service reads every file first.
            Ok(()) => {
                let patience = patience.for_answer(SEALING);
                client.repeat_for(&["models", &self.model, "versions", &number, "seal"], with, patience).await
            }
            Err(failure) => Err(failure),
        };
        match sent {
            // An attempt of which nothing was heard did it, or another push of the same files.
            Err(failure) if failure.is("version_sealed") => {
                client.get(&["models", &self.model, "versions", &number], &[]).await
            }
            outcome => outcome,
        }
    }

    async fn register(&self, client: &Client) -> Result<(), Failure> {
        if client.find::<ModelView>(&["models", &self.model]).await?.is_some() {
            return Ok(());
        }
        let card = card::read(&self.dir, &self.model)?;
        let _: ModelView = client.create(&["models"], &card).await?;
        say!("registered the model {}", self.model);
        Ok(())
    }

    fn signed(&self, manifest: &Manifest, key: &SigningKey, chain: Option<&Chain>) -> Result<SealInput, Failure> {
        let listed: Vec<_> =
            manifest.files().iter().map(|f| FileDigest { path: f.path.to_string(), sha256: f.sha256.hex() }).collect();
        let wrong = |e: oms::OmsError| Failure::new(Exit::Usage, e.to_string());
        if let Some(chain) = chain {
            say!("signing the files with the certificate; provenance is not signed");
            let signature = oms::sign_certified(&listed, &self.model, key, chain).map_err(wrong)?;
            return Ok(SealInput { signature: Some(signature), attestations: Vec::new() });
        }
        let signature = oms::sign(&listed, &self.model, key).map_err(wrong)?;
        let provenance = self.provenance(manifest)?;
        let attestations = provenance.iter().map(|made| bundle::sign_statement(&made.statement, key)).collect();
        Ok(SealInput { signature: Some(signature), attestations })
    }

    fn provenance(&self, manifest: &Manifest) -> Result<Option<Made>, Failure> {
        if self.no_provenance {
            say!("signing the files, without provenance");
            return Ok(None);
        }
        let unreadable = |what| Failure::new(Exit::Usage, what).next("correct it, or push with --no-provenance");
        let gathered = Gathered::find(&self.dir).map_err(unreadable)?;
        let made = provenance::statement(&self.dir, manifest.files(), &gathered)?;
        match &made {
            Some(made) => {
                say!("signing the files, and their provenance from {}", output::printable(&made.filled.join(", ")));
                if !made.missing.is_empty() {
                    say!("it does not say: {}", made.missing.join("; "));
                }
            }
            None => say!("signing the files; there is no {}, so no provenance", provenance::TRAINING_FILE),
        }
        Ok(made)
    }
}

fn resume() -> String {
    again::command(Some("--resume"), &["--restart"])
}

/// What broke off can go on.
fn go_on(mut failure: Failure) -> Failure {
    let then = match failure.exit {
        Exit::Unreachable | Exit::Other => format!("what was sent is kept; to go on: {}", resume()),
        Exit::SignIn => {
            let first = failure.next.take().unwrap_or_else(|| "sign in".to_owned());
            format!("{first}\n  then, to go on: {}", resume())
        }
        _ => return failure,
    };
    failure.next(then)
}

/// Asked first: a sealed version keeps its signature, trusted or not.
async fn require_trusted(client: &Client, key: &SigningKey) -> Result<(), Failure> {
    let fingerprint = key.verifying_key().fingerprint();
    let keys: Vec<TrustKeyView> = client.list(&["trust-keys"], &[]).await?;
    if keys.iter().any(|k| k.fingerprint == fingerprint && k.revoked_at.is_none()) {
        return Ok(());
    }
    let mut failure = Failure::new(Exit::Refused, "your signing key is not trusted here");
    failure.why.push(format!("its fingerprint is {fingerprint}"));
    Err(failure.next("an administrator trusts it with: plimsoll trust add NAME signing-key.pub.pem"))
}

fn declaration(manifest: &Manifest) -> VersionInput {
    let input = |f: &crate::versions::DeclaredFile| FileInput {
        path: f.path.to_string(),
        sha256: f.sha256.to_string(),
        size_bytes: f.size_bytes,
    };
    VersionInput { files: manifest.files().iter().map(input).collect() }
}

fn report(version: &VersionView) {
    let detail = version.signature_detail.as_deref().unwrap_or_default();
    match version.signature.as_str() {
        "verified" => say!("sealed; the signature is verified"),
        state => say!("sealed, but the signature is {state}: {}", output::printable(detail)),
    }
}
