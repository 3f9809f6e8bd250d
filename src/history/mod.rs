//! The records of a tenant as they were at a time, and so who held what.
//!
//! The journal leads from any earlier state to the present one, and back. [`Past`](past::Past)
//! reads back what has changed since a time; a [`Picture`] is what the roles and groups of that
//! time gave, and answers with the users of that time, page by page. [`Pictures`] keeps those that
//! were made last.
//!
//! What must stay true: nothing is stored for this, and memory grows with roles and groups, not
//! with users; of users that changed, only the positions of their entries are kept. A time
//! that the journal does not reach is refused, never guessed.

mod error;
mod pairs;
mod past;
mod picture;
mod pictures;
mod since;
mod since_when;
mod trail;
mod spaces;

pub use error::HistoryError;
pub use pairs::{Pair, PairPage, latest_mention, pairs};
pub use picture::{Picture, UserPage};
pub use pictures::Pictures;
pub use since::first_since;
pub use since_when::{Since, since_when};
pub use spaces::{SpacesLook, each_space};
pub use trail::Trail;
