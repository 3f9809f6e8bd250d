//! Finds names in endpoints' filters and in rules that match nothing: tenants and roles that do not
//! exist.

use std::collections::BTreeSet;

use crate::connector::qlik::Probe;
use crate::control::{ChosenNames, SeparationRow, Unmatched};
use crate::model::{EndpointName, TenantName};
use crate::view::{CheckLine, Complaint, Grade};

/// The names of the tenants that were just reached. Before a first run, nothing else is known.
#[derive(Default)]
pub(super) struct Met {
    names: BTreeSet<String>,
    n_unreached: usize,
    /// The names of each tenant, and the names of its roles. `None` if not all roles are known.
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

    pub(super) fn unmatched(&self, named: &ChosenNames) -> Unmatched {
        let words = named.tenants.iter().flatten();
        let strange = words.filter(|word| !self.names.contains(*word));
        let mut unmatched = Unmatched::default();
        match self.n_unreached {
            0 => unmatched.tenants.extend(strange.cloned()),
            _ => unmatched.unsure.extend(strange.cloned()),
        }
        unmatched.roles = self.strange_roles(named);
        unmatched
    }

    /// Returns the role names that match no role in the chosen tenants, if the roles of all of them
    /// are known.
    fn strange_roles(&self, named: &ChosenNames) -> BTreeSet<String> {
        let is_chosen = |names: &BTreeSet<String>| {
            let words = named.tenants.as_ref();
            words.is_none_or(|words| !words.is_disjoint(names))
        };
        let chosen = self.tenants.iter().filter(|(names, _)| is_chosen(names));
        let Some(known) = chosen
            .map(|(_, roles)| roles.as_ref())
            .collect::<Option<Vec<_>>>()
        else {
            return BTreeSet::new();
        };
        let is_known = |word: &String| {
            let mut roles = known.iter().flat_map(|roles| roles.iter());
            roles.any(|role| named.case.is_same(role, word))
        };
        let words = named.roles.iter().flatten();
        let strange = words.filter(|word| !is_known(word));
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
            grade: grade(unmatched),
            code,
            text,
            remedy: "correct `tenants` and `roles` of the endpoint; `qlik-roster tenants` and \
                     `qlik-roster roles` list them"
                .to_owned(),
        }),
    })
}

/// Returns a line for a rule that has names that match nothing.
pub(super) fn separation(row: &SeparationRow) -> Option<CheckLine> {
    let (code, text) = row.code().zip(row.unmatched.in_words())?;
    Some(CheckLine {
        what: format!("rule {}", row.rule),
        step: "choice".to_owned(),
        result: Err(Complaint {
            grade: grade(&row.unmatched),
            code,
            text,
            remedy: "correct `tenants`, `left` and `right` of the rule in `[[access.sod]]`; \
                     `qlik-roster tenants` and `qlik-roster roles` list them"
                .to_owned(),
        }),
    })
}

/// A name that matches no tenant is a mistake; a role may be created later.
fn grade(unmatched: &Unmatched) -> Grade {
    match unmatched.tenants.is_empty() {
        true => Grade::Warning,
        false => Grade::Failed,
    }
}
