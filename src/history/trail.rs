//! Which entries of the journal changed who holds what, read once for many questions about one
//! time.
//!
//! Since when a role is held is found by reading the journal backwards. For each page of a long
//! list that would be the whole journal again, so this keeps the positions of the entries that
//! matter: those that changed which roles a user or group has, or which groups a user is in.

use std::collections::BTreeMap;

use crate::access::Grants;
use crate::model::{Change, Entry, Fact, Record, RoleId, RunId, Seq, Timestamp, User, UserId};
use crate::store::{Known, Store};

use super::error::HistoryError;
use super::since_when::{MAX_READ, Since, Undoing};

/// How many entries are read at once.
const AT_ONCE: u64 = 500;

/// The entries of a tenant that changed who holds what, back from a time.
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
    /// The run that is known in part only, since its first entries were not read; `None` if the
    /// first load was reached.
    cut: Option<RunId>,
}

/// An entry, and when its run made the latest of its entries.
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
        let first = store.first_seq()?;
        let mut end = up_to.next();
        let floor = end.0.saturating_sub(MAX_READ).max(first.0);
        let mut was_repaired = false;
        let mut last_run: Option<(RunId, Timestamp)> = None;
        'read: while end.0 > floor {
            let low = end.0.saturating_sub(AT_ONCE).max(floor);
            let n_entries = usize::try_from(end.0 - low).unwrap_or(usize::MAX);
            let entries = store.entries(Seq(low.saturating_sub(1)), n_entries)?;
            for entry in entries.into_iter().rev().filter(|entry| entry.seq < end) {
                let at = entry.at;
                trail.of_others = Since::Before { at };
                if let Fact::HistoryLost(_) | Fact::Unreadable = entry.fact {
                    was_repaired = true;
                }
                let account = entry.account();
                if account.is_none_or(|it| it.tenant != known.tenant.id) {
                    continue;
                }
                if let Fact::Loaded { .. } = entry.fact {
                    trail.cut = None;
                    if !was_repaired {
                        trail.of_others = Since::BeforeFirstLoad { at };
                    }
                    break 'read;
                }
                // A run that reads spaces may write between the entries of another.
                if let Fact::SpaceChanged(_) = entry.fact {
                    continue;
                }
                trail.cut = entry.run();
                let (Some(run), Fact::Changed(change)) = (entry.run(), entry.fact) else {
                    continue;
                };
                let last = last_run.filter(|(last, _)| *last == run);
                let (_, at) = *last_run.insert(last.unwrap_or((run, at)));
                trail.note(change, (entry.seq, at));
            }
            end = Seq(low);
        }
        trail.users.sort_unstable();
        Ok(trail)
    }

    fn note(&mut self, change: Change, place: Dated) {
        let (before, after) = sides(change);
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

    /// Finds since when each of some users has held a role. `grants` and the users are as of the
    /// time of the trail.
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
            let entry = store.entry(seq)?.ok_or(HistoryError::WasCut)?;
            undoing.undo(Entry { at, ..entry });
        }
        // What was held before a run is known only if all of it was undone.
        if undoing.run() != self.cut || self.cut.is_none() {
            undoing.end_run();
        }
        Ok(undoing.answers(self.of_others))
    }
}

/// Returns a record before and after a change.
fn sides(change: Change) -> (Option<Record>, Option<Record>) {
    match change {
        Change::Created { after, .. } => (None, Some(after)),
        Change::Updated { before, after } => (Some(before), Some(after)),
        Change::Deleted { before } => (Some(before), None),
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
