//! Compares the values of an attribute with what a condition says.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use super::tree::{Comparer, Literal};
use crate::model::scim::attribute::{Attribute, AttributeForm};

/// What values are compared with.
#[derive(Debug)]
pub(super) enum Check {
    Present,
    Absent,
    Boolean(Truth, bool),
    Text(Comparer, String, LetterCase),
    Time(Comparer, DateTime<Utc>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Is,
    IsNot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LetterCase {
    Counts,
    Ignored,
}

/// Attributes with the identity provider's name for a user, such as `ACME\bob`.
const SUBJECTS: [&str; 3] = ["userName", "externalId", "subject"];

/// Fails if the name of a user has a control character. No name has one: it comes from a backslash
/// that was written once, as in `ACME\bob`, and finding nobody would make a client create the user
/// again.
pub(super) fn has_no_lone_backslash(
    attribute: &Attribute,
    literal: &Literal,
) -> Result<(), String> {
    let Literal::Text(text) = literal else {
        return Ok(());
    };
    match SUBJECTS.contains(&attribute.name) && text.contains(|c: char| c.is_ascii_control()) {
        true => Err(format!(
            "`{}` has no control characters; a backslash in a text is written as `\\\\`",
            attribute.name
        )),
        false => Ok(()),
    }
}

/// Makes the check of an attribute. Fails with the reason if it cannot be compared like this.
pub(super) fn check(
    attribute: &Attribute,
    comparer: Comparer,
    literal: &Literal,
) -> Result<Check, String> {
    let name = attribute.name;
    match attribute.form {
        AttributeForm::Boolean => {
            let truth = match comparer {
                Comparer::Equal => Truth::Is,
                Comparer::NotEqual => Truth::IsNot,
                Comparer::Contains
                | Comparer::StartsWith
                | Comparer::EndsWith
                | Comparer::Greater
                | Comparer::GreaterOrEqual
                | Comparer::Less
                | Comparer::LessOrEqual => {
                    return Err(format!(
                        "`{name}` is true or false, which `{}` cannot compare",
                        comparer.word()
                    ));
                }
            };
            let expected = match literal {
                Literal::Boolean(value) => Some(*value),
                // Some clients put it in quotes.
                Literal::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
                Literal::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
                Literal::Null | Literal::Number(_) | Literal::Text(_) => None,
            };
            let expected = expected.ok_or_else(|| format!("`{name}` is `true` or `false`"))?;
            Ok(Check::Boolean(truth, expected))
        }
        AttributeForm::Time => match comparer {
            Comparer::Contains | Comparer::StartsWith | Comparer::EndsWith => {
                Ok(Check::Text(comparer, spelling(literal), LetterCase::Counts))
            }
            Comparer::Equal
            | Comparer::NotEqual
            | Comparer::Greater
            | Comparer::GreaterOrEqual
            | Comparer::Less
            | Comparer::LessOrEqual => {
                let time = time(&spelling(literal));
                let time = time.ok_or_else(|| {
                    format!("`{name}` is a time; compare it with one like 2026-03-02T09:15:04Z")
                })?;
                Ok(Check::Time(comparer, time))
            }
        },
        AttributeForm::Text | AttributeForm::Reference | AttributeForm::Complex => {
            let (text, case) = match attribute.is_case_exact {
                true => (spelling(literal), LetterCase::Counts),
                false => (spelling(literal).to_lowercase(), LetterCase::Ignored),
            };
            Ok(Check::Text(comparer, text, case))
        }
    }
}

pub(super) fn spelling(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => text.clone(),
        Literal::Null | Literal::Boolean(_) | Literal::Number(_) => literal.to_string(),
    }
}

/// Reads a time. One without an offset is in UTC.
fn time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
    naive.ok().map(|time| time.and_utc())
}

impl Check {
    /// Returns whether values pass: it is enough that one of them does (RFC 7644, 3.4.2.2). What
    /// has no value differs from every value.
    pub(super) fn accepts(&self, values: &[&Value]) -> bool {
        let differs = |is: &dyn Fn(&Value) -> bool| {
            values.is_empty() || values.iter().any(|value| !is(value))
        };
        match self {
            Self::Present => values.iter().any(|value| is_present(value)),
            Self::Absent => !values.iter().any(|value| is_present(value)),
            Self::Boolean(Truth::Is, expected) => {
                values.iter().any(|it| it.as_bool() == Some(*expected))
            }
            Self::Boolean(Truth::IsNot, expected) => differs(&|it| it.as_bool() == Some(*expected)),
            Self::Text(Comparer::NotEqual, expected, case) => {
                differs(&|it| it.as_str().is_some_and(|it| case.apply(it) == *expected))
            }
            Self::Text(comparer, expected, case) => {
                let mut texts = values.iter().filter_map(|it| it.as_str());
                texts.any(|it| comparer.accepts_text(&case.apply(it), expected))
            }
            Self::Time(Comparer::NotEqual, expected) => {
                differs(&|it| it.as_str().and_then(time) == Some(*expected))
            }
            Self::Time(comparer, expected) => {
                let mut times = values.iter().filter_map(|it| time(it.as_str()?));
                times.any(|it| comparer.accepts(&it, expected))
            }
        }
    }
}

impl LetterCase {
    fn apply(self, text: &str) -> String {
        match self {
            Self::Counts => text.to_owned(),
            Self::Ignored => text.to_lowercase(),
        }
    }
}

impl Comparer {
    fn accepts_text(self, value: &str, expected: &str) -> bool {
        match self {
            Self::Contains => value.contains(expected),
            Self::StartsWith => value.starts_with(expected),
            Self::EndsWith => value.ends_with(expected),
            Self::Equal
            | Self::NotEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::Less
            | Self::LessOrEqual => self.accepts(value, expected),
        }
    }

    /// Compares values that have an order.
    fn accepts<T: Ord + ?Sized>(self, value: &T, expected: &T) -> bool {
        match self {
            Self::Equal => value == expected,
            Self::NotEqual => value != expected,
            Self::Greater => value > expected,
            Self::GreaterOrEqual => value >= expected,
            Self::Less => value < expected,
            Self::LessOrEqual => value <= expected,
            // These are of texts alone.
            Self::Contains | Self::StartsWith | Self::EndsWith => false,
        }
    }
}

/// Returns whether a value counts as one: nothing empty does.
pub(super) fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => list.iter().any(is_present),
        Value::Object(fields) => fields.values().any(is_present),
    }
}
