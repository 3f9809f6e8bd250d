//! Reads users as they are now.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Id, Kind, Record, User, Version};
use crate::store::{Known, Store, StoreError};

/// Present users, and the newest version among them.
#[derive(Default)]
pub(super) struct Present {
    pub(super) users: BTreeMap<Id, User>,
    pub(super) newest: Option<Version>,
}

/// Reads users as they are now.
pub(super) fn present(
    store: &Store,
    known: &Known,
    ids: &BTreeSet<Id>,
) -> Result<Present, StoreError> {
    let mut present = Present::default();
    for kept in store.get_all(known.no, Kind::User, ids)? {
        present.newest = present.newest.max(Some(kept.version));
        if let Record::User(user) = kept.record {
            present.users.insert(user.id.0.clone(), user);
        }
    }
    Ok(present)
}
