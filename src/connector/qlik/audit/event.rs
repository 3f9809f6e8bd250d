//! Reads one event of the audit log: its type, and the records it is about.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_128;

use super::super::map::EVERYONE;
use super::super::unicode;
use super::super::wire::{Loose, Time};
use crate::model::{
    About, AuditEvent, AuditEventId, Id, Kind, RecordRef, SessionBegin, SpaceId, Timestamp, UserId,
};

/// The prefix of Qlik's event types, before the generation.
const QLIK: &str = "com.qlik.";
/// The most characters of a type that are shown. A longer text is not a type.
const SHOWN: usize = 80;

/// An event as the audit log shows it. Qlik documents all members as optional. Those of
/// `CloudEvents` are read as well, since Qlik is moving to them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Item<'a> {
    event_id: Loose,
    id: Loose,
    event_time: Time,
    time: Time,
    event_type: Loose,
    #[serde(rename = "type")]
    kind: Loose,
    /// Who caused the event.
    user_id: Loose,
    /// The same, spelled as an attribute of `CloudEvents`.
    #[serde(rename = "userid")]
    user: Loose,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    extensions: Option<&'a RawValue>,
}

impl Item<'_> {
    /// Returns the user who caused the event; `None` if the event does not say.
    fn by(&self) -> Option<UserId> {
        let id = self.user_id.0.as_ref().or(self.user.0.as_ref())?;
        Id::parse(id).ok().map(UserId)
    }
}

/// The members of payloads that name the records concerned. `userId` in the envelope names who
/// caused the event instead.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data<'a> {
    id: Loose,
    user_id: Loose,
    /// The user, as events of sessions spell this member.
    #[serde(rename = "userid")]
    session_user: Loose,
    space_id: Loose,
    #[serde(borrow)]
    affected_users: Option<&'a RawValue>,
    #[serde(borrow)]
    roles: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Extensions {
    top_level_resource_id: Loose,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Identified {
    id: Loose,
}

/// An event that concerns us.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Something was created, changed or deleted.
    Event(AuditEvent),
    /// A session began.
    Session(SessionBegin),
}

/// Where an event of some type names the records it is about.
#[derive(Debug, Clone, Copy)]
enum Subject {
    /// One record of this kind.
    One(Kind),
    /// A group and its members.
    Members,
    /// The user whose identity, the subject, was replaced by another.
    Identity,
    /// A list of roles.
    Roles,
    /// The system group.
    Everyone,
    /// Any record of this kind that the event names, and any users that it names as well.
    Unknown(Kind),
}

/// Reads an event. `None` if it does not concern us. `latest` is used if the time is missing.
pub(super) fn read(text: &str, latest: Timestamp) -> Option<Parsed> {
    let event: Option<Item<'_>> = object(text);
    if event.is_none()
        && let Some(mended) = unicode::mend(text)
    {
        return read(&mended, latest);
    }
    let id = event
        .as_ref()
        .and_then(|event| event.event_id.0.as_ref().or(event.id.0.as_ref()));
    // An event without an id is identified by its text.
    let id = AuditEventId(xxh3_128(id.map_or(text, String::as_str).as_bytes()).to_be_bytes());
    let unknown = |at: Timestamp, what: &str| {
        Some(Parsed::Event(AuditEvent {
            id,
            at,
            by: None,
            about: About::Unknown(what.to_owned()),
        }))
    };
    let Some(event) = event else {
        return unknown(latest, "an event that is not as documented");
    };
    let at = event.event_time.0.or(event.time.0).unwrap_or(latest);
    let Some(kind) = event.event_type.0.as_deref().or(event.kind.0.as_deref()) else {
        return unknown(at, "an event without a type");
    };
    if is_session_begin(kind) {
        return Some(Parsed::Session(session_begin(&event, latest)));
    }
    if let Some(space) = space_event(kind) {
        let about = space.about(&event);
        let by = event.by();
        return Some(Parsed::Event(AuditEvent { id, at, by, about }));
    }
    if is_of_licence(kind) {
        let (by, about) = (event.by(), About::Licence);
        return Some(Parsed::Event(AuditEvent { id, at, by, about }));
    }
    let subject = subject(kind)?;
    let what = || format!("`{}`: whom it is about", shown(kind));
    // By its type, it is not the start of a session.
    let about = match subject.records(&event) {
        Some(records) => About::Records(records),
        None => About::Unreadable(what()),
    };
    let by = event.by();
    Some(Parsed::Event(AuditEvent { id, at, by, about }))
}

/// Reads the time of an event; `None` if it cannot be read.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let event: Item<'_> = object(text)?;
    event.event_time.0.or(event.time.0)
}

/// Returns what a type of event is about; `None` if it does not concern us.
fn subject(kind: &str) -> Option<Subject> {
    let (name, noun) = name(kind)?;
    Some(match name {
        "user.created" | "user.updated" | "user.deleted" | "user.provisioned" => {
            Subject::One(Kind::User)
        }
        "group.created" | "group.updated" | "group.deleted" => Subject::One(Kind::Group),
        "role.created" | "role.updated" | "role.deleted" => Subject::One(Kind::Role),
        "group.users.modified" => Subject::Members,
        "user-identity.reassigned" => Subject::Identity,
        "role.synced" => Subject::Roles,
        "group-setting.updated" => Subject::Everyone,
        // A conflict changes nothing.
        "user-identity.conflicted" => return None,
        // An unknown type about our kinds: ignoring it could miss a change.
        _ => Subject::Unknown(match noun {
            "user" | "users" | "user-identity" | "user-identities" => Kind::User,
            "group" | "groups" => Kind::Group,
            "role" | "roles" => Kind::Role,
            _ => return None,
        }),
    })
}

