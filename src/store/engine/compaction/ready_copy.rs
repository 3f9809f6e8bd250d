//! A copy that is ready to take the database's place, and what comes of it.

use std::sync::mpsc::SyncSender;

use crate::store::engine::rows::count::Count;

use super::copy::Copy;
use super::copying::CopyError;

/// A copy that is ready.
pub struct Replacement {
    pub copy: Copy,
    /// Where to tell what came of it.
    pub told: SyncSender<Outcome>,
}

/// What came of it.
pub enum Outcome {
    /// It has the database's place, with so much in it.
    Done(Count),
    /// Somebody reads, or there is too much to copy once more.
    Later(Box<Copy>),
    /// The database is as it was.
    NotTaken(CopyError),
}
