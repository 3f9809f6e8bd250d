//! Stores when each user last began a session. The time since which all sessions are known is part
//! of the [bookmark](crate::store::Bookmark).
//!
//! A row only ever moves forward in time, so an event may be noted twice, late and in any order.
//! The commit that deletes a user deletes the row too, if it can take another row. The log may also
//! name users whom we do not know yet, or whom we have deleted. Maintenance deletes the rows that
//! remain.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use crate::lock::lock;
use crate::model::{Change, Kind, Record, RecordRef, Timestamp, User, UserId, UserSession};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::{codec, v7, v8};
use crate::store::values::commit::{Commit, Write};
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

/// How long we keep the session of a user whom we do not know. It is longer than
/// [`FOUND_IN_TIME`], so that the session is still there when the user is found.
const KEEP_UNKNOWN: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long after its creation at the source a user may be found with all sessions known. Those of
/// an older user may have been deleted: it was not visible for long, or was known and deleted.
const FOUND_IN_TIME: Duration = Duration::from_secs(24 * 3600);

/// How many rows one step of maintenance looks at.
const LOOKED_AT_ONCE: usize = 500;

/// Where maintenance continues to look for sessions of unknown users.
#[derive(Debug)]
pub enum NextSession {
    /// After this row.
    After(Key),
    /// Nowhere: it has looked at all rows.
    None,
}

impl Store {
    /// Returns when a user last began a session, as far as the audit log was read.
    pub fn last_session(&self, no: TenantNo, user: &UserId) -> Result<UserSession, StoreError> {
        self.engine.read("reading a session", |reader| {
            let read = |key: &[u8]| {
                let value = reader.get(key)?;
                value.map(|value| read(key, &value)).transpose()
            };
            Ok(UserSession {
                at: read(&keys::session(no, user))?,
                since: read(&keys::sessions_since(no, user))?,
            })
        })
    }

    /// Notes, for users whom a commit adds, since when their sessions are known, if that is later
    /// than for other users. The rows are on disk when it returns. After a crash before the commit,
    /// maintenance deletes them.
    pub(in crate::store) fn note_late_users(&self, commit: &Commit) -> Result<(), StoreError> {
        let late = late(commit);
        if late.is_empty() {
            return Ok(());
        }
        // If no sessions are known yet, they will be known only since a later time anyway.
        let bookmark = self.bookmark(commit.tenant)?;
        if bookmark.is_none_or(|bookmark| bookmark.session_span().is_none()) {
            return Ok(());
        }
        let row = v8::session::SessionsSince(commit.at);
        let rows = late.iter().map(|user| {
            let key = keys::sessions_since(commit.tenant, user);
            codec::put(key, &row)
        });
        self.write_all(rows.collect())
    }

    /// Notes when users began sessions, unless a later session is known. The rows are on disk when
    /// it returns.
    pub fn note_sessions(
        &self,
        no: TenantNo,
        begun: &BTreeMap<UserId, Timestamp>,
    ) -> Result<(), StoreError> {
        // Nobody may delete a row between our read and our write.
        let _alone = lock(&self.guards.numbering);
        let later: Vec<Row> = self.engine.read("reading sessions", |reader| {
            let mut later = Vec::new();
            for (user, at) in begun {
                let key = keys::session(no, user);
                let value = reader.get(&key)?;
                let known = value.map(|value| read(&key, &value)).transpose()?;
                if known.is_none_or(|known| known < *at) {
                    later.push(codec::put(key, &v7::session::LastSession(*at)));
                }
            }
            Ok(later)
        })?;
        self.write_all(later)
    }

    /// Deletes old sessions of unknown users, among some rows after a given one or from the first.
    /// Returns where to continue.
    pub(in crate::store) fn delete_sessions_of_unknown(
        &self,
        after: Option<Key>,
        now: Timestamp,
    ) -> Result<NextSession, StoreError> {
        // Nobody may note a later session between our read and our write.
        let _alone = lock(&self.guards.numbering);
        let millis = i64::try_from(KEEP_UNKNOWN.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_millis(now.millis().saturating_sub(millis));
        let (gone, next) = self.engine.read_still("reading sessions", |reader| {
            let own = Keyspace::Session as u8;
            let since = Keyspace::SessionsSince as u8;
            let prefix = [after
                .as_ref()
                .and_then(|key| key.first().copied())
                .unwrap_or(own)];
            let from = match after {
                Some(after) => Bound::Excluded(after),
                None => Bound::Included(prefix.to_vec()),
            };
            let mut gone: Vec<Row> = Vec::new();
            let mut next = match prefix == [own] {
                true => NextSession::After(vec![since]),
                false => NextSession::None,
            };
            for (number, row) in reader.after(&prefix, from).enumerate() {
                let (key, value) = row?;
                let (no, user) =
                    keys::session_of(&key).ok_or_else(|| codec::flawed(&key, "of no user"))?;
                let record = RecordRef {
                    kind: Kind::User,
                    id: user.0,
                };
                // A recent session is kept anyway, so we look up only the users of old ones.
                if read(&key, &value)? < before && reader.record(no, &record)?.is_none() {
                    gone.push((key.to_vec(), None));
                }
                if number + 1 == LOOKED_AT_ONCE {
                    next = NextSession::After(key.to_vec());
                    break;
                }
            }
            Ok((gone, next))
        })?;
        self.write_all(gone)?;
        Ok(next)
    }
}

/// Reads a row of either keyspace.
fn read(key: &[u8], value: &[u8]) -> Result<Timestamp, StoreError> {
    if key.first() == Some(&(Keyspace::SessionsSince as u8)) {
        let v8::session::SessionsSince(since) = codec::read_row(key, value)?;
        return Ok(since);
    }
    let v7::session::LastSession(at) = codec::read_row(key, value)?;
    Ok(at)
}

/// Returns the users whom a commit adds although they may be older than [`FOUND_IN_TIME`].
fn late(commit: &Commit) -> BTreeSet<UserId> {
    let is_late = |user: &&User| {
        let age = user.created_at.map(|created| commit.at.since(created));
        age.is_none_or(|age| age > FOUND_IN_TIME)
    };
    let created = commit.writes.iter().filter_map(|write| match write {
        Write::Change {
            change: Change::Created { after, .. },
            ..
        } => Some(after),
        Write::Change {
            change: Change::Updated { .. } | Change::Deleted { .. },
            ..
        }
        | Write::Quiet { .. }
        | Write::Forget { .. } => None,
    });
    let users = created.filter_map(|record| match record {
        Record::User(user) => Some(user),
        Record::Group(_) | Record::Role(_) => None,
    });
    users.filter(is_late).map(|user| user.id.clone()).collect()
}
