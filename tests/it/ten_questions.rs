//! Ten questions about access, each answered by a command and compared with the whole right answer.
//!
//! Questions five and six, about sessions and licences, are asked in `sessions` and `licences`.
//! `evaluator_gaps` asks about what Qlik's Access Evaluator leaves out.

use std::collections::BTreeSet;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{
    Assignee, Directory, Edit, GroupEdit, NewSpace, NewUser, RateLimits, SpaceEdit, SpaceSort,
    Status, TenantOptions,
};
use qlik_roster::model::{GroupId, SpaceId, Timestamp, UserId};
use serde_json::{Value, json};

use crate::spaces::{DAY, reading};
use crate::support::{Running, World, within};

/// A tenant in which only the users named here have access that matters.
///
/// Maria is an administrator by two paths, Noah by a group although he is disabled, a bot directly.
/// Olga owns both spaces. In `Sales EMEA`, Maria, Noah, the bot, the group Sales and everybody have
/// assignments. One of its apps is shared with Gus, another by a link.
pub struct Case {
    pub world: World,
    pub running: Running,
    pub sales: SpaceId,
    group: GroupId,
    pub maria: UserId,
    pub gus: UserId,
}

pub async fn case() -> Case {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users: 2,
        groups: 1,
        custom_roles: 0,
        spaces: 0,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    world.let_all_go();
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!(
        "[access]\nspaces = true\nlicences = true\n{config}"
    ));
    let tenant = world.tenant.directory();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    for user in tenant.users() {
        if user.client_id.is_none() {
            tenant.delete_user(&user.id).unwrap();
        }
    }
    for group in tenant.groups() {
        tenant.delete_group(&group.id).unwrap();
    }
    let platform = tenant.create_group("Platform");
    let gives = GroupEdit::AssignRole(admin.clone());
    tenant.update_group(&platform, gives).unwrap();
    let sales = tenant.create_group("Sales");
    let user = |new: NewUser| tenant.create_user(new).unwrap();
    let maria = user(NewUser {
        roles: vec![admin.clone()],
        groups: vec![platform.clone(), sales.clone()],
        ..NewUser::named("Maria Silva")
    });
    let noah = user(NewUser {
        status: Status::Disabled,
        groups: vec![platform],
        ..NewUser::named("Noah Klein")
    });
    let robo = user(NewUser {
        roles: vec![admin],
        client_id: Some("robo".to_owned()),
        ..NewUser::named("Robo")
    });
    let gus = user(NewUser::named("Gus Guest"));
    let olga = user(NewUser::named("Olga Owner"));
    let space = |name: &str, sort| {
        tenant.create_space(NewSpace {
            name: name.to_owned(),
            sort,
            owner: olga.clone(),
        })
    };
    let (emea, _) = (
        space("Sales EMEA", SpaceSort::Shared),
        space("Vault", SpaceSort::Data),
    );
    for (assignee, role) in [
        (Assignee::Group(sales.clone()), "producer"),
        (Assignee::User(maria.clone()), "consumer"),
        (Assignee::User(noah), "consumer"),
        (Assignee::Bot(robo), "facilitator"),
        (Assignee::Group(Directory::everyone()), "consumer"),
    ] {
        tenant.assign(&emea, assignee, &[role]).unwrap();
    }
    let link = Assignee::Link;
    tenant
        .share(&emea, "app-1", link, &["basicconsumer"])
        .unwrap();
    let with = Assignee::User(gus.clone());
    tenant
        .share(&emea, "app-2", with, &["basicconsumer"])
        .unwrap();
    let mut licence = tenant.licence();
    licence.assignments.clear();
    tenant.set_licence(licence);
    tenant.license("auth0|Nobody", "professional");
    let running = world.start().await;
    within("the spaces are read", || async {
        reading(&running).mark.last.is_some()
    })
    .await;
    Case {
        world,
        running,
        sales: emea,
        group: sales,
        maria,
        gus,
    }
}

