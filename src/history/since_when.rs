//! Since when users have held roles, as far as the journal tells.
//!
//! The journal is read backwards, and each entry undone, until a role was not held: the run whose
//! entries were undone last is the one that found it. What one run found counts as one change, so a
//! role that moved from one group to another in a run was held all the time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::Grants;
use crate::model::{Change, Entry, Fact, Record, RoleId, RunId, Seq, Timestamp, User, UserId};
use crate::store::{Known, Store};

use super::error::HistoryError;

/// How many entries are read at once.
const AT_ONCE: u64 = 500;

/// How many entries are read at most. Each takes some ten microseconds.
const MAX_READ: u64 = 200_000;

/// Since when a user has held a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "basis")]
pub enum Since {
    /// A run found that the user had come to hold it.
    Observed {
        /// When, by our clock. Earlier runs had not seen it.
        at: Timestamp,
        /// The run.
        run: RunId,
    },
    /// The user held it when the tenant was first read as a whole.
    BeforeFirstLoad {
        /// When that was.
        at: Timestamp,
    },
    /// The user held it at this time already; the journal does not go back further, or was not read
    /// further.
    Before {
        /// The time.
        at: Timestamp,
    },
}

/// The answer for one user and role.
struct Row {
    role: RoleId,
    since: Option<Since>,
}

/// The state of a tenant while it is undone, and the rows that are not answered yet.
struct Undoing {
    grants: Grants,
    users: BTreeMap<UserId, (Option<User>, Vec<Row>)>,
    n_open: usize,
    /// The run whose entries are being undone, and when it made the latest of them.
    run: Option<(RunId, Timestamp)>,
}

/// Finds since when each of some users has held a role, going back from an entry. `grants` are those
/// of that time, and the users are as of that time as well.
pub fn since_when(
    store: &Store,
    known: &Known,
    grants: Grants,
    up_to: Seq,
    held: &[(User, RoleId)],
) -> Result<BTreeMap<(UserId, RoleId), Since>, HistoryError> {
    let mut undoing = Undoing {
        grants,
        users: BTreeMap::new(),
        n_open: held.len(),
        run: None,
    };
    for (user, role) in held {
        let of_user = undoing.users.entry(user.id.clone());
        let (_, rows) = of_user.or_insert_with(|| (Some(user.clone()), Vec::new()));
        rows.push(Row {
            role: role.clone(),
            since: None,
        });
    }
    let last = undoing.go_back(store, known, up_to)?;
    Ok(undoing.answers(last))
}

impl Undoing {
    /// Undoes entries until every row is answered. Returns what is so of the rows that are not.
    fn go_back(&mut self, store: &Store, known: &Known, up_to: Seq) -> Result<Since, HistoryError> {
        let first = store.first_seq()?;
        let mut end = up_to.next();
        let mut reached = None;
        let floor = end.0.saturating_sub(MAX_READ).max(first.0);
        while self.n_open > 0 && end.0 > floor {
            let low = end.0.saturating_sub(AT_ONCE).max(floor);
            let n_entries = usize::try_from(end.0 - low).unwrap_or(usize::MAX);
            let entries = store.entries(Seq(low.saturating_sub(1)), n_entries)?;
            for entry in entries.into_iter().rev().filter(|entry| entry.seq < end) {
                reached = Some(entry.at);
                if entry
                    .account()
                    .is_none_or(|it| it.tenant != known.tenant.id)
                {
                    continue;
                }
                if let Fact::Loaded { .. } = entry.fact {
                    self.end_run();
                    return Ok(Since::BeforeFirstLoad { at: entry.at });
                }
                self.undo(entry);
            }
            end = Seq(low);
        }
        self.end_run();
        Ok(Since::Before {
            at: reached.unwrap_or(known.adopted_at),
        })
    }

    fn undo(&mut self, entry: Entry) {
        let Some(run) = entry.run() else { return };
        let Fact::Changed(change) = entry.fact else {
            return;
        };
        if self.run.is_some_and(|(last, _)| last != run) {
            self.end_run();
        }
        if self.run.is_none() {
            self.run = Some((run, entry.at));
        }
        let record = change.latest().to_ref();
        let before = match change {
            Change::Created { .. } => None,
            Change::Updated { before, .. } | Change::Deleted { before } => Some(before),
        };
        match before {
            Some(Record::User(user)) => {
                if let Some((state, _)) = self.users.get_mut(&user.id) {
                    *state = Some(user);
                }
            }
            Some(giver) => {
                self.grants.forget(&record);
                self.grants.look(&giver);
            }
            None => {
                self.grants.forget(&record);
                if let Some((state, _)) = self.users.get_mut(&UserId(record.id)) {
                    *state = None;
                }
            }
        }
    }

    /// Looks which roles were not held before a run.
    fn end_run(&mut self) {
        let Some((run, at)) = self.run.take() else {
            return;
        };
        for (user, rows) in self.users.values_mut() {
            let open = rows.iter_mut().filter(|row| row.since.is_none());
            let open: Vec<&mut Row> = open.collect();
            if open.is_empty() {
                continue;
            }
            let held: BTreeSet<RoleId> = match user {
                Some(user) => self.grants.held(user).into_keys().collect(),
                None => BTreeSet::new(),
            };
            for row in open {
                if !held.contains(&row.role) {
                    row.since = Some(Since::Observed { at, run });
                    self.n_open -= 1;
                }
            }
        }
    }

    fn answers(self, of_others: Since) -> BTreeMap<(UserId, RoleId), Since> {
        let users = self.users.into_iter();
        let answers = users.flat_map(|(user, (_, rows))| {
            rows.into_iter().map(move |row| {
                let since = row.since.unwrap_or(of_others);
                ((user.clone(), row.role), since)
            })
        });
        answers.collect()
    }
}
