//! Whose signatures count.

use super::{Exit, Failure, output, print, reference, session::Session};
use crate::{
    config::Client as Connection,
    trust::api::{TrustKeyInput, TrustKeyView},
};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use std::{fs, path::PathBuf};

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

impl Trust {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Add(args) => args.run().await,
            Self::List(args) => args.run().await,
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
