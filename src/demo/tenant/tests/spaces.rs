//! Spaces: their listings and filters, what the listings leave out, and their events in the log.

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

/// Says whether a filter must keep a space.
type Wanted<'w> = &'w dyn Fn(&Space) -> bool;

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
async fn only_roles_that_are_assignable_there_are_assigned() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    for (sort, role, is_assignable) in [
        (SpaceSort::Shared, "codeveloper", true),
        (SpaceSort::Shared, "publisher", false),
        (SpaceSort::Managed, "contributor", true),
        (SpaceSort::Managed, "producer", false),
        (SpaceSort::Data, "datapreview", true),
        (SpaceSort::Data, "basicconsumer", false),
        (SpaceSort::Data, "Consumer", false),
    ] {
        let new = NewSpace {
            sort,
            ..owned_by(&world)
        };
        let space = directory.create_space(new);
        let user = Assignee::User(directory.users()[4].id.clone());
        let refused = Err(EditError::NotAssignable(role.to_owned()));

        let assigned = directory.assign(&space, user, &["consumer", role]);

        match is_assignable {
            true => assert!(assigned.is_ok(), "{role}: {assigned:?}"),
            false => assert_eq!(assigned, refused),
        }
    }
}

#[tokio::test]
async fn a_share_gives_only_roles_of_shares() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let space = world.a_space();
    for (role, is_given) in [
        ("consumer", true),
        ("contributor", true),
        ("basicconsumer", true),
        ("producer", false),
        ("dataconsumer", false),
    ] {
        let given = directory.share(&space.id, "app-1", Assignee::Link, &[role]);

        match is_given {
            true => assert!(given.is_ok(), "{role}"),
            false => assert_eq!(given, Err(EditError::NotAssignable(role.to_owned()))),
        }
    }
}

#[tokio::test]
async fn items_are_found_by_the_id_of_their_resource() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let space = world.a_space().id;
    let owner = directory.users()[3].id.clone();
    let there = Some(space.clone());
    directory.create_app("app-1", owner.clone(), there).unwrap();
    directory.create_app("app-2", owner.clone(), None).unwrap();
    let find = |id| [("resourceType", "app"), ("resourceId", id)];

    let (_, found) = world.get("items", &find("app-1")).await;
    let (_, personal) = world.get("items", &find("app-2")).await;
    let (_, none) = world.get("items", &find("APP-1")).await;

    let item = &found["data"][0];
    assert_eq!(
        (&item["resourceId"], &item["resourceType"]),
        (&json!("app-1"), &json!("app"))
    );
    assert_eq!(item["spaceId"], space.to_string());
    assert!(item["actions"].is_array() && found.get("meta").is_none());
    assert_eq!(personal["data"][0]["ownerId"], owner.to_string());
    assert_eq!(personal["data"][0].get("spaceId"), None);
    assert_eq!(none["data"], json!([]));
    let of_space = world.list("items", &[("spaceId", "personal")]).await;
    assert_eq!(texts(&of_space, "resourceId"), ["app-2"]);
    for wrong in [
        ("resourceId", "app-1"),
        ("limit", "101"),
        ("limit", "0"),
        ("sort", "name"),
        ("app", "app-1"),
    ] {
        let (status, _) = world.get("items", &[wrong]).await;
        assert_eq!(status, 400, "{wrong:?}");
    }
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

