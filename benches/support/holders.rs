//! A store of users, of whom some hold a role, for the benchmarks of questions about access.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use qlik_roster::clock::{Clock, LastClockJump};
use qlik_roster::control::{Control, Endpoints};
use qlik_roster::model::{
    Change, Coded, Fingerprint, Group, GroupId, GroupType, Id, Record, Role, RoleId, RoleType,
    RunId, Tenant, TenantId, TenantName, Timestamp, User, UserId,
};
use qlik_roster::store::{Closing, Commit, Known, MAX_QUIET, MAX_WRITES, Retention, Store, Write};
use qlik_roster::sync::TenantRegistry;

/// What to fill the store with.
pub struct Size {
    pub users: u32,
    groups: u32,
    each: u32,
    giving: u32,
    holders: u32,
    entries: u32,
    #[allow(dead_code, reason = "not every benchmark repeats its questions")]
    pub rounds: u32,
}

impl Size {
    /// Reads it from the arguments; what is not given is as usual.
    pub fn read(args: &[String]) -> Result<Self> {
        let number = |name: &str, usual: u32| -> Result<u32> {
            let place = args
                .iter()
                .position(|arg| arg.trim_start_matches('-') == name);
            match place.and_then(|place| args.get(place + 1)) {
                Some(text) => Ok(text.parse()?),
                None => Ok(usual),
            }
        };
        Ok(Self {
            users: number("users", 100_000)?,
            groups: number("groups", 5_000)?,
            each: number("each", 50)?,
            giving: number("giving", 200)?,
            holders: number("holders", 1_000)?,
            entries: number("entries", 100_000)?,
            rounds: number("rounds", 5)?,
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} users in {} of {} groups, of which {} give a role; {} holders; {} changes since",
            self.users, self.each, self.groups, self.giving, self.holders, self.entries
        )
    }
}

/// Fills a store, then changes users one after the other, a year later.
pub fn store(dir: &std::path::Path, size: &Size) -> Result<Store> {
    let store = Store::open(dir)?.store;
    let known = fill(&store, size)?;
    change(&store, &known, size)?;
    Ok(store)
}

/// Makes a control that has read nothing yet, so that earlier questions do not help it.
pub fn control(store: &Store) -> Control {
    Control::new(
        store.clone(),
        Clock::system(),
        TenantRegistry::default(),
        Endpoints::default(),
        Retention {
            keep: Duration::from_secs(86_400 * 400),
            keep_runs: 1,
        },
        Vec::new(),
        LastClockJump::of(Clock::system()),
    )
}

/// The numbers of the role of few users, the role of all users, and the role without holders. The
/// numbers of groups follow.
pub const FEW: u32 = 1;
const ALL: u32 = 2;
pub const NOBODY: u32 = 3;

/// The name of the tenant.
pub fn name() -> TenantName {
    TenantName("bench".to_owned())
}

/// Returns the id of a role or a group.
pub fn id(number: u32) -> Id {
    Id::from_object_bytes(bytes(0x6000_0000, number))
}

/// Scatters the ids of users: they do not follow the order of the numbers.
pub fn user_id(number: u32) -> Id {
    Id::from_object_bytes(bytes(number.wrapping_mul(2_654_435_761), number))
}

fn bytes(first: u32, last: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&first.to_be_bytes());
    bytes[8..].copy_from_slice(&last.to_be_bytes());
    bytes
}

fn group(size: &Size, number: u32) -> Record {
    let role = match number {
        0 => Some(FEW),
        _ => Some(ALL).filter(|_| number < size.giving),
    };
    let roles = role.map(|role| (RoleId(id(role)), String::new()));
    Record::Group(Group {
        id: GroupId(id(10 + number)),
        name: format!("Group {number}"),
        description: None,
        group_type: Coded::new(GroupType::Group, "idp"),
        status: None,
        idp_id: None,
        roles: Some(roles.into_iter().collect()),
        created_at: None,
        updated_at: None,
    })
}

