//! Compares who had which rights in spaces before a run with who has them after it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::access::{
    Concerned, Difference, SpaceGrants, SpaceRight, concerned, everybodys_space_differences,
    space_differences,
};
use crate::history::{self, HistoryError, Pair, SpacePair, SpacePairs};
use crate::model::{
    Found, GroupId, Holder, Id, Path, RightHolders, ShownPath, SpaceMention, User, UserId,
};

use super::range::Moved;
use super::rights_writer::{RightsWriter, SharedChange};
use super::times::Times;

/// About how many assignments and shares are compared at once, those before the run and those after
/// it. Each takes some 500 bytes.
const AT_ONCE: usize = 20_000;

/// How many users are compared at once.
const USERS_AT_ONCE: usize = 500;

/// Reports what users gained or lost in spaces.
pub(super) fn report(times: &Times<'_>, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
    match compare(times, writer) {
        Err(error @ HistoryError::TooManyInSpaces { .. }) => {
            // Every further attempt would fail in the same way.
            let (known, run) = (times.known, times.range.run);
            tracing::warn!(
                tenant.id = %known.tenant.id, tenant.name = %known.name, run.id = %run,
                error.code = error.code(), error = %error,
                "Not all that {run} changed in who holds what in spaces of `{}` can be compared, \
                 and the rest is not reported", known.name,
            );
            Ok(())
        }
        compared => compared,
    }
}

fn compare(times: &Times<'_>, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
    let (store, known, range) = (times.store, times.known, times.range);
    let has_moved = range.users.values().any(|it| it.moved == Moved::Yes);
    let compared =
        match has_moved || times.before.grants().everyone() != times.after.grants().everyone() {
            true => history::Compared::All,
            false if range.spaces.is_empty() => return Ok(()),
            false => history::Compared::Only(range.spaces.clone()),
        };
    let places = (range.begin, range.end);
    let mut pairs = SpacePairs::between(store, known, places, compared)?;
    let moved = MovedUsers::of(times)?;
    while let Some(portion) = Portion::next(times, &mut pairs, &moved)? {
        portion.report(writer)?;
    }
    Ok(())
}

/// The users who came or went, or whose groups changed.
struct MovedUsers {
    users: BTreeSet<UserId>,
    /// The groups that at least one of them joined or left.
    groups: BTreeSet<GroupId>,
}

impl MovedUsers {
    fn of(times: &Times<'_>) -> Result<Self, HistoryError> {
        let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
        let moved = times.range.users.iter();
        for (id, entries) in moved.filter(|(_, entries)| entries.moved == Moved::Yes) {
            let Pair { then, now } = times.pair(*entries)?;
            let of = |user: &Option<User>| -> BTreeSet<GroupId> {
                let groups = user.iter().flat_map(|user| &user.groups);
                groups.flat_map(BTreeMap::keys).cloned().collect()
            };
            let (before, after) = (of(&then), of(&now));
            groups.extend(before.symmetric_difference(&after).cloned());
            users.insert(UserId(id.clone()));
        }
        Ok(Self { users, groups })
    }

    /// Returns whether their rights in a space may have changed although the space has not.
    fn concern(&self, grants: &SpaceGrants) -> bool {
        let (mut users, mut groups) = grants.assigned();
        users.any(|user| self.users.contains(user)) || groups.any(|it| self.groups.contains(it))
    }
}

/// A space before and after the run.
struct Sides {
    space: SpaceMention,
    then: Option<SpaceGrants>,
    now: Option<SpaceGrants>,
}

impl Sides {
    fn of(times: &Times<'_>, pair: &SpacePair, found: Found) -> Self {
        let then = match (&pair.then, found) {
            (Some(space), _) => Some(SpaceGrants::of(space, times.before.grants())),
            (None, Found::New) => None,
            (None, Found::Late) => Some(SpaceGrants::hidden()),
        };
        let now = pair.now.as_ref();
        Self {
            space: pair.mention(),
            then,
            now: now.map(|space| SpaceGrants::of(space, times.after.grants())),
        }
    }

