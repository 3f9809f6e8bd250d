//! Every fault of the tenant, while it changes: a run either ends with the right records, or ends
//! without having removed anything.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use qlik_roster::demo::tenant::{
    Edit, Endpoint, Fault, Hidden, NewUser, RateLimits, TenantOptions, When,
};
use qlik_roster::model::{FindingCode, Kind, Loss, Outcome, Run};

use crate::support::{World, assert_journal_leads_to_state, assert_same_as_tenant, within};

/// How a run must end while a fault is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The run recovers from the fault and sees everything.
    Right,
    /// The run sees everything but what the fault hides, and says so; nothing is lost.
    Degraded,
    /// It is given up with this code, and changes nothing.
    Failed(&'static str),
}

/// A fault at a place, and how a run must end with it.
struct Case {
    at: Endpoint,
    fault: Fault,
    when: When,
    end: End,
}

const fn case(at: Endpoint, fault: Fault, when: When, end: End) -> Case {
    Case {
        at,
        fault,
        when,
        end,
    }
}

fn cases() -> Vec<Case> {
    use End::{Degraded, Failed, Right};
    use Endpoint::{Groups, Roles, SystemGroups, Tenant, TenantMe, Token, User, Users};
    use Fault as F;
    use When::{Always, Next, Nth};
    let mut cases = vec![
        case(Token, F::Internal, Next(1), Right),
        case(Token, F::WrongSecret, Always, Failed("qlik.wrong-secret")),
        case(
            Token,
            F::ConsentNotTrusted,
            Always,
            Failed("qlik.consent-not-trusted"),
        ),
        case(
            Token,
            F::M2mNotAllowed,
            Always,
            Failed("qlik.m2m-not-allowed"),
        ),
        case(TenantMe, F::Unauthorized, Next(1), Right),
        case(TenantMe, F::BadByte, Always, Right),
        case(Tenant, F::HalfCharacter, Always, Right),
        case(Users, F::BadReference, Always, Degraded),
        case(User, F::BadReference, Always, Right),
        case(Users, F::MissingRoles, Always, Degraded),
        case(Users, F::MissingGroups, Always, Degraded),
        // The missing users are found when the run asks for each; the listing shows the one who
        // joined.
        case(Users, F::PageLeftOut, Nth(2), Right),
        case(Users, F::InflatedTotal(3), Always, Degraded),
        case(
            Users,
            F::EmptyCollection,
            Always,
            Failed("sync.empty-collection"),
        ),
        case(
            Roles,
            F::EmptyCollection,
            Always,
            Failed("sync.empty-collection"),
        ),
        case(Users, F::Forbidden, Always, Failed("qlik.forbidden")),
        case(Roles, F::Forbidden, Always, Degraded),
        case(Groups, F::Forbidden, Always, Degraded),
        case(Users, F::TooLarge(10), Always, Right),
        case(Users, F::TooLarge(1), Always, Right),
        case(Groups, F::TooLarge(10), Always, Right),
        case(Users, F::OneTooLarge, Always, Degraded),
        // The record of the one who left cannot be asked for: it must not be taken for gone.
        case(User, F::Internal, Next(1), Right),
        case(User, F::Cut, Next(1), Right),
        case(User, F::Html(200), Always, Failed("qlik.undecodable")),
        case(User, F::Html(404), Always, Failed("qlik.rejected")),
        case(User, F::Forbidden, Always, Degraded),
    ];
    for place in [Users, Roles, Groups, SystemGroups] {
        cases.extend([
            case(place, F::TooManyRequests { retry_after: 0 }, Next(2), Right),
            case(place, F::Internal, Next(2), Right),
            case(place, F::Unavailable, Next(1), Right),
            case(place, F::Slow(Duration::from_millis(20)), Always, Right),
            case(place, F::Cut, Nth(1), Right),
            case(place, F::Truncated, Nth(1), Right),
            case(place, F::Unauthorized, Nth(1), Right),
            case(place, F::UnknownValues, Always, Right),
            case(place, F::WrongType, Nth(1), Degraded),
            case(place, F::HalfCharacter, Always, Right),
            case(place, F::BadByte, Always, Right),
        ]);
    }
    for place in [Users, Roles, Groups] {
        cases.push(case(place, F::ExpiredCursor(400), Nth(2), Right));
        cases.push(case(
            place,
            F::ExpiredCursor(404),
            Always,
            Failed("qlik.cursor-expired"),
        ));
    }
    cases.push(case(Users, F::ExpiredCursor(410), Nth(3), Right));
    for place in [Users, Groups] {
        cases.push(case(place, F::EmptyPage, Nth(1), Right));
        cases.push(case(
            place,
            F::RepeatedCursor,
            Always,
            Failed("qlik.repeated-cursor"),
        ));
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_takes_anything_away() {
    // Side by side, since most of the time goes into waiting between retries.
    let all = stream::iter(cases()).for_each_concurrent(8, |case| async move {
        try_out(&case).await;
    });
    all.await;
}

/// Loads the tenant, lets one person join, one leave and one change, switches the fault on
/// for a run, and then off for another.
async fn try_out(case: &Case) {
    let name = format!("{:?} at {:?}, {:?}", case.fault, case.at, case.when);
    let world = World::of_several_pages().await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let people: Vec<_> = tenant
        .users()
        .into_iter()
        .filter(|user| user.client_id.is_none())
        .collect();
    let (leaver, changer) = (&people[120], &people[150]);
    tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
    tenant.delete_user(&leaver.id).unwrap();
    tenant
        .update_user(
            &changer.id,
            Edit::Email(Some("changed@example.com".to_owned())),
        )
        .unwrap();
    // A fault at the token only strikes if there is no token yet.
    world.tenant.revoke_tokens();

    let strikes = world
        .tenant
        .faults()
        .on(case.at, case.fault.clone(), case.when);
    let run = running.sync().await;
    assert!(strikes.count() > 0, "{name}: the fault never struck");
    world.tenant.faults().clear();
    assert_end(&name, case.end, &run);
    running.settled().await;
    let told = deleted_ids(&world);
    match case.end {
        End::Right => {
            assert_eq!(told, [leaver.id.to_string()], "{name}");
        }
        End::Degraded => assert!(told.iter().all(|id| *id == leaver.id.to_string()), "{name}"),
        End::Failed(_) => assert!(told.is_empty(), "{name}: {told:?}"),
    }
    assert_journal_leads_to_state(running.store());

    let after = running.sync().await;
    assert_eq!(
        after.outcome,
        Outcome::Succeeded,
        "{name}: {:?}",
        after.findings
    );
    running.settled().await;
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    assert_eq!(deleted_ids(&world), [leaver.id.to_string()], "{name}");
    running.stop().await;
}

fn assert_end(name: &str, end: End, run: &Run) {
    let outcome = &run.outcome;
    let ok = match end {
        End::Right => *outcome == Outcome::Succeeded,
        End::Degraded => *outcome == Outcome::Degraded,
        End::Failed(wanted) => matches!(outcome, Outcome::Failed { code, .. } if code == wanted),
    };
    assert!(
        ok,
        "{name}: wanted {end:?}, got {outcome:?} with {:?} and {:?}",
        run.findings, run.counts
    );
}

fn deleted_ids(world: &World) -> Vec<String> {
    let deliveries = world.receiver.deliveries();
    let gone = deliveries.iter().filter(|delivery| {
        delivery.body["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with(".deleted"))
    });
    gone.map(|delivery| {
        delivery.body["data"]["record"]["remote_id"]
            .as_str()
            .unwrap()
            .to_owned()
    })
    .collect()
}

/// The fault never ends: it is on before the first load and through all that follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_is_never_right_silences_nobody() {
    for fault in [
        Fault::InflatedTotal(1),
        Fault::DeflatedTotal(1),
        Fault::DriftingTotal,
        Fault::NoTotal,
    ] {
        let name = format!("{fault:?}");
        let world = World::of_several_pages().await;
        let tenant = world.tenant.directory();
        for place in [Endpoint::Users, Endpoint::Roles, Endpoint::Groups] {
            let faults = world.tenant.faults();
            faults.on(place, fault.clone(), When::Always);
        }
        let running = world.start().await;
        let load = running.last_run().await;
        assert_counted(&name, &load, &fault);
        let people = tenant.users();
        let leaver = people.iter().find(|user| user.client_id.is_none()).unwrap();
        let joiner = tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
        tenant.delete_user(&leaver.id).unwrap();

        let run = running.sync().await;
        assert_counted(&name, &run, &fault);
        running.settled().await;

        assert_eq!(deleted_ids(&world), [leaver.id.to_string()], "{name}");
        let told: Vec<_> = world.receiver.deliveries();
        let created = told.iter().filter(|it| it.body["type"] == "user.created");
        let created: Vec<_> = created
            .map(|it| it.body["data"]["record"]["remote_id"].clone())
            .collect();
        assert_eq!(created, [joiner.to_string()], "{name}");
        assert_same_as_tenant(running.store(), tenant);
        running.stop().await;
    }
}

/// Asserts that a run has seen everything, and reports a count that was not reached.
fn assert_counted(name: &str, run: &Run, fault: &Fault) {
    let is_high = matches!(fault, Fault::InflatedTotal(_) | Fault::DriftingTotal);
    let (outcome, n_findings) = match is_high {
        true => (Outcome::Degraded, Kind::ALL.len()),
        false => (Outcome::Succeeded, 0),
    };
    assert_eq!(run.outcome, outcome, "{name}: {:?}", run.findings);
    let codes: Vec<_> = run.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, vec![FindingCode::CountDiffers; n_findings], "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_a_first_load_was_not_shown_is_read_at_once() {
    let world = World::of_several_pages().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::PageLeftOut, When::Nth(2));

    let run = world.one_run().await;

    assert_eq!(run.outcome, Outcome::Succeeded, "{:?}", run.findings);
    let store = world.store();
    assert_same_as_tenant(&store, world.tenant.directory());
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_load_ends_although_people_leave_ahead_of_it() {
    let world = World::of_several_pages().await;
    let tenant = world.tenant.directory();
    let users = tenant.users();
    let last = users.iter().rfind(|user| user.client_id.is_none()).unwrap();
    // Somebody on the last page leaves while the one before it is waited for.
    let slow = Fault::Slow(Duration::from_millis(100));
    let faults = world.tenant.faults();
    let strikes = faults.on(Endpoint::Users, slow, When::Nth(2));
    let running = world.launch().await;
    within("the second page is asked for", || async {
        strikes.count() > 0
    })
    .await;
    tenant.delete_user(&last.id).unwrap();
    within("the load ends", || async {
        let runs = running.last_runs(1).await;
        runs.iter().any(|run| run.ended_at.is_some())
    })
    .await;

    let run = running.last_run().await;
    assert_eq!(run.outcome, Outcome::Succeeded, "{:?}", run.findings);
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_may_no_longer_see_keeps_its_known_value() {
    let world = World::new().await;
    let running = world.start().await;

    world.tenant.hide_access(Hidden::Yes);
    let blind = running.sync().await;
    world.tenant.hide_access(Hidden::No);
    let again = running.sync().await;
    running.settled().await;

    assert_eq!(blind.outcome, Outcome::Degraded);
    assert!(
        blind
            .findings
            .iter()
            .any(|finding| finding.code == FindingCode::HiddenRoles)
    );
    assert_eq!(again.outcome, Outcome::Succeeded);
    assert_eq!(world.receiver.deliveries().len(), 0, "nobody changed");
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

/// The source leaves out empty lists: the loss of a user's last role is noticed all the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_role_is_seen_to_be_lost_where_empty_lists_are_left_out() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let faults = world.tenant.faults();
    for place in [Endpoint::Users, Endpoint::User] {
        faults.on(place, Fault::EmptyLeftOut, When::Always);
    }
    let running = world.start().await;
    let load = running.last_run().await;
    let people = tenant.users();
    let mut people = people.iter().filter(|user| user.client_id.is_none());
    let user = people.find(|user| user.roles.len() == 1).unwrap();
    let role = user.roles.keys().next().unwrap().clone();
    tenant
        .update_user(&user.id, Edit::UnassignRole(role))
        .unwrap();

    let run = running.sync().await;
    running.settled().await;

    for run in [&load, &run] {
        assert_eq!(run.outcome, Outcome::Succeeded, "{:?}", run.findings);
    }
    assert_eq!(run.lost[&Loss::RoleAssignments], 1);
    let deliveries = world.receiver.deliveries();
    let told: Vec<_> = deliveries
        .iter()
        .map(|it| &it.body["data"]["record"])
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["remote_id"], user.id.to_string());
    assert_eq!(told[0]["roles"], serde_json::json!([]));
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_whole_page_leaves_out_is_not_visible() {
    let world = World::of_several_pages().await;
    let running = world.start().await;
    world
        .tenant
        .faults()
        .on(Endpoint::Users, Fault::MissingRoles, When::Nth(2));

    let run = running.sync().await;
    running.settled().await;

    assert_eq!(run.outcome, Outcome::Degraded);
    assert_eq!(world.receiver.deliveries().len(), 0, "nobody changed");
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_record_is_held_and_named() {
    let world = World::new().await;
    let running = world.start().await;

    world
        .tenant
        .faults()
        .on(Endpoint::Users, Fault::WrongType, When::Nth(1));
    let run = running.sync().await;
    running.settled().await;

    assert_eq!(run.outcome, Outcome::Degraded);
    assert_eq!(run.counts[&Kind::User].unreadable, 1);
    let finding = &run.findings[0];
    assert_eq!(finding.code, FindingCode::UnreadableRecord);
    assert!(
        finding.id.is_some() && finding.detail.contains("name"),
        "{finding:?}"
    );
    assert_eq!(world.receiver.deliveries().len(), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_is_held_and_named_and_all_others_are_loaded() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::OneTooLarge, When::Always);

    let running = world.start().await;
    let run = running.last_run().await;

    assert_eq!(run.outcome, Outcome::Degraded);
    let users = tenant.users();
    assert_eq!(run.counts[&Kind::User].seen, users.len() as u64);
    let [finding] = &run.findings[..] else {
        panic!("one finding: {:?}", run.findings);
    };
    assert_eq!(finding.code, FindingCode::UnreadableRecord);
    assert_eq!(finding.id, Some(users[2].id.0.clone()));
    assert!(finding.detail.contains("larger than"), "{finding:?}");
    faults.clear();
    running.sync().await;
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

/// One byte, or half of one emoji, in the name of a group of which many are members.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_unicode_holds_nobody() {
    for fault in [Fault::HalfCharacter, Fault::BadByte] {
        let world = World::new().await;
        let tenant = world.tenant.directory();
        let faults = world.tenant.faults();
        faults.on(Endpoint::Users, fault.clone(), When::Always);

        let running = world.start().await;
        let run = running.last_run().await;

        assert_eq!(run.outcome, Outcome::Succeeded, "{fault:?}");
        assert_eq!(run.counts[&Kind::User].unreadable, 0);
        assert_eq!(run.counts[&Kind::User].created, tenant.users().len() as u64);
        let codes: Vec<_> = run.findings.iter().map(|finding| finding.code).collect();
        assert!(codes.contains(&FindingCode::ReplacedText), "{codes:?}");
        assert!(run.findings.iter().all(|finding| finding.id.is_some()));
        faults.clear();
        running.sync().await;
        assert_same_as_tenant(running.store(), tenant);
        running.stop().await;
    }
}

/// All but a few users are unreadable. They still count as present, so one who leaves is a small
/// share.
#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_read_counts_as_shown() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let people = tenant.users();
    let leaver = people.iter().find(|user| user.client_id.is_none()).unwrap();
    tenant.delete_user(&leaver.id).unwrap();
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::WrongTypes, When::Always);

    let run = running.sync().await;

    assert_eq!(run.held, None, "{:?}", run.findings);
    assert_eq!(run.outcome, Outcome::Degraded);
    assert_eq!(run.counts[&Kind::User].deleted, 1);
    assert_eq!(run.counts[&Kind::User].unreadable, people.len() as u64 - 1);
    faults.clear();
    running.sync().await;
    running.settled().await;
    assert_eq!(deleted_ids(&world), [leaver.id.to_string()]);
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

/// A listing starts over, and a user whom it has already shown has changed in between.
#[tokio::test(flavor = "multi_thread")]
async fn who_changes_between_two_sights_is_told_as_they_are_now() {
    let world = World::of_several_pages().await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let people = tenant.users();
    let user = &people
        .iter()
        .find(|user| user.client_id.is_none())
        .unwrap()
        .id;
    let rename = |name: &str| Edit::Name(name.to_owned());
    tenant.update_user(user, rename("Zoë Ångström")).unwrap();
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::ExpiredCursor(410), When::Nth(2));
    let slow = Fault::Slow(Duration::from_millis(100));
    let strikes = faults.on(Endpoint::Users, slow, When::Nth(2));

    let change = async {
        within("the first page is read", || async { strikes.count() > 0 }).await;
        tenant.update_user(user, rename("Zoë Berg")).unwrap();
    };
    let (run, ()) = tokio::join!(running.sync(), change);
    running.settled().await;

    assert_eq!(run.outcome, Outcome::Succeeded, "{:?}", run.findings);
    let deliveries = world.receiver.deliveries();
    let told: Vec<_> = deliveries
        .iter()
        .map(|it| it.body["data"]["record"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["Zoë Berg"]);
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_in_the_middle_of_a_sweep_is_renewed() {
    let world = World::with(TenantOptions {
        users: 950,
        rate_limits: RateLimits::Off,
        requests_per_token: Some(4),
        ..TenantOptions::default()
    })
    .await;

    let run = world.one_run().await;

    assert_eq!(run.outcome, Outcome::Succeeded);
    assert!(world.tenant.requests().tokens_issued > 3);
    let store = world.store();
    assert_same_as_tenant(&store, world.tenant.directory());
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_first_load_is_taken_up_and_tells_nobody() {
    let world = World::with(TenantOptions {
        users: 950,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    world
        .tenant
        .faults()
        .on(Endpoint::Users, Fault::Forbidden, When::From(5));
    let failed = world.one_run().await;
    assert!(matches!(failed.outcome, Outcome::Failed { .. }));
    // A user who was already read leaves before the load is resumed.
    let early = world.tenant.directory().users()[3].id.clone();
    world.tenant.directory().delete_user(&early).unwrap();

    world.tenant.faults().clear();
    let run = world.one_run().await;

    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(world.receiver.deliveries().len(), 0);
    let store = world.store();
    assert_same_as_tenant(&store, world.tenant.directory());
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_gets_the_event_again_with_the_same_body() {
    use qlik_roster::demo::Reply;

    let world = World::new().await;
    let running = world.start().await;
    world
        .receiver
        .respond_with(Reply::Status(503), When::Nth(1));
    world
        .tenant
        .directory()
        .create_user(NewUser::named("Nia Okafor"))
        .unwrap();
    running.sync().await;
    within("the failed attempt", || async {
        world.receiver.count() >= 1
    })
    .await;
    running.settled().await;
    running.stop().await;

    let deliveries = world.receiver.deliveries();
    assert_eq!(deliveries.len(), 2);
    assert_eq!(deliveries[0].id, deliveries[1].id);
    assert_eq!(deliveries[0].raw, deliveries[1].raw);
    assert!(deliveries.iter().all(|delivery| delivery.verified));
}
