//! Alerts: messages for people, each told once, whatever happens in between.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use qlik_roster::demo::tenant::{Edit, Endpoint, Fault, NewUser, When};
use qlik_roster::lock::lock;
use serde_json::Value;

use crate::support::{World, within};

/// A service that takes messages, whoever posts them.
#[derive(Clone, Default)]
struct Chat(Arc<Mutex<Vec<(HeaderMap, Value)>>>);

impl Chat {
    async fn start() -> (Self, SocketAddr) {
        let chat = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new()
            .route("/services/{*secret}", post(take))
            .with_state(chat.clone());
        tokio::task::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (chat, address)
    }

    /// Returns the title of each message.
    fn titles(&self) -> Vec<String> {
        let taken = lock(&self.0);
        let titles = taken.iter().map(|(_, body)| {
            let text = body["text"].as_str().unwrap();
            text.lines().next().unwrap().to_owned()
        });
        titles.collect()
    }

    async fn has(&self, n_messages: usize) {
        within("the messages come", || async {
            lock(&self.0).len() >= n_messages
        })
        .await;
    }
}

async fn take(State(chat): State<Chat>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap();
    lock(&chat.0).push((headers, body));
    StatusCode::OK
}

const PATH: &str = "/services/T0AAAA11/B0BBBB22/cccc33DDDD";

/// A world with an alert for a chat service.
async fn world(more: &str) -> (World, Chat) {
    let world = World::new().await;
    let (chat, address) = Chat::start().await;
    world.write("address", &format!("http://{address}{PATH}"));
    let alert = format!(
        "[[alerts]]\nname = \"on-call\"\nurl_file = \"address\"\nallow_private = [\"127.0.0.0/8\"]\n\
         allow_http = true\nmax_per_second = 1000\nformat = \"slack\"\n{more}\n"
    );
    world.write_config(&(world.standard_config() + &alert));
    (world, chat)
}

#[tokio::test]
async fn a_failing_tenant_is_told_once_and_so_is_its_end() {
    let (world, chat) = world("").await;
    world.one_run().await;

    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::Forbidden, When::Always);
    for _ in 0..2 {
        // Each start reads the tenant, and fails.
        let running = world.start().await;
        running.sync().await;
        running.settled().await;
        running.stop().await;
    }
    chat.has(1).await;
    faults.clear();
    let running = world.start().await;
    chat.has(2).await;
    running.sync().await;
    running.settled().await;
    running.stop().await;

    let name = "Acme Analytics";
    assert_eq!(
        chat.titles(),
        [
            format!("{name} can no longer be read"),
            format!("{name} is read again")
        ]
    );
    let taken = lock(&chat.0);
    let text = taken[0].1["text"].as_str().unwrap();
    assert!(text.contains("qlik-roster runs show run-"), "{text}");
    assert!(text.contains("[qlik.forbidden]"), "{text}");
    assert!(!taken[0].0.contains_key("webhook-signature"));
}

#[tokio::test]
async fn a_new_administrator_and_held_removals_are_told_with_the_next_step() {
    let (world, chat) = world("").await;
    world.one_run().await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    let admin = directory
        .roles()
        .into_iter()
        .find(|role| role.name == "TenantAdmin")
        .unwrap();
    let new = NewUser::named("Eve <!channel> @everyone");
    let eve = directory.create_user(new).unwrap();
    directory
        .update_user(&eve, Edit::AssignRole(admin.id.clone()))
        .unwrap();
    running.sync().await;
    chat.has(1).await;
    directory
        .update_user(&eve, Edit::UnassignRole(admin.id.clone()))
        .unwrap();
    running.sync().await;
    chat.has(2).await;
    let users = directory.users();
    for user in users.iter().take(users.len() / 3) {
        directory.delete_user(&user.id).unwrap();
    }
    running.sync().await;
    chat.has(3).await;
    running.settled().await;
    running.stop().await;

    let titles = chat.titles();
    let who = "Eve &lt;!channel&gt; @\u{200b}everyone";
    assert_eq!(titles.len(), 3, "{titles:?}");
    assert!(
        titles[0].starts_with(who) && titles[0].contains(" holds TenantAdmin in "),
        "{titles:?}"
    );
    assert!(
        titles[1].contains(" no longer holds TenantAdmin in "),
        "{titles:?}"
    );
    assert!(titles[2].starts_with("Removals in "), "{titles:?}");
    let text = lock(&chat.0)[2].1["text"].as_str().unwrap().to_owned();
    let command = text.split("qlik-roster ").nth(1).unwrap();
    // The command can be copied.
    let args: Vec<&str> = command.split_whitespace().collect();
    let (exit, out, said) = world.command(&args).await;
    assert_eq!(exit, 0, "{command}: {out} {said}");
}

#[tokio::test]
async fn the_address_stays_secret_and_a_test_message_can_be_sent() {
    let (world, chat) = world("omit = [\"user.name\"]").await;
    let (exit, out, said) = world.command(&["endpoints", "test", "on-call"]).await;
    assert_eq!(exit, 0, "{said}");
    assert_eq!(chat.titles(), ["Test message of qlik-roster to on-call"]);
    let mut all = out + &said;
    world.one_run().await;
    for args in [
        &["status", "--output", "json"][..],
        &["check", "--wide"],
        &["endpoints", "list", "--output", "json"],
        &["endpoints", "rotate-secret", "on-call"],
        &["endpoints", "backfill", "on-call"],
    ] {
        let (_, out, said) = world.command(args).await;
        all += &(out + &said);
    }
    assert!(
        all.contains("on-call") && all.contains("alerts are not signed"),
        "{all}"
    );
    for piece in ["services", "T0AAAA11", "cccc33"] {
        assert!(!all.contains(piece), "{all}");
    }
}
