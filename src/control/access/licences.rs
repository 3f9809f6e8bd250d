//! Lists to whom a licence is assigned, and finds orphan licences.
//!
//! The listing of a licence has the subjects of all its tenants, also of those that are not read
//! here. So a subject is looked for in all our tenants that have the same licence, in lower case.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::access::Subjects;
use crate::control::linked;
use crate::control::reading::Reading;
use crate::control::{ControlError, Query, page, query};
use crate::model::{Kind, LicenceAssignment, Record, SubjectKey, TenantName};
use crate::store::{Known, LicenceReading, StoreError};

use super::answers::{AccessPage, NotKnown};
use super::envelope;
use super::licence_lack::LicenceLack;
use super::licence_rows::{LicenceHolders, LicenceRow, LicencesPage};

/// How many subjects are read from the store at once.
const AT_ONCE: usize = 500;

/// The most users whose subjects are kept in memory for one answer: 16 MB of them.
const MAX_SUBJECTS: usize = 2_000_000;

impl Query for query::Licences {
    type Answer = LicencesPage;

    fn about(&self) -> &'static str {
        "to whom a licence is assigned"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let picture = reading.context.pictures.of(reading.store, known, None)?;
        let mut envelope = envelope::begin(reading, known, &picture, None, Some(&[]))?;
        // The answer says nothing about roles.
        envelope.not_known.remove(&NotKnown::Roles);
        let of_tenant = reading.store.licence_reading(known.no)?;
        let mut lacks: BTreeSet<(TenantName, LicenceLack)> = BTreeSet::new();
        lacks.extend(lacking(&of_tenant).map(|lack| (known.name.clone(), lack)));
        let mut search = match self.choice.whose {
            LicenceHolders::All => None,
            LicenceHolders::Nobody => Some(Search::of(reading, &of_tenant)?),
        };
        if let Some(search) = &search {
            lacks.extend(search.lacks.iter().cloned());
        }
        for (tenant, lack) in lacks {
            envelope::note(&mut envelope.not_known, NotKnown::Licences { tenant, lack });
        }
        let sort = self.choice.sort.map(|sort| sort.to_lowercase());
        let is_wanted = |row: &LicenceRow| {
            let own = row.assignment.sort.as_ref().map(|own| own.to_lowercase());
            sort.is_none() || own == sort
        };
        let limit = page::size(self.limit);
        let (mut rows, mut next) = (Vec::new(), self.after);
        'read: loop {
            let kept = reading.store.licences(known.no, next.as_ref(), AT_ONCE)?;
            if kept.is_empty() {
                next = None;
                break;
            }
            for kept in kept {
                let is_orphan = |search: &mut Search| !search.subjects.has(&kept.subject);
                if search.as_mut().is_none_or(is_orphan) {
                    let of_subject = kept.assignments.into_iter();
                    let of_subject = of_subject.map(|assignment| LicenceRow { assignment });
                    rows.extend(of_subject.filter(is_wanted));
                }
                next = Some(kept.subject);
                if rows.len() >= limit {
                    break 'read;
                }
            }
        }
        Ok(LicencesPage {
            page: AccessPage {
                envelope,
                rows,
                next,
            },
            licence: of_tenant.mark.tried.is_some().then_some(of_tenant.head),
            read_at: of_tenant.mark.last,
            searched: search.map(|search| search.searched).unwrap_or_default(),
        })
    }
}

/// The subjects of all users of the tenants that have one licence.
pub(in crate::control) struct Search {
    pub(in crate::control) subjects: Subjects,
    /// The tenants, by name.
    pub(in crate::control) searched: Vec<TenantName>,
    /// What is not known of them: a user that we do not see may have a subject.
    pub(in crate::control) lacks: BTreeSet<(TenantName, LicenceLack)>,
}

impl Search {
    /// Searches the tenants that have the licence of this reading.
    pub(in crate::control) fn of(
        reading: &Reading<'_>,
        of_tenant: &LicenceReading,
    ) -> Result<Self, StoreError> {
        let mut search = Self {
            subjects: Subjects::default(),
            searched: Vec::new(),
            lacks: BTreeSet::new(),
        };
        for row in linked::unread(reading.store, &reading.context.registry)? {
            // It is not known which licence it has.
            search.lacks.insert((row.name, LicenceLack::Users));
        }
        let mut tenants: Vec<&Known> = reading.tenants.iter().collect();
        tenants.sort_by(|a, b| a.name.cmp(&b.name));
        for known in tenants {
            let other = reading.store.licence_reading(known.no)?.head.number;
            match (&of_tenant.head.number, other) {
                (Some(own), Some(other)) if *own == other => search.take(reading, known)?,
                (Some(_), Some(_)) => {}
                (Some(_) | None, _) => {
                    let lack = (known.name.clone(), LicenceLack::NoNumber);
                    search.lacks.insert(lack);
                    // It may be the same licence.
                    search.take(reading, known)?;
                }
            }
        }
        Ok(search)
    }

    fn take(&mut self, reading: &Reading<'_>, known: &Known) -> Result<(), StoreError> {
        let lack = |lack| (known.name.clone(), lack);
        if known.loaded.is_none() {
            self.lacks.insert(lack(LicenceLack::Users));
        }
        let last = reading.store.last_sweep(&known.name)?;
        let counts = last.as_ref().and_then(|run| run.counts.get(&Kind::User));
        if counts.is_some_and(|counts| counts.unreadable > 0) {
            self.lacks.insert(lack(LicenceLack::UnreadableUsers));
        }
        let subjects = &mut self.subjects;
        reading.store.walk(known.no, Kind::User, &mut |record| {
            if let Record::User(user) = record {
                subjects.add(&user.subject);
            }
            match subjects.len() < MAX_SUBJECTS {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        if self.subjects.len() >= MAX_SUBJECTS {
            self.lacks.insert(lack(LicenceLack::TooManyUsers));
        }
        self.searched.push(known.name.clone());
        Ok(())
    }

    /// Names the tenants: `` `acme` and `beta` ``.
    pub(in crate::control) fn in_words(&self) -> String {
        let names: Vec<String> = self
            .searched
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        match names.as_slice() {
            [] => "any tenant".to_owned(),
            [one] => one.clone(),
            [all @ .., last] => format!("{} and {last}", all.join(", ")),
        }
    }
}

/// Returns what is not known of the assignments of a licence.
pub(in crate::control) fn lacking(
    reading: &LicenceReading,
) -> impl Iterator<Item = LicenceLack> + use<> {
    let lacks = [
        (reading.mark.last.is_none() && !reading.mark.is_refused).then_some(LicenceLack::NotRead),
        reading.mark.is_refused.then_some(LicenceLack::Refused),
        (reading.unreadable > 0).then_some(LicenceLack::Unreadable),
        (reading.held > 0).then_some(LicenceLack::Held),
    ];
    lacks.into_iter().flatten()
}

/// Visits each subject with a licence that no user of the searched tenants has.
pub(in crate::control) fn each_orphan(
    reading: &Reading<'_>,
    known: &Known,
    search: &mut Search,
    mut visit: impl FnMut(&SubjectKey, &[LicenceAssignment]),
) -> Result<(), StoreError> {
    let mut after: Option<SubjectKey> = None;
    loop {
        let page = reading.store.licences(known.no, after.as_ref(), AT_ONCE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.subject.clone());
        for kept in &page {
            if !search.subjects.has(&kept.subject) {
                visit(&kept.subject, &kept.assignments);
            }
        }
    }
}
