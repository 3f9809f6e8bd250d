//! Sends one request to the tenant, and turns any failure into one of our errors.

use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::time::Instant;

use super::error::{ReadError, Refusal};
use super::gate::Gate;
use super::options::Tier;
use super::pace::Slowed;
use super::problem::{self, ErrorAnswer};
use super::{Limits, TenantHost};
use crate::clock::Clock;
use crate::connector::{Wait, WaitCause};
use crate::lock::lock;
use crate::model::{TenantName, Traffic};
use crate::obstacle::Route;
use crate::retry::Retry;
use crate::telemetry::{HttpStatus, Metrics, QlikTier, Sample, Span, chain};

/// The requests to one tenant, and their limits.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) http: reqwest::Client,
    pub(super) route: Route,
    pub(super) host: TenantHost,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    /// How long to retry.
    pub(super) patience: fn() -> Retry,
    pub(super) traffic: Mutex<Traffic>,
    /// Where answers are counted; empty if nobody asks for the metrics.
    pub(super) metered: OnceLock<Metered>,
    pub(super) waiting: Mutex<Option<Waiting>>,
}

/// The metrics, and the name of the tenant in them.
#[derive(Debug, Clone)]
pub(super) struct Metered {
    pub(super) metrics: Metrics,
    pub(super) tenant: TenantName,
}

/// Until when a request waits, and why.
#[derive(Debug)]
pub(super) struct Waiting {
    until: Instant,
    why: WaitCause,
}

/// A successful answer or a redirect.
#[derive(Debug)]
pub(super) enum Reply {
    /// The body of a successful answer.
    Body(Vec<u8>),
    /// A redirect: the text of the header that says where to.
    Elsewhere(String),
}

impl Transport {
    /// Sends one request through a gate. `refusal` says what an error answer means.
    pub(super) async fn send(
        &self,
        doing: &'static str,
        gate: &Gate,
        request: RequestBuilder,
        refusal: fn(&ErrorAnswer) -> Refusal,
    ) -> Result<Reply, ReadError> {
        self.pass(gate).await;
        // All requests but those for tokens are of tier 1.
        self.send_now(doing, Tier::One, request, refusal).await
    }

    /// Waits at a gate, and counts the request that follows.
    pub(super) async fn pass(&self, gate: &Gate) {
        let tell = |until| self.wait_until(until, WaitCause::Limit);
        let waited = gate.pass(tell).await;
        self.count(|traffic| {
            traffic.requests += 1;
            traffic.waited += waited;
        });
    }

    /// Sends one request that has already passed a gate.
    pub(super) async fn send_now(
        &self,
        doing: &'static str,
        tier: Tier,
        request: RequestBuilder,
        refusal: fn(&ErrorAnswer) -> Refusal,
    ) -> Result<Reply, ReadError> {
        let (http, request) = request.build_split();
        let request = request.map_err(|error| self.failed(doing, &error))?;
        let tenant = self.metered.get().map(|metered| &metered.tenant);
        let method = request.method().as_str();
        let span = Span::of_question(method, request.url(), doing, tenant);
        let sent = http.execute(request).await;
        let status = sent.as_ref().ok().map(Response::status);
        self.count_answer(tier, status);
        if let Some(status) = status {
            span.answered(status.as_u16());
        }
        let replied = self.reply(doing, sent, refusal).await;
        if let (Err(error), None) = (&replied, status) {
            span.failed(error.code());
        }
        replied
    }

