//! Carries one message to the endpoint: reads what is in it, writes it, sends it once.

use std::sync::Arc;

use tokio::time::Instant;

use super::lanes::Parcel;
use super::options::Endpoint;
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
    pub clock: Clock,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Carried {
    /// The attempt; none: there was nothing to send.
    pub ended: Option<Ended>,
    /// Parcels of which nothing is left.
    pub gone: Vec<Parcel>,
}

impl Carrier {
    /// Makes one attempt.
    pub async fn carry(self: Arc<Self>, mut parcels: Vec<Parcel>) -> Result<Carried, StoreError> {
        // What was just read comes with its entry; the rest is read off the runtime's threads.
        let contents = if parcels.iter().all(|parcel| parcel.entry.is_some()) {
            reader::contents(&self.store, &mut parcels)?
        } else {
            let read = move |store: &Store| {
                let contents = reader::contents(store, &mut parcels);
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
        let ended = if going.is_empty() {
            None
        } else {
            Some(self.send(going, kept).await)
        };
        Ok(Carried { ended, gone })
    }

    async fn send(&self, parcels: Vec<Parcel>, contents: Vec<Content>) -> Ended {
        let (message, event_types) = {
            let events: Vec<_> = contents
                .iter()
                .filter_map(|content| content.event(&self.store))
                .collect();
            let event_types = events
                .iter()
                .map(|event| event.event_type.clone())
                .collect();
            (self.endpoint.message(&events), event_types)
        };
        drop(contents);
        let (at, began) = (self.clock.now(), Instant::now());
        let outcome = self.sender.attempt(message, at).await;
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
}
