//! Why no connection could be made, in a sentence that names the address.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;

use url::Url;

use crate::causes::{causes, find};
use crate::forward_proxy::ForwardProxy;
use crate::peer::{Peer, Trust};
use crate::system_words::system_words;
use crate::tls_failure::TlsFailure;

/// Where requests go, and the proxy that they go through.
#[derive(Debug, Clone)]
pub struct Route {
    to: Peer,
    is_https: bool,
    proxy: Option<Peer>,
    trust: Trust,
}

/// Why no connection could be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    peer: Peer,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// The name does not resolve to an address.
    Name(String),
    /// The TLS handshake failed.
    Tls(Box<TlsFailure>),
    /// The connection failed, for this reason that the system gave.
    NoConnection(String),
    /// The proxy asks for credentials, or does not accept ours.
    ProxyCredentials,
    /// The proxy refuses to connect to this peer.
    ProxyRefuses(Peer),
}

/// Where it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// While resolving a name.
    Name,
    /// While connecting.
    Connection,
    /// At the proxy, whether it was reached or not.
    Proxy,
    /// At TLS.
    Tls,
}

impl Route {
    /// Makes the way to a URL's host.
    pub fn new(url: &Url, proxy: Option<&ForwardProxy>, trust: Trust) -> Self {
        Self {
            to: Peer::of(url),
            is_https: url.scheme() == "https",
            proxy: proxy.map(Peer::proxy),
            trust,
        }
    }

    /// Returns the stages at which a request can fail before it reaches its server, in order. A
    /// proxy resolves the server's name itself.
    pub fn stages(&self) -> Vec<Stage> {
        let is_name = self.to.host.parse::<IpAddr>().is_err();
        let mut stages = match (&self.proxy, is_name) {
            (Some(_), _) => vec![Stage::Proxy],
            (None, true) => vec![Stage::Name, Stage::Connection],
            (None, false) => vec![Stage::Connection],
        };
        stages.extend(self.is_https.then_some(Stage::Tls));
        stages
    }

    /// Finds out why a request reached no server; `None` if it failed for another reason than the
    /// connection.
    pub fn obstacle(&self, error: &reqwest::Error) -> Option<Obstacle> {
        let tunnel = causes(error).find_map(|cause| Tunnel::of(&cause.to_string()));
        let at_proxy = match (&self.proxy, self.is_https) {
            (Some(proxy), true) if tunnel.is_some() => Some(proxy),
            (Some(proxy), false) => Some(proxy),
            // The last case is TLS with the receiver, at the end of the tunnel.
            (None, _) | (Some(_), true) => None,
        };
        let peer = at_proxy.unwrap_or(&self.to).clone();
        let by = match at_proxy {
            Some(_) => None,
            None => self.proxy.clone(),
        };
        let found = |kind| {
            Some(Obstacle {
                peer: peer.clone(),
                kind,
            })
        };
        let tls = |failure| Kind::Tls(Box::new(failure));
        if let Some(error) = find::<rustls::Error>(error) {
            return found(tls(TlsFailure::new(error, peer.clone(), by, self.trust)));
        }
        if !error.is_connect() {
            return None;
        }
        match tunnel {
            Some(Tunnel::Credentials) => return found(Kind::ProxyCredentials),
            Some(Tunnel::Refused) => return found(Kind::ProxyRefuses(self.to.clone())),
            Some(Tunnel::NoConnection) | None => {}
        }
        if error.is_timeout() {
            return found(Kind::NoConnection("it does not answer in time".to_owned()));
        }
        let system = causes(error)
            .filter_map(|cause| cause.downcast_ref::<io::Error>())
            .last();
        if error.is_dns() {
            return found(Kind::Name(name_words(system)));
        }
        match system {
            // Only TLS reads anything before a connection counts as established.
            Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                found(tls(TlsFailure::ended(peer.clone(), by, self.trust)))
            }
            Some(error) => found(Kind::NoConnection(connection_words(error))),
            None => found(Kind::NoConnection("no connection was made".to_owned())),
        }
    }
}

/// The outcome of a tunnel through a proxy. The HTTP client has no type for it, only text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tunnel {
    NoConnection,
    Credentials,
    Refused,
}

impl Tunnel {
    fn of(text: &str) -> Option<Self> {
        match text.strip_prefix("tunnel error: ")? {
            "proxy authorization required" => Some(Self::Credentials),
            "failed to create underlying connection" => Some(Self::NoConnection),
            _ => Some(Self::Refused),
        }
    }
}

impl Obstacle {
    /// Returns where it failed.
    pub fn stage(&self) -> Stage {
        match &self.kind {
            Kind::Tls(_) => Stage::Tls,
            Kind::ProxyCredentials | Kind::ProxyRefuses(_) => Stage::Proxy,
            Kind::Name(_) | Kind::NoConnection(_) if self.peer.is_proxy => Stage::Proxy,
            Kind::Name(_) => Stage::Name,
            Kind::NoConnection(_) => Stage::Connection,
        }
    }

    /// Returns what an operator can do about it, if that depends on more than the stage.
    pub fn remedy(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Tls(failure) => Some(failure.remedy()),
            Kind::Name(_)
            | Kind::NoConnection(_)
            | Kind::ProxyCredentials
            | Kind::ProxyRefuses(_) => None,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, kind } = self;
        match kind {
            Kind::Tls(failure) => failure.fmt(f),
            Kind::Name(why) if peer.is_proxy => {
                write!(
                    f,
                    "the proxy's name `{}` cannot be resolved: {why}",
                    peer.host
                )
            }
            Kind::Name(why) => write!(f, "the name `{}` cannot be resolved: {why}", peer.host),
            Kind::NoConnection(why) => write!(f, "{peer}: {why}"),
            Kind::ProxyCredentials => {
                write!(
                    f,
                    "{peer} asks for a user and a password, or does not accept ours"
                )
            }
            Kind::ProxyRefuses(to) => write!(f, "{peer} refuses to connect to {to}"),
        }
    }
}

impl Error for Obstacle {}

fn name_words(system: Option<&io::Error>) -> String {
    let text = system.map(io::Error::to_string).unwrap_or_default();
    if text.contains("Temporary failure") {
        "the name service does not answer".to_owned()
    } else {
        "it is not known, or has no address".to_owned()
    }
}

fn connection_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused: nothing listens there".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
        io::ErrorKind::TimedOut => "it does not answer in time".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no route there from this machine".to_owned()
        }
        _ => system_words(error),
    }
}
