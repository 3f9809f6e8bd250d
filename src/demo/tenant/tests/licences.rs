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

#[tokio::test]
async fn assignments_are_filtered_by_subject_and_type_and_other_choices_are_refused() {
    let world = World::new(TenantOptions::default()).await;
    let licence = world.tenant.directory().licence();
    let (subject, licensed) = licence.assignments.iter().next().unwrap();
    let filter = format!("subject eq {}", json!(subject.to_lowercase()));

    let found = all(&world, &[("filter", &filter)]).await;
    assert_eq!(&found[0], subject);
    let filter = r#"type eq "professional""#;
    let found = all(&world, &[("filter", filter), ("sort", "+subject")]).await;
    let mut wanted = licence.assignments.iter();
    let n_wanted = wanted.by_ref().filter(|(_, it)| it.sort == "professional");
    assert_eq!(found.len(), n_wanted.count());
    assert!(found.len() < licence.assignments.len());
    assert!(!licensed.sort.is_empty());
    for query in [
        ("filter", r#"created gt "2020""#),
        ("filter", r#"type co "pro""#),
        ("sort", "-created"),
        ("orphans", "yes"),
        ("next", "x"),
    ] {
        let (status, _) = world.get("licenses/assignments", &[query]).await;
        assert_eq!(status, 400, "{query:?}");
    }
}

#[tokio::test]
async fn assignments_above_what_the_licence_has_are_in_excess() {
    let world = World::new(TenantOptions::default()).await;
    let tenant = world.tenant.directory();
    for n in 0..1_001 {
        tenant.license(&format!("many|{n:04}"), "analyzer_time");
    }

    let filter = r#"type eq "analyzer_time""#;
    let query = [("filter", filter), ("limit", "100")];
    let mut excess = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = query.to_vec();
        query.extend(cursor.as_deref().map(|cursor| ("page", cursor)));
        let (_, page) = world.get("licenses/assignments", &query).await;
        excess.extend(page["data"].as_array().unwrap().iter().cloned());
        cursor = parameter(&page, "next", "page");
        if cursor.is_none() {
            break;
        }
    }

    assert_eq!(excess.len(), 1_001);
    excess.retain(|row| row["excess"] == true);
    assert_eq!(texts(&excess, "subject"), ["many|1000"]);
}
