//! Reads from a request which list, which record and which page are wanted.

use std::borrow::Cow;

use url::form_urlencoded;

use super::error::ApiError;
use super::params::{MAX_QUERY, whole};
use crate::control::MAX_PAGE;
use crate::model::unified::derived_from;
use crate::model::{GroupId, Id, Kind, RecordRef};

/// A list of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum List {
    /// Users, roles or groups.
    Records(Kind),
    /// Policies, of which each role has up to two.
    Policies,
    /// The users of a group.
    Members(GroupId),
}

/// What an id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordName {
    /// The record, or the role that has the policy.
    pub(super) record: RecordRef,
    /// The policy, by its id in the source; `None` if a record is named.
    pub(super) policy: Option<String>,
}

impl List {
    /// Returns the list that a path names.
    pub(super) fn of(name: &str) -> Result<Self, ApiError> {
        match name {
            "users" => Ok(Self::Records(Kind::User)),
            "roles" => Ok(Self::Records(Kind::Role)),
            "groups" => Ok(Self::Records(Kind::Group)),
            "policies" => Ok(Self::Policies),
            other => {
                let other = crate::printable::line(other);
                Err(ApiError::not_offered(format!(
                    "`{other}` is not offered: the lists are users, roles, groups and policies"
                )))
            }
        }
    }

    /// Returns the kind of the records that the list is made of.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Records(kind) => *kind,
            Self::Policies => Kind::Role,
            Self::Members(_) => Kind::User,
        }
    }

    /// Returns the group whose users are listed; `None` if it is another list.
    pub(super) fn group(&self) -> Option<GroupId> {
        match self {
            Self::Members(group) => Some(group.clone()),
            Self::Records(_) | Self::Policies => None,
        }
    }

    /// Returns the name of the list.
    pub(super) fn word(&self) -> Cow<'static, str> {
        match self {
            Self::Records(kind) => kind.plural().into(),
            Self::Policies => "policies".into(),
            Self::Members(group) => format!("members of {group}").into(),
        }
    }

    /// Returns what one of its rows is called.
    pub(super) fn singular(&self) -> &'static str {
        match self {
            Self::Records(kind) => kind.singular(),
            Self::Policies => "policy",
            Self::Members(_) => Kind::User.singular(),
        }
    }
}

impl RecordName {
    /// Reads an id, either the source's own or one that was derived from it; `None` if it is
    /// neither.
    pub(super) fn read(list: &List, id: &str) -> Option<Self> {
        let derived = derived_from(id);
        let remote = match &derived {
            Some(derived) => derived.strip_prefix(&format!("{}_id:", list.singular()))?,
            None => id,
        };
        let (record, policy) = match list {
            List::Records(_) | List::Members(_) => (remote, None),
            List::Policies => (remote.split_once('/')?.0, Some(remote.to_owned())),
        };
        let record = RecordRef {
            kind: list.kind(),
            id: Id::parse(record).ok()?,
        };
        Some(Self { record, policy })
    }
}

/// Returns which page of accounts is wanted, counted from 1, and how many accounts a page has.
pub(super) fn accounts_page(
    query: Option<&str>,
    default: usize,
) -> Result<(usize, usize), ApiError> {
    let (mut page, mut size) = (1, default);
    let query = query.unwrap_or_default();
    if query.len() > MAX_QUERY {
        let most = format!("the query string has more than {MAX_QUERY} bytes");
        return Err(ApiError::invalid(most));
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let field = match &*name {
            "page" => &mut page,
            "page_size" => &mut size,
            _unknown => continue,
        };
        if value.is_empty() {
            continue;
        }
        let read = whole(&value).filter(|n| *n > 0);
        *field = read
            .ok_or_else(|| ApiError::invalid(format!("`{name}` is a whole number of 1 or more")))?;
    }
    Ok((page, size.min(MAX_PAGE)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::unified::UnifiedId;
    use crate::web::api::queries::{names_a_place, queries};
    use crate::web::openapi::{Parameter, count};

    proptest! {
        #[test]
        fn whatever_is_sent_of_accounts_is_read_or_refused_by_name(
            query in queries(["page", "page_size"].map(|it| Parameter::query(it, count(), "")).into())
        ) {
            if let Err(error) = accounts_page(Some(&query), 25) {
                let (status, message) = error.said();
                prop_assert_eq!(status, 400);
                prop_assert!(names_a_place(message, &query, &[]), "{}", message);
            }
        }

        #[test]
        fn any_text_may_be_sent_as_an_id(text in "(c28xIQ)?.{0,40}", list in 0..4_usize) {
            let list = ["users", "roles", "groups", "policies"].map(|it| List::of(it).unwrap())[list].clone();
            if let Some(named) = RecordName::read(&list, &text) {
                prop_assert_eq!(named.record.kind, list.kind());
            }
        }
    }

    #[test]
    fn records_are_named_by_their_own_ids_and_by_derived_ones() {
        let id = Id::parse("60d5ca1b2f8a4c0012345678").unwrap();
        let users = List::of("users").unwrap();
        let derived = UnifiedId::of(Kind::User, &id).to_string();
        let named = Some(RecordName {
            record: RecordRef {
                kind: Kind::User,
                id: id.clone(),
            },
            policy: None,
        });

        assert_eq!(RecordName::read(&users, &derived), named);
        assert_eq!(RecordName::read(&users, &id.to_string()), named);
        let of_role = UnifiedId::of(Kind::Role, &id).to_string();
        for other in ["", &of_role, "c28xIQ!!", "a b"] {
            assert_eq!(RecordName::read(&users, other), None, "{other}");
        }
    }

    #[test]
    fn a_policy_is_named_by_its_role_and_its_list() {
        let policies = List::of("policies").unwrap();

        let name = RecordName::read(&policies, "r1/assignedScopes").unwrap();

        assert_eq!(name.record.kind, Kind::Role);
        assert_eq!(name.policy.as_deref(), Some("r1/assignedScopes"));
        assert_eq!(RecordName::read(&policies, "r1"), None);
    }

    #[test]
    fn accounts_are_paged() {
        assert_eq!(accounts_page(None, 25).unwrap(), (1, 25));
        let asked = accounts_page(Some("page=3&page_size=2&provider=x"), 25);
        assert_eq!(asked.unwrap(), (3, 2));
        assert!(accounts_page(Some("page=0"), 25).is_err());
    }
}
