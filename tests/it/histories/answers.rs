//! Compares answers about each time with what the model computes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use qlik_roster::control::query::{FindingStanding, Which};
use qlik_roster::control::{
    AccessPage, AccessRow, ConcernCode, ConcernSubject, DiffRow, Envelope, NotKnown, RuleRow,
    Severity, Since, query,
};
use qlik_roster::model::{AccessChange, GroupId, Id, Kind, RecordRef, RoleId, Timestamp, UserId};

use super::known::{
    Differences, Reckoning, differences, everybodys_differences, is_own, own, words,
};
use super::{History, Known, Sight, Time, acme};
use crate::access::user_access;
use crate::support::{Running, World};

/// A rule: its name, and the roles of each side.
pub type Rule = (String, [Vec<String>; 2]);

pub async fn compare(history: &mut History) {
    let n_sights = history.sights.len();
    holders(history.running(), &history.sights[n_sights - 1]).await;
    while history.running().store().build_postings().unwrap() {}
    holders(history.running(), &history.sights[n_sights - 1]).await;
    for n in 0..n_sights {
        at_one_time(history, n).await;
    }
    separations(history).await;
    dates(history).await;
    for _ in 0..2 {
        let (n, limit) = (history.dice.usize(..n_sights), history.dice.usize(1..40));
        review(history.running(), &history.sights[n], limit).await;
    }
    for _ in 0..6 {
        let from = history.dice.usize(..n_sights - 1);
        let to = history.dice.usize(from + 1..n_sights);
        diff(history, from, to).await;
    }
    let now = all_rows(history.running(), None, Which::Own, None, 500).await;
    let last = history.sights[n_sights - 1].known.reckon();
    assert_eq!(as_reckoning(&now.0), own(last));
}

/// Compares the answers about one time.
async fn at_one_time(history: &mut History, n: usize) {
    let dice = &mut history.dice;
    let sight = &history.sights[n];
    let running = history.running.as_ref().unwrap();
    // Nothing is found in the hour between two steps.
    let at = match (history.time, history.sights.get(n + 1)) {
        (Time::Stopped, Some(_)) => sight.at.plus(Duration::from_secs(dice.u64(..3_599))),
        (Time::Stopped, None) | (Time::Real, _) => sight.at,
    };
    let reckoning = sight.known.reckon();
    let all = own(reckoning.clone());
    let (rows, not_known) = all_rows(running, None, Which::Own, Some(at), dice.usize(1..60)).await;
    assert_eq!(as_reckoning(&rows), all, "at {at}");
    assert_not_known(&not_known, &sight.known, at);
    for row in &rows {
        assert_eq!(row.user.barrier, sight.known.barrier(&row.user.id, at));
    }

    let (rows, _) = all_rows(running, None, Which::Redundant, Some(at), 500).await;
    let mut twice = all.clone();
    twice.retain(|_, paths| paths.len() > 1);
    assert_eq!(as_reckoning(&rows), twice, "at {at}");

    let given: BTreeSet<&RoleId> = reckoning.keys().map(|(_, role)| role).collect();
    let is_hidden = sight.known.hides_anything();
    for role in given {
        let of_role = |rows: &Reckoning| -> Reckoning {
            let rows = rows.iter().filter(|((_, it), _)| it == role);
            rows.map(|(who, paths)| (who.clone(), paths.clone()))
                .collect()
        };
        let limit = dice.usize(1..20);
        for (which, expected) in [
            (Which::Own, of_role(&all)),
            (Which::Redundant, of_role(&twice)),
        ] {
            let role = Some(role.0.to_string());
            let (rows, not_known) = all_rows(running, role.clone(), which, Some(at), limit).await;
            assert_eq!(as_reckoning(&rows), expected, "{role:?} at {at}");
            assert_eq!(
                !not_known.is_empty(),
                is_hidden,
                "{role:?} at {at}: {not_known:?}"
            );
        }
    }

    for user in sight.known.users.keys() {
        if dice.u32(..10) > 0 {
            continue;
        }
        let answer = user_access(running, user, Some(at), dice.usize(1..20)).await;
        let mut expected = reckoning.clone();
        expected.retain(|(id, _), _| id == user);
        assert_eq!(as_reckoning(&answer.roles), expected);
        assert_eq!(
            !answer.unseen.is_empty(),
            sight.known.hides(user),
            "{user} at {at}"
        );
    }
}