    fn everybody_differs(&self) -> bool {
        !everybodys_space_differences(self.then.as_ref(), self.now.as_ref()).is_empty()
    }
}

/// Some spaces, and who has paths to them.
struct Portion<'a> {
    times: &'a Times<'a>,
    spaces: Vec<Sides>,
    /// The spaces that each user owns or is assigned to, by their places in the list.
    of_users: BTreeMap<UserId, BTreeSet<usize>>,
    /// The spaces that each group is assigned to.
    of_groups: BTreeMap<GroupId, BTreeSet<usize>>,
    /// Whom the changes of the spaces concern.
    concerned: Concerned,
    /// The names of groups, as far as they were looked up.
    names: RefCell<BTreeMap<GroupId, Option<String>>>,
}

impl<'a> Portion<'a> {
    /// Returns the next portion: spaces in which somebody's rights may differ; `None` if there are
    /// no more. Which spaces these are does not depend on what is read later.
    fn next(
        times: &'a Times<'a>,
        pairs: &mut SpacePairs<'_>,
        moved: &MovedUsers,
    ) -> Result<Option<Self>, HistoryError> {
        let mut portion = Self {
            times,
            spaces: Vec::new(),
            of_users: BTreeMap::new(),
            of_groups: BTreeMap::new(),
            concerned: Concerned::default(),
            names: RefCell::default(),
        };
        let mut weight = 0;
        while weight < AT_ONCE
            && let Some((pair, found)) = pairs.next_pair()?
        {
            let sides = Sides::of(times, &pair, found);
            let concerned = concerned(sides.then.as_ref(), sides.now.as_ref());
            let is_concerned = !concerned.users.is_empty() || !concerned.groups.is_empty();
            let mut both = sides.then.iter().chain(&sides.now);
            if is_concerned || sides.everybody_differs() || both.any(|it| moved.concern(it)) {
                weight += pair.weight();
                portion.concerned.users.extend(concerned.users);
                portion.concerned.groups.extend(concerned.groups);
                portion.add(sides);
            }
        }
        Ok(Some(portion).filter(|portion| !portion.spaces.is_empty()))
    }

    fn add(&mut self, sides: Sides) {
        let place = self.spaces.len();
        for grants in sides.then.iter().chain(&sides.now) {
            let (users, groups) = grants.assigned();
            for user in users {
                let places = self.of_users.entry(user.clone()).or_default();
                places.insert(place);
            }
            for group in groups {
                let places = self.of_groups.entry(group.clone()).or_default();
                places.insert(place);
            }
        }
        self.spaces.push(sides);
    }

    fn report(&self, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
        self.everybody(writer)?;
        self.changed_users(writer)?;
        if self.concerned.groups.is_empty() {
            return Ok(());
        }
        self.members(writer)
    }

    /// Reports what all users gained or lost.
    fn everybody(&self, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
        let times = self.times;
        for sides in &self.spaces {
            for difference in everybodys_space_differences(sides.then.as_ref(), sides.now.as_ref())
            {
                let count = times.after.n_users(times.store, times.known)?;
                let shared = self.shared(&sides.space, difference, None)?;
                writer.push(shared.of(RightHolders::Everybody { count }))?;
            }
        }
        Ok(())
    }

    /// Looks at the users whose groups changed, who came or who went, and at those whose own
    /// assignments or shares changed.
    fn changed_users(&self, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
        let times = self.times;
        let moved = times.range.users.iter();
        let moved = moved.filter(|(_, entries)| entries.moved == Moved::Yes);
        let direct = self.concerned.users.iter().map(|user| &user.0);
        let users: BTreeSet<&Id> = moved.map(|(id, _)| id).chain(direct).collect();
        for id in users {
            let pair = if let Some(entries) = times.range.users.get(id) {
                times.pair(*entries)?
            } else {
                let id = UserId(id.clone());
                unchanged(times.after.user(times.store, times.known, &id)?)
            };
            self.user(&pair, writer)?;
        }
        Ok(())
    }

