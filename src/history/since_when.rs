//! Since when users have held roles, as far as the journal tells.
//!
//! The journal is read backwards, and each entry undone, until a role was not held: the run whose
//! entries were undone last is the one that found it. What one run found counts as one change, so a
//! role that moved from one group to another in a run was held all the time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::Grants;
use crate::model::{
    Change, Entry, Fact, Kind, Record, RoleId, RunId, Seq, Timestamp, User, UserId,
};
use crate::store::{Known, Store};

use super::error::HistoryError;

/// How many entries are read at once.
const AT_ONCE: u64 = 500;

/// How many entries are read at most. Each takes some ten microseconds.
pub(super) const MAX_READ: u64 = 200_000;

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
    /// The user held it at this time already. The journal does not go back further, was not read
    /// further, or what the user held before was not visible.
    Before {
        /// The time.
        at: Timestamp,
    },
}

impl Since {
    /// Returns the word for what it rests on: `observed`.
    pub fn basis(self) -> &'static str {
        match self {
            Self::Observed { .. } => "observed",
            Self::BeforeFirstLoad { .. } => "before_first_load",
            Self::Before { .. } => "before",
        }
    }

    /// Returns the time.
    pub fn at(self) -> Timestamp {
        match self {
            Self::Observed { at, .. } | Self::BeforeFirstLoad { at } | Self::Before { at } => at,
        }
    }

    /// Returns the run that found it; `None` if no run did.
    pub fn run(self) -> Option<RunId> {
        match self {
            Self::Observed { run, .. } => Some(run),
            Self::BeforeFirstLoad { .. } | Self::Before { .. } => None,
        }
    }
}

/// The answer for one user and role.
struct Row {
    role: RoleId,
    since: Option<Since>,
}

/// The state of a tenant while it is undone, and the rows that are not answered yet.
pub(super) struct Undoing {
    grants: Grants,
    users: BTreeMap<UserId, (Option<User>, Vec<Row>)>,
    n_open: usize,
    /// Whether a part of the history was lost: the mark of a first load may be that of a repair.
    was_repaired: bool,
    /// The run whose entries are being undone; `None` if none is.
    run: Option<UndoneRun>,
}

/// What has been undone of a run so far.
struct UndoneRun {
    id: RunId,
    /// When it made the latest of its entries.
    at: Timestamp,
    /// The users whose entries were undone, of those that are asked about.
    users: BTreeSet<UserId>,
    /// Whether a role or group was undone, which may concern every user.
    concerns_all: bool,
}

/// Finds since when each of some users has held a role, going back from an entry. `grants` are
/// those of that time, and the users are as of that time as well.
pub fn since_when(
    store: &Store,
    known: &Known,
    grants: Grants,
    up_to: Seq,
    wanted: &[(User, RoleId)],
) -> Result<BTreeMap<(UserId, RoleId), Since>, HistoryError> {
    let mut undoing = Undoing::begin(grants, wanted);
    let last = undoing.go_back(store, known, up_to)?;
    Ok(undoing.answers(last))
}

impl Undoing {
    /// Begins with the state at the time from which entries are undone.
    pub(super) fn begin(grants: Grants, wanted: &[(User, RoleId)]) -> Self {
        let mut undoing = Self {
            grants,
            users: BTreeMap::new(),
            n_open: wanted.len(),
            was_repaired: false,
            run: None,
        };
        for (user, role) in wanted {
            let of_user = undoing.users.entry(user.id.clone());
            let (_, rows) = of_user.or_insert_with(|| (Some(user.clone()), Vec::new()));
            rows.push(Row {
                role: role.clone(),
                since: None,
            });
        }
        undoing
    }

    /// Returns the users who are asked about.
    pub(super) fn users(&self) -> impl Iterator<Item = &UserId> {
        self.users.keys()
    }

    /// Returns whether every row is answered.
    pub(super) fn is_done(&self) -> bool {
        self.n_open == 0
    }

    /// Returns the run whose entries are being undone; `None` if none is.
    pub(super) fn run(&self) -> Option<RunId> {
        self.run.as_ref().map(|run| run.id)
    }

    /// Undoes entries until every row has its answer. Returns the answer for the rows that have
    /// none by then.
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
                if let Fact::HistoryLost(_) | Fact::Unreadable = entry.fact {
                    self.was_repaired = true;
                }
                if entry
                    .account()
                    .is_none_or(|it| it.tenant != known.tenant.id)
                {
                    continue;
                }
                match entry.fact {
                    Fact::Loaded { .. } => {
                        self.end_run();
                        return Ok(match self.was_repaired {
                            true => Since::Before { at: entry.at },
                            false => Since::BeforeFirstLoad { at: entry.at },
                        });
                    }
                    _ => self.undo(entry),
                }
            }
            end = Seq(low);
        }
        // A run that is only partly undone does not show what users held before it.
        Ok(Since::Before {
            at: reached.unwrap_or(known.adopted_at),
        })
    }

    /// Undoes an entry.
    pub(super) fn undo(&mut self, entry: Entry) {
        let Some(run) = entry.run() else { return };
        let Fact::Changed(change) = entry.fact else {
            return;
        };
        if self.run.as_ref().is_some_and(|last| last.id != run) {
            self.end_run();
        }
        let undone = self.run.get_or_insert_with(|| UndoneRun {
            id: run,
            at: entry.at,
            users: BTreeSet::new(),
            concerns_all: false,
        });
        let record = change.latest().to_ref();
        let before = match change {
            Change::Created { .. } => None,
            Change::Updated { before, .. } | Change::Deleted { before } => Some(before),
        };
        if record.kind != Kind::User {
            undone.concerns_all = true;
            self.grants.forget(&record);
            if let Some(giver) = before {
                self.grants.look(&giver);
            }
            return;
        }
        let id = UserId(record.id);
        if let Some((state, _)) = self.users.get_mut(&id) {
            *state = match before {
                Some(Record::User(user)) => Some(user),
                Some(Record::Group(_) | Record::Role(_)) | None => None,
            };
            undone.users.insert(id);
        }
    }

    /// Finds the roles that users of this run did not hold before it.
    pub(super) fn end_run(&mut self) {
        let Some(run) = self.run.take() else {
            return;
        };
        let Self { grants, users, .. } = self;
        let mut n_answered = 0;
        let concerned = users
            .iter_mut()
            .filter(|(id, _)| run.concerns_all || run.users.contains(*id));
        for (_, (user, rows)) in concerned {
            let open: Vec<&mut Row> = rows.iter_mut().filter(|row| row.since.is_none()).collect();
            if open.is_empty() {
                continue;
            }
            let by_role = user.as_ref().map(|user| grants.roles_of(user));
            // What was not visible may have been held.
            let is_hidden = user
                .as_ref()
                .is_some_and(|user| !grants.unseen(user).is_empty());
            for row in open {
                if by_role
                    .as_ref()
                    .is_some_and(|by_role| by_role.contains_key(&row.role))
                {
                    continue;
                }
                row.since = Some(match is_hidden {
                    true => Since::Before { at: run.at },
                    false => Since::Observed {
                        at: run.at,
                        run: run.id,
                    },
                });
                n_answered += 1;
            }
        }
        self.n_open -= n_answered;
    }

    /// Returns all answers. Rows without one get `of_others`.
    pub(super) fn answers(self, of_others: Since) -> BTreeMap<(UserId, RoleId), Since> {
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
