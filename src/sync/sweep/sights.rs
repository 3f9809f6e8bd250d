//! Which of two versions of a record is newer, for records that were shown twice in a short time.
//!
//! Pure.

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::model::{Id, Record, Timestamp};

/// How many occurrences are remembered: a little more than two pages. A record that is shown twice
/// while a listing is read has moved from one page to the next.
const REMEMBERED: usize = 256;

/// The last occurrences of records, each with the time at which the source says that the record
/// last changed.
#[derive(Debug, Default)]
pub(super) struct Sights(VecDeque<(Id, Option<Timestamp>)>);

/// How the second version of a record relates to the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Second {
    /// It shows the record as it was later.
    Newer,
    /// It shows the record as it was before.
    Older,
    /// The source does not say.
    Unsure,
}

impl Sights {
    /// Remembers the first occurrence of a record.
    pub(in crate::sync) fn note(&mut self, record: &Record) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((record.id().clone(), record.updated_at()));
    }

    /// Judges a second version of a record, and remembers it if it is the newer one.
    pub(in crate::sync) fn judge(&mut self, record: &Record) -> Second {
        let mut sights = self.0.iter_mut();
        let Some((_, first)) = sights.find(|(id, _)| id == record.id()) else {
            return Second::Unsure;
        };
        let (Some(before), Some(now)) = (*first, record.updated_at()) else {
            return Second::Unsure;
        };
        match now.cmp(&before) {
            Ordering::Greater => {
                *first = Some(now);
                Second::Newer
            }
            Ordering::Less => Second::Older,
            Ordering::Equal => Second::Unsure,
        }
    }
}
