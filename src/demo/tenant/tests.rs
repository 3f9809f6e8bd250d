//! The tenant over real HTTP.

use std::collections::BTreeSet;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::demo::ask::client;
use crate::model::Timestamp;

const EVERY_STATUS: &str = r#"status eq "active" or status eq "invited" or status eq "disabled" or status eq "provisioned""#;

struct World {
    tenant: EmulatedTenant,
    http: reqwest::Client,
    token: String,
    clock: Clock,
}

impl World {
    async fn new(options: TenantOptions) -> Self {
        let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
        let tenant = EmulatedTenant::start(options, clock.clone()).await.unwrap();
        let http = client();
        let mut world = Self {
            tenant,
            http,
            token: String::new(),
            clock,
        };
        world.token = world.fresh_token().await;
        world
    }

    async fn small() -> Self {
        Self::new(TenantOptions::default()).await
    }

    async fn ask_token(&self, extra: Value) -> Response {
        let mut body = json!({
            "grant_type": "client_credentials",
            "client_id": self.tenant.client_id(),
            "client_secret": self.tenant.client_secret().expose(),
        });
        for (key, value) in extra.as_object().unwrap() {
            body[key] = value.clone();
        }
        let url = format!("{}/oauth/token", self.tenant.url());
        self.http.post(url).json(&body).send().await.unwrap()
    }

    async fn fresh_token(&self) -> String {
        let answer: Value = self.ask_token(json!({})).await.json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn send(&self, path: &str, query: &[(&str, &str)]) -> Response {
        let query = encoded(query);
        let url = format!("{}/api/v1/{path}?{query}", self.tenant.url());
        let request = self.http.get(url).bearer_auth(&self.token);
        request.send().await.unwrap()
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> (u16, Value) {
        let answer = self.send(path, query).await;
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }

    /// Reads a listing to its end by its cursors.
    async fn list(&self, path: &str, query: &[(&str, &str)]) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.extend(cursor.as_deref().map(|cursor| ("next", cursor)));
            let (status, page) = self.get(path, &query).await;
            assert_eq!(status, 200, "{page}");
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            cursor = parameter(&page, "next", "next");
            if cursor.is_none() {
                return all;
            }
            assert!(all.len() < 5_000, "a listing that never ends");
        }
    }
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(pairs).finish()
}

fn parameter(page: &Value, link: &str, name: &str) -> Option<String> {
    let href = page["links"][link]["href"].as_str()?;
    let url = url::Url::parse(href).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name)?;
    Some(found.1.into_owned())
}

fn texts(records: &[Value], member: &str) -> Vec<String> {
    let text = |record: &Value| record[member].as_str().unwrap_or_default().to_owned();
    records.iter().map(text).collect()
}

fn ids(records: &[Value]) -> BTreeSet<String> {
    texts(records, "id").into_iter().collect()
}

fn errors(body: &Value) -> (&str, &Value) {
    let error = &body["errors"][0];
    (error["code"].as_str().unwrap_or_default(), &error["status"])
}

#[tokio::test]
async fn every_sort_shows_everybody_once_and_in_order() {
    let world = World::new(TenantOptions {
        users: 230,
        legacy_ids: true,
        ..TenantOptions::default()
    })
    .await;
    let expected: BTreeSet<String> = world
        .tenant
        .directory()
        .users()
        .iter()
        .map(|user| user.id.to_string())
        .collect();
    assert_eq!(expected.len(), 231);

    for (sort, member) in [
        ("+id", "id"),
        ("-id", "id"),
        ("_id", "id"),
        ("+tenantId", "id"),
        ("+name", "name"),
        ("-name", "name"),
        ("+subject", "subject"),
        ("status", "status"),
        ("-createdAt", "createdAt"),
    ] {
        let query = [("limit", "100"), ("sort", sort), ("filter", EVERY_STATUS)];
        let all = world.list("users", &query).await;

        assert_eq!(all.len(), expected.len(), "{sort}");
        assert_eq!(ids(&all), expected, "{sort}");
        let mut seen = texts(&all, member);
        if sort.starts_with('-') {
            seen.reverse();
        }
        assert!(seen.is_sorted(), "{sort}");
    }
}

#[tokio::test]
async fn a_sort_by_nulls_ends_in_a_cursor_that_is_refused() {
    let world = World::small().await;
    let query = [("sort", "+clientId"), ("limit", "2")];
    let (status, page) = world.get("users", &query).await;
    assert_eq!(status, 200);
    let cursor = parameter(&page, "next", "next").unwrap();

    let (status, body) = world.get("users", &[query[0], ("next", &cursor)]).await;

    assert_eq!(status, 400, "{body}");
}

