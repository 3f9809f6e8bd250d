//! Composes every key of the store; no other module does. The bytes are frozen by the tests.
//!
//! There is one tree, and the first byte of a key is its keyspace. Numbers are big-endian, so that
//! bytes sort as the numbers do; a part of variable length is preceded by its length if anything
//! follows it.

use crate::model::{
    ConnectionName, EndpointName, FindingId, Id, Kind, PlanId, RecordRef, RunId, Seq, TenantName,
};
use crate::store::values::tenant_no::TenantNo;

mod audit;
mod deliveries;
mod licences;
mod lists;
mod postings;
mod sessions;
mod spaces;
mod words;

pub use crate::store::values::row::Key;
pub use audit::{bookmark, seen_event, seen_event_of, seen_events_prefix};
pub use deliveries::{delivery, item_of, named_by, naming};
pub use licences::{licence, licence_of, licence_reading, licences_prefix};
pub use lists::{
    list_head, list_heads, list_of, list_part, list_parts, list_parts_prefix, rights_mark,
};
pub use postings::{
    posting, posting_build, posting_list, posting_lists, posting_log, posting_logs, posting_of,
    postings, tenant_of_posting_log,
};
pub use sessions::{session, session_of, session_reading, sessions_since};
pub use spaces::{
    space, space_doubts, space_of, space_reading, space_todo, space_todo_prefix, spaces_due,
    spaces_prefix,
};
pub use words::{describe, undescribed};

/// The keyspace of a key: its first byte. A byte that was once used is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Keyspace {
    /// What the store says about itself.
    Meta = 0x01,
    /// Tenants by number.
    Tenant = 0x10,
    /// The marks of first loads, by tenant.
    Loaded = 0x11,
    /// Tenants that consoles listed, by connection.
    Links = 0x12,
    /// Packed records.
    State = 0x20,
    /// Packed fingerprints.
    Bucket = 0x21,
    /// Count and checksum of the fingerprints.
    Census = 0x22,
    /// Posting lists: users of each role, and of groups that give roles, packed.
    Posting = 0x24,
    /// Changes that are not in the posting lists yet, by tenant and number of the write.
    PostingLog = 0x25,
    /// Which posting lists a tenant has.
    Postings = 0x26,
    /// How far a build of posting lists is.
    PostingBuild = 0x27,
    /// Entries by position.
    Journal = 0x30,
    /// Entries that were cut and that a row still names, by position.
    Kept = 0x31,
    /// Parts of the lists of users beside entries, by tenant, list and number.
    ListPart = 0x32,
    /// The entries that lists belong to, by tenant and list.
    ListHead = 0x33,
    /// What was reported of entries after they were written, by position.
    LateReport = 0x34,
    /// Heads of sealed plans, by tenant.
    Plan = 0x40,
    /// Rows of plans.
    PlanRow = 0x41,
    /// Held plans by tenant and number.
    Held = 0x42,
    /// The removals that held plans list, by tenant, plan and record.
    Removal = 0x43,
    /// Missing records that the source does not let us ask for, with the number of complete sweeps
    /// in a row that missed each.
    Absent = 0x44,
    /// Cursors by endpoint.
    Cursor = 0x50,
    /// Parked deliveries by endpoint and item.
    Parked = 0x51,
    /// Deliveries that failed and will be retried, or that wait behind one.
    Deferred = 0x52,
    /// Deliveries that an operator requested again.
    Replay = 0x53,
    /// What an operator ordered for an endpoint, by number.
    Order = 0x54,
    /// Attempts of an endpoint, packed, by number.
    Attempts = 0x55,
    /// Runs by number, up to format 1.
    NumberedRun = 0x60,
    /// Runs by tenant and number.
    Run = 0x61,
    /// Totals over all runs of a tenant.
    Tally = 0x62,
    /// Runs in progress, by number.
    OpenRun = 0x63,
    /// How far the audit log of a tenant was read.
    Bookmark = 0x70,
    /// Events that were handled, by tenant and time.
    SeenEvent = 0x71,
    /// How far the rights of a tenant were compared.
    RightsMark = 0x72,
    /// Findings that an operator accepted, by tenant and id.
    Accepted = 0x80,
    /// Spaces, by tenant and id.
    Space = 0x90,
    /// How far the spaces of a tenant were read.
    SpaceReading = 0x91,
    /// Spaces that are to be read again, by tenant and id.
    SpaceTodo = 0x92,
    /// When users last began a session, by tenant and user.
    Session = 0x93,
    /// The time since which all sessions of a tenant are known.
    SessionReading = 0x94,
    /// What a licence is assigned to, by tenant and subject in lower case.
    Licence = 0x95,
    /// How far the licence of a tenant was read.
    LicenceReading = 0x96,
    /// The time before which the sessions of a user are not known, by tenant and user.
    SessionsSince = 0x97,
    /// Lists of spaces that lost more members at once than is believed, by tenant and space.
    SpaceDoubts = 0x98,
    /// That all spaces of a tenant must be read again.
    SpacesDue = 0x9a,
}

