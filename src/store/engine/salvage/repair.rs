//! Makes a consistent store of the rows that were salvaged: drops rows that name something missing,
//! and ends the journal with an entry that reports the loss to everybody.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Account, Fact, HistoryLoss, Kind, Missing, Outcome, PlanId, Run, RunId, Seq, StoreId,
    TenantName, Timestamp, Version,
};
use crate::store::engine::opening::create;
use crate::store::engine::rows::losses;
use crate::store::engine::rows::runs;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::rows::{self, read_attempts, read_cursor, read_parked, read_run};
use crate::store::layout::{
    self, Format, codec, entry, held, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10,
};
use crate::store::values::delivery::Item;
use crate::store::values::head::Head;
use crate::store::values::held::RemovalSum;
use crate::store::values::runs::RunTotals;
use crate::store::values::tenant_no::TenantNo;

use super::found::{Cause, Found};
use super::target::Target;
use super::{journal, records};

/// Repairs everything. Returns the store's id, its head, and what is missing.
pub(in crate::store) fn all(
    target: &mut Target,
    found: &Found,
    cause: &Cause<'_>,
) -> Result<((StoreId, Head), Missing), StoreError> {
    let tenants = tenants(target)?;
    of_itself(target)?;
    let last = last_place(target, found)?;
    let made = journal::make(target, last)?;
    deliveries(target, &tenants)?;
    postings(target)?;
    lists(target, &tenants)?;
    let counts = records::make(target)?;
    held_plans(target)?;
    all_runs(target)?;
    let mut missing = made.missing;
    for (of, before) in &found.censuses {
        let now = counts.get(of).copied().unwrap_or_default();
        missing.records += before.saturating_sub(now);
    }
    let commits = found.head.map_or(0, |head| head.commits);
    let commits = commits.max(found.mark.map_or(0, |mark| mark.commits));
    let now = cause.clock.now();
    let version = found.head.map_or(Version::START, |head| head.version);
    let mut head = Head {
        commits: commits + 1,
        last,
        at: made.at.max(found.head.map_or(made.at, |head| head.at)),
        // The entry that reports the loss raises it to the current time.
        version: version.max(made.version),
    };
    tell(target, &mut head, now, missing, cause)?;
    loaded_again(target, &mut head, now, &counts)?;
    let store = match found.store.or(found.mark.map(|mark| mark.store)) {
        Some(store) => store,
        None => create::draw_id()?,
    };
    let format = Format {
        version: layout::NEWEST,
        store,
    };
    for (key, value) in [
        codec::put(keys::format(), &format),
        codec::put(keys::head(), &v3::Head::from(head)),
    ] {
        target.set(key, value)?;
    }
    target.write()?;
    Ok(((store, head), missing))
}

/// Drops the posting lists, which are built again from the records.
fn postings(target: &mut Target) -> Result<(), StoreError> {
    for keyspace in [
        Keyspace::Posting,
        Keyspace::PostingLog,
        Keyspace::Postings,
        Keyspace::PostingBuild,
    ] {
        target.keep(keyspace, |_, _, _| false)?;
    }
    Ok(())
}

/// Keeps tenants that can be read, and drops everything of the others, because their numbers will
/// be used again. Returns the tenants kept.
fn tenants(target: &mut Target) -> Result<BTreeSet<TenantNo>, StoreError> {
    target.keep(Keyspace::Tenant, |_, key, value| {
        let reads = codec::read_row::<v1::TenantRow<'_>>(key, value).is_ok();
        reads && keys::tenant_no(key).is_some()
    })?;
    let mut known = BTreeSet::new();
    for row in scan::prefix(&target.db, &[Keyspace::Tenant as u8]) {
        known.extend(keys::tenant_no(&row?.0));
    }
    let of_known = |key: &[u8]| {
        let no = key.get(1..).and_then(<[u8]>::first_chunk);
        no.is_some_and(|no| known.contains(&TenantNo(u32::from_be_bytes(*no))))
    };
    target.keep(Keyspace::State, |_, key, _| of_known(key))?;
    target.keep(Keyspace::Loaded, |_, key, value| {
        of_known(key) && codec::read_row::<v1::Seq>(key, value).is_ok()
    })?;
    target.keep(Keyspace::Held, |_, key, value| {
        of_known(key) && held::read_plan(key, value).is_ok()
    })?;
    target.keep(Keyspace::Removal, |_, key, value| {
        of_known(key) && held::read(key, value).is_ok()
    })?;
    target.keep(Keyspace::Absent, |_, key, value| {
        of_known(key)
            && keys::absent_of(key).is_some()
            && codec::read_row::<v1::Absent>(key, value).is_ok()
    })?;
    target.keep(Keyspace::Accepted, |_, key, value| {
        of_known(key)
            && keys::accepted_of(key).is_some()
            && codec::read_row::<v4::Acceptance>(key, value).is_ok()
    })?;
    beside_records(target, &of_known)?;
    target.keep(Keyspace::Bookmark, |_, key, value| {
        of_known(key) && codec::read_row::<v1::Bookmark>(key, value).is_ok()
    })?;
    target.keep(Keyspace::SeenEvent, |_, key, value| {
        of_known(key)
            && keys::seen_event_of(key).is_some()
            && codec::read_row::<v1::Nothing>(key, value).is_ok()
    })?;
    target.keep(Keyspace::Links, |_, key, value| {
        codec::read_row::<v1::Links<'_>>(key, value).is_ok()
    })?;
    target.keep(Keyspace::ApiToken, |_, key, value| {
        keys::api_token_of(key).is_some()
            && codec::read_row::<v9::api_token::ApiToken>(key, value).is_ok()
    })?;
    Ok(known)
}

