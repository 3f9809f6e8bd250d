//! Makes one attempt: signs an event, sends it, and hears the answer.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

use super::address::RefusedAddress;
use super::event::Event;
use super::failure::Failure;
use super::message::Message;
use super::options::Endpoint;
use super::resolver::GuardedResolver;
use super::signature::signatures;
use super::verdict::{Answer, Verdict};
use crate::clock::Clock;
use crate::http_client::{self, BuildError, Proxy};
use crate::model::Timestamp;

/// How long a connection may take to come about; the time-out of the whole attempt goes on
/// beside it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is read. Only its status counts; the rest is read so that the
/// connection can be used again, which a longer answer is not worth.
const MAX_ANSWER: usize = 64 * 1024;

/// How much of an answer is kept for whoever asks why an event did not arrive.
const KEPT_ANSWER: usize = 1024;

/// The means to reach one endpoint, with its connections kept alive.
#[derive(Debug)]
pub(super) struct Sender {
    client: reqwest::Client,
    endpoint: Endpoint,
}

impl Sender {
    /// Prepares to send to an endpoint.
    pub fn new(endpoint: &Endpoint) -> Result<Self, BuildError> {
        let client = http_client::build(&http_client::Options {
            connect_timeout: CONNECT_TIMEOUT,
            timeout: Some(endpoint.timeout()),
            resolver: Some(Arc::new(GuardedResolver(endpoint.rule().clone()))),
            // A proxy would look the receiver's name up itself, past the address rule.
            proxy: Proxy::None,
            unix_socket: None,
        })?;
        Ok(Self {
            client,
            endpoint: endpoint.clone(),
        })
    }

    /// Sends a message once, signed as of `at`.
    pub async fn attempt(&self, message: Message, at: Timestamp) -> Result<Answer, Failure> {
        let Message {
            id,
            content_type,
            headers,
            body,
        } = message;
        let signature = signatures(self.endpoint.keys(), &id, at, &body);
        let answer = self
            .client
            .post(self.endpoint.url().clone())
            .headers(headers.into_iter().collect())
            .header(CONTENT_TYPE, content_type)
            .header("webhook-id", id)
            .header("webhook-timestamp", at.seconds().to_string())
            .header("webhook-signature", signature)
            .body(body)
            .send()
            .await
            .map_err(|error| classify(error, self.endpoint.timeout()))?;
        Ok(Answer {
            status: answer.status().as_u16(),
            retry_after: answer
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            start: read_out(answer).await,
        })
    }
}

/// Sends an endpoint a signed event of the type `endpoint.test`, once. Nothing is noted of
/// it anywhere.
pub async fn test(endpoint: &Endpoint, clock: &Clock) -> Result<Verdict, BuildError> {
    let sender = Sender::new(endpoint)?;
    let at = clock.now();
    let id = format!("evt_test_{:016x}", fastrand::u64(..));
    let message = endpoint.message(&[Event::trial(id, at, endpoint.name())]);
    let outcome = sender.attempt(message, at).await;
    Ok(Verdict::of(outcome, clock.now()))
}

/// Reads the rest of an answer, up to its bound. How it ends is of no account: the status
/// was told before. Returns what it began with.
async fn read_out(mut answer: reqwest::Response) -> String {
    let (mut n_bytes, mut start) = (0, Vec::new());
    while let Ok(Some(chunk)) = answer.chunk().await {
        n_bytes += chunk.len();
        let room = KEPT_ANSWER - start.len();
        start.extend(chunk.iter().take(room));
        if n_bytes > MAX_ANSWER {
            break;
        }
    }
    String::from_utf8_lossy(&start).into_owned()
}

fn classify(error: reqwest::Error, limit: Duration) -> Failure {
    // The URL may hold a token, and the failure will be logged.
    let error = error.without_url();
    if let Some(refused) = find::<RefusedAddress>(&error) {
        return Failure::RefusedAddress(refused.clone());
    }
    if error.is_timeout() {
        return Failure::Timeout { limit };
    }
    if find::<rustls::Error>(&error).is_some() {
        return Failure::Tls(Box::new(error));
    }
    if error.is_dns() {
        return Failure::Lookup(Box::new(error));
    }
    if error.is_connect() {
        return Failure::Connect(Box::new(error));
    }
    Failure::Broken(Box::new(error))
}

/// Finds a cause of some type.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error gives what it wraps a name of its own and leaves it out of its chain.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests;
