//! Answers programs that read records in the unified schema.

mod deleted;
mod effective;
mod then;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::reading::Reading;
use super::{ControlError, MAX_PAGE, Page, Query, RecordPosition, RecordRow, page, query};
use crate::model::{
    GroupId, Id, Kind, Record, RecordRef, Tenant, TenantId, TenantName, Timestamp, Version,
};
use crate::store::{Kept, Known, StoreError};

pub use deleted::UnifiedDeletedPage;
pub use effective::{EffectiveRole, EffectiveRoles};

use query::{AskedTenants, Expansion};

/// A page of records, with what a program needs to describe them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnifiedPage {
    /// The records.
    pub page: Page<RecordRow, RecordPosition>,
    /// The roles and groups that these records mention, if they are wanted and known.
    pub mentioned: Vec<RecordRow>,
    /// What each record of the page holds, in their order; empty if that is not wanted.
    pub effective: Vec<EffectiveRoles>,
    /// The tenants of the records, by name.
    pub tenants: BTreeMap<TenantName, UnifiedTenant>,
    /// The first tenants that were asked about and were not read in full yet: nothing is listed of
    /// them.
    pub not_read: Vec<TenantName>,
    /// How many such tenants there are.
    pub n_not_read: u64,
}

/// A tenant as programs see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnifiedTenant {
    /// Our name for it.
    pub name: TenantName,
    /// Its id in the source; `None` if it was never reached.
    pub id: Option<TenantId>,
    /// Its name in the source; `None` if it was never reached.
    pub display_name: Option<String>,
    /// Its host names.
    pub hosts: Vec<String>,
    /// The region that stores its data.
    pub region: Option<String>,
    /// When it was first found.
    pub found_at: Option<Timestamp>,
    /// Whether it was ever read in full.
    pub is_read: bool,
}

impl UnifiedTenant {
    fn of(known: &Known) -> Self {
        let Known {
            no: _,
            tenant,
            name,
            adopted_at,
            loaded,
        } = known;
        let Tenant {
            id,
            name: display_name,
            hosts,
            region,
            status: _,
        } = tenant;
        Self {
            name: name.clone(),
            id: Some(id.clone()),
            display_name: Some(display_name.clone()),
            hosts: hosts.clone(),
            region: region.clone(),
            found_at: Some(*adopted_at),
            is_read: loaded.is_some(),
        }
    }

    /// Returns a tenant of the configuration that was never reached.
    fn unreached(name: &TenantName) -> Self {
        Self {
            name: name.clone(),
            id: None,
            display_name: None,
            hosts: Vec::new(),
            region: None,
            found_at: None,
            is_read: false,
        }
    }

    fn is_called(&self, called: &str) -> bool {
        self.name.0 == called
            || self.id.as_ref().is_some_and(|id| id.0 == called)
            || self.hosts.iter().any(|host| host == called)
    }
}

impl UnifiedPage {
    /// Adds to a page the tenants of its records, and those of which nothing is listed.
    fn of(
        page: Page<RecordRow, RecordPosition>,
        (mentioned, effective): (Vec<RecordRow>, Vec<EffectiveRoles>),
        asked: BTreeMap<TenantName, UnifiedTenant>,
    ) -> Self {
        let not_read = asked.values().filter(|tenant| !tenant.is_read);
        let n_not_read = not_read.clone().count() as u64;
        let not_read = not_read.map(|tenant| tenant.name.clone());
        let not_read = not_read.take(MAX_PAGE).collect();
        let of_rows: BTreeSet<&TenantName> = page.rows.iter().map(|row| &row.tenant).collect();
        let tenants = asked
            .into_iter()
            .filter(|(name, _)| of_rows.contains(name))
            .collect();
        Self {
            page,
            mentioned,
            effective,
            tenants,
            not_read,
            n_not_read,
        }
    }
}

impl Query for query::UnifiedRecords {
    type Answer = UnifiedPage;

