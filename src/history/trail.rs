//! Which entries of the journal changed who holds which role, read once for many questions about
//! one time.
//!
//! To find since when a role is held, the journal is read backwards. For a long list, that would
//! read the whole journal again for each page, so this keeps the positions of the entries that
//! matter: those that changed which roles a user or group has, or which groups a user is in.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::access::Grants;
use crate::model::{Change, Entry, Fact, Record, RoleId, RunId, Seq, Timestamp, User, UserId};
use crate::store::{Known, Store};

use super::basis::Since;
use super::error::HistoryError;
use super::read_back::read_back;
use super::since_when::Undoing;

/// The entries of a tenant, up to a time, that changed who holds which role.
///
/// Memory is bounded by the number of entries that are read: 200,000, some 40 bytes each.
#[derive(Debug)]
pub struct Trail {
    /// The entries about each user, in the order of the ids.
    users: Vec<(UserId, Dated)>,
    /// The entries about roles and groups.
    givers: Vec<Dated>,
    /// The answer for roles whose start is not among the entries.
    of_others: Since,
    /// The run of which only the last entries were read; `None` if the first load was reached.
    cut: Option<RunId>,
}

/// An entry, and when its run wrote the last of its entries.
type Dated = (Seq, Timestamp);

impl Trail {
    /// Reads the journal backwards from an entry.
    pub(super) fn read(store: &Store, known: &Known, up_to: Seq) -> Result<Self, HistoryError> {
        let mut trail = Self {
            users: Vec::new(),
            givers: Vec::new(),
            of_others: Since::Before {
                at: known.adopted_at,
            },
            cut: None,
        };
        let mut last_run: Option<(RunId, Timestamp)> = None;
        let reached = read_back(store, known, up_to, |entry| {
            trail.take(entry, &mut last_run);
            ControlFlow::Continue(())
        })?;
        trail.of_others = reached.since;
        if reached.is_first_load {
            trail.cut = None;
        }
        trail.users.sort_unstable();
        Ok(trail)
    }

    /// Adds an entry, which is earlier than those added before. `last_run` is the run of the last
    /// record change that was added, with the time of that run's latest entry.
    fn take(&mut self, entry: Entry, last_run: &mut Option<(RunId, Timestamp)>) {
        // A run that reads spaces may write between the entries of another.
        if let Fact::SpaceChanged(_) = entry.fact {
            return;
        }
        self.cut = entry.run();
        let (Some(run), Fact::Changed(change)) = (entry.run(), entry.fact) else {
            return;
        };
        let last = last_run.filter(|(last, _)| *last == run);
        let (_, at) = *last_run.insert(last.unwrap_or((run, entry.at)));
        self.note(change, (entry.seq, at));
    }

    fn note(&mut self, change: Change, place: Dated) {
        let (before, after) = change.into_sides();
        match (&before, &after) {
            (Some(Record::User(user)), None) | (None, Some(Record::User(user))) => {
                self.users.push((user.id.clone(), place));
            }
            (Some(Record::User(before)), Some(Record::User(after))) => {
                if before.roles != after.roles || before.groups != after.groups {
                    self.users.push((after.id.clone(), place));
                }
            }
            _ => {
                if given(before.as_ref()) != given(after.as_ref()) {
                    self.givers.push(place);
                }
            }
        }
    }

    /// Finds since when each of some users has had a role. `grants` and the users in `wanted` must
    /// be those at the time of the trail.
    pub fn since_when(
        &self,
        store: &Store,
        grants: Grants,
        wanted: &[(User, RoleId)],
    ) -> Result<BTreeMap<(UserId, RoleId), Since>, HistoryError> {
        let mut undoing = Undoing::begin(grants, wanted);
        let mut entries = self.givers.clone();
        for user in undoing.users() {
            let begin = self.users.partition_point(|(id, _)| id < user);
            let of_user = self.users.iter().skip(begin);
            let of_user = of_user.take_while(|(id, _)| id == user);
            entries.extend(of_user.map(|(_, place)| *place));
        }
        entries.sort_unstable();
        for (seq, at) in entries.into_iter().rev() {
            if undoing.is_done() {
                break;
            }
            let mut entry = store.entry(seq)?.ok_or(HistoryError::WasCut)?;
            store.add_late_report(&mut entry)?;
            undoing.undo(Entry { at, ..entry });
        }
        // What users had before a run is known only if all of it was undone.
        if undoing.run() != self.cut || self.cut.is_none() {
            undoing.end_run();
        }
        Ok(undoing.answers(&self.of_others))
    }
}

/// Returns what a role or group gives.
fn given(record: Option<&Record>) -> Grants {
    let mut grants = Grants::default();
    if let Some(record) = record {
        grants.look(record);
    }
    grants
}
