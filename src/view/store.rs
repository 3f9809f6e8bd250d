//! The store: its disk usage, what a check of it found, and what was lost with a damaged one.

use serde_json::{Value, json};

use crate::model::{Fault, HistoryLoss, Lack, StoreCheck, StoreUsage};
use crate::store::Compacted;

/// Returns how much disk space the store takes, and what takes it.
pub fn space(space: &StoreUsage) -> Value {
    let hold = space.hold.as_ref();
    json!({
        "store": {
            "disk": space.disk,
            "moved_aside": space.aside,
            "live": space.live,
            "lacks": space.lacks.map(Lack::missing),
            "events": space.entries(),
            "first": space.first,
            "last": space.last,
            "oldest": space.oldest,
            "held_by": hold.map(|hold| &hold.endpoint),
            "held_since": hold.map(|hold| hold.since),
            "ahead": space.ahead,
        },
    })
}

/// Returns how much space a compaction freed.
pub fn compacted(compacted: &Compacted) -> Value {
    let Compacted {
        rows,
        live,
        before,
        after,
    } = compacted;
    json!({ "before": before, "after": after, "live": live, "rows": rows })
}

/// Returns what a check of the store found.
pub fn checked(checked: &StoreCheck) -> Value {
    json!(checked)
}

/// Returns one fault that a check of the store found.
pub fn fault(fault: &Fault) -> Value {
    json!(fault)
}

/// Returns lost history.
pub fn loss(loss: &HistoryLoss) -> Value {
    json!(loss)
}

/// Returns lost history, as a row of `status`.
pub fn loss_status(loss: &HistoryLoss) -> Value {
    json!({ "history_lost": self::loss(loss) })
}
