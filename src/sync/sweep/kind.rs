//! Reads all records of one kind from a tenant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::debug;

use crate::connector::{Connector, FetchError, Page, Sweep};
use crate::model::{Finding, FindingCode, Kind, RecordRef, Run};
use crate::reconcile;
use crate::store::{Known, Names};

use super::comparison::Comparison;
use super::incomplete::{Short, Shortfall};
use crate::sync::plan::run_plan::Plan;
use crate::sync::removals::tally::Scales;
use crate::sync::run::beside::Asked;
use crate::sync::run::job::Job;
use crate::sync::run::lent::Lent;
use crate::sync::{Progress, RunError};

/// The most pages that wait to be compared before the next one is requested. This bounds memory,
/// and evens out whether the network or the disk is slower at the moment.
const MAX_PAGES: usize = 4;

/// The most bytes in those pages; a larger page waits alone.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How often a first load reads a listing that shows fewer records than the source counts. The
/// people on a page that was left out would later be reported as new; in any other run only a few
/// could be.
const LOAD_WALKS: u32 = 2;

/// What the sweeps of a run have gathered so far.
pub(in crate::sync) struct Sweeping {
    pub(in crate::sync) plan: Lent<Plan>,
    /// Sweeps that did not show everything.
    pub(in crate::sync) short: Vec<Short>,
    /// Kinds of which fewer records were shown than the source counts.
    pub(in crate::sync) shortfalls: BTreeMap<Kind, Shortfall>,
    /// Kinds whose sweep reached its end.
    pub(in crate::sync) complete: BTreeSet<Kind>,
    /// Known records that those sweeps did not show.
    pub(in crate::sync) missing: Vec<RecordRef>,
    /// Kinds of which the source showed nothing at all although records were known.
    pub(in crate::sync) empty: BTreeSet<Kind>,
    /// How much can be lost.
    pub(in crate::sync) scales: Scales,
    /// The records that polls have asked for meanwhile.
    pub(in crate::sync) asked: Asked,
    /// The names of roles and groups that records mention.
    pub(in crate::sync) names: Option<Names>,
}

impl Sweeping {
    pub(in crate::sync) fn of(plan: Plan, asked: Asked) -> Self {
        Self {
            plan: Lent::of(plan),
            short: Vec::new(),
            shortfalls: BTreeMap::new(),
            complete: BTreeSet::new(),
            missing: Vec::new(),
            empty: BTreeSet::new(),
            scales: Scales::default(),
            asked,
            names: None,
        }
    }
}

impl<C: Connector> Job<C> {
    /// Reads all records of one kind.
    pub(in crate::sync) async fn sweep(
        &self,
        run: &mut Run,
        known: Option<&Known>,
        kind: Kind,
        mut sweeping: Sweeping,
    ) -> Result<Sweeping, RunError> {
        let no = known.map(|known| known.no);
        let plan = sweeping.plan.end();
        let asked = sweeping.asked.clone();
        let comparison = self
            .store
            .offload(move |store| Comparison::open(store, no, kind, plan))
            .await?
            .beside(asked)
            .knowing(sweeping.names.take());
        let mut comparison = Lent::of(comparison);
        let walks = match known.and_then(|known| known.loaded) {
            Some(_) => 1,
            None => LOAD_WALKS,
        };
        let Pages { total, reached } = self.walk(kind, &mut comparison, walks).await?;
        self.look_again(&mut comparison).await?;

        if let Reached::Stop(why) = reached {
            comparison.find(stopped(kind, why));
        } else {
            let (shown, n_known) = (comparison.n_shown(), comparison.n_known());
            if shown == 0 && n_known > 0 {
                sweeping.empty.insert(kind);
            }
            match total.filter(|total| shown < *total) {
                // We are a user ourselves, so this cannot be all of the tenant's users, and does
                // not count as a load.
                Some(total) if shown == 0 && n_known == 0 && kind == Kind::User => {
                    sweeping.short.push(Short::Nobody { kind, total });
                }
                Some(total) => {
                    sweeping.shortfalls.insert(kind, Shortfall { shown, total });
                }
                None => {}
            }
            let missing = comparison.missing().into_iter();
            sweeping
                .missing
                .extend(missing.map(|id| RecordRef { kind, id }));
            sweeping.complete.insert(kind);
        }
        sweeping.scales.add(comparison.scales());
        sweeping.names = comparison.take_names();
        let (counts, findings, plan) = comparison.end().close();
        run.counts.insert(kind, counts);
        run.findings.extend(findings);
        sweeping.plan = Lent::of(plan);
        Ok(sweeping)
    }

    /// Reads a listing to its end. If it shows fewer records than it counts, the count is requested
    /// once more, since somebody may have left ahead of the cursor. If it stays the same, the
    /// listing is read again, up to a fixed number of times.
    async fn walk(
        &self,
        kind: Kind,
        comparison: &mut Lent<Comparison>,
        walks: u32,
    ) -> Result<Pages, RunError> {
        let mut listing = self.connector.sweep(kind);
        let mut pages = self.pages(kind, &mut listing, comparison).await?;
        for walk in 1.. {
            let Some(told) = pages.total.filter(|total| comparison.n_shown() < *total) else {
                break;
            };
            match listing.recount().await {
                Ok(total) => pages.total = total,
                // Everything was read: the count from before stands.
                Err(error) => debug!(
                    error.code = error.code(),
                    "The {} could not be counted again; it stays at {told}",
                    kind.plural()
                ),
            }
            let is_short = pages
                .total
                .is_some_and(|total| comparison.n_shown() < total);
            if !is_short || walk >= walks {
                break;
            }
            listing = self.connector.sweep(kind);
            pages = self.pages(kind, &mut listing, comparison).await?;
        }
        Ok(pages)
    }

