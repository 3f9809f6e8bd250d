//! Who may do what, by which path, now and at any earlier time: compares our answers with those
//! that a slow and simple model computes from the records.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::query::{FindingStanding, Which};
use qlik_roster::control::{
    AccessChangeChoice, AccessChangeRow, AccessPage, AccessRow, ConcernCode, ConcernSubject,
    DiffRow, NotKnown, RuleRow, Severity, Since, UserAccess, query,
};
use qlik_roster::demo::tenant::{
    Directory, Edit, GroupEdit, Hidden, NewUser, RateLimits, Status, TenantOptions, UserDefault,
};
use qlik_roster::model::{
    AccessChange, GroupType, Id, Kind, Outcome, Path, Record, RightChange, RightHolders, RoleId,
    ShownPath, TenantName, Timestamp, UserId,
};

use crate::support::{Running, World};

/// Histories in an ordinary run, and with `QLIK_ROSTER_LONG`.
const HISTORIES: u64 = 3;
const MANY_HISTORIES: u64 = 100;

/// Runs in one history.
const STEPS: usize = 8;

/// Every path of every user to every role.
type Reckoning = BTreeMap<(UserId, RoleId), BTreeSet<String>>;

/// What was known at a time.
struct Sight {
    at: Timestamp,
    records: Vec<Record>,
}

fn acme() -> TenantName {
    TenantName("acme".to_owned())
}

/// Computes the paths from records alone: each user with each role and each group.
fn reckon(records: &[Record]) -> Reckoning {
    let mut reckoning = Reckoning::new();
    for user in records {
        let Record::User(user) = user else { continue };
        let mut add = |role: &RoleId, path: String| {
            let paths = reckoning.entry((user.id.clone(), role.clone()));
            paths.or_default().insert(path);
        };
        for record in records {
            match record {
                Record::Role(role) => {
                    if user
                        .roles
                        .as_ref()
                        .is_some_and(|it| it.contains_key(&role.id))
                    {
                        add(&role.id, "direct".to_owned());
                    }
                    if role.name == "UserDefault" && role.origin.as_deref() == Some("default") {
                        add(&role.id, "every user".to_owned());
                    }
                }
                Record::Group(group) => {
                    let is_everyone = group.group_type.value == GroupType::Organization;
                    let is_in = user
                        .groups
                        .as_ref()
                        .is_some_and(|it| it.contains_key(&group.id));
                    for role in group.roles.iter().flat_map(BTreeMap::keys) {
                        if is_everyone {
                            add(role, format!("everyone {}", group.id.0));
                        } else if is_in {
                            add(role, format!("group {}", group.id.0));
                        }
                    }
                }
                Record::User(_) => {}
            }
        }
        // This adds roles that no longer exist but that the user's record still shows.
        for role in user.roles.iter().flat_map(BTreeMap::keys) {
            add(role, "direct".to_owned());
        }
    }
    reckoning
}

fn word(path: &ShownPath) -> String {
    match &path.path {
        Path::Direct => "direct".to_owned(),
        Path::Group(group) => format!("group {}", group.0),
        Path::Everyone(group) => format!("everyone {}", group.0),
        Path::UserDefault => "every user".to_owned(),
        Path::Owner => "owner".to_owned(),
    }
}

fn is_own(path: &str) -> bool {
    path == "direct" || path.starts_with("group ")
}

fn words(paths: &[ShownPath]) -> BTreeSet<String> {
    paths.iter().map(word).collect()
}

/// Keeps the roles that users hold by at least one path that not everybody has.
fn own(reckoning: Reckoning) -> Reckoning {
    let own = reckoning.into_iter();
    own.filter(|(_, paths)| paths.iter().any(|path| is_own(path)))
        .collect()
}

/// Asks for all rows, in pages of a few.
async fn all_rows(
    running: &Running,
    role: Option<String>,
    which: Which,
    at: Option<Timestamp>,
    limit: usize,
) -> Vec<AccessRow> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page: AccessPage<AccessRow, Id> = running
            .ask(query::Access {
                tenant: acme(),
                role: role.clone(),
                which,
                at,
                after,
                limit,
            })
            .await;
        assert_eq!(page.envelope.not_known, BTreeSet::new());
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

