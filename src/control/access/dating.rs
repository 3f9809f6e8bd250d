//! Says since when the users of some rows hold their roles.

use std::collections::BTreeMap;

use crate::control::ControlError;
use crate::history::{HistoryError, Picture, Since, since_when};
use crate::model::{RoleId, User, UserId};
use crate::store::{Known, Store};

use super::answers::AccessRow;

/// Since when each user has held each role.
type Dates = BTreeMap<(UserId, RoleId), Since>;

/// Dates rows, given the users that they are about.
pub(super) fn date(
    store: &Store,
    known: &Known,
    picture: &Picture,
    users: Vec<User>,
    rows: &mut [AccessRow],
) -> Result<(), ControlError> {
    dated(users, rows, |wanted| {
        let grants = picture.grants().clone();
        since_when(store, known, grants, picture.last_seq(store), wanted)
    })
}

/// Dates a page of a long list whose pages all describe the same time: the journal is read once for
/// all pages.
pub(super) fn date_page(
    store: &Store,
    known: &Known,
    picture: &Picture,
    users: Vec<User>,
    rows: &mut [AccessRow],
) -> Result<(), ControlError> {
    dated(users, rows, |wanted| {
        let trail = picture.trail(store, known)?;
        trail.since_when(store, picture.grants().clone(), wanted)
    })
}

fn dated(
    users: Vec<User>,
    rows: &mut [AccessRow],
    find: impl FnOnce(&[(User, RoleId)]) -> Result<Dates, HistoryError>,
) -> Result<(), ControlError> {
    let users: BTreeMap<UserId, User> = users
        .into_iter()
        .map(|user| (user.id.clone(), user))
        .collect();
    let wanted = rows.iter().filter_map(|row| {
        let user = users.get(&row.user.id)?;
        Some((user.clone(), row.role.id.clone()))
    });
    let wanted: Vec<_> = wanted.collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let dated = find(&wanted)?;
    for row in rows {
        let which = (row.user.id.clone(), row.role.id.clone());
        row.since = dated.get(&which).copied();
    }
    Ok(())
}
