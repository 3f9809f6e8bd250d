//! Reads entries for questions about earlier times, which may need a million of them. Of an entry
//! about a user, it decodes only which roles and groups changed; it copies no text, and computes no
//! digest.
//!
//! Every format stores the changes of users in the layout of format 1. The bytes of fields that are
//! not needed are stepped over; a test compares the result with a full reading.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::model::{GroupId, Id, RoleId, Timestamp, UserId, Verb};
use crate::store::error::StoreError;
use crate::store::values::posting::PostingList;
use crate::store::values::skimmed::{Skimmed, UserEntry};

use super::codec;
use super::entry::{Head, LastOrigin, read_behind};

/// The numbers of `Fact::Changed`, of the variants of `Change`, and of `Record::User`.
const CHANGED: u32 = 0;
const CREATED: u32 = 0;
const UPDATED: u32 = 1;
const DELETED: u32 = 2;
const USER: u32 = 2;

/// Decodes an entry, which may have the same origin as the entry before.
pub fn skim_behind(last: &mut LastOrigin, key: &[u8], value: &[u8]) -> Result<Skimmed, StoreError> {
    let head = Head::read(key, value)?;
    let skimmed = codec::unpack_with(key, head.packed, |bytes| {
        let (Some(origin), rest) = last.read(key, bytes)? else {
            return Ok(None);
        };
        let Some(Sides {
            verb,
            before,
            after,
        }) = Walk { key, rest }.change()?
        else {
            return Ok(None);
        };
        let Some(user) = before
            .as_ref()
            .or(after.as_ref())
            .map(|side| side.id.clone())
        else {
            return Ok(None);
        };
        let Moved { left, joined } = match (&before, &after) {
            (Some(before), Some(after)) if before.has_same_lists(after) => Moved::default(),
            (before, after) => moved(key, before.as_ref(), after.as_ref())?,
        };
        Ok(Some(UserEntry {
            seq: head.seq,
            at: head.at,
            version: head.version(),
            origin,
            user,
            verb,
            left,
            joined,
        }))
    })?;
    match skimmed {
        Some(entry) => Ok(Skimmed::User(entry)),
        None => read_behind(last, key, value).map(|entry| Skimmed::Other(Box::new(entry))),
    }
}

/// A user before and after a change.
struct Sides<'bytes> {
    verb: Verb,
    before: Option<Side<'bytes>>,
    after: Option<Side<'bytes>>,
}

/// A user, with the encoded roles and groups.
struct Side<'bytes> {
    id: UserId,
    roles: &'bytes [u8],
    groups: &'bytes [u8],
}

impl Side<'_> {
    /// Returns whether a user has the same roles and groups as another, by the same names.
    fn has_same_lists(&self, other: &Self) -> bool {
        self.roles == other.roles && self.groups == other.groups
    }
}

/// Returns the posting lists that a user has left and joined.
fn moved(
    key: &[u8],
    before: Option<&Side<'_>>,
    after: Option<&Side<'_>>,
) -> Result<Moved, StoreError> {
    let mut moved = Moved::default();
    moved.compare(
        (PostingList::HiddenRoles, |id| PostingList::Role(RoleId(id))),
        &Ids::read(key, before.map(|it| it.roles))?,
        &Ids::read(key, after.map(|it| it.roles))?,
    );
    moved.compare(
        (PostingList::HiddenGroups, |id| {
            PostingList::Group(GroupId(id))
        }),
        &Ids::read(key, before.map(|it| it.groups))?,
        &Ids::read(key, after.map(|it| it.groups))?,
    );
    Ok(moved)
}

/// The posting lists that a user has left and joined.
#[derive(Default)]
struct Moved {
    left: BTreeSet<PostingList>,
    joined: BTreeSet<PostingList>,
}

impl Moved {
    /// Compares the roles or the groups of a user before and after a change, given the list of
    /// those whose roles or groups are not visible, and that of a role or group.
    fn compare(
        &mut self,
        (hidden, list): (PostingList, fn(Id) -> PostingList),
        before: &Ids,
        after: &Ids,
    ) {
        match (before.is_hidden, after.is_hidden) {
            (true, false) => drop(self.left.insert(hidden)),
            (false, true) => drop(self.joined.insert(hidden)),
            (true, true) | (false, false) => {}
        }
        self.left.extend(before.without(after).map(list));
        self.joined.extend(after.without(before).map(list));
    }
}

/// The roles or groups of a user.
#[derive(Default)]
struct Ids {
    is_hidden: bool,
    /// In order.
    ids: Vec<Id>,
}

