//! Deliveries: what was sent, what waits, how far an endpoint has got.

mod attempt;
mod cursor;
mod item;
mod order;
mod waiting;

pub use attempt::Attempt;
pub use cursor::{Backfill, Cursor, Disabled, DisabledBy, Expansion, Failing, Trouble};
pub use item::{InvalidItem, Item};
pub use order::Order;
pub use waiting::{Deferred, Parked};
