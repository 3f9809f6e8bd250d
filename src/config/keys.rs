//! The names of all keys, taken from the raw structs themselves.

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::raw;

/// A section of the file.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) keys: &'static [&'static str],
}

/// Whether a section occurs once or is a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    List,
}

/// Keys under which people wrongly write secrets into the file.
pub(super) const SECRET_KEYS: [&str; 9] = [
    "client_secret",
    "private_key",
    "api_key",
    "webhook_secret",
    "client_key",
    "proxy_password",
    "hash_key",
    "set_key",
    "secret",
];

/// Returns all sections with their keys, in the order of the example.
pub(super) fn sections() -> [Section; 10] {
    let section = |name, shape, keys| Section { name, shape, keys };
    [
        section("store", Shape::One, fields::<raw::Store>()),
        section("server", Shape::One, fields::<raw::Server>()),
        section("sync", Shape::One, fields::<raw::Sync>()),
        section("access", Shape::One, fields::<raw::Access>()),
        section("connections", Shape::List, fields::<raw::Connection>()),
        section("tenants", Shape::List, fields::<raw::Tenant>()),
        section("endpoints", Shape::List, fields::<raw::Endpoint>()),
        section("alerts", Shape::List, fields::<raw::Alert>()),
        section("exports", Shape::List, fields::<raw::Export>()),
        section("log", Shape::One, fields::<raw::Log>()),
    ]
}

/// Returns the keys of an entry of `[[access.sod]]`.
pub(super) fn of_separation() -> &'static [&'static str] {
    fields::<raw::Separation>()
}

/// Returns the names of a struct's fields, as serde knows them.
pub(super) fn fields<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // The names come back through the reference; the result is always an error.
    drop(T::deserialize(Asker(&mut names)));
    names
}

struct Asker<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asker<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(Error::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(Error::custom("only the names were wanted"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sections_are_those_of_the_raw_file() {
        let named: Vec<&str> = sections().iter().map(|section| section.name).collect();

        assert_eq!(named, fields::<raw::Raw>());
        assert!(sections().iter().all(|section| !section.keys.is_empty()));
    }
}
