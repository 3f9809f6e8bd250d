//! Tests groups with a filter about their members, without keeping all members of all groups.
//!
//! Each condition of a filter is about one member: some member fulfils it, or none does. So of a
//! group it is enough to know one member for each condition that some member fulfils, and one at
//! all, since `ne` is also true of a group without members.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::answers::ScimRefusal;
use super::ids::Ids;
use super::members::{MAX_MEMBERS, member};
use super::unanswered::Unanswered;
use crate::model::scim::{
    Compared, Member, Resource, ResourceType, ScimCondition, ScimFilter, ScimMatcher,
};
use crate::model::{GroupId, Id, Kind, Record, RecordRef, User};
use crate::store::{Known, Store, StoreError};

/// The users of a tenant, and how one looks as the only member of a group.
pub(super) struct Users<'a> {
    pub(super) store: &'a Store,
    pub(super) known: &'a Known,
    pub(super) ids: Ids<'a>,
    pub(super) as_member: &'a dyn Fn(&Member) -> Resource,
}

/// Members of groups that decide whether a filter matches.
#[derive(Debug, Default)]
pub(super) struct Witnesses(BTreeMap<GroupId, Vec<Member>>);

/// What was found of a group so far.
struct Group {
    members: Vec<Member>,
    /// For each condition, whether one of these members fulfils it.
    is_met: Vec<bool>,
}

impl Witnesses {
    /// Finds them. If the filter names users by id, only these are read, else all users are.
    pub(super) fn of(
        users: &Users<'_>,
        filter: &ScimFilter,
        matcher: &ScimMatcher,
    ) -> Result<Self, Unanswered> {
        match filter.compared("members") {
            Compared::With(named) => Ok(Self::named(users, &named)?),
            Compared::Otherwise => {
                let conditions = matcher.conditions(ResourceType::Group, "members");
                Self::among_all(users, &conditions)
            }
        }
    }

    fn named(users: &Users<'_>, named: &[String]) -> Result<Self, StoreError> {
        let mut found: BTreeMap<GroupId, Vec<Member>> = BTreeMap::new();
        for id in named {
            let Some(Ok(id)) = users.ids.source_of(id).map(Id::parse) else {
                continue;
            };
            let record = RecordRef {
                kind: Kind::User,
                id,
            };
            let Some(kept) = users.store.get(users.known.no, &record)? else {
                continue;
            };
            let Record::User(user) = kept.record else {
                continue;
            };
            for group in user.groups.iter().flat_map(BTreeMap::keys) {
                let members = found.entry(group.clone()).or_default();
                if members.iter().all(|member| member.id != user.id) {
                    members.push(member(&user));
                }
            }
        }
        Ok(Self(found))
    }

    fn among_all(users: &Users<'_>, conditions: &[ScimCondition<'_>]) -> Result<Self, Unanswered> {
        let mut groups = BTreeMap::new();
        let mut n_kept = 0;
        users
            .store
            .walk(users.known.no, Kind::User, &mut |record| {
                if let Record::User(user) = record {
                    n_kept += note(users, conditions, user, &mut groups);
                }
                match n_kept > MAX_MEMBERS {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })?;
        if n_kept > MAX_MEMBERS {
            let most = MAX_MEMBERS as u64;
            return Err(Unanswered::Refused(ScimRefusal::TooManyMembers { most }));
        }
        let groups = groups.into_iter();
        Ok(Self(
            groups.map(|(id, group)| (id, group.members)).collect(),
        ))
    }

    /// Returns those of a group.
    pub(super) fn of_record(&self, record: &Record) -> Option<&[Member]> {
        match record {
            Record::Group(group) => self.0.get(&group.id).map(Vec::as_slice),
            Record::User(_) | Record::Role(_) => None,
        }
    }
}

/// Adds a user to its groups, as far as more is known of them then. Returns to how many.
fn note(
    users: &Users<'_>,
    conditions: &[ScimCondition<'_>],
    user: &User,
    groups: &mut BTreeMap<GroupId, Group>,
) -> usize {
    let Some(of_user) = user.groups.as_ref().filter(|of_user| !of_user.is_empty()) else {
        return 0;
    };
    let resource = (users.as_member)(&member(user));
    let met = conditions.iter().map(|it| it.matches(&resource));
    let met: Vec<bool> = met.collect();
    let mut n = 0;
    for id in of_user.keys() {
        let group = groups.entry(id.clone()).or_insert_with(|| Group {
            members: Vec::new(),
            is_met: vec![false; conditions.len()],
        });
        let mut both = met.iter().zip(&group.is_met);
        if group.members.is_empty() || both.any(|(met, before)| *met && !before) {
            group.members.push(member(user));
            n += 1;
        }
        for (before, met) in group.is_met.iter_mut().zip(&met) {
            *before |= met;
        }
    }
    n
}
