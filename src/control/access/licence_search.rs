//! Looks for subjects among the users of all tenants that have one licence.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::control::linked;
use crate::control::reading::Reading;
use crate::control::searches::Searched;
use crate::model::{Kind, SubjectKey, TenantName};
use crate::store::{Known, LicenceReading, StoreError};
use crate::sync::Readings;

use super::licence_lack::{LicenceLack, readings};

/// The users of the tenants that have one licence.
pub(super) struct Search {
    searched: Arc<Searched>,
    /// The tenants, by name.
    pub(super) tenants: Vec<TenantName>,
    /// What is not known of them. A user whom we do not know may have the subject.
    pub(super) lacks: BTreeSet<(TenantName, LicenceLack)>,
}

impl Search {
    /// Searches a tenant, and those that have the same licence and are read: we do not know which
    /// users the others have now.
    pub(super) fn of(
        reading: &Reading<'_>,
        known: &Known,
        of_tenant: &LicenceReading,
    ) -> Result<Self, StoreError> {
        let mut lacks = BTreeSet::new();
        for row in linked::unread(reading.store, &reading.context.registry)? {
            // Nobody knows which licence it has.
            lacks.insert((row.name, LicenceLack::Users));
        }
        let mut tenants: Vec<&Known> = Vec::new();
        for other in &reading.tenants {
            if other.no != known.no && !is_read(reading, other) {
                continue;
            }
            let of_other = reading.store.licence_reading(other.no)?;
            let own = of_tenant.head.number.as_ref();
            match (own, &of_other.head.number) {
                (Some(own), Some(other)) if own != other => continue,
                (Some(_), Some(_)) => {}
                (Some(_), None) => {
                    // It may be the same licence.
                    let lack = numberless(&of_other, readings(reading, &other.name));
                    lacks.insert((other.name.clone(), lack));
                }
                (None, _) => {
                    let lack = numberless(of_tenant, readings(reading, &known.name));
                    lacks.insert((known.name.clone(), lack));
                }
            }
            for lack in lacking_users(reading, other)? {
                lacks.insert((other.name.clone(), lack));
            }
            tenants.push(other);
        }
        tenants.sort_by(|a, b| a.name.cmp(&b.name));
        let cache = &reading.context.searches;
        let searched = cache.of(reading.store, &tenants)?;
        for cut in tenants.iter().filter(|it| searched.cut.contains(&it.no)) {
            lacks.insert((cut.name.clone(), LicenceLack::TooManyUsers));
        }
        let tenants = tenants.into_iter().map(|it| it.name.clone()).collect();
        Ok(Self {
            searched,
            tenants,
            lacks,
        })
    }

    /// Returns whether a user has this subject.
    pub(super) fn has(&self, subject: &SubjectKey) -> bool {
        self.searched.subjects.has(subject)
    }

    /// Names the tenants: `` `acme` and `beta` ``.
    pub(super) fn in_words(&self) -> String {
        let names: Vec<String> = self.tenants.iter().map(|it| format!("`{it}`")).collect();
        match names.as_slice() {
            [] => "any tenant".to_owned(),
            [one] => one.clone(),
            [all @ .., last] => format!("{} and {last}", all.join(", ")),
        }
    }
}

fn is_read(reading: &Reading<'_>, known: &Known) -> bool {
    let linked = reading.context.registry.get(&known.name);
    linked.is_some_and(|linked| linked.pause().is_none())
}

/// Returns why the number of a licence is not known.
fn numberless(of_tenant: &LicenceReading, readings: Readings) -> LicenceLack {
    match (of_tenant.mark.tried, readings) {
        (Some(_), _) => LicenceLack::NoNumber,
        (None, Readings::Every(_)) => LicenceLack::NotRead,
        (None, Readings::Off) => LicenceLack::NotAsked,
    }
}

/// Returns what is not known of the users of a tenant.
fn lacking_users(
    reading: &Reading<'_>,
    known: &Known,
) -> Result<impl Iterator<Item = LicenceLack> + use<>, StoreError> {
    let linked = reading.context.registry.get(&known.name);
    let is_overdue = linked.is_some_and(|linked| linked.overdue().is_some());
    let last = reading.store.last_sweep(&known.name)?;
    let counts = last.as_ref().and_then(|run| run.counts.get(&Kind::User));
    let lacks = [
        (known.loaded.is_none() || is_overdue).then_some(LicenceLack::Users),
        counts
            .is_some_and(|counts| counts.unreadable > 0)
            .then_some(LicenceLack::UnreadableUsers),
    ];
    Ok(lacks.into_iter().flatten())
}
