//! Compares the store's records with those of the tenant.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::demo::EmulatedTenant;
use qlik_roster::demo::tenant::{self, Directory, Status};
use qlik_roster::model::{
    Change, Coded, Fact, Group, GroupType, Id, Kind, Record, RecordRef, Role, RoleType, Seq,
    Timestamp, User, UserStatus,
};
use qlik_roster::reconcile;
use qlik_roster::store::{Store, TenantNo};

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
    let known = Kind::ALL.into_iter().flat_map(|kind| all(store, no, kind));
    let known = by_ref(known.map(content));
    let roles = tenant.roles().into_iter().map(role);
    let groups = tenant.groups().into_iter().chain(tenant.system_groups());
    let users = tenant.users().into_iter().map(user);
    let there = by_ref(roles.chain(groups.map(group)).chain(users).map(content));

    let refs: BTreeSet<_> = known.keys().chain(there.keys()).collect();
    for key in refs {
        assert_eq!(known.get(key), there.get(key), "{key} differs");
    }
}

fn by_ref(records: impl Iterator<Item = Record>) -> BTreeMap<RecordRef, Record> {
    records.map(|record| (record.to_ref(), record)).collect()
}

/// Leaves out what is not content: when it last changed, and the names of roles and groups that
/// it points at, which stay as they were last seen. The end of an invitation counts by the
/// second, since Qlik shows it so in one answer and by the millisecond in another.
fn content(mut record: Record) -> Record {
    match &mut record {
        Record::Role(role) => role.updated_at = None,
        Record::Group(group) => {
            group.updated_at = None;
            unname(&mut group.roles);
        }
        Record::User(user) => {
            user.updated_at = None;
            unname(&mut user.roles);
            unname(&mut user.groups);
            let ends = user.invite_expires_at.take();
            user.invite_expires_at = ends.map(|at| Timestamp::from_millis(at.seconds() * 1000));
        }
    }
    record
}

fn unname<K>(pointed_at: &mut Option<BTreeMap<K, String>>) {
    for name in pointed_at.iter_mut().flat_map(BTreeMap::values_mut) {
        name.clear();
    }
}

/// The role as the store should have it, written out without the connector's mapping.
fn role(there: tenant::Role) -> Record {
    let role_type = match (there.name.as_str(), there.level) {
        ("EmbeddedAnalyticsUser", _) => RoleType::Restricted,
        (_, "admin") => RoleType::Admin,
        (_, "user") => RoleType::Basic,
        (_, level) => panic!("no level of a role: {level}"),
    };
    Record::Role(Role {
        id: there.id,
        name: there.name,
        description: filled(there.description),
        role_type: Coded::new(role_type, there.level),
        origin: Some(there.origin.to_owned()),
        level: Some(there.level.to_owned()),
        permissions: there.permissions,
        scopes: there.scopes,
        created_at: Some(there.created_at),
        updated_at: None,
    })
}

/// The group as the store should have it.
fn group(there: tenant::Group) -> Record {
    let group_type = match there.provider {
        "system" => GroupType::Organization,
        "idp" | "custom" => GroupType::Group,
        provider => panic!("no provider of a group: {provider}"),
    };
    Record::Group(Group {
        id: there.id,
        name: there.name,
        description: there.description.and_then(filled),
        group_type: Coded::new(group_type, there.provider),
        status: Some(there.status.to_owned()),
        idp_id: there.idp_id,
        roles: Some(there.roles),
        created_at: Some(there.created_at),
        updated_at: None,
    })
}

/// The user as the store should have it.
fn user(there: tenant::User) -> Record {
    let status = match there.status {
        Status::Active => UserStatus::Enabled,
        Status::Invited | Status::Provisioned => UserStatus::Pending,
        Status::Disabled => UserStatus::Disabled,
        Status::Deleted => panic!("a deleted user is none of the tenant's"),
    };
    Record::User(User {
        name: filled(there.name),
        email: there.email.and_then(filled),
        status: Coded::new(status, there.status.as_str()),
        is_bot: there.client_id.is_some() || there.subject.starts_with("qlikbot\\"),
        client_id: there.client_id,
        roles: Some(there.roles),
        groups: Some(there.groups),
        scopes: there.scopes,
        created_at: Some(there.created_at),
        invite_expires_at: there.invite_expires_at,
        picture: there.picture,
        locale: there.locale,
        zone_info: there.zone_info,
        ..User::new(there.id, there.subject)
    })
}

/// An empty text means the same as no text.
fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
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
            | Fact::SpaceChanged(_)
            | Fact::LicenceChanged(_)
            | Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::EndpointDisabled { .. }
            | Fact::Unreadable
            | Fact::HistoryLost(_)
            | Fact::RightChanged(_)
            | Fact::RoleContentChanged { .. } => None,
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
