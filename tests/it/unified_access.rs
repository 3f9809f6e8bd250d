//! Programs read who may do what over HTTP, and which records were deleted.

use std::collections::BTreeSet;

use qlik_roster::demo::tenant::{Directory, Edit, GroupEdit, NewUser, User};
use qlik_roster::model::{GroupId, RoleId};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Running, World};
use crate::unified::{all, get, ids, token};

/// A role that only one group gives, with the users of that group.
struct Given {
    role: RoleId,
    group: GroupId,
    members: Vec<User>,
}

impl Given {
    /// Gives the role `DataAdmin` to a group with members, and to nobody else.
    fn to_a_group(directory: &Directory) -> Self {
        let role = directory.role_named("DataAdmin").unwrap();
        for user in directory.users() {
            let edit = Edit::UnassignRole(role.clone());
            directory.update_user(&user.id, edit).unwrap();
        }
        for group in directory.groups() {
            let edit = GroupEdit::UnassignRole(role.clone());
            directory.update_group(&group.id, edit).unwrap();
        }
        let users = directory.users();
        let mut groups = users.iter().flat_map(|user| user.groups.keys());
        let group = groups.next().unwrap();
        let is_in = |user: &&User| user.groups.contains_key(group);
        let members = users.iter().filter(is_in).cloned().collect();
        let edit = GroupEdit::AssignRole(role.clone());
        directory.update_group(group, edit).unwrap();
        Self {
            role,
            group: group.clone(),
            members,
        }
    }

    fn members(&self) -> BTreeSet<String> {
        self.members
            .iter()
            .map(|user| user.id.to_string())
            .collect()
    }
}

/// Returns the ids of the users of some rows.
fn users(rows: &[Value]) -> BTreeSet<String> {
    let ids = rows.iter().map(|row| row["user"]["remote_id"].as_str());
    ids.map(|id| id.unwrap().to_owned()).collect()
}

async fn ok(running: &Running, token: &str, path: &str) -> Value {
    let answer = get(running, token, "acme", path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    answer.body
}

#[tokio::test]
async fn members_of_a_group_are_listed_page_by_page() {
    let world = World::of_several_pages().await;
    let given = Given::to_a_group(world.tenant.directory());
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;

    let path = format!("/unified/iam/groups/{}/members?page_size=2", given.group);
    let (members, n_pages) = all(&running, &token, &path).await;
    assert_eq!(ids(&members), given.members());
    assert!(n_pages >= given.members.len().div_ceil(2));
    let everyone = Directory::everyone();
    let path = format!("/unified/iam/groups/{everyone}/members?page_size=500");
    let (everyone, _) = all(&running, &token, &path).await;
    assert_eq!(everyone.len(), world.tenant.directory().n_users());

    let none = get(&running, &token, "acme", "/unified/iam/groups/none/members").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    running.stop().await;
}

#[tokio::test]
async fn holders_of_a_role_are_listed_with_their_paths_now_and_then() {
    let world = World::new().await;
    let given = Given::to_a_group(world.tenant.directory());
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let then = world.clock.now();
    let path = format!("/unified/iam/roles/{}/holders", given.role);

    let (rows, _) = all(&running, &token, &format!("{path}?page_size=1")).await;
    assert_eq!(users(&rows), given.members());
    for row in &rows {
        assert_eq!(row["paths"][0]["type"], "group");
        assert_eq!(row["paths"][0]["group"]["remote_id"], json!(given.group));
        assert_eq!(row["right"]["remote_id"], json!(given.role));
    }
    let whole = ok(&running, &token, &path).await;
    assert_eq!(whole["answer"]["complete"], true);

    let edit = GroupEdit::UnassignRole(given.role.clone());
    let directory = world.tenant.directory();
    directory.update_group(&given.group, edit).unwrap();
    running.sync().await;

    assert_eq!(ok(&running, &token, &path).await["data"], json!([]));
    let (rows, _) = all(&running, &token, &format!("{path}?as_of={then}")).await;
    assert_eq!(users(&rows), given.members());
    let early = format!("{path}?as_of=2000-01-01T00:00:00Z");
    let early = get(&running, &token, "acme", &early).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "{}", early.body);
    running.stop().await;
}