/// Returns the key of the format record, which is read first.
pub fn format() -> Key {
    vec![Keyspace::Meta as u8, 0]
}

/// Returns the key of the journal's head.
pub fn head() -> Key {
    vec![Keyspace::Meta as u8, 1]
}

/// Returns the key of the position up to which the journal was cut.
pub fn cut() -> Key {
    vec![Keyspace::Meta as u8, 2]
}

/// Returns the key of the amount of live data.
pub fn usage() -> Key {
    vec![Keyspace::Meta as u8, 3]
}

/// Returns the key of the map from endpoints that left the configuration to when we first noticed.
pub fn orphaned_endpoints() -> Key {
    vec![Keyspace::Meta as u8, 4]
}

/// Returns the key of the last number that was given to a run.
pub fn last_run() -> Key {
    vec![Keyspace::Meta as u8, 5]
}

/// Returns the key of what was lost with damaged stores.
pub fn history_losses() -> Key {
    vec![Keyspace::Meta as u8, 6]
}

/// Returns the key of a tenant's row.
pub fn tenant(no: TenantNo) -> Key {
    numbered(Keyspace::Tenant, no.0)
}

/// Returns the key of a tenant's mark of the first load.
pub fn loaded(no: TenantNo) -> Key {
    numbered(Keyspace::Loaded, no.0)
}

/// Returns the key of the tenants that a connection found.
pub fn links(connection: &ConnectionName) -> Key {
    let mut key = vec![Keyspace::Links as u8];
    key.extend_from_slice(connection.0.as_bytes());
    key
}

/// Returns the key of the first block of a kind, which is also the prefix of all its blocks.
pub fn state_prefix(no: TenantNo, kind: Kind) -> Key {
    of_kind(Keyspace::State, no, kind)
}

/// Returns the key of the block of records that begins at an id.
pub fn state(no: TenantNo, kind: Kind, first: &Id) -> Key {
    with_id(Keyspace::State, no, kind, first)
}

/// Returns the key of the first bucket of a kind, which is also the prefix of all its buckets.
pub fn bucket_prefix(no: TenantNo, kind: Kind) -> Key {
    of_kind(Keyspace::Bucket, no, kind)
}

/// Returns the key of the bucket that begins at an id.
pub fn bucket(no: TenantNo, kind: Kind, first: &Id) -> Key {
    with_id(Keyspace::Bucket, no, kind, first)
}

/// Returns the key of a kind's census.
pub fn census(no: TenantNo, kind: Kind) -> Key {
    of_kind(Keyspace::Census, no, kind)
}

/// Returns the key of a journal entry.
pub fn journal(seq: Seq) -> Key {
    long(Keyspace::Journal, seq.0)
}

/// Returns the key of an entry that was cut and is kept.
pub fn kept(seq: Seq) -> Key {
    long(Keyspace::Kept, seq.0)
}

/// Returns the key of what was reported of an entry after it was written.
pub fn late_report(seq: Seq) -> Key {
    long(Keyspace::LateReport, seq.0)
}

/// Returns the key of a plan's head.
pub fn plan(no: TenantNo) -> Key {
    numbered(Keyspace::Plan, no.0)
}

