//! Maps Qlik's records to ours. `docs/mapping.md` describes the same for users.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::unicode;
use super::wire::{self, IdAndStatus, Lax, List, Named, Text};
use crate::model::{
    Assigned, Coded, Finding, FindingCode, Group, GroupId, GroupType, Id, Kind, Observed, Record,
    Role, RoleId, RoleType, User, UserId, UserStatus,
};

/// The system group that contains all users.
pub(super) const EVERYONE: &str = "000000000000000000000001";
/// Its name, which identifies it if its id differs.
const EVERYONE_NAME: &str = "com.qlik.Everyone";
/// What the subjects of Qlik's own bots begin with.
const BOT_SUBJECT: &str = "qlikbot\\";
/// The role that restricts its holder to embedded content.
const EMBEDDED_ONLY: &str = "EmbeddedAnalyticsUser";
/// The status under which Qlik lists deleted users.
const DELETED: &str = "deleted";

/// How many bad references of one record are named; more would add nothing.
const MAX_MISFITS: usize = 3;

/// What is wrong with a record: the field and what was expected in it, never a value.
type Misfit = String;

/// A record, and what is odd about it.
struct Mapped {
    record: Record,
    oddities: Oddities,
}

/// The parts of a record that could not be read.
#[derive(Debug, Default)]
struct Oddities {
    torn: BTreeSet<Assigned>,
    misfits: Vec<Misfit>,
}

/// Reads a record of a listing. `None` if it is listed as deleted.
pub(super) fn read(kind: Kind, text: Box<RawValue>) -> Option<Result<Observed, Finding>> {
    read_from(Origin::Regular, kind, text)
}

/// Reads a group of the listing of system groups.
pub(super) fn read_system(kind: Kind, text: Box<RawValue>) -> Option<Result<Observed, Finding>> {
    read_from(Origin::System, kind, text)
}

/// Reads a record. Invalid Unicode is replaced only if it prevents reading, so that valid records
/// cost nothing extra.
fn read_from(origin: Origin, kind: Kind, text: Box<RawValue>) -> Option<Result<Observed, Finding>> {
    let misfit = match map(origin, kind, text.get()) {
        Ok(mapped) => return mapped.map(|mapped| Ok(mapped.observed(text))),
        Err(misfit) => misfit,
    };
    let mended = unicode::mend(text.get()).and_then(|text| RawValue::from_string(text).ok());
    let Some(mended) = mended else {
        return unreadable(kind, &text, misfit).map(Err);
    };
    match map(origin, kind, mended.get()) {
        Ok(mapped) => mapped.map(|mapped| {
            let mut observed = mapped.observed(mended);
            let replaced = replaced(&observed.record, &misfit);
            observed.findings.push(replaced);
            Ok(observed)
        }),
        Err(misfit) => unreadable(kind, &mended, misfit).map(Err),
    }
}

fn map(origin: Origin, kind: Kind, text: &str) -> Result<Option<Mapped>, Misfit> {
    let mut oddities = Oddities::default();
    let record = match kind {
        Kind::User => user(text, &mut oddities)?.map(Record::User),
        Kind::Group => Some(Record::Group(group(text, origin, &mut oddities)?)),
        Kind::Role => Some(Record::Role(role(text, &mut oddities)?)),
    };
    Ok(record.map(|record| Mapped { record, oddities }))
}

impl Mapped {
    fn observed(self, text: Box<RawValue>) -> Observed {
        let Self { record, oddities } = self;
        let findings = oddities.misfits.into_iter().map(|detail| Finding {
            code: FindingCode::UnreadableReference,
            kind: record.kind(),
            id: Some(record.id().clone()),
            detail,
        });
        Observed {
            findings: findings.collect(),
            torn: oddities.torn,
            record,
            raw: text.into(),
        }
    }
}

/// Reads a record that was asked for by its id. A record with another id is not an answer and says
/// nothing about this one, least of all that it is gone.
pub(super) fn read_asked(
    kind: Kind,
    id: &Id,
    text: Box<RawValue>,
) -> Option<Result<Observed, Finding>> {
    if id_of(&text).as_ref() == Some(id) {
        return read(kind, text);
    }
    let detail = "field `id`: expected the id asked for".to_owned();
    Some(Err(finding(kind, Some(id.clone()), detail)))
}

/// Returns the id of a record; `None` if it cannot be read.
pub(super) fn id_of(text: &RawValue) -> Option<Id> {
    Id::parse(&IdAndStatus::id(text.get())?).ok()
}

