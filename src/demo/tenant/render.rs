//! Writes records as Qlik's JSON, fast enough that a page costs tens of microseconds.
//!
//! Users are written by hand from a compact row and from fragments made once per role and group:
//! a million texts kept ready would save too little time for the memory they take.

use std::collections::BTreeSet;

use crate::model::{Id, Timestamp};

use super::default_roles::is_user_default;
use super::record::{GroupRow, Role, RoleRow, Slot, UserRow};

/// The host that Qlik's links show: one inside their network, over plain HTTP.
pub const INTERNAL_HOST: &str = "http://identities.iam.svc.cluster.local:8080";

/// The members that a `fields` parameter can choose; the order of the bits is ours.
pub const FIELDS: [&str; 18] = [
    "id",
    "tenantId",
    "clientId",
    "status",
    "subject",
    "name",
    "email",
    "assignedRoles",
    "assignedGroups",
    "assignedScopes",
    "createdAt",
    "lastUpdatedAt",
    "inviteExpiry",
    "picture",
    "locale",
    "zoneinfo",
    "preferredLocale",
    "links",
];

/// How a record is to be shown.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent of each other, each named where it is set"
)]
pub struct Look {
    /// Bits in the order of [`FIELDS`].
    pub fields: u32,
    /// Roles of users are shown.
    pub roles: bool,
    /// Groups of users are shown.
    pub groups: bool,
    /// Assigned roles and groups are shown as none.
    pub empty_access: bool,
    /// Statuses and types take values that nobody documented.
    pub unknown_values: bool,
    /// The name is a number.
    pub wrong_type: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            fields: u32::MAX,
            roles: true,
            groups: true,
            empty_access: false,
            unknown_values: false,
            wrong_type: false,
        }
    }
}

impl Look {
    fn show(self, slots: &[Slot]) -> &[Slot] {
        if self.empty_access { &[] } else { slots }
    }

    /// Shows the members that are named; unknown names are ignored.
    pub fn of_fields(list: &str) -> Self {
        let named = |field: &&str| list.split(',').any(|name| name.trim() == *field);
        let bits = FIELDS.iter().enumerate().filter(|(_, f)| named(f));
        Self {
            fields: bits.fold(0, |set, (bit, _)| set | 1 << bit),
            ..Self::default()
        }
    }
}

/// What we need besides a row: fragments of roles and groups by slot, ready to be copied.
#[derive(Debug, Default)]
pub struct Fragments {
    pub tenant_id: String,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// Users and groups that do not show their roles.
    pub hidden: BTreeSet<Id>,
    /// Users who do not show their groups.
    pub groupless: BTreeSet<Id>,
}

/// Writes one user.
pub fn user(out: &mut Vec<u8>, row: &UserRow, fragments: &Fragments, look: Look) {
    let mut object = Object::open(out, look);
    object.member(0, |out| id(out, &row.id));
    object.member(1, |out| string(out, &fragments.tenant_id));
    object.maybe(2, row.client_id());
    object.member(3, |out| {
        if look.unknown_values {
            string(out, "hibernating");
        } else {
            string(out, row.status.as_str());
        }
    });
    object.member(4, |out| string(out, &row.subject));
    object.member(5, |out| name(out, &row.name, look));
    object.maybe(6, row.email.as_deref());
    if look.roles && !fragments.hidden.contains(&row.id) {
        object.member(7, |out| {
            let start = out.len();
            list(out, look.show(&row.roles), &fragments.roles);
            if look.unknown_values {
                let comma: &[u8] = if row.roles.is_empty() { b"" } else { b"," };
                out.splice((start + 1)..=start, [UNKNOWN_ROLE, comma].concat());
            }
        });
    }
    if look.groups && !fragments.groupless.contains(&row.id) {
        object.member(8, |out| {
            list(out, look.show(&row.groups), &fragments.groups);
        });
    }
    let rare = row.rare.as_deref();
    if let Some(scopes) = rare.and_then(|rare| rare.scopes.as_ref()) {
        object.member(9, |out| json(out, scopes));
    }
    object.member(10, |out| time(out, row.created));
    object.member(11, |out| time(out, row.updated));
    if let Some(at) = row.invite_expires() {
        object.member(12, |out| {
            out.extend_from_slice(expiry(&row.id, at).as_bytes());
        });
    }
    object.maybe(13, rare.and_then(|rare| rare.picture.as_deref()));
    object.maybe(14, rare.and_then(|rare| rare.locale.as_deref()));
    object.maybe(15, rare.and_then(|rare| rare.zone_info.as_deref()));
    object.member(17, |out| links(out, "users", &row.id));
    object.close();
}

