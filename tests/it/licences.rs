//! Licences: what is known of them whatever the tenant hides and wherever a reading is interrupted,
//! and which assignments are to subjects that no user has.

use std::collections::BTreeSet;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::{
    LicenceChoice, LicenceLack, LicencesPage, NotKnown, WhichLicences, query,
};
use qlik_roster::demo::EmulatedTenant;
use qlik_roster::demo::tenant::{
    Directory, Endpoint, Fault, Licence, NewUser, RateLimits, TenantOptions, When,
};
use qlik_roster::model::{SubjectKey, TenantName, Timestamp};
use qlik_roster::store::LicenceReading;
use serde_json::Value;

use crate::support::{Running, World, within};

/// Readings of a random history.
const STEPS: usize = 8;

pub const DAY: Duration = Duration::from_secs(25 * 3_600);

/// After this time what a reading did not show is looked for again.
const CONFIRMED: Duration = Duration::from_secs(16 * 60);

pub fn clock() -> Clock {
    Clock::stopped_at(Timestamp::parse("2026-03-01T08:00:00Z").unwrap())
}

fn options(seed: u64, users: usize) -> TenantOptions {
    TenantOptions {
        users,
        seed,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    }
}

pub async fn world(clock: Clock, users: usize) -> World {
    let world = World::by(clock, options(1, users)).await;
    switch_on(&world, "");
    world
}

/// Has licences read of all tenants, with more sections at the end.
pub fn switch_on(world: &World, more: &str) {
    world.let_all_go();
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!("[access]\nlicences = true\n{config}{more}"));
}

/// Starts a second tenant, `beta`. Returns its sections of the configuration.
pub async fn second(world: &World) -> (EmulatedTenant, String) {
    let beta = EmulatedTenant::start(options(2, 20), world.clock.clone()).await;
    let beta = beta.unwrap();
    world.write("beta", beta.client_secret().expose());
    let sections = format!(
        "\n[[connections]]\nname = \"beta\"\nkind = \"tenant\"\nclient_id = \"{}\"\n\
         client_secret_file = {:?}\nrequests_per_minute = 0\noutlast = \"0s\"\n[[tenants]]\nname = \
         \"beta\"\nhost = \"{}\"\nconnection = \"beta\"\n",
        beta.client_id(),
        world.path("beta"),
        beta.url()
    );
    (beta, sections)
}

pub fn reading(running: &Running, tenant: &str) -> Option<LicenceReading> {
    let tenants = running.store().tenants().unwrap().into_iter();
    let known = tenants.into_iter().find(|known| known.name.0 == tenant)?;
    Some(running.store().licence_reading(known.no).unwrap())
}

/// Waits until a full reading of a tenant's licence that began at a time or later has ended, and
/// the tenant was swept.
pub async fn read_since(running: &Running, tenant: &str, time: Timestamp) {
    within("the licence is read", || async {
        reading(running, tenant)
            .is_some_and(|reading| reading.mark.began.is_none() && reading.mark.last >= Some(time))
    })
    .await;
    swept(running, tenant).await;
}

/// Waits until a sweep of a tenant is recorded: the reading of its licence may end a moment before.
pub async fn swept(running: &Running, tenant: &str) {
    let name = TenantName(tenant.to_owned());
    within("the tenant is swept", || async {
        running.store().last_sweep(&name).unwrap().is_some()
    })
    .await;
}

pub async fn read_again(world: &World, running: &Running) {
    read_after(world, running, DAY).await;
    let is_unconfirmed = |reading: LicenceReading| reading.unconfirmed > 0;
    if reading(running, "acme").is_some_and(is_unconfirmed) {
        read_after(world, running, CONFIRMED).await;
    }
}

async fn read_after(world: &World, running: &Running, time: Duration) {
    world.clock.set(world.clock.now().plus(time));
    running.sync().await;
    read_since(running, "acme", world.clock.now()).await;
}

