//! An event before any format: what happened, to which record, and when.
//!
//! Pure. The same entry of the same store always gives the same event, so that every attempt sends
//! the same.

use std::fmt;

use sha2::{Digest, Sha256};

use super::fact;
use super::right::{self, RightData};
use crate::model::{
    Account, Change, EndpointName, Entry, EventId, Fact, Id, Record, Seq, StoreId, Timestamp,
    Version, unified,
};

/// The type of the event that an operator sends to test an endpoint.
pub const TEST_EVENT: &str = "endpoint.test";

/// What a receiver is told about: something that happened, or a record as it is.
#[derive(Clone)]
pub struct Event<'a> {
    /// The same in every attempt, and in no other event. Contains no full stop.
    pub id: String,
    /// Its type, such as `user.updated`.
    pub event_type: &'static str,
    /// When it was found.
    pub at: Timestamp,
    /// Its position in the journal; for a snapshot, where the journal continues after it. `None`
    /// for a test.
    pub sequence: Option<Seq>,
    /// The tenant in which it happened; `None` if it concerns no tenant.
    pub account: Option<&'a Account>,
    /// What it is about.
    pub data: Data<'a>,
}

/// What an event is about.
#[derive(Debug, Clone)]
pub enum Data<'a> {
    /// A record.
    Record(Subject<'a>),
    /// What users hold, or what a role allows.
    Right(RightData<'a>),
    /// Anything else: not a record, and no personal data.
    Other(serde_json::Value),
}

/// The record that an event is about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// As it is now, or as it was when it was deleted.
    pub record: &'a Record,
    /// For an update: as it was known before.
    pub before: Option<&'a Record>,
    /// Increases with each change of the record; a receiver that has stored a higher one can ignore
    /// the event.
    pub version: Version,
    /// For a creation: the record that stood for the same subject and was deleted just before.
    pub replaces: Option<&'a Id>,
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("at", &self.at)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

/// Does not show the record, since most records are about people.
impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("kind", &self.record.kind())
            .field("id", &format_args!("{}", self.record.id()))
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl<'a> Event<'a> {
    /// Returns the event of an entry; `None` if receivers are not told about it.
    pub fn of_entry(store: StoreId, entry: &'a Entry) -> Option<Self> {
        let id = entry.event_id(store).to_string();
        let data = match &entry.fact {
            Fact::Changed(change) => Data::Record(Subject::of(change, entry.version())),
            Fact::Loaded { .. } | Fact::LicenceChanged(_) | Fact::Unreadable => return None,
            Fact::RightChanged(change) => Data::Right(right::right_changed(&id, entry, change)),
            Fact::RoleContentChanged { role, gained, lost } => {
                Data::Right(right::role_content(entry, role, gained, lost))
            }
            Fact::SpaceChanged(_)
            | Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::EndpointDisabled { .. }
            | Fact::HistoryLost(_) => Data::Other(fact::data(entry)?),
        };
        Some(Self {
            id,
            event_type: entry.fact.event_type()?,
            at: entry.at,
            sequence: Some(entry.seq),
            account: entry.account(),
            data,
        })
    }

    /// Returns the event of one user of the list beside an entry. `entry` is about this user alone.
    pub fn of_member(store: StoreId, entry: &'a Entry, number: u64) -> Option<Self> {
        let id = entry.event_id(store).of_member(number).to_string();
        Some(Self {
            id,
            ..Self::of_entry(store, entry)?
        })
    }

    /// Returns the event that shows a record as it is, in a backfill that began at `at` and is
    /// followed by the journal after `mark`. `version` is that of the last entry that changed the
    /// record, or the lowest if the record is as the first load found it.
    ///
    /// Its id differs from those of all other snapshots: those of another backfill, and those with
    /// other content.
    pub fn snapshot(
        store: StoreId,
        mark: Seq,
        at: Timestamp,
        account: &'a Account,
        record: &'a Record,
        version: Version,
    ) -> Self {
        let subject = Subject {
            record,
            before: None,
            version,
            replaces: None,
        };
        Self {
            id: snapshot_id(store, mark, at, account, &subject),
            event_type: record.kind().snapshot_type(),
            at,
            sequence: Some(mark),
            account: Some(account),
            data: Data::Record(subject),
        }
    }

    /// Returns the event that an operator sends to test an endpoint.
    pub fn trial(id: String, at: Timestamp, endpoint: &EndpointName) -> Self {
        Self {
            id,
            event_type: TEST_EVENT,
            at,
            sequence: None,
            account: None,
            data: Data::Other(serde_json::json!({ "endpoint": endpoint })),
        }
    }
}

impl<'a> Subject<'a> {
    fn of(change: &'a Change, version: Version) -> Self {
        let (before, replaces) = match change {
            Change::Created { replaces, .. } => (None, replaces.as_ref()),
            Change::Updated { before, .. } => (Some(before), None),
            Change::Deleted { .. } => (None, None),
        };
        Self {
            record: change.latest(),
            before,
            version,
            replaces,
        }
    }
}

/// Returns the id of a snapshot: the position of the mark, as in the ids of entries, and a digest
/// of everything that the snapshot is made from. A record is read when it is sent, and a quiet
/// refresh, such as the new name of a role that it mentions, does not change its version. Snapshots
/// that differ in anything have different ids.
fn snapshot_id(
    store: StoreId,
    mark: Seq,
    at: Timestamp,
    account: &Account,
    subject: &Subject<'_>,
) -> String {
    let mut digest = Sha256::new();
    digest.update(at.millis().to_be_bytes());
    digest.update(subject.version.0.to_be_bytes());
    digest.update(subject.record.kind().singular());
    // No tenant id or record id contains a zero byte, so different pairs never give the same bytes.
    digest.update([0]);
    digest.update(&account.tenant.0);
    digest.update([0]);
    digest.update(subject.record.id().to_key());
    let record = unified::value(subject.record);
    let whole = serde_json::to_vec(&(&account.name, &account.region, record));
    digest.update(whole.expect("a record's keys are texts"));
    let digest: [u8; 32] = digest.finalize().into();
    let (start, _) = digest.split_at(16);
    let place = EventId {
        store,
        seq: mark,
        digest: None,
        member: None,
    };
    format!("{place}_{}", hex::encode(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::tests::{options, plain_user, start, user};
    use crate::deliver::{Endpoint, EventSource, Format, HttpReply, Mode, Options};
    use crate::model::{Origin, RoleId, RunId, TenantId, User, UserId};

    #[test]
    fn a_snapshot_of_another_content_has_another_id() {
        let acme = Account {
            tenant: TenantId("tenant-1".into()),
            name: "Acme".into(),
            region: None,
        };
        let renamed = Account {
            name: "Acme Inc.".into(),
            ..acme.clone()
        };
        let moved = Account {
            region: Some(String::new()),
            ..acme.clone()
        };
        let with_role = |name: &str| {
            let role = RoleId(Id::parse("600000000000000000000002").unwrap());
            Record::User(User {
                roles: Some([(role, name.to_owned())].into()),
                ..plain_user(1)
            })
        };
        let store = StoreId([7; 8]);
        let id = |mark, account: &Account, record: &Record, version| {
            Event::snapshot(store, Seq(mark), start(), account, record, Version(version)).id
        };
        let record = with_role("Steward");

        let ids = [
            id(9, &acme, &record, 0),
            id(8, &acme, &record, 0),
            id(9, &acme, &record, 1),
            id(9, &renamed, &record, 0),
            id(9, &moved, &record, 0),
            // A role's new name is refreshed where it is mentioned, without a new version.
            id(9, &acme, &with_role("Data steward"), 0),
        ];

        assert_eq!(ids[0], id(9, &acme, &record, 0));
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len(), "{ids:?}");
    }

    #[test]
    fn nobody_shows_in_debug() {
        let account = Account {
            tenant: TenantId("tenant-1".into()),
            name: "Acme".into(),
            region: None,
        };
        let (before, after) = (user(1), user(2));
        let entry = Entry {
            seq: Seq(1),
            stamp: None,
            at: start(),
            origin: Some(Origin {
                run: RunId(1),
                account: account.into(),
            }),
            reported: None,
            fact: Fact::Changed(Change::Updated {
                before: before.clone(),
                after,
            }),
        };
        let event = Event::of_entry(StoreId([7; 8]), &entry).unwrap();
        let answer = HttpReply {
            status: 400,
            retry_after: Some("Zoë 1".into()),
            start: "no user2@example.com here".into(),
            sent: 7,
        };
        for format in [
            Format::Standard,
            Format::CloudEvents {
                mode: Mode::Binary,
                source: EventSource::default(),
            },
        ] {
            let endpoint = Endpoint::new(Options {
                format,
                ..options(([127, 0, 0, 1], 9).into())
            })
            .unwrap();
            let message = endpoint.message(std::slice::from_ref(&event));

            let shown = format!("{message:?} {event:?} {answer:?} {entry:?} {before:#?}");

            for hidden in ["Zoë", "example.com", "idp|"] {
                assert!(!shown.contains(hidden), "{hidden} shows in {shown}");
            }
            assert!(shown.contains(&event.id) && shown.contains("000000000000000000000002"));
        }
    }

    #[test]
    fn users_who_differ_show_so() {
        let shown = |number| {
            let id = UserId(Id::parse("600000000000000000000001").unwrap());
            let user = User {
                id,
                ..plain_user(number)
            };
            format!("{user:?}")
        };

        assert_eq!(shown(1), shown(1));
        assert_ne!(shown(1), shown(2));
    }
}
