//! Reads what is to be delivered next: the journal or, in a backfill, the known records before it.
//! Blocks, as the store does.

use std::collections::BTreeMap;

use super::feed::{self, Feed, Shared};
use super::pending_delivery::PendingDelivery;
use super::read_position::{Met, Page, ReadPosition, SnapshotPosition};
use super::weight;
use crate::deliver::content::entity::{self, Entity};
use crate::deliver::content::event::Event;
use crate::deliver::endpoint::flow::Backfilling;
use crate::deliver::endpoint::options::Endpoint;
use crate::model::{Account, Entry, Fact, Id, Kind, Seq, StoreId, Timestamp};
use crate::store::{Item, Kept, Known, Names, Store, StoreError, TenantNo};

/// Continues to read from a position.
pub(super) fn read(
    feed: &Feed,
    endpoint: &Endpoint,
    from: ReadPosition,
) -> Result<Page, StoreError> {
    match from {
        ReadPosition::Journal(after) => journal(feed, endpoint, after),
        ReadPosition::Records {
            mark,
            at,
            tenant,
            after,
        } => records(feed.store(), endpoint, (mark, at, tenant), after),
    }
}

fn journal(feed: &Feed, endpoint: &Endpoint, after: Seq) -> Result<Page, StoreError> {
    let store = feed.store();
    let entries = feed.entries(after)?;
    let read = entries.last().map_or(after, |last| last.seq);
    let is_end = read >= store.last_seq();
    let endpoint = endpoint.knowing(store)?;
    let mut met = Vec::with_capacity(entries.len());
    for entry in entries {
        let seq = entry.seq;
        if let Some(tenant) = loaded(store, &endpoint, &entry)? {
            // Its records go before what has happened since.
            let at = entry.at;
            met.push(Met::Loaded { seq, at, tenant });
            return Ok(Page { met, is_end: false });
        }
        let delivery = endpoint.wants(&entry).then(|| {
            let entity = entity::of_entry(&entry);
            let after = entity::predecessor(&entry);
            let mut delivery = PendingDelivery {
                after,
                ..PendingDelivery::new(Item::Entry(seq), entity, Some(entry))
            };
            // It is read again when it is sent, which costs time but saves this memory.
            if !feed.may_keep() {
                delivery.entry = None;
            }
            delivery
        });
        met.push(Met::Entry(seq, delivery));
    }
    Ok(Page { met, is_end })
}

/// Returns the tenant whose first load ends with an entry, if the endpoint starts with a backfill.
fn loaded(
    store: &Store,
    endpoint: &Endpoint,
    entry: &Entry,
) -> Result<Option<TenantNo>, StoreError> {
    let (Fact::Loaded { .. }, Backfilling::First, Some(account)) =
        (&entry.fact, endpoint.flow().backfill, entry.account())
    else {
        return Ok(None);
    };
    let mut tenants = store.tenants()?.into_iter();
    let known = tenants.find(|known| known.tenant.id == account.tenant);
    Ok(known.map(|known| known.no))
}

fn records(
    store: &Store,
    endpoint: &Endpoint,
    (mark, at, only): (Seq, Timestamp, Option<TenantNo>),
    mut after: Option<SnapshotPosition>,
) -> Result<Page, StoreError> {
    let endpoint = endpoint.knowing(store)?;
    for known in store.tenants()? {
        // A tenant that is not loaded is not known; what is stored may be only a part.
        let is_chosen = match only {
            Some(no) => known.no == no,
            None => known.loaded.is_some_and(|loaded| loaded <= mark),
        };
        if !is_chosen {
            continue;
        }
        let account = known.tenant.account();
        for kind in Kind::ALL {
            let behind: Option<Id> = match &after {
                Some((no, at, id)) if (*no, *at) == (known.no, kind) => Some(id.clone()),
                Some((no, at, _)) if (*no, *at) > (known.no, kind) => continue,
                Some(_) | None => None,
            };
            let met = page(store, known.no, kind, behind, |kept| {
                let record = kept.record.to_ref();
                let place = (known.no, kind, record.id.clone());
                let delivery = endpoint.wants_record(&account, &kept.record).then(|| {
                    let entity = entity::of_record(Some(&account), kind, &record.id);
                    let item = Item::Snapshot {
                        mark,
                        at,
                        tenant: known.no,
                        record,
                    };
                    PendingDelivery {
                        weight: weight::of_record(&kept.record),
                        ..PendingDelivery::new(item, entity, None)
                    }
                });
                Met::Record(place, delivery)
            })?;
            if met.is_empty() {
                continue;
            }
            return Ok(Page { met, is_end: false });
        }
        // Whatever comes after one tenant comes after all tenants before it.
        after = after.filter(|(no, _, _)| *no > known.no);
    }
    Ok(Page {
        met: Vec::new(),
        is_end: true,
    })
}