/// Returns the prefix of all rows of a tenant's plan.
pub fn plan_rows(no: TenantNo) -> Key {
    numbered(Keyspace::PlanRow, no.0)
}

/// Returns the key of a row of a plan.
pub fn plan_row(no: TenantNo, row: u32) -> Key {
    let mut key = plan_rows(no);
    key.extend_from_slice(&row.to_be_bytes());
    key
}

/// Returns the prefix of all held plans of a tenant.
pub fn held_prefix(no: TenantNo) -> Key {
    numbered(Keyspace::Held, no.0)
}

/// Returns the key of a held plan.
pub fn held(no: TenantNo, plan: PlanId) -> Key {
    let mut key = held_prefix(no);
    key.extend_from_slice(&plan.0.to_be_bytes());
    key
}

/// Returns the prefix of all removals that held plans of a tenant list.
pub fn removals_prefix(no: TenantNo) -> Key {
    numbered(Keyspace::Removal, no.0)
}

/// Returns the prefix of all removals that a held plan lists.
pub fn removals(no: TenantNo, plan: PlanId) -> Key {
    let mut key = removals_prefix(no);
    key.extend_from_slice(&plan.0.to_be_bytes());
    key
}

/// Returns the key of a record's removal in a held plan.
pub fn removal(no: TenantNo, plan: PlanId, record: &RecordRef) -> Key {
    let mut key = removals(no, plan);
    key.push(kind_byte(record.kind));
    key.extend_from_slice(&record.id.to_key());
    key
}

/// Returns the plan that the key of a removal names.
pub fn plan_of_removal(key: &[u8]) -> Option<PlanId> {
    let bytes = key.get(5..)?.first_chunk()?;
    Some(PlanId(u64::from_be_bytes(*bytes)))
}

/// Returns the prefix of all absent records of a tenant.
pub fn absent_prefix(no: TenantNo) -> Key {
    numbered(Keyspace::Absent, no.0)
}

/// Returns the key of an absent record.
pub fn absent(no: TenantNo, record: &RecordRef) -> Key {
    let mut key = absent_prefix(no);
    key.push(kind_byte(record.kind));
    key.extend_from_slice(&record.id.to_key());
    key
}

/// Returns the record that the key of an absent record names.
pub fn absent_of(key: &[u8]) -> Option<RecordRef> {
    let (&code, id) = key.get(5..)?.split_first()?;
    let (kind, id) = (kind_of(code)?, Id::from_key(id).ok()?);
    Some(RecordRef { kind, id })
}

/// Returns the key of an endpoint's cursor.
pub fn cursor(endpoint: &EndpointName) -> Key {
    let mut key = vec![Keyspace::Cursor as u8];
    key.extend_from_slice(endpoint.0.as_bytes());
    key
}

/// Returns the prefix of an endpoint's rows in a keyspace.
pub fn of_endpoint(keyspace: Keyspace, endpoint: &EndpointName) -> Key {
    named(keyspace, &endpoint.0)
}

