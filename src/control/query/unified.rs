//! Questions of programs that read records in the unified schema.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::control::RecordPosition;
use crate::model::{GroupId, Id, Kind, Seq, TenantId, TenantName, Timestamp};

/// Which tenants are asked about, and which of them may be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedTenants {
    /// The tenant, by our name for it, its id or one of its host names; `None` for all that may be
    /// read.
    pub called: Option<String>,
    /// The tenants that may be read; `None` for all.
    pub covered: Option<BTreeSet<TenantId>>,
}

/// Which mentioned records the answer includes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expansion {
    /// The roles of users or groups.
    pub roles: bool,
    /// The groups of users.
    pub groups: bool,
    /// The roles that users hold by any path.
    pub effective_roles: bool,
}

/// Records of a kind, by tenant and id, with those that they mention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnifiedRecords {
    /// The kind.
    pub kind: Kind,
    /// The tenants.
    pub tenants: AskedTenants,
    /// Only records that have changed since then, by the source's clock or by what we saw; `None`
    /// for all.
    pub changed_since: Option<Timestamp>,
    /// Only users in this group; `None` for all.
    pub group: Option<GroupId>,
    /// The time that is asked about; `None` for now.
    pub at: Option<Timestamp>,
    /// Which records that they mention are wanted, too.
    pub expansion: Expansion,
    /// Where the previous page ended.
    pub after: Option<RecordPosition>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE).
    pub limit: usize,
}

/// Records of a kind that were deleted, as far as the journal reports, in the order in which that
/// was found. A record that exists again is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnifiedDeleted {
    /// The kind.
    pub kind: Kind,
    /// The tenants.
    pub tenants: AskedTenants,
    /// Only records that were found deleted since then; `None` for all.
    pub since: Option<Timestamp>,
    /// The entry with which the previous page ended.
    pub after: Option<Seq>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE).
    pub limit: usize,
}

/// One record, by its id, with those that it mentions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnifiedRecord {
    /// The kind.
    pub kind: Kind,
    /// The tenants.
    pub tenants: AskedTenants,
    /// The id.
    pub id: Id,
    /// The time that is asked about; `None` for now.
    pub at: Option<Timestamp>,
    /// Which records that it mentions are wanted, too.
    pub expansion: Expansion,
}

/// The tenants that a program may read, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnifiedTenants {
    /// The last tenant of the previous page.
    pub after: Option<TenantName>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE).
    pub limit: usize,
    /// The tenants.
    pub tenants: AskedTenants,
}
