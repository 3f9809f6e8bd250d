//! Alert rules and the dashboard: they work, they use metrics that exist, and they are explained.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::{printed, read, root};

const RULES: &str = "deploy/monitoring/alerts.yaml";
const TESTS: &str = "deploy/monitoring/alerts_test.yaml";
const DASHBOARD: &str = "deploy/monitoring/dashboard.json";

/// Returns the metrics that `docs/metrics.md` describes, each with its labels. Another test
/// compares that page with the code.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let page = read("docs/metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `qlik_"));
    let row = |line: &str| {
        let mut cells = line.split('|').skip(1);
        let name = cells.next().unwrap().trim().trim_matches('`').to_owned();
        let labels = cells.nth(1).unwrap().split('`').skip(1).step_by(2);
        (name, labels.map(str::to_owned).collect())
    };
    rows.map(row).collect()
}

/// Returns the names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = text.match_indices("qlik_roster_");
    let names = starts.filter(|(at, _)| !text[..*at].ends_with(is_part));
    names
        .map(|(at, _)| {
            let rest = &text[at..];
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            rest[..end].to_owned()
        })
        .collect()
}

/// Returns the names of the alerts, in their order.
fn alerts() -> Vec<String> {
    let rules = read(RULES);
    let lines = rules.lines().map(str::trim_start);
    let names = lines.filter_map(|line| line.strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

#[test]
fn prometheus_accepts_the_rules_and_they_do_what_their_tests_say() {
    drop(printed(
        "promtool",
        &["check", "rules", "--lint-fatal", RULES],
    ));
    drop(printed("promtool", &["test", "rules", TESTS]));
}

#[test]
fn each_alert_is_tested_with_and_without_its_cause() {
    let tests = read(TESTS);
    for alert in alerts() {
        let asked = format!("- expr: ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}\n");
        let answers = tests.split(&asked).skip(1);
        let silent = answers.clone().filter(|rest| {
            let mut lines = rest.lines();
            lines.nth(1) == Some("        exp_samples: []")
        });
        assert_eq!((answers.count(), silent.count()), (2, 1), "{alert}");
    }
}

#[test]
fn each_alert_has_a_runbook() {
    let page = read("docs/operations.md");
    let sections: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .filter(|title| title.starts_with("QlikRoster"))
        .map(str::to_owned)
        .collect();

    assert_eq!(alerts(), sections);
    let rules = read(RULES);
    for alert in sections {
        let anchor = format!("docs/operations.md#{}\n", alert.to_lowercase());
        assert!(rules.contains(&anchor), "{anchor}");
    }
}

#[test]
fn rules_runbooks_and_dashboard_use_metrics_that_exist() {
    let known: BTreeSet<_> = documented().into_keys().collect();
    for file in [RULES, TESTS, DASHBOARD, "docs/operations.md"] {
        let used = metrics(&read(file));
        let unknown: Vec<_> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    let shown = metrics(&read(DASHBOARD));
    let hidden: Vec<_> = known.difference(&shown).collect();
    assert!(hidden.is_empty(), "not on the dashboard: {hidden:?}");
}

#[test]
fn panels_name_labels_that_their_metrics_have() {
    let known = documented();
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    let mut n_queries = 0;
    for target in panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten()
    {
        let (query, legend) = (target["expr"].as_str().unwrap(), &target["legendFormat"]);
        let of_metrics = metrics(query).into_iter().map(|name| known[&name].clone());
        let has: BTreeSet<_> = of_metrics.flatten().collect();
        let legend = legend.as_str().unwrap();
        let labels = legend
            .split("{{")
            .skip(1)
            .filter_map(|rest| rest.split("}}").next());
        for label in labels {
            assert!(has.contains(label), "{label} in the legend of {query}");
        }
        n_queries += 1;
    }
    assert!(n_queries > 30, "only {n_queries} queries");
}

/// The Prometheus operator and the chart need the rules in files of their own.
#[test]
fn the_rules_of_kubernetes_are_the_same() {
    let rules = read(RULES);
    let inner: Vec<_> = rules
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("  {line}")
            }
        })
        .collect();
    let object = format!(
        "# Made from deploy/monitoring/alerts.yaml by a test, which compares the two.\n\
         apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  \
         name: qlik-roster\n  labels:\n    app.kubernetes.io/name: qlik-roster\nspec:\n{}\n",
        inner.join("\n")
    );
    for (copy, expected) in [
        (
            "deploy/kubernetes/components/monitoring/prometheusrule.yaml",
            object,
        ),
        (
            "deploy/kubernetes/helm/qlik-roster/files/alerts.yaml",
            rules,
        ),
    ] {
        if std::env::var_os("QLIK_ROSTER_BLESS").is_some() {
            fs::write(root().join(copy), &expected).unwrap();
        }
        assert!(read(copy) == expected, "{copy} differs from {RULES}");
    }
}
