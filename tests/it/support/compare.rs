//! Compares what the store knows with what the tenant is.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::demo::EmulatedTenant;
use qlik_roster::demo::tenant::Directory;
use qlik_roster::model::{Change, Fact, Id, Kind, Record, RecordRef, Seq};
use qlik_roster::reconcile;
use qlik_roster::store::{Store, TenantNo};

/// What counts of a record, in the tenant's words.
type Essence = (
    String,
    Option<String>,
    String,
    BTreeSet<String>,
    BTreeSet<String>,
);

/// Asserts that the store's only tenant is the emulated one, record for record.
pub fn assert_same_as_tenant(store: &Store, tenant: &Directory) {
    assert_same(store, only_tenant(store), tenant);
}

/// Asserts that the store has exactly these tenants, record for record.
pub fn assert_same_as_tenants(store: &Store, tenants: &[EmulatedTenant]) {
    let known = store.tenants().unwrap();
    assert_eq!(known.len(), tenants.len());
    for tenant in tenants {
        let known = known
            .iter()
            .find(|known| known.tenant.id == tenant.tenant_id())
            .unwrap();
        assert_same(store, known.no, tenant.directory());
    }
}

fn assert_same(store: &Store, no: TenantNo, tenant: &Directory) {
    let mut known: BTreeMap<String, Essence> = BTreeMap::new();
    for kept in all(store, no, Kind::User) {
        let Record::User(user) = kept else {
            panic!("not a user")
        };
        let essence = (
            user.name.unwrap_or_default(),
            user.email,
            user.status.source_value.unwrap_or_default(),
            user.roles
                .unwrap_or_default()
                .into_keys()
                .map(|id| id.to_string())
                .collect(),
            user.groups
                .unwrap_or_default()
                .into_keys()
                .map(|id| id.to_string())
                .collect(),
        );
        known.insert(user.id.to_string(), essence);
    }
    let there: BTreeMap<String, Essence> = tenant
        .users()
        .into_iter()
        .map(|user| {
            let essence = (
                user.name,
                user.email,
                user.status.as_str().to_owned(),
                user.roles.keys().map(ToString::to_string).collect(),
                user.groups.keys().map(ToString::to_string).collect(),
            );
            (user.id.to_string(), essence)
        })
        .collect();
    assert_eq!(known, there, "users differ");

    let roles: BTreeMap<_, _> = all(store, no, Kind::Role).iter().map(name).collect();
    let there = tenant
        .roles()
        .into_iter()
        .map(|role| (role.id.to_string(), role.name))
        .collect();
    assert_eq!(roles, there, "roles differ");

    let groups: BTreeMap<_, _> = all(store, no, Kind::Group).iter().map(name).collect();
    let there = tenant.groups().into_iter().chain(tenant.system_groups());
    let there = there
        .map(|group| (group.id.to_string(), group.name))
        .collect();
    assert_eq!(groups, there, "groups differ");
}

/// Asserts that the journal, undone from its end to the first load and done again, leads to
/// the state as it is, and that it is dense.
pub fn assert_journal_leads_to_state(store: &Store) {
    let no = only_tenant(store);
    let state = || -> BTreeMap<RecordRef, [u8; 16]> {
        let all = Kind::ALL.into_iter().flat_map(|kind| all(store, no, kind));
        all.map(|record| (record.to_ref(), reconcile::fingerprint(&record).0))
            .collect()
    };
    let entries = store.entries(Seq::START, usize::MAX).unwrap();
    for (place, entry) in entries.iter().enumerate() {
        assert_eq!(entry.seq.0, place as u64 + 1, "the journal has a gap");
    }

    let print = |record: &Record| reconcile::fingerprint(record).0;
    let changes: Vec<&Change> = entries
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::Changed(change) => Some(change),
            Fact::Loaded { .. }
            | Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::EndpointDisabled { .. } => None,
        })
        .collect();
    let mut past = state();
    for change in changes.iter().rev() {
        let key = change.latest().to_ref();
        let was = match change.before() {
            Some(before) => past.insert(key, print(before)),
            None => past.remove(&key),
        };
        assert_eq!(
            was,
            change.after().map(print),
            "the journal does not lead back"
        );
    }
    for change in changes {
        let key = change.latest().to_ref();
        let was = match change.after() {
            Some(after) => past.insert(key, print(after)),
            None => past.remove(&key),
        };
        assert_eq!(
            was,
            change.before().map(print),
            "the journal does not lead forth"
        );
    }
    assert_eq!(past, state());
}

fn only_tenant(store: &Store) -> TenantNo {
    let tenants = store.tenants().unwrap();
    assert_eq!(tenants.len(), 1);
    tenants[0].no
}

fn all(store: &Store, no: TenantNo, kind: Kind) -> Vec<Record> {
    let mut records = Vec::new();
    let mut after: Option<Id> = None;
    loop {
        let page = store.list(no, kind, after.as_ref(), 500).unwrap();
        let Some(last) = page.last() else {
            return records;
        };
        after = Some(last.record.id().clone());
        records.extend(page.into_iter().map(|kept| kept.record));
    }
}

fn name(record: &Record) -> (String, String) {
    (record.id().to_string(), record.label().to_owned())
}
