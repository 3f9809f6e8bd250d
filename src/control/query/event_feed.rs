//! The question of programs that pull events.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{EventId, Kind, Seq, TenantId, Timestamp};

/// Where a page of events begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedFrom {
    /// After the event with this id.
    After(EventId),
    /// After the entry at this position of the journal.
    AfterEntry(Seq),
    /// With the first event that was found at this time or later.
    Since(Timestamp),
    /// With the first event that is still there.
    Oldest,
    /// After everything that is there now.
    Now,
}

/// How events are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedFormat {
    /// The body that `docs/events.md` describes.
    Standard,
    /// `CloudEvents` in JSON.
    CloudEvents {
        /// Who the events are from; `None` for the default.
        source: Option<String>,
    },
}

/// Which events are wanted, in the words of an endpoint's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedChoice {
    /// The types, or patterns of them; `None` for all.
    pub events: Option<Vec<String>>,
    /// Only these tenants, by our name, by the name in the source or by id; `None` for all.
    pub tenants: Option<BTreeSet<String>>,
    /// Only records of these kinds; `None` for all.
    pub kinds: Option<BTreeSet<Kind>>,
    /// Only events that involve one of these roles, by name or id; `None` for all.
    pub roles: Option<BTreeSet<String>>,
    /// The fields that are left out.
    pub omit: Vec<String>,
    /// Whether the users of a list beside an entry are events of their own.
    pub expands_lists: bool,
    /// How events are written.
    pub format: FeedFormat,
}

/// Events in the order of the journal, as an endpoint with this choice gets them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFeed {
    /// Where the page begins.
    pub from: FeedFrom,
    /// Which events are wanted.
    pub choice: FeedChoice,
    /// The tenants that may be read; `None` for all.
    pub covered: Option<BTreeSet<TenantId>>,
    /// How many events are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE).
    pub limit: usize,
    /// The bytes after which the page ends, at most
    /// [`MAX_FEED_BYTES`](crate::control::MAX_FEED_BYTES).
    pub max_bytes: usize,
}