/// Asks for everything that a user holds, in pages of a few rows, and checks that no page has more.
pub async fn user_access(
    running: &Running,
    user: &UserId,
    at: Option<Timestamp>,
    limit: usize,
) -> UserAccess {
    let mut whole: Option<UserAccess> = None;
    let mut after = None;
    loop {
        let mut page = running
            .ask(query::UserAccess {
                tenant: acme(),
                user: user.clone(),
                role: None,
                at,
                after,
                limit,
            })
            .await;
        let n_spaces = page.spaces.as_ref().map_or(0, |it| it.spaces.len());
        let n_rows = page.roles.len() + page.permissions.len() + page.unseen.len() + n_spaces;
        assert!(n_rows <= limit, "{n_rows} of {limit}");
        after = page.next.take();
        match &mut whole {
            Some(whole) => {
                whole.roles.extend(page.roles);
                whole.permissions.extend(page.permissions);
                whole.unseen.extend(page.unseen);
                if let Some(spaces) = &mut whole.spaces {
                    spaces.spaces.extend(page.spaces.unwrap().spaces);
                }
            }
            None => whole = Some(page),
        }
        if after.is_none() {
            return whole.unwrap();
        }
    }
}

fn as_reckoning(rows: &[AccessRow]) -> Reckoning {
    let mut reckoning = Reckoning::new();
    for row in rows {
        let who = (row.user.id.clone(), row.role.id.clone());
        let twice = reckoning.insert(who, words(&row.paths));
        assert_eq!(twice, None, "a row came twice");
    }
    reckoning
}