impl Ids {
    /// Decodes ids with their names; `None` if there is no user.
    fn read(key: &[u8], bytes: Option<&[u8]>) -> Result<Self, StoreError> {
        let Some(bytes) = bytes else {
            return Ok(Self::default());
        };
        let (named, _) = codec::borrowed::<Option<Vec<(Id, &[u8])>>>(key, bytes)?;
        let is_hidden = named.is_none();
        let mut ids: Vec<Id> = named.into_iter().flatten().map(|(id, _)| id).collect();
        // They were written in order, so this only looks.
        ids.sort_unstable();
        Ok(Self { is_hidden, ids })
    }

    /// Returns those that others do not have.
    fn without(&self, others: &Self) -> impl Iterator<Item = Id> {
        let ids = self.ids.iter();
        let gone = ids.filter(|id| others.ids.binary_search(id).is_err());
        gone.cloned()
    }
}

/// A position in encoded values, which moves over one after the other.
struct Walk<'bytes> {
    key: &'bytes [u8],
    rest: &'bytes [u8],
}

impl<'bytes> Walk<'bytes> {
    fn take<T: Deserialize<'bytes>>(&mut self) -> Result<T, StoreError> {
        let (value, rest) = codec::borrowed(self.key, self.rest)?;
        self.rest = rest;
        Ok(value)
    }

    /// Reads a fact; returns `None` if it is not the change of a user.
    fn change(mut self) -> Result<Option<Sides<'bytes>>, StoreError> {
        if self.take::<u32>()? != CHANGED {
            return Ok(None);
        }
        let (verb, has_two) = match self.take::<u32>()? {
            CREATED => (Verb::Created, false),
            UPDATED => (Verb::Updated, true),
            DELETED => (Verb::Deleted, false),
            _ => return Ok(None),
        };
        let Some(first) = self.user()? else {
            return Ok(None);
        };
        let second = match has_two {
            true => match self.user()? {
                Some(second) => Some(second),
                None => return Ok(None),
            },
            false => None,
        };
        let (before, after) = match verb {
            Verb::Created => (None, Some(first)),
            Verb::Updated | Verb::Deleted => (Some(first), second),
        };
        Ok(Some(Sides {
            verb,
            before,
            after,
        }))
    }

    /// Reads a record; returns `None` if it is not a user. The fields are those of `v1::User`, in
    /// their order.
    fn user(&mut self) -> Result<Option<Side<'bytes>>, StoreError> {
        type Text<'bytes> = Option<&'bytes [u8]>;
        if self.take::<u32>()? != USER {
            return Ok(None);
        }
        let id = self.take()?;
        let _subject_name_email: (&[u8], Text<'_>, Text<'_>) = self.take()?;
        let _status: (u32, Text<'_>) = self.take()?;
        let _is_bot_and_client: (bool, Text<'_>) = self.take()?;
        let roles = self.named()?;
        let groups = self.named()?;
        for _ in 0..self.take::<Option<u64>>()?.unwrap_or_default() {
            let _scope: &[u8] = self.take()?;
        }
        let _times: [Option<Timestamp>; 3] = self.take()?;
        let _picture_and_places: [Text<'_>; 5] = self.take()?;
        Ok(Some(Side { id, roles, groups }))
    }

    /// Steps over ids with their names, if they are visible, and returns their bytes.
    fn named(&mut self) -> Result<&'bytes [u8], StoreError> {
        let begin = self.rest;
        for _ in 0..self.take::<Option<u64>>()?.unwrap_or_default() {
            let _id_and_name: (&[u8], &[u8]) = self.take()?;
        }
        let n_bytes = begin.len() - self.rest.len();
        Ok(begin.get(..n_bytes).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{
        Account, Change, Coded, Entry, Fact, Group, GroupType, Record, RunId, TenantId, User,
        UserStatus, Version,
    };
    use crate::store::layout::{Stored, entry, keys, v1};

    fn id(number: u32) -> Id {
        Id::parse(&format!("60d5ca1b2f8a4c00{number:08x}")).unwrap()
    }

    fn user(roles: Option<&[u32]>, groups: Option<&[u32]>) -> User {
        fn named<T: Ord>(numbers: &[u32], of: fn(Id) -> T) -> BTreeMap<T, String> {
            let named = numbers.iter().map(|n| (of(id(*n)), format!("näme {n}")));
            named.collect()
        }
        User {
            roles: roles.map(|roles| named(roles, RoleId)),
            groups: groups.map(|groups| named(groups, GroupId)),
            ..User::new(UserId(Id::parse("Odd-1").unwrap()), "idp|1".to_owned())
        }
    }

    /// Returns a user whose fields are all known.
    fn full() -> User {
        let time = |millis| Some(Timestamp::from_millis(millis));
        let text = |text: &str| Some(text.to_owned());
        User {
            name: text("Zoë"),
            email: text("z@example.com"),
            status: Coded::new(UserStatus::UnmappedValue, "odd"),
            is_bot: true,
            client_id: text("client"),
            scopes: Some(BTreeSet::from(["a".to_owned(), "b".repeat(200)])),
            created_at: time(1),
            updated_at: time(-2),
            invite_expires_at: time(3),
            picture: text("https://example.com/p"),
            locale: text("en"),
            zone_info: text("Europe/Berlin"),
            preferred_locale: text("de"),
            preferred_zone_info: text("Europe/Paris"),
            ..user(Some(&[1, 2]), Some(&[3, 1_000]))
        }
    }

    fn facts() -> Vec<Fact> {
        let sides = [
            full(),
            user(None, None),
            user(Some(&[]), Some(&[])),
            user(Some(&[2]), None),
            user(None, Some(&[3])),
            user(Some(&[1, 2]), Some(&(0..200).collect::<Vec<u32>>())),
            User {
                name: Some("Other".to_owned()),
                ..full()
            },
        ];
        let mut facts = Vec::new();
        for before in &sides {
            let record = || Record::User(before.clone());
            facts.push(Fact::Changed(Change::Deleted { before: record() }));
            for replaces in [None, Some(id(7))] {
                facts.push(Fact::Changed(Change::Created {
                    after: record(),
                    replaces,
                }));
            }
            for after in &sides {
                facts.push(Fact::Changed(Change::Updated {
                    before: record(),
                    after: Record::User(after.clone()),
                }));
            }
        }
        facts.push(Fact::Changed(Change::Deleted {
            before: Record::Group(Group {
                id: GroupId(id(1)),
                name: "G".to_owned(),
                description: None,
                group_type: Coded::new(GroupType::Group, "idp"),
                status: None,
                idp_id: None,
                roles: None,
                created_at: None,
                updated_at: None,
            }),
        }));
        facts.push(Fact::Loaded {
            roles: 0,
            groups: 1,
            users: 2,
        });
        facts.push(Fact::Unreadable);
        facts
    }

    /// Returns what skimming must find in an entry that was read in full.
    fn reduced(entry: Entry) -> Skimmed {
        let (Fact::Changed(change), Some(origin)) = (&entry.fact, &entry.origin) else {
            return Skimmed::Other(Box::new(entry));
        };
        let Record::User(latest) = change.latest() else {
            return Skimmed::Other(Box::new(entry));
        };
        let lists = |record: Option<&Record>| match record {
            Some(Record::User(user)) => PostingList::of(user),
            Some(Record::Group(_) | Record::Role(_)) | None => BTreeSet::new(),
        };
        let (before, after) = (lists(change.before()), lists(change.after()));
        Skimmed::User(UserEntry {
            seq: entry.seq,
            at: entry.at,
            version: entry.version(),
            origin: origin.clone(),
            user: latest.id.clone(),
            verb: change.verb(),
            left: before.difference(&after).cloned().collect(),
            joined: after.difference(&before).cloned().collect(),
        })
    }

    #[test]
    fn an_entry_of_any_format_is_skimmed_as_it_reads() {
        let key = keys::journal(crate::model::Seq(70_000));
        let at = Timestamp::from_millis(1_700_000_000_000);
        let account = Account {
            tenant: TenantId("T1".to_owned()),
            name: "Acme".to_owned(),
            region: None,
        };
        let mut last = LastOrigin::default();
        for fact in facts() {
            let origin = Some((RunId(7), &account));
            let packed = entry::pack(origin, &fact, None);
            let mut values = vec![entry::seal(&key, at, Version(9), &packed)];
            if let Fact::Changed(change) = &fact {
                let oldest = codec::pack(&v1::Entry {
                    origin: origin.map(Into::into),
                    fact: v1::Fact::Changed(change.into()),
                });
                let head = at.millis().to_be_bytes();
                values.push(codec::seal(v1::Entry::FORMAT, &key, &head, &oldest));
            }
            for value in values {
                let entry = entry::read(&key, &value).unwrap();

                let skimmed = skim_behind(&mut last, &key, &value).unwrap();

                assert_eq!(skimmed, reduced(entry));
            }
        }
    }

    #[test]
    fn what_is_not_an_entry_is_damage() {
        let key = keys::journal(crate::model::Seq(1));
        let at = Timestamp::from_millis(0);
        let account = Account {
            tenant: TenantId("T1".to_owned()),
            name: "Acme".to_owned(),
            region: None,
        };
        let fact = Fact::Changed(Change::Deleted {
            before: Record::User(full()),
        });
        let packed = entry::pack(Some((RunId(7), &account)), &fact, None);
        let plain = codec::unpack_bytes(&key, &packed).unwrap();
        // The last byte says that the audit log reported nothing; skimming does not read it.
        for length in 0..plain.len() - 1 {
            let short = [[0].as_slice(), &plain[..length]].concat();
            let value = entry::seal(&key, at, Version(1), &short);
            let result = skim_behind(&mut LastOrigin::default(), &key, &value);
            assert!(result.is_err(), "{length} of {} bytes", plain.len());
        }
    }
}
