//! The filters that the listings of spaces, assignments and shares take. What Qlik does not
//! document is refused.

use crate::model::{GroupId, UserId};

use super::faults::Endpoint;
use super::space::{Assignee, Assignment, Share, Space, SpaceSort};

/// The parameters of a request, as names and values.
pub type Pairs = [(String, String)];

/// What a parameter takes.
#[derive(Debug, Clone, Copy)]
enum Takes {
    /// Any text.
    Text,
    /// One of these words.
    One(&'static [&'static str]),
    /// A list of these words, with commas between them.
    Several(&'static [&'static str]),
}

const SPACES: [(&str, Takes); 11] = [
    ("action", Takes::One(&["publish"])),
    ("environment.name", Takes::Text),
    ("environmentId", Takes::Text),
    ("limit", Takes::Text),
    ("name", Takes::Text),
    ("next", Takes::Text),
    ("ownerId", Takes::Text),
    ("prev", Takes::Text),
    ("roles", Takes::Several(&ROLES)),
    ("sort", Takes::Text),
    ("type", Takes::Several(&["shared", "managed", "data"])),
];

const ASSIGNMENTS: [(&str, Takes); 5] = [
    ("assigneeId", Takes::Text),
    ("limit", Takes::Text),
    ("next", Takes::Text),
    ("prev", Takes::Text),
    ("type", Takes::One(&["user", "group", "bot"])),
];

const SHARES: [(&str, Takes); 9] = [
    ("groupId", Takes::Text),
    ("limit", Takes::Text),
    ("name", Takes::Text),
    ("next", Takes::Text),
    ("prev", Takes::Text),
    ("resourceId", Takes::Text),
    ("resourceType", Takes::Text),
    ("type", Takes::One(&["user", "group", "link"])),
    ("userId", Takes::Text),
];

/// All roles that can be assigned in one sort of space or another.
const ROLES: [&str; 10] = [
    "basicconsumer",
    "codeveloper",
    "consumer",
    "contributor",
    "dataconsumer",
    "datapreview",
    "facilitator",
    "operator",
    "producer",
    "publisher",
];

/// The name that all shared apps have here.
pub const APP_NAME: &str = "an app";

/// Checks the parameters of a listing. The error names the one that is wrong, and says what is
/// expected.
pub fn check(endpoint: Endpoint, pairs: &Pairs) -> Result<(), (String, String)> {
    let documented: &[(&str, Takes)] = match endpoint {
        Endpoint::Spaces => &SPACES,
        Endpoint::Assignments => &ASSIGNMENTS,
        Endpoint::Shares => &SHARES,
        _ => &[],
    };
    for (name, value) in pairs {
        let takes = documented.iter().find(|(known, _)| known == name);
        let (fits, expected) = match takes.map(|(_, takes)| *takes) {
            None => (false, "no such parameter".to_owned()),
            Some(Takes::Text) => (true, String::new()),
            Some(Takes::One(words)) => {
                let expected = format!("one of {} is expected", words.join(", "));
                (words.contains(&value.as_str()), expected)
            }
            Some(Takes::Several(words)) => {
                let expected = format!("some of {} are expected", words.join(", "));
                (value.split(',').all(|it| words.contains(&it)), expected)
            }
        };
        if !fits {
            return Err((name.clone(), expected));
        }
    }
    Ok(())
}

/// Returns the value of a parameter.
pub fn get<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p str> {
    let pair = pairs.iter().find(|(key, _)| key == name);
    pair.map(|(_, value)| value.as_str())
}

/// Returns whether a listing for this caller shows a space.
pub fn keeps_space(pairs: &Pairs, space: &Space, caller: &UserId) -> bool {
    let is_own = |assignment: &&Assignment| match &assignment.assignee {
        Assignee::User(user) | Assignee::Bot(user) => user == caller,
        Assignee::Group(_) | Assignee::Link => false,
    };
    // Roles of groups do not count: Qlik says that it filters by the caller's assignment.
    let own = space.assignments.values().find(is_own);
    let has = |role: &str| own.is_some_and(|own| own.roles.contains(role));
    let is_owner = space.owner.as_ref() == Some(caller);
    let holds = |(name, value): &(String, String)| match name.as_str() {
        "action" => space.sort == SpaceSort::Managed && (is_owner || has("publisher")),
        // No space is in an environment; an empty value asks for those in none.
        "environment.name" | "environmentId" => value.is_empty(),
        "name" => space.name.to_lowercase().contains(&value.to_lowercase()),
        "ownerId" => space.owner.as_ref().map(UserId::to_string).as_ref() == Some(value),
        "roles" => value.split(',').any(has),
        "type" => value.split(',').any(|sort| sort == space.sort.as_str()),
        _ => true,
    };
    pairs.iter().all(holds)
}

/// Returns whether a listing shows an assignment.
pub fn keeps_assignment(pairs: &Pairs, assignment: &Assignment) -> bool {
    let assignee = &assignment.assignee;
    let holds = |(name, value): &(String, String)| match name.as_str() {
        "assigneeId" => assignee.id().map(ToString::to_string).as_ref() == Some(value),
        "type" => assignee.type_name() == value,
        _ => true,
    };
    pairs.iter().all(holds)
}

/// Returns whether a listing shows a share.
pub fn keeps_share(pairs: &Pairs, share: &Share) -> bool {
    let (user, group) = match &share.with {
        Assignee::User(user) | Assignee::Bot(user) => (Some(user), None),
        Assignee::Group(group) => (None, Some(group)),
        Assignee::Link => (None, None),
    };
    let holds = |(name, value): &(String, String)| match name.as_str() {
        "groupId" => group.map(GroupId::to_string).as_ref() == Some(value),
        "name" => value == APP_NAME,
        "resourceId" => share.app == *value,
        "resourceType" => value == "app",
        "type" => share.with.type_name() == value,
        "userId" => user.map(UserId::to_string).as_ref() == Some(value),
        _ => true,
    };
    pairs.iter().all(holds)
}
