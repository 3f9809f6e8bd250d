//! Posting lists on disk: which users have a role assigned, or are in a group that gives roles.
//!
//! A commit does not touch the lists: a change of one user may concern a hundred of them, and the
//! size of a batch is limited. The commit writes one row that says what changed (`note.rs`), in the
//! same batch as the records. So lists and changes together (`read.rs`) always agree with the
//! records. When enough changes have gathered, the writer puts them into the lists (`fold.rs`). A
//! change says who is in a list and who is not, so applying it twice does no harm, and neither does
//! a crash in between.
//!
//! There are no lists while a tenant is loaded for the first time. They are built afterwards
//! (`build.rs`), in steps that each read some users and note them as if they had changed. A group
//! that begins to give roles gets its list the same way. A question that needs a list that is not
//! complete reads all users instead.

pub mod build;
pub mod fold;
pub mod note;
pub mod read;
pub mod row;
