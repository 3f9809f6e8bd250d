//! Reads spaces, and the assignments and shares of each.
//!
//! Qlik has no listing of all assignments, so each space takes two requests. Their answers do not
//! show the owner, who is in the record of the space instead.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::{Ask, Client, Patience, Redirects};
use super::walk::Walk;
use super::wire::{self, Lax, List, Loose, Time};
use super::{ReadError, is_absence, unicode};
use crate::connector::{Assignments, Shares, SpaceListing, SpaceSeen};
use crate::model::{
    Assignee, Id, MAX_IN_SPACE, SpaceAssignment, SpaceHead, SpaceId, SpaceList, SpacePart,
    SpaceShare, UserId,
};

/// The most spaces of a tenant. Their heads are kept in memory while they are read.
const MAX_SPACES: usize = 50_000;
/// The most pages of one list of a space: ten times as many as [`MAX_IN_SPACE`] members take.
const MAX_PAGES_IN_SPACE: u64 = 1_000;
/// The only field that Qlik can sort spaces by and that never changes. Spaces that are created
/// during the listing come at its end.
const SORT: &str = "+createdAt";

const LISTING: Walk<'static> = Walk {
    doing: "listing spaces",
    path: "spaces",
    filter: &[],
    sort: Some(SORT),
    cursor: "next",
    patience: Patience::Outage,
    most_pages: u64::MAX,
};

/// A space.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Space<'a> {
    id: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    sort: Loose,
    #[serde(borrow)]
    owner_id: Lax<'a>,
    created_at: Time,
}

/// An assignment, or a share.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Member<'a> {
    id: Option<String>,
    #[serde(rename = "type")]
    sort: Option<String>,
    assignee_id: Option<String>,
    #[serde(borrow)]
    roles: List<Lax<'a>>,
    created_at: Time,
    created_by: Loose,
    updated_at: Time,
    resource_id: Loose,
    resource_type: Loose,
    disabled: Option<bool>,
}

/// The first spaces of the listing.
pub(super) struct First {
    pub(super) ids: Vec<SpaceId>,
    /// How many more could not be read.
    pub(super) unreadable: usize,
    pub(super) total: Option<u64>,
}

/// Reads the first few spaces of the listing.
pub(super) async fn first(client: &Client, n: usize) -> Result<First, ReadError> {
    let walked = LISTING.read(client, n).await?;
    let read = walked.texts.iter().filter_map(|text| space(text.get()));
    let ids: Vec<SpaceId> = read.map(|(id, _)| id).collect();
    Ok(First {
        unreadable: walked.texts.len() - ids.len(),
        ids,
        total: walked.total,
    })
}

/// Asks who is assigned to a space and what is shared from it, and returns only whether that can be
/// read.
pub(super) async fn try_parts(
    client: &Client,
    id: &SpaceId,
) -> (Result<(), ReadError>, Result<(), ReadError>) {
    let paths = (assignments_of(id), shares_of(id));
    let assigned = assignments_at(&paths.0).read(client, MAX_IN_SPACE).await;
    let shared = shares_at(&paths.1).read(client, MAX_IN_SPACE).await;
    (assigned.map(drop), shared.map(drop))
}

/// Reads the listing of spaces to its end, and once more if it shows fewer than Qlik counts: a
/// space may have been deleted meanwhile.
pub(super) async fn list(client: &Client) -> Result<SpaceListing, ReadError> {
    let listing = list_once(client).await?;
    match listing.n_missing() {
        0 => Ok(listing),
        _ => list_once(client).await,
    }
}

async fn list_once(client: &Client) -> Result<SpaceListing, ReadError> {
    let walked = LISTING.read(client, MAX_SPACES).await?;
    if walked.is_cut {
        return Err(ReadError::TooManyRecords {
            doing: LISTING.doing,
            limit: MAX_SPACES as u64,
        });
    }
    let mut listing = SpaceListing {
        total: walked.total,
        ..SpaceListing::default()
    };
    for text in &walked.texts {
        match (space(text.get()), id_of(text.get())) {
            (Some((id, head)), _) => {
                listing.spaces.insert(id, head);
            }
            (None, Some(id)) => {
                listing.unreadable.insert(SpaceId(id));
            }
            (None, None) => listing.n_unnamed += 1,
        }
    }
    Ok(listing)
}

