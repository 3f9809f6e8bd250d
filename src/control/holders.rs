//! Who holds a role and how, who is in a group, and which roles a user has through groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::choice::contains;
use super::meanings::{Meant, Named};
use super::page::{self, PageBuilder};
use super::reading::Reading;
use super::records::MAX_READ;
use super::{
    ControlError, GrantingGroup, HolderRow, Holders, HoldersPage, Inherited, InheritedPosition,
    InheritedRole, MAX_PAGE, Page, Query, query,
};
use crate::access::PathKinds;
use crate::model::{GroupId, Id, Kind, Record, RecordRef, RoleId, User};
use crate::store::{Known, StoreError};

impl Query for query::Holders {
    type Answer = HoldersPage;

    fn about(&self) -> &'static str {
        "who holds it"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        // Not `page::size`: 0 is allowed here, for a caller that needs only the counts.
        let limit = self.limit.min(MAX_PAGE);
        let posted = reading.posted_holders(known, &self.record, self.after.as_ref(), limit)?;
        match posted {
            Some(page) => Ok(page),
            None => Ok(reading.holders(known, &self.record, self.after, limit)?),
        }
    }
}

impl Query for query::GrantingGroups {
    type Answer = Page<GrantingGroup, GroupId>;

    fn about(&self) -> &'static str {
        "the groups that give it"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let meant = reading.meant(known, self.role)?;
        let limit = page::size(self.limit);
        let mut rows = Vec::new();
        for id in meant.roles.giving() {
            if self.after.as_ref().is_some_and(|after| id <= after) {
                continue;
            }
            // A group that was deleted meanwhile gives nothing.
            let Some(name) = reading.group_name(known, id)? else {
                continue;
            };
            let part = self.name.as_deref().unwrap_or_default();
            if contains(&name, part) {
                let id = id.clone();
                rows.push(GrantingGroup { id, name });
            }
            // One more than belongs on the page shows that another page follows.
            if rows.len() > limit {
                break;
            }
        }
        Ok(Page::of(rows, limit, |last| last.id.clone()))
    }
}

impl Query for query::Inherited {
    type Answer = Inherited;

    fn about(&self) -> &'static str {
        "the roles that come by groups"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let all = reading.inherited(known, &self.user)?;
        let mut builder = PageBuilder::begin(self.after, page::size(self.limit));
        let roles = builder.take(all.roles, |(role, _)| InheritedPosition::Role(role.clone()));
        let hidden = builder.take(all.hidden, |(group, _)| {
            InheritedPosition::Hidden(group.clone())
        });
        Ok(Inherited {
            roles: roles.into_iter().collect(),
            hidden: hidden.into_iter().collect(),
            is_hidden: all.is_hidden,
            next: builder.next(),
        })
    }
}

impl Reading<'_> {
    /// Counts the users on a page who hold a role or are in a group, and names the first ones.
    fn holders(
        &self,
        known: &Known,
        record: &RecordRef,
        mut after: Option<Id>,
        limit: usize,
    ) -> Result<HoldersPage, StoreError> {
        let mut names = self.names(known)?;
        let meant = match record.kind {
            Kind::Role => Some(self.meant(known, RoleId(record.id.clone()))?),
            Kind::Group | Kind::User => None,
        };
        let group = GroupId(record.id.clone());
        let mut holders = Holders {
            n_groups: meant
                .as_ref()
                .map_or(0, |meant| meant.roles.giving().len() as u64),
            ..Holders::default()
        };
        let kinds = |user: &User| match &meant {
            Some(meant) => meant.roles.path_kinds(user),
            None => PathKinds {
                is_direct: user
                    .groups
                    .as_ref()
                    .is_some_and(|it| it.contains_key(&group)),
                is_by_group: false,
            },
        };
        for _ in 0..MAX_READ / MAX_PAGE {
            let page = self
                .store
                .list(known.no, Kind::User, after.as_ref(), MAX_PAGE)?;
            let Some(last) = page.last() else {
                after = None;
                break;
            };
            after = Some(last.record.id().clone());
            for mut kept in page {
                let Record::User(user) = &kept.record else {
                    continue;
                };
                let kinds = kinds(user);
                if !kinds.holds() {
                    let is_hidden =
                        user.groups.is_none() || (meant.is_some() && user.roles.is_none());
                    holders.hidden += u64::from(is_hidden);
                    continue;
                }
                holders.users += 1;
                holders.direct += u64::from(kinds.is_direct);
                holders.by_group += u64::from(kinds.is_by_group);
                if holders.first.len() < limit {
                    names.join(self.store, &mut kept.record)?;
                    if let Record::User(user) = kept.record {
                        let giving = meant.as_ref().map(|meant| meant.roles.giving());
                        let gives = |id: &GroupId| giving.is_some_and(|giving| giving.contains(id));
                        holders.first.push(row(user, kinds, gives));
                    }
                }
            }
        }
        Ok(HoldersPage {
            holders,
            next: after,
        })
    }

    /// Finds the groups that give a role.
    pub(super) fn meant(&self, known: &Known, role: RoleId) -> Result<Arc<Meant>, StoreError> {
        let role = Named::Role(role);
        self.context.meanings.of(self.store, known, &role)
    }

    fn group_name(&self, known: &Known, id: &GroupId) -> Result<Option<String>, StoreError> {
        let record = RecordRef {
            kind: Kind::Group,
            id: id.0.clone(),
        };
        let kept = self.store.get(known.no, &record)?;
        Ok(kept.map(|kept| kept.record.label().to_owned()))
    }

    /// Finds all roles that a user has through groups. A deleted user has none.
    fn inherited(&self, known: &Known, user: &Id) -> Result<Inherited, StoreError> {
        let mut inherited = Inherited::default();
        let mut names = self.names(known)?;
        let record = |kind, id: &Id| RecordRef {
            kind,
            id: id.clone(),
        };
        let Some(kept) = self.store.get(known.no, &record(Kind::User, user))? else {
            return Ok(inherited);
        };
        let Record::User(user) = kept.record else {
            return Ok(inherited);
        };
        inherited.is_hidden = user.groups.is_none();
        for (id, name) in user.groups.into_iter().flatten() {
            let Some(mut kept) = self.store.get(known.no, &record(Kind::Group, &id.0))? else {
                inherited.hidden.insert(id, name);
                continue;
            };
            names.join(self.store, &mut kept.record)?;
            let Record::Group(group) = kept.record else {
                continue;
            };
            let Some(roles) = group.roles else {
                inherited.hidden.insert(id, group.name);
                continue;
            };
            for (role, name) in roles {
                let entry = inherited
                    .roles
                    .entry(role)
                    .or_insert_with(|| InheritedRole {
                        name,
                        groups: BTreeMap::new(),
                    });
                entry.groups.insert(id.clone(), group.name.clone());
            }
        }
        Ok(inherited)
    }
}

pub(super) fn row(user: User, kinds: PathKinds, gives: impl Fn(&GroupId) -> bool) -> HolderRow {
    HolderRow {
        id: user.id,
        label: user.name.unwrap_or(user.subject),
        email: user.email,
        is_direct: kinds.is_direct,
        groups: (user.groups.into_iter().flatten())
            .filter(|(id, _)| gives(id))
            .collect(),
    }
}
