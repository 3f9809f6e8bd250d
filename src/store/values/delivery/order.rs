//! What an operator requests for an endpoint's deliveries, and how it changes a cursor.

use std::collections::BTreeSet;
use std::fmt;

use crate::model::{Seq, Timestamp};

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
            Self::Enable => f.write_str("continue where it stopped"),
            Self::Disable { .. } => f.write_str("stop sending"),
            Self::Rewind { to } => write!(f, "send everything after event {to} once more"),
            Self::Backfill { mark, .. } => {
                write!(f, "send everything that is known as of event {mark}")
            }
        }
    }
}

impl Cursor {
    /// Applies an order.
    pub fn apply(&mut self, order: &Order) {
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
                // A list whose entry is after the position starts over when its entry comes up
                // again.
                self.expansion.take_if(|expansion| expansion.entry > *to);
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

            cursor.apply(&Order::Rewind { to: Seq(to) });

            let expected = Cursor {
                settled: Seq(settled),
                ..Cursor::default()
            };
            assert_eq!(cursor, expected, "{to}");
        }
    }
}