/// Asks for one space.
pub(super) async fn fetch(client: &Client, id: &SpaceId) -> Result<SpaceSeen, ReadError> {
    let ask = Ask {
        doing: "asking for a space",
        path: format!("api/v1/spaces/{id}"),
        query: String::new(),
        redirects: Redirects::Refuse,
        patience: Patience::Usual,
    };
    let answer: Result<Box<RawValue>, ReadError> = client.get(&ask).await;
    match answer {
        Ok(text) => Ok(match space(text.get()) {
            Some((seen, head)) if seen == *id => SpaceSeen::Shown(head),
            // An answer about another space says nothing about this one.
            Some(_) | None => SpaceSeen::Unreadable,
        }),
        Err(error) if is_absence(&error) => Ok(SpaceSeen::Absent),
        Err(error) if error.is_forbidden() => Ok(SpaceSeen::Hidden),
        Err(error) if is_of_the_answer(&error) => Ok(SpaceSeen::Unreadable),
        Err(error) => Err(error),
    }
}

/// Reads who is assigned to a space.
pub(super) async fn assignments(client: &Client, id: &SpaceId) -> Result<Assignments, ReadError> {
    let path = assignments_of(id);
    part(client, assignments_at(&path), assignment, |known, more| {
        known.roles.extend(more.roles);
    })
    .await
}

/// Reads what is shared from a space.
pub(super) async fn shares(client: &Client, id: &SpaceId) -> Result<Shares, ReadError> {
    let path = shares_of(id);
    part(client, shares_at(&path), share, |known, more| *known = more).await
}

fn assignments_at(path: &str) -> Walk<'_> {
    Walk {
        doing: "listing the assignments of a space",
        path,
        filter: &[],
        sort: None,
        cursor: "next",
        // One space must not delay the others for long, and an interrupted reading continues later.
        patience: Patience::Usual,
        most_pages: MAX_PAGES_IN_SPACE,
    }
}

fn shares_at(path: &str) -> Walk<'_> {
    Walk {
        doing: "listing the shares of a space",
        ..assignments_at(path)
    }
}

fn assignments_of(id: &SpaceId) -> String {
    format!("spaces/{id}/assignments")
}

fn shares_of(id: &SpaceId) -> String {
    format!("spaces/{id}/shares")
}

/// Whether a list shows as many records as Qlik counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    Fewer,
}

/// Reads one list that belongs to a space, and once more if it shows fewer records than Qlik
/// counts: one may have been deleted meanwhile. `add` merges a record into an earlier one with the
/// same key.
async fn part<K: Ord, V>(
    client: &Client,
    listing: Walk<'_>,
    read: fn(&str) -> Option<(K, V)>,
    add: fn(&mut V, V),
) -> Result<SpaceList<K, V>, ReadError> {
    let (list, shown) = part_once(client, listing, read, add).await?;
    match shown {
        Shown::All => Ok(list),
        Shown::Fewer => Ok(part_once(client, listing, read, add).await?.0),
    }
}

async fn part_once<K: Ord, V>(
    client: &Client,
    listing: Walk<'_>,
    read: fn(&str) -> Option<(K, V)>,
    add: fn(&mut V, V),
) -> Result<(SpaceList<K, V>, Shown), ReadError> {
    let walked = match listing.read(client, MAX_IN_SPACE).await {
        Ok(walked) => walked,
        Err(error) if is_absence(&error) || error.is_forbidden() || is_of_the_answer(&error) => {
            tracing::debug!(
                error.code = error.code(),
                "A part of a space is not visible"
            );
            return Ok((SpaceList::Hidden, Shown::All));
        }
        Err(error) => return Err(error),
    };
    let mut list: BTreeMap<K, V> = BTreeMap::new();
    let mut is_whole = !walked.is_cut;
    let (mut ids, mut n_unnamed) = (BTreeSet::new(), 0);
    for text in &walked.texts {
        match id_of(text.get()) {
            Some(id) => drop(ids.insert(id)),
            None => n_unnamed += 1,
        }
        match mended(text.get(), read) {
            Some((key, value)) => match list.entry(key) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(value);
                }
                std::collections::btree_map::Entry::Occupied(mut known) => {
                    add(known.get_mut(), value);
                }
            },
            None => is_whole = false,
        }
    }
    let n_shown = ids.len() as u64 + n_unnamed;
    let shown = match walked.total {
        Some(total) if n_shown < total && !walked.is_cut => Shown::Fewer,
        Some(_) | None => Shown::All,
    };
    let list = match is_whole && shown == Shown::All {
        true => SpaceList::Whole(list),
        false => SpaceList::Part(list),
    };
    Ok((list, shown))
}

