//! Which part of SCIM a path names.

use percent_encoding::percent_decode_str;

use crate::model::scim::ResourceType;

/// The path under which everything is.
pub(super) const ROOT: &str = "/scim/v2";

/// The part of a path that limits what follows to a tenant.
const TENANTS: &str = "tenants";

/// A path, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The tenant that the path is limited to.
    pub(super) tenant: Option<String>,
    /// What it names.
    pub(super) part: Part,
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// The resources of all types.
    Root,
    /// The resources of one type.
    List(ResourceType),
    /// One resource, by its id.
    One(ResourceType, String),
    /// A search by a request with a body; `None` over all types.
    Search(Option<ResourceType>),
    /// What the server offers.
    Config,
    /// The types of resources, or one of them.
    Types(Option<String>),
    /// The schemas, or one of them.
    Schemas(Option<String>),
    /// What SCIM has and we do not offer.
    NotOffered(&'static str),
    /// Nothing.
    Unknown,
}

impl Target {
    /// Takes a path apart.
    pub(super) fn of(path: &str) -> Self {
        let rest = path.strip_prefix(ROOT).unwrap_or_default();
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts = rest.split('/').filter(|part| !part.is_empty());
        let parts: Vec<String> = parts.map(decode).collect();
        let (tenant, parts) = match parts.as_slice() {
            [first, tenant, rest @ ..] if first == TENANTS => (Some(tenant.clone()), rest),
            all => (None, all),
        };
        let part = Part::of(parts);
        Self { tenant, part }
    }
}

impl Part {
    fn of(parts: &[String]) -> Self {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let mut types = ResourceType::ALL.into_iter();
        let mut sort_of = |endpoint: &str| types.find(|sort| sort.endpoint() == endpoint);
        match parts.as_slice() {
            [] => Self::Root,
            [".search"] => Self::Search(None),
            ["ServiceProviderConfig"] => Self::Config,
            ["ResourceTypes"] => Self::Types(None),
            ["ResourceTypes", name] => Self::Types(Some((*name).to_owned())),
            ["Schemas"] => Self::Schemas(None),
            ["Schemas", urn] => Self::Schemas(Some((*urn).to_owned())),
            ["Me", ..] => Self::NotOffered("a token is not a user, so there is no `/Me`"),
            ["Bulk"] => Self::NotOffered("`/Bulk` is not offered: tenants are read, not changed"),
            [endpoint] => sort_of(endpoint).map_or(Self::Unknown, Self::List),
            [endpoint, ".search"] => {
                sort_of(endpoint).map_or(Self::Unknown, |sort| Self::Search(Some(sort)))
            }
            [endpoint, id] => {
                sort_of(endpoint).map_or(Self::Unknown, |it| Self::One(it, (*id).to_owned()))
            }
            _more => Self::Unknown,
        }
    }

    /// Returns whether it says what the server is like, and nothing of what it knows.
    pub(super) fn is_discovery(&self) -> bool {
        match self {
            Self::Config | Self::Types(_) | Self::Schemas(_) => true,
            Self::Root
            | Self::List(_)
            | Self::One(..)
            | Self::Search(_)
            | Self::NotOffered(_)
            | Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let user = ResourceType::User;
        for (path, tenant, part) in [
            ("/scim/v2", None, Part::Root),
            ("/scim/v2/", None, Part::Root),
            ("/scim/v2/Users", None, Part::List(user)),
            ("/scim/v2/Users/", None, Part::List(user)),
            ("/scim/v2/Users/a%20b", None, Part::One(user, "a b".into())),
            ("/scim/v2/Users/.search", None, Part::Search(Some(user))),
            ("/scim/v2/.search", None, Part::Search(None)),
            ("/scim/v2/tenants/acme", Some("acme"), Part::Root),
            (
                "/scim/v2/tenants/a%2Fb/Users",
                Some("a/b"),
                Part::List(user),
            ),
            ("/scim/v2/tenants", None, Part::Unknown),
            ("/scim/v2/users", None, Part::Unknown),
            ("/scim/v2/Users/a/b", None, Part::Unknown),
            (
                "/scim/v2/Schemas/urn:a:b",
                None,
                Part::Schemas(Some("urn:a:b".into())),
            ),
        ] {
            let tenant = tenant.map(str::to_owned);
            assert_eq!(Target::of(path), Target { tenant, part }, "{path}");
        }
    }
}
