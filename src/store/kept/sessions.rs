//! Stores when each user last began a session. The time since which all sessions are known is part
//! of the [bookmark](crate::store::Bookmark).
//!
//! A row only ever moves forward in time, so an event may be noted twice, late and in any order.
//! The commit that deletes a user deletes the row too, if it can take another row. The log may also
//! name users whom we do not know yet, or no longer. Maintenance deletes the rows that remain.

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

/// How long we keep the session of a user whom we do not know: as long as polls may continue
/// without a sweep, so that the session is still there when a sweep finds the user.
const KEEP_UNKNOWN: Duration = Duration::from_secs(7 * 24 * 3600);

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
    /// Returns when a user last began a session, as far as the audit log was read; `None` if the
    /// log has not named the user.
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

fn read(key: &[u8], value: &[u8]) -> Result<Timestamp, StoreError> {
    let v7::session::LastSession(at) = codec::read_row(key, value)?;
    Ok(at)
}
