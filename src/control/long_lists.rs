//! Counts the lists of spaces that have more members than are kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::model::{Seq, Space, SpacePart};
use crate::store::{Known, SpaceReading, Store, StoreError, TenantNo};

use super::space_tables;

/// How many spaces are read from the store at once.
const PAGE: usize = 100;

/// How many such lists each tenant had when somebody asked. Clones share it.
///
/// To count them, all spaces of a tenant are read, so they are counted again only after a space has
/// changed. This takes some hundred bytes for each tenant.
#[derive(Debug, Clone, Default)]
pub(super) struct LongLists(Arc<Mutex<BTreeMap<TenantNo, Counted>>>);

#[derive(Debug, Clone)]
struct Counted {
    reading: SpaceReading,
    up_to: Seq,
    n_lists: u64,
}

impl LongLists {
    /// Returns how many lists of spaces of a tenant are kept only in part, since they are too long.
    pub(super) fn count(&self, store: &Store, known: &Known) -> Result<u64, StoreError> {
        // Both are read before the spaces: what changes meanwhile makes the next question count
        // again.
        let (up_to, reading) = (store.last_seq(), store.space_reading(known.no)?);
        let kept = lock(&self.0).get(&known.no).cloned();
        // During the first reading, spaces change without entries.
        let n_lists = match kept {
            Some(kept)
                if reading.first.is_some()
                    && kept.reading == reading
                    && !space_tables::has_changed(store, known, (kept.up_to, up_to))? =>
            {
                kept.n_lists
            }
            Some(_) | None => count(store, known.no)?,
        };
        let counted = Counted {
            reading,
            up_to,
            n_lists,
        };
        lock(&self.0).insert(known.no, counted);
        Ok(n_lists)
    }
}

fn count(store: &Store, no: TenantNo) -> Result<u64, StoreError> {
    let (mut n_lists, mut after) = (0, None);
    loop {
        let page = store.spaces(no, after.as_ref(), PAGE)?;
        let Some(last) = page.last() else {
            return Ok(n_lists);
        };
        after = Some(last.space.id.clone());
        n_lists += page.iter().map(|kept| of_space(&kept.space)).sum::<u64>();
    }
}

fn of_space(space: &Space) -> u64 {
    let lists = [SpacePart::Assignments, SpacePart::Shares];
    lists
        .iter()
        .map(|part| u64::from(space.is_cut(*part)))
        .sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::{
        Assignee, Found, Id, MAX_IN_SPACE, RunId, SpaceAssignment, SpaceChange, SpaceHead, SpaceId,
        Tenant, TenantId, TenantName, Timestamp,
    };
    use crate::store::{KeptSpace, SpaceReport, SpaceWrite};

    fn id(n: usize) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    /// Returns a space with so many assignments, of which there may be more.
    fn space(n: usize, n_assigned: usize) -> Space {
        let assigned = (0..n_assigned).map(|n| {
            let assignee = Assignee {
                sort: "user".to_owned(),
                id: id(n),
            };
            let assignment = SpaceAssignment {
                roles: BTreeSet::new(),
                created_at: None,
                created_by: None,
                updated_at: None,
            };
            (assignee, assignment)
        });
        Space {
            id: SpaceId(id(n)),
            head: SpaceHead {
                name: format!("space {n}"),
                sort: None,
                owner: None,
                created_at: None,
                unseen: [SpacePart::Assignments].into(),
            },
            assignments: Some(assigned.collect()),
            shares: Some(BTreeMap::new()),
            partial: BTreeSet::new(),
        }
    }

    fn keep(store: &Store, known: &Known, space: &Space, is_told: Told) {
        let report = SpaceReport {
            run: RunId(1),
            at: Timestamp::from_millis(20),
            account: known.tenant.account(),
            change: SpaceChange::between(None, Some(space), Found::New).unwrap(),
        };
        let kept = SpaceWrite::Keep(KeptSpace {
            space: space.clone(),
            reading: 1,
            changed_at: None,
        });
        let report = Some(report).filter(|_| is_told == Told::Yes);
        store.write_space(known.no, kept, report, None).unwrap();
    }

    /// Whether the journal has an entry of a change.
    #[derive(Clone, Copy, PartialEq)]
    enum Told {
        Yes,
        No,
    }

    #[test]
    fn lists_are_counted_again_once_a_space_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
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
        let lists = LongLists::default();
        let count = || lists.count(&store, &known).unwrap();
        assert_eq!(count(), 0);

        // During the first reading, spaces change without entries.
        keep(&store, &known, &space(1, MAX_IN_SPACE), Told::No);
        keep(&store, &known, &space(2, MAX_IN_SPACE - 1), Told::No);
        assert_eq!(count(), 1);
        let mut reading = store.space_reading(known.no).unwrap();
        reading.first = Some(at);
        store.set_space_reading(known.no, reading).unwrap();
        assert_eq!(count(), 1);
        // From then on they have entries, and without one, nothing is read.
        keep(&store, &known, &space(3, MAX_IN_SPACE), Told::No);
        assert_eq!(count(), 1);
        keep(&store, &known, &space(4, MAX_IN_SPACE), Told::Yes);
        assert_eq!(count(), 3);
    }
}
