//! Gathers what changed into entries: one for all users whose rights changed in the same way.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::history::HistoryError;
use crate::model::{
    AccessChange, Fact, Holder, ListId, Right, RightChange, RightHolders, Seq, ShownPath,
    SpaceMention,
};
use crate::store::{
    Behind, Closing, Commit, Known, Remains, RightsMark, Store, StoreError, USERS_IN_PART,
};

use super::range::{Compared, Range};

/// The most users who each get an entry of their own if their rights changed in the same way. More
/// users share one entry, with a list.
const MAX_SINGLE: usize = 10;

/// About how many bytes may wait to be written. When there are more, all are written, and later
/// users get further entries. Each user takes some 200 bytes, and each path by which rights changed
/// some 100: where users are in many groups, almost every user has paths of their own.
const MAX_WAITING: usize = 8 * 1024 * 1024;

/// How many entries one commit takes: each may have a list, and there is one mark.
const AT_ONCE: usize = 80;

/// How a role of a user changed, without the user: users with the same change share an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SharedChange {
    pub right: Right,
    pub change: AccessChange,
    pub before: Vec<ShownPath>,
    pub after: Vec<ShownPath>,
}

impl SharedChange {
    /// Makes the fact, with the users whom it concerns.
    pub fn of(self, holders: RightHolders) -> Fact {
        let Self {
            right,
            change,
            before,
            after,
        } = self;
        Fact::RightChanged(RightChange {
            right,
            change,
            holders,
            before,
            after,
        })
    }

    /// Returns about how many bytes it takes in memory.
    fn weight(&self) -> usize {
        let Self {
            right,
            change: _,
            before,
            after,
        } = self;
        let paths = before.iter().chain(after);
        let paths = paths.map(|shown| size_of::<ShownPath>() + len(shown.group.as_ref()));
        size_of::<(Self, Waiting)>() + words_of(right) + paths.sum::<usize>()
    }
}

/// Returns about how many bytes the words of a right take in memory.
fn words_of(right: &Right) -> usize {
    let of_space = |space: &SpaceMention| space.name.len() + len(space.sort.as_ref());
    match right {
        Right::Role(role) => role.name.len() + len(role.level.as_ref()),
        Right::SpaceRole { space, role } => of_space(space) + role.len(),
        Right::App {
            space,
            resource,
            sort,
            role,
        } => of_space(space) + len(resource.as_ref()) + len(sort.as_ref()) + role.len(),
    }
}

/// Returns about how many bytes a user takes in memory.
fn weight_of(user: &Holder) -> usize {
    let words = user.subject.len() + len(user.name.as_ref()) + len(user.email.as_ref());
    size_of::<Holder>() + words
}

fn len(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

/// Users whose rights changed in the same way.
#[derive(Debug, Default)]
struct Waiting {
    /// Those who are in no part of a list yet.
    users: Vec<Holder>,
    /// How many bytes these take.
    weight: usize,
    /// Their list; `None` if they are still few.
    list: Option<ListId>,
    /// How many parts of it are written.
    n_parts: u32,
}

/// Writes the entries of a run.
pub(super) struct RightsWriter<'a> {
    store: &'a Store,
    known: &'a Known,
    range: &'a Range,
    waiting: BTreeMap<SharedChange, Waiting>,
    /// How many bytes wait.
    pub weight: usize,
    /// How many bytes may wait.
    pub max_weight: usize,
    next_list: ListId,
    /// The mark while the run is being reported, except for the number of entries written.
    during: RightsMark,
    /// The mark once the whole run is reported.
    afterwards: RightsMark,
    /// How many entries are written already.
    n_written: u64,
    /// How many entries there are so far, including those that are written already.
    n_reported: u64,
    facts: Vec<Fact>,
    /// After how many commits a test stops it; `None` if it is not stopped.
    #[cfg(test)]
    pub n_commits_left: Option<usize>,
}

