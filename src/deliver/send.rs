//! Makes one attempt: signs an event, sends it, and hears the answer.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

use super::client::Client;
use super::event::Event;
use super::failure::Failure;
use super::handshake::{Grant, handshake};
use super::message::Message;
use super::options::Endpoint;
use super::signature::signatures;
use super::verdict::{Answer, Verdict};
use crate::clock::Clock;
use crate::http_client::BuildError;
use crate::model::Timestamp;

/// How much of an answer is read. Only its status counts; the rest is read so that the
/// connection can be used again, which a longer answer is not worth.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends events to one endpoint.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
}

impl Sender {
    /// Prepares to send to an endpoint.
    pub fn new(endpoint: &Endpoint) -> Result<Self, BuildError> {
        let client = Client::new(endpoint)?;
        Ok(Self { client })
    }

    /// Returns the endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        self.client.endpoint()
    }

    /// Asks the receiver for its consent, if the endpoint wants that. Without, nothing may be
    /// sent to it.
    pub async fn handshake(&self) -> Result<Grant, Failure> {
        handshake(&self.client).await
    }

    /// Sends a message once, signed as of `at`.
    pub async fn attempt(&self, message: Message, at: Timestamp) -> Result<Answer, Failure> {
        let Message {
            id,
            content_type,
            headers,
            body,
        } = message;
        let signature = signatures(self.endpoint().keys(), &id, at, &body);
        let request = self
            .client
            .request(Method::POST)
            .headers(headers.into_iter().collect())
            .header(CONTENT_TYPE, content_type)
            .header("webhook-id", id)
            .header("webhook-timestamp", at.seconds().to_string())
            .header("webhook-signature", signature)
            .body(body);
        let answer = self.client.send(request).await?;
        let heard = Answer {
            status: answer.status().as_u16(),
            retry_after: answer
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
        };
        read_out(answer).await;
        Ok(heard)
    }
}

/// Sends an endpoint a signed event of the type `endpoint.test`, once, after its consent where
/// that is asked for. Nothing is noted of
/// it anywhere.
pub async fn test(endpoint: &Endpoint, clock: &Clock) -> Result<Verdict, BuildError> {
    let sender = Sender::new(endpoint)?;
    let at = clock.now();
    let id = format!("evt_test_{:016x}", fastrand::u64(..));
    let message = endpoint.message(&[Event::trial(id, at, endpoint.name())]);
    let outcome = match sender.handshake().await {
        Ok(_grant) => sender.attempt(message, at).await,
        Err(failure) => Err(failure),
    };
    Ok(Verdict::of(outcome, clock.now()))
}

/// Reads the rest of an answer, up to its bound. How it ends is of no account: the status
/// was told before.
async fn read_out(mut answer: reqwest::Response) {
    let mut n_bytes = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        n_bytes += chunk.len();
        if n_bytes > MAX_ANSWER {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
