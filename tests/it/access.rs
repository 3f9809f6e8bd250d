//! Who may do what although something is hidden, and at times that the journal does not reach.
//! `histories` compares all other answers with a model.

use std::collections::BTreeSet;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::query::{FindingStanding, Which};
use qlik_roster::control::{AccessPage, AccessRow, NotKnown, Severity, Since, UserAccess, query};
use qlik_roster::demo::tenant::{Edit, GroupEdit, Hidden, RateLimits, TenantOptions};
use qlik_roster::model::{Id, Outcome, TenantName, Timestamp, UserId};

use crate::support::{Running, World};

fn acme() -> TenantName {
    TenantName("acme".to_owned())
}

/// Asks for all rows, in pages of a few.
async fn all_rows(
    running: &Running,
    role: Option<String>,
    which: Which,
    at: Option<Timestamp>,
    limit: usize,
) -> Vec<AccessRow> {
    let (mut rows, mut after) = (Vec::new(), None);
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
        assert_eq!(page.envelope.not_known, BTreeSet::new());
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

/// Asks for everything that a user holds, in pages of a few rows, and checks that no page has more.
pub async fn user_access(
    running: &Running,
    user: &UserId,
    at: Option<Timestamp>,
    limit: usize,
) -> UserAccess {
    let mut whole: Option<UserAccess> = None;
    let mut after = None;
    loop {
        let mut page = running
            .ask(query::UserAccess {
                tenant: acme(),
                user: user.clone(),
                role: None,
                at,
                after,
                limit,
            })
            .await;
        let n_spaces = page.spaces.as_ref().map_or(0, |it| it.spaces.len());
        let n_rows = page.roles.len() + page.permissions.len() + page.unseen.len() + n_spaces;
        assert!(n_rows <= limit, "{n_rows} of {limit}");
        after = page.next.take();
        match &mut whole {
            Some(whole) => {
                whole.roles.extend(page.roles);
                whole.permissions.extend(page.permissions);
                whole.unseen.extend(page.unseen);
                if let Some(spaces) = &mut whole.spaces {
                    spaces.spaces.extend(page.spaces.unwrap().spaces);
                }
            }
            None => whole = Some(page),
        }
        if after.is_none() {
            return whole.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_visible_is_reported_and_is_not_an_absence() {
    let world = World::new().await;
    let rule = "[[access.sod]]\nname = \"one\"\nleft = [\"TenantAdmin\"]\nright = [\"Steward\"]\n";
    world.write_config(&(world.standard_config() + rule));
    world.tenant.hide_access(Hidden::Yes);
    let running = world.start().await;
    let ask = async |role: Option<&str>| {
        let asked = query::Access {
            tenant: acme(),
            role: role.map(str::to_owned),
            which: Which::Own,
            at: None,
            after: None,
            limit: 500,
        };
        running.ask(asked).await.envelope
    };

    let of_one = ask(Some("TenantAdmin")).await;
    let of_all = ask(None).await;

    assert_eq!(of_one.not_known, BTreeSet::from([NotKnown::Roles]));
    assert!(of_all.not_known.contains(&NotKnown::Roles));
    let mut lacking = of_all.not_known.iter();
    assert!(lacking.any(|it| matches!(it, NotKnown::User { .. })));
    assert_eq!(of_all.not_known.len(), 21, "twenty are named");
    assert!(of_all.not_known.contains(&NotKnown::More));
    let findings = query::Findings {
        tenant: None,
        codes: Vec::new(),
        min: Severity::Notice,
        standing: FindingStanding::Open,
        after: None,
        limit: usize::MAX,
    };
    let rules = running.ask(findings).await.rules;
    assert_eq!(rules.len(), 1);
    assert!(rules[0].is_blind && !rules[0].is_judged());
    assert_eq!(
        rules[0].not_judged,
        world.tenant.directory().n_users() as u64
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_the_journal_does_not_reach_is_refused() {
    let start = Timestamp::parse("2026-03-01T08:00:00Z").unwrap();
    let clock = Clock::stopped_at(start);
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock.clone(), options).await;
    let running = world.start().await;
    clock.set(start.plus(Duration::from_secs(60)));
    let user = world.tenant.directory().users().remove(0);
    let edit = Edit::Name("Another Name".to_owned());
    world
        .tenant
        .directory()
        .update_user(&user.id, edit)
        .unwrap();
    running.sync().await;

    let at = |at| query::UserAccess {
        tenant: acme(),
        user: user.id.clone(),
        role: None,
        at: Some(at),
        after: None,
        limit: 500,
    };
    let label = async |time| {
        let answer = running.control().ask(at(time)).await;
        answer.map(|answer| answer.user.map(|user| user.label))
    };

    let too_early = start.minus(Duration::from_millis(1));
    let error = label(too_early).await.unwrap_err();
    assert_eq!(error.code(), "history.not-covered");
    assert_eq!(
        error.to_string(),
        "what is known of `acme` does not go back that far: it begins at 2026-03-01T08:00:00.000Z"
    );
    let before = start.plus(Duration::from_millis(59_999));
    assert_eq!(label(before).await.unwrap(), Some(user.name.clone()));
    let after = start.plus(Duration::from_secs(60));
    assert_eq!(label(after).await.unwrap().as_deref(), Some("Another Name"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_hidden_at_first_is_not_reported_as_given_when_it_appears() {
    let start = Timestamp::parse("2026-03-01T08:00:00Z").unwrap();
    let clock = Clock::stopped_at(start);
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock.clone(), options).await;
    let tenant = world.tenant.directory();
    let (role, group) = (tenant.create_role("Keeper"), tenant.create_group("Keepers"));
    tenant
        .update_group(&group, GroupEdit::AssignRole(role.clone()))
        .unwrap();
    let mut people = tenant.users().into_iter();
    let (by_group, direct) = (people.next().unwrap().id, people.next().unwrap().id);
    let newcomer = people.next().unwrap().id;
    tenant
        .update_user(&by_group, Edit::JoinGroup(group.clone()))
        .unwrap();
    tenant
        .update_user(&direct, Edit::AssignRole(role.clone()))
        .unwrap();
    tenant.hide_roles(&group.0, Hidden::Yes);
    tenant.hide_roles(&direct.0, Hidden::Yes);
    let running = world.start().await;
    let shown_at = start.plus(Duration::from_secs(60));
    clock.set(shown_at);
    tenant.hide_roles(&group.0, Hidden::No);
    tenant.hide_roles(&direct.0, Hidden::No);
    tenant
        .update_user(&newcomer, Edit::AssignRole(role.clone()))
        .unwrap();
    running.sync().await;

    let diff = query::AccessDiff {
        tenant: acme(),
        from: start,
        to: None,
        role: None,
        space: None,
        after: None,
        limit: 500,
    };
    let of = |role: &str| query::AccessDiff {
        role: Some(role.to_owned()),
        ..diff.clone()
    };
    let (of_keeper, of_another) = (of("keeper"), of("TenantAdmin"));
    let diff = running.ask(diff).await;
    let (of_keeper, of_another) = (running.ask(of_keeper).await, running.ask(of_another).await);
    assert_eq!(of_keeper.page.rows, diff.page.rows);
    assert_eq!(of_another.page.rows, []);
    let granted = diff.page.rows.iter();
    let granted = granted.filter(|row| row.right.role().unwrap().id == role);
    let granted: Vec<&UserId> = granted.map(|row| &row.user.id).collect();
    assert_eq!(granted, [&newcomer], "of the others it is not known");
    let mut not_known = diff.page.envelope.not_known.iter();
    assert!(not_known.any(|it| matches!(it, NotKnown::RolesOfGroup { id, .. } if *id == group)));
    assert!(!diff.page.envelope.is_complete());

    let rows = all_rows(&running, Some("Keeper".to_owned()), Which::Own, None, 500).await;
    let since = |user: &UserId| {
        let row = rows.iter().find(|row| row.user.id == *user);
        row.unwrap().since.clone().unwrap()
    };
    assert_eq!(since(&by_group), Since::Before { at: shown_at });
    assert_eq!(since(&direct), Since::Before { at: shown_at });
    assert!(matches!(since(&newcomer), Since::Observed { at, .. } if at == shown_at));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_later_stays_as_it_was_known() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Keeper");
    let user = tenant.users().remove(0).id;
    tenant
        .update_user(&user, Edit::AssignRole(role.clone()))
        .unwrap();
    let running = world.start().await;
    let first = world.clock.now();
    tenant.hide_roles(&user.0, Hidden::Yes);
    tenant
        .update_user(&user, Edit::UnassignRole(role.clone()))
        .unwrap();
    assert_eq!(running.sync().await.outcome, Outcome::Degraded);

    let rows = all_rows(&running, Some("Keeper".to_owned()), Which::Own, None, 500).await;
    assert_eq!(rows.len(), 1);
    let diff = query::AccessDiff {
        tenant: acme(),
        from: first,
        to: None,
        role: None,
        space: None,
        after: None,
        limit: 500,
    };
    assert_eq!(running.ask(diff).await.page.rows, []);
    running.stop().await;
}

/// A question about one role is answered from lists of its holders. It must not know more than a
/// question about all roles, which reads every user.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_the_past_says_which_groups_were_not_known_then() {
    let start = Timestamp::parse("2026-03-01T08:00:00Z").unwrap();
    let clock = Clock::stopped_at(start);
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock.clone(), options).await;
    let tenant = world.tenant.directory();
    let (role, group) = (
        tenant.create_role("Keeper"),
        tenant.create_group("Gone Team"),
    );
    let user = tenant.users().remove(3).id;
    let edits = [Edit::AssignRole(role), Edit::JoinGroup(group.clone())];
    for edit in edits {
        tenant.update_user(&user, edit).unwrap();
    }
    let running = world.start().await;
    // The group is deleted while the user's groups are hidden: the user is known to be in it.
    let then = start.plus(Duration::from_secs(60));
    clock.set(then);
    tenant.hide_groups(&user, Hidden::Yes);
    tenant.delete_group(&group).unwrap();
    running.sync().await;
    clock.set(then.plus(Duration::from_secs(60)));
    tenant.hide_groups(&user, Hidden::No);
    running.sync().await;

    let ask = async |role: Option<&str>, at| {
        let asked = query::Access {
            tenant: acme(),
            role: role.map(str::to_owned),
            which: Which::Own,
            at,
            after: None,
            limit: 500,
        };
        running.ask(asked).await.envelope.not_known
    };
    let unknown = BTreeSet::from([NotKnown::RolesOfGroup {
        id: group,
        name: "Gone Team".to_owned(),
    }]);
    for _ in 0..2 {
        assert_eq!(ask(None, Some(then)).await, unknown);
        assert_eq!(ask(Some("Keeper"), Some(then)).await, unknown);
        assert_eq!(ask(Some("Keeper"), None).await, BTreeSet::new());
        while running.store().build_postings().unwrap() {}
    }
    running.stop().await;
}
