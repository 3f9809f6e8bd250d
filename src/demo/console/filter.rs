//! The part of RFC 7644's filter grammar that the console accepts.

use crate::demo::tenant::filter::{Token, tokens};

/// The deepest nesting: deeper than any real filter, bounded because the parser recurses.
const MAX_DEPTH: usize = 16;

/// The attributes to filter by, and whether each accepts `ne`.
const ATTRIBUTES: [(&str, bool); 7] = [
    ("regionCode", true),
    ("status", true),
    ("subscriptionId", false),
    ("name", false),
    ("hostnames", false),
    ("id", false),
    ("originalId", false),
];

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    Is(&'static str, String),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
}

impl Expr {
    /// Returns whether the filter holds; `values` gives a tenant's values of an attribute.
    pub fn holds(&self, values: &impl Fn(&str) -> Vec<String>) -> bool {
        match self {
            Self::Is(name, value) => values(name)
                .iter()
                .any(|has| has.eq_ignore_ascii_case(value)),
            Self::Not(inner) => !inner.holds(values),
            Self::And(parts) => parts.iter().all(|part| part.holds(values)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(values)),
        }
    }

    /// Returns the subscriptions that the filter names.
    pub fn subscriptions(&self) -> Vec<&str> {
        match self {
            Self::Is("subscriptionId", value) => vec![value],
            Self::Is(..) => Vec::new(),
            Self::Not(inner) => inner.subscriptions(),
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().flat_map(Self::subscriptions).collect()
            }
        }
    }
}

/// Parses a filter; the error says what is wrong.
pub fn parse(text: &str) -> Result<Expr, String> {
    let mut left = tokens(text)?.into_iter().peekable();
    let expr = either(&mut left, 0)?;
    match left.next() {
        None => Ok(expr),
        Some(token) => Err(format!("unexpected `{}`", token.text)),
    }
}

type Left = std::iter::Peekable<std::vec::IntoIter<Token>>;

fn takes(left: &mut Left, word: &str) -> bool {
    let is_it = |token: &Token| !token.quoted && token.text.eq_ignore_ascii_case(word);
    left.next_if(is_it).is_some()
}

fn either(left: &mut Left, depth: usize) -> Result<Expr, String> {
    let mut parts = vec![both(left, depth)?];
    while takes(left, "or") {
        parts.push(both(left, depth)?);
    }
    Ok(Expr::Or(parts))
}

fn both(left: &mut Left, depth: usize) -> Result<Expr, String> {
    let mut parts = vec![one(left, depth)?];
    while takes(left, "and") {
        parts.push(one(left, depth)?);
    }
    Ok(Expr::And(parts))
}

fn one(left: &mut Left, depth: usize) -> Result<Expr, String> {
    if depth >= MAX_DEPTH {
        return Err("too many parentheses".into());
    }
    if takes(left, "not") {
        return one(left, depth + 1).map(|inner| Expr::Not(Box::new(inner)));
    }
    if takes(left, "(") {
        let inner = either(left, depth + 1)?;
        return match takes(left, ")") {
            true => Ok(inner),
            false => Err("a parenthesis is not closed".into()),
        };
    }
    let name = left.next().ok_or("an attribute is missing")?.text;
    let (name, takes_ne) = ATTRIBUTES
        .into_iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| format!("filtering by `{name}` is not supported"))?;
    let is_not = match takes(left, "eq") {
        true => false,
        false if takes_ne && takes(left, "ne") => true,
        false => return Err(format!("operator not supported for `{name}`")),
    };
    match left.next() {
        Some(value) if value.quoted && is_not => {
            Ok(Expr::Not(Box::new(Expr::Is(name, value.text))))
        }
        Some(value) if value.quoted => Ok(Expr::Is(name, value.text)),
        Some(_) | None => Err(format!("`{name}` is compared with no string")),
    }
}
