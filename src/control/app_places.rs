//! Where apps are, as their sources said when somebody asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::lock::lock;
use crate::model::TenantName;
use crate::sync::AppAnswer;

use super::AskedApp;

/// How many answers are kept for the next page: about as many operators may ask at one time.
const KEPT: usize = 100;

/// How long an answer is kept: somebody turns the page within this time, or the source is asked
/// again.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// What sources said last, the latest at the end. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct AppPlaces(Arc<Mutex<VecDeque<Told>>>);

#[derive(Debug)]
struct Told {
    tenant: TenantName,
    app: String,
    answer: AppAnswer,
    at: Instant,
}

impl AppPlaces {
    /// Returns what the source said a moment ago; `None` if it was not asked.
    pub(super) fn get(&self, tenant: &TenantName, app: &str) -> Option<AppAnswer> {
        let mut all = lock(&self.0);
        all.retain(|told| told.at.elapsed() < KEPT_FOR);
        let mut told = all.iter();
        let told = told.find(|told| told.tenant == *tenant && told.app == app)?;
        Some(told.answer.clone())
    }

    /// Notes what the source said.
    pub(super) fn note(&self, AskedApp { tenant, id, .. }: AskedApp, answer: AppAnswer) {
        let mut all = lock(&self.0);
        all.retain(|told| told.tenant != tenant || told.app != id);
        if all.len() >= KEPT {
            all.pop_front();
        }
        all.push_back(Told {
            tenant,
            app: id,
            answer,
            at: Instant::now(),
        });
    }
}
