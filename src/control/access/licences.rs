//! Lists to whom a licence is assigned, and which assignments are to subjects that no user has.
//!
//! The listing of a licence has the subjects of all its tenants, also of those that are not read
//! here. So a subject is looked for in all our tenants that have the same licence, in lower case.

use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{ControlError, Page, Query, page, query};
use crate::model::{LicenceHead, TenantName};
use crate::store::KeptLicence;

use super::answers::{AccessPage, NotKnown};
use super::envelope;
use super::licence_lack::{lacking, readings};
use super::licence_rows::{LicenceRow, LicencesPage, WhichLicences};
use super::licence_search::{AT_ONCE, Lacks, Owned, Search};
use super::orphans::first_of_each;

impl Query for query::Licences {
    type Answer = LicencesPage;

    fn about(&self) -> &'static str {
        "to whom a licence is assigned"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let mut envelope = envelope::plain(reading, known, None)?;
        let of_tenant = reading.store.licence_reading(known.no)?;
        let own = lacking(&of_tenant, readings(reading, &known.name), envelope.as_of);
        let mut lacks = Lacks::new();
        lacks.extend(own.into_iter().map(|lack| (known.name.clone(), lack)));
        let search = match self.choice.which {
            WhichLicences::All => None,
            WhichLicences::Orphans => Some(Search::of(reading, known, &of_tenant)?),
        };
        if let Some(search) = &search {
            lacks.extend(search.lacks.iter().cloned());
        }
        let finder = Finder {
            search: search.as_ref(),
            own: lacks.clone(),
            sort: self.choice.sort.map(|sort| sort.to_lowercase()),
        };
        let limit = page::size(self.limit);
        let (mut rows, mut next) = (Vec::new(), self.after);
        'read: for _ in 0..MAX_READ / AT_ONCE {
            let kept = reading.store.licences(known.no, next.as_ref(), AT_ONCE)?;
            if kept.is_empty() {
                next = None;
                break;
            }
            for kept in kept {
                next = Some(kept.subject.clone());
                rows.extend(finder.rows(kept, &mut lacks));
                if rows.len() >= limit {
                    break 'read;
                }
            }
        }
        for (tenant, lack) in lacks {
            envelope::note(&mut envelope.not_known, NotKnown::Licences { tenant, lack });
        }
        let says_something = of_tenant.head != LicenceHead::default();
        Ok(LicencesPage {
            page: AccessPage {
                envelope,
                rows,
                next,
            },
            licence: says_something.then_some(of_tenant.head),
            read_at: of_tenant.mark.last,
            searched: search.map(|it| it.tenants()).unwrap_or_default(),
        })
    }
}

impl Query for query::LicenceTenants {
    type Answer = Page<TenantName, TenantName>;

    fn about(&self) -> &'static str {
        "which tenants have a licence"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let tenants = reading.chosen(None)?;
        let mut names: Vec<TenantName> = Vec::new();
        for known in first_of_each(reading, &tenants)? {
            names.push(known.name.clone());
        }
        names.sort();
        names.retain(|name| self.after.as_ref().is_none_or(|after| name > after));
        Ok(Page::of(names, page::size(self.limit), Clone::clone))
    }
}

/// Makes rows of assignments.
struct Finder<'a> {
    /// Finds out whether a user has a subject; `None` if all assignments are wanted, not only those
    /// of orphans.
    search: Option<&'a Search<'a>>,
    /// What is not known of the licence.
    own: Lacks,
    /// The type that is wanted, in lower case; `None` for all.
    sort: Option<String>,
}

impl Finder<'_> {
    /// Returns the rows of a subject, and adds what is not known about it to `lacks`.
    fn rows(&self, kept: KeptLicence, lacks: &mut Lacks) -> Vec<LicenceRow> {
        let is_orphan = match self.search.map(|search| search.judge(&kept)) {
            None => None,
            Some(Owned::Yes) => return Vec::new(),
            Some(Owned::No) => self.own.is_empty().then_some(true),
            Some(Owned::NotKnown(why)) => {
                lacks.extend(why);
                None
            }
        };
        let is_wanted = |row: &LicenceRow| {
            let own = row.assignment.sort.as_ref().map(|own| own.to_lowercase());
            self.sort.is_none() || own == self.sort
        };
        let rows = kept.assignments.into_iter().map(|assignment| LicenceRow {
            assignment,
            is_orphan,
        });
        rows.filter(is_wanted).collect()
    }
}
