//! The content of events about what users hold, and about what a role allows.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use crate::model::unified::{UnifiedId, paths, right, role_right};
use crate::model::{
    Entry, Holder, Id, Kind, Right, RightChange, RightHolders, RoleMention, SpaceId,
};

/// The content of an event about a right or a role, before anything is hidden.
#[derive(Clone)]
pub struct RightData<'a> {
    /// What it is about.
    pub subject: RightSubject<'a>,
    /// Its `data`.
    pub data: Value,
}

/// What an event about a right is about: one user or, if it concerns several or none, the role or
/// the space.
#[derive(Debug, Clone, Copy)]
pub enum RightSubject<'a> {
    /// A user or a role.
    Record(Kind, &'a Id),
    /// A space.
    Space(&'a SpaceId),
}

impl<'a> RightSubject<'a> {
    fn of(right: &'a Right) -> Self {
        match right {
            Right::Role(role) => Self::Record(Kind::Role, &role.id.0),
            Right::SpaceRole { space, .. } | Right::App { space, .. } => Self::Space(&space.id),
        }
    }
}

/// Does not show its data, which names people.
impl fmt::Debug for RightData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RightData")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// Returns the content of an entry about users who gained or lost a right, or now hold it by other
/// paths.
///
/// `id` is that of its event.
pub(super) fn right_changed<'a>(id: &str, entry: &Entry, change: &'a RightChange) -> RightData<'a> {
    let RightChange {
        right: held,
        change: _,
        holders,
        before,
        after,
    } = change;
    let mut data = json!({
        "run": entry.run().map(|run| run.to_string()),
        "version": entry.version(),
        "right": right(held),
        "before": paths(before),
        "after": paths(after),
    });
    let (key, whom, subject) = match holders {
        RightHolders::One(holder) => (
            "user",
            user(holder),
            RightSubject::Record(Kind::User, &holder.id.0),
        ),
        RightHolders::Listed { count, .. } => {
            let command = format!("qlik-roster access changes --event {id}");
            let users = json!({ "count": count, "command": command });
            ("users", users, RightSubject::of(held))
        }
        RightHolders::Everybody { count } => {
            let everybody = json!({ "count": count });
            ("everybody", everybody, RightSubject::of(held))
        }
    };
    if let Value::Object(fields) = &mut data {
        fields.insert(key.to_owned(), whom);
    }
    RightData { subject, data }
}

/// Returns the content of an entry about what a role allows.
pub(super) fn role_content<'a>(
    entry: &Entry,
    role: &'a RoleMention,
    gained: &BTreeSet<String>,
    lost: &BTreeSet<String>,
) -> RightData<'a> {
    RightData {
        subject: RightSubject::Record(Kind::Role, &role.id.0),
        data: json!({
            "run": entry.run().map(|run| run.to_string()),
            "version": entry.version(),
            "right": role_right(role),
            "gained": gained,
            "lost": lost,
        }),
    }
}

fn user(holder: &Holder) -> Value {
    let Holder {
        id,
        subject,
        name,
        email,
        is_bot,
        barrier,
        account,
    } = holder;
    json!({
        "id": UnifiedId::of(Kind::User, &id.0),
        "remote_id": id,
        "username": subject,
        "name": name,
        "primary_email_address": email,
        "is_bot_user": is_bot,
        "usable": barrier.is_none(),
        "why_not_usable": barrier,
        "account": account,
    })
}
