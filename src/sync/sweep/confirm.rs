//! Asks for the records that a complete sweep did not show.
//!
//! Several requests are under way at a time, within the rate limit of the connector. An answer that
//! says "gone" is kept ([`super::answers`]): a run that fails leaves it to the next one, and
//! removals that are held anyway are not asked for again in each run.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tracing::info;

use crate::connector::{Connector, FetchError};
use crate::model::{Change, Finding, FindingCode, Kind, Observed, RecordRef, Run};
use crate::reconcile::{self, Judgement, KnownRecord};
use crate::store::{Names, Store, TenantNo, Write};

use super::answers::{Absence, MAX_AGE};
use super::incomplete::{Short, note};
use crate::sync::plan::run_plan::Plan;
use crate::sync::run::job::Job;
use crate::sync::run::lent::Lent;
use crate::sync::{Moment, Progress, RunError};

pub(in crate::sync) use self::table::Missing;
use self::table::{Asking, Table, is_held};

/// Requests under way at a time. Even if each answer takes half a second, they come as fast as the
/// usual rate permits.
const AT_ONCE: usize = 4;

/// Records that are gone and go into the plan in one step of a blocking thread.
const STEP: usize = 500;

/// How often observers are told about a wait.
const TICK: Duration = Duration::from_secs(1);

/// How often the log reports progress. Anything shorter is not worth a line.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// The result of confirming.
pub(in crate::sync) struct Confirmed {
    /// In how many sweeps each record has been absent, to be stored.
    pub(in crate::sync) absences: BTreeMap<RecordRef, u32>,
    /// Kinds whose listing left out records that exist.
    pub(in crate::sync) short: Vec<Short>,
}

impl<C: Connector> Job<C> {
    /// Asks for each missing record: only a clear no deletes it, any other answer keeps it.
    pub(in crate::sync) async fn confirm(
        &self,
        run: &mut Run,
        mut missing: Missing<'_>,
        plan: &mut Lent<Plan>,
    ) -> Result<Confirmed, RunError> {
        let records: BTreeSet<RecordRef> = missing.records.drain(..).collect();
        self.answers
            .retain(missing.tenant, &records, missing.complete);
        let permitted = self.permitted(&missing, &records).await?;
        let mut table = Table::of(missing, permitted, &records);
        let mut reporter = ProgressReporter::new(records.len() as u64, self.clock.passed());

        let (kept, questions) = self.recall(&mut table, plan, records);
        table.n_done = kept.len() as u64;
        self.put(run, &mut table, plan, questions, &mut reporter)
            .await?;
        let (kept, doubted) = table.doubt(kept);
        if !doubted.is_empty() {
            for record in &doubted {
                self.answers.drop_of(record);
            }
            self.put(run, &mut table, plan, doubted, &mut reporter)
                .await?;
        }
        for (record, word) in kept {
            match word {
                Absence::Gone => table.note_gone(record),
                Absence::Forbidden => {
                    table.note_forbidden(run, record, self.removal_policy.absent_sweeps);
                }
            }
        }

        let Table {
            mut gone,
            asking,
            absences,
            missing,
            ..
        } = table;
        gone.sort();
        for record in &gone {
            run.counts.entry(record.kind).or_default().deleted += 1;
        }
        for step in gone.chunks(STEP) {
            let (tenant, step) = (missing.tenant, step.to_vec());
            plan.offload(&self.store, move |store, plan| {
                remove(store, tenant, step, plan)
            })
            .await?;
        }
        Ok(Confirmed {
            absences,
            short: left_out(asking),
        })
    }

    /// Separates records with a kept answer that is still valid from those that have to be asked
    /// for. Returns both.
    fn recall(
        &self,
        table: &mut Table<'_>,
        plan: &Plan,
        records: BTreeSet<RecordRef>,
    ) -> (Vec<(RecordRef, Absence)>, Vec<RecordRef>) {
        let needed = self.removal_policy.absent_sweeps;
        let found: Vec<_> = records
            .into_iter()
            .map(|record| {
                let kept = self.answers.of(&record);
                (record, kept)
            })
            .collect();
        let mut losses: BTreeMap<Kind, u64> = BTreeMap::new();
        for (record, kept) in &found {
            let is_loss = kept.is_some_and(|kept| table.is_loss(record, kept.word, needed));
            if is_loss && !table.permitted.contains(record) {
                *losses.entry(record.kind).or_default() += 1;
            }
        }
        // Enough are gone to hold the sort, whatever the others answer: these answers remove
        // nothing. A first load holds nothing.
        let is_load = matches!(plan, Plan::Load(_));
        losses.retain(|kind, count| {
            let loss = reconcile::loss_of(*kind);
            !is_load
                && is_held(
                    &self.removal_policy.guard,
                    table.missing.scales,
                    loss,
                    *count,
                )
        });
        table.holding = losses.into_keys().collect();
        let (mut good, mut questions) = (Vec::new(), Vec::new());
        for (record, kept) in found {
            let is_permitted = table.permitted.contains(&record);
            let kept = kept.filter(|kept| {
                let is_recent = kept.word == Absence::Gone && kept.age <= MAX_AGE;
                if is_permitted {
                    return is_recent && kept.permit == table.missing.permit;
                }
                let is_held = table.holding.contains(&record.kind);
                is_recent || (is_held && table.is_loss(&record, kept.word, needed))
            });
            let asking = table.asking.entry(record.kind).or_default();
            match kept {
                Some(kept) => {
                    asking.asked += 1;
                    asking.kept += u64::from(!is_permitted);
                    good.push((record, kept.word));
                }
                None => questions.push(record),
            }
        }
        (good, questions)
    }

