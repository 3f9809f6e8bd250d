//! The first entry since a time, in journals of all shapes.

use proptest::prelude::*;

use super::*;
use crate::model::{
    Change, Coded, Fingerprint, Id, Record, Role, RoleId, RoleType, RunId, Tenant, TenantId,
    TenantName,
};
use crate::store::{Closing, Commit, Write};

/// A journal with an entry at each of these times.
fn journal(store: &Store, times: &[i64]) {
    let tenant = Tenant {
        id: TenantId("tenant-1".into()),
        name: "Acme".into(),
        hosts: Vec::new(),
        region: None,
        status: None,
    };
    let name = TenantName("acme".into());
    let known = store
        .adopt(&tenant, &name, Timestamp::from_millis(0))
        .unwrap();
    for (number, at) in times.iter().enumerate() {
        let after = Record::Role(Role::new(
            RoleId(Id::parse(&format!("{number:024x}")).unwrap()),
            format!("Role {number}"),
            Coded::new(RoleType::Admin, "admin"),
        ));
        let change = Change::Created {
            after,
            replaces: None,
        };
        let commit = Commit {
            tenant: known.no,
            run: RunId(1),
            at: Timestamp::from_millis(*at),
            account: tenant.account(),
            writes: vec![Write::Change {
                change,
                fingerprint: Fingerprint([1; 16]),
                raw: "{}".into(),
                reported: None,
            }],
            closing: Closing::Nothing,
        };
        store.commit(commit).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_first_entry_since_a_time_is_the_one_that_a_scan_finds(
        mut times in prop::collection::vec(0_i64..12, 0..12),
    ) {
        times.sort_unstable();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        journal(&store, &times);
        let entries = store.entries(Seq::START, 100).unwrap();
        prop_assert_eq!(entries.len(), times.len());

        for millis in -1..=12 {
            let time = Timestamp::from_millis(millis);
            let scanned = entries.iter().find(|entry| entry.at >= time).cloned();
            prop_assert_eq!(first_since(&store, time).unwrap(), scanned);
        }
        store.close().unwrap();
    }
}
