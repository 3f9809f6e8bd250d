//! Licences as of earlier times: whose they were, since when, and which were orphans.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use qlik_roster::control::{LicenceChoice, LicenceLack, LicencesPage, WhichLicences, query};
use qlik_roster::demo::tenant::{Endpoint, Fault, Licence, NewUser, When};
use qlik_roster::model::{Fact, LicenceChange, Seq, SubjectKey, TenantName, Timestamp};

use crate::licences::{
    DAY, clock, json, lack, orphans, read_again, read_since, reckon, rows, world,
};
use crate::support::Running;

/// Readings of a random history.
const STEPS: usize = 6;

const HOUR: Duration = Duration::from_secs(3_600);

pub async fn ask_at(
    running: &Running,
    which: WhichLicences,
    at: Option<Timestamp>,
    limit: usize,
) -> LicencesPage {
    let mut whole: Option<LicencesPage> = None;
    let mut after: Option<SubjectKey> = None;
    loop {
        let asked = query::Licences {
            tenant: TenantName("acme".to_owned()),
            at,
            choice: LicenceChoice { sort: None, which },
            after,
            limit,
        };
        let mut answer = running.ask(asked).await;
        after = answer.page.next.take();
        match &mut whole {
            Some(whole) => whole.page.rows.extend(answer.page.rows),
            None => whole = Some(answer),
        }
        if after.is_none() {
            return whole.unwrap();
        }
    }
}

fn changes(running: &Running) -> Vec<LicenceChange> {
    let entries = running.store().entries(Seq::START, usize::MAX).unwrap();
    let changes = entries.into_iter().filter_map(|entry| match entry.fact {
        Fact::LicenceChanged(change) => Some(change),
        _ => None,
    });
    changes.collect()
}