/// Returns the key of an order for an endpoint.
pub fn order(endpoint: &EndpointName, number: u64) -> Key {
    let mut key = of_endpoint(Keyspace::Order, endpoint);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Returns the key of some attempts of an endpoint.
pub fn attempts(endpoint: &EndpointName, number: u64) -> Key {
    let mut key = of_endpoint(Keyspace::Attempts, endpoint);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Returns the prefix of all rows of an endpoint, from the key of one of them.
pub fn endpoint_part(key: &[u8]) -> Option<&[u8]> {
    let len: &[u8; 4] = key.get(1..)?.first_chunk()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    key.get(..len.checked_add(5)?)
}

/// Returns a key after all rows of an endpoint and before those of the next.
pub fn behind_endpoint(endpoint: &[u8]) -> Key {
    let mut key = endpoint.to_vec();
    key.extend_from_slice(&[0xff; 16]);
    key
}

/// Returns the prefix of all runs of a tenant.
pub fn runs(tenant: &TenantName) -> Key {
    named(Keyspace::Run, &tenant.0)
}

/// Returns the key of a run.
pub fn run(tenant: &TenantName, id: RunId) -> Key {
    let mut key = runs(tenant);
    key.extend_from_slice(&id.0.to_be_bytes());
    key
}

/// Returns the tenant and number in the key of a run.
pub fn run_of(key: &[u8]) -> Option<(TenantName, RunId)> {
    let (rest, id) = key.split_last_chunk()?;
    let name = rest.get(5..)?;
    let len: &[u8; 4] = rest.get(1..)?.first_chunk()?;
    let is_whole = usize::try_from(u32::from_be_bytes(*len)) == Ok(name.len());
    let name = str::from_utf8(name).ok().filter(|_| is_whole)?;
    Some((TenantName(name.to_owned()), RunId(u64::from_be_bytes(*id))))
}

/// Returns the key of the totals over all runs of a tenant.
pub fn tally(tenant: &TenantName) -> Key {
    let mut key = vec![Keyspace::Tally as u8];
    key.extend_from_slice(tenant.0.as_bytes());
    key
}

/// Returns the tenant in the key of its totals.
pub fn tenant_of_tally(key: &[u8]) -> Option<TenantName> {
    let name = str::from_utf8(key.get(1..)?).ok()?;
    Some(TenantName(name.to_owned()))
}

/// Returns the key of a run in progress.
pub fn open_run(id: RunId) -> Key {
    long(Keyspace::OpenRun, id.0)
}

/// Returns the prefix of all accepted findings of a tenant.
pub fn accepted_prefix(no: TenantNo) -> Key {
    numbered(Keyspace::Accepted, no.0)
}

/// Returns the key of an accepted finding.
pub fn accepted(no: TenantNo, id: FindingId) -> Key {
    let mut key = accepted_prefix(no);
    key.extend_from_slice(&id.0);
    key
}

/// Returns the finding in the key of an accepted finding.
pub fn accepted_of(key: &[u8]) -> Option<FindingId> {
    key.get(5..)?.try_into().ok().map(FindingId)
}

/// Returns the number that a key ends with, such as the key of an entry or a run.
pub fn trailing_number(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Returns the tenant number that a key ends with.
pub fn tenant_no(key: &[u8]) -> Option<TenantNo> {
    key.last_chunk()
        .map(|bytes| TenantNo(u32::from_be_bytes(*bytes)))
}

/// Returns the tenant and kind in a census key.
pub fn census_of(key: &[u8]) -> Option<(TenantNo, Kind)> {
    let (&code, rest) = key.split_last()?;
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind_byte(*kind) == code)?;
    Some((tenant_no(rest)?, kind))
}

fn numbered(keyspace: Keyspace, number: u32) -> Key {
    let mut key = vec![keyspace as u8];
    key.extend_from_slice(&number.to_be_bytes());
    key
}

fn named(keyspace: Keyspace, name: &str) -> Key {
    // A name is a word from the configuration; none has 4 GiB.
    let len = u32::try_from(name.len()).unwrap_or(u32::MAX);
    let mut key = numbered(keyspace, len);
    key.extend_from_slice(name.as_bytes());
    key
}

fn long(keyspace: Keyspace, number: u64) -> Key {
    let mut key = vec![keyspace as u8];
    key.extend_from_slice(&number.to_be_bytes());
    key
}

fn of_kind(keyspace: Keyspace, no: TenantNo, kind: Kind) -> Key {
    let mut key = Key::with_capacity(20);
    key.push(keyspace as u8);
    key.extend_from_slice(&no.0.to_be_bytes());
    key.push(kind_byte(kind));
    key
}

fn with_id(keyspace: Keyspace, no: TenantNo, kind: Kind, id: &Id) -> Key {
    let mut key = of_kind(keyspace, no, kind);
    key.extend_from_slice(&id.to_key());
    key
}

fn kind_of(code: u8) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind_byte(*kind) == code)
}

fn kind_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Role => 1,
        Kind::Group => 2,
        Kind::User => 3,
    }
}

#[cfg(test)]
mod tests;
