//! How far the rights of a tenant were compared, and the lists of users beside entries.
//!
//! A list is written in parts before its entry; the entry's commit also writes the head, which says
//! to which entry the list belongs. So a list without a head belongs to no entry: a process was
//! stopped before it could write one. A list is kept as long as its entry.

use std::ops::Bound;

use crate::model::{Holder, ListId, Seq};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::v9::right as v9;
use crate::store::layout::{codec, v5};
use crate::store::values::rights::{ListHead, RightsMark};
use crate::store::values::tenant_no::TenantNo;

/// How many users a part of a list has; the last part may have fewer.
pub const USERS_IN_PART: usize = 200;

/// The most heads that one search for a list to delete looks at.
const HEADS_AT_ONCE: usize = 1_000;

/// Where there may be lists that belong to no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remains {
    /// Only after the last list that belongs to an entry: no entry was written since they were
    /// begun.
    BehindLast,
    /// Anywhere: entries with other lists were written before a process was stopped.
    Anywhere,
}

/// Where to look next for a list to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum NextList {
    /// After this head, or from the first one on.
    After(Option<Key>),
    /// Nowhere: all were looked at.
    None,
}

impl Store {
    /// Returns how far the rights of a tenant were compared; `None` if they never were.
    pub fn rights_mark(&self, no: TenantNo) -> Result<Option<RightsMark>, StoreError> {
        self.engine.read("reading a mark", |reader| {
            let key = keys::rights_mark(no);
            match reader.get(&key)? {
                Some(value) => Ok(Some(
                    codec::read_row::<v9::RightsMark>(&key, &value)?.into(),
                )),
                None => Ok(None),
            }
        })
    }

    /// Writes how far the rights of a tenant were compared.
    pub fn set_rights_mark(&self, no: TenantNo, mark: RightsMark) -> Result<(), StoreError> {
        let row = codec::put(keys::rights_mark(no), &v9::RightsMark::from(mark));
        self.engine.write(vec![row])?;
        Ok(())
    }

    /// Returns the number for the next list of a tenant. First removes what is left of lists that
    /// belong to no entry; `remains` says where to look. Nobody else may be writing lists of the
    /// tenant.
    pub fn next_list(&self, no: TenantNo, remains: Remains) -> Result<ListId, StoreError> {
        let newest = |prefix: &Key| {
            self.engine.read("reading lists", |reader| {
                let row = reader.prefix(prefix).next_back().transpose()?;
                Ok(row.and_then(|(key, _)| keys::list_of(&key)))
            })
        };
        let last = newest(&keys::list_heads(no))?.map_or(ListId(0), |(_, list)| list);
        while let Some((_, list)) = newest(&keys::list_parts_prefix(no))? {
            if list <= last {
                break;
            }
            self.remove_list(no, list)?;
        }
        match remains {
            Remains::BehindLast => {}
            Remains::Anywhere => {
                while let Some(list) = self.list_without_head(no)? {
                    self.remove_list(no, list)?;
                }
            }
        }
        Ok(ListId(last.0 + 1))
    }

    /// Returns a list that has parts but no head; `None` if every list has a head.
    fn list_without_head(&self, no: TenantNo) -> Result<Option<ListId>, StoreError> {
        self.engine.read("reading lists", |reader| {
            let mut from = Bound::Included(keys::list_parts_prefix(no));
            loop {
                let prefix = keys::list_parts_prefix(no);
                let part = reader.after(&prefix, from).next().transpose()?;
                let Some((_, list)) = part.and_then(|(key, _)| keys::list_of(&key)) else {
                    return Ok(None);
                };
                if reader.get(&keys::list_head(no, list))?.is_none() {
                    return Ok(Some(list));
                }
                from = Bound::Excluded(keys::list_part(no, list, u32::MAX));
            }
        })
    }

    /// Writes a part of a list under its number. It has [`USERS_IN_PART`] users; the last part may
    /// have fewer.
    pub fn add_list_part(
        &self,
        no: TenantNo,
        list: ListId,
        part: u32,
        users: &[Holder],
    ) -> Result<(), StoreError> {
        let key = keys::list_part(no, list, part);
        let stored = v5::ListPart(users.iter().map(Into::into).collect());
        let value = codec::packed_row(&key, &stored);
        self.engine.write(vec![(key, Some(value))])?;
        Ok(())
    }

    /// Removes the parts of a list that belongs to no entry.
    pub fn remove_list(&self, no: TenantNo, list: ListId) -> Result<(), StoreError> {
        self.remove_rows(&keys::list_parts(no, list))
    }

    /// Returns users of an entry's list, from a number on up to the end of the part that contains
    /// it. The result is empty if there are no more users, or the list is gone.
    ///
    /// A repair may drop the newest list, and its number may then belong to a later entry's list:
    /// users of that list are not returned.
    pub fn listed(
        &self,
        no: TenantNo,
        (entry, list): (Seq, ListId),
        from: u64,
    ) -> Result<Vec<Holder>, StoreError> {
        let in_part = USERS_IN_PART as u64;
        let Ok(part) = u32::try_from(from / in_part) else {
            return Ok(Vec::new());
        };
        let n_before = usize::try_from(from % in_part).unwrap_or(usize::MAX);
        self.engine.read("reading a list", |reader| {
            let head = keys::list_head(no, list);
            let key = keys::list_part(no, list, part);
            let Some((of, value)) = reader.get(&head)?.zip(reader.get(&key)?) else {
                return Ok(Vec::new());
            };
            let of: ListHead = codec::read_row::<v5::ListHead>(&head, &of)?.into();
            if of.entry != entry {
                return Ok(Vec::new());
            }
            let v5::ListPart(users) = codec::read_packed_row(&key, &value)?;
            Ok(users.into_iter().skip(n_before).map(Into::into).collect())
        })
    }

    /// Looks for a list whose entry is no longer kept, after a head or from the first one on.
    /// Returns the keys of some of its rows, and where to look next.
    pub(in crate::store) fn list_to_delete(
        &self,
        after: Option<Key>,
        limit: usize,
    ) -> Result<(Vec<Key>, NextList), StoreError> {
        self.engine.read("reading lists", |reader| {
            let cut = reader.cut()?;
            let prefix = [Keyspace::ListHead as u8];
            let from = match &after {
                Some(after) => Bound::Excluded(after.clone()),
                None => Bound::Included(prefix.to_vec()),
            };
            let mut looked = after;
            for (n_looked, row) in reader.after(&prefix, from).enumerate() {
                if n_looked == HEADS_AT_ONCE {
                    return Ok((Vec::new(), NextList::After(looked)));
                }
                let (key, value) = row?;
                let head: ListHead = codec::read_row::<v5::ListHead>(&key, &value)?.into();
                if head.entry > cut || reader.get(&keys::kept(head.entry))?.is_some() {
                    looked = Some(key.to_vec());
                    continue;
                }
                let (no, list) =
                    keys::list_of(&key).ok_or_else(|| codec::flawed(&key, "of no list"))?;
                let parts = reader.prefix(&keys::list_parts(no, list)).take(limit);
                let parts = parts.map(|row| row.map(|(key, _)| key.to_vec()));
                let mut keys: Vec<Key> = parts.collect::<Result<_, _>>()?;
                // The head goes last: without it, nobody would find the rest.
                if keys.len() < limit {
                    keys.push(key.to_vec());
                }
                return Ok((keys, NextList::After(looked)));
            }
            Ok((Vec::new(), NextList::None))
        })
    }
}