impl Case {
    pub async fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["--output", "json"]].concat();
        let (code, out, err) = self.world.command(&args).await;
        assert_eq!(code, 0, "{args:?}: {err}");
        serde_json::from_str(&out).unwrap()
    }

    /// Runs a command and returns its lines, without the times in them.
    async fn lines(&self, args: &[&str]) -> Vec<String> {
        let (code, out, err) = self.world.command(args).await;
        assert_eq!(code, 0, "{args:?}: {err}");
        let lines = out.lines().map(|line| {
            let line = line.split("  since ").next().unwrap();
            let line = line.split(", at 2").next().unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        });
        lines.collect()
    }

    /// Lets a day pass, and waits until all spaces were read again.
    pub async fn next_day(&self) {
        self.world.clock.set(self.world.clock.now().plus(DAY));
        self.running.sync().await;
        let now = self.world.clock.now();
        within("the spaces are read again", || async {
            let mark = reading(&self.running).mark;
            mark.last == Some(now) && mark.began.is_none()
        })
        .await;
    }

    /// Returns the name of our own client's user, who is an administrator.
    pub fn client(&self) -> String {
        let users = self.world.tenant.directory().users().into_iter();
        let mut bots = users.filter(|user| user.client_id.is_some() && &*user.name != "Robo");
        bots.next().unwrap().name.clone()
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Describes the paths of a row: `direct, group Sales`.
pub fn paths(paths: &Value) -> String {
    let paths = paths.as_array().unwrap().iter();
    let paths = paths.map(|path| match text(&path["group"]["name"]) {
        "" => text(&path["type"]).to_owned(),
        name if path["type"] == "group" => format!("group {name}"),
        _ => text(&path["type"]).to_owned(),
    });
    paths.collect::<Vec<_>>().join(", ")
}

/// Describes a right: `TenantAdmin`, `producer in Sales EMEA`, `consumer of app-2 in Sales EMEA`.
pub fn right(right: &Value) -> String {
    let there = || {
        format!(
            "{} in {}",
            text(&right["role"]),
            text(&right["space"]["name"])
        )
    };
    match text(&right["type"]) {
        "role" => text(&right["name"]).to_owned(),
        "space_role" => there(),
        "app" => format!("app {}: {}", text(&right["remote_id"]), there()),
        other => panic!("{other}"),
    }
}

/// Describes each row of an answer. Asserts that no row comes twice.
pub fn set(answer: &Value, describe: impl Fn(&Value) -> String) -> BTreeSet<String> {
    let rows = answer["rows"].as_array().unwrap();
    let found: BTreeSet<String> = rows.iter().map(describe).collect();
    assert_eq!(found.len(), rows.len(), "a row came twice: {found:?}");
    found
}

/// Describes a row about a right: `Maria Silva: TenantAdmin by direct, group Platform; usable`.
pub fn of_right(row: &Value) -> String {
    let usable = match row["usable"] == true {
        true => "usable",
        false => text(&row["why_not_usable"]),
    };
    let (user, right) = (text(&row["user"]["name"]), right(&row["right"]));
    format!("{user}: {right} by {}; {usable}", paths(&row["paths"]))
}

/// Describes a row about a space: `Gus Guest: consumer by direct, producer by group Sales; usable`.
pub fn of_space(row: &Value) -> String {
    let usable = match row["usable"] == true {
        true => "usable",
        false => text(&row["why_not_usable"]),
    };
    let grants = row["paths"].as_array().unwrap().iter();
    let grants = grants.map(|grant| {
        let roles = grant["roles"].as_array().unwrap().iter().map(text);
        let roles = roles.collect::<Vec<_>>().join("+");
        format!("{roles} by {}", paths(&json!([grant])))
    });
    let shares = row["shares"].as_array().unwrap().iter();
    let shares = shares.map(|share| format!("app {}", text(&share["resource_id"])));
    let all = grants.chain(shares).collect::<Vec<_>>().join(", ");
    let kind = match row["user"]["is_bot_user"] == true {
        true => " (bot)",
        false => "",
    };
    format!("{}{kind}: {all}; {usable}", text(&row["user"]["name"]))
}

pub fn expected<'a>(rows: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    rows.into_iter().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_questions_of_today_have_their_right_answers() {
    let case = case().await;
    let client = case.client();

    // 1: who is TenantAdmin, why, and since when?
    let answer = case.json(&["access", "--role", "TenantAdmin"]).await;
    let of_client = format!("{client}: TenantAdmin by direct; usable");
    let admins = [
        "Maria Silva: TenantAdmin by direct, group Platform; usable",
        "Noah Klein: TenantAdmin by group Platform; disabled",
        "Robo: TenantAdmin by direct; usable",
    ];
    let has_client = set(&answer, of_right).contains(&of_client);
    let own = has_client.then_some(&*of_client);
    assert_eq!(
        set(&answer, of_right),
        expected(admins.into_iter().chain(own))
    );
    assert_eq!(answer["answers"][0]["complete"], true);
    let args = [
        "access",
        "--role",
        "TenantAdmin",
        "--columns",
        "user,paths,usable",
    ];
    let lines: BTreeSet<String> = case.lines(&args).await.into_iter().collect();
    let own = has_client.then(|| format!("{client} directly yes"));
    let table = expected([
        "USER PATHS USABLE",
        "Maria Silva directly, by the group Platform yes",
        "Noah Klein by the group Platform no, disabled",
        "Robo directly yes",
    ]);
    assert_eq!(lines, table.into_iter().chain(own).collect());

    who_can_open_a_space(&case).await;
    how_somebody_gets_an_app(&case).await;
    what_stands_twice(&case).await;
    licences_and_leavers(&case).await;
    case.running.stop().await;
}