/// What was known after a reading: the time, all assignments, and the orphans.
type Known = (
    Timestamp,
    BTreeSet<(String, String)>,
    BTreeSet<(String, String)>,
);

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_earlier_times_equal_those_that_were_given_then() {
    let world = world(clock(), 40).await;
    let tenant = world.tenant.directory();
    let mut dice = fastrand::Rng::with_seed(11);
    let mut running = world.start().await;
    let first = world.clock.now();
    read_since(&running, "acme", first).await;
    let mut known: Vec<Known> = Vec::new();
    for step in 0..STEPS {
        for n in 0..dice.usize(1..16) {
            let mut users = tenant.users();
            // The daemon's own account stays.
            users.retain(|user| user.client_id.is_none());
            let user = &users[dice.usize(..users.len())];
            let subject = match dice.u32(..3) {
                0 => user.subject.to_lowercase(),
                1 => user.subject.clone(),
                _ => format!("auth0|nobody {step} {n}"),
            };
            match dice.u32(..8) {
                0..=3 => tenant.license(&subject, ["analyzer", "professional", ""][n % 3]),
                4 | 5 => {
                    let licence = tenant.licence();
                    let subject = licence.assignments.keys().nth(n).unwrap();
                    tenant.unlicense(subject);
                }
                6 => drop(tenant.create_user(NewUser {
                    subject: Some(subject),
                    ..NewUser::named(&format!("Somebody {step} {n}"))
                })),
                _ => drop(tenant.delete_user(&user.id)),
            }
        }
        if dice.bool() {
            running.stop().await;
            running = world.start().await;
        }
        read_again(&world, &running).await;
        let licence = tenant.licence();
        let orphaned = orphans(&licence, &[tenant]);
        known.push((world.clock.now(), reckon(&licence), orphaned));
    }

    for (time, all, orphaned) in &known {
        for at in [*time, time.plus(HOUR)] {
            let at = Some(at).filter(|at| *at <= world.clock.now());
            let limit = dice.usize(1..40);
            let answer = ask_at(&running, WhichLicences::All, at, limit).await;
            assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
            assert_eq!(&rows(&answer), all, "at {time}");
            let answer = ask_at(&running, WhichLicences::Orphans, at, limit).await;
            assert_eq!(&rows(&answer), orphaned, "at {time}");
            let is_certain = answer
                .page
                .rows
                .iter()
                .all(|row| row.is_orphan == Some(true));
            assert!(is_certain, "at {time}: {:?}", answer.page.envelope);
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_says_what_was_assigned_then_and_since_when() {
    let world = world(clock(), 20).await;
    let tenant = world.tenant.directory();
    for subject in ["auth0|ann", "auth0|bob", "auth0|eve"] {
        tenant.license(subject, "analyzer");
    }
    let running = world.start().await;
    let first = world.clock.now();
    read_since(&running, "acme", first).await;
    tenant.license("auth0|bob", "professional");
    tenant.unlicense("auth0|eve");
    tenant.license("auth0|zoe", "analyzer");
    read_again(&world, &running).await;
    let second = first.plus(DAY);
    let told = async |args: &[&str]| -> BTreeMap<String, String> {
        let args = [&["access", "licences"], args].concat();
        let told = json(&world, &args).await;
        let rows = told["rows"].as_array().unwrap().iter();
        let rows = rows.filter_map(|row| {
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let subject = text(&row["subject"]);
            let since = (text(&row["since"]["basis"]), text(&row["since"]["at"]));
            subject.starts_with("auth0|").then(|| {
                let (basis, at) = since;
                (subject, format!("{} {basis} {at}", text(&row["type"])))
            })
        });
        rows.collect()
    };
    let row = |subject: &str, sort: &str, basis: &str, at: Timestamp| {
        (subject.to_owned(), format!("{sort} {basis} {at}"))
    };

    let then = told(&["--as-of", &first.plus(HOUR).to_string()]).await;
    let now = told(&[]).await;

    let (observed, before) = ("observed", "before_first_reading");
    let expected = [
        row("auth0|ann", "analyzer", before, first),
        row("auth0|bob", "analyzer", before, first),
        row("auth0|eve", "analyzer", before, first),
    ];
    let of = |found: &BTreeMap<String, String>, names: &[&str]| -> BTreeMap<String, String> {
        let named = found.iter().filter(|(name, _)| names.contains(&&***name));
        named
            .map(|(name, text)| (name.clone(), text.clone()))
            .collect()
    };
    let names = ["auth0|ann", "auth0|bob", "auth0|eve", "auth0|zoe"];
    assert_eq!(of(&then, &names), expected.into());
    let expected = [
        row("auth0|ann", "analyzer", before, first),
        row("auth0|bob", "professional", observed, second),
        row("auth0|zoe", "analyzer", observed, second),
    ];
    assert_eq!(of(&now, &names), expected.into());
    // The change of a type is one change, also in the journal.
    let changes = changes(&running);
    let of_bob: Vec<_> = changes
        .iter()
        .filter_map(|change| change.subjects.get(&SubjectKey::of("auth0|bob")))
        .map(|change| (change.before.len(), change.after.len()))
        .collect();
    assert_eq!(of_bob, [(1, 1)]);
    let (code, out, err) = world.command(&["access", "licences", "--wide"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("before the first reading"), "{out}");

    let early = first.minus(HOUR).to_string();
    let (code, _, err) = world
        .command(&["access", "licences", "--as-of", &early])
        .await;
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("does not go back that far"), "{err}");
    running.stop().await;
}

/// A reading of the new licence is under way for an hour, and its number is known before its
/// assignments are.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_licence_leaves_the_one_before_in_the_history() {
    let world = world(clock(), 20).await;
    let tenant = world.tenant.directory();
    for n in 0..150 {
        tenant.license(&format!("auth0|old {n:04}"), "analyzer");
    }
    let before = reckon(&tenant.licence());
    let running = world.start().await;
    let first = world.clock.now();
    read_since(&running, "acme", first).await;
    let mut renewed = Licence {
        number: "7".to_owned(),
        assignments: BTreeMap::new(),
    };
    tenant.set_licence(renewed.clone());
    for n in 0..150 {
        tenant.license(&format!("auth0|new {n:04}"), "analyzer");
    }
    renewed = tenant.licence();
    let faults = world.tenant.faults();
    faults.on(Endpoint::Licences, Fault::Internal, When::From(2));
    world.clock.set(first.plus(DAY));
    running.sync().await;
    crate::support::within("it is tried", || async {
        let reading = crate::licences::reading(&running, "acme").unwrap();
        reading.is_of_another() && reading.failures > 0
    })
    .await;
    let answer = ask_at(&running, WhichLicences::All, None, 100).await;
    let not_read = [lack("acme", LicenceLack::NotRead)].into();
    assert_eq!(answer.page.envelope.not_known, not_read);
    assert!(rows(&answer).is_empty());
    running.stop().await;

    faults.clear();
    world.clock.set(first.plus(DAY + HOUR));
    let running = world.start().await;
    read_since(&running, "acme", first.plus(DAY)).await;

    let now = ask_at(&running, WhichLicences::All, None, 100).await;
    assert_eq!(now.page.envelope.not_known, BTreeSet::new());
    assert_eq!(rows(&now), reckon(&renewed));
    let then = ask_at(&running, WhichLicences::All, Some(first.plus(HOUR)), 100).await;
    assert_eq!(then.page.envelope.not_known, BTreeSet::new());
    assert_eq!(rows(&then), before);
    let number = |answer: &LicencesPage| answer.licence.as_ref().unwrap().number.clone();
    assert_eq!(number(&now).as_deref(), Some("7"));
    assert_eq!(number(&then).as_deref(), Some("9999000000001234"));
    running.stop().await;
}

/// For five days no reading succeeded. What changed then may have changed at any time in between.
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_while_nothing_was_read_is_not_known_for_that_time() {
    let world = world(clock(), 20).await;
    let tenant = world.tenant.directory();
    tenant.license("auth0|ann", "analyzer");
    let running = world.start().await;
    let first = world.clock.now();
    read_since(&running, "acme", first).await;
    tenant.license("auth0|bob", "analyzer");
    world.clock.set(first.plus(DAY * 5));
    running.sync().await;
    read_since(&running, "acme", first.plus(DAY * 5)).await;
    let lacks_at = async |at: Timestamp| {
        let answer = ask_at(&running, WhichLicences::All, Some(at), 100).await;
        answer.page.envelope.not_known
    };

    let old = LicenceLack::Old { read_at: first };
    assert_eq!(lacks_at(first.plus(DAY)).await, BTreeSet::new());
    assert_eq!(
        lacks_at(first.plus(DAY * 3)).await,
        [lack("acme", old)].into()
    );
    assert_eq!(lacks_at(first.plus(DAY * 5)).await, BTreeSet::new());
    running.stop().await;
}
