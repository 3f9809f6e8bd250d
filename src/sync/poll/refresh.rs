//! Reads single records, and plans what differs from the known state, as a sweep would.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use futures_util::stream;

use crate::connector::Connector;
use crate::model::{
    Change, Finding, FindingCode, Fingerprint, Kind, Observed, Record, RecordRef, Reported, Run,
    TenantName,
};
use crate::reconcile::{self, Judgement, KnownRecord, Shown};
use crate::store::{Names, Store, TenantNo, Write};

use super::audit_state::Then;
use super::cross_check::{Confirmation, Doubt};
use super::holders::{self, Holders};
use super::present;
use crate::sync::RunError;
use crate::sync::plan::run_plan::Plan;
use crate::sync::run::beside::{Asked, Wanted};
use crate::sync::run::job::Job;
use crate::sync::run::lent::Lent;
use crate::sync::sweep::incomplete::{Short, note};
use crate::sync::sweep::kind::Sweeping;

/// Requests under way at a time.
const AT_ONCE: usize = 4;

/// The most holders of a role or group that is gone whom we ask for: each costs two requests, while
/// a sweep reads a hundred in one.
const MAX_HOLDERS: usize = 100;

const TOO_MANY_HOLDERS: &str = "a role or group is gone, and more are known to hold it than are \
                                asked for one by one";

/// What the source says of a record, as [`Connector::fetch`] answers.
type Fetched = Option<Result<Observed, Finding>>;

impl<C: Connector> Job<C> {
    /// Asks for each record, and puts into the plan what is new, changed or gone. Whatever a
    /// record's answer would remove, the listing must confirm. For a role or group that is gone,
    /// the holders are asked for, too.
    pub(in crate::sync) async fn refresh(
        &self,
        run: &mut Run,
        tenant: TenantNo,
        wanted: Wanted,
        limit: usize,
        plan: Plan,
    ) -> Result<Sweeping, RunError> {
        let Wanted { records, reported } = wanted;
        let mut table = Lent::of(Table {
            tenant,
            reported,
            not_shown: BTreeMap::new(),
            plan,
            gone: Vec::new(),
            names: Names::of(tenant),
            decided: Asked::default(),
        });
        let mut asked = records.clone();
        let (mut confirmed, mut short) = self.ask_each(run, &mut table, records).await?;
        let mut gone = gone_roles_and_groups(&confirmed);
        while !gone.is_empty() {
            let n_max = MAX_HOLDERS.min(limit.saturating_sub(asked.len()));
            let holders = self.store.offload({
                let (gone, asked) = (gone.clone(), asked.clone());
                move |store| holders::find(store, tenant, &gone, &asked, n_max)
            });
            match holders.await? {
                Holders::All(records) => {
                    asked.extend(records.iter().cloned());
                    let (also, contradicted) = self.ask_each(run, &mut table, records).await?;
                    gone = gone_roles_and_groups(&also);
                    confirmed.extend(also);
                    short.extend(contradicted);
                }
                Holders::More => {
                    for record in &gone {
                        note(run, left_to_sweep(record));
                    }
                    confirmed.retain(|doubt| !doubt.is_gone_from(&gone));
                    self.audit.gap(
                        &self.name,
                        self.clock.now(),
                        TOO_MANY_HOLDERS.to_owned(),
                        Then::GoOn,
                    );
                    break;
                }
            }
        }
        let is_taken = |doubt: &&Doubt| match doubt {
            Doubt::Access { .. } => true,
            Doubt::Gone { .. } => short.is_empty(),
        };
        let taken = confirmed.iter().filter(is_taken);
        table.decided.note(taken.map(Doubt::record));
        let not_shown = std::mem::take(&mut table.not_shown);
        self.audit.not_shown_by(&asked, not_shown);
        let (name, table) = (self.name.clone(), table.end());
        self.store
            .offload(move |store| table.conclude(store, &name, confirmed, short))
            .await
    }

