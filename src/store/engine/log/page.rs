//! What a message says about rows: a whole page, or one change to a page.

use std::collections::HashMap;

use crate::store::layout::codec;
use crate::store::layout::keys::Key;

use super::segment::{MessageKind, number};

/// What a message changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowChange {
    /// A row exists.
    Set(Key, Vec<u8>),
    /// A row does not exist.
    Delete(Key),
    /// Only these keys exist in the range from one key up to another. An empty end means no upper
    /// bound.
    Page {
        low: Key,
        high: Key,
        rows: Vec<(Key, Vec<u8>)>,
    },
}

/// The pages seen so far: a change to a page omits the prefix that all its keys share.
#[derive(Default)]
pub struct Pages {
    known: HashMap<u64, Bounds>,
}

struct Bounds {
    low: Box<[u8]>,
    /// How many leading bytes all keys share.
    n_shared: usize,
}

impl Pages {
    /// Reads a message. `None` if it does not concern rows, or cannot be read.
    pub fn read(&mut self, kind: MessageKind, page: u64, mut body: &[u8]) -> Option<RowChange> {
        match kind {
            MessageKind::Node | MessageKind::NodeElsewhere => self.node(page, &mut body),
            MessageKind::Link | MessageKind::LinkElsewhere => self.link(page, &mut body),
            MessageKind::Free => {
                self.known.remove(&page);
                None
            }
            MessageKind::Cancelled
            | MessageKind::Cap
            | MessageKind::Batch
            | MessageKind::Counter
            | MessageKind::Meta
            | MessageKind::MetaElsewhere => None,
        }
    }

    fn node(&mut self, page: u64, body: &mut &[u8]) -> Option<RowChange> {
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
        Some(RowChange::Page {
            low: low.to_vec(),
            high: high.to_vec(),
            rows,
        })
    }

    fn link(&mut self, page: u64, body: &mut &[u8]) -> Option<RowChange> {
        let what = byte(body)?;
        let rest = bytes(body).filter(|_| what < 2)?;
        let bounds = self.known.get(&page)?;
        let key = |n_shared: usize| Some([bounds.low.get(..n_shared)?, rest].concat());
        if what == 1 {
            return Some(RowChange::Delete(key(bounds.n_shared)?));
        }
        let value = bytes(body)?;
        // If the newest version of the page could not be read, these bounds are those of an older
        // one, whose keys may have shared more or fewer bytes.
        let lengths = std::iter::once(bounds.n_shared).chain((0..=bounds.low.len()).rev());
        let key = lengths
            .filter_map(key)
            .find(|key| codec::verify(key, value).is_ok())?;
        Some(RowChange::Set(key, value.to_vec()))
    }
}

fn byte(from: &mut &[u8]) -> Option<u8> {
    let (first, rest) = from.split_first()?;
    *from = rest;
    Some(*first)
}

/// Takes a length from the front, and as many bytes after it.
fn bytes<'bytes>(from: &mut &'bytes [u8]) -> Option<&'bytes [u8]> {
    let len = usize::try_from(number(from)?).ok()?;
    let (bytes, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(bytes)
}
