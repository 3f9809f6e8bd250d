//! Qlik's JSON, typed as documented and read as leniently as is safe.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Deserializer as Json;
use serde_json::error::Category;
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::{ReadError, unicode};

pub(super) use super::lax::{Lax, List, Loose, Named, Number, Time};

/// The names of the cursor in a link: the current one, and that of older answers.
const CURSORS: [&str; 2] = ["next", "startingAfter"];
/// A page of a listing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Listing {
    pub(super) data: Option<Vec<Box<RawValue>>>,
    #[serde(alias = "Links")]
    links: Option<Links>,
    pub(super) total_results: Number,
    /// Listings of spaces have this instead of `totalResults`.
    meta: Option<Box<RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Meta {
    count: Number,
}

#[derive(Debug, Default)]
struct Links {
    next: Option<Link>,
}

#[derive(Debug, Default)]
struct Link {
    href: Option<String>,
}

/// Reads one member of an object, whatever the case of its name is: Qlik has written links as
/// `Next` and `Href`, and a listing whose next link is not read ends there.
macro_rules! any_case {
    ($object:ident, $visitor:ident, $member:ident) => {
        impl<'de> Deserialize<'de> for $object {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map($visitor)
            }
        }

        struct $visitor;

        impl<'de> Visitor<'de> for $visitor {
            type Value = $object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!("struct ", stringify!($object)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$object, A::Error> {
                let mut $member = None;
                while let Some(name) = map.next_key::<String>()? {
                    if name.eq_ignore_ascii_case(stringify!($member)) {
                        $member = map.next_value::<Option<_>>()?.or($member);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok($object { $member })
            }
        }
    };
}

any_case!(Links, LinksVisitor, next);
any_case!(Link, LinkVisitor, href);

/// A tenant.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tenant {
    pub(super) id: Option<String>,
    pub(super) name: Loose,
    pub(super) hostnames: Option<Vec<Loose>>,
    pub(super) region: Loose,
    pub(super) datacenter: Loose,
    pub(super) status: Loose,
}

/// A user.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct User<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    pub(super) subject: Option<String>,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) assigned_roles: List<Named<'a>>,
    #[serde(borrow)]
    pub(super) assigned_groups: List<Named<'a>>,
    #[serde(borrow)]
    pub(super) assigned_scopes: List<Lax<'a>>,
    pub(super) created_at: Time,
    pub(super) last_updated_at: Time,
    pub(super) invite_expiry: Time,
    pub(super) picture: Loose,
    pub(super) locale: Loose,
    pub(super) zoneinfo: Loose,
    pub(super) preferred_locale: Loose,
    pub(super) preferred_zoneinfo: Loose,
    // Not documented, but seen in practice.
    pub(super) client_id: Loose,
    pub(super) created: Time,
    pub(super) last_updated: Time,
}

/// A group.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Group<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) provider_type: Option<String>,
    pub(super) status: Option<String>,
    #[serde(borrow)]
    pub(super) assigned_roles: List<Named<'a>>,
    pub(super) created_at: Time,
    pub(super) last_updated_at: Time,
    // Not documented, but seen in practice.
    pub(super) idp_id: Loose,
    // System groups have this instead of a status.
    pub(super) enabled: Option<bool>,
}

/// A role.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Role<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    #[serde(rename = "type")]
    pub(super) origin: Option<String>,
    pub(super) level: Option<String>,
    #[serde(borrow)]
    pub(super) permissions: List<Lax<'a>>,
    #[serde(borrow)]
    pub(super) assigned_scopes: List<Lax<'a>>,
    pub(super) created_at: Time,
    pub(super) last_updated_at: Time,
}

/// The parts of a record that are readable even if the rest is not: its id and status.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IdAndStatus<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

/// Text that is borrowed where it has no escapes.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Decodes an answer's body, an object.
pub(super) fn decode<T: DeserializeOwned>(
    doing: &'static str,
    body: &[u8],
) -> Result<T, ReadError> {
    match decode_as_is(doing, body) {
        Ok(answer) => Ok(answer),
        Err(error) => decode_mended(doing, body).ok_or(error),
    }
}

/// Decodes a body with invalid Unicode. Unpaired surrogates in records, which are still text here,
/// stay as they are: the code that reads the records repairs them and reports which record has
/// them.
fn decode_mended<T: DeserializeOwned>(doing: &'static str, body: &[u8]) -> Option<T> {
    let marked = unicode::mark(body);
    let decoded = marked
        .as_ref()
        .and_then(|text| decode_as_is(doing, text.as_bytes()).ok());
    decoded.or_else(|| {
        let text = marked.as_deref().or_else(|| str::from_utf8(body).ok())?;
        let mended = unicode::mend(text)?;
        decode_as_is(doing, mended.as_bytes()).ok()
    })
}

