//! Spaces: what is known of them although the tenant hides parts and readings are interrupted; and
//! who can open them, now and at any earlier time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use qlik_roster::access::SpacePath;
use qlik_roster::clock::Clock;
use qlik_roster::control::query::{Opened, Which};
use qlik_roster::control::{
    AccessChangeChoice, AccessChangeRow, NotKnown, SpaceAccess, SpaceChoice, SpacePosition,
    SpaceRow, query,
};
use qlik_roster::demo::tenant::{
    Assignee, Assignment, Directory, Edit, Endpoint, Fault, Hidden, NewSpace, NewUser, RateLimits,
    Space, SpaceEdit, SpacePart, SpaceSort, Status, TenantOptions, When,
};
use qlik_roster::model::{
    self, AccessChange, AccountChange, GroupId, Id, Outcome, Path, Right, RightChange,
    RightHolders, Run, Seq, ShownPath, SpaceId, TenantName, Timestamp, Trigger, UserId,
};
use qlik_roster::store::SpaceReading;
use serde_json::Value;

use crate::access::user_access;
use crate::guard::removals;
use crate::histories::operator::{Decision, Interruption};
use crate::histories::{
    Guard, Known, Looked, QUIET, Removals, Tally, Time, first_look, hide_or_show, without_groups,
};
use crate::space_diff;
use crate::space_kills::age;
use crate::support::{Running, World, within};

/// Histories in an ordinary run, and with `QLIK_ROSTER_LONG`.
const HISTORIES: u64 = 6;
const MANY_HISTORIES: u64 = 60;

/// Readings in one history.
const STEPS: usize = 6;

const PARTS: [SpacePart; 3] = [SpacePart::Itself, SpacePart::Assignments, SpacePart::Shares];

/// After this time all spaces are due again.
pub const DAY: Duration = Duration::from_secs(25 * 3_600);

fn acme() -> TenantName {
    TenantName("acme".to_owned())
}

pub fn clock() -> Clock {
    Clock::stopped_at(Timestamp::parse("2026-03-01T08:00:00Z").unwrap())
}

/// A world whose spaces are read.
pub async fn world(clock: Clock, spaces: usize) -> World {
    let world = World::by(
        clock,
        TenantOptions {
            users: 30,
            groups: 6,
            spaces,
            rate_limits: RateLimits::Off,
            ..TenantOptions::default()
        },
    )
    .await;
    let config = world.standard_config();
    world.write_config(&format!("[access]\nspaces = true\n{config}"));
    world
}

/// Returns how far the spaces were read.
pub fn reading(running: &Running) -> SpaceReading {
    let store = running.store();
    let known = store.tenants().unwrap().remove(0);
    store.space_reading(known.no).unwrap()
}

/// Waits until all spaces were read once.
pub async fn read_once(running: &Running) {
    within("the spaces are read", || async {
        reading(running).mark.last.is_some()
    })
    .await;
}

/// Lets a day pass, and waits until all spaces were read again. Returns the run.
pub async fn read_again(world: &World, running: &Running) -> Run {
    world.clock.set(world.clock.now().plus(DAY));
    running.sync().await;
    let now = world.clock.now();
    within("the spaces are read again", || async {
        reading(running).mark.last == Some(now)
    })
    .await;
    ended_reading(running).await
}

/// Returns the last run that read spaces, once it has ended.
pub async fn ended_reading(running: &Running) -> Run {
    within("the reading has ended", || async {
        last_reading(running)
            .await
            .is_some_and(|run| run.outcome != Outcome::Running)
    })
    .await;
    last_reading(running).await.unwrap()
}

async fn last_reading(running: &Running) -> Option<Run> {
    let runs = running.last_runs(50).await.into_iter();
    let mut runs = runs.filter(|run| run.trigger == Trigger::Spaces);
    runs.next()
}

/// Who has access to a space, with the paths to the space and those to single apps.
type Reckoning = BTreeMap<UserId, (BTreeSet<String>, BTreeSet<String>)>;

/// Computes this from what is known: each user with each assignment and each share.
fn reckon(space: &Space, known: &Known) -> Reckoning {
    let mut reckoning = Reckoning::new();
    let everyone = known.everyone();
    for (user, of_user) in &known.users {
        let path = |assignee: &Assignee| match assignee {
            Assignee::User(id) | Assignee::Bot(id) if id == user => Some("direct".to_owned()),
            Assignee::Group(id) if everyone.contains(id) => Some(format!("everyone {id}")),
            Assignee::Group(id) if of_user.is_in(id) => Some(format!("group {id}")),
            Assignee::User(_) | Assignee::Bot(_) | Assignee::Group(_) | Assignee::Link => None,
        };
        let (mut grants, mut apps) = (BTreeSet::new(), BTreeSet::new());
        if space.owner.as_ref() == Some(user) {
            grants.insert("owner: ".to_owned());
        }
        for assignment in space.assignments.values() {
            if let Some(path) = path(&assignment.assignee) {
                grants.insert(format!("{path}: {:?}", assignment.roles));
            }
        }
        for share in space.shares.values() {
            if let Some(path) = path(&share.with) {
                apps.insert(format!("{} {path}: {:?}", share.app, share.roles));
            }
        }
        reckoning.insert(user.clone(), (grants, apps));
    }
    // A user with no access beyond what everybody has is not listed.
    let is_own = |path: &String| !path.contains("everyone");
    reckoning.retain(|_, (grants, apps)| grants.iter().chain(apps.iter()).any(is_own));
    reckoning
}

fn word(path: &SpacePath) -> String {
    match path {
        SpacePath::Owner => "owner".to_owned(),
        SpacePath::Direct => "direct".to_owned(),
        SpacePath::Group(id) => format!("group {id}"),
        SpacePath::Everyone(id) => format!("everyone {id}"),
    }
}

fn as_reckoning(rows: &[SpaceRow]) -> Reckoning {
    let mut reckoning = Reckoning::new();
    for row in rows {
        let grants = row.grants.iter().map(|grant| match &grant.path {
            SpacePath::Owner => "owner: ".to_owned(),
            path => format!("{}: {:?}", word(path), grant.roles),
        });
        let apps = row.shares.iter().map(|grant| {
            let app = grant.resource.clone().unwrap_or_default();
            format!("{app} {}: {:?}", word(&grant.path), grant.roles)
        });
        let twice = reckoning.insert(row.user.id.clone(), (grants.collect(), apps.collect()));
        assert_eq!(twice, None, "a row came twice");
    }
    reckoning
}

/// Asks for all rows of a space, in pages of a few. Returns the first page with them.
async fn ask(
    running: &Running,
    space: &str,
    which: Which,
    at: Option<Timestamp>,
    limit: usize,
) -> SpaceAccess {
    let mut whole: Option<SpaceAccess> = None;
    let mut after: Option<SpacePosition> = None;
    loop {
        let mut page = running
            .ask(query::SpaceAccess {
                tenant: acme(),
                opened: Opened::Space(space.to_owned()),
                user: None,
                which,
                at,
                after,
                limit,
            })
            .await;
        after = page.next.take();
        match &mut whole {
            Some(whole) => {
                whole.rows.extend(page.rows);
                whole.envelope.not_known.extend(page.envelope.not_known);
                let shown = page.space.into_iter().flat_map(|it| it.entries);
                let all = whole.space.as_mut().unwrap();
                all.entries.extend(shown);
            }
            None => whole = Some(page),
        }
        if after.is_none() {
            return whole.unwrap();
        }
    }
}

pub async fn now(running: &Running, space: &SpaceId) -> SpaceAccess {
    ask(running, &space.to_string(), Which::Own, None, 500).await
}

/// Returns the roles of all paths of the rows.
fn assigned(answer: &SpaceAccess) -> Vec<String> {
    let rows = answer.rows.iter().flat_map(|row| &row.grants);
    let roles = rows.flat_map(|grant| grant.roles.iter().cloned());
    roles.collect()
}

/// A list of a space: who has which roles.
type List = BTreeSet<(Assignee, BTreeSet<String>)>;

