//! Compares the records of a sweep, one after the other, with the known state.

mod second;

use std::collections::{BTreeMap, BTreeSet};

use crate::connector::Readout;
use crate::model::{
    Assigned, Change, Finding, FindingCode, Fingerprint, Id, Kind, KindCounts, Loss, Observed,
    Record, RecordRef,
};
use crate::reconcile::{self, Evidence, FirstTick, Judgement, KnownRecord, Roll, Shown};
use crate::store::{Kept, Names, Store, TenantNo, Write};

use super::incomplete::MAX_FINDINGS;
use super::sights::Sights;
use crate::sync::RunError;
use crate::sync::plan::run_plan::Plan;
use crate::sync::removals::tally::Scales;
use crate::sync::run::beside::Asked;

/// The sweep of one kind in progress: which records are known, which were shown, and what is left
/// to do.
///
/// It does the heavy part of a run and belongs on a blocking thread, where it stays while a listing
/// is read.
pub(super) struct Comparison {
    kind: Kind,
    tenant: Option<TenantNo>,
    known: Roll,
    unknown: Roll,
    sights: Sights,
    /// Records that were shown in two versions of which we cannot tell the newer one, or without
    /// some lists, each with the lists that it came without. A list counts as empty if the record
    /// comes without it again when we ask for it by its id.
    unsure: BTreeMap<Id, BTreeSet<Assigned>>,
    hidden_roles: u64,
    hidden_groups: u64,
    /// Records without a readable id, or shown as gone. They are listed, which counts for
    /// completeness, but cannot be compared.
    uncounted: u64,
    /// Records that can be lost: all but the groups that the source makes itself, which remain even
    /// if all others are missing.
    n_ordinary: u64,
    n_memberships: u64,
    n_assignments: u64,
    pub(in crate::sync) counts: KindCounts,
    pub(in crate::sync) findings: Vec<Finding>,
    pub(in crate::sync) plan: Plan,
    /// The records that polls have asked for meanwhile.
    asked: Asked,
    /// The names of roles and groups that the known records mention.
    names: Option<Names>,
}

impl Comparison {
    /// Starts to compare a kind with what the store knows of it.
    pub(in crate::sync) fn open(
        store: &Store,
        tenant: Option<TenantNo>,
        kind: Kind,
        plan: Plan,
    ) -> Result<Self, RunError> {
        let mut known = Roll::default();
        if let Some(tenant) = tenant {
            let count = store.census(tenant, kind).map_err(RunError::store)?.count;
            known = Roll::with_capacity(usize::try_from(count).unwrap_or(0));
            store
                .fingerprints(tenant, kind, &mut |id, print| known.enter(&id, print))
                .map_err(RunError::store)?;
        }
        Ok(Self {
            kind,
            tenant,
            known,
            unknown: Roll::default(),
            sights: Sights::default(),
            unsure: BTreeMap::new(),
            hidden_roles: 0,
            hidden_groups: 0,
            uncounted: 0,
            n_ordinary: 0,
            n_memberships: 0,
            n_assignments: 0,
            counts: KindCounts::default(),
            findings: Vec::new(),
            plan,
            asked: Asked::default(),
            names: tenant.map(Names::of),
        })
    }

    /// Lets polls go on beside it; they note the records that they ask for.
    pub(in crate::sync) fn beside(self, asked: Asked) -> Self {
        Self { asked, ..self }
    }

    /// Passes it the names that earlier comparisons have learned.
    pub(super) fn knowing(mut self, names: Option<Names>) -> Self {
        self.names = names.or(self.names);
        self
    }

    /// Takes the names out for the next comparison.
    pub(super) fn take_names(&mut self) -> Option<Names> {
        self.names.take()
    }

    /// Reserves memory for as many new records as the source announces.
    pub(in crate::sync) fn expect(&mut self, total: u64) {
        let new = usize::try_from(total)
            .unwrap_or(0)
            .saturating_sub(self.known.len());
        if self.unknown.is_empty() {
            self.unknown = Roll::with_capacity(new.min(MAX_EXPECTED));
        }
    }

    /// Returns how many records of the kind were known when the sweep began.
    pub(super) fn n_known(&self) -> u64 {
        self.known.len() as u64
    }

    /// Returns how many records the source has shown, readable or not.
    pub(super) fn n_shown(&self) -> u64 {
        self.counts.seen + self.uncounted
    }

