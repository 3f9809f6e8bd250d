//! A filter as a tree, and how it is written.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Number;

/// The most bytes of a filter: enough to ask for two hundred records by id.
pub const MAX_FILTER: usize = 16 * 1024;

/// How deep parentheses and brackets may be nested. People and clients nest a few.
pub const MAX_DEPTH: usize = 32;

/// The most conditions of a filter, since each is tested with each record.
pub const MAX_CONDITIONS: usize = 500;

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ScimFilter(pub(in crate::model::scim) Expression);

/// Why a text is not a filter, or cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{}", at.map_or_else(|| what.clone(), |at| format!("at character {at}: {what}")))]
pub struct ScimFilterError {
    /// The character at which it is wrong, counted from 1; `None` if that is the whole text.
    pub at: Option<usize>,
    /// What is wrong.
    pub what: String,
}

/// A condition, or several of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::model::scim) enum Expression {
    /// All must be true. There are two or more.
    And(Vec<Self>),
    /// At least one must be true. There are two or more.
    Or(Vec<Self>),
    Not(Box<Self>),
    /// A condition about an attribute.
    Test {
        path: AttributePath,
        test: Test,
    },
    /// One of the values of an attribute fulfils all of this: `emails[type eq "work"]`. Paths in it
    /// name sub-attributes.
    Within {
        path: AttributePath,
        filter: Box<Self>,
    },
}

/// What is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::model::scim) enum Test {
    /// It has a value.
    Present,
    /// Its value compares like this.
    Compare(Comparer, Literal),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model::scim) enum Comparer {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A value in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::model::scim) enum Literal {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
}

/// The name of an attribute: `name.formatted`, with the URN of its schema before it if the client
/// wrote one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct AttributePath {
    /// The URN of the schema.
    pub(in crate::model::scim) schema: Option<String>,
    pub(in crate::model::scim) name: String,
    pub(in crate::model::scim) sub: Option<String>,
    /// Where it begins in the text, in characters from 1. Two paths that differ only in this are
    /// the same.
    pub(in crate::model::scim) at: TextPlace,
}

/// A place in the text of a filter. It does not count when filters are compared.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::model::scim) struct TextPlace(pub(super) usize);

impl PartialEq for TextPlace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for TextPlace {}

impl ScimFilterError {
    pub(in crate::model::scim) fn at(at: usize, what: impl Into<String>) -> Self {
        Self {
            at: Some(at),
            what: what.into(),
        }
    }
}

impl Comparer {
    pub(in crate::model::scim) const ALL: [Self; 9] = [
        Self::Equal,
        Self::NotEqual,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
    ];

    pub(in crate::model::scim) fn word(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Contains => "co",
            Self::StartsWith => "sw",
            Self::EndsWith => "ew",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        }
    }
}

impl From<AttributePath> for String {
    fn from(path: AttributePath) -> Self {
        path.to_string()
    }
}

impl From<ScimFilter> for String {
    fn from(filter: ScimFilter) -> Self {
        filter.to_string()
    }
}

impl fmt::Display for ScimFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(all) => joined(f, all, " and ", |inner| match inner {
                Self::And(_) | Self::Or(_) => Grouped::Yes,
                Self::Not(_) | Self::Test { .. } | Self::Within { .. } => Grouped::No,
            }),
            Self::Or(all) => joined(f, all, " or ", |inner| match inner {
                Self::Or(_) => Grouped::Yes,
                Self::And(_) | Self::Not(_) | Self::Test { .. } | Self::Within { .. } => {
                    Grouped::No
                }
            }),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Test { path, test } => match test {
                Test::Present => write!(f, "{path} pr"),
                Test::Compare(comparer, value) => write!(f, "{path} {} {value}", comparer.word()),
            },
            Self::Within { path, filter } => write!(f, "{path}[{filter}]"),
        }
    }
}

/// Whether an expression needs parentheses.
enum Grouped {
    Yes,
    No,
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    all: &[Expression],
    word: &str,
    grouped: impl Fn(&Expression) -> Grouped,
) -> fmt::Result {
    for (n, inner) in all.iter().enumerate() {
        if n > 0 {
            f.write_str(word)?;
        }
        match grouped(inner) {
            Grouped::Yes => write!(f, "({inner})")?,
            Grouped::No => write!(f, "{inner}")?,
        }
    }
    Ok(())
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.name)?;
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(text) => serde_json::Value::from(text.as_str()).fmt(f),
        }
    }
}
