//! Certificates and keys, checked when they are read.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::model::Timestamp;
use crate::secret::Secret;

/// The authorities that may vouch for a server, in place of those that the machine trusts.
#[derive(Clone)]
pub struct Authorities {
    roots: Arc<RootCertStore>,
}

/// Our client certificate, with its chain and its key.
#[derive(Clone)]
pub struct ClientCertificate {
    certified: Arc<CertifiedKey>,
    expires: Option<Timestamp>,
}

/// The certificate that we show to clients, with its chain and its key.
#[derive(Clone)]
pub struct ServerCertificate {
    certified: Arc<CertifiedKey>,
    expires: Option<Timestamp>,
}

/// Why a text is not a certificate, or not a key to one. No message contains any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificate {
    /// There is no certificate.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// One of the certificates cannot be read.
    #[error("certificate {n} in it cannot be read")]
    BadCertificate {
        /// Which one, counted from 1.
        n: usize,
    },
    /// There is no key that could be used.
    #[error("there is no private key in it, or one with a passphrase or of an unknown kind")]
    BadKey,
    /// Certificate and key do not belong together.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

/// A client certificate that has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client certificate expired at {at}")]
pub struct Expired {
    /// When it expired.
    pub at: Timestamp,
}

impl Authorities {
    /// Reads one or more certificates in PEM. Text around them is ignored.
    pub fn parse(pem: &str) -> Result<Self, InvalidCertificate> {
        let certificates = certificates(pem)?;
        let mut roots = RootCertStore::empty();
        for (i, certificate) in certificates.into_iter().enumerate() {
            let added = roots.add(certificate);
            added.map_err(|_source| InvalidCertificate::BadCertificate { n: i + 1 })?;
        }
        Ok(Self {
            roots: Arc::new(roots),
        })
    }

    /// Returns the authorities in the form that certificate checks use.
    pub(crate) fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }
}

impl ClientCertificate {
    /// Reads a certificate, followed by its chain, and its key, all in PEM.
    pub fn parse(chain: &str, key: &Secret) -> Result<Self, InvalidCertificate> {
        let (certified, expires) = certified(chain, key)?;
        Ok(Self { certified, expires })
    }

    /// Returns when it expires, `None` if that cannot be read, or an error if it expired before
    /// `now`.
    pub fn expiry(&self, now: Timestamp) -> Result<Option<Timestamp>, Expired> {
        match self.expires {
            Some(at) if at < now => Err(Expired { at }),
            expires => Ok(expires),
        }
    }

    /// Returns certificates and key in the form that the TLS client shows to a server.
    pub(crate) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }
}

impl ServerCertificate {
    /// Reads a certificate, followed by its chain, and its key, all in PEM.
    pub fn parse(chain: &str, key: &Secret) -> Result<Self, InvalidCertificate> {
        let (certified, expires) = certified(chain, key)?;
        Ok(Self { certified, expires })
    }

    /// Returns when it expires; `None` if that cannot be read.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Returns whether it is the same certificate as another.
    pub fn is_same(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }

    /// Returns certificate and key in the form that the TLS server shows to clients.
    pub(crate) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }
}

impl InvalidCertificate {
    /// Returns what an operator can do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NoCertificate => {
                "name a file in PEM: it has a line `-----BEGIN CERTIFICATE-----`"
            }
            Self::BadCertificate { .. } => {
                "copy it again from where it was issued; `openssl x509 -noout -text -in FILE` reads it"
            }
            Self::BadKey => {
                "write the key in PEM without a passphrase: `openssl pkey -in FILE` does so"
            }
            Self::Mismatch => "name the key that the certificate was requested with",
        }
    }
}

impl Expired {
    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(self) -> &'static str {
        "tls.client-certificate-expired"
    }

    /// Returns what an operator can do about it.
    pub fn remedy(self) -> &'static str {
        "have a new one issued, put it into `client_cert_file` and start again"
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.roots.len())
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Reads a certificate with its chain and its key. Returns also when it expires.
fn certified(
    chain: &str,
    key: &Secret,
) -> Result<(Arc<CertifiedKey>, Option<Timestamp>), InvalidCertificate> {
    let certificates = certificates(chain)?;
    let expires = certificates.first().and_then(|leaf| not_after(leaf));
    let private = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_source| InvalidCertificate::BadKey)?;
    let provider = rustls::crypto::ring::default_provider();
    let certified =
        CertifiedKey::from_der(certificates, private, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => InvalidCertificate::Mismatch,
            rustls::Error::InvalidCertificate(_) => InvalidCertificate::BadCertificate { n: 1 },
            _ => InvalidCertificate::BadKey,
        })?;
    Ok((Arc::new(certified), expires))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, InvalidCertificate> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .enumerate()
        .map(|(i, found)| found.map_err(|_source| InvalidCertificate::BadCertificate { n: i + 1 }))
        .collect();
    let found = found?;
    if found.is_empty() {
        return Err(InvalidCertificate::NoCertificate);
    }
    Ok(found)
}

