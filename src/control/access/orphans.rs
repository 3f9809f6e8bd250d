//! Finds assignments of licences to subjects that no user has.

use crate::access::{Concern, orphan_licence, orphan_licence_id};
use crate::control::reading::Reading;
use crate::control::{ControlError, UnjudgedLicences};
use crate::history::LicenceThen;
use crate::model::{FindingId, SubjectKey, Timestamp};
use crate::store::{Known, StoreError};
use crate::sync::Readings;

use super::licence_lack::{lacking, lacking_at, readings};
use super::licence_search::{AT_ONCE, Lacks, Owned, Search};
use super::licence_search_then::picture;

/// Returns one tenant for each licence that these tenants read: the one it is judged for.
pub(in crate::control) fn judged_for<'k>(
    reading: &Reading<'_>,
    tenants: &[&'k Known],
) -> Result<Vec<&'k Known>, ControlError> {
    let is_read = |known: &Known| readings(reading, &known.name) != Readings::Off;
    let read: Vec<_> = tenants.iter().filter(|it| is_read(it)).copied().collect();
    first_of_each(reading, &read, None)
}

/// Returns one tenant for each licence: the first whose reading is complete, or else the first. One
/// is enough, because each tenant shows the whole licence. A tenant whose licence has no known
/// number counts as the only one of its licence.
pub(super) fn first_of_each<'k>(
    reading: &Reading<'_>,
    tenants: &[&'k Known],
    at: Option<Timestamp>,
) -> Result<Vec<&'k Known>, ControlError> {
    let now = reading.context.clock.now();
    let mut firsts: Vec<(Option<String>, bool, &Known)> = Vec::new();
    for known in tenants {
        let picture = match at {
            None => None,
            Some(at) => picture(reading, known, at)?,
        };
        if at.is_some() && picture.is_none() {
            // Whoever asks about this tenant is told how far its history goes back.
            firsts.push((None, false, known));
            continue;
        }
        let then = LicenceThen::of(reading.store, known, picture.as_deref())?;
        let readings = readings(reading, &known.name);
        let is_whole = lacking_at(&then.look, readings, at, now).is_empty();
        let number = then.look.number.clone();
        let mut others = firsts.iter_mut();
        match others.find(|(other, ..)| number.is_some() && *other == number) {
            Some(other) if is_whole && !other.1 => *other = (number, is_whole, known),
            Some(_) => {}
            None => firsts.push((number, is_whole, known)),
        }
    }
    Ok(firsts.into_iter().map(|(.., known)| known).collect())
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

/// Returns the ids that a finding about an orphan licence has in the other tenants of the licence,
/// given its id in one tenant. Returns nothing for any other finding, or if the licence is no
/// longer assigned to the subject.
pub(in crate::control) fn elsewhere<'r>(
    reading: &'r Reading<'_>,
    known: &Known,
    id: FindingId,
) -> Result<Vec<(&'r Known, FindingId)>, StoreError> {
    let sharing = sharing(reading, known)?;
    let mut after: Option<SubjectKey> = None;
    while !sharing.is_empty() {
        let page = reading.store.licences(known.no, after.as_ref(), AT_ONCE)?;
        let mut subjects = page.iter().map(|kept| &kept.subject);
        if let Some(subject) = subjects.find(|it| orphan_licence_id(&known.tenant.id, it) == id) {
            let ids = sharing.into_iter();
            let ids = ids.map(|it| (it, orphan_licence_id(&it.tenant.id, subject)));
            return Ok(ids.collect());
        }
        let Some(last) = page.into_iter().next_back() else {
            break;
        };
        after = Some(last.subject);
    }
    Ok(Vec::new())
}

/// Looks for assignments of a tenant's licence to subjects that no user has. Finds none if
/// something is unknown about the licence or its tenants, and leaves out the subjects that cannot
/// be judged. Returns what is unknown.
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
    let lacks: Lacks = search.lacks.iter().cloned().chain(own).collect();
    if !lacks.is_empty() {
        return Ok(unjudged(known, lacks));
    }
    let searched = search.in_words();
    let mut lacks = Lacks::new();
    let mut after: Option<SubjectKey> = None;
    loop {
        let page = reading.store.licences(known.no, after.as_ref(), AT_ONCE)?;
        let Some(last) = page.last() else {
            return Ok(unjudged(known, lacks));
        };
        after = Some(last.subject.clone());
        for kept in &page {
            match search.judge(&kept.subject, &kept.assignments) {
                Owned::Yes => {}
                Owned::No => orphan_licence(&kept.subject, &kept.assignments, &searched)
                    .into_iter()
                    .for_each(&mut *found),
                Owned::NotKnown(why) => lacks.extend(why),
            }
        }
    }
}

fn unjudged(known: &Known, lacks: Lacks) -> Option<UnjudgedLicences> {
    let tenant = known.name.clone();
    let lacks: Vec<_> = lacks.into_iter().collect();
    (!lacks.is_empty()).then_some(UnjudgedLicences { tenant, lacks })
}
