//! Finds assignments of licences to subjects that no user has.

use std::collections::BTreeSet;

use crate::access::{Concern, orphan_licence};
use crate::control::UnjudgedLicences;
use crate::control::reading::Reading;
use crate::model::SubjectKey;
use crate::store::{Known, StoreError};
use crate::sync::Readings;

use super::licence_lack::{lacking, readings};
use super::licence_search::Search;
use super::licences::AT_ONCE;

/// Returns, for each licence that these tenants read, the tenant that it is judged for. Each tenant
/// shows the whole licence, so it is judged only once: for the first of its tenants whose reading
/// is complete, or else for the first of them.
pub(in crate::control) fn judged_for<'k>(
    reading: &Reading<'_>,
    tenants: &[&'k Known],
) -> Result<Vec<&'k Known>, StoreError> {
    let now = reading.context.clock.now();
    let mut judged: Vec<(Option<String>, bool, &Known)> = Vec::new();
    for known in tenants {
        let readings = readings(reading, &known.name);
        if readings == Readings::Off {
            continue;
        }
        let of_tenant = reading.store.licence_reading(known.no)?;
        let is_whole = lacking(&of_tenant, readings, now).is_empty();
        let number = of_tenant.head.number;
        let mut others = judged.iter_mut();
        match others.find(|(other, ..)| number.is_some() && *other == number) {
            Some(other) if is_whole && !other.1 => *other = (number, is_whole, known),
            Some(_) => {}
            None => judged.push((number, is_whole, known)),
        }
    }
    Ok(judged.into_iter().map(|(.., known)| known).collect())
}

/// Returns the other tenants that have the same licence as a tenant: a finding may have been
/// accepted when it was found for one of them.
pub(in crate::control) fn sharing<'r>(
    reading: &'r Reading<'_>,
    known: &Known,
) -> Result<Vec<&'r Known>, StoreError> {
    let Some(number) = reading.store.licence_reading(known.no)?.head.number else {
        return Ok(Vec::new());
    };
    let mut sharing = Vec::new();
    for other in reading.tenants.iter().filter(|it| it.no != known.no) {
        if reading
            .store
            .licence_reading(other.no)?
            .head
            .number
            .as_ref()
            == Some(&number)
        {
            sharing.push(other);
        }
    }
    Ok(sharing)
}

/// Looks for assignments of the licence of a tenant to subjects that no user has. Finds none if
/// something is not known, and returns what.
pub(in crate::control) fn orphan_licences(
    reading: &Reading<'_>,
    known: &Known,
    found: &mut dyn FnMut(Concern),
) -> Result<Option<UnjudgedLicences>, StoreError> {
    let readings = readings(reading, &known.name);
    if readings == Readings::Off {
        return Ok(None);
    }
    let of_tenant = reading.store.licence_reading(known.no)?;
    let own = lacking(&of_tenant, readings, reading.context.clock.now());
    let search = Search::of(reading, known, &of_tenant)?;
    let own = own.into_iter().map(|lack| (known.name.clone(), lack));
    let lacks: BTreeSet<_> = search.lacks.iter().cloned().chain(own).collect();
    if !lacks.is_empty() {
        return Ok(Some(UnjudgedLicences {
            tenant: known.name.clone(),
            lacks: lacks.into_iter().collect(),
        }));
    }
    let searched = search.in_words();
    let mut after: Option<SubjectKey> = None;
    loop {
        let page = reading.store.licences(known.no, after.as_ref(), AT_ONCE)?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        after = Some(last.subject.clone());
        for kept in page.iter().filter(|kept| !search.has(&kept.subject)) {
            orphan_licence(&kept.subject, &kept.assignments, &searched)
                .into_iter()
                .for_each(&mut *found);
        }
    }
}
