//! The unified IAM schema in the style of StackOne: how records look to the outside.
//!
//! The shapes are those of StackOne's IAM v1, so that software written for it reads ours:
//! `{value, source_value}` for open enums, `remote_id` beside a derived `id`, null for what
//! the source has no word for. What StackOne has no field for goes to
//! `unified_custom_fields`. `docs/mapping.md` says for each field where it comes from.
//!
//! Pure, and the same bytes for the same record: events are signed over them.

mod group;
mod policy;
mod role;
mod user;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};

pub use group::IamGroup;
pub use policy::{IamPermission, IamPolicy};
pub use role::IamRole;
pub use user::{File, IamUser, UserFields};

use super::{Id, Kind, Record};

/// A record in the unified schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Unified {
    /// A role.
    Role(IamRole),
    /// A group.
    Group(IamGroup),
    /// A user.
    User(Box<IamUser>),
}

impl Unified {
    /// Returns a record in the unified schema.
    pub fn of(record: &Record) -> Self {
        match record {
            Record::Role(role) => Self::Role(IamRole::of(role)),
            Record::Group(group) => Self::Group(IamGroup::of(group)),
            Record::User(user) => Self::User(Box::new(IamUser::of(user))),
        }
    }
}

/// Returns a record in the unified schema, as JSON.
pub fn value(record: &Record) -> Value {
    json!(Unified::of(record))
}

/// Returns the derived id of a record: `c28xIQ` and the URL-safe base64 of `user_id:<id>`,
/// as StackOne composes its own. It can be taken apart again and says nothing new.
pub fn unified_id(kind: Kind, id: &Id) -> String {
    composed(&format!("{kind}_id:{id}"))
}

fn composed(text: &str) -> String {
    let mut out = String::from("c28xIQ");
    URL_SAFE_NO_PAD.encode_string(text, &mut out);
    out
}

#[cfg(test)]
mod tests;
