//! Transient failures, and permanent ones.

use super::*;
use crate::telemetry::chain;

#[tokio::test(start_paused = true)]
async fn too_many_requests_close_the_gate_for_everybody() {
    let answers = vec![
        (
            StatusCode::TOO_MANY_REQUESTS,
            vec![("retry-after", "13".to_owned())],
            json!({"errors": [{"code": "HTTP-429", "title": "API rate limit reached."}]})
                .to_string(),
        ),
        ok(&users(&[1], &json!(null))),
    ];
    let server = Server::start(in_turn(answers)).await;
    let qlik = connect(by_key(server.address));
    let began = Instant::now();

    sweep(&qlik, Kind::User).await.unwrap();

    assert_eq!(began.elapsed().as_secs(), 13);
    let traffic = qlik.take_traffic();
    assert_eq!((traffic.requests, traffic.retries), (2, 1));
    assert_eq!(traffic.waited.as_secs(), 13);
}

#[tokio::test(start_paused = true)]
async fn a_listing_outlasts_an_outage_and_goes_on_from_its_cursor() {
    let outage = Duration::from_secs(5 * 60);
    for (outlast, is_outlasted) in [(Duration::from_secs(10 * 60), true), (outage / 2, false)] {
        let began = Instant::now();
        let over = began + outage;
        let server = Server::start(with_tokens(move |asked| {
            let next = json!({"href": "?next=a"});
            match asked.target.contains("next=") {
                false => ok(&users(&[1], &next)),
                true if Instant::now() < over => fail(503, "USERS-1"),
                true => ok(&users(&[2], &json!(null))),
            }
        }))
        .await;
        let qlik = connect(Options {
            outlast,
            ..by_client(server.address)
        });

        let ids = sweep(&qlik, Kind::User).await;

        let targets = server.targets();
        let n_first = targets
            .iter()
            .filter(|it| it.ends_with("totalResults=true"));
        assert_eq!(n_first.count(), 1, "the first page is asked for once");
        match is_outlasted {
            true => assert_eq!(ids.unwrap(), [id(1), id(2)]),
            false => assert_eq!(ids.unwrap_err().code(), "qlik.unavailable"),
        }
        assert!(began.elapsed() < outage + Duration::from_secs(60));
    }
}

/// Qlik refuses more often than one request for a token tries: the listing waits for a token.
#[tokio::test(start_paused = true)]
async fn too_many_requests_for_a_token_slow_down_these_alone() {
    let pause = Duration::from_secs(20);
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let noted = Arc::clone(&times);
    let server = Server::start(move |asked| {
        if asked.target != "/oauth/token" {
            return ok(&users(&[1], &json!(null)));
        }
        let mut times = lock(&noted);
        times.push(Instant::now());
        match times.len() {
            ..=12 => (
                StatusCode::TOO_MANY_REQUESTS,
                vec![("retry-after", pause.as_secs().to_string())],
                json!({}).to_string(),
            ),
            _ => ok(&json!({"access_token": "t", "token_type": "bearer", "expires_in": 600})),
        }
    })
    .await;
    let qlik = connect(Options {
        outlast: Duration::from_secs(3_600),
        ..by_client(server.address)
    });

    let ids = sweep(&qlik, Kind::User).await;

    assert_eq!(ids.unwrap(), [id(1)]);
    let times = lock(&times).clone();
    assert_eq!(times.len(), 13);
    for pair in times.windows(2) {
        assert!(
            pair[1] - pair[0] >= pause,
            "asked again too early: {times:?}"
        );
    }
    let began = Instant::now();
    for _ in 0..100 {
        qlik.0.gate.pass(|_| {}).await;
    }
    assert_eq!(began.elapsed(), Duration::ZERO, "other requests are slower");
}

#[tokio::test(start_paused = true)]
async fn failures_that_pass_are_tried_again_and_counted() {
    let html = "<!DOCTYPE html><html><body>Sign in</body></html>";
    let page = users(&[1], &json!(null)).to_string();
    for (status, body, code) in [
        (500, "oops", "qlik.unavailable"),
        (503, html, "qlik.unavailable"),
        (429, "", "qlik.rate-limited"),
        (200, html, "qlik.undecodable"),
        (200, "", "qlik.undecodable"),
        (200, &page[..page.len() / 2], "qlik.undecodable"),
        (200, "{\"data\": nope}", "qlik.undecodable"),
    ] {
        let bad = (
            StatusCode::from_u16(status).unwrap(),
            Vec::new(),
            body.to_owned(),
        );

        let server =
            Server::start(in_turn(vec![bad.clone(), ok(&users(&[1], &json!(null)))])).await;
        let ids = sweep(&connect(by_key(server.address)), Kind::User).await;
        assert_eq!(ids.unwrap(), [id(1)], "{status} {body}");

        let server = Server::start(in_turn(vec![bad])).await;
        let qlik = connect(by_key(server.address));
        let error = failure(&qlik, Kind::User).await;
        assert_eq!(error.code(), code, "{status} {body}");
        assert!(error.is_transient());
        assert_eq!(server.asked().len(), 6, "{status} {body}");
        assert_eq!(qlik.take_traffic().retries, 5);
    }
}

#[tokio::test]
async fn what_stays_is_not_tried_again() {
    for (status, code) in [
        (400, "qlik.rejected"),
        (403, "qlik.forbidden"),
        (404, "qlik.rejected"),
        (302, "qlik.redirected"),
    ] {
        let server = Server::start(move |_| fail(status, "X-1")).await;

        let error = failure(&connect(by_key(server.address)), Kind::Role).await;

        assert_eq!(error.code(), code);
        assert_eq!(error.is_forbidden(), status == 403);
        assert!(ReadError::CODES.contains(&error.code()) && !error.remedy().is_empty());
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_is_asked_for_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let page = users(&[1], &json!(null)).to_string();
    spawn(async move {
        for (n, claimed) in [page.len() + 100, page.len()].into_iter().enumerate() {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let n_read = stream.read(&mut head).await.unwrap();
            assert!(n_read > 0, "request {n} says something");
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {claimed}\r\nconnection: close\r\n\r\n{page}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let qlik = connect(by_key(address));

    assert_eq!(sweep(&qlik, Kind::User).await.unwrap(), [id(1)]);
    assert_eq!(qlik.take_traffic().retries, 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_nobody_listens_on_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    let error = failure(&connect(by_key(address)), Kind::User).await;

    assert_eq!(error.code(), "qlik.connection");
    assert_eq!(
        chain(&error),
        format!("listing users: {address}: connection refused: nothing listens there")
    );
}

#[tokio::test]
async fn a_listener_without_tls_is_told_from_one_that_is_not_there() {
    let server = Server::start(|_| fail(400, "X-1")).await;
    let host = TenantHost::parse(&format!("https://{}", server.address)).unwrap();
    let qlik = connect(Options::new(host, Credentials::ApiKey(Secret::new("key"))));

    let error = failure(&qlik, Kind::User).await;

    assert_eq!(error.code(), "qlik.tls", "{error:?}");
    let address = server.address;
    assert_eq!(
        chain(&error),
        format!(
            "listing users: {address} answers, but does not speak TLS; `openssl s_client -connect \
             {address} -showcerts </dev/null` shows what it sends"
        )
    );
    assert!(error.remedy().starts_with("check the host"));
}
