//! Lenient types for Qlik's JSON: a value that cannot be understood becomes `None` and does not
//! spoil the record around it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::Timestamp;

/// Numbers from this size on are milliseconds: as seconds they would be past the year 5000. Smaller
/// ones are seconds: as milliseconds they would be before 1973.
const MILLIS_FROM: f64 = 1e11;

/// A reference to a role or group. Its other members (type, level, a group's own roles) come from
/// the listing of its kind. It accepts any value, so that a record with an unreadable reference can
/// still be read.
#[derive(Debug, Default)]
pub(super) struct Named<'a> {
    pub(super) id: Lax<'a>,
    pub(super) name: Lax<'a>,
}

/// Text, nothing, or something else; borrowed where it has no escapes.
#[derive(Debug, Default)]
pub(super) enum Lax<'a> {
    Text(Cow<'a, str>),
    #[default]
    Nothing,
    Other,
}

/// A list, nothing, or something else.
#[derive(Debug, Default)]
pub(super) enum List<T> {
    Of(Vec<T>),
    #[default]
    Nothing,
    Other,
}

/// Text, or `None` if it is anything else: for members that are undocumented or unimportant.
#[derive(Debug, Default)]
pub(super) struct Loose(pub(super) Option<String>);

/// A point in time in any spelling; `None` if it cannot be read.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Time(pub(super) Option<Timestamp>);

/// A count, even if written as text; `None` if it cannot be read.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Number(pub(super) Option<u64>);

/// Derived code would read a list as the fields in their order.
impl<'de: 'a, 'a> Deserialize<'de> for Named<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamedVisitor)
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
                // A reference with two ids counts as having none.
                NamedField::Id if !matches!(named.id, Lax::Nothing) => {
                    map.next_value::<IgnoredAny>()?;
                    named.id = Lax::Other;
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Named<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Named::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Named<'de>, E> {
        Ok(Named::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Named<'de>, E> {
        Ok(Named::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Named<'de>, E> {
        Ok(Named::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Named<'de>, E> {
        Ok(Named::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Named<'de>, E> {
        Ok(Named::default())
    }

    fn visit_unit<E>(self) -> Result<Named<'de>, E> {
        Ok(Named::default())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Lax<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LaxVisitor)
    }
}

struct LaxVisitor;

impl<'de> Visitor<'de> for LaxVisitor {
    type Value = Lax<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Lax<'de>, E> {
        Ok(Lax::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Lax<'de>, E> {
        Ok(Lax::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Lax<'de>, E> {
        Ok(Lax::Nothing)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Lax<'de>, E> {
        Ok(Lax::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Lax<'de>, E> {
        Ok(Lax::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Lax<'de>, E> {
        Ok(Lax::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Lax<'de>, E> {
        Ok(Lax::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Lax<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Lax::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lax<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Lax::Other)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(List::Of(list))
    }

    fn visit_unit<E>(self) -> Result<List<T>, E> {
        Ok(List::Nothing)
    }

    fn visit_str<E>(self, _: &str) -> Result<List<T>, E> {
        Ok(List::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<List<T>, E> {
        Ok(List::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<List<T>, E> {
        Ok(List::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<List<T>, E> {
        Ok(List::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<List<T>, E> {
        Ok(List::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List<T>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(List::Other)
    }
}

/// Accepts any value, but reads only text and numbers.
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

/// Reads a number as a point in time, in seconds or milliseconds. Zero means `None`.
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
