//! Lists to whom a licence is assigned, and which assignments are to subjects that no user has.
//!
//! The listing of a licence has the subjects of all its tenants, also of those that are not read
//! here. So a subject is looked for in all our tenants that have the same licence, in lower case.

use std::collections::BTreeSet;

use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{ControlError, Query, page, query};
use crate::model::{LicenceHead, TenantName};
use crate::store::KeptLicence;

use super::answers::{AccessPage, NotKnown};
use super::envelope;
use super::licence_lack::{LicenceLack, lacking, readings};
use super::licence_rows::{LicenceRow, LicencesPage, WhichLicences};
use super::licence_search::Search;

/// How many subjects are read from the store at once.
pub(super) const AT_ONCE: usize = 500;

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
        let own = lacking(&of_tenant, readings(reading, &known.name), envelope.as_of);
        let mut lacks: BTreeSet<(TenantName, LicenceLack)> = BTreeSet::new();
        lacks.extend(own.into_iter().map(|lack| (known.name.clone(), lack)));
        let search = match self.choice.which {
            WhichLicences::All => None,
            WhichLicences::Orphans => Some(Search::of(reading, known, &of_tenant)?),
        };
        if let Some(search) = &search {
            lacks.extend(search.lacks.iter().cloned());
        }
        let is_orphan = match self.choice.which {
            WhichLicences::Orphans if lacks.is_empty() => Some(true),
            WhichLicences::Orphans | WhichLicences::All => None,
        };
        for (tenant, lack) in lacks {
            envelope::note(&mut envelope.not_known, NotKnown::Licences { tenant, lack });
        }
        let sort = self.choice.sort.map(|sort| sort.to_lowercase());
        let is_wanted = |row: &LicenceRow| {
            let own = row.assignment.sort.as_ref().map(|own| own.to_lowercase());
            sort.is_none() || own == sort
        };
        let rows_of = |kept: KeptLicence| {
            let of_subject = kept.assignments.into_iter();
            let of_subject = of_subject.map(|assignment| LicenceRow {
                assignment,
                is_orphan,
            });
            of_subject.filter(is_wanted)
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
                let has_user = |search: &Search| search.has(&kept.subject);
                if !search.as_ref().is_some_and(has_user) {
                    rows.extend(rows_of(kept));
                }
                if rows.len() >= limit {
                    break 'read;
                }
            }
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
            searched: search.map(|search| search.tenants).unwrap_or_default(),
        })
    }
}