    /// Compares the records of a page.
    pub(super) fn compare(&mut self, store: &Store, readout: Readout) -> Result<(), RunError> {
        self.uncounted += readout.gone;
        if let Some(names) = &mut self.names {
            names.look_again();
        }
        let records = readout.observed.iter().map(|observed| &observed.record);
        let evidence = Evidence::of(records);
        for mut observed in readout.observed {
            let left_out = evidence.fill_in(&mut observed.record, &observed.torn);
            self.observe(store, observed, &left_out)?;
        }
        for finding in readout.unreadable {
            self.keep_known(store, finding)?;
        }
        Ok(())
    }

    /// Compares one record with what is known of it. A list that was `left_out` is taken as empty
    /// if nothing is lost by that; otherwise the record is asked for.
    fn observe(
        &mut self,
        store: &Store,
        observed: Observed,
        left_out: &BTreeSet<Assigned>,
    ) -> Result<(), RunError> {
        let id = observed.record.id();
        let kept = match self.known.tick(id) {
            Some((last, FirstTick::No)) => return self.observe_again(store, observed, last),
            Some((kept, FirstTick::Yes)) => Some(kept),
            None => match self.unknown.tick(id) {
                Some((last, _)) => return self.observe_again(store, observed, last),
                None => None,
            },
        };
        let print = reconcile::fingerprint(&observed.record);
        match kept {
            // From now on the roll holds what was shown, in case it is shown again.
            Some(kept) if kept != print => drop(self.known.renew(id, print)),
            Some(_) => {}
            None => self.unknown.enter(id, print),
        }
        self.sights.note(&observed.record);
        let Observed {
            mut record,
            raw,
            torn,
            findings,
        } = observed;
        self.counts.seen += 1;
        self.note_hidden(&record);
        for finding in findings {
            self.find(finding);
        }
        if kept == Some(print) {
            self.count_record(&record, None);
            return Ok(());
        }

        let known = match kept {
            Some(kept) => self.read_known(store, record.to_ref(), kept)?,
            None => None,
        };
        if let Some(known) = &known
            && reconcile::is_lost(&known.record, left_out)
        {
            self.doubt(record.id(), left_out);
            reconcile::hide(&mut record, left_out);
        }
        self.count_record(&record, known.as_ref().map(|known| &known.record));
        let (judgement, shown) = reconcile::judge(known, record, &torn, print);
        if shown == Shown::Part {
            self.counts.partial += 1;
        }
        self.act_on(store, judgement, raw)
    }

    /// Puts the result of a judgement into the plan, and counts it.
    fn act_on(
        &mut self,
        store: &Store,
        judgement: Judgement,
        raw: Box<str>,
    ) -> Result<(), RunError> {
        match judgement {
            Judgement::Same => Ok(()),
            Judgement::Refreshed {
                record,
                fingerprint,
            } => self.plan.push(
                store,
                Write::Quiet {
                    record,
                    fingerprint,
                    raw,
                },
            ),
            Judgement::Changed {
                change,
                fingerprint,
            } => {
                match &change {
                    Change::Created { .. } => self.counts.created += 1,
                    Change::Updated { before, after } => {
                        self.counts.updated += 1;
                        self.learn(before, after);
                    }
                    Change::Deleted { .. } => {}
                }
                self.plan.push(
                    store,
                    Write::Change {
                        change,
                        fingerprint,
                        raw,
                        reported: None,
                    },
                )
            }
        }
    }

    /// Keeps the known value of a record that could not be read. It counts as shown: it exists, and
    /// nothing of it is lost.
    fn keep_known(&mut self, store: &Store, finding: Finding) -> Result<(), RunError> {
        if let Some(id) = &finding.id {
            match self.known.tick(id) {
                Some((kept, FirstTick::Yes)) => {
                    let (kind, id) = (self.kind, id.clone());
                    let known = self.read_known(store, RecordRef { kind, id }, kept)?;
                    if let Some(known) = known {
                        self.count_record(&known.record, None);
                    }
                    self.counts.seen += 1;
                }
                Some((_, FirstTick::No)) => return Ok(()),
                None if self.unknown.tick(id).is_some() => return Ok(()),
                None => {
                    // Noted, so that a duplicate of it is not counted again.
                    self.unknown.enter(id, Fingerprint([0; 16]));
                    self.n_ordinary += 1;
                    self.counts.seen += 1;
                }
            }
        } else {
            self.n_ordinary += 1;
            self.uncounted += 1;
        }
        self.counts.unreadable += 1;
        self.find(finding);
        Ok(())
    }

    /// Returns how much can be lost.
    pub(in crate::sync) fn scales(&self) -> Scales {
        let loss = reconcile::loss_of(self.kind);
        Scales {
            known: [(loss, self.n_known())].into(),
            shown: [
                (loss, self.n_ordinary),
                (Loss::Memberships, self.n_memberships),
                (Loss::RoleAssignments, self.n_assignments),
            ]
            .into(),
            before: BTreeMap::new(),
        }
    }

