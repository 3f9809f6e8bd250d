//! What goes to disk, and what is forgotten when it is there.

use super::State;
use crate::model::Timestamp;
use crate::store::{self, MAX_CHANGES, Progress};

/// Attempts of an endpoint that are kept.
const MAX_ATTEMPTS: usize = 10_000;

impl State {
    /// Returns whether there is something that is not on disk.
    pub fn is_dirty(&self) -> bool {
        self.is_dirty || !self.changes.is_empty()
    }

    /// Returns whether something failed, was given up on or came to an end: that is not to wait
    /// for more.
    pub fn is_urgent(&self) -> bool {
        !self.changes.is_empty() || self.told.is_some()
    }

    /// Takes what is to be written. Rows go before the cursor that steps over them, so where
    /// there are more than one write holds, the earlier ones leave the cursor where it was.
    pub fn progress(&mut self, now: Timestamp) -> Vec<Progress> {
        self.is_dirty = false;
        let cursor = self.cursor();
        let mut changes = std::mem::take(&mut self.changes).into_iter();
        let mut writes = Vec::new();
        let mut attempts = std::mem::take(&mut self.attempts).into_iter();
        while changes.len() > MAX_CHANGES || attempts.len() > store::ATTEMPTS_AT_ONCE {
            writes.push(Progress {
                changes: changes.by_ref().take(MAX_CHANGES).collect(),
                attempts: attempts.by_ref().take(store::ATTEMPTS_AT_ONCE).collect(),
                ..Progress::of(self.saved.clone())
            });
        }
        writes.push(Progress {
            changes: changes.collect(),
            attempts: attempts.collect(),
            told: self.told.take(),
            forget_before: now.minus(store::KEEP_ATTEMPTS),
            keep: MAX_ATTEMPTS,
            cursor: cursor.clone(),
        });
        self.saved = cursor;
        writes
    }
}
