//! How long questions about who holds a role take, with posting lists and by reading all users, now
//! and as of a year ago, and how much memory they take.
//!
//! `cargo bench --bench access -- [--users 100000] [--groups 5000] [--each 50] [--giving 200]
//! [--holders 1000] [--entries 100000] [--rounds 5]`
//!
//! It fills a store with users, each in `--each` of the groups, of which `--giving` give a role; one
//! role has `--holders` holders, half of them by a group. So many changes of users as `--entries`
//! says follow a year later, one in ten of groups and the others of names. Then it asks each question
//! while there are no lists, builds the lists, and asks again: as a daemon does, in the process that
//! has the store open. It prints milliseconds, the best and the worst of the rounds, and the ratio.
//! The first question of each sort reads roles, groups and the journal, and has a line of its own.
//! The memory is that of the process.
#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark prints its results"
)]

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use qlik_roster::clock::{Clock, LastClockJump};
use qlik_roster::control::query::{self, Which};
use qlik_roster::control::{Control, Endpoints};
use qlik_roster::model::{
    Change, Coded, Fingerprint, Group, GroupId, GroupType, Id, Kind, Record, RecordRef, Role,
    RoleId, RoleType, RunId, Tenant, TenantId, TenantName, Timestamp, User, UserId,
};
use qlik_roster::store::{Closing, Commit, Known, MAX_QUIET, MAX_WRITES, Retention, Store, Write};
use qlik_roster::sync::TenantRegistry;

/// What to fill the store with.
struct Size {
    users: u32,
    groups: u32,
    each: u32,
    giving: u32,
    holders: u32,
    entries: u32,
    rounds: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let number = |name: &str, usual: u32| -> Result<u32> {
        let place = args
            .iter()
            .position(|arg| arg.trim_start_matches('-') == name);
        match place.and_then(|place| args.get(place + 1)) {
            Some(text) => Ok(text.parse()?),
            None => Ok(usual),
        }
    };
    let size = Size {
        users: number("users", 100_000)?,
        groups: number("groups", 5_000)?,
        each: number("each", 50)?,
        giving: number("giving", 200)?,
        holders: number("holders", 1_000)?,
        entries: number("entries", 100_000)?,
        rounds: number("rounds", 5)?,
    };
    println!(
        "{} users in {} of {} groups, of which {} give a role; {} holders; {} changes since",
        size.users, size.each, size.groups, size.giving, size.holders, size.entries
    );
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path())?.store;
    let known = fill(&store, &size)?;
    change(&store, &known, &size)?;
    let empty = mib()?;
    let scanned = ask_all(&store, &size, 1).await?;
    let before = mib()?;
    let began = Instant::now();
    let mut n_steps = 0;
    while store.build_postings()? {
        n_steps += 1;
    }
    let built = began.elapsed();
    let with_lists = mib()?;
    let listed = ask_all(&store, &size, size.rounds).await?;
    println!(
        "{:>34} {:>20} {:>20} {:>8}",
        "", "all users, ms", "with lists, ms", "ratio"
    );
    for ((name, all), (_, lists)) in scanned.iter().zip(&listed) {
        println!(
            "{name:>34} {:>20} {:>20} {:>8.1}",
            span(all),
            span(lists),
            all.0 / lists.0
        );
    }
    println!(
        "lists built in {:.1} s, {n_steps} steps",
        built.as_secs_f64()
    );
    println!(
        "memory: {empty} MiB filled, {before} MiB after questions without lists, {with_lists} MiB \
         with lists, {} MiB after questions with them",
        mib()?
    );
    store.close()?;
    Ok(())
}

