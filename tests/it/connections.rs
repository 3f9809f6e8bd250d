//! Every way to log in, and many tenants over few connections.

use qlik_roster::demo::tenant::{RateLimits, TenantOptions};
use qlik_roster::model::Outcome;
use serde_json::Value;

use crate::support::{World, assert_same_as_tenant};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}

/// A tenant whose client authenticates by this key alone.
async fn with_key(jwk: &str, pem: &str, key_id: &str) -> World {
    let world = World::with(TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        client_key: Some(jwk.to_owned()),
        ..TenantOptions::default()
    })
    .await;
    world.write("key.pem", pem);
    let secret = format!("client_secret_file = {:?}", world.path("client"));
    let key = format!(
        "private_key_file = {:?}\nkey_id = \"{key_id}\"",
        world.path("key.pem")
    );
    world.write_config(&world.standard_config().replace(&secret, &key));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_reads_a_tenant() {
    for (jwk, pem, key_id) in [
        (
            include_str!("../keys/ec.jwk.json"),
            include_str!("../keys/ec-sec1.pem"),
            "ec-1",
        ),
        (
            include_str!("../keys/rsa.jwk.json"),
            include_str!("../keys/rsa.pem"),
            "rsa-1",
        ),
    ] {
        let world = with_key(jwk, pem, key_id).await;

        let run = world.one_run().await;

        assert_eq!(run.outcome, Outcome::Succeeded);
        assert_same_as_tenant(&world.store(), world.tenant.directory());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_qlik_does_not_know_is_told_with_its_remedy() {
    let ec = include_str!("../keys/ec.pem");
    for (jwk, key_id) in [
        (include_str!("../keys/ec.jwk.json"), "ec-2"),
        (include_str!("../keys/rsa.jwk.json"), "rsa-1"),
    ] {
        let world = with_key(jwk, ec, key_id).await;

        let (code, out, err) = world.command(&["check", "--output", "json"]).await;

        assert_eq!(code, 4, "{err}");
        let line = &json(&out)[0];
        assert_eq!(line["step"], "token", "{out}");
        assert_eq!(line["error_code"], "qlik.wrong-key", "{out}");
        assert!(line["remedy"].as_str().unwrap().contains("key_id"), "{out}");
    }
}
