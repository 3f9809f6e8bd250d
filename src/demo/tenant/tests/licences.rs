//! The licence: pages with a cursor of their own, subjects in another letter case, and some that no
//! user has.

use super::*;

fn subjects(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().unwrap().iter();
    let subjects = rows.map(|row| row["subject"].as_str().unwrap().to_owned());
    subjects.collect()
}

/// Reads all pages by the links' cursors.
async fn all(world: &World, more: &[(&str, &str)]) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut query = more.to_vec();
        if let Some(cursor) = &cursor {
            query.push(("page", cursor));
        }
        let (status, page) = world.get("licenses/assignments", &query).await;
        assert_eq!(status, 200);
        found.extend(subjects(&page));
        let Some(href) = page["links"]["next"]["href"].as_str() else {
            return found;
        };
        assert!(href.starts_with("http://license/v1/licenses/assignments?"));
        let query = href.split_once('?').unwrap().1.as_bytes();
        let mut pairs = url::form_urlencoded::parse(query);
        let next = pairs.find(|(name, _)| name == "page").unwrap().1;
        cursor = Some(next.into_owned());
    }
}

#[tokio::test]
async fn a_page_has_twenty_assignments_and_all_pages_have_each_once() {
    let world = World::new(TenantOptions::default()).await;
    let licence = world.tenant.directory().licence();

    let (_, first) = world.get("licenses/assignments", &[]).await;

    assert_eq!(subjects(&first).len(), 20);
    for query in [&[][..], &[("limit", "7")], &[("limit", "100")]] {
        let mut found = all(&world, query).await;
        found.sort_unstable();
        assert!(found.iter().eq(licence.assignments.keys()), "{query:?}");
    }
    let sorted = all(&world, &[("sort", "+subject")]).await;
    assert!(sorted.iter().eq(licence.assignments.keys()));
    for query in [("limit", "101"), ("page", "!"), ("sort", "hologram")] {
        let (status, body) = world.get("licenses/assignments", &[query]).await;
        assert_eq!(status, 400);
        assert!(body["message"].is_string(), "its envelope has two forms");
    }
}

#[tokio::test]
async fn orphans_are_the_subjects_that_this_tenant_does_not_know() {
    let world = World::new(TenantOptions::default()).await;
    let tenant = world.tenant.directory();
    let users = tenant.users();
    let licence = tenant.licence();
    let is_shown = |subject: &String| licence.assignments.contains_key(subject);
    assert!(
        users
            .iter()
            .any(|user| !is_shown(&user.subject) && is_shown(&user.subject.to_uppercase()))
    );
    tenant.license("auth0|nobody", "");

    let found = all(&world, &[("orphans", "true")]).await;

    assert_eq!(found, ["auth0|nobody"]);
    let (_, page) = world
        .get("licenses/assignments", &[("orphans", "true")])
        .await;
    assert_eq!(page["data"][0].get("type"), None);
    assert_eq!(page["data"][0].get("excess"), None);
}

#[tokio::test]
async fn the_overview_says_which_licence_it_is_and_how_much_is_used() {
    let world = World::new(TenantOptions::default()).await;

    let (_, overview) = world.get("licenses/overview", &[]).await;

    assert_eq!(overview["licenseNumber"], "9999000000001234");
    let used: u64 = overview["allotments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of_type| of_type["unitsUsed"].as_u64().unwrap())
        .sum();
    let licence = world.tenant.directory().licence();
    assert_eq!(used, licence.assignments.len() as u64);
}
