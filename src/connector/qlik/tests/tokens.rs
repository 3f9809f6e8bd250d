//! Access: when a token is asked for, renewed, and refused.

use super::*;

fn tokens_asked(server: &Server) -> usize {
    let targets = server.targets();
    targets.iter().filter(|it| *it == "/oauth/token").count()
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_without_a_scope() {
    let server = Server::start(with_tokens(|_| ok(&users(&[1], &json!(null))))).await;
    let qlik = connect(by_client(server.address));

    let (one, two) = tokio::join!(sweep(&qlik, Kind::User), sweep(&qlik, Kind::User));

    assert_eq!((one.unwrap().len(), two.unwrap().len()), (1, 1));
    let asked = server.asked();
    assert_eq!(tokens_asked(&server), 1);
    assert_eq!(asked[0].method, Method::POST);
    assert_eq!(asked[0].authorization, None);
    assert_eq!(
        serde_json::from_str::<Value>(&asked[0].body).unwrap(),
        json!({"grant_type": "client_credentials", "client_id": "client", "client_secret": "s3cret"})
    );
    assert_eq!(asked[1].authorization.as_deref(), Some("Bearer t1"));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_runs_out() {
    let server = Server::start(with_tokens(|_| ok(&users(&[1], &json!(null))))).await;
    let qlik = connect(by_client(server.address));

    for (wait, tokens) in [(0, 1), (530, 1), (15, 2)] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        sweep(&qlik, Kind::User).await.unwrap();
        assert_eq!(tokens_asked(&server), tokens);
    }
}

#[tokio::test]
async fn a_401_gets_one_new_token() {
    let server = Server::start(with_tokens(|asked| {
        if asked.authorization.as_deref() == Some("Bearer t1") {
            fail(401, "AUTH-1")
        } else {
            ok(&users(&[1], &json!(null)))
        }
    }))
    .await;

    let ids = sweep(&connect(by_client(server.address)), Kind::User).await;

    assert_eq!(ids.unwrap(), [id(1)]);
    assert_eq!(tokens_asked(&server), 2);
}

#[tokio::test]
async fn a_second_401_is_believed() {
    let server = Server::start(with_tokens(|_| fail(401, "AUTH-1"))).await;

    let error = failure(&connect(by_client(server.address)), Kind::User).await;

    assert_eq!(error.code(), "qlik.not-accepted");
    assert_eq!(
        error.to_string(),
        "listing users: the credentials are not accepted \
         (HTTP 401, AUTH-1, \"No\", trace id 0f)"
    );
    assert_eq!((tokens_asked(&server), server.asked().len()), (2, 4));
}

#[tokio::test]
async fn a_key_that_is_not_accepted_has_no_second_try() {
    let server = Server::start(|_| fail(401, "AUTH-1")).await;

    let error = failure(&connect(by_key(server.address)), Kind::User).await;

    assert_eq!(error.code(), "qlik.not-accepted");
    assert_eq!(server.asked().len(), 1);
    assert_eq!(
        server.asked()[0].authorization.as_deref(),
        Some("Bearer key")
    );
}

#[tokio::test]
async fn a_refused_token_names_its_cause_and_no_secret() {
    for (status, body, code) in [
        (
            401,
            json!({"errors": [{"code": "OAUTH-2", "title": "Invalid client secret"}]}),
            "qlik.wrong-secret",
        ),
        (
            400,
            json!({"errors": [{"code": "OAUTH-14", "title": "Invalid client_id"}]}),
            "qlik.unknown-client",
        ),
        (
            403,
            json!({"errors": [{"title": "Consent method is not trusted"}]}),
            "qlik.consent-not-trusted",
        ),
        (
            400,
            json!({"error": "unauthorized_client"}),
            "qlik.m2m-not-allowed",
        ),
        (404, json!("<html>"), "qlik.no-tenant"),
        (200, json!({"access_token": 5}), "qlik.unexpected-answer"),
        (
            200,
            json!({"access_token": "a\nb"}),
            "qlik.unexpected-answer",
        ),
        (
            200,
            json!({"access_token": "t", "token_type": "mac"}),
            "qlik.unexpected-answer",
        ),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let server = Server::start(in_turn(vec![(status, Vec::new(), body.to_string())])).await;

        let error = failure(&connect(by_client(server.address)), Kind::User).await;

        assert_eq!(error.code(), code, "{body}");
        assert!(!error.is_transient() && !error.is_forbidden());
        assert_eq!(server.asked().len(), 1, "{body}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}
