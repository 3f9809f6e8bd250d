//! Checks the lists of users beside entries, and how far rights were compared.

use std::ops::Bound;

use crate::model::ListId;
use crate::store::engine::rows::journal;
use crate::store::engine::scan;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::{codec, v5, v9};
use crate::store::values::rights::ListHead;
use crate::store::values::tenant_no::TenantNo;

use super::Check;
use super::deliveries::is_there;

impl Check<'_> {
    pub(super) fn lists(&mut self) {
        let format = self.view.format;
        self.simple(Keyspace::RightsMark, |key, value| {
            match format {
                ..9 => codec::read_row::<v5::RightsMark>(key, value).map(|_| ())?,
                9.. => codec::read_row::<v9::right::RightsMark>(key, value).map(|_| ())?,
            }
            Ok(keys::tenant_no(key))
        });
        self.simple(Keyspace::ListPart, |key, value| {
            codec::read_packed_row::<v5::ListPart<'_>>(key, value)?;
            Ok(keys::list_of(key).map(|(no, _)| no))
        });
        self.simple(Keyspace::LateReport, |key, value| {
            codec::read_row::<v9::late_report::LateReport>(key, value)?;
            match key.len() {
                9 => Ok(None),
                _ => Err(codec::flawed(key, "of no entry")),
            }
        });
        let mut from: Bound<Key> = Bound::Included(vec![Keyspace::ListHead as u8]);
        loop {
            let row = scan::after(self.view.db, &[Keyspace::ListHead as u8], from).next();
            let Some(row) = row else { return };
            let Some((key, value)) = self.take("the lists", row) else {
                return;
            };
            self.list(&key, &value);
            from = Bound::Excluded(key.to_vec());
            if (self.view.is_over)() {
                return;
            }
        }
    }

    /// Checks a list by its head.
    fn list(&mut self, key: &[u8], value: &[u8]) {
        let place = self.place_of(key);
        let Some((no, list)) = keys::list_of(key) else {
            return self.fault(place, "of no list");
        };
        self.knows(&place, no);
        let Some(head) = self.take(&*place, codec::read_row::<v5::ListHead>(key, value)) else {
            return;
        };
        let ListHead { entry, count } = head.into();
        // A list does not change, and is removed only after its entry. So commits do not wait while
        // it is read; what seems to be wrong is looked at again while they do.
        let n_users = self.n_listed(&place, no, list);
        let _still = self.view.still();
        let is_there = is_there(self.view.db, entry);
        let Some(is_there) = self.take(&*place, is_there) else {
            return;
        };
        let Some(cut) = self.take("where the journal begins", journal::cut_at(self.view.db)) else {
            return;
        };
        let still_has_head = scan::get(self.view.db, key).map(|row| row.is_some());
        match (is_there, self.take(&*place, still_has_head)) {
            (_, None | Some(false)) => {}
            // A list whose entry was cut is removed soon.
            (false, Some(true)) if entry <= cut => {}
            (false, Some(true)) => self.fault(
                place,
                format!("belongs to entry {entry}, which is not there"),
            ),
            (true, Some(true)) => {
                if let Some(n_users) = n_users.filter(|n_users| *n_users != count) {
                    self.fault(place, format!("has {n_users} users instead of {count}"));
                }
            }
        }
    }

    /// Counts the users of a list; `None` if its rows cannot be read.
    fn n_listed(&mut self, place: &str, no: TenantNo, list: ListId) -> Option<u64> {
        let mut n_users = 0;
        for row in scan::prefix(self.view.db, &keys::list_parts(no, list)) {
            let (key, value) = self.take(place, row)?;
            // Parts that cannot be decoded were already reported.
            let part = codec::read_packed_row::<v5::ListPart<'_>>(&key, &value);
            n_users += part.map_or(0, |v5::ListPart(users)| users.len() as u64);
        }
        Some(n_users)
    }
}
