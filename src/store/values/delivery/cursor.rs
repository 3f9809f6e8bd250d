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
    /// When something was last delivered.
    pub delivered_at: Option<Timestamp>,
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
    /// The last record that is settled; `None` if none is.
    pub after: Option<(TenantNo, Kind, Id)>,
    /// Later records that are settled as well.
    pub beyond: BTreeSet<(TenantNo, Kind, Id)>,
}
