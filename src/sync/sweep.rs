//! Reads one kind of a tenant to its end.

use crate::connector::{Connector, FetchError, Page, Sweep};
use crate::model::{Finding, FindingCode, Kind, RecordRef, Run};
use crate::store::Known;

use super::desk::Desk;
use super::plan::Plan;
use super::run::Job;
use super::{Progress, RunError};

/// What the sweeps of a run have gathered so far.
pub(super) struct Sweeping {
    pub(super) plan: Plan,
    /// Sweeps that came out short.
    pub(super) short: Vec<Short>,
    /// Known records that complete sweeps did not show.
    pub(super) missing: Vec<RecordRef>,
}

/// A sweep that showed fewer records than the source said there are.
#[derive(Debug)]
pub(super) struct Short {
    pub(super) kind: Kind,
    pub(super) shown: u64,
    pub(super) total: u64,
}

impl Sweeping {
    pub(super) fn of(plan: Plan) -> Self {
        Self {
            plan,
            short: Vec::new(),
            missing: Vec::new(),
        }
    }
}

impl<C: Connector> Job<C> {
    /// Reads one kind to its end. The next page is fetched while one is compared.
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
            mut missing,
        } = sweeping;
        let no = known.map(|known| known.no);
        let mut desk = self
            .store
            .offload(move |store| Desk::open(store, no, kind, plan))
            .await?;
        let mut total = None;
        let mut readable = true;
        let mut sweep = self.connector.sweep(kind);
        let mut page = seen(sweep.next().await, kind)?;
        loop {
            let current = match page {
                Seen::Page(current) => current,
                Seen::End => break,
                Seen::Forbidden => {
                    desk.find(forbidden(kind));
                    readable = false;
                    break;
                }
            };
            if let Some(told) = current.total() {
                total = Some(told);
                desk.expect(told);
            }
            let (next, worked) = tokio::join!(sweep.next(), self.compare(desk, current));
            desk = worked?;
            page = seen(next, kind)?;
            self.observer.hear(Progress::Read {
                kind,
                seen: desk.n_shown(),
                total,
            });
        }

        if readable {
            let shown = desk.n_shown();
            if shown == 0 && desk.n_known() > 0 {
                return Err(RunError::EmptyCollection {
                    kind,
                    known: desk.n_known(),
                });
            }
            match total {
                Some(total) if shown < total => short.push(Short { kind, shown, total }),
                Some(_) | None => {
                    missing.extend(desk.missing().into_iter().map(|id| RecordRef { kind, id }));
                }
            }
        }
        let (counts, findings, plan) = desk.close();
        run.counts.insert(kind, counts);
        run.findings.extend(findings);
        Ok(Sweeping {
            plan,
            short,
            missing,
        })
    }

    async fn compare(&self, mut desk: Desk, page: Page) -> Result<Desk, RunError> {
        self.store
            .offload(move |store| desk.work(store, page).map(|()| desk))
            .await
    }
}

/// What came of asking for a page.
enum Seen {
    Page(Page),
    End,
    Forbidden,
}

/// Tells a collection that may not be read from one that could not be: known values of the
/// first stay, and the run goes on. Without the users there is nothing to keep watch over.
fn seen(asked: Result<Option<Page>, FetchError>, kind: Kind) -> Result<Seen, RunError> {
    match asked {
        Ok(Some(page)) => Ok(Seen::Page(page)),
        Ok(None) => Ok(Seen::End),
        Err(error) if error.is_forbidden() && kind != Kind::User => Ok(Seen::Forbidden),
        Err(error) => Err(RunError::fetch(kind.plural())(error)),
    }
}

fn forbidden(kind: Kind) -> Finding {
    Finding {
        code: FindingCode::ForbiddenCollection,
        kind,
        id: None,
        detail: format!("{} may not be read with these credentials", kind.plural()),
    }
}