/// Returns what answers questions, without anything that earlier questions have read.
fn control(store: &Store) -> Control {
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

/// The shortest and the longest time of some rounds, in milliseconds.
type Span = (f64, f64);

fn span((best, worst): &Span) -> String {
    format!("{best:.2} to {worst:.2}")
}

/// A question about a role: its name, the role, which rows, how many in a page, and whether all
/// pages are asked for.
type Question = (&'static str, u32, Which, usize, Pages);

#[derive(Clone, Copy, PartialEq)]
enum Pages {
    First,
    All,
}

const QUESTIONS: [Question; 5] = [
    ("a role, 100 rows", FEW, Which::Own, 100, Pages::First),
    ("a role, 500 rows", FEW, Which::Own, 500, Pages::First),
    ("a role, all pages of 500", FEW, Which::Own, 500, Pages::All),
    ("held twice", FEW, Which::Redundant, 100, Pages::First),
    ("a role of nobody", NOBODY, Which::Own, 100, Pages::First),
];

/// Asks each question some times, now and as of the time before the changes.
async fn ask_all(store: &Store, size: &Size, rounds: u32) -> Result<Vec<(String, Span)>> {
    let mut spans = Vec::new();
    for (when, at) in [("now", None), ("a year ago", Some(at(0)))] {
        let control = control(store);
        let began = Instant::now();
        ask(&control, QUESTIONS[0], at).await?;
        let first = began.elapsed().as_secs_f64() * 1_000.0;
        spans.push((format!("first question, {when}"), (first, first)));
        for question in QUESTIONS {
            let mut taken = Vec::new();
            for _ in 0..=rounds {
                let began = Instant::now();
                ask(&control, question, at).await?;
                taken.push(began.elapsed());
            }
            spans.push((format!("{}, {when}", question.0), best_and_worst(&taken)));
        }
        let mut taken = Vec::new();
        for round in 0..=rounds {
            let began = Instant::now();
            let asked = query::UserAccess {
                tenant: name(),
                user: UserId(user_id(round * 7 % size.users)),
                role: None,
                at,
                after: None,
                limit: 500,
            };
            drop(control.ask(asked).await?);
            taken.push(began.elapsed());
        }
        spans.push((format!("a user, {when}"), best_and_worst(&taken)));
    }
    let counted = count(&control(store), rounds).await?;
    spans.push(("holders counted, now".to_owned(), counted));
    Ok(spans)
}

/// Asks a question until there is a page of rows, or until all pages were read.
async fn ask(
    control: &Control,
    (_, role, which, limit, pages): Question,
    at: Option<Timestamp>,
) -> Result<()> {
    let (mut after, mut n_rows) = (None, 0);
    loop {
        let asked = query::Access {
            tenant: name(),
            role: Some(id(role).to_string()),
            which,
            at,
            after,
            limit,
        };
        let page = control.ask(asked).await?;
        n_rows += page.rows.len();
        after = page.next;
        if after.is_none() || pages == Pages::First && n_rows >= limit {
            return Ok(());
        }
    }
}

/// Counts who holds the role of few, some times.
async fn count(control: &Control, rounds: u32) -> Result<Span> {
    let mut taken = Vec::new();
    for _ in 0..=rounds {
        let began = Instant::now();
        let mut after = None;
        loop {
            let asked = query::Holders {
                tenant: name(),
                record: RecordRef {
                    kind: Kind::Role,
                    id: id(FEW),
                },
                after,
                limit: 0,
            };
            after = control.ask(asked).await?.next;
            if after.is_none() {
                break;
            }
        }
        taken.push(began.elapsed());
    }
    Ok(best_and_worst(&taken))
}

fn best_and_worst(taken: &[Duration]) -> Span {
    let mut taken: Vec<Duration> = taken[1..].to_vec();
    taken.sort_unstable();
    let ms = |at: usize| taken.get(at).copied().unwrap_or_default().as_secs_f64() * 1_000.0;
    (ms(0), ms(taken.len().saturating_sub(1)))
}

/// The role of few, that of all, and one without holders; groups follow.
const FEW: u32 = 1;
const ALL: u32 = 2;
const NOBODY: u32 = 3;

fn name() -> TenantName {
    TenantName("bench".to_owned())
}

fn id(number: u32) -> Id {
    Id::from_object_bytes(bytes(0x6000_0000, number))
}

/// Ids of users are in no order.
fn user_id(number: u32) -> Id {
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
    // The first group is the one that gives the role of few; all others take turns.
    let others = size.groups.saturating_sub(1).max(1);
    let groups = (0..size.each).map(|n| 1 + number.wrapping_mul(31).wrapping_add(n * 97) % others);
    let groups = groups.chain((holds && !is_direct).then_some(0));
    // One change in ten brings the user into another group.
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

/// Changes users, one after the other, a year later.
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

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
}

/// Returns the memory of this process in MiB.
fn mib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.context("its memory")?.parse::<u64>()? / 1024)
}
