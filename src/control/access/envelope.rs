//! What an answer about access rests on.

use std::collections::BTreeSet;

use crate::access::Unseen;
use crate::control::ControlError;
use crate::control::reading::Reading;
use crate::history::Picture;
use crate::model::{GroupId, RoleId, Run, Timestamp, User};
use crate::store::{Known, StoreError};

use super::answers::{Envelope, Everybody, NotKnown, SweepMark};

/// The most unknown things that a page names. `More` stands for the rest.
pub(super) const MAX_NAMED: usize = 20;

/// Begins the envelope of an answer about some roles; `None` means about all.
pub(in crate::control) fn begin(
    reading: &Reading<'_>,
    known: &Known,
    picture: &Picture,
    at: Option<Timestamp>,
    asked: Option<&[RoleId]>,
) -> Result<Envelope, ControlError> {
    let mut envelope = plain(reading, known, at)?;
    let not_known = &mut envelope.not_known;
    if picture.roles().next().is_none() {
        not_known.insert(NotKnown::Roles);
    }
    if picture.has_gap() {
        not_known.insert(NotKnown::History);
    }
    for (role, paths) in picture.grants().everybodys() {
        if asked.is_none_or(|asked| asked.contains(&role)) {
            envelope.everybody.push(Everybody {
                role: picture.mention(&role, None),
                paths: picture.shown(&paths),
                users: picture.n_users(reading.store, known)?,
            });
        }
    }
    let asked = asked.unwrap_or_default().iter();
    envelope.asked = asked.map(|role| picture.mention(role, None)).collect();
    Ok(envelope)
}

/// Begins the envelope of an answer that says nothing about roles.
pub(super) fn plain(
    reading: &Reading<'_>,
    known: &Known,
    at: Option<Timestamp>,
) -> Result<Envelope, StoreError> {
    let is_unread = known.loaded.is_none();
    Ok(Envelope {
        tenant: known.name.clone(),
        as_of: at.unwrap_or_else(|| reading.context.clock.now()),
        sweep: last_sweep(reading, known, at)?.as_ref().and_then(mark),
        not_known: is_unread
            .then_some(NotKnown::WholeTenant)
            .into_iter()
            .collect(),
        everybody: Vec::new(),
        asked: Vec::new(),
    })
}

/// Notes what cannot be seen of the roles of a user.
pub(super) fn note_user(
    envelope: &mut Envelope,
    picture: &Picture,
    user: &User,
    unseen: &BTreeSet<Unseen>,
) {
    for unseen in unseen {
        match unseen {
            Unseen::DirectRoles | Unseen::Groups => {
                let what = NotKnown::User {
                    id: user.id.clone(),
                    name: user.label().to_owned(),
                };
                note(&mut envelope.not_known, what);
            }
            Unseen::RolesOf(group) | Unseen::Group(group) => {
                let mentioned = user.groups.as_ref().and_then(|groups| groups.get(group));
                note_group(envelope, picture, group, mentioned.map(String::as_str));
            }
        }
    }
}

/// Notes that the groups of a user are not visible, if that is so.
pub(in crate::control) fn note_groups_of(envelope: &mut Envelope, user: &User) {
    if user.groups.is_none() {
        let what = NotKnown::User {
            id: user.id.clone(),
            name: user.label().to_owned(),
        };
        note(&mut envelope.not_known, what);
    }
}

/// Notes that the roles of a group are not visible. `mentioned` is the name that a member of the
/// group gives for it.
pub(super) fn note_group(
    envelope: &mut Envelope,
    picture: &Picture,
    group: &GroupId,
    mentioned: Option<&str>,
) {
    let name = picture.group_name(group).or(mentioned).unwrap_or_default();
    let what = NotKnown::RolesOfGroup {
        id: group.clone(),
        name: name.to_owned(),
    };
    note(&mut envelope.not_known, what);
}

pub(super) fn note(not_known: &mut BTreeSet<NotKnown>, what: NotKnown) {
    if not_known.contains(&what) {
        return;
    }
    not_known.insert(match not_known.len() {
        n if n < MAX_NAMED => what,
        _ => NotKnown::More,
    });
}

/// Finds the last sweep of the whole tenant that had ended at a time; `None` means now.
pub(super) fn last_sweep(
    reading: &Reading<'_>,
    known: &Known,
    at: Option<Timestamp>,
) -> Result<Option<Run>, StoreError> {
    match at {
        None => reading.store.last_sweep(&known.name),
        Some(at) => reading.store.newest_run(&known.name, |run| {
            run.is_whole_sweep() && run.ended_at.is_some_and(|ended| ended <= at)
        }),
    }
}

fn mark(run: &Run) -> Option<SweepMark> {
    let ended_at = run.ended_at?;
    Some(SweepMark {
        run: run.id,
        ended_at,
    })
}
