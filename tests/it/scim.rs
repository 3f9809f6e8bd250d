//! Programs read what is known over SCIM 2.0.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use qlik_roster::demo::tenant::{
    Assignee, Directory, Edit, NewSpace, NewUser, SpaceEdit, SpaceSort, Status,
};
use qlik_roster::model::{GroupId, Id, Mode, TenantId, UserId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::licences::second;
use crate::support::{Running, World};

/// An answer: its status, its headers and its body.
struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// A client with a token.
struct Client<'a> {
    running: &'a Running,
    token: String,
    base: String,
}

impl<'a> Client<'a> {
    async fn new(world: &World, running: &'a Running) -> Self {
        Self::with(world, running, &["--scope", "scim"]).await
    }

    async fn with(world: &World, running: &'a Running, args: &[&str]) -> Self {
        let args = [&["token", "create", "an identity provider"], args].concat();
        let (exit, out, said) = world.command(&args).await;
        assert_eq!(exit, 0, "{said}");
        Self {
            running,
            token: out.trim().to_owned(),
            base: "/scim/v2/tenants/acme".to_owned(),
        }
    }

    /// The same client at the address of all tenants.
    fn of_all(&self) -> Self {
        Self {
            running: self.running,
            token: self.token.clone(),
            base: "/scim/v2".to_owned(),
        }
    }

    fn url(&self, path: &str) -> String {
        self.running.url(&format!("{}{path}", self.base))
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let client = reqwest::Client::new();
        client
            .request(method, self.url(path))
            .bearer_auth(&self.token)
    }

    /// Asks for a path with parameters.
    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let mut url: reqwest::Url = self.url(path).parse().unwrap();
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let client = reqwest::Client::new();
        answer(client.get(url).bearer_auth(&self.token)).await
    }

    /// The ids on a page that must be answered.
    async fn ids(&self, path: &str, parameters: &[(&str, &str)]) -> Vec<String> {
        let answer = self.get(path, parameters).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{parameters:?}: {}",
            answer.body
        );
        ids(&answer.body)
    }

    /// Follows cursors to the end. Between two pages, `between` is called.
    async fn walk(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        mut between: impl AsyncFnMut(),
    ) -> Vec<String> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let parameters = [parameters, &[("cursor", cursor.as_str())]].concat();
            let page = self.get(path, &parameters).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            all.extend(ids(&page.body));
            match page.body["nextCursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return all,
            }
            between().await;
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer {
        status,
        headers,
        body,
    }
}

fn ids(page: &Value) -> Vec<String> {
    let resources = page["Resources"].as_array().unwrap().iter();
    let ids = resources.map(|it| it["id"].as_str().unwrap().to_owned());
    ids.collect()
}

fn user_id(id: &str) -> UserId {
    UserId(Id::parse(id).unwrap())
}

#[tokio::test]
async fn resources_are_listed_by_number_and_by_cursor() {
    let world = World::of_several_pages().await;
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let n_users = world.tenant.directory().n_users();

    for (list, size) in [("/Users", 50), ("/Groups", 25), ("/Roles", 7)] {
        let all = client.ids(list, &[("count", "500")]).await;
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        let size = size.to_string();
        let by_cursor = client.walk(list, &[("count", &size)], async || ()).await;
        assert_eq!(by_cursor, all, "{list}");
        let mut by_number = Vec::new();
        while by_number.len() < all.len() {
            let start = (by_number.len() + 1).to_string();
            let page = client
                .get(list, &[("startIndex", &start), ("count", &size)])
                .await;
            assert_eq!(page.header("content-type"), "application/scim+json");
            assert_eq!(page.body["totalResults"], all.len());
            assert_eq!(page.body["startIndex"].to_string(), start);
            let found = ids(&page.body);
            assert_eq!(page.body["itemsPerPage"], found.len());
            assert!(!found.is_empty());
            by_number.extend(found);
        }
        assert_eq!(by_number, all, "{list}");
        // Each is found by its id, and at its address.
        let one = client.get(&format!("{list}/{}", all[3]), &[]).await;
        let listed = client
            .get(list, &[("startIndex", "4"), ("count", "1")])
            .await;
        assert_eq!(one.body, listed.body["Resources"][0], "{list}");
        let location = one.body["meta"]["location"].as_str().unwrap();
        assert_eq!(location, client.url(&format!("{list}/{}", all[3])));
        assert_eq!(one.header("etag"), one.body["meta"]["version"]);
    }
    let counted = async |parameters: &[(&str, &str)]| {
        let page = client.get("/Users", parameters).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        (
            page.body["totalResults"].as_u64().unwrap(),
            ids(&page.body).len(),
        )
    };
    let n = n_users as u64;
    assert_eq!(counted(&[("count", "0")]).await, (n, 0));
    assert_eq!(
        counted(&[("count", "-5"), ("startIndex", "-5")]).await,
        (n, 0)
    );
    assert_eq!(counted(&[("startIndex", "100000")]).await, (n, 0));
    assert_eq!(
        counted(&[("filter", "userName pr"), ("count", "0")]).await,
        (n, 0)
    );
    let beyond = [
        ("filter", "userName pr"),
        ("startIndex", "230"),
        ("count", "500"),
    ];
    assert_eq!(counted(&beyond).await, (n, n_users - 229));
    running.stop().await;
}

