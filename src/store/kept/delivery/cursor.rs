//! The cursor of an endpoint: everything about it that is one row.

use std::collections::BTreeSet;

use crate::model::{Id, Kind, Seq, Timestamp};
use crate::store::error::StoreError;
use crate::store::layout::{codec, v1};
use crate::store::tenant_no::TenantNo;

/// How far deliveries to an endpoint are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Every entry up to here is settled: delivered, not for this endpoint, or in a row of its
    /// own.
    pub settled: Seq,
    /// Entries behind it that are settled as well. Bounded by who writes it.
    pub ahead: BTreeSet<Seq>,
    /// The endpoint itself is in trouble and is only probed; `None` if it is not.
    pub trouble: Option<Trouble>,
    /// Nothing but failures; `None` if the last attempt that ended was a success, or there was
    /// none yet.
    pub failing: Option<Failing>,
    /// Why nothing is sent any more; `None` if it is.
    pub disabled: Option<Disabled>,
    /// What was known before the journal goes first; `None` if the journal does.
    pub backfill: Option<Backfill>,
    /// When something was delivered last.
    pub delivered_at: Option<Timestamp>,
}

/// An endpoint that takes nothing, whatever it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Probes that have failed since it began, the attempt that showed it included.
    pub probes: u32,
    /// When the next is due.
    pub due: Timestamp,
    /// What the last one ended with.
    pub reason: String,
}

/// A time of nothing but failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// When the last attempt failed.
    pub last: Timestamp,
    /// Attempts that failed.
    pub attempts: u32,
}

/// An endpoint that gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// On whose account.
    pub by: DisabledBy,
    /// Why, in words.
    pub reason: String,
}

/// On whose account an endpoint gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisabledBy {
    /// An operator wanted it so.
    Operator,
    /// The receiver: what it was reached at is gone.
    Receiver {
        /// What tells the URL that refused from another.
        url_mark: String,
    },
    /// There was nothing but failures for too long.
    Failures,
}

/// Records that are sent as they are, tenant by tenant and kind by kind, in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// The journal's end when it was asked for; of a tenant, the entry that ended its first
    /// load.
    pub mark: Seq,
    /// When it was asked for; the time of its events.
    pub at: Timestamp,
    /// Only of this tenant, which was loaded just then; `None` for all.
    pub tenant: Option<TenantNo>,
    /// The last record that is settled; `None` if none is.
    pub after: Option<(TenantNo, Kind, Id)>,
    /// Records behind it that are settled as well.
    pub beyond: BTreeSet<(TenantNo, Kind, Id)>,
}

/// Reads the value of a cursor.
pub(in crate::store) fn read(key: &[u8], value: &[u8]) -> Result<Cursor, StoreError> {
    codec::read_row::<v1::Cursor>(key, value).map(Into::into)
}