    /// Looks at all other users, since groups give other paths than before.
    fn members(&self, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
        let times = self.times;
        let mut after: Option<Id> = None;
        loop {
            let (store, known) = (times.store, times.known);
            let page = times
                .after
                .users(store, known, after.as_ref(), USERS_AT_ONCE)?;
            for user in page.users {
                let mut groups = user.groups.iter().flat_map(BTreeMap::keys);
                if groups.any(|group| self.concerned.groups.contains(group))
                    && !self.concerned.users.contains(&user.id)
                    && !self.has_moved(&user.id)
                {
                    self.user(&unchanged(Some(user)), writer)?;
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn has_moved(&self, user: &UserId) -> bool {
        let entries = self.times.range.users.get(&user.0);
        entries.is_some_and(|entries| entries.moved == Moved::Yes)
    }

    /// Reports what a user gained or lost.
    fn user(&self, pair: &Pair, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
        let Some((user, account)) = pair.account() else {
            return Ok(());
        };
        let (then, now) = (pair.then.as_ref(), pair.now.as_ref());
        for place in self.spaces_of(then.into_iter().chain(now)) {
            let Some(sides) = self.spaces.get(place) else {
                continue;
            };
            let then = (sides.then.as_ref(), then);
            let now = (sides.now.as_ref(), now);
            for difference in space_differences(then, now) {
                let shared = self.shared(&sides.space, difference, Some(user))?;
                writer.add(shared, Holder::of(user, account, self.times.range.at))?;
            }
        }
        Ok(())
    }

    /// Returns the places of the spaces to which a user had or has paths.
    fn spaces_of<'u>(&self, user: impl Iterator<Item = &'u User>) -> BTreeSet<usize> {
        let mut places = BTreeSet::new();
        for user in user {
            let groups = user.groups.iter().flat_map(BTreeMap::keys);
            let by_group = groups.filter_map(|group| self.of_groups.get(group));
            let own = self.of_users.get(&user.id).into_iter();
            places.extend(own.chain(by_group).flatten());
        }
        places
    }

    fn shared(
        &self,
        space: &SpaceMention,
        difference: Difference<SpaceRight>,
        holder: Option<&User>,
    ) -> Result<SharedChange, HistoryError> {
        let shown = |paths: BTreeSet<Path>| -> Result<Vec<ShownPath>, HistoryError> {
            let shown = paths.into_iter().map(|path| {
                let group = match path.group() {
                    Some(group) => self.name_of(group, holder)?,
                    None => None,
                };
                Ok(ShownPath { path, group })
            });
            shown.collect()
        };
        Ok(SharedChange {
            right: difference.right.of(space.clone()),
            change: difference.change,
            before: shown(difference.before)?,
            after: shown(difference.after)?,
        })
    }

    /// Returns the name of a group, as it is after the run, or as it was if it is gone.
    fn name_of(
        &self,
        group: &GroupId,
        holder: Option<&User>,
    ) -> Result<Option<String>, HistoryError> {
        if let Some(name) = self.names.borrow().get(group) {
            return Ok(name.clone());
        }
        let times = self.times;
        let mut name = times.after.name_of(times.store, times.known, group)?;
        if name.is_none() {
            name = times.before.name_of(times.store, times.known, group)?;
        }
        if name.is_none() {
            let groups = holder.and_then(|user| user.groups.as_ref());
            return Ok(groups.and_then(|groups| groups.get(group)).cloned());
        }
        self.names.borrow_mut().insert(group.clone(), name.clone());
        Ok(name)
    }
}

/// Returns a user whose rights a run can only have changed by changing a space.
fn unchanged(user: Option<User>) -> Pair {
    Pair {
        then: user.clone(),
        now: user,
    }
}
