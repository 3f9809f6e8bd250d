//! How far deliveries have got.

use std::borrow::Cow;

use crate::model::{Id, Kind};
use crate::store::layout::{v1, v5};
use crate::store::values::delivery::{
    Attempt, Backfill, Cursor, Deferred, Disabled, DisabledBy, Expansion, Failing, Item, Order,
    Parked, Trouble,
};
use crate::store::values::tenant_no::TenantNo;

impl From<&Cursor> for v5::Cursor {
    fn from(cursor: &Cursor) -> Self {
        let Cursor {
            settled,
            ahead,
            trouble,
            failing,
            disabled,
            backfill,
            expansion,
            delivered_at,
        } = cursor;
        Self {
            settled: *settled,
            ahead: ahead.iter().copied().collect(),
            trouble: trouble.as_ref().map(Into::into),
            failing: failing.map(Into::into),
            disabled: disabled.as_ref().map(Into::into),
            backfill: backfill.as_ref().map(Into::into),
            expansion: expansion.as_ref().map(Into::into),
            delivered_at: *delivered_at,
        }
    }
}

impl From<v1::Cursor> for Cursor {
    fn from(cursor: v1::Cursor) -> Self {
        let v1::Cursor {
            settled,
            ahead,
            trouble,
            failing,
            disabled,
            backfill,
            delivered_at,
        } = cursor;
        Self {
            settled,
            ahead: ahead.into_iter().collect(),
            trouble: trouble.map(Into::into),
            failing: failing.map(Into::into),
            disabled: disabled.map(Into::into),
            backfill: backfill.map(Into::into),
            expansion: None,
            delivered_at,
        }
    }
}

impl From<v5::Cursor> for Cursor {
    fn from(cursor: v5::Cursor) -> Self {
        let v5::Cursor {
            settled,
            ahead,
            trouble,
            failing,
            disabled,
            backfill,
            expansion,
            delivered_at,
        } = cursor;
        Self {
            settled,
            ahead: ahead.into_iter().collect(),
            trouble: trouble.map(Into::into),
            failing: failing.map(Into::into),
            disabled: disabled.map(Into::into),
            backfill: backfill.map(Into::into),
            expansion: expansion.map(Into::into),
            delivered_at,
        }
    }
}

impl From<&Expansion> for v5::Expansion {
    fn from(expansion: &Expansion) -> Self {
        let Expansion {
            entry,
            settled,
            beyond,
        } = expansion;
        Self {
            entry: *entry,
            settled: *settled,
            beyond: beyond.iter().copied().collect(),
        }
    }
}

impl From<v5::Expansion> for Expansion {
    fn from(expansion: v5::Expansion) -> Self {
        let v5::Expansion {
            entry,
            settled,
            beyond,
        } = expansion;
        Self {
            entry,
            settled,
            beyond: beyond.into_iter().collect(),
        }
    }
}

impl From<&Trouble> for v1::Trouble {
    fn from(trouble: &Trouble) -> Self {
        let Trouble {
            probes,
            due,
            reason,
        } = trouble;
        Self {
            probes: *probes,
            due: *due,
            reason: reason.clone(),
        }
    }
}

impl From<v1::Trouble> for Trouble {
    fn from(trouble: v1::Trouble) -> Self {
        let v1::Trouble {
            probes,
            due,
            reason,
        } = trouble;
        Self {
            probes,
            due,
            reason,
        }
    }
}

impl From<Failing> for v1::Failing {
    fn from(failing: Failing) -> Self {
        let Failing {
            since,
            last,
            attempts,
        } = failing;
        Self {
            since,
            last,
            attempts,
        }
    }
}

impl From<v1::Failing> for Failing {
    fn from(failing: v1::Failing) -> Self {
        let v1::Failing {
            since,
            last,
            attempts,
        } = failing;
        Self {
            since,
            last,
            attempts,
        }
    }
}

impl From<&Disabled> for v1::Disabled {
    fn from(Disabled { at, by, reason }: &Disabled) -> Self {
        Self {
            at: *at,
            by: match by {
                DisabledBy::Operator => v1::DisabledBy::Operator,
                DisabledBy::Receiver { url_mark } => v1::DisabledBy::Receiver {
                    url_mark: url_mark.clone(),
                },
                DisabledBy::Failures => v1::DisabledBy::Failures,
            },
            reason: reason.clone(),
        }
    }
}

impl From<v1::Disabled> for Disabled {
    fn from(v1::Disabled { at, by, reason }: v1::Disabled) -> Self {
        let by = match by {
            v1::DisabledBy::Operator => DisabledBy::Operator,
            v1::DisabledBy::Receiver { url_mark } => DisabledBy::Receiver { url_mark },
            v1::DisabledBy::Failures => DisabledBy::Failures,
        };
        Self { at, by, reason }
    }
}

impl From<&Backfill> for v1::Backfill {
    fn from(backfill: &Backfill) -> Self {
        let Backfill {
            mark,
            at,
            tenant,
            after,
            beyond,
        } = backfill;
        let place = |(no, kind, id): &(TenantNo, Kind, Id)| (no.0, (*kind).into(), id.clone());
        Self {
            mark: *mark,
            at: *at,
            tenant: tenant.map(|no| no.0),
            after: after.as_ref().map(place),
            beyond: beyond.iter().map(place).collect(),
        }
    }
}

