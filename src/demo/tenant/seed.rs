//! Fills a tenant with people who could be real: same seed and sizes, same tenant.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::demo::names::{DEPARTMENTS, FAMILY, GIVEN, Name, PLACES, ROLES};
use crate::model::{GroupId, Id, RoleId, SpaceId, Timestamp, UserId};

use super::default_roles::{DEFAULT_ROLES, USER_DEFAULT, permissions};
use super::licence::Licensed;
use super::options::{People, TenantOptions, UserDefault};
use super::record::{Group, Rare, Role, Slot, Status, UserRow};
use super::space::{Assignee, Assignment, Space, SpaceSort};
use super::state::{Mint, State, everyone, set_of};

/// 2021-01-04, when the company came to Qlik Cloud.
const FOUNDED: i64 = 1_609_718_400_000;

/// People joined over some five years since.
const JOINED_OVER_MS: u64 = 162_000_000_000;

/// The most users who have a licence at the start: a list of all would distort measurements of
/// memory.
const MAX_LICENSED: usize = 10_000;

/// The part of addresses after the `@`.
pub const MAIL_DOMAIN: &str = "acme.example";

/// Makes the tables of a new tenant.
pub fn state(options: &TenantOptions, tenant_id: String) -> State {
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let founded = Timestamp::from_millis(FOUNDED);
    let mint = Mint {
        seconds: 0,
        middle: std::array::from_fn(|_| rng.u8(..)),
        counter: rng.u32(..0x1_0000),
    };
    let everyone = Group {
        id: everyone(),
        name: "com.qlik.Everyone".into(),
        description: None,
        provider: "system",
        status: "active",
        idp_id: None,
        roles: BTreeMap::new(),
        created_at: founded,
        updated_at: founded,
    };
    let mut state = State::new(tenant_id, everyone, mint);
    state.tombstones = options.tombstones;
    roles(&mut state, options.custom_roles, founded);
    groups(&mut state, options, &mut rng, founded);
    users(&mut state, options, &mut rng);
    // We add it last, so that it is assigned to nobody.
    if options.user_default == UserDefault::Listed {
        user_default(&mut state, founded);
    }
    spaces(&mut state, options.spaces);
    licence(&mut state, options);
    state
}

fn user_default(state: &mut State, at: Timestamp) {
    let id = RoleId(state.mint.id(at));
    state.put_role(Role {
        id,
        name: USER_DEFAULT.into(),
        description: "What every user may do".into(),
        origin: "default",
        level: "user",
        permissions: None,
        scopes: Some(set_of(&["automl-experiments", "spaces.shared:create"])),
        created_at: at,
        updated_at: at,
    });
}

/// Assigns the licence to active users: every fifth gets the larger type. Every second subject is
/// shown in capitals instead of its own letter case.
fn licence(state: &mut State, options: &TenantOptions) {
    state.licence.number.clone_from(&options.licence);
    let active = state
        .users
        .iter()
        .filter(|row| row.status == Status::Active);
    let licensed = active.take(MAX_LICENSED).enumerate().map(|(n, row)| {
        let subject = match n % 2 {
            0 => row.subject.to_string(),
            _ => row.subject.to_uppercase(),
        };
        let sort = match n % 5 {
            0 => "professional",
            _ => "analyzer",
        };
        let licensed = Licensed {
            sort: sort.to_owned(),
            created_at: row.created,
        };
        (subject, licensed)
    });
    state.licence.assignments = licensed.collect();
}

/// Creates the spaces. Each has an owner, a group and a user; every fifth lets everyone in.
fn spaces(state: &mut State, n_spaces: usize) {
    let people: Vec<UserId> = state
        .users
        .iter()
        .map(|row| UserId(row.id.clone()))
        .take(n_spaces + 1)
        .collect();
    let groups: Vec<GroupId> = state
        .groups
        .iter()
        .map(|row| row.group.id.clone())
        .collect();
    // Spaces have a series of ids of their own, so that their number does not affect users' ids.
    let mut mint = Mint {
        seconds: 0,
        middle: *b"space",
        counter: 0,
    };
    for n in 0..n_spaces {
        let at = Timestamp::from_millis(FOUNDED).plus(Duration::from_secs(2_600_000 + n as u64));
        let sort = SpaceSort::ALL.get(n % 3).copied();
        let id = SpaceId(mint.id(at));
        let mut assignees: Vec<(Assignee, &str)> = Vec::new();
        let group = groups.get(n % groups.len().max(1)).cloned();
        assignees.extend(group.map(|group| (Assignee::Group(group), "consumer")));
        let user = people.get(n + 1).cloned();
        assignees.extend(user.map(|user| (Assignee::User(user), "facilitator")));
        if n % 5 == 0 {
            assignees.push((Assignee::Group(everyone()), "consumer"));
        }
        // The owner of the tenant and two others create spaces in turn.
        let by = people.get(n % 3).filter(|_| n % 3 > 0);
        let assignments = assignees.into_iter().map(|(assignee, role)| {
            let own = mint.id(at);
            (own.clone(), assignment(own, assignee, role, (at, by)))
        });
        let assignments = assignments.collect();
        let place = cycled(PLACES, n);
        let space = Space {
            id: id.clone(),
            name: match n / PLACES.len() {
                0 => place.to_owned(),
                round => format!("{place} {}", round + 1),
            },
            sort: sort.unwrap_or(SpaceSort::Shared),
            owner: people.get(n).cloned(),
            assignments,
            shares: BTreeMap::new(),
            created_at: at,
            created_by: by.cloned(),
            updated_at: at,
            hidden: BTreeMap::new(),
        };
        state.spaces.insert(id, space);
    }
}

