//! The spaces of a tenant at two times, side by side.

use std::collections::BTreeSet;

use crate::model::{Found, Seq, SpaceId};
use crate::store::{Known, Store};

use super::error::HistoryError;
use super::space_changes::{MAX_CHANGED, SpaceChanges, Wanted};
use super::space_pair::SpacePair;

/// Which spaces are compared.
#[derive(Debug, Clone)]
pub enum Compared {
    /// All.
    All,
    /// These.
    Only(BTreeSet<SpaceId>),
}

/// The spaces of a tenant after two entries of the journal, side by side, in the order of ids. What
/// has nothing to do with rights, such as when an assignment was last saved, is as it is now.
///
/// While these are read, nobody may write spaces of the tenant.
#[derive(Debug)]
pub struct SpacePairs<'a> {
    store: &'a Store,
    known: &'a Known,
    earlier: Seq,
    later: Seq,
    changes: SpaceChanges,
    /// The spaces that are still to compare; `None` if all spaces are compared.
    only: Option<BTreeSet<SpaceId>>,
    /// The last space that was read.
    reached: Option<SpaceId>,
    /// The most changes that are kept at once.
    max_changed: usize,
}

impl<'a> SpacePairs<'a> {
    /// Prepares to compare the spaces after two entries, `earlier` and `later`.
    pub fn between(
        store: &'a Store,
        known: &'a Known,
        (earlier, later): (Seq, Seq),
        compared: Compared,
    ) -> Result<Self, HistoryError> {
        Self::limited_to(store, known, (earlier, later), compared, MAX_CHANGED)
    }

    fn limited_to(
        store: &'a Store,
        known: &'a Known,
        (earlier, later): (Seq, Seq),
        compared: Compared,
        max_changed: usize,
    ) -> Result<Self, HistoryError> {
        let only = match compared {
            Compared::All => None,
            Compared::Only(ids) => Some(ids),
        };
        let wanted = Wanted {
            since: earlier,
            only: only.as_ref(),
            from: None,
            max: max_changed,
        };
        Ok(Self {
            store,
            known,
            earlier,
            later,
            changes: SpaceChanges::read(store, known, wanted)?,
            only,
            reached: None,
            max_changed,
        })
    }

    /// Returns the next pair, and whether the space was new or only became visible, if it was not
    /// known at the earlier time; `None` at the end. What the journal says after the later entry
    /// does not change it.
    pub fn next_pair(&mut self) -> Result<Option<(SpacePair, Found)>, HistoryError> {
        loop {
            let asked = self.only.as_ref().and_then(BTreeSet::first);
            let row = match (asked, &self.only) {
                (Some(id), _) => self.store.space(self.known.no, id)?,
                (None, Some(_)) => return Ok(None),
                (None, None) => {
                    let after = self.reached.as_ref();
                    self.store.spaces(self.known.no, after, 1)?.pop()
                }
            };
            let now = row.map(|kept| kept.space);
            let shown = now.as_ref().map(|space| &space.id);
            // Spaces that are gone by now have changes, but no row.
            let changed = self.changes.first();
            let found = [asked, shown, changed].into_iter().flatten().min();
            let beyond = self.changes.beyond();
            if let Some(beyond) = beyond
                && found.is_none_or(|found| found >= beyond)
            {
                let from = beyond.clone();
                self.read_on(&from)?;
                continue;
            }
            let Some(id) = found.cloned() else {
                return Ok(None);
            };
            if let Some(only) = &mut self.only {
                only.remove(&id);
            }
            self.reached = Some(id.clone());
            let now = now.filter(|space| space.id == id);
            let (pair, found) = self.changes.pair(id, now, self.later);
            if pair.then.is_some() || pair.now.is_some() {
                return Ok(Some((pair, found)));
            }
        }
    }

