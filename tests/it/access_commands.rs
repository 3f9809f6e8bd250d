//! `access` as an operator types it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use qlik_roster::demo::tenant::{
    Edit, EmulatedTenant, Endpoint, Fault, GroupEdit, Hidden, NewUser, RateLimits, Status,
    TenantOptions, When,
};
use serde_json::Value;

use crate::support::World;

/// A tenant in which Maria administers by two paths, Noah by a group though disabled, and Ada not
/// at all.
async fn world() -> World {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    for user in tenant.users() {
        if user.client_id.is_none() {
            let unassign = Edit::UnassignRole(admin.clone());
            tenant.update_user(&user.id, unassign).unwrap();
        }
    }
    for group in tenant.groups() {
        let unassign = GroupEdit::UnassignRole(admin.clone());
        tenant.update_group(&group.id, unassign).unwrap();
    }
    let platform = tenant.create_group("Platform");
    tenant
        .update_group(&platform, GroupEdit::AssignRole(admin.clone()))
        .unwrap();
    let people = [
        NewUser {
            email: Some("maria@acme.example".to_owned()),
            roles: vec![admin],
            groups: vec![platform.clone()],
            ..NewUser::named("Maria Silva")
        },
        NewUser {
            status: Status::Disabled,
            groups: vec![platform],
            ..NewUser::named("Noah Klein")
        },
        NewUser::named("Ada Byron"),
    ];
    for person in people {
        tenant.create_user(person).unwrap();
    }
    let (code, _, err) = world.command(&["sync", "--no-deliver"]).await;
    assert_eq!(code, 0, "{err}");
    world
}