/// Keeps what is known of a tenant's spaces, sessions and licences.
fn beside_records(
    target: &mut Target,
    of_known: &impl Fn(&[u8]) -> bool,
) -> Result<(), StoreError> {
    // How far spaces were read is dropped: some may be lost, and then all must be read again before
    // anything is known about them.
    target.keep(Keyspace::Space, |_, key, value| {
        of_known(key)
            && keys::space_of(key).is_some()
            && codec::read_packed_row::<v9::space::SpaceRow>(key, value).is_ok()
    })?;
    target.keep(Keyspace::SpaceReading, |_, _, _| false)?;
    // They name readings by number, and the number of the last reading was just dropped.
    target.keep(Keyspace::SpaceDoubts, |_, _, _| false)?;
    target.keep(Keyspace::SpaceTodo, |_, key, value| {
        of_known(key)
            && keys::space_of(key).is_some()
            && codec::read_row::<v6::space::SpaceTodo>(key, value).is_ok()
    })?;
    target.keep(Keyspace::SpacesDue, |_, key, value| {
        of_known(key) && codec::read_row::<v9::spaces_due::SpacesDue>(key, value).is_ok()
    })?;
    // The time since which all sessions are known is dropped, because some of them may be lost.
    target.keep(Keyspace::Session, |_, key, value| {
        of_known(key)
            && keys::session_of(key).is_some()
            && codec::read_row::<v7::session::LastSession>(key, value).is_ok()
    })?;
    target.keep(Keyspace::SessionReading, |_, _, _| false)?;
    target.keep(Keyspace::SessionsSince, |_, key, value| {
        of_known(key)
            && keys::session_of(key).is_some()
            && codec::read_row::<v8::session::SessionsSince>(key, value).is_ok()
    })?;
    // As with spaces: all must be read again before anything is known about licences.
    target.keep(Keyspace::Licence, |_, key, value| {
        of_known(key)
            && keys::licence_of(key).is_some()
            && codec::read_row::<v10::licence::LicenceRow>(key, value).is_ok()
    })?;
    target.keep(Keyspace::LicenceReading, |_, _, _| false)?;
    Ok(())
}

/// Keeps what the store says about itself, as far as it can be read.
fn of_itself(target: &mut Target) -> Result<(), StoreError> {
    target.keep(Keyspace::Meta, |_, key, value| match key.get(1..) {
        Some([2]) => codec::read_row::<v1::Seq>(key, value).is_ok(),
        Some([4]) => codec::read_row::<v1::OrphanedEndpoints>(key, value).is_ok(),
        Some([5]) => codec::read_row::<v2::LastRun>(key, value).is_ok(),
        Some([6]) => codec::read_row::<v3::HistoryLosses>(key, value).is_ok(),
        Some(_) | None => false,
    })
}

/// Returns the last position of the journal that anything mentions.
fn last_place(target: &mut Target, found: &Found) -> Result<Seq, StoreError> {
    let mut last = found.head.map_or(Seq::START, |head| head.last);
    last = last.max(found.mark.map_or(Seq::START, |mark| mark.last));
    let newest = scan::prefix(&target.db, &[Keyspace::Journal as u8]).next_back();
    if let Some((key, _)) = newest.transpose()? {
        last = last.max(Seq(keys::trailing_number(&key).unwrap_or_default()));
    }
    target.keep(Keyspace::Cursor, |_, key, value| {
        read_cursor(key, value).is_ok()
    })?;
    for row in scan::prefix(&target.db, &[Keyspace::Cursor as u8]) {
        let (key, value) = row?;
        let cursor = read_cursor(&key, &value)?;
        let mark = cursor.backfill.map(|backfill| backfill.mark);
        let named = cursor.ahead.into_iter().chain(mark).chain([cursor.settled]);
        last = named.fold(last, Seq::max);
    }
    Ok(last)
}

