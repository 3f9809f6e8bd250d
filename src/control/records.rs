//! Answers questions about records, page by page.

use crate::model::{Id, Kind, Record, RecordRef};
use crate::store::{Kept, Known, Names, StoreError};

use super::answer::Reading;
use super::{MAX_PAGE, Place, RecordRow};

impl Reading<'_> {
    pub(super) fn records(
        &self,
        kind: Kind,
        tenants: &[&Known],
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError> {
        let mut rows = Vec::new();
        for known in tenants {
            let after: Option<&Id> = match after {
                Some(place) if place.tenant > known.name => continue,
                Some(place) if place.tenant == known.name => Some(&place.id),
                Some(_) | None => None,
            };
            let kept = self.store.list(known.no, kind, after, limit - rows.len())?;
            let mut names = Names::of(known.no);
            for kept in kept {
                rows.push(self.row_of(known, kept, &mut names)?);
            }
            if rows.len() == limit {
                break;
            }
        }
        Ok(rows)
    }

    pub(super) fn find(
        &self,
        kind: Kind,
        tenants: &[&Known],
        called: &str,
    ) -> Result<Vec<RecordRow>, StoreError> {
        let mut rows = Vec::new();
        for known in tenants {
            let mut names = Names::of(known.no);
            if let Ok(id) = Id::parse(called)
                && let Some(kept) = self.store.get(known.no, &RecordRef { kind, id })?
            {
                rows.push(self.row_of(known, kept, &mut names)?);
                continue;
            }
            let mut after = None;
            loop {
                let page = self.store.list(known.no, kind, after.as_ref(), MAX_PAGE)?;
                let Some(last) = page.last() else { break };
                after = Some(last.record.id().clone());
                let found = page
                    .into_iter()
                    .filter(|kept| is_called(&kept.record, called));
                for kept in found {
                    rows.push(self.row_of(known, kept, &mut names)?);
                }
                if rows.len() >= MAX_PAGE {
                    return Ok(rows);
                }
            }
        }
        Ok(rows)
    }

    /// Returns what is shown of a record: roles and groups by their present names.
    fn row_of(
        &self,
        known: &Known,
        mut kept: Kept,
        names: &mut Names,
    ) -> Result<RecordRow, StoreError> {
        names.join(self.store, &mut kept.record)?;
        Ok(row(known, kept))
    }
}

fn row(known: &Known, kept: Kept) -> RecordRow {
    let Kept {
        record,
        raw,
        version,
    } = kept;
    RecordRow {
        tenant: known.name.clone(),
        version,
        record,
        raw,
    }
}

/// Letter case does not matter to people.
fn is_called(record: &Record, called: &str) -> bool {
    let same = |text: &str| text.to_lowercase() == called.to_lowercase();
    match record {
        Record::Role(role) => same(&role.name),
        Record::Group(group) => same(&group.name),
        Record::User(user) => {
            same(&user.subject)
                || user.name.as_deref().is_some_and(same)
                || user.email.as_deref().is_some_and(same)
        }
    }
}
