//! TLS of the listener, by rustls: a certificate and its key from files, read again when they change, so that a renewed
//! certificate needs no restart. What cannot be read then leaves the old one in force and is logged.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How often the files are looked at, by the connections that come.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path}: {message}; write a PEM file with the certificate first, then its chain")]
    Certificate { path: String, message: String },
    #[error("{path}: {message}; write a PEM file with the certificate's private key")]
    Key { path: String, message: String },
    #[error("the certificate and the key cannot be used: {0}; are they of each other?")]
    Pair(String),
}

/// When the files were written: what changes has another.
type Written = (Option<SystemTime>, Option<SystemTime>);

struct Loaded {
    acceptor: TlsAcceptor,
    written: Written,
    looked: Instant,
}

pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    loaded: Mutex<Loaded>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).field("key", &self.key).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// A file cannot be read or is not what it should be, or the key is of another certificate.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let written = written(certificate, key);
        let loaded = Loaded { acceptor: read(certificate, key)?, written, looked: Instant::now() };
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), loaded: Mutex::new(loaded) })
    }

    /// With the certificate as it is now. Small files, looked at twice a minute at most: read where it is.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.looked.elapsed() >= LOOK_AGAIN {
            loaded.looked = Instant::now();
            self.look(&mut loaded);
        }
        loaded.acceptor.clone()
    }

    fn look(&self, loaded: &mut Loaded) {
        let written = written(&self.certificate, &self.key);
        if written == loaded.written {
            return;
        }
        match read(&self.certificate, &self.key) {
            Ok(acceptor) => {
                tracing::info!(certificate = %self.certificate.display(), "the renewed certificate is in force");
                (loaded.acceptor, loaded.written) = (acceptor, written);
            }
            // Perhaps one file of two is written: looked at again.
            Err(error) => tracing::error!(%error, "the certificate in force stays the old one"),
        }
    }
}

fn written(certificate: &Path, key: &Path) -> Written {
    let of = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    (of(certificate), of(key))
}

fn read(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let bad = |message: String| TlsError::Certificate { path: certificate.display().to_string(), message };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| bad(error.to_string()))?;
    if chain.is_empty() {
        return Err(bad("it holds no certificate".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| TlsError::Key { path: key.display().to_string(), message: error.to_string() })?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| TlsError::Pair(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The stream after its handshake, which is bounded in time.
pub(crate) async fn handshake(
    acceptor: TlsAcceptor,
    stream: tokio::net::TcpStream,
    within: Duration,
) -> io::Result<tokio_rustls::server::TlsStream<tokio::net::TcpStream>> {
    match tokio::time::timeout(within, acceptor.accept(stream)).await {
        Ok(stream) => stream,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
