//! Tables of everything, for programs that load tables.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::ReportName;
use qlik_roster::demo::tenant::{Edit, NewUser, TenantOptions};
use qlik_roster::model::Timestamp;
use serde_json::{Value, json};

use crate::support::World;

/// Reads a report as JSON.
async fn report(world: &World, args: &[&str]) -> (i32, Value) {
    let args = [&["export", "--format", "json"], args].concat();
    let (exit, out, said) = world.command(&args).await;
    let json = serde_json::from_str(&out);
    (
        exit,
        json.unwrap_or_else(|error| panic!("{error}: {out} {said}")),
    )
}

/// Reads a report as CSV: the header, and the lines.
async fn table(world: &World, name: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let (exit, out, said) = world.command(&["export", name]).await;
    assert_eq!(exit, 0, "{said}");
    let mut lines = out.split_terminator("\r\n").map(cells);
    let header = lines.next().unwrap();
    (header, lines.collect())
}

/// Splits a line of CSV.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    cells
}

#[tokio::test]
async fn each_report_has_its_columns_and_all_rows() {
    let world = World::of_several_pages().await;
    world.one_run().await;
    let directory = world.tenant.directory();

    for report in ReportName::ALL
        .into_iter()
        .filter(|it| *it != ReportName::Changes)
    {
        let (header, rows) = table(&world, report.word()).await;
        let columns = report.columns().iter().map(|column| column.name);
        assert_eq!(header, columns.collect::<Vec<_>>());
        assert!(
            rows.iter().all(|row| row.len() == header.len()),
            "{report:?}"
        );
    }
    let (_, users) = table(&world, "users").await;
    let ids: BTreeSet<String> = users.iter().map(|row| row[1].clone()).collect();
    let expected = directory
        .users()
        .into_iter()
        .map(|user| user.id.to_string());
    assert_eq!(ids, expected.collect());
    assert_eq!(users.len(), directory.n_users());

    let (_, rows) = table(&world, "memberships").await;
    let found: BTreeSet<_> = rows
        .iter()
        .map(|row| (row[1].clone(), row[5].clone()))
        .collect();
    let mut expected = BTreeSet::new();
    for user in directory.users() {
        for group in user.groups.keys() {
            expected.insert((user.id.to_string(), group.to_string()));
        }
    }
    assert_eq!((found, rows.len()), (expected.clone(), expected.len()));
}

