//! Reports the overall state: tenants, endpoints, the store, and work under way.

use crate::doing;
use crate::model::{Kind, TenantName};
use crate::store::{Known, StoreError};
use crate::sync::Moment;

use super::reading::Reading;
use super::{ControlError, Query, Status, TenantRow, linked, query, separations};

impl Query for query::Status {
    type Answer = Status;

    fn about(&self) -> &'static str {
        "how things are"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Status, ControlError> {
        let (store, context) = (reading.store, reading.context);
        let now = store.ages_by(context.clock.now())?;
        let tenants = reading.tenants.iter().map(|known| reading.tenant(known));
        Ok(Status {
            last: store.last_seq(),
            space: store.usage(&context.retention, &context.endpoints.names(), now)?,
            tenants: tenants.collect::<Result<_, StoreError>>()?,
            endpoints: context
                .endpoints
                .status(store, &reading.configured, &reading.tenants)?,
            unread: linked::unread(store, &context.registry)?,
            separations: separations::rows(reading)?,
            turned: context.last_turn.last(),
            losses: store.open_losses()?,
        })
    }
}

impl Query for query::Progress {
    type Answer = Vec<(TenantName, Moment)>;

    fn about(&self) -> &'static str {
        "how far the runs are"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let all = reading.context.registry.list().into_iter();
        let under_way = all.filter_map(|linked| Some((linked.name().clone(), linked.progress()?)));
        Ok(under_way.collect())
    }
}

impl Query for query::Doing {
    type Answer = Option<String>;

    fn about(&self) -> &'static str {
        "how far it is"
    }

    fn answer(self, _reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        Ok(doing::now())
    }
}

impl Reading<'_> {
    fn tenant(&self, known: &Known) -> Result<TenantRow, StoreError> {
        let count = |kind| Ok::<_, StoreError>(self.store.census(known.no, kind)?.count);
        let last_run = self.store.runs(Some(&known.name), 1)?.into_iter().next();
        let success = self.store.last_sweep(&known.name)?;
        let linked = self.context.registry.get(&known.name);
        Ok(TenantRow {
            name: known.name.clone(),
            tenant: known.tenant.clone(),
            counts: [count(Kind::Role)?, count(Kind::Group)?, count(Kind::User)?],
            last_success: success.and_then(|run| run.ended_at),
            last_run,
            held: self.store.open_plan(known.no)?,
            progress: linked.as_ref().and_then(|it| it.progress()),
            overdue: linked.and_then(|it| it.overdue()),
        })
    }
}
