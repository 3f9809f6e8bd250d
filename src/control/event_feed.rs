//! Answers programs that pull events, page by page.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::reading::Reading;
use super::{ControlError, Query, page, query};
use crate::deliver::{
    EventFilter, EventSource, Format, Gone, Lists, Mode, Privacy, PullError, PullFrom, PullRequest,
    Selection, Subscription,
};
use crate::history::first_since;
use crate::model::{EventId, Seq, Timestamp};

use query::{FeedChoice, FeedFormat, FeedFrom};

/// The most bytes of events in a page, not counting the last event: several hundred large users.
pub const MAX_FEED_BYTES: usize = 1024 * 1024;

/// How many entries one question reads at most: only a few of many may match.
const MAX_READ: usize = 20_000;

/// A page of events.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeedPage {
    /// The events.
    pub events: Vec<FeedEvent>,
    /// The position after which the next page begins.
    pub next: EventId,
    /// Whether everything was read that was there at that moment.
    pub is_end: bool,
}

/// An event that a program has pulled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeedEvent {
    /// Its id, which is also a position to continue from.
    pub id: EventId,
    /// Its type.
    pub event_type: String,
    /// Its body, as a webhook has it.
    pub body: Box<RawValue>,
}

impl Query for query::EventFeed {
    type Answer = FeedPage;

    fn about(&self) -> &'static str {
        "events"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<FeedPage, ControlError> {
        let Self {
            from,
            choice,
            covered,
            limit,
            max_bytes,
        } = self;
        let lists = match choice.expands_lists {
            true => Lists::Expanded,
            false => Lists::Whole,
        };
        let subscription = Subscription {
            covered,
            ..subscription(choice)?
        };
        reading.are_there(&subscription)?;
        let request = PullRequest {
            subscription,
            lists,
            events: page::size(limit),
            bytes: max_bytes.min(MAX_FEED_BYTES),
            entries: MAX_READ,
        };
        let from = match from {
            FeedFrom::After(id) => PullFrom::After(id),
            FeedFrom::AfterEntry(seq) => PullFrom::AfterEntry(seq),
            FeedFrom::Since(time) => reading.since(time)?,
            FeedFrom::Oldest => PullFrom::Oldest,
            FeedFrom::Now => PullFrom::Now,
        };
        let feed = &reading.context.pulled_feed;
        let pulled = request.read(feed, from).map_err(refused)?;
        let events = pulled.events.into_iter().map(|event| FeedEvent {
            id: event.id,
            event_type: event.event_type.to_owned(),
            body: serde_json::from_slice(&event.body).expect("these formats write JSON"),
        });
        Ok(FeedPage {
            events: events.collect(),
            next: pulled.next,
            is_end: pulled.is_end,
        })
    }
}

fn refused(error: PullError) -> ControlError {
    match error {
        PullError::Gone { why, oldest } => ControlError::PositionGone { why, oldest },
        PullError::Store { source } => source.into(),
    }
}

/// Reads the words of a choice.
fn subscription(choice: FeedChoice) -> Result<Subscription, ControlError> {
    let FeedChoice {
        events,
        tenants,
        kinds,
        roles,
        omit,
        expands_lists: _,
        format,
    } = choice;
    let wrong = |parameter, what: String| ControlError::WrongFeedChoice { parameter, what };
    let events = match events {
        None => EventFilter::all(),
        Some(patterns) => {
            EventFilter::parse(&patterns).map_err(|error| wrong("events", error.to_string()))?
        }
    };
    let privacy =
        Privacy::parse(&omit, &[], None).map_err(|error| wrong("omit", error.to_string()))?;
    let format = match format {
        FeedFormat::Standard => Format::Standard,
        FeedFormat::CloudEvents { source } => {
            let source = source.as_deref().map(EventSource::parse);
            let source = source.transpose();
            Format::CloudEvents {
                mode: Mode::Structured,
                source: source
                    .map_err(|error| wrong("source", error.to_string()))?
                    .unwrap_or_default(),
            }
        }
    };
    Ok(Subscription {
        events,
        selection: Selection {
            tenants,
            kinds,
            roles,
        },
        privacy,
        format,
        ..Subscription::default()
    })
}

