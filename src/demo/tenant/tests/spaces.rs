//! Spaces: their listings, what the listings leave out, and events of spaces in the log.

use super::*;

impl World {
    fn a_space(&self) -> Space {
        self.tenant.directory().spaces()[0].clone()
    }

    async fn statuses(&self, space: &Space) -> [u16; 3] {
        let mut statuses = [0; 3];
        let paths = ["", "/assignments", "/shares"];
        for (status, path) in statuses.iter_mut().zip(paths) {
            let path = format!("spaces/{}{path}", space.id);
            *status = self.send(&path, &[]).await.status().as_u16();
        }
        statuses
    }
}

fn owned_by(world: &World) -> NewSpace {
    NewSpace {
        name: "Sales".into(),
        sort: SpaceSort::Shared,
        owner: world.tenant.directory().users()[3].id.clone(),
    }
}

#[tokio::test]
async fn a_page_has_ten_spaces_unless_more_are_asked_for() {
    let world = World::new(TenantOptions {
        spaces: 25,
        ..TenantOptions::default()
    })
    .await;

    let (_, first) = world.get("spaces", &[]).await;
    let some = world.list("spaces", &[("sort", "+createdAt")]).await;
    let (_, page) = world.get("spaces", &[("limit", "100")]).await;

    assert_eq!(first["data"].as_array().unwrap().len(), 10);
    assert_eq!(first["meta"]["count"], 25);
    assert_eq!(ids(&some).len(), 25);
    assert_eq!(page["data"].as_array().unwrap().len(), 25);
    assert_eq!(page["links"].get("next"), None);
    assert!(texts(&some, "createdAt").is_sorted());
    for (query, parameter) in [
        (("limit", "101"), "limit"),
        (("sort", "createdAt"), "sort"),
        (("next", "!"), "next"),
    ] {
        let (status, body) = world.get("spaces", &[query]).await;
        assert_eq!(status, 400);
        let title = body["errors"][0]["title"].as_str().unwrap();
        assert!(title.contains(parameter), "{title}");
    }
}

#[tokio::test]
async fn the_owner_has_no_assignment() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let id = directory.create_space(owned_by(&world));
    let users = directory.users();
    let (owner, other) = (&users[3].id, &users[4].id);
    let to = |user: &UserId| Assignee::User(user.clone());
    assert_eq!(
        directory.assign(&id, to(owner), &["consumer"]),
        Err(EditError::IsOwner)
    );
    directory.assign(&id, to(other), &["consumer"]).unwrap();
    directory
        .assign(&id, Assignee::Group(Directory::everyone()), &["consumer"])
        .unwrap();
    // An assignee who already has an assignment gets no second assignment.
    directory.assign(&id, to(other), &["producer"]).unwrap();
    let path = format!("spaces/{id}/assignments");

    let assigned = world.list(&path, &[]).await;

    assert_eq!(
        texts(&assigned, "assigneeId"),
        [other.to_string(), Directory::everyone().to_string()]
    );
    assert_eq!(assigned[0]["roles"], json!(["producer"]));
    let (_, space) = world.get(&format!("spaces/{id}"), &[]).await;
    assert_eq!(space["ownerId"], owner.to_string());
    assert!(
        space["meta"]["assignableRoles"]
            .as_array()
            .unwrap()
            .contains(&json!("codeveloper"))
    );
    directory
        .update_space(&id, SpaceEdit::Owner(other.clone()))
        .unwrap();
    let assigned = world.list(&path, &[]).await;
    assert_eq!(
        texts(&assigned, "assigneeId"),
        [Directory::everyone().to_string()]
    );
}

#[tokio::test]
async fn a_share_may_be_for_whoever_has_the_link_and_may_be_switched_off() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let space = world.a_space();
    let link = directory
        .share(&space.id, "app-1", Assignee::Link, &["basicconsumer"])
        .unwrap();
    let user = directory.users()[9].id.clone();
    let other = directory
        .share(
            &space.id,
            "app-2",
            Assignee::User(user.clone()),
            &["consumer"],
        )
        .unwrap();
    directory.disable_share(&space.id, &other).unwrap();
    let path = format!("spaces/{}/shares", space.id);

    let shares = world.list(&path, &[]).await;

    assert_eq!(texts(&shares, "type"), ["link", "user"]);
    assert_eq!(
        texts(&shares, "assigneeId"),
        [String::new(), user.to_string()]
    );
    assert_eq!(texts(&shares, "resourceId"), ["app-1", "app-2"]);
    assert_eq!(shares[1]["disabled"], true);
    directory.unshare(&space.id, &link).unwrap();
    assert_eq!(world.list(&path, &[]).await.len(), 1);
}

