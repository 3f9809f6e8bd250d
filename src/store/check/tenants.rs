//! Checks what the store says about itself and its tenants.

use crate::model::{Fact, Id, Seq, SubjectKey};
use crate::store::engine::rows::journal;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{Format, codec, v1, v2, v3, v4, v6, v7, v8, v9, v10};
use crate::store::values::head::Head;
use crate::store::values::tenant_no::TenantNo;

use super::Check;
use super::layouts::{self, Encoding};

impl Check<'_> {
    /// Checks what the store says about itself. Returns the journal's last entry.
    pub(super) fn head(&mut self) -> Option<Seq> {
        let db = self.view.db;
        for row in scan::prefix(db, &[Keyspace::Meta as u8]) {
            let (key, value) = self.take("what the store says of itself", row)?;
            let read = match key.get(1..) {
                Some([0]) => codec::read_row::<Format>(&key, &value).map(drop),
                Some([1]) => self.own_head(&key, &value).map(drop),
                Some([2]) => codec::read_row::<v1::Seq>(&key, &value).map(drop),
                Some([3]) => codec::read_row::<v1::Usage>(&key, &value).map(drop),
                Some([4]) => codec::read_row::<v1::OrphanedEndpoints>(&key, &value).map(drop),
                Some([5]) if self.view.format >= 2 => {
                    codec::read_row::<v2::LastRun>(&key, &value).map(drop)
                }
                Some([6]) if self.view.format >= 3 => {
                    codec::read_row::<v3::HistoryLosses>(&key, &value).map(drop)
                }
                Some(_) | None => Err(codec::flawed(&key, "of no known sort")),
            };
            self.take("what the store says of itself", read);
        }
        self.last()
    }

    /// Returns the journal's last entry as it is now.
    pub(super) fn last(&mut self) -> Option<Seq> {
        let key = keys::head();
        let read = scan::get(self.view.db, &key).and_then(|value| match value {
            Some(value) => self.own_head(&key, &value),
            None => Err(codec::flawed(&key, "missing")),
        });
        Some(self.take("how far the store is", read)?.last)
    }

    /// Reads the head in the layout that it has in this format.
    fn own_head(&self, key: &[u8], value: &[u8]) -> Result<Head, StoreError> {
        match self.view.format {
            ..3 => codec::read_row::<v1::Head>(key, value).map(Into::into),
            3.. => codec::read_row::<v3::Head>(key, value).map(Into::into),
        }
    }

    /// Reads who the tenants are, as far as that can be read.
    pub(super) fn know_tenants(&mut self) {
        for row in scan::prefix(self.view.db, &[Keyspace::Tenant as u8]).flatten() {
            let (key, value) = row;
            let row = codec::read_row::<v1::TenantRow<'_>>(&key, &value);
            if let (Some(no), Ok(row)) = (keys::tenant_no(&key), row) {
                self.tenants.insert(no, (row.tenant.id, row.name.0));
            }
        }
    }

    /// Checks the tenants, and rows of tenants that need no comparison with other rows.
    pub(super) fn tenants(&mut self) {
        let db = self.view.db;
        self.simple(Keyspace::Tenant, |key, value| {
            codec::read_row::<v1::TenantRow<'_>>(key, value)?;
            keys::tenant_no(key).ok_or_else(|| codec::flawed(key, "of no number"))?;
            Ok(None)
        });
        for row in scan::prefix(db, &[Keyspace::Loaded as u8]) {
            let Some((key, value)) = self.take("the mark of a first load", row) else {
                break;
            };
            let Some(no) = keys::tenant_no(&key) else {
                self.fault("the mark of a first load", "of no tenant");
                continue;
            };
            let place = format!("the mark of the first load of {}", self.named(no));
            self.knows(&place, no);
            let read = codec::read_row::<v1::Seq>(&key, &value)
                .and_then(|seq| loaded_at(self.view.db, seq.into()));
            if let Some(Some(what)) = self.take(&*place, read) {
                self.fault(place, what);
            }
        }
        self.simple(Keyspace::Links, |key, value| {
            codec::read_row::<v1::Links<'_>>(key, value).map(|_| None)
        });
        self.simple(Keyspace::Bookmark, |key, value| {
            codec::read_row::<v1::Bookmark>(key, value)?;
            Ok(keys::tenant_no(key))
        });
        self.simple(Keyspace::SeenEvent, |key, value| {
            let v1::Nothing = codec::read_row(key, value)?;
            let no = key.get(1..).and_then(<[u8]>::first_chunk);
            match (no, keys::seen_event_of(key)) {
                (Some(no), Some(_)) => Ok(Some(TenantNo(u32::from_be_bytes(*no)))),
                _ => Err(codec::flawed(key, "its key has no time and event")),
            }
        });
        self.simple(Keyspace::Accepted, |key, value| {
            codec::read_row::<v4::Acceptance>(key, value)?;
            let no = key.get(1..).and_then(<[u8]>::first_chunk);
            match (no, keys::accepted_of(key)) {
                (Some(no), Some(_)) => Ok(Some(TenantNo(u32::from_be_bytes(*no)))),
                _ => Err(codec::flawed(key, "of no finding")),
            }
        });
        self.simple(Keyspace::ApiToken, |key, value| {
            codec::read_row::<v9::api_token::ApiToken>(key, value)?;
            let id = keys::api_token_of(key);
            id.map(|_| None)
                .ok_or_else(|| codec::flawed(key, "of no token"))
        });
        self.spaces();
        self.spaces_due();
        self.sessions();
        self.licences();
        self.simple(Keyspace::Absent, |key, value| {
            let v1::Absent(_) = codec::read_row(key, value)?;
            let no = key.get(1..).and_then(<[u8]>::first_chunk);
            match (no, keys::absent_of(key)) {
                (Some(no), Some(_)) => Ok(Some(TenantNo(u32::from_be_bytes(*no)))),
                _ => Err(codec::flawed(key, "of no record")),
            }
        });
    }

    /// Checks the spaces, how far they were read, and which must be read again.
    fn spaces(&mut self) {
        let no_of = |key: &[u8]| {
            let no = key.get(1..).and_then(<[u8]>::first_chunk);
            no.map(|no| TenantNo(u32::from_be_bytes(*no)))
        };
        let format = self.view.format;
        self.simple(Keyspace::Space, |key, value| {
            let row: v9::space::SpaceRow = match format {
                ..9 => codec::read_packed_row::<v6::space::SpaceRow>(key, value)?.into(),
                9.. => codec::read_packed_row(key, value)?,
            };
            match keys::space_of(key) {
                Some(id) if id == row.space.id => Ok(no_of(key)),
                Some(_) | None => Err(codec::flawed(key, "of another space")),
            }
        });
        self.simple(Keyspace::SpaceReading, |key, value| {
            let row = (key, value);
            match format {
                ..9 => layouts::read::<v6::space::SpaceReading, v8::space::SpaceReading>(
                    format,
                    Encoding::Plain,
                    row,
                )?,
                9.. => layouts::read::<v8::space::SpaceReading, v9::space::SpaceReading>(
                    format,
                    Encoding::Plain,
                    row,
                )?,
            }
            Ok(keys::tenant_no(key))
        });
        self.simple(Keyspace::SpaceDoubts, |key, value| {
            codec::read_row::<v9::space_doubts::SpaceDoubts>(key, value)?;
            match keys::space_of(key) {
                Some(_) => Ok(no_of(key)),
                None => Err(codec::flawed(key, "of no space")),
            }
        });
        self.simple(Keyspace::SpaceTodo, |key, value| {
            codec::read_row::<v6::space::SpaceTodo>(key, value)?;
            match keys::space_of(key) {
                Some(_) => Ok(no_of(key)),
                None => Err(codec::flawed(key, "of no space")),
            }
        });
    }

    /// Checks whether all spaces must be read.
    fn spaces_due(&mut self) {
        self.simple(Keyspace::SpacesDue, |key, value| {
            codec::read_row::<v9::spaces_due::SpacesDue>(key, value)?;
            Ok(keys::tenant_no(key))
        });
    }

    /// Checks when users last began sessions.
    fn sessions(&mut self) {
        self.simple(Keyspace::Session, |key, value| {
            codec::read_row::<v7::session::LastSession>(key, value)?;
            match keys::session_of(key) {
                Some((no, _)) => Ok(Some(no)),
                None => Err(codec::flawed(key, "of no user")),
            }
        });
        self.simple(Keyspace::SessionsSince, |key, value| {
            codec::read_row::<v8::session::SessionsSince>(key, value)?;
            match keys::session_of(key) {
                Some((no, _)) => Ok(Some(no)),
                None => Err(codec::flawed(key, "of no user")),
            }
        });
        self.simple(Keyspace::SessionReading, |key, value| {
            codec::read_row::<v7::session::SessionReading>(key, value)?;
            Ok(keys::tenant_no(key))
        });
    }

    /// Checks to whom licences are assigned.
    fn licences(&mut self) {
        let format = self.view.format;
        self.simple(Keyspace::Licence, |key, value| {
            let row: v10::licence::LicenceRow = match format {
                ..10 => codec::read_row::<v7::licence::LicenceRow>(key, value)?.into(),
                10.. => codec::read_row(key, value)?,
            };
            let subject = keys::licence_of(key);
            let all = row.assignments.iter().chain(row.shown.iter().flatten());
            let subjects = all.map(|it| SubjectKey::of(&it.subject));
            let is_of_all = subjects.map(Some).all(|it| it == subject);
            let no = key.get(1..).and_then(<[u8]>::first_chunk);
            match (no, is_of_all && subject.is_some()) {
                (Some(no), true) => Ok(Some(TenantNo(u32::from_be_bytes(*no)))),
                (Some(_) | None, _) => Err(codec::flawed(key, "of another subject")),
            }
        });
        self.simple(Keyspace::LicenceReading, |key, value| {
            let row = (key, value);
            match format {
                ..10 => layouts::read::<v7::licence::LicenceReading, v9::licence::LicenceReading>(
                    format,
                    Encoding::Plain,
                    row,
                )?,
                10.. => layouts::read::<v9::licence::LicenceReading, v10::licence::LicenceReading>(
                    format,
                    Encoding::Plain,
                    row,
                )?,
            }
            Ok(keys::tenant_no(key))
        });
    }

    /// Reads all rows of a keyspace one by one. `read` decodes a row and returns the tenant that it
    /// must belong to, if any.
    pub(super) fn simple(
        &mut self,
        keyspace: Keyspace,
        read: impl Fn(&[u8], &[u8]) -> Result<Option<TenantNo>, StoreError>,
    ) {
        for row in scan::prefix(self.view.db, &[keyspace as u8]) {
            let Some((key, value)) = self.take(keys::describe(&[keyspace as u8]), row) else {
                break;
            };
            let place = self.place_of(&key);
            if let Some(Some(no)) = self.take(&*place, read(&key, &value)) {
                self.knows(&place, no);
            }
        }
    }
}

/// Returns what is wrong with the position of the entry that marks a first load; `None` if nothing
/// is wrong.
fn loaded_at(db: &sled::Db, seq: Seq) -> Result<Option<String>, StoreError> {
    if seq <= journal::cut_at(db)? {
        return Ok(None);
    }
    let entry = match journal::find(db, seq) {
        Ok(entry) => entry,
        // It was cut meanwhile.
        Err(_) if seq <= journal::cut_at(db)? => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(match entry.fact {
        Fact::Loaded { .. } => None,
        Fact::Changed(_)
        | Fact::SpaceChanged(_)
        | Fact::LicenceChanged(_)
        | Fact::Held { .. }
        | Fact::Failed { .. }
        | Fact::Recovered(_)
        | Fact::EndpointDisabled { .. }
        | Fact::Unreadable
        | Fact::HistoryLost(_)
        | Fact::RightChanged(_)
        | Fact::RoleContentChanged { .. } => {
            Some(format!("journal entry {seq} marks no first load"))
        }
    })
}

/// Returns a hash that stands for an id in an index.
pub(super) fn mark_of(no: TenantNo, kind: crate::model::Kind, id: &Id) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&keys::state(no, kind, id))
}
