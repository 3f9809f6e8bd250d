//! Listings: their pages, their ends, and answers that are not listings.

use super::*;

#[tokio::test]
async fn only_the_cursor_is_taken_from_links_of_any_shape() {
    let server = Server::start(in_turn(vec![
        ok(&users(
            &[1],
            &json!({"href": "http://users.internal:9/v1/users?limit=1&next=a%2Bb"}),
        )),
        ok(&users(
            &[],
            &json!({"href": "/api/v1/users?startingAfter=c#x"}),
        )),
        ok(&users(
            &[2],
            &json!({"href": "https://evil.example.com/?foo=1&next=d"}),
        )),
        ok(&users(&[2, 3], &json!({"href": null}))),
    ]))
    .await;
    let qlik = connect(by_key(server.address));

    let ids = sweep(&qlik, Kind::User).await.unwrap();

    assert_eq!(ids, [id(1), id(2), id(2), id(3)]);
    let filter = "filter=status%20eq%20%22active%22%20or%20status%20eq%20%22invited%22%20or%20\
                  status%20eq%20%22disabled%22%20or%20status%20eq%20%22provisioned%22";
    let base = format!("/api/v1/users?limit=100&sort=%2Bid&{filter}");
    assert_eq!(
        server.targets(),
        [
            format!("{base}&totalResults=true"),
            format!("{base}&next=a%2Bb"),
            format!("{base}&next=c"),
            format!("{base}&next=d"),
        ]
    );
    assert_eq!(qlik.take_traffic().requests, 4);
    assert_eq!(qlik.take_traffic(), Traffic::default());
}

#[tokio::test]
async fn links_are_read_in_any_letter_case() {
    for links in [
        json!({"Self": {"Href": "x"}, "Next": {"Href": "?next=a"}}),
        json!({"NEXT": {"HREF": "?next=a"}, "prev": null}),
        json!({"next": {"Href": "?next=a"}, "Next": null}),
    ] {
        for name in ["links", "Links"] {
            let mut first = users(&[1], &json!(null));
            first.as_object_mut().unwrap().remove("links");
            first[name] = links.clone();
            let server =
                Server::start(in_turn(vec![ok(&first), ok(&users(&[2], &json!(null)))])).await;

            let ids = sweep(&connect(by_key(server.address)), Kind::User).await;

            assert_eq!(ids.unwrap(), [id(1), id(2)], "{name}: {links}");
        }
    }
}

#[tokio::test]
async fn ends_come_in_many_shapes() {
    for links in [
        json!(null),
        json!({}),
        json!({"next": null}),
        json!({"next": {}}),
        json!({"next": {"href": null}}),
        json!({"next": {"href": ""}}),
    ] {
        let body = json!({"data": [{"id": id(1), "subject": "s"}], "links": links});
        let server = Server::start(in_turn(vec![ok(&body)])).await;

        let ids = sweep(&connect(by_key(server.address)), Kind::User).await;

        assert_eq!(ids.unwrap(), [id(1)], "{links}");
    }
}

#[tokio::test]
async fn what_is_no_listing_is_no_end_either() {
    for (body, what) in [
        (json!({}), "field `data`: expected a list"),
        (json!({"data": null}), "field `data`: expected a list"),
        (
            json!({"message": "maintenance"}),
            "field `data`: expected a list",
        ),
        (json!({"data": {}}), "field `data`: expected a list"),
        (json!([[], null]), "expected an object"),
        (
            json!({"data": [], "links": "none"}),
            "field `links`: expected an object",
        ),
        (
            json!({"data": [], "links": {"next": {"href": 5}}}),
            "field `links.next.href`: expected text",
        ),
        (
            json!({"data": [], "links": {"next": {"href": "https://x/api/v1/users?limit=100"}}}),
            "field `links.next.href`: expected a link with a cursor",
        ),
        (
            json!({"data": [], "links": {"next": {"href": "/users?next="}}}),
            "field `links.next.href`: expected a link with a cursor",
        ),
    ] {
        let server = Server::start(in_turn(vec![ok(&body)])).await;

        let error = failure(&connect(by_key(server.address)), Kind::User).await;

        assert_eq!(error.code(), "qlik.unexpected-answer", "{body}");
        assert_eq!(
            error.to_string(),
            format!("listing users: the answer is not as documented: {what}")
        );
        assert_eq!(server.asked().len(), 1, "asking again would not help");
    }
}

