//! `push`: hash, declare, upload what is not there, sign, seal.

pub mod card;
pub mod files;
mod gathered;
mod provenance;

use super::{Exit, Failure, init, meter::Meter, output, reference, session::Session, signing};
use crate::{
    client::Client,
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
use futures_util::StreamExt;
use gathered::Gathered;
use provenance::Made;
use reqwest::{Body, header};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio_util::io::ReaderStream;

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
        eprintln!("{} files, {}", found.len(), output::size(total));
        let (found, manifest) = tokio::task::spawn_blocking(move || files::manifest(&found).map(|m| (found, m)))
            .await
            .map_err(Failure::other)??;
        let with = self.signed(&manifest, &key, chain.as_ref())?;
        self.register(client).await?;
        let draft: VersionView = client.create(&["models", &self.model, "versions"], &declaration(&manifest)).await?;
        if draft.digest != manifest.digest()?.to_string() {
            return Err(Failure::new(Exit::Verification, "the service gives these files another digest")
                .next("compare `plimsoll --version` with the version of the service"));
        }
        let version = match draft.state.as_str() {
            "draft" => {
                upload(client, &self.model, &draft, &found).await?;
                let number = draft.number.to_string();
                client.create(&["models", &self.model, "versions", &number, "seal"], &with).await?
            }
            _ => {
                eprintln!("these files are version {} already", draft.number);
                draft
            }
        };
        report(&version);
        if self.json {
            return output::json(&version);
        }
        super::print(&format!("{}@{} {}", self.model, version.number, version.digest))
    }

    async fn register(&self, client: &Client) -> Result<(), Failure> {
        if client.find::<ModelView>(&["models", &self.model]).await?.is_some() {
            return Ok(());
        }
        let card = card::read(&self.dir, &self.model)?;
        let _: ModelView = client.create(&["models"], &card).await?;
        eprintln!("registered the model {}", self.model);
        Ok(())
    }

    fn signed(&self, manifest: &Manifest, key: &SigningKey, chain: Option<&Chain>) -> Result<SealInput, Failure> {
        let listed: Vec<_> =
            manifest.files().iter().map(|f| FileDigest { path: f.path.to_string(), sha256: f.sha256.hex() }).collect();
        let wrong = |e: oms::OmsError| Failure::new(Exit::Usage, e.to_string());
        if let Some(chain) = chain {
            eprintln!("signing the files with the certificate; provenance is not signed");
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
            eprintln!("signing the files, without provenance");
            return Ok(None);
        }
        let unreadable = |what| Failure::new(Exit::Usage, what).next("correct it, or push with --no-provenance");
        let gathered = Gathered::find(&self.dir).map_err(unreadable)?;
        let made = provenance::statement(&self.dir, manifest.files(), &gathered)?;
        match &made {
            Some(made) => {
                eprintln!(
                    "signing the files, and their provenance from {}",
                    output::printable(&made.filled.join(", "))
                );
                if !made.missing.is_empty() {
                    eprintln!("it does not say: {}", made.missing.join("; "));
                }
            }
            None => eprintln!("signing the files; there is no {}, so no provenance", provenance::TRAINING_FILE),
        }
        Ok(made)
    }
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

async fn upload(client: &Client, model: &str, draft: &VersionView, found: &[Found]) -> Result<(), Failure> {
    let is_missing = |f: &&Found| draft.files.iter().any(|d| d.path == f.path.as_str() && !d.uploaded);
    let missing: Vec<_> = found.iter().filter(is_missing).collect();
    let total = missing.iter().map(|f| f.size_bytes).sum();
    eprintln!("uploading {} of {} files, {}", missing.len(), found.len(), output::size(total));
    let meter = Arc::new(Mutex::new(Meter::new("uploading", total)));
    let number = draft.number.to_string();
    for file in missing {
        let parts = ["models", model, "versions", &number, "files"];
        let path: Vec<_> = parts.into_iter().chain(file.path.as_str().split('/')).collect();
        let headers = [(header::CONTENT_TYPE, "application/octet-stream".to_owned())];
        let open = async || body(file, &meter).await;
        client.put_bytes(&path, &headers, file.size_bytes, open).await?;
    }
    Ok(())
}

async fn body(file: &Found, meter: &Arc<Mutex<Meter>>) -> Result<Body, Failure> {
    let opened = tokio::fs::File::open(&file.place).await;
    let opened = opened.map_err(|e| Failure::other(format!("can't read {}: {e}", file.place.display())))?;
    let meter = meter.clone();
    let counted = ReaderStream::with_capacity(opened, 256 << 10).inspect(move |chunk| {
        if let Ok(bytes) = chunk {
            meter.lock().unwrap_or_else(PoisonError::into_inner).add(bytes.len() as u64);
        }
    });
    Ok(Body::wrap_stream(counted))
}

fn report(version: &VersionView) {
    let detail = version.signature_detail.as_deref().unwrap_or_default();
    match version.signature.as_str() {
        "verified" => eprintln!("sealed; the signature is verified"),
        state => eprintln!("sealed, but the signature is {state}: {}", output::printable(detail)),
    }
}
