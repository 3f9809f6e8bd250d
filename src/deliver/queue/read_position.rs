//! Where reading goes on, and what was read there: the journal, known records, replays.

use super::pending_delivery::PendingDelivery;
use crate::deliver::content::entity::Entity;
use crate::model::{Id, Kind, Seq, Timestamp};
use crate::store::{Item, TenantNo};

/// A record's place among all that are known.
pub(super) type Place = (TenantNo, Kind, Id);

/// What reading goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReadPosition {
    /// Entries behind this place.
    Journal(Seq),
    /// Records behind this place, for a backfill.
    Records {
        mark: Seq,
        at: Timestamp,
        tenant: Option<TenantNo>,
        after: Option<Place>,
    },
}

/// What was read, and whether that is all there is for now.
pub(super) struct Page {
    pub met: Vec<Met>,
    pub is_end: bool,
}

/// A place that was read.
#[derive(Debug)]
pub(super) enum Met {
    /// An entry; `None` if it is nothing for this endpoint.
    Entry(Seq, Option<PendingDelivery>),
    /// The entry that ends a tenant's first load: its records are to be told.
    Loaded {
        seq: Seq,
        at: Timestamp,
        tenant: TenantNo,
    },
    /// A record; `None` likewise.
    Record(Place, Option<PendingDelivery>),
}

/// Some of what is asked for once more.
#[derive(Debug)]
pub(super) struct Replays {
    pub items: Vec<(Item, Entity)>,
    /// The last that was read; `None` if there are no others.
    pub read: Option<Item>,
}

/// Where to look for what is asked for once more.
#[derive(Debug)]
pub(super) enum Look {
    /// Nowhere: there is no room for it.
    Nowhere,
    /// Behind this one, or from the first on.
    Behind(Option<Item>),
}
