//! The probe: what a connection can see, and where it stops.

use tokio::net::TcpListener;

use super::*;
use crate::obstacle::Stage;

fn fair(asked: &Asked) -> Scripted {
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

/// Returns the stages of a probe, with the code of what failed.
fn passed(probe: &Probe) -> Vec<(Stage, Option<&'static str>)> {
    let stages = probe.stages.iter();
    let codes = stages.map(|(stage, passed)| (*stage, passed.as_ref().err().map(ReadError::code)));
    codes.collect()
}

/// Returns a port where nobody listens.
async fn silent() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_reached_a_probe_names_the_stage_and_no_credential() {
    let address = silent().await;
    let at = |url: String, credentials| Options::new(TenantHost::parse(&url).unwrap(), credentials);
    let key = || Credentials::ApiKey(Secret::new("key"));
    let refused = (Stage::Connection, Some("qlik.connection"));
    let by_name = format!("https://localhost:{}", address.port());
    for (options, expected) in [
        (by_client(address), vec![refused]),
        (by_key(address), vec![refused]),
        (at(by_name, key()), vec![(Stage::Name, None), refused]),
    ] {
        let probe = Probing::new(options, Clock::system()).unwrap().run().await;

        assert_eq!(passed(&probe), expected);
        assert!(probe.token.is_none() && probe.tenant.is_none());
        assert!(!probe.is_success());
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_reached_and_fails_at_tls() {
    let server = Server::start(|_| ok(&json!({}))).await;
    let url = format!("https://localhost:{}", server.address.port());
    let host = TenantHost::parse(&url).unwrap();
    let options = Options::new(host, Credentials::ApiKey(Secret::new("key")));

    let probe = Probing::new(options, Clock::system()).unwrap().run().await;

    let expected = [
        (Stage::Name, None),
        (Stage::Connection, None),
        (Stage::Tls, Some("qlik.tls")),
    ];
    assert_eq!(passed(&probe), expected);
}

#[tokio::test]
async fn a_probe_tells_what_can_be_seen() {
    let server = Server::start(with_tokens(fair)).await;

    let probe = Probing::new(by_client(server.address), Clock::system())
        .unwrap()
        .run()
        .await;

    assert!(matches!(probe.token, Some(Ok(()))) && !probe.is_success());
    assert_eq!(passed(&probe), [(Stage::Connection, None)]);
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

    assert_eq!(passed(&probe), [(Stage::Connection, None)]);
    assert_eq!(probe.token.unwrap().unwrap_err().code(), "qlik.unavailable");
    assert!(probe.tenant.is_none() && probe.collections.is_empty());
    assert_eq!(server.asked().len(), 2, "somebody waits for the answer");
}
