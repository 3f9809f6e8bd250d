//! Qlik's JSON, typed as documented and read with as much patience as is safe.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Deserializer as Json;
use serde_json::error::Category;
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::connector::FetchError;
use crate::model::Timestamp;

/// Names that the cursor goes by in a link: today's, and that of older answers.
const CURSORS: [&str; 2] = ["next", "startingAfter"];
/// Numbers of this size on are milliseconds: as seconds they would be past the year 5000,
/// and smaller ones as milliseconds before 1973.
const MILLIS_FROM: f64 = 1e11;

/// A page of a listing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Listing {
    pub(super) data: Option<Vec<Box<RawValue>>>,
    links: Option<Links>,
    pub(super) total_results: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Links {
    next: Option<Link>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Link {
    href: Option<String>,
}

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
    pub(super) assigned_roles: Option<Vec<Named<'a>>>,
    #[serde(borrow)]
    pub(super) assigned_groups: Option<Vec<Named<'a>>>,
    pub(super) assigned_scopes: Option<BTreeSet<String>>,
    pub(super) created_at: Time,
    pub(super) last_updated_at: Time,
    pub(super) invite_expiry: Time,
    pub(super) picture: Loose,
    pub(super) locale: Loose,
    pub(super) zoneinfo: Loose,
    pub(super) preferred_locale: Loose,
    pub(super) preferred_zoneinfo: Loose,
    // Not documented, but met.
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
    pub(super) assigned_roles: Option<Vec<Named<'a>>>,
    pub(super) created_at: Time,
    pub(super) last_updated_at: Time,
    // Not documented, but met.
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
    pub(super) permissions: Option<BTreeSet<String>>,
    pub(super) assigned_scopes: Option<BTreeSet<String>>,
    pub(super) created_at: Time,
    pub(super) last_updated_at: Time,
}

/// A role or group that something points at. What else stands in it (type, level, a group's
/// own roles) is told by the listing of its kind.
#[derive(Debug, Default)]
pub(super) struct Named<'a> {
    pub(super) id: Option<Text<'a>>,
    pub(super) name: Option<String>,
}

/// The parts of a record by which it is held, untouched.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Glimpse<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

/// Text that is borrowed where it has no escapes.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Text that is not there where it is anything else: for what is not documented, or means
/// little.
#[derive(Debug, Default)]
pub(super) struct Loose(pub(super) Option<String>);

/// A point in time in any spelling; none where it can't be told.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Time(pub(super) Option<Timestamp>);

/// A count, also where it is spelled as text; none where it can't be told.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Number(pub(super) Option<u64>);

