//! Lists runs, and starts one.

use crate::model::{Change, HeldPlan, Mode, Run, RunId, TenantName, Trigger};
use crate::sync::NoRun;

use super::acting::Acting;
use super::find_plan::find;
use super::query::RunChoice;
use super::reading::Reading;
use super::{
    Begun, Command, ControlError, MAX_PAGE, Page, Query, SyncRow, Synced, command, page, query,
};

/// How many runs one question reads at most: months of runs may have succeeded.
const MAX_RUNS_READ: usize = 10_000;

impl Query for query::Runs {
    type Answer = Page<Run, RunId>;

    fn about(&self) -> &'static str {
        "runs"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let page = read_back(reading, &self)?;
        if self.before.is_none() && page.rows.is_empty() {
            // A tenant that was linked once and never reached may still have runs.
            reading.chosen(self.tenant.as_ref())?;
        }
        Ok(page)
    }
}

/// Reads runs backwards, and keeps those that match.
fn read_back(reading: &Reading<'_>, asked: &query::Runs) -> Result<Page<Run, RunId>, ControlError> {
    let limit = page::size(asked.limit);
    let at_once = match asked.which {
        RunChoice::All => limit,
        RunChoice::Failed => MAX_PAGE,
    };
    let mut next = asked.before;
    let mut rows = Vec::new();
    for _ in 0..MAX_RUNS_READ / MAX_PAGE {
        let runs = reading
            .store
            .runs_before(asked.tenant.as_ref(), next, at_once)?;
        let n_read = runs.len();
        for run in runs {
            if rows.len() == limit {
                return Ok(Page { rows, next });
            }
            next = Some(run.id);
            let is_wanted = match asked.which {
                RunChoice::All => true,
                RunChoice::Failed => run.outcome.is_failure(),
            };
            if is_wanted {
                rows.push(run);
            }
        }
        if rows.len() == limit && asked.which == RunChoice::All {
            break;
        }
        if n_read < at_once {
            return Ok(Page::last(rows));
        }
    }
    Ok(Page { rows, next })
}

impl Query for query::Run {
    type Answer = Option<Run>;

    fn about(&self) -> &'static str {
        "runs"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        Ok(reading.store.run(self.id)?)
    }
}

impl Query for query::Preview {
    type Answer = Page<Change, usize>;

    fn about(&self) -> &'static str {
        "what would change"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let (after, limit) = (self.after.unwrap_or_default(), page::size(self.limit));
        let is_wanted = |change: &Change| self.choice.takes(change);
        reading
            .context
            .tasks
            .rows(&self.task, after, limit, is_wanted)
    }
}

impl Command for command::Sync {
    type Answer = Begun<Synced>;

    fn about(&self) -> &'static str {
        "begin a run"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<Self::Answer, ControlError> {
        let Self { tenant, mode } = self;
        tracing::info!(
            by = %acting.by,
            tenant.name = %tenant,
            "A sync of `{tenant}` was ordered by {}", acting.by
        );
        begin(acting, &tenant, mode)
    }
}

/// Starts a run. Returns the task that waits for its end.
pub(super) fn begin(
    acting: &Acting<'_>,
    tenant: &TenantName,
    mode: Mode,
) -> Result<Begun<Synced>, ControlError> {
    let registry = &acting.context.registry;
    let Some(linked) = registry.get(tenant) else {
        let known = registry.names();
        let known = known.iter().map(|name| (name, Vec::new()));
        return Err(ControlError::unknown_tenant(tenant, known));
    };
    let store = acting.store.clone();
    Ok(acting.context.tasks.begin_list(async move {
        let report = match linked.run(Trigger::Command, mode).await {
            Ok(report) => report,
            Err(NoRun::Paused(pause)) => return Ok((Synced::Paused(pause), Vec::new())),
            Err(NoRun::Store(source)) => return Err(source.into()),
        };
        let id = report.run.held.as_ref().and_then(|held| held.plan);
        let plan = store.offload(move |store| {
            let found = id.map(|id| find(store, id)).transpose()?.flatten();
            Ok::<Option<HeldPlan>, ControlError>(found.map(|(_, plan)| plan))
        });
        let row = SyncRow {
            plan: plan.await?,
            run: report.run,
        };
        Ok((Synced::Run(Box::new(row)), report.preview))
    }))
}
