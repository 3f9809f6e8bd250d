//! Since when users have had roles, as far as the journal tells.
//!
//! The journal is read backwards, and each entry undone, until the user does not have the role. The
//! run whose entries were undone last is the one that found it. What one run found counts as one
//! change, so a user whose role moved from one group to another within a run has had it all the
//! time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::{Grants, RolePaths};
use crate::model::{Entry, Fact, GroupId, Kind, Record, RoleId, RunId, Timestamp, User, UserId};

use super::basis::Since;
use super::cause::{self, Cause, Receiver};

/// The answer for one user and role.
struct Row {
    role: RoleId,
    since: Option<Since>,
}

/// The state of a tenant while entries are undone, and the answers found so far.
pub(super) struct Undoing {
    grants: Arc<Grants>,
    users: BTreeMap<UserId, (Option<User>, Vec<Row>)>,
    n_open: usize,
    /// The run whose entries are being undone; `None` if there is none.
    run: Option<UndoneRun>,
}

/// What has been undone of a run so far.
struct UndoneRun {
    id: RunId,
    /// When it wrote the last of its entries.
    at: Timestamp,
    /// The users that are asked about and have an entry that was undone, each with the groups that
    /// the user was in at the end of the run; `None` if the groups were not visible, or the user
    /// did not exist then.
    users: BTreeMap<UserId, Option<BTreeSet<GroupId>>>,
    /// What all users held at the end of the run, if an entry about a role or group was undone,
    /// which may concern every user; `None` if none was.
    everybodys: Option<RolePaths>,
    /// The entries that were undone and may have given a role.
    causes: Vec<Cause>,
}

impl Undoing {
    /// Begins with the state at the time from which entries are undone.
    pub(super) fn begin(grants: Arc<Grants>, wanted: Vec<(User, Vec<RoleId>)>) -> Self {
        let mut undoing = Self {
            grants,
            users: BTreeMap::new(),
            n_open: 0,
            run: None,
        };
        for (user, roles) in wanted {
            undoing.n_open += roles.len();
            let of_user = undoing.users.entry(user.id.clone());
            let (_, rows) = of_user.or_insert_with(|| (Some(user), Vec::new()));
            rows.extend(roles.into_iter().map(|role| Row { role, since: None }));
        }
        undoing
    }

    /// Returns the users who are asked about.
    pub(super) fn users(&self) -> impl Iterator<Item = &UserId> {
        self.users.keys()
    }

    /// Returns whether any row of a user has no answer yet.
    pub(super) fn is_open(&self, user: &UserId) -> bool {
        let of_user = self.users.get(user);
        of_user.is_some_and(|(_, rows)| rows.iter().any(|row| row.since.is_none()))
    }

    /// Returns whether every row is answered.
    pub(super) fn is_done(&self) -> bool {
        self.n_open == 0
    }

    /// Returns the run whose entries are being undone; `None` if there is none.
    pub(super) fn run(&self) -> Option<RunId> {
        self.run.as_ref().map(|run| run.id)
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
            users: BTreeMap::new(),
            everybodys: None,
            causes: Vec::new(),
        });
        let record = change.latest().to_ref();
        let is_asked =
            record.kind != Kind::User || self.users.contains_key(&UserId(record.id.clone()));
        if is_asked {
            undone.causes.extend(Cause::of(&change, entry.reported));
        }
        let (before, _) = change.into_sides();
        if record.kind != Kind::User {
            let grants = Arc::make_mut(&mut self.grants);
            let everybodys = &mut undone.everybodys;
            everybodys.get_or_insert_with(|| grants.everybodys());
            grants.forget(&record);
            if let Some(giver) = before {
                grants.look(&giver);
            }
            return;
        }
        let id = UserId(record.id);
        if let Some((state, _)) = self.users.get_mut(&id) {
            let after = state.take();
            undone
                .users
                .entry(id)
                .or_insert_with(|| groups(after.as_ref()));
            *state = match before {
                Some(Record::User(user)) => Some(user),
                Some(Record::Group(_) | Record::Role(_)) | None => None,
            };
        }
    }

    /// Ends the run that was undone, and answers the rows whose user did not have the role before
    /// it.
    pub(super) fn end_run(&mut self) {
        let Some(run) = self.run.take() else {
            return;
        };
        let Self { grants, users, .. } = self;
        let mut n_answered = 0;
        let concerned = users
            .iter_mut()
            .filter(|(id, _)| run.everybodys.is_some() || run.users.contains_key(*id));
        for (id, (user, rows)) in concerned {
            let open: Vec<&mut Row> = rows.iter_mut().filter(|row| row.since.is_none()).collect();
            if open.is_empty() {
                continue;
            }
            let by_role = user.as_ref().map(|user| grants.roles_of(user));
            let unchanged = match run.users.contains_key(id) {
                true => None,
                false => groups(user.as_ref()),
            };
            let groups = run.users.get(id).unwrap_or(&unchanged);
            let receiver = Receiver {
                user: id,
                groups: groups.as_ref(),
            };
            // The user may have had a role that was not visible.
            let is_hidden = user
                .as_ref()
                .is_some_and(|user| !grants.unseen(user).is_empty());
            // All users may have had it: how they have it now was not visible. Whoever is new had
            // nothing.
            let was_there = user.is_some();
            let was_everybodys = |role: &RoleId| {
                let paths = run.everybodys.iter().filter_map(|roles| roles.get(role));
                let mut paths = paths.flatten();
                was_there && paths.any(|path| !grants.shows_everybodys(path))
            };
            for row in open {
                if by_role
                    .as_ref()
                    .is_some_and(|by_role| by_role.contains_key(&row.role))
                {
                    continue;
                }
                row.since = Some(
                    match (
                        is_hidden || was_everybodys(&row.role),
                        cause::reported(&run.causes, &receiver, &row.role),
                    ) {
                        (true, _) => Since::Before { at: run.at },
                        (false, None) => Since::Observed {
                            at: run.at,
                            run: run.id,
                        },
                        (false, Some(reported)) => Since::Audit {
                            found_at: run.at,
                            run: run.id,
                            reported,
                        },
                    },
                );
                n_answered += 1;
            }
        }
        self.n_open -= n_answered;
    }

    /// Returns all answers. Rows without one get `of_others`.
    pub(super) fn answers(self, of_others: &Since) -> BTreeMap<(UserId, RoleId), Since> {
        let users = self.users.into_iter();
        let answers = users.flat_map(|(user, (_, rows))| {
            rows.into_iter().map(move |row| {
                let since = row.since.unwrap_or_else(|| of_others.clone());
                ((user.clone(), row.role), since)
            })
        });
        answers.collect()
    }
}

/// Returns the groups that a user is in; `None` if they are not visible, or there is no user.
fn groups(user: Option<&User>) -> Option<BTreeSet<GroupId>> {
    let groups = user?.groups.as_ref()?;
    Some(groups.keys().cloned().collect())
}