#[tokio::test]
async fn spaces_take_the_documented_filters_and_refuse_others() {
    let world = World::new(TenantOptions {
        spaces: 25,
        ..TenantOptions::default()
    })
    .await;
    let directory = world.tenant.directory();
    let spaces = directory.spaces();
    let managed = spaces.iter().find(|it| it.sort == SpaceSort::Managed);
    let managed = managed.unwrap().id.clone();
    let bot = world.tenant.credential_users().pop().unwrap();
    directory
        .assign(&managed, Assignee::Bot(bot), &["publisher"])
        .unwrap();
    let owner = spaces[4].owner.clone().unwrap();
    let asked = owner.to_string();
    let cases: [(&str, &str, Wanted<'_>); 8] = [
        ("type", "managed,data", &|it| it.sort != SpaceSort::Shared),
        ("name", "AR", &|it| it.name.to_lowercase().contains("ar")),
        ("ownerId", &asked, &|it| it.owner.as_ref() == Some(&owner)),
        ("roles", "operator,publisher", &|it| it.id == managed),
        ("action", "publish", &|it| it.id == managed),
        ("environmentId", "", &|_| true),
        ("environmentId", "67f4fba37f7cbb2f04ce727a", &|_| false),
        ("environment.name", "Test", &|_| false),
    ];

    for (name, value, is_wanted) in cases {
        let listed = world.list("spaces", &[(name, value)]).await;
        let (_, page) = world.get("spaces", &[(name, value)]).await;

        let wanted = spaces.iter().filter(|it| is_wanted(it));
        let wanted: BTreeSet<_> = wanted.map(|it| it.id.to_string()).collect();
        assert_eq!(ids(&listed), wanted, "{name}={value}");
        assert_eq!(page["meta"]["count"], wanted.len(), "{name}={value}");
    }
    for query in [
        ("type", "personal"),
        ("action", "read"),
        ("roles", "publisher,owner"),
        ("filter", "name eq \"Berlin\""),
    ] {
        let (status, body) = world.get("spaces", &[query]).await;
        assert_eq!(status, 400, "{query:?}");
        let title = body["errors"][0]["title"].as_str().unwrap();
        assert!(title.contains(query.0), "{title}");
    }
}

#[tokio::test]
async fn assignments_and_shares_take_filters_of_their_own() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let space = directory.create_space(owned_by(&world));
    let users = directory.users();
    let (user, other) = (users[4].id.clone(), users[5].id.clone());
    let group = directory.groups()[0].id.clone();
    for assignee in [
        Assignee::User(user.clone()),
        Assignee::Bot(other.clone()),
        Assignee::Group(group.clone()),
    ] {
        let roles = ["consumer"];
        directory.assign(&space, assignee.clone(), &roles).unwrap();
        directory.share(&space, "app-1", assignee, &roles).unwrap();
    }
    let link = ["consumer"];
    directory
        .share(&space, "app-2", Assignee::Link, &link)
        .unwrap();
    let [user, other, group] = [user.0, other.0, group.0].map(|id| id.to_string());
    let (user, other, group) = (user.as_str(), other.as_str(), group.as_str());

    for (list, name, value, found) in [
        ("assignments", "assigneeId", other, &[other][..]),
        ("assignments", "type", "bot", &[other]),
        ("assignments", "type", "group", &[group]),
        ("shares", "userId", user, &[user]),
        ("shares", "groupId", group, &[group]),
        ("shares", "groupId", user, &[]),
        ("shares", "type", "link", &[""]),
        ("shares", "resourceId", "app-2", &[""]),
        ("shares", "resourceType", "app", &[user, other, group, ""]),
        ("shares", "name", "another app", &[]),
    ] {
        let path = format!("spaces/{space}/{list}");
        let listed = world.list(&path, &[(name, value)]).await;
        assert_eq!(texts(&listed, "assigneeId"), found, "{name}={value}");
    }
    for (list, name, value) in [
        ("assignments", "type", "link"),
        ("assignments", "sort", "+createdAt"),
        ("shares", "type", "bot"),
        ("shares", "assigneeId", user),
    ] {
        let path = format!("spaces/{space}/{list}");
        let (status, _) = world.get(&path, &[(name, value)]).await;
        assert_eq!(status, 400, "{list}?{name}={value}");
    }
}