/// Each path of each user to each role is one row, and what all users hold is one row for all.
#[tokio::test]
async fn effective_access_is_a_row_for_each_path() {
    let world = World::new().await;
    world.one_run().await;
    let directory = world.tenant.directory();
    let groups: BTreeMap<_, _> = directory
        .groups()
        .into_iter()
        .map(|it| (it.id.clone(), it))
        .collect();
    let mut expected = BTreeSet::new();
    for user in directory.users() {
        for role in user.roles.keys() {
            expected.insert((
                user.id.to_string(),
                role.to_string(),
                "direct".to_owned(),
                String::new(),
            ));
        }
        for group in user.groups.keys() {
            for role in groups[group].roles.keys() {
                let path = ("group".to_owned(), group.to_string());
                expected.insert((user.id.to_string(), role.to_string(), path.0, path.1));
            }
        }
    }

    let (_, rows) = table(&world, "access").await;
    let own = rows.iter().filter(|row| row[1] == "1");
    let found: Vec<_> = own
        .map(|row| {
            (
                row[2].clone(),
                row[8].clone(),
                row[11].clone(),
                row[12].clone(),
            )
        })
        .collect();
    assert_eq!(found.len(), expected.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
}

/// What was written at a time is what an export as of that time says later.
#[tokio::test]
async fn a_report_as_of_a_time_is_the_report_of_that_time() {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T08:00:00Z").unwrap());
    let world = World::by(clock.clone(), TenantOptions::default()).await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    let reports = ["users", "roles", "groups", "memberships", "access"];
    let mut then = Vec::new();
    for round in 0..4_usize {
        let mut rows = Vec::new();
        for name in reports {
            let (_, json) = report(&world, &[name]).await;
            rows.push(json["rows"].clone());
        }
        then.push((clock.now(), rows));
        clock.set(clock.now().plus(Duration::from_secs(3_600)));
        let users = directory.users();
        let (first, second) = (&users[round * 3], &users[round * 3 + 1]);
        let edit = Edit::Name(format!("Renamed {round}"));
        directory.update_user(&first.id, edit).unwrap();
        directory.delete_user(&second.id).unwrap();
        let new = NewUser::named(&format!("Newcomer {round}"));
        let new = directory.create_user(new).unwrap();
        let group = directory.groups()[round].id.clone();
        directory.update_user(&new, Edit::JoinGroup(group)).unwrap();
        running.sync().await;
    }

    for (at, rows) in then {
        for (name, expected) in reports.iter().zip(rows) {
            let (exit, json) = report(&world, &[name, "--as-of", &at.to_string()]).await;
            assert_eq!((exit, &json["manifest"]["as_of"]), (0, &json!(at)));
            assert_eq!(json["rows"], expected, "{name} as of {at}");
        }
    }
    let from = "2026-03-01T08:00:00Z";
    let (_, json) = report(&world, &["changes", "--from", from]).await;
    let gone = json["rows"].as_array().unwrap().iter();
    assert!(gone.filter(|row| row["account"] == "deleted").count() > 0);
    running.stop().await;
}

#[tokio::test]
async fn files_come_with_a_manifest_and_never_replace_others() {
    let world = World::new().await;
    world.one_run().await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("reports");
    let out_text = out.to_str().unwrap();

    let (exit, said, _) = world.command(&["export", "--out", out_text]).await;
    assert_eq!(exit, 0);
    let files: BTreeSet<String> = said.lines().map(str::to_owned).collect();
    assert_eq!(files.len(), ReportName::ALL.len());
    let manifest = files.iter().find(|file| file.ends_with("-manifest.json"));
    let manifest = std::fs::read_to_string(manifest.unwrap()).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    for report in manifest["reports"].as_array().unwrap() {
        let file = out.join(report["file"].as_str().unwrap());
        let text = std::fs::read_to_string(&file).unwrap();
        let n_lines = text.split_terminator("\r\n").count() as u64;
        assert_eq!(report["rows"].as_u64().unwrap() + 1, n_lines, "{report}");
        assert_eq!(report["complete"], true);
        assert_eq!(report["as_of"], manifest["reports"][0]["as_of"]);
    }
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), files.len());

    let as_of = manifest["reports"][0]["as_of"].as_str().unwrap();
    let again = ["export", "users", "--out", out_text, "--as-of", as_of];
    let (exit, _, said) = world.command(&again).await;
    assert_eq!(exit, 1);
    assert!(said.contains("is not overwritten"), "{said}");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), files.len());
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_with_the_reason() {
    let world = World::new().await;
    for (args, expected) in [
        (&["export", "people"][..], "there is no report `people`"),
        (&["export"], "name it with `--out`"),
        (&["export", "changes"], "--from TIME"),
        (&["export", "users", "--from", "1d"], "`changes` alone"),
        (
            &["export", "changes", "--from", "1d", "--as-of", "2d"],
            "earlier",
        ),
    ] {
        let (exit, _, said) = world.command(args).await;
        assert_eq!(exit, 2, "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}

/// The table of columns in the documentation is that of the program.
#[test]
fn the_documentation_lists_all_columns() {
    let rows = ReportName::ALL.map(|report| {
        let a_row = match report {
            ReportName::Users => "a user",
            ReportName::Roles => "a role",
            ReportName::Groups => "a group, with the roles that it gives",
            ReportName::Memberships => "a user in a group",
            ReportName::Access => "a path by which a user holds a role in the tenant",
            ReportName::SpaceAccess => "a path by which a user holds a right in a space",
            ReportName::Findings => "an open [finding](errors.md#accounts-of-concern)",
            ReportName::Changes => {
                "a right that a user has come to hold, holds no longer, or holds by other paths"
            }
        };
        let columns = report.columns().iter();
        let columns: Vec<String> = columns.map(|column| format!("`{}`", column.name)).collect();
        format!("| `{}` | {a_row} | {} |", report.word(), columns.join(", "))
    });
    let expected = rows.join("\n");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/export.md");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(&expected), "docs/export.md lacks\n{expected}");
}
