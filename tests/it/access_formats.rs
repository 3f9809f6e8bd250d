//! Everything that a user holds is drawn with each path, and a list has the same rows in every
//! format.

use qlik_roster::demo::tenant::{Assignee, Edit};

use crate::ten_questions::{Case, case, csv_rows};

/// Runs a command that must succeed, and returns its lines.
async fn lines(case: &Case, args: &[&str]) -> Vec<String> {
    let (code, out, err) = case.world.command(args).await;
    assert_eq!(code, 0, "{args:?}: {err}");
    out.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_a_user_is_drawn_with_each_path() {
    let case = case().await;

    for (user, expected) in [
        (
            "Maria Silva",
            &[
                "Maria Silva  of acme",
                "  TenantAdmin",
                "    directly",
                "    by the group Platform",
                "  CollaborationPlatformUser",
                "    as all users do, by com.qlik.Everyone",
                "  consumer in Sales EMEA",
                "    directly",
                "  producer in Sales EMEA",
                "    by the group Sales",
                "  consumer in Sales EMEA",
                "    as all users are, by com.qlik.Everyone",
            ][..],
        ),
        (
            "Gus Guest",
            &[
                "Gus Guest  of acme",
                "  CollaborationPlatformUser",
                "    as all users do, by com.qlik.Everyone",
                "  consumer in Sales EMEA",
                "    as all users are, by com.qlik.Everyone",
                "  app app-2 (basicconsumer) in Sales EMEA",
                "    directly",
            ],
        ),
        (
            "Olga Owner",
            &[
                "Olga Owner  of acme",
                "  CollaborationPlatformUser",
                "    as all users do, by com.qlik.Everyone",
                "  owner in Sales EMEA",
                "    as its owner",
                "  consumer in Sales EMEA",
                "    as all users are, by com.qlik.Everyone",
                "  owner in Vault",
                "    as its owner",
            ],
        ),
    ] {
        let drawn = lines(&case, &["access", "--user", user, "--tree"]).await;
        assert_eq!(drawn, expected);
    }
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_about_access_has_the_same_rows_in_every_format() {
    let case = case().await;
    let tenant = case.world.tenant.directory();
    let then = case.world.clock.now().to_string();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    let gains = Edit::AssignRole(admin);
    tenant.update_user(&case.gus, gains).unwrap();
    let assigned = Assignee::User(case.gus.clone());
    tenant.assign(&case.sales, assigned, &["producer"]).unwrap();
    case.next_day().await;
    case.running.sync().await;

    for (args, at_least) in [
        (&["access"][..], 4),
        (&["access", "--role", "TenantAdmin"], 4),
        (&["access", "--user", "Gus Guest"], 1),
        (&["access", "--space", "Sales EMEA"], 5),
        (&["access", "--app", "app-2"], 5),
        (&["access", "redundant"], 4),
        (&["access", "redundant", "--space", "Sales EMEA"], 4),
        (&["access", "owned", "--user", "Olga Owner"], 2),
        (&["access", "licences"], 1),
        (&["access", "diff", "--from", &then], 2),
        (&["access", "changes"], 2),
        (&["spaces"], 2),
    ] {
        let of = async |format: &str| lines(&case, &[args, &["--output", format]].concat()).await;
        let rows = of("jsonl").await;
        for row in &rows {
            assert!(
                serde_json::from_str::<serde_json::Value>(row)
                    .unwrap()
                    .is_object()
            );
        }
        assert!(rows.len() >= at_least, "{args:?}: {rows:?}");
        let csv = csv_rows(&(of("csv").await.join("\r\n") + "\r\n"));
        assert!(csv.iter().all(|row| row.len() == csv[0].len()), "{csv:?}");
        assert_eq!(csv.len(), 1 + rows.len(), "{args:?}: {csv:?}");
        let table = lines(&case, args).await;
        assert_eq!(table.len(), 1 + rows.len(), "{args:?}: {table:#?}");
    }
    case.running.stop().await;
}