    /// Asks for each record, and asks the listing about what its answer would remove. Returns what
    /// the listing confirms, and which records it contradicts.
    async fn ask_each(
        &self,
        run: &mut Run,
        table: &mut Lent<Table>,
        records: BTreeSet<RecordRef>,
    ) -> Result<(Vec<Doubt>, Vec<Short>), RunError> {
        // These records may have changed since they were reported gone.
        for record in &records {
            self.answers.drop_of(record);
        }
        let questions = records.into_iter().map(|record| async move {
            let answer = self.connector.fetch(&record).await;
            (record, answer)
        });
        let mut answers = stream::iter(questions).buffered(AT_ONCE);
        let mut doubts = Vec::new();
        while let Some((record, answer)) = answers.next().await {
            let answer = match answer {
                Err(error) if error.is_forbidden() => {
                    note(run, unanswered(&record));
                    continue;
                }
                answer => answer.map_err(RunError::fetch(what(record.kind)))?,
            };
            let kind = record.kind;
            if let Some(Ok(observed)) = &answer {
                let findings = observed.findings.iter().cloned();
                findings.for_each(|finding| note(run, finding));
            }
            let (settled, shown) = table
                .offload(&self.store, {
                    let record = record.clone();
                    move |store, table| table.settle(store, &record, answer)
                })
                .await?;
            let counts = run.counts.entry(kind).or_default();
            counts.seen += 1;
            if matches!(settled, Settled::Same | Settled::Created | Settled::Updated) {
                table.decided.note([record.clone()]);
            }
            match settled {
                Settled::Same => {}
                Settled::Created => counts.created += 1,
                Settled::Updated => counts.updated += 1,
                Settled::Doubtful(doubt) => doubts.push(doubt),
                Settled::Unreadable(finding) => {
                    counts.unreadable += 1;
                    note(run, finding);
                }
            }
            if shown == Shown::Part {
                run.counts.entry(kind).or_default().partial += 1;
                note(run, hidden_in_part(&record));
            }
        }
        drop(answers);
        self.sift(run, doubts).await
    }

    /// Separates what the listing confirms from what it contradicts. Returns both.
    async fn sift(
        &self,
        run: &mut Run,
        doubts: Vec<Doubt>,
    ) -> Result<(Vec<Doubt>, Vec<Short>), RunError> {
        let mut confirmed = Vec::new();
        let mut contradicted: BTreeMap<Kind, u64> = BTreeMap::new();
        for (doubt, word) in self.cross_check(doubts).await? {
            let record = doubt.record();
            match word {
                Confirmation::Confirmed => {
                    if matches!(doubt, Doubt::Access { .. }) {
                        run.counts.entry(record.kind).or_default().updated += 1;
                    }
                    confirmed.push(doubt);
                }
                Confirmation::Contradicted => *contradicted.entry(record.kind).or_default() += 1,
                Confirmation::Silent => note(run, unconfirmed(self.connector.name(), &record)),
            }
        }
        let short = contradicted.into_iter();
        let short = short.map(|(kind, records)| Short::Contradicted { kind, records });
        Ok((confirmed, short.collect()))
    }
}

/// Compares answers with what is known.
struct Table {
    tenant: TenantNo,
    /// What the audit log reports of the records.
    reported: BTreeMap<RecordRef, Reported>,
    /// What the log reports about records that may not show it yet: they are as they were known,
    /// and the source last changed them before that.
    not_shown: BTreeMap<RecordRef, Reported>,
    plan: Plan,
    gone: Vec<Record>,
    names: Names,
    /// The records that it decides about; a sweep under way decides about the others.
    decided: Asked,
}

/// What became of a record.
enum Settled {
    Same,
    Created,
    Updated,
    Unreadable(Finding),
    Doubtful(Doubt),
}

impl Table {
    fn settle(
        &mut self,
        store: &Store,
        record: &RecordRef,
        answer: Fetched,
    ) -> Result<(Settled, Shown), RunError> {
        let mut kept = store.get(self.tenant, record).map_err(RunError::store)?;
        if let Some(kept) = &mut kept {
            let joined = self.names.join(store, &mut kept.record);
            joined.map_err(RunError::store)?;
        }
        let observed = match (answer, &kept) {
            (Some(Ok(observed)), _) => observed,
            (Some(Err(finding)), _) => {
                return Ok((Settled::Unreadable(finding), Shown::Whole));
            }
            (None, _) => {
                let known = kept.map(|kept| Box::new(kept.record));
                let record = record.clone();
                let doubt = Doubt::Gone { record, known };
                return Ok((Settled::Doubtful(doubt), Shown::Whole));
            }
        };
        let known = kept.map(|kept| KnownRecord {
            fingerprint: reconcile::fingerprint(&kept.record),
            record: kept.record,
        });
        let print = reconcile::fingerprint(&observed.record);
        let updated_at = observed.record.updated_at();
        let (judgement, shown) = reconcile::judge(known, observed.record, &observed.torn, print);
        let (change, fingerprint) = match judgement {
            Judgement::Same | Judgement::Refreshed { .. } => {
                let reported = self.reported.remove(record);
                let reported = reported.filter(|reported| reported.is_ahead_of(updated_at));
                self.not_shown
                    .extend(reported.map(|reported| (record.clone(), reported)));
                return Ok((Settled::Same, shown));
            }
            Judgement::Changed {
                change,
                fingerprint,
            } => (change, fingerprint),
        };
        let shift = reconcile::shift(&change);
        if shift.left + shift.revoked > 0 {
            let doubt = Doubt::Access {
                change: Box::new(change),
                fingerprint,
                raw: observed.raw,
            };
            return Ok((Settled::Doubtful(doubt), shown));
        }
        let settled = match &change {
            Change::Created { .. } => Settled::Created,
            Change::Updated { after, .. } => {
                // Records are asked for in the order of their kinds: those that mention this one
                // come later.
                self.names.learn(after.to_ref(), after.label().to_owned());
                Settled::Updated
            }
            Change::Deleted { .. } => Settled::Updated,
        };
        let write = self.change(change, fingerprint, observed.raw);
        self.plan.push(store, write)?;
        Ok((settled, shown))
    }

