//! Posting lists on disk: which users have a role assigned, or are in a group that gives roles.
//!
//! A commit does not touch the lists: a change of one user may concern a hundred of them, and a
//! batch has a limit. It writes one row that says what changed (`note.rs`), in the same batch as
//! the records. So lists and changes together (`read.rs`) always say what the records say. When
//! some changes have gathered, the writer puts them into the lists (`fold.rs`). A change says who
//! is in a list and who is not, so applying it twice does no harm, and a crash in between none
//! either.
//!
//! There are no lists while a tenant is loaded for the first time. They are then built
//! (`build.rs`), in steps that read some users each and note them as if they had changed. A group
//! that begins to give roles gets its list the same way. A question that needs a list that is not
//! complete reads all users instead.

pub mod build;
pub mod fold;
pub mod note;
pub mod read;
pub mod row;