/// Reads a page of records, in steps that fit their size. The records are not kept, so only one
/// step is in memory.
fn page(
    store: &Store,
    tenant: TenantNo,
    kind: Kind,
    mut behind: Option<Id>,
    mut of: impl FnMut(&Kept) -> Met,
) -> Result<Vec<Met>, StoreError> {
    let (mut met, mut bytes) = (Vec::new(), 0);
    while let Some(step) = feed::next_step(met.len(), bytes) {
        let kept = store.list(tenant, kind, behind.as_ref(), step)?;
        bytes += kept
            .iter()
            .map(|kept| weight::of_record(&kept.record) + kept.raw.len())
            .sum::<usize>();
        met.extend(kept.iter().map(&mut of));
        behind = kept.last().map(|last| last.record.id().clone());
        if kept.len() < step {
            break;
        }
    }
    Ok(met)
}

/// What an event is made from, read for an attempt.
#[derive(Debug)]
pub(super) enum Content {
    Entry(Shared),
    Snapshot {
        mark: Seq,
        at: Timestamp,
        account: Account,
        kept: Box<Kept>,
    },
}

impl Content {
    /// Makes the event.
    pub fn event(&self, store: StoreId) -> Option<Event<'_>> {
        match self {
            Self::Entry(entry) => Event::of_entry(store, entry),
            Self::Snapshot {
                mark,
                at,
                account,
                kept,
            } => Some(Event::snapshot(
                store,
                *mark,
                *at,
                account,
                &kept.record,
                kept.version,
            )),
        }
    }
}

/// Returns the entries of deliveries if all have theirs: what was just read, and is wanted.
pub(super) fn contents_at_hand(deliveries: &mut [PendingDelivery]) -> Option<Vec<Option<Content>>> {
    let has_all = deliveries.iter().all(|delivery| delivery.entry.is_some());
    has_all.then(|| {
        let entries = deliveries.iter_mut().map(|delivery| delivery.entry.take());
        entries.map(|entry| entry.map(Content::Entry)).collect()
    })
}

/// Reads the content of each delivery, unless the delivery carries its entry. An element is `None`
/// if there is nothing to deliver any more, or nothing that the endpoint wants since its
/// configuration changed.
pub(super) fn contents(
    feed: &Feed,
    endpoint: &Endpoint,
    deliveries: &mut [PendingDelivery],
) -> Result<Vec<Option<Content>>, StoreError> {
    let store = feed.store();
    let endpoint = endpoint.knowing(store)?;
    let mut tenants: Option<Vec<Known>> = None;
    let mut names: BTreeMap<TenantNo, Names> = BTreeMap::new();
    let mut contents = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        contents.push(match (&delivery.item, delivery.entry.take()) {
            (_, Some(entry)) => Some(Content::Entry(entry)),
            (Item::Entry(seq), None) => store
                .entry(*seq)?
                .filter(|entry| endpoint.wants(entry))
                .map(|entry| Content::Entry(feed.share(entry))),
            (
                Item::Snapshot {
                    mark,
                    at,
                    tenant,
                    record,
                },
                None,
            ) => {
                let tenants = match &mut tenants {
                    Some(tenants) => tenants,
                    none => none.insert(store.tenants()?),
                };
                let known = tenants.iter().find(|known| known.no == *tenant);
                let mut kept = store.get(*tenant, record)?;
                if let Some(kept) = &mut kept {
                    let of_it = names.entry(*tenant);
                    let of_it = of_it.or_insert_with(|| Names::of(*tenant));
                    of_it.join(store, &mut kept.record)?;
                }
                let found = known.map(|known| known.tenant.account()).zip(kept);
                found
                    .filter(|(account, kept)| endpoint.wants_record(account, &kept.record))
                    .map(|(account, kept)| Content::Snapshot {
                        mark: *mark,
                        at: *at,
                        account,
                        kept: Box::new(kept),
                    })
            }
        });
    }
    Ok(contents)
}

/// Returns what items are about, for those that still exist.
pub(super) fn entities(store: &Store, items: Vec<Item>) -> Result<Vec<(Item, Entity)>, StoreError> {
    let tenants = store.tenants()?;
    let mut found = Vec::new();
    for item in items {
        let entity = match &item {
            Item::Entry(seq) => match store.entry(*seq)? {
                Some(entry) => entity::of_entry(&entry),
                None => seq.0,
            },
            Item::Snapshot { tenant, record, .. } => {
                let known = tenants.iter().find(|known| known.no == *tenant);
                let account = known.map(|known| known.tenant.account());
                entity::of_record(account.as_ref(), record.kind, &record.id)
            }
        };
        found.push((item, entity));
    }
    Ok(found)
}