    fn about(&self) -> &'static str {
        self.kind.plural()
    }

    fn answer(self, reading: &Reading<'_>) -> Result<UnifiedPage, ControlError> {
        let asked = reading.asked(&self.tenants)?;
        let tenants = reading.known_of(&asked);
        let begin = (self.kind, self.after, self.limit);
        let everyone = reading.everyone_of(&tenants, self.group.as_ref(), self.at)?;
        if let Some(at) = self.at {
            reading.covers(&tenants, at)?;
            let is_member = |known: &Known, record: &Record| {
                let group = self.group.as_ref();
                let group = group.filter(|_| !everyone.contains(&known.name));
                group.is_none_or(|group| is_in(record, group))
            };
            let is_wanted: Option<then::Wanted<'_>> = match self.group {
                Some(_) => Some(&is_member),
                None => None,
            };
            let page = reading.page_then(&tenants, at, begin, is_wanted)?;
            let added = reading.added(&page.rows, self.expansion, self.at)?;
            return Ok(UnifiedPage::of(page, added, asked));
        }
        let page = reading.record_page(&tenants, begin, |known| {
            let group = self.group.as_ref();
            let group = group.filter(|_| !everyone.contains(&known.name));
            let since = match self.changed_since {
                Some(time) => Some(Since::of(reading, known, time)?),
                None => None,
            };
            let is_filtered = group.is_some() || since.is_some();
            Ok(is_filtered.then_some(move |kept: &Kept| {
                group.is_none_or(|group| is_in(&kept.record, group))
                    && since.as_ref().is_none_or(|since| since.has(kept))
            }))
        })?;
        let added = reading.added(&page.rows, self.expansion, None)?;
        Ok(UnifiedPage::of(page, added, asked))
    }
}

impl Query for query::UnifiedRecord {
    type Answer = UnifiedPage;

    fn about(&self) -> &'static str {
        self.kind.plural()
    }

    fn answer(self, reading: &Reading<'_>) -> Result<UnifiedPage, ControlError> {
        let Self {
            kind,
            tenants,
            id,
            at,
            expansion,
        } = self;
        let asked = reading.asked(&tenants)?;
        let record = RecordRef { kind, id };
        let mut rows = Vec::new();
        let tenants = reading.known_of(&asked);
        if let Some(at) = at {
            reading.covers(&tenants, at)?;
        }
        for known in tenants {
            let found = if let Some(at) = at {
                reading.record_then(known, at, (kind, &record.id))?
            } else {
                let kept = reading.store.get(known.no, &record)?;
                let names = &mut reading.names(known)?;
                kept.map(|kept| reading.row_of(known, kept, names))
                    .transpose()?
            };
            if let Some(row) = found {
                rows.push(row);
                break;
            }
        }
        let added = reading.added(&rows, expansion, at)?;
        Ok(UnifiedPage::of(Page::last(rows), added, asked))
    }
}

impl Query for query::UnifiedTenants {
    type Answer = Page<UnifiedTenant, TenantName>;

    fn about(&self) -> &'static str {
        "the tenants"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let Self {
            tenants,
            after,
            limit,
        } = self;
        let limit = page::size(limit);
        let rows = reading.asked(&tenants)?.into_values();
        let rows = rows.filter(|row| after.as_ref().is_none_or(|after| row.name > *after));
        let rows = rows.take(limit + 1).collect();
        Ok(Page::of(rows, limit, |row: &UnifiedTenant| {
            row.name.clone()
        }))
    }
}

