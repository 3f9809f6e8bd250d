//! Reports in Parquet have the values of those in JSON, as pyarrow reads them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use qlik_roster::control::ReportName;
use qlik_roster::demo::tenant::{Assignee, Edit, NewSpace, NewUser, SpaceSort};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Running, Terminal, World};
use crate::unified::{get, token};

/// Returns the interpreter of Python that has pyarrow, or `None` if there is none.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/receivers/python/bin/python");
    let mut check = Command::new(&python);
    let check = check.args(["-c", "import pyarrow.parquet"]).output();
    if check.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    let required = std::env::var_os("QLIK_ROSTER_REQUIRE_FOREIGN").is_some();
    assert!(!required, "run `tests/run.sh`, which installs pyarrow");
    None
}

/// Reads all files of a folder with pyarrow. Returns what each contains, by the name of its report.
fn read(python: &Path, folder: &Path) -> Map<String, Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python)
        .arg(root.join("tests/receivers/read_parquet.py"))
        .arg(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let found: Map<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    let by_report = found.into_iter().map(|(name, content)| {
        let mut reports = ReportName::ALL.into_iter().map(ReportName::word);
        // The command line puts the time before the name.
        let word = reports.find(|word| name == *word || name.ends_with(&format!("Z-{word}")));
        (word.unwrap().to_owned(), content)
    });
    by_report.collect()
}

/// The type that pyarrow finds for the type of a column of ours.
fn arrow(sort: &Value) -> &'static str {
    match sort.as_str().unwrap() {
        "text" => "string",
        "number" => "int64",
        "boolean" => "bool",
        "time" => "timestamp[ms, tz=UTC]",
        other => panic!("{other}"),
    }
}

/// Sends for a report in both formats, and puts the Parquet into a folder. Returns the JSON.
async fn both(running: &Running, token: &str, folder: &Path, name: &str, query: &str) -> Value {
    let path = format!("/reports/{name}?{query}");
    let json = get(running, token, "", &path).await.body;
    let url = running.url(&format!("{path}&format=parquet"));
    let request = reqwest::Client::new().get(url).bearer_auth(token);
    let answer = request.send().await.unwrap().error_for_status().unwrap();
    let headers = answer.headers();
    assert_eq!(headers["content-type"], "application/vnd.apache.parquet");
    let named = headers["content-disposition"].to_str().unwrap().to_owned();
    assert!(named.ends_with(&format!("-{name}.parquet\"")), "{named}");
    let bytes = answer.bytes().await.unwrap();
    fs::write(folder.join(format!("{name}.parquet")), bytes).unwrap();
    json
}

/// A tenant with records, rights and changes of every kind.
async fn begin() -> (World, Running, String) {
    let world = crate::spaces::world(crate::spaces::clock(), 3).await;
    let tenant = world.tenant.directory();
    let group = tenant.create_group("Sales; \"north\"");
    let maria = NewUser {
        groups: vec![group.clone()],
        ..NewUser::named("María \u{1F600}, Ltd.")
    };
    let maria = tenant.create_user(maria).unwrap();
    let space = tenant.create_space(NewSpace {
        name: "Forecast".to_owned(),
        sort: SpaceSort::Shared,
        owner: maria.clone(),
    });
    tenant
        .assign(&space, Assignee::Group(group), &["producer"])
        .unwrap();
    let running = world.start().await;
    crate::spaces::read_once(&running).await;
    let from = world.clock.now();
    world.clock.set(from.plus(Duration::from_secs(60)));
    let role = tenant.role_named("TenantAdmin").unwrap();
    tenant.update_user(&maria, Edit::AssignRole(role)).unwrap();
    running.sync().await;
    (world, running, format!("from={from}"))
}

