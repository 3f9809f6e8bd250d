//! Reads one space, and stores what has changed.

use crate::connector::{Assignments, Connector, Shares, SpaceSeen};
use crate::lock::lock;
use crate::model::{
    Account, Found, RunId, Space, SpaceChange, SpaceHead, SpaceId, SpacePart, Timestamp, Verb,
};
use crate::reconcile::Guard;
use crate::store::{
    KeptSpace, SpaceDoubts, SpaceReport, SpaceTodo, SpaceWrite, Store, StoreError, TenantNo,
};

use super::lost_members::{Cause, Doubting};
use super::read_listed::{self, Listed};
use super::spaces_run::SpacesRun;
use crate::sync::RunError;
use crate::sync::run::job::Job;

/// How many spaces are asked for by id before their lists are read.
const PORTION: usize = 50;

/// What was found about a space.
enum Fate {
    /// It was read.
    Read(SpaceHead, Assignments, Shares),
    /// It was not visible: what is known of it stays.
    Unseen,
    /// It is gone.
    Gone,
}

/// What was stored about a space.
struct Kept {
    change: Option<Verb>,
    is_unseen: bool,
    /// The lists that have become too long to keep.
    cut: Vec<SpacePart>,
}

impl<C: Connector> Job<C> {
    /// Looks at spaces that the audit log named. A space is removed if the log reports its deletion
    /// and the source does not have it. If the log reports no deletion, a space that is gone stays
    /// until all spaces are read.
    pub(super) async fn look_at_spaces(
        &self,
        run: &mut SpacesRun,
        todo: Vec<SpaceTodo>,
    ) -> Result<(), RunError> {
        for portion in todo.chunks(PORTION) {
            let (mut listed, mut failed) = (Vec::new(), Vec::new());
            for todo in portion {
                match self.connector.space(&todo.id).await {
                    Ok(seen) => listed.extend(self.look(run, todo, seen).await?),
                    Err(error) => {
                        self.fail_space(run, error).await?;
                        failed.push(todo);
                    }
                }
            }
            for todo in failed {
                let seen = self.see_space(run, &todo.id).await?;
                listed.extend(self.look(run, todo, seen).await?);
            }
            self.read_listed(run, listed).await?;
        }
        Ok(())
    }

    /// Returns a space that was named, if its lists must be read. Otherwise stores that it is gone
    /// or was not visible.
    async fn look(
        &self,
        run: &mut SpacesRun,
        todo: &SpaceTodo,
        seen: SpaceSeen,
    ) -> Result<Option<Listed>, RunError> {
        let (id, done) = (todo.id.clone(), Some(todo.clone()));
        match seen {
            SpaceSeen::Shown(head) => return Ok(Some(Listed { id, head, done })),
            SpaceSeen::Absent if todo.is_gone => self.remove_space(run, id, done).await?,
            SpaceSeen::Absent | SpaceSeen::Hidden | SpaceSeen::Unreadable => {
                self.miss_space(run, id, done).await?;
            }
        }
        Ok(None)
    }

    /// Stores a space with its lists.
    pub(super) async fn keep_found(
        &self,
        run: &mut SpacesRun,
        found: read_listed::Found,
    ) -> Result<(), RunError> {
        let Listed { id, head, done } = found.listed;
        let fate = Fate::Read(head, found.assignments, found.shares);
        self.keep(run, id, fate, done).await
    }

    /// Notes that a known space was not visible; what is known of it stays.
    pub(super) async fn miss_space(
        &self,
        run: &mut SpacesRun,
        id: SpaceId,
        done: Option<SpaceTodo>,
    ) -> Result<(), RunError> {
        self.keep(run, id, Fate::Unseen, done).await
    }

    /// Removes a space that is gone.
    pub(super) async fn remove_space(
        &self,
        run: &mut SpacesRun,
        id: SpaceId,
        done: Option<SpaceTodo>,
    ) -> Result<(), RunError> {
        self.keep(run, id, Fate::Gone, done).await
    }

