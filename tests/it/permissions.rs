//! What roles allow (Qlik's own roles, the tenant's roles, and the role that every user has), and
//! what receivers are told when that changes.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::demo::tenant::{
    Directory, Edit, GroupEdit, NewUser, RateLimits, RoleEdit, TenantOptions, UserDefault,
};
use qlik_roster::model::{RoleId, UserId};
use serde_json::{Value, json};

use crate::support::{World, within};

/// The permissions and scopes that a user has, each with the names of the roles that carry it.
type Allowed = BTreeMap<String, BTreeSet<String>>;

async fn world() -> World {
    World::with(TenantOptions {
        users: 10,
        user_default: UserDefault::Listed,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await
}

fn texts(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// Adds up what the demo tenant says: the user's own roles and scopes, the roles of the user's
/// groups and of Everyone, and `UserDefault`.
fn reckon(tenant: &Directory, user: &UserId) -> Allowed {
    let user = tenant.user(user).unwrap();
    let mut held: BTreeSet<RoleId> = user.roles.into_keys().collect();
    let groups = tenant.groups().into_iter();
    let joined = groups.filter(|group| user.groups.contains_key(&group.id));
    for group in joined.chain(tenant.system_groups()) {
        held.extend(group.roles.into_keys());
    }
    let mut allowed = Allowed::new();
    for role in tenant.roles() {
        if held.contains(&role.id) || role.name == "UserDefault" {
            for name in role.permissions.iter().chain(&role.scopes).flatten() {
                let carriers = allowed.entry(name.clone()).or_default();
                carriers.insert(role.name.clone());
            }
        }
    }
    for scope in user.scopes.into_iter().flatten() {
        allowed.entry(scope).or_default();
    }
    allowed
}

async fn ask(world: &World, user: &UserId) -> Allowed {
    let user = user.to_string();
    let args = ["access", "--user", &user, "--output", "json"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    let mut allowed = Allowed::new();
    for permission in told["permissions"].as_array().unwrap() {
        let roles = permission["roles"].as_array().unwrap().iter();
        let roles = roles.map(|role| role["name"].as_str().unwrap().to_owned());
        let name = permission["name"].as_str().unwrap().to_owned();
        let twice = allowed.insert(name, roles.collect());
        assert_eq!(twice, None, "{permission}");
    }
    allowed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_roles_of_a_user_allow_is_added_up_with_the_roles_that_allow_it() {
    let world = world().await;
    let tenant = world.tenant.directory();
    let scopes = |role: &RoleId, scopes: &[&str]| {
        let edit = RoleEdit::Scopes(texts(scopes));
        tenant.update_role(role, edit).unwrap();
    };
    let exporter = tenant.create_role("Exporter");
    scopes(&exporter, &["apps.image:export", "spaces.shared:create"]);
    let nothing = tenant.create_role("Nothing yet");
    scopes(&nothing, &[]);
    let group = tenant.create_group("Platform");
    let edit = GroupEdit::AssignRole(exporter.clone());
    tenant.update_group(&group, edit).unwrap();
    let creator = tenant.role_named("AutomationCreator").unwrap();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    let maria = NewUser {
        roles: vec![creator.clone(), nothing],
        groups: vec![group],
        ..NewUser::named("Maria Silva")
    };
    let maria = tenant.create_user(maria).unwrap();
    // Everyone gets the role that Maria also holds herself, and one that she holds in no other way.
    let sharer = tenant.create_role("Sharer");
    scopes(&sharer, &["spaces.shared:create", "glossary:share"]);
    let all = Directory::everyone();
    for role in [creator, sharer] {
        tenant
            .update_group(&all, GroupEdit::AssignRole(role))
            .unwrap();
    }
    let own = Edit::Scopes(Some(texts(&["automl-models:approve", "apps.image:export"])));
    tenant.update_user(&maria, own).unwrap();
    let root = NewUser {
        roles: vec![admin],
        ..NewUser::named("Noah Klein")
    };
    let root = tenant.create_user(root).unwrap();
    let (code, _, err) = world.command(&["sync", "--no-deliver"]).await;
    assert_eq!(code, 0, "{err}");

    for user in [&maria, &root] {
        assert_eq!(ask(&world, user).await, reckon(tenant, user));
    }
    let allowed = ask(&world, &maria).await;
    for (name, roles) in [
        ("automation:delete", &["AutomationCreator"][..]),
        ("collaboration:read", &["CollaborationPlatformUser"]),
        ("apps.image:export", &["Exporter"]),
        (
            "spaces.shared:create",
            &["Exporter", "Sharer", "UserDefault"],
        ),
        ("glossary:share", &["Sharer"]),
        ("automl-models:approve", &[]),
    ] {
        assert_eq!(allowed[name], texts(roles), "{name}");
    }
    assert!(!allowed.contains_key("user:delete"), "{allowed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_comes_to_allow_other_things_is_told_of_once_for_all_its_holders() {
    let world = world().await;
    let tenant = world.tenant.directory();
    let config = world.standard_config();
    let config = config.replace("poll = \"off\"", "poll = \"1s\"");
    world.write_config(&config.replace("\"user.*\", \"role.*\"", "\"access.*\", \"role.*\""));
    let custom = tenant.create_role("Exporter");
    let users = tenant.users();
    for user in &users[..5] {
        let edit = Edit::AssignRole(custom.clone());
        tenant.update_user(&user.id, edit).unwrap();
    }
    let running = world.start().await;
    let default = tenant.role_named("UserDefault").unwrap();
    let steward = tenant.role_named("Steward").unwrap();
    let told = |role: &RoleId| {
        let deliveries = world.receiver.deliveries().into_iter();
        let about = deliveries
            .map(|delivery| delivery.body.clone())
            .filter(|event| event["type"] == "role.content_changed")
            .filter(|event| event["data"]["right"]["remote_id"] == role.to_string());
        about.map(|event| event["data"].clone()).last()
    };
    let edit = |role: &RoleId, scopes: &[&str]| {
        let edit = RoleEdit::Scopes(texts(scopes));
        tenant.update_role(role, edit).unwrap();
    };

    // No other event names roles before this release, so only its event leads to them.
    let kept = ["glossary:read", "glossary:update", "term:approve"];
    tenant.release_role(&steward, texts(&kept)).unwrap();
    within("it is told", || async { told(&steward).is_some() }).await;
    let runs = running.last_runs(100).await;
    let n_sweeps = runs.iter().filter(|run| run.is_sweep()).count();
    assert_eq!(n_sweeps, 1, "the log names the roles");
    edit(&custom, &["spaces.shared:read", "apps.image:export"]);
    edit(&default, &["automl-experiments"]);

    for (role, gained, lost) in [
        (&custom, json!(["apps.image:export"]), json!([])),
        (&default, json!([]), json!(["spaces.shared:create"])),
        (
            &steward,
            json!(["term:approve"]),
            json!(["glossary:create", "glossary:delete", "glossary:share"]),
        ),
    ] {
        within("it is told", || async { told(role).is_some() }).await;
        let told = told(role).unwrap();
        assert_eq!((&told["gained"], &told["lost"]), (&gained, &lost));
    }
    running.settled().await;
    let deliveries = world.receiver.deliveries();
    let types: BTreeSet<_> = deliveries
        .iter()
        .filter_map(|it| it.event_type.clone())
        .collect();
    assert_eq!(types, texts(&["role.content_changed", "role.updated"]));
    running.stop().await;
}
