//! The current names of roles and groups, for records that mention them.
//!
//! A record mentions its roles and groups by id, with the names they had when it was last read. A
//! rename is a single change, to the role or group alone: the records that mention it stay as they
//! are, because rewriting each would turn one write into a hundred thousand. So whoever shows a
//! record, or makes an entry of it, joins the current names.

use std::collections::{BTreeMap, HashMap};

use crate::model::{GroupId, Id, Kind, Record, RecordRef, RoleId};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::values::tenant_no::TenantNo;

/// Names that are cached, so that a page reads each name once. A tenant may have a hundred thousand
/// groups; most names are short, some hundred bytes each with their ids.
const MAX_NAMES: usize = 4_096;

/// The names of one tenant's roles and groups that were looked up so far. Use it for one page or
/// run, then make a new one.
#[derive(Debug)]
pub struct Names {
    no: TenantNo,
    /// A value is `None` if there is no such record, or it is not visible.
    read: HashMap<RecordRef, Option<String>>,
    /// Names that are not in the store yet.
    learned: BTreeMap<RecordRef, String>,
}

impl Names {
    /// Starts without any names of a tenant.
    pub fn of(no: TenantNo) -> Self {
        Self {
            no,
            read: HashMap::new(),
            learned: BTreeMap::new(),
        }
    }

    /// Adds a name that will be in the store.
    pub fn learn(&mut self, record: RecordRef, name: String) {
        self.learned.insert(record, name);
    }

    /// Discards what was read: a role or group may have been renamed since.
    pub fn look_again(&mut self) {
        self.read.clear();
    }

    /// Puts the current names into a record. A role or group that is no longer known keeps its last
    /// name.
    pub fn join(&mut self, store: &Store, record: &mut Record) -> Result<(), StoreError> {
        let (roles, groups) = match record {
            Record::User(user) => (user.roles.as_mut(), user.groups.as_mut()),
            Record::Group(group) => (group.roles.as_mut(), None),
            Record::Role(_) => return Ok(()),
        };
        for (RoleId(id), name) in roles.into_iter().flatten() {
            self.replace(store, Kind::Role, id, name)?;
        }
        for (GroupId(id), name) in groups.into_iter().flatten() {
            self.replace(store, Kind::Group, id, name)?;
        }
        Ok(())
    }

    fn replace(
        &mut self,
        store: &Store,
        kind: Kind,
        id: &Id,
        name: &mut String,
    ) -> Result<(), StoreError> {
        let record = RecordRef {
            kind,
            id: id.clone(),
        };
        let present = match (self.learned.get(&record), self.read.get(&record)) {
            (Some(learned), _) => Some(learned),
            (None, Some(read)) => read.as_ref(),
            (None, None) => {
                if self.read.len() >= MAX_NAMES {
                    self.read.clear();
                }
                let kept = store.get(self.no, &record)?;
                let read = kept.map(|kept| kept.record.label().to_owned());
                self.read.entry(record).or_insert(read).as_ref()
            }
        };
        if let Some(present) = present.filter(|present| *present != name) {
            name.clone_from(present);
        }
        Ok(())
    }
}
