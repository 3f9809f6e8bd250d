//! Prints numbers in Prometheus' text format, version 0.0.4.

use std::collections::BTreeMap;

use super::catalogue::{Metric, Shape};

/// All numbers, by metric and by the values of its labels.
pub(super) type Series = BTreeMap<Metric, BTreeMap<Vec<String>, f64>>;

/// The content type of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Prints all metrics; of those without a series yet, only the head.
pub(super) fn print(all: &Series) -> String {
    let mut text = String::new();
    for metric in Metric::ALL.iter().copied() {
        let shape = match metric.shape() {
            Shape::Counter => "counter",
            Shape::Gauge => "gauge",
        };
        let name = metric.name();
        let head = format!("# HELP {name} {}\n# TYPE {name} {shape}\n", metric.help());
        text.push_str(&head);
        for (values, number) in all.get(&metric).into_iter().flatten() {
            let labels = metric.labels().iter().zip(values);
            let labels: Vec<String> = labels
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            let labels = match labels.is_empty() {
                true => String::new(),
                false => format!("{{{}}}", labels.join(",")),
            };
            let line = format!("{name}{labels} {number}\n");
            text.push_str(&line);
        }
    }
    text
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::{Metrics, Sample};
    use super::*;
    use crate::model::{Outcome, TenantName, Trigger};

    #[test]
    fn numbers_print_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        let tenant = |name: &str| TenantName(name.to_owned());
        let (acme, odd) = (tenant("acme"), tenant("a\\b\"c\nd"));
        let runs = Sample::Runs {
            tenant: &acme,
            trigger: &Trigger::Schedule,
            outcome: &Outcome::Succeeded,
        };
        metrics.count(runs);
        metrics.add(runs, 2.0);
        let attempt = Sample::LastAttempt { tenant: &odd };
        metrics.set(attempt, 1_700_000_000.25);
        metrics.set(attempt, 1_700_000_001.5);

        let text = metrics.print();

        let lines: Vec<&str> = text.lines().take(7).collect();
        insta::assert_snapshot!(lines.join("\n"), @r###"
        # HELP qlik_roster_runs_total Runs that ended, without dry runs.
        # TYPE qlik_roster_runs_total counter
        qlik_roster_runs_total{tenant="acme",trigger="schedule",outcome="succeeded"} 3
        # HELP qlik_roster_last_attempt_timestamp_seconds When the last run that read the whole tenant began.
        # TYPE qlik_roster_last_attempt_timestamp_seconds gauge
        qlik_roster_last_attempt_timestamp_seconds{tenant="a\\b\"c\nd"} 1700000001.5
        # HELP qlik_roster_last_success_timestamp_seconds When the last successful run that read the whole tenant ended.
        "###);
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn names_are_ours_and_end_as_their_kind_asks() {
        for metric in Metric::ALL.iter().copied() {
            let name = metric.name();
            assert!(name.starts_with("qlik_roster_"), "{name}");
            let counts = metric.shape() == Shape::Counter;
            assert_eq!(name.ends_with("_total"), counts, "{name}");
        }
    }

    #[test]
    fn the_gauges_of_what_is_gone_disappear() {
        let metrics = Metrics::default();
        let [here, gone] = ["here", "gone"].map(|name| TenantName(name.to_owned()));
        for tenant in [&here, &gone] {
            metrics.set(Sample::LastSuccess { tenant }, 7.0);
            metrics.count(Sample::Requests { tenant });
        }

        metrics.keep_gauges("tenant", |name| name == "here");

        let last = |tenant| metrics.get(Sample::LastSuccess { tenant });
        assert_eq!((last(&here), last(&gone)), (Some(7.0), None));
        let requests = Sample::Requests { tenant: &gone };
        assert_eq!(metrics.get(requests), Some(1.0), "it has happened");
    }

    #[test]
    fn series_have_a_bound() {
        let metrics = Metrics::default();
        for n in 0..20_010 {
            let tenant = &TenantName(n.to_string());
            metrics.count(Sample::Requests { tenant });
        }
        let [first, last] = ["0", "20005"].map(|name| TenantName(name.to_owned()));
        metrics.count(Sample::Requests { tenant: &first });

        assert_eq!(metrics.get(Sample::Requests { tenant: &last }), None);
        assert_eq!(metrics.get(Sample::Requests { tenant: &first }), Some(2.0));
    }
}
