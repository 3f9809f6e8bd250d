//! The values that cross between the store's folders: what is kept, how far it has got, and what
//! will be written.
//!
//! They import nothing of the store. So the layout can turn them into bytes, an engine can store
//! them in whatever way it likes, and `kept/` can use them without knowing either.

pub mod audit;
pub mod belief;
pub mod census;
pub mod commit;
pub mod count;
pub mod delivery;
pub mod head;
pub mod held;
pub mod licence;
pub mod plan;
pub mod posting;
pub mod reading;
pub mod record;
pub mod rights;
pub mod row;
pub mod runs;
pub mod skimmed;
pub mod space;
pub mod tenant_no;
