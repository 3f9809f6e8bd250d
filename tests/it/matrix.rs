//! Every fault of the tenant at every stage of a run, for as long as the run lasts: what is
//! read is right, or the run says that it is not, and nothing is lost.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use qlik_roster::demo::tenant::{
    Edit, Endpoint, Fault, NewUser, RateLimits, TenantOptions, User, When,
};
use qlik_roster::model::{Change, Fact, Outcome, Record, Run, Seq};
use qlik_roster::store::Store;

use crate::support::{World, assert_journal_leads_to_state, assert_same_as_tenant};

/// Worlds side by side: most of the time goes into waiting between retries.
const SIDE_BY_SIDE: usize = 48;

/// The stages of a run, in their order, with what the manual calls them.
const STAGES: [(Endpoint, &str); 10] = [
    (Endpoint::Token, "token"),
    (Endpoint::TenantMe, "who am I"),
    (Endpoint::Tenant, "tenant"),
    (Endpoint::Roles, "roles"),
    (Endpoint::Groups, "groups"),
    (Endpoint::SystemGroups, "system groups"),
    (Endpoint::Users, "users"),
    (Endpoint::Role, "a role by id"),
    (Endpoint::Group, "a group by id"),
    (Endpoint::User, "a user by id"),
];

fn faults() -> Vec<(Fault, &'static str)> {
    let all = [
        Fault::TooManyRequests { retry_after: 0 },
        Fault::Internal,
        Fault::Unavailable,
        Fault::Unauthorized,
        Fault::Forbidden,
        Fault::NotFound,
        Fault::Slow(Duration::from_millis(20)),
        Fault::Cut,
        Fault::Html(200),
        Fault::Truncated,
        Fault::Redirect("https://elsewhere.example/".to_owned()),
        Fault::MissingRoles,
        Fault::MissingGroups,
        Fault::EmptyAccess,
        Fault::HalfShown,
        Fault::WrongType,
        Fault::UnknownValues,
        Fault::EmptyPage,
        Fault::RepeatedCursor,
        Fault::PageLeftOut,
        Fault::EmptyCollection,
        Fault::InflatedTotal(3),
        Fault::ConsentNotTrusted,
        Fault::M2mNotAllowed,
        Fault::WrongSecret,
    ];
    all.into_iter()
        .map(|fault| {
            let name = name(&fault);
            (fault, name)
        })
        .collect()
}

/// What the manual calls a fault. A fault that is new has to be named here, and so is tried.
fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::TooManyRequests { .. } => "429",
        Fault::Internal => "500",
        Fault::Unavailable => "503",
        Fault::Unauthorized => "401",
        Fault::Forbidden => "403",
        Fault::NotFound => "404",
        Fault::Slow(_) => "slow",
        Fault::Cut => "connection cut in the body",
        Fault::Html(_) => "a proxy's page",
        Fault::Truncated => "half of the JSON",
        Fault::Redirect(_) => "redirect to elsewhere",
        Fault::MissingRoles => "no `assignedRoles`",
        Fault::MissingGroups => "no `assignedGroups`",
        Fault::EmptyAccess => "empty `assignedRoles` and `assignedGroups`",
        Fault::HalfShown => "every second record left out, total to match",
        Fault::WrongType => "a field of another type",
        Fault::UnknownValues => "unknown statuses and types",
        Fault::EmptyPage => "empty page with a next link",
        Fault::RepeatedCursor => "repeated cursor",
        Fault::PageLeftOut => "a page left out",
        Fault::EmptyCollection => "nothing at all",
        Fault::InflatedTotal(_) => "too large a total",
        Fault::ConsentNotTrusted => "consent not trusted",
        Fault::M2mNotAllowed => "M2M not allowed",
        Fault::WrongSecret => "wrong secret",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_stage_is_right_or_loses_nothing() {
    let cells = Mutex::new(BTreeMap::new());
    let all = faults()
        .into_iter()
        .enumerate()
        .flat_map(|(row, (fault, name))| {
            STAGES
                .into_iter()
                .enumerate()
                .map(move |(column, (at, stage))| {
                    (row, column, fault.clone(), at, format!("{name} at {stage}"))
                })
        });
    stream::iter(all)
        .for_each_concurrent(SIDE_BY_SIDE, |(row, column, fault, at, what)| {
            let cells = &cells;
            async move {
                let word = try_out(fault, at, &what).await;
                cells.lock().unwrap().insert((row, column), word);
            }
        })
        .await;

    let table = table(&cells.into_inner().unwrap());
    println!("{table}");
    compare("docs/reliability.md", "faults", &table);
}