/// Returns whether the answer itself is at fault, so that another attempt would fail in the same
/// way. The error then concerns one space only, and the others can still be read.
fn is_of_the_answer(error: &ReadError) -> bool {
    match error {
        ReadError::Unexpected { .. }
        | ReadError::TooLarge { .. }
        | ReadError::CursorExpired { .. }
        | ReadError::RepeatedCursor { .. }
        | ReadError::TooManyPages { .. }
        | ReadError::TooManyRecords { .. } => true,
        ReadError::Unreachable { .. }
        | ReadError::TimedOut { .. }
        | ReadError::Cut { .. }
        | ReadError::Undecodable { .. }
        | ReadError::Redirected { .. }
        | ReadError::Unsigned { .. }
        | ReadError::Refused { .. } => false,
    }
}

fn space(text: &str) -> Option<(SpaceId, SpaceHead)> {
    mended(text, |text| {
        let space: Space<'_> = object(text)?;
        // An empty field says that nobody owns the space. A missing one does not.
        let (owner, unseen) = match space.owner_id {
            Lax::Text(owner) if owner.is_empty() => (None, BTreeSet::new()),
            Lax::Text(owner) => (Some(UserId(Id::parse(&owner).ok()?)), BTreeSet::new()),
            Lax::Nothing | Lax::Other => (None, [SpacePart::Itself].into()),
        };
        let head = SpaceHead {
            name: space.name.unwrap_or_default(),
            sort: space.sort.0,
            owner,
            created_at: space.created_at.0,
            unseen,
        };
        Some((SpaceId(Id::parse(&space.id?).ok()?), head))
    })
}

fn assignment(text: &str) -> Option<(Assignee, SpaceAssignment)> {
    let member: Member<'_> = object(text)?;
    let assignee = Assignee {
        sort: member.sort.filter(|sort| !sort.is_empty())?,
        id: Id::parse(&member.assignee_id?).ok()?,
    };
    let assignment = SpaceAssignment {
        roles: roles(member.roles)?,
        created_at: member.created_at.0,
        created_by: by(member.created_by),
        updated_at: member.updated_at.0,
    };
    Some((assignee, assignment))
}

fn share(text: &str) -> Option<(Id, SpaceShare)> {
    let member: Member<'_> = object(text)?;
    let with = member.assignee_id.filter(|id| !id.is_empty());
    let with = with.map(|id| Id::parse(&id)).transpose().ok()?;
    let share = SpaceShare {
        sort: member.sort.filter(|sort| !sort.is_empty())?,
        with,
        roles: roles(member.roles)?,
        resource: member.resource_id.0,
        resource_sort: member.resource_type.0,
        is_disabled: member.disabled.unwrap_or(false),
        created_at: member.created_at.0,
        created_by: by(member.created_by),
    };
    // A link is shared with nobody in particular. Anything else without an assignee is not
    // understood.
    let is_understood = share.is_link() || share.with.is_some();
    Some((Id::parse(&member.id?).ok()?, share)).filter(|_| is_understood)
}

/// Reads roles, whatever their names are: Qlik may add others. A missing list is not an empty one.
fn roles(list: List<Lax<'_>>) -> Option<BTreeSet<String>> {
    let List::Of(roles) = list else { return None };
    let texts = roles.into_iter().map(|role| match role {
        Lax::Text(role) => Some(role.into_owned()),
        Lax::Nothing | Lax::Other => None,
    });
    texts.collect()
}

fn by(id: Loose) -> Option<Id> {
    Id::parse(&id.0?).ok()
}

fn id_of(text: &str) -> Option<Id> {
    Id::parse(&wire::IdAndStatus::id(text)?).ok()
}

/// Reads a text, and once more with its invalid Unicode replaced if it cannot be read as it is.
pub(super) fn mended<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    read(text).or_else(|| read(&unicode::mend(text)?))
}