impl<'a> RightsWriter<'a> {
    /// Begins to report the changes of a run; the mark says how many entries are written already.
    pub fn begin(
        store: &'a Store,
        known: &'a Known,
        range: &'a Range,
        mark: RightsMark,
    ) -> Result<Self, StoreError> {
        let n_written = match mark.under_way {
            Some((end, n_written)) if end == range.end => n_written,
            Some(_) | None => 0,
        };
        let at = |reported: Seq| match range.compared {
            Compared::Roles | Compared::RolesAndSpaces => RightsMark {
                reported,
                under_way: None,
                in_spaces: mark.in_spaces,
            },
            Compared::Spaces => RightsMark {
                reported: mark.reported,
                under_way: None,
                in_spaces: mark.in_spaces.map(|behind| Behind { reported, ..behind }),
            },
        };
        let remains = match n_written {
            0 => Remains::BehindLast,
            _ => Remains::Anywhere,
        };
        Ok(Self {
            store,
            known,
            range,
            waiting: BTreeMap::new(),
            weight: 0,
            max_weight: MAX_WAITING,
            next_list: store.next_list(known.no, remains)?,
            during: at(range.begin),
            afterwards: at(range.end),
            n_written,
            n_reported: 0,
            facts: Vec::new(),
            #[cfg(test)]
            n_commits_left: None,
        })
    }

    /// Adds a user.
    pub fn add(&mut self, shared: SharedChange, user: Holder) -> Result<(), HistoryError> {
        let waiting = match self.waiting.entry(shared) {
            Entry::Occupied(waiting) => waiting.into_mut(),
            Entry::Vacant(place) => {
                self.weight += place.key().weight();
                place.insert(Waiting::default())
            }
        };
        let weight = weight_of(&user);
        waiting.users.push(user);
        waiting.weight += weight;
        self.weight += weight;
        if waiting.users.len() == USERS_IN_PART {
            self.weight -= std::mem::take(&mut waiting.weight);
            waiting.write_part(self.store, self.known, &mut self.next_list)?;
        }
        if self.weight > self.max_weight {
            self.write_waiting()?;
        }
        Ok(())
    }

    /// Adds an entry.
    pub fn push(&mut self, fact: Fact) -> Result<(), StoreError> {
        self.n_reported += 1;
        if self.n_reported <= self.n_written {
            return self.forget_list(&fact);
        }
        self.facts.push(fact);
        match self.facts.len() {
            AT_ONCE => self.commit(RightsMark {
                under_way: Some((self.range.end, self.n_reported)),
                ..self.during
            }),
            _ => Ok(()),
        }
    }

    /// Writes what is left, and marks the changes as reported. Returns whether there was anything
    /// to report.
    pub fn end(mut self) -> Result<bool, HistoryError> {
        self.write_waiting()?;
        self.commit(self.afterwards)?;
        Ok(self.n_reported > 0)
    }

    /// Writes the entries of all users that wait.
    pub fn write_waiting(&mut self) -> Result<(), HistoryError> {
        self.weight = 0;
        for (shared, mut waiting) in std::mem::take(&mut self.waiting) {
            if waiting.list.is_none() && waiting.users.len() <= MAX_SINGLE {
                for user in waiting.users {
                    self.push(shared.clone().of(RightHolders::One(user)))?;
                }
                continue;
            }
            let in_parts = u64::from(waiting.n_parts) * USERS_IN_PART as u64;
            let count = in_parts + waiting.users.len() as u64;
            if !waiting.users.is_empty() {
                waiting.write_part(self.store, self.known, &mut self.next_list)?;
            }
            if let Some(list) = waiting.list {
                self.push(shared.of(RightHolders::Listed { list, count }))?;
            }
        }
        Ok(())
    }

    /// Removes the list that was just written for an entry that is in the journal already: that
    /// entry has a list of its own.
    fn forget_list(&self, fact: &Fact) -> Result<(), StoreError> {
        match fact {
            Fact::RightChanged(RightChange {
                holders: RightHolders::Listed { list, .. },
                ..
            }) => self.store.remove_list(self.known.no, *list),
            _ => Ok(()),
        }
    }

    fn commit(&mut self, mark: RightsMark) -> Result<(), StoreError> {
        #[cfg(test)]
        if let Some(left) = &mut self.n_commits_left {
            *left = left.checked_sub(1).ok_or(StoreError::Closed)?;
        }
        let facts = std::mem::take(&mut self.facts);
        self.store.commit(Commit {
            tenant: self.known.no,
            run: self.range.run,
            at: self.range.at,
            account: self.known.tenant.account(),
            writes: Vec::new(),
            closing: Closing::Rights { facts, mark },
        })?;
        Ok(())
    }
}

impl Waiting {
    /// Writes the users who are in no part yet.
    fn write_part(
        &mut self,
        store: &Store,
        known: &Known,
        next: &mut ListId,
    ) -> Result<(), StoreError> {
        let list = *self.list.get_or_insert_with(|| {
            let list = *next;
            next.0 += 1;
            list
        });
        let users = std::mem::take(&mut self.users);
        store.add_list_part(known.no, list, self.n_parts, &users)?;
        self.n_parts += 1;
        Ok(())
    }
}