/// What was known at a time: of spaces, and of users and groups.
pub struct Sight {
    pub at: Timestamp,
    /// The last entry of the journal.
    seq: Seq,
    /// The lists that were never visible as a whole.
    pub never: BTreeSet<(SpaceId, SpacePart)>,
    /// The parts of spaces that were not visible as a whole at the last look.
    pub unseen: BTreeSet<(SpaceId, SpacePart)>,
    /// The spaces that were known at some time.
    ever: BTreeSet<SpaceId>,
    /// The older spaces that became visible only in this step.
    late: BTreeSet<SpaceId>,
    doubts: Doubts,
    /// The users whose groups were not visible at some time in this step.
    without_groups: BTreeSet<UserId>,
    pub spaces: BTreeMap<SpaceId, Space>,
    pub known: Known,
}

/// The assignees that a space lost, if so much was lost at once that they stay until the next reading
/// shows the same.
type Doubts = BTreeMap<SpaceId, BTreeSet<Assignee>>;

/// Returns the assignees that are gone, or have lost all their roles.
fn lost(before: &Space, now: &Space) -> BTreeSet<Assignee> {
    let lost = before.assignments.values().filter(|old| {
        let mut new = now.assignments.values();
        let new = new.find(|new| new.assignee == old.assignee);
        new.is_none_or(|new| new.roles.is_empty() && !old.roles.is_empty())
    });
    lost.map(|old| old.assignee.clone()).collect()
}

impl Sight {
    fn of(last: Option<&Self>, users: Known, history: &History) -> Self {
        let (world, running) = (&history.world, history.running());
        let (at, tenant) = (world.clock.now(), world.tenant.directory());
        let none = BTreeMap::new();
        let known = last.map_or(&none, |last| &last.spaces);
        let mut doubts = last.map_or_else(Doubts::new, |last| last.doubts.clone());
        let mut unseen = BTreeSet::new();
        let spaces = see(known, &mut doubts, &mut unseen, (tenant, history.guard));
        let mut ever = last.map_or_else(BTreeSet::new, |last| last.ever.clone());
        let is_late = |space: &&Space| {
            let is_older = last.is_some_and(|last| space.created_at < last.at);
            // If it was created in the minutes before the last reading, it counts as new. With the
            // system's clock, each space was.
            is_older && !ever.contains(&space.id) && history.time == Time::Stopped
        };
        let late = spaces.values().filter(is_late);
        let late = late.map(|space| space.id.clone()).collect();
        ever.extend(spaces.keys().cloned());
        Self {
            at,
            seq: running.store().last_seq(),
            never: never_seen(last, &spaces, &doubts, tenant),
            unseen,
            ever,
            late,
            doubts,
            without_groups: history.without_groups.clone(),
            spaces,
            known: users,
        }
    }

    /// Returns whether it is visible in which groups a user is. Whoever is not there is in none.
    pub fn shows_groups(&self, user: &UserId) -> bool {
        let user = self.known.users.get(user);
        user.is_none_or(|user| user.groups.is_some())
    }

    /// Returns the list of a space that gives a right.
    fn list(&self, (space, part, _): &RightWords) -> Option<List> {
        let space = self.spaces.get(space)?;
        let assigned = space.assignments.values();
        let assigned = assigned.map(|it| (it.assignee.clone(), it.roles.clone()));
        let shared = space.shares.values();
        let shared = shared.map(|it| (it.with.clone(), it.roles.clone()));
        Some(match (*part)? {
            SpacePart::Assignments => assigned.collect(),
            SpacePart::Shares | SpacePart::Itself => shared.collect(),
        })
    }

    /// Returns whether it is not visible who holds a right: the list that grants it was never
    /// visible as a whole, or the space became visible only in this step.
    fn hides(&self, (space, part, _): &RightWords) -> bool {
        let is_hidden = part.is_some_and(|part| self.never.contains(&(space.clone(), part)));
        is_hidden || self.late.contains(space)
    }

    /// Returns whether a path leads through a group that is known to be assigned.
    fn knows(&self, (space, part, _): &RightWords, path: &Path) -> bool {
        let (Path::Group(group), Some(SpacePart::Assignments)) = (path, part) else {
            return false;
        };
        let space = self.spaces.get(space);
        let assigned = space.iter().flat_map(|space| space.assignments.values());
        let mut assigned = assigned.map(|it| &it.assignee);
        assigned.any(|it| *it == Assignee::Group(group.clone()))
    }
}

/// Returns what a reading can see: hidden parts stay as they were known.
fn see(
    known: &BTreeMap<SpaceId, Space>,
    doubts: &mut Doubts,
    unseen: &mut BTreeSet<(SpaceId, SpacePart)>,
    (tenant, guard): (&Directory, Guard),
) -> BTreeMap<SpaceId, Space> {
    let mut seen = BTreeMap::new();
    if guard == Guard::Never {
        // A space that is gone stays, and counts as not visible.
        for (id, before) in known.iter().filter(|(id, _)| tenant.space(id).is_none()) {
            unseen.extend(PARTS.map(|part| (id.clone(), part)));
            seen.insert(id.clone(), before.clone());
        }
    }
    for space in tenant.spaces() {
        let before = known.get(&space.id);
        let hides = |part| space.hidden.contains_key(&part);
        match space.hidden.get(&SpacePart::Itself) {
            // It seems to be gone.
            Some(404) if guard != Guard::Never => {
                doubts.remove(&space.id);
                continue;
            }
            Some(_) => {
                if let Some(before) = before {
                    unseen.extend(PARTS.map(|part| (space.id.clone(), part)));
                    seen.insert(space.id, before.clone());
                }
                continue;
            }
            None => {}
        }
        let mut space = space.clone();
        let garbled = std::mem::take(&mut space.garbled);
        let known = before.map(|before| before.assignments.clone());
        let known = known.unwrap_or_default();
        if hides(SpacePart::Assignments) {
            space.assignments = known;
            unseen.insert((space.id.clone(), SpacePart::Assignments));
        } else if space.assignments.keys().any(|id| garbled.contains(id)) {
            unseen.insert((space.id.clone(), SpacePart::Assignments));
            space.assignments.retain(|id, _| !garbled.contains(id));
            let lost = before.map_or(BTreeSet::new(), |before| lost(before, &space));
            add_known(&mut space, known, &lost);
        } else {
            let lost = before.map_or(BTreeSet::new(), |before| lost(before, &space));
            let doubted = doubts.remove(&space.id);
            let is_doubtful = is_doubtful(guard, &lost, &known, &space);
            if is_doubtful && doubted.as_ref() != Some(&lost) {
                add_known(&mut space, known, &lost);
                unseen.insert((space.id.clone(), SpacePart::Assignments));
                doubts.insert(space.id.clone(), lost);
            }
        }
        let known = before.map(|before| before.shares.clone());
        let known = known.unwrap_or_default();
        if hides(SpacePart::Shares) {
            space.shares = known;
            unseen.insert((space.id.clone(), SpacePart::Shares));
        } else if space.shares.keys().any(|id| garbled.contains(id)) {
            unseen.insert((space.id.clone(), SpacePart::Shares));
            space.shares.retain(|id, _| !garbled.contains(id));
            for (id, share) in known {
                space.shares.entry(id).or_insert(share);
            }
        }
        seen.insert(space.id.clone(), space);
    }
    seen
}

/// Returns whether so many assignees are lost at once that another reading must show the same: all
/// of them, or as many as the guard does not allow.
fn is_doubtful(
    guard: Guard,
    lost: &BTreeSet<Assignee>,
    known: &BTreeMap<Id, Assignment>,
    shown: &Space,
) -> bool {
    let (n_lost, n_known) = (lost.len(), known.len());
    let mut shown = shown.assignments.values();
    let is_empty = shown.all(|it| lost.contains(&it.assignee));
    let is_too_much = match guard {
        Guard::Open => false,
        Guard::Limits => {
            (n_known >= 4 && 2 * n_lost >= n_known) || (n_known >= 20 && 4 * n_lost > n_known)
        }
        Guard::Never => true,
    };
    n_lost > 0 && (is_empty || is_too_much)
}

