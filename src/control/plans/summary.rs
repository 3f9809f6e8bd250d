//! Summarises what a plan would remove, for somebody who has to decide at three in the morning.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::model::{
    GroupId, Id, Kind, Loss, PlanId, Proof, Record, RecordRef, RoleId, Taken, Timestamp, User,
};
use crate::store::{Store, StoreError, TenantNo};

use super::super::MAX_PAGE;
use super::super::page::PageBuilder;
use super::choice::RemovalChoice;
use super::record_lookup::RecordLookup;
use super::reply::{Moved, PlanSummary, RemovalRow, Top, TopRow};

/// How many names are counted separately; the rest are added up.
const MAX_TOP: usize = 10;

/// Summarises a plan. Reads it page by page: what it keeps grows with the number of groups, roles
/// and domains, not with the number of users.
pub(super) fn summarise(
    store: &Store,
    (no, plan): (TenantNo, PlanId),
    choice: &RemovalChoice,
    builder: &mut PageBuilder<RecordRef>,
) -> Result<PlanSummary, StoreError> {
    let mut sum = Sum {
        names: Names::read(store, no, plan)?,
        ..Sum::default()
    };
    let mut lookup = RecordLookup::new(store, no);
    let mut after = None;
    loop {
        let page = store.removals(no, plan, after.as_ref(), MAX_PAGE)?;
        let Some(last) = page.last() else {
            return Ok(sum.end(choice, builder));
        };
        after = Some(last.record.clone());
        for removal in page {
            let demotes = lookup.demotes(&removal.what)?;
            let (row, user) = lookup.row(removal)?;
            sum.add(&row, user.as_ref(), Demotes(demotes));
        }
    }
}

/// Whether somebody loses administration rights.
struct Demotes(bool);

#[derive(Default)]
struct Sum {
    names: Names,
    summary: PlanSummary,
    domains: Counts<Option<String>>,
    statuses: Counts<Option<String>>,
    groups: Counts<Id>,
    roles: Counts<Id>,
    moved: BTreeMap<RecordRef, Moved>,
}

type Counts<K> = BTreeMap<K, (Option<String>, u64)>;

impl Sum {
    fn add(&mut self, row: &RemovalRow, user: Option<&User>, Demotes(demotes): Demotes) {
        let RemovalRow { removal, person } = row;
        let kind = removal.record.kind;
        if let Some(person) = person {
            count(&mut self.domains, person.domain.clone(), None);
            let status = person.status.source_value.clone();
            count(&mut self.statuses, status, None);
        } else if kind == Kind::User {
            count(&mut self.domains, None, None);
            count(&mut self.statuses, None, None);
        }
        match &removal.what {
            Taken::Record { proof } => {
                *self.summary.counts.entry(Loss::of(kind)).or_default() += 1;
                self.summary.not_yet_asked += u64::from(*proof == Proof::NotYetAsked);
                if person.as_ref().is_some_and(|it| !it.administers.is_empty()) {
                    self.summary.administrators.gone += 1;
                }
                if kind != Kind::User {
                    self.note_moved(&removal.record, &removal.label);
                }
                let user = user.into_iter();
                for (GroupId(id), name) in user.clone().flat_map(|it| it.groups.iter().flatten()) {
                    count(&mut self.groups, id.clone(), Some(name));
                }
                for (RoleId(id), name) in user.flat_map(|it| it.roles.iter().flatten()) {
                    count(&mut self.roles, id.clone(), Some(name));
                }
            }
            Taken::Access { roles, groups } => {
                let administrators = &mut self.summary.administrators;
                match kind {
                    Kind::User => administrators.demoted += u64::from(demotes),
                    Kind::Group => administrators.groups += u64::from(demotes),
                    Kind::Role => {}
                }
                let lost = [
                    (Loss::Memberships, groups.len()),
                    (Loss::RoleAssignments, roles.len()),
                ];
                for (loss, lost) in lost.into_iter().filter(|(_, lost)| *lost > 0) {
                    *self.summary.counts.entry(loss).or_default() += lost as u64;
                }
                for (GroupId(id), name) in groups {
                    count(&mut self.groups, id.clone(), Some(name));
                    self.note_loss(Kind::Group, id, name, user);
                }
                for (RoleId(id), name) in roles {
                    count(&mut self.roles, id.clone(), Some(name));
                    self.note_loss(Kind::Role, id, name, user);
                }
            }
        }
    }

    /// Records that a role or group is missing, if it exists again under another id.
    fn note_moved(&mut self, from: &RecordRef, name: &str) -> Option<&mut Moved> {
        let to = self.names.successor(from, name)?;
        let moved = self.moved.entry(from.clone());
        Some(moved.or_insert_with(|| Moved {
            kind: from.kind,
            name: name.to_owned(),
            from: from.id.clone(),
            to,
            came_along: 0,
            left_behind: 0,
        }))
    }

