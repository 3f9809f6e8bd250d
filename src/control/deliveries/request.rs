//! What can be asked of deliveries, and ordered.

use serde::{Deserialize, Serialize};

use crate::model::{EndpointName, Timestamp};
use crate::store::Item;

use super::EventName;

/// A question about deliveries, or an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryRequest {
    /// All endpoints, by name.
    Endpoints,
    /// Set an endpoint going, stop it, or let it have everything.
    Order {
        /// Which endpoint.
        endpoint: EndpointName,
        /// What is wanted.
        wish: Wish,
    },
    /// The last attempts, the newest first.
    Attempts {
        /// At which endpoint; `None` for all.
        endpoint: Option<EndpointName>,
        /// At which event; `None` for any.
        event: Option<EventName>,
        /// How they ended.
        ended: Ended,
        /// Rows wanted, [`MAX_PAGE`](crate::control::MAX_PAGE) at the most.
        limit: usize,
    },
    /// A page of what was given up on, by endpoint, the earliest first.
    Parked {
        /// At which endpoint; `None` for all.
        endpoint: Option<EndpointName>,
        /// The last row of the page before.
        after: Option<(EndpointName, Item)>,
        /// Rows wanted, [`MAX_PAGE`](crate::control::MAX_PAGE) at the most.
        limit: usize,
    },
    /// What waits for another attempt, by endpoint, what is due first before the rest.
    Waiting {
        /// At which endpoint; `None` for all.
        endpoint: Option<EndpointName>,
        /// Rows wanted, [`MAX_PAGE`](crate::control::MAX_PAGE) at the most.
        limit: usize,
    },
    /// Send again.
    Replay {
        /// To which endpoint.
        endpoint: EndpointName,
        /// What.
        what: Again,
    },
    /// Forget what was given up on.
    Dismiss {
        /// At which endpoint.
        endpoint: EndpointName,
        /// What; `None` for all of it.
        event: Option<EventName>,
    },
}

/// What is wanted of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// To go on from where it stopped.
    Enable,
    /// To get nothing any more.
    Disable,
    /// To get everything that is known, then what happened since.
    Backfill,
}

/// How attempts ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// One way or another.
    Anyhow,
    /// Without the event having been taken.
    Failed,
}

/// What is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// One event.
    Event(EventName),
    /// Everything since then.
    Since(Timestamp),
    /// Everything that was given up on.
    Parked,
}
