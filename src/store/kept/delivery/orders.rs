//! What operators request for an endpoint's deliveries, until its worker has carried it out.

use std::collections::BTreeSet;
use std::fmt;

use crate::lock::lock;
use crate::model::{EndpointName, Seq, Timestamp};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, v1};

use super::cursor::{Backfill, Cursor, Disabled, DisabledBy};

/// An operator's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Resume sending where it stopped.
    Enable,
    /// Stop sending.
    Disable {
        /// When it was requested.
        at: Timestamp,
    },
    /// Send everything after this position, including what was already sent.
    Rewind {
        /// The position.
        to: Seq,
    },
    /// Send all known records, then resume where sending stopped.
    Backfill {
        /// When it was requested.
        at: Timestamp,
        /// The end of the journal at that time.
        mark: Seq,
    },
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enable => f.write_str("go on where it stopped"),
            Self::Disable { .. } => f.write_str("send nothing any more"),
            Self::Rewind { to } => write!(f, "send everything behind event {to} once more"),
            Self::Backfill { mark, .. } => {
                write!(f, "send everything that is known as of event {mark}")
            }
        }
    }
}

impl Cursor {
    /// Carries out an order.
    pub fn obey(&mut self, order: &Order) {
        match order {
            Order::Enable => {
                self.disabled = None;
                self.trouble = None;
                self.failing = None;
            }
            Order::Disable { at } => {
                self.disabled = Some(Disabled {
                    at: *at,
                    by: DisabledBy::Operator,
                    reason: "an operator disabled it".to_owned(),
                });
            }
            Order::Rewind { to } => {
                self.settled = self.settled.min(*to);
                self.ahead.clear();
            }
            Order::Backfill { at, mark } => {
                // Entries not yet delivered still follow: snapshots never report deleted records.
                self.backfill = Some(Backfill {
                    mark: *mark,
                    at: *at,
                    tenant: None,
                    after: None,
                    beyond: BTreeSet::new(),
                });
            }
        }
    }
}

impl Store {
    /// Adds an order for an endpoint; its worker picks it up the next time it looks.
    pub fn order(&self, endpoint: &EndpointName, order: &Order) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let last = self
            .orders(endpoint)?
            .last()
            .map_or(0, |(number, _)| *number);
        let key = keys::order(endpoint, last + 1);
        self.engine
            .write(vec![codec::put(key, &v1::Order::from(order))])?;
        Ok(())
    }

    /// Returns the orders for an endpoint that are still pending, the earliest first.
    pub fn orders(&self, endpoint: &EndpointName) -> Result<Vec<(u64, Order)>, StoreError> {
        self.engine.read("reading orders", |db| {
            scan::prefix(db, &keys::of_endpoint(Keyspace::Order, endpoint))
                .map(|row| {
                    let (key, value) = row?;
                    let number = keys::trailing_number(&key)
                        .ok_or_else(|| codec::flawed(&key, "no number"))?;
                    Ok((number, codec::read_row::<v1::Order>(&key, &value)?.into()))
                })
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_back_has_settled_nothing_behind_the_place() {
        for (to, settled) in [(3, 3), (9, 7)] {
            let mut cursor = Cursor {
                settled: Seq(7),
                ahead: [Seq(9), Seq(12)].into(),
                ..Cursor::default()
            };

            cursor.obey(&Order::Rewind { to: Seq(to) });

            let expected = Cursor {
                settled: Seq(settled),
                ..Cursor::default()
            };
            assert_eq!(cursor, expected, "{to}");
        }
    }
}
