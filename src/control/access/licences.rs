//! Lists to whom a licence is assigned, and which assignments are to subjects that no user has.
//!
//! The listing of a licence has the subjects of all its tenants, also of those that are not read
//! here. So a subject is looked for in all our tenants that have the same licence, in lower case.

use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{ControlError, Page, Query, page, query};
use crate::history::{LicenceLook, LicenceThen, SubjectLicences};
use crate::model::{LicenceHead, TenantName, Timestamp};

use super::answers::{AccessPage, NotKnown};
use super::envelope;
use super::licence_lack::{lacking_at, readings};
use super::licence_rows::{LicenceRow, LicenceSince, LicencesPage, WhichLicences};
use super::licence_search::{AT_ONCE, Lacks, Owned, Search};
use super::orphans::first_of_each;

impl Query for query::Licences {
    type Answer = LicencesPage;

    fn about(&self) -> &'static str {
        "to whom a licence is assigned"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let mut envelope = envelope::plain(reading, known, self.at)?;
        let picture = match self.at {
            None => None,
            at @ Some(_) => Some(reading.context.pictures.of(reading.store, known, at)?),
        };
        let mut then = LicenceThen::of(reading.store, known, picture.as_deref())?;
        if then.look.has_gap {
            envelope.not_known.insert(NotKnown::History);
        }
        let now = reading.context.clock.now();
        let own = lacking_at(&then.look, readings(reading, &known.name), self.at, now);
        let mut lacks = Lacks::new();
        lacks.extend(own.into_iter().map(|lack| (known.name.clone(), lack)));
        let search = match self.choice.which {
            WhichLicences::All => None,
            WhichLicences::Orphans => Some(Search::at(reading, known, &then.look, self.at)?),
        };
        if let Some(search) = &search {
            lacks.extend(search.lacks.iter().cloned());
        }
        let finder = Finder {
            search: search.as_ref(),
            own: lacks.clone(),
            sort: self.choice.sort.map(|sort| sort.to_lowercase()),
            first: then.look.reading.first,
        };
        let limit = page::size(self.limit);
        let (mut rows, mut next) = (Vec::new(), self.after);
        'read: for _ in 0..MAX_READ / AT_ONCE {
            let page = then.page(next.as_ref(), AT_ONCE)?;
            for assigned in page.subjects {
                next = Some(assigned.subject.clone());
                rows.extend(finder.rows(assigned, &mut lacks));
                if rows.len() >= limit {
                    break 'read;
                }
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        for (tenant, lack) in lacks {
            envelope::note(&mut envelope.not_known, NotKnown::Licences { tenant, lack });
        }
        Ok(LicencesPage {
            page: AccessPage {
                envelope,
                rows,
                next,
            },
            licence: head(&then.look, self.at),
            read_at: then.look.read_at,
            searched: search.map(|it| it.tenants()).unwrap_or_default(),
        })
    }
}

/// Returns what the licence said about itself. Of an earlier time, only its number is known.
fn head(look: &LicenceLook, at: Option<Timestamp>) -> Option<LicenceHead> {
    let head = match at {
        None => look.reading.head.clone(),
        Some(_) => LicenceHead {
            number: look.number.clone().filter(|_| look.is_known),
            ..LicenceHead::default()
        },
    };
    Some(head).filter(|head| *head != LicenceHead::default())
}

impl Query for query::LicenceTenants {
    type Answer = Page<TenantName, TenantName>;

    fn about(&self) -> &'static str {
        "which tenants have a licence"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let tenants = reading.chosen(None)?;
        let mut names: Vec<TenantName> = Vec::new();
        for known in first_of_each(reading, &tenants, self.at)? {
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
    /// When the first complete reading ended; `None` if it has not.
    first: Option<Timestamp>,
}

impl Finder<'_> {
    /// Returns the rows of a subject, and adds what is not known about it to `lacks`.
    fn rows(&self, assigned: SubjectLicences, lacks: &mut Lacks) -> Vec<LicenceRow> {
        let SubjectLicences {
            subject,
            assignments,
            changed_at,
        } = assigned;
        let found = self
            .search
            .map(|search| search.judge(&subject, &assignments));
        let is_orphan = match found {
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
        let since = match (changed_at, self.first) {
            (Some(at), _) => Some(LicenceSince::Observed { at }),
            (None, Some(at)) => Some(LicenceSince::BeforeFirstReading { at }),
            (None, None) => None,
        };
        let rows = assignments.into_iter().map(|assignment| LicenceRow {
            assignment,
            since,
            is_orphan,
        });
        rows.filter(is_wanted).collect()
    }
}