fn user(size: &Size, number: u32, version: u32) -> Record {
    let step = (size.users / size.holders.max(1)).max(1);
    let holds = number.is_multiple_of(step) && number / step < size.holders;
    let is_direct = holds && (number / step).is_multiple_of(2);
    let roles = [ALL].into_iter().chain(is_direct.then_some(FEW));
    // Group 0 gives the role of few, so only its holders are in it. All other groups take turns.
    let others = size.groups.saturating_sub(1).max(1);
    let groups = (0..size.each).map(|n| 1 + number.wrapping_mul(31).wrapping_add(n * 97) % others);
    let groups = groups.chain((holds && !is_direct).then_some(0));
    // Of one user in ten, every second change adds another group, and the next one removes it.
    let joined = (version % 2 == 1 && number.is_multiple_of(10)).then_some(1 + version % others);
    let groups = groups.chain(joined);
    let groups = groups.map(|group| (GroupId(id(10 + group)), format!("Group {group}")));
    Record::User(User {
        name: Some(format!("Person {number} of version {version}")),
        email: Some(format!("person.{number}@example.com")),
        roles: Some(
            roles
                .map(|role| (RoleId(id(role)), "Role".to_owned()))
                .collect(),
        ),
        groups: Some(groups.collect()),
        ..User::new(UserId(user_id(number)), format!("idp|{number}"))
    })
}

fn quiet(record: Record) -> Write {
    Write::Quiet {
        fingerprint: print(&record),
        record,
        raw: "{}".into(),
    }
}

fn print(record: &Record) -> Fingerprint {
    let mut print = [0; 16];
    let label = record.label().as_bytes();
    for (place, byte) in label.iter().rev().take(16).enumerate() {
        print[place] = *byte;
    }
    Fingerprint(print)
}

/// Fills the store as a first load does.
fn fill(store: &Store, size: &Size) -> Result<Known> {
    let tenant = Tenant {
        id: TenantId("bench".to_owned()),
        name: "Bench".to_owned(),
        hosts: Vec::new(),
        region: None,
        status: None,
    };
    let known = store.adopt(&tenant, &name(), at(0))?;
    let roles = [FEW, ALL, NOBODY].map(|number| {
        let sort = Coded::new(RoleType::Basic, "user");
        Record::Role(Role::new(
            RoleId(id(number)),
            format!("Role {number}"),
            sort,
        ))
    });
    write(store, &known, roles.map(quiet).to_vec(), Closing::Nothing)?;
    let groups: Vec<u32> = (0..size.groups).collect();
    for some in groups.chunks(MAX_QUIET) {
        let groups = some.iter().map(|number| quiet(group(size, *number)));
        write(store, &known, groups.collect(), Closing::Nothing)?;
    }
    let mut users: Vec<u32> = (0..size.users).collect();
    users.sort_unstable_by_key(|number| user_id(*number));
    for some in users.chunks(MAX_QUIET) {
        let users = some.iter().map(|number| quiet(user(size, *number, 0)));
        write(store, &known, users.collect(), Closing::Nothing)?;
    }
    let loaded = Closing::Loaded {
        roles: 3,
        groups: u64::from(size.groups),
        users: u64::from(size.users),
    };
    write(store, &known, Vec::new(), loaded)?;
    store.tenants()?.pop().context("the tenant")
}

/// Changes one user after the other, a year later.
fn change(store: &Store, known: &Known, size: &Size) -> Result<()> {
    let changes: Vec<u32> = (0..size.entries).collect();
    for some in changes.chunks(MAX_WRITES) {
        let writes = some.iter().map(|number| {
            let (user_no, version) = (number % size.users, number / size.users);
            let change = Change::Updated {
                before: user(size, user_no, version),
                after: user(size, user_no, version + 1),
            };
            Write::Change {
                fingerprint: print(change.latest()),
                change,
                raw: "{}".into(),
                reported: None,
            }
        });
        let commit = Commit {
            at: at(365 * 86_400),
            ..commit(known, writes.collect(), Closing::Nothing)
        };
        store.commit(commit)?;
    }
    Ok(())
}

fn write(store: &Store, known: &Known, writes: Vec<Write>, closing: Closing) -> Result<()> {
    store.commit(commit(known, writes, closing))?;
    Ok(())
}

fn commit(known: &Known, writes: Vec<Write>, closing: Closing) -> Commit {
    Commit {
        tenant: known.no,
        run: RunId(1),
        at: at(0),
        account: known.tenant.account(),
        writes,
        closing,
    }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
}