    /// Records that somebody loses a role or a group, and whether they have its successor.
    fn note_loss(&mut self, kind: Kind, id: &Id, name: &str, user: Option<&User>) {
        let id = id.clone();
        let Some(moved) = self.note_moved(&RecordRef { kind, id }, name) else {
            return;
        };
        let has = user.is_some_and(|user| match kind {
            Kind::Group => {
                let mut groups = user.groups.iter().flat_map(BTreeMap::keys);
                groups.any(|group| group.0 == moved.to)
            }
            Kind::Role => {
                let mut roles = user.roles.iter().flat_map(BTreeMap::keys);
                roles.any(|role| role.0 == moved.to)
            }
            Kind::User => false,
        });
        match has {
            true => moved.came_along += 1,
            false => moved.left_behind += 1,
        }
    }

    fn end(mut self, choice: &RemovalChoice, builder: &mut PageBuilder<RecordRef>) -> PlanSummary {
        self.moved.retain(|_, moved| choice.takes_moved(moved));
        let by_name = |counts: Counts<Option<String>>| {
            let rows = counts.into_iter();
            top(rows.map(|(name, (_, count))| TopRow {
                id: None,
                name,
                count,
            }))
        };
        let by_id = |counts: Counts<Id>| {
            let rows = counts.into_iter();
            top(rows.map(|(id, (name, count))| TopRow {
                id: Some(id),
                name,
                count,
            }))
        };
        let n_reached = self
            .moved
            .keys()
            .filter(|from| builder.reaches(from))
            .count();
        let moved = builder.take(self.moved, |(from, _)| from.clone());
        let moved_left_out = (n_reached - moved.len()) as u64;
        PlanSummary {
            by_domain: by_name(self.domains),
            by_status: by_name(self.statuses),
            by_group: by_id(self.groups),
            by_role: by_id(self.roles),
            moved: moved.into_iter().map(|(_, moved)| moved).collect(),
            moved_left_out,
            ..self.summary
        }
    }
}

fn count<K: Ord>(counts: &mut Counts<K>, key: K, name: Option<&str>) {
    let (_, count) = counts
        .entry(key)
        .or_insert_with(|| (name.map(str::to_owned), 0));
    *count += 1;
}

/// Returns the highest counts, and the sum of the others. Equal counts are ordered by name.
fn top(rows: impl Iterator<Item = TopRow>) -> Top {
    let mut rows: Vec<TopRow> = rows.collect();
    rows.sort_by(|a, b| {
        let key = |row: &TopRow| (std::cmp::Reverse(row.count), row.name.clone());
        key(a).cmp(&key(b))
    });
    let others = rows.split_off(rows.len().min(MAX_TOP));
    Top {
        rows,
        others: others.len() as u64,
        others_count: others.iter().map(|row| row.count).sum(),
    }
}

/// The roles and groups that exist, and the names of those that stay.
#[derive(Default)]
struct Names {
    /// When each known one was created.
    known: BTreeMap<RecordRef, Option<Timestamp>>,
    /// The ones that stay.
    staying: BTreeMap<(Kind, String), Vec<Id>>,
    going: BTreeSet<RecordRef>,
}

impl Names {
    fn read(store: &Store, no: TenantNo, plan: PlanId) -> Result<Self, StoreError> {
        let mut names = Self::default();
        let mut after = None;
        // Entries are ordered by kind: users come last.
        'entries: loop {
            let page = store.removals(no, plan, after.as_ref(), MAX_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.record.clone());
            for removal in page {
                if removal.record.kind == Kind::User {
                    break 'entries;
                }
                if matches!(removal.what, Taken::Record { .. }) {
                    names.going.insert(removal.record);
                }
            }
        }
        for kind in [Kind::Role, Kind::Group] {
            store.walk(no, kind, &mut |record| {
                names.add(record);
                ControlFlow::Continue(())
            })?;
        }
        Ok(names)
    }

    fn add(&mut self, record: &Record) {
        let created_at = match record {
            Record::Role(role) => role.created_at,
            Record::Group(group) => group.created_at,
            Record::User(_) => return,
        };
        let key = record.to_ref();
        if !self.going.contains(&key) {
            let name = (key.kind, record.label().to_owned());
            let ids = self.staying.entry(name).or_default();
            ids.push(key.id.clone());
        }
        self.known.insert(key, created_at);
    }

    /// Returns the new id of a role or group that is missing: the newest of the same name, unless
    /// it is known to be older than the missing one. Names are not unique: an older one merely
    /// shares the name.
    fn successor(&self, from: &RecordRef, name: &str) -> Option<Id> {
        if self.known.contains_key(from) && !self.going.contains(from) {
            return None;
        }
        let of = |id: &Id| RecordRef {
            kind: from.kind,
            id: id.clone(),
        };
        let created_at = |record: &RecordRef| self.known.get(record).copied().flatten();
        let named = self.staying.get(&(from.kind, name.to_owned()))?;
        let newest = named.iter().max_by_key(|id| (created_at(&of(id)), *id))?;
        let is_older = match (created_at(from), created_at(&of(newest))) {
            (Some(before), Some(after)) => after < before,
            (Some(_), None) | (None, _) => false,
        };
        (!is_older).then(|| newest.clone())
    }
}
