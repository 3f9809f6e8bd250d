//! The records of a kind as they were at the time of a picture, page by page.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::lock::lock;
use crate::model::{Group, GroupId, Id, Kind, Record, RoleId, UserId};
use crate::store::{Known, Store};

use super::error::HistoryError;
use super::picture::Picture;

/// A page of records as they were at the time of a picture.
pub struct RecordPage {
    /// The records, in the order of their ids. A page may have a few more than were asked for, or
    /// none.
    pub records: Vec<Record>,
    /// The id after which the next page begins; `None` if this is the last one.
    pub next: Option<Id>,
}

impl Picture {
    /// Reads a page of the records of a kind, after an id. It covers about `limit` present records.
    pub fn records(
        &self,
        store: &Store,
        known: &Known,
        (kind, after, limit): (Kind, Option<&Id>, usize),
    ) -> Result<RecordPage, HistoryError> {
        match kind {
            Kind::User => {
                let page = self.users(store, known, after, limit)?;
                Ok(RecordPage {
                    records: page.users.into_iter().map(Record::User).collect(),
                    next: page.next,
                })
            }
            Kind::Role => Ok(self.role_page(after, limit)),
            Kind::Group => self.group_page(store, known, after, limit),
        }
    }

    /// Returns one record as it was; `None` if there was no such record.
    pub fn record(
        &self,
        store: &Store,
        known: &Known,
        (kind, id): (Kind, &Id),
    ) -> Result<Option<Record>, HistoryError> {
        Ok(match kind {
            Kind::User => {
                let user = self.user(store, known, &UserId(id.clone()))?;
                user.map(Record::User)
            }
            Kind::Role => self.role(&RoleId(id.clone())).cloned().map(Record::Role),
            Kind::Group => {
                let group = self.group(store, known, &GroupId(id.clone()))?;
                group.map(Record::Group)
            }
        })
    }

    /// Gives roles and groups in a record the names that they had at the time of the picture.
    pub fn name_mentions(
        &self,
        store: &Store,
        known: &Known,
        record: &mut Record,
    ) -> Result<(), HistoryError> {
        let (roles, groups) = match record {
            Record::User(user) => (user.roles.as_mut(), user.groups.as_mut()),
            Record::Group(group) => (group.roles.as_mut(), None),
            Record::Role(_) => (None, None),
        };
        for (id, name) in roles.into_iter().flatten() {
            if let Some(role) = self.role(id) {
                name.clone_from(&role.name);
            }
        }
        for (id, name) in groups.into_iter().flatten() {
            if let Some(then) = self.name_of(store, known, id)? {
                *name = then;
            }
        }
        Ok(())
    }

    fn role_page(&self, after: Option<&Id>, limit: usize) -> RecordPage {
        let begin = after.map(|id| RoleId(id.clone()));
        let begin = begin.map_or(Bound::Unbounded, Bound::Excluded);
        let roles = self.roles_from(begin).take(limit.max(1)).cloned();
        let records: Vec<Record> = roles.map(Record::Role).collect();
        let is_full = records.len() >= limit.max(1);
        let next = records.last().map(|last| last.id().clone());
        RecordPage {
            next: next.filter(|_| is_full),
            records,
        }
    }

    fn group_page(
        &self,
        store: &Store,
        known: &Known,
        after: Option<&Id>,
        limit: usize,
    ) -> Result<RecordPage, HistoryError> {
        let page = store.list(known.no, Kind::Group, after, limit)?;
        let newest = page.iter().map(|kept| kept.version).max();
        let last = page.last().map(|kept| kept.record.id().clone());
        let next = last.filter(|_| page.len() == limit);
        let groups = page.into_iter().filter_map(|kept| match kept.record {
            Record::Group(group) => Some((group.id.0.clone(), group)),
            Record::User(_) | Record::Role(_) => None,
        });
        let mut groups: BTreeMap<Id, Group> = groups.collect();
        if let Some(past) = self.since_then() {
            let mut past = lock(past);
            past.catch_up(store, known, newest)?;
            past.put_back_groups(&mut groups, after, next.as_ref());
        }
        Ok(RecordPage {
            records: groups.into_values().map(Record::Group).collect(),
            next,
        })
    }
}
