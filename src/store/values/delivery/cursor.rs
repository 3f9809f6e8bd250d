//! The cursor of an endpoint: all of its progress that fits into one row.

use std::collections::BTreeSet;

use crate::model::{Id, Kind, Seq, Timestamp};
use crate::store::values::tenant_no::TenantNo;

/// How far deliveries to an endpoint have got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Every entry up to here is settled: delivered, not for this endpoint, or recorded in a row of
    /// its own.
    pub settled: Seq,
    /// Later entries that are settled as well. The writer bounds their number.
    pub ahead: BTreeSet<Seq>,
    /// Set while the endpoint itself is in trouble and is only probed; `None` if it is not.
    pub trouble: Option<Trouble>,
    /// The current series of failures; `None` if the last finished attempt succeeded, or there was
    /// none yet.
    pub failing: Option<Failing>,
    /// Why nothing is sent any more; `None` if deliveries are sent.
    pub disabled: Option<Disabled>,
    /// A backfill, which is sent before the journal; `None` if there is none.
    pub backfill: Option<Backfill>,
    /// A list of users that is sent user by user, before later entries; `None` if there is none.
    pub expansion: Option<Expansion>,
    /// When something was last delivered.
    pub delivered_at: Option<Timestamp>,
}

impl Cursor {
    /// Returns the position after which entries are still needed: an entry whose list is being sent
    /// user by user is needed until that is done.
    pub fn needs_after(&self) -> Seq {
        let expansion = self.expansion.as_ref();
        let before = expansion.map(|it| Seq(it.entry.0.saturating_sub(1)));
        before.map_or(self.settled, |before| before.min(self.settled))
    }
}

/// An endpoint that accepts nothing, whatever it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Probes that have failed since the trouble began, including the attempt that revealed it.
    pub probes: u32,
    /// When the next probe is due.
    pub due: Timestamp,
    /// How the last probe ended.
    pub reason: String,
}

/// A period of nothing but failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// When it began.
    pub since: Timestamp,
    /// When the last attempt failed.
    pub last: Timestamp,
    /// Attempts that failed.
    pub attempts: u32,
}

/// An endpoint that is sent nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabled {
    /// When it was disabled.
    pub at: Timestamp,
    /// Who or what disabled it.
    pub by: DisabledBy,
    /// Why, in words.
    pub reason: String,
}

/// Who or what disabled an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisabledBy {
    /// An operator disabled it.
    Operator,
    /// The receiver: it says that the URL is gone.
    Receiver {
        /// What distinguishes the URL that refused from others.
        url_mark: String,
    },
    /// Every attempt has failed for too long.
    Failures,
}

/// The list beside an entry that is sent user by user, with one event for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The entry.
    pub entry: Seq,
    /// The number of the user up to whom all are settled; `None` if there is none.
    pub settled: Option<u64>,
    /// Later users who are settled as well.
    pub beyond: BTreeSet<u64>,
}

/// Records that are sent in their present state, by tenant, then kind, then id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// The end of the journal when the backfill was requested; for a single tenant, the entry that
    /// ended its first load.
    pub mark: Seq,
    /// When it was requested; its events carry this time.
    pub at: Timestamp,
    /// The only tenant it covers, which has just been loaded; `None` for all tenants.
    pub tenant: Option<TenantNo>,
    /// The last record that is settled; `None` if there is none.
    pub after: Option<(TenantNo, Kind, Id)>,
    /// Later records that are settled as well.
    pub beyond: BTreeSet<(TenantNo, Kind, Id)>,
}
