//! The members of groups. Qlik has no list of them: each user lists its groups.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::answers::ScimRefusal;
use super::unanswered::Unanswered;
use crate::control::reading::Reading;
use crate::model::scim::{Member, MembersDigest, Selection};
use crate::model::{Group, GroupId, GroupType, Id, Kind, Record, User};
use crate::store::{Known, PostingList, StoreError};

/// The most members that a group may have to be listed with them unasked: lists of groups would be
/// too long to read otherwise.
const MAX_LISTED: usize = 1_000;

/// The most members in one answer: some 30 MB.
pub(super) const MAX_MEMBERS: usize = 200_000;

/// What becomes of groups with many members.
#[derive(Debug, Clone, Copy)]
pub(super) enum MemberLimit {
    /// A group with more members is shown without them.
    LeaveOut(usize),
    /// If the groups have more members together, nothing is answered.
    Refuse,
}

/// Whether groups are listed, or one is asked for by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    List,
    One,
}

impl MemberLimit {
    /// Returns the limit for what is asked for.
    pub(super) fn of(selection: &Selection, extent: Extent) -> Self {
        if !selection.wants("members") {
            return Self::LeaveOut(0);
        }
        match (selection.names("members"), extent) {
            (true, Extent::List | Extent::One) => Self::Refuse,
            (false, Extent::List) => Self::LeaveOut(MAX_LISTED),
            (false, Extent::One) => Self::LeaveOut(MAX_MEMBERS),
        }
    }
}

/// Who is in a group.
#[derive(Default)]
pub(super) struct Membership {
    /// The members; `None` if they are left out.
    pub(super) members: Option<Vec<Member>>,
    /// A digest of all of them.
    pub(super) digest: MembersDigest,
}