    /// Asks, and handles the answers. After a failure it asks no more, but waits for the requests
    /// under way, so that their answers are kept for the next run.
    async fn put(
        &self,
        run: &mut Run,
        table: &mut Table<'_>,
        plan: &mut Lent<Plan>,
        questions: Vec<RecordRef>,
        reporter: &mut ProgressReporter,
    ) -> Result<(), RunError> {
        let mut questions = questions.into_iter();
        let mut under_way = FuturesUnordered::new();
        let mut failure = None;
        loop {
            while failure.is_none() && under_way.len() < AT_ONCE {
                let Some(record) = questions.next() else {
                    break;
                };
                if table.is_decided(&record, plan, &self.removal_policy.guard) {
                    table.pass_over(record, plan);
                    continue;
                }
                table.asking.entry(record.kind).or_default().asked += 1;
                under_way.push(async move {
                    let answer = self.connector.fetch(&record).await;
                    (record, answer)
                });
            }
            self.report(table, reporter);
            let (record, answer) = tokio::select! {
                next = under_way.next() => match next {
                    Some(answered) => answered,
                    None => break,
                },
                _ = reporter.ticks.tick() => continue,
            };
            table.n_done += 1;
            let kind = record.kind;
            let shown = match self.take_in(run, table, &record, answer) {
                Ok(Some(shown)) => shown,
                Ok(None) => continue,
                Err(error) => {
                    failure.get_or_insert(error);
                    continue;
                }
            };
            let tenant = table.missing.tenant;
            let settled = plan
                .offload(&self.store, move |store, plan| {
                    settle(store, tenant, &record, shown, plan)
                })
                .await?;
            take_down(run, kind, settled);
        }
        match failure {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// Handles an answer. Returns what it shows of the record; `None` if it shows nothing.
    fn take_in(
        &self,
        run: &mut Run,
        table: &mut Table<'_>,
        record: &RecordRef,
        answer: Result<Option<Result<Observed, Finding>>, FetchError>,
    ) -> Result<Option<Result<Observed, Finding>>, RunError> {
        let shown = match answer {
            Ok(None) => {
                self.answers
                    .keep(record, Absence::Gone, table.missing.permit);
                table.note_gone(record.clone());
                return Ok(None);
            }
            Err(error) if error.is_forbidden() => {
                self.answers
                    .keep(record, Absence::Forbidden, table.missing.permit);
                table.note_forbidden(run, record.clone(), self.removal_policy.absent_sweeps);
                return Ok(None);
            }
            Err(error) => return Err(RunError::fetch("missing records, one by one")(error)),
            Ok(Some(shown)) => shown,
        };
        self.answers.drop_of(record);
        let kind = record.kind;
        let asking = table.asking.entry(kind).or_default();
        asking.answered += 1;
        if table.missing.empty.contains(&kind) {
            let known = asking.missing;
            return Err(RunError::EmptyCollection { kind, known });
        }
        if let Ok(observed) = &shown {
            let findings = observed.findings.iter().cloned();
            findings.for_each(|finding| note(run, finding));
        }
        Ok(Some(shown))
    }

    /// Reports progress to observers, and to the log from time to time.
    fn report(&self, table: &Table<'_>, reporter: &mut ProgressReporter) {
        let progress = Progress::Confirming {
            done: table.n_done,
            missing: reporter.n_missing,
        };
        self.observer.report(progress);
        let passed = self.clock.passed();
        if passed.saturating_sub(reporter.said_at) >= SAY_EVERY {
            reporter.said_at = passed;
            let wait = self.connector.wait();
            let now = Moment { progress, wait };
            info!(tenant.name = %self.name, "Sync of `{}` is {now}", self.name);
        }
    }

    /// Returns the records whose removal an operator has approved.
    async fn permitted(
        &self,
        missing: &Missing<'_>,
        records: &BTreeSet<RecordRef>,
    ) -> Result<BTreeSet<RecordRef>, RunError> {
        let Some(plan) = missing.permit else {
            return Ok(BTreeSet::new());
        };
        let (tenant, mut records) = (missing.tenant, records.clone());
        self.store
            .offload(move |store| {
                let mut outcome = Ok(());
                records.retain(|record| match store.removal(tenant, plan, record) {
                    Ok(removal) => removal.is_some(),
                    Err(error) => {
                        outcome = Err(RunError::store(error));
                        false
                    }
                });
                outcome.map(|()| records)
            })
            .await
    }
}

/// Returns the kinds whose listing left out records that exist, as far as we asked.
fn left_out(asking: BTreeMap<Kind, Asking>) -> Vec<Short> {
    let left_out = asking.into_iter().filter_map(|(kind, asking)| {
        let Asking {
            missing,
            asked,
            answered,
            gone: _,
            kept: _,
        } = asking;
        (asked < missing && answered > 0).then_some(Short::LeftOut {
            kind,
            missing,
            asked,
            answered,
        })
    });
    left_out.collect()
}

/// Reports progress.
struct ProgressReporter {
    n_missing: u64,
    ticks: Interval,
    said_at: Duration,
}

impl ProgressReporter {
    fn new(n_missing: u64, now: Duration) -> Self {
        let mut ticks = interval_at(Instant::now() + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            n_missing,
            ticks,
            said_at: now,
        }
    }
}

/// Counts a missing record that exists.
fn take_down(run: &mut Run, kind: Kind, settled: Settled) {
    let counts = run.counts.entry(kind).or_default();
    match settled {
        Settled::Same(finding) => {
            counts.rescued += 1;
            note(run, finding);
        }
        Settled::Changed(finding) => {
            counts.rescued += 1;
            counts.updated += 1;
            note(run, finding);
        }
    }
}

/// How a missing record that exists differs from what is known.
enum Settled {
    Same(Finding),
    Changed(Finding),
}

/// Puts records that are gone into the plan.
fn remove(
    store: &Store,
    tenant: TenantNo,
    gone: Vec<RecordRef>,
    plan: &mut Plan,
) -> Result<(), RunError> {
    let mut names = Names::of(tenant);
    for record in gone {
        let kept = store.get(tenant, &record).map_err(RunError::store)?;
        // Polls go on beside a dry run, and may have found the record gone.
        if kept.is_none() && plan.is_preview() {
            continue;
        }
        let mut kept = kept.ok_or(RunError::MissingBody { record })?;
        names
            .join(store, &mut kept.record)
            .map_err(RunError::store)?;
        plan.remove(store, kept.record, None)?;
    }
    Ok(())
}

/// Puts what changed of a missing record that exists into the plan.
fn settle(
    store: &Store,
    tenant: TenantNo,
    missing: &RecordRef,
    shown: Result<Observed, Finding>,
    plan: &mut Plan,
) -> Result<Settled, RunError> {
    let kept = store.get(tenant, missing).map_err(RunError::store)?;
    if kept.is_none() && plan.is_preview() {
        return Ok(Settled::Same(rescued(missing)));
    }
    let mut kept = kept.ok_or_else(|| RunError::MissingBody {
        record: missing.clone(),
    })?;
    Names::of(tenant)
        .join(store, &mut kept.record)
        .map_err(RunError::store)?;
    let observed = match shown {
        Err(finding) => return Ok(Settled::Same(finding)),
        Ok(observed) => observed,
    };

    let fingerprint = reconcile::fingerprint(&kept.record);
    let known = KnownRecord {
        record: kept.record,
        fingerprint,
    };
    let print = reconcile::fingerprint(&observed.record);
    let (judgement, _shown) = reconcile::judge(Some(known), observed.record, &observed.torn, print);
    match judgement {
        Judgement::Same | Judgement::Refreshed { .. } => Ok(Settled::Same(rescued(missing))),
        Judgement::Changed {
            change,
            fingerprint,
        } => {
            debug_assert!(matches!(change, Change::Updated { .. }), "it was known");
            plan.push(
                store,
                Write::Change {
                    change,
                    fingerprint,
                    raw: observed.raw,
                    reported: None,
                },
            )?;
            Ok(Settled::Changed(rescued(missing)))
        }
    }
}

fn rescued(record: &RecordRef) -> Finding {
    Finding {
        code: FindingCode::Rescued,
        kind: record.kind,
        id: Some(record.id.clone()),
        detail: "the listing did not show it, but it answered when asked for".to_owned(),
    }
}
