//! The store: its room, and what was lost with a damaged one.

use serde_json::{Value, json};

use crate::model::{HistoryLoss, Lack, StoreUsage};
use crate::store::Compacted;

/// Returns how much room the store takes, and what holds it.
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

/// Returns what a compaction gave back.
pub fn compacted(compacted: &Compacted) -> Value {
    let Compacted {
        rows,
        live,
        before,
        after,
    } = compacted;
    json!({ "before": before, "after": after, "live": live, "rows": rows })
}

/// Returns history that was lost, as a row of `status`.
pub fn loss(loss: &HistoryLoss) -> Value {
    json!({ "history_lost": loss })
}
