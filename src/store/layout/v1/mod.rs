//! The values of format 1. Their bytes are on disk: nothing here is ever changed.

mod delivery;
mod entry;
mod held;
mod plan;
mod record;
mod run;
mod tenant;

pub use delivery::{
    Attempt, Attempts, Backfill, BackfillPosition, Cursor, Deferred, Disabled, DisabledBy, Failing,
    Item, Order, OrphanedEndpoints, Parked, Trouble,
};
pub use entry::{Account, Change, Entry, Fact, Origin, Recovery};
pub use held::{HeldLoss, Loss, Reason, Weight};
pub use plan::{HeldPlan, PlanHead, PlanRow, PlanState, Proof, Removal, Summed, Taken, Write};
pub use record::{
    Body, Coded, Group, GroupType, Kind, Record, RecordRef, Role, RoleType, User, UserStatus,
};
pub use run::{Finding, FindingCode, Held, KindCounts, Mode, Outcome, Run, Traffic, Trigger};
pub use tenant::{
    Absent, Bookmark, Census, Count, Head, Link, Links, Nothing, Pause, Seq, Tenant, TenantRow,
    Usage,
};