const UNKNOWN_ROLE: &[u8] =
    br#"{"id":"00000000000000000000feed","name":"Guest","type":"partner","level":"guest"}"#;

/// Writes one role.
pub fn role(out: &mut Vec<u8>, row: &RoleRow, tenant_id: &str, look: Look) {
    let role = &row.role;
    let unknown = look.unknown_values;
    let is_default = role.origin == "default";
    out.extend_from_slice(b"{\"id\":");
    id(out, &role.id.0);
    out.extend_from_slice(b",\"name\":");
    name(out, &role.name, look);
    text(out, ",\"description\":", &role.description);
    text(
        out,
        ",\"type\":",
        if unknown { "partner" } else { role.origin },
    );
    text(
        out,
        ",\"level\":",
        if unknown { "guest" } else { role.level },
    );
    // Qlik's changelog shows default roles without a tenant.
    text(
        out,
        ",\"tenantId\":",
        if is_default { "" } else { tenant_id },
    );
    if let Some(permissions) = &role.permissions {
        out.extend_from_slice(b",\"permissions\":");
        json(out, permissions);
    }
    if let Some(scopes) = &role.scopes {
        out.extend_from_slice(b",\"assignedScopes\":");
        json(out, scopes);
    }
    let can_edit = !is_default || is_user_default(role);
    out.extend_from_slice(
        format!(",\"canEdit\":{can_edit},\"canDelete\":{}", !is_default).as_bytes(),
    );
    times_and_links(out, role.created_at, role.updated_at, "roles", &role.id.0);
}

/// Writes one group, regular or system.
pub fn group(out: &mut Vec<u8>, row: &GroupRow, fragments: &Fragments, look: Look) {
    let group = &row.group;
    let unknown = look.unknown_values;
    out.extend_from_slice(b"{\"id\":");
    id(out, &group.id.0);
    out.extend_from_slice(b",\"name\":");
    name(out, &group.name, look);
    if let Some(description) = &group.description {
        text(out, ",\"description\":", description);
    }
    text(out, ",\"tenantId\":", &fragments.tenant_id);
    text(
        out,
        ",\"status\":",
        if unknown { "retired" } else { group.status },
    );
    match group.provider {
        "system" => out.extend_from_slice(b",\"enabled\":true"),
        provider => text(
            out,
            ",\"providerType\":",
            if unknown { "ldap" } else { provider },
        ),
    }
    if let Some(idp_id) = &group.idp_id {
        text(out, ",\"idpId\":", idp_id);
    }
    if look.roles && !fragments.hidden.contains(&group.id.0) {
        out.extend_from_slice(b",\"assignedRoles\":");
        list(out, look.show(&row.roles), &fragments.roles);
    }
    times_and_links(
        out,
        group.created_at,
        group.updated_at,
        "groups",
        &group.id.0,
    );
}

/// Writes what a user or group shows of a role.
pub fn role_fragment(role: &Role) -> String {
    serde_json::json!({
        "id": role.id, "name": role.name, "type": role.origin, "level": role.level,
    })
    .to_string()
}

/// Writes what a user shows of a group.
pub fn group_fragment(row: &GroupRow, roles: &[String]) -> String {
    let mut out = Vec::with_capacity(200);
    text(&mut out, "{\"id\":", &row.group.id.to_string());
    text(&mut out, ",\"name\":", &row.group.name);
    text(&mut out, ",\"providerType\":", row.group.provider);
    out.extend_from_slice(b",\"assignedRoles\":");
    list(&mut out, &row.roles, roles);
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
}

struct Object<'a> {
    out: &'a mut Vec<u8>,
    fields: u32,
    empty: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut Vec<u8>, look: Look) -> Self {
        out.push(b'{');
        Self {
            out,
            fields: look.fields,
            empty: true,
        }
    }

    fn member(&mut self, bit: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(name) = FIELDS.get(bit).filter(|_| self.fields & (1 << bit) != 0) else {
            return;
        };
        let before: &[u8] = if self.empty { b"\"" } else { b",\"" };
        self.out.extend_from_slice(before);
        self.empty = false;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        write(self.out);
    }

    fn maybe(&mut self, bit: usize, value: Option<&str>) {
        if let Some(value) = value {
            self.member(bit, |out| string(out, value));
        }
    }

    fn close(self) {
        self.out.push(b'}');
    }
}

