use crate::{
    blobs::keys::{KeyService, Keyring, Transit, TransitSettings},
    config::{
        accounts::{Secret, secret_variable_named},
        blobs::read,
    },
};
use clap::Args;
use reqwest::Url;
use std::{io, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc};

/// Whether files are encrypted, and who has the key.
#[derive(Args, Clone, Debug)]
pub struct Encryption {
    /// A file of keys with which whatever comes is encrypted: a name and 32 bytes in base64 on each line, the newest first
    /// (docs/encryption.md). PLIMSOLL_ENCRYPTION_KEYS holds the same lines instead, separated by commas.
    #[arg(long, env = "PLIMSOLL_ENCRYPTION_KEY_FILE", value_name = "FILE")]
    pub encryption_key_file: Option<PathBuf>,
    /// The keys themselves, from the environment only: arguments are visible to everyone.
    #[arg(skip = secret_variable_named("PLIMSOLL_ENCRYPTION_KEYS"))]
    pub encryption_keys: Option<Secret>,
    /// Address of a Vault or OpenBao whose transit engine holds the key instead, such as `https://vault.example:8200`.
    #[arg(long, env = "PLIMSOLL_ENCRYPTION_VAULT", value_name = "URL", requires = "encryption_vault_token_file")]
    pub encryption_vault: Option<Url>,
    /// The name of its key.
    #[arg(long, env = "PLIMSOLL_ENCRYPTION_VAULT_KEY", default_value = "plimsoll", value_name = "NAME")]
    pub encryption_vault_key: String,
    /// Where its transit engine is mounted.
    #[arg(long, env = "PLIMSOLL_ENCRYPTION_VAULT_MOUNT", default_value = "transit", value_name = "PATH")]
    pub encryption_vault_mount: String,
    /// The namespace it is in.
    #[arg(long, env = "PLIMSOLL_ENCRYPTION_VAULT_NAMESPACE", value_name = "NAME")]
    pub encryption_vault_namespace: Option<String>,
    /// A file with a token for it, read again whenever it is used.
    #[arg(long, env = "PLIMSOLL_ENCRYPTION_VAULT_TOKEN_FILE", value_name = "FILE")]
    pub encryption_vault_token_file: Option<PathBuf>,
    /// Authorities to believe besides the machine's own (PEM), for a Vault with a certificate of a private one.
    #[arg(long, env = "PLIMSOLL_ENCRYPTION_VAULT_CA_FILE", value_name = "FILE")]
    pub encryption_vault_ca_file: Option<PathBuf>,
}

impl Encryption {
    /// Who wraps the keys of files; `None` where files are not encrypted.
    ///
    /// # Errors
    /// When there is more than one who could, a file can't be read or can be read by others, or holds no keys.
    pub(super) fn keys(&self) -> io::Result<Option<Arc<dyn KeyService>>> {
        let told = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
        let keyring = match (&self.encryption_key_file, &self.encryption_keys) {
            (Some(_), Some(_)) => {
                return Err(told("give the encryption keys in a file or in the environment, not in both".to_owned()));
            }
            (Some(file), None) => {
                let mode = std::fs::metadata(file).map(|about| about.permissions().mode() & 0o777);
                let name = file.display();
                let mode = mode.map_err(|error| told(format!("--encryption-key-file {name}: {error}")))?;
                if mode & 0o077 != 0 {
                    return Err(told(format!(
                        "{name} opens every stored file and is for others too (mode {mode:03o}): run chmod 600 {name}"
                    )));
                }
                Some((name.to_string(), zeroize::Zeroizing::new(read(file)?)))
            }
            (None, Some(keys)) => {
                Some(("PLIMSOLL_ENCRYPTION_KEYS".to_owned(), zeroize::Zeroizing::new(keys.to_string())))
            }
            (None, None) => None,
        };
        match (keyring, &self.encryption_vault) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(told("give encryption keys or name a Vault, not both".to_owned())),
            (Some((name, text)), None) => {
                let ring = Keyring::parse(&text).map_err(|error| told(format!("{name}: {error}")))?;
                Ok(Some(Arc::new(ring)))
            }
            (None, Some(address)) => Ok(Some(Arc::new(self.transit(address)?))),
        }
    }

    fn transit(&self, address: &Url) -> io::Result<Transit> {
        let told = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
        let is_here = matches!(address.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if address.scheme() != "https" && !(address.scheme() == "http" && is_here) {
            return Err(told(format!(
                "keys of files go to {address} and back: it has to be https, or http on this machine"
            )));
        }
        let Some(token_file) = self.encryption_vault_token_file.clone() else {
            return Err(told("a Vault needs a token: name its file with --encryption-vault-token-file".to_owned()));
        };
        Transit::open(TransitSettings {
            address: address.clone(),
            mount: self.encryption_vault_mount.clone(),
            key: self.encryption_vault_key.clone(),
            namespace: self.encryption_vault_namespace.clone(),
            token_file,
            authorities: self.encryption_vault_ca_file.as_deref().map(read).transpose()?,
        })
    }

    /// The effective values, with secrets masked.
    pub(super) fn effective(&self) -> Vec<(&'static str, String)> {
        let named = |file: &Option<PathBuf>| file.as_ref().map_or_else(String::new, |file| file.display().to_string());
        let secret = |secret: &Option<Secret>| secret.as_ref().map_or_else(String::new, |_| "***".to_owned());
        vec![
            ("PLIMSOLL_ENCRYPTION_KEY_FILE", named(&self.encryption_key_file)),
            ("PLIMSOLL_ENCRYPTION_KEYS", secret(&self.encryption_keys)),
            ("PLIMSOLL_ENCRYPTION_VAULT", self.encryption_vault.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("PLIMSOLL_ENCRYPTION_VAULT_KEY", self.encryption_vault_key.clone()),
            ("PLIMSOLL_ENCRYPTION_VAULT_MOUNT", self.encryption_vault_mount.clone()),
            ("PLIMSOLL_ENCRYPTION_VAULT_NAMESPACE", self.encryption_vault_namespace.clone().unwrap_or_default()),
            ("PLIMSOLL_ENCRYPTION_VAULT_TOKEN_FILE", named(&self.encryption_vault_token_file)),
            ("PLIMSOLL_ENCRYPTION_VAULT_CA_FILE", named(&self.encryption_vault_ca_file)),
        ]
    }
}
