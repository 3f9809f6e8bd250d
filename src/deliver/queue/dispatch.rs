//! Dispatches one message to the endpoint: reads its events, writes it, sends it once. A batch that
//! is too large for the receiver goes in several messages.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::info;

use super::feed::Feed;
use super::pending_delivery::PendingDelivery;
use super::reader::{self, Content};
use super::state::Ended;
use crate::clock::Clock;
use crate::deliver::content::message::Message;
use crate::deliver::endpoint::options::Endpoint;
use crate::deliver::transport::consent::Grant;
use crate::deliver::transport::failure::{Blame, Failure};
use crate::deliver::transport::send::Sender;
use crate::deliver::transport::size::Sizes;
use crate::deliver::transport::verdict::{HttpReply, Verdict};
use crate::model::Timestamp;
use crate::store::{Store, StoreError};

/// What all messages to an endpoint share.
#[derive(Debug)]
pub(super) struct Dispatcher {
    pub sender: Sender,
    pub endpoint: Endpoint,
    pub store: Store,
    pub feed: Feed,
    pub clock: Clock,
    /// What the receiver consented to; `None` until it does.
    pub consent: Mutex<Option<Grant>>,
    /// The message sizes that it accepts.
    pub sizes: Sizes,
}

/// The status that refuses a message as too large (RFC 9110, 15.5.14).
pub(super) const TOO_LARGE: u16 = 413;

/// The result of a dispatch.
#[derive(Debug)]
pub(super) struct Dispatched {
    /// The attempts, in the order in which they were made: one for each message.
    pub ended: Vec<Ended>,
    /// Deliveries for which there is nothing left to send.
    pub gone: Vec<PendingDelivery>,
    /// What the receiver has just consented to.
    pub granted: Option<Grant>,
}

impl Dispatched {
    /// Returns how many events the dispatch began with, including those with nothing left to send.
    pub fn n_events(&self) -> usize {
        let sent = self.ended.iter().map(|ended| ended.deliveries.len());
        sent.sum::<usize>() + self.gone.len()
    }
}

impl Dispatcher {
    /// Sends deliveries in one message, or in several if the batch is too large.
    pub async fn dispatch(
        self: Arc<Self>,
        mut deliveries: Vec<PendingDelivery>,
    ) -> Result<Dispatched, StoreError> {
        // What was just read comes with its entry; the rest is read outside the runtime's threads.
        let contents = if let Some(contents) = reader::contents_at_hand(&mut deliveries) {
            contents
        } else {
            let dispatcher = Arc::clone(&self);
            let read = move |_: &Store| {
                let contents =
                    reader::contents(&dispatcher.feed, &dispatcher.endpoint, &mut deliveries);
                (deliveries, contents)
            };
            let (read_of, contents) = self.store.offload(read).await;
            deliveries = read_of;
            contents?
        };
        let (mut going, mut gone, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for (delivery, content) in deliveries.into_iter().zip(contents) {
            match content {
                Some(content) => {
                    going.push(delivery);
                    kept.push(content);
                }
                None => gone.push(delivery),
            }
        }
        let mut dispatched = Dispatched {
            ended: Vec::new(),
            gone,
            granted: None,
        };
        if !going.is_empty() {
            dispatched.ended = self.send(going, kept, &mut dispatched.granted).await;
        }
        Ok(dispatched)
    }

    /// Sends the events of a message; a batch that is too large is sent in several parts, in order.
    async fn send(
        &self,
        deliveries: Vec<PendingDelivery>,
        contents: Vec<Content>,
        granted: &mut Option<Grant>,
    ) -> Vec<Ended> {
        let mut parts = vec![deliveries.len()];
        let (mut deliveries, mut contents) = (VecDeque::from(deliveries), VecDeque::from(contents));
        let mut event_types = self.event_types(&contents);
        let mut all = Vec::new();
        // The last part is the next one to send.
        while let Some(len) = parts.pop() {
            let message = self.write(&contents, len);
            let size = message.body.len();
            if len > 1 && size > self.sizes.limit() {
                parts.extend(halves(len));
                continue;
            }
            if len == 1 {
                // The content is not needed any more, and the attempt may wait long for an answer.
                contents.pop_front();
            }
            let (at, began, outcome) = self.attempt(message, granted).await;
            match &outcome {
                Ok(answer) if answer.status == TOO_LARGE => {
                    self.sizes.refused(size);
                    if len > 1 {
                        info!(
                            endpoint.id = %self.endpoint.name(),
                            "A batch of {len} events ({size} bytes) is too large for `{}`; it is \
                             sent in smaller ones", self.endpoint.name(),
                        );
                        parts.extend(halves(len));
                        continue;
                    }
                }
                Ok(answer) if answer.is_success() => self.sizes.taken(size),
                Ok(_) | Err(_) => {}
            }
            let answer = match &outcome {
                Ok(HttpReply { start, .. }) => start.clone(),
                Err(_) => String::new(),
            };
            let verdict = Verdict::of(outcome, self.clock.now());
            let is_over = verdict
                .failure()
                .is_some_and(|it| it.blame() != Blame::Event);
            // Whatever blocks this part also blocks the others.
            let len = if is_over { deliveries.len() } else { len };
            contents.drain(..if len == 1 { 0 } else { len.min(contents.len()) });
            all.push(Ended {
                deliveries: deliveries.drain(..len).collect(),
                event_types: event_types.drain(..len.min(event_types.len())).collect(),
                at,
                began,
                took: began.elapsed(),
                answer,
                verdict,
            });
            if is_over {
                break;
            }
        }
        all
    }

    /// Makes an attempt to send a message, with the receiver's consent. Returns when it began.
    async fn attempt(
        &self,
        message: Message,
        granted: &mut Option<Grant>,
    ) -> (Timestamp, Instant, Result<HttpReply, Failure>) {
        let (at, began) = (self.clock.now(), Instant::now());
        if let Err(failure) = self.consent(granted).await {
            return (at, began, Err(failure));
        }
        // The signature's time is taken now, since asking for consent may have taken long.
        let (at, began) = (self.clock.now(), Instant::now());
        (at, began, self.sender.attempt(message, at).await)
    }

    fn write(&self, contents: &VecDeque<Content>, len: usize) -> Message {
        let id = self.store.id();
        let events = contents.iter().take(len);
        let events: Vec<_> = events.filter_map(|content| content.event(id)).collect();
        self.endpoint.message(&events)
    }

    fn event_types(&self, contents: &VecDeque<Content>) -> VecDeque<&'static str> {
        let id = self.store.id();
        let events = contents.iter().filter_map(|content| content.event(id));
        events.map(|event| event.event_type).collect()
    }

    /// Asks the receiver for its consent, once in a process, if the endpoint requires it.
    async fn consent(&self, granted: &mut Option<Grant>) -> Result<(), Failure> {
        let mut consent = self.consent.lock().await;
        if consent.is_none() {
            let grant = self.sender.handshake().await?;
            *consent = Some(grant);
            *granted = Some(grant);
        }
        Ok(())
    }
}

/// Splits a part in two: the second comes first, since the last of all parts is the next one.
fn halves(len: usize) -> [usize; 2] {
    [len / 2, len - len / 2]
}
