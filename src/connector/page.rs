//! A page of a listing whose records are still text.

use std::fmt;

use serde_json::value::RawValue;

use crate::model::{Finding, Kind, Observed};

/// Maps one record's text; `None` if the source shows the record as deleted.
pub(super) type ReadRecord = fn(Kind, Box<RawValue>) -> Option<Result<Observed, Finding>>;

/// Some records of a listing, split into one text each but not yet parsed.
pub struct Page {
    pub(super) kind: Kind,
    pub(super) total: Option<u64>,
    pub(super) records: Vec<Box<RawValue>>,
    /// Records on the page that are too large for their text to be read.
    pub(super) untaken: Vec<Finding>,
    pub(super) read: ReadRecord,
}

/// What is on a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readout {
    /// The records that could be read, in the source's order.
    pub observed: Vec<Observed>,
    /// Those that could not.
    pub unreadable: Vec<Finding>,
    /// How many the source shows as deleted: they are listed and counted in its total, but do not
    /// exist.
    pub gone: u64,
}

impl Page {
    /// Returns the kind of the page's records.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns how many records are on the page, readable or not, deleted or not.
    pub fn len(&self) -> usize {
        self.records.len() + self.untaken.len()
    }

    /// Returns how many bytes the text of the records takes.
    pub fn n_bytes(&self) -> usize {
        self.records.iter().map(|text| text.get().len()).sum()
    }

    /// Returns whether the page has no records; more pages may still follow.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many distinct records the whole listing has, according to the source; `None` if
    /// this page did not say. It is a hint: records come and go while a listing is read, and some
    /// counts are never right.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Parses and maps the records.
    pub fn read(self) -> Readout {
        let mut readout = Readout {
            observed: Vec::with_capacity(self.records.len()),
            unreadable: self.untaken,
            gone: 0,
        };
        for text in self.records {
            match (self.read)(self.kind, text) {
                Some(Ok(observed)) => readout.observed.push(observed),
                Some(Err(finding)) => readout.unreadable.push(finding),
                None => readout.gone += 1,
            }
        }
        readout
    }
}

/// Shows no record, since records are personal.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("kind", &self.kind)
            .field("total", &self.total)
            .field("len", &self.records.len())
            .finish_non_exhaustive()
    }
}
