//! Looks for subjects among the users of all tenants that have one licence.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::Subjects;
use crate::control::linked;
use crate::control::reading::Reading;
use crate::control::searches::Extent;
use crate::model::{Kind, LicenceAssignment, SubjectKey, TenantName, Timestamp};
use crate::store::{Known, LicenceReading, StoreError};
use crate::sync::{OVERLAP, Readings, is_ahead};

use super::licence_lack::{LicenceLack, readings};

/// How many subjects of a licence are read from the store at once.
pub(super) const AT_ONCE: usize = 500;

/// What we do not know about tenants, so that an answer may be incomplete.
pub(super) type Lacks = BTreeSet<(TenantName, LicenceLack)>;

/// The users of the tenants that have one licence.
pub(super) struct Search<'r> {
    pub(super) places: Vec<SearchedTenant<'r>>,
    /// What we do not know about the tenants. A user whom we do not know may have any subject.
    pub(super) lacks: Lacks,
    /// When we last asked for the listing of the licence.
    asked: Option<Timestamp>,
}

/// A tenant whose users are searched.
pub(super) struct SearchedTenant<'r> {
    pub(super) known: &'r Known,
    pub(super) subjects: Arc<Subjects>,
    /// The time up to which its users are known; `None` if they were never read in full.
    pub(super) until: Option<Timestamp>,
    /// Why the tenant may have the licence, although it had another one when we last asked; `None`
    /// if it has the licence, or if the number of its licence or of this one is not known.
    pub(super) doubt: Option<LicenceLack>,
    /// The time of whose users these are; `None` means now.
    pub(super) at: Option<Timestamp>,
}

/// Whether the subject of a licence is that of a user.
pub(super) enum Owned {
    /// A user has it.
    Yes,
    /// No user has it.
    No,
    /// Nobody knows, because of these gaps in what we know.
    NotKnown(Lacks),
}

impl<'r> Search<'r> {
    /// Searches a tenant, and those that have the same licence and are read: we do not know which
    /// users the others have now.
    pub(super) fn of(
        reading: &'r Reading<'_>,
        known: &'r Known,
        of_tenant: &LicenceReading,
    ) -> Result<Self, StoreError> {
        let mut search = Self::find(reading, known, of_tenant)?;
        search.add(reading, known, None)?;
        search.look(reading)?;
        Ok(search)
    }

    /// Searches the tenants that have the same licence as a tenant and are read, but not the tenant
    /// itself.
    pub(super) fn of_others(
        reading: &'r Reading<'_>,
        known: &'r Known,
        of_tenant: &LicenceReading,
    ) -> Result<Self, StoreError> {
        let mut search = Self::find(reading, known, of_tenant)?;
        search.look(reading)?;
        Ok(search)
    }

    pub(super) fn without_places(lacks: Lacks, asked: Option<Timestamp>) -> Self {
        Self {
            places: Vec::new(),
            lacks,
            asked,
        }
    }

    /// Sorts the tenants by name.
    pub(super) fn sort(&mut self) {
        self.places.sort_by(|a, b| a.known.name.cmp(&b.known.name));
    }

    /// Finds the other tenants that have, or may have, the same licence as a tenant and are read.
    /// Does not search their users yet.
    fn find(
        reading: &'r Reading<'_>,
        known: &'r Known,
        of_tenant: &LicenceReading,
    ) -> Result<Self, StoreError> {
        let asked = of_tenant.mark.tried.or(of_tenant.mark.last);
        let mut search = Self::without_places(Lacks::new(), asked);
        for row in linked::unread(reading.store, &reading.context.registry)? {
            // Nobody knows which licence it has.
            search.lacks.insert((row.name, LicenceLack::Users));
        }
        let own = of_tenant.head.number.as_ref();
        if own.is_none() {
            let lack = numberless(of_tenant, readings(reading, &known.name));
            search.lacks.insert((known.name.clone(), lack));
        }
        let now = reading.context.clock.now();
        for other in reading.tenants.iter().filter(|it| it.no != known.no) {
            if !is_read(reading, other) {
                continue;
            }
            let of_other = reading.store.licence_reading(other.no)?;
            let doubt = match (own, &of_other.head.number) {
                (Some(own), Some(number)) if own != number => match search.doubt(&of_other, now) {
                    None => continue,
                    doubt @ Some(_) => doubt,
                },
                (Some(_), None) => {
                    // It may be the same licence.
                    let lack = numberless(&of_other, readings(reading, &other.name));
                    search.lacks.insert((other.name.clone(), lack));
                    None
                }
                (Some(_), Some(_)) | (None, _) => None,
            };
            search.add(reading, other, doubt)?;
        }
        Ok(search)
    }

    /// Returns why a tenant whose licence had another number may have this licence; `None` if we
    /// asked that tenant after we read this licence. A renewed licence gets another number in all
    /// its tenants at once, but we learn that from one tenant after the other.
    fn doubt(&self, of_other: &LicenceReading, now: Timestamp) -> Option<LicenceLack> {
        let Some(read_at) = of_other.mark.last else {
            return Some(LicenceLack::NotRead);
        };
        let is_later = self.asked.is_some_and(|asked| read_at >= asked);
        let is_certain = is_later && !is_ahead(read_at, now);
        (!is_certain).then_some(LicenceLack::OtherLicence { read_at })
    }

    fn add(
        &mut self,
        reading: &Reading<'_>,
        known: &'r Known,
        doubt: Option<LicenceLack>,
    ) -> Result<(), StoreError> {
        let until = known_until(reading, known)?;
        if doubt.is_none() {
            for lack in lacking_users(reading, known, until)? {
                self.lacks.insert((known.name.clone(), lack));
            }
        }
        self.places.push(SearchedTenant {
            known,
            subjects: Arc::default(),
            until,
            doubt,
            at: None,
        });
        Ok(())
    }

