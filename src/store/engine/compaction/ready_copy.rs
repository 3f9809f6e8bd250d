//! A copy that is ready to replace the database, and the outcome.

use std::sync::mpsc::SyncSender;

use crate::store::values::count::Count;

use super::copy::Copy;
use super::copying::CopyError;

/// A copy that is ready.
pub struct Replacement {
    pub copy: Copy,
    /// Where to report the outcome.
    pub told: SyncSender<Outcome>,
}

/// The outcome of a replacement.
pub enum Outcome {
    /// The copy has replaced the database, and contains this much.
    Done(Count),
    /// Somebody is reading, or there is too much to copy again.
    Later(Box<Copy>),
    /// The database is as it was.
    NotTaken(CopyError),
}
