//! TLS in the service itself: a certificate that is read again when its files change, and certificates of
//! those who pull, if the operator asks for them.

use crate::{config::Tls, error::Error};
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{dev::Extensions, rt::net::TcpStream};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier,
    },
    sign::CertifiedKey,
};
use sha2::{Digest as _, Sha256};
use std::{
    any::Any,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{signal::unix, sync::watch};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The certificate that is shown at present, and where it is read from.
pub struct Shown {
    certificate: PathBuf,
    key: PathBuf,
    now: RwLock<Arc<CertifiedKey>>,
    /// Of what was read last, whether or not it could be used.
    seen: RwLock<[u8; 32]>,
}

/// Over which callers come: what is shown to them, and by what their certificates are looked at.
pub struct Edge {
    pub config: ServerConfig,
    pub callers: Option<Callers>,
}

/// Looks at the certificates of callers.
pub type Callers = Arc<dyn ClientCertVerifier>;

/// Somebody showed a certificate of the operator's authority in the handshake.
pub struct Presented {
    chain: Vec<CertificateDer<'static>>,
    callers: Callers,
}

impl Presented {
    /// Whether it is good now: a connection may outlive what it was opened with.
    pub fn is_good(&self) -> bool {
        let Some((own, between)) = self.chain.split_first() else { return false };
        self.callers.verify_client_cert(own, between, UnixTime::now()).is_ok()
    }
}

impl Shown {
    /// # Errors
    /// `Invalid` when the files are no certificate and its key.
    pub async fn open(files: &Tls) -> Result<Option<Arc<Self>>, Error> {
        let (Some(certificate), Some(key)) = (&files.tls_cert, &files.tls_key) else { return Ok(None) };
        let read = read(certificate, key).await?;
        let first = certified(&read).map_err(|why| unusable(certificate, &why))?;
        Ok(Some(Arc::new(Self {
            certificate: certificate.clone(),
            key: key.clone(),
            now: RwLock::new(Arc::new(first)),
            seen: RwLock::new(read.digest()),
        })))
    }

    /// Reads the files again if they are others than before; says whether another certificate is shown from now on.
    ///
    /// # Errors
    /// When they cannot be used; the certificate before is shown as long as that is so.
    pub async fn reload(&self) -> Result<bool, Error> {
        let read = read(&self.certificate, &self.key).await?;
        let digest = read.digest();
        if *self.seen.read().unwrap_or_else(PoisonError::into_inner) == digest {
            return Ok(false);
        }
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = digest;
        let next = certified(&read).map_err(|why| unusable(&self.certificate, &why))?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(true)
    }

    /// TLS 1.2 and 1.3 as rustls has them. With an authority, callers may show a certificate of it; who must is for
    /// `policy` to say.
    pub async fn config(self: &Arc<Self>, client_ca: Option<&Path>) -> Result<Edge, Error> {
        let provider = provider();
        let versions = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let versions = versions.map_err(Error::internal)?;
        let Some(file) = client_ca else {
            let config = versions.with_no_client_auth().with_cert_resolver(self.clone());
            return Ok(Edge { config, callers: None });
        };
        let pem = tokio::fs::read(file).await.map_err(|e| unusable(file, &e.to_string()))?;
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(&pem) {
            let authority = authority.map_err(|e| unusable(file, &e.to_string()))?;
            roots.add(authority).map_err(|e| unusable(file, &e.to_string()))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .allow_unauthenticated()
            .build()
            .map_err(|e| unusable(file, &e.to_string()))?;
        let mut config = versions.with_client_cert_verifier(verifier.clone()).with_cert_resolver(self.clone());
        // A connection that is taken up again would bring its old certificate along without another look at its end.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Edge { config, callers: Some(verifier) })
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Looks at the files every few seconds, and at once when the process is told to (SIGHUP).
pub async fn watch(shown: Arc<Shown>, mut stopped: watch::Receiver<bool>) {
    let Ok(mut told) = unix::signal(unix::SignalKind::hangup()) else { return };
    let mut trouble = Trouble::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = told.recv() => {}
            _ = stopped.changed() => return,
        }
        let done = shown.reload().await;
        match &done {
            Ok(true) => tracing::info!("the certificate was replaced; new connections see the new one"),
            Ok(false) => {}
            Err(error) if trouble.is_new(error) => {
                tracing::error!(%error, "the certificate could not be read again; the one before is shown");
            }
            Err(_) => {}
        }
        if done.is_ok() {
            trouble = Trouble::default();
        }
    }
}

/// What went wrong when the files were looked at last: said once, and not every few seconds.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn is_new(&mut self, error: &Error) -> bool {
        let said = error.to_string();
        let is_new = self.0.as_ref() != Some(&said);
        self.0 = Some(said);
        is_new
    }
}

/// Notes for the requests of a connection that a certificate was shown in its handshake.
pub fn note_certificate(callers: Option<&Callers>, connection: &dyn Any, of_it: &mut Extensions) {
    let Some(callers) = callers else { return };
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
    if let Some(chain) = stream.get_ref().1.peer_certificates().filter(|chain| !chain.is_empty()) {
        let chain = chain.iter().map(|one| one.clone().into_owned()).collect();
        of_it.insert(Presented { chain, callers: callers.clone() });
    }
}

struct Read {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Read {
    fn digest(&self) -> [u8; 32] {
        Sha256::new().chain_update(Sha256::digest(&self.certificate)).chain_update(&self.key).finalize().into()
    }
}

async fn read(certificate: &Path, key: &Path) -> Result<Read, Error> {
    let bytes = async |file: &Path| tokio::fs::read(file).await.map_err(|e| unusable(file, &e.to_string()));
    Ok(Read { certificate: bytes(certificate).await?, key: bytes(key).await? })
}

fn certified(read: &Read) -> Result<CertifiedKey, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read.certificate)
        .collect::<Result<_, _>>()
        .map_err(|e| format!("it holds no certificate in PEM: {e}"))?;
    if chain.is_empty() {
        return Err("it holds no certificate in PEM".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(&read.key).map_err(|e| format!("its key is no private key in PEM: {e}"))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|e| format!("it and its key do not work together: {e}"))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn unusable(file: &Path, why: &str) -> Error {
    Error::invalid("tls", format!("{} cannot be used: {why}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_wrong_is_said_once_until_it_is_something_else() {
        let (gone, half) = (Error::invalid("tls", "it is gone"), Error::invalid("tls", "it is half"));
        let mut trouble = Trouble::default();
        let said = [&gone, &gone, &half, &half, &gone].map(|error| trouble.is_new(error));
        assert_eq!(said, [true, false, true, false, true]);
    }
}
