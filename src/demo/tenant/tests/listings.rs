//! Listings: order, cursors, filters, links, and records that move while they are read.

use super::*;

#[tokio::test]
async fn every_sort_shows_everybody_once_and_in_order() {
    let world = World::new(TenantOptions {
        users: 230,
        legacy_ids: true,
        ..TenantOptions::default()
    })
    .await;
    let expected: BTreeSet<String> = world
        .tenant
        .directory()
        .users()
        .iter()
        .map(|user| user.id.to_string())
        .collect();
    assert_eq!(expected.len(), 231);

    for (sort, member) in [
        ("+id", "id"),
        ("-id", "id"),
        ("_id", "id"),
        ("+tenantId", "id"),
        ("+name", "name"),
        ("-name", "name"),
        ("+subject", "subject"),
        ("status", "status"),
        ("-createdAt", "createdAt"),
    ] {
        let query = [("limit", "100"), ("sort", sort), ("filter", EVERY_STATUS)];
        let all = world.list("users", &query).await;

        assert_eq!(all.len(), expected.len(), "{sort}");
        assert_eq!(ids(&all), expected, "{sort}");
        let mut seen = texts(&all, member);
        if sort.starts_with('-') {
            seen.reverse();
        }
        assert!(seen.is_sorted(), "{sort}");
    }
}

#[tokio::test]
async fn a_sort_by_nulls_ends_in_a_cursor_that_is_refused() {
    let world = World::small().await;
    let query = [("sort", "+clientId"), ("limit", "2")];
    let (status, page) = world.get("users", &query).await;
    assert_eq!(status, 200);
    let cursor = parameter(&page, "next", "next").unwrap();

    let (status, body) = world.get("users", &[query[0], ("next", &cursor)]).await;

    assert_eq!(status, 400, "{body}");
}

#[tokio::test]
async fn prev_leads_back_to_the_same_page() {
    let world = World::small().await;
    let base = [("sort", "+name"), ("limit", "10")];
    let (_, first) = world.get("users", &base).await;
    let next = parameter(&first, "next", "next").unwrap();
    let (_, second) = world
        .get("users", &[base[0], base[1], ("next", &next)])
        .await;
    let prev = parameter(&second, "prev", "prev").unwrap();

    let (_, back) = world
        .get("users", &[base[0], base[1], ("prev", &prev)])
        .await;

    assert_eq!(back["data"], first["data"]);
    assert_eq!(parameter(&back, "next", "next"), Some(next));
    assert_eq!(back["links"].get("prev"), None);
}

#[tokio::test]
async fn a_record_that_moves_between_pages_shows_twice_or_not_at_all() {
    let world = World::small().await;
    let base = [("sort", "+name"), ("limit", "20")];
    for (name, on_first, times) in [("zzz", true, 2), ("AAA", false, 0)] {
        let (_, first) = world.get("users", &base).await;
        let everybody = world.list("users", &base).await;
        let mover = if on_first {
            &everybody[0]
        } else {
            everybody.last().unwrap()
        };
        let id = UserId(mover["id"].as_str().unwrap().parse().unwrap());
        let mut seen = ids(first["data"].as_array().unwrap());
        let mut n_seen = usize::from(seen.contains(&id.to_string()));

        let edit = Edit::Name(name.into());
        world.tenant.directory().update_user(&id, edit).unwrap();
        let mut cursor = parameter(&first, "next", "next");
        while let Some(next) = cursor {
            let (_, page) = world
                .get("users", &[base[0], base[1], ("next", &next)])
                .await;
            let more = ids(page["data"].as_array().unwrap());
            n_seen += usize::from(more.contains(&id.to_string()));
            seen.extend(more);
            cursor = parameter(&page, "next", "next");
        }

        assert_eq!(n_seen, times, "{name}");
    }
}

#[tokio::test]
async fn a_listing_by_id_that_loses_a_record_shows_the_others_once() {
    let world = World::small().await;
    let base = [("sort", "+id"), ("limit", "20"), ("filter", EVERY_STATUS)];
    let (_, first) = world.get("users", &base).await;
    let last = first["data"].as_array().unwrap().last().unwrap();
    let last = UserId(last["id"].as_str().unwrap().parse().unwrap());
    let next = parameter(&first, "next", "next").unwrap();

    world.tenant.directory().delete_user(&last).unwrap();
    let query = [base[0], base[1], base[2], ("next", &next)];
    let (_, second) = world.get("users", &query).await;

    let users = world.tenant.directory().users();
    let expected = users.iter().filter(|user| user.id > last).take(20);
    let expected: BTreeSet<_> = expected.map(|user| user.id.to_string()).collect();
    assert_eq!(ids(second["data"].as_array().unwrap()), expected);
}