    /// Reads an answer, or says why none came.
    async fn reply(
        &self,
        doing: &'static str,
        sent: Result<Response, reqwest::Error>,
        refusal: fn(&ErrorAnswer) -> Refusal,
    ) -> Result<Reply, ReadError> {
        let response = sent.map_err(|error| self.failed(doing, &error))?;
        let status = response.status();
        if status.is_success() {
            return self.body(doing, response).await.map(Reply::Body);
        }
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            let to = response.headers().get(LOCATION);
            let to = to.and_then(|value| value.to_str().ok()).unwrap_or_default();
            return Ok(Reply::Elsewhere(to.to_owned()));
        }
        let told = self.told(doing, response).await?;
        Err(ReadError::Refused {
            doing,
            refusal: refusal(&told),
            problem: Box::new(told.problem),
        })
    }

    /// Waits before the next attempt, or returns the error if no other attempt may follow.
    ///
    /// A rate limit concerns the whole tier: its gate closes and is slower afterwards, and the next
    /// attempt waits there like every request.
    pub(super) async fn back_off(
        &self,
        gate: &Gate,
        retry: &mut Retry,
        error: ReadError,
    ) -> Result<(), ReadError> {
        if !error.is_transient() {
            return Err(error);
        }
        let Some(wait) = retry.next(error.retry_after()) else {
            return Err(error);
        };
        self.count(|traffic| traffic.retries += 1);
        tracing::debug!(
            error.code = error.code(),
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "Asking `{}` again after a failure",
            self.host
        );
        let why = match error.is_rate_limited() {
            true => WaitCause::Limit,
            false => WaitCause::Failure {
                why: chain(&error),
                code: error.code().to_owned(),
            },
        };
        self.wait_until(Instant::now() + wait, why);
        if error.is_rate_limited() {
            if let Slowed::To(rate) = gate.refused(wait) {
                tracing::info!(
                    "`{}` received too many requests; continuing in {wait:.0?} with {rate:.0} a \
                     minute",
                    self.host
                );
            }
        } else {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Returns what a request waits for, or `None` if none waits.
    pub(super) fn wait(&self) -> Option<Wait> {
        let waiting = self.waiting();
        let Waiting { until, why } = waiting.as_ref()?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| Wait {
            left,
            why: why.clone(),
        })
    }

    fn wait_until(&self, until: Instant, why: WaitCause) {
        *self.waiting() = Some(Waiting { until, why });
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        lock(&self.waiting)
    }

    /// Makes the error of a redirect that we do not follow. It shows only the host of the address.
    pub(super) fn redirected(&self, doing: &'static str, to: &str) -> ReadError {
        let url = self.host.url("").join(to).ok().filter(|_| !to.is_empty());
        let to = match url {
            Some(url) if self.host.is_host_of(&url) => "to another page of the host".to_owned(),
            Some(url) => format!("to `{}`", url.host_str().unwrap_or_default()),
            None => "without an address to go to".to_owned(),
        };
        ReadError::Redirected { doing, to }
    }

    /// Counts an answer, or that none came.
    fn count_answer(&self, tier: Tier, status: Option<StatusCode>) {
        let Some(Metered { metrics, tenant }) = self.metered.get() else {
            return;
        };
        let status = status.map_or_else(HttpStatus::none, |status| HttpStatus::of(status.as_u16()));
        let tier = match tier {
            Tier::One => QlikTier::One,
            Tier::Two => QlikTier::Two,
        };
        metrics.count(Sample::QlikAnswers {
            tenant,
            tier: &tier,
            status: &status,
        });
    }

    /// Updates the traffic counts.
    pub(super) fn count(&self, change: impl FnOnce(&mut Traffic)) {
        let mut traffic = lock(&self.traffic);
        change(&mut traffic);
    }

    async fn body(
        &self,
        doing: &'static str,
        mut response: Response,
    ) -> Result<Vec<u8>, ReadError> {
        let limit = self.limits.page_bytes;
        let told = response.content_length().unwrap_or_default();
        let told = usize::try_from(told).unwrap_or(usize::MAX);
        if told > limit {
            return Err(ReadError::TooLarge { doing, limit });
        }
        let mut body = Vec::with_capacity(told);
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.failed(doing, &error))?
        {
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(ReadError::TooLarge { doing, limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Reads an error answer up to its bound. If the body breaks off, the status is enough, except
    /// for a 404: only the body shows whether Qlik itself says that there is no such record.
    async fn told(
        &self,
        doing: &'static str,
        mut response: Response,
    ) -> Result<ErrorAnswer, ReadError> {
        let status = response.status();
        let retry_after = self.retry_after(&response);
        let limit = self.limits.error_bytes;
        let mut body = Vec::new();
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) if status == StatusCode::NOT_FOUND => {
                    return Err(self.failed(doing, &error));
                }
                Err(_broken_off) => break,
            };
            let space = limit.saturating_sub(body.len());
            body.extend(chunk.iter().take(space));
            if chunk.len() >= space {
                break;
            }
        }
        Ok(problem::read(status.as_u16(), retry_after, &body))
    }

    /// Turns an error of the HTTP client into ours.
    fn failed(&self, doing: &'static str, error: &reqwest::Error) -> ReadError {
        if error.is_timeout() {
            return ReadError::TimedOut { doing };
        }
        match self.route.obstacle(error) {
            Some(obstacle) => ReadError::Unreachable { doing, obstacle },
            None => ReadError::Cut { doing },
        }
    }

    fn retry_after(&self, response: &Response) -> Option<Duration> {
        let header = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
        problem::retry_after(header, &self.clock)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use reqwest::dns::{Name, Resolve, Resolving};

    use super::super::stages;
    use super::*;
    use crate::http_client::{self, Options};
    use crate::obstacle::Stage;
    use crate::peer::Trust;

    struct NoNames;

    impl Resolve for NoNames {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(async { Err(io::Error::other("no such name").into()) })
        }
    }

    #[tokio::test]
    async fn a_name_that_is_not_known_is_told_from_a_host_that_is_silent() {
        let http = http_client::build(&Options {
            resolver: Some(Arc::new(NoNames)),
            ..Options::default()
        });
        let host = TenantHost::parse("acme.eu.qlikcloud.com").unwrap();
        let transport = Transport {
            http: http.unwrap(),
            route: Route::new(&host.url(""), None, Trust::Tenant),
            host,
            limits: Limits::default(),
            clock: Clock::system(),
            patience: Retry::brief,
            traffic: Mutex::default(),
            metered: OnceLock::new(),
            waiting: Mutex::default(),
        };
        let url = "https://acme.eu.qlikcloud.com/?filter=private";
        let error = transport.http.get(url).send().await.unwrap_err();

        let error = transport.failed("listing users", &error);

        assert_eq!(error.code(), "qlik.host-not-found");
        assert!(error.is_transient());
        assert!(!format!("{error:?}").contains("private"));
        assert_eq!(
            chain(&error),
            "listing users: the name `acme.eu.qlikcloud.com` cannot be resolved: it is not known, \
             or has no address"
        );
        let (stages, answer) = stages::of(transport.route.stages(), Err::<(), _>(error));
        assert!(matches!(stages[..], [(Stage::Name, Err(_))]) && answer.is_none());
    }
}