#[tokio::test]
async fn a_report_in_parquet_has_the_values_of_the_one_in_json() {
    let Some(python) = python() else {
        return;
    };
    let (world, running, from) = begin().await;
    let token = token(&world, &["--scope", "read"]).await;
    let (sent, printed) = (world.path("sent"), world.path("printed"));
    fs::create_dir(&sent).unwrap();
    let listed = get(&running, &token, "", "/reports").await.body;
    let at = world.clock.now().to_string();
    let mut expected = Map::new();
    for report in ReportName::ALL {
        let query = match report {
            ReportName::Changes => format!("as_of={at}&{from}"),
            _table => format!("as_of={at}"),
        };
        let json = both(&running, &token, &sent, report.word(), &query).await;
        expected.insert(report.word().to_owned(), json);
    }
    let folder = printed.to_str().unwrap();
    let args = ["export", "--format", "parquet", "--out", folder, "--as-of"];
    let (exit, _, said) = world.command(&[&args[..], &[&at]].concat()).await;
    assert_eq!(exit, 0, "{said}");
    running.stop().await;

    let (sent, printed) = (read(&python, &sent), read(&python, &printed));
    assert_eq!(sent.len(), ReportName::ALL.len());
    assert_eq!(printed.len(), ReportName::ALL.len() - 1);
    for one in listed["data"].as_array().unwrap() {
        let name = one["name"].as_str().unwrap();
        let columns = one["columns"].as_array().unwrap().iter();
        let types: Map<String, Value> = columns
            .map(|it| {
                (
                    it["name"].as_str().unwrap().to_owned(),
                    arrow(&it["type"]).into(),
                )
            })
            .collect();
        let json = &expected[name];
        let n_rows = json["rows"].as_array().unwrap().len();
        assert!(n_rows > 0, "{name}");
        for found in [sent.get(name), printed.get(name)].into_iter().flatten() {
            assert_eq!(found["types"], Value::from(types.clone()), "{name}");
            assert_eq!(found["rows"], json["rows"], "{name}");
            assert_eq!(found["groups"], json!([n_rows]), "{name}");
            for field in ["report", "as_of", "rows", "complete", "tenants", "not_read"] {
                assert_eq!(found["manifest"][field], json["manifest"][field], "{name}");
            }
        }
    }
}

#[tokio::test]
async fn an_export_in_parquet_is_whole_and_has_a_manifest() {
    let Some(python) = python() else {
        return;
    };
    let (world, running, _) = begin().await;
    running.stop().await;
    let folder = world.path("exports");
    fs::create_dir(&folder).unwrap();
    let section = "[[exports]]\nname = \"bi\"\nschedule = \"7d\"\nformat = \"parquet\"";
    world.write_config(&format!(
        "[access]\nspaces = true\n{}{section}\nfolder = {folder:?}\n",
        world.standard_config()
    ));

    let (exit, out, said) = world.command(&["export", "--name", "bi"]).await;
    assert_eq!(exit, 0, "{said}");
    let export = PathBuf::from(out.trim());
    let manifest = fs::read(export.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let found = read(&python, &export);
    let reports = manifest["reports"].as_array().unwrap();
    assert_eq!(reports.len(), found.len());
    for report in reports {
        let name = report["report"].as_str().unwrap();
        assert_eq!(report["file"], format!("{name}.parquet"));
        let bytes = fs::read(export.join(format!("{name}.parquet"))).unwrap();
        assert_eq!(report["sha256"], hex::encode(Sha256::digest(&bytes)));
        let n_rows = found[name]["rows"].as_array().unwrap().len();
        assert_eq!(report["rows"], n_rows, "{name}");
        for field in ["as_of", "rows", "complete", "tenants"] {
            assert_eq!(found[name]["manifest"][field], report[field], "{name}");
        }
    }
}

#[tokio::test]
async fn nothing_binary_is_printed_to_a_terminal() {
    let world = World::new().await;
    let args = ["export", "users", "--format", "parquet"];
    let mut terminal = Terminal::run(&world.path(""), (120, 24), &args);
    assert_eq!(terminal.end().await, 2);
    let said = terminal.screen();
    assert!(said.contains("name a folder with `--out`"), "{said}");
}
