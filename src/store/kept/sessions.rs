//! Sessions: when each user last began one. From when on all of them are known is part of the
//! [bookmark](crate::store::Bookmark).
//!
//! A row only ever moves forward in time, so an event may be noted twice, late and in any order.
//! The row of a user goes with the user, unless a commit has no room for that; and the log may name
//! users whom we do not know, not yet or no longer. Maintenance deletes what is left over.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use crate::lock::lock;
use crate::model::{Kind, RecordRef, Timestamp, UserId};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::{codec, v7};
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

/// How long the session of a user whom we do not know is kept: as long as polls go on without a
/// sweep at the most, so that a user whom only a sweep finds has it.
const KEEP_UNKNOWN: Duration = Duration::from_secs(7 * 24 * 3600);

/// Rows that one step of maintenance looks at.
const LOOKED_AT_ONCE: usize = 500;

/// Where maintenance looks next for sessions of users who are not there.
#[derive(Debug)]
pub enum NextSession {
    /// After this row.
    After(Key),
    /// All were looked at.
    None,
}

impl Store {
    /// Returns when a user last began a session, as far as the audit log was read; `None` if it has
    /// not named the user.
    pub fn last_session(
        &self,
        no: TenantNo,
        user: &UserId,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.engine.read("reading a session", |reader| {
            let key = keys::session(no, user);
            let value = reader.get(&key)?;
            value.map(|value| read(&key, &value)).transpose()
        })
    }

    /// Notes when users began sessions, as far as that is later than what is known; on disk when it
    /// returns.
    pub fn note_sessions(
        &self,
        no: TenantNo,
        begun: &BTreeMap<UserId, Timestamp>,
    ) -> Result<(), StoreError> {
        // Nobody may delete one between looking and writing.
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

    /// Deletes sessions of users who are not there and whose sessions are long over, among some
    /// rows after one or from the first. Returns where to look next.
    pub(in crate::store) fn delete_sessions_of_unknown(
        &self,
        after: Option<Key>,
        now: Timestamp,
    ) -> Result<NextSession, StoreError> {
        // Nobody may note a later session between looking and writing.
        let _alone = lock(&self.guards.numbering);
        let millis = i64::try_from(KEEP_UNKNOWN.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_millis(now.millis().saturating_sub(millis));
        let (gone, next) = self.engine.read_still("reading sessions", |reader| {
            let prefix = [Keyspace::Session as u8];
            let from = match after {
                Some(after) => Bound::Excluded(after),
                None => Bound::Included(prefix.to_vec()),
            };
            let (mut gone, mut next): (Vec<Row>, _) = (Vec::new(), NextSession::None);
            for (number, row) in reader.after(&prefix, from).enumerate() {
                let (key, value) = row?;
                let (no, user) =
                    keys::session_of(&key).ok_or_else(|| codec::flawed(&key, "of no user"))?;
                let record = RecordRef {
                    kind: Kind::User,
                    id: user.0,
                };
                // Users who sign in are not looked up.
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

fn read(key: &[u8], value: &[u8]) -> Result<Timestamp, StoreError> {
    let v7::session::LastSession(at) = codec::read_row(key, value)?;
    Ok(at)
}
