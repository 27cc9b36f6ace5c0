//! Authorities, certificates and servers made for one test: HTTP/1.1 and HTTP/2 over TLS, on a port of their own.

#![allow(dead_code, reason = "each test binary uses its part of it")]

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Who signs certificates.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as files.
pub(crate) struct Signed {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn sign(&self, params: &CertificateParams) -> Signed {
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap().pem();
        Signed {
            cert,
            key: key.serialize_pem(),
        }
    }

    /// A server's certificate for these names.
    pub(crate) fn server(&self, names: &[&str]) -> Signed {
        self.sign(&server_params(names))
    }

    /// One that ended long ago.
    pub(crate) fn expired(&self, names: &[&str]) -> Signed {
        let mut params = server_params(names);
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        self.sign(&params)
    }

    /// A client's certificate.
    pub(crate) fn client(&self, name: &str) -> Signed {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }
}

fn server_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// What a server shows and demands.
pub(crate) struct Setup<'a> {
    pub(crate) signed: &'a Signed,
    /// Whose clients are let in; `None` for anybody.
    pub(crate) clients_of: Option<&'a Authority>,
    pub(crate) alpn: &'a [&'a str],
}

impl Setup<'_> {
    pub(crate) fn config(&self) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match self.clients_of {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                roots
                    .add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap())
                    .unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = CertificateDer::pem_slice_iter(self.signed.cert.as_bytes())
            .map(Result::unwrap)
            .collect();
        let key = PrivateKeyDer::from_pem_slice(self.signed.key.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = self.alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
        config
    }
}

/// What a server has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) handshakes: AtomicU64,
    pub(crate) resumed: AtomicU64,
    pub(crate) http1: AtomicU64,
    pub(crate) http2: AtomicU64,
    /// Names asked for (SNI).
    pub(crate) names: Mutex<Vec<String>>,
    /// `Host` headers and authorities.
    pub(crate) hosts: Mutex<Vec<String>>,
}

/// A server that answers everything with `200` and `{"ok":true}`; gone when dropped.
pub(crate) struct Https {
    pub(crate) port: u16,
    pub(crate) seen: Arc<Seen>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Https {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Https {
    pub(crate) async fn start(setup: Setup<'_>) -> Self {
        Self::start_at(setup, 0).await
    }

    /// On a port that somebody chose.
    pub(crate) async fn start_at(setup: Setup<'_>, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(setup.config()));
        let seen = Arc::new(Seen::default());
        let counts = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&counts));
                tokio::spawn(async move {
                    // A client that does not like what it sees leaves.
                    let _ = serve(stream, acceptor, &seen).await;
                });
            }
        });
        Self { port, seen, task }
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.port)
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, seen: &Seen) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut stream = acceptor.accept(stream).await.ok()?;
    let connection = stream.get_ref().1;
    seen.handshakes.fetch_add(1, Ordering::SeqCst);
    if connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
        seen.resumed.fetch_add(1, Ordering::SeqCst);
    }
    if let Some(name) = connection.server_name() {
        seen.names.lock().unwrap().push(name.to_owned());
    }
    if connection.alpn_protocol() == Some(b"h2") {
        return http2(stream, seen).await;
    }
    loop {
        let mut read = Vec::new();
        while !read.windows(4).any(|four| four == b"\r\n\r\n") {
            if stream.read_buf(&mut read).await.ok()? == 0 {
                return None;
            }
        }
        seen.http1.fetch_add(1, Ordering::SeqCst);
        let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
        let host = text.lines().find_map(|line| line.strip_prefix("host: "));
        seen.hosts.lock().unwrap().extend(host.map(str::to_owned));
        let close = text.contains("connection: close");
        let said = if close { "connection: close\r\n" } else { "" };
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n{said}\r\n{{\"ok\":true}}"
        );
        stream.write_all(answer.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        if close {
            return stream.shutdown().await.ok();
        }
    }
}

async fn http2(stream: tokio_rustls::server::TlsStream<TcpStream>, seen: &Seen) -> Option<()> {
    let mut connection = h2::server::handshake(stream).await.ok()?;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        seen.http2.fetch_add(1, Ordering::SeqCst);
        let host = request.uri().authority().map(ToString::to_string);
        seen.hosts.lock().unwrap().extend(host);
        let answer = http::Response::builder()
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        let mut body = respond.send_response(answer, false).ok()?;
        body.send_data(bytes::Bytes::from_static(b"{\"ok\":true}"), true)
            .ok()?;
    }
    Some(())
}
