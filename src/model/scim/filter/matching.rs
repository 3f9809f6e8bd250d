//! Tests resources with a filter.
//!
//! A filter is resolved once against the schemas: which attribute a name means, what its values
//! are, and whether letter case counts. Then it is applied to resources as they are shown.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::tree::{
    AttributePath, Comparer, Expression, Literal, ScimFilter, ScimFilterError, Test,
};
use crate::model::scim::attribute::{Attribute, AttributeForm};
use crate::model::scim::schema::{Led, is_without_value};
use crate::model::scim::{AttributePlace, ResourceType, ScimSchema};

/// A filter, resolved for types of resources.
#[derive(Debug)]
pub struct ScimMatcher(Vec<(ResourceType, Node)>);

/// An expression whose attributes are resolved.
#[derive(Debug)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// The resource has something of an extension.
    HasExtension(&'static ScimSchema),
    Test {
        /// Where the values are; `None` if the type does not have the attribute.
        route: Option<Route>,
        check: Check,
    },
    Within {
        route: Option<Route>,
        inner: Box<Self>,
    },
}

/// The way from an object to some values in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Route {
    extension: Option<&'static str>,
    name: &'static str,
    part: Option<&'static str>,
}

/// What values are compared with.
#[derive(Debug)]
enum Check {
    Present,
    Absent,
    Boolean(Truth, bool),
    Text(Comparer, String, LetterCase),
    Time(Comparer, DateTime<Utc>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Is,
    IsNot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LetterCase {
    Counts,
    Ignored,
}

impl ScimMatcher {
    /// Resolves a filter for the types of resources that are searched. Fails if none of them has an
    /// attribute of the filter, or if an attribute cannot be compared like this.
    pub fn of(filter: &ScimFilter, types: &[ResourceType]) -> Result<Self, ScimFilterError> {
        let resolved = types.iter().map(|&sort| {
            let scope = Scope::Resource { sort, types };
            Ok((sort, resolve(&filter.0, scope)?))
        });
        resolved.collect::<Result<_, _>>().map(Self)
    }

    /// Returns whether a resource matches.
    pub fn matches(&self, sort: ResourceType, resource: &Map<String, Value>) -> bool {
        let node = self.node(sort);
        node.is_some_and(|node| node.matches(&Object::Resource(resource)))
    }

    /// Returns whether a resource must have an attribute, or an extension, to be tested.
    pub fn needs(&self, sort: ResourceType, name: &str) -> bool {
        self.node(sort).is_some_and(|node| node.needs(name))
    }

    fn node(&self, sort: ResourceType) -> Option<&Node> {
        let mut nodes = self.0.iter();
        nodes.find(|(of, _)| *of == sort).map(|(_, node)| node)
    }
}

/// What paths are resolved in.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Resource {
        sort: ResourceType,
        types: &'a [ResourceType],
    },
    /// The values of an attribute; `None` if the type does not have it.
    Value(Option<&'static Attribute>),
}

fn resolve(expression: &Expression, scope: Scope<'_>) -> Result<Node, ScimFilterError> {
    let each = |all: &[Expression]| {
        let all = all.iter().map(|it| resolve(it, scope));
        all.collect::<Result<Vec<_>, _>>()
    };
    Ok(match expression {
        Expression::And(all) => Node::All(each(all)?),
        Expression::Or(all) => Node::Any(each(all)?),
        Expression::Not(inner) => Node::Not(Box::new(resolve(inner, scope)?)),
        Expression::Test { path, test } => match found(path, scope)? {
            Found::Extension(schema) => match test {
                Test::Present => Node::HasExtension(schema),
                Test::Compare(..) => return Err(not_comparable(path)),
            },
            Found::Nothing => Node::Test {
                route: None,
                check: unresolved(test),
            },
            Found::Values(route, attribute) => comparison(path, route, attribute, test)?,
        },
        Expression::Within { path, filter } => {
            let (route, attribute) = match found(path, scope)? {
                Found::Extension(_) => return Err(not_comparable(path)),
                Found::Nothing => (None, None),
                Found::Values(route, attribute) => (Some(route), Some(attribute)),
            };
            Node::Within {
                route,
                inner: Box::new(resolve(filter, Scope::Value(attribute))?),
            }
        }
    })
}

enum Found {
    Extension(&'static ScimSchema),
    Values(Route, &'static Attribute),
    Nothing,
}

/// Finds an attribute. Fails if no type has it that is searched, unless the standard defines it.
fn found(path: &AttributePath, scope: Scope<'_>) -> Result<Found, ScimFilterError> {
    match scope {
        Scope::Value(None) => Ok(Found::Nothing),
        Scope::Value(Some(attribute)) => {
            let part = attribute.part(&path.name).filter(|_| path.sub.is_none());
            Ok(match part {
                Some(part) => Found::Values(Route::to(part.name), part),
                // A list of plain values has them as `value`.
                None if attribute.parts.is_empty() && path.name.eq_ignore_ascii_case("value") => {
                    Found::Values(Route::to("value"), attribute)
                }
                None => Found::Nothing,
            })
        }
        Scope::Resource { sort, types } => match sort.lead(path) {
            Some(Led::Extension(schema)) => Ok(Found::Extension(schema)),
            Some(Led::Core) => Err(not_comparable(path)),
            Some(Led::One(place)) => Ok(in_resource(path, place)?),
            None if types.iter().any(|it| it.lead(path).is_some()) => Ok(Found::Nothing),
            None if is_without_value(path) => Ok(Found::Nothing),
            None => {
                let shown = path.to_string();
                let what = format!(
                    "there is no attribute `{}`; `/Schemas` lists those that exist",
                    shown.escape_debug()
                );
                Err(ScimFilterError::at(path.at.0, what))
            }
        },
    }
}

fn in_resource(path: &AttributePath, place: AttributePlace) -> Result<Found, ScimFilterError> {
    let AttributePlace {
        extension,
        attribute,
        part,
    } = place;
    if attribute.name == "meta" && part.is_some_and(|part| part.name == "version") {
        let what = "`meta.version` cannot be part of a filter: ask with `If-None-Match`";
        return Err(ScimFilterError::at(path.at.0, what));
    }
    let route = Route {
        extension: extension.map(|it| it.id),
        name: attribute.name,
        part: part.map(|it| it.name),
    };
    Ok(Found::Values(route, part.unwrap_or(attribute)))
}

fn not_comparable(path: &AttributePath) -> ScimFilterError {
    let shown = path.to_string();
    let what = format!(
        "`{}` is not a single value: compare one of its attributes",
        shown.escape_debug()
    );
    ScimFilterError::at(path.at.0, what)
}

/// Returns what is true of an attribute without a value.
fn unresolved(test: &Test) -> Check {
    match test {
        Test::Compare(Comparer::Equal, Literal::Null) => Check::Absent,
        Test::Compare(Comparer::NotEqual, Literal::Null) | Test::Present => Check::Present,
        Test::Compare(comparer, literal) => {
            Check::Text(*comparer, spelling(literal), LetterCase::Counts)
        }
    }
}

fn comparison(
    path: &AttributePath,
    mut route: Route,
    mut attribute: &'static Attribute,
    test: &Test,
) -> Result<Node, ScimFilterError> {
    let (comparer, literal) = match test {
        Test::Present => {
            let check = Check::Present;
            let route = Some(route);
            return Ok(Node::Test { route, check });
        }
        Test::Compare(comparer, literal) => (*comparer, literal),
    };
    let is_null = *literal == Literal::Null;
    // `emails eq "x"` means the addresses.
    if attribute.form == AttributeForm::Complex && !is_null {
        attribute = attribute
            .part("value")
            .ok_or_else(|| not_comparable(path))?;
        route.part = Some(attribute.name);
    }
    let wrong = |what: String| ScimFilterError::at(path.at.0, what);
    let check = match (comparer, literal) {
        (Comparer::Equal, Literal::Null) => Check::Absent,
        (Comparer::NotEqual, Literal::Null) => Check::Present,
        (comparer, Literal::Null) => {
            let what = format!("`{}` cannot compare with null", comparer.word());
            return Err(wrong(what));
        }
        (comparer, literal) => check(attribute, comparer, literal).map_err(wrong)?,
    };
    let route = Some(route);
    Ok(Node::Test { route, check })
}

/// Makes the check of an attribute. Fails with the reason if it cannot be compared like this.
fn check(attribute: &Attribute, comparer: Comparer, literal: &Literal) -> Result<Check, String> {
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

/// What is tested: a resource, or one value of a list.
enum Object<'a> {
    Resource(&'a Map<String, Value>),
    Value(&'a Value),
}

impl Route {
    fn to(name: &'static str) -> Self {
        Self {
            extension: None,
            name,
            part: None,
        }
    }

    /// Returns the values at the end of the route, those of lists one by one.
    fn values<'a>(&self, object: &Object<'a>) -> Vec<&'a Value> {
        let found = match object {
            Object::Resource(resource) => match self.extension {
                None => resource.get(self.name),
                Some(extension) => resource.get(extension).and_then(|it| it.get(self.name)),
            },
            Object::Value(value @ Value::Object(_)) => value.get(self.name),
            Object::Value(plain) => (self.name == "value").then_some(*plain),
        };
        let all: Vec<&Value> = match found {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        match self.part {
            None => all,
            Some(part) => all.into_iter().filter_map(|it| it.get(part)).collect(),
        }
    }
}

impl Node {
    fn matches(&self, object: &Object<'_>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|it| it.matches(object)),
            Self::Any(all) => all.iter().any(|it| it.matches(object)),
            Self::Not(inner) => !inner.matches(object),
            Self::HasExtension(schema) => match object {
                Object::Resource(resource) => resource.get(schema.id).is_some_and(is_present),
                Object::Value(_) => false,
            },
            Self::Test { route, check } => {
                let values = route.map_or_else(Vec::new, |route| route.values(object));
                check.accepts(&values)
            }
            Self::Within { route, inner } => {
                let values = route.map_or_else(Vec::new, |route| route.values(object));
                let mut values = values.into_iter();
                values.any(|value| inner.matches(&Object::Value(value)))
            }
        }
    }

    fn needs(&self, name: &str) -> bool {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().any(|it| it.needs(name)),
            Self::Not(inner) => inner.needs(name),
            Self::HasExtension(schema) => schema.id == name,
            Self::Test { route, check: _ } | Self::Within { route, inner: _ } => {
                route.is_some_and(|route| route.extension.unwrap_or(route.name) == name)
            }
        }
    }
}

impl Check {
    /// Returns whether values pass: one of them does, or, for `ne`, none is equal.
    fn accepts(&self, values: &[&Value]) -> bool {
        match self {
            Self::Present => values.iter().any(|value| is_present(value)),
            Self::Absent => !values.iter().any(|value| is_present(value)),
            Self::Boolean(Truth::Is, expected) => {
                values.iter().any(|it| it.as_bool() == Some(*expected))
            }
            Self::Boolean(Truth::IsNot, expected) => {
                !values.iter().any(|it| it.as_bool() == Some(*expected))
            }
            Self::Text(Comparer::NotEqual, expected, case) => {
                let mut texts = values.iter().filter_map(|it| it.as_str());
                !texts.any(|it| case.apply(it) == *expected)
            }
            Self::Text(comparer, expected, case) => {
                let mut texts = values.iter().filter_map(|it| it.as_str());
                texts.any(|it| comparer.accepts_text(&case.apply(it), expected))
            }
            Self::Time(Comparer::NotEqual, expected) => {
                let mut times = values.iter().filter_map(|it| time(it.as_str()?));
                !times.any(|it| it == *expected)
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
fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => list.iter().any(is_present),
        Value::Object(fields) => fields.values().any(is_present),
    }
}