#[tokio::test]
async fn prev_leads_back_to_the_page_before_in_either_order() {
    let world = World::new(TenantOptions {
        spaces: 25,
        ..TenantOptions::default()
    })
    .await;
    for sort in ["+createdAt", "-name"] {
        let to = async |link: &str, cursor: &str| {
            let query = [("sort", sort), ("limit", "9"), (link, cursor)];
            world.get("spaces", &query).await.1
        };
        let cursor = |page: &Value, link: &str| parameter(page, link, link);
        let (_, first) = world.get("spaces", &[("sort", sort), ("limit", "9")]).await;
        let second = to("next", &cursor(&first, "next").unwrap()).await;
        let third = to("next", &cursor(&second, "next").unwrap()).await;
        assert_eq!(third["data"].as_array().unwrap().len(), 7);
        assert_eq!(cursor(&third, "next"), None);

        let back = to("prev", &cursor(&third, "prev").unwrap()).await;
        assert_eq!(back["data"], second["data"], "{sort}");
        assert_eq!(cursor(&back, "next"), cursor(&second, "next"));
        let back = to("prev", &cursor(&back, "prev").unwrap()).await;
        assert_eq!(back["data"], first["data"], "{sort}");
        assert_eq!(cursor(&back, "prev"), None);
    }
    let both = [("next", "YQ"), ("prev", "YQ")];
    assert_eq!(world.get("spaces", &both).await.0, 400);
}

#[tokio::test]
async fn whoever_acts_is_named_as_the_creator() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let users = directory.users();
    let [owner, anna, bert] = [0, 7, 8].map(|n| users[n].id.clone());
    let act = |who: &UserId| directory.audit().act_as(Some(who.clone()));
    let seeded = world.list("spaces", &[]).await;
    let creators: BTreeSet<_> = texts(&seeded, "createdBy").into_iter().collect();
    assert_eq!(creators.len(), 3, "{creators:?}");
    assert!(creators.contains(&owner.to_string()));
    act(&anna);
    let space = directory.create_space(owned_by(&world));
    let assignee = Assignee::User(users[9].id.clone());
    directory
        .assign(&space, assignee.clone(), &["consumer"])
        .unwrap();
    let share = directory.share(&space, "app-1", Assignee::Link, &["consumer"]);
    let later = world.clock.now().plus(Duration::from_secs(60));
    world.clock.set(later);
    act(&bert);
    directory.assign(&space, assignee, &["producer"]).unwrap();
    directory.disable_share(&space, &share.unwrap()).unwrap();

    let (_, shown) = world.get(&format!("spaces/{space}"), &[]).await;
    assert_eq!(shown["createdBy"], anna.to_string());
    for list in ["assignments", "shares"] {
        let rows = world.list(&format!("spaces/{space}/{list}"), &[]).await;
        assert_eq!(rows[0]["createdBy"], anna.to_string(), "{list}");
        assert_eq!(rows[0]["updatedBy"], bert.to_string(), "{list}");
        assert_eq!(rows[0]["updatedAt"], later.to_string(), "{list}");
        assert_ne!(rows[0]["createdAt"], later.to_string(), "{list}");
    }
}

#[tokio::test]
async fn totals_of_spaces_drift_and_one_space_is_too_large() {
    let world = World::new(TenantOptions {
        spaces: 25,
        ..TenantOptions::default()
    })
    .await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Spaces, Fault::DriftingTotal, When::Always);
    let (_, first) = world.get("spaces", &[]).await;
    let next = parameter(&first, "next", "next").unwrap();
    let (_, second) = world.get("spaces", &[("next", &next)]).await;
    let count = |page: &Value| page["meta"]["count"].as_u64().unwrap();
    assert!(count(&first) > 25 && count(&second) > count(&first));
    faults.clear();

    for endpoint in [Endpoint::Spaces, Endpoint::Space] {
        faults.on(endpoint, Fault::OneTooLarge, When::Always);
    }
    let spaces = world.tenant.directory().spaces();
    let length = async |path: String, limit: &[(&str, &str)]| {
        world.send(&path, limit).await.content_length().unwrap()
    };
    let of = |n: usize| format!("spaces/{}", spaces[n].id);
    assert!(length(of(1), &[]).await < 10_000);
    assert!(length(of(2), &[]).await > 1_000_000);
    let two = [("limit", "2")];
    assert!(length("spaces".to_owned(), &two).await < 10_000);
    assert!(length("spaces".to_owned(), &[("limit", "3")]).await > 1_000_000);
}
