//! Checks a server's certificate, and finds out why one is not accepted.

use std::error::Error;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

use crate::model::Timestamp;

/// How many of a certificate's names are shown.
const MAX_NAMES: usize = 3;

/// The longest name that is shown, since the server chose it.
const MAX_NAME: usize = 80;

/// Accepts what webpki accepts. If webpki refuses a certificate, this says why in our own words:
/// webpki's `UnknownIssuer` may mean a certificate that the server forgot to send or an unknown
/// authority.
#[derive(Debug)]
pub(crate) struct Verifier {
    /// `None` if no authority is trusted.
    inner: Option<Arc<WebPkiServerVerifier>>,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

/// What is wrong with a certificate that a server showed. Names in it come from the server, cut and
/// cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Distrust {
    /// It was issued by an authority that is not trusted.
    UnknownAuthority { issuer: String },
    /// The server did not send the certificate of its issuer, which is needed.
    MissingIntermediate { issuer: String },
    /// It is self-signed.
    SelfSigned,
    /// It is the certificate of an authority, not of a server.
    OfAnAuthority,
    /// A trusted authority has that name but another key.
    OtherKey { issuer: String },
    /// It, or one above it, is not valid yet.
    NotYetValid { from: Timestamp, now: Timestamp },
    /// It, or one above it, has expired.
    Expired { until: Timestamp, now: Timestamp },
    /// It is for other names.
    OtherName { names: Vec<String>, n_more: usize },
    /// No authority is trusted at all.
    NobodyTrusted,
    /// Something else.
    Unusable(&'static str),
}

/// A [`Distrust`] on its way through rustls.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the certificate is not accepted")]
pub(crate) struct Refused(pub(crate) Distrust);

impl Verifier {
    pub(crate) fn new(roots: &Arc<RootCertStore>, provider: &Arc<CryptoProvider>) -> Self {
        let inner =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider));
        Self {
            // Fails only if there are no roots, since there are no revocation lists.
            inner: inner.build().ok(),
            roots: Arc::clone(roots),
            provider: Arc::clone(provider),
        }
    }

    /// Finds out why a certificate was refused.
    fn explain(&self, error: &rustls::Error, shown: &[&[u8]]) -> Distrust {
        let Some(chain) = parsed(shown) else {
            return Distrust::Unusable("it cannot be read");
        };
        let Some(leaf) = chain.first() else {
            return Distrust::Unusable("there is none");
        };
        let rustls::Error::InvalidCertificate(error) = error else {
            return Distrust::Unusable("it cannot be read");
        };
        match error {
            CertificateError::ExpiredContext { time, not_after } => Distrust::Expired {
                until: moment(*not_after),
                now: moment(*time),
            },
            CertificateError::NotValidYetContext { time, not_before } => Distrust::NotYetValid {
                from: moment(*not_before),
                now: moment(*time),
            },
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                other_name(leaf)
            }
            // The last case: an authority of that name has a key of another kind.
            CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                self.climb(&chain)
            }
            CertificateError::Revoked => Distrust::Unusable("it was revoked"),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Distrust::Unusable("it is not for servers (its extended key usage says so)")
            }
            CertificateError::BadEncoding => Distrust::Unusable("it cannot be read"),
            // webpki checks this first, so it would hide what is wrong with the issuer.
            _ if leaf.is_ca() => Distrust::OfAnAuthority,
            CertificateError::UnsupportedSignatureAlgorithmContext { .. } => Distrust::Unusable(
                "it is signed in a way that is too old or not known, as by SHA-1",
            ),
            CertificateError::UnhandledCriticalExtension => {
                Distrust::Unusable("it has a critical extension that is not known")
            }
            _ => Distrust::Unusable("it breaks the rules for certificates"),
        }
    }

    /// Follows the chain up from the server's certificate as far as issuers were shown, and says
    /// what is wrong where it ends.
    fn climb(&self, chain: &[X509Certificate<'_>]) -> Distrust {
        let known = self.roots.subjects();
        let is_known =
            |name: &X509Name<'_>| known.iter().any(|known| known.as_ref() == name.as_raw());
        let Some(leaf) = chain.first() else {
            return Distrust::Unusable("there is none");
        };
        let mut at = leaf;
        // Each step goes up one certificate. There are as many steps as certificates, so that a
        // circular chain comes to an end.
        for _ in chain {
            let issuer = at.issuer();
            let is_own = issuer.as_raw() == at.subject().as_raw();
            if is_known(issuer) {
                return Distrust::OtherKey {
                    issuer: in_words(issuer),
                };
            }
            if is_own {
                break;
            }
            let above = chain.iter().skip(1);
            let above = above
                .filter(|above| above.subject().as_raw() == issuer.as_raw())
                .find(|above| above.tbs_certificate.as_ref() != at.tbs_certificate.as_ref());
            match above {
                Some(above) => at = above,
                None => break,
            }
        }
        let (is_leaf, issuer) = (std::ptr::eq(at, leaf), at.issuer());
        let is_own = issuer.as_raw() == at.subject().as_raw();
        let issuer = in_words(issuer);
        match (is_leaf, is_own) {
            (true, true) => Distrust::SelfSigned,
            (true, false) => Distrust::MissingIntermediate { issuer },
            (false, _) => Distrust::UnknownAuthority { issuer },
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let why = match &self.inner {
            None => Distrust::NobodyTrusted,
            Some(inner) => {
                let verified = inner.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                );
                let error = match verified {
                    Ok(verified) => return Ok(verified),
                    Err(error) => error,
                };
                let shown = std::iter::once(end_entity).chain(intermediates);
                let shown: Vec<&[u8]> = shown.map(AsRef::as_ref).collect();
                self.explain(&error, &shown)
            }
        };
        let refused: Arc<dyn Error + Send + Sync> = Arc::new(Refused(why));
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(
            OtherError(refused),
        )))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn parsed<'a>(shown: &[&'a [u8]]) -> Option<Vec<X509Certificate<'a>>> {
    let read = shown.iter().map(|der| X509Certificate::from_der(der));
    read.map(|read| read.ok().map(|(_rest, certificate)| certificate))
        .collect()
}

fn moment(time: UnixTime) -> Timestamp {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_millis(seconds.saturating_mul(1000))
}

fn other_name(leaf: &X509Certificate<'_>) -> Distrust {
    let alternative = leaf.subject_alternative_name().ok().flatten();
    let all = alternative.map(|names| names.value.general_names.as_slice());
    let mut names = Vec::new();
    for name in all.unwrap_or_default() {
        match name {
            GeneralName::DNSName(name) => names.push(clean(name)),
            GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
            _ => {}
        }
    }
    let n_more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    Distrust::OtherName { names, n_more }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(sixteen).to_string())
}

/// Returns what people call the holder of a name: its common name, or else its organization.
fn in_words(name: &X509Name<'_>) -> String {
    let parts = name.iter_common_name().chain(name.iter_organization());
    let text = parts
        .filter_map(|part| part.as_str().ok())
        .find(|text| !text.is_empty());
    match text {
        Some(text) => clean(text),
        None => clean(&name.to_string()),
    }
}

/// Removes characters that a terminal acts on, and cuts the text.
fn clean(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == ' ' || c.is_ascii_punctuation();
    let mut cleaned: String = text
        .chars()
        .take(MAX_NAME)
        .map(|c| if plain(c) && c != '`' { c } else { '?' })
        .collect();
    if text.chars().nth(MAX_NAME).is_some() {
        cleaned.push('…');
    }
    cleaned
}
