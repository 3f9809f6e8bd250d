//! Searches one tenant for roles in spaces.

use std::ops::ControlFlow;

use super::answers::{ScimPlace, ScimPosition, ScimRow, SortedPosition};
use super::found::{Found, Offer};
use super::spaces;
use super::tenant::TenantSearch;
use super::unanswered::Unanswered;
use crate::model::scim::SortAttribute;
use crate::model::{Space, Version};

impl TenantSearch<'_> {
    /// The same as [`Self::run`] for roles in spaces.
    pub(super) fn run_in_spaces(
        &self,
        after: Option<&ScimPlace>,
        found: &mut Found,
    ) -> Result<ControlFlow<()>, Unanswered> {
        spaces::each_role(self.reading.store, self.known, after, &mut |space, role| {
            if found.is_complete() {
                return Ok(ControlFlow::Break(()));
            }
            found.read(self.place_in_space(space, role));
            if !self.matches_in_space(space, role)? {
                return Ok(ControlFlow::Continue(()));
            }
            if found.offer() == Offer::Taken {
                found.rows.push(self.row_in_space(space, role)?);
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// The same as [`Self::keys`] for roles in spaces.
    pub(super) fn keys_in_spaces(
        &self,
        by: Option<&SortAttribute>,
        visit: &mut dyn FnMut(SortedPosition) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Unanswered> {
        spaces::each_role(self.reading.store, self.known, None, &mut |space, role| {
            if !self.matches_in_space(space, role)? {
                return Ok(ControlFlow::Continue(()));
            }
            let needed = |name: &str| by.is_some_and(|by| by.name() == name);
            let resource = self.origin(|it| it.entitlement(&space.mention(), role, &needed));
            let key = by.and_then(|by| by.key(&resource));
            let position = self.place_in_space(space, role);
            Ok(visit(SortedPosition { key, position }))
        })
    }

    /// The same as [`Self::rows`] for roles in spaces.
    pub(super) fn rows_in_spaces(
        &self,
        positions: &[&ScimPosition],
    ) -> Result<Vec<ScimRow>, Unanswered> {
        let mut rows = Vec::new();
        for position in positions {
            if let ScimPlace::RoleInSpace(space, role) = &position.place
                && let Some(kept) = self.reading.store.space(self.known.no, space)?
            {
                rows.push(self.row_in_space(&kept.space, role)?);
            }
        }
        Ok(rows)
    }

    /// The same as [`Self::look_up`] for roles in spaces. `own` is the id in the source.
    pub(super) fn look_up_in_spaces(
        &self,
        own: &str,
        id: &str,
        found: &mut Found,
    ) -> Result<ControlFlow<()>, Unanswered> {
        let Some((space, role)) = spaces::find(self.reading.store, self.known, own)? else {
            return Ok(ControlFlow::Continue(()));
        };
        let row = self.row_in_space(&space, &role)?;
        if row.resource.get("id").and_then(|it| it.as_str()) != Some(id) {
            return Ok(ControlFlow::Continue(()));
        }
        found.rows.push(row);
        Ok(ControlFlow::Break(()))
    }

    fn matches_in_space(&self, space: &Space, role: &str) -> Result<bool, Unanswered> {
        let Some(matcher) = self.matcher else {
            return Ok(true);
        };
        let needed = |name: &str| matcher.needs(self.sort, name);
        let resource = self.origin(|it| it.entitlement(&space.mention(), role, &needed));
        self.ids.check()?;
        Ok(matcher.matches(self.sort, &resource))
    }

    fn row_in_space(&self, space: &Space, role: &str) -> Result<ScimRow, Unanswered> {
        let needed = |name: &str| self.selection.wants(name);
        let resource = self.origin(|it| it.entitlement(&space.mention(), role, &needed));
        self.ids.check()?;
        Ok(ScimRow {
            position: self.place_in_space(space, role),
            version: Version::START,
            resource,
        })
    }

    fn place_in_space(&self, space: &Space, role: &str) -> ScimPosition {
        ScimPosition {
            sort: self.sort,
            tenant: self.known.name.clone(),
            place: ScimPlace::RoleInSpace(space.id.clone(), role.to_owned()),
        }
    }
}
