//! Hides fields of records from an endpoint: they are left out, or shown as a keyed hash.
//!
//! No format ever sees a record: it gets the result of [`Privacy::show`], so that a format cannot
//! show what it should not.

mod field;
mod mask;

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::event::Event;
use super::shown::Shown;
use crate::model::{Field, Kind, Record, canonical, delta};
use crate::secret::Secret;

/// What a hashed value starts with.
const HASHED: &str = "hmac-sha256:";

/// The fewest characters in a key: 128 bits, if they are hexadecimal digits.
const MIN_KEY: usize = 32;

/// What an endpoint may not see; by default nothing.
#[derive(Clone, Default)]
pub struct Privacy {
    rules: BTreeMap<Field, Rule>,
}

/// How a field is hidden.
#[derive(Clone)]
enum Rule {
    Omit,
    /// Shown as an HMAC. The keyed state is ready, and is cloned for each text.
    Hash(Box<Hmac<Sha256>>),
}

/// Fields that cannot be what the operator meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrivacy {
    /// No record has this field.
    #[error("no record has a field `{text}`; the fields are {}", field::names())]
    Unknown {
        /// The field, as written.
        text: String,
    },
    /// Only text fields can be hashed.
    #[error(
        "`{text}` is not a text, and only texts are hashed: {}",
        field::texts()
    )]
    NotText {
        /// The field, as written.
        text: String,
    },
    /// A field cannot be both left out and hashed.
    #[error("`{text}` is to be left out and hashed")]
    Twice {
        /// The field.
        text: String,
    },
    /// Without a key, anybody who knows a name can compute its hash.
    #[error("`hash` needs a key")]
    NoKey,
    /// The key is short enough to be guessed.
    #[error("the key for hashing has {n_chars} characters; it needs at least {MIN_KEY}")]
    ShortKey {
        /// How many it has.
        n_chars: usize,
    },
}

impl InvalidPrivacy {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } | Self::NotText { .. } | Self::Twice { .. } => {
                "deliver.unknown-field"
            }
            Self::NoKey | Self::ShortKey { .. } => "deliver.invalid-hash-key",
        }
    }

    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unknown { .. } | Self::NotText { .. } => {
                "write one of these, or `user.name` for that of users only"
            }
            Self::Twice { .. } => "take it out of `omit` or out of `hash`",
            Self::NoKey | Self::ShortKey { .. } => {
                "make one with `openssl rand -hex 32` and name its file in `hash_key_file`"
            }
        }
    }
}

impl fmt::Debug for Privacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.rules.keys().map(|field| (field.kind(), field.name()));
        f.debug_set().entries(fields).finish()
    }
}

impl Privacy {
    /// Reads which fields are left out and which are hashed: `name` means the field of all kinds,
    /// `user.name` only that of users.
    pub fn parse<S: AsRef<str>>(
        omit: &[S],
        hash: &[S],
        key: Option<&Secret>,
    ) -> Result<Self, InvalidPrivacy> {
        let mut rules = BTreeMap::new();
        for text in omit.iter().map(AsRef::as_ref) {
            for field in named(text)? {
                rules.insert(field, Rule::Omit);
            }
        }
        if hash.is_empty() {
            return Ok(Self { rules });
        }
        let mac = keyed(key)?;
        for text in hash.iter().map(AsRef::as_ref) {
            let fields = named(text)?;
            if fields.iter().any(|field| !field::can_be_hashed(*field)) {
                let text = text.to_owned();
                return Err(InvalidPrivacy::NotText { text });
            }
            for field in fields {
                if let Some(Rule::Omit) = rules.get(&field) {
                    let text = format!("{}.{}", field.kind(), field.name());
                    return Err(InvalidPrivacy::Twice { text });
                }
                rules.insert(field, Rule::Hash(Box::new(mac.clone())));
            }
        }
        Ok(Self { rules })
    }

    /// Returns an event as the endpoint may see it.
    pub(in crate::deliver) fn show<'a>(&self, event: &'a Event<'a>) -> Shown<'a> {
        let mut shown = Shown::of(event);
        if !self.rules.is_empty() {
            self.mask(&mut shown);
        }
        shown
    }

    /// Returns the fields of a change that the endpoint may see, by their names in `changes`. There
    /// are none if the endpoint may not know of the change.
    pub(in crate::deliver) fn visible_changes(
        &self,
        before: &Record,
        after: &Record,
    ) -> Vec<&'static str> {
        let mut changed = delta(before, after);
        for field in self.omitted() {
            if field.kind() == after.kind() {
                changed.remove(field.name());
            }
        }
        changed.into_keys().collect()
    }

    /// Returns whether anything of a kind is left out.
    pub(in crate::deliver) fn omits_any(&self, kind: Kind) -> bool {
        self.omitted().any(|field| field.kind() == kind)
    }

    /// Returns whether a field is left out.
    pub(in crate::deliver) fn omits(&self, field: Field) -> bool {
        matches!(self.rules.get(&field), Some(Rule::Omit))
    }

    fn omitted(&self) -> impl Iterator<Item = Field> {
        let omitted = self
            .rules
            .iter()
            .filter(|(_, rule)| matches!(rule, Rule::Omit));
        omitted.map(|(field, _)| *field)
    }
}

impl Rule {
    /// Returns what replaces a text, or `None` if the text is left out. Receivers join records by
    /// the result, so texts that people consider the same must have the same one.
    fn stand_in(&self, text: &str) -> Option<String> {
        match self {
            Self::Omit => None,
            Self::Hash(mac) => {
                let digest = Hmac::clone(mac).chain_update(canonical(text));
                let digest = digest.finalize().into_bytes();
                Some(format!("{HASHED}{}", hex::encode(digest)))
            }
        }
    }
}

fn named(text: &str) -> Result<Vec<Field>, InvalidPrivacy> {
    let fields = field::named(text);
    if fields.is_empty() {
        let text = text.to_owned();
        return Err(InvalidPrivacy::Unknown { text });
    }
    Ok(fields)
}

fn keyed(key: Option<&Secret>) -> Result<Hmac<Sha256>, InvalidPrivacy> {
    let key = key.ok_or(InvalidPrivacy::NoKey)?.expose();
    let n_chars = key.chars().count();
    if n_chars < MIN_KEY {
        return Err(InvalidPrivacy::ShortKey { n_chars });
    }
    Ok(Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length"))
}

#[cfg(test)]
mod tests;
