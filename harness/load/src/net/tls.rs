//! TLS for whoever sends requests: which certificates are trusted, which are shown, and what a failed handshake means
//! in words that say what to do. Opens no connection and reads no file: texts come in, configurations go out.

use harness_core::tls::{Pems, TlsKey, TlsPlan};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, InvalidMessage,
    RootCertStore, SignatureScheme,
};
use std::sync::{Arc, OnceLock};

/// Sessions kept for resumption, over all hosts and workers.
const SESSIONS: usize = 1024;

/// Why a suite's `[target.tls]` can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TlsError {
    /// The key at fault.
    pub key: TlsKey,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub hint: String,
}

/// A client's certificate and its key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What is trusted, what is shown and what is asked for: everything of a TLS client but the protocols offered.
#[derive(Debug)]
pub struct Tls {
    provider: Arc<CryptoProvider>,
    /// The only authorities trusted; `None` for those of this machine.
    roots: Option<Arc<RootCertStore>>,
    insecure: bool,
    identity: Option<Identity>,
    server_name: Option<ServerName<'static>>,
    /// Made when it is first needed: a machine's authorities are many files, and most suites need none.
    verifier: OnceLock<Result<Arc<dyn ServerCertVerifier>, String>>,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            provider: Arc::new(ring::default_provider()),
            roots: None,
            insecure: false,
            identity: None,
            server_name: None,
            verifier: OnceLock::new(),
        }
    }
}

impl Tls {
    /// From what a suite says and the texts of its files. Fails on what is no certificate or no key, and on a key that
    /// is another certificate's.
    pub fn new(plan: &TlsPlan, pems: &Pems) -> Result<Self, TlsError> {
        let mut tls = Self {
            insecure: plan.insecure,
            ..Self::default()
        };
        if let (Some(name), Some(text)) = (&plan.ca, &pems.ca) {
            tls.roots = Some(Arc::new(roots(name, text)?));
        }
        if let (Some(cert), Some(key)) = (&plan.cert, &plan.key)
            && let (Some(cert_text), Some(key_text)) = (&pems.cert, &pems.key)
        {
            let chain = certificates(TlsKey::Cert, cert, cert_text)?;
            tls.identity = Some((chain, private_key(key, key_text)?));
        }
        if let Some(name) = &plan.server_name {
            match ServerName::try_from(name.clone()) {
                Ok(parsed @ ServerName::DnsName(_)) => tls.server_name = Some(parsed),
                _ => {
                    return Err(TlsError {
                        key: TlsKey::ServerName,
                        problem: format!("{name:?} is not the name of a server"),
                        hint: "write the host's name as its certificate has it, without scheme and port".into(),
                    });
                }
            }
        }
        tls.fits()?;
        Ok(tls)
    }

    /// Whether it is what a machine does without being told: its authorities, no identity, the URL's host.
    pub const fn is_plain(&self) -> bool {
        self.roots.is_none()
            && !self.insecure
            && self.identity.is_none()
            && self.server_name.is_none()
    }

    /// The name asked for and expected instead of the URL's host.
    pub const fn server_name(&self) -> Option<&ServerName<'static>> {
        self.server_name.as_ref()
    }

    /// A configuration that offers these protocols, the first the dearest; with `resumption`, sessions of connections
    /// made with it are kept for later ones. The error says why this machine can't.
    pub fn config(&self, alpn: &[&[u8]], resumption: bool) -> Result<Arc<ClientConfig>, String> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier()?);
        let mut config = match &self.identity {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| error.to_string())?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config.resumption = if resumption {
            Resumption::in_memory_sessions(SESSIONS)
        } else {
            Resumption::disabled()
        };
        Ok(Arc::new(config))
    }

    /// Whether the client's certificate and key belong together.
    fn fits(&self) -> Result<(), TlsError> {
        let Some((chain, key)) = &self.identity else {
            return Ok(());
        };
        let accepting: Arc<dyn ServerCertVerifier> = Arc::new(Anybody(Arc::clone(&self.provider)));
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map(|builder| {
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(accepting)
            });
        let shown = builder
            .and_then(|builder| builder.with_client_auth_cert(chain.clone(), key.clone_key()));
        match shown {
            Ok(_) => Ok(()),
            Err(Error::InconsistentKeys(_)) => Err(TlsError {
                key: TlsKey::Key,
                problem: "this key is not that of the certificate in `cert`".into(),
                hint: "name the key that the certificate was made for; if `cert` holds several certificates, the client's own must be the first".into(),
            }),
            Err(error) => Err(TlsError {
                key: TlsKey::Key,
                problem: format!("this key can't be used: {error}"),
                hint: "use an RSA key of 2048 bits or more, or one on the curves P-256, P-384 or Ed25519".into(),
            }),
        }
    }

    fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, String> {
        self.verifier.get_or_init(|| self.make_verifier()).clone()
    }

    fn make_verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, String> {
        let provider = Arc::clone(&self.provider);
        if self.insecure {
            return Ok(Arc::new(Anybody(provider)));
        }
        if let Some(roots) = &self.roots {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider).build();
            return verifier.map(|v| v as _).map_err(|error| error.to_string());
        }
        match rustls_platform_verifier::Verifier::new(provider) {
            Ok(verifier) => Ok(Arc::new(verifier)),
            Err(error) => Err(format!(
                "this machine's trusted authorities can't be read ({error}); install them (the package ca-certificates) or give [target.tls] a `ca`"
            )),
        }
    }
}