/// Returns whether a type of event is about an assignment of the licence. Such an event names a
/// subject, but Qlik documents no way to ask for the assignments of one.
fn is_of_licence(kind: &str) -> bool {
    name(kind).is_some_and(|(name, _)| name.starts_with("license.assignment."))
}

/// Returns whether a type of event reports that somebody logged in, in either generation.
pub(super) fn is_session_begin(kind: &str) -> bool {
    let name = name(kind).map(|(name, _)| name);
    matches!(name, Some("user-session.begin" | "user-session.begun"))
}

/// Reads who began a session, and when. The envelope names who caused the event, which need not be
/// the same.
fn session_begin(event: &Item<'_>, latest: Timestamp) -> SessionBegin {
    let data: Data<'_> = event
        .data
        .and_then(|data| object(data.get()))
        .unwrap_or_default();
    let user = data.session_user.0.or(data.user_id.0);
    let user = user.and_then(|id| Id::parse(&id).ok()).map(UserId);
    let at = event.event_time.0.or(event.time.0);
    SessionBegin {
        user: user.filter(|_| at.is_some()),
        at: at.unwrap_or(latest),
    }
}

/// What an event about a space says.
#[derive(Debug, Clone, Copy)]
enum SpaceEvent {
    /// The space itself was created or changed.
    Itself,
    /// It was deleted.
    Deleted,
    /// Something that belongs to it changed.
    Member,
}

/// Returns what a type of event says about a space; `None` if it is about something else, or about
/// something in a space that we do not read.
fn space_event(kind: &str) -> Option<SpaceEvent> {
    let (name, _) = name(kind)?;
    match name {
        "space.created" | "space.updated" => Some(SpaceEvent::Itself),
        "space.deleted" => Some(SpaceEvent::Deleted),
        "space.assignment.created"
        | "space.assignment.updated"
        | "space.assignment.deleted"
        | "space.share.created"
        | "space.share.updated"
        | "space.share.deleted" => Some(SpaceEvent::Member),
        _ => None,
    }
}

impl SpaceEvent {
    fn about(self, event: &Item<'_>) -> About {
        let data: Data<'_> = event
            .data
            .and_then(|data| object(data.get()))
            .unwrap_or_default();
        let (id, is_gone) = match self {
            Self::Itself => (data.id.0.or(data.space_id.0), false),
            Self::Deleted => (data.id.0.or(data.space_id.0), true),
            Self::Member => (data.space_id.0, false),
        };
        let id = id.and_then(|id| Id::parse(&id).ok()).map(SpaceId);
        About::Space { id, is_gone }
    }
}

/// Returns the name of a type without Qlik's prefix and the generation, and the noun that it begins
/// with. Some types are documented without a generation.
fn name(kind: &str) -> Option<(&str, &str)> {
    let name = kind.strip_prefix(QLIK)?;
    let (first, rest) = name.split_once('.')?;
    let version = first.strip_prefix('v').unwrap_or_default();
    let is_version = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    let name = if first == "core" || is_version {
        rest
    } else {
        name
    };
    let (noun, _) = name.split_once('.')?;
    Some((name, noun))
}

impl Subject {
    fn records(self, event: &Item<'_>) -> Option<BTreeSet<RecordRef>> {
        let data: Data<'_> = event
            .data
            .and_then(|data| object(data.get()))
            .unwrap_or_default();
        let extensions: Extensions = event
            .extensions
            .and_then(|extensions| object(extensions.get()))
            .unwrap_or_default();
        let resource = extensions.top_level_resource_id;
        match self {
            Self::One(kind) => named(kind, data.id.0.or(resource.0)).map(BTreeSet::from),
            Self::Identity => {
                let id = data.user_id.0.or(data.id.0).or(resource.0);
                named(Kind::User, id).map(BTreeSet::from)
            }
            Self::Members => {
                let group = named(Kind::Group, data.id.0.or(resource.0))?;
                let affected: Vec<String> = list(data.affected_users?)?;
                let users = affected.into_iter().map(|id| named(Kind::User, Some(id)));
                let mut records = BTreeSet::from(group);
                for user in users {
                    records.extend(user?);
                }
                Some(records)
            }
            Self::Roles => {
                let roles: Vec<Identified> = list(data.roles?)?;
                let roles = roles.into_iter().map(|role| named(Kind::Role, role.id.0));
                let roles: Option<Vec<_>> = roles.collect();
                Some(roles?.into_iter().flatten().collect())
            }
            Self::Unknown(kind) => {
                let affected = data.affected_users.and_then(list::<Loose>);
                let users = affected.into_iter().flatten().map(|user| user.0);
                let users = users.chain([data.user_id.0]);
                let users = users.filter_map(|id| named(Kind::User, id));
                let own = named(kind, data.id.0.or(resource.0)).into_iter();
                let records: BTreeSet<_> = users.chain(own).flatten().collect();
                (!records.is_empty()).then_some(records)
            }
            Self::Everyone => named(Kind::Group, Some(EVERYONE.to_owned())).map(BTreeSet::from),
        }
    }
}

/// Returns the type if it looks like one, or else a placeholder: the source chose the text, which
/// may be anything.
fn shown(kind: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    match kind.len() <= SHOWN && kind.bytes().all(plain) {
        true => kind,
        false => "com.qlik.…",
    }
}

fn named(kind: Kind, id: Option<String>) -> Option<[RecordRef; 1]> {
    let id = Id::parse(&id?).ok()?;
    Some([RecordRef { kind, id }])
}

/// Rejects lists: serde would read one as an object's fields in their order.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let object = text.starts_with('{').then_some(text)?;
    serde_json::from_str(object).ok()
}

fn list<'a, T: Deserialize<'a>>(text: &'a RawValue) -> Option<Vec<T>> {
    serde_json::from_str(text.get()).ok()
}