#[tokio::test]
async fn prev_leads_back_to_the_same_page() {
    let world = World::small().await;
    let base = [("sort", "+name"), ("limit", "10")];
    let (_, first) = world.get("users", &base).await;
    let next = parameter(&first, "next", "next").unwrap();
    let (_, second) = world
        .get("users", &[base[0], base[1], ("next", &next)])
        .await;
    let prev = parameter(&second, "prev", "prev").unwrap();

    let (_, back) = world
        .get("users", &[base[0], base[1], ("prev", &prev)])
        .await;

    assert_eq!(back["data"], first["data"]);
    assert_eq!(parameter(&back, "next", "next"), Some(next));
    assert_eq!(back["links"].get("prev"), None);
}

#[tokio::test]
async fn a_record_that_moves_between_pages_shows_twice_or_not_at_all() {
    let world = World::small().await;
    let base = [("sort", "+name"), ("limit", "20")];
    for (name, on_first, times) in [("zzz", true, 2), ("AAA", false, 0)] {
        let (_, first) = world.get("users", &base).await;
        let everybody = world.list("users", &base).await;
        let mover = if on_first {
            &everybody[0]
        } else {
            everybody.last().unwrap()
        };
        let id = UserId(mover["id"].as_str().unwrap().parse().unwrap());
        let mut seen = ids(first["data"].as_array().unwrap());
        let mut n_seen = usize::from(seen.contains(&id.to_string()));

        let edit = Edit::Name(name.into());
        world.tenant.directory().update_user(&id, edit).unwrap();
        let mut cursor = parameter(&first, "next", "next");
        while let Some(next) = cursor {
            let (_, page) = world
                .get("users", &[base[0], base[1], ("next", &next)])
                .await;
            let more = ids(page["data"].as_array().unwrap());
            n_seen += usize::from(more.contains(&id.to_string()));
            seen.extend(more);
            cursor = parameter(&page, "next", "next");
        }

        assert_eq!(n_seen, times, "{name}");
    }
}

#[tokio::test]
async fn a_listing_by_id_that_loses_a_record_shows_the_others_once() {
    let world = World::small().await;
    let base = [("sort", "+id"), ("limit", "20"), ("filter", EVERY_STATUS)];
    let (_, first) = world.get("users", &base).await;
    let last = first["data"].as_array().unwrap().last().unwrap();
    let last = UserId(last["id"].as_str().unwrap().parse().unwrap());
    let next = parameter(&first, "next", "next").unwrap();

    world.tenant.directory().delete_user(&last).unwrap();
    let query = [base[0], base[1], base[2], ("next", &next)];
    let (_, second) = world.get("users", &query).await;

    let users = world.tenant.directory().users();
    let expected = users.iter().filter(|user| user.id > last).take(20);
    let expected: BTreeSet<_> = expected.map(|user| user.id.to_string()).collect();
    assert_eq!(ids(second["data"].as_array().unwrap()), expected);
}