#[tokio::test]
async fn an_empty_listing_without_data_says_so_by_its_count() {
    let server = Server::start(in_turn(vec![ok(&json!({"totalResults": 0}))])).await;

    let pages = pages(&connect(by_key(server.address)), Kind::User).await;

    let totals: Vec<_> = pages.unwrap().iter().map(Page::total).collect();
    assert_eq!(totals, [Some(0)]);
}

#[tokio::test]
async fn a_circle_fails_the_sweep() {
    let next = |cursor| json!({"href": format!("?next={cursor}")});
    let server = Server::start(in_turn(vec![
        ok(&users(&[1], &next("a"))),
        ok(&users(&[2], &next("b"))),
        ok(&users(&[3], &next("a"))),
    ]))
    .await;

    let error = failure(&connect(by_key(server.address)), Kind::User).await;

    assert_eq!(error.code(), "qlik.repeated-cursor");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_listing_whose_cursor_ran_out_is_begun_again_but_not_for_ever() {
    let next = |cursor| json!({"href": format!("?next={cursor}")});
    for status in [400, 404, 410] {
        let server = Server::start(in_turn(vec![
            ok(&users(&[1], &next("a"))),
            ok(&users(&[2], &next("b"))),
            fail(status, "USERS-4"),
            ok(&users(&[1], &next("c"))),
            ok(&users(&[2], &next("a"))),
            ok(&users(&[3], &json!(null))),
        ]))
        .await;

        let ids = sweep(&connect(by_key(server.address)), Kind::User).await;

        assert_eq!(ids.unwrap(), [1, 2, 1, 2, 3].map(id), "{status}");

        let server = Server::start(move |asked| match asked.target.contains("next=") {
            true => fail(status, "USERS-4"),
            false => ok(&users(&[1], &next("a"))),
        })
        .await;

        let error = failure(&connect(by_key(server.address)), Kind::User).await;

        assert_eq!(error.code(), "qlik.cursor-expired");
        assert_eq!(server.asked().len(), 6, "three walks");
        assert!(error.to_string().contains("USERS-4"), "{error}");
    }
}

#[tokio::test]
async fn without_a_cursor_a_refusal_is_one() {
    let server = Server::start(|_| fail(400, "USERS-4")).await;

    let error = failure(&connect(by_key(server.address)), Kind::User).await;

    assert_eq!(error.code(), "qlik.rejected");
    assert_eq!(server.asked().len(), 1);
}

/// Starts a server with users 1 to `n`, which gives pages of the size asked for. User `large` is
/// too large to be accepted.
async fn with_a_large_one(n: u32, large: u32) -> Server {
    Server::start(move |asked| {
        let query = asked.target.split_once('?').unwrap().1;
        let get = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value)
        };
        let number = |name| get(name).and_then(|it| it.parse::<u32>().ok());
        let first = number("next").unwrap_or(1);
        let last = (first + number("limit").unwrap() - 1).min(n);
        let numbers: Vec<u32> = (first..=last).collect();
        let next = match last < n {
            true => json!({"href": format!("?next={}", last + 1)}),
            false => json!(null),
        };
        let mut body = users(&numbers, &next);
        if numbers.contains(&large) && get("fields").is_none() {
            body["padding"] = json!("x".repeat(100_000));
        }
        ok(&body)
    })
    .await
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_in_parts_and_a_record_is_named() {
    let server = with_a_large_one(300, 130).await;
    let limits = Limits {
        page_bytes: 50_000,
        ..Limits::default()
    };
    let qlik = connect(Options {
        limits,
        ..by_key(server.address)
    });

    let (mut seen, mut named) = (Vec::new(), Vec::new());
    for page in pages(&qlik, Kind::User).await.unwrap() {
        let readout = page.read();
        seen.extend(
            readout
                .observed
                .into_iter()
                .map(|it| it.record.id().to_string()),
        );
        named.extend(readout.unreadable);
    }

    let expected: Vec<_> = (1..=300).filter(|n| *n != 130).map(id).collect();
    assert_eq!(seen, expected);
    let [finding] = &named[..] else {
        panic!("{named:?}");
    };
    assert_eq!(finding.id, Some(record(Kind::User, 130).id));
    assert_eq!(finding.detail, "the record is larger than 50000 bytes");
    let limits: Vec<_> = server
        .targets()
        .iter()
        .map(|target| {
            let limit = target.split("limit=").nth(1).unwrap();
            limit.split('&').next().unwrap().parse::<u32>().unwrap()
        })
        .collect();
    assert_eq!(limits[..5], [100, 100, 25, 25, 6], "less at once");
    assert_eq!(limits.last(), Some(&64), "and more again");
}

