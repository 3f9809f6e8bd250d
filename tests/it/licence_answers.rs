//! What answers say about licences: which assignments are certainly orphans, why this is not known
//! for others, and which findings are accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use qlik_roster::access::orphan_licence_id;
use qlik_roster::control::{LicenceLack, LicencesPage, WhichLicences, query};
use qlik_roster::demo::EmulatedTenant;
use qlik_roster::demo::tenant::{Directory, Endpoint, Fault, Licence, NewUser, When};
use qlik_roster::model::{Acceptance, FindingId, SubjectKey, TenantName};
use serde_json::Value;

use crate::licence_history::ask_at;
use crate::licences::{
    ask, clock, json, lack, read_again, read_since, reading, second, swept, switch_on, world,
};
use crate::support::{Running, World, within};

/// Two tenants that share a licence, `acme` and `beta`. Nobody has the subject `auth0|nobody`.
async fn sharing(subjects_of_beta: &[&str]) -> (World, EmulatedTenant, Running) {
    let world = world(clock(), 20).await;
    let (other, sections) = second(&world).await;
    switch_on(&world, &sections);
    let acme = world.tenant.directory();
    for subject in subjects_of_beta {
        create(other.directory(), subject);
        acme.license(subject, "analyzer");
    }
    acme.license("auth0|nobody", "analyzer");
    other.directory().set_licence(acme.licence());
    let began = world.clock.now();
    let running = world.start().await;
    read_since(&running, "acme", began).await;
    read_since(&running, "beta", began).await;
    (world, other, running)
}

fn create(tenant: &Directory, subject: &str) {
    let user = NewUser {
        subject: Some(subject.to_owned()),
        ..NewUser::named(subject)
    };
    tenant.create_user(user).unwrap();
}

/// Gives some tenants a licence with another number and the same assignments.
fn renumber(tenants: &[&Directory], number: &str) {
    for tenant in tenants {
        tenant.set_licence(Licence {
            number: number.to_owned(),
            ..tenant.licence()
        });
    }
}

