//! A record that is missing, and that the source does not let us ask for, is deleted after some
//! sweeps.

use std::collections::BTreeMap;

use qlik_roster::demo::tenant::{Endpoint, Fault, RateLimits, TenantOptions, When};
use qlik_roster::model::{Kind, Mode, Outcome, RecordRef};

use crate::support::{Running, World};

async fn world(users: usize) -> World {
    let world = World::with(TenantOptions {
        users,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    let config = world.standard_config();
    world.write_config(&config.replace("[log]\n", "absent_sweeps = 3\n[log]\n"));
    world
}

fn absences(running: &Running) -> BTreeMap<RecordRef, u32> {
    let no = running.store().tenants().unwrap()[0].no;
    running.store().absences(no).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_may_not_be_read_counts_no_absence_and_forgets_none() {
    let world = world(60).await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Auditor");
    let running = world.start().await;
    let faults = world.tenant.faults();
    let only = |times| {
        let (kind, id) = (Kind::Role, role.0.clone());
        BTreeMap::from([(RecordRef { kind, id }, times)])
    };
    faults.on(Endpoint::Role, Fault::Forbidden, When::Always);
    tenant.delete_role(&role).unwrap();

    running.sync().await;
    assert_eq!(absences(&running), only(1));
    faults.on(Endpoint::Roles, Fault::Forbidden, When::Always);
    running.sync().await;
    assert_eq!(absences(&running), only(1));
    faults.clear();
    faults.on(Endpoint::Role, Fault::Forbidden, When::Always);
    running.sync().await;

    assert_eq!(absences(&running), only(2));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_asked_for_among_thousands_stays_as_often_absent() {
    let world = world(1_150).await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let users = tenant.users().into_iter();
    let people: Vec<_> = users.filter(|user| user.client_id.is_none()).collect();
    let (last, others) = people.split_last().unwrap();
    let faults = world.tenant.faults();
    faults.on(Endpoint::User, Fault::Forbidden, When::Always);
    tenant.delete_user(&last.id).unwrap();
    running.sync().await;
    let (kind, id) = (Kind::User, last.id.0.clone());
    let only = BTreeMap::from([(RecordRef { kind, id }, 1)]);
    assert_eq!(absences(&running), only);
    faults.clear();

    // More than are asked for before it is clear that they are held.
    for user in others.iter().take(1_050) {
        tenant.delete_user(&user.id).unwrap();
    }
    let run = running.sync().await;

    assert_eq!(run.outcome, Outcome::Held);
    assert_eq!(absences(&running), only);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_no_absence() {
    let world = world(60).await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Auditor");
    let running = world.start().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Role, Fault::Forbidden, When::Always);
    tenant.delete_role(&role).unwrap();

    for _ in 0..3 {
        let run = running.run(Mode::DryRun).await;
        assert_eq!(run.outcome, Outcome::Degraded);
    }

    assert_eq!(absences(&running), BTreeMap::new());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_before_a_run_failed_counts_for_no_later_one() {
    let world = world(60).await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Auditor");
    let running = world.start().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Role, Fault::Forbidden, When::Always);
    faults.on(Endpoint::User, Fault::Html(404), When::Always);
    tenant.delete_role(&role).unwrap();
    tenant.delete_user(&tenant.users()[30].id).unwrap();
    let failed = running.sync().await;
    assert!(matches!(failed.outcome, Outcome::Failed { .. }));

    // Now the role may be asked for, and is not there.
    faults.clear();
    let run = running.sync().await;

    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(run.counts[&Kind::Role].deleted, 1);
    assert_eq!(absences(&running), BTreeMap::new());
    running.stop().await;
}
