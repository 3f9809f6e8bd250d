//! Asks for events, page by page.

use crate::clock::Clock;
use crate::control::{EventChoice, EventPage, Events, MARK, MAX_PAGE, Whose, is_of_type, query};
use crate::deliver::EVENT_TYPES;
use crate::model::{Kind, TenantName};

use super::args::EventListArgs;
use super::store_client::StoreClient;
use super::unknown::say_nothing;

/// The filters and position for asking for events, page by page.
pub(super) struct Asked {
    pub(super) tenant: Option<TenantName>,
    pub(super) choice: EventChoice,
}

impl Asked {
    pub(super) async fn page(
        &self,
        client: &StoreClient,
        page: EventPage,
        limit: usize,
    ) -> anyhow::Result<Events> {
        let asked = query::Events {
            tenant: self.tenant.clone(),
            choice: self.choice.clone(),
            page,
            limit,
        };
        client.ask(asked).await
    }
}

/// Returns the filters for events, with the accounts that have the given name now. `None` if the
/// event type does not exist, which has already been reported.
pub(super) async fn chosen(
    client: &StoreClient,
    args: &EventListArgs,
) -> anyhow::Result<Option<EventChoice>> {
    let names = || EVENT_TYPES.iter().copied().chain([MARK]);
    if let Some(wanted) = &args.event_type
        && !names().any(|name| is_of_type(wanted, name))
    {
        say_nothing(
            format_args!("No event is of the type `{wanted}`."),
            wanted,
            names(),
        );
        return Ok(None);
    }
    let user = match &args.user {
        None => None,
        Some(called) => {
            let asked = |after, limit| query::Find {
                kind: Kind::User,
                tenant: args.list.tenant.clone().map(TenantName),
                called: called.clone(),
                after,
                limit,
            };
            let rows = client.all(MAX_PAGE, asked).await?;
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