/// Compares what an answer about all roles does not know with what was never visible.
fn assert_not_known(told: &BTreeSet<NotKnown>, known: &Known, at: Timestamp) {
    let (mut users, mut groups) = (BTreeSet::<UserId>::new(), BTreeSet::<GroupId>::new());
    let is_more = told.contains(&NotKnown::More);
    for what in told {
        match what {
            NotKnown::User { id, .. } => drop(users.insert(id.clone())),
            NotKnown::RolesOfGroup { id, .. } => drop(groups.insert(id.clone())),
            NotKnown::Roles | NotKnown::More => {}
            other => panic!("{other:?} at {at}"),
        }
    }
    assert_eq!(told.contains(&NotKnown::Roles), known.roles.is_empty());
    let lists = known
        .users
        .iter()
        .filter(|(_, user)| user.roles.is_none() || user.groups.is_none());
    let expected_users: BTreeSet<UserId> = lists.map(|(id, _)| id.clone()).collect();
    let everyone = known.everyone().into_iter();
    let members = known
        .users
        .values()
        .flat_map(|user| user.groups.iter().flatten().cloned());
    let is_hidden = |id: &GroupId| known.groups.get(id).is_none_or(|it| it.roles.is_none());
    let expected_groups: BTreeSet<GroupId> = everyone.chain(members).filter(is_hidden).collect();
    if is_more {
        assert!(users.is_subset(&expected_users) && groups.is_subset(&expected_groups));
    } else {
        assert_eq!(
            (users, groups),
            (expected_users, expected_groups),
            "at {at}"
        );
    }
}

