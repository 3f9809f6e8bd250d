//! The console over real HTTP.

use serde_json::Value;

use super::*;
use crate::demo::ask::client;
use crate::demo::tenant::TenantOptions;

struct World {
    console: EmulatedConsole,
    tenants: Vec<EmulatedTenant>,
    http: reqwest::Client,
    token: String,
}

impl World {
    async fn new(options: ConsoleOptions) -> Self {
        let clock = Clock::system();
        let console = EmulatedConsole::start(options, clock.clone())
            .await
            .unwrap();
        let mut tenants = Vec::new();
        for (seed, region) in [(1, "eu-west-1"), (2, "us-east-1"), (3, "eu-west-1")] {
            let options = TenantOptions {
                users: 1,
                seed,
                region: region.into(),
                ..TenantOptions::default()
            };
            let tenant = EmulatedTenant::start(options, clock.clone()).await.unwrap();
            console.add(&tenant);
            tenants.push(tenant);
        }
        let http = client();
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": console.client_id(),
            "client_secret": console.client_secret().expose(),
        });
        let url = format!("{}/oauth/token", console.url());
        let answer = http.post(url).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self {
            console,
            tenants,
            http,
            token,
        }
    }

    async fn list(&self, query: &[(&str, &str)]) -> (u16, Value) {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        let url = format!("{}/api/core/tenants?{query}", self.console.url());
        let request = self.http.get(url).bearer_auth(&self.token);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[tokio::test]
async fn the_organizations_client_lists_and_reads_no_tenant() {
    let world = World::new(ConsoleOptions {
        required: Required::No,
        ..ConsoleOptions::default()
    })
    .await;

    let (status, page) = world.list(&[("totalResults", "true")]).await;

    assert_eq!((status, &page["totalResults"]), (200, &json!(3)));
    let url = world.tenants[0].url();
    assert_eq!(page["data"][0]["hostnames"][0], url);
    let users = format!("{url}/api/v1/users");
    let answer = world.http.get(users).bearer_auth(&world.token).send().await;
    assert_eq!(answer.unwrap().status().as_u16(), 401);
    let answer = world
        .http
        .get(format!("{}/api/core/tenants", world.console.url()))
        .send()
        .await;
    assert_eq!(answer.unwrap().status().as_u16(), 401);
}

#[tokio::test]
async fn filters_are_those_of_the_reference() {
    let world = World::new(ConsoleOptions::default()).await;
    let (one, two) = (world.tenants[0].tenant_id(), world.tenants[1].tenant_id());
    world.console.set_status(&one, "deactivated");
    let mine = r#"subscriptionId eq "5ubscr1pt10n""#;
    for (filter, expected) in [
        (mine.to_owned(), Ok(3)),
        (format!(r#"{mine} and status eq "active""#), Ok(2)),
        (format!(r#"{mine} and status ne "active""#), Ok(1)),
        (
            format!(r#"{mine} and (regionCode eq "us-east-1" or regionCode eq "x")"#),
            Ok(1),
        ),
        (format!(r#"{mine} and not (id eq "{}")"#, two.0), Ok(2)),
        (r#"status eq "active""#.to_owned(), Err(400)),
        (r#"subscriptionId eq "other""#.to_owned(), Err(403)),
        (format!(r#"{mine} and name co "a""#), Err(400)),
        (format!(r#"{mine} and plan eq "a""#), Err(400)),
        (format!("{mine} and (status eq \"active\""), Err(400)),
    ] {
        let (status, page) = world.list(&[("filter", &filter)]).await;

        let seen = page["data"].as_array().map(Vec::len).ok_or(status);
        assert_eq!(seen, expected, "{filter}");
    }
    assert_eq!(world.list(&[]).await.0, 400);
    assert_eq!(world.list(&[("limit", "101")]).await.0, 400);
    assert_eq!(world.list(&[("sort", "id")]).await.0, 400);
}

#[tokio::test]
async fn cursors_go_by_two_names() {
    let world = World::new(ConsoleOptions {
        required: Required::No,
        page: 1,
        ..ConsoleOptions::default()
    })
    .await;
    let (mut query, mut names, mut n) = (Vec::new(), Vec::new(), 0);
    loop {
        let asked: Vec<(&str, &str)> = query
            .iter()
            .map(|(name, value): &(String, String)| (name.as_str(), value.as_str()))
            .collect();
        let (status, page) = world.list(&asked).await;
        assert_eq!(status, 200);
        n += page["data"].as_array().unwrap().len();
        let Some(href) = page["links"]["next"]["href"].as_str() else {
            break;
        };
        let url = url::Url::parse(href).unwrap();
        let (name, cursor) = url.query_pairs().last().unwrap();
        names.push(name.to_string());
        let other = if name == "next" { "offset" } else { "next" };
        assert_eq!(world.list(&[(other, &cursor)]).await.0, 400);
        query = vec![(name.to_string(), cursor.to_string())];
    }

    assert_eq!(
        (n, names),
        (3, vec!["offset".to_owned(), "next".to_owned()])
    );
}