async fn json(world: &World, args: &[&str]) -> Value {
    let (code, out, err) = world.command(&[args, &["--output", "json"]].concat()).await;
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_listed_with_every_path() {
    let world = world().await;

    let told = json(&world, &["access", "--role", "tenantadmin"]).await;
    let rows = told["rows"].as_array().unwrap();
    let of = |name: &str| rows.iter().find(|row| row["user"]["name"] == name);
    let maria = of("Maria Silva").unwrap();
    assert_eq!(maria["usable"], true);
    assert_eq!(maria["right"]["name"], "TenantAdmin");
    assert_eq!(maria["paths"][0]["type"], "direct");
    assert_eq!(maria["paths"][1]["type"], "group");
    assert_eq!(maria["paths"][1]["group"]["name"], "Platform");
    let noah = of("Noah Klein").unwrap();
    assert_eq!(noah["usable"], false);
    assert_eq!(noah["why_not_usable"], "disabled");
    assert_eq!(of("Ada Byron"), None);
    let answer = &told["answers"][0];
    assert_eq!(answer["tenant"], "acme");
    assert_eq!(answer["complete"], true);
    assert_eq!(answer["rows"], rows.len());
    assert_eq!(answer["last_sweep"]["run"], "run-1");

    let args = [
        "access",
        "--role",
        "TenantAdmin",
        "--columns",
        "user,paths,usable",
    ];
    let (code, out, _) = world.command(&args).await;
    assert_eq!(code, 0);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = out.lines().map(words).collect();
    for line in [
        "USER PATHS USABLE",
        "Maria Silva directly, by the group Platform yes",
        "Noah Klein by the group Platform no, disabled",
    ] {
        assert!(lines.iter().any(|it| it == line), "{out}");
    }

    let mistyped: [&[&str]; 3] = [
        &["access", "--role", "TenantAdmn"],
        &["access", "--role", "TenantAdmn", "--tree"],
        &[
            "access",
            "explain",
            "--user",
            "Ada Byron",
            "--role",
            "TenantAdmn",
        ],
    ];
    for args in mistyped {
        let (code, out, err) = world.command(args).await;
        assert_eq!((code, out.as_str()), (7, ""), "{err}");
        assert!(err.contains("Did you mean `TenantAdmin`?"), "{err}");
    }
    let cut = json(&world, &["access", "--role", "TenantAdmin", "--limit", "1"]).await;
    assert_eq!(cut["rows"].as_array().unwrap().len(), 1);
    assert_eq!(cut["answers"][0]["complete"], false);
    assert_eq!(cut["answers"][0]["not_known"][0]["what"], "rest");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_path_is_drawn_and_redundant_roles_are_found() {
    let world = world().await;
    let explain = async |user: &str| {
        let args = ["access", "explain", "--user", user, "--role", "TenantAdmin"];
        let (code, out, err) = world.command(&args).await;
        assert_eq!(code, 0, "{err}");
        // The time differs from run to run.
        let lines = out.lines().map(|line| match line.split_once(", at 2") {
            Some((before, _)) => format!("{before}, at *.\n"),
            None => format!("{line}\n"),
        });
        lines.collect::<String>()
    };

    assert_eq!(
        explain("maria@acme.example").await,
        "Maria Silva holds TenantAdmin in `acme` by 2 paths; the role is lost only when \
         all of them are removed:\n  Maria Silva -> TenantAdmin\n  Maria Silva -> group Platform \
         -> TenantAdmin\nIt was there already when the tenant was first read, at *.\nGroups of the \
         identity provider are as of the last log-in of Maria Silva, since Qlik refreshes them only \
         then: Platform.\n"
    );
    assert_eq!(
        explain("Noah Klein").await,
        "Noah Klein holds TenantAdmin in `acme` by one path:\n  Noah Klein -> group Platform -> \
         TenantAdmin\nIt was there already when the tenant was first read, at *.\nIt cannot be used at \
         present: disabled.\nGroups of the identity provider are as of the last log-in of Noah \
         Klein, since Qlik refreshes them only then: Platform.\n"
    );
    assert_eq!(
        explain("Ada Byron").await,
        "Ada Byron holds no role `TenantAdmin` in `acme`.\n"
    );
    let args = ["access", "redundant", "--role", "TenantAdmin"];
    let twice = json(&world, &args).await;
    let twice = twice["rows"].as_array().unwrap();
    assert_eq!(twice.len(), 1, "{twice:?}");
    assert_eq!(twice[0]["user"]["name"], "Maria Silva");

    let (code, out, err) = world
        .command(&["access", "--role", "TenantAdmin", "--tree"])
        .await;
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains(
            "Maria Silva  of acme, maria@acme.example\n  TenantAdmin\n    directly\n    by the \
             group Platform\n"
        ),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_a_time_is_listed_and_the_past_can_be_asked_about() {
    let world = world().await;
    let tenant = world.tenant.directory();
    let before = world.clock.now().to_string();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    let user = |name: &str| {
        let users = tenant.users();
        users
            .into_iter()
            .find(|user| &*user.name == name)
            .unwrap()
            .id
    };
    let (maria, ada, noah) = (user("Maria Silva"), user("Ada Byron"), user("Noah Klein"));
    tenant
        .update_user(&maria, Edit::UnassignRole(admin.clone()))
        .unwrap();
    tenant.update_user(&ada, Edit::AssignRole(admin)).unwrap();
    tenant.delete_user(&noah).unwrap();
    let (code, _, err) = world.command(&["sync", "--no-deliver"]).await;
    assert_eq!(code, 0, "{err}");

    let diff = json(&world, &["access", "diff", "--from", &before]).await;
    let mut found: Vec<(&str, &str, &str)> = Vec::new();
    for row in diff["rows"].as_array().unwrap() {
        found.push((
            row["user"]["name"].as_str().unwrap(),
            row["change"].as_str().unwrap(),
            row["account"].as_str().unwrap(),
        ));
    }
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("Ada Byron", "granted", "stayed"),
            ("Maria Silva", "path_changed", "stayed"),
            ("Noah Klein", "revoked", "deleted"),
        ]
    );

    let now = json(&world, &["access", "--role", "TenantAdmin"]).await;
    let rows = now["rows"].as_array().unwrap();
    let since = |name: &str| {
        let mut rows = rows.iter();
        &rows.find(|row| row["user"]["name"] == name).unwrap()["since"]
    };
    assert_eq!(since("Ada Byron")["basis"], "observed");
    assert_eq!(since("Ada Byron")["run"], "run-2");
    assert_eq!(since("Maria Silva")["basis"], "before_first_load");

    let then = ["access", "--role", "TenantAdmin", "--as-of", &before];
    let then = json(&world, &then).await;
    let names = then["rows"].as_array().unwrap().iter();
    let names: Vec<&str> = names
        .map(|row| row["user"]["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"Noah Klein") && !names.contains(&"Ada Byron"),
        "{names:?}"
    );

    for (args, expected) in [
        (
            ["access", "--as-of", "2020-01-01"],
            "does not go back that far",
        ),
        (["access", "--as-of", "2999-01-01"], "is in the future"),
    ] {
        let (code, out, err) = world.command(&args).await;
        assert_ne!(code, 0);
        assert_eq!(out, "");
        assert!(err.contains(expected), "{err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_take_a_role_is_listed_apart_from_who_holds_it() {
    let world = world().await;

    let args = ["access", "--role", "AuditAdmin", "--potential"];
    let told = json(&world, &args).await;
    let rows = told["rows"].as_array().unwrap();
    let maria = rows.iter().find(|row| row["user"]["name"] == "Maria Silva");
    let maria = maria.unwrap();
    assert_eq!(maria["standing"], "potential");
    assert_eq!(maria["paths"].as_array().unwrap().len(), 2);
    assert!(rows.iter().all(|row| row["user"]["name"] != "Ada Byron"));

    let (_, _, err) = world.command(&["access", "--user", "Maria Silva"]).await;
    assert!(
        err.contains("Maria Silva could assign any other role to this account, by TenantAdmin."),
        "{err}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_breaks_a_rule_is_found_until_it_is_accepted_or_mended() {
    let world = world().await;
    let tenant = world.tenant.directory();
    let named = |name: &str| {
        let mut users = tenant.users().into_iter();
        users.find(|user| &*user.name == name).unwrap().id
    };
    let role = tenant.create_role("Payment Clerk");
    let other = tenant.create_role("Payment Approver");
    for name in ["Noah Klein", "Ada Byron"] {
        let assign = Edit::AssignRole(role.clone());
        tenant.update_user(&named(name), assign).unwrap();
    }
    world.write_config(&format!(
        "{}[[access.sod]]\nname = \"payments\"\nleft = [\"payment clerk\"]\nright = \
         [\"tenantadmin\", \"Payment Approver\"]\n[[access.sod]]\nname = \"typo\"\nleft = \
         [\"Paymnt Clerk\"]\nright = [\"Steward\"]\n",
        world.standard_config()
    ));
    let sync = async || {
        let (code, _, err) = world.command(&["sync", "--no-deliver"]).await;
        assert_eq!(code, 0, "{err}");
    };
    sync().await;
    let find = async || {
        let args = ["findings", "--code", "sod", "--output", "json"];
        let (code, out, err) = world.command(&args).await;
        assert_eq!(code, 0, "{err}");
        let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
        rows
    };

    let found = find().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["name"], "Noah Klein");
    assert_eq!(found[0]["rule"], "payments");
    assert_eq!(found[0]["severity"], "high");
    let detail = "`payments`: Payment Clerk directly; TenantAdmin by the group Platform";
    assert_eq!(found[0]["detail"], detail);

    let id = found[0]["id"].as_str().unwrap();
    let (code, _, err) = world
        .command(&["findings", "accept", id, "--why", "until March"])
        .await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(find().await, [] as [Value; 0]);
    // The violation has grown.
    tenant
        .update_user(&named("Noah Klein"), Edit::AssignRole(other.clone()))
        .unwrap();
    sync().await;
    assert_eq!(find().await.len(), 1);
    // Now all users hold one side.
    let everyone = qlik_roster::demo::tenant::Directory::everyone();
    tenant
        .update_group(&everyone, GroupEdit::AssignRole(other))
        .unwrap();
    sync().await;
    assert_eq!(find().await.len(), 2);
    tenant
        .update_group(&everyone, GroupEdit::AssignRole(role))
        .unwrap();
    sync().await;
    let found = find().await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["all_users"], true);

    for command in [&["status"][..], &["check"]] {
        let (code, out, err) = world.command(command).await;
        assert_eq!(code, 0, "{out}{err}");
        let said = format!("{out}{err}");
        assert!(said.contains("rule typo"), "{said}");
    }
    let (_, out, _) = world.command(&["status", "--wide"]).await;
    let words = "no role that was read so far is called `Paymnt Clerk` [access.unknown-choice]";
    assert!(out.contains(words), "{out}");
    assert!(!out.contains("rule payments"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_came_later_does_not_keep_others_from_being_answered() {
    let world = world().await;
    let before = world.clock.now().to_string();
    let options = TenantOptions {
        users: 10,
        seed: 2,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let later = EmulatedTenant::start(options, world.clock.clone()).await;
    let later = later.unwrap();
    world.write("later", later.client_secret().expose());
    world.write_config(&format!(
        "{}\n[[connections]]\nname = \"later\"\nkind = \"tenant\"\nclient_id = \"{}\"\n\
         client_secret_file = {:?}\n[[tenants]]\nname = \"beta\"\nhost = \"{}\"\nconnection = \
         \"later\"\n",
        world.standard_config(),
        later.client_id(),
        world.path("later"),
        later.url()
    ));
    for tenant in [world.tenant.directory(), later.directory()] {
        tenant.create_user(NewUser::named("Sol Oh")).unwrap();
    }
    let (code, _, err) = world.command(&["sync", "--no-deliver"]).await;
    assert_eq!(code, 0, "{err}");

    let asked = ["access", "owned", "--user", "Sol Oh", "--as-of", "9000d"];
    let (code, out, err) = world.command(&asked).await;
    assert_eq!(
        (code, out.trim_end()),
        (0, "Nothing is known of that time."),
        "{err}"
    );
    assert!(err.contains("does not go back that far"), "{err}");

    let asked = ["access", "--role", "TenantAdmin", "--as-of", &before];
    let (code, out, err) = world.command(&asked).await;
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("Maria Silva") && !out.contains("beta"),
        "{out}"
    );
    assert!(
        err.contains("`beta`: what is known of `beta` does not go back that far"),
        "{err}"
    );
    let told = json(&world, &asked).await;
    let answers = told["answers"].as_array().unwrap();
    let of = |tenant: &str| answers.iter().find(|it| it["tenant"] == tenant).unwrap();
    assert_eq!(of("acme")["complete"], true);
    assert_eq!(of("beta")["complete"], false);
    assert_eq!(of("beta")["not_known"][0]["what"], "time");
    let now = json(&world, &["access", "--role", "TenantAdmin"]).await;
    let rows = now["rows"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["tenant"] == "beta"));

    let of_one = [&asked[..], &["--tenant", "beta"]].concat();
    let (code, out, err) = world.command(&of_one).await;
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("[history.not-covered]"), "{err}");
}

/// Reads a table of comma-separated values in which every line ends as RFC 4180 says.
fn records(text: &str) -> Vec<BTreeMap<String, String>> {
    let cells = |line: &str| -> Vec<String> {
        let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if is_quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        cells.push(cell);
        cells
    };
    assert!(text.ends_with("\r\n"));
    let mut lines = text.split_terminator("\r\n").map(cells);
    let header = lines.next().unwrap();
    let lines = lines.inspect(|line| assert_eq!(line.len(), header.len(), "{line:?}"));
    let lines = lines.map(|line| header.iter().cloned().zip(line).collect());
    lines.collect()
}

/// Reads the files of a folder, which only their owner can.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    let files = entries.map(|entry| {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
        let name = entry.file_name().into_string().unwrap();
        let (_, kind) = name.rsplit_once('.').unwrap();
        (
            kind.to_owned(),
            std::fs::read_to_string(entry.path()).unwrap(),
        )
    });
    files.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_is_written_whole_and_can_be_checked() {
    let world = world().await;
    let tenant = world.tenant.directory();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    let nasty = "=HYPERLINK(\"http://x\"),<script>alert(1)</script>";
    tenant
        .create_user(NewUser {
            roles: vec![admin],
            ..NewUser::named(nasty)
        })
        .unwrap();
    let running = world.start().await;
    let folder = world.path("evidence");
    let out_folder = folder.to_str().unwrap();
    let args = [
        "access",
        "review",
        "--tenant",
        "acme",
        "--role",
        "tenantadmin",
        "--out",
    ];
    let args = [&args[..], &[out_folder]].concat();

    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.lines().count(), 3);
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let found = files(&folder);
    let rows = records(&found["csv"]);
    let of = |name: &str| {
        let mut rows = rows.iter();
        rows.find(|row| row["user_name"] == name).unwrap()
    };
    let maria = of("Maria Silva");
    assert_eq!(maria["right"], "TenantAdmin");
    assert_eq!(maria["level"], "admin");
    assert_eq!(maria["paths"], "directly, by the group Platform");
    assert_eq!(maria["since_basis"], "before_first_load");
    assert_eq!((&*maria["usable"], &*maria["given_by"]), ("yes", ""));
    assert_eq!(maria["last_session"], "not known");
    assert_eq!((&*maria["decision"], &*maria["remark"]), ("", ""));
    assert_eq!(of("Noah Klein")["usable"], "no, disabled");
    assert_eq!(of(&format!("'{nasty}"))["since_basis"], "observed");
    assert!(rows.iter().all(|row| row["user_name"] != "Ada Byron"));

    let page = &found["html"];
    assert!(
        !page.contains("<script") && page.contains("&lt;script&gt;"),
        "{page}"
    );
    assert!(page.contains("Complete: all users"), "{page}");
    let n_users = tenant.n_users();
    let counted = format!("{n_users} known; Qlik showed {n_users} in that reading");
    assert!(page.contains(&counted), "{page}");
    assert!(page.contains(&format!("{}, of {} users", rows.len(), rows.len())));
    assert!(page.contains("access review --tenant acme --role tenantadmin --as-of 2"));
    let (sum, name) = found["sha256"]
        .lines()
        .next()
        .unwrap()
        .split_once("  ")
        .unwrap();
    assert!(page.contains(sum) && page.contains(name), "{page}");
    let check = std::process::Command::new("sha256sum")
        .args(["--check", "--quiet", &name.replace(".csv", ".sha256")])
        .current_dir(&folder)
        .status();
    assert!(check.unwrap().success());

    // Writing the same files again is refused, and leaves them as they are.
    let as_of = &maria["as_of"];
    let again = [&args[..], &["--as-of", as_of]].concat();
    let (code, out, err) = world.command(&again).await;
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("already exists"), "{err}");
    assert_eq!(files(&folder), found);
    // In another folder the files are the same, byte for byte.
    let elsewhere = world.path("elsewhere");
    let again = [
        &args[..args.len() - 1],
        &[elsewhere.to_str().unwrap(), "--as-of", as_of],
    ];
    let (code, _, err) = world.command(&again.concat()).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(files(&elsewhere)["csv"], found["csv"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_says_what_it_does_not_know_and_a_mistake_writes_none() {
    let world = world().await;
    let tenant = world.tenant.directory();
    let group = tenant.create_group("Secretive");
    let platform = tenant.create_group("Late");
    let hidden = NewUser {
        groups: vec![group.clone(), platform],
        ..NewUser::named("Somebody")
    };
    tenant.hide_roles(&group.0, Hidden::Yes);
    tenant.create_user(hidden).unwrap();
    let (code, _, err) = world.command(&["sync", "--no-deliver"]).await;
    assert_eq!(code, 5, "{err}");
    let folder = world.path("evidence");
    let out_folder = folder.to_str().unwrap();
    let review = async |args: &[&str]| {
        let asked = ["access", "review", "--tenant", "acme", "--out", out_folder];
        world.command(&[&asked[..], args].concat()).await
    };

    let (code, out, err) = review(&["--role", "TenantAdmn"]).await;
    assert_eq!((code, out.as_str()), (7, ""), "{err}");
    assert!(err.contains("Did you mean `TenantAdmin`?"), "{err}");
    let (code, out, err) = review(&["--as-of", "2020-01-01"]).await;
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(files(&folder).is_empty());

    let (code, _, err) = review(&[]).await;
    assert_eq!(code, 5, "{err}");
    assert!(
        err.contains("which roles the group Secretive gives is not visible"),
        "{err}"
    );
    let found = files(&folder);
    let page = &found["html"];
    assert!(page.contains("Not complete."), "{page}");
    assert!(
        page.contains("some of the roles of 1 user are not visible"),
        "{page}"
    );
    assert!(page.contains("What all users hold"), "{page}");
    assert!(records(&found["csv"]).len() > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_was_never_read_has_no_evidence() {
    let world = World::new().await;
    world
        .tenant
        .faults()
        .on(Endpoint::Users, Fault::Internal, When::Always);
    let (code, _, _) = world.command(&["sync", "--no-deliver"]).await;
    assert_eq!(code, 4);

    let folder = world.path("evidence");
    let args = [
        "access",
        "review",
        "--tenant",
        "acme",
        "--out",
        folder.to_str().unwrap(),
    ];
    let (code, out, err) = world.command(&args).await;

    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("was never read in full"), "{err}");
    assert!(!folder.exists());
}
