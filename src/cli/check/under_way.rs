//! Shows people who wait for `check` how far it is with the tenants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::connector::qlik::{Organization, Probing};
use crate::doing::{self, Doing};
use crate::lock::lock;
use crate::model::{ConnectionName, TenantName};

use super::super::ticker::side_by_side;

/// The tenants that are being checked. Clones share them.
#[derive(Clone, Default)]
pub(super) struct UnderWay(Arc<Mutex<BTreeMap<TenantName, Arc<Probing>>>>);

impl UnderWay {
    /// Reports the progress.
    pub(super) fn telling(&self) -> Doing {
        let under_way = self.clone();
        doing::telling(move || {
            let probings = under_way.probings();
            let rows: Vec<_> = probings
                .iter()
                .map(|(name, probing)| (name, probing.now()))
                .collect();
            format!("checking {}", side_by_side(&rows))
        })
    }

    pub(super) fn begins(&self, name: &TenantName, probing: &Arc<Probing>) {
        let probing = Arc::clone(probing);
        self.probings().insert(name.clone(), probing);
    }

    pub(super) fn ended(&self, name: &TenantName) {
        self.probings().remove(name);
    }

    fn probings(&self) -> MutexGuard<'_, BTreeMap<TenantName, Arc<Probing>>> {
        lock(&self.0)
    }
}

/// Reports that a console is being asked for its tenants.
pub(super) fn asking(connection: &ConnectionName, organization: &Organization) -> Doing {
    let what = format!("asking the console of connection `{connection}` for its tenants");
    let organization = organization.clone();
    doing::telling(move || match organization.wait() {
        Some(wait) => format!("{what}, {wait}"),
        None => what.clone(),
    })
}
