//! Questions and commands as callers of the daemon see them: lists in pages, and tasks in progress.

use std::collections::BTreeMap;
use std::time::Duration;

use qlik_roster::control::query::{self, FindingStanding, LossChoice, PlanChoice};
use qlik_roster::control::{
    ChangeChoice, ConcernCode, Count, Ended, FindingPosition, Page, RemovalChoice, Severity,
    StatusPosition, Synced, Wish, command,
};
use qlik_roster::demo::Reply;
use qlik_roster::demo::tenant::{Edit, GroupEdit, Status, When};
use qlik_roster::http_client;
use qlik_roster::model::{EndpointName, Kind, Mode, TenantName};
use serde_json::{Value, json};

use crate::guard;
use crate::support::{Running, World, within};

/// Asks for a list page by page. Returns it with the number of pages.
async fn walk<R, P: Clone>(ask: impl AsyncFn(Option<P>) -> Page<R, P>) -> (Vec<R>, usize) {
    let (mut all, mut place, mut n_pages) = (Vec::new(), None, 0);
    loop {
        let page = ask(place).await;
        n_pages += 1;
        all.extend(page.rows);
        place = page.next;
        if place.is_none() {
            return (all, n_pages);
        }
    }
}

fn rename(world: &World, numbers: std::ops::Range<usize>) {
    let tenant = world.tenant.directory();
    for user in &tenant.users()[numbers] {
        let name = format!("{} of late", user.name);
        tenant.update_user(&user.id, Edit::Name(name)).unwrap();
    }
}