fn decode_as_is<T: DeserializeOwned>(doing: &'static str, body: &[u8]) -> Result<T, ReadError> {
    let starts_with = body.iter().find(|byte| !byte.is_ascii_whitespace());
    // serde would read a list as an object's fields in their order.
    if starts_with == Some(&b'[') {
        let what = "expected an object".to_owned();
        return Err(ReadError::Unexpected { doing, what });
    }
    let error = match serde_json::from_slice(body) {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    let found = match (error.classify(), starts_with) {
        (Category::Data, _) => {
            let what = misfit::<T>(&mut Json::from_slice(body));
            return Err(ReadError::Unexpected { doing, what });
        }
        (_, None) => "empty",
        (_, Some(b'<')) => "a web page, not JSON",
        (Category::Eof, _) => "cut short",
        (Category::Syntax | Category::Io, _) => "not JSON",
    };
    Err(ReadError::Undecodable { doing, found })
}

/// Says which field of a record has the wrong type, without showing its value.
pub(super) fn misfit_of<'de, T: Deserialize<'de>>(text: &'de str) -> String {
    misfit::<T>(&mut Json::from_str(text))
}

/// Parses a second time, to find out where it fails.
fn misfit<'de, T: Deserialize<'de>>(
    json: impl Deserializer<'de, Error = serde_json::Error>,
) -> String {
    let Err(error) = serde_path_to_error::deserialize::<_, T>(json) else {
        return "unreadable".to_owned();
    };
    let field = error.path().to_string();
    // The rest of the error's text may quote the value: only its end is compared, and only with
    // what our own types expect.
    let said = error.inner().to_string();
    let said = said.rsplit("expected ").next().unwrap_or_default();
    let expected = match said {
        _ if said.starts_with("a string") => "text",
        _ if said.starts_with("a sequence") => "a list",
        _ if said.starts_with("a boolean") => "true or false",
        _ if said.starts_with("struct ") => "an object",
        _ => "something else",
    };
    match field.as_str() {
        "." | "?" => format!("expected {expected}"),
        field => format!("field `{field}`: expected {expected}"),
    }
}

impl Listing {
    /// Returns the count in `meta`; `None` if there is none.
    pub(super) fn count(&self) -> Option<u64> {
        let meta = self.meta.as_ref()?.get();
        let object = meta.starts_with('{').then_some(meta)?;
        serde_json::from_str::<Meta>(object).ok()?.count.0
    }

    /// Returns the cursor of the next page, or `None` for the last page.
    pub(super) fn next(&self) -> Result<Option<String>, &'static str> {
        let cursor = self.next_of(&CURSORS)?;
        Ok(cursor.map(|(_, value)| value))
    }

    /// Returns the cursor of the next page and its name, one of `names`. Only the cursor of the
    /// link is used: the link's scheme, host and path are often not ours.
    pub(super) fn next_of(
        &self,
        names: &[&'static str],
    ) -> Result<Option<(&'static str, String)>, &'static str> {
        let next = self.links.as_ref().and_then(|links| links.next.as_ref());
        let href = next.and_then(|link| link.href.as_deref());
        let Some(href) = href.map(str::trim).filter(|href| !href.is_empty()) else {
            return Ok(None);
        };
        let query = href.split_once('?').map_or("", |(_, query)| query);
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        // If this counted as the end, the rest of the listing would look deleted.
        names
            .iter()
            .find_map(|name| {
                form_urlencoded::parse(query.as_bytes())
                    .find(|(key, value)| key == name && !value.is_empty())
                    .map(|(_, value)| Some((*name, value.into_owned())))
            })
            .ok_or("field `links.next.href`: expected a link with a cursor")
    }
}

impl<'a> IdAndStatus<'a> {
    /// Returns a record's id, if there is exactly one and it is text.
    pub(super) fn id(text: &'a str) -> Option<String> {
        serde_json::from_str(Self::of(text)?.id?.get()).ok()
    }

    /// Returns a record's status, if there is exactly one and it is text.
    pub(super) fn status(text: &'a str) -> Option<String> {
        serde_json::from_str(Self::of(text)?.status?.get()).ok()
    }

    fn of(text: &'a str) -> Option<Self> {
        let object = text.starts_with('{').then_some(text)?;
        serde_json::from_str(object).ok()
    }
}