/// Keeps rows of deliveries whose event is there.
fn deliveries(target: &mut Target, tenants: &BTreeSet<TenantNo>) -> Result<(), StoreError> {
    for keyspace in [Keyspace::Parked, Keyspace::Deferred, Keyspace::Replay] {
        target.keep(keyspace, |db, key, value| {
            let reads = match keyspace {
                Keyspace::Parked => read_parked(key, value).is_ok(),
                Keyspace::Deferred => codec::read_row::<v1::Deferred>(key, value).is_ok(),
                _ => codec::read_row::<v1::Nothing>(key, value).is_ok(),
            };
            let prefix = keys::endpoint_part(key).map_or(0, <[u8]>::len);
            let is_there = match keys::item_of(key, prefix) {
                Some(Item::Entry(seq) | Item::Member { entry: seq, .. }) => {
                    [keys::journal(seq), keys::kept(seq)]
                        .iter()
                        .any(|key| scan::get(db, key).is_ok_and(|row| row.is_some()))
                }
                Some(Item::Snapshot { tenant, .. }) => tenants.contains(&tenant),
                None => false,
            };
            reads && is_there
        })?;
    }
    target.keep(Keyspace::Order, |_, key, value| {
        codec::read_row::<v1::Order>(key, value).is_ok()
    })?;
    target.keep(Keyspace::Attempts, |_, key, value| {
        read_attempts(key, value).is_ok()
    })
}

/// Keeps lists of these tenants whose entry is there. The marks of how far rights were compared are
/// dropped: changes in a lost part of the history are not reported.
fn lists(target: &mut Target, tenants: &BTreeSet<TenantNo>) -> Result<(), StoreError> {
    target.keep(Keyspace::RightsMark, |_, _, _| false)?;
    target.keep(Keyspace::ListHead, |db, key, value| {
        let head = codec::read_row::<v5::ListHead>(key, value).ok();
        head.zip(keys::list_of(key))
            .filter(|(_, (no, _))| tenants.contains(no))
            .is_some_and(|(head, (no, list))| {
                let rows = scan::prefix(db, &keys::list_parts(no, list)).flatten();
                let parts = rows.map(|(key, value)| {
                    codec::read_packed_row::<v5::ListPart<'_>>(&key, &value)
                        .map_or(0, |v5::ListPart(users)| users.len() as u64)
                });
                let is_whole = parts.sum::<u64>() == head.count;
                is_whole
                    && [keys::journal(head.entry), keys::kept(head.entry)]
                        .iter()
                        .any(|key| scan::get(db, key).is_ok_and(|row| row.is_some()))
            })
    })?;
    target.keep(Keyspace::LateReport, |db, key, value| {
        let entry = keys::trailing_number(key).map(|seq| keys::journal(Seq(seq)));
        codec::read_row::<v9::late_report::LateReport>(key, value).is_ok()
            && entry.is_some_and(|entry| scan::get(db, &entry).is_ok_and(|row| row.is_some()))
    })?;
    target.keep(Keyspace::ListPart, |db, key, _| {
        keys::list_of(key).is_some_and(|(no, list)| {
            scan::get(db, &keys::list_head(no, list)).is_ok_and(|row| row.is_some())
        })
    })
}

/// Keeps plans that have all their removals, and the removals of these plans. The next run finds
/// the dropped removals and holds them again.
fn held_plans(target: &mut Target) -> Result<(), StoreError> {
    target.keep(Keyspace::Held, |db, key, value| {
        let no = key.get(1..).and_then(<[u8]>::first_chunk);
        let Some((no, plan)) = no.zip(held::read_plan(key, value).ok()) else {
            return false;
        };
        let no = TenantNo(u32::from_be_bytes(*no));
        let rows = scan::prefix(db, &keys::removals(no, plan.id)).flatten();
        let removals = rows.filter_map(|(key, value)| held::read(&key, &value).ok());
        let there = RemovalSum::of(removals);
        (there.count, there.checksum) == (plan.entries, plan.checksum)
    })?;
    target.keep(Keyspace::Removal, |db, key, _| {
        let no = key.get(1..).and_then(<[u8]>::first_chunk);
        let plan: Option<PlanId> = keys::plan_of_removal(key);
        no.zip(plan).is_some_and(|(no, plan)| {
            let key = keys::held(TenantNo(u32::from_be_bytes(*no)), plan);
            scan::get(db, &key).is_ok_and(|row| row.is_some())
        })
    })
}

