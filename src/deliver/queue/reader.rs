//! Reads what to deliver next: the journal, the users of a list beside an entry or, in a backfill,
//! the known records. Blocks, as the store does.

use std::collections::BTreeMap;

use super::feed::{self, Feed, Shared};
use super::pending_delivery::PendingDelivery;
use super::read_position::{Met, Page, ReadPosition, SnapshotPosition};
use super::weight;
use crate::deliver::content::entity::{self, Entity};
use crate::deliver::content::event::Event;
use crate::deliver::endpoint::flow::{Backfilling, Lists};
use crate::deliver::endpoint::options::Endpoint;
use crate::model::{
    Account, Entry, Fact, Holder, Id, Kind, ListId, RightChange, RightHolders, Seq, StoreId,
    Timestamp,
};
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
        ReadPosition::Members { entry, after } => members(feed, endpoint, entry, after),
    }
}

fn journal(feed: &Feed, endpoint: &Endpoint, after: Seq) -> Result<Page, StoreError> {
    let store = feed.store();
    let entries = feed.entries(after)?;
    let read = entries.last().map_or(after, |last| last.seq);
    let is_end = read >= store.last_seq();
    let endpoint = endpoint.knowing(store)?;
    let lists = endpoint.flow().lists;
    let mut met = Vec::with_capacity(entries.len());
    for entry in entries {
        let seq = entry.seq;
        if let Some(tenant) = loaded(store, &endpoint, &entry)? {
            // The tenant's records are sent before anything that happened since.
            let at = entry.at;
            met.push(Met::Loaded { seq, at, tenant });
            return Ok(Page { met, is_end: false });
        }
        let wants = endpoint.wants(&entry);
        let is_expanded = wants && lists == Lists::Expanded && list_of(&entry).is_some();
        // If the list was lost with a damaged store, the entry is sent as one event.
        if is_expanded && !listed(store, &entry, 0)?.is_empty() {
            // The users of the list are sent before anything that happened since.
            met.push(Met::Listed(seq));
            return Ok(Page { met, is_end: false });
        }
        let delivery = wants.then(|| {
            let entity = entity::of_entry(&entry, lists);
            let after = entity::predecessor(&entry);
            let mut delivery = PendingDelivery {
                after,
                ..PendingDelivery::new(Item::Entry(seq), entity, Some(entry))
            };
            // The entry is read again when it is sent, which costs time but saves memory.
            if !feed.may_keep() {
                delivery.entry = None;
            }
            delivery
        });
        met.push(Met::Entry(seq, delivery));
    }
    Ok(Page { met, is_end })
}

/// Reads users of the list beside an entry. There are none if the list was removed with its entry,
/// since old entries are not kept for a disabled endpoint.
fn members(
    feed: &Feed,
    endpoint: &Endpoint,
    seq: Seq,
    after: Option<u64>,
) -> Result<Page, StoreError> {
    let store = feed.store();
    let from = after.map_or(0, |after| after + 1);
    let lists = endpoint.flow().lists;
    let entry = store.entry(seq)?;
    let users = match &entry {
        Some(entry) => listed(store, entry, from)?,
        None => Vec::new(),
    };
    let mut met = Vec::with_capacity(users.len());
    for (number, (holder, entry)) in (from..).zip(users.into_iter().zip(entry.iter().cycle())) {
        let of_user = feed.share(about(entry, holder));
        let entity = entity::of_entry(&of_user, lists);
        let item = Item::Member { entry: seq, number };
        let mut delivery = PendingDelivery::new(item, entity, Some(of_user));
        if !feed.may_keep() {
            delivery.entry = None;
        }
        met.push(Met::Member(number, delivery));
    }
    let is_end = met.is_empty();
    Ok(Page { met, is_end })
}

/// Returns the list beside an entry; `None` if it has none.
pub(in crate::deliver) fn list_of(entry: &Entry) -> Option<ListId> {
    match &entry.fact {
        Fact::RightChanged(RightChange {
            holders: RightHolders::Listed { list, .. },
            ..
        }) => Some(*list),
        _ => None,
    }
}

