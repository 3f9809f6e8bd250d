//! Numbers for Prometheus: what there is is in [`Metric`], and in `docs/metrics.md`.
//!
//! Written by ourselves: a library's registry wants each series made before it is used, and
//! what we print, text format 0.0.4, is one loop over a map.

mod catalogue;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use catalogue::{Metric, Shape};
pub use text::CONTENT_TYPE;

/// Series at the most. Labels are names of the configuration and words of ours, so that only
/// a mistake comes near it; then new series are left out.
const MAX_SERIES: usize = 20_000;

/// All numbers. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<Series>>);

type Series = BTreeMap<Metric, BTreeMap<Vec<String>, f64>>;

impl Metrics {
    /// Adds to a counter, whose labels are in the order of [`Metric::labels`].
    pub fn add(&self, metric: Metric, labels: &[&str], by: f64) {
        self.change(metric, labels, |value| *value += by);
    }

    /// Adds one to a counter.
    pub fn count(&self, metric: Metric, labels: &[&str]) {
        self.add(metric, labels, 1.0);
    }

    /// Sets a gauge.
    pub fn set(&self, metric: Metric, labels: &[&str], to: f64) {
        self.change(metric, labels, |value| *value = to);
    }

    /// Returns a number; none where there is no such series yet.
    pub fn get(&self, metric: Metric, labels: &[&str]) -> Option<f64> {
        let labels: Vec<String> = owned(labels);
        self.all().get(&metric)?.get(&labels).copied()
    }

    /// Prints all numbers as Prometheus reads them.
    pub fn print(&self) -> String {
        text::print(&self.all())
    }

    fn change(&self, metric: Metric, labels: &[&str], change: impl FnOnce(&mut f64)) {
        debug_assert_eq!(labels.len(), metric.labels().len(), "{}", metric.name());
        let mut all = self.all();
        let n_series: usize = all.values().map(BTreeMap::len).sum();
        let series = all.entry(metric).or_default();
        let labels = owned(labels);
        if n_series < MAX_SERIES || series.contains_key(&labels) {
            change(series.entry(labels).or_default());
        }
    }

    fn all(&self) -> MutexGuard<'_, Series> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn owned(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}