#[tokio::test]
async fn what_a_user_may_do_is_told_with_every_path() {
    let world = World::new().await;
    let given = Given::to_a_group(world.tenant.directory());
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let user = &given.members[0].id;
    let is_it = |role: &&Value| role["remote_id"] == json!(given.role);

    // The effective roles are a part of the record only where that is asked for.
    let path = format!("/unified/iam/users/{user}");
    let bare = ok(&running, &token, &path).await;
    assert_eq!(bare["data"].get("effective_roles"), None);
    let path = format!("{path}?expand=effective_roles");
    let shown = ok(&running, &token, &path).await["data"].clone();
    let roles = shown["effective_roles"].as_array().unwrap();
    let role = roles.iter().find(is_it).unwrap();
    assert_eq!(role["level"], "admin");
    assert_eq!(role["paths"][0]["group"]["remote_id"], json!(given.group));
    assert_eq!(shown["effective_roles_complete"], true);
    let (listed, _) = all(
        &running,
        &token,
        "/unified/iam/users?expand=effective_roles",
    )
    .await;
    let listed = listed.iter().find(|row| row["remote_id"] == json!(user));
    assert_eq!(listed.unwrap(), &shown);

    // Page by page, everything is told once.
    let path = format!("/unified/iam/users/{user}/access");
    let whole = ok(&running, &token, &format!("{path}?page_size=500")).await;
    assert_eq!(whole["next"], Value::Null);
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = ok(&running, &token, &format!("{path}?page_size=1&next={next}")).await;
        found.extend(page["data"]["roles"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(cursor) => cursor.clone_into(&mut next),
            None => break,
        }
    }
    assert_eq!(json!(found), whole["data"]["roles"]);
    let rights: Vec<&Value> = found.iter().map(|row| &row["right"]["remote_id"]).collect();
    let effective: Vec<&Value> = roles.iter().map(|role| &role["remote_id"]).collect();
    assert_eq!(rights, effective);
    running.stop().await;
}

#[tokio::test]
async fn deleted_records_are_listed_after_the_others_where_that_is_asked_for() {
    let world = World::of_several_pages().await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let directory = world.tenant.directory();
    let gone: Vec<User> = directory.users().into_iter().take(3).collect();
    for user in &gone {
        directory.delete_user(&user.id).unwrap();
    }
    running.sync().await;

    let (known, _) = all(&running, &token, "/unified/iam/users").await;
    let (both, _) = all(
        &running,
        &token,
        "/unified/iam/users?deleted=true&page_size=2",
    )
    .await;
    let (live, deleted): (Vec<Value>, Vec<Value>) = both
        .into_iter()
        .partition(|row| row.get("deleted_at").is_none());
    assert_eq!(live, known);
    let gone: BTreeSet<String> = gone.iter().map(|user| user.id.to_string()).collect();
    assert_eq!(ids(&deleted), gone);
    assert!(deleted.iter().all(|row| row["deleted_at"].is_string()));

    let now = world.clock.now();
    let path = format!("/unified/iam/users?deleted=true&filter[updated_after]={now}");
    let (later, _) = all(&running, &token, &path).await;
    assert_eq!(later, Vec::<Value>::new());
    let policies = get(
        &running,
        &token,
        "acme",
        "/unified/iam/policies?deleted=true",
    )
    .await;
    assert_eq!(policies.status, StatusCode::BAD_REQUEST);
    running.stop().await;
}

/// All lists as they are answered, and a record of each kind by its id.
async fn everything(running: &Running, token: &str, group: &GroupId, more: &str) -> Vec<Value> {
    let mut answers = Vec::new();
    let expand = "expand=roles,groups,effective_roles";
    for (path, size) in [
        ("users".to_owned(), 17),
        ("roles".to_owned(), 3),
        ("groups".to_owned(), 4),
        ("policies".to_owned(), 5),
        (format!("groups/{group}/members"), 3),
    ] {
        let path = format!("/unified/iam/{path}?{expand}&page_size={size}{more}");
        let (rows, _) = all(running, token, &path).await;
        answers.push(json!(rows));
    }
    answers
}

