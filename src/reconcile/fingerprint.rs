//! Computes the 128-bit fingerprint of a record's content.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde::ser::{Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_128;

use crate::model::{Fingerprint, Group, Record, Role, User};

/// Raised by one whenever the set of hashed fields changes. Every fingerprint then differs once,
/// and a comparison of the bodies finds that no record changed.
const GENERATION: u8 = 1;

/// Returns the fingerprint of a record's content.
///
/// It leaves out `updated_at`, which moves without a change, and the names of other records, which
/// have fingerprints of their own: renaming a role does not change its holders.
pub fn fingerprint(record: &Record) -> Fingerprint {
    match record {
        Record::User(user) => of_user(user),
        Record::Group(group) => of_group(group),
        Record::Role(role) => of_role(role),
    }
}

// The patterns name every field, so that a new one does not compile until it is decided here
// whether it is content.

fn of_user(user: &User) -> Fingerprint {
    let User {
        id,
        subject,
        name,
        email,
        status,
        is_bot,
        client_id,
        roles,
        groups,
        scopes,
        created_at,
        updated_at: _,
        invite_expires_at,
        picture,
        locale,
        zone_info,
        preferred_locale,
        preferred_zone_info,
    } = user;
    print_of(&(
        (GENERATION, 'u', id, subject, name, email, status, is_bot),
        (
            client_id,
            keys(roles.as_ref()),
            keys(groups.as_ref()),
            scopes,
            created_at,
            invite_expires_at,
        ),
        (
            picture,
            locale,
            zone_info,
            preferred_locale,
            preferred_zone_info,
        ),
    ))
}

fn of_group(group: &Group) -> Fingerprint {
    let Group {
        id,
        name,
        description,
        group_type,
        status,
        idp_id,
        roles,
        created_at,
        updated_at: _,
    } = group;
    print_of(&(
        (GENERATION, 'g', id, name, description, group_type),
        (status, idp_id, keys(roles.as_ref()), created_at),
    ))
}

fn of_role(role: &Role) -> Fingerprint {
    let Role {
        id,
        name,
        description,
        role_type,
        origin,
        level,
        permissions,
        scopes,
        created_at,
        updated_at: _,
    } = role;
    print_of(&(
        (GENERATION, 'r', id, name, description, role_type),
        (origin, level, permissions, scopes, created_at),
    ))
}

/// Hashes the bytes of the content. They go into a buffer that each thread reuses, since allocating
/// one of this size for every record costs more than the hash.
fn print_of(content: &impl Serialize) -> Fingerprint {
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut buffer = BUFFER.take();
    buffer.clear();
    let bytes = postcard::to_extend(content, buffer).expect("plain values serialise into memory");
    let print = Fingerprint(xxh3_128(&bytes).to_be_bytes());
    BUFFER.set(bytes);
    print
}

fn keys<K, V>(map: Option<&BTreeMap<K, V>>) -> Option<Keys<'_, K, V>> {
    map.map(Keys)
}

struct Keys<'a, K, V>(&'a BTreeMap<K, V>);

impl<K: Serialize, V> Serialize for Keys<'_, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.keys())
    }
}