    async fn keep(
        &self,
        run: &mut SpacesRun,
        id: SpaceId,
        fate: Fate,
        done: Option<SpaceTodo>,
    ) -> Result<(), RunError> {
        let created_at = match &fate {
            Fate::Read(head, _, _) => head.created_at,
            Fate::Unseen | Fate::Gone => None,
        };
        let keeping = Keeping {
            no: run.known.no,
            now: self.clock.now(),
            reading: run.reading.mark.number,
            reporter: run
                .reading
                .first
                .map(|_first| (run.id, run.known.tenant.account())),
            found: run.reading.found(&id, created_at),
            done,
            guard: self.removal_policy.guard.clone(),
        };
        let of = id.clone();
        let space_pen = self.claim.space_pen(&run.known.tenant.id);
        let kept = self
            .store
            .offload(move |store| {
                let _alone = lock(&space_pen);
                keeping.keep(store, id, fate)
            })
            .await
            .map_err(RunError::store)?;
        let counts = &mut run.counts;
        counts.unseen += u64::from(kept.is_unseen);
        for part in kept.cut {
            run.long_lists.note(&of, part);
        }
        match kept.change {
            Some(Verb::Created) => counts.created += 1,
            Some(Verb::Updated) => counts.updated += 1,
            Some(Verb::Deleted) => counts.deleted += 1,
            None => {}
        }
        Ok(())
    }
}

/// How a space is stored.
struct Keeping {
    no: TenantNo,
    now: Timestamp,
    /// The number of the reading.
    reading: u64,
    /// The run and the tenant that an entry names; `None` during the first reading of all spaces,
    /// which reports no changes.
    reporter: Option<(RunId, Account)>,
    /// Whether the space is new or only became visible, if it was not known before.
    found: Found,
    done: Option<SpaceTodo>,
    guard: Guard,
}

impl Keeping {
    fn keep(self, store: &Store, id: SpaceId, fate: Fate) -> Result<Kept, StoreError> {
        let Self {
            no,
            now,
            reading,
            reporter,
            found,
            done,
            guard,
        } = self;
        let known = store.space(no, &id)?;
        let before = known.as_ref().map(|known| &known.space);
        let doubts = store.space_doubts(no, &id)?;
        let doubting = Doubting {
            guard: &guard,
            reading,
            cause: match &done {
                Some(_) => Cause::Named,
                None => Cause::All,
            },
        };
        let (fate, doubted) = weigh(&doubting, fate, before, &doubts);
        let after = after(&id, before, fate);
        let change = SpaceChange::between(before, after.as_ref(), found);
        let verb = change.as_ref().map(SpaceChange::verb);
        let was_changed = known.as_ref().and_then(|known| known.changed_at);
        let report = change.zip(reporter);
        let report = report.map(|(change, (run, account))| SpaceReport {
            run,
            at: now,
            account,
            change,
        });
        let cut = newly_cut(before, after.as_ref());
        let is_unseen = after
            .as_ref()
            .is_some_and(|after| !after.head.unseen.is_empty());
        let of = id.clone();
        let write = match after {
            Some(space) => SpaceWrite::Keep(KeptSpace {
                space,
                reading,
                changed_at: report.as_ref().map(|report| report.at).or(was_changed),
            }),
            None if known.is_some() => SpaceWrite::Remove(id),
            // It was never known.
            None => {
                if let Some(done) = done {
                    store.forget_space_todo(no, &done)?;
                }
                return Ok(Kept {
                    change: None,
                    is_unseen: false,
                    cut: Vec::new(),
                });
            }
        };
        // A doubt must be on disk before the space counts as read, and stay there until the removal
        // is applied.
        if !doubted.is_empty() && doubted != doubts {
            store.set_space_doubts(no, &of, &doubted)?;
        }
        store.write_space(no, write, report, done.as_ref())?;
        if doubted.is_empty() && !doubts.is_empty() {
            store.set_space_doubts(no, &of, &doubted)?;
        }
        Ok(Kept {
            change: verb,
            is_unseen,
            cut,
        })
    }
}

/// Returns the lists that have become too long to keep.
fn newly_cut(before: Option<&Space>, after: Option<&Space>) -> Vec<SpacePart> {
    let is_cut = |space: Option<&Space>, part| space.is_some_and(|space| space.is_cut(part));
    let lists = [SpacePart::Assignments, SpacePart::Shares].into_iter();
    let new = lists.filter(|part| is_cut(after, *part) && !is_cut(before, *part));
    new.collect()
}

