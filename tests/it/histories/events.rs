//! Compares what is told of each step, to receivers and to whoever asks, with the model.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::control::{AccessChangeChoice, AccessChangeRow, query};
use qlik_roster::model::{AccessChange, GroupId, Id, RightChange, RightHolders, RoleId, UserId};
use serde_json::Value;

use super::known::{self, Differences, differences, everybodys, everybodys_differences};
use super::{History, Sight, Time, acme};

pub async fn compare(history: &mut History) {
    told(history).await;
    replay(history);
}

/// Compares the changes that are listed for each step with what the model computes before and after
/// it.
async fn told(history: &mut History) {
    let limit = history.dice.usize(1..60);
    let (mut rows, mut after) = (Vec::<AccessChangeRow>::new(), None);
    loop {
        let page = history
            .running()
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
    for step in history.sights.windows(2) {
        let (before, after) = (&step[0], &step[1]);
        let (mut found, mut everybody) = (Differences::new(), BTreeSet::new());
        let of_step = |row: &&AccessChangeRow| before.seq < row.seq && row.seq <= after.seq;
        for row in rows.iter().filter(of_step) {
            n_told += 1;
            match history.time {
                Time::Stopped => assert_eq!(row.at, after.at),
                Time::Real => assert!(before.at < row.at && row.at <= after.at),
            }
            let RightChange { right, change, .. } = &row.right;
            let role = right.role().expect("no spaces are read");
            let paths = (
                known::words(&row.right.before),
                known::words(&row.right.after),
            );
            let what = (*change, paths.0, paths.1);
            match &row.right.holders {
                RightHolders::One(holder) => {
                    let who = (holder.id.clone(), role.id.clone());
                    assert_eq!(found.insert(who, what), None, "it is told twice");
                }
                RightHolders::Everybody { .. } => assert!(everybody.insert(role.id.clone())),
                RightHolders::Listed { .. } => panic!("a list is given user by user"),
            }
        }
        let expected = differences(&before.known, &after.known);
        assert_same(&found, &expected, after);
        let expected = everybodys_differences(&before.known, &after.known);
        assert_eq!(everybody, expected, "at {}", after.at);
    }
    assert_eq!(n_told, rows.len(), "nothing is told of the first load");
}

/// Shows only what differs: a message with all roles would be unreadable.
fn assert_same(found: &Differences, expected: &Differences, sight: &Sight) {
    let only = |one: &Differences, other: &Differences| -> Differences {
        let one = one
            .iter()
            .filter(|(who, what)| other.get(*who) != Some(*what));
        one.map(|(who, what)| (who.clone(), what.clone())).collect()
    };
    let (told, not_told) = (only(found, expected), only(expected, found));
    assert!(
        told.is_empty() && not_told.is_empty(),
        "at {}: only told: {told:#?}, not told: {not_told:#?}",
        sight.at
    );
}

/// An event that a receiver accepted.
struct Event {
    /// `None` if it is about everybody.
    user: Option<UserId>,
    role: RoleId,
    change: AccessChange,
    before: BTreeSet<String>,
    after: BTreeSet<String>,
}

/// Plays the part of a receiver that knows the first state and then only the events: what it
/// believes is what the model computes.
fn replay(history: &History) {
    let mut events: BTreeMap<(u64, String), Event> = BTreeMap::new();
    for delivery in history.world.receiver.deliveries() {
        if !delivery.is_accepted() {
            continue;
        }
        if let Some(event) = read(&delivery.body) {
            // An event that comes twice is the same one, by its id.
            let sequence = delivery.body["sequence"].as_u64().unwrap();
            events.insert((sequence, delivery.id.clone()), event);
        }
    }
    let first = &history.sights[0];
    let mut held = known::own(first.known.reckon());
    for paths in held.values_mut() {
        *paths = known::own_paths(paths);
    }
    let mut all = everybodys(&first.known);
    for step in history.sights.windows(2) {
        let (before, after) = (&step[0], &step[1]);
        let of_step = events
            .iter()
            .filter(|((sequence, _), _)| before.seq.0 < *sequence && *sequence <= after.seq.0);
        for (_, event) in of_step {
            event.assert_is_consistent();
            let (was, said) = if let Some(user) = &event.user {
                let who = (user.clone(), event.role.clone());
                let own = known::own_paths(&event.after);
                let was = match own.is_empty() {
                    true => held.remove(&who),
                    false => held.insert(who, own),
                };
                (was, known::own_paths(&event.before))
            } else {
                let was = match event.after.is_empty() {
                    true => all.remove(&event.role),
                    false => all.insert(event.role.clone(), event.after.clone()),
                };
                (was, event.before.clone())
            };
            assert_eq!(was.unwrap_or_default(), said, "{}", event.role);
        }
        // What is not certain is not told, and a receiver learns it in another way.
        let certain = differences(&before.known, &after.known);
        let mut expected = known::own(after.known.reckon());
        for paths in expected.values_mut() {
            *paths = known::own_paths(paths);
        }
        let mut of_before = known::own(before.known.reckon());
        for paths in of_before.values_mut() {
            *paths = known::own_paths(paths);
        }
        for who in expected.keys().chain(of_before.keys()) {
            if expected.get(who) == of_before.get(who) || certain.contains_key(who) {
                continue;
            }
            match expected.get(who) {
                Some(paths) => drop(held.insert(who.clone(), paths.clone())),
                None => drop(held.remove(who)),
            }
        }
        assert_eq!(held, expected, "at {}", after.at);
        let certain = everybodys_differences(&before.known, &after.known);
        let expected = everybodys(&after.known);
        for role in expected.keys().chain(everybodys(&before.known).keys()) {
            if !certain.contains(role) {
                match expected.get(role) {
                    Some(paths) => drop(all.insert(role.clone(), paths.clone())),
                    None => drop(all.remove(role)),
                }
            }
        }
        assert_eq!(all, expected, "at {}", after.at);
    }
}

impl Event {
    fn assert_is_consistent(&self) {
        let expected = match (self.before.is_empty(), self.after.is_empty()) {
            (true, _) => AccessChange::Granted,
            (_, true) => AccessChange::Revoked,
            (false, false) => AccessChange::PathChanged,
        };
        assert_eq!(self.change, expected);
    }
}

/// Reads an event about who holds a role; `None` if it is about something else.
fn read(body: &Value) -> Option<Event> {
    let change = match body["type"].as_str()? {
        "access.granted" => AccessChange::Granted,
        "access.revoked" => AccessChange::Revoked,
        "access.path_changed" => AccessChange::PathChanged,
        _ => return None,
    };
    let data = &body["data"];
    let id = |value: &Value| Id::parse(value.as_str().unwrap()).unwrap();
    let user = data.get("user").map(|user| UserId(id(&user["remote_id"])));
    assert_eq!(user.is_none(), data["everybody"].is_object(), "{data}");
    let paths = |paths: &Value| -> BTreeSet<String> {
        let paths = paths.as_array().unwrap().iter();
        let words = paths.map(|path| {
            let group = || GroupId(id(&path["group"]["remote_id"]));
            match path["type"].as_str().unwrap() {
                "direct" => "direct".to_owned(),
                "user_default" => "every user".to_owned(),
                word => format!("{word} {}", group()),
            }
        });
        words.collect()
    };
    Some(Event {
        user,
        role: RoleId(id(&data["right"]["remote_id"])),
        change,
        before: paths(&data["before"]),
        after: paths(&data["after"]),
    })
}
