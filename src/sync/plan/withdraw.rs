//! Takes out of a gathered plan whatever polls have made out of date.

use std::collections::BTreeSet;

use crate::model::RecordRef;
use crate::reconcile;
use crate::store::{Store, Write};

use super::commit::write_of;
use super::gather::{Gather, Rows, UPSERTS};
use super::results::{Differs, Withdrawn};
use crate::sync::RunError;

impl Gather {
    /// Withdraws the creations and updates that are planned for these records. Each row stays in
    /// its place but writes what is already stored, since rows are numbered without gaps.
    pub(in crate::sync) fn withdraw(
        &mut self,
        store: &Store,
        records: &BTreeSet<RecordRef>,
    ) -> Result<Vec<Withdrawn>, RunError> {
        let mut upserts = std::mem::replace(&mut self.upserts, Rows::from(UPSERTS));
        let target = self.target.clone();
        let mut withdrawn = Vec::new();
        upserts.each_chunk(store, &target, |write| {
            let record = write_of(&write);
            if !records.contains(&record) {
                return Ok(Some(write));
            }
            let kept = store.get(target.tenant, &record).map_err(RunError::store)?;
            if let Write::Change {
                change,
                fingerprint,
                ..
            } = &write
            {
                let permit = self.permit_for(store, change)?;
                self.tally.untake(change, permit.as_ref());
                let is_same = kept
                    .as_ref()
                    .is_some_and(|kept| reconcile::fingerprint(&kept.record) == *fingerprint);
                withdrawn.push(Withdrawn {
                    record: record.clone(),
                    verb: change.verb(),
                    differs: match is_same {
                        true => Differs::No,
                        false => Differs::Yes,
                    },
                });
            }
            Ok(Some(match kept {
                Some(kept) => Write::Quiet {
                    fingerprint: reconcile::fingerprint(&kept.record),
                    record: kept.record,
                    raw: kept.raw,
                },
                None => Write::Forget { record },
            }))
        })?;
        self.upserts = upserts;
        Ok(withdrawn)
    }
}