#[tokio::test]
async fn what_is_hidden_of_a_space_is_refused() {
    let mut world = World::small().await;
    let directory = world.tenant.directory();
    let space = world.a_space();
    let hide = |part, status| {
        let edit = SpaceEdit::Hide(part, status);
        directory.update_space(&space.id, edit).unwrap();
    };
    assert_eq!(world.statuses(&space).await, [200, 200, 200]);

    hide(SpacePart::Assignments, 403);
    hide(SpacePart::Shares, 404);
    assert_eq!(world.statuses(&space).await, [200, 403, 404]);

    let edit = SpaceEdit::Show(SpacePart::Shares);
    directory.update_space(&space.id, edit).unwrap();
    hide(SpacePart::Itself, 404);
    assert_eq!(world.statuses(&space).await, [404, 404, 404]);
    let listed = world.list("spaces", &[]).await;
    assert!(!ids(&listed).contains(&space.id.to_string()));

    let narrow = world.ask_token(json!({"scope": "admin.users:read"})).await;
    let narrow: Value = narrow.json().await.unwrap();
    world.token = narrow["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.send("spaces", &[]).await.status().as_u16(), 403);
}

#[tokio::test]
async fn the_log_has_events_of_spaces_in_types_without_a_generation() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let group = directory.groups()[0].id.clone();
    let id = directory.create_space(owned_by(&world));
    directory
        .assign(&id, Assignee::Group(group.clone()), &["consumer"])
        .unwrap();
    directory.delete_space(&id).unwrap();

    let query = [
        ("eventTime", "2026-01-01T00:00:00Z/2027-01-01T00:00:00Z"),
        ("source", "com.qlik/spaces"),
        ("sort", "+eventTime"),
    ];
    let events = world.list("audits", &query).await;

    assert_eq!(
        texts(&events, "eventType"),
        [
            "com.qlik.core.space.created",
            "com.qlik.space.created",
            "com.qlik.core.space.assignment.created",
            "com.qlik.space.assignment.created",
            "com.qlik.core.space.assignment.deleted",
            "com.qlik.space.assignment.deleted",
            "com.qlik.core.space.deleted",
            "com.qlik.space.deleted",
        ]
    );
    let gone = &events[4]["data"];
    assert_eq!(gone["spaceId"], id.to_string());
    assert_eq!(gone["spaceDelete"], true);
    assert_eq!(gone.get("roles"), None);
}

#[tokio::test]
async fn listings_of_spaces_can_be_spoiled() {
    let world = World::new(TenantOptions {
        spaces: 30,
        ..TenantOptions::default()
    })
    .await;
    let strike = |fault| {
        let faults = world.tenant.faults();
        faults.clear();
        faults.on(Endpoint::Spaces, fault, When::Always);
    };
    for (fault, n_listed, count) in [
        (Fault::HalfShown, 15, json!(15)),
        (Fault::EmptyCollection, 0, json!(0)),
        (Fault::InflatedTotal(7), 30, json!(37)),
        (Fault::NoTotal, 30, Value::Null),
    ] {
        strike(fault.clone());
        let listed = world.list("spaces", &[("limit", "20")]).await;
        let (_, page) = world.get("spaces", &[]).await;

        assert_eq!(listed.len(), n_listed, "{fault:?}");
        assert_eq!(page["meta"]["count"], count, "{fault:?}");
    }
    strike(Fault::RepeatedCursor);
    let (_, page) = world.get("spaces", &[]).await;
    let cursor = parameter(&page, "next", "next").unwrap();
    let (_, again) = world.get("spaces", &[("next", &cursor)]).await;
    assert_eq!(again["data"], page["data"]);
}