/// Returns how much of what was found is accepted, and which lists are in doubt from now on.
fn weigh(
    doubting: &Doubting<'_>,
    fate: Fate,
    before: Option<&Space>,
    doubts: &SpaceDoubts,
) -> (Fate, SpaceDoubts) {
    let (head, assignments, shares) = match fate {
        Fate::Read(head, assignments, shares) => (head, assignments, shares),
        Fate::Unseen => return (Fate::Unseen, doubts.clone()),
        Fate::Gone => return (Fate::Gone, SpaceDoubts::new()),
    };
    let known = before.and_then(|space| space.assignments.as_ref());
    let doubt = doubts.get(&SpacePart::Assignments).copied();
    let (assignments, of_assignments) = doubting.believed(assignments, known, doubt);
    let known = before.and_then(|space| space.shares.as_ref());
    let doubt = doubts.get(&SpacePart::Shares).copied();
    let (shares, of_shares) = doubting.believed(shares, known, doubt);
    let doubted = [
        (SpacePart::Assignments, of_assignments),
        (SpacePart::Shares, of_shares),
    ];
    let doubted = doubted.into_iter();
    let doubted = doubted.filter_map(|(part, doubt)| Some((part, doubt?)));
    (Fate::Read(head, assignments, shares), doubted.collect())
}

/// Returns the space as it should be stored; `None` if there is nothing to store.
fn after(id: &SpaceId, before: Option<&Space>, fate: Fate) -> Option<Space> {
    match fate {
        Fate::Gone => None,
        Fate::Unseen => {
            let mut space = before.cloned()?;
            space.head.unseen.insert(SpacePart::Itself);
            Some(space)
        }
        Fate::Read(mut head, assignments, shares) => {
            keep_owner(&mut head, before.map(|before| &before.head));
            Some(Space::read(id.clone(), head, assignments, shares, before))
        }
    }
}

/// Keeps the known owner if the source does not say who owns the space.
fn keep_owner(head: &mut SpaceHead, before: Option<&SpaceHead>) {
    if !head.unseen.contains(&SpacePart::Itself) {
        return;
    }
    head.owner = before.and_then(|before| before.owner.clone());
    // If nobody is known to own it, there is nothing that could be out of date.
    if head.owner.is_none() {
        head.unseen.remove(&SpacePart::Itself);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::{Id, SpaceList, UserId};

    fn head(owner: Option<u8>, unseen: &[SpacePart]) -> SpaceHead {
        SpaceHead {
            name: "Sales".to_owned(),
            sort: None,
            owner: owner.map(|n| UserId(Id::parse(&format!("{n:024x}")).unwrap())),
            created_at: None,
            unseen: unseen.iter().copied().collect(),
        }
    }

    #[test]
    fn a_space_that_does_not_say_who_owns_it_keeps_its_owner() {
        let id = SpaceId(Id::parse("s1").unwrap());
        let itself = &[SpacePart::Itself][..];
        for (known, seen, expected) in [
            (
                Some(head(Some(1), &[])),
                head(None, itself),
                head(Some(1), itself),
            ),
            (
                Some(head(Some(1), itself)),
                head(Some(2), &[]),
                head(Some(2), &[]),
            ),
            (Some(head(Some(1), &[])), head(None, &[]), head(None, &[])),
            (Some(head(None, &[])), head(None, itself), head(None, &[])),
            (None, head(None, itself), head(None, &[])),
        ] {
            let whole = |head| {
                let lists = (SpaceList::Whole([].into()), SpaceList::Whole([].into()));
                Fate::Read(head, lists.0, lists.1)
            };
            let before = known.and_then(|head| after(&id, None, whole(head)));
            // A reading does not depend on what an earlier one marked as unseen.
            let before = before.map(|mut before| {
                before.head.unseen = BTreeSet::new();
                before
            });

            let after = after(&id, before.as_ref(), whole(seen)).unwrap();

            assert_eq!(after.head, expected);
        }
    }
}