#[tokio::test]
async fn what_was_there_all_along_is_listed_once_by_cursors_while_others_come_and_go() {
    let world = World::of_several_pages().await;
    world.let_all_go();
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let sorted = [
        ("count", "40"),
        ("sortBy", "externalId"),
        ("sortOrder", "descending"),
    ];
    let plain = [("count", "40"), ("filter", "userName pr")];
    for parameters in [&plain[..], &sorted[..]] {
        let before = client.ids("/Users", &[("count", "500")]).await;
        let mut rng = fastrand::Rng::with_seed(7);

        let seen = client
            .walk("/Users", parameters, async || {
                let directory = world.tenant.directory();
                for n in 0..3 {
                    let gone = directory.pick_user(&mut rng, |user| {
                        before.contains(&user.id.to_string())
                            && !world.tenant.credential_users().contains(&user.id)
                    });
                    directory.delete_user(&gone.unwrap().id).unwrap();
                    let new = NewUser::named(&format!("Newcomer {n}"));
                    directory.create_user(new).unwrap();
                }
                running.sync().await;
            })
            .await;

        let once: BTreeSet<_> = seen.iter().collect();
        assert_eq!(once.len(), seen.len(), "{parameters:?}");
        let after = client.ids("/Users", &[("count", "500")]).await;
        let all_along: Vec<_> = before.iter().filter(|id| after.contains(id)).collect();
        assert!(all_along.len() > 150);
        assert!(
            all_along.into_iter().all(|id| once.contains(id)),
            "{parameters:?}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn what_identity_providers_ask_is_found() {
    let world = World::new().await;
    let directory = world.tenant.directory();
    let finance = directory.create_group("Finance \"EMEA\"");
    let maria = NewUser {
        subject: Some("ACME\\Maria.Silva".to_owned()),
        email: Some("Maria.Silva@example.com".to_owned()),
        groups: vec![finance.clone()],
        ..NewUser::named("Maria Silva")
    };
    let maria = directory.create_user(maria).unwrap().to_string();
    let left = NewUser {
        status: Status::Disabled,
        ..NewUser::named("Somebody Else")
    };
    let left = directory.create_user(left).unwrap().to_string();
    let running = world.start().await;
    let client = Client::new(&world, &running).await;

    for filter in [
        r#"userName eq "ACME\\Maria.Silva""#,
        r#"UserName EQ "acme\\maria.silva""#,
        r#"externalId eq "ACME\\Maria.Silva""#,
        r#"emails[type eq "work"].value eq "maria.silva@EXAMPLE.com""#,
        r#"emails.value eq "maria.silva@example.com" and active eq True"#,
        r#"(emails eq "maria.silva@example.com") or userName eq "nobody""#,
        r#"displayName eq "maria silva""#,
        &format!("id eq \"{maria}\""),
        &format!("id eq \"{maria}\" and userName sw \"acme\""),
        &format!("groups.value eq \"{finance}\""),
        &format!("groups[value eq \"{finance}\" and display co \"emea\"]"),
    ] {
        let found = client.get("/Users", &[("filter", filter)]).await;
        assert_eq!(ids(&found.body), [maria.as_str()], "{filter}");
        assert_eq!(found.body["totalResults"], 1, "{filter}");
        let page = [("filter", filter), ("cursor", ""), ("count", "1")];
        assert_eq!(
            client.walk("/Users", &page, async || ()).await,
            [maria.as_str()]
        );
    }
    let inactive = client.ids("/Users", &[("filter", "active eq FALSE")]).await;
    assert!(inactive.contains(&left) && !inactive.contains(&maria));
    for filter in [
        r#"userName eq "nobody""#,
        r#"externalId eq "acme\\maria.silva""#,
        r#"emails[type eq "home"].value eq "maria.silva@example.com""#,
        r#"id eq "nobody""#,
        r#"id eq """#,
        r#"name.givenName eq "Maria""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "1""#,
    ] {
        let nobody = client.get("/Users", &[("filter", filter)]).await;
        assert_eq!(nobody.status, StatusCode::OK, "{filter}: {}", nobody.body);
        assert_eq!(nobody.body["totalResults"], 0, "{filter}");
        assert_eq!(nobody.body["Resources"], json!([]), "{filter}");
    }
    // A user whose name has changed is found by the new name, and not by the old one.
    let edit = Edit::Subject("ACME\\Maria.Souza".to_owned());
    directory.update_user(&user_id(&maria), edit).unwrap();
    running.sync().await;
    let old = client
        .ids(
            "/Users",
            &[("filter", r#"userName eq "ACME\\Maria.Silva""#)],
        )
        .await;
    let new = client
        .ids(
            "/Users",
            &[("filter", r#"userName eq "ACME\\Maria.Souza""#)],
        )
        .await;
    assert_eq!((old, new), (vec![], vec![maria.clone()]));

    let member = format!("id eq \"{finance}\" and members eq \"{maria}\"");
    let other = format!("id eq \"{finance}\" and members.value eq \"{left}\"");
    let members = [
        ("excludedAttributes", "members"),
        ("filter", member.as_str()),
    ];
    let found = client.get("/Groups", &members).await;
    assert_eq!(ids(&found.body), [finance.to_string()]);
    assert_eq!(found.body["Resources"][0]["members"], Value::Null);
    assert_eq!(client.ids("/Groups", &[("filter", &other)]).await, [""; 0]);
    let named = r#"displayName eq "finance \"emea\"""#;
    assert_eq!(
        client.ids("/Groups", &[("filter", named)]).await,
        [finance.to_string()]
    );
    running.stop().await;
}

#[tokio::test]
async fn only_the_wanted_attributes_are_sent() {
    let world = World::new().await;
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let id = client.ids("/Users", &[("count", "1")]).await.pop().unwrap();
    let path = format!("/Users/{id}");
    let extension = "urn:qlik-roster:scim:schemas:extension:2.0:User";
    let core = "urn:ietf:params:scim:schemas:core:2.0:User";
    let all = client.get(&path, &[]).await.body;
    assert_eq!(all["schemas"], json!([core, extension]));
    assert_eq!(all[extension]["tenant"]["name"], "acme");
    assert_eq!(all["userName"], all["externalId"]);
    assert_eq!(all["userName"], all[extension]["subject"]);
    assert_eq!(all["name"]["formatted"], all["displayName"]);
    assert_eq!(all[extension]["inheritedRoles"], Value::Null);

    let wanted = "USERNAME,emails.value,urn:qlik-roster:scim:schemas:extension:2.0:User:subject,no";
    let some = client.get(&path, &[("attributes", wanted)]).await;
    let expected = json!({
        "schemas": [core, extension],
        "id": id,
        "userName": all["userName"],
        "emails": [{ "value": all["emails"][0]["value"] }],
        extension: { "subject": all["userName"] },
    });
    assert_eq!(some.body, expected);
    let few = client
        .get("/Users", &[("attributes", "displayName"), ("count", "1")])
        .await;
    let expected = json!({ "schemas": [core], "id": id, "displayName": all["displayName"] });
    assert_eq!(few.body["Resources"][0], expected);
    let excluded = [(
        "excludedAttributes",
        "id,emails.type,meta,urn:qlik-roster:scim:schemas:extension:2.0:User",
    )];
    let without = client.get(&path, &excluded).await.body;
    let mut expected = all.clone();
    let fields = expected.as_object_mut().unwrap();
    fields.remove("meta");
    fields.remove(extension);
    fields.insert("schemas".into(), json!([core]));
    fields["emails"][0].as_object_mut().unwrap().remove("type");
    assert_eq!(without, expected);
    let meta = client
        .get(&path, &[("attributes", "meta.version")])
        .await
        .body;
    assert_eq!(meta["meta"].as_object().unwrap().len(), 1);

    let inherited = format!("{extension}:inheritedRoles");
    let users = client
        .get("/Users", &[("attributes", &inherited), ("count", "100")])
        .await;
    let mut users = users.body["Resources"].as_array().unwrap().iter();
    assert!(users.any(|it| it[extension]["inheritedRoles"][0]["group"].is_string()));
    running.stop().await;
}

/// Clients compare addresses as texts, so nothing in them is encoded without need.
#[tokio::test]
async fn addresses_are_those_that_clients_make_themselves() {
    let world = World::new().await;
    let running = world.start().await;
    let mut client = Client::with(&world, &running, &["--scope", "admin"]).await;
    let accounts = reqwest::Client::new()
        .get(running.url("/accounts"))
        .bearer_auth(&client.token);
    let accounts = answer(accounts).await;
    let host = &accounts.body[0]["setup_information"]["hosts"][0];
    let host = host.as_str().unwrap();
    assert!(host.contains('.'), "{host}");
    client.base = format!("/scim/v2/tenants/{host}");

    let page = client.get("/Users", &[("count", "1")]).await;
    let user = &page.body["Resources"][0];
    let path = format!("/Users/{}", user["id"].as_str().unwrap());
    let location = user["meta"]["location"].as_str().unwrap();
    assert_eq!(location, client.url(&path));
    let one = client.get(&path, &[("attributes", "userName")]).await;
    assert_eq!(one.header("content-location"), location);

    // The only page of a filter says how many match.
    let filter = format!("id eq \"{}\"", user["id"].as_str().unwrap());
    let found = client
        .get("/Users", &[("filter", &filter), ("cursor", "")])
        .await;
    assert_eq!(found.body["totalResults"], 1, "{}", found.body);
    let none = [("cursor", ""), ("count", "0")];
    let none = client.get("/Users", &none).await;
    assert_eq!(none.body["scimType"], "invalidCount", "{}", none.body);
    running.stop().await;
}

#[tokio::test]
async fn resources_are_sorted() {
    let world = World::new().await;
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let names = async |parameters: &[(&str, &str)]| {
        let page = client.get("/Users", parameters).await;
        let resources = page.body["Resources"].as_array().unwrap().clone();
        let name = |it: &Value| it["displayName"].as_str().unwrap().to_lowercase();
        resources.iter().map(name).collect::<Vec<_>>()
    };
    let all = names(&[("count", "500")]).await;
    let mut sorted = all.clone();
    sorted.sort();
    assert_ne!(all, sorted);

    let ascending = [("sortBy", "displayName"), ("count", "500")];
    assert_eq!(names(&ascending).await, sorted);
    let part = [
        ("sortBy", "DISPLAYNAME"),
        ("startIndex", "11"),
        ("count", "5"),
    ];
    assert_eq!(names(&part).await, sorted[10..15]);
    let descending = [&ascending[..], &[("sortOrder", "descending")]].concat();
    sorted.reverse();
    assert_eq!(names(&descending).await, sorted);
    let by_number = client.ids("/Users", &descending).await;
    let walked = [
        ("sortBy", "displayName"),
        ("sortOrder", "descending"),
        ("count", "9"),
    ];
    assert_eq!(client.walk("/Users", &walked, async || ()).await, by_number);
    // An attribute that Qlik does not have has no value: all come in the order of ids.
    let untitled = [("sortBy", "title"), ("count", "500")];
    assert_eq!(client.ids("/Users", &untitled).await.len(), all.len());
    let wrong = client.get("/Users", &[("sortBy", "nothing")]).await;
    assert_eq!(wrong.body["scimType"], "invalidPath", "{}", wrong.body);
    running.stop().await;
}

#[tokio::test]
async fn a_large_group_is_listed_without_its_members_unless_they_are_asked_for() {
    let world = World::new().await;
    let directory = world.tenant.directory();
    let (large, small) = (
        directory.create_group("Large"),
        directory.create_group("Small"),
    );
    for n in 0..1_010 {
        let groups: Vec<GroupId> = match n < 3 {
            true => vec![large.clone(), small.clone()],
            false => vec![large.clone()],
        };
        let user = NewUser {
            groups,
            ..NewUser::named(&format!("Member {n}"))
        };
        directory.create_user(user).unwrap();
    }
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let filter = format!("id eq \"{large}\" or id eq \"{small}\"");
    let n_members = async |parameters: &[(&str, &str)]| {
        let parameters = [
            parameters,
            &[("filter", filter.as_str()), ("sortBy", "displayName")],
        ];
        let page = client.get("/Groups", &parameters.concat()).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let groups = page.body["Resources"].as_array().unwrap().clone();
        let count = |it: &Value| it["members"].as_array().map(Vec::len);
        groups.iter().map(count).collect::<Vec<_>>()
    };

    assert_eq!(n_members(&[]).await, [None, Some(3)]);
    assert_eq!(
        n_members(&[("attributes", "members")]).await,
        [Some(1_010), Some(3)]
    );
    assert_eq!(
        n_members(&[("attributes", "members.value")]).await,
        [Some(1_010), Some(3)]
    );
    assert_eq!(
        n_members(&[("excludedAttributes", "members")]).await,
        [None, None]
    );
    let one = client.get(&format!("/Groups/{large}"), &[]).await;
    assert_eq!(one.body["members"].as_array().unwrap().len(), 1_010);
    let member = &one.body["members"][0];
    let user = client
        .get(
            &format!("/Users/{}", member["value"].as_str().unwrap()),
            &[],
        )
        .await;
    assert_eq!(member["display"], user.body["displayName"]);
    assert_eq!(member["$ref"], user.body["meta"]["location"]);
    let in_it = user.body["groups"].as_array().unwrap();
    assert!(in_it.iter().any(|it| it["value"] == large.to_string()));
    running.stop().await;
}

#[tokio::test]
async fn a_version_changes_with_what_is_shown() {
    let world = World::new().await;
    let directory = world.tenant.directory();
    let group = directory.create_group("Finance");
    let user = directory.create_user(NewUser::named("Maria")).unwrap();
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let path = format!("/Groups/{group}");
    let ask = async |header: &str, version: &str| {
        let request = client.request(Method::GET, &path).header(header, version);
        answer(request).await
    };
    let first = client.get(&path, &[]).await;
    let version = first.header("etag").to_owned();
    assert!(version.starts_with("W/\""), "{version}");

    let same = ask("if-none-match", &format!("W/\"other\", {version}")).await;
    assert_eq!(
        (same.status, same.header("etag")),
        (StatusCode::NOT_MODIFIED, &*version)
    );
    assert_eq!(
        ask("if-none-match", "*").await.status,
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(ask("if-match", &version).await.status, StatusCode::OK);
    let other = ask("if-match", "W/\"other\"").await;
    assert_eq!(other.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(other.body["status"], "412");

    // A group that gets a member is another one, although its own record has not changed.
    directory
        .update_user(&user, Edit::JoinGroup(group.clone()))
        .unwrap();
    running.sync().await;
    let changed = ask("if-none-match", &version).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.body["members"][0]["value"], user.to_string());
    running.stop().await;
}

/// A version is that of the whole resource: whatever is asked for, and wherever it is listed.
#[tokio::test]
async fn a_version_does_not_depend_on_what_is_asked_for() {
    let world = World::new().await;
    let directory = world.tenant.directory();
    let large = directory.create_group("Large");
    let mut member = None;
    for n in 0..1_010 {
        let user = NewUser {
            groups: vec![large.clone()],
            ..NewUser::named(&format!("Member {n}"))
        };
        member = Some(directory.create_user(user).unwrap());
    }
    let scopes = ["user.admin".to_owned()].into();
    let member = member.unwrap();
    directory
        .update_user(&member, Edit::Scopes(Some(scopes)))
        .unwrap();
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let lists = [
        ("/Users", member.to_string()),
        ("/Groups", large.to_string()),
        (
            "/Roles",
            client.ids("/Roles", &[("count", "1")]).await.remove(0),
        ),
        ("/Entitlements", "user.admin".to_owned()),
    ];
    for (list, id) in &lists {
        let path = format!("{list}/{id}");
        let whole = client.get(&path, &[]).await;
        let version = whole.header("etag").to_owned();
        assert_eq!(whole.body["meta"]["version"], *version, "{list}");
        for asked in [
            ("attributes", "meta"),
            ("attributes", "displayName"),
            ("attributes", "members,meta.version"),
            ("excludedAttributes", "members,displayName,entitlements"),
            ("excludedAttributes", "meta"),
        ] {
            let part = client.get(&path, &[asked]).await;
            assert_eq!(part.header("etag"), version, "{list} {asked:?}");
            let request = client.request(
                Method::GET,
                &format!("{path}?{}={}", asked.0, asked.1.replace(',', "%2C")),
            );
            let same = answer(request.header("if-none-match", &version)).await;
            assert_eq!(same.status, StatusCode::NOT_MODIFIED, "{list} {asked:?}");
        }
        let filter = format!("id eq \"{id}\"");
        for more in [
            &[][..],
            &[("sortBy", "displayName")],
            &[("filter", &filter)],
            &[("excludedAttributes", "members")],
            &[("attributes", "meta.version")],
            &[("attributes", "members,meta")],
        ] {
            let parameters = [more, &[("count", "500"), ("cursor", "")]].concat();
            let mut found = None;
            let mut cursor = String::new();
            while found.is_none() {
                let mut parameters = parameters.clone();
                parameters.pop();
                parameters.push(("cursor", &cursor));
                let page = client.get(list, &parameters).await;
                assert_eq!(page.status, StatusCode::OK, "{}", page.body);
                let resources = page.body["Resources"].as_array().unwrap();
                found = resources.iter().find(|it| it["id"] == **id).cloned();
                cursor = page.body["nextCursor"].as_str().unwrap_or("").to_owned();
                assert!(found.is_some() || !cursor.is_empty(), "{list} {more:?}");
            }
            let shown = found.unwrap();
            assert_eq!(shown["meta"]["version"], *version, "{list} {more:?}");
        }
        // At another address, it is the same content under other addresses.
        let all = client.of_all();
        let tenant = world.tenant.tenant_id();
        let there = all.get(&format!("{path}~{}", tenant.0), &[]).await;
        assert_eq!(there.status, StatusCode::OK);
    }

    // A member's new name changes the group, also where its members are left out.
    let group = async || {
        let filter = format!("id eq \"{large}\"");
        let page = client.get("/Groups", &[("filter", &filter)]).await;
        let group = page.body["Resources"][0].clone();
        assert_eq!(group["members"], Value::Null);
        group["meta"]["version"].clone()
    };
    let before = group().await;
    let edit = Edit::Name("Somebody else".to_owned());
    directory.update_user(&member, edit).unwrap();
    running.sync().await;
    assert_ne!(group().await, before);
    running.stop().await;
}

/// Filters about members, compared with what the members are.
#[tokio::test]
async fn groups_are_found_by_what_is_true_of_their_members() {
    let world = World::new().await;
    let directory = world.tenant.directory();
    let empty = directory.create_group("Empty");
    let lonely = directory.create_group("Lonely");
    let both = directory.create_group("Both");
    let maria = NewUser {
        groups: vec![lonely.clone(), both.clone()],
        ..NewUser::named("Maria Silva")
    };
    let maria = directory.create_user(maria).unwrap().to_string();
    let nora = NewUser {
        groups: vec![both.clone()],
        ..NewUser::named("Nora Lund")
    };
    let nora = directory.create_user(nora).unwrap().to_string();
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let ours = [&empty, &lonely, &both].map(ToString::to_string);

    for (condition, expected) in [
        ("members pr".to_owned(), vec![&lonely, &both]),
        ("not (members pr)".to_owned(), vec![&empty]),
        ("members eq null".to_owned(), vec![&empty]),
        ("members.value pr".to_owned(), vec![&lonely, &both]),
        (format!("members eq \"{maria}\""), vec![&lonely, &both]),
        (format!("members ne \"{maria}\""), vec![&empty, &both]),
        (format!("members[value ne \"{maria}\"]"), vec![&both]),
        (format!("not (members eq \"{maria}\")"), vec![&empty]),
        (format!("members[value eq \"{nora}\"]"), vec![&both]),
        (
            format!("members eq \"{maria}\" and members eq \"{nora}\""),
            vec![&both],
        ),
        ("members.display eq \"nora lund\"".to_owned(), vec![&both]),
        (
            "members.display co \"SILVA\"".to_owned(),
            vec![&lonely, &both],
        ),
        (
            "members.display sw \"N\" and members.display sw \"M\"".to_owned(),
            vec![&both],
        ),
        (
            "members[display sw \"N\" and display ew \"Silva\"]".to_owned(),
            vec![],
        ),
        (
            format!("members[value eq \"{maria}\" and display co \"lund\"]"),
            vec![],
        ),
        (
            "members[type eq \"User\" and not (display co \"maria\")]".to_owned(),
            vec![&both],
        ),
        ("members.type eq \"Group\"".to_owned(), vec![]),
        (
            format!(
                "members.$ref eq \"{}\"",
                client.url(&format!("/Users/{nora}"))
            ),
            vec![&both],
        ),
        (
            "members.display gt \"Nora\" or displayName eq \"empty\"".to_owned(),
            vec![&empty, &both],
        ),
    ] {
        let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        expected.sort();
        let named = ours.iter().map(|id| format!("id eq \"{id}\""));
        let named = named.collect::<Vec<_>>().join(" or ");
        for filter in [format!("({named}) and ({condition})"), condition.clone()] {
            let parameters = [("filter", filter.as_str()), ("count", "500")];
            let mut found = client.ids("/Groups", &parameters).await;
            found.retain(|id| ours.contains(id));
            found.sort();
            assert_eq!(found, expected, "{filter}");
            let sorted = [&parameters[..], &[("sortBy", "displayName")]].concat();
            let mut found = client.ids("/Groups", &sorted).await;
            found.retain(|id| ours.contains(id));
            found.sort();
            assert_eq!(found, expected, "{filter}, sorted");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn answers_have_the_media_type_that_is_asked_for() {
    let world = World::new().await;
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let scim = "application/scim+json";
    for (accept, status, sort) in [
        ("*/*", 200, scim),
        ("application/scim+json", 200, scim),
        ("application/json", 200, "application/json"),
        ("application/json, application/scim+json", 200, scim),
        ("application/json;q=0.9, text/html", 200, "application/json"),
        ("text/html", 406, scim),
        ("application/xml", 406, scim),
    ] {
        for (path, found) in [
            ("/Users", status),
            ("/Schemas", status),
            ("/Users/nobody", if status == 200 { 404 } else { status }),
        ] {
            let request = client.request(Method::GET, path);
            let answered = answer(request.header("accept", accept)).await;
            assert_eq!(answered.status.as_u16(), found, "{accept} {path}");
            assert_eq!(answered.header("content-type"), sort, "{accept} {path}");
            assert!(answered.header("vary").contains("Accept"), "{path}");
            assert!(answered.body.is_object(), "{accept} {path}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn a_search_may_come_in_a_body_and_cover_all_types() {
    let world = World::new().await;
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let search = async |path: &str, body: Value| {
        let request = client.request(Method::POST, path);
        let request = request.header("content-type", "application/scim+json; charset=utf-8");
        answer(request.body(body.to_string())).await
    };
    let users = client.ids("/Users", &[("count", "5")]).await;

    let by_body = search("/Users/.search", json!({ "count": 5 })).await;
    assert_eq!(ids(&by_body.body), users);
    let types = r#"meta.resourceType eq "Role" and displayName eq "tenantadmin""#;
    let role = search(
        "/.search",
        json!({ "filter": types, "attributes": ["displayName"] }),
    )
    .await;
    assert_eq!(role.body["totalResults"], 1, "{}", role.body);
    assert_eq!(role.body["Resources"][0]["displayName"], "TenantAdmin");
    let mut n = 0;
    for list in ["/Users", "/Groups", "/Roles", "/Entitlements"] {
        let page = client.get(list, &[("count", "0")]).await;
        n += page.body["totalResults"].as_u64().unwrap();
    }
    let all = client.walk("", &[("count", "30")], async || ()).await;
    assert_eq!(all.len() as u64, n);
    assert_eq!(
        client.get("", &[("count", "0")]).await.body["totalResults"],
        n
    );
    running.stop().await;
}

#[tokio::test]
async fn errors_have_scims_form() {
    let world = World::new().await;
    let running = world.start().await;
    let mut client = Client::new(&world, &running).await.of_all();
    let right = client.token.clone();
    let read = Client::with(&world, &running, &["--scope", "read"])
        .await
        .token;
    let cursor = client
        .get("/Users", &[("cursor", ""), ("count", "5")])
        .await;
    let cursor = cursor.body["nextCursor"].as_str().unwrap().to_owned();
    let long = "x".repeat(9_000);
    for (token, path, parameters, status, sort) in [
        ("qlr_none", "/Users", &[][..], 401, Value::Null),
        (&*read, "/Users", &[], 403, Value::Null),
        (&*right, "/nothing", &[], 404, Value::Null),
        (&right, "/Users/nobody", &[], 404, Value::Null),
        (&right, "/tenants/nobody/Users", &[], 404, Value::Null),
        (
            &right,
            "/Users",
            &[("filter", "userName is \"x\"")],
            400,
            json!("invalidFilter"),
        ),
        (
            &right,
            "/Users",
            &[("filter", "nothing pr")],
            400,
            json!("invalidFilter"),
        ),
        (
            &right,
            "/Users",
            &[("filter", "emails[nothing eq \"x\"]")],
            400,
            json!("invalidFilter"),
        ),
        (
            &right,
            "/Users",
            &[("filter", r#"userName eq "ACME\bob""#)],
            400,
            json!("invalidFilter"),
        ),
        (
            &right,
            "/Users",
            &[("count", "x")],
            400,
            json!("invalidValue"),
        ),
        (
            &right,
            "/Users",
            &[("sortOrder", "up")],
            400,
            json!("invalidValue"),
        ),
        (
            &right,
            "/Users",
            &[("attributes", "id"), ("excludedAttributes", "meta")],
            400,
            json!("invalidValue"),
        ),
        (
            &right,
            "/Users",
            &[("cursor", "x")],
            400,
            json!("invalidCursor"),
        ),
        (
            &right,
            "/Groups",
            &[("cursor", &cursor)],
            400,
            json!("invalidCursor"),
        ),
        (
            &right,
            "/Users",
            &[("cursor", &cursor), ("count", "6")],
            400,
            json!("invalidCount"),
        ),
        (
            &right,
            "/Users",
            &[("cursor", ""), ("count", "501")],
            400,
            json!("invalidCount"),
        ),
        (&right, "/Users", &[("x", &long)], 414, Value::Null),
        (&right, "/Me", &[], 501, Value::Null),
    ] {
        token.clone_into(&mut client.token);
        let answer = client.get(path, parameters).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{path} {parameters:?}: {}",
            answer.body
        );
        assert_eq!(
            answer.header("content-type"),
            "application/scim+json",
            "{path}"
        );
        assert_eq!(answer.body["status"], status.to_string(), "{path}");
        assert_eq!(answer.body["scimType"], sort, "{path} {parameters:?}");
        let schema = "urn:ietf:params:scim:api:messages:2.0:Error";
        assert_eq!(answer.body["schemas"], json!([schema]), "{path}");
        assert!(answer.body["detail"].is_string(), "{path}");
    }
    right.clone_into(&mut client.token);
    let filter = client
        .get("/Users", &[("filter", "userName is \"x\"")])
        .await;
    let detail = filter.body["detail"].as_str().unwrap();
    assert!(detail.contains("character 10"), "{detail}");

    for (method, path, allow) in [
        (Method::POST, "/Users", "GET, HEAD"),
        (Method::PUT, "/Users/x", "GET, HEAD"),
        (Method::PATCH, "/Groups/x", "GET, HEAD"),
        (Method::DELETE, "/Roles/x", "GET, HEAD"),
        (Method::POST, "/ServiceProviderConfig", "GET, HEAD"),
        (Method::DELETE, "/Schemas/x", "GET, HEAD"),
        (Method::GET, "/Users/.search", "POST"),
    ] {
        let refused = answer(client.request(method.clone(), path)).await;
        assert_eq!(
            refused.status,
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}"
        );
        assert_eq!(refused.header("allow"), allow, "{method} {path}");
        assert_eq!(refused.body["status"], "405");
    }
    let search = |sort: &str, body: String| {
        let request = client.request(Method::POST, "/Users/.search");
        answer(request.header("content-type", sort).body(body))
    };
    let plain = search("text/plain", "{}".to_owned()).await;
    assert_eq!(plain.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let long = search(
        "application/json",
        format!("{{\"x\":\"{}\"}}", "y".repeat(70_000)),
    )
    .await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    let broken = search("application/json", "{".to_owned()).await;
    assert_eq!(broken.body["scimType"], "invalidSyntax");
    let nobody = answer(reqwest::Client::new().get(client.url("/Users"))).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    running.stop().await;
}

#[tokio::test]
async fn the_server_describes_itself_without_a_token() {
    let world = World::new().await;
    let running = world.start().await;
    let client = Client::new(&world, &running).await;
    let open = async |path: &str| answer(reqwest::Client::new().get(client.url(path))).await;

    let config = open("/ServiceProviderConfig").await;
    assert_eq!(config.status, StatusCode::OK);
    assert_eq!(config.header("content-type"), "application/scim+json");
    assert_eq!(config.body["patch"]["supported"], false);
    assert_eq!(
        config.body["filter"],
        json!({ "supported": true, "maxResults": 500 })
    );
    assert_eq!(
        config.body["pagination"]["defaultPaginationMethod"],
        "index"
    );
    let types = open("/ResourceTypes").await;
    let names = ids(&types.body);
    assert_eq!(names, ["User", "Group", "Role", "Entitlement"]);
    for (name, sort) in names
        .iter()
        .zip(types.body["Resources"].as_array().unwrap())
    {
        assert_eq!(open(&format!("/ResourceTypes/{name}")).await.body, *sort);
        for urn in [&sort["schema"], &sort["schemaExtensions"][0]["schema"]] {
            let schema = open(&format!("/Schemas/{}", urn.as_str().unwrap())).await;
            assert_eq!(schema.body["id"], *urn);
            let attributes = schema.body["attributes"].as_array().unwrap().clone();
            assert!(attributes.iter().all(|it| it["mutability"] == "readOnly"));
        }
    }
    assert_eq!(ids(&open("/Schemas").await.body).len(), 8);
    assert_eq!(
        open("/Schemas/urn:none").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        open("/Schemas?filter=id+pr").await.status,
        StatusCode::FORBIDDEN
    );
    let wrong = reqwest::Client::new()
        .get(client.url("/Schemas"))
        .bearer_auth("qlr_none");
    assert_eq!(answer(wrong).await.status, StatusCode::UNAUTHORIZED);
    running.stop().await;
}

/// Every resource of every tenant is found by the id that it is listed with.
#[tokio::test]
async fn ids_are_unique_among_the_tenants_of_an_address() {
    let world = World::new().await;
    world.let_all_go();
    let (beta, sections) = second(&world).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!("{config}{sections}"));
    let running = world.start().await;
    running.run_of("beta", Mode::Commit).await;
    let client = Client::new(&world, &running).await.of_all();
    let one = |name: &str| Client {
        running: &running,
        token: client.token.clone(),
        base: format!("/scim/v2/tenants/{name}"),
    };
    let (acme, other) = (one("acme"), one("beta"));
    for list in ["/Users", "/Groups", "/Roles"] {
        let all = client.ids(list, &[("count", "500")]).await;
        let acmes = acme.ids(list, &[("count", "500")]).await;
        let betas = other.ids(list, &[("count", "500")]).await;
        assert_eq!(all.len(), acmes.len() + betas.len(), "{list}");
        let tenants = [world.tenant.tenant_id(), beta.tenant_id()];
        let qualified = |ids: &[String], tenant: &TenantId| {
            let ids = ids.iter().map(|id| format!("{id}~{}", tenant.0));
            ids.collect::<Vec<_>>()
        };
        let expected = [
            qualified(&acmes, &tenants[0]),
            qualified(&betas, &tenants[1]),
        ];
        assert_eq!(all, expected.concat(), "{list}");
        // Without its tenant, an id names nothing here.
        let bare = client.get(&format!("{list}/{}", acmes[0]), &[]).await;
        assert_eq!(bare.status, StatusCode::NOT_FOUND);
        assert_eq!(
            all.iter().collect::<BTreeSet<_>>().len(),
            all.len(),
            "{list}"
        );
        for id in &all {
            let found = client.get(&format!("{list}/{id}"), &[]).await;
            assert_eq!(found.body["id"], **id, "{list}");
            let filter = format!("id eq \"{id}\"");
            let found = client.ids(list, &[("filter", &filter)]).await;
            assert_eq!(found, [id.as_str()]);
        }
        assert_eq!(client.walk(list, &[("count", "9")], async || ()).await, all);
    }
    let location = other.get("/Users", &[("count", "1")]).await;
    let location = &location.body["Resources"][0]["meta"]["location"];
    assert!(
        location
            .as_str()
            .unwrap()
            .contains("/scim/v2/tenants/beta/Users/")
    );
    // A token for one tenant reads it at the address of all, with the same ids as others read: they
    // do not depend on which tenants there are.
    let limited = Client::with(&world, &running, &["--scope", "scim", "--tenant", "beta"]).await;
    let limited = limited.of_all();
    for list in ["/Users", "/Groups", "/Roles"] {
        let all = client.ids(list, &[("count", "500")]).await;
        let betas = limited.ids(list, &[("count", "500")]).await;
        assert!(all.ends_with(&betas) && !betas.is_empty(), "{list}");
    }
    assert_eq!(
        limited.get("/tenants/acme/Users", &[]).await.status,
        StatusCode::NOT_FOUND
    );
    drop(beta);
    running.stop().await;
}

#[tokio::test]
async fn a_tenant_that_was_not_read_is_not_an_empty_one() {
    let world = World::new().await;
    let config = world.standard_config();
    let beta = "[[tenants]]\nname = \"beta\"\nhost = \"http://127.0.0.1:9\"\nconnection = \"test\"\n\
                [[endpoints]]";
    world.write_config(&config.replacen("[[endpoints]]", beta, 1));
    let running = world.start().await;
    let client = Client::new(&world, &running).await.of_all();

    let beta = client.get("/tenants/beta/Users", &[]).await;
    let one = client.get("/tenants/beta/Users/x", &[]).await;
    let all = client.get("/Users", &[("count", "1")]).await;

    for refused in [&beta, &one] {
        assert_eq!(
            refused.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{}",
            refused.body
        );
        assert_eq!(refused.header("retry-after"), "60");
        assert_eq!(refused.body["status"], "503");
    }
    assert_eq!(all.status, StatusCode::OK);
    assert_eq!(all.header("qlik-roster-not-read"), "beta");
    assert_eq!(all.header("qlik-roster-not-read-count"), "1");
    let id = all.body["Resources"][0]["id"].as_str().unwrap();
    let one = client.get(&format!("/Users/{id}"), &[]).await;
    assert_eq!(one.header("qlik-roster-not-read"), "beta");
    // A resource of the tenant that was not read is not one that is gone.
    let (_, acme) = id.rsplit_once('~').unwrap();
    for (id, status) in [
        ("x~beta".to_owned(), StatusCode::SERVICE_UNAVAILABLE),
        (format!("x~{acme}"), StatusCode::NOT_FOUND),
        ("x".to_owned(), StatusCode::NOT_FOUND),
    ] {
        let one = client.get(&format!("/Users/{id}"), &[]).await;
        assert_eq!(one.status, status, "{id}");
    }
    // Clients refuse a message with attributes that the standard does not have.
    let list = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
    assert_eq!(all.body["schemas"], json!([list]));
    let names = all.body.as_object().unwrap().keys();
    let names: BTreeSet<&str> = names.map(String::as_str).collect();
    let expected = [
        "Resources",
        "itemsPerPage",
        "schemas",
        "startIndex",
        "totalResults",
    ];
    assert_eq!(names, expected.into());
    let client = client.get("/tenants/acme/Users", &[("count", "1")]).await;
    assert_eq!(client.header("qlik-roster-not-read-count"), "");
    running.stop().await;
}

/// The published client validates each answer by the schemas that we publish, and its checks try
/// what discovery must answer.
#[tokio::test]
async fn the_python_client_reads_everything_and_its_checks_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/receivers/python/bin/python");
    let is_there = || {
        let mut check = Command::new(&python);
        let check = check.args(["-c", "import scim2_tester, httpx2"]).output();
        check.is_ok_and(|output| output.status.success())
    };
    if !is_there() {
        let required = std::env::var_os("QLIK_ROSTER_REQUIRE_FOREIGN").is_some();
        assert!(!required, "run `tests/run.sh`, which installs the client");
        return;
    }
    let world = World::new().await;
    // That a tenant is missing is said in a way that strict clients accept.
    let config = world.standard_config();
    let beta = "[[tenants]]\nname = \"beta\"\nhost = \"http://127.0.0.1:9\"\nconnection = \"test\"\n\
                [[endpoints]]";
    world.write_config(&config.replacen("[[endpoints]]", beta, 1));
    let running = world.start().await;
    let client = Client::new(&world, &running).await.of_all();
    let mut program = Command::new(python);
    program
        .arg(root.join("tests/receivers/read_scim.py"))
        .args([client.url(""), client.token.clone()]);

    let output = tokio::task::spawn_blocking(move || program.output());
    let output = output.await.unwrap().unwrap();

    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read["failed"], json!([]));
    assert!(read["done"].as_u64().unwrap() >= 20, "{read}");
    for (name, list) in [("User", "/Users"), ("Group", "/Groups"), ("Role", "/Roles")] {
        let expected = client.ids(list, &[("count", "500")]).await;
        assert_eq!(read["found"][name], json!(expected), "{name}");
    }
    running.stop().await;
}

#[tokio::test]
async fn roles_in_spaces_are_entitlements() {
    let world = crate::spaces::world(crate::spaces::clock(), 0).await;
    let tenant = world.tenant.directory();
    let group = tenant.create_group("Sales");
    let maria = NewUser {
        groups: vec![group.clone()],
        ..NewUser::named("Maria")
    };
    let maria = tenant.create_user(maria).unwrap();
    let owner = tenant.create_user(NewUser::named("Olga")).unwrap();
    let space = tenant.create_space(NewSpace {
        name: "Forecast".to_owned(),
        sort: SpaceSort::Shared,
        owner,
    });
    let other = tenant.create_user(NewUser::named("Nora")).unwrap();
    // Each entitlement of a user is a resource, scopes as well.
    for user in tenant.users() {
        tenant
            .update_user(&user.id, Edit::Scopes(Some([].into())))
            .unwrap();
    }
    let scopes = ["user.admin", "automations:read"].map(str::to_owned);
    let edit = Edit::Scopes(Some(scopes.into()));
    tenant.update_user(&other, edit).unwrap();
    let sales = Assignee::Group(group);
    let everyone = Assignee::Group(Directory::everyone());
    tenant
        .assign(&space, sales, &["producer", "facilitator"])
        .unwrap();
    tenant
        .assign(&space, Assignee::User(other.clone()), &["consumer"])
        .unwrap();
    tenant.assign(&space, everyone, &["dataconsumer"]).unwrap();
    let running = world.start().await;
    crate::spaces::read_once(&running).await;
    let client = Client::new(&world, &running).await;
    let id = |role: &str| format!("{space}:{role}");
    let roles = ["consumer", "dataconsumer", "facilitator", "producer"].map(id);
    let scopes = ["automations:read", "user.admin"].map(str::to_owned);
    let roles = [&roles[..], &scopes].concat();

    assert_eq!(client.ids("/Entitlements", &[]).await, roles);
    for start in 1..=roles.len() {
        let start_index = start.to_string();
        let page = [("startIndex", start_index.as_str()), ("count", "2")];
        let page = client.get("/Entitlements", &page).await;
        assert_eq!(page.body["totalResults"], roles.len());
        let end = (start + 1).min(roles.len());
        assert_eq!(ids(&page.body), roles[start - 1..end]);
    }
    let filter = [("filter", "type eq \"scope\"")];
    assert_eq!(client.ids("/Entitlements", &filter).await, scopes);
    for id in &roles {
        let one = client.get(&format!("/Entitlements/{id}"), &[]).await;
        assert_eq!(one.body["id"], **id, "{}", one.body);
    }
    let nora = client.get(&format!("/Users/{other}"), &[]).await;
    for held in nora.body["entitlements"].as_array().unwrap() {
        let value = held["value"].as_str().unwrap();
        let it = client.get(&format!("/Entitlements/{value}"), &[]).await;
        assert_eq!(it.body["displayName"], held["display"], "{value}");
    }
    let walked = client
        .walk("/Entitlements", &[("count", "1")], async || ())
        .await;
    assert_eq!(walked, roles);
    let sorted = [
        ("sortBy", "displayName"),
        ("sortOrder", "descending"),
        ("count", "3"),
    ];
    assert_eq!(
        client.ids("/Entitlements", &sorted).await,
        ["user.admin".to_owned(), id("producer"), id("facilitator")]
    );
    let one = client
        .get(&format!("/Entitlements/{}", id("consumer")), &[])
        .await;
    assert_eq!(one.body["displayName"], "consumer in Forecast");
    assert_eq!(one.body["type"], "SpaceRole");
    let extension = "urn:qlik-roster:scim:schemas:extension:2.0:Entitlement";
    assert_eq!(one.body[extension]["space"]["value"], space.to_string());
    assert_eq!(one.header("etag"), one.body["meta"]["version"]);
    // A space's new name is one of its entitlements.
    tenant
        .update_space(&space, SpaceEdit::Name("Budget".to_owned()))
        .unwrap();
    crate::spaces::read_again(&world, &running).await;
    let path = format!("/Entitlements/{}", id("consumer"));
    let renamed = client.get(&path, &[]).await;
    assert_eq!(renamed.body["displayName"], "consumer in Budget");
    assert_ne!(renamed.header("etag"), one.header("etag"));
    let none = client
        .get(&format!("/Entitlements/{}", id("owner")), &[])
        .await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let of = async |user: &UserId| {
        let user = client.get(&format!("/Users/{user}"), &[]).await;
        let entitlements = user.body["entitlements"].as_array().unwrap().iter();
        let in_spaces = entitlements.filter(|it| it["type"] != "Scope");
        let shown = in_spaces.map(|it| (it["value"].clone(), it["type"].clone()));
        shown.collect::<Vec<_>>()
    };
    let expected = |roles: &[(&str, &str)]| {
        let roles = roles
            .iter()
            .map(|(role, sort)| (json!(id(role)), json!(sort)));
        roles.collect::<Vec<_>>()
    };
    let by_group = "SpaceRoleByGroup";
    let marias = [
        ("dataconsumer", by_group),
        ("facilitator", by_group),
        ("producer", by_group),
    ];
    assert_eq!(of(&maria).await, expected(&marias));
    let noras = [("consumer", "SpaceRole"), ("dataconsumer", by_group)];
    assert_eq!(of(&other).await, expected(&noras));
    let filter = format!("entitlements.value eq \"{}\"", id("producer"));
    assert_eq!(
        client.ids("/Users", &[("filter", &filter)]).await,
        [maria.to_string()]
    );
    running.stop().await;
}
