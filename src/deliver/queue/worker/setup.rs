//! What depends on the settings of an endpoint, and how other settings come.

use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::clock::Clock;
use crate::deliver::endpoint::options::Endpoint;
use crate::deliver::error::DeliverError;
use crate::deliver::queue::dispatch::Dispatcher;
use crate::deliver::queue::endpoint_store::EndpointStore;
use crate::deliver::queue::feed::Feed;
use crate::deliver::queue::state::State;
use crate::deliver::transport::send::Sender;
use crate::deliver::transport::size::Sizes;

/// What depends on the settings of an endpoint.
pub(super) struct Setup {
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) endpoint_store: Arc<EndpointStore>,
    pub(super) state: State,
}

impl Setup {
    /// Prepares to deliver. A new endpoint starts after the journal's present end.
    pub(super) async fn of(
        endpoint: &Endpoint,
        feed: &Feed,
        clock: Clock,
    ) -> Result<Self, DeliverError> {
        let sender = Sender::new(endpoint).map_err(DeliverError::Client)?;
        let store = feed.store().clone();
        let (of, now) = (endpoint.clone(), clock.now());
        let opened = store.offload(move |store| {
            let endpoint_store = EndpointStore::open(store, &of, now)?;
            let state = endpoint_store.state(store, now)?;
            Ok((endpoint_store, state))
        });
        let (endpoint_store, state) = opened.await.map_err(DeliverError::Store)?;
        let batching = endpoint.batching();
        let dispatcher = Dispatcher {
            sender,
            endpoint: endpoint.clone(),
            store,
            feed: feed.clone(),
            clock,
            consent: Mutex::default(),
            sizes: Sizes::up_to(batching.map_or(usize::MAX, |batching| batching.max_bytes)),
        };
        Ok(Self {
            dispatcher: Arc::new(dispatcher),
            endpoint_store: Arc::new(endpoint_store),
            state,
        })
    }
}

/// Waits for other settings; for ever if nobody can send any.
pub(super) async fn next(changes: &mut watch::Receiver<Option<Endpoint>>) -> Box<Endpoint> {
    loop {
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
        if let Some(endpoint) = &*changes.borrow_and_update() {
            return Box::new(endpoint.clone());
        }
    }
}
