//! Where reading continues, and what was read there: the journal, known records, lists, replays.

use super::pending_delivery::PendingDelivery;
use crate::deliver::content::entity::Entity;
use crate::model::{Id, Kind, Seq, Timestamp};
use crate::store::{Item, TenantNo};

/// A record's position among all known records.
pub(super) type SnapshotPosition = (TenantNo, Kind, Id);

/// The position that reading continues from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReadPosition {
    /// Entries after this position.
    Journal(Seq),
    /// Records after this position, for a backfill.
    Records {
        mark: Seq,
        at: Timestamp,
        tenant: Option<TenantNo>,
        after: Option<SnapshotPosition>,
    },
    /// Users of the list beside an entry, after this number.
    Members { entry: Seq, after: Option<u64> },
}

/// What was read, and whether there is nothing more to read for now.
pub(super) struct Page {
    pub met: Vec<Met>,
    pub is_end: bool,
}

/// A position that was read.
#[derive(Debug)]
pub(super) enum Met {
    /// An entry; `None` if this endpoint has no use for it.
    Entry(Seq, Option<PendingDelivery>),
    /// The entry that ends a tenant's first load: the tenant's records have to be sent.
    Loaded {
        seq: Seq,
        at: Timestamp,
        tenant: TenantNo,
    },
    /// An entry with a list of users, each of whom has to be sent.
    Listed(Seq),
    /// A user of the list that is being sent, by number.
    Member(u64, PendingDelivery),
    /// A record; `None` if this endpoint has no use for it.
    Record(SnapshotPosition, Option<PendingDelivery>),
}

/// Some of the replays.
#[derive(Debug)]
pub(super) struct Replays {
    pub items: Vec<(Item, Entity)>,
    /// The last that was read; `None` if there are no more.
    pub read: Option<Item>,
}

/// Where to look for replays.
#[derive(Debug)]
pub(super) enum Look {
    /// Nowhere: no more replays can be accepted now.
    Nowhere,
    /// After this one, or from the first one on.
    Behind(Option<Item>),
}
