//! Says since when the users of some rows hold their roles, and who gave them.

use std::collections::BTreeMap;

use crate::control::ControlError;
use crate::history::{Picture, Since};
use crate::model::{Kind, RecordRef, RoleId, User, UserId};
use crate::store::{Known, Store};

use super::answers::{AccessRow, Giver};

/// Dates rows, given the users that they are about.
pub(super) fn date(
    store: &Store,
    known: &Known,
    picture: &Picture,
    users: Vec<User>,
    rows: &mut [AccessRow],
) -> Result<(), ControlError> {
    let mut roles_of: BTreeMap<&UserId, Vec<RoleId>> = BTreeMap::new();
    for row in &*rows {
        let roles = roles_of.entry(&row.user.id).or_default();
        roles.push(row.role.id.clone());
    }
    let wanted = users.into_iter().filter_map(|user| {
        let roles = roles_of.remove(&user.id)?;
        Some((user, roles))
    });
    let wanted: Vec<_> = wanted.collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let dates = picture.since_when(store, known, wanted)?;
    for row in &mut *rows {
        let which = (row.user.id.clone(), row.role.id.clone());
        row.since = dates.get(&which).cloned();
    }
    name_givers(store, known, rows)
}

/// Adds to the rows who gave the roles, with the present names of these users.
fn name_givers(store: &Store, known: &Known, rows: &mut [AccessRow]) -> Result<(), ControlError> {
    let mut givers: BTreeMap<UserId, Giver> = BTreeMap::new();
    for row in rows {
        let reported = row.since.as_ref().and_then(Since::reported);
        let by = reported.and_then(|reported| reported.by.as_ref());
        for id in by.into_iter().flatten() {
            if !givers.contains_key(id) {
                givers.insert(id.clone(), giver(store, known, id)?);
            }
            row.given_by.extend(givers.get(id).cloned());
        }
    }
    Ok(())
}

/// Returns a user who may have given somebody a right, with the present name.
pub(super) fn giver(store: &Store, known: &Known, id: &UserId) -> Result<Giver, ControlError> {
    let record = RecordRef {
        kind: Kind::User,
        id: id.0.clone(),
    };
    let kept = store.get(known.no, &record)?;
    Ok(Giver {
        id: id.clone(),
        name: kept.map(|kept| kept.record.label().to_owned()),
    })
}
