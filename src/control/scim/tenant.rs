//! Searches one tenant for resources of one type.

use std::ops::ControlFlow;

use super::answers::{ScimPlace, ScimPosition, ScimRow, SortedPosition};
use super::found::{Found, Offer};
use super::group_roles::GroupRoles;
use super::ids::Ids;
use super::members::Extent;
use super::spaces::SpaceRoles;
use super::unanswered::Unanswered;
use super::witnesses::{Users, Witnesses};
use crate::control::reading::Reading;
use crate::control::{MAX_PAGE, query};
use crate::model::scim::{
    Member, Needed, Origin, Resource, ResourceType, ScimMatcher, Selection, SortAttribute,
    UserExtra,
};
use crate::model::{Id, Kind, Record, RecordRef};
use crate::store::{Kept, Known, Names, StoreError};

/// A search of one tenant for one type of resources.
pub(super) struct TenantSearch<'a> {
    pub(super) reading: &'a Reading<'a>,
    pub(super) known: &'a Known,
    pub(super) sort: ResourceType,
    scope: &'a query::ScimScope,
    pub(super) selection: &'a Selection,
    pub(super) ids: Ids<'a>,
    /// The filter; `None` if everything matches.
    pub(super) matcher: Option<&'a ScimMatcher>,
}

impl<'a> TenantSearch<'a> {
    /// Prepares a search without a filter.
    pub(super) fn of(
        reading: &'a Reading<'a>,
        ids: Ids<'a>,
        (known, sort): (&'a Known, ResourceType),
        scope: &'a query::ScimScope,
        selection: &'a Selection,
    ) -> Self {
        Self {
            reading,
            known,
            sort,
            scope,
            selection,
            ids,
            matcher: None,
        }
    }

    /// Searches after a place. Breaks if the page is complete.
    pub(super) fn run(
        &self,
        after: Option<&ScimPlace>,
        found: &mut Found,
    ) -> Result<ControlFlow<()>, Unanswered> {
        if found.is_complete() {
            return Ok(ControlFlow::Break(()));
        }
        let Some(kind) = self.sort.kind() else {
            return self.run_entitlements(after, found);
        };
        let mut after = match after {
            Some(ScimPlace::Record(id)) => Some(id.clone()),
            Some(ScimPlace::RoleInSpace(..) | ScimPlace::Scope(_)) | None => None,
        };
        if self.matcher.is_none() && after.is_none() && found.to_skip() > 0 {
            match self.skip(kind, found)? {
                Some(last) => after = Some(last),
                None => return Ok(ControlFlow::Continue(())),
            }
        }
        let at_once = match self.matcher {
            None => found.left().clamp(1, MAX_PAGE),
            Some(_) => MAX_PAGE,
        };
        let mut tester = self.tester()?;
        let mut taken = Vec::new();
        let flow = self.each(kind, after, at_once, &mut |kept| {
            if found.is_complete() {
                return Ok(ControlFlow::Break(()));
            }
            found.read(self.position(kept.record.id()));
            let Some((kept, _)) = tester.test(kept, None)? else {
                return Ok(ControlFlow::Continue(()));
            };
            if found.offer() == Offer::Taken {
                taken.push(kept);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let rows = self.render(taken, Extent::List)?;
        found.rows.extend(rows);
        Ok(flow)
    }

    /// Passes the position of each resource that matches, with its sort key, to `visit` until it
    /// has enough.
    pub(super) fn keys(
        &self,
        by: Option<&SortAttribute>,
        visit: &mut dyn FnMut(SortedPosition) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Unanswered> {
        let Some(kind) = self.sort.kind() else {
            return self.keys_of_entitlements(by, visit);
        };
        let mut tester = self.tester()?;
        self.each(kind, None, MAX_PAGE, &mut |kept| {
            let Some((kept, resource)) = tester.test(kept, by)? else {
                return Ok(ControlFlow::Continue(()));
            };
            let key = by.and_then(|by| by.key(&resource));
            let position = self.position(kept.record.id());
            Ok(visit(SortedPosition { key, position }))
        })
    }

    /// Returns the resources at these positions that exist.
    pub(super) fn rows(&self, positions: &[&ScimPosition]) -> Result<Vec<ScimRow>, Unanswered> {
        let Some(kind) = self.sort.kind() else {
            return self.rows_of_entitlements(positions);
        };
        let ids = positions.iter().filter_map(|it| match &it.place {
            ScimPlace::Record(id) => Some(id),
            ScimPlace::RoleInSpace(..) | ScimPlace::Scope(_) => None,
        });
        let kept = self.reading.store.get_all(self.known.no, kind, ids)?;
        self.render(kept, Extent::List)
    }

    /// Visits the records that may match, in the order of their ids, until `visit` has enough.
    fn each(
        &self,
        kind: Kind,
        mut after: Option<Id>,
        at_once: usize,
        visit: &mut dyn FnMut(Kept) -> Result<ControlFlow<()>, Unanswered>,
    ) -> Result<ControlFlow<()>, Unanswered> {
        let store = self.reading.store;
        if let Some(ids) = self.candidates()? {
            let ids = ids
                .iter()
                .filter(|id| after.as_ref().is_none_or(|it| it < *id));
            for kept in store.get_all(self.known.no, kind, ids)? {
                if visit(kept)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            return Ok(ControlFlow::Continue(()));
        }
        loop {
            let page = store.list(self.known.no, kind, after.as_ref(), at_once)?;
            let is_last = page.len() < at_once;
            for kept in page {
                after = Some(kept.record.id().clone());
                if visit(kept)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if is_last {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    /// Adds the resource with an id, if the tenant has it. Breaks if it has.
    pub(super) fn look_up(
        &self,
        id: &str,
        found: &mut Found,
    ) -> Result<ControlFlow<()>, Unanswered> {
        let Some(own) = self.ids.source_of(id) else {
            return Ok(ControlFlow::Continue(()));
        };
        let Some(kind) = self.sort.kind() else {
            return self.look_up_entitlement(own, found);
        };
        let Ok(own) = Id::parse(own) else {
            return Ok(ControlFlow::Continue(()));
        };
        let record = RecordRef { kind, id: own };
        let Some(kept) = self.reading.store.get(self.known.no, &record)? else {
            return Ok(ControlFlow::Continue(()));
        };
        found.read(self.position(&record.id));
        if found.offer() == Offer::Taken {
            let row = self.render(vec![kept], Extent::One)?;
            found.rows.extend(row);
        }
        Ok(ControlFlow::Break(()))
    }

    pub(super) fn position(&self, id: &Id) -> ScimPosition {
        ScimPosition {
            sort: self.sort,
            tenant: self.known.name.clone(),
            place: ScimPlace::Record(id.clone()),
        }
    }

    /// Skips records without reading them. Returns the last skipped one; `None` if all records of
    /// the tenant were skipped.
    fn skip(&self, kind: Kind, found: &mut Found) -> Result<Option<Id>, StoreError> {
        let store = self.reading.store;
        let count = store.census(self.known.no, kind)?.count;
        if found.to_skip() >= count {
            found.skip(count);
            return Ok(None);
        }
        let (mut n, mut last) = (0, None);
        let skip = found.to_skip();
        store.fingerprints(self.known.no, kind, &mut |id, _| {
            n += 1;
            if n == skip {
                last = Some(id);
            }
        })?;
        found.skip(skip);
        Ok(last)
    }

    /// Prepares the tests of records.
    fn tester(&'a self) -> Result<Tester<'a>, Unanswered> {
        let matcher = self.matcher.filter(|_| self.sort == ResourceType::User);
        let in_spaces = match matcher.is_some_and(|it| it.needs(self.sort, "entitlements")) {
            true => SpaceRoles::of(self.reading, self.known, None)?,
            false => None,
        };
        Ok(Tester {
            in_spaces,
            search: self,
            names: Names::of(self.known.no),
            groups: GroupRoles::default(),
            witnesses: self.witnesses()?,
        })
    }

    /// Returns whether rendering shows names of other records.
    fn needs_names(&self, needed: &dyn Fn(&str) -> bool) -> bool {
        needed("roles") || needed("groups") || needed(self.sort.extension().id)
    }

    /// Finds the members that decide about the filter.
    fn witnesses(&self) -> Result<Witnesses, Unanswered> {
        match (&self.scope.filter, self.matcher) {
            (Some(filter), Some(matcher))
                if self.sort == ResourceType::Group && matcher.needs(self.sort, "members") =>
            {
                let users = Users {
                    store: self.reading.store,
                    known: self.known,
                    ids: self.ids,
                    as_member: &|member| self.origin(|it| it.only_member(member)),
                };
                Witnesses::of(&users, filter, matcher)
            }
            (Some(_) | None, Some(_) | None) => Ok(Witnesses::default()),
        }
    }

    /// Returns the ids of the only records that can match, if the filter names them; `None` if all
    /// must be read.
    fn candidates(&self) -> Result<Option<Vec<Id>>, Unanswered> {
        let (Some(filter), Some(kind)) = (&self.scope.filter, self.sort.kind()) else {
            return Ok(None);
        };
        if self.matcher.is_none() {
            return Ok(None);
        }
        if let Some(pinned) = filter.pinned(&["id"]) {
            let ids = pinned.iter().filter_map(|(_, id)| self.ids.source_of(id));
            let mut ids: Vec<Id> = ids.filter_map(|id| Id::parse(id).ok()).collect();
            ids.sort();
            ids.dedup();
            return Ok(Some(ids));
        }
        if kind != Kind::User {
            return Ok(None);
        }
        let names = ["userName", "externalId", "emails", "emails.value"];
        let Some(pinned) = filter.pinned(&names) else {
            return Ok(None);
        };
        let texts = pinned.into_iter().map(|(_, text)| text);
        let lookups = &self.reading.context.lookups;
        Ok(lookups.find(self.reading.store, self.known, texts)?)
    }

    /// Returns what a filter may ask of a user beside its record.
    fn extra_for_filter(
        &self,
        record: &Record,
        in_spaces: Option<&SpaceRoles>,
        groups: &mut GroupRoles,
    ) -> Result<UserExtra, Unanswered> {
        let (Record::User(user), Some(matcher)) = (record, self.matcher) else {
            return Ok(UserExtra::default());
        };
        let by_groups = match matcher.needs(self.sort, self.sort.extension().id) {
            true => groups.of_user(self.reading.store, self.known, user)?,
            false => None,
        };
        Ok(UserExtra {
            in_spaces: in_spaces.map(|it| it.of_user(user)),
            by_groups,
        })
    }

    fn resource(
        &self,
        record: &Record,
        extra: &UserExtra,
        members: Option<&[Member]>,
        needed: &dyn Fn(&str) -> bool,
    ) -> Resource {
        self.origin(|origin| rendered(origin, record, extra, (members, needed)))
    }

    /// Renders a resource of the tenant.
    pub(super) fn origin<T>(&self, render: impl FnOnce(&Origin<'_>) -> T) -> T {
        self.origin_at(&self.scope.base, render)
    }

    /// Renders a resource as it is whatever the address of the server is.
    pub(super) fn without_address<T>(&self, render: impl FnOnce(&Origin<'_>) -> T) -> T {
        self.origin_at("", render)
    }

    fn origin_at<T>(&self, base: &str, render: impl FnOnce(&Origin<'_>) -> T) -> T {
        render(&Origin {
            base,
            tenant: &self.known.name,
            tenant_id: &self.known.tenant.id,
            region: self.known.tenant.region.as_deref(),
            id_of: &|id| self.ids.id_of(id),
        })
    }
}

/// Renders a record with what it has beside its own fields.
pub(super) fn rendered(
    origin: &Origin<'_>,
    record: &Record,
    extra: &UserExtra,
    (members, needed): (Option<&[Member]>, Needed<'_>),
) -> Resource {
    match record {
        Record::User(user) => origin.user(user, extra, needed),
        Record::Group(group) => origin.group(group, members, needed),
        Record::Role(role) => origin.role(role, needed),
    }
}

/// Tests the records of a tenant with the filter.
struct Tester<'a> {
    search: &'a TenantSearch<'a>,
    names: Names,
    groups: GroupRoles,
    witnesses: Witnesses,
    /// The roles in spaces of all users, if the filter asks for them.
    in_spaces: Option<SpaceRoles>,
}

impl Tester<'_> {
    /// Returns a record if it matches, with as much of its resource as the filter and the sort key
    /// need.
    fn test(
        &mut self,
        mut kept: Kept,
        by: Option<&SortAttribute>,
    ) -> Result<Option<(Kept, Resource)>, Unanswered> {
        let search = self.search;
        if search.matcher.is_none() && by.is_none() {
            return Ok(Some((kept, Resource::new())));
        }
        let needed = |name: &str| {
            let matcher = search.matcher;
            matcher.is_some_and(|it| it.needs(search.sort, name))
                || by.is_some_and(|by| by.name() == name)
        };
        if search.needs_names(&needed) {
            self.names.join(search.reading.store, &mut kept.record)?;
        }
        let members = self.witnesses.of_record(&kept.record);
        let in_spaces = self.in_spaces.as_ref();
        let extra = search.extra_for_filter(&kept.record, in_spaces, &mut self.groups)?;
        let resource = search.resource(&kept.record, &extra, members, &needed);
        let matches = search
            .matcher
            .is_none_or(|it| it.matches(search.sort, &resource));
        Ok(matches.then_some((kept, resource)))
    }
}