/// Returns who is in groups, as far as that is visible. The group of all users is left out: Qlik
/// lists its members nowhere.
pub(super) fn of_groups<'a>(
    reading: &Reading<'_>,
    known: &Known,
    groups: impl Iterator<Item = &'a Group>,
    limit: MemberLimit,
) -> Result<BTreeMap<GroupId, Membership>, Unanswered> {
    let groups = groups.filter(|group| group.group_type.value != GroupType::Organization);
    let groups: BTreeSet<GroupId> = groups.map(|group| group.id.clone()).collect();
    let mut collecting = Collecting {
        lists: groups.into_iter().map(|id| (id, List::of(limit))).collect(),
        limit,
        n: 0,
    };
    if collecting.lists.is_empty() {
        return Ok(BTreeMap::new());
    }
    let flow = collected(
        &mut collecting,
        |collecting| posted(reading, known, collecting),
        |collecting| walked(reading, known, collecting),
    );
    match flow? {
        Flow::Refuse => Err(Unanswered::Refused(ScimRefusal::TooManyMembers {
            most: MAX_MEMBERS as u64,
        })),
        // Who is in a group whose members may be hidden is not known.
        Flow::Hidden => Ok(BTreeMap::new()),
        Flow::Complete => {
            let lists = collecting.lists.into_iter().map(|(id, list)| {
                let List {
                    members,
                    is_over,
                    digest,
                } = list;
                let members = (!is_over).then_some(members);
                (id, Membership { members, digest })
            });
            Ok(lists.collect())
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Complete,
    /// The groups of some users are not visible.
    Hidden,
    /// There are too many members.
    Refuse,
}

struct Collecting {
    lists: BTreeMap<GroupId, List>,
    limit: MemberLimit,
    /// How many members were collected.
    n: usize,
}

struct List {
    members: Vec<Member>,
    /// Whether the group has too many members to be shown with them.
    is_over: bool,
    digest: MembersDigest,
}

impl List {
    fn of(limit: MemberLimit) -> Self {
        Self {
            members: Vec::new(),
            // Of a group that is shown without members anyway, not even an empty list is.
            is_over: matches!(limit, MemberLimit::LeaveOut(0)),
            digest: MembersDigest::default(),
        }
    }
}

impl Collecting {
    /// Begins again.
    fn forget(&mut self) {
        self.n = 0;
        for list in self.lists.values_mut() {
            *list = List::of(self.limit);
        }
    }

    /// Adds a user to its groups. Returns `None` if there are too many members.
    fn add(&mut self, user: &User) -> Option<()> {
        let groups = user.groups.iter().flat_map(BTreeMap::keys);
        for group in groups {
            let Some(list) = self.lists.get_mut(group) else {
                continue;
            };
            list.digest.add(&user.id, user.label());
            if list.is_over {
                continue;
            }
            let most = match self.limit {
                MemberLimit::LeaveOut(most) => most,
                MemberLimit::Refuse => usize::MAX,
            };
            if list.members.len() >= most || self.n >= MAX_MEMBERS {
                match self.limit {
                    MemberLimit::Refuse => return None,
                    MemberLimit::LeaveOut(_) => {
                        self.n -= list.members.len();
                        list.members = Vec::new();
                        list.is_over = true;
                        continue;
                    }
                }
            }
            self.n += 1;
            list.members.push(member(user));
        }
        Some(())
    }
}

/// Collects members from a posting list, or from all users if the list does not tell. A list may
/// cease to be complete after a part of it was read: then everything is collected again.
fn collected(
    collecting: &mut Collecting,
    posted: impl FnOnce(&mut Collecting) -> Result<Option<Flow>, StoreError>,
    walked: impl FnOnce(&mut Collecting) -> Result<Flow, StoreError>,
) -> Result<Flow, StoreError> {
    if let Some(flow) = posted(collecting)? {
        return Ok(flow);
    }
    collecting.forget();
    walked(collecting)
}

/// Reads all users.
fn walked(
    reading: &Reading<'_>,
    known: &Known,
    collecting: &mut Collecting,
) -> Result<Flow, StoreError> {
    let mut flow = Flow::Complete;
    reading.store.walk(known.no, Kind::User, &mut |record| {
        let Record::User(user) = record else {
            return ControlFlow::Continue(());
        };
        if user.groups.is_none() {
            flow = Flow::Hidden;
            return ControlFlow::Break(());
        }
        if collecting.add(user).is_none() {
            flow = Flow::Refuse;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(flow)
}

/// Reads only the users in the posting list of a group, if there is one group and its list is
/// complete; `None` if all users must be read.
fn posted(
    reading: &Reading<'_>,
    known: &Known,
    collecting: &mut Collecting,
) -> Result<Option<Flow>, StoreError> {
    let mut groups = collecting.lists.keys();
    let (Some(group), None) = (groups.next().cloned(), groups.next()) else {
        return Ok(None);
    };
    let store = reading.store;
    let hidden = [(PostingList::HiddenGroups, 1)];
    let Some(hidden) = store.posted(known.no, &hidden, None, 1)? else {
        return Ok(None);
    };
    if !hidden.users.is_empty() {
        return Ok(Some(Flow::Hidden));
    }
    let list = [(PostingList::Group(group), 1)];
    let mut after = None;
    loop {
        let Some(page) = store.posted(known.no, &list, after.as_ref(), 1_000)? else {
            return Ok(None);
        };
        let ids: Vec<&Id> = page.users.keys().map(|user| &user.0).collect();
        for kept in store.get_all(known.no, Kind::User, ids)? {
            if let Record::User(user) = &kept.record
                && collecting.add(user).is_none()
            {
                return Ok(Some(Flow::Refuse));
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(Some(Flow::Complete));
        }
    }
}

/// Returns a user as a member of a group.
pub(super) fn member(user: &User) -> Member {
    Member {
        id: user.id.clone(),
        name: user.label().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Coded, UserId, UserStatus};

    fn user(id: &str) -> User {
        let group = GroupId(Id::parse("g1").unwrap());
        User {
            id: UserId(Id::parse(id).unwrap()),
            subject: id.to_owned(),
            name: None,
            email: None,
            status: Coded {
                value: UserStatus::Enabled,
                source_value: None,
            },
            is_bot: false,
            client_id: None,
            roles: None,
            groups: Some([(group, String::new())].into()),
            scopes: None,
            created_at: None,
            updated_at: None,
            invite_expires_at: None,
            picture: None,
            locale: None,
            zone_info: None,
            preferred_locale: None,
            preferred_zone_info: None,
        }
    }

    fn collecting(limit: MemberLimit) -> Collecting {
        let group = GroupId(Id::parse("g1").unwrap());
        Collecting {
            lists: [(group, List::of(limit))].into(),
            limit,
            n: 0,
        }
    }

    fn add(collecting: &mut Collecting, ids: &[&str]) -> Flow {
        let added = ids.iter().map(|id| collecting.add(&user(id)));
        match added.collect::<Option<Vec<()>>>() {
            Some(_) => Flow::Complete,
            None => Flow::Refuse,
        }
    }

    fn result(collecting: Collecting) -> (Option<Vec<Id>>, usize, MembersDigest) {
        let list = collecting.lists.into_values().next().unwrap();
        let members = list.members.into_iter().map(|it| it.id.0);
        let members = (!list.is_over).then(|| members.collect());
        (members, collecting.n, list.digest)
    }

    /// A group has the members of all users, whatever was read of its list before.
    #[test]
    fn a_list_that_does_not_tell_everything_leaves_nothing() {
        let all = ["u1", "u2", "u3"];
        for most in [0, 1, 2, 3, 9] {
            let limit = MemberLimit::LeaveOut(most);
            for n_posted in 0..=all.len() {
                let mut found = collecting(limit);
                let flow = collected(
                    &mut found,
                    |list| {
                        add(list, &all[..n_posted]);
                        Ok(None)
                    },
                    |list| Ok(add(list, &all)),
                );
                assert_eq!(flow.unwrap(), Flow::Complete);
                let mut expected = collecting(limit);
                add(&mut expected, &all);
                assert_eq!(result(found), result(expected), "{most} {n_posted}");
            }
        }
    }
}
