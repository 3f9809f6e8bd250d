//! The exports of the configuration: their states, and the orders to write one now.
//!
//! States are in memory. What was written last is read from the folder itself, so a restart
//! forgets nothing that matters.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::ControlError;
use super::export_state::{ExportFailure, ExportRow, Exported};
use crate::lock::lock;
use crate::model::ExportName;
use crate::signal::Wake;

/// The result of an attempt.
type Tried = Result<Exported, ExportFailure>;

/// The exports of the configuration. Clones share their states.
#[derive(Debug, Clone, Default)]
pub struct Exports {
    entries: Arc<[Configured]>,
    wake: Wake,
}

#[derive(Debug)]
struct Configured {
    row: Mutex<ExportRow>,
    /// How often it was ordered.
    ordered: watch::Sender<u64>,
    /// Up to which order it was written, and the result of that.
    answered: watch::Sender<(u64, Option<Tried>)>,
}

/// Orders that one attempt carries out.
#[derive(Debug, Clone, Copy)]
pub struct ExportOrder(u64);

impl Exports {
    /// Creates the list from names and folders.
    pub fn new(exports: impl IntoIterator<Item = (ExportName, String)>) -> Self {
        let entries = exports.into_iter().map(|(name, folder)| Configured {
            row: Mutex::new(ExportRow {
                name,
                folder,
                written: None,
                failure: None,
                next: None,
            }),
            ordered: watch::Sender::new(0),
            answered: watch::Sender::new((0, None)),
        });
        Self {
            entries: entries.collect(),
            wake: Wake::default(),
        }
    }

    /// Returns all states, by name.
    pub fn rows(&self) -> Vec<ExportRow> {
        let rows = self.entries.iter().map(|entry| entry.row().clone());
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }

    /// Returns the state of an export; `None` if there is none of this name.
    pub fn row(&self, name: &ExportName) -> Option<ExportRow> {
        Some(self.entry(name)?.row().clone())
    }

    /// Changes the state of an export.
    pub fn note(&self, name: &ExportName, change: impl FnOnce(&mut ExportRow)) {
        if let Some(entry) = self.entry(name) {
            change(&mut entry.row());
        }
    }

    /// Waits until somebody orders an export.
    pub async fn ordered(&self) {
        self.wake.woken().await;
    }

    /// Returns the orders of an export that were not carried out yet; `None` if there are none.
    pub fn order(&self, name: &ExportName) -> Option<ExportOrder> {
        let entry = self.entry(name)?;
        let n_ordered = *entry.ordered.borrow();
        let n_answered = entry.answered.borrow().0;
        (n_ordered > n_answered).then_some(ExportOrder(n_ordered))
    }

    /// Tells those who gave the orders their result.
    pub fn answer(&self, name: &ExportName, order: ExportOrder, attempt: Tried) {
        if let Some(entry) = self.entry(name) {
            entry.answered.send_replace((order.0, Some(attempt)));
        }
    }

    fn entry(&self, name: &ExportName) -> Option<&Configured> {
        self.entries.iter().find(|entry| entry.row().name == *name)
    }

    /// Orders an export. Returns what waits until it was written.
    pub(super) fn begin(
        &self,
        name: &ExportName,
    ) -> Result<impl Future<Output = Result<Exported, ControlError>> + use<>, ControlError> {
        let Some(entry) = self.entry(name) else {
            let rows = self.rows();
            let known: BTreeSet<_> = rows.iter().map(|row| row.name.0.as_str()).collect();
            return Err(ControlError::unknown_export(name, &known));
        };
        let mut mine = 0;
        entry.ordered.send_modify(|ordered| {
            *ordered += 1;
            mine = *ordered;
        });
        let mut answered = entry.answered.subscribe();
        self.wake.wake();
        Ok(async move {
            let attempt = match answered.wait_for(|(upto, _)| *upto >= mine).await {
                Ok(answered) => answered.1.clone(),
                Err(_gone) => None,
            };
            match attempt.ok_or(ControlError::Ending)? {
                Ok(exported) => Ok(exported),
                Err(failure) => Err(ControlError::NotExported { failure }),
            }
        })
    }
}

impl Configured {
    fn row(&self) -> MutexGuard<'_, ExportRow> {
        lock(&self.row)
    }
}
