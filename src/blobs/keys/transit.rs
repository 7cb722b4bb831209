//! A key that never leaves its service: Vault's and OpenBao's transit engine, which wraps and opens for us.

use super::{Answer, KeyError, KeyService, Wrapped, held::Held};
use crate::crypto::cobblestone::MessageKey;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::FutureExt;
use reqwest::{Client, Url, header::HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// Whoever reads or writes a file waits for so long.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_ANSWER_BYTES: usize = 64 << 10;

/// How the service is reached.
pub struct TransitSettings {
    /// Up to and without `/v1`.
    pub address: Url,
    /// Where the engine is mounted, mostly `transit`.
    pub mount: String,
    pub key: String,
    pub namespace: Option<String>,
    /// Read anew at each call, for agents that renew it.
    pub token_file: PathBuf,
    /// Authorities to believe besides the machine's own, as PEM.
    pub authorities: Option<String>,
}

pub struct Transit {
    settings: TransitSettings,
    http: Client,
    held: Held,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    data: Data,
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Data {
    ciphertext: Option<String>,
    plaintext: Option<String>,
}

impl Transit {
    /// Asks nothing of the service yet.
    ///
    /// # Errors
    /// When the authorities are no certificates.
    pub fn open(settings: TransitSettings) -> io::Result<Self> {
        let mut client = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
        if let Some(pem) = &settings.authorities {
            let authorities = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(io::Error::other)?;
            client = client.tls_certs_merge(authorities);
        }
        Ok(Self { settings, http: client.build().map_err(io::Error::other)?, held: Held::default() })
    }

    async fn ask(&self, verb: &str, body: &Value) -> Result<Data, KeyError> {
        let unreachable = |error: &dyn std::fmt::Display| KeyError::Unreachable(error.to_string());
        let Settings { url, token, namespace } = self.settings.of(verb)?;
        let mut request = self.http.post(url).header("X-Vault-Token", token).json(body);
        if let Some(namespace) = namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let mut answer = request.send().await.map_err(|error| unreachable(&error.without_url()))?;
        let status = answer.status();
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(&error.without_url()))? {
            if MOST_ANSWER_BYTES < bytes.len() + chunk.len() {
                return Err(unreachable(&"its answer is too long"));
            }
            bytes.extend_from_slice(&chunk);
        }
        let said: Option<Said> = serde_json::from_slice(&bytes).ok();
        match said {
            Some(said) if status.is_success() => Ok(said.data),
            // A service that is sealed, starting, or overloaded is one to ask again.
            said if status.is_server_error() || status.as_u16() == 429 => {
                let why = said.map(|said| said.errors.join("; ")).unwrap_or_default();
                Err(KeyError::Unreachable(format!("{status} {why}").trim_end().to_owned()))
            }
            said => {
                let why = said.map(|said| said.errors.join("; ")).unwrap_or_default();
                Err(KeyError::Refused(format!("{status} {why}").trim_end().to_owned()))
            }
        }
    }

    fn wrapped(&self, data: Data) -> Result<Wrapped, KeyError> {
        let text = data.ciphertext.ok_or_else(|| KeyError::Refused("an answer without a ciphertext".to_owned()))?;
        let version = text.strip_prefix("vault:").and_then(|rest| rest.split_once(':')).map(|(version, _)| version);
        let version = version.ok_or_else(|| KeyError::Refused("a ciphertext without a version".to_owned()))?;
        Ok(Wrapped { by: format!("{}/{} {version}", self.settings.mount, self.settings.key), text })
    }
}

struct Settings {
    url: Url,
    token: HeaderValue,
    namespace: Option<HeaderValue>,
}

impl TransitSettings {
    fn of(&self, verb: &str) -> Result<Settings, KeyError> {
        let refused = |what: String| KeyError::Refused(what);
        let mut url = self.address.clone();
        url.path_segments_mut()
            .map_err(|()| refused(format!("{} is no address of a service", self.address)))?
            .pop_if_empty()
            .push("v1")
            .extend(self.mount.split('/'))
            .extend([verb, &self.key]);
        let file = self.token_file.display();
        let token = std::fs::read_to_string(&self.token_file).map(Zeroizing::new);
        let token = token.map_err(|error| refused(format!("the token file {file} can't be read: {error}")))?;
        let mut token = HeaderValue::from_str(token.trim())
            .map_err(|_| refused(format!("what is in the token file {file} is no token")))?;
        token.set_sensitive(true);
        let namespace = self.namespace.as_deref().map(HeaderValue::from_str).transpose();
        let namespace = namespace.map_err(|_| refused("the namespace is none".to_owned()))?;
        Ok(Settings { url, token, namespace })
    }
}

impl KeyService for Transit {
    fn wrap<'a>(&'a self, key: &'a MessageKey) -> Answer<'a, Wrapped> {
        async {
            let data = self.ask("encrypt", &json!({ "plaintext": STANDARD.encode(key.as_bytes()) })).await?;
            self.wrapped(data)
        }
        .boxed()
    }

    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped) -> Answer<'a, Arc<MessageKey>> {
        async {
            if let Some(key) = self.held.get(wrapped, Instant::now()) {
                return Ok(key);
            }
            let data = self.ask("decrypt", &json!({ "ciphertext": wrapped.text })).await?;
            let closed = || KeyError::Closed(wrapped.by.clone());
            let text = Zeroizing::new(data.plaintext.ok_or_else(closed)?);
            let bytes = Zeroizing::new(STANDARD.decode(text.as_bytes()).map_err(|_| closed())?);
            let key = Arc::new(MessageKey::from_bytes(&bytes).ok_or_else(closed)?);
            self.held.put(wrapped, key.clone(), Instant::now());
            Ok(key)
        }
        .boxed()
    }

    fn rewrap<'a>(&'a self, wrapped: &'a Wrapped) -> Answer<'a, Wrapped> {
        async {
            let data = self.ask("rewrap", &json!({ "ciphertext": wrapped.text })).await?;
            let again = self.wrapped(data)?;
            // Under the same version nothing is gained by other bytes.
            Ok(if again.by == wrapped.by { wrapped.clone() } else { again })
        }
        .boxed()
    }
}