#[tokio::test]
async fn what_a_listing_refuses() {
    let world = World::small().await;
    for (path, query) in [
        ("users", vec![("limit", "101")]),
        ("users", vec![("limit", "0")]),
        ("users", vec![("sort", "lastUpdatedAt")]),
        ("users", vec![("sort", " id")]),
        ("users", vec![("next", "abc")]),
        ("users", vec![("next", "a"), ("prev", "b")]),
        ("users", vec![("filter", r#"lastUpdatedAt gt "2026""#)]),
        (
            "users",
            vec![("filter", r#"name eq "A""#), ("status", "active")],
        ),
        ("users", vec![("totalResults", "1")]),
        ("users/actions/count", vec![("filter", "name")]),
        ("roles", vec![("limit", "101")]),
        ("groups", vec![("systemGroups", "true"), ("limit", "20")]),
        ("groups", vec![("filter", r#"members eq "x""#)]),
    ] {
        let (status, body) = world.get(path, &query).await;

        assert_eq!(status, 400, "{path} {query:?} {body}");
        let expected = match path {
            "roles" => Value::Null,
            _ => json!(400),
        };
        assert_eq!(errors(&body).1, &expected, "{path}");
    }
}

#[tokio::test]
async fn filters_and_totals_agree_with_the_directory() {
    let world = World::new(TenantOptions {
        users: 400,
        ..TenantOptions::default()
    })
    .await;
    let users = world.tenant.directory().users();
    let active = |user: &&User| user.status == Status::Active;
    let one = users.iter().filter(active).nth(3).unwrap();
    let group = one.groups.keys().next().unwrap();
    let admin = world.tenant.directory().role_named("TenantAdmin").unwrap();
    let n_active = users.iter().filter(active).count();
    let in_group = users
        .iter()
        .filter(active)
        .filter(|u| u.groups.contains_key(group));
    let admins = users
        .iter()
        .filter(active)
        .filter(|u| u.roles.contains_key(&admin));
    let subject = serde_json::to_string(&one.subject).unwrap();

    for (filter, expected) in [
        (String::new(), n_active),
        (EVERY_STATUS.to_owned(), users.len()),
        (format!(r#"id eq "{}""#, one.id), 1),
        (format!("subject eq {subject}"), 1),
        (
            format!(r#"assignedGroups.id eq "{group}""#),
            in_group.count(),
        ),
        (
            r#"assignedRoles.name eq "TenantAdmin""#.to_owned(),
            admins.count(),
        ),
        (
            r#"(email co "@ACME.") and (status eq "active")"#.to_owned(),
            n_active - 1,
        ),
        (r#"status eq "deleted""#.to_owned(), 0),
        (format!(r#"clientId eq "{}""#, world.tenant.client_id()), 1),
    ] {
        let mut query = vec![("limit", "100"), ("sort", "+id"), ("totalResults", "true")];
        query.extend((!filter.is_empty()).then_some(("filter", filter.as_str())));

        let all = world.list("users", &query).await;
        let (_, page) = world.get("users", &query).await;
        query.retain(|(key, _)| *key == "filter");
        let (_, count) = world.get("users/actions/count", &query).await;

        assert_eq!(all.len(), expected, "{filter}");
        assert_eq!(page["totalResults"], expected, "{filter}");
        assert_eq!(count, json!({"total": expected}), "{filter}");
    }
}

#[tokio::test]
async fn a_user_shows_what_the_directory_knows() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let user = directory
        .users()
        .into_iter()
        .find(|user| !user.roles.is_empty() && !user.groups.is_empty())
        .unwrap();
    let path = format!("users/{}", user.id);

    let (status, shown) = world.get(&path, &[]).await;
    let (_, few) = world.get(&path, &[("fields", "id,name")]).await;

    assert_eq!(status, 200);
    assert_eq!(shown["tenantId"], world.tenant.tenant_id().0);
    assert_eq!(shown["subject"], user.subject);
    assert_eq!(shown["email"], json!(user.email));
    assert_eq!(shown["status"], user.status.as_str());
    assert_eq!(shown["createdAt"], user.created_at.to_string());
    assert_eq!(shown["lastUpdatedAt"], user.updated_at.to_string());
    let roles: Vec<_> = user.roles.values().cloned().collect();
    let groups: Vec<_> = user.groups.values().cloned().collect();
    let sorted = |member: &str| {
        let mut names = texts(shown[member].as_array().unwrap(), "name");
        names.sort();
        names
    };
    assert_eq!(
        sorted("assignedRoles"),
        BTreeSet::from_iter(roles).into_iter().collect::<Vec<_>>()
    );
    assert_eq!(
        sorted("assignedGroups"),
        BTreeSet::from_iter(groups).into_iter().collect::<Vec<_>>()
    );
    assert_eq!(few, json!({"id": user.id, "name": user.name}));
}

#[tokio::test]
async fn a_renamed_role_shows_on_users_and_in_groups_without_their_times_moving() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let user = directory
        .users()
        .into_iter()
        .find(|u| !u.groups.is_empty())
        .unwrap();
    let group = user.groups.keys().next().unwrap().clone();
    let role = directory.create_role("Before");
    directory
        .update_user_quietly(&user.id, Edit::AssignRole(role.clone()))
        .unwrap();
    directory
        .update_group(&group, GroupEdit::AssignRole(role.clone()))
        .unwrap();

    directory
        .update_role(&role, RoleEdit::Name("After".into()))
        .unwrap();
    let (_, shown) = world.get(&format!("users/{}", user.id), &[]).await;

    let names = texts(shown["assignedRoles"].as_array().unwrap(), "name");
    assert!(names.contains(&"After".to_owned()));
    assert!(shown["assignedGroups"].to_string().contains("\"After\""));
    assert_eq!(shown["lastUpdatedAt"], user.updated_at.to_string());

    directory.delete_role(&role).unwrap();
    directory.delete_group(&group).unwrap();
    let (_, shown) = world.get(&format!("users/{}", user.id), &[]).await;
    assert!(!shown.to_string().contains("After"));
    assert!(
        !directory
            .user(&user.id)
            .unwrap()
            .groups
            .contains_key(&group)
    );
}

#[tokio::test]
async fn the_gone_the_recreated_and_the_tombstone() {
    for tombstones in [false, true] {
        let world = World::new(TenantOptions {
            tombstones,
            ..TenantOptions::default()
        })
        .await;
        let directory = world.tenant.directory();
        let user = directory.users().remove(5);

        let again = directory.recreate_user(&user.id).unwrap();
        let (status, shown) = world.get(&format!("users/{}", user.id), &[]).await;
        let deleted = world
            .list("users", &[("filter", r#"status eq "deleted""#)])
            .await;

        let back = directory.user(&again).unwrap();
        assert_ne!(again, user.id);
        assert_eq!((&back.subject, &back.email), (&user.subject, &user.email));
        assert_eq!(back.roles, [].into());
        if tombstones {
            assert_eq!((status, &shown["status"]), (200, &json!("deleted")));
            assert_eq!(shown.get("email"), None);
            assert_eq!(deleted.len(), 1);
        } else {
            assert_eq!(status, 404);
            assert_eq!(errors(&shown), ("USERS-7", &json!(404)));
            assert_eq!(deleted.len(), 0);
        }
    }
}

#[tokio::test]
async fn an_address_belongs_to_one_user_only() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let [one, two] = [0, 1].map(|n| directory.users().remove(n));

    let edit = Edit::Email(two.email.as_ref().map(|email| email.to_uppercase()));
    assert_eq!(
        directory.update_user(&one.id, edit.clone()),
        Err(EditError::EmailTaken)
    );
    directory.delete_user(&two.id).unwrap();
    assert_eq!(directory.update_user(&one.id, edit), Ok(()));
}

#[tokio::test]
async fn roles_groups_and_everyone() {
    let world = World::small().await;
    let roles = world.list("roles", &[("limit", "7")]).await;
    let groups = world
        .list("groups", &[("limit", "5"), ("sort", "-createdAt")])
        .await;
    let (_, system) = world.get("groups", &[("systemGroups", "true")]).await;
    let (_, settings) = world.get("groups/settings", &[]).await;
    let (missing, body) = world.get("roles/000000000000000000000abc", &[]).await;

    assert_eq!(roles.len(), 20);
    assert_eq!(
        roles
            .iter()
            .filter(|role| role["type"] == "default")
            .count(),
        16
    );
    assert_eq!(groups.len(), 12);
    let everyone = "000000000000000000000001";
    assert_eq!(texts(system["data"].as_array().unwrap(), "id"), [everyone]);
    assert_eq!(
        settings["systemGroups"][everyone]["name"],
        "com.qlik.Everyone"
    );
    let held = &system["data"][0]["assignedRoles"];
    assert_eq!(held[0]["name"], "CollaborationPlatformUser");
    assert_eq!(settings["systemGroups"][everyone]["assignedRoles"], *held);
    assert_eq!(
        (missing, errors(&body)),
        (404, ("IDENTITIES-10402", &Value::Null))
    );
}

#[tokio::test]
async fn the_tenant_and_the_caller_are_behind_redirects() {
    let world = World::small().await;
    let bot = world.tenant.credential_users().pop().unwrap();
    for (path, expected) in [
        ("users/me", format!("/api/v1/users/{bot}")),
        (
            "tenants/me",
            format!("/api/v1/tenants/{}", world.tenant.tenant_id()),
        ),
    ] {
        let answer = world.send(path, &[]).await;

        assert_eq!(answer.status(), StatusCode::FOUND);
        assert_eq!(answer.headers()["location"], expected);
    }
    let (_, me) = world.get(&format!("users/{bot}"), &[]).await;
    assert_eq!(
        me["subject"],
        format!("qlikbot\\{}", world.tenant.client_id())
    );
    let (_, tenant) = world
        .get(&format!("tenants/{}", world.tenant.tenant_id()), &[])
        .await;
    assert_eq!(tenant["name"], world.tenant.name());
    let (status, body) = world.get("tenants/other", &[]).await;
    assert_eq!((status, errors(&body)), (404, ("TENANTS-8", &json!("404"))));
}

#[tokio::test]
async fn next_links_lead_nowhere_when_followed_as_they_are() {
    let world = World::small().await;
    let (_, page) = world.get("users", &[]).await;

    let href = page["links"]["next"]["href"].as_str().unwrap();
    assert!(href.starts_with("http://identities.iam.svc.cluster.local:8080/v1/users?"));
    assert_eq!(page["data"].as_array().unwrap().len(), 20);
    assert_eq!(page.get("totalResults"), None);
}

#[tokio::test]
async fn old_links_carry_starting_after() {
    let world = World::new(TenantOptions {
        legacy_cursors: true,
        ..TenantOptions::default()
    })
    .await;
    let base = [("sort", "+id"), ("filter", EVERY_STATUS)];
    let (_, first) = world.get("users", &base).await;
    let cursor = parameter(&first, "next", "startingAfter").unwrap();
    assert_eq!(parameter(&first, "next", "next"), None);

    for name in ["startingAfter", "next"] {
        let (status, page) = world
            .get("users", &[base[0], base[1], (name, &cursor)])
            .await;
        assert_eq!(status, 200);
        assert_ne!(page["data"], first["data"]);
    }
}

mod access;
mod assertion;
mod audit;
mod trouble;
