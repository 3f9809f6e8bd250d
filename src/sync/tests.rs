//! A store with a tenant and its records, for the tests of what a run reads there.

use tempfile::TempDir;

use crate::model::{
    Coded, Group, GroupId, GroupType, Id, Record, Role, RoleId, RoleType, RunId, Tenant, TenantId,
    TenantName, Timestamp, User, UserId,
};
use crate::reconcile;
use crate::store::{Closing, MAX_QUIET, Store, Write};
use crate::sync::plan::commit::{Target, commit};

/// The store, and the tenant in it.
pub(super) struct Stored {
    pub(super) store: Store,
    pub(super) target: Target,
    pub(super) name: TenantName,
    _folder: TempDir,
}

impl Stored {
    /// A tenant that was loaded with these records.
    pub(super) fn of(records: &[Record]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let tenant = Tenant {
            id: TenantId("t".into()),
            name: "T".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let name = TenantName("t".into());
        let at = Timestamp::from_millis(1);
        let known = store.adopt(&tenant, &name, at).unwrap();
        let target = Target {
            tenant: known.no,
            run: RunId(0),
            account: tenant.account(),
        };
        for records in records.chunks(MAX_QUIET) {
            let writes = records.iter().map(|record| Write::Quiet {
                fingerprint: reconcile::fingerprint(record),
                record: record.clone(),
                raw: "{}".into(),
            });
            let load = commit(&target, at, writes.collect(), Closing::Nothing);
            store.commit(load).unwrap();
        }
        Self {
            store,
            target,
            name,
            _folder: folder,
        }
    }
}

fn id(n: u32) -> Id {
    Id::parse(&format!("{n:024x}")).unwrap()
}

pub(super) fn role(n: u32) -> Record {
    let kind = Coded::new(RoleType::Basic, "basic");
    Record::Role(Role::new(RoleId(id(n)), format!("Role {n}"), kind))
}

/// A group with these roles.
pub(super) fn group(n: u32, roles: &[u32]) -> Record {
    Record::Group(Group {
        id: GroupId(id(n)),
        name: format!("Group {n}"),
        description: None,
        group_type: Coded::new(GroupType::Group, "idp"),
        status: None,
        idp_id: None,
        roles: Some(
            roles
                .iter()
                .map(|n| (RoleId(id(*n)), String::new()))
                .collect(),
        ),
        created_at: None,
        updated_at: None,
    })
}

/// A user with these roles and groups.
pub(super) fn user(n: u32, roles: &[u32], groups: &[u32]) -> Record {
    let roles = roles.iter().map(|n| (RoleId(id(*n)), String::new()));
    let groups = groups.iter().map(|n| (GroupId(id(*n)), String::new()));
    Record::User(User {
        roles: Some(roles.collect()),
        groups: Some(groups.collect()),
        ..User::new(UserId(id(n)), format!("s{n}"))
    })
}