/// Adds what was known to what is shown of the assignments. Each assignee has one; one that is
/// shown without roles keeps the known ones.
fn add_known(space: &mut Space, known: BTreeMap<Id, Assignment>, lost: &BTreeSet<Assignee>) {
    space
        .assignments
        .retain(|_, it| !lost.contains(&it.assignee));
    let shown = space.assignments.values();
    let shown: BTreeSet<Assignee> = shown.map(|it| it.assignee.clone()).collect();
    let others = known.into_iter();
    let others = others.filter(|(_, it)| !shown.contains(&it.assignee));
    space.assignments.extend(others);
}

/// Returns the lists of spaces that were never visible as a whole.
fn never_seen(
    last: Option<&Sight>,
    seen: &BTreeMap<SpaceId, Space>,
    doubts: &Doubts,
    tenant: &Directory,
) -> BTreeSet<(SpaceId, SpacePart)> {
    let before = last.iter().flat_map(|last| &last.never);
    let is_gone = |id: &SpaceId| seen.contains_key(id) && tenant.space(id).is_none();
    let gone = before.filter(|(id, _)| is_gone(id));
    let mut never: BTreeSet<(SpaceId, SpacePart)> = gone.cloned().collect();
    for space in tenant.spaces() {
        if !seen.contains_key(&space.id) {
            continue;
        }
        for part in [SpacePart::Assignments, SpacePart::Shares] {
            let which = (space.id.clone(), part);
            let was_seen = last.is_some_and(|last| {
                last.spaces.contains_key(&space.id) && !last.never.contains(&which)
            });
            let garbled = |id| space.garbled.contains(id);
            let is_partial = match part {
                SpacePart::Assignments => {
                    space.assignments.keys().any(garbled) || doubts.contains_key(&space.id)
                }
                SpacePart::Shares | SpacePart::Itself => space.shares.keys().any(garbled),
            };
            let is_hidden = [part, SpacePart::Itself]
                .iter()
                .any(|part| space.hidden.contains_key(part));
            if (is_hidden || is_partial) && !was_seen {
                never.insert(which);
            }
        }
    }
    never
}

/// A right: the space, the list that grants it, and its description.
pub type RightWords = (SpaceId, Option<SpacePart>, String);

/// Who holds which right in spaces: by paths of their own, or by paths that everybody has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    pub own: BTreeMap<(UserId, RightWords), BTreeSet<String>>,
    pub everybodys: BTreeMap<RightWords, BTreeSet<String>>,
}

/// Computes who holds what: each user with each assignment and each share.
pub fn holdings(sight: &Sight) -> Holdings {
    let mut holdings = Holdings::default();
    let everyone = sight.known.everyone();
    for space in sight.spaces.values() {
        let of_space = |part, words: String| (space.id.clone(), part, words);
        let mut entries = Vec::new();
        for it in space.assignments.values() {
            let part = Some(SpacePart::Assignments);
            let rights = it.roles.iter().map(|role| of_space(part, role.clone()));
            entries.push((&it.assignee, rights.collect::<Vec<_>>()));
        }
        for it in space.shares.values() {
            let part = Some(SpacePart::Shares);
            let rights = it.roles.iter();
            let rights = rights.map(|role| of_space(part, format!("{role} of {}", it.app)));
            entries.push((&it.with, rights.collect()));
        }
        for (assignee, rights) in entries {
            for right in rights {
                if let Assignee::Group(group) = assignee
                    && everyone.contains(group)
                {
                    let paths = holdings.everybodys.entry(right).or_default();
                    paths.insert(format!("everyone {group}"));
                    continue;
                }
                for (user, of_user) in &sight.known.users {
                    let path = match assignee {
                        Assignee::User(id) | Assignee::Bot(id) if id == user => "direct".to_owned(),
                        Assignee::Group(id) if of_user.is_in(id) => format!("group {id}"),
                        Assignee::User(_)
                        | Assignee::Bot(_)
                        | Assignee::Group(_)
                        | Assignee::Link => continue,
                    };
                    let who = (user.clone(), right.clone());
                    holdings.own.entry(who).or_default().insert(path);
                }
            }
        }
        if let Some(owner) = &space.owner
            && sight.known.users.contains_key(owner)
        {
            let who = (owner.clone(), of_space(None, "owner".to_owned()));
            holdings.own.insert(who, ["owner".to_owned()].into());
        }
    }
    holdings
}

pub fn in_words(right: &Right) -> RightWords {
    match right {
        Right::Role(_) => panic!("no role changes"),
        Right::SpaceRole { space, role } if role == "owner" => {
            (space.id.clone(), None, role.clone())
        }
        Right::SpaceRole { space, role } => {
            (space.id.clone(), Some(SpacePart::Assignments), role.clone())
        }
        Right::App {
            space,
            resource,
            role,
            ..
        } => {
            let words = format!("{role} of {}", resource.as_deref().unwrap());
            (space.id.clone(), Some(SpacePart::Shares), words)
        }
    }
}

pub fn path_words(paths: &[ShownPath]) -> BTreeSet<String> {
    let words = paths.iter().map(|shown| match &shown.path {
        Path::Direct => "direct".to_owned(),
        Path::Owner => "owner".to_owned(),
        Path::Group(id) => format!("group {id}"),
        Path::Everyone(id) => format!("everyone {id}"),
        Path::UserDefault => panic!("no space is everybody's by default"),
    });
    words.collect()
}

