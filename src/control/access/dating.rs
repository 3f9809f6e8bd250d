//! Says since when the users of some rows hold their roles.

use std::collections::BTreeMap;

use crate::control::ControlError;
use crate::history::{Picture, since_when};
use crate::model::{User, UserId};
use crate::store::{Known, Store};

use super::answers::AccessRow;

/// Dates rows, given the users that they are about.
pub(super) fn date(
    store: &Store,
    known: &Known,
    picture: &Picture,
    users: Vec<User>,
    rows: &mut [AccessRow],
) -> Result<(), ControlError> {
    let users: BTreeMap<UserId, User> = users
        .into_iter()
        .map(|user| (user.id.clone(), user))
        .collect();
    let held = rows.iter().filter_map(|row| {
        let user = users.get(&row.user.id)?;
        Some((user.clone(), row.role.id.clone()))
    });
    let held: Vec<_> = held.collect();
    if held.is_empty() {
        return Ok(());
    }
    let grants = picture.grants().clone();
    let up_to = picture.last_seq(store);
    let dated = since_when(store, known, grants, up_to, &held)?;
    for row in rows {
        let which = (row.user.id.clone(), row.role.id.clone());
        row.since = dated.get(&which).copied();
    }
    Ok(())
}