impl From<v1::Backfill> for Backfill {
    fn from(backfill: v1::Backfill) -> Self {
        let v1::Backfill {
            mark,
            at,
            tenant,
            after,
            beyond,
        } = backfill;
        let place = |(no, kind, id): v1::BackfillPosition| (TenantNo(no), kind.into(), id);
        Self {
            mark,
            at,
            tenant: tenant.map(TenantNo),
            after: after.map(place),
            beyond: beyond.into_iter().map(place).collect(),
        }
    }
}

impl From<&Item> for v5::Item {
    fn from(item: &Item) -> Self {
        match item {
            Item::Entry(seq) => Self::Entry(*seq),
            Item::Snapshot {
                mark,
                at,
                tenant,
                record,
            } => Self::Snapshot {
                mark: *mark,
                at: *at,
                tenant: tenant.0,
                record: record.into(),
            },
            Item::Member { entry, number } => Self::Member {
                entry: *entry,
                number: *number,
            },
        }
    }
}

impl From<v1::Item> for Item {
    fn from(item: v1::Item) -> Self {
        match item {
            v1::Item::Entry(seq) => Self::Entry(seq),
            v1::Item::Snapshot {
                mark,
                at,
                tenant,
                record,
            } => Self::Snapshot {
                mark,
                at,
                tenant: TenantNo(tenant),
                record: record.into(),
            },
        }
    }
}

impl From<v5::Item> for Item {
    fn from(item: v5::Item) -> Self {
        match item {
            v5::Item::Entry(seq) => Self::Entry(seq),
            v5::Item::Snapshot {
                mark,
                at,
                tenant,
                record,
            } => Self::Snapshot {
                mark,
                at,
                tenant: TenantNo(tenant),
                record: record.into(),
            },
            v5::Item::Member { entry, number } => Self::Member { entry, number },
        }
    }
}

impl From<&Deferred> for v1::Deferred {
    fn from(deferred: &Deferred) -> Self {
        let Deferred {
            entity,
            after,
            attempts,
            due,
            is_endpoints,
            is_alone,
        } = deferred;
        Self {
            entity: *entity,
            after: *after,
            attempts: *attempts,
            due: *due,
            is_endpoints: *is_endpoints,
            is_alone: *is_alone,
        }
    }
}

impl From<v1::Deferred> for Deferred {
    fn from(deferred: v1::Deferred) -> Self {
        let v1::Deferred {
            entity,
            after,
            attempts,
            due,
            is_endpoints,
            is_alone,
        } = deferred;
        Self {
            entity,
            after,
            attempts,
            due,
            is_endpoints,
            is_alone,
        }
    }
}

impl From<&Parked> for v5::Parked {
    fn from(parked: &Parked) -> Self {
        let Parked {
            item,
            reason,
            at,
            attempts,
        } = parked;
        Self {
            item: item.into(),
            reason: reason.clone(),
            at: *at,
            attempts: *attempts,
        }
    }
}

impl From<v1::Parked> for Parked {
    fn from(parked: v1::Parked) -> Self {
        let v1::Parked {
            item,
            reason,
            at,
            attempts,
        } = parked;
        Self {
            item: item.into(),
            reason,
            at,
            attempts,
        }
    }
}

impl From<v5::Parked> for Parked {
    fn from(parked: v5::Parked) -> Self {
        let v5::Parked {
            item,
            reason,
            at,
            attempts,
        } = parked;
        Self {
            item: item.into(),
            reason,
            at,
            attempts,
        }
    }
}

impl From<&Order> for v1::Order {
    fn from(order: &Order) -> Self {
        match order {
            Order::Enable => Self::Enable,
            Order::Disable { at } => Self::Disable { at: *at },
            Order::Rewind { to } => Self::Rewind { to: *to },
            Order::Backfill { at, mark } => Self::Backfill {
                at: *at,
                mark: *mark,
            },
        }
    }
}

impl From<v1::Order> for Order {
    fn from(order: v1::Order) -> Self {
        match order {
            v1::Order::Enable => Self::Enable,
            v1::Order::Disable { at } => Self::Disable { at },
            v1::Order::Rewind { to } => Self::Rewind { to },
            v1::Order::Backfill { at, mark } => Self::Backfill { at, mark },
        }
    }
}

impl<'a> From<&'a Attempt> for v5::Attempt<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        let Attempt {
            item,
            event_type,
            number,
            at,
            took_ms,
            status,
            answer,
            error,
        } = attempt;
        Self {
            item: item.into(),
            event_type: Cow::Borrowed(event_type),
            number: *number,
            at: *at,
            took_ms: *took_ms,
            status: *status,
            answer: Cow::Borrowed(answer),
            error: error.as_deref().map(Cow::Borrowed),
        }
    }
}

impl From<v1::Attempt<'_>> for Attempt {
    fn from(attempt: v1::Attempt<'_>) -> Self {
        let v1::Attempt {
            item,
            event_type,
            number,
            at,
            took_ms,
            status,
            answer,
            error,
        } = attempt;
        Self {
            item: item.into(),
            event_type: Cow::Owned(event_type.into_owned()),
            number,
            at,
            took_ms,
            status,
            answer: answer.as_ref().into(),
            error: error.as_deref().map(Into::into),
        }
    }
}

impl From<v5::Attempt<'_>> for Attempt {
    fn from(attempt: v5::Attempt<'_>) -> Self {
        let v5::Attempt {
            item,
            event_type,
            number,
            at,
            took_ms,
            status,
            answer,
            error,
        } = attempt;
        Self {
            item: item.into(),
            event_type: Cow::Owned(event_type.into_owned()),
            number,
            at,
            took_ms,
            status,
            answer: answer.as_ref().into(),
            error: error.as_deref().map(Into::into),
        }
    }
}
