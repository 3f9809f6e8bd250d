//! That every key is of a space that this format has, and every value is what was written.

use std::ops::Bound;

use crate::store::engine::scan;
use crate::store::layout::codec;
use crate::store::layout::keys::{self, Space};
use crate::store::tenant_no::TenantNo;

use super::Check;
use super::faults::in_words;

/// Rows that are looked at between two words of how far it is.
const AT_ONCE: u64 = 500;

/// The spaces of every format.
const SPACES: [Space; 22] = [
    Space::Meta,
    Space::Tenant,
    Space::Loaded,
    Space::Links,
    Space::State,
    Space::Bucket,
    Space::Census,
    Space::Journal,
    Space::Kept,
    Space::Plan,
    Space::PlanRow,
    Space::Held,
    Space::Removal,
    Space::Absent,
    Space::Cursor,
    Space::Parked,
    Space::Deferred,
    Space::Replay,
    Space::Order,
    Space::Attempts,
    Space::Bookmark,
    Space::SeenEvent,
];

/// The spaces of runs, by format.
fn of_runs(format: u32) -> &'static [Space] {
    match format {
        1 => &[Space::NumberedRun],
        _ => &[Space::Run, Space::Tally, Space::OpenRun],
    }
}

/// The spaces that a format brought.
fn brought_by(format: u32) -> &'static [Space] {
    match format {
        1..=3 => &[],
        _ => &[Space::Accepted],
    }
}

impl Check<'_> {
    /// Goes over all rows once, whatever they are.
    pub(super) fn rows(&mut self) {
        let own = of_runs(self.view.format).iter();
        let own = own.chain(brought_by(self.view.format));
        let spaces: Vec<u8> = SPACES.iter().chain(own).map(|space| *space as u8).collect();
        let mut n_rows = 0;
        for row in scan::after(self.view.db, &[], Bound::Unbounded) {
            let Some((key, value)) = self.take("the rows behind one that was read", row) else {
                // Where the next one is, nobody can tell.
                break;
            };
            n_rows += 1;
            if n_rows % AT_ONCE == 0 && (self.view.is_over)() {
                break;
            }
            if n_rows % AT_ONCE == 0 {
                self.tick(AT_ONCE);
            }
            if *key != *keys::usage() {
                self.checked.count.add(&key, &value);
            }
            if !key.first().is_some_and(|space| spaces.contains(space)) {
                let start = hex::encode(key.get(..1).unwrap_or_default());
                let place = format!("a key that begins with {start}");
                self.fault(place, "of no space that this format has");
            } else if let Err(error) = codec::verify(&key, &value) {
                let place = self.place_of(&key);
                self.fault(place, in_words(&error));
            }
        }
    }

    /// Where a row is, with the tenant or the endpoint that it is of.
    pub(super) fn place_of(&self, key: &[u8]) -> String {
        let what = keys::describe(key);
        let name = |bytes: Option<&[u8]>| {
            let name = bytes.and_then(|name| str::from_utf8(name).ok());
            name.map_or_else(|| "no name".to_owned(), str::to_owned)
        };
        match key.first() {
            Some(0x10 | 0x11 | 0x20..=0x22 | 0x40..=0x44 | 0x70 | 0x71) => {
                match key.get(1..).and_then(<[u8]>::first_chunk) {
                    Some(no) => {
                        let no = TenantNo(u32::from_be_bytes(*no));
                        format!("{what} of {}", self.named(no))
                    }
                    None => what,
                }
            }
            Some(0x50) => format!("the cursor of endpoint {}", name(key.get(1..))),
            Some(0x51..=0x55) => {
                let part = keys::endpoint_part(key).and_then(|part| part.get(5..));
                format!("{what} of endpoint {}", name(part))
            }
            Some(0x61) => match keys::run_of(key) {
                Some((tenant, id)) => format!("{id} of {tenant}"),
                None => what,
            },
            Some(_) | None => what,
        }
    }
}
