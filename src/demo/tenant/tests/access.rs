//! Tokens, keys and limits.

use super::*;

#[tokio::test]
async fn a_token_is_given_for_json_form_and_basic() {
    let world = World::small().await;
    let url = format!("{}/oauth/token", world.tenant.url());
    let (id, secret) = (world.tenant.client_id(), world.tenant.client_secret());
    let grant = ("grant_type", "client_credentials");
    let form = [grant, ("client_id", id), ("client_secret", secret.expose())];
    let post = || world.http.post(&url);
    let posted = |form: &[(&str, &str)]| {
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        post().header("content-type", kind).body(encoded(form))
    };
    let basic = post().basic_auth(id, Some(secret.expose()));
    for (kind, request) in [
        ("form", posted(&form)),
        (
            "json and basic",
            basic.json(&json!({"grant_type": "client_credentials"})),
        ),
        (
            "form and basic",
            posted(&[grant]).basic_auth(id, Some(secret.expose())),
        ),
    ] {
        let answer: Value = request.send().await.unwrap().json().await.unwrap();

        assert_eq!(answer["token_type"], "bearer", "{kind}");
        assert_eq!(answer["expires_in"], 21_600, "{kind}");
        assert!(answer["scope"].as_str().unwrap().contains("admin_classic"));
    }
    let bots = world
        .tenant
        .directory()
        .users()
        .into_iter()
        .filter(|u| u.client_id.is_some());
    assert_eq!(bots.count(), 1);
    assert_eq!(world.tenant.requests().tokens_issued, 4);
}

#[tokio::test]
async fn a_token_is_refused_in_qliks_words() {
    let world = World::small().await;
    for (extra, status, code) in [
        (json!({"client_secret": "x"}), 401, "OAUTH-16"),
        (json!({"client_id": "x"}), 401, "OAUTH-14"),
        (json!({"grant_type": "password"}), 400, "OAUTH-2"),
        (json!({"scope": "admin.spaces"}), 400, "OAUTH-5"),
    ] {
        let answer = world.ask_token(extra.clone()).await;
        assert_eq!(answer.status().as_u16(), status, "{extra}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(errors(&body), (code, &json!(status.to_string())), "{extra}");
    }
    for (fault, status) in [
        (Fault::WrongSecret, 401),
        (Fault::M2mNotAllowed, 400),
        (Fault::ConsentNotTrusted, 403),
    ] {
        world
            .tenant
            .faults()
            .on(Endpoint::Token, fault, When::Next(1));
        assert_eq!(world.ask_token(json!({})).await.status().as_u16(), status);
    }
    let old = world.tenant.client_secret();
    world.tenant.rotate_secret();
    let answer = world
        .ask_token(json!({"client_secret": old.expose()}))
        .await;
    assert_eq!(answer.status().as_u16(), 401);
    assert_eq!(world.ask_token(json!({})).await.status().as_u16(), 200);
}

#[tokio::test]
async fn an_expiry_may_be_left_out() {
    let world = World::new(TenantOptions {
        expiry_shown: ExpiryShown::No,
        ..TenantOptions::default()
    })
    .await;

    let answer: Value = world.ask_token(json!({})).await.json().await.unwrap();

    assert_eq!(
        (answer.get("expires_in"), answer.get("expires_at")),
        (None, None)
    );
}

#[tokio::test]
async fn tokens_end_by_the_clock_by_use_and_by_revocation() {
    let mut world = World::new(TenantOptions {
        requests_per_token: Some(2),
        ..TenantOptions::default()
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(world.send("roles", &[]).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 401]);

    world.token = world.new_token().await;
    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(21_600)));
    let (status, body) = world.get("roles", &[]).await;
    assert_eq!((status, errors(&body).1), (401, &json!("401")));

    world.token = world.new_token().await;
    assert_eq!(world.send("roles", &[]).await.status().as_u16(), 200);
    world.tenant.revoke_tokens();
    assert_eq!(world.send("roles", &[]).await.status().as_u16(), 401);
}

#[tokio::test]
async fn a_request_without_a_token_or_with_a_made_up_one_is_refused() {
    let world = World::small().await;
    let url = format!("{}/api/v1/users", world.tenant.url());
    let bare = world.http.get(&url);
    for request in [
        bare.try_clone().unwrap(),
        bare.try_clone().unwrap().bearer_auth("made.up"),
        bare.basic_auth(world.tenant.client_id(), Some("x")),
    ] {
        assert_eq!(request.send().await.unwrap().status().as_u16(), 401);
    }
}

#[tokio::test]
async fn an_api_key_acts_as_its_owner_and_dies_with_them() {
    let mut world = World::small().await;
    let owner = world.tenant.credential_users().remove(0);
    world.token = world.tenant.api_key().expose().to_owned();

    let me = world.send("users/me", &[]).await;
    assert_eq!(me.headers()["location"], format!("/api/v1/users/{owner}"));
    world.tenant.directory().delete_user(&owner).unwrap();
    assert_eq!(world.send("users/me", &[]).await.status().as_u16(), 401);
}

#[tokio::test]
async fn without_access_roles_are_missing_rather_than_empty() {
    let mut world = World::small().await;
    let full = world.token.clone();
    let narrow: Value = world
        .ask_token(json!({"scope": "admin.users:read"}))
        .await
        .json()
        .await
        .unwrap();
    let narrow = narrow["access_token"].as_str().unwrap().to_owned();
    for (token, hidden) in [(full.clone(), Hidden::Yes), (narrow, Hidden::No)] {
        world.token = token;
        world.tenant.hide_access(hidden);
        for path in ["roles", "groups", "groups/settings"] {
            assert_eq!(world.send(path, &[]).await.status().as_u16(), 403, "{path}");
        }
        let users = world.list("users", &[]).await;
        assert!(users.iter().all(|user| user.get("assignedRoles").is_none()));
        assert!(
            users
                .iter()
                .all(|user| user.get("assignedGroups").is_some())
        );
    }
    world.token = full;
    assert_eq!(world.send("roles", &[]).await.status().as_u16(), 200);
}

#[tokio::test]
async fn a_tier_that_was_used_up_is_shut_as_a_whole() {
    let world = World::new(TenantOptions {
        rate_limits: RateLimits::Custom {
            tier_1: 3,
            tier_2: 100,
            window: Duration::from_secs(60),
        },
        ..TenantOptions::default()
    })
    .await;
    for path in ["users", "roles", "groups"] {
        assert_eq!(world.send(path, &[]).await.status().as_u16(), 200);
    }
    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(47)));

    let answer = world.send("tenants/me", &[]).await;

    assert_eq!(answer.status().as_u16(), 429);
    assert_eq!(answer.headers()["retry-after"], "13");
    let body: Value = answer.json().await.unwrap();
    let detail = "You need to wait 13 seconds until limit is lifted.";
    assert_eq!(body["errors"][0]["code"], "HTTP-429");
    assert_eq!(body["errors"][0]["detail"], detail);
    assert_eq!(world.ask_token(json!({})).await.status().as_u16(), 200);
    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(13)));
    assert_eq!(world.send("users", &[]).await.status().as_u16(), 200);
}
