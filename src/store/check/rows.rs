//! Checks that every key is of a keyspace that this format has, and every value is what was
//! written.

use std::ops::Bound;

use crate::store::engine::scan;
use crate::store::layout::codec;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::values::tenant_no::TenantNo;

use super::Check;
use super::faults::in_words;

/// Rows between two progress reports.
const AT_ONCE: u64 = 500;

/// The keyspaces of every format.
const KEYSPACES: [Keyspace; 22] = [
    Keyspace::Meta,
    Keyspace::Tenant,
    Keyspace::Loaded,
    Keyspace::Links,
    Keyspace::State,
    Keyspace::Bucket,
    Keyspace::Census,
    Keyspace::Journal,
    Keyspace::Kept,
    Keyspace::Plan,
    Keyspace::PlanRow,
    Keyspace::Held,
    Keyspace::Removal,
    Keyspace::Absent,
    Keyspace::Cursor,
    Keyspace::Parked,
    Keyspace::Deferred,
    Keyspace::Replay,
    Keyspace::Order,
    Keyspace::Attempts,
    Keyspace::Bookmark,
    Keyspace::SeenEvent,
];

/// Returns the keyspaces of runs, by format.
fn of_runs(format: u32) -> &'static [Keyspace] {
    match format {
        1 => &[Keyspace::NumberedRun],
        _ => &[Keyspace::Run, Keyspace::Tally, Keyspace::OpenRun],
    }
}

/// Returns the keyspaces that formats up to this one introduced.
fn brought_by(format: u32) -> &'static [Keyspace] {
    match format {
        1..=3 => &[],
        4 => &[Keyspace::Accepted],
        5 => &[
            Keyspace::Accepted,
            Keyspace::ListPart,
            Keyspace::ListHead,
            Keyspace::RightsMark,
        ],
        6 => &[
            Keyspace::Accepted,
            Keyspace::ListPart,
            Keyspace::ListHead,
            Keyspace::RightsMark,
            Keyspace::Space,
            Keyspace::SpaceReading,
            Keyspace::SpaceTodo,
        ],
        7 => &[
            Keyspace::Accepted,
            Keyspace::ListPart,
            Keyspace::ListHead,
            Keyspace::RightsMark,
            Keyspace::Space,
            Keyspace::SpaceReading,
            Keyspace::SpaceTodo,
            Keyspace::Session,
            Keyspace::SessionReading,
            Keyspace::Licence,
            Keyspace::LicenceReading,
        ],
        8 => &[
            Keyspace::Accepted,
            Keyspace::ListPart,
            Keyspace::ListHead,
            Keyspace::RightsMark,
            Keyspace::Space,
            Keyspace::SpaceReading,
            Keyspace::SpaceTodo,
            Keyspace::Session,
            Keyspace::SessionReading,
            Keyspace::Licence,
            Keyspace::LicenceReading,
            Keyspace::SessionsSince,
        ],
        _ => &[
            Keyspace::Accepted,
            Keyspace::ListPart,
            Keyspace::ListHead,
            Keyspace::RightsMark,
            Keyspace::Space,
            Keyspace::SpaceReading,
            Keyspace::SpaceTodo,
            Keyspace::Session,
            Keyspace::SessionReading,
            Keyspace::Licence,
            Keyspace::LicenceReading,
            Keyspace::SessionsSince,
            Keyspace::Posting,
            Keyspace::PostingLog,
            Keyspace::Postings,
            Keyspace::PostingBuild,
            Keyspace::LateReport,
            Keyspace::SpacesDue,
            Keyspace::SpaceDoubts,
        ],
    }
}

impl Check<'_> {
    /// Checks all rows once, whatever they are.
    pub(super) fn rows(&mut self) {
        let own = of_runs(self.view.format).iter();
        let own = own.chain(brought_by(self.view.format));
        let keyspaces: Vec<u8> = KEYSPACES
            .iter()
            .chain(own)
            .map(|keyspace| *keyspace as u8)
            .collect();
        let mut n_rows = 0;
        for row in scan::after(self.view.db, &[], Bound::Unbounded) {
            let Some((key, value)) = self.take("the rows behind one that was read", row) else {
                // There is no way to find the next row.
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
            if !key
                .first()
                .is_some_and(|keyspace| keyspaces.contains(keyspace))
            {
                let start = hex::encode(key.get(..1).unwrap_or_default());
                let place = format!("a key that begins with {start}");
                self.fault(place, "of no space that this format has");
            } else if let Err(error) = codec::verify(&key, &value) {
                let place = self.place_of(&key);
                self.fault(place, in_words(&error));
            }
        }
    }

    /// Returns where a row is, with the tenant or the endpoint that it belongs to.
    pub(super) fn place_of(&self, key: &[u8]) -> String {
        let what = keys::describe(key);
        let name = |bytes: Option<&[u8]>| {
            let name = bytes.and_then(|name| str::from_utf8(name).ok());
            name.map_or_else(|| "no name".to_owned(), str::to_owned)
        };
        match key.first() {
            Some(
                0x10
                | 0x11
                | 0x20..=0x22
                | 0x24..=0x27
                | 0x32
                | 0x33
                | 0x40..=0x44
                | 0x70..=0x72
                | 0x90..=0x98
                | 0x9a,
            ) => match key.get(1..).and_then(<[u8]>::first_chunk) {
                Some(no) => {
                    let no = TenantNo(u32::from_be_bytes(*no));
                    format!("{what} of {}", self.named(no))
                }
                None => what,
            },
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
