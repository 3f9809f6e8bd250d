//! Reads one space, and stores what has changed.

use std::sync::Arc;

use crate::connector::{Assignments, Connector, Shares, SpaceSeen};
use crate::lock::lock;
use crate::model::{
    Account, RunId, Space, SpaceChange, SpaceHead, SpaceId, SpacePart, Timestamp, Verb,
};
use crate::store::{KeptSpace, SpaceReport, SpaceTodo, SpaceWrite, Store, StoreError, TenantNo};

use super::spaces_run::SpacesRun;
use crate::sync::RunError;
use crate::sync::run::job::Job;

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
}

impl<C: Connector> Job<C> {
    /// Looks at a space that the audit log named. The space is removed if the log reports its
    /// deletion and the source does not have it. If the log reports no deletion, a space that is
    /// gone stays until all spaces are read.
    pub(super) async fn look_at_space(
        &self,
        run: &mut SpacesRun,
        todo: SpaceTodo,
    ) -> Result<(), RunError> {
        let seen = self.connector.space(&todo.id).await;
        match seen.map_err(RunError::fetch("spaces"))? {
            SpaceSeen::Shown(head) => {
                let id = todo.id.clone();
                self.read_space(run, id, head, Some(todo)).await
            }
            SpaceSeen::Absent if todo.is_gone => {
                self.remove_space(run, todo.id.clone(), Some(todo)).await
            }
            SpaceSeen::Absent | SpaceSeen::Hidden | SpaceSeen::Unreadable => {
                self.miss_space(run, todo.id.clone(), Some(todo)).await
            }
        }
    }

    /// Reads who is assigned to a space and what is shared from it, and stores it.
    pub(super) async fn read_space(
        &self,
        run: &mut SpacesRun,
        id: SpaceId,
        head: SpaceHead,
        done: Option<SpaceTodo>,
    ) -> Result<(), RunError> {
        let (assignments, shares) =
            tokio::join!(self.connector.assignments(&id), self.connector.shares(&id));
        let assignments = assignments.map_err(RunError::fetch("spaces"))?;
        let shares = shares.map_err(RunError::fetch("spaces"))?;
        run.counts.read += 1;
        let fate = Fate::Read(head, assignments, shares);
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
        let keeping = Keeping {
            no: run.known.no,
            now: self.clock.now(),
            reading: run.reading.mark.number,
            reporter: run
                .reading
                .first
                .map(|_first| (run.id, run.known.tenant.account())),
            done,
        };
        let space_pen = Arc::clone(&self.space_pen);
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
    done: Option<SpaceTodo>,
}

impl Keeping {
    fn keep(self, store: &Store, id: SpaceId, fate: Fate) -> Result<Kept, StoreError> {
        let Self {
            no,
            now,
            reading,
            reporter,
            done,
        } = self;
        let known = store.space(no, &id)?;
        let before = known.as_ref().map(|known| &known.space);
        let after = after(&id, before, fate);
        let change = SpaceChange::between(before, after.as_ref());
        let verb = change.as_ref().map(SpaceChange::verb);
        let was_changed = known.as_ref().and_then(|known| known.changed_at);
        let report = change.zip(reporter);
        let report = report.map(|(change, (run, account))| SpaceReport {
            run,
            at: now,
            account,
            change,
        });
        let is_unseen = after
            .as_ref()
            .is_some_and(|after| !after.head.unseen.is_empty());
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
                });
            }
        };
        store.write_space(no, write, report, done.as_ref())?;
        Ok(Kept {
            change: verb,
            is_unseen,
        })
    }
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
            if !assignments.is_whole() {
                head.unseen.insert(SpacePart::Assignments);
            }
            if !shares.is_whole() {
                head.unseen.insert(SpacePart::Shares);
            }
            Some(Space {
                id: id.clone(),
                head,
                assignments: assignments.over(before.and_then(|it| it.assignments.as_ref())),
                shares: shares.over(before.and_then(|it| it.shares.as_ref())),
            })
        }
    }
}
