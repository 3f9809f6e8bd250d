//! Compares who holds which right in spaces at two times.
//!
//! What was not visible at one of the times is neither granted nor revoked, and is reported as not
//! known: a list that was hidden then, or a space that existed without being visible.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::{
    Concerned, Difference, SpaceGrants, SpaceRight, concerned, everybodys_space_differences,
    space_differences,
};
use crate::control::ControlError;
use crate::control::space_tables::{AskedSpaces, Collected};
use crate::history::{Pair, Picture, SpacePair, SpacesLook, each_space_pair};
use crate::model::{
    GroupId, Id, Run, Space, SpaceMention, SpacePart, Timestamp, Trigger, User, UserId,
};

use super::answers::{AccessPerson, DiffRow, Envelope, EverybodyDiff, NotKnown};
use super::diff_times::Times;
use super::envelope;
use super::page_rows::PageRows;
use super::space::{note_look, unseen};

/// What an answer says besides its rows.
pub(super) struct Told {
    pub(super) envelope: Envelope,
    /// What all users gained or lost. What they gained or lost in spaces is only on the first page,
    /// since it is the same on each.
    pub(super) everybody: Vec<EverybodyDiff>,
    pub(super) is_first: bool,
    /// The spaces that were asked about and found.
    pub(super) spaces: BTreeSet<SpaceMention>,
}

/// The spaces that a question is about, at both times.
pub(super) struct PairTable {
    spaces: Vec<Sides>,
    looks: (SpacesLook, SpacesLook),
}

/// Returns what is kept of the spaces at both times; `None` if there are too many.
pub(super) fn table(times: &Times<'_>) -> Result<Option<Arc<PairTable>>, ControlError> {
    let asked = AskedSpaces {
        tenant: times.known.no,
        pictures: vec![Arc::clone(times.before), Arc::clone(times.after)],
        space: times.space.map(str::to_owned),
    };
    let tables = &times.reading.context.space_tables;
    tables.of((times.reading.store, times.known), asked, || {
        let read_by = read_by(times)?;
        let mut collected = Collected::begin();
        let looks = each_pair(times, |pair| {
            let states = pair.then.iter().chain(&pair.now);
            collected.add(states, || Sides::of(times, pair, read_by));
        })?;
        Ok(collected.end(|spaces| PairTable { spaces, looks }))
    })
}

fn each_pair(
    times: &Times<'_>,
    mut visit: impl FnMut(&SpacePair),
) -> Result<(SpacesLook, SpacesLook), ControlError> {
    times.reading.context.space_tables.note_read();
    let (store, known) = (times.reading.store, times.known);
    let two = (&**times.before, &**times.after);
    Ok(each_space_pair(store, known, two, |pair| visit(&pair))?)
}

/// Compares the rights in spaces of some users, and adds their rows.
pub(super) fn compare_spaces(
    times: &Times<'_>,
    table: Option<&PairTable>,
    users: &[(Id, Pair)],
    rows: &mut PageRows<DiffRow>,
    told: &mut Told,
) -> Result<(), ControlError> {
    let (then, now) = if let Some(table) = table {
        for sides in &table.spaces {
            sides.everybody(times, told)?;
            sides.rows(times, users, rows)?;
        }
        table.looks
    } else {
        let read_by = read_by(times)?;
        let mut outcome = Ok(());
        let looks = each_pair(times, |pair| {
            if outcome.is_ok()
                && let Some(sides) = Sides::of(times, pair, read_by)
            {
                outcome = sides
                    .everybody(times, told)
                    .and_then(|()| sides.rows(times, users, rows));
            }
        })?;
        outcome?;
        looks
    };
    if then.is_on || times.space.is_some() {
        note_look(&mut told.envelope, then);
        note_look(&mut told.envelope, now);
    }
    Ok(())
}

/// Returns when the last reading of spaces began that had ended by the earlier time, or the earlier
/// time itself if that reading is no longer on record. A space that was created before that and was
/// not known at the earlier time existed, but was not visible.
fn read_by(times: &Times<'_>) -> Result<Timestamp, ControlError> {
    let is_reading = |run: &Run| {
        let has_ended = run.ended_at.is_some_and(|ended| ended <= times.from);
        run.trigger == Trigger::Spaces && has_ended
    };
    let run = times
        .reading
        .store
        .newest_run(&times.known.name, is_reading)?;
    Ok(run.map_or(times.from, |run| run.started_at))
}

/// One space at both times.
struct Sides {
    space: SpaceMention,
    then: Option<SpaceGrants>,
    now: Option<SpaceGrants>,
    /// Whom the change of the space concerns.
    concerned: Concerned,
    not_known: Vec<NotKnown>,
}

