//! The content of events about spaces: what the space says about itself, and whose roles differ.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::{Assignee, Id, SpaceAssignment, SpaceChange, SpaceHead, SpaceShare};

/// The most members that an event shows of a list; it also says how many changed. A space may have
/// thousands, and `access --space` lists them.
const SHOWN: usize = 100;

/// Returns the `data` of an event about a change to a space.
pub(super) fn data(change: &SpaceChange) -> Value {
    let latest = change.after.as_ref().or(change.before.as_ref());
    let before = change.before.as_ref().filter(|_| change.after.is_some());
    let assignments = change.assignments.members.iter();
    let shares = change.shares.members.iter();
    json!({
        "remote_id": change.id,
        "space": latest.map(head),
        "became_visible": change.became_visible(),
        "before": before.filter(|before| Some(*before) != latest).map(head),
        "assignments": {
            "n_changed": change.assignments.members.len(),
            "changed": assignments.take(SHOWN).map(assignment).collect::<Vec<_>>(),
        },
        "shares": {
            "n_changed": change.shares.members.len(),
            "changed": shares.take(SHOWN).map(share).collect::<Vec<_>>(),
        },
    })
}

fn head(head: &SpaceHead) -> Value {
    json!({
        "name": head.name,
        "type": head.sort,
        "owner_id": head.owner,
        "created_at": head.created_at,
        "not_visible": head.unseen,
    })
}

fn assignment(
    (assignee, (before, after)): (
        &Assignee,
        &(Option<SpaceAssignment>, Option<SpaceAssignment>),
    ),
) -> Value {
    json!({
        "type": assignee.sort,
        "remote_id": assignee.id,
        "roles_before": before.as_ref().map(|it| &it.roles),
        "roles_after": after.as_ref().map(|it| &it.roles),
    })
}

fn share((id, (before, after)): (&Id, &(Option<SpaceShare>, Option<SpaceShare>))) -> Value {
    let latest = after.as_ref().or(before.as_ref());
    let roles = |share: &Option<SpaceShare>| -> Option<BTreeSet<String>> {
        share
            .as_ref()
            .filter(|share| !(share.is_disabled && share.is_link()))
            .map(|share| share.roles.clone())
    };
    json!({
        "remote_id": id,
        "type": latest.map(|share| &share.sort),
        "with": latest.and_then(|share| share.with.as_ref()),
        "resource_id": latest.and_then(|share| share.resource.as_ref()),
        "resource_type": latest.and_then(|share| share.resource_sort.as_ref()),
        "roles_before": roles(before),
        "roles_after": roles(after),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Found, Space, SpaceId};

    fn id(n: u32) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    /// Returns a space with one share.
    fn sharing(sort: &str, with: Option<Id>, is_disabled: bool) -> Space {
        let share = SpaceShare {
            sort: sort.to_owned(),
            with,
            roles: ["consumer".to_owned()].into(),
            resource: Some("app-1".to_owned()),
            resource_sort: Some("app".to_owned()),
            is_disabled,
            created_at: None,
            created_by: None,
        };
        Space {
            id: SpaceId(id(1)),
            head: SpaceHead {
                name: "Sales".to_owned(),
                sort: None,
                owner: None,
                created_at: None,
                unseen: BTreeSet::new(),
            },
            assignments: Some([].into()),
            shares: Some([(id(2), share)].into()),
            partial: BTreeSet::new(),
        }
    }

    #[test]
    fn a_share_that_is_switched_off_ends_only_a_link() {
        for (sort, with, roles) in [
            ("link", None, Value::Null),
            ("user", Some(id(3)), json!(["consumer"])),
            ("group", Some(id(4)), json!(["consumer"])),
        ] {
            let (on, off) = (
                sharing(sort, with.clone(), false),
                sharing(sort, with, true),
            );
            let change = SpaceChange::between(Some(&on), Some(&off), Found::New).unwrap();

            let told = data(&change);

            let share = &told["shares"]["changed"][0];
            assert_eq!(share["roles_before"], json!(["consumer"]), "{sort}");
            assert_eq!(share["roles_after"], roles, "{sort}");
        }
    }
}
