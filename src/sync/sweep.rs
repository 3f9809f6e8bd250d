//! Reads one kind of a tenant to its end.

use std::collections::BTreeSet;
use std::fmt;

use tokio::sync::mpsc;

use crate::connector::{Connector, Page, Sweep};
use crate::model::{Finding, FindingCode, Kind, RecordRef, Run};
use crate::store::Known;

use super::desk::Desk;
use super::plan::Plan;
use super::run::Job;
use super::tally::Scales;
use super::{Progress, RunError};

/// Pages that wait to be compared at the most; then the next one is not asked for. Bounds
/// memory, and evens out what takes now the network and now the disk longer.
const MAX_PAGES: usize = 4;

/// What the sweeps of a run have gathered so far.
pub(super) struct Sweeping {
    pub(super) plan: Plan,
    /// Sweeps that came out short.
    pub(super) short: Vec<Short>,
    /// Kinds whose sweep showed all there is.
    pub(super) complete: BTreeSet<Kind>,
    /// Known records that those did not show.
    pub(super) missing: Vec<RecordRef>,
    /// Kinds of which the source showed nothing at all although some were known.
    pub(super) empty: BTreeSet<Kind>,
    /// How much there is.
    pub(super) scales: Scales,
}

/// A sweep that did not show all there is.
#[derive(Debug)]
pub(super) enum Short {
    /// It showed fewer records than the source said there are.
    Shown { kind: Kind, shown: u64, total: u64 },
    /// Records that it had left out answered when asked for; the rest was not asked for.
    LeftOut {
        kind: Kind,
        missing: u64,
        asked: u64,
        answered: u64,
    },
    /// Of records that the audit log named it says something else than they do.
    Contradicted { kind: Kind, records: u64 },
}

impl Short {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Shown { kind, .. }
            | Self::LeftOut { kind, .. }
            | Self::Contradicted { kind, .. } => *kind,
        }
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown { kind, shown, total } => {
                write!(f, "{shown} of {total} {} were shown", kind.plural())
            }
            Self::LeftOut {
                kind,
                missing,
                asked,
                answered,
            } => write!(
                f,
                "{missing} known {} were not shown, but {answered} of {asked} answered when \
                 asked for",
                kind.plural()
            ),
            Self::Contradicted { kind, records } => write!(
                f,
                "{records} {} are gone or have lost access by their own answer, but not by the \
                 listing",
                kind.plural()
            ),
        }
    }
}

impl Sweeping {
    pub(super) fn of(plan: Plan) -> Self {
        Self {
            plan,
            short: Vec::new(),
            complete: BTreeSet::new(),
            missing: Vec::new(),
            empty: BTreeSet::new(),
            scales: Scales::default(),
        }
    }
}

impl<C: Connector> Job<C> {
    /// Reads one kind to its end.
    pub(super) async fn sweep(
        &self,
        run: &mut Run,
        known: Option<&Known>,
        kind: Kind,
        sweeping: Sweeping,
    ) -> Result<Sweeping, RunError> {
        let Sweeping {
            plan,
            mut short,
            mut complete,
            mut missing,
            mut empty,
            mut scales,
        } = sweeping;
        let no = known.map(|known| known.no);
        let desk = self
            .store
            .offload(move |store| Desk::open(store, no, kind, plan))
            .await?;
        let Pages {
            mut desk,
            total,
            reached,
        } = self.pages(kind, desk).await?;

        if reached == Reached::Forbidden {
            desk.find(forbidden(kind));
        } else {
            let shown = desk.n_shown();
            if shown == 0 && desk.n_known() > 0 {
                empty.insert(kind);
            }
            match total {
                Some(total) if shown < total => short.push(Short::Shown { kind, shown, total }),
                Some(_) | None => {
                    complete.insert(kind);
                    missing.extend(desk.missing().into_iter().map(|id| RecordRef { kind, id }));
                }
            }
        }
        scales.add(desk.scales());
        let (counts, findings, plan) = desk.close();
        run.counts.insert(kind, counts);
        run.findings.extend(findings);
        Ok(Sweeping {
            plan,
            short,
            complete,
            missing,
            empty,
            scales,
        })
    }

    /// Fetches all pages one after the other, while a thread of its own reads and compares what
    /// is there already: neither waits for the other as long as some pages are under way.
    async fn pages(&self, kind: Kind, mut desk: Desk) -> Result<Pages, RunError> {
        let (pages, mut fetched) = mpsc::channel::<Page>(MAX_PAGES);
        let observer = self.observer.clone();
        let compare = self.store.offload(move |store| {
            let mut total = None;
            while let Some(page) = fetched.blocking_recv() {
                if let Some(told) = page.total() {
                    total = Some(told);
                    desk.expect(told);
                }
                desk.compare(store, page.read())?;
                let seen = desk.n_shown();
                observer.hear(Progress::Read { kind, seen, total });
            }
            Ok((desk, total))
        });
        // Also after a failure the other one ends first: nothing of this run goes on behind it.
        let (reached, compared) = tokio::join!(self.fetch(kind, pages), compare);
        let (desk, total) = compared?;
        Ok(Pages {
            desk,
            total,
            reached: reached?,
        })
    }

    /// Fetches all pages, as long as they are taken.
    async fn fetch(&self, kind: Kind, pages: mpsc::Sender<Page>) -> Result<Reached, RunError> {
        let mut sweep = self.connector.sweep(kind);
        loop {
            match sweep.next().await {
                // Not taken any more: whoever compares has failed, and tells so.
                Ok(Some(page)) => match pages.send(page).await {
                    Ok(()) => {}
                    Err(_ended) => return Ok(Reached::End),
                },
                Ok(None) => return Ok(Reached::End),
                // Known values stay where a collection may not be read; but without the users
                // there is nothing left to keep watch over.
                Err(error) if error.is_forbidden() && kind != Kind::User => {
                    return Ok(Reached::Forbidden);
                }
                Err(error) => return Err(RunError::fetch(kind.plural())(error)),
            }
        }
    }
}

/// The pages of a kind, compared.
struct Pages {
    desk: Desk,
    /// How many records the source said there are.
    total: Option<u64>,
    reached: Reached,
}

/// How far a listing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// The last one.
    End,
    /// The collection may not be read.
    Forbidden,
}

fn forbidden(kind: Kind) -> Finding {
    Finding {
        code: FindingCode::ForbiddenCollection,
        kind,
        id: None,
        detail: format!("{} may not be read with these credentials", kind.plural()),
    }
}