    /// Returns the known records that the sweep did not show.
    pub(in crate::sync) fn missing(&self) -> Vec<Id> {
        self.known.unticked().collect()
    }

    /// Keeps a finding, up to a bound.
    pub(in crate::sync) fn find(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Ends the comparison, with one finding for each list that was not visible.
    pub(super) fn close(mut self) -> (KindCounts, Vec<Finding>, Plan) {
        let hidden = [
            (FindingCode::HiddenRoles, "roles", self.hidden_roles),
            (FindingCode::HiddenGroups, "groups", self.hidden_groups),
        ];
        for (code, what, n) in hidden.into_iter().filter(|(_, _, n)| *n > 0) {
            let detail = format!(
                "the assigned {what} of {n} {} were not visible; what was known of them is kept",
                self.kind.plural()
            );
            self.findings.insert(
                0,
                Finding {
                    code,
                    kind: self.kind,
                    id: None,
                    detail,
                },
            );
        }
        (self.counts, self.findings, self.plan)
    }

    /// Counts a record and what it has. For a list that is not visible, the known value counts,
    /// since that stays.
    fn count_record(&mut self, record: &Record, known: Option<&Record>) {
        let counted = Counted::of(record, known);
        self.n_ordinary += counted.ordinary;
        self.n_assignments += counted.assignments;
        self.n_memberships += counted.memberships;
    }

    /// Replaces a record's earlier count. `None` stands for a record that could not be read.
    fn recount(&mut self, was: Option<&Record>, record: &Record, known: Option<&Record>) {
        let was = was.map_or(Counted::UNREADABLE, |was| Counted::of(was, known));
        self.n_ordinary = self.n_ordinary.saturating_sub(was.ordinary);
        self.n_assignments = self.n_assignments.saturating_sub(was.assignments);
        self.n_memberships = self.n_memberships.saturating_sub(was.memberships);
        self.count_record(record, known);
    }

    fn note_hidden(&mut self, record: &Record) {
        match record {
            Record::User(user) => {
                self.hidden_roles += u64::from(user.roles.is_none());
                self.hidden_groups += u64::from(user.groups.is_none());
            }
            Record::Group(group) => self.hidden_roles += u64::from(group.roles.is_none()),
            Record::Role(_) => {}
        }
    }

    /// Learns the new name of a role or group, for users that are compared later and mention it.
    fn learn(&mut self, before: &Record, after: &Record) {
        if let Some(names) = &mut self.names
            && self.kind != Kind::User
            && before.label() != after.label()
        {
            names.learn(after.to_ref(), after.label().to_owned());
        }
    }

    /// Returns what is known of a record on the roll; `None` if a poll has since found it gone.
    /// Whatever is planned for it is withdrawn in the end, as for all records that polls have asked
    /// for.
    fn read_known(
        &mut self,
        store: &Store,
        record: RecordRef,
        fingerprint: Fingerprint,
    ) -> Result<Option<KnownRecord>, RunError> {
        let kept = match self.tenant {
            Some(tenant) => store.get(tenant, &record).map_err(RunError::store)?,
            None => None,
        };
        match kept {
            Some(Kept { mut record, .. }) => {
                if let Some(names) = &mut self.names {
                    names.join(store, &mut record).map_err(RunError::store)?;
                }
                Ok(Some(KnownRecord {
                    record,
                    fingerprint,
                }))
            }
            None if self.asked.contains(&record) => Ok(None),
            None => Err(RunError::MissingBody { record }),
        }
    }
}

/// How much a record counts among what can be lost.
struct Counted {
    ordinary: u64,
    assignments: u64,
    memberships: u64,
}

impl Counted {
    /// For a record of which we only know that it exists.
    const UNREADABLE: Self = Self {
        ordinary: 1,
        assignments: 0,
        memberships: 0,
    };

    fn of(record: &Record, known: Option<&Record>) -> Self {
        let is_ordinary = match record {
            Record::Group(group) => group.group_type.source_value.as_deref() != Some("system"),
            Record::User(_) | Record::Role(_) => true,
        };
        let (roles, groups) = reconcile::assigned_counts(record);
        let (known_roles, known_groups) = known.map(reconcile::assigned_counts).unwrap_or_default();
        Self {
            ordinary: u64::from(is_ordinary),
            assignments: roles.or(known_roles).unwrap_or(0) as u64,
            memberships: groups.or(known_groups).unwrap_or(0) as u64,
        }
    }
}

/// The most records to reserve memory for in advance, since a source's claim may be wrong.
const MAX_EXPECTED: usize = 2_000_000;

#[cfg(test)]
mod tests;