/// A daemon whose endpoint accepted five events and refused five others, all at the same time,
/// since its clock stands still.
async fn with_deliveries(world: &World) -> Running {
    let running = world.start().await;
    running.sync().await;
    rename(world, 0..5);
    running.sync().await;
    running.settled().await;
    let refused = Reply::Status(404);
    world.receiver.respond_with(refused, When::Always);
    rename(world, 5..10);
    running.sync().await;
    within("all are refused", || async {
        let waiting = query::Waiting {
            endpoint: None,
            after: None,
            limit: 100,
        };
        running.ask(waiting).await.rows.len() == 5
    })
    .await;
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_of_one_time_are_each_on_one_page() {
    let world = World::new().await;
    let running = with_deliveries(&world).await;
    for (ended, n_attempts, n_pages) in [(Ended::Anyhow, 10, 4), (Ended::Failed, 5, 2)] {
        let asked = |before, limit| query::Attempts {
            endpoint: None,
            event: None,
            ended,
            before,
            limit,
        };

        let paged = walk(async |before| running.ask(asked(before, 3)).await).await;

        let whole = running.ask(asked(None, 100)).await.rows;
        assert_eq!(whole.len(), n_attempts);
        assert_eq!(paged, (whole, n_pages));
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_each_on_one_page() {
    let world = World::new().await;
    let running = with_deliveries(&world).await;
    let asked = |after, limit| query::Waiting {
        endpoint: Some(EndpointName("hr".to_owned())),
        after,
        limit,
    };

    let paged = walk(async |after| running.ask(asked(after, 2)).await).await;

    let whole = running.ask(asked(None, 100)).await.rows;
    assert_eq!(paged, (whole, 3));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_tenants_and_endpoints_are_chosen_and_paged() {
    let world = guard::world_of(60, "").await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let acme = || Some(TenantName("acme".to_owned()));
    for user in &guard::people(tenant)[..12] {
        tenant.delete_user(&user.id).unwrap();
    }
    let id = running.sync().await.held.unwrap().plan.unwrap();
    let plans = |which, before| query::Plans {
        tenant: acme(),
        which,
        before,
        limit: 1,
    };
    let held = running.ask(plans(PlanChoice::Held, None)).await;
    assert_eq!((held.rows[0].plan.id, held.next), (id, None));
    running.order(command::Reject { id }).await.unwrap();
    let held = running.ask(plans(PlanChoice::Held, None)).await;
    assert!(held.rows.is_empty(), "{held:?}");
    let all = running.ask(plans(PlanChoice::All, None)).await;
    assert_eq!((all.rows[0].plan.id, all.next), (id, None));
    let before = running.ask(plans(PlanChoice::All, Some(id))).await;
    assert!(before.rows.is_empty(), "{before:?}");

    let removals = |name: Option<&str>, after, limit| query::Removals {
        id,
        choice: RemovalChoice {
            kind: Some(Kind::User),
            name: name.map(str::to_owned),
        },
        after,
        limit,
    };
    let walked = walk(async |after| running.ask(removals(None, after, 5)).await).await;
    let whole = running.ask(removals(None, None, 100)).await.rows;
    assert_eq!(walked, (whole.clone(), 3));
    assert_eq!(whole.len(), 12);
    let called = &whole[11].removal.label.to_uppercase();
    let found = walk(async |after| running.ask(removals(Some(called), after, 5)).await).await;
    let mut expected = whole;
    expected.retain(|row| row.removal.label.to_uppercase().contains(called));
    assert_eq!(found, (expected, 1));

    let tenants = |after| query::Tenants {
        tenant: acme(),
        after,
        limit: 1,
    };
    assert_eq!(running.ask(tenants(None)).await.rows.len(), 1);
    assert!(running.ask(tenants(acme())).await.rows.is_empty());
    let endpoints = |after| query::Endpoints {
        endpoint: None,
        after,
        limit: 1,
    };
    let hr = running.ask(endpoints(None)).await.rows.remove(0).name;
    assert!(running.ask(endpoints(Some(hr))).await.rows.is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_and_names_are_paged_and_chosen() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    let people = &guard::people(tenant)[..5];
    for user in people {
        for edit in [
            Edit::Name("Sam Reed".to_owned()),
            Edit::AssignRole(admin.clone()),
            Edit::Status(Status::Disabled),
        ] {
            tenant.update_user(&user.id, edit).unwrap();
        }
    }
    let running = world.start().await;
    running.sync().await;
    let findings = |after, limit| query::Findings {
        tenant: None,
        codes: vec![ConcernCode::DisabledAdmin],
        min: Severity::Notice,
        standing: FindingStanding::Open,
        after,
        limit,
    };
    let whole = running.ask(findings(None, 100)).await;
    assert!(whole.rows.len() >= 5 && whole.next.is_none(), "{whole:?}");
    let (mut rows, mut after, mut counts) = (Vec::new(), None, Vec::new());
    loop {
        let page = running.ask(findings(after, 2)).await;
        assert!(page.rows.len() <= 2);
        rows.extend(page.rows);
        counts.push(page.counts);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(rows, whole.rows);
    assert_eq!(counts.remove(0), whole.counts);
    assert!(counts.iter().all(BTreeMap::is_empty), "counted once");
    let behind = FindingPosition::AfterTenant(TenantName("acme".to_owned()));
    assert!(running.ask(findings(Some(behind), 2)).await.rows.is_empty());

    let find = |called: &str, after, limit| query::Find {
        kind: Kind::User,
        tenant: None,
        called: called.to_owned(),
        after,
        limit,
    };
    let whole = running.ask(find("sam reed", None, 100)).await;
    assert_eq!((whole.rows.len(), whole.next), (5, None));
    let paged = walk(async |after| running.ask(find("sam reed", after, 2)).await).await;
    assert_eq!(paged, (whole.rows, 3));
    let id = people[0].id.to_string();
    let (by_id, _) = walk(async |after| running.ask(find(&id, after, 1)).await).await;
    assert_eq!(by_id.len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_and_what_groups_grant_are_paged_and_chosen() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let user = guard::people(tenant).remove(0).id;
    for role in tenant.roles().into_iter().take(3) {
        let group = tenant.create_group(&role.name);
        let assign = GroupEdit::AssignRole(role.id);
        tenant.update_group(&group, assign).unwrap();
        tenant.update_user(&user, Edit::JoinGroup(group)).unwrap();
    }
    let running = world.start().await;
    running.sync().await;
    let acme = TenantName("acme".to_owned());
    let inherited = |after, limit| query::Inherited {
        tenant: acme.clone(),
        user: user.0.clone(),
        after,
        limit,
    };
    let whole = running.ask(inherited(None, 100)).await;
    assert!(whole.roles.len() >= 3 && whole.next.is_none(), "{whole:?}");
    let (mut roles, mut after) = (BTreeMap::new(), None);
    loop {
        let page = running.ask(inherited(after, 1)).await;
        assert_eq!(page.roles.len() + page.hidden.len(), 1);
        roles.extend(page.roles);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(roles, whole.roles);

    let first = running.ask(status(None, 1)).await;
    assert_eq!((first.tenants.len(), first.endpoints.len()), (1, 0));
    let second = running.ask(status(first.next, 1)).await;
    assert_eq!((second.tenants.len(), second.endpoints.len()), (0, 1));
    assert_eq!(second.next, None);
    let nobody = query::Status {
        tenant: Some(TenantName("nobody".to_owned())),
        ..query::Status::default()
    };
    let refused = running.control().ask(nobody).await.unwrap_err();
    assert!(refused.to_string().contains("nobody"), "{refused}");
    running.stop().await;
}

fn status(after: Option<StatusPosition>, limit: usize) -> query::Status {
    query::Status {
        after,
        limit,
        ..query::Status::default()
    }
}

/// Asks for the state one row at a time. Returns the names of the rows, in order.
async fn state_row_by_row(running: &Running) -> Vec<String> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = running.ask(status(after, 1)).await;
        let losses = page.losses.iter().map(|row| row.entry.to_string());
        let tenants = page.tenants.iter().map(|row| row.name.to_string());
        let unread = page.unread.iter().map(|row| row.name.to_string());
        let endpoints = page.endpoints.iter().map(|row| row.name.to_string());
        let rules = page.separations.iter().map(|row| row.rule.clone());
        let n_before = seen.len();
        seen.extend(
            losses
                .chain(tenants)
                .chain(unread)
                .chain(endpoints)
                .chain(rules),
        );
        assert_eq!(seen.len(), n_before + 1, "a page is one row");
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

/// A store that was damaged twice, with a tenant, an endpoint and two rules that no role matches.
async fn damaged_twice() -> World {
    let world = World::new().await;
    let rule = |name: &str| {
        format!("\n[[access.sod]]\nname = \"{name}\"\nleft = [\"No one\"]\nright = [\"Nobody\"]\n")
    };
    let config = world.standard_config();
    world.write_config(&format!("{config}{}{}", rule("first"), rule("second")));
    for _ in 0..2 {
        world.command(&["sync"]).await;
        std::fs::write(world.path("store").join("current/damaged"), "a test").unwrap();
    }
    world.command(&["sync"]).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn losses_and_all_lists_of_the_state_are_paged_and_chosen() {
    let world = damaged_twice().await;
    let running = world.start().await;
    let ask = async |which, after, limit| {
        running
            .ask(query::HistoryLosses {
                which,
                after,
                limit,
            })
            .await
    };

    let whole = ask(LossChoice::All, None, 100).await;
    assert_eq!((whole.rows.len(), whole.next), (2, None));
    for which in [LossChoice::All, LossChoice::Open] {
        let paged = walk(async |after| ask(which, after, 1).await).await;
        assert_eq!(paged, (whole.rows.clone(), 2));
    }
    let state = running.ask(status(None, 100)).await;
    let expected = [
        whole.rows[0].entry.to_string(),
        whole.rows[1].entry.to_string(),
        state.tenants[0].name.to_string(),
        state.endpoints[0].name.to_string(),
        "first".to_owned(),
        "second".to_owned(),
    ];
    assert_eq!(state_row_by_row(&running).await, expected);

    running.order(command::AcceptLosses).await.unwrap();
    let open = ask(LossChoice::Open, None, 1).await;
    assert!(open.rows.is_empty() && open.next.is_none(), "{open:?}");
    let all = walk(async |after| ask(LossChoice::All, after, 1).await).await;
    assert_eq!(all.0.len(), 2, "{all:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_give_a_role_and_what_a_dry_run_would_change_are_paged() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Auditors");
    for number in 0..5 {
        let group = tenant.create_group(&format!("Group {number}"));
        let assign = GroupEdit::AssignRole(role.clone());
        tenant.update_group(&group, assign).unwrap();
    }
    let running = world.start().await;
    running.sync().await;
    let groups = |name: Option<&str>, after, limit| query::GrantingGroups {
        tenant: TenantName("acme".to_owned()),
        role: role.clone(),
        name: name.map(str::to_owned),
        after,
        limit,
    };
    let whole = running.ask(groups(None, None, 100)).await;
    assert_eq!((whole.rows.len(), whole.next), (5, None));
    for (part, n_found, n_pages) in [(None, 5, 3), (Some("GROUP"), 5, 3), (Some("p 3"), 1, 1)] {
        let paged = walk(async |after| running.ask(groups(part, after, 2)).await).await;
        let part = part.unwrap_or_default().to_lowercase();
        let mut expected = whole.rows.clone();
        expected.retain(|group| group.name.to_lowercase().contains(&part));
        assert_eq!(expected.len(), n_found);
        assert_eq!(paged, (expected, n_pages), "{part}");
    }

    rename(&world, 0..7);
    tenant.create_group("Group 5");
    tenant.create_role("Reporters");
    let ordered = command::Sync {
        tenant: TenantName("acme".to_owned()),
        mode: Mode::DryRun,
    };
    let begun = running.order(ordered).await.unwrap();
    let task = begun.task.clone();
    running.control().outcome::<Synced>(begun).await.unwrap();
    let changes = |choice: &ChangeChoice, after, limit| query::Preview {
        task: task.clone(),
        choice: choice.clone(),
        after,
        limit,
    };
    let all = ChangeChoice::default();
    let whole = running.ask(changes(&all, None, 100)).await;
    assert_eq!((whole.rows.len(), whole.next), (9, None));
    let paged = walk(async |after| running.ask(changes(&all, after, 3)).await).await;
    assert_eq!(paged, (whole.rows, 3));
    let typed = |event_type: &str| ChangeChoice {
        event_type: Some(event_type.to_owned()),
        ..ChangeChoice::default()
    };
    let group = ChangeChoice {
        kind: Some(Kind::Group),
        ..typed("*.created")
    };
    let late = ChangeChoice {
        text: Some("OF LATE".to_owned()),
        ..ChangeChoice::default()
    };
    for (choice, n_found, n_pages) in [
        (typed("user.updated"), 7, 3),
        (typed("*.created"), 2, 1),
        (group, 1, 1),
        (late, 7, 3),
        (typed("*.deleted"), 0, 1),
    ] {
        let paged = walk(async |after| running.ask(changes(&choice, after, 3)).await).await;
        let expected = running.ask(changes(&choice, None, 100)).await.rows;
        assert_eq!(expected.len(), n_found, "{choice:?}");
        assert_eq!(paged, (expected, n_pages), "{choice:?}");
    }
    let behind = running.ask(changes(&all, Some(usize::MAX), 3)).await;
    assert_eq!((behind.rows.len(), behind.next), (0, None));
    let other = query::Preview {
        task: serde_json::from_value(json!("another task")).unwrap(),
        choice: all,
        after: None,
        limit: 1,
    };
    let refused = running.control().ask(other).await.unwrap_err();
    assert_eq!(refused.code(), "control.unknown-task");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_groups_that_have_moved_are_each_on_one_page_of_a_plan() {
    let world = guard::world_of(60, "guard = { mode = \"never\" }").await;
    let tenant = world.tenant.directory();
    let groups: Vec<_> = (0..5)
        .map(|n| tenant.create_group(&format!("Team {n}")))
        .collect();
    let roles: Vec<_> = (0..2)
        .map(|n| tenant.create_role(&format!("Reader {n}")))
        .collect();
    let running = world.start().await;
    running.sync().await;
    for (n, group) in groups.iter().enumerate() {
        tenant.delete_group(group).unwrap();
        tenant.create_group(&format!("Team {n}"));
    }
    for (n, role) in roles.iter().enumerate() {
        tenant.delete_role(role).unwrap();
        tenant.create_role(&format!("Reader {n}"));
    }
    let id = running.sync().await.held.unwrap().plan.unwrap();
    let ask = async |choice: &RemovalChoice, after, limit| {
        let asked = query::PlanSummary {
            id,
            choice: choice.clone(),
            after,
            limit,
        };
        running.ask(asked).await.unwrap()
    };

    let all = RemovalChoice::default();
    let whole = ask(&all, None, 100).await;
    assert_eq!((whole.moved.len(), &whole.next), (7, &None), "{whole:?}");
    let of_kind = RemovalChoice {
        kind: Some(Kind::Group),
        name: None,
    };
    let called = RemovalChoice {
        kind: None,
        name: Some("team 3".to_owned()),
    };
    for (choice, n_found) in [(all, 7), (of_kind, 5), (called, 1)] {
        for limit in [1, 2] {
            let (mut moved, mut after, mut left) = (Vec::new(), None, n_found);
            loop {
                let page = ask(&choice, after, limit).await;
                left -= page.moved.len();
                assert!(page.moved.len() <= limit);
                assert_eq!(page.moved_left_out, left as u64);
                assert_eq!(page.counts, whole.counts, "the same on each page");
                moved.extend(page.moved);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let mut expected = whole.moved.clone();
            expected.retain(|moved| choice.takes_moved(moved));
            assert_eq!(expected.len(), n_found);
            assert_eq!(moved, expected, "{choice:?} by {limit}");
        }
    }
    running.stop().await;
}

/// The daemon's control socket, as another program uses it.
struct Socket(reqwest::Client);

impl Socket {
    fn of(world: &World) -> Self {
        let options = http_client::Options {
            unix_socket: Some(world.path("store").join("control.sock")),
            timeout: Some(Duration::from_secs(30)),
            ..http_client::Options::default()
        };
        Self(http_client::build(&options).unwrap())
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("http://daemon{path}");
        let answer = self.0.post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("http://daemon{path}");
        let answer = self.0.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_answered_at_once_and_goes_on_without_who_gave_it() {
    let world = World::new().await;
    let running = world.start().await;
    running.sync().await;
    let order = json!({
        "by": { "name": "tester", "face": "command_line" },
        "command": { "sync": { "tenant": "acme", "mode": Mode::Commit } },
    });

    let (status, begun) = Socket::of(&world).post("/commands", order).await;

    assert_eq!(status, 200, "{begun}");
    let task = begun["task"].as_str().unwrap().to_owned();
    // Another connection: the one that gave the command is closed.
    for _ in 0..2 {
        let (status, watched) = Socket::of(&world).get(&format!("/tasks/{task}")).await;
        assert_eq!(status, 200, "{watched}");
        assert_eq!(watched["ended"]["run"]["run"]["trigger"], "command");
    }
    let (status, problem) = Socket::of(&world).get("/tasks/another").await;
    assert_eq!(
        (status, &problem["code"]),
        (404, &"control.unknown-task".into())
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_of_another_version_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let running = world.start().await;
    let socket = Socket::of(&world);
    let url = "http://daemon/queries";

    for unknown in [json!("frobnicate"), json!({ "sync": { "tenant": "acme" } })] {
        let answer = socket.0.post(url).json(&unknown).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 422, "{unknown}");
    }

    let (status, answer) = socket.post("/queries", json!({ "doing": null })).await;
    assert_eq!(status, 200, "{answer}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_says_how_many_events_go_and_from_which_on() {
    let world = World::new().await;
    let running = world.start().await;
    running.sync().await;
    rename(&world, 0..3);
    running.sync().await;
    running.settled().await;
    let hr = EndpointName("hr".to_owned());

    let since = qlik_roster::control::Again::Since(qlik_roster::model::Timestamp::from_millis(0));
    let replay = command::Replay {
        endpoint: hr.clone(),
        what: since,
    };
    let replayed = running.order(replay).await.unwrap();

    assert_eq!(replayed.events, Count::Exactly(3));
    assert!(replayed.first.is_some());
    let set = command::SetEndpoint {
        endpoint: hr,
        wish: Wish::Disable,
    };
    let row = running.order(set).await.unwrap();
    assert_eq!(row.state.word(), "stopped");
    running.stop().await;
}
