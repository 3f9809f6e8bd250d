//! Looks for subjects among the users that the tenants of a licence had at an earlier time.

use std::sync::Arc;

use crate::control::reading::Reading;
use crate::control::searches::{Extent, Searched};
use crate::control::{ControlError, linked};
use crate::history::{HistoryError, LicenceLook, LicenceThen, Picture};
use crate::model::{Kind, Timestamp};
use crate::store::Known;

use super::envelope;
use super::licence_lack::LicenceLack;
use super::licence_search::{Lacks, Search, SearchedTenant, is_read};

impl<'r> Search<'r> {
    /// Searches a tenant, and those that had the same licence and are read, at a time; `None` means
    /// now.
    pub(super) fn at(
        reading: &'r Reading<'_>,
        known: &'r Known,
        own: &LicenceLook,
        at: Option<Timestamp>,
    ) -> Result<Self, ControlError> {
        let Some(at) = at else {
            return Ok(Self::of(reading, known, &own.reading)?);
        };
        let mut search = Self::others_at(reading, known, own, at)?;
        search.add_at(reading, known, None, at)?;
        search.sort();
        Ok(search)
    }

    /// Searches the tenants that had the same licence as a tenant and are read, but not the tenant
    /// itself, at a time; `None` means now.
    pub(super) fn of_others_at(
        reading: &'r Reading<'_>,
        known: &'r Known,
        own: &LicenceLook,
        at: Option<Timestamp>,
    ) -> Result<Self, ControlError> {
        let Some(at) = at else {
            return Ok(Self::of_others(reading, known, &own.reading)?);
        };
        let mut search = Self::others_at(reading, known, own, at)?;
        search.sort();
        Ok(search)
    }

    fn others_at(
        reading: &'r Reading<'_>,
        known: &Known,
        own: &LicenceLook,
        at: Timestamp,
    ) -> Result<Self, ControlError> {
        let mut lacks = Lacks::new();
        for row in linked::unread(reading.store, &reading.context.registry)? {
            lacks.insert((row.name, LicenceLack::Users));
        }
        if own.number.is_none() {
            let lack = match own.is_known {
                true => LicenceLack::NoNumber,
                false => LicenceLack::NotReadThen {
                    first: own.reading.first,
                },
            };
            lacks.insert((known.name.clone(), lack));
        }
        let mut search = Self::without_places(lacks, own.read_at);
        let others = reading.tenants.iter().filter(|it| it.no != known.no);
        for other in others.filter(|it| is_read(reading, it)) {
            let Some(picture) = picture(reading, other, at)? else {
                // It was read later, so nobody knows its users at that time.
                search
                    .lacks
                    .insert((other.name.clone(), LicenceLack::Users));
                continue;
            };
            let look = LicenceThen::of(reading.store, other, Some(&picture))?
                .look
                .clone();
            let doubt = match may_share(own, &look) {
                MayShare::Yes => None,
                MayShare::NotKnown(lack) => {
                    search.lacks.insert((other.name.clone(), lack));
                    None
                }
                MayShare::Doubtful(lack) => Some(lack),
                MayShare::No => continue,
            };
            search.add_at(reading, other, doubt, at)?;
        }
        Ok(search)
    }

    fn add_at(
        &mut self,
        reading: &Reading<'_>,
        known: &'r Known,
        doubt: Option<LicenceLack>,
        at: Timestamp,
    ) -> Result<(), ControlError> {
        let Some(picture) = picture(reading, known, at)? else {
            return Ok(());
        };
        let sweep = envelope::last_sweep(reading, known, Some(at))?;
        let until = sweep.as_ref().map(|run| run.started_at);
        let counts = sweep.as_ref().and_then(|run| run.counts.get(&Kind::User));
        let left = self.places.iter().map(|place| place.subjects.count()).sum();
        let searches = &reading.context.searches;
        let Searched { subjects, extent } =
            searches.at(reading.store, known, &picture, (at, left))?;
        let lacks = [
            (until.is_none() && doubt.is_none()).then_some(LicenceLack::Users),
            counts
                .is_some_and(|counts| counts.unreadable > 0)
                .then_some(LicenceLack::UnreadableUsers),
            (extent == Extent::Part).then_some(LicenceLack::TooManyUsers),
            picture.has_gap().then_some(LicenceLack::Users),
        ];
        let lacks = lacks.into_iter().flatten();
        self.lacks
            .extend(lacks.map(|lack| (known.name.clone(), lack)));
        self.places.push(SearchedTenant {
            known,
            subjects,
            until,
            doubt,
            at: Some(at),
        });
        Ok(())
    }
}

/// Whether a tenant had the same licence as another one.
enum MayShare {
    Yes,
    No,
    /// Nobody knows: it may have, and its users count as those of the licence.
    NotKnown(LicenceLack),
    /// It had another one when it was last read.
    Doubtful(LicenceLack),
}

fn may_share(own: &LicenceLook, other: &LicenceLook) -> MayShare {
    if !other.is_known {
        let first = other.reading.first;
        return MayShare::NotKnown(LicenceLack::NotReadThen { first });
    }
    let Some(number) = &other.number else {
        return MayShare::NotKnown(LicenceLack::NoNumber);
    };
    let Some(own_number) = &own.number else {
        return MayShare::Yes;
    };
    if own_number == number {
        return MayShare::Yes;
    }
    // Each may have got another licence shortly before that time, which was found later.
    let may_be = |look: &LicenceLook, number: &String| look.may_be.as_ref() == Some(number);
    let is_doubtful = may_be(own, number)
        || may_be(other, own_number)
        || own.may_be.is_some() && own.may_be == other.may_be;
    match other.read_at {
        Some(read_at) if is_doubtful => MayShare::Doubtful(LicenceLack::OtherLicence { read_at }),
        Some(_) | None => MayShare::No,
    }
}

/// Returns the picture of a tenant at a time; `None` if the journal does not go back that far for
/// this tenant.
pub(super) fn picture(
    reading: &Reading<'_>,
    known: &Known,
    at: Timestamp,
) -> Result<Option<Arc<Picture>>, ControlError> {
    match reading.context.pictures.of(reading.store, known, Some(at)) {
        Ok(picture) => Ok(Some(picture)),
        Err(HistoryError::NotCovered { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
