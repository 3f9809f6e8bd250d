//! Checks the lists of users beside entries, and how far rights were compared.

use std::ops::Bound;

use crate::store::engine::rows::journal;
use crate::store::engine::scan;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::{codec, v5};
use crate::store::values::rights::ListHead;

use super::Check;
use super::deliveries::is_there;

impl Check<'_> {
    pub(super) fn lists(&mut self) {
        self.simple(Keyspace::RightsMark, |key, value| {
            codec::read_row::<v5::RightsMark>(key, value)?;
            Ok(keys::tenant_no(key))
        });
        self.simple(Keyspace::ListPart, |key, value| {
            codec::read_packed_row::<v5::ListPart<'_>>(key, value)?;
            Ok(keys::list_of(key).map(|(no, _)| no))
        });
        let mut from: Bound<Key> = Bound::Included(vec![Keyspace::ListHead as u8]);
        loop {
            // Commits wait, so that a list and its entry do not disappear in between.
            let _still = self.view.still();
            let row = scan::after(self.view.db, &[Keyspace::ListHead as u8], from).next();
            let Some(row) = row else { return };
            let Some((key, value)) = self.take("the lists", row) else {
                return;
            };
            self.list(&key, &value);
            from = Bound::Excluded(key.to_vec());
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
        let Some(cut) = self.take("where the journal begins", journal::cut_at(self.view.db)) else {
            return;
        };
        let Some(is_there) = self.take(&*place, is_there(self.view.db, entry)) else {
            return;
        };
        if !is_there {
            // A list whose entry was cut is removed soon.
            if entry > cut {
                self.fault(
                    place,
                    format!("belongs to entry {entry}, which is not there"),
                );
            }
            return;
        }
        let mut n_users = 0;
        for row in scan::prefix(self.view.db, &keys::list_parts(no, list)) {
            let Some((key, value)) = self.take(&*place, row) else {
                return;
            };
            // Parts that do not read were reported.
            let part = codec::read_packed_row::<v5::ListPart<'_>>(&key, &value);
            n_users += part.map_or(0, |v5::ListPart(users)| users.len() as u64);
        }
        if n_users != count {
            self.fault(place, format!("has {n_users} users instead of {count}"));
        }
    }
}
