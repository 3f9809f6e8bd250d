//! Makes one attempt: signs a message, sends it, and reads the answer.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

use super::client::Client;
use super::consent::Grant;
use super::failure::Failure;
use super::handshake::handshake;
use super::verdict::{HttpReply, Verdict};
use crate::clock::Clock;
use crate::deliver::content::event::Event;
use crate::deliver::content::message::Message;
use crate::deliver::content::signature::signatures;
use crate::deliver::endpoint::options::Endpoint;
use crate::http_client::BuildError;
use crate::model::Timestamp;
use crate::telemetry::Span;

/// How much of an answer is read. Only its status counts. The rest is read so that the connection
/// can be reused; a longer answer is not worth reading for that.
const MAX_ANSWER: usize = 64 * 1024;

/// How much of an answer is kept for operators who ask why an event did not arrive.
const KEPT_ANSWER: usize = 1024;

/// Sends events to one endpoint.
#[derive(Debug)]
pub(in crate::deliver) struct Sender {
    client: Client,
}

impl Sender {
    /// Prepares to send to an endpoint.
    pub fn new(endpoint: &Endpoint) -> Result<Self, BuildError> {
        let client = Client::new(endpoint)?;
        Ok(Self { client })
    }

    /// Asks the receiver for its consent, if the endpoint requires that. Without it, nothing may be
    /// sent.
    pub async fn handshake(&self) -> Result<Grant, Failure> {
        handshake(&self.client).await
    }

    /// Sends a message once, signed as of `at`.
    pub async fn attempt(&self, message: Message, at: Timestamp) -> Result<HttpReply, Failure> {
        let Message {
            id,
            content_type,
            headers,
            body,
        } = message;
        let sent = body.len();
        let signature = signatures(self.client.endpoint().keys(), &id, at, &body);
        let mut request = self
            .client
            .request(Method::POST)
            .headers(headers.into_iter().collect())
            .header(CONTENT_TYPE, content_type)
            .header("webhook-id", id)
            .header("webhook-timestamp", at.seconds().to_string());
        if !signature.is_empty() {
            request = request.header("webhook-signature", signature);
        }
        let endpoint = self.client.endpoint();
        let span = Span::of_attempt(endpoint.url(), endpoint.name());
        let request = request.headers(span.headers()).body(body);
        let answer = self.client.send(request).await;
        let answer = answer.inspect_err(|failure| span.failed(failure.code()))?;
        span.answered(answer.status().as_u16());
        Ok(HttpReply {
            status: answer.status().as_u16(),
            retry_after: answer
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            start: read_out(answer).await,
            sent,
        })
    }
}

/// Sends an endpoint a signed event of the type `endpoint.test`, once, after asking for consent if
/// that is required. Nothing is stored about it.
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

/// Reads the rest of an answer, up to its bound, and returns how it began. Errors do not matter,
/// since the status is known already.
async fn read_out(mut answer: reqwest::Response) -> String {
    let (mut n_bytes, mut start) = (0, Vec::new());
    while let Ok(Some(chunk)) = answer.chunk().await {
        n_bytes += chunk.len();
        let space = KEPT_ANSWER - start.len();
        start.extend(chunk.iter().take(space));
        if n_bytes > MAX_ANSWER {
            break;
        }
    }
    // Invalid UTF-8 grows when it is made readable.
    let mut start = String::from_utf8_lossy(&start).into_owned();
    let mut ends = (0..=start.len().min(KEPT_ANSWER)).rev();
    let end = ends.find(|end| start.is_char_boundary(*end));
    start.truncate(end.unwrap_or_default());
    start
}

#[cfg(test)]
mod tests;
