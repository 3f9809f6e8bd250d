//! Compares who holds which right in spaces at two times, as the answers say and as a slow model
//! computes it, and as an operator asks for it.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::clock::Clock;
use qlik_roster::control::{DiffPage, query};
use qlik_roster::demo::tenant::{
    Assignee, Directory, NewSpace, NewUser, SpaceEdit, SpacePart, SpaceSort,
};
use qlik_roster::model::{AccessChange, Right, SpaceId, TenantName, Timestamp, UserId};
use serde_json::{Value, json};

use crate::spaces::{
    Holdings, RightWords, Sight, clock, holdings, in_words, path_words, read_again, read_once,
    world,
};
use crate::support::{Running, World};

/// How somebody's access to a right differs: the change, and the paths before and after it.
type Differing = (AccessChange, BTreeSet<String>, BTreeSet<String>);

/// Differences by user and right. `None` is for rights that all users hold.
type Differences = BTreeMap<(Option<UserId>, RightWords), Differing>;

/// Asks what differs in spaces between two times, page by page.
async fn ask(running: &Running, asked: query::AccessDiff) -> Differences {
    let mut found = Differences::new();
    let mut after = None;
    loop {
        let is_first = after.is_none();
        let DiffPage {
            page, everybody, ..
        } = running
            .ask(query::AccessDiff {
                after,
                ..asked.clone()
            })
            .await;
        let mut note = |user: Option<UserId>, right: &Right, differing| {
            if right.space().is_some() {
                let twice = found.insert((user, in_words(right)), differing);
                assert_eq!(twice, None, "a row came twice");
            }
        };
        for row in &page.rows {
            let differing = (row.change, path_words(&row.before), path_words(&row.after));
            note(Some(row.user.id.clone()), &row.right, differing);
        }
        for row in everybody.iter().filter(|_| is_first) {
            let differing = (row.change, path_words(&row.before), path_words(&row.after));
            note(None, &row.right, differing);
        }
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// What of a right in a space could be seen at a time.
#[derive(Clone, Copy)]
struct View<'a> {
    sight: &'a Sight,
    /// Whether there was such a space.
    is_there: bool,
    /// Whether the part of the space that gives the right was visible.
    shows: bool,
    part: Option<SpacePart>,
}

impl<'a> View<'a> {
    /// `later` is the later of the two times: a space that had been created before the last reading
    /// and was not known then was there.
    fn of(sight: &'a Sight, later: &Sight, (space, part, _): &RightWords) -> Self {
        let which = (space.clone(), part.unwrap_or(SpacePart::Itself));
        let is_known = sight.spaces.contains_key(space);
        let was_created = later.spaces.get(space).map(|space| space.created_at);
        let is_unknown = !is_known && was_created.is_some_and(|at| at < sight.at);
        let is_hidden = sight.never.contains(&which) || sight.unseen.contains(&which);
        Self {
            sight,
            is_there: is_known || is_unknown,
            shows: !is_hidden && !is_unknown,
            part: *part,
        }
    }

    /// Returns whether a path of a user would have been visible. `None` is for all users.
    fn shows_path(&self, user: Option<&UserId>, path: &str) -> bool {
        let is_by_group = path.starts_with("group ");
        self.shows_some(user, is_by_group)
    }

    /// Returns whether all paths of a user would have been visible.
    fn shows_all(&self, user: Option<&UserId>) -> bool {
        self.shows_some(user, self.part.is_some())
    }

    fn shows_some(&self, user: Option<&UserId>, needs_groups: bool) -> bool {
        let Some(user) = user else {
            return self.shows;
        };
        // Whoever did not exist held nothing, and so nothing was hidden.
        if !self.is_there || !self.sight.known.users.contains_key(user) {
            return true;
        }
        self.shows && (!needs_groups || self.sight.shows_groups(user))
    }
}

/// Returns the difference between two sets of paths, as far as it is certain.
fn tell(
    user: Option<&UserId>,
    (before, then): (&BTreeSet<String>, View<'_>),
    (after, now): (&BTreeSet<String>, View<'_>),
) -> Option<Differing> {
    let change = match (before.is_empty(), after.is_empty()) {
        (true, _) => AccessChange::Granted,
        (_, true) => AccessChange::Revoked,
        (false, false) => AccessChange::PathChanged,
    };
    let mut new = after.difference(before);
    let mut gone = before.difference(after);
    let is_new = new.any(|path| then.shows_path(user, path));
    let is_gone = gone.any(|path| now.shows_path(user, path));
    let is_told = match change {
        AccessChange::Granted => is_new,
        AccessChange::Revoked => now.shows_all(user),
        AccessChange::PathChanged => is_new || is_gone,
    };
    is_told.then(|| (change, before.clone(), after.clone()))
}

/// Computes what differs between two times: compares each user and each right at both.
fn expect(from: &Sight, to: &Sight) -> Differences {
    let (then, now) = (holdings(from), holdings(to));
    let rights = |holdings: &Holdings| -> BTreeSet<RightWords> {
        let own = holdings.own.keys().map(|(_, right)| right.clone());
        own.chain(holdings.everybodys.keys().cloned()).collect()
    };
    let users = |sight: &Sight| -> BTreeSet<UserId> { sight.known.users.keys().cloned().collect() };
    let (users_then, users_now) = (users(from), users(to));
    let none = BTreeSet::new();
    let mut expected = Differences::new();
    for right in &rights(&then) | &rights(&now) {
        let (sees_then, sees_now) = (View::of(from, to, &right), View::of(to, to, &right));
        let all_then = then.everybodys.get(&right).unwrap_or(&none);
        let all_now = now.everybodys.get(&right).unwrap_or(&none);
        if all_then != all_now
            && let Some(told) = tell(None, (all_then, sees_then), (all_now, sees_now))
        {
            expected.insert((None, right.clone()), told);
        }
        for user in &users_then | &users_now {
            let who = (user.clone(), right.clone());
            let own_then = then.own.get(&who).unwrap_or(&none);
            let own_now = now.own.get(&who).unwrap_or(&none);
            if own_then == own_now {
                continue;
            }
            let of = |own: &BTreeSet<String>, all: &BTreeSet<String>, users: &BTreeSet<UserId>| {
                match users.contains(&user) {
                    true => own | all,
                    false => BTreeSet::new(),
                }
            };
            let before = of(own_then, all_then, &users_then);
            let after = of(own_now, all_now, &users_now);
            let told = tell(Some(&user), (&before, sees_then), (&after, sees_now));
            if let Some(told) = told {
                expected.insert((Some(user), right.clone()), told);
            }
        }
    }
    expected
}

/// Compares, for any two times, the reported differences with those that the model computes.
pub async fn compare_all(running: &Running, sights: &[Sight], dice: &mut fastrand::Rng) {
    let mut n_compared = 0;
    for (i, from) in sights.iter().enumerate() {
        for to in &sights[i + 1..] {
            let asked = query::AccessDiff {
                tenant: TenantName("acme".to_owned()),
                from: from.at,
                to: Some(to.at),
                role: None,
                space: None,
                after: None,
                limit: dice.usize(1..60),
            };
            let expected = expect(from, to);
            n_compared += expected.len();
            let found = ask(running, asked.clone()).await;
            assert_eq!(found, expected, "from {} to {}", from.at, to.at);

            // Filters leave out exactly what they do not match.
            let mut expected_producers = expected.clone();
            expected_producers.retain(|(_, (_, _, right)), _| right.starts_with("producer"));
            let role = query::AccessDiff {
                role: Some("Producer".to_owned()),
                ..asked.clone()
            };
            assert_eq!(ask(running, role).await, expected_producers);
            let Some(space) = to.spaces.keys().nth(dice.usize(..to.spaces.len())) else {
                continue;
            };
            let mut expected_there = expected;
            expected_there.retain(|(_, (of, _, _)), _| of == space);
            let there = query::AccessDiff {
                space: Some(space.to_string()),
                ..asked
            };
            assert_eq!(ask(running, there).await, expected_there);
        }
    }
    assert!(n_compared > 0);
}

/// Runs a command that must succeed, and returns the JSON that it prints.
async fn json_of(world: &World, args: &[&str]) -> Value {
    let (code, out, err) = world.command(&[args, &["--output", "json"]].concat()).await;
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

/// Makes a space that Olga owns, and a group with Maria as its member.
fn sales(tenant: &Directory) -> (SpaceId, Assignee, UserId) {
    let group = tenant.create_group("Sales");
    let maria = NewUser {
        groups: vec![group.clone()],
        ..NewUser::named("Maria Silva")
    };
    let maria = tenant.create_user(maria).unwrap();
    let owner = tenant.create_user(NewUser::named("Olga Owner")).unwrap();
    let space = tenant.create_space(NewSpace {
        name: "Sales EMEA".into(),
        sort: SpaceSort::Shared,
        owner,
    });
    (space, Assignee::Group(group), maria)
}

/// Reduces a row to the user's name, the change, the right and the paths.
fn told(row: &Value) -> Value {
    let paths = |paths: &Value| -> Vec<String> {
        let paths = paths.as_array().unwrap().iter();
        let paths = paths.map(|path| match &path["group"] {
            Value::Null => path["type"].as_str().unwrap().to_owned(),
            group => format!("{} {}", path["type"].as_str().unwrap(), group["name"]),
        });
        paths.collect()
    };
    let right = &row["right"];
    json!({
        "user": row["user"]["name"],
        "change": row["change"],
        "right": [right["type"], right["role"], right["space"]["name"]],
        "paths": [paths(&row["before"]), paths(&row["after"])],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_compares_rights_in_spaces() {
    let world = world(clock(), 2).await;
    let tenant = world.tenant.directory();
    let (space, group, maria) = sales(tenant);
    tenant.assign(&space, group.clone(), &["producer"]).unwrap();
    let running = world.start().await;
    read_once(&running).await;
    let from = world.clock.now().to_string();
    let everyone = Assignee::Group(Directory::everyone());
    tenant.unassign(&space, &group).unwrap();
    tenant
        .assign(&space, Assignee::User(maria), &["producer"])
        .unwrap();
    tenant.assign(&space, everyone, &["consumer"]).unwrap();
    let guest = tenant.create_user(NewUser::named("Gus Guest")).unwrap();
    let with = Assignee::User(guest);
    tenant
        .share(&space, "app-2", with, &["basicconsumer"])
        .unwrap();
    read_again(&world, &running).await;

    let args = ["access", "diff", "--from", &from, "--space", "sales emea"];
    let answer = json_of(&world, &args).await;
    let rows = answer["rows"].as_array().unwrap().iter();
    let rows: Vec<Value> = rows.map(told).collect();
    assert_eq!(
        rows,
        [
            json!({
                "user": "Maria Silva",
                "change": "path_changed",
                "right": ["space_role", "producer", "Sales EMEA"],
                "paths": [["group \"Sales\""], ["direct"]],
            }),
            json!({
                "user": "Gus Guest",
                "change": "granted",
                "right": ["app", "basicconsumer", "Sales EMEA"],
                "paths": [[], ["direct"]],
            }),
        ]
    );
    let about = &answer["answers"][0];
    assert_eq!(about["complete"], true, "{about}");
    assert_eq!(about["spaces"][0]["name"], "Sales EMEA");
    let all = about["everybody_changed"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(
        (&all[0]["right"]["role"], &all[0]["change"]),
        (&json!("consumer"), &json!("granted"))
    );

    let (code, out, err) = world
        .command(&["access", "diff", "--from", &from, "--role", "producer"])
        .await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.lines().count(), 2, "a head and a row: {out}");
    assert!(out.contains("producer in Sales EMEA"), "{out}");
    let (_, _, err) = world.command(&args).await;
    assert!(
        err.contains("users: consumer in Sales EMEA is given to all users now."),
        "{err}"
    );

    let args = ["access", "diff", "--from", &from, "--space", "Nowhere"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!((code, out.as_str()), (7, ""));
    assert!(
        err.contains("No space was called `Nowhere` at either time."),
        "{err}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_visible_is_neither_granted_nor_revoked() {
    let world = world(clock(), 2).await;
    let tenant = world.tenant.directory();
    let (space, group, maria) = sales(tenant);
    tenant.assign(&space, group.clone(), &["producer"]).unwrap();
    let (late, _, _) = sales(tenant);
    let hide = |space, part| {
        tenant
            .update_space(space, SpaceEdit::Hide(part, 403))
            .unwrap();
    };
    let show = |space, part| {
        tenant.update_space(space, SpaceEdit::Show(part)).unwrap();
    };
    hide(&late, SpacePart::Itself);
    let running = world.start().await;
    read_once(&running).await;
    let first = world.clock.now();
    // The assignments are hidden before Maria is assigned, and shown again later.
    hide(&space, SpacePart::Assignments);
    tenant
        .assign(&space, Assignee::User(maria), &["consumer"])
        .unwrap();
    tenant.unassign(&space, &group).unwrap();
    read_again(&world, &running).await;
    let second = world.clock.now();
    show(&space, SpacePart::Assignments);
    show(&late, SpacePart::Itself);
    read_again(&world, &running).await;

    let diff = async |from: Timestamp, to: Option<Timestamp>| {
        let (from, to) = (from.to_string(), to.map(|to| to.to_string()));
        let mut args = vec!["access", "diff", "--from", &from, "--role", "producer"];
        if let Some(to) = &to {
            args.extend(["--to", to.as_str()]);
        }
        json_of(&world, &args).await
    };
    let n_rows = |answer: &Value| answer["rows"].as_array().unwrap().len();
    let not_known = |answer: &Value| {
        let parts = answer["answers"][0]["not_known"].as_array().unwrap().iter();
        let parts = parts.map(|it| (it["space"]["remote_id"].to_string(), it["part"].to_string()));
        parts.collect::<BTreeSet<_>>()
    };
    let part = |space: &SpaceId, part: &str| (json!(space).to_string(), json!(part).to_string());
    let answer = diff(first, Some(second)).await;
    assert_eq!(n_rows(&answer), 0, "{answer}");
    assert_eq!(not_known(&answer), [part(&space, "assignments")].into());
    // The group had the role at the earlier time, so it was revoked, even if we do not know when.
    let answer = diff(second, None).await;
    assert_eq!(n_rows(&answer), 1, "{answer}");
    assert_eq!(answer["rows"][0]["change"], "revoked");
    let expected = [part(&space, "assignments"), part(&late, "itself")];
    assert_eq!(not_known(&answer), expected.into());
    let from = second.to_string();
    let args = ["access", "diff", "--from", &from, "--role", "consumer"];
    assert_eq!(n_rows(&json_of(&world, &args).await), 0, "it may be older");
    // That a list became visible made nobody an owner.
    let args = ["access", "diff", "--from", &from, "--role", "owner"];
    assert_eq!(n_rows(&json_of(&world, &args).await), 0);
    let from = first.to_string();
    let args = ["access", "diff", "--from", &from, "--role", "consumer"];
    assert_eq!(n_rows(&json_of(&world, &args).await), 1);
    running.stop().await;
}

/// Before the first reading of all spaces, nothing is known of them.
#[tokio::test(flavor = "multi_thread")]
async fn spaces_are_compared_from_their_first_reading_on() {
    let world = world(Clock::system(), 2).await;
    world.write_config(&world.standard_config());
    let running = world.start().await;
    let from = world.clock.now().to_string();
    running.stop().await;
    let config = world.standard_config();
    let answer = json_of(&world, &["access", "diff", "--from", &from]).await;
    assert_eq!(
        answer["answers"][0]["complete"], true,
        "roles alone are compared"
    );
    world.write_config(&format!("[access]\nspaces = true\n{config}"));
    let running = world.start().await;
    read_once(&running).await;

    let answer = json_of(&world, &["access", "diff", "--from", &from]).await;

    assert_eq!(answer["rows"], json!([]));
    assert_eq!(
        answer["answers"][0]["not_known"],
        json!([{ "what": "spaces" }])
    );
    running.stop().await;
}
