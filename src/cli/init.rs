//! What a person needs before the first push: a description of the model and a signing key.

use super::{
    Exit, Failure, output,
    profile::{signing_key_file, write_private},
    push::card::{CARD_FILE, template},
    reference,
};
use crate::{config::Client as Connection, crypto::keys::SigningKey};
use clap::Args;
use serde_json::json;
use std::{fs, io::Write, path::PathBuf};

#[derive(Args)]
pub struct Init {
    /// The folder that holds the model's files, or its versions.
    dir: PathBuf,
    /// The name under which the model will be registered.
    #[arg(long, value_parser = reference::name)]
    model: String,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of lines.
    #[arg(long)]
    json: bool,
}

impl Init {
    pub fn run(self) -> Result<Exit, Failure> {
        let card = self.dir.join(CARD_FILE);
        fs::create_dir_all(&self.dir).map_err(|e| Failure::other(format!("can't make {}: {e}", self.dir.display())))?;
        match fs::File::create_new(&card) {
            Ok(mut file) => {
                file.write_all(template(&self.model).as_bytes()).map_err(Failure::other)?;
                say!("wrote {}: fill in what says TODO before you push", card.display());
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                say!("{} is there already and was left as it is", card.display());
            }
            Err(e) => return Err(Failure::other(format!("can't write {}: {e}", card.display()))),
        }
        let private = signing_key_file(&self.connection);
        if !private.exists() {
            let key = SigningKey::generate().map_err(Failure::other)?;
            write_private(&private, &key.to_pem(), false)?;
            say!("made a signing key in {}: keep it to yourself", private.display());
        }
        let key = read_signing_key(&self.connection)?.verifying_key();
        let public = private.with_extension("pub.pem");
        fs::write(&public, key.to_pem())
            .map_err(|e| Failure::other(format!("can't write {}: {e}", public.display())))?;
        let (public, fingerprint) = (public.display().to_string(), key.fingerprint());
        if self.json {
            return output::json(&json!({"card": card, "public_key": public, "fingerprint": fingerprint}));
        }
        say!("next: ask an administrator to trust it: plimsoll trust add NAME {public}");
        super::print(&output::fields(&[("public key", public), ("fingerprint", fingerprint)]))
    }
}

pub fn read_signing_key(connection: &Connection) -> Result<SigningKey, Failure> {
    let file = signing_key_file(connection);
    let text = fs::read_to_string(&file).map_err(|e| {
        Failure::new(Exit::Usage, format!("no signing key in {}: {e}", file.display()))
            .next("plimsoll init DIR --model NAME makes one")
    })?;
    SigningKey::from_pem(&text).map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", file.display())))
}