    /// Reads the subjects of the users of all these tenants.
    fn look(&mut self, reading: &Reading<'_>) -> Result<(), StoreError> {
        self.sort();
        let tenants: Vec<&Known> = self.places.iter().map(|it| it.known).collect();
        let found = reading.context.searches.of(reading.store, &tenants)?;
        for (place, found) in self.places.iter_mut().zip(found) {
            place.subjects = found.subjects;
            match found.extent {
                Extent::Whole => {}
                Extent::Part => {
                    let lack = LicenceLack::TooManyUsers;
                    self.lacks.insert((place.known.name.clone(), lack));
                }
            }
        }
        Ok(())
    }

    /// Returns whether a user of any of the tenants has the subject of a licence.
    pub(super) fn judge(&self, subject: &SubjectKey, assignments: &[LicenceAssignment]) -> Owned {
        let mut lacks = self.lacks.clone();
        let since = assignments.iter().filter_map(|it| it.created_at).min();
        // If the source does not say when the licence was assigned, it was before we last asked.
        let since = since.or(self.asked);
        for place in &self.places {
            let name = || place.known.name.clone();
            match (place.has(subject), place.doubt) {
                (true, None) => return Owned::Yes,
                (true, Some(doubt)) => {
                    lacks.insert((name(), doubt));
                }
                (false, _) => {}
            }
            match place.until {
                None => {
                    lacks.insert((name(), LicenceLack::Users));
                }
                Some(until) if since.is_none_or(|since| since > until) => {
                    lacks.insert((name(), LicenceLack::EarlierUsers { until }));
                }
                Some(_) => {}
            }
        }
        match lacks.is_empty() {
            true => Owned::No,
            false => Owned::NotKnown(lacks),
        }
    }

    /// Returns the tenants that are searched.
    pub(super) fn places(&self) -> impl Iterator<Item = &SearchedTenant<'r>> {
        self.places.iter()
    }

    /// Returns the names of the tenants that have the licence, or may have it because the number of
    /// a licence is not known, in order.
    pub(super) fn tenants(&self) -> Vec<TenantName> {
        let places = self.places.iter().filter(|place| place.doubt.is_none());
        places.map(|place| place.known.name.clone()).collect()
    }

    /// Names the tenants: `` `acme` and `beta` ``.
    pub(super) fn in_words(&self) -> String {
        let names = self.tenants().into_iter();
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        match names.as_slice() {
            [] => "any tenant".to_owned(),
            [one] => one.clone(),
            [all @ .., last] => format!("{} and {last}", all.join(", ")),
        }
    }
}

impl SearchedTenant<'_> {
    /// Returns whether a user of this tenant has a subject.
    pub(super) fn has(&self, subject: &SubjectKey) -> bool {
        self.subjects.has(subject)
    }

    /// Returns whether the tenant may have another licence.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubt.is_some()
    }
}

/// Returns whether a tenant is read at present.
pub(super) fn is_read(reading: &Reading<'_>, known: &Known) -> bool {
    let linked = reading.context.registry.get(&known.name);
    linked.is_some_and(|linked| linked.pause().is_none())
}

/// Returns why the number of a licence is not known.
fn numberless(of_tenant: &LicenceReading, readings: Readings) -> LicenceLack {
    let mark = &of_tenant.mark;
    match (mark.last, readings) {
        (None, Readings::Off) => LicenceLack::NotAsked,
        (_, Readings::Every(_)) if mark.is_refused => LicenceLack::Refused,
        (None, Readings::Every(_)) => LicenceLack::NotRead,
        (Some(_), Readings::Off | Readings::Every(_)) => LicenceLack::NoNumber,
    }
}

/// Returns the time up to which the users of a tenant are known; `None` if they were never read in
/// full. It is when the last sweep began or, if that is later, the time up to which the audit log
/// was read without a gap since that sweep.
fn known_until(reading: &Reading<'_>, known: &Known) -> Result<Option<Timestamp>, StoreError> {
    let now = reading.context.clock.now();
    let last = reading.store.last_sweep(&known.name)?;
    let last = last.filter(|run| !is_ahead(run.started_at, now));
    let Some(swept) = last.map(|run| run.started_at) else {
        return Ok(None);
    };
    let bookmark = reading.store.bookmark(known.no)?;
    let bookmark = bookmark.filter(|bookmark| bookmark.since <= swept);
    // An event may appear in the log later than it happened.
    let polled = bookmark.map(|bookmark| bookmark.until.min(now).minus(OVERLAP));
    Ok(Some(polled.map_or(swept, |polled| polled.max(swept))))
}

/// Returns what we do not know about the users of a tenant. `until` is the time up to which they
/// are known.
fn lacking_users(
    reading: &Reading<'_>,
    known: &Known,
    until: Option<Timestamp>,
) -> Result<impl Iterator<Item = LicenceLack> + use<>, StoreError> {
    let linked = reading.context.registry.get(&known.name);
    let is_overdue = linked.is_some_and(|linked| linked.overdue().is_some());
    let is_unread = known.loaded.is_none() || until.is_none();
    let last = reading.store.last_sweep(&known.name)?;
    let counts = last.as_ref().and_then(|run| run.counts.get(&Kind::User));
    let lacks = [
        (is_unread || is_overdue).then_some(LicenceLack::Users),
        counts
            .is_some_and(|counts| counts.unreadable > 0)
            .then_some(LicenceLack::UnreadableUsers),
    ];
    Ok(lacks.into_iter().flatten())
}
