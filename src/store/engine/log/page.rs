//! What a message says of rows: a whole page, or one change of one.

use std::collections::HashMap;

use crate::store::layout::codec;
use crate::store::layout::keys::Key;

use super::segment::{Kind, number};

/// What a message changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A row is there.
    Set(Key, Vec<u8>),
    /// A row is not.
    Delete(Key),
    /// Of the keys from one on up to another, only these are there. An empty end is the last of all.
    Page {
        low: Key,
        high: Key,
        rows: Vec<(Key, Vec<u8>)>,
    },
}

/// The pages that were met: a change of one leaves out what all keys in it begin with.
#[derive(Default)]
pub struct Pages {
    known: HashMap<u64, Bounds>,
}

struct Bounds {
    low: Box<[u8]>,
    /// How many bytes of it all keys begin with.
    n_shared: usize,
}

impl Pages {
    /// Reads a message. `None`: it says nothing of rows, or does not read.
    pub fn read(&mut self, kind: Kind, page: u64, mut body: &[u8]) -> Option<Change> {
        match kind {
            Kind::Node | Kind::NodeElsewhere => self.node(page, &mut body),
            Kind::Link | Kind::LinkElsewhere => self.link(page, &mut body),
            Kind::Free => {
                self.known.remove(&page);
                None
            }
            Kind::Cancelled
            | Kind::Cap
            | Kind::Batch
            | Kind::Counter
            | Kind::Meta
            | Kind::MetaElsewhere => None,
        }
    }

    fn node(&mut self, page: u64, body: &mut &[u8]) -> Option<Change> {
        let _next = number(body)?;
        let _merging_child = number(body)?;
        let _is_merging = byte(body)?;
        let n_shared = usize::from(byte(body)?);
        let (low, high) = (bytes(body)?, bytes(body)?);
        let shared = low.get(..n_shared)?;
        let is_leaf = byte(body)? == 0;
        let bounds = Bounds {
            low: low.into(),
            n_shared,
        };
        self.known.insert(page, bounds);
        if !is_leaf {
            return None;
        }
        let n_rows = number(body)?;
        let mut keys = Vec::new();
        for _ in 0..n_rows {
            keys.push([shared, bytes(body)?].concat());
        }
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.push((key, bytes(body)?.to_vec()));
        }
        Some(Change::Page {
            low: low.to_vec(),
            high: high.to_vec(),
            rows,
        })
    }

    fn link(&mut self, page: u64, body: &mut &[u8]) -> Option<Change> {
        let what = byte(body)?;
        let rest = bytes(body).filter(|_| what < 2)?;
        let bounds = self.known.get(&page)?;
        let key = |n_shared: usize| Some([bounds.low.get(..n_shared)?, rest].concat());
        if what == 1 {
            return Some(Change::Delete(key(bounds.n_shared)?));
        }
        let value = bytes(body)?;
        // If the page itself does not read, the one before it may have shared more or less.
        let lengths = std::iter::once(bounds.n_shared).chain((0..=bounds.low.len()).rev());
        let key = lengths
            .filter_map(key)
            .find(|key| codec::verify(key, value).is_ok())?;
        Some(Change::Set(key, value.to_vec()))
    }
}

fn byte(from: &mut &[u8]) -> Option<u8> {
    let (first, rest) = from.split_first()?;
    *from = rest;
    Some(*first)
}

/// Takes bytes from the front, behind their length.
fn bytes<'bytes>(from: &mut &'bytes [u8]) -> Option<&'bytes [u8]> {
    let len = usize::try_from(number(from)?).ok()?;
    let (bytes, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(bytes)
}
