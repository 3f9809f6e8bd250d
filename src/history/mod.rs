//! The records of a tenant as they were at an earlier time, and who had which roles then.
//!
//! The journal leads from any earlier state to the present one, and back. [`Past`](past::Past)
//! reads back what has changed since a time; a [`Picture`] has the roles and groups of that time,
//! and reads the users of that time page by page. [`Pictures`] keeps the pictures that were made
//! last.
//!
//! What must stay true: nothing is stored for this, and memory grows with roles and groups, not
//! with users. For a user who has changed, only the position of an entry is kept, and a hint which
//! posting lists the user has left. Everyone who was in a list then is in the list now or is one of
//! these users. A time that the journal does not reach is refused, never guessed.

mod basis;
mod cause;
mod changed;
mod error;
mod licence_past;
mod licences;
mod pairs;
mod past;
mod picture;
mod pictures;
mod present;
mod records_then;
mod since;
mod since_when;
mod trail;
mod space_changes;
mod space_pair;
mod space_pairs;
mod space_past;
mod spaces;
mod waiting;

pub use basis::Since;
pub use error::HistoryError;
pub use licence_past::SubjectLicences;
pub use licences::{AssignedPage, LicenceLook, LicenceThen};
pub use pairs::{Pair, PairPage, latest_mention, pairs, pairs_in};
pub use past::covered;
pub use picture::{Picture, UserPage};
pub use pictures::Pictures;
pub use records_then::RecordPage;
pub use since::first_since;
pub use space_pair::SpacePair;
pub use space_pairs::{Compared, SpacePairs};
pub use spaces::{FoundSpaces, SpacesLook, each_space, each_space_pair, spaces_after};
pub use trail::Dates;
