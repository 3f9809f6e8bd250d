//! The only builder of outbound HTTP clients, so that they all follow the same rules.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use rustls::client::danger::ServerCertVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};

use crate::authorities::MachineAuthorities;
use crate::forward_proxy::ForwardProxy;
use crate::tls::{Authorities, ClientCertificate};
use crate::verifier::Verifier;

/// Our `User-Agent`.
const USER_AGENT: &str = concat!("qlik-roster/", env!("CARGO_PKG_VERSION"));
/// How long an idle connection is kept. It is below the minute after which load balancers usually
/// drop theirs, so that we close first rather than send over a dead connection.
const IDLE: Duration = Duration::from_secs(45);

/// What may differ between clients.
#[derive(Clone)]
pub struct Options {
    /// The longest wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// The longest wait for a whole answer, from the connection to the body's last byte.
    pub timeout: Option<Duration>,
    /// What resolves host names; `None` for the system's resolver.
    pub resolver: Option<Arc<dyn reqwest::dns::Resolve>>,
    /// The proxy that requests go through; `None` to connect directly, whatever the environment
    /// says.
    pub proxy: Option<ForwardProxy>,
    /// The authorities that may vouch for servers; `None` for those that the platform trusts.
    pub authorities: Option<Authorities>,
    /// The certificate that we show to a server that asks for one.
    pub client_certificate: Option<ClientCertificate>,
    /// A Unix socket to connect to, whatever host the address names.
    pub unix_socket: Option<PathBuf>,
}

/// A client could not be built, for lack of memory.
#[derive(Debug, thiserror::Error)]
#[error("setting up the HTTP client")]
pub struct BuildError(#[source] reqwest::Error);

impl BuildError {
    /// Returns the stable code of the error.
    pub fn code(&self) -> &'static str {
        "http.client"
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            timeout: Some(Duration::from_secs(60)),
            resolver: None,
            proxy: None,
            authorities: None,
            client_certificate: None,
            unix_socket: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("resolver", &self.resolver.is_some())
            .field("proxy", &self.proxy)
            .field("authorities", &self.authorities)
            .field("client_certificate", &self.client_certificate)
            .field("unix_socket", &self.unix_socket)
            .finish()
    }
}

/// Builds a client: TLS by rustls with ring, and no cookies. It never follows a redirect, since a
/// redirect would choose who receives our credentials.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that may build a client"
)]
pub fn build(options: &Options) -> Result<reqwest::Client, BuildError> {
    // For other code in the process that uses TLS. The first caller installs it; an error only
    // means that it is already installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // Only `retry` counts and repeats attempts.
        .retry(reqwest::retry::never())
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(IDLE)
        .tls_backend_preconfigured(tls(options));
    if let Some(timeout) = options.timeout {
        builder = builder.timeout(timeout);
    }
    if let Some(resolver) = &options.resolver {
        builder = builder.dns_resolver(Arc::clone(resolver));
    }
    // Either way the client does not read the environment by itself.
    builder = match &options.proxy {
        Some(proxy) => builder.proxy(every_request(proxy).map_err(BuildError)?),
        None => builder.no_proxy(),
    };
    if let Some(path) = &options.unix_socket {
        builder = builder.unix_socket(path.as_path());
    }
    builder.build().map_err(BuildError)
}

/// Sets up TLS 1.2 and 1.3, with a certificate check that can say what is wrong.
fn tls(options: &Options) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let empty = Arc::new(RootCertStore::empty());
    let roots = match (&options.authorities, &options.unix_socket) {
        (Some(authorities), _) => authorities.roots(),
        // On a Unix socket no server certificate is checked.
        (None, Some(_)) => &empty,
        (None, None) => MachineAuthorities::of_process().roots(),
    };
    let verifier: Arc<dyn ServerCertVerifier> = Arc::new(Verifier::new(roots, &provider));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has ciphers for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &options.client_certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let shown = SingleCertAndKey::from(Arc::clone(certificate.certified()));
            builder.with_client_cert_resolver(Arc::new(shown))
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Makes a proxy for every request of a client: the caller has decided which requests go through
/// it.
fn every_request(proxy: &ForwardProxy) -> Result<reqwest::Proxy, reqwest::Error> {
    let every = reqwest::Proxy::all(proxy.origin())?;
    Ok(match proxy.user() {
        Some((name, password)) => every.custom_http_auth(credentials(name, password)),
        None => every,
    })
}

/// Makes the credentials header. The HTTP client cannot do it: it would treat them as part of an
/// address and decode whatever in a password looks percent-encoded.
fn credentials(name: &str, password: &str) -> HeaderValue {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    let header = HeaderValue::try_from(format!("Basic {encoded}"));
    let mut header = header.expect("base64 is visible ASCII");
    header.set_sensitive(true);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_can_be_built_more_than_once() {
        let named = ForwardProxy::parse("http://roster@proxy.example.com:3128", None).unwrap();
        for proxy in [Some(named), None] {
            let options = Options {
                proxy,
                ..Options::default()
            };

            build(&options).unwrap();
        }
    }
}