/// Makes the finding of a record that could not be read. `None` for a deleted user, whose record
/// need not be complete.
fn unreadable(kind: Kind, text: &RawValue, misfit: Misfit) -> Option<Finding> {
    let status = IdAndStatus::status(text.get());
    let is_gone = kind == Kind::User && status.as_deref().is_some_and(is_deleted);
    (!is_gone).then(|| finding(kind, id_of(text), misfit))
}

/// Makes the finding of a record with invalid Unicode, given why it could not be read as received.
fn replaced(record: &Record, misfit: &str) -> Finding {
    let field = misfit
        .split_once(": ")
        .map_or("a field", |(field, _)| field);
    Finding {
        code: FindingCode::ReplacedText,
        kind: record.kind(),
        id: Some(record.id().clone()),
        detail: format!("{field}: characters that are not valid Unicode were replaced"),
    }
}

/// Makes the finding of a record that is too large to be accepted.
pub(super) fn too_large(kind: Kind, id: Option<Id>, limit: usize) -> Finding {
    finding(kind, id, format!("the record is larger than {limit} bytes"))
}

fn finding(kind: Kind, id: Option<Id>, detail: Misfit) -> Finding {
    Finding {
        code: FindingCode::UnreadableRecord,
        kind,
        id,
        detail,
    }
}

/// Which listing a group comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Regular,
    System,
}

fn user(text: &str, oddities: &mut Oddities) -> Result<Option<User>, Misfit> {
    let wire: wire::User = parse(text)?;
    let status = wire.status.as_ref().map(|status| status.0.as_ref());
    if status.is_some_and(is_deleted) {
        return Ok(None);
    }
    let subject = wire.subject.ok_or("field `subject`: expected text")?;
    let client_id = wire.client_id.0;
    Ok(Some(User {
        id: UserId(id(wire.id.as_ref())?),
        status: user_status(status),
        is_bot: client_id.is_some() || is_bot(&subject),
        subject,
        name: filled(wire.name),
        email: filled(wire.email),
        client_id,
        roles: oddities.named(wire.assigned_roles, Assigned::Roles, RoleId),
        groups: oddities.named(wire.assigned_groups, Assigned::Groups, GroupId),
        scopes: oddities.texts(wire.assigned_scopes, "assignedScopes"),
        created_at: wire.created_at.0.or(wire.created.0),
        updated_at: wire.last_updated_at.0.or(wire.last_updated.0),
        invite_expires_at: wire.invite_expiry.0,
        picture: wire.picture.0,
        locale: wire.locale.0,
        zone_info: wire.zoneinfo.0,
        preferred_locale: wire.preferred_locale.0,
        preferred_zone_info: wire.preferred_zoneinfo.0,
    }))
}

fn group(text: &str, origin: Origin, oddities: &mut Oddities) -> Result<Group, Misfit> {
    let wire: wire::Group = parse(text)?;
    let name = wire.name.ok_or("field `name`: expected text")?;
    let is_system = origin == Origin::System
        || name == EVERYONE_NAME
        || wire.id.as_ref().is_some_and(|id| id.0 == EVERYONE);
    // System groups are switched on and off instead of having a status.
    let enabled = wire
        .enabled
        .map(|enabled| if enabled { "active" } else { "disabled" });
    Ok(Group {
        id: GroupId(id(wire.id.as_ref())?),
        name,
        description: filled(wire.description),
        group_type: match is_system {
            true => Coded::new(GroupType::Organization, "system"),
            false => group_type(wire.provider_type),
        },
        status: filled(wire.status).or(enabled.map(str::to_owned)),
        idp_id: wire.idp_id.0,
        roles: oddities.named(wire.assigned_roles, Assigned::Roles, RoleId),
        created_at: wire.created_at.0,
        updated_at: wire.last_updated_at.0,
    })
}

fn role(text: &str, oddities: &mut Oddities) -> Result<Role, Misfit> {
    let wire: wire::Role = parse(text)?;
    let name = wire.name.ok_or("field `name`: expected text")?;
    let level = filled(wire.level);
    Ok(Role {
        id: RoleId(id(wire.id.as_ref())?),
        role_type: role_type(&name, level.as_deref()),
        name,
        description: filled(wire.description),
        origin: filled(wire.origin),
        level,
        permissions: oddities.texts(wire.permissions, "permissions"),
        scopes: oddities.texts(wire.assigned_scopes, "assignedScopes"),
        created_at: wire.created_at.0,
        updated_at: wire.last_updated_at.0,
    })
}

