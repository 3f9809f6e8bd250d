//! Every fault does what it says, and counts how often it did.

use super::*;

const PAGE: [(&str, &str); 4] = [
    ("sort", "+id"),
    ("limit", "50"),
    ("filter", EVERY_STATUS),
    ("totalResults", "true"),
];

/// Returns the answers to the first and the second request for users, while a fault strikes the
/// first.
async fn struck(world: &World, fault: Fault) -> (Response, Value) {
    let strikes = world
        .tenant
        .faults()
        .on(Endpoint::Users, fault, When::Nth(1));
    let first = world.send("users", &PAGE).await;
    let (status, second) = world.get("users", &PAGE).await;
    assert_eq!((status, strikes.count()), (200, 1));
    world.tenant.faults().clear();
    (first, second)
}

#[tokio::test]
async fn faults_that_stand_in_for_an_answer() {
    let world = World::small().await;
    for (fault, status) in [
        (Fault::TooManyRequests { retry_after: 7 }, 429),
        (Fault::Internal, 500),
        (Fault::Unavailable, 503),
        (Fault::Unauthorized, 401),
        (Fault::Forbidden, 403),
        (Fault::NotFound, 404),
        (Fault::Html(200), 200),
        (Fault::Redirect("http://elsewhere.invalid/".into()), 302),
    ] {
        let (answer, _) = struck(&world, fault.clone()).await;

        assert_eq!(answer.status().as_u16(), status, "{fault:?}");
        if let Fault::TooManyRequests { .. } = fault {
            assert_eq!(answer.headers()["retry-after"], "7");
        }
        if let Fault::Html(_) = fault {
            assert!(answer.json::<Value>().await.is_err());
        }
    }
}

#[tokio::test]
async fn a_cut_breaks_the_connection_and_a_truncation_only_the_json() {
    let world = World::small().await;

    let (cut, _) = struck(&world, Fault::Cut).await;
    assert_eq!(cut.status().as_u16(), 200);
    assert!(cut.bytes().await.is_err());

    let (truncated, full) = struck(&world, Fault::Truncated).await;
    let half = truncated.text().await.unwrap();
    assert_eq!(half.len(), full.to_string().len() / 2);
    assert!(serde_json::from_str::<Value>(&half).is_err());
}

#[tokio::test]
async fn faults_that_change_what_a_page_holds() {
    let world = World::small().await;
    for (fault, check) in [
        (
            Fault::MissingRoles,
            (|page, _| all(page, |user| user.get("assignedRoles").is_none()))
                as fn(&Value, &Value) -> bool,
        ),
        (Fault::MissingGroups, |page, _| {
            all(page, |user| user.get("assignedGroups").is_none())
        }),
        (Fault::EmptyAccess, |page, _| {
            all(page, |user| {
                user["assignedRoles"] == json!([]) && user["assignedGroups"] == json!([])
            })
        }),
        (Fault::HalfShown, |page, usual| {
            let (shown, whole) = (&page["totalResults"], &usual["totalResults"]);
            shown.as_u64() < whole.as_u64().map(|whole| whole * 3 / 4) && shown.as_u64() > Some(0)
        }),
        (Fault::WrongType, |page, _| {
            page["data"][0]["name"].is_object()
        }),
        (Fault::UnknownValues, |page, _| {
            page["data"][0]["status"] == "hibernating"
                && page["data"][0]["assignedRoles"][0]["type"] == "partner"
        }),
        (Fault::EmptyPage, |page, _| {
            page["data"] == json!([]) && page["links"]["next"]["href"].is_string()
        }),
        (Fault::EmptyCollection, |page, _| {
            page["data"] == json!([])
                && page["links"].get("next").is_none()
                && page["totalResults"] == 0
        }),
        (Fault::InflatedTotal(3), |page, usual| {
            page["data"] == usual["data"]
                && page["totalResults"].as_u64() == usual["totalResults"].as_u64().map(|n| n + 3)
        }),
        (Fault::DeflatedTotal(1), |page, usual| {
            page["data"] == usual["data"]
                && page["totalResults"].as_u64() == usual["totalResults"].as_u64().map(|n| n - 1)
        }),
        (Fault::DriftingTotal, |page, usual| {
            page["data"] == usual["data"]
                && page["totalResults"].as_u64() > usual["totalResults"].as_u64()
        }),
        (Fault::NoTotal, |page, usual| {
            page["data"] == usual["data"] && page.get("totalResults").is_none()
        }),
        (Fault::RepeatedCursor, |page, usual| {
            page["data"] == usual["data"] && page["links"]["next"] != usual["links"]["next"]
        }),
        (Fault::PageLeftOut, |page, usual| {
            ids(page["data"].as_array().unwrap())
                .is_disjoint(&ids(usual["data"].as_array().unwrap()))
        }),
    ] {
        let (answer, usual) = struck(&world, fault.clone()).await;

        assert_eq!(answer.status().as_u16(), 200);
        let page: Value = answer.json().await.unwrap();
        assert!(check(&page, &usual), "{fault:?}: {page}");
    }
}

fn all(page: &Value, check: impl Fn(&Value) -> bool) -> bool {
    page["data"].as_array().unwrap().iter().all(check)
}

