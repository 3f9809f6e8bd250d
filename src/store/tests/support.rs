//! Records, commits and stores for the tests.

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::{
    Account, Change, Coded, Entry, Fact, Fingerprint, Group, GroupType, Id, Kind, Record,
    RecordRef, Role, RoleType, RunId, Tenant, TenantId, TenantName, Timestamp, User,
};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::kept::tenants::Known;
use crate::store::layout::{codec, v1};
use crate::store::values::commit::{Closing, Commit, Write};
use crate::store::values::record::Kept;

/// Opens a store that must be sound.
pub fn open(path: &Path) -> Store {
    let opened = Store::open(path).unwrap();
    assert_eq!(opened.moved_aside, None);
    opened.store
}

/// Copies the fixture store of an older format into a folder.
pub fn fixture(format: u32, store: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = root.join(format!("tests/store/fixtures/format-{format}"));
    let current = store.join("current");
    // It is empty, and git does not keep empty folders.
    std::fs::create_dir_all(current.join("blobs")).unwrap();
    for file in std::fs::read_dir(kept).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), current.join(file.file_name())).unwrap();
    }
}

pub fn tenant(number: u32) -> Tenant {
    Tenant {
        id: TenantId(format!("tenant-{number}")),
        name: format!("Tenant {number}"),
        hosts: vec![format!("t{number}.eu.qlikcloud.com")],
        region: Some("eu".to_owned()),
        status: None,
    }
}

pub fn adopt(store: &Store, number: u32) -> Known {
    store
        .adopt(
            &tenant(number),
            &TenantName(format!("t{number}")),
            Timestamp::from_millis(1),
        )
        .unwrap()
}

pub fn account() -> Account {
    Account {
        tenant: TenantId("tenant-1".into()),
        name: "Tenant 1".into(),
        region: None,
    }
}

pub fn id(kind: Kind, number: u32) -> Id {
    let text = match number % 7 {
        // Ids of other shapes take a different path through keys and buckets.
        6 => format!("{kind}~{number:04}"),
        _ => format!("60d5ca1b2f8a4c00{number:08x}"),
    };
    Id::parse(&text).unwrap()
}

pub fn record(kind: Kind, number: u32, name: &str) -> Record {
    let id = id(kind, number);
    match kind {
        Kind::Role => Record::Role(Role {
            origin: Some("default".to_owned()),
            ..Role::new(
                id.into(),
                name.to_owned(),
                Coded::new(RoleType::Admin, "admin"),
            )
        }),
        Kind::Group => Record::Group(Group {
            id: id.into(),
            name: name.to_owned(),
            description: None,
            group_type: Coded::new(GroupType::Group, "idp"),
            status: None,
            idp_id: None,
            roles: Some(BTreeMap::new()),
            created_at: None,
            updated_at: None,
        }),
        Kind::User => Record::User(User {
            name: Some(name.to_owned()),
            email: Some(format!("{number}@example.com")),
            groups: Some(BTreeMap::new()),
            created_at: Some(Timestamp::from_millis(i64::from(number))),
            ..User::new(id.into(), format!("auth0|{number}"))
        }),
    }
}

pub fn fingerprint(record: &Record) -> Fingerprint {
    let json = serde_json::to_string(record).unwrap();
    Fingerprint(xxhash_rust::xxh3::xxh3_128(json.as_bytes()).to_be_bytes())
}

pub fn raw(record: &Record) -> Box<str> {
    format!(r#"{{"raw":"{}"}}"#, record.label()).into()
}

pub fn quiet(record: Record) -> Write {
    Write::Quiet {
        fingerprint: fingerprint(&record),
        raw: raw(&record),
        record,
    }
}

pub fn forget(record: &Record) -> Write {
    Write::Forget {
        record: record.to_ref(),
    }
}

pub fn change(change: Change) -> Write {
    let latest = change.latest();
    Write::Change {
        fingerprint: fingerprint(latest),
        raw: raw(latest),
        change,
        reported: None,
    }
}

pub fn created(after: Record) -> Write {
    change(Change::Created {
        after,
        replaces: None,
    })
}

pub fn commit(store: &Store, known: &Known, writes: Vec<Write>) -> Result<u64, StoreError> {
    closing(store, known, writes, Closing::Nothing)
}

pub fn closing(
    store: &Store,
    known: &Known,
    writes: Vec<Write>,
    closing: Closing,
) -> Result<u64, StoreError> {
    let commit = Commit {
        tenant: known.no,
        run: RunId(1),
        at: Timestamp::from_millis(1_700_000_000_000),
        account: account(),
        writes,
        closing,
    };
    store.commit(commit).map(|committed| committed.last.0)
}

/// All records of a tenant.
pub type State = BTreeMap<RecordRef, Record>;

/// Reads all records of a tenant, and compares fingerprints and census with them.
pub fn state(store: &Store, known: &Known) -> State {
    let mut state = State::new();
    for kind in Kind::ALL {
        let kept = list_all(store, known, kind);
        let mut prints = Vec::new();
        let census = store
            .fingerprints(known.no, kind, &mut |id, print| prints.push((id, print)))
            .unwrap();
        let expected: Vec<_> = kept
            .iter()
            .map(|kept| (kept.record.id().clone(), fingerprint(&kept.record)))
            .collect();
        assert_eq!(prints, expected, "fingerprints stand for the records");
        assert_eq!(census, store.census(known.no, kind).unwrap());
        assert_eq!(census.count, kept.len() as u64);
        for kept in kept {
            assert_eq!(kept.raw, raw(&kept.record));
            state.insert(kept.record.to_ref(), kept.record);
        }
    }
    state
}

fn list_all(store: &Store, known: &Known, kind: Kind) -> Vec<Kept> {
    let mut all: Vec<Kept> = Vec::new();
    loop {
        let after = all.last().map(|kept| kept.record.id().clone());
        let page = store.list(known.no, kind, after.as_ref(), 7).unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Applies an entry to a state, forwards.
pub fn redo(state: &mut State, entry: &Entry) {
    match &entry.fact {
        Fact::Changed(change) => match change.after() {
            Some(after) => drop(state.insert(after.to_ref(), after.clone())),
            None => drop(state.remove(&change.latest().to_ref())),
        },
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
        | Fact::RoleContentChanged { .. } => {}
    }
}

/// Undoes an entry.
pub fn undo(state: &mut State, entry: &Entry) {
    match &entry.fact {
        Fact::Changed(change) => match change.before() {
            Some(before) => drop(state.insert(before.to_ref(), before.clone())),
            None => drop(state.remove(&change.latest().to_ref())),
        },
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
        | Fact::RoleContentChanged { .. } => {}
    }
}

pub fn in_hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// The bytes of a record in its block.
pub fn body(record: &Record) -> bytes::Bytes {
    let mut bytes = Vec::new();
    let stored = v1::Body {
        record: record.into(),
        raw: String::from(raw(record)).into(),
    };
    codec::append(&mut bytes, &stored);
    bytes.into()
}