#[tokio::test]
async fn one_user_who_is_too_large_is_there_when_asked_for() {
    let body = json!({"id": id(7), "subject": "s", "padding": "x".repeat(1_000)});
    let server = Server::start(in_turn(vec![ok(&body)])).await;
    let limits = Limits {
        page_bytes: 500,
        ..Limits::default()
    };
    let qlik = connect(Options {
        limits,
        ..by_key(server.address)
    });

    let answer = qlik.fetch(&record(Kind::User, 7)).await.unwrap();

    assert!(matches!(answer, Some(Err(finding)) if finding.id == Some(record(Kind::User, 7).id)));
}

#[tokio::test]
async fn pages_and_records_have_bounds() {
    for (limits, code) in [
        (
            Limits {
                pages: 5,
                ..Limits::default()
            },
            "qlik.too-many-pages",
        ),
        (
            Limits {
                records: 9,
                ..Limits::default()
            },
            "qlik.too-many-records",
        ),
        (
            Limits {
                page_bytes: 64,
                ..Limits::default()
            },
            "qlik.too-large",
        ),
    ] {
        let n = Mutex::new(0);
        let server = Server::start(move |_| {
            let mut n = lock(&n);
            *n += 1;
            ok(&users(
                &[2 * *n, 2 * *n + 1],
                &json!({"href": format!("?next=c{n}")}),
            ))
        })
        .await;
        let options = Options {
            limits,
            ..by_key(server.address)
        };

        let error = failure(&connect(options), Kind::User).await;

        assert_eq!(error.code(), code);
        assert!(server.asked().len() <= 5);
    }
}

#[tokio::test]
async fn groups_come_in_one_listing_and_are_counted_once() {
    let everyone = json!({"id": map::EVERYONE, "name": "com.qlik.Everyone"});
    let sales = json!({"id": id(7), "name": "Sales", "providerType": "idp"});
    let server = Server::start(move |asked| {
        if asked.target.contains("systemGroups=true") {
            ok(&json!({"data": [everyone]}))
        } else {
            ok(&json!({"data": [everyone, sales], "totalResults": 2}))
        }
    })
    .await;
    let qlik = connect(by_key(server.address));

    let pages = pages(&qlik, Kind::Group).await.unwrap();

    let totals: Vec<_> = pages.iter().map(Page::total).collect();
    assert_eq!(totals, [None, Some(2)]);
    let groups: Vec<_> = pages
        .into_iter()
        .flat_map(|page| page.read().observed)
        .map(|observed| match observed.record {
            Record::Group(group) => (group.name, group.group_type.source_value.unwrap()),
            other => panic!("{other:?} is no group"),
        })
        .collect();
    assert_eq!(
        groups,
        [
            ("com.qlik.Everyone".to_owned(), "system".to_owned()),
            ("Sales".to_owned(), "idp".to_owned())
        ]
    );
    assert_eq!(
        server.targets(),
        [
            "/api/v1/groups?systemGroups=true",
            "/api/v1/groups?limit=100&sort=%2Bid&totalResults=true"
        ]
    );
}

#[tokio::test]
async fn an_unreadable_record_does_not_block_the_rest() {
    let body = json!({"data": [
        {"id": id(1), "subject": "s"}, {"id": id(2), "subject": 5}, null,
        {"id": id(3), "status": "deleted"}, {"id": id(4), "subject": "s"},
    ]});
    let server = Server::start(in_turn(vec![ok(&body)])).await;

    let mut pages = pages(&connect(by_key(server.address)), Kind::User)
        .await
        .unwrap();

    let readout = pages.remove(0).read();
    let read: Vec<_> = readout
        .observed
        .iter()
        .map(|it| it.record.id().to_string())
        .collect();
    let unread: Vec<_> = readout
        .unreadable
        .iter()
        .map(|it| it.id.as_ref().map(Id::to_string))
        .collect();
    assert_eq!(read, [id(1), id(4)]);
    assert_eq!(unread, [Some(id(2)), None]);
}