/// Reads everything that is known now.
fn look(running: &Running, clock: &Clock) -> Sight {
    let store = running.store();
    let known = store.tenants().unwrap().remove(0);
    let mut records = Vec::new();
    for kind in Kind::ALL {
        store
            .walk(known.no, kind, &mut |record| {
                records.push(record.clone());
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
    }
    Sight {
        at: clock.now(),
        records,
    }
}

/// Makes a random change in the tenant.
fn change(tenant: &Directory, dice: &mut fastrand::Rng) {
    let users = tenant.users();
    let user = users[dice.usize(..users.len())].clone();
    let mut roles = tenant.roles();
    roles.retain(|role| role.name != "UserDefault");
    let role = roles[dice.usize(..roles.len())].id.clone();
    let groups = tenant.groups();
    let group = groups[dice.usize(..groups.len())].id.clone();
    let is_ours = user.client_id.is_some();
    match dice.u32(..13) {
        0 | 1 => drop(tenant.update_user(&user.id, Edit::AssignRole(role))),
        2 if !is_ours => drop(tenant.update_user(&user.id, Edit::UnassignRole(role))),
        3 => drop(tenant.update_user(&user.id, Edit::JoinGroup(group))),
        4 => drop(tenant.update_user(&user.id, Edit::LeaveGroup(group))),
        5 => drop(tenant.update_group(&group, GroupEdit::AssignRole(role))),
        6 => drop(tenant.update_group(&group, GroupEdit::UnassignRole(role))),
        7 if !is_ours => drop(tenant.delete_user(&user.id)),
        8 => {
            let new = NewUser {
                roles: vec![role],
                groups: vec![group],
                ..NewUser::named("Somebody New")
            };
            tenant.create_user(new).unwrap();
        }
        9 if !is_ours => drop(tenant.update_user(&user.id, Edit::Status(Status::Disabled))),
        10 if groups.len() > 3 => drop(tenant.delete_group(&group)),
        11 => {
            let everyone = Directory::everyone();
            let edit = match dice.bool() {
                true => GroupEdit::AssignRole(role),
                false => GroupEdit::UnassignRole(role),
            };
            tenant.update_group(&everyone, edit).unwrap();
        }
        12 => {
            let role = tenant.create_role("Newly made");
            tenant
                .update_group(&group, GroupEdit::AssignRole(role))
                .unwrap();
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_equal_those_of_a_slow_model_at_every_time_of_random_histories() {
    let long = std::env::var_os("QLIK_ROSTER_LONG").is_some();
    let histories = if long { MANY_HISTORIES } else { HISTORIES };
    for seed in 0..histories {
        println!("history {seed}");
        live(seed).await;
    }
}

async fn live(seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users: 40,
        groups: 8,
        custom_roles: 5,
        user_default: match dice.bool() {
            true => UserDefault::Listed,
            false => UserDefault::Absent,
        },
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock.clone(), options).await;
    // In about half of the histories the guard holds removals, and they stay held.
    if dice.bool() {
        world.let_all_go();
    }
    let rules = keep_apart(&world, &mut dice);
    let mut running = world.start().await;
    assert_eq!(running.last_run().await.outcome, Outcome::Succeeded);
    let mut sights = vec![look(&running, &clock)];
    for _ in 0..STEPS {
        clock.set(clock.now().plus(Duration::from_secs(3_600)));
        for _ in 0..dice.usize(..15) {
            change(world.tenant.directory(), &mut dice);
        }
        if dice.u32(..4) == 0 {
            running.stop().await;
            running = world.start().await;
        }
        running.sync().await;
        if dice.bool() {
            while running.store().build_postings().unwrap() {}
        }
        sights.push(look(&running, &clock));
    }
    let last = &sights[sights.len() - 1];
    holders(&running, last).await;
    while running.store().build_postings().unwrap() {}
    holders(&running, last).await;

    for sight in &sights {
        let at = Some(sight.at);
        let reckoning = reckon(&sight.records);
        let rows = all_rows(&running, None, Which::Own, at, dice.usize(1..60)).await;
        assert_eq!(
            as_reckoning(&rows),
            own(reckoning.clone()),
            "at {}",
            sight.at
        );

        let twice = all_rows(&running, None, Which::Redundant, at, 500).await;
        let mut expected = own(reckoning.clone());
        expected.retain(|_, paths| paths.len() > 1);
        assert_eq!(as_reckoning(&twice), expected, "at {}", sight.at);

        let given: BTreeSet<&RoleId> = reckoning.keys().map(|(_, role)| role).collect();
        for role in given {
            let of_role = |rows: &Reckoning| -> Reckoning {
                let rows = rows.iter().filter(|((_, it), _)| it == role);
                rows.map(|(who, paths)| (who.clone(), paths.clone()))
                    .collect()
            };
            let limit = dice.usize(1..20);
            for (which, expected) in [
                (Which::Own, of_role(&own(reckoning.clone()))),
                (Which::Redundant, of_role(&expected)),
            ] {
                let rows = all_rows(&running, Some(role.0.to_string()), which, at, limit).await;
                assert_eq!(as_reckoning(&rows), expected, "{role} at {}", sight.at);
            }
        }

        for record in &sight.records {
            let Record::User(user) = record else { continue };
            if dice.u32(..10) > 0 {
                continue;
            }
            let limit = dice.usize(1..20);
            let answer = user_access(&running, &user.id, at, limit).await;
            let mut expected = reckoning.clone();
            expected.retain(|(id, _), _| *id == user.id);
            assert_eq!(as_reckoning(&answer.roles), expected);
        }
    }
    let now = all_rows(&running, None, Which::Own, None, 500).await;
    let last = reckon(&sights[sights.len() - 1].records);
    assert_eq!(as_reckoning(&now), own(last));

    separations(&running, &rules, &sights[sights.len() - 1]).await;
    told(&running, &sights, dice.usize(1..60)).await;
    dates(&running, &sights).await;
    for _ in 0..2 {
        let sight = &sights[dice.usize(..sights.len())];
        review(&running, sight, dice.usize(1..40)).await;
    }
    for _ in 0..6 {
        let from = dice.usize(..sights.len() - 1);
        let to = dice.usize(from + 1..sights.len());
        compare(&running, &sights[from], &sights[to], dice.usize(1..40)).await;
    }
    running.stop().await;
}

/// Compares who holds each role and is in each group, counted, with the records.
async fn holders(running: &Running, sight: &Sight) {
    let reckoning = reckon(&sight.records);
    for record in &sight.records {
        let expected = match record {
            Record::Role(role) => {
                let of_role = reckoning.iter().filter(|((_, it), _)| *it == role.id);
                let ways = of_role.map(|(_, paths)| {
                    let is_direct = paths.contains("direct");
                    (
                        is_direct,
                        paths.iter().any(|path| path.starts_with("group ")),
                    )
                });
                let ways: Vec<(bool, bool)> = ways.filter(|way| way.0 || way.1).collect();
                let direct = ways.iter().filter(|(is_direct, _)| *is_direct).count();
                let by_group = ways.iter().filter(|(_, is_by_group)| *is_by_group).count();
                (ways.len(), direct, by_group)
            }
            Record::Group(group) => {
                let users = sight.records.iter().filter(|record| match record {
                    Record::User(user) => {
                        let groups = user.groups.as_ref();
                        groups.is_some_and(|groups| groups.contains_key(&group.id))
                    }
                    Record::Group(_) | Record::Role(_) => false,
                });
                let count = users.count();
                (count, count, 0)
            }
            Record::User(_) => continue,
        };
        let page = running
            .ask(query::Holders {
                tenant: acme(),
                record: record.to_ref(),
                after: None,
                limit: 500,
            })
            .await;
        let found = page.holders;
        let counts = (found.users, found.direct, found.by_group);
        let expected = (expected.0 as u64, expected.1 as u64, expected.2 as u64);
        assert_eq!(counts, expected, "{}", record.label());
        assert_eq!(found.first.len() as u64, found.users);
        assert_eq!((found.hidden, page.next), (0, None));
    }
}

/// A rule: its name, and the roles of each side.
type Rule = (String, [Vec<String>; 2]);

/// Writes rules into the configuration: some roles of the tenant against some others.
fn keep_apart(world: &World, dice: &mut fastrand::Rng) -> Vec<Rule> {
    let roles = world.tenant.directory().roles();
    let mut config = std::fs::read_to_string(world.config_path()).unwrap();
    let mut kept_apart = Vec::new();
    for n in 0..6 {
        let mut names: Vec<String> = roles.iter().map(|role| role.name.clone()).collect();
        dice.shuffle(&mut names);
        let left: Vec<String> = names.drain(..dice.usize(1..5)).collect();
        let mut right: Vec<String> = names.drain(..dice.usize(1..5)).collect();
        // A rule may name a role by its id or in other letter case; it is still the same role.
        let first = roles.iter().find(|role| role.name == right[0]).unwrap();
        right[0] = match dice.bool() {
            true => first.id.to_string(),
            false => right[0].to_uppercase(),
        };
        let head = format!("[[access.sod]]\nname = \"rule-{n}\"\n");
        config += &(head + &format!("left = {left:?}\nright = {right:?}\n"));
        kept_apart.push((format!("rule-{n}"), [left, right]));
    }
    world.write_config(&config);
    kept_apart
}

/// Compares the reported violations of each rule with the roles that the model computed.
async fn separations(running: &Running, rules: &[Rule], sight: &Sight) {
    let asked = query::Findings {
        tenant: None,
        codes: vec![ConcernCode::Separation],
        min: Severity::Notice,
        standing: FindingStanding::Open,
        after: None,
        limit: usize::MAX,
    };
    let answer = running.ask(asked).await;
    let found: BTreeMap<(String, ConcernSubject), BTreeSet<String>> = answer
        .rows
        .iter()
        .map(|row| row.concern.clone())
        .map(|it| ((it.part.unwrap(), it.subject), it.extent))
        .collect();
    assert_eq!(found.len(), answer.rows.len(), "a finding came twice");

    let reckoning = reckon(&sight.records);
    let mut users = BTreeMap::<UserId, BTreeMap<RoleId, BTreeSet<String>>>::new();
    for ((user, role), paths) in reckoning {
        users.entry(user).or_default().insert(role, paths);
    }
    let mut expected = BTreeMap::new();
    for (name, sides) in rules {
        let sides = sides.each_ref().map(|words| meant(&sight.records, words));
        for (user, held) in &users {
            let breach = |held: &BTreeMap<RoleId, BTreeSet<String>>| -> Option<BTreeSet<String>> {
                let both = sides.each_ref().map(|side| {
                    let held = held.iter().filter(|(role, _)| side.contains(*role));
                    held.collect::<Vec<_>>()
                });
                if both.iter().any(Vec::is_empty) {
                    return None;
                }
                let all = both.into_iter().flatten().flat_map(|(role, paths)| {
                    paths.iter().map(move |path| match path.as_str() {
                        "direct" => format!("role {role}"),
                        "every user" => format!("role {role} by default"),
                        path => format!("role {role} by {path}"),
                    })
                });
                Some(all.collect())
            };
            let mut everyones = held.clone();
            for paths in everyones.values_mut() {
                paths.retain(|path| !is_own(path));
            }
            everyones.retain(|_, paths| !paths.is_empty());
            match (breach(&everyones), breach(held)) {
                (Some(extent), _) => {
                    expected.insert((name.clone(), ConcernSubject::AllUsers), extent);
                }
                (None, Some(extent)) => {
                    expected.insert((name.clone(), ConcernSubject::User(user.clone())), extent);
                }
                (None, None) => {}
            }
        }
    }
    assert_eq!(found, expected);
    assert!(answer.rules.iter().all(RuleRow::is_judged));
}

/// Returns the roles with these names or ids.
fn meant(records: &[Record], words: &[String]) -> BTreeSet<RoleId> {
    let roles = records.iter().filter_map(|record| match record {
        Record::Role(role) => Some(role),
        Record::User(_) | Record::Group(_) => None,
    });
    let is_meant = |name: &str, id: &RoleId| {
        let mut words = words.iter();
        words.any(|word| word.eq_ignore_ascii_case(name) || *word == id.to_string())
    };
    let meant = roles.filter(|role| is_meant(&role.name, &role.id));
    meant.map(|role| role.id.clone()).collect()
}

/// Compares the times since which users hold roles with the states that the model saw.
async fn dates(running: &Running, sights: &[Sight]) {
    let (first, last) = (&sights[0], &sights[sights.len() - 1]);
    let reckonings: Vec<Reckoning> = sights.iter().map(|it| reckon(&it.records)).collect();
    let mut n_observed = 0;
    for record in &last.records {
        let Record::User(user) = record else { continue };
        let answer = user_access(running, &user.id, Some(last.at), 500).await;
        for row in answer.roles {
            let which = (user.id.clone(), row.role.id.clone());
            let absent = reckonings.iter().rposition(|it| !it.contains_key(&which));
            match (absent, row.since.unwrap()) {
                (None, Since::BeforeFirstLoad { at }) => assert_eq!(at, first.at),
                (Some(absent), Since::Observed { at, .. }) => {
                    assert_eq!(at, sights[absent + 1].at, "{which:?}");
                    n_observed += 1;
                }
                (absent, since) => panic!("{which:?}: absent at {absent:?}, but {since:?}"),
            }
        }
    }
    assert!(n_observed > 0);
}

/// Compares the evidence for a review with what the model computed, and its times with those in
/// each user's own answer.
async fn review(running: &Running, sight: &Sight, limit: usize) {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let asked = query::AccessReview {
            tenant: acme(),
            roles: Vec::new(),
            at: Some(sight.at),
            after,
            limit,
        };
        let answer = running.ask(asked).await;
        assert_eq!((answer.n_unseen, answer.page.envelope.as_of), (0, sight.at));
        let users = sight.records.iter();
        let n_users = users.filter(|it| matches!(it, Record::User(_))).count();
        assert_eq!(answer.population.known, n_users as u64);
        rows.extend(answer.page.rows);
        after = answer.page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(as_reckoning(&rows), own(reckon(&sight.records)));

    let mut told = BTreeMap::new();
    for row in &rows {
        if !told.contains_key(&row.user.id) {
            let answer = user_access(running, &row.user.id, Some(sight.at), 500).await;
            let roles = answer.roles.into_iter();
            let since: BTreeMap<_, _> = roles.map(|row| (row.role.id, row.since)).collect();
            told.insert(row.user.id.clone(), since);
        }
        assert_eq!(row.since, told[&row.user.id][&row.role.id], "{row:?}");
    }
}

/// Compares the reported difference between two times with what the model computed for each.
async fn compare(running: &Running, from: &Sight, to: &Sight, limit: usize) {
    let (mut rows, mut after) = (Vec::<DiffRow>::new(), None);
    let everybody = loop {
        let answer = running
            .ask(query::AccessDiff {
                tenant: acme(),
                from: from.at,
                to: Some(to.at),
                role: None,
                space: None,
                after,
                limit,
            })
            .await;
        rows.extend(answer.page.rows);
        after = answer.page.next;
        if after.is_none() {
            break answer.everybody;
        }
    };
    let (before, after) = (reckon(&from.records), reckon(&to.records));
    let expected = differences(&before, &after);
    let mut found = BTreeMap::new();
    for row in &rows {
        let who = (row.user.id.clone(), row.right.role().unwrap().id.clone());
        let what = (row.change, words(&row.before), words(&row.after));
        assert_eq!(found.insert(who, what), None, "a row came twice");
    }
    assert_eq!(found, expected, "from {} to {}", from.at, to.at);

    // What everybody gained or lost is listed once, not for each user.
    let told: BTreeSet<RoleId> = everybody
        .iter()
        .map(|row| row.right.role().unwrap().id.clone())
        .collect();
    assert_eq!(told, everybodys_differences(&before, &after));
}

/// How the roles of each user changed.
type Differences = BTreeMap<(UserId, RoleId), (AccessChange, BTreeSet<String>, BTreeSet<String>)>;

/// Computes how each user's own paths changed.
fn differences(before: &Reckoning, after: &Reckoning) -> Differences {
    let none = BTreeSet::new();
    let mut expected = BTreeMap::new();
    for who in before.keys().chain(after.keys()) {
        let had = before.get(who).unwrap_or(&none);
        let has = after.get(who).unwrap_or(&none);
        let own = |paths: &BTreeSet<String>| -> BTreeSet<String> {
            paths.iter().filter(|path| is_own(path)).cloned().collect()
        };
        if own(had) == own(has) {
            continue;
        }
        let change = match (had.is_empty(), has.is_empty()) {
            (true, _) => AccessChange::Granted,
            (_, true) => AccessChange::Revoked,
            (false, false) => AccessChange::PathChanged,
        };
        expected.insert(who.clone(), (change, had.clone(), has.clone()));
    }
    expected
}

/// Computes the roles to which the paths of all users differ.
fn everybodys_differences(before: &Reckoning, after: &Reckoning) -> BTreeSet<RoleId> {
    let everybodys = |reckoning: &Reckoning| -> BTreeSet<(RoleId, String)> {
        let all = reckoning.iter().flat_map(|((_, role), paths)| {
            let paths = paths.iter().filter(|path| !is_own(path));
            paths.map(|path| (role.clone(), path.clone()))
        });
        all.collect()
    };
    let (before, after) = (everybodys(before), everybodys(after));
    let changed = before.symmetric_difference(&after);
    changed.map(|(role, _)| role.clone()).collect()
}

/// Compares what the journal reports of each step with what was computed before and after it.
async fn told(running: &Running, sights: &[Sight], limit: usize) {
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
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut n_told = 0;
    for step in sights.windows(2) {
        let (before, after) = (reckon(&step[0].records), reckon(&step[1].records));
        let (mut found, mut everybody) = (Differences::new(), BTreeSet::new());
        for row in rows.iter().filter(|row| row.at == step[1].at) {
            n_told += 1;
            let RightChange { right, change, .. } = &row.right;
            let role = right.role().expect("no spaces are read");
            let what = (*change, words(&row.right.before), words(&row.right.after));
            match &row.right.holders {
                RightHolders::One(holder) => {
                    let who = (holder.id.clone(), role.id.clone());
                    assert_eq!(found.insert(who, what), None, "it is told twice");
                }
                RightHolders::Everybody { .. } => assert!(everybody.insert(role.id.clone())),
                RightHolders::Listed { .. } => panic!("a list is given user by user"),
            }
        }
        assert_eq!(found, differences(&before, &after), "at {}", step[1].at);
        assert_eq!(everybody, everybodys_differences(&before, &after));
    }
    assert_eq!(n_told, rows.len(), "nothing is told of the first load");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_visible_is_reported_and_is_not_an_absence() {
    let world = World::new().await;
    let rule = "[[access.sod]]\nname = \"one\"\nleft = [\"TenantAdmin\"]\nright = [\"Steward\"]\n";
    world.write_config(&(world.standard_config() + rule));
    world.tenant.hide_access(Hidden::Yes);
    let running = world.start().await;
    let ask = async |role: Option<&str>| {
        let asked = query::Access {
            tenant: acme(),
            role: role.map(str::to_owned),
            which: Which::Own,
            at: None,
            after: None,
            limit: 500,
        };
        running.ask(asked).await.envelope
    };

    let of_one = ask(Some("TenantAdmin")).await;
    let of_all = ask(None).await;

    assert_eq!(of_one.not_known, BTreeSet::from([NotKnown::Roles]));
    assert!(of_all.not_known.contains(&NotKnown::Roles));
    let mut lacking = of_all.not_known.iter();
    assert!(lacking.any(|it| matches!(it, NotKnown::User { .. })));
    assert_eq!(of_all.not_known.len(), 21, "twenty are named");
    assert!(of_all.not_known.contains(&NotKnown::More));
    let findings = query::Findings {
        tenant: None,
        codes: Vec::new(),
        min: Severity::Notice,
        standing: FindingStanding::Open,
        after: None,
        limit: usize::MAX,
    };
    let rules = running.ask(findings).await.rules;
    assert_eq!(rules.len(), 1);
    assert!(rules[0].is_blind && !rules[0].is_judged());
    assert_eq!(
        rules[0].not_judged,
        world.tenant.directory().n_users() as u64
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_the_journal_does_not_reach_is_refused() {
    let start = Timestamp::parse("2026-03-01T08:00:00Z").unwrap();
    let clock = Clock::stopped_at(start);
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock.clone(), options).await;
    let running = world.start().await;
    clock.set(start.plus(Duration::from_secs(60)));
    let user = world.tenant.directory().users().remove(0);
    let edit = Edit::Name("Another Name".to_owned());
    world
        .tenant
        .directory()
        .update_user(&user.id, edit)
        .unwrap();
    running.sync().await;

    let at = |at| query::UserAccess {
        tenant: acme(),
        user: user.id.clone(),
        role: None,
        at: Some(at),
        after: None,
        limit: 500,
    };
    let label = async |time| {
        let answer = running.control().ask(at(time)).await;
        answer.map(|answer| answer.user.map(|user| user.label))
    };

    let too_early = start.minus(Duration::from_millis(1));
    let error = label(too_early).await.unwrap_err();
    assert_eq!(error.code(), "history.not-covered");
    assert_eq!(
        error.to_string(),
        "what is known of `acme` does not go back that far: it begins at 2026-03-01T08:00:00.000Z"
    );
    let before = start.plus(Duration::from_millis(59_999));
    assert_eq!(label(before).await.unwrap(), Some(user.name.clone()));
    let after = start.plus(Duration::from_secs(60));
    assert_eq!(label(after).await.unwrap().as_deref(), Some("Another Name"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_hidden_at_first_is_not_reported_as_given_when_it_appears() {
    let start = Timestamp::parse("2026-03-01T08:00:00Z").unwrap();
    let clock = Clock::stopped_at(start);
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock.clone(), options).await;
    let tenant = world.tenant.directory();
    let (role, group) = (tenant.create_role("Keeper"), tenant.create_group("Keepers"));
    tenant
        .update_group(&group, GroupEdit::AssignRole(role.clone()))
        .unwrap();
    let mut people = tenant.users().into_iter();
    let (by_group, direct) = (people.next().unwrap().id, people.next().unwrap().id);
    let newcomer = people.next().unwrap().id;
    tenant
        .update_user(&by_group, Edit::JoinGroup(group.clone()))
        .unwrap();
    tenant
        .update_user(&direct, Edit::AssignRole(role.clone()))
        .unwrap();
    tenant.hide_roles(&group.0, Hidden::Yes);
    tenant.hide_roles(&direct.0, Hidden::Yes);
    let running = world.start().await;
    let shown_at = start.plus(Duration::from_secs(60));
    clock.set(shown_at);
    tenant.hide_roles(&group.0, Hidden::No);
    tenant.hide_roles(&direct.0, Hidden::No);
    tenant
        .update_user(&newcomer, Edit::AssignRole(role.clone()))
        .unwrap();
    running.sync().await;

    let diff = query::AccessDiff {
        tenant: acme(),
        from: start,
        to: None,
        role: None,
        space: None,
        after: None,
        limit: 500,
    };
    let of = |role: &str| query::AccessDiff {
        role: Some(role.to_owned()),
        ..diff.clone()
    };
    let (of_keeper, of_another) = (of("keeper"), of("TenantAdmin"));
    let diff = running.ask(diff).await;
    let (of_keeper, of_another) = (running.ask(of_keeper).await, running.ask(of_another).await);
    assert_eq!(of_keeper.page.rows, diff.page.rows);
    assert_eq!(of_another.page.rows, []);
    let granted = diff.page.rows.iter();
    let granted = granted.filter(|row| row.right.role().unwrap().id == role);
    let granted: Vec<&UserId> = granted.map(|row| &row.user.id).collect();
    assert_eq!(granted, [&newcomer], "of the others it is not known");
    let mut not_known = diff.page.envelope.not_known.iter();
    assert!(not_known.any(|it| matches!(it, NotKnown::RolesOfGroup { id, .. } if *id == group)));
    assert!(!diff.page.envelope.is_complete());

    let rows = all_rows(&running, Some("Keeper".to_owned()), Which::Own, None, 500).await;
    let since = |user: &UserId| {
        let row = rows.iter().find(|row| row.user.id == *user);
        row.unwrap().since.clone().unwrap()
    };
    assert_eq!(since(&by_group), Since::Before { at: shown_at });
    assert_eq!(since(&direct), Since::Before { at: shown_at });
    assert!(matches!(since(&newcomer), Since::Observed { at, .. } if at == shown_at));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_later_stays_as_it_was_known() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Keeper");
    let user = tenant.users().remove(0).id;
    tenant
        .update_user(&user, Edit::AssignRole(role.clone()))
        .unwrap();
    let running = world.start().await;
    let first = world.clock.now();
    tenant.hide_roles(&user.0, Hidden::Yes);
    tenant
        .update_user(&user, Edit::UnassignRole(role.clone()))
        .unwrap();
    assert_eq!(running.sync().await.outcome, Outcome::Degraded);

    let rows = all_rows(&running, Some("Keeper".to_owned()), Which::Own, None, 500).await;
    assert_eq!(rows.len(), 1);
    let diff = query::AccessDiff {
        tenant: acme(),
        from: first,
        to: None,
        role: None,
        space: None,
        after: None,
        limit: 500,
    };
    assert_eq!(running.ask(diff).await.page.rows, []);
    running.stop().await;
}
