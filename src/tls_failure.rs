//! Why a TLS handshake failed, in a sentence, and what to do about it.

use std::fmt;

use rustls::{AlertDescription, CertificateError, OtherError};

use crate::peer::{Peer, Trust, bracketed};
use crate::verifier::{Distrust, Refused};

/// Why a TLS handshake with a peer failed. Its text says how to inspect the certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFailure {
    peer: Peer,
    /// The proxy between us and the peer.
    by: Option<Peer>,
    trust: Trust,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    /// Its certificate is not accepted.
    Distrust(Distrust),
    /// It does not speak TLS.
    NoTls,
    /// It closed the connection during the handshake.
    Ended,
    /// It speaks only older versions of TLS.
    OldVersion,
    /// It supports no cipher that we do.
    NothingInCommon,
    /// It asks for a client certificate, and we have none.
    WantsCertificate,
    /// It does not accept our certificate.
    RefusesCertificate,
    /// It does not know the host name that we asked for.
    UnknownName,
    /// Something else.
    Broken,
}

impl TlsFailure {
    pub(crate) fn new(error: &rustls::Error, peer: Peer, by: Option<Peer>, trust: Trust) -> Self {
        let reason = Reason::of(error);
        Self {
            peer,
            by,
            trust,
            reason,
        }
    }

    /// Makes the failure of a connection that was closed during the handshake.
    pub(crate) fn ended(peer: Peer, by: Option<Peer>, trust: Trust) -> Self {
        Self {
            peer,
            by,
            trust,
            reason: Reason::Ended,
        }
    }

    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match (&self.reason, self.trust) {
            (Reason::Distrust(distrust), trust) => of_distrust(distrust, trust),
            (Reason::NoTls, Trust::Tenant) => {
                "check the host; if there is a proxy on the way, check that its own address begins \
                 with `http://` unless it speaks TLS itself"
            }
            (Reason::NoTls, Trust::Machine | Trust::Named) => {
                "check the port in `url`: most servers speak TLS on 443 or 8443; if there is a \
                 `proxy`, its address begins with `https://` only if it speaks TLS itself"
            }
            (Reason::Ended | Reason::Broken | Reason::UnknownName, _) => {
                "check host and port, and whether a firewall or a load balancer on the way cuts \
                 such connections; the log of the server that answers there says more"
            }
            (Reason::OldVersion, _) => "let it speak TLS 1.2 or 1.3",
            (Reason::NothingInCommon, _) => {
                "let it offer a usual cipher of TLS 1.2 or 1.3 (ECDHE with AES-GCM or ChaCha20); \
                 if it asks for a client certificate, name one in `client_cert_file`"
            }
            (Reason::WantsCertificate, _) => {
                "name a certificate that it accepts in `client_cert_file`, and its key in \
                 `client_key_file`"
            }
            (Reason::RefusesCertificate, _) => {
                "check that `client_cert_file` holds a certificate of an authority that it \
                 accepts, followed by all intermediate certificates, and that it has not expired; \
                 the server's log says more"
            }
        }
    }

    /// Returns the command that prints the certificates that the peer sends us.
    fn command(&self) -> String {
        let Peer { host, port, .. } = &self.peer;
        let by = match &self.by {
            Some(Peer { host, port, .. }) => format!(" -proxy {}:{port}", bracketed(host)),
            None => String::new(),
        };
        let name = match is_name(host) {
            true => format!(" -servername {host}"),
            false => String::new(),
        };
        let host = bracketed(host);
        format!("openssl s_client -connect {host}:{port}{name}{by} -showcerts </dev/null")
    }
}

fn of_distrust(distrust: &Distrust, trust: Trust) -> &'static str {
    const OURS: &str = "if this authority is one of your own, or that of a proxy that intercepts \
                        TLS, add its certificate to those that this machine trusts (Debian: \
                        `update-ca-certificates`), or name a file that holds it in SSL_CERT_FILE; \
                        if you do not know it, find out who answers there";
    match (distrust, trust) {
        (
            Distrust::UnknownAuthority { .. } | Distrust::OtherKey { .. } | Distrust::SelfSigned,
            Trust::Tenant,
        ) => OURS,
        (Distrust::UnknownAuthority { .. } | Distrust::OtherKey { .. }, Trust::Machine) => {
            "if this authority is one of your own, name its certificate in `ca_file`; if you do \
             not know it, find out who answers there"
        }
        (Distrust::UnknownAuthority { .. } | Distrust::OtherKey { .. }, Trust::Named) => {
            "put this authority's certificate into the file that `ca_file` names, since only that \
             file counts; if it is a public one, leave `ca_file` out"
        }
        (Distrust::SelfSigned, Trust::Machine) => {
            "name this certificate in `ca_file`; or let the receiver show one from a public \
             authority"
        }
        (Distrust::SelfSigned, Trust::Named) => {
            "put this certificate into the file that `ca_file` names, which holds a different one"
        }
        (Distrust::MissingIntermediate { .. }, Trust::Tenant) => {
            "if a proxy of yours intercepts TLS, let it send its whole chain, or add this issuer's \
             certificate to those that this machine trusts"
        }
        (Distrust::MissingIntermediate { .. }, Trust::Machine) => {
            "let the receiver send its whole chain, the intermediate certificates after its own \
             (nginx: `ssl_certificate` names a file with all of them, such as `fullchain.pem`); if \
             the issuer is an authority of your own, name its certificate in `ca_file`"
        }
        (Distrust::MissingIntermediate { .. }, Trust::Named) => {
            "let the receiver send its whole chain, the intermediate certificates after its own \
             (nginx: `ssl_certificate` names a file with all of them); or put the issuer's \
             certificate into the file that `ca_file` names"
        }
        (Distrust::OfAnAuthority, _) => {
            "naming it in `ca_file` does not help; make one for the server that is not an \
             authority's: with `openssl req -x509`, add `-addext \
             basicConstraints=critical,CA:FALSE` and `-addext subjectAltName=DNS:` with the \
             server's name, and name the new one in `ca_file`; or let this authority issue a \
             certificate for the server, and name the authority's"
        }
        (Distrust::NotYetValid { .. }, _) => {
            "set this machine's clock (`timedatectl` shows whether it is synchronized); if it is \
             right, the certificate is in use too early: use the earlier one until then"
        }
        (Distrust::Expired { .. }, _) => {
            "have the server's certificate renewed, and the server reloaded; if that is done, \
             check this machine's clock (`timedatectl`)"
        }
        (Distrust::OtherName { .. }, Trust::Tenant) => {
            "check the host; if it is right, something else answers in the tenant's place"
        }
        (Distrust::OtherName { .. }, Trust::Machine | Trust::Named) => {
            "write a name into `url` that the certificate is for, or have it issued for this one, as \
             a subject alternative name: the common name does not count"
        }
        (Distrust::NobodyTrusted, _) => {
            "install the authorities' certificates (package `ca-certificates`), or name a file \
             that holds them in SSL_CERT_FILE"
        }
        (Distrust::Unusable(_), _) => "have another certificate issued",
    }
}