/// What is answered about a time is what was answered at that time.
#[tokio::test]
async fn lists_as_of_a_time_are_what_they_were_then() {
    let world = World::new().await;
    world.let_all_go();
    let directory = world.tenant.directory();
    let given = Given::to_a_group(directory);
    let gone = directory.create_group("Gone later");
    let role = directory.create_role("Gone later");
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let mut rng = fastrand::Rng::with_seed(14);
    let mut asked = Vec::new();
    for round in 0..4 {
        let now = everything(&running, &token, &given.group, "").await;
        asked.push((world.clock.now(), now));
        for n in 0..6 {
            let users = directory.users();
            let credentials = world.tenant.credential_users();
            let users = users.iter().filter(|it| !credentials.contains(&it.id));
            let users: Vec<_> = users.collect();
            let user = &users[rng.usize(..users.len())].id;
            let edit = match n {
                0 => Edit::Name(format!("Renamed {round}")),
                1 => Edit::JoinGroup(given.group.clone()),
                2 => Edit::AssignRole(given.role.clone()),
                3 => Edit::Email(None),
                4 => Edit::LeaveGroup(given.group.clone()),
                _ => {
                    directory.delete_user(user).unwrap();
                    let new = NewUser::named(&format!("Newcomer {round}"));
                    directory.create_user(new).unwrap();
                    continue;
                }
            };
            directory.update_user(user, edit).unwrap();
        }
        let name = GroupEdit::Name(format!("Group {round}"));
        directory.update_group(&given.group, name).unwrap();
        directory.create_group(&format!("New {round}"));
        if round == 1 {
            directory.delete_group(&gone).unwrap();
            directory.delete_role(&role).unwrap();
        }
        running.sync().await;
    }

    for (time, expected) in &asked {
        let more = format!("&as_of={time}");
        let found = everything(&running, &token, &given.group, &more).await;
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected, "{time}");
        }
        assert_eq!(found.len(), expected.len());
        // Each record is found by its id.
        for (list, rows) in ["users", "roles", "groups"].iter().zip(expected) {
            let row = &rows[2];
            let id = row["remote_id"].as_str().unwrap();
            let path = format!("/unified/iam/{list}/{id}?expand=roles,groups,effective_roles");
            let one = ok(&running, &token, &format!("{path}{more}")).await;
            assert_eq!(one["data"], *row, "{list} {time}");
        }
    }
    let first = asked[0].0;
    let group = format!("/unified/iam/groups/{gone}");
    assert_eq!(
        get(&running, &token, "acme", &group).await.status,
        StatusCode::NOT_FOUND
    );
    let then = ok(&running, &token, &format!("{group}?as_of={first}")).await;
    assert_eq!(then["data"]["name"], "Gone later");
    let holders = format!("/unified/iam/roles/{role}/holders?as_of={first}");
    assert_eq!(ok(&running, &token, &holders).await["data"], json!([]));

    // What cannot be answered is refused with the reason.
    let last = asked[3].0;
    for (query, status, said) in [
        ("as_of=2000-01-01T00:00:00Z", 409, "begins at"),
        ("as_of=yesterday", 400, "`as_of` is a time"),
        (&format!("as_of={last}&raw=true"), 400, "`raw`"),
        (&format!("as_of={last}&deleted=true"), 400, "`deleted`"),
        (
            &format!("as_of={last}&filter[updated_after]={first}"),
            400,
            "updated_after",
        ),
    ] {
        for path in ["/unified/iam/users", "/unified/iam/groups"] {
            let path = format!("{path}?{query}");
            let refused = get(&running, &token, "acme", &path).await;
            assert_eq!(refused.status.as_u16(), status, "{path}: {}", refused.body);
            let message = refused.body["message"].as_str().unwrap();
            assert!(message.contains(said), "{path}: {message}");
        }
    }
    // A cursor belongs to its time.
    let page = format!("/unified/iam/users?page_size=3&as_of={last}");
    let page = ok(&running, &token, &page).await;
    let next = page["next"].as_str().unwrap();
    let other = format!("/unified/iam/users?page_size=3&as_of={first}&next={next}");
    let other = get(&running, &token, "acme", &other).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
    running.stop().await;
}
