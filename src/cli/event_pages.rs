//! Asks for events, page by page.

use crate::clock::Clock;
use crate::control::{EventChoice, EventPage, EventRow, MARK, Reply, Request, Whose, is_of_type};
use crate::deliver::EVENT_TYPES;
use crate::model::{Kind, Seq, TenantName};
use crate::suggest::closest;

use super::args::EventListArgs;
use super::door::Door;
use super::style::say;

/// Which events are asked for, page by page.
pub(super) struct Asked {
    pub(super) tenant: Option<TenantName>,
    pub(super) choice: EventChoice,
}

/// A page of events.
pub(super) struct Page {
    pub(super) rows: Vec<EventRow>,
    pub(super) next: Option<Seq>,
    pub(super) first: Seq,
    pub(super) last: Seq,
}

impl Asked {
    pub(super) async fn page(
        &self,
        door: &Door,
        page: EventPage,
        limit: usize,
    ) -> anyhow::Result<Page> {
        let request = Request::Events {
            tenant: self.tenant.clone(),
            choice: self.choice.clone(),
            page,
            limit,
        };
        match door.ask(request).await? {
            Reply::Events {
                rows,
                next,
                first,
                last,
            } => Ok(Page {
                rows,
                next,
                first,
                last,
            }),
            other => super::door::unexpected(&other),
        }
    }
}

/// Returns what events are chosen by, with the accounts that are called so now. `None` if there is no
/// such type, which was said.
pub(super) async fn chosen(
    door: &Door,
    args: &EventListArgs,
) -> anyhow::Result<Option<EventChoice>> {
    let names = || EVENT_TYPES.iter().copied().chain([MARK]);
    if let Some(wanted) = &args.event_type
        && !names().any(|name| is_of_type(wanted, name))
    {
        let meant = closest(wanted, names()).map(|name| format!(" Did you mean `{name}`?"));
        say(format_args!(
            "No event is of the type `{wanted}`.{}",
            meant.unwrap_or_default()
        ));
        return Ok(None);
    }
    let user = match &args.user {
        None => None,
        Some(called) => {
            let request = Request::Find {
                kind: Kind::User,
                tenant: args.list.tenant.clone().map(TenantName),
                called: called.clone(),
            };
            let rows = match door.ask(request).await? {
                Reply::Records { rows, .. } => rows,
                other => return super::door::unexpected(&other),
            };
            Some(Whose {
                ids: rows.iter().map(|row| row.record.id().clone()).collect(),
                called: called.clone(),
            })
        }
    };
    Ok(Some(EventChoice {
        event_type: args.event_type.clone(),
        kind: args.kind,
        user,
        since: args.since.map(|since| since.time(Clock::system().now())),
    }))
}
