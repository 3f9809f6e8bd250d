//! The store: its disk usage, what a check of it found, and what was lost with a damaged one.

use serde_json::{Value, json};

use crate::model::{Fault, HistoryLoss, Lack, Missing, StoreCheck, StoreUsage};
use crate::store::Compacted;

/// Returns how much disk space the store takes, and what takes it.
pub fn space(space: &StoreUsage) -> Value {
    let kept_for = space.kept_for.as_ref();
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
            "held_by": kept_for.map(|kept_for| &kept_for.endpoint),
            "held_since": kept_for.map(|kept_for| kept_for.since),
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
    let StoreCheck {
        format,
        newest_format,
        rows,
        records,
        entries,
        faults,
        more_faults,
    } = checked;
    json!({
        "format": format,
        "newest_format": newest_format,
        "rows": rows,
        "records": records,
        "entries": entries,
        "faults": faults.iter().map(fault).collect::<Vec<_>>(),
        "more_faults": more_faults,
    })
}

/// Returns one fault that a check of the store found.
pub fn fault(fault: &Fault) -> Value {
    let Fault { place, what } = fault;
    json!({ "place": place, "what": what })
}

/// Returns lost history.
pub fn loss(loss: &HistoryLoss) -> Value {
    let HistoryLoss {
        at,
        entry,
        moved_to,
        damage,
        missing,
        accepted_at,
    } = loss;
    json!({
        "at": at,
        "entry": entry,
        "moved_to": moved_to,
        "damage": damage,
        "missing": self::missing(*missing),
        "accepted_at": accepted_at,
    })
}

fn missing(missing: Missing) -> Value {
    let Missing {
        entries,
        places,
        records,
    } = missing;
    json!({ "entries": entries, "places": places, "records": records })
}

/// Returns lost history, as a row of `status`.
pub fn loss_status(loss: &HistoryLoss) -> Value {
    json!({ "history_lost": self::loss(loss) })
}
