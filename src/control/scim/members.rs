//! The members of groups. Qlik has no list of them: each user lists its groups.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::answers::ScimRefusal;
use super::ids::Ids;
use super::unanswered::Unanswered;
use crate::control::reading::Reading;
use crate::model::scim::{Compared, Member, ScimFilter, ScimFilterError, Selection};
use crate::model::{Group, GroupId, GroupType, Id, Kind, Record, RecordRef, User};
use crate::store::{Known, PostingList, StoreError};

/// The most members that a group may have to be listed with them unasked: lists of groups would be
/// too long to read otherwise.
const MAX_LISTED: usize = 1_000;

/// The most members in one answer: some 30 MB.
const MAX_MEMBERS: usize = 200_000;

/// What becomes of groups with many members.
#[derive(Debug, Clone, Copy)]
pub(super) enum MemberLimit {
    /// A group with more members is shown without them.
    LeaveOut(usize),
    /// If the groups have more members together, nothing is answered.
    Refuse,
}

/// Returns the limit for lists of groups.
pub(super) fn limit_of_lists(selection: &Selection) -> MemberLimit {
    match selection.names("members") {
        true => MemberLimit::Refuse,
        false => MemberLimit::LeaveOut(MAX_LISTED),
    }
}

/// Returns the limit for one group.
pub(super) fn limit_of_one(selection: &Selection) -> MemberLimit {
    match selection.names("members") {
        true => MemberLimit::Refuse,
        false => MemberLimit::LeaveOut(MAX_MEMBERS),
    }
}

/// Returns the members of groups, as far as they are visible and wanted. The group of all users is
/// left out: Qlik lists its members nowhere.
pub(super) fn of_groups<'a>(
    reading: &Reading<'_>,
    known: &Known,
    groups: impl Iterator<Item = &'a Group>,
    limit: MemberLimit,
) -> Result<BTreeMap<GroupId, Vec<Member>>, Unanswered> {
    let groups = groups.filter(|group| group.group_type.value != GroupType::Organization);
    let groups: BTreeSet<GroupId> = groups.map(|group| group.id.clone()).collect();
    let mut collecting = Collecting {
        lists: groups.into_iter().map(|id| (id, List::default())).collect(),
        limit,
        n: 0,
    };
    if collecting.lists.is_empty() {
        return Ok(BTreeMap::new());
    }
    let flow = match posted(reading, known, &mut collecting)? {
        Some(flow) => flow,
        None => walked(reading, known, &mut collecting)?,
    };
    match flow {
        Flow::Refuse => Err(Unanswered::Refused(ScimRefusal::TooManyMembers {
            most: MAX_MEMBERS as u64,
        })),
        // Who is in a group whose members may be hidden is not known.
        Flow::Hidden => Ok(BTreeMap::new()),
        Flow::Complete => {
            let lists = collecting.lists.into_iter();
            let lists = lists.filter(|(_, list)| !list.is_over);
            Ok(lists.map(|(id, list)| (id, list.members)).collect())
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

#[derive(Default)]
struct List {
    members: Vec<Member>,
    /// Whether the group has too many members to be shown with them.
    is_over: bool,
}

impl Collecting {
    /// Adds a user to its groups. Returns `None` if there are too many members.
    fn add(&mut self, user: &User) -> Option<()> {
        let groups = user.groups.iter().flat_map(BTreeMap::keys);
        for group in groups {
            let Some(list) = self.lists.get_mut(group) else {
                continue;
            };
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
                        *list = List {
                            members: Vec::new(),
                            is_over: true,
                        };
                        continue;
                    }
                }
            }
            self.n += 1;
            list.members.push(Member {
                id: user.id.clone(),
                name: user.label().to_owned(),
            });
        }
        Some(())
    }
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

/// The users whom a filter names as members, by their groups. It is enough to know of them alone
/// who is in a group, since the filter asks about nobody else.
#[derive(Debug, Default)]
pub(super) struct Mentioned(BTreeMap<GroupId, Vec<Member>>);

impl Mentioned {
    /// Finds the users. Fails if the filter asks about members without naming them.
    pub(super) fn of(
        reading: &Reading<'_>,
        known: &Known,
        ids: &Ids<'_>,
        filter: &ScimFilter,
    ) -> Result<Self, Unanswered> {
        let users = match filter.compared("members") {
            Compared::With(users) => users,
            Compared::Otherwise => {
                return Err(Unanswered::Refused(ScimRefusal::Filter(ScimFilterError {
                    at: None,
                    what: "`members` can be compared by `eq` and `ne` with the ids of users, and \
                           in no other way"
                        .to_owned(),
                })));
            }
        };
        let mut found: BTreeMap<GroupId, Vec<Member>> = BTreeMap::new();
        for user in users {
            let Ok(id) = Id::parse(ids.source_of(&user)) else {
                continue;
            };
            let record = RecordRef {
                kind: Kind::User,
                id,
            };
            let Some(kept) = reading.store.get(known.no, &record)? else {
                continue;
            };
            let Record::User(user) = kept.record else {
                continue;
            };
            for group in user.groups.iter().flat_map(BTreeMap::keys) {
                let members = found.entry(group.clone()).or_default();
                if members.iter().all(|member| member.id != user.id) {
                    members.push(Member {
                        id: user.id.clone(),
                        name: user.label().to_owned(),
                    });
                }
            }
        }
        Ok(Self(found))
    }

    /// Returns those of them who are in a group.
    pub(super) fn members(&self, record: &Record) -> Option<&[Member]> {
        match record {
            Record::Group(group) => self.0.get(&group.id).map(Vec::as_slice),
            Record::User(_) | Record::Role(_) => None,
        }
    }
}