fn times_and_links(out: &mut Vec<u8>, made: Timestamp, changed: Timestamp, kind: &str, of: &Id) {
    out.extend_from_slice(b",\"createdAt\":");
    time(out, made);
    out.extend_from_slice(b",\"lastUpdatedAt\":");
    time(out, changed);
    out.extend_from_slice(b",\"links\":");
    links(out, kind, of);
    out.push(b'}');
}

fn name(out: &mut Vec<u8>, name: &str, look: Look) {
    if look.wrong_type {
        out.extend_from_slice(b"{\"formatted\":42}");
    } else {
        string(out, name);
    }
}

fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(key.as_bytes());
    string(out, value);
}

fn string(out: &mut Vec<u8>, text: &str) {
    let plain = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().all(plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        json(out, text);
    }
}

fn json(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("strings and sets of them always serialise");
}

fn list(out: &mut Vec<u8>, slots: &[Slot], fragments: &[String]) {
    out.push(b'[');
    for (at, slot) in slots.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let fragment = fragments.get(*slot as usize);
        out.extend_from_slice(fragment.map_or("null", String::as_str).as_bytes());
    }
    out.push(b']');
}

fn links(out: &mut Vec<u8>, kind: &str, of: &Id) {
    for part in ["{\"self\":{\"href\":\"", INTERNAL_HOST, "/v1/", kind, "/"] {
        out.extend_from_slice(part.as_bytes());
    }
    bare_id(out, of);
    out.extend_from_slice(b"\"}}");
}

fn id(out: &mut Vec<u8>, id: &Id) {
    out.push(b'"');
    bare_id(out, id);
    out.push(b'"');
}

fn bare_id(out: &mut Vec<u8>, id: &Id) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let Some(bytes) = id.object_bytes() else {
        return out.extend_from_slice(id.to_string().as_bytes());
    };
    let mut text = [[0; 2]; 12];
    for (pair, byte) in text.iter_mut().zip(bytes) {
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    out.extend_from_slice(text.as_flattened());
}

/// Writes a time as a number, in a unit that depends on the user's id: Qlik says "Unix timestamp"
/// in one place and "number of seconds" in another.
fn expiry(id: &Id, at: Timestamp) -> String {
    match id.to_key().last().map_or(0, |byte| byte % 3) {
        0 => at.seconds().to_string(),
        1 => at.millis().to_string(),
        _ => format!("{}.0", at.seconds()),
    }
}

/// Writes RFC 3339 by the civil-from-days algorithm: chrono's takes ten times as long.
fn time(out: &mut Vec<u8>, at: Timestamp) {
    let millis = at.millis();
    let days = millis.div_euclid(86_400_000);
    let rest = millis.rem_euclid(86_400_000);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let two = |number: i64| {
        let number = u8::try_from(number.rem_euclid(100)).unwrap_or(0);
        [b'0' + number / 10, b'0' + number % 10]
    };
    let [y1, y2] = two(year / 100);
    let [y3, y4] = two(year);
    let [mo1, mo2] = two(month);
    let [d1, d2] = two(day);
    let [h1, h2] = two(rest / 3_600_000);
    let [mi1, mi2] = two(rest / 60_000 % 60);
    let [s1, s2] = two(rest / 1_000 % 60);
    let [f1, f2] = two(rest % 1_000 / 10);
    let [_, f3] = two(rest % 10);
    out.extend_from_slice(&[
        b'"', y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1,
        s2, b'.', f1, f2, f3, b'Z', b'"',
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_the_model_prints_them() {
        for text in [
            "1970-01-01T00:00:00.001Z",
            "2000-02-29T23:59:59.999Z",
            "2024-12-31T12:00:00.000Z",
            "2026-03-01T00:00:00.120Z",
        ] {
            let mut out = Vec::new();

            time(&mut out, Timestamp::parse(text).unwrap());

            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{text}\""));
        }
    }

    #[test]
    fn a_text_with_quotes_and_controls_is_escaped() {
        let mut out = Vec::new();

        string(&mut out, "qlikbot\\\"x\"\n");

        assert_eq!(out, br#""qlikbot\\\"x\"\n""#);
    }
}