fn assignment(
    id: Id,
    assignee: Assignee,
    role: &str,
    (at, by): (Timestamp, Option<&UserId>),
) -> Assignment {
    Assignment {
        id,
        assignee,
        roles: set_of(&[role]),
        created_at: at,
        created_by: by.cloned(),
        updated_at: at,
        updated_by: by.cloned(),
    }
}

fn roles(state: &mut State, n_custom: usize, at: Timestamp) {
    for (name, level, allows) in DEFAULT_ROLES {
        let id = RoleId(state.mint.id(at));
        state.put_role(Role {
            id,
            name: name.into(),
            description: format!("{name} role"),
            origin: "default",
            level,
            permissions: Some(permissions(allows)),
            scopes: None,
            created_at: at,
            updated_at: at,
        });
    }
    let custom = ROLES.iter().cycle().zip(0..n_custom);
    for (name, n) in custom {
        let id = RoleId(state.mint.id(at));
        let name = match n / ROLES.len() {
            0 => (*name).to_owned(),
            round => format!("{name} {}", round + 1),
        };
        state.put_role(Role {
            id,
            description: format!("What a {name} may do"),
            name,
            origin: "custom",
            level: "user",
            permissions: Some(BTreeSet::new()),
            scopes: Some(set_of(&["apps.image:export", "spaces.shared:create"])),
            created_at: at,
            updated_at: at,
        });
    }
    // The group Everyone lets all users collaborate, by a role that no user shows.
    let slot = Slot::try_from(7_usize.min(state.role_ids.len())).unwrap_or(0);
    state.everyone.roles = [slot].into();
}

fn groups(state: &mut State, options: &TenantOptions, rng: &mut fastrand::Rng, founded: Timestamp) {
    let n_roles = state.role_ids.len();
    for n in 0..options.groups {
        let at = founded.plus(Duration::from_secs(86_400 + n as u64));
        let id = GroupId(state.mint.id(at));
        let department = cycled(DEPARTMENTS, n);
        let name = match n / DEPARTMENTS.len() {
            0 => department.to_owned(),
            round => {
                let place = cycled(PLACES, round - 1);
                match (round - 1) / PLACES.len() {
                    0 => format!("{department} {place}"),
                    team => format!("{department} {place} {}", team + 1),
                }
            }
        };
        let provider = if n % 4 == 3 { "custom" } else { "idp" };
        let n_own = match options.people {
            People::Plain => n % 3,
            People::Rich => 1,
        };
        let roles: BTreeSet<Slot> = (0..n_own).map(|_| role_slot(rng, n_roles)).collect();
        let group = Group {
            id,
            description: (n % 2 == 0).then(|| format!("Everybody in {name}")),
            name,
            provider,
            status: "active",
            idp_id: (provider == "idp").then(|| format!("{:016x}", rng.u64(..))),
            roles: BTreeMap::new(),
            created_at: at,
            updated_at: at,
        };
        state.put_group(group, roles.into_iter().collect());
    }
}

fn users(state: &mut State, options: &TenantOptions, rng: &mut fastrand::Rng) {
    let first = Timestamp::from_millis(FOUNDED).plus(Duration::from_secs(30 * 86_400));
    let step = JOINED_OVER_MS / options.users.max(1) as u64;
    let (n_roles, n_groups) = (state.role_ids.len(), state.group_ids.len());
    let mut bearers: HashMap<(usize, usize), u32> = HashMap::new();
    let mut mint = Mint {
        seconds: state.mint.seconds,
        ..state.mint
    };
    let rows = (0..options.users).map(|n| {
        let created = first.plus(Duration::from_millis(n as u64 * step));
        let mut id = mint.id(created);
        if options.legacy_ids && n % 50 == 7 {
            id = legacy_id(rng);
        }
        let (given, family) = (rng.usize(..GIVEN.len()), rng.usize(..FAMILY.len()));
        let bearer = bearers.entry((given, family)).or_default();
        *bearer += 1;
        let (given, family) = (at(GIVEN, given), at(FAMILY, family));
        let local = local_part(given, family, *bearer);
        let status = match rng.u8(..100) {
            _ if n < 2 => Status::Active,
            0..=3 => Status::Disabled,
            4..=6 => Status::Invited,
            7..=9 => Status::Provisioned,
            _ => Status::Active,
        };
        let subject = match n % 3 {
            0 => format!("ACME\\{local}"),
            _ => format!("auth0|{:016x}", rng.u64(..)),
        };
        let updated = created.plus(Duration::from_secs(rng.u64(..30 * 86_400)));
        UserRow {
            id,
            subject: subject.into(),
            name: match options.people {
                People::Plain => format!("{} {}", given.0, family.0),
                People::Rich => format!("{} {n:09} {} {}", given.0, family.0, long(n)),
            }
            .into(),
            email: Some(format!("{local}@{MAIL_DOMAIN}").into()),
            status,
            roles: match options.people {
                People::Plain => some_roles(n, rng, n_roles),
                People::Rich => slots_from(rng, 3, n_roles, 0),
            },
            groups: match options.people {
                People::Plain => some_groups(rng, n_groups),
                People::Rich => slots_from(rng, 4, n_groups.saturating_sub(1), 1),
            },
            created,
            updated,
            rare: match options.people {
                People::Plain => rare(n, status, updated),
                People::Rich => Some(Box::new(pictured(n, status, updated))),
            },
        }
    });
    state.fill_users(rows.collect::<Vec<_>>().into_iter());
    state.mint = mint;
}

