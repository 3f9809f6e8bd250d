//! An event that does not say which space it is about makes all spaces be read again.

use qlik_roster::demo::tenant::{Assignee, LogFault, RateLimits, TenantOptions, When};

use crate::support::{World, within};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_does_not_say_which_space_it_is_about_makes_all_due() {
    let world = World::with(TenantOptions {
        users: 10,
        spaces: 4,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    let config = world.standard_config();
    let config = config.replace("poll = \"off\"", "poll = \"1s\"");
    world.write_config(&format!("[access]\nspaces = true\n{config}"));
    let running = world.start().await;
    let store = running.store();
    let no = store.tenants().unwrap()[0].no;
    let mark = || store.space_reading(no).unwrap().mark;
    within("all spaces are read", || async {
        mark().last.is_some() && store.bookmark(no).unwrap().is_some()
    })
    .await;
    let number = mark().number;

    let tenant = world.tenant.directory();
    tenant.audit().on(LogFault::NamesNobody, When::Always);
    let space = tenant.spaces()[2].id.clone();
    let user = tenant.users()[3].id.clone();
    tenant
        .assign(&space, Assignee::User(user.clone()), &["consumer"])
        .unwrap();

    within("all spaces are read again", || async {
        mark().number == number + 1 && mark().began.is_none()
    })
    .await;
    let kept = store.space(no, &space).unwrap().unwrap().space;
    let assigned = kept.assignments.unwrap();
    assert!(assigned.keys().any(|assignee| assignee.id == user.0));
    within("nothing is due", || async {
        store.noted_all_spaces(no).unwrap() == 0
    })
    .await;
    running.stop().await;
}
