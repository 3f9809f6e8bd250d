//! The probe: what a connection can see, and where it stops.

use super::*;

fn fair(asked: &Asked) -> Answer {
    match asked.target.split('?').next() {
        Some("/api/v1/tenants/me") => ok(&tenant()),
        Some("/api/v1/roles") => {
            ok(&json!({"data": [{"id": "r1", "name": "Steward"}], "totalResults": 1}))
        }
        Some("/api/v1/groups") => fail(403, "GROUPS-1"),
        _ => ok(&json!({
            "data": [{"id": id(1), "subject": "s"}, {"id": id(2), "subject": "s", "assignedRoles": []}],
            "totalResults": "12",
            "links": {"next": {"href": "?next=a"}},
        })),
    }
}

#[tokio::test]
async fn a_probe_tells_what_can_be_seen() {
    let server = Server::start(with_tokens(fair)).await;

    let probe = Probing::new(by_client(server.address), Clock::system())
        .unwrap()
        .run()
        .await;

    assert!(probe.token.is_ok() && !probe.is_success());
    assert_eq!(probe.tenant.unwrap().unwrap().name, "Acme");
    let seen: Vec<_> = probe
        .collections
        .into_iter()
        .map(|(kind, seen)| (kind, seen.map_err(|error| error.code())))
        .collect();
    let visible = |total, sampled, without_roles| {
        Ok(Visible {
            total: Some(total),
            sampled,
            unreadable: 0,
            without_roles,
        })
    };
    assert_eq!(
        seen,
        [
            (Kind::Role, visible(1, 1, 0)),
            (Kind::Group, Err("qlik.forbidden")),
            (Kind::User, visible(12, 2, 1)),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_stops_where_it_makes_no_sense_to_go_on() {
    let server = Server::start(|_| fail(503, "X-1")).await;

    let probe = Probing::new(by_client(server.address), Clock::system())
        .unwrap()
        .run()
        .await;

    assert_eq!(probe.token.unwrap_err().code(), "qlik.unavailable");
    assert!(probe.tenant.is_none() && probe.collections.is_empty());
    assert_eq!(server.asked().len(), 2, "somebody waits for the answer");
}
