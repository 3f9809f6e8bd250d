//! Carries one message to the endpoint: reads what is in it, writes it, sends it once.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::failure::Failure;
use super::feed::Feed;
use super::handshake::Grant;
use super::options::Endpoint;
use super::parcel::Parcel;
use super::reader::{self, Content};
use super::send::Sender;
use super::state::Ended;
use super::verdict::{Answer, Verdict};
use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// What all messages of an endpoint share.
#[derive(Debug)]
pub(super) struct Carrier {
    pub sender: Sender,
    pub endpoint: Endpoint,
    pub store: Store,
    pub feed: Feed,
    pub clock: Clock,
    /// What the receiver consented to; none: it was not asked yet.
    pub consent: Mutex<Option<Grant>>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Carried {
    /// The attempt; none: there was nothing to send.
    pub ended: Option<Ended>,
    /// Parcels of which nothing is left.
    pub gone: Vec<Parcel>,
    /// What the receiver consented to just now.
    pub granted: Option<Grant>,
}

impl Carried {
    /// Returns how many events went, or would have gone.
    pub fn n_events(&self) -> usize {
        let sent = self.ended.as_ref().map_or(0, |ended| ended.parcels.len());
        sent + self.gone.len()
    }
}

impl Carrier {
    /// Makes one attempt.
    pub async fn carry(self: Arc<Self>, mut parcels: Vec<Parcel>) -> Result<Carried, StoreError> {
        // What was just read comes with its entry; the rest is read off the runtime's threads.
        let contents = if let Some(contents) = reader::carried(&mut parcels) {
            contents
        } else {
            let carrier = Arc::clone(&self);
            let read = move |_: &Store| {
                let contents = reader::contents(&carrier.feed, &carrier.endpoint, &mut parcels);
                (parcels, contents)
            };
            let (read_of, contents) = self.store.offload(read).await;
            parcels = read_of;
            contents?
        };
        let (mut going, mut gone, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for (parcel, content) in parcels.into_iter().zip(contents) {
            match content {
                Some(content) => {
                    going.push(parcel);
                    kept.push(content);
                }
                None => gone.push(parcel),
            }
        }
        let mut carried = Carried {
            ended: None,
            gone,
            granted: None,
        };
        if !going.is_empty() {
            let ended = self.send(going, kept, &mut carried.granted).await;
            carried.ended = Some(ended);
        }
        Ok(carried)
    }

    async fn send(
        &self,
        parcels: Vec<Parcel>,
        contents: Vec<Content>,
        granted: &mut Option<Grant>,
    ) -> Ended {
        let id = self.store.id();
        let (message, event_types) = {
            let events: Vec<_> = contents
                .iter()
                .filter_map(|content| content.event(id))
                .collect();
            let event_types = events.iter().map(|event| event.event_type).collect();
            (self.endpoint.message(&events), event_types)
        };
        drop(contents);
        let (mut at, mut began) = (self.clock.now(), Instant::now());
        let outcome = match self.consent(granted).await {
            Ok(()) => {
                // The signature's time: asking may have taken long.
                (at, began) = (self.clock.now(), Instant::now());
                self.sender.attempt(message, at).await
            }
            Err(failure) => Err(failure),
        };
        let answer = match &outcome {
            Ok(Answer { start, .. }) => start.clone(),
            Err(_) => String::new(),
        };
        Ended {
            parcels,
            event_types,
            at,
            began,
            took: began.elapsed(),
            answer,
            verdict: Verdict::of(outcome, self.clock.now()),
        }
    }

    /// Asks the receiver for its consent, once in a process, where the endpoint wants that.
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