/// Keeps runs that can be read, and counts them again.
fn all_runs(target: &mut Target) -> Result<(), StoreError> {
    target.keep(Keyspace::Run, |_, key, value| {
        let run = read_run(key, value).ok();
        run.is_some_and(|run| keys::run_of(key) == Some((run.tenant_name, run.id)))
    })?;
    let db = target.db.clone();
    let mut tallies: BTreeMap<TenantName, RunTotals> = BTreeMap::new();
    let mut open = BTreeMap::new();
    let mut last = runs::last_run(&db)?;
    for row in scan::prefix(&db, &[Keyspace::Run as u8]) {
        let (key, value) = row?;
        let run = read_run(&key, &value)?;
        last = last.max(run.id);
        if run.outcome == Outcome::Running {
            open.insert(run.id, run.tenant_name.clone());
        }
        tallies
            .entry(run.tenant_name.clone())
            .or_default()
            .take(&run, None);
    }
    // Only the old tally knows the losses of runs that are no longer kept.
    target.keep(Keyspace::Tally, |_, key, value| {
        let name = keys::tenant_of_tally(key);
        let old = codec::read_row::<v2::Tally>(key, value)
            .ok()
            .map(RunTotals::from);
        let now = name.and_then(|name| tallies.get(&name));
        old.zip(now)
            .is_some_and(|(old, now)| (old.count, old.last_sweep) == (now.count, now.last_sweep))
    })?;
    for (name, tally) in &tallies {
        let key = keys::tally(name);
        if scan::get(&db, &key)?.is_none() {
            let (key, value) = codec::put(key, &v2::Tally::from(tally));
            target.set(key, value)?;
        }
    }
    target.keep(Keyspace::OpenRun, |_, _, _| false)?;
    for (id, name) in open {
        let (key, value) = codec::put(keys::open_run(id), &v2::OpenRun(name));
        target.set(key, value)?;
    }
    let (key, value) = codec::put(keys::last_run(), &v2::LastRun(last));
    target.set(key, value)?;
    target.write()
}

/// Adds the entry that reports the loss, and adds the loss to the row that lists them all.
fn tell(
    target: &mut Target,
    head: &mut Head,
    now: Timestamp,
    missing: Missing,
    cause: &Cause<'_>,
) -> Result<(), StoreError> {
    add(
        target,
        head,
        now,
        &entry::pack(None, &Fact::HistoryLost(missing), None),
    )?;
    let mut losses = losses::read(&target.db)?;
    losses.push(HistoryLoss {
        at: now,
        entry: head.last,
        moved_to: cause.moved_to.to_owned(),
        damage: cause.damage.to_owned(),
        missing,
        accepted_at: None,
    });
    let (key, value) = rows::history_losses(losses);
    target.set(key, value)
}

/// Marks each tenant that was loaded as loaded again, with the records that were saved: endpoints
/// that asked for all known records receive them once more.
fn loaded_again(
    target: &mut Target,
    head: &mut Head,
    now: Timestamp,
    counts: &BTreeMap<(TenantNo, Kind), u64>,
) -> Result<(), StoreError> {
    let db = target.db.clone();
    for row in scan::prefix(&db, &[Keyspace::Loaded as u8]) {
        let (key, _) = row?;
        let Some(no) = keys::tenant_no(&key) else {
            continue;
        };
        let tenant_key = keys::tenant(no);
        let Some(value) = scan::get(&db, &tenant_key)? else {
            continue;
        };
        let row: v1::TenantRow<'_> = codec::read_row(&tenant_key, &value)?;
        let account = Account {
            tenant: row.tenant.id,
            name: row.tenant.name.into_owned(),
            region: row.tenant.region.map(std::borrow::Cow::into_owned),
        };
        let newest: Option<Result<Run, StoreError>> = runs::all(&db, &row.name).next_back();
        let run = newest.transpose()?.map_or(RunId(0), |run| run.id);
        let of = |kind| counts.get(&(no, kind)).copied().unwrap_or_default();
        let fact = Fact::Loaded {
            roles: of(Kind::Role),
            groups: of(Kind::Group),
            users: of(Kind::User),
        };
        add(
            target,
            head,
            now,
            &entry::pack(Some((run, &account)), &fact, None),
        )?;
        let (key, value) = codec::put(keys::loaded(no), &v1::Seq::from(head.last));
        target.set(key, value)?;
    }
    Ok(())
}

fn add(
    target: &mut Target,
    head: &mut Head,
    now: Timestamp,
    body: &[u8],
) -> Result<(), StoreError> {
    head.advance(now);
    let key = keys::journal(head.last);
    let value = entry::seal(&key, head.at, head.version, body);
    target.set(key, Some(value))
}
