//! Answers who may do what, by which path: who holds a role, which roles a user holds, which are
//! reached by several paths, what differed between two times, and the evidence for a review.
//!
//! These answers are computed from the records themselves: the roles and groups of a tenant as a
//! [`Picture`](crate::history::Picture), and users page by page. If the posting lists of the store
//! are complete, they tell which users may hold a role; each of these is then judged by its record.
//!
//! What must stay true: an answer says what it does not know ([`Envelope`]); what is not visible is
//! never shown as absent, and roles that all users hold are listed once, not in the row of each
//! user.

mod answers;
mod app_lack;
mod change_causes;
mod change_rows;
mod changes;
mod dating;
mod diff;
mod diff_spaces;
mod diff_times;
mod envelope;
mod last_seen;
mod found_spaces;
mod licence_lack;
mod licence_rows;
mod licence_search;
mod licence_search_then;
mod licences;
mod list;
mod listed;
mod listed_space;
mod mentions;
mod orphans;
mod page_rows;
mod portions;
mod review;
mod space;
mod space_answers;
mod space_rights;
mod stale;
mod stale_licences;
mod spaces;
mod user;
mod user_spaces;

pub use answers::{
    AccessPage, AccessPerson, AccessRow, AccessStanding, DiffPage, DiffRow, Envelope, Everybody,
    EverybodyDiff, Giver, NotKnown, Permission, Population, ReviewPage, StaleRow, SweepMark,
    UserAccess,
};
pub use app_lack::AppLack;
pub use change_rows::{
    AccessChangeChoice, AccessChangePosition, AccessChangeRow, AccessChanges, ChangeBasis,
    ChangeCause, ChangesAnswer,
};
pub(super) use envelope::{begin as envelope_of, note_groups_of};
pub(super) use last_seen::{are_sessions_read, span};
pub use licence_lack::LicenceLack;
pub use licence_rows::{LicenceChoice, LicenceRow, LicenceSince, LicencesPage, WhichLicences};
pub use listed_space::{ListedSpace, Owned, SharedLink, SpaceChoice, SpaceOwner, SpacesPage};
pub(super) use orphans::{elsewhere, judged_for, orphan_licences, sharing};
pub(super) use review::present;
pub use space_answers::{SpaceAccess, SpaceEntry, SpaceEverybody, SpaceRow, SpaceShown};
pub use space_rights::{SpaceEverybodyRight, SpaceRightRow, SpaceRightsPage};
pub use user_spaces::{UserSpace, UserSpaces};
