//! Reports the overall state: tenants, endpoints, the store, and work under way.

use crate::doing;
use crate::model::{Kind, Run, TenantName};
use crate::store::{Known, StoreError};
use crate::sync::Moment;

use super::page::{self, PageBuilder};
use super::reading::Reading;
use super::{
    ControlError, Page, Query, Status, StatusPosition, TenantRow, linked, query, separations,
};

impl Query for query::Status {
    type Answer = Status;

    fn about(&self) -> &'static str {
        "the overall state"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Status, ControlError> {
        let (store, context) = (reading.store, reading.context);
        let now = store.ages_by(context.clock.now())?;
        let tenants = reading.chosen(self.tenant.as_ref())?;
        let is_wanted = |name: &TenantName| self.tenant.as_ref().is_none_or(|it| it == name);
        let mut unread = linked::unread(store, &context.registry)?;
        unread.retain(|row| is_wanted(&row.name));
        unread.sort_by(|a, b| a.name.cmp(&b.name));
        let mut separations = separations::rows(reading)?;
        separations.sort_by(|a, b| a.rule.cmp(&b.rule));

        let mut builder = PageBuilder::begin(self.after, page::size(self.limit));
        let losses = builder.take(store.open_losses()?, |row| StatusPosition::Loss(row.entry));
        let tenants = builder.take(tenants, |known| StatusPosition::Tenant(known.name.clone()));
        let unread = builder.take(unread, |row| StatusPosition::Unread(row.name.clone()));
        let endpoints = context.endpoints.configured(self.endpoint.as_ref())?;
        let endpoints = builder.take(endpoints, |name| StatusPosition::Endpoint(name.clone()));
        let separations = builder.take(separations, |row| {
            StatusPosition::Separation(row.rule.clone())
        });
        let mut exports = context.exports.rows();
        exports.retain(|row| self.export.as_ref().is_none_or(|it| *it == row.name));
        let exports = builder.take(exports, |row| StatusPosition::Export(row.name.clone()));
        let tenants = tenants.into_iter().map(|known| reading.tenant(known));
        Ok(Status {
            last: store.last_seq(),
            space: store.usage(&context.retention, &context.endpoints.names(), now)?,
            tenants: tenants.collect::<Result<_, StoreError>>()?,
            endpoints: context.endpoints.status(
                store,
                &endpoints,
                &reading.configured,
                &reading.tenants,
            )?,
            unread,
            separations,
            exports,
            clock_jump: context.last_clock_jump.last(),
            crash: context.crashes.last(),
            reload: context.reloads.last(),
            losses,
            next: builder.next(),
        })
    }
}

impl Query for query::Progress {
    type Answer = Page<(TenantName, Moment), TenantName>;

    fn about(&self) -> &'static str {
        "how far the runs are"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let all = reading.context.registry.list().into_iter();
        let under_way = all.filter_map(|linked| Some((linked.name().clone(), linked.progress()?)));
        let mut rows: Vec<_> = under_way.collect();
        rows.retain(|(name, _)| self.tenant.as_ref().is_none_or(|wanted| wanted == name));
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut builder = PageBuilder::begin(self.after, page::size(self.limit));
        let rows = builder.take(rows, |(name, _)| name.clone());
        let next = builder.next();
        Ok(Page { rows, next })
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
        // Runs that read spaces or the licence do not count: even if they fail, the users, groups
        // and roles of the tenant are read.
        let is_ours = |run: &Run| !run.trigger.is_apart();
        let last_run = self.store.newest_run(&known.name, is_ours)?;
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
            long_lists: self.context.long_lists.count(self.store, known)?,
        })
    }
}
