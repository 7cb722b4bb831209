//! Whose signatures count.

use super::{Exit, Failure, output, print, reference, session::Session, signing};
use crate::{
    config::Client as Connection,
    crypto::hex,
    trust::api::{CertificateInput, TrustKeyInput, TrustKeyView},
};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Subcommand)]
pub enum Trust {
    /// Trust a key's signatures, or those of whom an authority names, from now on.
    #[command(
        after_help = "Examples:\n  plimsoll trust add ines-laptop signing-key.pub.pem\n  plimsoll trust add company authority.pem --identity 'email:*@example.com'"
    )]
    Add(Add),
    /// List the keys that are trusted here, revoked ones too.
    #[command(after_help = "Example:\n  plimsoll trust list --json")]
    List(List),
    /// Revoke one certificate, of who signs or of an authority below a trusted one: nothing signed with it leaves any more.
    #[command(
        after_help = "It counts under no authority of the workspace then, later ones too, and requests that rest on it end. This cannot be taken back.\n\nExamples:\n  plimsoll trust revoke-certificate ines.pem\n  plimsoll trust revoke-certificate 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --authority company"
    )]
    RevokeCertificate(RevokeCertificate),
}

#[derive(Args)]
pub struct Add {
    /// Whose key it is.
    #[arg(value_parser = reference::name)]
    name: String,
    /// A public key (EC or Ed25519), or the certificate of an authority, as PEM.
    file: PathBuf,
    /// Whom an authority may name: email:NAME@DOMAIN, email:*@DOMAIN, uri:ADDRESS, uri:ADDRESS/*, dns:NAME or *; again for more.
    #[arg(long, value_name = "NAME")]
    identity: Vec<String>,
    /// Since when it counts, such as 2026-07-01T00:00:00Z; now if absent.
    #[arg(long, value_name = "TIME")]
    valid_from: Option<DateTime<Utc>>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct RevokeCertificate {
    /// A file with the one certificate (PEM), or its SHA-256 in hex, as `openssl x509 -fingerprint -sha256` prints it.
    #[arg(value_name = "FILE|SHA256")]
    certificate: String,
    /// The trusted authority under which the revocation is noted [default: the first that does not have it yet].
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    authority: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Trust {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Add(args) => args.run().await,
            Self::List(args) => args.run().await,
            Self::RevokeCertificate(args) => args.run().await,
        }
    }
}

impl Add {
    async fn run(self) -> Result<Exit, Failure> {
        let public_key_pem = fs::read_to_string(&self.file)
            .map_err(|e| Failure::new(Exit::Usage, format!("can't read {}: {e}", self.file.display())))?;
        if public_key_pem.contains("PRIVATE KEY") {
            return Err(Failure::new(Exit::Usage, format!("{} holds a private key", self.file.display()))
                .next("give the public half, the file that ends in .pub.pem; nothing was sent"));
        }
        let client = Session::open(&self.connection)?.client;
        let input = TrustKeyInput {
            name: self.name,
            public_key_pem,
            identities: self.identity,
            valid_from: self.valid_from,
            valid_until: None,
        };
        let key: TrustKeyView = client.create(&["trust-keys"], &input).await?;
        if self.json {
            return output::json(&key);
        }
        let since = if self.valid_from.is_some() { key.valid_from.as_str() } else { "now" };
        print(&format!("signatures of {} are trusted from {since} on (fingerprint {})", key.name, key.fingerprint))
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let keys: Vec<TrustKeyView> = Session::open(&self.connection)?.client.list(&["trust-keys"], &[]).await?;
        if self.json {
            return output::json(&keys);
        }
        let mut table = output::table(&["name", "fingerprint", "valid from", "until", "revoked"]);
        for key in keys {
            table.add_row([
                key.name,
                key.fingerprint,
                output::when(&key.valid_from),
                key.valid_until.as_deref().map(output::when).unwrap_or_default(),
                key.revoked_at.as_deref().map(output::when).unwrap_or_default(),
            ]);
        }
        output::rows(&table, "no key is trusted yet")
    }
}

impl RevokeCertificate {
    async fn run(self) -> Result<Exit, Failure> {
        let certificate = fingerprint(&self.certificate)?;
        let client = Session::open(&self.connection)?.client;
        let roots: Vec<TrustKeyView> = client.list(&["trust-keys"], &[]).await?;
        let authority = noted_under(&roots, self.authority.as_deref(), &certificate)?;
        let id = authority.id.to_string();
        let input = CertificateInput { certificate: certificate.clone() };
        let authority: TrustKeyView = client.create(&["trust-keys", &id, "revoked-certificates"], &input).await?;
        if self.json {
            return output::json(&authority);
        }
        print(&format!(
            "the certificate {certificate} is revoked under every authority of the workspace (noted at {}); what was \
             signed with it no longer leaves",
            authority.name
        ))
    }
}

/// Lowercase hex SHA-256 of the certificate that was named.
fn fingerprint(named: &str) -> Result<String, Failure> {
    // Other tools write "sha256 Fingerprint=" before it, and colons between its bytes.
    let digits = named.rsplit_once('=').map_or(named, |(_, digits)| digits).replace(':', "").to_ascii_lowercase();
    if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(digits);
    }
    let file = Path::new(named);
    if !file.exists() {
        let what = format!("{named} is neither a file nor the SHA-256 of a certificate, which has 64 hex digits");
        return Err(Failure::new(Exit::Usage, what)
            .next("name the certificate's PEM file, or what `openssl x509 -noout -fingerprint -sha256` says of it"));
    }
    match signing::read_chain(file)?.certificates() {
        [one] => Ok(hex::encode(&Sha256::digest(one))),
        many => {
            let what = format!("{named} holds {} certificates, and one is revoked at a time", many.len());
            let next = "put the one that is meant into a file of its own, or name it by its SHA-256; nothing was sent";
            Err(Failure::new(Exit::Usage, what).next(next))
        }
    }
}

/// The authority that notes a revocation. Which one it is makes no difference to what counts, as a certificate that is
/// revoked by its SHA-256 counts under none.
fn noted_under<'r>(
    roots: &'r [TrustKeyView],
    named: Option<&str>,
    certificate: &str,
) -> Result<&'r TrustKeyView, Failure> {
    let counting = || roots.iter().filter(|root| root.kind == "authority" && root.revoked_at.is_none());
    if let Some(root) = counting().find(|root| root.fingerprint == certificate) {
        let what = format!("this is the certificate of the authority {} itself, which is trusted here", root.name);
        return Err(Failure::new(Exit::Usage, what).next("revoke the authority, on the page of trusted keys"));
    }
    let meant: Vec<_> = counting().filter(|root| named.is_none_or(|name| root.name == name)).collect();
    let lacks = |root: &&&TrustKeyView| !root.revoked_certificates.iter().any(|one| one == certificate);
    // Where all of them have it, the registry says so.
    let found = meant.iter().find(lacks).or(meant.first()).copied();
    found.ok_or_else(|| {
        let what = match named {
            Some(name) => format!("no authority that is called {name} is trusted here"),
            None => "no authority is trusted here, so no certificate counts".to_owned(),
        };
        Failure::new(Exit::NotFound, what).next("see what is trusted with: plimsoll trust list")
    })
}
