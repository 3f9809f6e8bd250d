//! The tenant with its redirects, and single records.

use super::*;
use crate::model::SpaceId;

#[tokio::test]
async fn the_tenants_redirect_is_followed_by_its_path_alone() {
    for location in [
        "/api/v1/tenants/T-1?x=1",
        "http://127.0.0.1/api/v1/tenants/T-1",
        "https://127.0.0.1/api/v1/tenants/T-1#here",
        "T-1",
    ] {
        let server = Server::start(move |asked| match asked.target.as_str() {
            "/api/v1/tenants/me" => (
                StatusCode::FOUND,
                vec![("location", location.to_owned())],
                String::new(),
            ),
            _ => ok(&tenant()),
        })
        .await;

        let tenant = connect(by_key(server.address)).identify().await.unwrap();

        assert_eq!(
            tenant,
            Tenant {
                id: TenantId("T-1".into()),
                name: "Acme".into(),
                hosts: vec!["a1.eu.qlikcloud.com".into(), "acme.eu.qlikcloud.com".into()],
                region: Some("eu-west-1".into()),
                status: Some("active".into()),
            }
        );
        assert_eq!(
            server.targets(),
            ["/api/v1/tenants/me", "/api/v1/tenants/T-1"]
        );
        let asked = server.asked();
        assert!(
            asked
                .iter()
                .all(|it| it.authorization.as_deref() == Some("Bearer key"))
        );
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_never_gets_the_token() {
    let other = Server::start(|_| ok(&tenant())).await;
    for location in [
        format!("http://{}/api/v1/tenants/T-1", other.address),
        format!("//{}/api/v1/tenants/T-1", other.address),
        String::new(),
        "http://[".to_owned(),
    ] {
        let server = Server::start(move |_| {
            let location = vec![("location", location.clone())];
            (StatusCode::TEMPORARY_REDIRECT, location, String::new())
        })
        .await;
        for options in [by_key(server.address), by_client(server.address)] {
            let error = connect(options).identify().await.unwrap_err();

            assert_eq!(error.code(), "qlik.redirected");
        }
        assert_eq!(server.asked().len(), 2);
    }
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn a_redirect_in_circles_ends() {
    let server = Server::start(|_| {
        let location = vec![("location", "/api/v1/tenants/me".to_owned())];
        (StatusCode::FOUND, location, String::new())
    })
    .await;

    let error = connect(by_key(server.address))
        .identify()
        .await
        .unwrap_err();

    assert_eq!(
        error.to_string(),
        "reading the tenant: redirected in circles"
    );
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_tenant_that_is_not_there_is_told() {
    let server = Server::start(|_| (StatusCode::NOT_FOUND, Vec::new(), "<html>".to_owned())).await;

    let error = connect(by_key(server.address))
        .identify()
        .await
        .unwrap_err();

    assert_eq!(error.code(), "qlik.no-tenant");
}

#[tokio::test]
async fn one_record_is_there_or_gone_or_unknown() {
    let server = Server::start(|asked| match asked.target.as_str().rsplit('/').next() {
        Some(it) if it == id(1) => ok(&json!({"id": id(1), "subject": "s"})),
        Some(it) if it == id(2) => fail(404, "USERS-7"),
        Some(it) if it == id(3) => ok(&json!({"id": id(3), "status": "deleted"})),
        Some(it) if it == id(4) => (StatusCode::NOT_FOUND, Vec::new(), "<html>".to_owned()),
        Some(it) if it == id(5) => ok(&json!({"id": id(1), "status": "deleted"})),
        Some(it) if it == id(6) => (
            StatusCode::NOT_FOUND,
            Vec::new(),
            json!({"error": "Not found"}).to_string(),
        ),
        _ => fail(403, "USERS-1"),
    })
    .await;
    let qlik = connect(by_key(server.address));
    for (n, expected) in [
        (1, "there"),
        (2, "gone"),
        (3, "gone"),
        (4, "qlik.rejected"),
        (5, "unreadable"),
        (6, "qlik.rejected"),
        (7, "qlik.forbidden"),
    ] {
        let told = match qlik.fetch(&record(Kind::User, n)).await {
            Ok(Some(Ok(_))) => "there",
            Ok(Some(Err(_))) => "unreadable",
            Ok(None) => "gone",
            Err(error) => error.code(),
        };

        assert_eq!(told, expected, "{n}");
    }
    assert_eq!(server.targets()[0], format!("/api/v1/users/{}", id(1)));
}

/// A token runs out at any time, so one may be asked for between a listing and a record.
#[tokio::test(start_paused = true)]
async fn a_404_for_a_token_is_no_record_that_is_gone() {
    let server = Server::start(|_| fail(404, "OAUTH-1")).await;
    let qlik = connect(by_client(server.address));
    let (user, space) = (record(Kind::User, 1), SpaceId(Id::parse(&id(2)).unwrap()));
    let tenant = TenantId("t".to_owned());

    let of_user = qlik.fetch(&user).await.map(drop);
    let of_space = qlik.space(&space).await.map(drop);
    let of_app = qlik.app(&tenant, "app-1").await.map(drop);

    assert_eq!(of_user.unwrap_err().code(), "qlik.no-tenant");
    assert_eq!(of_space.unwrap_err().code(), "qlik.no-tenant");
    assert_eq!(of_app.unwrap_err().code(), "qlik.no-tenant");
    let mut targets = server.targets().into_iter();
    assert!(targets.all(|target| target == "/oauth/token"));
}

#[tokio::test]
async fn everyone_is_looked_for_among_the_system_groups() {
    for listed in [true, false] {
        let server = Server::start(move |asked| {
            if !asked.target.contains("systemGroups") {
                return fail(404, "GROUPS-7");
            }
            let everyone = json!({"id": map::EVERYONE, "name": "com.qlik.Everyone"});
            let data: Vec<_> = listed.then_some(everyone).into_iter().collect();
            ok(&json!({"data": data}))
        })
        .await;

        let found = connect(by_key(server.address))
            .fetch(&record(Kind::Group, 1))
            .await;

        assert_eq!(found.unwrap().is_some(), listed);
    }
}
