//! Metrics for Prometheus: [`Metric`] and `docs/metrics.md` list them.
//!
//! We use no library: its registry would want each series registered before use, and our output,
//! text format 0.0.4, is one loop over a map.

mod catalogue;
mod label;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

pub use catalogue::{Metric, Sample, Shape};
pub use label::{
    DeliveryOutcome, ExportOutcome, HookRejection, HookResult, HttpRoute, HttpStatus, Part,
    PollOutcome, QlikTier,
};
pub use text::CONTENT_TYPE;
use text::Series;

use crate::lock::lock;

/// The most series. Labels are names from the configuration and words of ours, so only a mistake
/// comes near this; new series are then left out.
const MAX_SERIES: usize = 20_000;

/// All numbers. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<Series>>);

impl Metrics {
    /// Adds to a counter.
    pub fn add(&self, sample: Sample<'_>, by: f64) {
        self.change(sample, |value| *value += by);
    }

    /// Adds one to a counter.
    pub fn count(&self, sample: Sample<'_>) {
        self.add(sample, 1.0);
    }

    /// Sets a gauge.
    pub fn set(&self, sample: Sample<'_>, to: f64) {
        self.change(sample, |value| *value = to);
    }

    /// Removes the gauges whose label says something that `is_there` does not know: what they
    /// counted is gone. Counters stay, since they say what has happened.
    pub fn keep_gauges(&self, label: &str, is_there: impl Fn(&str) -> bool) {
        for (metric, series) in self.all().iter_mut() {
            let place = metric.labels().iter().position(|it| *it == label);
            if let (Shape::Gauge, Some(place)) = (metric.shape(), place) {
                series.retain(|values, _| values.get(place).is_none_or(|it| is_there(it)));
            }
        }
    }

    /// Returns a number; `None` if there is no such series yet.
    pub fn get(&self, sample: Sample<'_>) -> Option<f64> {
        let all = self.all();
        all.get(&sample.metric())?.get(&owned(sample)).copied()
    }

    /// Prints all numbers as Prometheus reads them.
    pub fn print(&self) -> String {
        text::print(&self.all())
    }

    fn change(&self, sample: Sample<'_>, change: impl FnOnce(&mut f64)) {
        let mut all = self.all();
        let n_series: usize = all.values().map(BTreeMap::len).sum();
        let series = all.entry(sample.metric()).or_default();
        let labels = owned(sample);
        if n_series < MAX_SERIES || series.contains_key(&labels) {
            change(series.entry(labels).or_default());
        }
    }

    fn all(&self) -> MutexGuard<'_, Series> {
        lock(&self.0)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn owned(sample: Sample<'_>) -> Vec<String> {
    sample.values().into_iter().map(str::to_owned).collect()
}