impl Reading<'_> {
    /// Returns the tenants that are asked about, by name. A tenant that the token does not cover is
    /// treated as if it did not exist.
    pub(super) fn asked(
        &self,
        asked: &AskedTenants,
    ) -> Result<BTreeMap<TenantName, UnifiedTenant>, ControlError> {
        let AskedTenants { called, covered } = asked;
        let known = self.tenants.iter().map(UnifiedTenant::of);
        let unreached = self.configured.iter();
        let unreached =
            unreached.filter(|name| self.tenants.iter().all(|known| known.name != **name));
        let all = known.chain(unreached.map(UnifiedTenant::unreached));
        let may_be_read = |tenant: &UnifiedTenant| match (covered, &tenant.id) {
            (None, _) => true,
            (Some(covered), Some(id)) => covered.contains(id),
            (Some(_), None) => false,
        };
        let is_asked = |tenant: &UnifiedTenant| {
            let called = called.as_deref();
            called.is_none_or(|called| tenant.is_called(called))
        };
        let found: BTreeMap<_, _> = all
            .filter(|tenant| may_be_read(tenant) && is_asked(tenant))
            .map(|tenant| (tenant.name.clone(), tenant))
            .collect();
        match called {
            Some(called) if found.is_empty() => Err(ControlError::NoSuchAccount {
                called: called.clone(),
            }),
            Some(_) | None => Ok(found),
        }
    }

    /// Returns those of some tenants that were read in full, by name.
    pub(super) fn known_of(&self, tenants: &BTreeMap<TenantName, UnifiedTenant>) -> Vec<&Known> {
        let mut known: Vec<_> = self
            .tenants
            .iter()
            .filter(|known| {
                tenants
                    .get(&known.name)
                    .is_some_and(|tenant| tenant.is_read)
            })
            .collect();
        known.sort_by(|a, b| a.name.cmp(&b.name));
        known
    }

    /// Returns those of some tenants in which a group contains all users.
    fn everyone_of(
        &self,
        tenants: &[&Known],
        group: Option<&GroupId>,
        at: Option<Timestamp>,
    ) -> Result<BTreeSet<TenantName>, ControlError> {
        let mut everyone = BTreeSet::new();
        for known in group.into_iter().flat_map(|_| tenants) {
            let picture = self.context.pictures.of(self.store, known, at)?;
            if group.is_some_and(|group| picture.grants().is_everyone(group)) {
                everyone.insert(known.name.clone());
            }
        }
        Ok(everyone)
    }

    /// Returns what is wanted besides some records.
    fn added(
        &self,
        rows: &[RecordRow],
        wanted: Expansion,
        at: Option<Timestamp>,
    ) -> Result<(Vec<RecordRow>, Vec<EffectiveRoles>), ControlError> {
        let effective = match wanted.effective_roles {
            true => self.effective(rows, at)?,
            false => Vec::new(),
        };
        Ok((self.mentioned(rows, wanted, at)?, effective))
    }

    /// Returns the roles and groups that records mention, if they are wanted and known.
    fn mentioned(
        &self,
        rows: &[RecordRow],
        wanted: Expansion,
        at: Option<Timestamp>,
    ) -> Result<Vec<RecordRow>, ControlError> {
        let mut wanted_of: BTreeMap<&TenantName, BTreeSet<RecordRef>> = BTreeMap::new();
        for row in rows {
            let of_tenant = wanted_of.entry(&row.tenant).or_default();
            for (kind, id) in mentions(&row.record, wanted) {
                of_tenant.insert(RecordRef { kind, id });
            }
        }
        let mut mentioned = Vec::new();
        for (tenant, records) in wanted_of {
            let known = self.one(tenant)?;
            let mut names = self.names(known)?;
            for record in records {
                if let Some(at) = at {
                    mentioned.extend(self.record_then(known, at, (record.kind, &record.id))?);
                } else if let Some(kept) = self.store.get(known.no, &record)? {
                    mentioned.push(self.row_of(known, kept, &mut names)?);
                }
            }
        }
        Ok(mentioned)
    }
}

/// The time since which records must have changed, applied to one tenant.
struct Since {
    time: Timestamp,
    version: Version,
    /// Whether the tenant was first read in full after that time, so that all its records are new.
    is_all: bool,
}

impl Since {
    fn of(reading: &Reading<'_>, known: &Known, time: Timestamp) -> Result<Self, StoreError> {
        let loaded = match known.loaded {
            Some(seq) => reading.store.entry(seq)?.map(|entry| entry.at),
            None => None,
        };
        // If the entry was deleted, it is older than everything that the journal keeps.
        let is_all = known.loaded.is_none() || loaded.is_some_and(|loaded| loaded > time);
        Ok(Self {
            time,
            version: Version::at(time),
            is_all,
        })
    }

    /// Returns whether a record has changed since then, by the time that the source shows or by the
    /// time at which we saw the change, which may be later. So a program that asks again with the
    /// time of its last question misses nothing.
    fn has(&self, kept: &Kept) -> bool {
        let updated_at = match &kept.record {
            Record::Role(role) => role.updated_at,
            Record::Group(group) => group.updated_at,
            Record::User(user) => user.updated_at,
        };
        self.is_all
            || kept.version >= self.version
            || updated_at.is_some_and(|updated| updated > self.time)
    }
}

/// Returns whether a record is a user in a group.
fn is_in(record: &Record, group: &GroupId) -> bool {
    match record {
        Record::User(user) => {
            let groups = user.groups.as_ref();
            groups.is_some_and(|groups| groups.contains_key(group))
        }
        Record::Role(_) | Record::Group(_) => false,
    }
}

/// Returns the roles and groups that a record mentions, if they are wanted.
fn mentions(record: &Record, wanted: Expansion) -> Vec<(Kind, Id)> {
    let (roles, groups) = match record {
        Record::User(user) => (user.roles.as_ref(), user.groups.as_ref()),
        Record::Group(group) => (group.roles.as_ref(), None),
        Record::Role(_) => (None, None),
    };
    let roles = roles.filter(|_| wanted.roles).into_iter().flatten();
    let groups = groups.filter(|_| wanted.groups).into_iter().flatten();
    let roles = roles.map(|(id, _)| (Kind::Role, id.0.clone()));
    let groups = groups.map(|(id, _)| (Kind::Group, id.0.clone()));
    roles.chain(groups).collect()
}