#[tokio::test]
async fn what_a_listing_refuses() {
    let world = World::small().await;
    for (path, query) in [
        ("users", vec![("limit", "101")]),
        ("users", vec![("limit", "0")]),
        ("users", vec![("sort", "lastUpdatedAt")]),
        ("users", vec![("sort", " id")]),
        ("users", vec![("next", "abc")]),
        ("users", vec![("next", "a"), ("prev", "b")]),
        ("users", vec![("filter", r#"lastUpdatedAt gt "2026""#)]),
        (
            "users",
            vec![("filter", r#"name eq "A""#), ("status", "active")],
        ),
        ("users", vec![("totalResults", "1")]),
        ("users/actions/count", vec![("filter", "name")]),
        ("roles", vec![("limit", "101")]),
        ("groups", vec![("systemGroups", "true"), ("limit", "20")]),
        ("groups", vec![("filter", r#"members eq "x""#)]),
    ] {
        let (status, body) = world.get(path, &query).await;

        assert_eq!(status, 400, "{path} {query:?} {body}");
        let expected = match path {
            "roles" => Value::Null,
            _ => json!(400),
        };
        assert_eq!(errors(&body).1, &expected, "{path}");
    }
}

#[tokio::test]
async fn filters_and_totals_agree_with_the_directory() {
    let world = World::new(TenantOptions {
        users: 400,
        ..TenantOptions::default()
    })
    .await;
    let users = world.tenant.directory().users();
    let active = |user: &&User| user.status == Status::Active;
    let one = users.iter().filter(active).nth(3).unwrap();
    let group = one.groups.keys().next().unwrap();
    let admin = world.tenant.directory().role_named("TenantAdmin").unwrap();
    let n_active = users.iter().filter(active).count();
    let in_group = users
        .iter()
        .filter(active)
        .filter(|u| u.groups.contains_key(group));
    let admins = users
        .iter()
        .filter(active)
        .filter(|u| u.roles.contains_key(&admin));
    let subject = serde_json::to_string(&one.subject).unwrap();

    for (filter, expected) in [
        (String::new(), n_active),
        (EVERY_STATUS.to_owned(), users.len()),
        (format!(r#"id eq "{}""#, one.id), 1),
        (format!("subject eq {subject}"), 1),
        (
            format!(r#"assignedGroups.id eq "{group}""#),
            in_group.count(),
        ),
        (
            r#"assignedRoles.name eq "TenantAdmin""#.to_owned(),
            admins.count(),
        ),
        (
            r#"(email co "@ACME.") and (status eq "active")"#.to_owned(),
            n_active - 1,
        ),
        (r#"status eq "deleted""#.to_owned(), 0),
        (format!(r#"clientId eq "{}""#, world.tenant.client_id()), 1),
    ] {
        let mut query = vec![("limit", "100"), ("sort", "+id"), ("totalResults", "true")];
        query.extend((!filter.is_empty()).then_some(("filter", filter.as_str())));

        let all = world.list("users", &query).await;
        let (_, page) = world.get("users", &query).await;
        query.retain(|(key, _)| *key == "filter");
        let (_, count) = world.get("users/actions/count", &query).await;

        assert_eq!(all.len(), expected, "{filter}");
        assert_eq!(page["totalResults"], expected, "{filter}");
        assert_eq!(count, json!({"total": expected}), "{filter}");
    }
}

#[tokio::test]
async fn next_links_lead_nowhere_when_followed_as_they_are() {
    let world = World::small().await;
    let (_, page) = world.get("users", &[]).await;

    let href = page["links"]["next"]["href"].as_str().unwrap();
    assert!(href.starts_with("http://identities.iam.svc.cluster.local:8080/v1/users?"));
    assert_eq!(page["data"].as_array().unwrap().len(), 20);
    assert_eq!(page.get("totalResults"), None);
}

#[tokio::test]
async fn old_links_have_starting_after() {
    let world = World::new(TenantOptions {
        legacy_cursors: true,
        ..TenantOptions::default()
    })
    .await;
    let base = [("sort", "+id"), ("filter", EVERY_STATUS)];
    let (_, first) = world.get("users", &base).await;
    let cursor = parameter(&first, "next", "startingAfter").unwrap();
    assert_eq!(parameter(&first, "next", "next"), None);

    for name in ["startingAfter", "next"] {
        let (status, page) = world
            .get("users", &[base[0], base[1], (name, &cursor)])
            .await;
        assert_eq!(status, 200);
        assert_ne!(page["data"], first["data"]);
    }
}