impl Reading<'_> {
    /// Fails if a tenant that is asked for does not exist or may not be known: a filter on it would
    /// never match.
    fn are_there(&self, subscription: &Subscription) -> Result<(), ControlError> {
        for called in subscription.selection.tenants.iter().flatten() {
            let covered = subscription.covered.as_ref();
            let is_known = self.tenants.iter().any(|known| {
                let tenant = &known.tenant;
                let may_be_known = covered.is_none_or(|covered| covered.contains(&tenant.id));
                let names = [&known.name.0, &tenant.id.0, &tenant.name];
                may_be_known && names.contains(&called)
            });
            let mut configured = self.configured.iter();
            let is_configured =
                covered.is_none() && configured.any(|configured| configured.0 == *called);
            let names = &self.context.account_names;
            if !is_known && !is_configured && !names.has(self.store, covered, called)? {
                return Err(ControlError::NoSuchAccount {
                    called: called.clone(),
                });
            }
        }
        Ok(())
    }

    /// Returns where the events since a time begin. Fails if some of them may have been deleted.
    fn since(&self, time: Timestamp) -> Result<PullFrom, ControlError> {
        // What is written from here on is since that time, so this is read first.
        let last = self.store.last_seq();
        let found = first_since(self.store, time)?.map(|entry| entry.seq);
        // And this last, since the journal may be cut meanwhile.
        let first = self.store.first_seq()?;
        let is_cut = first > Seq::START.next();
        // Only an entry before the time, still there, shows that none after it was deleted.
        let begins_with_first = match found {
            Some(seq) => seq <= first,
            None => first > last,
        };
        if is_cut && begins_with_first {
            return Err(refused(PullError::gone(self.store, Gone::Cut)));
        }
        let after = found.map_or(last, |seq| Seq(seq.0.saturating_sub(1)));
        Ok(PullFrom::AfterEntry(after))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock, LastClockJump};
    use crate::control::{Control, Endpoints};
    use crate::model::{Fact, RunId, Tenant, TenantId, TenantName};
    use crate::store::{Closing, Commit, MaintenancePass, Retention, Store};
    use crate::sync::TenantRegistry;

    const RETENTION: Retention = Retention {
        keep: Duration::ZERO,
        keep_runs: 1,
    };

    fn at(minutes: u64) -> Timestamp {
        let start = Timestamp::parse("2026-03-01T10:00:00Z").unwrap();
        start.plus(Duration::from_secs(60 * minutes))
    }

    /// Writes an event each minute, of a run that failed.
    fn write(store: &Store, minutes: std::ops::Range<u64>) {
        write_as(store, "Acme", minutes);
    }

    fn write_as(store: &Store, name: &str, minutes: std::ops::Range<u64>) {
        let tenant = Tenant {
            id: TenantId("tenant-1".into()),
            name: name.into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let called = TenantName("acme".into());
        let known = store.adopt(&tenant, &called, at(0)).unwrap();
        for minute in minutes {
            let failed = Fact::Failed {
                code: "qlik.down".into(),
                message: format!("at minute {minute}"),
            };
            let commit = Commit {
                tenant: known.no,
                run: RunId(1),
                at: at(minute),
                account: known.tenant.account(),
                writes: Vec::new(),
                closing: Closing::Report {
                    plans: Vec::new(),
                    facts: vec![failed],
                },
            };
            store.commit(commit).unwrap();
        }
    }

    fn control(store: &Store) -> Control {
        let clock = Clock::system();
        Control::new(
            store.clone(),
            clock.clone(),
            TenantRegistry::default(),
            Endpoints::default(),
            RETENTION,
            Vec::new(),
            LastClockJump::of(clock),
        )
    }

    fn asked(from: FeedFrom) -> query::EventFeed {
        query::EventFeed {
            from,
            choice: FeedChoice {
                events: None,
                tenants: None,
                kinds: None,
                roles: None,
                omit: Vec::new(),
                expands_lists: false,
                format: FeedFormat::Standard,
            },
            covered: None,
            limit: 100,
            max_bytes: MAX_FEED_BYTES,
        }
    }

    /// Returns the positions of the events since a time, or why there are none.
    async fn since(control: &Control, minute: u64) -> Result<Vec<u64>, Gone> {
        let asked = asked(FeedFrom::Since(at(minute)));
        match control.ask(asked).await {
            Ok(page) => Ok(page.events.iter().map(|event| event.id.seq.0).collect()),
            Err(ControlError::PositionGone { why, .. }) => Err(why),
            Err(error) => panic!("{error}"),
        }
    }

    /// An endpoint gets events of a tenant by the name that the tenant had then.
    #[tokio::test]
    async fn a_tenant_may_be_named_as_it_was_called_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        write(&store, 0..2);
        let control = control(&store);
        let named = async |called: &str, covered: Option<&str>| {
            let mut asked = asked(FeedFrom::Oldest);
            asked.choice.tenants = Some([called.to_owned()].into());
            asked.covered = covered.map(|id| [TenantId(id.to_owned())].into());
            let page = control.ask(asked).await;
            page.map(|page| page.events.len()).ok()
        };
        assert_eq!(named("Acme", None).await, Some(2));
        assert_eq!(named("Acme Ltd", None).await, None);

        write_as(&store, "Acme Ltd", 2..5);

        assert_eq!(named("Acme", None).await, Some(2));
        assert_eq!(named("Acme Ltd", None).await, Some(3));
        assert_eq!(named("Acme", Some("tenant-1")).await, Some(2));
        assert_eq!(named("Acme", Some("tenant-2")).await, None);
        assert_eq!(named("Nobody", None).await, None);
    }

    /// The bound and the locks of deliveries are not for programs.
    #[tokio::test]
    async fn what_is_pulled_takes_nothing_from_deliveries() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        write(&store, 0..6);
        let control = control(&store);

        let page = control.ask(asked(FeedFrom::Oldest)).await.unwrap();

        assert_eq!(page.events.len(), 6);
        let feed = format!("{:?}", control.feed());
        assert!(feed.contains("used: 0"), "{feed}");
    }

    #[tokio::test]
    async fn events_since_a_time_are_all_there_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        write(&store, 0..6);
        let control = control(&store);

        assert_eq!(since(&control, 0).await, Ok(vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(since(&control, 4).await, Ok(vec![5, 6]));
        assert_eq!(since(&control, 9).await, Ok(vec![]));

        let pass = MaintenancePass::new(store.clone(), RETENTION, Vec::new(), at(3));
        pass.finish().unwrap();
        assert_eq!(store.first_seq().unwrap(), Seq(4));
        assert_eq!(since(&control, 2).await, Err(Gone::Cut));
        // An entry of that minute may have been deleted as well.
        assert_eq!(since(&control, 3).await, Err(Gone::Cut));
        assert_eq!(since(&control, 4).await, Ok(vec![5, 6]));

        let pass = MaintenancePass::new(store.clone(), RETENTION, Vec::new(), at(9));
        pass.finish().unwrap();
        assert_eq!(since(&control, 9).await, Err(Gone::Cut));
        write(&store, 10..11);
        assert_eq!(since(&control, 9).await, Err(Gone::Cut));
        write(&store, 11..12);
        assert_eq!(since(&control, 11).await, Ok(vec![8]));
    }
}
