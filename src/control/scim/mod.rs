//! Answers programs that read over SCIM.
//!
//! A filter is applied to resources as they are shown. So that one question stays bounded, it reads
//! a limited number of records, and says where the next one continues. Records that a filter names
//! by id, user name, external id or address are looked up (`lookup`).

mod answers;
mod entitlements;
mod found;
mod group_roles;
mod ids;
mod lookup;
mod members;
mod rows;
mod sorted;
mod spaces;
mod tenant;
mod unanswered;
mod witnesses;

pub use answers::{
    ScimCounting, ScimOrder, ScimPage, ScimPlace, ScimPosition, ScimRefusal, ScimRow,
    SortedPosition,
};
pub(in crate::control) use lookup::Lookups;

use std::collections::BTreeMap;

use super::reading::Reading;
use super::{ControlError, MAX_PAGE, Query, UnifiedTenant, query};
use crate::model::TenantName;
use crate::model::scim::{ResourceType, ScimMatcher, Selection};
use crate::store::Known;

use found::Found;
use ids::{Address, Ids};
use tenant::TenantSearch;
use unanswered::{Unanswered, answered};

/// The tenants of a question.
struct Asked<'a> {
    /// Those that were read in full, by name.
    read: Vec<&'a Known>,
    /// Which tenants the address shows.
    address: Address,
    /// What is known of them.
    shown: BTreeMap<TenantName, UnifiedTenant>,
}

impl<'a> Asked<'a> {
    fn of(reading: &'a Reading<'_>, tenants: &query::AskedTenants) -> Result<Self, ControlError> {
        let shown = reading.asked(tenants)?;
        let read = reading.known_of(&shown);
        let address = match tenants.called {
            Some(_) => Address::OneTenant,
            None => Address::AllTenants,
        };
        Ok(Self {
            read,
            address,
            shown,
        })
    }

    /// Returns whether an id may be that of a resource of a tenant that was not read in full.
    fn may_be_unread(&self, id: &str) -> bool {
        let Some(named) = ids::tenant_in(id).filter(|_| self.address == Address::AllTenants) else {
            return false;
        };
        let is_read = self.read.iter().any(|known| known.tenant.id.0 == named);
        let mut unread = self.shown.values().filter(|tenant| !tenant.is_read);
        // The id of a tenant that was never reached is not known.
        !is_read && unread.any(|it| it.id.as_ref().is_none_or(|id| id.0 == named))
    }

    /// Makes a page of what was found.
    fn page(self, found: Found) -> ScimPage {
        let not_read = self.shown.values().filter(|tenant| !tenant.is_read);
        let n_not_read = not_read.clone().count() as u64;
        let Found {
            rows,
            n_matched,
            n_read,
            next,
            ..
        } = found;
        ScimPage {
            rows,
            n_matched,
            n_read,
            next,
            next_sorted: None,
            not_read: not_read.map(|it| it.name.clone()).take(MAX_PAGE).collect(),
            n_not_read,
            n_tenants: self.read.len() as u64,
            may_be_unread: false,
        }
    }
}

impl Query for query::ScimResources {
    type Answer = Result<ScimPage, ScimRefusal>;

    fn about(&self) -> &'static str {
        "resources"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        answered(resources(reading, &self))
    }
}

fn resources(reading: &Reading<'_>, asked: &query::ScimResources) -> Result<ScimPage, Unanswered> {
    let query::ScimResources {
        scope,
        after,
        skip,
        limit,
        counting,
    } = asked;
    let tenants = Asked::of(reading, &scope.tenants)?;
    let matcher = matcher(scope)?;
    let mut found = Found::begin(*skip, (*limit).min(MAX_PAGE + 1), *counting);
    for &sort in &scope.types {
        if after.as_ref().is_some_and(|after| after.sort > sort) {
            continue;
        }
        let after = after.as_ref().filter(|after| after.sort == sort);
        let selection = scope.wanted.of(sort);
        for known in &tenants.read {
            let after = match after {
                Some(after) if after.tenant > known.name => continue,
                Some(after) if after.tenant == known.name => Some(&after.place),
                Some(_) | None => None,
            };
            let mut search = search(reading, &tenants, (known, sort), scope, &selection);
            search.matcher = matcher.as_ref();
            if search.run(after, &mut found)?.is_break() {
                return Ok(tenants.page(found));
            }
        }
    }
    found.next = None;
    Ok(tenants.page(found))
}

/// Resolves the filter of a question.
fn matcher(scope: &query::ScimScope) -> Result<Option<ScimMatcher>, Unanswered> {
    let filter = scope.filter.as_ref();
    let matcher = filter.map(|filter| ScimMatcher::of(filter, &scope.types));
    let refused = |error| Unanswered::Refused(ScimRefusal::Filter(error));
    matcher.transpose().map_err(refused)
}

/// Prepares the search of one tenant for one type, without a filter.
fn search<'a>(
    reading: &'a Reading<'_>,
    tenants: &'a Asked<'_>,
    (known, sort): (&'a Known, ResourceType),
    scope: &'a query::ScimScope,
    selection: &'a Selection,
) -> TenantSearch<'a> {
    let ids = Ids::of(&known.tenant.id, tenants.address);
    TenantSearch::of(reading, ids, (known, sort), scope, selection)
}

impl Query for query::ScimResource {
    type Answer = Result<ScimPage, ScimRefusal>;

    fn about(&self) -> &'static str {
        "a resource"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        answered(resource(reading, &self))
    }
}

fn resource(reading: &Reading<'_>, asked: &query::ScimResource) -> Result<ScimPage, Unanswered> {
    let query::ScimResource { scope, id } = asked;
    let tenants = Asked::of(reading, &scope.tenants)?;
    let mut found = Found::begin(0, 1, ScimCounting::Nothing);
    'all: for &sort in &scope.types {
        let selection = scope.wanted.of(sort);
        for known in &tenants.read {
            let search = search(reading, &tenants, (known, sort), scope, &selection);
            if search.look_up(id, &mut found)?.is_break() {
                break 'all;
            }
        }
    }
    found.next = None;
    let may_be_unread = found.rows.is_empty() && tenants.may_be_unread(id);
    Ok(ScimPage {
        may_be_unread,
        ..tenants.page(found)
    })
}

impl Query for query::ScimCount {
    type Answer = Result<u64, ScimRefusal>;

    fn about(&self) -> &'static str {
        "the number of resources"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        answered(count(reading, &self))
    }
}

fn count(reading: &Reading<'_>, asked: &query::ScimCount) -> Result<u64, Unanswered> {
    let tenants = Asked::of(reading, &asked.tenants)?;
    let mut n = 0;
    for known in &tenants.read {
        for sort in &asked.types {
            n += match sort.kind() {
                Some(kind) => reading.store.census(known.no, kind)?.count,
                None => entitlements::count(reading, known)?,
            };
        }
    }
    Ok(n)
}