/// Returns all changes of rights, read in pages.
async fn all_changes(running: &Running, limit: usize) -> Vec<AccessChangeRow> {
    let (mut rows, mut after) = (Vec::<AccessChangeRow>::new(), None);
    loop {
        let page = running
            .ask(query::AccessChanges {
                tenant: Some(acme()),
                choice: AccessChangeChoice::default(),
                after,
                limit,
            })
            .await;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

/// Asserts that the receiver was told of each change of a right, and of nothing else.
async fn assert_receiver_was_told(world: &World, running: &Running) {
    let rows = all_changes(running, 200).await;
    let told: BTreeSet<(u64, Option<String>, String)> = rows
        .iter()
        .map(|row| {
            let user = match &row.right.holders {
                RightHolders::One(holder) => Some(holder.id.to_string()),
                RightHolders::Listed { .. } | RightHolders::Everybody { .. } => None,
            };
            let change = serde_json::to_value(row.right.change).unwrap();
            let kind = format!("access.{}", change.as_str().unwrap());
            (row.seq.0, user, kind)
        })
        .collect();
    let received = || -> BTreeSet<(u64, Option<String>, String)> {
        let deliveries = world.receiver.deliveries().into_iter();
        let events = deliveries.map(|delivery| delivery.body.clone());
        let of_access = |kind: &str| {
            kind.starts_with("access.") && !kind.starts_with("access.role") && kind != "role"
        };
        events
            .filter(|event| event["type"].as_str().is_some_and(of_access))
            .map(|event| {
                let user = event["data"]["user"]["remote_id"].as_str();
                let kind = event["type"].as_str().unwrap().to_owned();
                let seq = event["sequence"].as_u64().unwrap();
                (seq, user.map(str::to_owned), kind)
            })
            .collect()
    };
    within("the receiver received of all", || async {
        received().len() >= told.len()
    })
    .await;
    assert_eq!(received(), told);
}

/// Replays all events about rights in spaces, and compares who holds what with the slow model after
/// each step.
async fn replay(running: &Running, sights: &[Sight], limit: usize) {
    let mut rows = all_changes(running, limit).await;
    rows.retain(|row| row.right.right.space().is_some());
    assert_netted(&rows);
    let mut held = holdings(&sights[0]);
    let mut n_replayed = 0;
    for step in sights.windows(2) {
        let (before, after) = (&step[0], &step[1]);
        let expected = holdings(after);
        // Whoever is new may have been shown without groups, and with them in a later run.
        let was_without = |user: &UserId| {
            !before.known.users.contains_key(user) && after.without_groups.contains(user)
        };
        let hides_groups = |user: &UserId| {
            !before.shows_groups(user) || !after.shows_groups(user) || was_without(user)
        };
        let is_dim = |user: Option<&UserId>, right: &RightWords| {
            let is_hidden = before.hides(right) || after.hides(right);
            is_hidden || (right.1.is_some() && user.is_some_and(hides_groups))
        };
        let is_of_step = |row: &&AccessChangeRow| before.seq < row.seq && row.seq <= after.seq;
        for row in rows.iter().filter(is_of_step) {
            n_replayed += 1;
            let user = match &row.right.holders {
                RightHolders::One(holder) => Some(&holder.id),
                RightHolders::Everybody { .. } | RightHolders::Listed { .. } => None,
            };
            match is_dim(user, &in_words(&row.right.right)) {
                true => assert_certain(&row.right, before, after),
                false => apply(&mut held, &row.right),
            }
        }
        held.own
            .retain(|(user, right), _| !is_dim(Some(user), right));
        held.everybodys.retain(|right, _| !is_dim(None, right));
        let is_dim_own = |(user, right): &(UserId, RightWords)| is_dim(Some(user), right);
        for (who, paths) in expected.own.iter().filter(|(who, _)| is_dim_own(who)) {
            held.own.insert(who.clone(), paths.clone());
        }
        for (right, paths) in expected.everybodys.iter().filter(|it| is_dim(None, it.0)) {
            held.everybodys.insert(right.clone(), paths.clone());
        }
        assert_same(&held, &expected, after.at);
    }
    assert_eq!(n_replayed, rows.len(), "a first reading grants nothing");
    assert!(n_replayed > 0);
}

/// Asserts that a reported change is certain, although not everything about its right is visible.
fn assert_certain(right: &RightChange, before: &Sight, after: &Sight) {
    let words = in_words(&right.right);
    let holder = match &right.holders {
        RightHolders::One(holder) => Some(holder),
        RightHolders::Everybody { .. } | RightHolders::Listed { .. } => None,
    };
    let shows_groups = |sight: &Sight| holder.is_none_or(|holder| sight.shows_groups(&holder.id));
    let is_there = after.spaces.contains_key(&words.0);
    match (right.change, holder.map(|holder| holder.account)) {
        // Whoever is new had nothing before, and whoever is gone has nothing now.
        (_, Some(AccountChange::Created | AccountChange::Deleted))
        | (AccessChange::PathChanged, _) => {}
        (AccessChange::Granted, _) => {
            let was_hidden = before.hides(&words) || after.late.contains(&words.0);
            // The groups may have become visible before the list changed.
            let may_follow = before.list(&words) != after.list(&words) && shows_groups(after);
            let mut paths = right.after.iter().map(|shown| &shown.path);
            let is_certain = paths.any(|path| {
                let is_by_group = matches!(path, Path::Group(_));
                (!was_hidden || before.knows(&words, path))
                    && (!is_by_group || shows_groups(before) || may_follow)
            });
            assert!(is_certain, "{right:?}");
        }
        (AccessChange::Revoked, _) => {
            let part = words.1.filter(|_| is_there);
            let is_hidden = part.is_some_and(|part| {
                after.never.contains(&(words.0.clone(), part)) || !shows_groups(after)
            });
            assert!(!is_hidden, "{right:?}");
        }
    }
}

/// Asserts that both are the same. Shows only what differs: a message with all rights would be
/// unreadable.
fn assert_same(held: &Holdings, expected: &Holdings, at: Timestamp) {
    let differs = |(one, other): (&Holdings, &Holdings)| {
        let own = one.own.iter();
        let own = own.filter(|(who, paths)| other.own.get(*who) != Some(*paths));
        let everybodys = one.everybodys.iter();
        let everybodys =
            everybodys.filter(|(right, paths)| other.everybodys.get(*right) != Some(*paths));
        let own = own.map(|it| format!("{it:?}"));
        own.chain(everybodys.map(|it| format!("all: {it:?}")))
            .collect::<Vec<_>>()
    };
    let none: [String; 0] = [];
    assert_eq!(differs((held, expected)), none, "only told, at {at}");
    assert_eq!(differs((expected, held)), none, "not told, at {at}");
}

/// Asserts that each run reports each right of a user at most once.
fn assert_netted(rows: &[AccessChangeRow]) {
    let mut told = BTreeSet::new();
    for row in rows {
        let user = match &row.right.holders {
            RightHolders::One(holder) => Some(holder.id.clone()),
            RightHolders::Everybody { .. } => None,
            RightHolders::Listed { .. } => panic!("a list is given user by user"),
        };
        let is_new = told.insert((row.run, user, in_words(&row.right.right)));
        assert!(is_new, "it is told twice: {row:?}");
    }
}

/// Applies what an event says, and checks that it says what was held before.
fn apply(held: &mut Holdings, right: &RightChange) {
    let words = in_words(&right.right);
    let (before, after) = (path_words(&right.before), path_words(&right.after));
    let expected = match (before.is_empty(), after.is_empty()) {
        (true, _) => AccessChange::Granted,
        (_, true) => AccessChange::Revoked,
        (false, false) => AccessChange::PathChanged,
    };
    assert_eq!(right.change, expected, "{right:?}");
    let own = |paths: BTreeSet<String>| -> BTreeSet<String> {
        let own = paths.into_iter();
        own.filter(|path| !path.starts_with("everyone")).collect()
    };
    let (was, said) = match &right.holders {
        RightHolders::One(holder) => {
            let who = (holder.id.clone(), words);
            let (before, after) = (own(before), own(after));
            let was = match after.is_empty() {
                true => held.own.remove(&who),
                false => held.own.insert(who, after),
            };
            (was, before)
        }
        RightHolders::Everybody { .. } => {
            let was = match after.is_empty() {
                true => held.everybodys.remove(&words),
                false => held.everybodys.insert(words, after),
            };
            (was, before)
        }
        RightHolders::Listed { .. } => panic!("a list is given user by user"),
    };
    assert_eq!(was.unwrap_or_default(), said, "{right:?}");
}

/// Makes a random change in the tenant.
fn change(tenant: &Directory, dice: &mut fastrand::Rng, spared: &[UserId]) {
    let mut users = tenant.users();
    users.retain(|user| !spared.contains(&user.id));
    let user = users[dice.usize(..users.len())].clone();
    let mut groups = tenant.groups();
    groups.retain(|group| group.name != QUIET);
    let group = groups[dice.usize(..groups.len())].id.clone();
    let spaces = tenant.spaces();
    let Space {
        id: space, sort, ..
    } = spaces[dice.usize(..spaces.len())].clone();
    let assignee = match dice.u32(..6) {
        0..=2 => Assignee::User(user.id.clone()),
        3 => Assignee::Group(group.clone()),
        4 => Assignee::Group(Directory::everyone()),
        _ => Assignee::Bot(user.id.clone()),
    };
    let editors: &[&str] = match sort {
        SpaceSort::Shared | SpaceSort::Data => &["producer", "facilitator"],
        SpaceSort::Managed => &["publisher", "facilitator"],
    };
    let lists = [
        (&["consumer"][..], &["consumer"][..]),
        (editors, &["basicconsumer", "contributor"]),
        (&[], &[]),
    ];
    let (roles, of_share) = lists[dice.usize(..3)];
    match dice.u32(..27) {
        0..=3 => drop(tenant.assign(&space, assignee, roles)),
        4 | 5 => drop(tenant.unassign(&space, &assignee)),
        6 => drop(tenant.share(&space, "app-1", assignee, of_share).unwrap()),
        7 => drop(tenant.share(&space, "app-2", Assignee::Link, &["basicconsumer"])),
        8 => {
            let shares = tenant.space(&space).unwrap().shares;
            if let Some(share) = shares.keys().next() {
                tenant.disable_share(&space, share).unwrap();
            }
        }
        9 => {
            let parts = [SpacePart::Itself, SpacePart::Assignments, SpacePart::Shares];
            let part = parts[dice.usize(..3)];
            let edit = match dice.bool() {
                true => SpaceEdit::Hide(part, [403, 404][dice.usize(..2)]),
                false => SpaceEdit::Show(part),
            };
            tenant.update_space(&space, edit).unwrap();
        }
        10 => drop(tenant.update_space(&space, SpaceEdit::Owner(user.id))),
        11 if spaces.len() > 4 => drop(tenant.delete_space(&space)),
        12 => {
            tenant.create_space(NewSpace {
                name: "Newly made".into(),
                sort: SpaceSort::Managed,
                owner: user.id,
            });
        }
        13 => drop(tenant.update_user(&user.id, Edit::LeaveGroup(group))),
        14 => drop(tenant.delete_user(&user.id)),
        15 => {
            let new = NewUser {
                groups: vec![group],
                ..NewUser::named("Somebody New")
            };
            let made = tenant.create_user(new).unwrap();
            if dice.bool() {
                tenant.hide_groups(&made, Hidden::Yes);
            }
        }
        16 => drop(tenant.update_user(&user.id, Edit::Status(Status::Disabled))),
        17 if groups.len() > 3 => drop(tenant.delete_group(&group)),
        18 | 19 => garble(tenant, &space, dice),
        20 => tenant.update_space(&space, SpaceEdit::Mend).unwrap(),
        // A space that exists, and that our credentials cannot see.
        21 => {
            let made = tenant.create_space(NewSpace {
                name: "Made unseen".into(),
                sort: SpaceSort::Shared,
                owner: user.id,
            });
            drop(tenant.assign(&made, Assignee::Group(group), &["consumer"]));
            let hide = SpaceEdit::Hide(SpacePart::Itself, 403);
            tenant.update_space(&made, hide).unwrap();
        }
        22 | 23 => hide_or_show(tenant, dice, spared),
        // A group that was hidden from the beginning becomes visible, and may be hidden again.
        24 => tenant.hide_groups(&user.id, [Hidden::Yes, Hidden::No][dice.usize(..2)]),
        _ => drop(tenant.update_user(&user.id, Edit::JoinGroup(group))),
    }
}

/// Makes an assignment or a share of a space unreadable.
fn garble(tenant: &Directory, id: &SpaceId, dice: &mut fastrand::Rng) {
    let space = tenant.space(id).unwrap();
    let ids = space.assignments.keys().chain(space.shares.keys());
    let ids: Vec<_> = ids.cloned().collect();
    if !ids.is_empty() {
        let garbled = ids[dice.usize(..ids.len())].clone();
        tenant.update_space(id, SpaceEdit::Garble(garbled)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_equal_those_of_a_slow_model_at_every_time_of_random_histories() {
    let long = std::env::var_os("QLIK_ROSTER_LONG").is_some();
    let one = std::env::var("QLIK_ROSTER_SEED").ok();
    let one = one.map(|text| text.parse::<u64>().unwrap());
    let histories = if long { MANY_HISTORIES } else { HISTORIES };
    let mut all = Tally::default();
    for seed in one.map_or(0..histories, |seed| seed..seed + 1) {
        let (time, guard) = (Time::of(seed), Guard::of(seed));
        println!("history {seed}, {time:?}, {guard:?}");
        let mut history = History::begin(seed, time, guard).await;
        for _ in 0..STEPS {
            history.step().await;
        }
        history.compare().await;
        history.running.take().unwrap().stop().await;
        all.add(history.tally);
    }
    println!("{all:?}");
    if one.is_none() {
        all.assert_complete_but_for_rejections();
    }
}

/// Waits until the spaces were asked for and refused.
async fn refused(running: &Running, since: Timestamp) {
    within("the spaces are refused", || async {
        let mark = reading(running).mark;
        mark.is_refused && mark.tried >= Some(since)
    })
    .await;
    ended_reading(running).await;
}

/// Starts the daemon while its credentials may see neither roles, groups nor spaces. Then gives them
/// their rights, and makes all spaces due.
async fn begin_blind(world: &World, time: Time) -> Running {
    world.tenant.hide_access(Hidden::Yes);
    let began = world.clock.now();
    let running = world.start().await;
    refused(&running, began).await;
    world.tenant.hide_access(Hidden::No);
    match time {
        Time::Stopped => {
            world.clock.set(began.plus(DAY));
            running.sync().await;
            running
        }
        Time::Real => {
            running.stop().await;
            age(world, "store");
            world.start().await
        }
    }
}

/// A tenant, a daemon that reads its spaces, and what may be known after each reading.
struct History {
    world: World,
    running: Option<Running>,
    dice: fastrand::Rng,
    time: Time,
    guard: Guard,
    /// The configurations with which spaces are not read, and are read.
    configs: (String, String),
    sights: Vec<Sight>,
    /// What is known of users and groups after the last run.
    known: Known,
    /// The users that nothing must happen to.
    spared: Vec<UserId>,
    /// The users whose groups were not visible at some time since the last sight.
    without_groups: BTreeSet<UserId>,
    tally: Tally,
}

/// What happens to the daemon between two readings.
#[derive(Debug, Clone, Copy)]
enum Event {
    Interrupted(Interruption),
    /// Spaces are switched off for a while.
    Off,
    /// The credentials lose their rights for a while, in which spaces are due.
    Blind,
}

impl History {
    async fn begin(seed: u64, time: Time, guard: Guard) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let world = world(time.clock(), 7).await;
        world.write_config(&world.standard_config());
        let off = guard.config(&world);
        let on = format!("[access]\nspaces = true\n{off}");
        world.write_config(&on);
        let tenant = world.tenant.directory();
        let quiet = tenant.create_user(NewUser::named(QUIET)).unwrap();
        tenant.create_group(QUIET);
        for _ in 0..dice.usize(..4) {
            hide_or_show(tenant, &mut dice, &[]);
        }
        for user in tenant.users() {
            if dice.u32(..8) == 0 && user.id != quiet {
                tenant.hide_groups(&user.id, Hidden::Yes);
            }
        }
        let is_blind = seed % 2 == 1;
        let running = match is_blind {
            true => begin_blind(&world, time).await,
            false => world.start().await,
        };
        read_once(&running).await;
        ended_reading(&running).await;
        running.sync().await;
        // The user of our own client exists once it has signed in.
        let mut spared = world.tenant.credential_users();
        spared.push(quiet);
        let mut history = Self {
            world,
            running: Some(running),
            dice,
            time,
            guard,
            configs: (off, on),
            sights: Vec::new(),
            known: Known::default(),
            spared,
            without_groups: BTreeSet::new(),
            tally: Tally::default(),
        };
        history.tally.blind += usize::from(is_blind);
        history.look(&Removals::default()).await;
        history
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    async fn act(&mut self) {
        for _ in 0..self.dice.usize(..15) {
            change(self.world.tenant.directory(), &mut self.dice, &self.spared);
        }
        let without_groups = without_groups(&self.world).await;
        self.without_groups.extend(without_groups);
    }

    /// Lets time pass. Changes the tenant, has an operator decide, interrupts the daemon, and has
    /// it read everything.
    async fn step(&mut self) {
        if self.time == Time::Stopped {
            // What a restart finds is later than the last step.
            let later = self.world.clock.now().plus(Duration::from_secs(60));
            self.world.clock.set(later);
        }
        let decision = Decision::make(self.running.as_ref().unwrap(), &mut self.dice).await;
        self.act().await;
        let mut approved = Removals::default();
        if let Decision::Approve(id) = &decision {
            approved = Removals::of(&removals(self.running(), *id).await);
        }
        let event = match (self.dice.u32(..7), self.time) {
            (0, _) => Event::Interrupted(Interruption::Restart),
            (1 | 2, _) => Event::Interrupted(Interruption::StopInRun),
            (3, _) => Event::Off,
            (4, _) => Event::Blind,
            (_, Time::Real) => Event::Interrupted(Interruption::Kills),
            (_, Time::Stopped) => Event::Interrupted(Interruption::Nothing),
        };
        let interruption = match event {
            Event::Interrupted(interruption) => interruption,
            Event::Off | Event::Blind => Interruption::Restart,
        };
        self.tally.note(&decision, interruption);
        decision.carry_out(self.running(), interruption).await;
        if let Event::Blind = event {
            self.lose_rights(&approved).await;
        }
        let due = self.make_due().await;
        match event {
            Event::Interrupted(_) | Event::Blind => {
                let running = self.running.take().unwrap();
                let interrupted = interruption.interrupt(&self.world, running, &mut self.dice);
                self.running = Some(interrupted.await);
            }
            Event::Off => self.switch_off_and_on(&approved).await,
        }
        self.running().sync().await;
        within("the spaces are read again", || async {
            let mark = reading(self.running()).mark;
            mark.began.is_none() && mark.last >= Some(due)
        })
        .await;
        // Whatever a kill left to report is reported now.
        self.running().sync().await;
        self.look(&approved).await;
    }

    /// Makes all spaces due. Returns the time from which on they are.
    async fn make_due(&mut self) -> Timestamp {
        match self.time {
            Time::Stopped => self.world.clock.set(self.world.clock.now().plus(DAY)),
            Time::Real => {
                self.running.take().unwrap().stop().await;
                age(&self.world, "store");
                // A kill in the moments after the first requests comes in the middle of the reading.
                let faults = self.world.tenant.faults();
                faults.clear();
                let slow = Fault::Slow(Duration::from_millis(10));
                faults.on(Endpoint::Shares, slow, When::Always);
                self.running = Some(self.world.launch().await);
            }
        }
        match self.time {
            Time::Stopped => self.world.clock.now(),
            Time::Real => self.sights[self.sights.len() - 1].at,
        }
    }

    async fn switch_off_and_on(&mut self, approved: &Removals) {
        self.running.take().unwrap().stop().await;
        self.world.write_config(&self.configs.0);
        self.running = Some(self.world.start().await);
        self.act().await;
        self.running().sync().await;
        // What this run saw stays known, even if it is hidden later in the same step.
        let running = self.running.take().unwrap();
        let looked = Looked::after(&self.known, &self.world, &running, self.guard, approved);
        self.known = looked.await.known;
        running.stop().await;
        self.world.write_config(&self.configs.1);
        self.act().await;
        self.running = Some(self.world.start().await);
    }

    /// Has everything read with credentials that may see neither roles, groups nor spaces, and gives
    /// them their rights back.
    async fn lose_rights(&mut self, approved: &Removals) {
        self.world.tenant.hide_access(Hidden::Yes);
        self.tally.blind += 1;
        let due = self.make_due().await;
        self.running().sync().await;
        refused(self.running(), due).await;
        self.running().sync().await;
        // What this run saw stays known, even if it is hidden later in the same step.
        let running = self.running.as_ref().unwrap();
        let looked = Looked::after(&self.known, &self.world, running, self.guard, approved);
        self.known = looked.await.known;
        self.world.tenant.hide_access(Hidden::No);
        self.act().await;
    }

    /// Looks at the tenant and at what waits, and notes what is known now.
    async fn look(&mut self, approved: &Removals) {
        let last = self.sights.last();
        let running = self.running.as_ref().unwrap();
        let looked = Looked::after(&self.known, &self.world, running, self.guard, approved);
        let Looked { known, waiting } = looked.await;
        self.known = known.clone();
        self.tally.hidden += usize::from(known.users.values().any(|it| it.groups.is_none()));
        self.tally.waiting += usize::from(!waiting.is_empty());
        let sight = Sight::of(last, known, self);
        let now = sight.at;
        self.sights.push(sight);
        self.without_groups.clear();
        within("the clock goes on", || async {
            self.time == Time::Stopped || self.world.clock.now() > now
        })
        .await;
    }

    async fn compare(&mut self) {
        self.running().settled().await;
        let running = self.running.as_ref().unwrap();
        let (sights, dice) = (&self.sights, &mut self.dice);
        assert_receiver_was_told(&self.world, running).await;
        replay(running, sights, dice.usize(1..60)).await;
        space_diff::compare_all(running, sights, dice).await;
        let ever: BTreeSet<&SpaceId> = sights.iter().flat_map(|it| it.spaces.keys()).collect();
        let n_sights = sights.len();
        for (n, sight) in sights.iter().enumerate() {
            // No reading finds anything in the minute after the sight.
            let at = match self.time {
                Time::Stopped => sight.at.plus(Duration::from_secs(dice.u64(..59))),
                Time::Real => sight.at,
            };
            for id in &ever {
                let limit = dice.usize(1..40);
                compare_space(running, id, sight, Some(at), limit).await;
                if n + 1 == n_sights {
                    compare_space(running, id, sight, None, limit).await;
                }
            }
            let users: Vec<&UserId> = sight.known.users.keys().collect();
            let user = users[dice.usize(..users.len())];
            compare_user(running, user, sight, dice.usize(1..10)).await;
        }
    }
}

/// Compares who can open a space with what the model computes.
async fn compare_space(
    running: &Running,
    id: &SpaceId,
    sight: &Sight,
    at: Option<Timestamp>,
    limit: usize,
) {
    let answer = ask(running, &id.to_string(), Which::Own, at, limit).await;
    let space = sight.spaces.get(id);
    assert_eq!(answer.space.is_some(), space.is_some(), "{id} at {at:?}");
    let Some(space) = space else {
        assert_eq!(answer.rows, []);
        return;
    };
    let expected = reckon(space, &sight.known);
    assert_eq!(as_reckoning(&answer.rows), expected, "{id} at {at:?}");
    let not_known = answer.envelope.not_known;
    let users = not_known.iter().filter_map(|what| match what {
        NotKnown::User { id, .. } => Some(id),
        _ => None,
    });
    let users: BTreeSet<&UserId> = users.collect();
    let hidden = sight.known.users.iter();
    let hidden = hidden.filter(|(_, user)| user.groups.is_none());
    let hidden: BTreeSet<&UserId> = hidden.map(|(id, _)| id).collect();
    match not_known.contains(&NotKnown::More) {
        true => assert!(users.is_subset(&hidden)),
        false => assert_eq!(users, hidden, "{id} at {at:?}"),
    }
}

/// Compares which spaces a user can open with what the model computes.
async fn compare_user(running: &Running, user: &UserId, sight: &Sight, limit: usize) {
    let answer = user_access(running, user, Some(sight.at), limit).await;
    let found = answer.spaces.unwrap().spaces.into_iter();
    let found: BTreeSet<SpaceId> = found.map(|it| it.space.id).collect();
    let everyone = sight.known.everyone();
    let is_everyones = |to: &Assignee| match to {
        Assignee::Group(id) => everyone.contains(id),
        Assignee::User(_) | Assignee::Bot(_) | Assignee::Link => false,
    };
    let is_open = |space: &&Space| {
        let mut assigned = space.assignments.values().map(|it| &it.assignee);
        let mut shared = space.shares.values().map(|it| &it.with);
        reckon(space, &sight.known).contains_key(user)
            || assigned.any(is_everyones)
            || shared.any(is_everyones)
    };
    let spaces = sight.spaces.values().filter(is_open);
    let expected: BTreeSet<SpaceId> = spaces.map(|space| space.id.clone()).collect();
    assert_eq!(found, expected, "{user} at {}", sight.at);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_about_spaces_unless_that_is_switched_on() {
    let world = world(clock(), 5).await;
    world.write_config(&world.standard_config());
    let running = world.start().await;
    running.sync().await;

    let answer = ask(&running, "Berlin", Which::Own, None, 10).await;

    assert_eq!(answer.envelope.not_known, [NotKnown::Spaces].into());
    for endpoint in [Endpoint::Spaces, Endpoint::Assignments, Endpoint::Shares] {
        assert_eq!(world.tenant.requests().at(endpoint), 0);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_stays_as_it_was_known_and_is_reported() {
    let world = world(clock(), 3).await;
    let tenant = world.tenant.directory();
    let spaces = tenant.spaces();
    let (seen, never) = (&spaces[0].id, &spaces[1].id);
    let user = tenant.users()[20].id.clone();
    tenant
        .assign(seen, Assignee::User(user.clone()), &["producer"])
        .unwrap();
    let hide = |space, part| {
        let edit = SpaceEdit::Hide(part, 403);
        tenant.update_space(space, edit).unwrap();
    };
    hide(never, SpacePart::Assignments);
    let running = world.start().await;
    read_once(&running).await;
    let part = |space: &SpaceId, part| NotKnown::PartOfSpace {
        id: space.clone(),
        name: tenant.space(space).unwrap().name,
        part,
    };
    let answer = now(&running, never).await;
    assert_eq!(
        answer.envelope.not_known,
        [part(never, model::SpacePart::Assignments)].into()
    );

    hide(seen, SpacePart::Assignments);
    tenant.unassign(seen, &Assignee::User(user)).unwrap();
    let run = read_again(&world, &running).await;

    assert_eq!(run.outcome, Outcome::Degraded);
    assert_eq!(run.spaces.unwrap().unseen, 2);
    let answer = now(&running, seen).await;
    assert_eq!(
        answer.envelope.not_known,
        [part(seen, model::SpacePart::Assignments)].into()
    );
    assert!(assigned(&answer).contains(&"producer".to_owned()));
    tenant
        .update_space(seen, SpaceEdit::Show(SpacePart::Assignments))
        .unwrap();
    read_again(&world, &running).await;
    let answer = now(&running, seen).await;
    assert_eq!(answer.envelope.not_known, BTreeSet::new());
    assert!(!assigned(&answer).contains(&"producer".to_owned()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_see_fewer_spaces_remove_none() {
    let world = world(clock(), 30).await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    read_once(&running).await;
    let spaces = tenant.spaces();
    for space in &spaces[..20] {
        let edit = SpaceEdit::Hide(SpacePart::Itself, 404);
        tenant.update_space(&space.id, edit).unwrap();
    }

    let run = read_again(&world, &running).await;

    let Outcome::Incomplete { reason } = &run.outcome else {
        panic!("{:?}", run.outcome);
    };
    assert!(reason.contains("20 of 30 spaces"), "{reason}");
    assert_eq!(run.spaces.unwrap().deleted, 0);
    let answer = now(&running, &spaces[0].id).await;
    assert!(!answer.rows.is_empty());
    assert_eq!(answer.envelope.not_known.len(), 1);
    // A single space that is gone is within the limit of the guard, and is removed.
    for space in &spaces[1..20] {
        let edit = SpaceEdit::Show(SpacePart::Itself);
        tenant.update_space(&space.id, edit).unwrap();
    }
    let run = read_again(&world, &running).await;
    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(run.spaces.unwrap().deleted, 1);
    let answer = now(&running, &spaces[0].id).await;
    assert_eq!(answer.space, None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_forbids_spaces_is_asked_again_the_next_day() {
    let world = world(clock(), 3).await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Spaces, Fault::Forbidden, When::Always);
    let running = world.start().await;
    let run = ended_reading(&running).await;

    assert!(
        matches!(&run.outcome, Outcome::Failed { code, .. } if code == "qlik.forbidden"),
        "{:?}",
        run.outcome
    );
    assert!(reading(&running).mark.is_refused);
    let n_asked = world.tenant.requests().at(Endpoint::Spaces);
    running.sync().await;
    assert_eq!(world.tenant.requests().at(Endpoint::Spaces), n_asked);
    faults.clear();
    running.stop().await;
    let running = world.start().await;
    read_again(&world, &running).await;
    assert!(!reading(&running).mark.is_refused);
    running.stop().await;
}

/// Stops the daemon again and again at random points of the first reading. What was read is kept.
/// Only the spaces that were being read, four at most, are read twice.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_reading_continues_where_it_stopped() {
    let n_spaces = 40;
    let world = world(clock(), n_spaces).await;
    let mut dice = fastrand::Rng::with_seed(7);
    let faults = world.tenant.faults();
    let slow = Fault::Slow(Duration::from_millis(100));
    faults.on(Endpoint::Assignments, slow, When::Always);
    let mut n_stops = 0;
    let running = loop {
        let until = world.tenant.requests().at(Endpoint::Assignments) + dice.u64(1..9);
        // `start` waits for a run to end, and the newest may be the reading itself.
        let running = world.launch().await;
        within("some are read", || async {
            world.tenant.requests().at(Endpoint::Assignments) >= until
                || !running.store().tenants().unwrap().is_empty()
                    && reading(&running).mark.last.is_some()
        })
        .await;
        if reading(&running).mark.last.is_some() {
            break running;
        }
        running.stop().await;
        n_stops += 1;
    };

    assert!(n_stops > 1, "it was never interrupted");
    let n_asked = world.tenant.requests().at(Endpoint::Assignments);
    assert!(
        n_asked <= n_spaces as u64 + 4 * n_stops,
        "{n_asked} requests, {n_stops} interruptions"
    );
    let known = first_look(&world).await;
    for space in world.tenant.directory().spaces() {
        let answer = now(&running, &space.id).await;
        assert_eq!(as_reckoning(&answer.rows), reckon(&space, &known));
    }
    running.stop().await;
}

/// The daemon soon reads the spaces that the audit log names, without reading all of them.
#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_says_which_spaces_to_read_again() {
    let world = world(Clock::system(), 12).await;
    let config = world
        .standard_config()
        .replace("poll = \"off\"", "poll = \"1s\"");
    world.write_config(&format!("[access]\nspaces = true\n{config}"));
    let tenant = world.tenant.directory();
    let running = world.start().await;
    read_once(&running).await;
    let spaces = tenant.spaces();
    let (changed, gone) = (&spaces[0].id, &spaces[1].id);
    let n_listings = world.tenant.requests().at(Endpoint::Spaces);
    let group = tenant.groups()[0].id.clone();
    let everyone = GroupId(Directory::everyone().0);

    tenant
        .assign(changed, Assignee::Group(group), &["codeveloper"])
        .unwrap();
    tenant
        .unassign(changed, &Assignee::Group(everyone))
        .unwrap();
    tenant.delete_space(gone).unwrap();
    let made = tenant.create_space(NewSpace {
        name: "Made today".into(),
        sort: SpaceSort::Data,
        owner: tenant.users()[2].id.clone(),
    });

    let expected = tenant.space(changed).unwrap();
    let known = first_look(&world).await;
    within("the change is known", || async {
        let answer = now(&running, changed).await;
        as_reckoning(&answer.rows) == reckon(&expected, &known)
    })
    .await;
    within("the deletion is known", || async {
        now(&running, gone).await.space.is_none()
    })
    .await;
    within("the creation is known", || async {
        now(&running, &made).await.space.is_some()
    })
    .await;
    assert_eq!(world.tenant.requests().at(Endpoint::Spaces), n_listings);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_who_could_take_a_role_are_listed_separately() {
    let world = world(clock(), 3).await;
    let tenant = world.tenant.directory();
    let space = tenant.create_space(NewSpace {
        name: "Vault".into(),
        sort: SpaceSort::Data,
        owner: tenant.users()[3].id.clone(),
    });
    let role = |name: &str| tenant.role_named(name).unwrap();
    let user = |role| {
        let new = NewUser {
            roles: vec![role],
            ..NewUser::named("Somebody")
        };
        tenant.create_user(new).unwrap()
    };
    let (data, analytics) = (user(role("DataAdmin")), user(role("AnalyticsAdmin")));
    let running = world.start().await;
    read_once(&running).await;

    let could = ask(&running, "vault", Which::Potential, None, 500).await;

    let could: BTreeMap<UserId, String> = could
        .rows
        .into_iter()
        .map(|row| (row.user.id, row.could_by.unwrap().name))
        .collect();
    assert_eq!(could.get(&data), Some(&"DataAdmin".to_owned()));
    assert_eq!(could.get(&analytics), None);
    assert!(could.values().any(|by| by == "TenantAdmin"));
    let has = now(&running, &space).await;
    assert_eq!(has.rows.len(), 1);
    running.stop().await;
}

async fn json(world: &World, args: &[&str]) -> Value {
    let (code, out, err) = world.command(&[args, &["--output", "json"]].concat()).await;
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

/// Asks who can open the apps of a space: app 1 has a link, app 2 is shared with Gus Guest.
async fn only_what_is_shared_of_an_app_leads_to_it(world: &World) {
    for (app, expected) in [
        ("app-1", &["Maria Silva", "Olga Owner"][..]),
        ("app-2", &["Maria Silva", "Olga Owner", "Gus Guest"]),
    ] {
        let told = json(world, &["access", "--app", app]).await;
        let rows = told["rows"].as_array().unwrap();
        let names = rows.iter().map(|row| row["user"]["name"].as_str().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), expected, "{app}");
        let entries = &told["answers"][0]["space"]["entries"];
        let shares = entries.as_array().unwrap().iter();
        let shares = shares.filter(|entry| entry["what"] == "share");
        let apps = shares.map(|entry| entry["resource_id"].as_str().unwrap());
        assert_eq!(apps.collect::<Vec<_>>(), [app]);
    }
    let args = ["access", "explain", "--user", "Gus Guest", "--app", "app-2"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("app-2"), "{out}");
    let (code, _, err) = world.command(&["access", "--app", "app-3"]).await;
    assert_eq!(code, 7, "{err}");
    assert!(
        err.contains("not known who can open the app `app-3`"),
        "{err}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_asks_who_can_open_a_space() {
    let world = world(Clock::system(), 2).await;
    let tenant = world.tenant.directory();
    let sales = tenant.create_group("Sales");
    let maria = NewUser {
        groups: vec![sales.clone()],
        ..NewUser::named("Maria Silva")
    };
    let maria = tenant.create_user(maria).unwrap();
    let owner = tenant.create_user(NewUser::named("Olga Owner")).unwrap();
    let space = tenant.create_space(NewSpace {
        name: "Sales EMEA".into(),
        sort: SpaceSort::Shared,
        owner,
    });
    for (assignee, role) in [
        (Assignee::Group(sales), "producer"),
        (Assignee::User(maria), "consumer"),
        (Assignee::Group(Directory::everyone()), "consumer"),
    ] {
        tenant.assign(&space, assignee, &[role]).unwrap();
    }
    tenant
        .share(&space, "app-1", Assignee::Link, &["basicconsumer"])
        .unwrap();
    let guest = tenant.create_user(NewUser::named("Gus Guest")).unwrap();
    let with = Assignee::User(guest);
    tenant
        .share(&space, "app-2", with, &["basicconsumer"])
        .unwrap();
    let running = world.start().await;
    read_once(&running).await;

    let told = json(&world, &["access", "--space", "sales emea"]).await;
    let names: Vec<_> = told["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["user"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Maria Silva", "Olga Owner", "Gus Guest"]);
    let answer = &told["answers"][0];
    assert_eq!(answer["complete"], true, "{answer}");
    assert_eq!(answer["space"]["name"], "Sales EMEA");
    assert_eq!(answer["space"]["everybody"]["paths"][0]["type"], "everyone");
    let link = answer["space"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["anonymous"] == true)
        .unwrap();
    assert_eq!(link["resource_id"], "app-1");

    let (code, out, err) = world.command(&["access", "--space", "Sales EMEA"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("directly, by the group Sales, as all users are, by"),
        "{out}"
    );
    assert!(
        err.contains("Anybody who has the link can open the app app-1"),
        "{err}"
    );
    assert!(
        err.contains("users of `acme` have access to Sales EMEA as consumer"),
        "{err}"
    );

    let args = [
        "access",
        "explain",
        "--user",
        "Maria Silva",
        "--space",
        "Sales EMEA",
    ];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("by 3 paths"), "{out}");
    assert!(
        out.contains("Maria Silva -> group Sales -> producer -> Sales EMEA"),
        "{out}"
    );

    let told = json(&world, &["access", "--user", "Maria Silva"]).await;
    let spaces = told["spaces"]["spaces"].as_array().unwrap();
    assert!(spaces.iter().any(|it| it["space"]["name"] == "Sales EMEA"));

    only_what_is_shared_of_an_app_leads_to_it(&world).await;

    let (code, _, err) = world.command(&["access", "--space", "Nowhere"]).await;
    assert_eq!(code, 7, "{err}");
    assert!(err.contains("No space is called `Nowhere`."), "{err}");
    let (_, out, _) = world.command(&["events", "--type", "space.*"]).await;
    assert!(
        !out.contains("space.created"),
        "the first reading tells nothing: {out}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_that_could_never_be_read_is_not_forgotten() {
    let world = world(Clock::system(), 3).await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Spaces, Fault::WrongType, When::Always);
    let running = world.start().await;
    read_once(&running).await;

    let asked = query::Spaces {
        tenant: acme(),
        choice: SpaceChoice::default(),
        at: None,
        after: None,
        limit: 10,
    };
    let answer = running.ask(asked).await;
    let user = world.tenant.directory().users()[0].id.clone();
    let user = user_access(&running, &user, None, 500).await;

    let unread = NotKnown::UnreadSpaces { spaces: 1 };
    for envelope in [answer.page.envelope, user.envelope] {
        assert!(envelope.not_known.contains(&unread), "{envelope:?}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_may_be_shared_where_shares_are_hidden() {
    let world = world(Clock::system(), 3).await;
    let tenant = world.tenant.directory();
    for space in &tenant.spaces()[..2] {
        let hide = SpaceEdit::Hide(SpacePart::Shares, 403);
        tenant.update_space(&space.id, hide).unwrap();
    }
    let running = world.start().await;
    read_once(&running).await;

    let answer = running
        .ask(query::SpaceAccess {
            tenant: acme(),
            opened: Opened::App("app-x".to_owned()),
            user: None,
            which: Which::Own,
            at: None,
            after: None,
            limit: 10,
        })
        .await;

    let hidden = NotKnown::Shares { spaces: 2 };
    assert!(answer.envelope.not_known.contains(&hidden), "{answer:?}");
    let (code, _, err) = world.command(&["access", "--app", "app-x"]).await;
    assert_eq!(code, 7, "{err}");
    assert!(
        err.contains("the shares of 2 spaces were not visible"),
        "{err}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spaces_of_one_name_and_with_one_app_are_each_on_one_page() {
    let world = world(clock(), 10).await;
    let tenant = world.tenant.directory();
    let user = tenant.users()[3].id.clone();
    for n in 0..30 {
        let space = tenant.create_space(NewSpace {
            name: ["Twin", "twin", "Another"][n % 3].to_owned(),
            sort: SpaceSort::Shared,
            owner: user.clone(),
        });
        let with = Assignee::User(user.clone());
        tenant
            .share(&space, "app-of-many", with, &["consumer"])
            .unwrap();
    }
    let running = world.start().await;
    read_once(&running).await;
    let now = world.clock.now();
    world.clock.set(now.plus(DAY));
    let ask = async |opened: &Opened, at, after, limit| {
        let asked = query::SpaceAccess {
            tenant: acme(),
            opened: opened.clone(),
            user: None,
            which: Which::Own,
            at,
            after,
            limit,
        };
        running.ask(asked).await
    };

    let of_name = Opened::Space("TWIN".to_owned());
    let of_app = Opened::App("app-of-many".to_owned());
    for (opened, n_found) in [(of_name, 20), (of_app, 30)] {
        for at in [None, Some(now)] {
            let whole = ask(&opened, at, None, 500).await;
            assert_eq!((whole.found.len(), &whole.next), (n_found, &None));
            assert!(whole.found.is_sorted_by(|one, next| one.id < next.id));
            for limit in [1, 7] {
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let page = ask(&opened, at, after, limit).await;
                    assert!(page.found.len() <= limit);
                    assert_eq!(page.space, None, "none of several is described");
                    found.extend(page.found);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(found, whole.found, "{opened:?} by {limit}");
            }
        }
    }
    let (code, _, err) = world.command(&["access", "--space", "twin"]).await;
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("20 spaces of `acme` are called `twin`; give the id of one of them: "),
        "{err}"
    );
    let (code, _, err) = world.command(&["access", "--app", "app-of-many"]).await;
    assert_eq!(code, 2, "{err}");
    assert!(err.contains(" and 10 more"), "{err}");
    running.stop().await;
}