/// Decodes an answer's body, an object.
pub(super) fn decode<T: DeserializeOwned>(
    doing: &'static str,
    body: &[u8],
) -> Result<T, FetchError> {
    let starts_with = body.iter().find(|byte| !byte.is_ascii_whitespace());
    // A list would be read as an object's fields in their order.
    if starts_with == Some(&b'[') {
        let what = "expected an object".to_owned();
        return Err(FetchError::Unexpected { doing, what });
    }
    let error = match serde_json::from_slice(body) {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    let found = match (error.classify(), starts_with) {
        (Category::Data, _) => {
            let what = misfit::<T>(&mut Json::from_slice(body));
            return Err(FetchError::Unexpected { doing, what });
        }
        (_, None) => "empty",
        (_, Some(b'<')) => "a page for people, not JSON",
        (Category::Eof, _) => "cut short",
        (Category::Syntax | Category::Io, _) => "no JSON",
    };
    Err(FetchError::Undecodable { doing, found })
}

/// Tells which field of a record is not of its type, without telling its value.
pub(super) fn misfit_of<'de, T: Deserialize<'de>>(text: &'de str) -> String {
    misfit::<T>(&mut Json::from_str(text))
}

/// Reads a second time, with an eye on where it fails.
fn misfit<'de, T: Deserialize<'de>>(
    json: impl Deserializer<'de, Error = serde_json::Error>,
) -> String {
    let Err(error) = serde_path_to_error::deserialize::<_, T>(json) else {
        return "unreadable".to_owned();
    };
    let field = error.path().to_string();
    // What the error says besides may quote the value: only its end is compared, and only
    // with what our own types expect.
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
    /// Returns the cursor of the page that follows, none for the last page.
    pub(super) fn next(&self) -> Result<Option<String>, &'static str> {
        let cursor = self.next_of(&CURSORS)?;
        Ok(cursor.map(|(_, value)| value))
    }

    /// Returns the same with the name that it goes by, one of these. Of the link nothing but the
    /// cursor is taken: its scheme, host and path are often not ours.
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
        // Were this taken for the end, the rest of the listing would look deleted.
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

impl<'a> Glimpse<'a> {
    /// Returns a record's id, where it is there, once, and text.
    pub(super) fn id(text: &'a str) -> Option<String> {
        serde_json::from_str(Self::of(text)?.id?.get()).ok()
    }

    /// Returns a record's status, where it is there, once, and text.
    pub(super) fn status(text: &'a str) -> Option<String> {
        serde_json::from_str(Self::of(text)?.status?.get()).ok()
    }

    fn of(text: &'a str) -> Option<Self> {
        let object = text.starts_with('{').then_some(text)?;
        serde_json::from_str(object).ok()
    }
}

/// Derived code would take a list for the fields in their order.
impl<'de: 'a, 'a> Deserialize<'de> for Named<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamedVisitor)
    }
}

struct NamedVisitor;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum NamedField {
    Id,
    Name,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for NamedVisitor {
    type Value = Named<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("struct Named")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<'de>, A::Error> {
        let mut named = Named::default();
        while let Some(field) = map.next_key()? {
            match field {
                NamedField::Id if named.id.is_some() => {
                    return Err(A::Error::duplicate_field("id"));
                }
                NamedField::Id => named.id = map.next_value()?,
                NamedField::Name => named.name = map.next_value()?,
                NamedField::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(named)
    }
}

/// What takes any value at all, and makes something of text and numbers alone.
trait Lenient: Default {
    fn of_text(text: &str) -> Self;
    fn of_number(number: f64) -> Self;
}

struct LenientVisitor<T>(PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for LenientVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::of_text(text))
    }

    // Times and counts are far below 2^53: as floats they lose nothing.
    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::of_number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::of_number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::of_number(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }
}

macro_rules! lenient {
    ($($name:ty),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(LenientVisitor(PhantomData))
            }
        }
    )*};
}

lenient!(Loose, Number, Time);

impl Lenient for Loose {
    fn of_text(text: &str) -> Self {
        Self((!text.is_empty()).then(|| text.to_owned()))
    }

    fn of_number(_: f64) -> Self {
        Self(None)
    }
}

impl Lenient for Number {
    fn of_text(text: &str) -> Self {
        Self(text.trim().parse().ok())
    }

    fn of_number(number: f64) -> Self {
        Self(whole(number).and_then(|number| u64::try_from(number).ok()))
    }
}

impl Lenient for Time {
    fn of_text(text: &str) -> Self {
        let number = || text.trim().parse().ok().and_then(moment);
        Self(Timestamp::parse(text).or_else(number))
    }

    fn of_number(number: f64) -> Self {
        Self(moment(number))
    }
}

/// Reads a number as a point in time: seconds or milliseconds. Zero stands for none.
fn moment(number: f64) -> Option<Timestamp> {
    let millis = if number.abs() < MILLIS_FROM {
        number * 1000.0
    } else {
        number
    };
    whole(millis)
        .filter(|millis| *millis != 0)
        .map(Timestamp::from_millis)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "fractions are to be cut, and the range is checked"
)]
fn whole(number: f64) -> Option<i64> {
    (number.abs() < 9e18).then_some(number as i64)
}
