//! The tenant over real HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::demo::ask::client;
use crate::model::{RoleId, Timestamp};

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
        world.token = world.new_token().await;
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

    async fn new_token(&self) -> String {
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

mod access;
mod assertion;
mod audit;
mod licences;
mod listings;
mod records;
mod spaces;
mod trouble;

#[tokio::test]
async fn rich_people_take_some_1700_bytes_each() {
    let options = TenantOptions {
        people: People::Rich,
        ..TenantOptions::default()
    };
    let world = World::new(options).await;

    let page = world.send("users", &[("limit", "100")]).await;
    let text = page.text().await.unwrap();

    let page: Value = serde_json::from_str(&text).unwrap();
    let users = page["data"].as_array().unwrap();
    // The client that asks is a user as well, but not a person.
    let people = users.iter().filter(|user| user["picture"].is_string());
    assert_eq!(people.clone().count(), 99);
    for user in people {
        assert_eq!(user["assignedRoles"].as_array().unwrap().len(), 3);
        let groups = user["assignedGroups"].as_array().unwrap();
        assert_eq!(groups.len(), 4);
        assert!(
            groups
                .iter()
                .all(|group| group["assignedRoles"][0]["id"].is_string())
        );
    }
    assert!((160_000..180_000).contains(&text.len()), "{}", text.len());
}