/// Loads the tenant, changes something of each sort, switches the fault on for a run, and off
/// for another. Returns what became of the first, in a word.
async fn try_out(fault: Fault, at: Endpoint, what: &str) -> &'static str {
    let world = World::with(TenantOptions {
        users: 230,
        groups: 120,
        custom_roles: 130,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    let tenant = world.tenant.directory();
    let doomed_role = tenant.create_role("Doomed Role");
    let doomed_group = tenant.create_group("Doomed Group");
    let running = world.start().await;
    let people: Vec<User> = tenant
        .users()
        .into_iter()
        .filter(|user| user.client_id.is_none())
        .collect();
    tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
    tenant.delete_user(&people[120].id).unwrap();
    let renamed = Edit::Name("Zoë Ångström".to_owned());
    tenant.update_user(&people[150].id, renamed).unwrap();
    tenant.delete_role(&doomed_role).unwrap();
    tenant.delete_group(&doomed_group).unwrap();
    let gone = [
        people[120].id.to_string(),
        doomed_role.to_string(),
        doomed_group.to_string(),
    ];
    // A fault strikes where a token is asked for only if there is none yet.
    world.tenant.revoke_tokens();

    let strikes = world.tenant.faults().on(at, fault, When::Always);
    let run = running.sync().await;
    assert!(strikes.count() > 0, "{what}: the fault never struck");
    assert_nothing_lost(running.store(), &gone, what);
    let became = in_a_word(&run, running.store(), &gone);
    world.tenant.faults().clear();

    let after = running.sync().await;
    assert_eq!(
        after.outcome,
        Outcome::Succeeded,
        "{what}: {:?}",
        after.findings
    );
    assert_nothing_lost(running.store(), &gone, what);
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    let taken = taken(running.store());
    assert_eq!(taken.len(), 3, "{what}: {taken:?}");
    running.stop().await;
    became
}

/// Asserts that nobody was told of a loss that did not happen.
fn assert_nothing_lost(store: &Store, gone: &[String], what: &str) {
    for taken in taken(store) {
        assert!(gone.contains(&taken), "{what}: {taken} is told to be gone");
    }
}

/// Returns the ids of those who were told to be gone or to have lost something.
fn taken(store: &Store) -> Vec<String> {
    let entries = store.entries(Seq::START, usize::MAX).unwrap().into_iter();
    let changes = entries.filter_map(|entry| match entry.fact {
        Fact::Changed(change) => Some(change),
        Fact::Loaded { .. }
        | Fact::Held { .. }
        | Fact::Failed { .. }
        | Fact::Recovered(_)
        | Fact::EndpointDisabled { .. } => None,
    });
    changes
        .filter(|change| {
            let shift = qlik_roster::reconcile::shift(change);
            let is_gone = matches!(change, Change::Deleted { .. });
            is_gone || (shift.left + shift.revoked > 0 && !loses_what_never_was(change))
        })
        .map(|change| change.id().to_string())
        .collect()
}

/// Returns whether somebody lost the role that only a fault has told of.
fn loses_what_never_was(change: &Change) -> bool {
    match change.before() {
        Some(Record::User(before)) => before
            .roles
            .iter()
            .flatten()
            .any(|(_, name)| name == "Guest"),
        Some(Record::Role(_) | Record::Group(_)) | None => false,
    }
}

fn in_a_word(run: &Run, store: &Store, gone: &[String]) -> &'static str {
    match run.outcome {
        Outcome::Succeeded => {
            assert_eq!(taken(store).len(), gone.len(), "a success tells everything");
            "right"
        }
        Outcome::Degraded => "degraded",
        Outcome::Held => "held",
        Outcome::Incomplete { .. } => "incomplete",
        Outcome::Failed { .. } => "failed",
        Outcome::Running | Outcome::Interrupted => panic!("{:?}", run.outcome),
    }
}

fn table(cells: &BTreeMap<(usize, usize), &'static str>) -> String {
    let mut text = String::from("| fault |");
    for (_, stage) in STAGES {
        write!(text, " {stage} |").unwrap();
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(STAGES.len()));
    for (row, (_, name)) in faults().iter().enumerate() {
        write!(text, "\n| {name} |").unwrap();
        for column in 0..STAGES.len() {
            write!(text, " {} |", cells[&(row, column)]).unwrap();
        }
    }
    text
}

/// Holds a table of the manual against what was found; writes it there if `QLIK_ROSTER_BLESS`
/// is set.
fn compare(file: &str, name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let manual = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("\n<!-- end of {name} -->"),
    );
    let (head, rest) = manual.split_once(&begin).unwrap();
    let (told, tail) = rest.split_once(&end).unwrap();
    if std::env::var_os("QLIK_ROSTER_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{found}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(
        told, found,
        "{file} is not what is; QLIK_ROSTER_BLESS=1 writes it anew"
    );
}