/// Rejects lists: serde would read one as an object's fields in their order.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let object = text.starts_with('{').then_some(text)?;
    serde_json::from_str(object).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connector::qlik::any_json::any_answer;
    use crate::model::Timestamp;

    fn id(n: u8) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    #[test]
    fn an_assignment_keeps_words_that_nobody_has_documented() {
        let text = r#"{"id":"a1","type":"hologram","assigneeId":"000000000000000000000002",
            "roles":["archivist","consumer"],"createdAt":"2026-03-01T10:00:00Z",
            "createdBy":"000000000000000000000003","updatedBy":{}}"#;

        let (assignee, assignment) = assignment(text).unwrap();

        assert_eq!((assignee.sort.as_str(), &assignee.id), ("hologram", &id(2)));
        assert_eq!((assignee.user(), assignee.group()), (None, None));
        assert_eq!(
            assignment,
            SpaceAssignment {
                roles: ["archivist".to_owned(), "consumer".to_owned()].into(),
                created_at: Timestamp::parse("2026-03-01T10:00:00Z"),
                created_by: Some(id(3)),
                updated_at: None,
            }
        );
    }

    #[test]
    fn what_is_not_understood_is_not_read() {
        for text in [
            r#"{"type":"user","roles":[]}"#,
            r#"{"type":"user","assigneeId":"000000000000000000000002"}"#,
            r#"{"type":"user","assigneeId":"000000000000000000000002","roles":[7]}"#,
            r#"{"type":"user","assigneeId":"../x","roles":[]}"#,
            r#"{"assigneeId":"000000000000000000000002","roles":[]}"#,
            r#"["user","000000000000000000000002",[]]"#,
        ] {
            assert_eq!(assignment(text), None, "{text}");
        }
        for text in [
            r#"{"id":"s1","type":"user","roles":[]}"#,
            r#"{"type":"link","roles":[]}"#,
        ] {
            assert_eq!(share(text), None, "{text}");
        }
        for text in [
            r#"{"id":"s1","name":{}}"#,
            r#"{"id":"s1","name":"x","ownerId":"../x"}"#,
            r#"{"name":"x"}"#,
        ] {
            assert_eq!(space(text), None, "{text}");
        }
    }

    #[test]
    fn a_share_with_nobody_in_particular_is_a_link() {
        let text = r#"{"id":"s1","type":"link","roles":["basicconsumer"],"resourceId":"app-1",
            "resourceType":"app","disabled":true}"#;

        let (id, share) = share(text).unwrap();

        assert_eq!(id.to_string(), "s1");
        assert!(share.is_link() && share.is_disabled);
        assert_eq!(share.assignee(), None);
    }

    #[test]
    fn a_space_may_have_no_owner_and_half_a_character() {
        let text = r#"{"id":"s1","name":"\ud83d!","type":"shared","ownerId":""}"#;

        let (_, head) = space(text).unwrap();

        assert_eq!((head.name.as_str(), head.owner), ("\u{fffd}!", None));
        assert_eq!(head.unseen, BTreeSet::new());
    }

    #[test]
    fn a_space_that_does_not_say_who_owns_it_is_not_fully_visible() {
        for text in [
            r#"{"id":"s1","name":"x"}"#,
            r#"{"id":"s1","name":"x","ownerId":null}"#,
            r#"{"id":"s1","name":"x","ownerId":{}}"#,
        ] {
            let (_, head) = space(text).unwrap();

            assert_eq!(head.owner, None, "{text}");
            assert_eq!(head.unseen, [SpacePart::Itself].into(), "{text}");
        }
    }

    fn example() -> serde_json::Value {
        serde_json::json!({
            "id": "60d5ca1b2f8a4c0000000001",
            "name": "Sales",
            "type": "user",
            "ownerId": "60d5ca1b2f8a4c0000000002",
            "assigneeId": "60d5ca1b2f8a4c0000000003",
            "roles": ["consumer"],
            "createdAt": "2026-03-01T10:00:00Z",
            "createdBy": "60d5ca1b2f8a4c0000000004",
            "updatedAt": "2026-03-01T10:00:00Z",
            "resourceId": "app-1",
            "resourceType": "app",
            "disabled": false,
        })
    }

    proptest! {
        /// Whoever has access to what is never made up: the ids are those of the answer.
        #[test]
        fn any_answer_about_a_space_is_read_or_counts_as_unreadable(text in any_answer(&example())) {
            let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let is = |member: &str, id: &Id| json[member] == id.to_string();
            if let Some((id, _)) = space(&text) {
                prop_assert!(is("id", &id.0));
            }
            if let Some((assignee, _)) = mended(&text, assignment) {
                prop_assert!(is("assigneeId", &assignee.id));
                prop_assert_eq!(&json["type"], &assignee.sort);
            }
            if let Some((id, share)) = mended(&text, share) {
                prop_assert!(is("id", &id));
                prop_assert!(share.with.is_none_or(|with| is("assigneeId", &with)));
            }
        }
    }
}
