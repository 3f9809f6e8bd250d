//! Finds names in an endpoint's filter that match nothing: tenants and roles that do not exist.

use std::collections::BTreeSet;

use crate::connector::qlik::Probe;
use crate::control::Unmatched;
use crate::deliver::Endpoint;
use crate::model::{EndpointName, TenantName};
use crate::view::{CheckLine, Complaint, Grade};

/// The names of the tenants that were just reached. Before a first run, nothing else is known.
#[derive(Default)]
pub(super) struct Met {
    names: BTreeSet<String>,
    n_unreached: usize,
    /// The names of each tenant, and of all its roles. `None` if not all roles are known.
    tenants: Vec<(BTreeSet<String>, Option<BTreeSet<String>>)>,
}

impl Met {
    pub(super) fn add(&mut self, name: &TenantName, probe: &Probe) {
        let mut names = BTreeSet::from([name.0.clone()]);
        match &probe.tenant {
            Some(Ok(tenant)) => names.extend([tenant.name.clone(), tenant.id.0.clone()]),
            Some(Err(_)) | None => self.n_unreached += 1,
        }
        self.names.extend(names.iter().cloned());
        self.tenants.push((names, probe.roles.clone()));
    }

    pub(super) fn unmatched(&self, endpoint: &Endpoint) -> Unmatched {
        let words = endpoint.selection().tenants.iter().flatten();
        let strange = words.filter(|word| !self.names.contains(*word));
        let mut unmatched = Unmatched::default();
        match self.n_unreached {
            0 => unmatched.tenants.extend(strange.cloned()),
            _ => unmatched.unsure.extend(strange.cloned()),
        }
        unmatched.roles = self.strange_roles(endpoint);
        unmatched
    }

    /// Returns the role names in an endpoint's filter that match no role in the tenants that it
    /// selects, if the roles of all of them are known.
    fn strange_roles(&self, endpoint: &Endpoint) -> BTreeSet<String> {
        let selection = endpoint.selection();
        let is_chosen = |names: &BTreeSet<String>| {
            let words = selection.tenants.as_ref();
            words.is_none_or(|words| !words.is_disjoint(names))
        };
        let chosen = self.tenants.iter().filter(|(names, _)| is_chosen(names));
        let Some(known) = chosen
            .map(|(_, roles)| roles.as_ref())
            .collect::<Option<Vec<_>>>()
        else {
            return BTreeSet::new();
        };
        let words = selection.roles.iter().flatten();
        let strange = words.filter(|word| !known.iter().any(|roles| roles.contains(*word)));
        match known.is_empty() {
            true => BTreeSet::new(),
            false => strange.cloned().collect(),
        }
    }
}

/// Returns a line for an endpoint whose filter has names that match nothing.
pub(super) fn choice(name: &EndpointName, unmatched: &Unmatched) -> Option<CheckLine> {
    let (code, text) = unmatched.code().zip(unmatched.in_words())?;
    Some(CheckLine {
        what: format!("endpoint {name}"),
        step: "choice".to_owned(),
        result: Err(Complaint {
            grade: match unmatched.tenants.is_empty() {
                true => Grade::Warning,
                false => Grade::Failed,
            },
            code,
            text,
            remedy: "correct `tenants` and `roles` of the endpoint; `qlik-roster tenants` and \
                     `qlik-roster roles` list what there is"
                .to_owned(),
        }),
    })
}