/// Reads some users of the list beside an entry, from a number on.
pub(in crate::deliver) fn listed(
    store: &Store,
    entry: &Entry,
    from: u64,
) -> Result<Vec<Holder>, StoreError> {
    let Some((list, account)) = list_of(entry).zip(entry.account()) else {
        return Ok(Vec::new());
    };
    let mut tenants = store.tenants()?.into_iter();
    match tenants.find(|known| known.tenant.id == account.tenant) {
        Some(known) => store.listed(known.no, (entry.seq, list), from),
        None => Ok(Vec::new()),
    }
}

/// Returns an entry as if it were about one user of its list alone.
pub(in crate::deliver) fn about(entry: &Entry, holder: Holder) -> Entry {
    let mut entry = entry.clone();
    if let Fact::RightChanged(right) = &mut entry.fact {
        right.holders = RightHolders::One(holder);
    }
    entry
}

/// Reads the entry of one user of a list; `None` if the list or the user is not there.
fn member(store: &Store, seq: Seq, number: u64) -> Result<Option<Entry>, StoreError> {
    let Some(entry) = store.entry(seq)? else {
        return Ok(None);
    };
    let mut users = listed(store, &entry, number)?.into_iter();
    Ok(users.next().map(|holder| about(&entry, holder)))
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
        // A position in this tenant or an earlier one says nothing about later tenants.
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
    while let Some(step) = feed::next_step((met.len(), bytes), feed::PAGE.1) {
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
    /// The entry as it concerns one user of its list, and the user's number.
    Member(Shared, u64),
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
            Self::Member(entry, number) => Event::of_member(store, entry, *number),
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

/// Takes the contents that deliveries carry, or returns `None` if one of them carries none.
pub(super) fn contents_at_hand(deliveries: &mut [PendingDelivery]) -> Option<Vec<Option<Content>>> {
    let has_all = deliveries.iter().all(|delivery| delivery.entry.is_some());
    has_all.then(|| deliveries.iter_mut().map(content_at_hand).collect())
}

/// Takes the content that a delivery carries; `None` if it carries none.
fn content_at_hand(delivery: &mut PendingDelivery) -> Option<Content> {
    let entry = delivery.entry.take()?;
    Some(match delivery.item {
        Item::Member { number, .. } => Content::Member(entry, number),
        Item::Entry(_) | Item::Snapshot { .. } => Content::Entry(entry),
    })
}

/// Reads the content of each delivery, unless the delivery carries its entry. An element is `None`
/// if there is nothing left to deliver, or if the endpoint does not want it since its configuration
/// changed.
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
        if let Some(content) = content_at_hand(delivery) {
            contents.push(Some(content));
            continue;
        }
        contents.push(match &delivery.item {
            Item::Entry(seq) => store
                .entry(*seq)?
                .filter(|entry| endpoint.wants(entry))
                .map(|entry| Content::Entry(feed.share(entry))),
            Item::Member { entry, number } => member(store, *entry, *number)?
                .filter(|entry| endpoint.wants(entry))
                .map(|entry| Content::Member(feed.share(entry), *number)),
            Item::Snapshot {
                mark,
                at,
                tenant,
                record,
            } => {
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

/// Returns what each item is about. If its entry does not exist any more, the position of the entry
/// is returned instead.
pub(super) fn entities(
    store: &Store,
    endpoint: &Endpoint,
    items: Vec<Item>,
) -> Result<Vec<(Item, Entity)>, StoreError> {
    let lists = endpoint.flow().lists;
    let tenants = store.tenants()?;
    let mut found = Vec::new();
    for item in items {
        let entity = match &item {
            Item::Entry(seq) => match store.entry(*seq)? {
                Some(entry) => entity::of_entry(&entry, lists),
                None => seq.0,
            },
            Item::Member { entry, number } => match member(store, *entry, *number)? {
                Some(entry) => entity::of_entry(&entry, lists),
                None => entry.0,
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

#[cfg(test)]
pub(in crate::deliver) mod tests;