/// 2: who can open a space?
async fn who_can_open_a_space(case: &Case) {
    let answer = case.json(&["access", "--space", "Sales EMEA"]).await;
    assert_eq!(
        set(&answer, of_space),
        expected([
            "Maria Silva: consumer by direct, producer by group Sales, consumer by everyone; usable",
            "Noah Klein: consumer by direct, consumer by everyone; disabled",
            "Robo (bot): facilitator by direct, consumer by everyone; usable",
            "Olga Owner:  by owner, consumer by everyone; usable",
            "Gus Guest: consumer by everyone, app app-2; usable",
        ])
    );
    let space = &answer["answers"][0]["space"];
    let all = &space["everybody"];
    assert_eq!(all["users"], case.world.tenant.directory().n_users());
    assert_eq!(paths(&all["paths"]), "everyone");
    let entries = space["entries"].as_array().unwrap().iter();
    let entries: BTreeSet<String> = entries
        .map(|entry| {
            let what = [
                &entry["what"],
                &entry["type"],
                &entry["name"],
                &entry["resource_id"],
            ];
            let what = what.map(text).join(" ");
            format!("{what} anonymous: {}", entry["anonymous"])
        })
        .collect();
    let everyone = case.world.tenant.directory().system_groups().remove(0).name;
    let of_everyone = format!("assignment group {everyone}  anonymous: null");
    assert_eq!(
        entries,
        expected([
            "assignment group Sales  anonymous: null",
            &*of_everyone,
            "share link  app-1 anonymous: true",
            "share user Gus Guest app-2 anonymous: false",
        ])
    );
    let args = ["access", "--space", "Vault", "--potential"];
    let could = case.json(&args).await;
    let by = |row: &Value| {
        let by = text(&row["could_take_any_role_by"]["name"]);
        format!(
            "{}: {} by {by}",
            text(&row["user"]["name"]),
            text(&row["standing"])
        )
    };
    let could = set(&could, by);
    for name in ["Maria Silva", "Noah Klein", "Robo"] {
        assert!(
            could.contains(&format!("{name}: potential by TenantAdmin")),
            "{could:?}"
        );
    }
    assert!(could.len() <= 4, "{could:?}");
    let vault = case.json(&["access", "--space", "Vault"]).await;
    assert_eq!(
        set(&vault, of_space),
        expected(["Olga Owner:  by owner; usable"])
    );
    let args = ["access", "--space", "Vault", "--tree"];
    assert_eq!(case.lines(&args).await[1..], ["owner", "as its owner"]);
}

/// 3: how did Maria get an app?
async fn how_somebody_gets_an_app(case: &Case) {
    let everyone = case.world.tenant.directory().system_groups().remove(0).name;
    let explain = [
        "access",
        "explain",
        "--user",
        "Maria Silva",
        "--app",
        "app-2",
    ];
    let to_app = "Sales EMEA -> app app-2";
    let lines: BTreeSet<String> = case.lines(&explain).await.into_iter().collect();
    let drawn = BTreeSet::from([
        "Maria Silva has access to the app app-2 of the space Sales EMEA in `acme` by 3 paths; the \
         access ends only when all of them are removed:"
            .to_owned(),
        format!("Maria Silva -> consumer -> {to_app}"),
        format!("Maria Silva -> group Sales -> producer -> {to_app}"),
        format!("Maria Silva -> group {everyone} -> consumer -> {to_app}"),
    ]);
    assert_eq!(lines, drawn);
    let answer = case.json(&explain).await;
    assert_eq!(
        set(&answer, of_space),
        expected([
            "Maria Silva: consumer by direct, producer by group Sales, consumer by everyone; usable"
        ])
    );
    assert_eq!(answer["answer"]["space"]["name"], "Sales EMEA");
    let explain = ["access", "explain", "--user", "Gus Guest", "--app", "app-2"];
    let lines = case.lines(&explain).await;
    assert!(
        lines.contains(&"Gus Guest -> basicconsumer -> app app-2 only".to_owned()),
        "{lines:?}"
    );
}