fn user_status(status: Option<&str>) -> Coded<UserStatus> {
    let value = match status {
        Some("active") => UserStatus::Enabled,
        Some("invited" | "provisioned") => UserStatus::Pending,
        Some("disabled") => UserStatus::Disabled,
        Some(_) | None => UserStatus::UnmappedValue,
    };
    Coded {
        value,
        source_value: status.map(str::to_owned),
    }
}

fn group_type(provider_type: Option<String>) -> Coded<GroupType> {
    let value = match provider_type.as_deref() {
        Some("idp" | "custom") => GroupType::Group,
        Some(_) | None => GroupType::UnmappedValue,
    };
    Coded {
        value,
        source_value: provider_type,
    }
}

fn role_type(name: &str, level: Option<&str>) -> Coded<RoleType> {
    let value = match (name, level) {
        (EMBEDDED_ONLY, _) => RoleType::Restricted,
        (_, Some("admin")) => RoleType::Admin,
        (_, Some("user")) => RoleType::Basic,
        (_, Some(_) | None) => RoleType::UnmappedValue,
    };
    Coded::new(value, level.unwrap_or(name))
}

fn is_deleted(status: &str) -> bool {
    status == DELETED
}

fn is_bot(subject: &str) -> bool {
    subject
        .get(..BOT_SUBJECT.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(BOT_SUBJECT))
}

/// Parses once. Only if that fails it parses a second time, to find out where.
fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Misfit> {
    // serde would read a list as the fields in their order.
    if !text.starts_with('{') {
        return Err("expected an object".to_owned());
    }
    serde_json::from_str(text).map_err(|_told_by_the_second| wire::misfit_of::<T>(text))
}

fn id(text: Option<&Text>) -> Result<Id, Misfit> {
    text.and_then(|text| Id::parse(&text.0).ok())
        .ok_or_else(|| "field `id`: expected an id".to_owned())
}

impl Oddities {
    /// Reads a list of references, and notes those that it cannot read. `None` stays `None`: an
    /// absent list is not visible to us, which is not the same as empty. A value that is not a list
    /// counts as absent.
    fn named<K: Ord>(
        &mut self,
        list: List<Named>,
        what: Assigned,
        key: fn(Id) -> K,
    ) -> Option<BTreeMap<K, String>> {
        let field = match what {
            Assigned::Roles => "assignedRoles",
            Assigned::Groups => "assignedGroups",
        };
        let list = match list {
            List::Of(list) => list,
            List::Nothing => return None,
            List::Other => {
                self.torn.insert(what);
                self.note(format!("field `{field}`: expected a list"));
                return None;
            }
        };
        let mut map = BTreeMap::new();
        for (place, Named { id, name }) in list.into_iter().enumerate() {
            let id = match id {
                Lax::Text(id) => Id::parse(&id).ok(),
                Lax::Nothing | Lax::Other => None,
            };
            let name = match name {
                Lax::Text(name) => name.into_owned(),
                Lax::Nothing => String::new(),
                Lax::Other => {
                    self.note(format!("field `{field}[{place}].name`: expected text"));
                    String::new()
                }
            };
            let Some(id) = id else {
                self.torn.insert(what);
                self.note(format!("field `{field}[{place}].id`: expected an id"));
                continue;
            };
            map.insert(key(id), name);
        }
        Some(map)
    }

    /// Reads a list of words. A list that cannot be read completely counts as not visible: its
    /// known value stays.
    fn texts(&mut self, list: List<Lax>, field: &str) -> Option<BTreeSet<String>> {
        let list = match list {
            List::Of(list) => list,
            List::Nothing => return None,
            List::Other => {
                self.note(format!("field `{field}`: expected a list"));
                return None;
            }
        };
        let mut texts = BTreeSet::new();
        for (place, text) in list.into_iter().enumerate() {
            let Lax::Text(text) = text else {
                self.note(format!("field `{field}[{place}]`: expected text"));
                return None;
            };
            texts.insert(text.into_owned());
        }
        Some(texts)
    }

    fn note(&mut self, misfit: Misfit) {
        if self.misfits.len() < MAX_MISFITS {
            self.misfits.push(misfit);
        }
    }
}

/// Returns a text unless it is empty, which means the same as none.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
