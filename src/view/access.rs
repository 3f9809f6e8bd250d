//! Who may do what: roles that users hold, by which paths.

use serde_json::{Map, Value, json};

use super::user_spaces::{mention, user_spaces};
use super::{Frame, FrameEnd, put};
use crate::control::{
    AccessPerson, AccessRow, DiffPage, DiffRow, Envelope, Everybody, EverybodyDiff, NotKnown,
    Permission, StaleRow, Unseen, UserAccess,
};
use crate::model::unified::{UnifiedId, paths, right, role_right};
use crate::model::{Kind, LastSession, LicenceAssignment, TenantName, Timestamp, UserId};

/// Returns a role that a user holds.
pub fn access(tenant: &TenantName, row: &AccessRow) -> Value {
    let barrier = row.user.barrier;
    json!({
        "tenant": tenant,
        "user": person(&row.user),
        "right": role_right(&row.role),
        "standing": row.standing,
        "usable": barrier.is_none(),
        "why_not_usable": barrier,
        "paths": paths(&row.paths),
        "since": since(row),
    })
}

/// Returns everything that a user holds.
pub fn user_access(answer: &UserAccess) -> Value {
    let UserAccess {
        envelope: resting_on,
        user,
        roles,
        permissions,
        unseen,
        can_grant,
        spaces,
        last_session: last,
        of_idp,
        next: _,
    } = answer;
    let of_idp = of_idp.iter();
    let of_idp = of_idp.map(|(id, name)| json!({ "remote_id": id, "name": name }));
    let barrier = user.as_ref().and_then(|user| user.barrier);
    let roles = roles.iter().map(|row| {
        json!({
            "right": role_right(&row.role),
            "paths": paths(&row.paths),
            "since": since(row),
        })
    });
    json!({
        "user": user.as_ref().map(person),
        "usable": user.is_some() && barrier.is_none(),
        "why_not_usable": barrier,
        "roles": roles.collect::<Vec<_>>(),
        "permissions": permissions.iter().map(permission).collect::<Vec<_>>(),
        "could_assign_itself_any_role_by": can_grant.as_ref().map(role_right),
        "spaces": spaces.as_ref().map(user_spaces),
        "last_session": last_session(last),
        "groups_as_of_last_session": of_idp.collect::<Vec<_>>(),
        "not_visible": unseen.iter().map(not_visible).collect::<Vec<_>>(),
        "answer": envelope(resting_on, None),
    })
}

/// Returns a user who has begun no session for some time, or for whom this is not known.
pub fn stale(tenant: &TenantName, row: &StaleRow) -> Value {
    let StaleRow {
        user,
        admin_roles,
        last,
        idleness,
        idp_groups,
        licences,
        also_in,
    } = row;
    let groups = idp_groups.as_ref().map(|groups| {
        let groups = groups.iter();
        let groups = groups.map(|(id, name)| json!({ "remote_id": id, "name": name }));
        groups.collect::<Vec<_>>()
    });
    let licences = licences.as_ref().map(|all| {
        let all = all.iter().map(|assignment| {
            let LicenceAssignment {
                subject,
                sort,
                is_excess,
                created_at,
            } = assignment;
            json!({
                "subject": subject,
                "type": sort,
                "excess": is_excess,
                "created_at": created_at,
            })
        });
        all.collect::<Vec<_>>()
    });
    json!({
        "tenant": tenant,
        "user": person(user),
        "usable": user.barrier.is_none(),
        "why_not_usable": user.barrier,
        "admin_roles": admin_roles.iter().map(role_right).collect::<Vec<_>>(),
        "last_session": last_session(last),
        "idle": idleness,
        "idp_groups": groups,
        "licences": licences,
        "also_in": also_in,
    })
}

/// Returns what is known of a user's last session. Outside the span from `known_since` to
/// `known_until` there may have been a later one.
fn last_session(last: &LastSession) -> Value {
    let LastSession {
        at,
        known,
        as_of: _,
    } = last;
    json!({
        "at": at,
        "known_since": known.map(|span| span.since),
        "known_until": known.map(|span| span.until),
    })
}

/// Returns whether a user holds a role: the role with every path, for each role of that name.
pub fn explained(resting_on: &Envelope, roles: &[AccessRow]) -> Value {
    let roles = roles.iter().map(|row| access(&resting_on.tenant, row));
    json!({
        "rows": roles.collect::<Vec<_>>(),
        "answer": envelope(resting_on, None),
    })
}

/// Returns the object around the rows of some answers.
pub fn access_frame() -> Frame {
    Frame {
        fields: Map::new(),
        rows: "rows",
    }
}

/// Returns what follows those rows: what the answer about each tenant rests on.
pub fn access_answers(answers: Vec<Value>) -> FrameEnd {
    ("answers", answers.into())
}

/// Returns how a right of a user differs between two times.
pub fn access_diff(tenant: &TenantName, row: &DiffRow) -> Value {
    json!({
        "tenant": tenant,
        "user": person(&row.user),
        "account": row.account,
        "right": right(&row.right),
        "change": row.change,
        "before": paths(&row.before),
        "after": paths(&row.after),
    })
}

/// Returns what an answer about two times rests on, with the number of its rows, and with what
/// changed for all users.
pub fn diff_answer(from: Timestamp, answer: &DiffPage, rows: u64) -> Value {
    let mut json = envelope(&answer.page.envelope, Some(rows));
    let everybody: Vec<_> = answer.everybody.iter().map(everybody_diff).collect();
    let spaces: Vec<_> = answer.spaces.iter().map(mention).collect();
    put(&mut json, "from", from.to_string());
    put(&mut json, "everybody_changed", everybody);
    put(&mut json, "spaces", spaces);
    json
}

