//! The console's listing, with good and bad answers.

use super::*;
use crate::connector::qlik::organization::usable;

fn organization(server: &Server) -> Organization {
    let options = OrganizationOptions {
        console: by_client(server.address),
        selection: Selection::default(),
    };
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T10:00:00Z").unwrap());
    Organization::new(options, clock).unwrap()
}

fn tenant(id: &str, status: &str) -> Value {
    json!({
        "id": id, "name": format!("Tenant {id}"), "status": status, "regionCode": "eu-west-1",
        "hostnames": [format!("x{id}.eu.qlikcloud.com"), "not a host", null],
    })
}

fn page(rows: &[Value], next: Option<&str>) -> Value {
    let next = next.map(|query| json!({"href": format!("http://internal/core/tenants?{query}")}));
    json!({"data": rows, "links": {"self": {"href": "x"}, "next": next}})
}

/// Answers a token, then these pages.
async fn serve(pages: Vec<Value>) -> Server {
    let pages = in_turn(pages.iter().map(ok).collect());
    Server::start(move |asked| match asked.target.as_str() {
        "/oauth/token" => ok(&json!({"access_token": "t", "token_type": "Bearer"})),
        _ => pages(asked),
    })
    .await
}

#[tokio::test]
async fn all_pages_are_read_by_whatever_the_cursor_is_called() {
    let mut first = page(
        &[tenant("1", "active"), tenant("2", "deleted")],
        Some("limit=20&offset=abc"),
    );
    first["totalResults"] = json!(4);
    let second = page(
        &[tenant("1", "active"), tenant("3", "disabled")],
        Some("limit=20&next=d%2Fef"),
    );
    let third = page(&[json!({"name": "without an id"})], None);
    let server = serve(vec![first, second, third]).await;

    let roster = organization(&server).list().await.unwrap();

    let seen: Vec<_> = roster
        .tenants
        .iter()
        .map(|it| (it.id.as_str(), it.status.as_str(), it.hosts.len()))
        .collect();
    assert_eq!(seen, [("1", "active", 1), ("3", "disabled", 1)]);
    assert_eq!(roster.unreadable, 1);
    let query = "/api/core/tenants?limit=100&sort=createdAt&filter=status%20ne%20%22deleted%22&totalResults=true";
    assert_eq!(
        server.targets()[1..],
        [
            query.to_owned(),
            format!("{query}&offset=abc"),
            format!("{query}&next=d%2Fef"),
        ]
    );
}

#[tokio::test]
async fn a_part_is_no_listing() {
    let one = [tenant("1", "active")];
    for (pages, code) in [
        (vec![page(&one, Some("limit=20"))], "qlik.unexpected-answer"),
        (vec![json!({"links": {}})], "qlik.unexpected-answer"),
        (
            vec![page(&one, Some("next=a")), page(&one, Some("next=a"))],
            "qlik.repeated-cursor",
        ),
    ] {
        let server = serve(pages.clone()).await;

        let error = organization(&server).list().await.unwrap_err();

        assert_eq!(error.code(), code, "{pages:?}");
    }
}

#[tokio::test]
async fn a_count_that_is_not_reached_hides_no_tenant_and_proves_no_absence() {
    let mut short = page(&[tenant("1", "active")], None);
    short["totalResults"] = json!(3);
    let server = serve(vec![short]).await;

    let roster = organization(&server).list().await.unwrap();

    assert_eq!((roster.tenants.len(), roster.unreadable), (1, 2));
}

#[tokio::test]
async fn half_a_character_in_a_name_hides_no_tenant() {
    let body = page(&[tenant("1", "active"), tenant("2", "active")], None).to_string();
    let body = body.replace("Tenant 1", "Tenant \\ud83d");
    let server = Server::start(move |asked| match asked.target.as_str() {
        "/oauth/token" => ok(&json!({"access_token": "t", "token_type": "Bearer"})),
        _ => (StatusCode::OK, Vec::new(), body.clone()),
    })
    .await;

    let roster = organization(&server).list().await.unwrap();

    assert_eq!((roster.tenants.len(), roster.unreadable), (2, 0));
    assert_eq!(roster.tenants[0].name.as_deref(), Some("Tenant \u{fffd}"));
}

#[tokio::test]
async fn a_cursor_that_ran_out_lists_all_tenants_once() {
    let pages = in_turn(vec![
        ok(&page(&[tenant("1", "active"), json!({})], Some("next=a"))),
        fail(400, "CORE-4"),
        ok(&page(&[tenant("1", "active"), json!({})], Some("next=a"))),
        ok(&page(&[tenant("2", "active")], None)),
    ]);
    let server = Server::start(move |asked| match asked.target.as_str() {
        "/oauth/token" => ok(&json!({"access_token": "t", "token_type": "Bearer"})),
        _ => pages(asked),
    })
    .await;

    let roster = organization(&server).list().await.unwrap();

    assert_eq!((roster.tenants.len(), roster.unreadable), (2, 1));
}

#[test]
fn no_console_elsewhere_sends_us_to_our_own_ports() {
    let host = |text| TenantHost::parse_console(text).unwrap();
    let listed = [
        "http://127.0.0.1:8080",
        "acme.eu.qlikcloud.com",
        "console.qlikcloud.com",
    ];
    for (console, n) in [("console.qlikcloud.com", 1), ("http://127.0.0.1:1", 2)] {
        let listed = listed.map(str::to_owned).into_iter();

        assert_eq!(usable(listed, &host(console)).len(), n, "{console}");
    }
}
