//! Sends requests to a tenant's APIs: adds the token, retries where that helps, decodes the answer.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION};
use serde::de::DeserializeOwned;
use url::Url;

use super::error::{ReadError, Refusal};
use super::gate::Gate;
use super::loopback::Loopback;
use super::options::Tier;
use super::problem::ErrorAnswer;
use super::token::{Bearer, Tokens};
use super::transport::{Reply, Transport};
use super::{BuildError, Options, wire};
use crate::clock::Clock;
use crate::http_client;
use crate::obstacle::Route;
use crate::peer::Trust;
use crate::retry::Retry;

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The most redirects that are followed; Qlik documents one.
const HOPS: usize = 3;

/// What all requests to a tenant share.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) transport: Transport,
    pub(super) tokens: Tokens,
    pub(super) gate: Gate,
    /// The gate of the audit log, which has a budget of its own.
    pub(super) audits: Gate,
    /// How long an outage may last.
    outlast: Duration,
    /// Whether the tenant has refused to sort the assignments of the licence.
    pub(super) refuses_sort: AtomicBool,
}

/// What to ask for.
#[derive(Debug)]
pub(super) struct Ask {
    /// What we are doing, in words, for error messages.
    pub(super) doing: &'static str,
    /// The path, without its first slash.
    pub(super) path: String,
    /// The query, encoded; may be empty.
    pub(super) query: String,
    /// Whether a redirect is documented here.
    pub(super) redirects: Redirects,
    /// How long to retry.
    pub(super) patience: Patience,
}

/// How long to retry a request that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Some seconds: the caller tries again later anyway.
    Usual,
    /// As long as an outage may last: the request is part of a long task.
    Outage,
}

/// What to do when the answer points elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirects {
    /// Go there, if it is on the same host.
    Follow,
    /// Fail.
    Refuse,
}

impl Client {
    /// Prepares the client for a host; nothing is sent.
    pub(super) fn new(
        options: Options,
        clock: Clock,
        patience: fn() -> Retry,
    ) -> Result<Self, BuildError> {
        let base = options.host.url("");
        let proxy = options.proxies.for_url(&base);
        let route = Route::new(&base, proxy, Trust::Tenant);
        let mut http = http_client::Options {
            connect_timeout: CONNECT_TIMEOUT,
            timeout: Some(options.timeout),
            proxy: proxy.cloned(),
            ..http_client::Options::default()
        };
        if options.host.is_loopback() {
            http.resolver = Some(Arc::new(Loopback));
        }
        let http = http_client::build(&http).map_err(BuildError::Client)?;
        let gate = |tier| Gate::new(options.budget.per_minute(tier));
        let tokens =
            Tokens::new(options.credentials, gate(Tier::Two)).map_err(BuildError::InvalidKey)?;
        Ok(Self {
            transport: Transport {
                http,
                route,
                host: options.host,
                limits: options.limits,
                clock,
                patience,
                traffic: Mutex::default(),
                metered: OnceLock::new(),
                waiting: Mutex::default(),
            },
            tokens,
            gate: gate(Tier::One),
            // As much as tier 1, but counted separately.
            audits: gate(Tier::One),
            outlast: options.outlast,
            refuses_sort: AtomicBool::new(false),
        })
    }

    /// Sends a request, and retries transient failures.
    pub(super) async fn get<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, ReadError> {
        self.get_through(ask, &self.gate).await
    }

    /// Sends a request through a gate of its own.
    pub(super) async fn get_through<T: DeserializeOwned>(
        &self,
        ask: &Ask,
        gate: &Gate,
    ) -> Result<T, ReadError> {
        let mut retry = match ask.patience {
            Patience::Usual => (self.transport.patience)(),
            Patience::Outage => Retry::outlasting(self.outlast),
        };
        let mut renewed = false;
        loop {
            let bearer = match (self.tokens.bearer(&self.transport).await, ask.patience) {
                (Ok(bearer), _) => bearer,
                // Asking for a token has retries of its own. A failure there is retried here only
                // if the request waits out an outage.
                (Err(error), Patience::Usual) => return Err(error),
                (Err(error), Patience::Outage) => {
                    // Too many requests for a token say nothing about the caller's tier.
                    let of_tokens = self.tokens.gate().unwrap_or(gate);
                    let waited = self.transport.back_off(of_tokens, &mut retry, error);
                    waited.await?;
                    continue;
                }
            };
            let error = match self.get_once(ask, gate, &bearer).await {
                Ok(body) => match wire::decode(ask.doing, &body) {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if is_not_accepted(&error) && !renewed && self.tokens.discard(&bearer).await {
                renewed = true;
                self.transport.count(|traffic| traffic.retries += 1);
                continue;
            }
            self.transport.back_off(gate, &mut retry, error).await?;
        }
    }

    async fn get_once(
        &self,
        ask: &Ask,
        gate: &Gate,
        bearer: &Bearer,
    ) -> Result<Vec<u8>, ReadError> {
        let host = &self.transport.host;
        let mut url = host.url(&ask.path);
        url.set_query((!ask.query.is_empty()).then_some(&ask.query));
        for _ in 0..=HOPS {
            let request = self
                .transport
                .http
                .get(url.clone())
                .header(ACCEPT, "application/json")
                .header(AUTHORIZATION, bearer.header());
            let sent = self
                .transport
                .send(ask.doing, gate, request, ErrorAnswer::of_api);
            let to = match sent.await? {
                Reply::Body(body) => return Ok(body),
                Reply::Elsewhere(to) => to,
            };
            let next = url.join(&to).ok().filter(|_| !to.is_empty());
            url = match (ask.redirects, next) {
                (Redirects::Follow, Some(next)) if host.is_host_of(&next) => self.ours(&next),
                (Redirects::Follow | Redirects::Refuse, _) => {
                    return Err(self.transport.redirected(ask.doing, &to));
                }
            };
        }
        Err(ReadError::Redirected {
            doing: ask.doing,
            to: "in circles".to_owned(),
        })
    }

    /// Takes only the path of a URL. Scheme, host and port are always the configured ones.
    fn ours(&self, url: &Url) -> Url {
        let mut ours = self.transport.host.url("");
        ours.set_path(url.path());
        ours
    }
}

fn is_not_accepted(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Refused {
            refusal: Refusal::NotAccepted,
            ..
        }
    )
}