/// Asks for all rows, in pages of a few. Returns them, and what is not known.
async fn all_rows(
    running: &Running,
    role: Option<String>,
    which: Which,
    at: Option<Timestamp>,
    limit: usize,
) -> (Vec<AccessRow>, BTreeSet<NotKnown>) {
    let (mut rows, mut not_known, mut after) = (Vec::new(), BTreeSet::new(), None);
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
        rows.extend(page.rows);
        not_known.extend(page.envelope.not_known);
        after = page.next;
        if after.is_none() {
            return (rows, not_known);
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

/// Compares how many users hold each role and are in each group.
async fn holders(running: &Running, sight: &Sight) {
    let reckoning = sight.known.reckon();
    let users = &sight.known.users;
    assert_eq!(running.store().check().unwrap().faults, []);
    for role in sight.known.roles.keys() {
        let mut expected = [0, 0, 0, 0];
        for (id, user) in users {
            let paths = reckoning.get(&(id.clone(), role.clone()));
            let mut paths = paths.into_iter().flatten();
            let is_direct = paths.clone().any(|path| path == "direct");
            let is_by_group = paths.any(|path| path.starts_with("group "));
            let holds = is_direct || is_by_group;
            let is_hidden = !holds && (user.roles.is_none() || user.groups.is_none());
            for (count, counts) in
                expected
                    .iter_mut()
                    .zip([holds, is_direct, is_by_group, is_hidden])
            {
                *count += u64::from(counts);
            }
        }
        assert_eq!(
            count(running, Kind::Role, &role.0).await,
            expected,
            "{role}"
        );
    }
    for group in sight.known.groups.keys() {
        let is_in = users.values().filter_map(|user| user.groups.as_ref());
        let n_in = is_in.filter(|groups| groups.contains(group)).count() as u64;
        let n_hidden = users.values().filter(|user| user.groups.is_none()).count() as u64;
        let expected = [n_in, n_in, 0, n_hidden];
        assert_eq!(
            count(running, Kind::Group, &group.0).await,
            expected,
            "{group}"
        );
    }
}

/// Asks how many users hold a role or are in a group, directly and by a group, and of how many it
/// is not visible.
async fn count(running: &Running, kind: Kind, id: &Id) -> [u64; 4] {
    let record = RecordRef {
        kind,
        id: id.clone(),
    };
    let asked = query::Holders {
        tenant: acme(),
        record,
        after: None,
        limit: 500,
    };
    let page = running.ask(asked).await;
    let found = page.holders;
    assert_eq!((found.first.len() as u64, page.next), (found.users, None));
    [found.users, found.direct, found.by_group, found.hidden]
}

/// Writes rules into the configuration: some roles of the tenant against some others.
pub fn keep_apart(world: &World, dice: &mut fastrand::Rng) -> Vec<Rule> {
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

/// What breaks a rule: the roles of both sides, with the paths to each.
fn breach(
    held: &BTreeMap<RoleId, BTreeSet<String>>,
    sides: &[BTreeSet<RoleId>; 2],
) -> Option<BTreeSet<String>> {
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
}

/// Compares the reported violations of each rule with the roles that the model computed.
async fn separations(history: &History) {
    let asked = query::Findings {
        tenant: None,
        codes: vec![ConcernCode::Separation],
        min: Severity::Notice,
        standing: FindingStanding::Open,
        after: None,
        limit: usize::MAX,
    };
    let answer = history.running().ask(asked).await;
    let found: BTreeMap<(String, ConcernSubject), BTreeSet<String>> = answer
        .rows
        .iter()
        .map(|row| row.concern.clone())
        .map(|it| ((it.part.unwrap(), it.subject), it.extent))
        .collect();
    assert_eq!(found.len(), answer.rows.len(), "a finding came twice");

    let known = &history.sights[history.sights.len() - 1].known;
    let mut users: BTreeMap<UserId, BTreeMap<RoleId, BTreeSet<String>>> = known
        .users
        .keys()
        .map(|id| (id.clone(), BTreeMap::new()))
        .collect();
    for ((user, role), paths) in known.reckon() {
        users.get_mut(&user).unwrap().insert(role, paths);
    }
    let (mut expected, mut not_judged) = (BTreeMap::new(), BTreeMap::<String, u64>::new());
    for (name, sides) in &history.rules {
        let sides = sides.each_ref().map(|words| meant(known, words));
        for (user, held) in &users {
            let mut everyones = held.clone();
            for paths in everyones.values_mut() {
                paths.retain(|path| !is_own(path));
            }
            everyones.retain(|_, paths| !paths.is_empty());
            match (breach(&everyones, &sides), breach(held, &sides)) {
                (Some(extent), _) => {
                    expected.insert((name.clone(), ConcernSubject::AllUsers), extent);
                }
                (None, Some(extent)) => {
                    expected.insert((name.clone(), ConcernSubject::User(user.clone())), extent);
                }
                // If nobody can hold one side, what is hidden does not matter.
                (None, None) => {
                    let may_hold = known.hides(user) && sides.iter().all(|side| !side.is_empty());
                    *not_judged.entry(name.clone()).or_default() += u64::from(may_hold);
                }
            }
        }
    }
    assert_eq!(found, expected);
    for RuleRow {
        rule,
        not_judged: n,
        is_blind,
        ..
    } in &answer.rules
    {
        // While no role was ever visible, nobody can be judged.
        let expected = match known.roles.is_empty() {
            true => (users.len() as u64, true),
            false => (not_judged.get(rule).copied().unwrap_or(0), false),
        };
        assert_eq!((*n, *is_blind), expected, "{rule}");
    }
}

/// Returns the roles with these names or ids.
fn meant(known: &Known, words: &[String]) -> BTreeSet<RoleId> {
    let is_meant = |name: &str, id: &RoleId| {
        let mut words = words.iter();
        words.any(|word| word.eq_ignore_ascii_case(name) || *word == id.to_string())
    };
    let roles = known.named_roles().into_iter();
    let meant = roles.filter(|(id, name)| is_meant(name, id));
    meant.map(|(id, _)| id).collect()
}

/// Compares the times since which users hold roles with the states that the model saw.
async fn dates(history: &History) {
    let sights = &history.sights;
    let (first, last) = (&sights[0], &sights[sights.len() - 1]);
    let reckonings: Vec<Reckoning> = sights.iter().map(|it| it.known.reckon()).collect();
    let is_at = |at: Timestamp, n: usize| match history.time {
        Time::Stopped => at == sights[n].at,
        Time::Real => at <= sights[n].at && (n == 0 || at > sights[n - 1].at),
    };
    let mut n_observed = 0;
    for user in last.known.users.keys() {
        let answer = user_access(history.running(), user, Some(last.at), 500).await;
        for row in answer.roles {
            let which = (user.clone(), row.role.id.clone());
            let absent = reckonings.iter().rposition(|it| !it.contains_key(&which));
            let hidden = absent.filter(|n| sights[*n].known.hides(user));
            let (at, n) = match (absent, hidden, row.since.unwrap()) {
                (None, _, Since::BeforeFirstLoad { at }) => (at, 0),
                (Some(absent), None, Since::Observed { at, .. }) => {
                    n_observed += 1;
                    (at, absent + 1)
                }
                // What the user had before that was not visible.
                (Some(absent), Some(_), Since::Before { at }) => (at, absent + 1),
                (absent, hidden, since) => {
                    panic!("{which:?}: absent at {absent:?}, hidden at {hidden:?}, but {since:?}")
                }
            };
            assert!(is_at(at, n), "{which:?}: {at} is not of step {n}");
        }
    }
    assert!(n_observed > 0, "nothing was dated since {}", first.at);
}

/// Compares the evidence for a review with what the model computed, and its times with those in
/// each user's own answer.
async fn review(running: &Running, sight: &Sight, limit: usize) {
    let (mut rows, mut after, mut n_unseen) = (Vec::new(), None, 0);
    loop {
        let asked = query::AccessReview {
            tenant: acme(),
            roles: Vec::new(),
            at: Some(sight.at),
            after,
            limit,
        };
        let answer = running.ask(asked).await;
        assert_eq!(answer.page.envelope.as_of, sight.at);
        assert_eq!(answer.population.known, sight.known.users.len() as u64);
        n_unseen += answer.n_unseen;
        rows.extend(answer.page.rows);
        after = answer.page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(as_reckoning(&rows), own(sight.known.reckon()));
    let hidden = sight
        .known
        .users
        .keys()
        .filter(|user| sight.known.hides(user));
    assert_eq!(n_unseen, hidden.count() as u64);

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
async fn diff(history: &mut History, from: usize, to: usize) {
    let limit = history.dice.usize(1..40);
    let (from, to) = (&history.sights[from], &history.sights[to]);
    let (mut rows, mut after) = (Vec::<DiffRow>::new(), None);
    let mut not_known = BTreeSet::new();
    let everybody = loop {
        let answer = history
            .running()
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
        let Envelope {
            not_known: more, ..
        } = answer.page.envelope;
        not_known.extend(more);
        rows.extend(answer.page.rows);
        after = answer.page.next;
        if after.is_none() {
            break answer.everybody;
        }
    };
    let mut found = Differences::new();
    for row in &rows {
        let who = (row.user.id.clone(), row.right.role().unwrap().id.clone());
        let what: (AccessChange, _, _) = (row.change, words(&row.before), words(&row.after));
        assert_eq!(found.insert(who, what), None, "a row came twice");
    }
    let expected = differences(&from.known, &to.known);
    assert_eq!(found, expected, "from {} to {}", from.at, to.at);
    let is_hidden = from.known.hides_anything() || to.known.hides_anything();
    assert_eq!(!not_known.is_empty(), is_hidden, "{not_known:?}");

    // What everybody gained or lost is listed once, not for each user.
    let told: BTreeSet<RoleId> = everybody
        .iter()
        .map(|row| row.right.role().unwrap().id.clone())
        .collect();
    assert_eq!(told, everybodys_differences(&from.known, &to.known));
}