impl Reason {
    fn of(error: &rustls::Error) -> Self {
        use rustls::Error;
        match error {
            Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
                match other.downcast_ref::<Refused>() {
                    Some(Refused(why)) => Self::Distrust(why.clone()),
                    None => Self::Broken,
                }
            }
            Error::InvalidMessage(_) => Self::NoTls,
            Error::AlertReceived(alert) => Self::of_alert(*alert),
            Error::PeerIncompatible(why) => match why {
                rustls::PeerIncompatible::ServerDoesNotSupportTls12Or13
                | rustls::PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | rustls::PeerIncompatible::Tls12NotOffered
                | rustls::PeerIncompatible::Tls12NotOfferedOrEnabled => Self::OldVersion,
                _ => Self::NothingInCommon,
            },
            _ => Self::Broken,
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::ProtocolVersion => Self::OldVersion,
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
                Self::NothingInCommon
            }
            AlertDescription::CertificateRequired => Self::WantsCertificate,
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError => Self::RefusesCertificate,
            AlertDescription::UnrecognisedName => Self::UnknownName,
            _ => Self::Broken,
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, trust, .. } = self;
        match &self.reason {
            Reason::Distrust(distrust) => {
                write!(f, "{peer} shows a certificate ")?;
                distrust_in_words(f, distrust, peer, *trust)?;
            }
            Reason::NoTls => write!(f, "{peer} answers, but does not speak TLS")?,
            Reason::Ended => write!(f, "{peer} ended the connection before TLS was agreed on")?,
            Reason::OldVersion => write!(
                f,
                "{peer} speaks only versions of TLS before 1.2; 1.2 and 1.3 are accepted"
            )?,
            Reason::NothingInCommon => write!(
                f,
                "{peer} found no way to encrypt that both sides accept, or asks for a client \
                 certificate"
            )?,
            Reason::WantsCertificate => write!(f, "{peer} asks for a client certificate")?,
            Reason::RefusesCertificate => {
                write!(f, "{peer} does not accept the client certificate")?;
            }
            Reason::UnknownName => write!(f, "{peer} has no site of that name")?,
            Reason::Broken => write!(f, "{peer} did not keep to the rules of TLS")?,
        }
        write!(f, "; `{}` shows what it sends", self.command())
    }
}

fn distrust_in_words(
    f: &mut fmt::Formatter<'_>,
    distrust: &Distrust,
    peer: &Peer,
    trust: Trust,
) -> fmt::Result {
    let not_trusted = match trust {
        Trust::Named => "which `ca_file` does not name",
        Trust::Machine | Trust::Tenant => "which is not trusted here",
    };
    match distrust {
        Distrust::UnknownAuthority { issuer } => {
            write!(f, "of the authority `{issuer}`, {not_trusted}")
        }
        Distrust::MissingIntermediate { issuer } => write!(
            f,
            "that `{issuer}` issued, but not the certificate of `{issuer}` itself, {not_trusted}: \
             most likely an intermediate certificate is missing"
        ),
        Distrust::SelfSigned => write!(f, "that is self-signed, {not_trusted}"),
        Distrust::OfAnAuthority => write!(
            f,
            "that is marked as an authority's own (CA:TRUE); a server's own must not be"
        ),
        Distrust::OtherKey { issuer } => write!(
            f,
            "that names `{issuer}` as its issuer, but is not signed with the key of the `{issuer}` \
             that is trusted"
        ),
        Distrust::NotYetValid { from, now } => write!(
            f,
            "that is valid from {from} on, but this machine's clock says {now}: is the clock right?"
        ),
        Distrust::Expired { until, now } => write!(
            f,
            "that was valid until {until}, and this machine's clock says {now}"
        ),
        Distrust::OtherName { names, n_more } => {
            match names.as_slice() {
                [] => f.write_str("for no name at all")?,
                names => write!(f, "for {}", names.join(", "))?,
            }
            if *n_more > 0 {
                write!(f, " and {n_more} more names")?;
            }
            write!(f, ", not for {}", peer.host)
        }
        Distrust::NobodyTrusted => f.write_str("and this machine trusts no authority at all"),
        Distrust::Unusable(what) => write!(f, "that cannot be used: {what}"),
    }
}

impl std::error::Error for TlsFailure {}

fn is_name(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_err()
}
