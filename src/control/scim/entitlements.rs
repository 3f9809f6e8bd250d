//! Searches one tenant for roles in spaces and for scopes.

use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use super::answers::{ScimPlace, ScimPosition, ScimRow, SortedPosition};
use super::found::{Found, Offer};
use super::members::Extent;
use super::spaces;
use super::tenant::TenantSearch;
use super::unanswered::Unanswered;
use crate::control::reading::Reading;
use crate::model::scim::{Needed, Resource, SortAttribute, content_version};
use crate::model::{Space, Version};
use crate::store::{Known, StoreError};

/// Something that users are entitled to and that is not a record.
#[derive(Clone, Copy)]
enum Entitled<'a> {
    RoleInSpace(&'a Space, &'a str),
    Scope(&'a str),
}

/// What is called with each of them, until it has enough.
type Visit<'a> = &'a mut dyn FnMut(Entitled<'_>) -> Result<ControlFlow<()>, Unanswered>;

/// Counts those of a tenant.
pub(super) fn count(reading: &Reading<'_>, known: &Known) -> Result<u64, Unanswered> {
    let n_scopes = scopes(reading, known)?.len() as u64;
    Ok(spaces::count(reading.store, known)? + n_scopes)
}

fn scopes(reading: &Reading<'_>, known: &Known) -> Result<Arc<BTreeSet<String>>, StoreError> {
    reading.context.lookups.scopes(reading.store, known)
}

impl TenantSearch<'_> {
    /// The same as [`Self::run`] for entitlements.
    pub(super) fn run_entitlements(
        &self,
        after: Option<&ScimPlace>,
        found: &mut Found,
    ) -> Result<ControlFlow<()>, Unanswered> {
        self.each_entitlement(after, &mut |it| {
            if found.is_complete() {
                return Ok(ControlFlow::Break(()));
            }
            found.read(self.place_of(it));
            if self.matches_entitlement(it) && found.offer() == Offer::Taken {
                found.rows.push(self.row_of(it, Extent::List));
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// The same as [`Self::keys`] for entitlements.
    pub(super) fn keys_of_entitlements(
        &self,
        by: Option<&SortAttribute>,
        visit: &mut dyn FnMut(SortedPosition) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Unanswered> {
        self.each_entitlement(None, &mut |it| {
            if !self.matches_entitlement(it) {
                return Ok(ControlFlow::Continue(()));
            }
            let needed = |name: &str| by.is_some_and(|by| by.name() == name);
            let resource = self.rendered(it, &needed);
            let key = by.and_then(|by| by.key(&resource));
            let position = self.place_of(it);
            Ok(visit(SortedPosition { key, position }))
        })
    }

    /// The same as [`Self::rows`] for entitlements.
    pub(super) fn rows_of_entitlements(
        &self,
        positions: &[&ScimPosition],
    ) -> Result<Vec<ScimRow>, Unanswered> {
        let mut rows = Vec::new();
        for position in positions {
            match &position.place {
                ScimPlace::RoleInSpace(space, role) => {
                    if let Some(kept) = self.reading.store.space(self.known.no, space)? {
                        let it = Entitled::RoleInSpace(&kept.space, role);
                        rows.push(self.row_of(it, Extent::List));
                    }
                }
                ScimPlace::Scope(scope) => {
                    rows.push(self.row_of(Entitled::Scope(scope), Extent::List));
                }
                ScimPlace::Record(_) => {}
            }
        }
        Ok(rows)
    }

    /// The same as [`Self::look_up`] for entitlements. `own` is the id in the source.
    pub(super) fn look_up_entitlement(
        &self,
        own: &str,
        found: &mut Found,
    ) -> Result<ControlFlow<()>, Unanswered> {
        let in_space = spaces::find(self.reading.store, self.known, own)?;
        let row = match &in_space {
            Some((space, role)) => self.row_of(Entitled::RoleInSpace(space, role), Extent::One),
            None if scopes(self.reading, self.known)?.contains(own) => {
                self.row_of(Entitled::Scope(own), Extent::One)
            }
            None => return Ok(ControlFlow::Continue(())),
        };
        found.rows.push(row);
        Ok(ControlFlow::Break(()))
    }

    /// Passes each entitlement after a place to `visit`: roles in spaces, then scopes.
    fn each_entitlement(
        &self,
        after: Option<&ScimPlace>,
        visit: Visit<'_>,
    ) -> Result<ControlFlow<()>, Unanswered> {
        let (reading, known) = (self.reading, self.known);
        let flow = spaces::each_role(reading.store, known, after, &mut |space, role| {
            visit(Entitled::RoleInSpace(space, role))
        })?;
        if flow.is_break() {
            return Ok(flow);
        }
        let begin = match after {
            Some(ScimPlace::Scope(scope)) => Bound::Excluded(scope.as_str()),
            Some(ScimPlace::Record(_) | ScimPlace::RoleInSpace(..)) | None => Bound::Unbounded,
        };
        let scopes = scopes(reading, known)?;
        for scope in scopes.range::<str, _>((begin, Bound::Unbounded)) {
            if visit(Entitled::Scope(scope))?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn matches_entitlement(&self, it: Entitled<'_>) -> bool {
        self.matcher.is_none_or(|matcher| {
            let resource = self.rendered(it, &|name| matcher.needs(self.sort, name));
            matcher.matches(self.sort, &resource)
        })
    }

    fn rendered(&self, it: Entitled<'_>, needed: Needed<'_>) -> Resource {
        self.origin(|origin| match it {
            Entitled::RoleInSpace(space, role) => {
                origin.entitlement(&space.mention(), role, needed)
            }
            Entitled::Scope(scope) => origin.scope(scope, needed),
        })
    }

    fn row_of(&self, it: Entitled<'_>, extent: Extent) -> ScimRow {
        let version = self.wants_version(extent).then(|| {
            let whole = self.without_address(|origin| match it {
                Entitled::RoleInSpace(space, role) => {
                    origin.entitlement(&space.mention(), role, &|_| true)
                }
                Entitled::Scope(scope) => origin.scope(scope, &|_| true),
            });
            content_version(Version::START, &whole, None)
        });
        ScimRow {
            position: self.place_of(it),
            version,
            resource: self.rendered(it, &|name| self.selection.wants(name)),
        }
    }

    fn place_of(&self, it: Entitled<'_>) -> ScimPosition {
        let place = match it {
            Entitled::RoleInSpace(space, role) => {
                ScimPlace::RoleInSpace(space.id.clone(), role.to_owned())
            }
            Entitled::Scope(scope) => ScimPlace::Scope(scope.to_owned()),
        };
        ScimPosition {
            sort: self.sort,
            tenant: self.known.name.clone(),
            place,
        }
    }
}
