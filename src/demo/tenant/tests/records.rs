//! Single records, and what is behind redirects.

use super::*;

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
    let assigned = &system["data"][0]["assignedRoles"];
    assert_eq!(assigned[0]["name"], "CollaborationPlatformUser");
    assert_eq!(
        settings["systemGroups"][everyone]["assignedRoles"],
        *assigned
    );
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
async fn the_role_that_every_user_has_is_listed_and_cannot_be_assigned() {
    let world = World::new(TenantOptions {
        user_default: UserDefault::Listed,
        ..TenantOptions::default()
    })
    .await;
    let roles = world.list("roles", &[]).await;
    let default = roles.iter().find(|role| role["name"] == "UserDefault");
    let default = default.unwrap();
    assert_eq!(
        (&default["type"], &default["level"]),
        (&json!("default"), &json!("user"))
    );
    assert!(!default["assignedScopes"].as_array().unwrap().is_empty());
    let directory = world.tenant.directory();
    let id = directory.role_named("UserDefault").unwrap();
    let user = directory.users().remove(0).id;

    let refused = directory.update_user(&user, Edit::AssignRole(id.clone()));
    assert_eq!(refused, Err(EditError::NoRole(id.clone())));
    let everyone = GroupEdit::AssignRole(id.clone());
    let refused = directory.update_group(&Directory::everyone(), everyone);
    assert_eq!(refused, Err(EditError::NoRole(id)));
    let users = world.list("users", &[]).await;
    assert!(!json!(users).to_string().contains("UserDefault"));
}

#[tokio::test]
async fn one_record_can_hide_its_roles() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let user = directory.users().remove(0).id;
    let group = directory.groups().remove(0).id;
    directory.hide_roles(&user.0, Hidden::Yes);
    directory.hide_roles(&group.0, Hidden::Yes);

    for (path, id) in [("users", user.to_string()), ("groups", group.to_string())] {
        let records = world.list(path, &[]).await;
        let hidden = records
            .iter()
            .filter(|it| it.get("assignedRoles").is_none());
        let hidden: Vec<_> = hidden.map(|it| it["id"].clone()).collect();
        assert_eq!(hidden, [json!(id)]);
    }
}

#[tokio::test]
async fn default_roles_have_permissions_and_other_roles_have_scopes() {
    let world = World::new(TenantOptions {
        user_default: UserDefault::Listed,
        ..TenantOptions::default()
    })
    .await;
    let roles = world.list("roles", &[]).await;
    let shape = |role: &Value| {
        let n_items = |list: &str| role.get(list).map(|list| list.as_array().unwrap().len());
        let may = |what: &str| role[what].as_bool().unwrap();
        (
            n_items("permissions"),
            n_items("assignedScopes"),
            may("canEdit"),
            may("canDelete"),
        )
    };

    for role in &roles {
        let expected = match (role["type"].as_str(), role["name"].as_str().unwrap()) {
            (Some("default"), "TenantAdmin") => (Some(110), None, false, false),
            (Some("default"), "AnalyticsAdmin") => (Some(15), None, false, false),
            (Some("default"), "UserDefault") => (None, Some(2), true, false),
            (Some("default"), _) => (Some(5), None, false, false),
            _ => (Some(0), Some(2), true, true),
        };
        assert_eq!(shape(role), expected, "{role}");
    }
}

#[tokio::test]
async fn administrators_change_only_the_scopes_of_one_default_role_and_qlik_changes_the_rest() {
    let world = World::new(TenantOptions {
        user_default: UserDefault::Listed,
        ..TenantOptions::default()
    })
    .await;
    let directory = world.tenant.directory();
    let [default, steward] =
        ["UserDefault", "Steward"].map(|name| directory.role_named(name).unwrap());
    let scopes = || RoleEdit::Scopes(["knowledgebase".to_owned()].into());
    let refused = |role: &RoleId| Err(EditError::QliksRole(role.clone()));
    let name = || RoleEdit::Name("Other".into());

    assert_eq!(directory.update_role(&default, name()), refused(&default));
    assert_eq!(directory.update_role(&steward, scopes()), refused(&steward));
    assert_eq!(directory.update_role(&default, scopes()), Ok(()));
    let before = directory.roles();
    let allowed = ["glossary:read".to_owned()].into();
    directory.release_role(&steward, allowed).unwrap();

    let shown = async |role: &RoleId| world.get(&format!("roles/{role}"), &[]).await.1;
    let of_default = shown(&default).await;
    assert_eq!(of_default["assignedScopes"], json!(["knowledgebase"]));
    let of_steward = shown(&steward).await;
    assert_eq!(of_steward["permissions"], json!(["glossary:read"]));
    let was = before.iter().find(|role| role.id == steward).unwrap();
    assert_eq!(of_steward["lastUpdatedAt"], was.updated_at.to_string());
    let query = [
        ("eventTime", "2026-01-01T00:00:00Z/2027-01-01T00:00:00Z"),
        ("source", "com.qlik/identities"),
        ("sort", "+eventTime"),
    ];
    let mut events = world.list("audits", &query).await;
    events.retain(|event| event["eventType"].as_str().unwrap().contains(".role."));
    assert_eq!(
        texts(&events, "eventType"),
        [
            "com.qlik.core.role.updated",
            "com.qlik.v1.role.updated",
            "com.qlik.core.role.synced",
            "com.qlik.v1.role.synced",
        ]
    );
    assert_eq!(
        events[0]["data"]["assignedScopes"],
        json!(["knowledgebase"])
    );
    let synced = events[2]["data"]["roles"].as_array().unwrap();
    assert_eq!(synced.len(), 17);
    assert!(synced.iter().all(|role| role.get("permissions").is_none()));
}

#[tokio::test]
async fn a_group_may_be_disabled_and_everyone_may_not() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let group = directory.groups().remove(0).id;
    let off = GroupEdit::Active(false);

    let refused = directory.update_group(&Directory::everyone(), off.clone());
    assert_eq!(refused, Err(EditError::AlwaysEnabled));
    directory.update_group(&group, off).unwrap();

    let (_, shown) = world.get(&format!("groups/{group}"), &[]).await;
    assert_eq!(shown["status"], "disabled");
}