fn certificates(
    key: TlsKey,
    name: &str,
    text: &str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let problem = match read {
        Ok(found) if !found.is_empty() => return Ok(found),
        Ok(_) => format!("there is no certificate in `{name}`"),
        Err(error) => format!("`{name}` can't be read: {}", pem_words(&error)),
    };
    Err(TlsError {
        key,
        problem,
        hint: "it must be a PEM file with a part that begins `-----BEGIN CERTIFICATE-----`, whole and unchanged".into(),
    })
}

fn private_key(name: &str, text: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| TlsError {
        key: TlsKey::Key,
        problem: format!("`{name}` can't be read: {}", pem_words(&error)),
        hint: "it must be a PEM file with a part that begins `-----BEGIN PRIVATE KEY-----`, whole and without a passphrase".into(),
    })
}

/// What is wrong with a PEM file, without a byte of it.
fn pem_words(error: &rustls::pki_types::pem::Error) -> &'static str {
    use rustls::pki_types::pem::Error as Pem;
    match error {
        Pem::MissingSectionEnd { .. } => "a part of it has no end",
        Pem::IllegalSectionStart { .. } => "a part of it begins with a line that is none",
        Pem::Base64Decode(_) => "a part of it is not Base64",
        Pem::NoItemsFound => "nothing that is needed is in it",
        _ => "it is damaged",
    }
}

fn roots(name: &str, text: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(TlsKey::Ca, name, text)? {
        roots.add(certificate).map_err(|error| TlsError {
            key: TlsKey::Ca,
            problem: format!("a certificate in `{name}` can't be trusted: {error}"),
            hint: "name the certificate of the authority that signed the server's".into(),
        })?;
    }
    Ok(roots)
}

/// Accepts whoever answers, as `insecure` wants it. Signatures are checked all the same: a garbled handshake is no
/// handshake.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a failure of TLS means and what to do about it.
pub fn tls_words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => certificate_words(why),
        Error::AlertReceived(alert) => alert_words(*alert),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "what answers does not speak TLS: is it `http://`, or another port?".into()
        }
        Error::NoApplicationProtocol => "the server speaks none of the protocols offered".into(),
        other => format!("TLS failed: {other}"),
    }
}

fn certificate_words(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => "the server's certificate is signed by an authority that is not trusted here; give its certificate as `ca` in [target.tls]".into(),
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "the server's certificate is for {}, not for {}; ask for the right host, or set `server_name` in [target.tls]",
            names(presented),
            expected.to_str(),
        ),
        CertificateError::NotValidForName => "the server's certificate is for another name; ask for the right host, or set `server_name` in [target.tls]".into(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; it must be renewed".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; are the clocks right, here and there?".into()
        }
        CertificateError::Revoked => "the server's certificate was revoked; it must be replaced".into(),
        CertificateError::BadSignature => "the server's certificate carries a wrong signature: it is not from the authority it names; is `ca` in [target.tls] a newer one of the same name?".into(),
        other => format!("the server's certificate can't be accepted: {other}"),
    }
}

/// Names of a certificate, of which the library gives the form that programmers see: `DnsName("shop")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest);
        inner.trim_end_matches(')').trim_matches('"').to_owned()
    };
    let names: Vec<String> = presented.iter().map(bare).collect();
    if names.is_empty() {
        "no name".to_owned()
    } else {
        names.join(", ")
    }
}

fn alert_words(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => "the server demands a client certificate; give [target.tls] `cert` and `key`".into(),
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::DecryptError => format!(
            "the server does not accept the client certificate of [target.tls] (or that there is none): it says {alert:?}"
        ),
        AlertDescription::NoApplicationProtocol => "the server speaks none of the protocols offered; `version` in [load.http] says which those are".into(),
        AlertDescription::UnrecognisedName => "the server knows no host of this name; `server_name` in [target.tls] sets another".into(),
        AlertDescription::ProtocolVersion => "the server speaks no TLS that is spoken here (1.2 and 1.3)".into(),
        other => format!("the server broke the handshake off: it says {other:?}"),
    }
}
