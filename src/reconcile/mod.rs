//! Compares what a sweep observed with what is known, and says what has changed.
//!
//! Pure: no I/O, no clock, no async. The laws, each a property test here:
//!
//! - applying the changes to the known records gives the observed ones;
//! - equal sets give no change;
//! - the order of pages and duplicates between them do not matter;
//! - what was not visible keeps its known value;
//! - removals above a limit are held, everything else in the same change is applied: the two parts
//!   together make the whole;
//! - the roles and groups that a held removal refers to wait with it ([`Waiting`]);
//! - only content counts: a record whose `updated_at` alone moved has not changed.
//!
//! Finding that nothing changed does not need the bodies: a [`Roll`] holds an id and a
//! [`Fingerprint`](crate::model::Fingerprint) for each known record, tens of bytes, and ticks off
//! what the sweep shows. Only records that differ are read and compared in full.

mod access;
mod evidence;
mod fingerprint;
mod guard;
mod judge;
mod replace;
mod roll;
mod waiting;

pub use access::{Permit, Shift, Split, loss_of, references, removal, shift, split};
pub use evidence::{Evidence, assigned_counts, empty, hide, is_lost};
pub use fingerprint::fingerprint;
pub use guard::{Guard, Limits};
pub use judge::{Judgement, KnownRecord, Shown, has_hidden, judge};
pub use replace::Replacements;
pub use roll::{FirstTick, Roll};
pub use waiting::Waiting;

#[cfg(test)]
mod tests;