impl Sides {
    /// Returns a space at both times; `None` if it is not asked about.
    fn of(times: &Times<'_>, pair: &SpacePair, read_by: Timestamp) -> Option<Self> {
        let sides = pair.then.iter().chain(&pair.now);
        let mut mentions = sides.map(Space::mention);
        if !mentions.any(|space| times.is_space_wanted(&space)) {
            return None;
        }
        let space = pair.mention();
        let grants = |picture: &Picture, space: &Option<Space>| {
            let space = space.as_ref()?;
            Some(SpaceGrants::of(space, picture.grants()).hiding(&space.head.unseen))
        };
        let mut then = grants(times.before, &pair.then);
        let now = grants(times.after, &pair.now);
        let sides = pair.then.iter().chain(&pair.now);
        let unseen_parts = sides.flat_map(|space| space.head.unseen.iter().copied());
        let mut not_known: BTreeSet<SpacePart> = unseen_parts.collect();
        let was_hidden = pair.now.as_ref().is_some_and(|space| {
            let created_at = space.head.created_at;
            created_at.is_none_or(|created_at| created_at < read_by)
        });
        if pair.then.is_none() && was_hidden {
            not_known.insert(SpacePart::Itself);
            then = Some(SpaceGrants::default().hiding(&not_known));
        }
        let concerned = match pair.then == pair.now {
            true => Concerned::default(),
            false => concerned(then.as_ref(), now.as_ref()),
        };
        let states = || pair.then.iter().chain(&pair.now);
        let not_known = not_known.iter();
        let not_known = not_known.map(|part| unseen(&space, *part, states()));
        Some(Self {
            not_known: not_known.collect(),
            space,
            then,
            now,
            concerned,
        })
    }

    /// Adds what all users gained or lost in the space, and what is not known of it.
    fn everybody(&self, times: &Times<'_>, told: &mut Told) -> Result<(), ControlError> {
        for what in &self.not_known {
            envelope::note(&mut told.envelope.not_known, what.clone());
        }
        if times.space.is_some() {
            told.spaces.insert(self.space.clone());
        }
        if !told.is_first {
            return Ok(());
        }
        for difference in everybodys_space_differences(self.then.as_ref(), self.now.as_ref()) {
            let Difference {
                right,
                change,
                before,
                after,
            } = difference;
            let right = right.of(self.space.clone());
            if times.is_wanted(&right) {
                told.everybody.push(EverybodyDiff {
                    right,
                    change,
                    users: times.n_users()?,
                    before: times.shown(before)?,
                    after: times.shown(after)?,
                });
            }
        }
        Ok(())
    }

    /// Adds the rows of users whose own paths in the space differ.
    fn rows(
        &self,
        times: &Times<'_>,
        users: &[(Id, Pair)],
        rows: &mut PageRows<DiffRow>,
    ) -> Result<(), ControlError> {
        for (id, pair) in users {
            if !rows.takes(id) || !(has_moved(pair) || self.concerns(id, pair)) {
                continue;
            }
            let Some((user, account)) = pair.account() else {
                continue;
            };
            for difference in self.differences(pair) {
                let right = difference.right.of(self.space.clone());
                if !times.is_wanted(&right) {
                    continue;
                }
                let row = DiffRow {
                    user: AccessPerson::of(user, times.at),
                    account,
                    right,
                    change: difference.change,
                    before: times.shown(difference.before)?,
                    after: times.shown(difference.after)?,
                };
                rows.add(id, row);
            }
        }
        Ok(())
    }

    fn differences(&self, pair: &Pair) -> Vec<Difference<SpaceRight>> {
        space_differences(
            (self.then.as_ref(), pair.then.as_ref()),
            (self.now.as_ref(), pair.now.as_ref()),
        )
    }

    /// Returns whether the change of the space may concern a user.
    fn concerns(&self, id: &Id, pair: &Pair) -> bool {
        let Concerned { users, groups } = &self.concerned;
        let sides = pair.then.iter().chain(&pair.now);
        let mut of_user = sides.flat_map(|user| user.groups.iter().flat_map(BTreeMap::keys));
        users.contains(&UserId(id.clone())) || of_user.any(|group| groups.contains(group))
    }
}

/// Returns whether the groups of a user differ, or whether the user existed at only one of the
/// times.
fn has_moved(pair: &Pair) -> bool {
    fn groups(user: &User) -> Option<BTreeSet<&GroupId>> {
        user.groups.as_ref().map(|groups| groups.keys().collect())
    }
    match (&pair.then, &pair.now) {
        (Some(then), Some(now)) => groups(then) != groups(now),
        (None, _) | (_, None) => true,
    }
}