/// 4: who has a right twice, so that removing a path does not take it away?
async fn what_stands_twice(case: &Case) {
    let answer = case.json(&["access", "redundant"]).await;
    let twice = [
        "Maria Silva: TenantAdmin by direct, group Platform; usable",
        "Maria Silva: consumer in Sales EMEA by direct, everyone; usable",
        "Maria Silva: producer in Sales EMEA by group Sales; usable",
        "Noah Klein: consumer in Sales EMEA by direct, everyone; disabled",
        "Robo: facilitator in Sales EMEA by direct; usable",
        "Olga Owner: owner in Sales EMEA by owner; usable",
    ];
    assert_eq!(set(&answer, of_right), expected(twice));
    let answer = case
        .json(&["access", "redundant", "--role", "producer"])
        .await;
    assert_eq!(set(&answer, of_right), expected([twice[2]]));
    let answer = case
        .json(&["access", "redundant", "--space", "vault"])
        .await;
    assert_eq!(set(&answer, of_space), expected([]));
    let args = [
        "access",
        "redundant",
        "--space",
        "Sales EMEA",
        "--columns",
        "user",
    ];
    let lines: BTreeSet<String> = case.lines(&args).await.into_iter().collect();
    let several = ["USER", "Maria Silva", "Noah Klein", "Robo", "Olga Owner"];
    assert_eq!(lines, expected(several));
}