fn some_roles(n: usize, rng: &mut fastrand::Rng, n_roles: usize) -> Box<[Slot]> {
    // The first two run the tenant, and one in two hundred helps them.
    let admin = (n < 2 || n % 200 == 100).then_some(0);
    let n_more = match rng.u8(..10) {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    let more = (0..n_more).map(|_| 4 + role_slot(rng, n_roles - 4));
    let all: BTreeSet<Slot> = admin.into_iter().chain(more).collect();
    all.into_iter().collect()
}

fn some_groups(rng: &mut fastrand::Rng, n_groups: usize) -> Box<[Slot]> {
    let regular = n_groups.saturating_sub(1);
    if regular == 0 {
        return Box::default();
    }
    let n_joined = rng.usize(1..=3);
    let all: BTreeSet<Slot> = (0..n_joined).map(|_| 1 + role_slot(rng, regular)).collect();
    all.into_iter().collect()
}

/// Returns `wanted` different slots from a range of `there` slots that begins at `first`, or all of
/// them if there are fewer.
fn slots_from(rng: &mut fastrand::Rng, wanted: usize, there: usize, first: Slot) -> Box<[Slot]> {
    let mut all = BTreeSet::new();
    while all.len() < wanted.min(there) {
        all.insert(first + role_slot(rng, there));
    }
    all.into_iter().collect()
}

/// Returns what follows a name in companies that add a person's place to the name.
fn long(n: usize) -> String {
    let (department, place) = (cycled(DEPARTMENTS, n), cycled(PLACES, n));
    format!("({department}, {place}, external, on behalf of {MAIL_DOMAIN})")
}

/// Returns the fields that few users have, for a user who has them all.
fn pictured(n: usize, status: Status, updated: Timestamp) -> Rare {
    Rare {
        invite_expires: invite_expires(status, updated),
        locale: Some("en-GB".into()),
        zone_info: Some("Europe/Stockholm".into()),
        picture: Some(format!(
            "https://pictures.{MAIL_DOMAIN}/people/{n:09}/portrait-{:016x}.png?size=256",
            (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        )),
        scopes: Some(BTreeSet::new()),
        client_id: None,
    }
}

fn invite_expires(status: Status, updated: Timestamp) -> Option<Timestamp> {
    (status == Status::Invited)
        .then(|| Timestamp::from_millis((updated.seconds() + 30 * 86_400) * 1_000))
}

fn rare(n: usize, status: Status, updated: Timestamp) -> Option<Box<Rare>> {
    let rare = Rare {
        invite_expires: invite_expires(status, updated),
        locale: n.is_multiple_of(7).then(|| "en".into()),
        zone_info: n.is_multiple_of(7).then(|| "Europe/Stockholm".into()),
        picture: n
            .is_multiple_of(11)
            .then(|| format!("https://pictures.{MAIL_DOMAIN}/{n}.png")),
        scopes: n.is_multiple_of(13).then(BTreeSet::new),
        client_id: None,
    };
    let any = rare.invite_expires.is_some()
        || rare.locale.is_some()
        || rare.picture.is_some()
        || rare.scopes.is_some();
    any.then(|| Box::new(rare))
}

/// The part of an address before the `@`, different for each bearer of a name.
pub fn local_part(given: Name, family: Name, bearer: u32) -> String {
    match bearer {
        1 => format!("{}.{}", given.1, family.1),
        more => format!("{}.{}{more}", given.1, family.1),
    }
}

fn role_slot(rng: &mut fastrand::Rng, n_slots: usize) -> Slot {
    Slot::try_from(rng.usize(..n_slots.max(1))).unwrap_or(0)
}

fn legacy_id(rng: &mut fastrand::Rng) -> Id {
    let text: String = (0..32).map(|_| rng.alphanumeric()).collect();
    Id::parse(&text).expect("letters and digits make an id")
}

fn cycled(texts: &'static [&'static str], n: usize) -> &'static str {
    texts.get(n % texts.len()).copied().unwrap_or_default()
}

fn at(names: &[Name], n: usize) -> Name {
    names.get(n).copied().unwrap_or_default()
}