    /// Reads the changes of further spaces.
    fn read_on(&mut self, from: &SpaceId) -> Result<(), HistoryError> {
        let wanted = Wanted {
            since: self.earlier,
            only: self.only.as_ref(),
            from: Some(from),
            max: self.max_changed,
        };
        self.changes = SpaceChanges::read(self.store, self.known, wanted)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{
        Assignee, Id, RunId, Space, SpaceAssignment, SpaceChange, SpaceHead, Tenant, TenantId,
        TenantName, Timestamp,
    };
    use crate::store::{KeptSpace, SpaceReport, SpaceWrite};

    fn id(n: u32) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    /// Returns a space to which these users are assigned, with the time at which their assignments
    /// were saved.
    fn space(n: u32, users: std::ops::Range<u32>, saved: i64) -> Space {
        let assignment = SpaceAssignment {
            roles: ["consumer".to_owned()].into(),
            created_at: None,
            created_by: None,
            updated_at: Some(Timestamp::from_millis(saved)),
        };
        let assignee = |n| Assignee {
            sort: "user".to_owned(),
            id: id(n),
        };
        Space {
            id: SpaceId(id(n)),
            head: SpaceHead {
                name: format!("space {n}"),
                sort: None,
                owner: None,
                created_at: None,
                unseen: BTreeSet::new(),
            },
            assignments: Some(users.map(|n| (assignee(n), assignment.clone())).collect()),
            shares: Some(BTreeMap::new()),
            partial: BTreeSet::new(),
        }
    }

    fn write(store: &Store, known: &Known, before: Option<&Space>, after: Option<&Space>) {
        let change = SpaceChange::between(before, after, Found::New).unwrap();
        let told = SpaceReport {
            run: RunId(1),
            at: Timestamp::from_millis(1),
            account: known.tenant.account(),
            change,
        };
        let write = match after {
            Some(space) => SpaceWrite::Keep(KeptSpace {
                space: space.clone(),
                reading: 1,
                changed_at: None,
            }),
            None => SpaceWrite::Remove(before.unwrap().id.clone()),
        };
        store
            .write_space(known.no, write, Some(told), None)
            .unwrap();
    }

    /// Changes spaces 1 to 6 and deletes 2 between the two entries, then deletes 4 and changes 7
    /// after the later one.
    fn changed(store: &Store) -> (Known, Seq, Seq) {
        let tenant = Tenant {
            id: TenantId("t".into()),
            name: "T".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let at = Timestamp::from_millis(0);
        store.adopt(&tenant, &TenantName("t".into()), at).unwrap();
        let known = store.tenants().unwrap().remove(0);
        for n in 1..8 {
            write(store, &known, None, Some(&space(n, 0..2, 0)));
        }
        let earlier = store.last_seq();
        for n in 1..7 {
            let (before, after) = (space(n, 0..2, 0), space(n, 1..4, 0));
            write(store, &known, Some(&before), Some(&after));
        }
        write(store, &known, Some(&space(2, 1..4, 0)), None);
        let later = store.last_seq();
        write(store, &known, Some(&space(4, 1..4, 0)), None);
        let (before, after) = (space(7, 0..2, 0), space(7, 0..9, 0));
        write(store, &known, Some(&before), Some(&after));
        (known, earlier, later)
    }

    #[test]
    fn changes_that_do_not_fit_are_read_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let (known, earlier, later) = changed(&store);
        let expected: Vec<SpacePair> = (1..8)
            .map(|n| SpacePair {
                id: SpaceId(id(n)),
                then: Some(space(n, 0..2, 0)),
                now: match n {
                    2 => None,
                    7 => Some(space(n, 0..2, 0)),
                    n => Some(space(n, 1..4, 0)),
                },
            })
            .collect();

        for max in [13, 20, 1_000] {
            for compared in [
                Compared::All,
                Compared::Only((1..8).map(|n| SpaceId(id(n))).collect()),
            ] {
                let places = (earlier, later);
                let mut pairs =
                    SpacePairs::limited_to(&store, &known, places, compared, max).unwrap();
                let mut found = Vec::new();
                while let Some((pair, _)) = pairs.next_pair().unwrap() {
                    found.push(pair);
                }
                assert_eq!(found, expected, "{max}");
            }
        }
    }

    #[test]
    fn assignments_that_were_only_saved_again_take_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let (known, ..) = changed(&store);
        let earlier = store.last_seq();
        let (before, after) = (space(5, 1..4, 0), space(5, 1..4, 9));
        write(&store, &known, Some(&before), Some(&after));

        let places = (earlier, store.last_seq());
        let only = Compared::Only([SpaceId(id(5))].into());
        let mut pairs = SpacePairs::limited_to(&store, &known, places, only, 1).unwrap();

        let (pair, _) = pairs.next_pair().unwrap().unwrap();
        assert_eq!(
            (&pair.then, &pair.now),
            (&Some(after.clone()), &Some(after))
        );
    }
}