/// Returns, for each subject, whether its assignment is an orphan; `None` if that is not known.
fn verdicts(answer: &LicencesPage) -> BTreeMap<&str, Option<bool>> {
    let rows = answer.page.rows.iter();
    rows.map(|row| (row.assignment.subject.as_str(), row.is_orphan))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_had_another_licence_is_searched_until_it_is_asked_again() {
    let (world, other, running) = sharing(&["auth0|there"]).await;
    let (acme, beta) = (world.tenant.directory(), other.directory());
    let read_at = world.clock.now();
    let faults = other.faults();
    faults.on(Endpoint::Licence, Fault::Internal, When::Always);
    renumber(&[acme, beta], "8");
    read_again(&world, &running).await;

    let answer = ask(&running, WhichLicences::Orphans, 10).await;

    let expected = [("auth0|nobody", Some(true)), ("auth0|there", None)];
    assert_eq!(verdicts(&answer), expected.into());
    assert_eq!(
        answer.page.envelope.not_known,
        [lack("beta", LicenceLack::OtherLicence { read_at })].into()
    );
    let args = ["findings", "--code", "orphan-licence"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 5, "{err}");
    assert!(out.contains("nobody") && !out.contains("there"), "{out}");
    assert!(err.contains("`beta` had another licence when that was last read"));
    running.stop().await;

    faults.clear();
    let running = world.start().await;
    read_since(&running, "beta", world.clock.now()).await;
    let answer = ask(&running, WhichLicences::Orphans, 10).await;
    assert_eq!(verdicts(&answer), [("auth0|nobody", Some(true))].into());
    assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
    running.stop().await;
}

/// Whoever had the subject may have been deleted or created since, in any tenant of the licence.
#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_was_none_while_another_tenant_had_its_user() {
    let (world, other, running) = sharing(&["auth0|leaver"]).await;
    let beta = other.directory();
    world.tenant.directory().license("auth0|comer", "analyzer");
    beta.set_licence(world.tenant.directory().licence());
    read_both(&world, &running).await;
    let then = world.clock.now().plus(Duration::from_secs(3_600));
    let leaver = beta.users().into_iter();
    let leaver = leaver.filter(|user| user.subject == "auth0|leaver");
    for user in leaver {
        beta.delete_user(&user.id).unwrap();
    }
    create(beta, "auth0|comer");
    read_both(&world, &running).await;

    let now = ask_at(&running, WhichLicences::Orphans, None, 10).await;
    let before = ask_at(&running, WhichLicences::Orphans, Some(then), 10).await;

    assert_eq!(
        verdicts(&now),
        [("auth0|leaver", Some(true)), ("auth0|nobody", Some(true))].into()
    );
    assert_eq!(
        verdicts(&before),
        [("auth0|comer", Some(true)), ("auth0|nobody", Some(true))].into()
    );
    for answer in [&now, &before] {
        assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
    }
    // Of the two tenants one answers for both, at each time.
    let then = then.to_string();
    let args = ["access", "licences", "--orphans", "--as-of", &then];
    let told = json(&world, &args).await;
    let rows = told["rows"].as_array().unwrap().iter();
    let subjects: BTreeSet<&str> = rows.map(|row| row["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["auth0|comer", "auth0|nobody"].into());
    let searched = told["answers"][0]["searched_tenants"].as_array().unwrap();
    assert_eq!(searched.len(), 2, "{told}");
    running.stop().await;
}

/// Lets a day pass, and waits until users and licences of both tenants are read. Users are read
/// once more after that: what is assigned before is then certain.
async fn read_both(world: &World, running: &Running) {
    read_again(world, running).await;
    let now = world.clock.now();
    for _ in 0..2 {
        running
            .run_of("beta", qlik_roster::model::Mode::Commit)
            .await;
        running.sync().await;
        read_since(running, "beta", now).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_assigned_after_users_were_read_is_not_certainly_an_orphan() {
    let (world, _other, running) = sharing(&[]).await;
    let acme = world.tenant.directory();
    world
        .clock
        .set(world.clock.now().plus(crate::licences::DAY));
    let until = world.clock.now();
    // The licence is read after the users, and Nia is created in between.
    let slow = Fault::Slow(Duration::from_secs(1));
    let faults = world.tenant.faults();
    faults.on(Endpoint::Licence, slow, When::Always);
    running.sync().await;
    world.clock.set(until.plus(Duration::from_secs(1)));
    create(acme, "auth0|nia");
    acme.license("auth0|nia", "analyzer");
    read_since(&running, "acme", until).await;

    let answer = ask(&running, WhichLicences::Orphans, 10).await;

    let expected = [("auth0|nia", None), ("auth0|nobody", Some(true))];
    assert_eq!(verdicts(&answer), expected.into());
    let not_known = &answer.page.envelope.not_known;
    let earlier = LicenceLack::EarlierUsers { until };
    assert!(not_known.contains(&lack("acme", earlier)), "{not_known:?}");
    let args = ["findings", "--code", "orphan-licence"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 5, "{err}");
    assert!(out.contains("nobody") && !out.contains("nia"), "{out}");

    faults.clear();
    running.sync().await;
    running
        .run_of("beta", qlik_roster::model::Mode::Commit)
        .await;
    let answer = ask(&running, WhichLicences::Orphans, 10).await;
    assert_eq!(verdicts(&answer), [("auth0|nobody", Some(true))].into());
    assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_licence_is_refused_or_fails_is_said_to_be_so() {
    for (fault, expected) in [
        (Fault::Forbidden, LicenceLack::Refused),
        (Fault::Internal, LicenceLack::NotRead),
    ] {
        let world = world(clock(), 20).await;
        let (other, sections) = second(&world).await;
        switch_on(&world, &sections);
        other.faults().on(Endpoint::Licence, fault, When::Always);
        let began = world.clock.now();
        let running = world.start().await;
        read_since(&running, "acme", began).await;
        within("beta was asked", || async {
            reading(&running, "beta").is_some_and(|it| it.mark.tried.is_some())
        })
        .await;
        swept(&running, "beta").await;

        let answer = ask(&running, WhichLicences::Orphans, 10).await;

        assert_eq!(
            answer.page.envelope.not_known,
            [lack("beta", expected)].into()
        );
        running.stop().await;
    }
}

/// Returns the id of the finding about a subject in a tenant.
fn id(running: &Running, tenant: &str, subject: &str) -> FindingId {
    let tenants = running.store().tenants().unwrap().into_iter();
    let mut tenants = tenants.filter(|known| known.name.0 == tenant);
    let id = tenants.next().unwrap().tenant.id;
    orphan_licence_id(&id, &SubjectKey::of(subject))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_is_accepted_and_reopened_for_all_tenants_of_its_licence() {
    let (world, _other, running) = sharing(&[]).await;
    let of_acme = id(&running, "acme", "auth0|nobody").to_string();
    let of_beta = id(&running, "beta", "auth0|nobody").to_string();
    let list = async |accepted: &[&str]| -> Vec<(String, Value)> {
        let args = [&["findings", "--code", "orphan-licence"], accepted].concat();
        let found = json(&world, &args).await;
        let rows = found.as_array().unwrap().iter();
        let row = |row: &Value| {
            let id = row["id"].as_str().unwrap().to_owned();
            (id, row["accepted"]["why"].clone())
        };
        rows.map(row).collect()
    };
    let act = async |args: &[&str]| {
        let (code, _, err) = world.command(args).await;
        assert_eq!(code, 0, "{err}");
    };
    let accept = async |id: &str, why: &str| act(&["findings", "accept", id, "--why", why]).await;
    assert_eq!(list(&[]).await, [(of_acme.clone(), Value::Null)]);

    // The finding of `beta` is accepted, which also covers the finding of `acme`.
    accept(&of_beta, "old").await;
    assert_eq!(
        list(&["--accepted"]).await,
        [(of_beta.clone(), "old".into())]
    );
    accept(&of_beta, "new").await;
    assert_eq!(
        list(&["--accepted"]).await,
        [(of_beta.clone(), "new".into())]
    );
    act(&["findings", "reopen", &of_beta]).await;
    assert_eq!(list(&[]).await, [(of_acme.clone(), Value::Null)]);

    // As if both were accepted when the tenants did not share a licence yet.
    let store = running.store();
    for known in store.tenants().unwrap() {
        let acceptance = Acceptance {
            at: world.clock.now(),
            by: "ana".to_owned(),
            why: "of a client-managed system".to_owned(),
            extent: ["analyzer".to_owned()].into(),
        };
        let id = id(&running, &known.name.0, "auth0|nobody");
        store.accept(known.no, id, &acceptance).unwrap();
    }
    assert_eq!(list(&["--accepted"]).await.len(), 1);
    act(&["findings", "reopen", &of_acme]).await;
    assert_eq!(list(&[]).await, [(of_acme, Value::Null)]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_tenants_that_share_a_licence_one_is_asked_whoever_asks() {
    let (world, other, running) = sharing(&[]).await;
    let asked = async || -> Vec<String> {
        let (after, limit) = (None, 500);
        let page = running
            .ask(query::LicenceTenants {
                at: None,
                after,
                limit,
            })
            .await;
        assert_eq!(page.next, None);
        page.rows.into_iter().map(|name| name.0).collect()
    };
    assert_eq!(asked().await, ["acme"]);

    // The licence of the first can no longer be read.
    let faults = world.tenant.faults();
    faults.on(Endpoint::Licence, Fault::Forbidden, When::Always);
    world
        .clock
        .set(world.clock.now().plus(crate::licences::DAY));
    let now = world.clock.now();
    running.sync().await;
    running
        .run_of("beta", qlik_roster::model::Mode::Commit)
        .await;
    read_since(&running, "beta", now).await;
    within("acme is refused", || async {
        reading(&running, "acme").is_some_and(|it| it.mark.is_refused)
    })
    .await;
    assert_eq!(asked().await, ["beta"]);

    // They no longer share it, so both are asked, page by page.
    renumber(&[other.directory()], "8");
    world.clock.set(now.plus(crate::licences::DAY));
    running
        .run_of("beta", qlik_roster::model::Mode::Commit)
        .await;
    read_since(&running, "beta", world.clock.now()).await;
    let page = running
        .ask(query::LicenceTenants {
            at: None,
            after: None,
            limit: 1,
        })
        .await;
    assert_eq!(page.next, Some(TenantName("acme".to_owned())));
    assert_eq!(asked().await, ["acme", "beta"]);
    running.stop().await;
}