pub async fn ask(running: &Running, which: WhichLicences, limit: usize) -> LicencesPage {
    let mut whole: Option<LicencesPage> = None;
    let mut after: Option<SubjectKey> = None;
    loop {
        let mut answer = running
            .ask(query::Licences {
                tenant: TenantName("acme".to_owned()),
                at: None,
                choice: LicenceChoice { sort: None, which },
                after,
                limit,
            })
            .await;
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

/// Returns subjects with types.
pub fn rows(answer: &LicencesPage) -> BTreeSet<(String, String)> {
    let rows = answer.page.rows.iter().map(|row| {
        let sort = row.assignment.sort.clone().unwrap_or_default();
        (row.assignment.subject.clone(), sort)
    });
    let found: BTreeSet<_> = rows.collect();
    assert_eq!(found.len(), answer.page.rows.len(), "a row came twice");
    found
}

pub fn reckon(licence: &Licence) -> BTreeSet<(String, String)> {
    let rows = licence.assignments.iter();
    rows.map(|(subject, it)| (subject.clone(), it.sort.clone()))
        .collect()
}

/// Computes which subjects no user of some tenants has.
pub fn orphans(licence: &Licence, tenants: &[&Directory]) -> BTreeSet<(String, String)> {
    let users = tenants.iter().flat_map(|tenant| tenant.users());
    let known: Vec<String> = users.map(|user| user.subject.to_lowercase()).collect();
    let mut rows = reckon(licence);
    rows.retain(|(subject, _)| !known.contains(&subject.to_lowercase()));
    rows
}

pub fn lack(tenant: &str, lack: LicenceLack) -> NotKnown {
    NotKnown::Licences {
        tenant: TenantName(tenant.to_owned()),
        lack,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_about_licences_unless_that_is_switched_on() {
    let world = world(clock(), 20).await;
    world.write_config(&world.standard_config());
    let running = world.start().await;
    running.sync().await;

    let answer = ask(&running, WhichLicences::All, 10).await;

    assert_eq!(
        answer.page.envelope.not_known,
        [lack("acme", LicenceLack::Off)].into()
    );
    assert_eq!((answer.licence, answer.read_at), (None, None));
    // A reading that the first sweep had begun has asked before the second one ends.
    running.sync().await;
    running.stop().await;
    for endpoint in [Endpoint::Licence, Endpoint::Licences] {
        assert_eq!(world.tenant.requests().at(endpoint), 0);
    }
}

/// Random assignments in random letter cases, to subjects of users and to others. Users come and
/// go, and the daemon is restarted in between.
#[tokio::test(flavor = "multi_thread")]
async fn answers_equal_those_of_a_slow_model_after_each_reading_of_a_random_history() {
    let world = world(clock(), 60).await;
    let tenant = world.tenant.directory();
    let mut dice = fastrand::Rng::with_seed(5);
    let mut running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;
    for step in 0..STEPS {
        for n in 0..dice.usize(..20) {
            let mut users = tenant.users();
            // The daemon's own account stays.
            users.retain(|user| user.client_id.is_none());
            let user = &users[dice.usize(..users.len())];
            let subject = match dice.u32(..4) {
                0 => user.subject.clone(),
                1 => user.subject.to_uppercase(),
                2 => user.subject.to_lowercase(),
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

        let limit = dice.usize(1..40);
        let answer = ask(&running, WhichLicences::All, limit).await;
        assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
        assert_eq!(rows(&answer), reckon(&tenant.licence()));
        let answer = ask(&running, WhichLicences::Orphans, limit).await;
        assert_eq!(rows(&answer), orphans(&tenant.licence(), &[tenant]));
    }
    running.stop().await;
}

/// Stops the daemon again and again in the middle of the first reading, at random. The reading
/// continues with the page where it was.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_reading_continues_with_the_same_page() {
    let world = world(clock(), 30).await;
    let tenant = world.tenant.directory();
    for n in 0..1_200 {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let n_pages = tenant.licence().assignments.len().div_ceil(100) as u64;
    let slow = Fault::Slow(Duration::from_millis(60));
    world
        .tenant
        .faults()
        .on(Endpoint::Licences, slow, When::Always);
    let mut dice = fastrand::Rng::with_seed(7);
    let asked = || world.tenant.requests().at(Endpoint::Licences);
    let mut n_stops = 0;
    let is_read = |running: &Running| {
        reading(running, "acme").is_some_and(|reading| reading.mark.last.is_some())
    };
    let running = loop {
        let until = asked() + dice.u64(1..5);
        let running = world.launch().await;
        within("some pages are read", || async {
            asked() >= until || is_read(&running)
        })
        .await;
        if is_read(&running) {
            break running;
        }
        running.stop().await;
        n_stops += 1;
    };

    assert!(n_stops > 1, "it was never interrupted");
    assert!(
        asked() <= n_pages + n_stops,
        "{} requests for {n_pages} pages, {n_stops} interruptions",
        asked()
    );
    let answer = ask(&running, WhichLicences::All, 500).await;
    assert_eq!(rows(&answer), reckon(&tenant.licence()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn licences_are_each_on_one_page_with_all_of_a_subject_together() {
    let world = world(clock(), 20).await;
    let tenant = world.tenant.directory();
    for n in 0..12 {
        tenant.license(
            &format!("auth0|nobody {n:02}"),
            ["analyzer", "professional"][n % 2],
        );
    }
    // This subject differs from another one only in letter case.
    tenant.license("AUTH0|Nobody 05", "analyzer");
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;
    let ask = async |which, sort: Option<&str>, after, limit| {
        let asked = query::Licences {
            tenant: TenantName("acme".to_owned()),
            at: None,
            choice: LicenceChoice {
                sort: sort.map(str::to_owned),
                which,
            },
            after,
            limit,
        };
        running.ask(asked).await.page
    };

    for which in [WhichLicences::All, WhichLicences::Orphans] {
        for sort in [None, Some("Professional")] {
            let whole = ask(which, sort, None, 500).await;
            assert_eq!(whole.next, None);
            assert!(whole.rows.len() > 5, "{whole:?}");
            for limit in 1..=4 {
                let (mut rows, mut after, mut n_pages) = (Vec::new(), None, 0);
                loop {
                    let page = ask(which, sort, after, limit).await;
                    // A page ends with all rows of a subject.
                    assert!(page.rows.len() <= limit + 1, "{page:?}");
                    n_pages += 1;
                    rows.extend(page.rows);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(rows, whole.rows, "{which:?} {sort:?} by {limit}");
                assert!(n_pages > 1, "{n_pages}");
            }
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_whose_cursor_has_run_out_is_read_again_and_nothing_is_lost() {
    let world = world(clock(), 30).await;
    let tenant = world.tenant.directory();
    for n in 0..300 {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let faults = world.tenant.faults();
    faults.on(Endpoint::Licences, Fault::ExpiredCursor(400), When::Nth(2));
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;
    // What only the first listing showed may have gone by the second one.
    assert_eq!(reading(&running, "acme").unwrap().mark.number, 2);

    let answer = ask(&running, WhichLicences::All, 100).await;

    assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
    assert_eq!(rows(&answer), reckon(&tenant.licence()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_stays_as_it_was_known_and_is_reported() {
    let world = world(clock(), 30).await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;
    let before = reckon(&tenant.licence());
    let faults = world.tenant.faults();

    faults.on(Endpoint::Licence, Fault::Forbidden, When::Always);
    tenant.set_licence(Licence::default());
    world.clock.set(world.clock.now().plus(DAY));
    running.sync().await;
    within("it is refused", || async {
        reading(&running, "acme").unwrap().mark.is_refused
    })
    .await;
    let answer = ask(&running, WhichLicences::Orphans, 10).await;
    assert!(
        answer
            .page
            .envelope
            .not_known
            .contains(&lack("acme", LicenceLack::Refused))
    );
    let answer = ask(&running, WhichLicences::All, 10).await;
    assert_eq!(rows(&answer), before);

    // The listing comes back empty: these are more removals than the guard allows.
    faults.clear();
    // Without a restart, the daemon would wait a minute after the failure.
    running.stop().await;
    let running = world.start().await;
    read_again(&world, &running).await;
    let answer = ask(&running, WhichLicences::All, 10).await;
    assert_eq!(
        answer.page.envelope.not_known,
        [lack("acme", LicenceLack::Kept)].into()
    );
    assert_eq!(rows(&answer), before);

    // A day later it is still empty.
    read_again(&world, &running).await;
    let answer = ask(&running, WhichLicences::All, 10).await;
    assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
    assert!(rows(&answer).is_empty());

    tenant.license("auth0|somebody", "analyzer");
    tenant.license("auth0|zoe", "analyzer");
    faults.on(Endpoint::Licences, Fault::WrongType, When::Always);
    read_again(&world, &running).await;
    let answer = ask(&running, WhichLicences::All, 10).await;
    assert_eq!(
        answer.page.envelope.not_known,
        [lack("acme", LicenceLack::Unreadable)].into()
    );

    // While the next reading is under way, the last one still counts.
    faults.clear();
    for n in 0..150 {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let slow = Fault::Slow(Duration::from_secs(60));
    faults.on(Endpoint::Licences, slow, When::From(2));
    world.clock.set(world.clock.now().plus(DAY));
    running.sync().await;
    within("it is read again", || async {
        reading(&running, "acme").unwrap().mark.began.is_some()
    })
    .await;
    let answer = ask(&running, WhichLicences::All, 10).await;
    assert_eq!(
        answer.page.envelope.not_known,
        [lack("acme", LicenceLack::Unreadable)].into()
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subject_of_an_orphan_licence_is_in_no_tenant_with_that_licence() {
    let world = world(clock(), 20).await;
    let acme = world.tenant.directory();
    let (other, sections) = second(&world).await;
    let beta = other.directory();
    switch_on(&world, &sections);
    for (tenant, name) in [(acme, "auth0|here"), (beta, "AUTH0|There")] {
        tenant
            .create_user(NewUser {
                subject: Some(name.to_owned()),
                ..NewUser::named(name)
            })
            .unwrap();
    }
    for subject in ["Auth0|HERE", "auth0|there", "auth0|nobody"] {
        acme.license(subject, "analyzer");
    }
    beta.set_licence(acme.licence());
    let began = world.clock.now();
    let running = world.start().await;
    read_since(&running, "acme", began).await;
    read_since(&running, "beta", began).await;

    let answer = ask(&running, WhichLicences::Orphans, 10).await;

    assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
    let nobody = ("auth0|nobody".to_owned(), "analyzer".to_owned());
    assert_eq!(rows(&answer), [nobody.clone()].into());
    assert_eq!(answer.page.rows[0].is_orphan, Some(true));
    assert_eq!(rows(&answer), orphans(&acme.licence(), &[acme, beta]));
    let names: Vec<_> = answer.searched.iter().map(|name| name.0.as_str()).collect();
    assert_eq!(names, ["acme", "beta"]);
    // With another licence, it is not searched.
    beta.set_licence(Licence {
        number: "7".into(),
        ..acme.licence()
    });
    world.clock.set(world.clock.now().plus(DAY));
    running.sync().await;
    let now = world.clock.now();
    read_since(&running, "acme", now).await;
    running
        .run_of("beta", qlik_roster::model::Mode::Commit)
        .await;
    read_since(&running, "beta", now).await;
    let answer = ask(&running, WhichLicences::Orphans, 10).await;
    assert_eq!(rows(&answer).len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_orphan_is_found_while_a_tenant_may_know_the_subject() {
    let world = world(Clock::system(), 20).await;
    let acme = world.tenant.directory();
    let (other, sections) = second(&world).await;
    other
        .faults()
        .on(Endpoint::Users, Fault::Internal, When::Always);
    switch_on(&world, &sections);
    acme.license("auth0|nobody", "analyzer");
    let began = world.clock.now();
    let running = world.start().await;
    read_since(&running, "acme", began).await;

    let answer = ask(&running, WhichLicences::Orphans, 10).await;

    let not_known = &answer.page.envelope.not_known;
    assert!(
        not_known.contains(&lack("beta", LicenceLack::Users)),
        "{not_known:?}"
    );
    assert_eq!(rows(&answer).len(), 1, "what may be one is listed");
    assert_eq!(answer.page.rows[0].is_orphan, None, "it may be none");
    let args = ["findings", "--code", "access.orphan-licence"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 5, "{err}");
    assert!(!out.contains("nobody"), "{out}");
    assert!(
        err.contains(
            "It is not known which assignments of the licence of `acme` are orphan licences"
        ),
        "{err}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_no_longer_read_hides_no_orphans_and_is_not_judged() {
    let world = world(Clock::system(), 20).await;
    let acme = world.tenant.directory();
    let (other, sections) = second(&world).await;
    let beta = other.directory();
    let before = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!("{before}{sections}"));
    beta.create_user(NewUser {
        subject: Some("auth0|left".to_owned()),
        ..NewUser::named("Left")
    })
    .unwrap();
    acme.license("auth0|left", "analyzer");
    beta.set_licence(acme.licence());
    let began = world.clock.now();
    let running = world.start().await;
    read_since(&running, "acme", began).await;
    read_since(&running, "beta", began).await;
    assert!(rows(&ask(&running, WhichLicences::Orphans, 10).await).is_empty());
    running.stop().await;
    world.write_config(&before);
    let running = world.start().await;

    let answer = ask(&running, WhichLicences::Orphans, 10).await;

    assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
    let left = ("auth0|left".to_owned(), "analyzer".to_owned());
    assert_eq!(rows(&answer), [left].into());
    let args = ["findings", "--code", "orphan-licence", "--output", "json"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found[0]["tenant"], "acme");
    running.stop().await;
}

/// Qlik refuses the licence to its first tenant, but not to another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_judged_for_the_first_tenant_that_has_read_it() {
    let world = world(clock(), 20).await;
    let acme = world.tenant.directory();
    let (other, sections) = second(&world).await;
    let before = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!("{before}{sections}"));
    acme.license("auth0|one", "analyzer");
    acme.license("auth0|two", "analyzer");
    other.directory().set_licence(acme.licence());
    let began = world.clock.now();
    let running = world.start().await;
    read_since(&running, "acme", began).await;
    read_since(&running, "beta", began).await;
    let found = async |args: &[&str]| -> Vec<(String, String, String)> {
        let args = [&["findings", "--code", "orphan-licence"], args].concat();
        let found = json(&world, &args).await;
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let rows = found.as_array().unwrap().iter();
        let row = |row| {
            (
                text(row, "tenant"),
                text(row, "licence_subject"),
                text(row, "id"),
            )
        };
        rows.map(row).collect()
    };
    let of_acme = found(&[]).await;
    let tenants: Vec<_> = of_acme.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(tenants, ["acme", "acme"]);
    let of_beta = found(&["--tenant", "beta"]).await;
    let tenants: Vec<_> = of_beta.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(tenants, ["beta", "beta"]);
    for id in [&of_acme[0].2, &of_beta[1].2] {
        let args = ["findings", "accept", id, "--why", "of a tenant elsewhere"];
        let (code, _, err) = world.command(&args).await;
        assert_eq!(code, 0, "{err}");
    }
    assert!(found(&[]).await.is_empty());
    assert!(found(&["--tenant", "beta"]).await.is_empty());

    acme.license("auth0|three", "analyzer");
    other.directory().set_licence(acme.licence());
    world
        .tenant
        .faults()
        .on(Endpoint::Licences, Fault::Forbidden, When::Always);
    world.clock.set(world.clock.now().plus(DAY));
    running.sync().await;
    running
        .run_of("beta", qlik_roster::model::Mode::Commit)
        .await;
    within("acme is refused", || async {
        reading(&running, "acme").is_some_and(|reading| reading.mark.is_refused)
    })
    .await;
    read_since(&running, "beta", world.clock.now()).await;

    let left = found(&[]).await;

    let left: Vec<_> = left
        .iter()
        .map(|row| (row.0.as_str(), row.1.as_str()))
        .collect();
    assert_eq!(left, [("beta", "auth0|three")]);
    let told = json(&world, &["access", "licences", "--orphans"]).await;
    assert_eq!(told["answers"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["rows"][0]["tenant"], "beta");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_licence_takes_the_place_of_the_one_before() {
    let world = world(clock(), 30).await;
    let tenant = world.tenant.directory();
    for n in 0..300 {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;
    tenant.set_licence(Licence {
        number: "7".to_owned(),
        assignments: std::collections::BTreeMap::new(),
    });
    tenant.license("auth0|somebody", "analyzer");

    read_again(&world, &running).await;

    let answer = ask(&running, WhichLicences::All, 100).await;
    assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
    assert_eq!(rows(&answer), reckon(&tenant.licence()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_has_a_licence_read_before_it_is_due() {
    let world = world(clock(), 20).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("poll = \"off\"", "poll = \"1s\""));
    let tenant = world.tenant.directory();
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;
    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(2 * 3_600)));
    let now = world.clock.now();

    tenant.license("auth0|somebody", "analyzer");

    read_since(&running, "acme", now).await;
    let answer = ask(&running, WhichLicences::All, 100).await;
    assert_eq!(rows(&answer), reckon(&tenant.licence()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_listing_that_is_short_removes_nothing() {
    let world = world(clock(), 20).await;
    let tenant = world.tenant.directory();
    for n in 0..1_200 {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;
    let all = reckon(&tenant.licence());
    let faults = world.tenant.faults();

    faults.on(Endpoint::Licences, Fault::PageLeftOut, When::Nth(3));
    read_after(&world, &running, DAY).await;

    let answer = ask(&running, WhichLicences::All, 500).await;
    let kept = [lack("acme", LicenceLack::Kept)].into();
    assert_eq!(answer.page.envelope.not_known, kept);
    assert_eq!(rows(&answer), all);

    faults.clear();
    read_after(&world, &running, CONFIRMED).await;
    let answer = ask(&running, WhichLicences::All, 500).await;
    assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
    assert_eq!(rows(&answer), all);

    // What is really gone goes with the second reading.
    tenant.unlicense("auth0|nobody 0007");
    read_after(&world, &running, DAY).await;
    assert_eq!(rows(&ask(&running, WhichLicences::All, 500).await), all);
    read_after(&world, &running, CONFIRMED).await;
    let answer = ask(&running, WhichLicences::All, 500).await;
    assert_eq!(rows(&answer), reckon(&tenant.licence()));
    running.stop().await;
}

/// With cursors that are offsets, an assignment that is taken away while the listing is read makes
/// it skip another one.
#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_that_a_change_hides_from_the_listing_stays() {
    let world = world(clock(), 20).await;
    let tenant = world.tenant.directory();
    for n in 0..300 {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;
    let mut all = reckon(&tenant.licence());
    let asked = world.tenant.requests().at(Endpoint::Licences);
    let slow = Fault::Slow(Duration::from_secs(2));
    world
        .tenant
        .faults()
        .on(Endpoint::Licences, slow, When::From(2));

    world.clock.set(world.clock.now().plus(DAY));
    running.sync().await;
    within("the second page is asked for", || async {
        world.tenant.requests().at(Endpoint::Licences) > asked
            && reading(&running, "acme").unwrap().cursor.is_some()
    })
    .await;
    let (first, _) = all.pop_first().unwrap();
    tenant.unlicense(&first);
    read_since(&running, "acme", world.clock.now()).await;

    let found = rows(&ask(&running, WhichLicences::All, 500).await);
    assert!(found.is_superset(&all), "{:?}", all.difference(&found));
    world.tenant.faults().clear();
    read_again(&world, &running).await;
    let answer = ask(&running, WhichLicences::All, 500).await;
    assert_eq!(rows(&answer), reckon(&tenant.licence()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_that_the_listing_does_not_reach_makes_it_unreadable_in_part() {
    let world = world(clock(), 20).await;
    let tenant = world.tenant.directory();
    for n in 0..150 {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let faults = world.tenant.faults();
    faults.on(Endpoint::Licences, Fault::InflatedTotal(2), When::Always);
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;

    assert_eq!(reading(&running, "acme").unwrap().unreadable, 2);
    let answer = ask(&running, WhichLicences::All, 500).await;
    let unreadable = [lack("acme", LicenceLack::Unreadable)].into();
    assert_eq!(answer.page.envelope.not_known, unreadable);
    assert_eq!(rows(&answer), reckon(&tenant.licence()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_does_not_sort_is_read_all_the_same() {
    let world = world(clock(), 20).await;
    let tenant = world.tenant.directory();
    for n in 0..250 {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let faults = world.tenant.faults();
    faults.on(Endpoint::Licences, Fault::RefusedSort, When::Always);
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;

    let answer = ask(&running, WhichLicences::All, 500).await;
    assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
    assert_eq!(rows(&answer), reckon(&tenant.licence()));
    running.stop().await;
}

/// The daemon is started again for each attempt, since it waits ever longer after a failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_at_which_the_listing_always_fails_is_given_up() {
    let world = world(clock(), 20).await;
    let tenant = world.tenant.directory();
    for n in 0..250 {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let faults = world.tenant.faults();
    faults.on(Endpoint::Licences, Fault::ExpiredCursor(500), When::Always);
    for n_failures in [1, 2, 0] {
        let running = world.start().await;
        within("it fails", || async {
            reading(&running, "acme").is_some_and(|reading| {
                let is_given_up = reading.cursor.is_none() && reading.mark.number == 1;
                match n_failures {
                    0 => is_given_up,
                    _ => reading.failures == n_failures,
                }
            })
        })
        .await;
        running.stop().await;
    }

    faults.clear();
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;
    let last = reading(&running, "acme").unwrap();
    assert_eq!((last.mark.number, last.failures), (2, 0));
    let answer = ask(&running, WhichLicences::All, 500).await;
    assert_eq!(rows(&answer), reckon(&tenant.licence()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_page_without_a_link_is_no_end() {
    let world = world(clock(), 20).await;
    let tenant = world.tenant.directory();
    tenant.set_licence(Licence {
        assignments: std::collections::BTreeMap::new(),
        ..tenant.licence()
    });
    for n in 0..200 {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;
    let before = reckon(&tenant.licence());
    assert_eq!(rows(&ask(&running, WhichLicences::All, 100).await), before);

    let faults = world.tenant.faults();
    faults.on(Endpoint::Licences, Fault::NoLinks, When::Always);
    let read_at = reading(&running, "acme").unwrap().mark.last;
    world.clock.set(world.clock.now().plus(DAY));
    running.sync().await;
    within("it is tried", || async {
        let reading = reading(&running, "acme").unwrap();
        reading.mark.tried == Some(world.clock.now()) && reading.mark.began.is_some()
    })
    .await;
    running.stop().await;

    let running = world.start().await;
    assert_eq!(reading(&running, "acme").unwrap().mark.last, read_at);
    assert_eq!(rows(&ask(&running, WhichLicences::All, 100).await), before);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_say_that_a_licence_could_not_be_read_yet() {
    let world = world(clock(), 20).await;
    world
        .tenant
        .faults()
        .on(Endpoint::Licence, Fault::Internal, When::Always);
    let running = world.start().await;
    within("it is tried", || async {
        reading(&running, "acme").is_some_and(|reading| reading.mark.tried.is_some())
    })
    .await;

    let (code, _, err) = world.command(&["findings"]).await;

    assert_eq!(code, 5, "{err}");
    assert!(
        err.contains("the licence of `acme` was not read in full yet"),
        "{err}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_long_ago_is_not_known() {
    let world = world(clock(), 20).await;
    let running = world.start().await;
    let read_at = world.clock.now();
    read_since(&running, "acme", read_at).await;
    let lacks = async || {
        let answer = ask(&running, WhichLicences::All, 10).await;
        answer.page.envelope.not_known
    };
    world
        .tenant
        .faults()
        .on(Endpoint::Licence, Fault::Internal, When::Always);

    world.clock.set(world.clock.now().plus(DAY));
    assert_eq!(lacks().await, BTreeSet::new());
    world.clock.set(world.clock.now().plus(DAY));
    assert_eq!(
        lacks().await,
        [lack("acme", LicenceLack::Old { read_at })].into()
    );
    running.stop().await;

    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("licences = true", "licences = false"));
    world.clock.set(read_at);
    let running = world.start().await;
    let answer = ask(&running, WhichLicences::All, 10).await;
    assert_eq!(
        answer.page.envelope.not_known,
        [lack("acme", LicenceLack::Old { read_at })].into()
    );
    running.stop().await;
}

pub async fn json(world: &World, args: &[&str]) -> Value {
    let (code, out, err) = world.command(&[args, &["--output", "json"]].concat()).await;
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_finds_orphans() {
    let world = world(Clock::system(), 20).await;
    let tenant = world.tenant.directory();
    tenant.license("auth0|Nobody", "professional");
    tenant.license("auth0|nothing", "");
    let began = world.clock.now();
    let running = world.start().await;
    read_since(&running, "acme", began).await;

    let told = json(&world, &["access", "licences", "--orphans"]).await;
    let subjects = told["rows"].as_array().unwrap().iter();
    let subjects: Vec<_> = subjects
        .map(|row| row["subject"].as_str().unwrap())
        .collect();
    assert_eq!(subjects, ["auth0|Nobody", "auth0|nothing"]);
    let answer = &told["answers"][0];
    assert_eq!(answer["complete"], true, "{answer}");
    assert_eq!(answer["licence"]["number"], "9999000000001234");
    assert_eq!(answer["searched_tenants"][0], "acme");
    let args = ["access", "licences", "--type", "Professional", "--orphans"];
    let (code, out, err) = world
        .command(&[&args[..], &["--output", "csv"]].concat())
        .await;
    assert_eq!(code, 0, "{err}");
    assert!(
        out.lines()
            .nth(1)
            .unwrap()
            .starts_with("acme,auth0|Nobody,professional,no,"),
        "{out}"
    );
    assert_eq!(out.lines().count(), 2, "{out}");
    let (_, out, err) = world.command(&["access", "licences"]).await;
    assert!(out.contains("analyzer"), "{out}");
    assert!(
        err.contains("The licence of `acme` is 9999000000001234: analyzer "),
        "{err}"
    );

    let runs = json(&world, &["runs"]).await;
    let mut runs = runs.as_array().unwrap().iter();
    let run = runs.find(|run| run["trigger"] == "licence").unwrap();
    assert_eq!(run["outcome"], "succeeded");
    assert_eq!(run["licence"]["unreadable"], 0);
    let id = run["id"].as_str().unwrap();
    let (_, out, _) = world.command(&["runs", "show", id]).await;
    assert!(out.contains("assignments read"), "{out}");
    let status = json(&world, &["status"]).await;
    assert!(!status.to_string().contains("\"licence\":{"), "{status}");

    let (code, out, err) = world
        .command(&["findings", "--code", "orphan-licence"])
        .await;
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("auth0|Nobody") && out.contains("auth0|nothing"),
        "{out}"
    );
    assert!(err.contains("2 access.orphan-licence (low)"), "{err}");
    let args = ["findings", "--code", "orphan-licence", "--output", "json"];
    let (_, out, _) = world.command(&args).await;
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found[0]["licence_subject"], "auth0|nobody");
    assert_eq!(found[0]["remote_user_id"], Value::Null);
    let id = found[0]["id"].as_str().unwrap();
    let args = ["findings", "accept", id, "--why", "of a tenant elsewhere"];
    let (code, _, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    let (_, out, _) = world
        .command(&["findings", "--code", "orphan-licence"])
        .await;
    assert!(
        !out.contains("auth0|Nobody") && out.contains("auth0|nothing"),
        "{out}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_whether_licences_can_be_read() {
    let world = world(Clock::system(), 20).await;
    let line = |out: &str| -> Option<Value> {
        let lines: Vec<Value> = serde_json::from_str(out).unwrap();
        lines.into_iter().find(|line| line["step"] == "licences")
    };
    let (code, out, _) = world.command(&["check", "--output", "json"]).await;
    let told = line(&out).unwrap();
    assert_eq!((code, &told["result"]), (0, &Value::from("ok")));
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.starts_with("licence 9999000000001234; "), "{detail}");

    let faults = world.tenant.faults();
    faults.on(Endpoint::Licences, Fault::Forbidden, When::Always);
    let (code, out, _) = world.command(&["check", "--output", "json"]).await;
    let told = line(&out).unwrap();
    assert_eq!(
        (code, &told["error_code"]),
        (4, &Value::from("qlik.forbidden"))
    );
    world.write_config(&world.standard_config());
    let (_, out, _) = world.command(&["check", "--output", "json"]).await;
    assert_eq!(line(&out), None);
}