    /// Asks for the records that were shown in two versions of which we cannot tell the newer one,
    /// and for those that seem to have lost a whole list that was left out.
    async fn look_again(&self, comparison: &mut Lent<Comparison>) -> Result<(), RunError> {
        for (record, mut left_out) in comparison.take_unsure() {
            match self.connector.fetch(&record).await {
                Ok(Some(Ok(mut observed))) => {
                    left_out.retain(|list| !observed.torn.contains(list));
                    // Left out twice, while other records show theirs: it is empty.
                    reconcile::empty(&mut observed.record, &left_out);
                    comparison
                        .offload(&self.store, |store, comparison| {
                            comparison.revise(store, observed)
                        })
                        .await?;
                }
                Ok(Some(Err(finding))) => comparison.find(finding),
                // Gone since: the next sweep will miss it.
                Ok(None) => {}
                // The first version is as good as any.
                Err(error) if error.is_forbidden() => {}
                Err(error) => {
                    let what = "records that were shown in two ways or in part, one by one";
                    return Err(RunError::fetch(what)(error));
                }
            }
        }
        Ok(())
    }

    /// Fetches all pages one after the other, while another thread parses and compares those that
    /// have arrived. Each can work on its own as long as there are some pages between them.
    async fn pages(
        &self,
        kind: Kind,
        listing: &mut C::Sweep,
        comparison: &mut Lent<Comparison>,
    ) -> Result<Pages, RunError> {
        let (pages, mut fetched) = mpsc::channel::<Waiting>(MAX_PAGES);
        let (observer, answers) = (self.observer.clone(), Arc::clone(&self.answers));
        let compare = comparison.offload(&self.store, move |store, comparison| {
            let mut total = None;
            while let Some(Waiting { page, budget }) = fetched.blocking_recv() {
                drop(budget);
                if let Some(told) = page.total() {
                    total = Some(told);
                    comparison.expect(told);
                }
                let page = page.read();
                answers.drop_shown(kind, &page);
                comparison.compare(store, page)?;
                let seen = comparison.n_shown();
                observer.report(Progress::Read { kind, seen, total });
            }
            Ok(total)
        });
        // Even after a failure we wait for the other one: nothing of this run goes on after it.
        let (reached, compared) = tokio::join!(fetch(kind, listing, pages), compare);
        Ok(Pages {
            total: compared?,
            reached: reached?,
        })
    }
}

/// Fetches all pages, as long as the receiver takes them.
async fn fetch(
    kind: Kind,
    listing: &mut impl Sweep,
    pages: mpsc::Sender<Waiting>,
) -> Result<Reached, RunError> {
    let budget = Arc::new(Semaphore::new(MAX_BYTES));
    loop {
        match listing.next().await {
            // Nobody takes pages any more: the comparison has failed, and reports it.
            Ok(Some(page)) => {
                let waiting = Waiting::of(page, &budget).await;
                if pages.send(waiting).await.is_err() {
                    return Ok(Reached::End);
                }
            }
            Ok(None) => return Ok(Reached::End),
            // If a collection cannot be read, the known values stay; but without the users there is
            // nothing left to watch.
            Err(error) => match Stop::of(&error) {
                Some(why) if kind != Kind::User => return Ok(Reached::Stop(why)),
                Some(_) | None => return Err(RunError::fetch(kind.plural())(error)),
            },
        }
    }
}

/// A page that waits to be compared, and the memory budget that it uses until then.
struct Waiting {
    page: Page,
    budget: Option<OwnedSemaphorePermit>,
}

impl Waiting {
    /// Waits until enough of the budget is free for a page.
    async fn of(page: Page, budget: &Arc<Semaphore>) -> Self {
        let n_bytes = page.n_bytes().min(MAX_BYTES);
        let n_bytes = u32::try_from(n_bytes).unwrap_or(u32::MAX);
        // Nobody closes the semaphore.
        let budget = Arc::clone(budget).acquire_many_owned(n_bytes).await.ok();
        Self { page, budget }
    }
}

/// The pages of a kind, all of which were compared.
struct Pages {
    /// How many records the source said there are.
    total: Option<u64>,
    reached: Reached,
}

/// How far a listing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// To its last page.
    End,
    /// To something that blocks it.
    Stop(Stop),
}

/// What blocks a listing each time that it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The credentials are not allowed to read it.
    Forbidden,
    /// A record is too large to be read, and cannot be skipped.
    TooLarge,
}

impl Stop {
    fn of(error: &FetchError) -> Option<Self> {
        match () {
            () if error.is_forbidden() => Some(Self::Forbidden),
            () if error.is_too_large() => Some(Self::TooLarge),
            () => None,
        }
    }
}

fn stopped(kind: Kind, why: Stop) -> Finding {
    let kinds = kind.plural();
    let (code, detail) = match why {
        Stop::Forbidden => (
            FindingCode::ForbiddenCollection,
            format!("these credentials are not allowed to read {kinds}"),
        ),
        Stop::TooLarge => (
            FindingCode::UnreadableRecord,
            format!(
                "the list of {kinds} stops at a record that is too large to read; those after \
                 it keep their known values"
            ),
        ),
    };
    Finding {
        code,
        kind,
        id: None,
        detail,
    }
}
