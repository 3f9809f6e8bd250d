//! Lists records that were deleted, for programs that have read them before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::UnifiedPage;
use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{ControlError, MAX_PAGE, Page, Query, RecordRow, page, query};
use crate::history::first_since;
use crate::model::{Change, Entry, Fact, Kind, RecordRef, Seq, TenantId, Timestamp, Version};
use crate::store::Known;

/// A page of records that were deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnifiedDeletedPage {
    /// The records, as they were last known.
    pub records: UnifiedPage,
    /// When each of them was found deleted, in their order.
    pub deleted_at: Vec<Timestamp>,
    /// The entry with which the page ends; `None` if this is the last page.
    pub next: Option<Seq>,
}

impl Query for query::UnifiedDeleted {
    type Answer = UnifiedDeletedPage;

    fn about(&self) -> &'static str {
        self.kind.plural()
    }

    fn answer(self, reading: &Reading<'_>) -> Result<UnifiedDeletedPage, ControlError> {
        let asked = reading.asked(&self.tenants)?;
        let known = reading.known_of(&asked);
        let tenants: BTreeMap<_, _> = known.iter().map(|it| (&it.tenant.id, *it)).collect();
        let begin = match self.since {
            None => Some(Seq::START),
            Some(time) => {
                let first = first_since(reading.store, time)?;
                first.map(|entry| Seq(entry.seq.0.saturating_sub(1)))
            }
        };
        let limit = page::size(self.limit);
        let (found, next) = match (begin, self.after) {
            // Nothing has happened since that time.
            (None, _) => (Vec::new(), None),
            (Some(begin), after) => {
                let after = after.unwrap_or_default().max(begin);
                reading.deleted_after(&tenants, self.kind, after, limit)?
            }
        };
        let (rows, deleted_at) = found.into_iter().unzip();
        Ok(UnifiedDeletedPage {
            records: UnifiedPage::of(Page::last(rows), (Vec::new(), Vec::new()), asked),
            deleted_at,
            next,
        })
    }
}

type Deleted = (RecordRow, Timestamp);

impl Reading<'_> {
    /// Reads the journal after an entry until it has found enough deletions, or as many entries
    /// were read as one question may read.
    fn deleted_after(
        &self,
        tenants: &BTreeMap<&TenantId, &Known>,
        kind: Kind,
        mut after: Seq,
        limit: usize,
    ) -> Result<(Vec<Deleted>, Option<Seq>), ControlError> {
        let mut found = Vec::new();
        for _ in 0..MAX_READ / MAX_PAGE {
            let entries = self.store.entries(after, MAX_PAGE)?;
            let is_last = entries.len() < MAX_PAGE;
            for entry in entries {
                after = entry.seq;
                found.extend(self.deleted_by(tenants, kind, entry)?);
                if found.len() == limit {
                    return Ok((found, Some(after)));
                }
            }
            if is_last {
                return Ok((found, None));
            }
        }
        Ok((found, Some(after)))
    }

    /// Returns the record of which an entry says that it was deleted, unless it exists again.
    fn deleted_by(
        &self,
        tenants: &BTreeMap<&TenantId, &Known>,
        kind: Kind,
        entry: Entry,
    ) -> Result<Option<Deleted>, ControlError> {
        let known = entry.account().and_then(|it| tenants.get(&it.tenant));
        let version = entry.stamp.map_or(Version::START, |stamp| stamp.version);
        let (Some(known), Fact::Changed(Change::Deleted { before: record })) = (known, entry.fact)
        else {
            return Ok(None);
        };
        if record.kind() != kind {
            return Ok(None);
        }
        let name = RecordRef {
            kind,
            id: record.id().clone(),
        };
        if self.store.get(known.no, &name)?.is_some() {
            return Ok(None);
        }
        let row = RecordRow {
            tenant: known.name.clone(),
            version,
            record,
            raw: "null".into(),
        };
        Ok(Some((row, entry.at)))
    }
}
