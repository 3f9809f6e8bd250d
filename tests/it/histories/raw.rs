//! What a tenant shows: its users, roles and groups, read over HTTP page by page and kept as Qlik's
//! JSON says it. Nothing of the program that is tested takes part in this.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::model::{GroupId, Id, RoleId, UserId};
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;

use crate::support::World;

/// Without a clause on the status, Qlik lists active users only.
const STATUSES: &str = r#"status eq "active" or status eq "invited" or status eq "disabled" or status eq "provisioned""#;

/// What one look shows.
#[derive(Debug, Clone)]
pub struct Seen {
    pub users: BTreeMap<UserId, SeenUser>,
    /// `None` if the listing is refused.
    pub roles: Option<BTreeMap<RoleId, SeenRole>>,
    /// The group of all users among them; `None` if the listing is refused.
    pub groups: Option<BTreeMap<GroupId, SeenGroup>>,
}

#[derive(Debug, Clone)]
pub struct SeenUser {
    /// `assignedRoles`; `None` if the record does not have it.
    pub roles: Option<BTreeSet<RoleId>>,
    /// `assignedGroups`; `None` if the record does not have it.
    pub groups: Option<BTreeSet<GroupId>>,
    pub status: String,
    /// `inviteExpiry` in milliseconds.
    pub invited_until: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct SeenRole {
    pub name: String,
    /// `default` or `custom`.
    pub sort: String,
}

#[derive(Debug, Clone)]
pub struct SeenGroup {
    /// Whether it is `com.qlik.Everyone`, which lists no members and which no user lists.
    pub has_everyone: bool,
    /// `assignedRoles`; `None` if the record does not have it.
    pub roles: Option<BTreeSet<RoleId>>,
}

/// Looks at a tenant as an administrator does.
pub async fn look(world: &World) -> Seen {
    let tenant = Tenant {
        client: Client::builder().no_proxy().build().unwrap(),
        url: world.tenant.url(),
        key: world.tenant.api_key().expose().to_owned(),
    };
    let listed = [("limit", "100"), ("sort", "+id")];
    let of_users = [&listed[..], &[("filter", STATUSES)]].concat();
    let users = tenant.all("users", &of_users).await;
    let users = users.expect("users are always listed").into_iter();
    let roles = tenant.all("roles", &listed).await;
    let groups = tenant.all("groups", &listed).await;
    let system = tenant.all("groups", &[("systemGroups", "true")]).await;
    let groups = groups.zip(system).map(|(mut groups, system)| {
        groups.extend(system);
        groups
    });
    Seen {
        users: users.map(|it| (UserId(id(&it)), user(&it))).collect(),
        roles: roles.map(|all| all.iter().map(|it| (RoleId(id(it)), role(it))).collect()),
        groups: groups.map(|all| all.iter().map(|it| (GroupId(id(it)), group(it))).collect()),
    }
}

struct Tenant {
    client: Client,
    url: String,
    key: String,
}

impl Tenant {
    /// Reads a listing to its last page. Returns `None` if it is refused.
    async fn all(&self, collection: &str, query: &[(&str, &str)]) -> Option<Vec<Value>> {
        let mut records = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let url = format!("{}/api/v1/{collection}", self.url);
            let mut url = Url::parse_with_params(&url, query).unwrap();
            if let Some(cursor) = &cursor {
                url.query_pairs_mut().append_pair("next", cursor);
            }
            let request = self.client.get(url).bearer_auth(&self.key);
            let answer = request.send().await.unwrap();
            if answer.status() == StatusCode::FORBIDDEN {
                return None;
            }
            assert_eq!(answer.status(), StatusCode::OK);
            let page: Value = answer.json().await.unwrap();
            records.extend(page["data"].as_array().unwrap().iter().cloned());
            // The host of the link is one that nobody can reach; only its cursor counts.
            let Some(next) = page["links"]["next"]["href"].as_str() else {
                return Some(records);
            };
            let next = Url::parse(next).unwrap();
            let mut pairs = next.query_pairs();
            let found = pairs.find(|(name, _)| name == "next");
            cursor = Some(found.unwrap().1.into_owned());
        }
    }
}

fn user(record: &Value) -> SeenUser {
    SeenUser {
        roles: ids(&record["assignedRoles"]).map(|ids| ids.map(RoleId).collect()),
        groups: ids(&record["assignedGroups"]).map(|ids| ids.map(GroupId).collect()),
        status: text(&record["status"]),
        // Qlik says "Unix timestamp" in one place and "number of seconds" in another.
        invited_until: record["inviteExpiry"].as_f64().map(|number| {
            let is_in_seconds = number < 1e11;
            let millis = if is_in_seconds { number * 1e3 } else { number };
            #[expect(clippy::cast_possible_truncation, reason = "times fit")]
            let millis = millis as i64;
            millis
        }),
    }
}

fn role(record: &Value) -> SeenRole {
    SeenRole {
        name: text(&record["name"]),
        sort: text(&record["type"]),
    }
}

fn group(record: &Value) -> SeenGroup {
    SeenGroup {
        has_everyone: record["name"] == "com.qlik.Everyone",
        roles: ids(&record["assignedRoles"]).map(|ids| ids.map(RoleId).collect()),
    }
}

/// The ids in a list; `None` if there is no list.
fn ids(list: &Value) -> Option<impl Iterator<Item = Id> + '_> {
    Some(list.as_array()?.iter().map(id))
}

fn id(record: &Value) -> Id {
    Id::parse(record["id"].as_str().unwrap()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