/// Reads when a certificate expires.
fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let seconds = certificate.validity().not_after.timestamp();
    Some(Timestamp::from_millis(seconds.saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// Makes a certificate that expires on a day of that year, and its key.
    fn issued(year: i32) -> (String, Secret) {
        let mut params = CertificateParams::new(vec!["roster.example.com".into()]).unwrap();
        params.not_after = date_time_ymd(year, 3, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), Secret::new(&key.serialize_pem()))
    }

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_certificate_and_its_key_belong_together() {
        let ((chain, key), (other, _)) = (issued(2040), issued(2040));
        let broken = chain.replacen('M', "%", 1);
        let short = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let sealed = include_str!("../tests/keys/encrypted.pem");
        for (chain, key, expected) in [
            (chain.as_str(), key.clone(), None),
            (&format!("{chain}{other}"), key.clone(), None),
            (&other, key.clone(), Some(InvalidCertificate::Mismatch)),
            ("", key.clone(), Some(InvalidCertificate::NoCertificate)),
            (
                key.expose(),
                key.clone(),
                Some(InvalidCertificate::NoCertificate),
            ),
            (
                &broken,
                key.clone(),
                Some(InvalidCertificate::BadCertificate { n: 1 }),
            ),
            (
                short,
                key.clone(),
                Some(InvalidCertificate::BadCertificate { n: 1 }),
            ),
            (
                &chain,
                Secret::new(&other),
                Some(InvalidCertificate::BadKey),
            ),
            (
                &chain,
                Secret::new(sealed),
                Some(InvalidCertificate::BadKey),
            ),
        ] {
            let found = ClientCertificate::parse(chain, &key).err();

            assert_eq!(found, expected, "{chain}");
        }
    }

    #[test]
    fn authorities_are_certificates_in_pem() {
        let ((one, key), (two, _)) = (issued(2040), issued(2040));
        let both = format!("Corp Root\n{one}\n# and the next\n{two}");
        let short = format!("{one}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        for (pem, expected) in [
            (one.as_str(), Ok(1)),
            (&both, Ok(2)),
            ("", Err(InvalidCertificate::NoCertificate)),
            (key.expose(), Err(InvalidCertificate::NoCertificate)),
            (&short, Err(InvalidCertificate::BadCertificate { n: 2 })),
        ] {
            let found = Authorities::parse(pem).map(|all| all.roots().len());

            assert_eq!(found, expected, "{pem}");
        }
    }

    #[test]
    fn the_end_of_a_certificate_is_known_also_beyond_2049() {
        for (year, now, expected) in [
            (
                2040,
                "2040-02-28T23:59:59Z",
                Ok(Some("2040-03-01T00:00:00Z")),
            ),
            (2040, "2040-03-01T00:00:01Z", Err("2040-03-01T00:00:00Z")),
            (
                2077,
                "2040-03-01T00:00:01Z",
                Ok(Some("2077-03-01T00:00:00Z")),
            ),
        ] {
            let (chain, key) = issued(year);
            let certificate = ClientCertificate::parse(&chain, &key).unwrap();

            let expected = expected
                .map(|at| at.map(time))
                .map_err(|at| Expired { at: time(at) });
            assert_eq!(certificate.expiry(time(now)), expected, "{year}");
        }
    }

    #[test]
    fn half_a_certificate_has_no_end() {
        let (chain, _) = issued(2040);
        let whole = certificates(&chain).unwrap().remove(0);

        for length in 0..whole.len() {
            assert_eq!(not_after(&whole[..length]), None, "{length}");
        }
        assert!(not_after(&whole).is_some());
    }

    #[test]
    fn debug_shows_no_key() {
        let (chain, key) = issued(2040);

        let shown = format!("{:?}", ClientCertificate::parse(&chain, &key).unwrap());

        assert_eq!(
            shown,
            "ClientCertificate { expires: Some(Timestamp(2214172800000)), .. }"
        );
    }
}