/// Returns how a right of all users differs between two times.
fn everybody_diff(row: &EverybodyDiff) -> Value {
    json!({
        "right": right(&row.right),
        "change": row.change,
        "users": row.users,
        "before": paths(&row.before),
        "after": paths(&row.after),
    })
}

/// Returns what an answer rests on, with the number of its rows if they are counted.
pub fn envelope(envelope: &Envelope, rows: Option<u64>) -> Value {
    let Envelope {
        tenant,
        as_of,
        sweep,
        not_known: lacking,
        everybody,
        asked,
    } = envelope;
    let mut json = json!({
        "tenant": tenant,
        "as_of": as_of,
        "last_sweep": sweep.map(|sweep| json!({ "run": sweep.run.to_string(), "ended_at": sweep.ended_at })),
        "complete": envelope.is_complete(),
        "not_known": lacking.iter().map(not_known).collect::<Vec<_>>(),
        "everybody": everybody.iter().map(everybodys).collect::<Vec<_>>(),
        "asked": asked.iter().map(role_right).collect::<Vec<_>>(),
    });
    if let Some(rows) = rows {
        put(&mut json, "rows", rows);
    }
    json
}

/// Returns the answer about a tenant that was never read.
pub fn access_unread(tenant: &TenantName) -> Value {
    let not_known = json!([{ "what": "whole_tenant" }]);
    json!({ "tenant": tenant, "complete": false, "not_known": not_known, "rows": 0 })
}

/// Returns the answer about a tenant of which nothing is known at the requested time.
pub fn access_not_covered(tenant: &TenantName) -> Value {
    json!({ "tenant": tenant, "complete": false, "not_known": [{ "what": "time" }], "rows": 0 })
}

pub(super) fn person(person: &AccessPerson) -> Value {
    let AccessPerson {
        id,
        label,
        email,
        subject,
        is_bot,
        barrier: _,
    } = person;
    json!({
        "id": UnifiedId::of(Kind::User, &id.0),
        "remote_id": id,
        "name": label,
        "primary_email_address": email,
        "subject": subject,
        "is_bot_user": is_bot,
    })
}

/// Returns since when a role is held, what that rests on, and who gave it.
fn since(row: &AccessRow) -> Option<Value> {
    let since = row.since.as_ref()?;
    let givers = row.given_by.iter();
    let givers = givers.map(|giver| json!({ "remote_id": giver.id, "name": giver.name }));
    let mut json = json!({
        "basis": since.basis(),
        "at": since.at(),
        "run": since.run().map(|run| run.to_string()),
        "by": givers.collect::<Vec<_>>(),
    });
    if let Some(reported) = since.reported() {
        put(&mut json, "not_before", reported.first.to_string());
    }
    Some(json)
}

fn permission(permission: &Permission) -> Value {
    json!({
        "name": permission.name,
        "roles": permission.roles.iter().map(role_right).collect::<Vec<_>>(),
    })
}

fn everybodys(everybody: &Everybody) -> Value {
    json!({
        "right": role_right(&everybody.role),
        "users": everybody.users,
        "paths": paths(&everybody.paths),
    })
}

pub(super) fn not_known(what: &NotKnown) -> Value {
    match what {
        NotKnown::WholeTenant => json!({ "what": "whole_tenant" }),
        NotKnown::Roles => json!({ "what": "roles" }),
        NotKnown::RolesOfGroup { id, name } => {
            json!({ "what": "roles_of_group", "group": { "remote_id": id, "name": name } })
        }
        NotKnown::User { id, name } => {
            let UserId(remote) = id;
            json!({ "what": "user", "user": { "remote_id": remote, "name": name } })
        }
        NotKnown::Spaces => json!({ "what": "spaces" }),
        NotKnown::PartOfSpace { id, name, part } => json!({
            "what": "part_of_space",
            "space": { "remote_id": id, "name": name },
            "part": part,
        }),
        NotKnown::LongList { id, name, part } => json!({
            "what": "long_list",
            "space": { "remote_id": id, "name": name },
            "part": part,
        }),
        NotKnown::UnreadSpaces { spaces } => {
            json!({ "what": "unread_spaces", "spaces": spaces })
        }
        NotKnown::Shares { spaces } => json!({ "what": "shares", "spaces": spaces }),
        NotKnown::Sessions { known } => json!({
            "what": "sessions",
            "known_since": known.map(|span| span.since),
            "known_until": known.map(|span| span.until),
        }),
        NotKnown::Licences { tenant, lack } => {
            json!({ "what": "licences", "tenant": tenant, "lack": lack.word() })
        }
        NotKnown::OtherThings => json!({ "what": "other_things" }),
        NotKnown::PersonalSpaces => json!({ "what": "personal_spaces" }),
        NotKnown::App { lack } => json!({
            "what": "app",
            "lack": lack.word(),
            "space": lack.space().map(|id| json!({ "remote_id": id })),
        }),
        NotKnown::More => json!({ "what": "more" }),
        NotKnown::Rest => json!({ "what": "rest" }),
        NotKnown::History => json!({ "what": "history" }),
    }
}

fn not_visible(unseen: &Unseen) -> Value {
    match unseen {
        Unseen::DirectRoles => json!({ "what": "direct_roles" }),
        Unseen::Groups => json!({ "what": "groups" }),
        Unseen::RolesOf(group) => json!({ "what": "roles_of_group", "group": group }),
        Unseen::Group(group) => json!({ "what": "group", "group": group }),
    }
}