    /// Returns the write of a change, with what the audit log reports about its record. If the
    /// record was changed again after the reported events, nobody knows who made this change, and
    /// the report is left out.
    fn change(&mut self, change: Change, fingerprint: Fingerprint, raw: Box<str>) -> Write {
        let updated_at = change.after().and_then(Record::updated_at);
        let reported = self.reported.remove(&change.latest().to_ref());
        Write::Change {
            reported: reported.filter(|reported| reported.explains(updated_at)),
            change,
            fingerprint,
            raw,
        }
    }

    /// Plans everything that the listing has confirmed. If answers contradict each other, no record
    /// counts as gone.
    fn conclude(
        mut self,
        store: &Store,
        name: &TenantName,
        confirmed: Vec<Doubt>,
        short: Vec<Short>,
    ) -> Result<Sweeping, RunError> {
        for doubt in confirmed {
            self.plan_confirmed(store, doubt)?;
        }
        let Self {
            tenant,
            mut reported,
            mut plan,
            mut gone,
            decided,
            ..
        } = self;
        gone.retain(|_| short.is_empty());
        let scales = present::scales(store, tenant, name, &plan, &gone)?;
        // Successors must be known before those that they replace are removed.
        for record in gone {
            let reported = reported.remove(&record.to_ref());
            plan.remove(store, record, reported)?;
        }
        Ok(Sweeping {
            short,
            scales,
            ..Sweeping::of(plan, decided)
        })
    }

    /// Plans what the listing has confirmed.
    fn plan_confirmed(&mut self, store: &Store, doubt: Doubt) -> Result<(), RunError> {
        match doubt {
            // `None`: it came and went between two polls.
            Doubt::Gone { known, .. } => self.gone.extend(known.map(|known| *known)),
            Doubt::Access {
                change,
                fingerprint,
                raw,
            } => {
                let write = self.change(*change, fingerprint, raw);
                self.plan.push(store, write)?;
            }
        }
        Ok(())
    }
}

fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Role => "roles that the audit log named",
        Kind::Group => "groups that the audit log named",
        Kind::User => "users that the audit log named",
    }
}

fn unanswered(record: &RecordRef) -> Finding {
    Finding {
        code: FindingCode::ForbiddenCollection,
        kind: record.kind,
        id: Some(record.id.clone()),
        detail: "the audit log named it, but these credentials are not allowed to ask for it; it \
                 is left unchanged"
            .to_owned(),
    }
}

fn unconfirmed(source: &str, record: &RecordRef) -> Finding {
    Finding {
        code: FindingCode::Unconfirmed,
        kind: record.kind,
        id: Some(record.id.clone()),
        detail: format!(
            "{source} says, when asked for it by id, that it is gone or has lost access, but the \
             listing cannot confirm that; it stays as it is until the next full run"
        ),
    }
}

/// Returns the roles and groups among those that are gone.
fn gone_roles_and_groups(confirmed: &[Doubt]) -> BTreeSet<RecordRef> {
    let gone = confirmed.iter().filter_map(|doubt| match doubt {
        Doubt::Gone { record, .. } if record.kind != Kind::User => Some(record.clone()),
        Doubt::Gone { .. } | Doubt::Access { .. } => None,
    });
    gone.collect()
}

fn left_to_sweep(record: &RecordRef) -> Finding {
    Finding {
        code: FindingCode::Unconfirmed,
        kind: record.kind,
        id: Some(record.id.clone()),
        detail:
            "it is gone, and more are known to hold it than are asked for one by one; the next \
             full run, which reads them too, reports it"
                .to_owned(),
    }
}

fn hidden_in_part(record: &RecordRef) -> Finding {
    Finding {
        code: FindingCode::HiddenRoles,
        kind: record.kind,
        id: Some(record.id.clone()),
        detail: "a part of it was not visible or not readable; what was known of that is kept"
            .to_owned(),
    }
}