/// 7: whose licences belong to nobody? 8: what does a leaver own?
async fn licences_and_leavers(case: &Case) {
    within("the licences are read", || async {
        let told = case.json(&["access", "licences"]).await;
        told["answers"][0]["licences_read_at"].is_string()
    })
    .await;
    let answer = case.json(&["access", "licences", "--orphans"]).await;
    let orphans = set(&answer, |row| {
        format!(
            "{} {} {}",
            text(&row["subject"]),
            text(&row["type"]),
            text(&row["created_at"])
        )
    });
    let licence = case.world.tenant.directory().licence();
    let created = licence.assignments["auth0|Nobody"].created_at;
    assert_eq!(
        orphans,
        expected([&*format!("auth0|Nobody professional {created}")])
    );
    assert_eq!(answer["answers"][0]["searched_tenants"], json!(["acme"]));

    let answer = case
        .json(&["access", "owned", "--user", "Olga Owner"])
        .await;
    let owned = set(&answer, |row| text(&row["space"]["name"]).to_owned());
    assert_eq!(owned, expected(["Sales EMEA", "Vault"]));
    assert_eq!(
        answer["answers"][0]["not_known"],
        json!([{ "what": "other_things" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_questions_about_the_past_have_their_right_answers() {
    let case = case().await;
    let tenant = case.world.tenant.directory();
    let then = case.world.clock.now().to_string();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    tenant
        .update_user(&case.maria, Edit::UnassignRole(admin.clone()))
        .unwrap();
    tenant
        .update_user(&case.gus, Edit::AssignRole(admin))
        .unwrap();
    let group = Assignee::Group(case.group.clone());
    tenant.unassign(&case.sales, &group).unwrap();
    tenant
        .assign(&case.sales, Assignee::User(case.gus.clone()), &["consumer"])
        .unwrap();
    let with = Assignee::User(case.maria.clone());
    tenant
        .share(&case.sales, "app-3", with, &["consumer"])
        .unwrap();
    case.next_day().await;

    // 10: who had what then, and what has changed since?
    let answer = case
        .json(&["access", "--space", "Sales EMEA", "--as-of", &then])
        .await;
    let maria = "Maria Silva: consumer by direct, producer by group Sales, consumer by everyone; \
                 usable";
    assert!(set(&answer, of_space).contains(maria), "{answer}");
    let answer = case.json(&["access", "diff", "--from", &then]).await;
    let change = |row: &Value| {
        let (user, right) = (text(&row["user"]["name"]), right(&row["right"]));
        let (before, after) = (paths(&row["before"]), paths(&row["after"]));
        format!(
            "{user} {} {right} [{before}] [{after}]",
            text(&row["change"])
        )
    };
    assert_eq!(
        set(&answer, change),
        expected([
            "Maria Silva path_changed TenantAdmin [direct, group Platform] [group Platform]",
            "Gus Guest granted TenantAdmin [] [direct]",
            "Maria Silva revoked producer in Sales EMEA [group Sales] []",
            "Gus Guest path_changed consumer in Sales EMEA [everyone] [direct, everyone]",
            "Maria Silva granted app app-3: consumer in Sales EMEA [] [direct]",
        ])
    );
    assert_eq!(answer["answers"][0]["complete"], true, "{answer}");
    who_came_into_the_space(&case, &then).await;
    the_evidence_has_rights_in_spaces(&case, &then).await;
    case.running.stop().await;
}

/// 9: an app was shared; who came into the space, and by whom?
async fn who_came_into_the_space(case: &Case, then: &str) {
    let change = |row: &Value| {
        let (user, right) = (text(&row["user"]["name"]), right(&row["right"]));
        let since = &row["since"];
        let is_by_somebody = since["by"].as_array().unwrap().len() == 1;
        let (change, basis) = (text(&row["change"]), text(&since["basis"]));
        format!("{user} {change} {right}, {basis}, {is_by_somebody}")
    };
    let changes = expected([
        "Gus Guest path_changed consumer in Sales EMEA, api, true",
        "Maria Silva granted app app-3: consumer in Sales EMEA, api, true",
        "Maria Silva revoked producer in Sales EMEA, observed, false",
    ]);
    let ask = async |space: &str| {
        let args = ["access", "changes", "--space", space, "--since", then];
        case.json(&args).await
    };
    let answer = ask("sales emea").await;
    assert_eq!(set(&answer, change), changes);
    let about = &answer["answers"][0];
    assert_eq!(
        (&about["complete"], &about["tenant"]),
        (&json!(true), &json!("acme"))
    );
    assert_eq!(about["spaces"][0]["name"], "Sales EMEA");
    let args = ["spaces", "--shared-by-link"];
    let answer = case.json(&args).await;
    let links = |row: &Value| {
        let links = row["links"].as_array().unwrap().iter();
        let links = links.map(|link| text(&link["resource_id"]));
        format!(
            "{} {:?}",
            text(&row["space"]["name"]),
            links.collect::<Vec<_>>()
        )
    };
    assert_eq!(set(&answer, links), expected(["Sales EMEA [\"app-1\"]"]));

    // A space is found by its present name, whatever it was called then.
    let tenant = case.world.tenant.directory();
    let edit = SpaceEdit::Name("Sales Europe".to_owned());
    tenant.update_space(&case.sales, edit).unwrap();
    case.next_day().await;
    assert_eq!(set(&ask("Sales Europe").await, change), changes);
    let args = ["access", "changes", "--space", "Nowhere"];
    let (code, out, err) = case.world.command(&args).await;
    assert_eq!((code, out.as_str()), (7, ""));
    assert!(err.contains("No space is called `Nowhere`."), "{err}");
    let edit = SpaceEdit::Name("Sales EMEA".to_owned());
    tenant.update_space(&case.sales, edit).unwrap();
    case.next_day().await;
}

/// Checks the evidence for a time: each row as user, account, right, paths and basis.
async fn the_evidence_has_rights_in_spaces(case: &Case, then: &str) {
    let evidence = async |folder: &str, more: &[&str]| {
        let out = case.world.path(folder);
        let out = out.to_str().unwrap();
        let args = [
            "access", "review", "--tenant", "acme", "--as-of", then, "--out", out,
        ];
        let (code, told, err) = case.world.command(&[&args[..], more].concat()).await;
        assert_eq!(code, 0, "{err}");
        let file = |n: usize| std::fs::read_to_string(told.lines().nth(n).unwrap()).unwrap();
        (file(0), file(1))
    };
    let rows = |table: &str| {
        let mut reader = csv_rows(table).into_iter();
        let head = reader.next().unwrap();
        let cell = |row: &[String], name: &str| {
            let at = head.iter().position(|it| it == name).unwrap();
            row[at].clone()
        };
        let rows = reader.map(|row| {
            let cells = [
                "user_name",
                "account",
                "right_type",
                "right_id",
                "right",
                "space",
            ];
            let cells = cells.map(|name| match (name, cell(&row, name)) {
                // The id of a role differs from run to run.
                ("right_id", _) if cell(&row, "right_type") == "role" => String::new(),
                (_, cell) => cell,
            });
            let [basis, by] = ["since_basis", "given_by"].map(|name| cell(&row, name));
            format!(
                "{}|{}|{basis}|{}",
                cells.join("|"),
                cell(&row, "paths"),
                !by.is_empty()
            )
        });
        rows.collect::<Vec<String>>()
    };
    let (table, page) = evidence("of-space", &["--space", "sales emea"]).await;
    let everyone = case.world.tenant.directory().system_groups().remove(0).name;
    let all = format!("as all users do, by {everyone}");
    let n_users = case.world.tenant.directory().n_users();
    let found: BTreeSet<String> = rows(&table).into_iter().collect();
    let of = |cells: &str, paths: &str, basis: &str, is_given: bool| {
        format!("{cells}|{paths}|{basis}|{is_given}")
    };
    let there = "|Sales EMEA";
    assert_eq!(
        found,
        BTreeSet::from([
            of(
                &format!("all {n_users} users|everybody|space_role||consumer{there}"),
                &all,
                "",
                false
            ),
            of(
                &format!("Maria Silva|person|space_role||consumer{there}"),
                &format!("directly, {all}"),
                "api",
                true
            ),
            of(
                &format!("Maria Silva|person|space_role||producer{there}"),
                "by the group Sales",
                "api",
                true
            ),
            of(
                &format!("Noah Klein|person|space_role||consumer{there}"),
                &format!("directly, {all}"),
                "api",
                true
            ),
            of(
                &format!("Robo|bot|space_role||facilitator{there}"),
                "directly",
                "api",
                true
            ),
            of(
                &format!("Olga Owner|person|space_role||owner{there}"),
                "as the owner of the space",
                "",
                false
            ),
            of(
                &format!("Gus Guest|person|app|app-2|basicconsumer{there}"),
                "directly",
                "api",
                true
            ),
        ])
    );
    assert!(page.contains("--space &#39;sales emea&#39;"), "{page}");
    assert!(page.contains("consumer in Sales EMEA"), "{page}");
    let (table, page) = evidence("whole", &[]).await;
    let whole: BTreeSet<String> = rows(&table).into_iter().collect();
    assert!(whole.is_superset(&found), "{whole:?}");
    let maria = "Maria Silva|person|role||TenantAdmin||directly, by the group Platform|before_first_load|false";
    assert!(whole.contains(maria), "{whole:?}");
    // All rows of a user follow each other.
    let names = rows(&table);
    let mut names: Vec<&str> = names
        .iter()
        .map(|row| row.split('|').next().unwrap())
        .collect();
    names.dedup();
    names.retain(|name| !name.starts_with("all "));
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names.len(), distinct.len(), "{names:?}");
    assert!(page.contains("all roles, all rights in spaces"), "{page}");
    let (table, _) = evidence("of-role", &["--role", "producer"]).await;
    assert_eq!(rows(&table).len(), 1, "{table}");
}

/// Reads a table; cells in quotes may contain commas, but no line breaks.
pub fn csv_rows(table: &str) -> Vec<Vec<String>> {
    let rows = table.lines().map(|line| {
        let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
        for c in line.trim_end_matches('\r').chars() {
            match c {
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        cells.push(cell);
        cells
    });
    rows.collect()
}

/// If spaces are not read, nothing is known of them, and the command says so.
#[tokio::test(flavor = "multi_thread")]
async fn changes_in_spaces_that_are_not_read_are_not_known() {
    let world = World::new().await;
    world.command(&["sync", "--no-deliver"]).await;

    let args = ["access", "changes", "--space", "Sales EMEA"];
    let (code, out, err) = world.command(&args).await;

    assert_eq!((code, out.as_str()), (7, ""));
    assert!(err.contains("its spaces were not read in full"), "{err}");
}
