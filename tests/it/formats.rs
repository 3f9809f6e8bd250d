//! The daemon sends the events that the configuration chooses, with the fields that it allows, in
//! its format.

use qlik_roster::demo::tenant::{Edit, NewUser};
use serde_json::Value;

use crate::support::World;

/// The standard world with more keys for its endpoint.
async fn world_with(keys: &str) -> World {
    let world = World::new().await;
    world.write("hash-key", "0123456789abcdef0123456789abcdef");
    let config = world.standard_config();
    let with = config.replace("events = [", &format!("{keys}\nevents = ["));
    assert_ne!(with, config);
    world.write_config(&with);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_hears_of_its_tenant_and_its_roles_alone() {
    for (tenants, expected) in [
        (
            "[\"acme\"]",
            &["user.created", "user.updated", "user.updated"][..],
        ),
        ("[\"globex\"]", &[]),
    ] {
        let keys = format!("tenants = {tenants}\nroles = [\"TenantAdmin\"]");
        let world = world_with(&keys).await;
        let running = world.start().await;
        let tenant = world.tenant.directory();
        let admin = tenant.role_named("TenantAdmin").unwrap();

        tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
        let mut new = NewUser::named("Ada Admin");
        new.roles = [admin.clone()].into();
        let user = tenant.create_user(new).unwrap();
        running.sync().await;
        tenant
            .update_user(&user, Edit::Name("Ada A.".into()))
            .unwrap();
        running.sync().await;
        let edit = Edit::UnassignRole(admin.clone());
        tenant.update_user(&user, edit).unwrap();
        running.sync().await;
        tenant
            .update_user(&user, Edit::Name("Ada B.".into()))
            .unwrap();
        running.sync().await;
        running.settled().await;

        let deliveries = world.receiver.deliveries();
        let types: Vec<_> = deliveries
            .iter()
            .filter_map(|delivery| delivery.event_type.as_deref())
            .collect();
        assert_eq!(types, expected, "{tenants}");
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_is_in_no_delivery() {
    let world = world_with(
        "format = \"cloudevents\"\nomit = [\"primary_email_address\", \"username\"]\nhash = [\"user.name\"]\nhash_key_file = \"hash-key\"",
    )
    .await;
    let running = world.start().await;
    let tenant = world.tenant.directory();

    let user = tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
    running.sync().await;
    let seen = tenant.user(&user).unwrap();
    let edit = Edit::Email(Some("nia@elsewhere.example.com".into()));
    tenant.update_user(&user, edit).unwrap();
    running.sync().await;
    tenant
        .update_user(&user, Edit::Name("Nia O.".into()))
        .unwrap();
    running.sync().await;
    running.settled().await;

    let deliveries = world.receiver.deliveries();
    let types: Vec<_> = deliveries
        .iter()
        .filter_map(|delivery| delivery.event_type.as_deref())
        .collect();
    assert_eq!(types, ["user.created", "user.updated"]);
    for delivery in &deliveries {
        assert!(delivery.verified);
        let text = std::str::from_utf8(&delivery.raw).unwrap();
        for hidden in ["Nia Okafor", "Nia O.", "@elsewhere", seen.subject.as_str()] {
            assert!(!text.contains(hidden), "{hidden} shows in {text}");
        }
        let record = &delivery.body["data"]["record"];
        assert_eq!(record.get("primary_email_address"), None);
        let name = record["name"].as_str().unwrap();
        assert!(name.starts_with("hmac-sha256:"), "{name}");
        assert_ne!(record["status"], Value::Null);
    }
    running.stop().await;
}
