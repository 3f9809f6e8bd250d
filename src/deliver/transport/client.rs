//! Reaches one endpoint: its connections, its headers, and how errors are classified.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::Resolve;
use reqwest::{Method, RequestBuilder, Response};
use rustix::io::Errno;
use tokio::time::{Instant, sleep};

use super::address::RefusedAddress;
use super::consent::REQUEST_ORIGIN;
use super::failure::Failure;
use super::resend::{Resends, break_in_words, is_calm};
use super::resolver::{GuardedResolver, ProxyResolver, SystemLookup};
use crate::causes::{causes, find};
use crate::deliver::endpoint::options::Endpoint;
use crate::http_client::{self, BuildError};
use crate::obstacle::Route;
use crate::peer::Trust;

/// How long a connection may take to be established; the time-out of the whole attempt runs at the
/// same time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One endpoint's own client, with its connections kept alive. It is never shared: a connection
/// that one endpoint's address rule permits would serve another endpoint.
#[derive(Debug)]
pub(in crate::deliver) struct Client {
    http: reqwest::Client,
    route: Route,
    endpoint: Endpoint,
}

impl Client {
    /// Prepares to reach an endpoint.
    pub fn new(endpoint: &Endpoint) -> Result<Self, BuildError> {
        Self::over(endpoint, Arc::new(SystemLookup))
    }

    /// Prepares to reach an endpoint, with another resolver. The rule is applied to the addresses
    /// that the resolver finds.
    fn over(endpoint: &Endpoint, lookup: Arc<dyn Resolve>) -> Result<Self, BuildError> {
        let egress = endpoint.egress();
        let resolver: Arc<dyn Resolve> = match &egress.proxy {
            None => {
                let rule = endpoint.rule().clone();
                Arc::new(GuardedResolver { rule, lookup })
            }
            Some(proxy) => {
                let host = proxy.host_name().map(str::to_owned);
                Arc::new(ProxyResolver { host, lookup })
            }
        };
        let http = http_client::build(&http_client::Options {
            connect_timeout: CONNECT_TIMEOUT,
            timeout: Some(endpoint.timeout()),
            resolver: Some(resolver),
            proxy: egress.proxy.clone(),
            authorities: egress.authorities.clone(),
            client_certificate: egress.client_certificate.clone(),
            unix_socket: None,
        })?;
        let trust = match egress.authorities {
            Some(_) => Trust::Named,
            None => Trust::Machine,
        };
        Ok(Self {
            http,
            route: Route::new(endpoint.url(), egress.proxy.as_ref(), trust),
            endpoint: endpoint.clone(),
        })
    }

    /// Returns the endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Begins a request to the endpoint's URL, with the headers that every request has.
    pub fn request(&self, method: Method) -> RequestBuilder {
        let request = self
            .http
            .request(method, self.endpoint.url().clone())
            .headers(self.endpoint.egress().headers.map().clone());
        match self.endpoint.handshake() {
            // CloudEvents requires this header in the request for consent and in all later ones.
            Some(origin) => request.header(REQUEST_ORIGIN, origin.as_str()),
            None => request,
        }
    }

    /// Sends a request and waits for the head of its answer. If the connection ended before an
    /// answer began, the request is sent again, within the endpoint's time-out.
    pub async fn send(&self, mut request: RequestBuilder) -> Result<Response, Failure> {
        let (limit, began) = (self.endpoint.timeout(), Instant::now());
        let mut resends = Resends::default();
        loop {
            let again = request.try_clone();
            let error = match request.send().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let (Some(pause), Some(again)) = (resends.after(&error), again) else {
                return Err(self.classify(&error));
            };
            tracing::debug!(
                endpoint.id = %self.endpoint.name(),
                "A connection ended before an answer came; the request is sent again"
            );
            sleep(pause).await;
            let left = limit.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(Failure::Timeout { limit });
            }
            request = again.timeout(left);
        }
    }

    fn classify(&self, error: &reqwest::Error) -> Failure {
        if let Some(refused) = find::<RefusedAddress>(error) {
            return Failure::RefusedAddress(refused.clone());
        }
        if lacks_descriptors(error) {
            return Failure::NoDescriptor;
        }
        // A connection that takes too long to establish has its own time limit and its own remedy.
        if error.is_timeout() && !error.is_connect() {
            let limit = self.endpoint.timeout();
            return Failure::Timeout { limit };
        }
        // Equivalent to a 429; HTTP/2 has an error code of its own for it.
        if is_calm(error) {
            return Failure::Throttled { status: 429 };
        }
        match self.route.obstacle(error) {
            Some(obstacle) => Failure::Unreached(obstacle),
            None => Failure::Broken(break_in_words(error)),
        }
    }
}

/// Returns whether the system has refused because the process, or the machine, is out of
/// descriptors.
fn lacks_descriptors(error: &(dyn Error + 'static)) -> bool {
    causes(error)
        .filter_map(|cause| Errno::from_io_error(cause.downcast_ref()?))
        .any(|refusal| refusal == Errno::MFILE || refusal == Errno::NFILE)
}

#[cfg(test)]
mod tests;