#[tokio::test]
async fn an_empty_page_loses_nobody_and_one_left_out_does() {
    let world = World::small().await;
    let n_users = world.tenant.directory().n_users();
    for (fault, at, n_missing) in [
        (Fault::EmptyPage, 1, 0),
        (Fault::EmptyPage, 2, 0),
        (Fault::PageLeftOut, 2, 50),
    ] {
        world
            .tenant
            .faults()
            .on(Endpoint::Users, fault.clone(), When::Nth(at));

        let all = world.list("users", &PAGE).await;

        let expected = n_users.saturating_sub(n_missing);
        assert_eq!(ids(&all).len(), expected, "{fault:?} at {at}");
        world.tenant.faults().clear();
    }
}

#[tokio::test]
async fn a_repeated_cursor_leads_back_to_its_own_page() {
    let world = World::small().await;
    let faults = world.tenant.faults();
    let strikes = faults.on(Endpoint::Users, Fault::RepeatedCursor, When::From(2));
    let (_, first) = world.get("users", &PAGE).await;
    let cursor = parameter(&first, "next", "next").unwrap();
    for _ in 0..3 {
        let query = [PAGE[0], PAGE[1], PAGE[2], ("next", &cursor)];
        let (_, page) = world.get("users", &query).await;
        assert_eq!(parameter(&page, "next", "next").as_ref(), Some(&cursor));
    }
    assert_eq!(strikes.count(), 3);
}

#[tokio::test]
async fn a_slow_answer_does_not_outlive_its_tenant() {
    let world = World::small().await;
    let slow = Fault::Slow(Duration::from_secs(3_600));
    world
        .tenant
        .faults()
        .on(Endpoint::Roles, slow, When::Always);
    let World {
        tenant,
        http,
        token,
        ..
    } = world;
    let url = format!("{}/api/v1/roles", tenant.url());
    let request = http.get(&url).bearer_auth(&token).send();
    let stop = async {
        while tenant.requests().at(Endpoint::Roles) == 0 {
            tokio::task::yield_now().await;
        }
        tenant.stop().await;
    };

    let (answer, ()) = tokio::join!(request, stop);

    assert_eq!(answer.unwrap().status().as_u16(), 200);
    assert!(http.get(&url).send().await.is_err());
}

#[test]
fn when_strikes() {
    for (when, expected) in [
        (When::Always, [true, true, true, true]),
        (When::Nth(2), [false, true, false, false]),
        (When::Every(2), [false, true, false, true]),
        (When::From(3), [false, false, true, true]),
        (When::Next(1), [true, false, false, false]),
        (When::Every(0), [false; 4]),
    ] {
        assert_eq!([1, 2, 3, 4].map(|n| when.strikes(n)), expected, "{when:?}");
    }
}

/// Pages a second, for the record: `cargo test --release --lib pages_a_second -- --ignored
/// --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn pages_a_second() {
    for users in [100_000, 1_000_000] {
        let filled = std::time::Instant::now();
        let world = World::new(TenantOptions {
            users,
            rate_limits: RateLimits::Off,
            ..TenantOptions::default()
        })
        .await;
        println!("{users} users filled in {:?}", filled.elapsed());
        page_alone(&world);
        let mut cursor: Option<String> = None;
        let (mut n_pages, mut n_bytes) = (0_u32, 0);
        let started = std::time::Instant::now();
        loop {
            let mut query = vec![("sort", "+id"), ("limit", "100"), ("filter", EVERY_STATUS)];
            query.extend(cursor.as_deref().map(|cursor| ("next", cursor)));
            let bytes = world.send("users", &query).await.bytes().await.unwrap();
            n_pages += 1;
            n_bytes += bytes.len();
            // The links are at the end: parsing it all would measure serde.
            let tail =
                String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2_000)..]).into_owned();
            let Some((_, after)) = tail.split_once("\"next\":") else {
                break;
            };
            let end = after.find("\"}").unwrap();
            let (_, value) = after[..end].split_once("next=").unwrap();
            cursor = Some(value.to_owned());
        }
        let took = started.elapsed();
        let rate = f64::from(n_pages) / took.as_secs_f64();
        println!("{n_pages} pages, {n_bytes} bytes in {took:?}: {rate:.0} pages a second");
        let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        println!(
            "{}",
            memory
                .lines()
                .find(|line| line.starts_with("VmHWM"))
                .unwrap_or("")
        );
    }
}

/// Times pages without HTTP.
fn page_alone(world: &World) {
    let pairs = |next: Option<String>| {
        let fixed = [PAGE[0], ("limit", "100"), PAGE[2]];
        let owned = fixed.map(|(key, value)| (key.to_owned(), value.to_owned()));
        owned
            .into_iter()
            .chain(next.map(|next| ("next".into(), next)))
            .collect()
    };
    let state = world.tenant.directory().read();
    let middle = state.users.iter().nth(state.users.len() / 2).unwrap();
    let position = table::Position {
        value: record::Value::Null,
        key: table::Key(middle.id.clone()),
    };
    let next = cursor::encode(record::Field::Id, &position);
    let collection = listing::Collection {
        name: "users",
        last: listing::LastLink::Absent,
        cursor: "next",
    };
    let started = std::time::Instant::now();
    for _ in 0..1_000 {
        let query =
            query::Query::read(pairs(Some(next.clone())), &query::USERS, &["next"]).unwrap();
        let filter = query.filter.as_deref().unwrap();
        let filter = filter::UserFilter::parse(filter, query::USERS.attributes).unwrap();
        let bytes = listing::page(
            collection,
            &query,
            &listing::Shape::default(),
            &state.users,
            |row| state.keeps(&filter, row),
            || 0,
            |out, row, look| render::user(out, row, &state.fragments, look),
        );
        assert!(bytes.len() > 10_000);
    }
    println!("a page alone: {:?}", started.elapsed() / 1_000);
}
