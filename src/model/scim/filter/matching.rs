//! Tests resources with a filter.
//!
//! A filter is resolved once against the schemas: which attribute a name means, what its values
//! are, and whether letter case counts. Then it is applied to resources as they are shown.

use serde_json::{Map, Value};

use super::check::{Check, LetterCase, check, has_no_lone_backslash, is_present, spelling};
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

    /// Returns the conditions about an attribute, each by itself. All are of the form that a list
    /// fulfils if one of its values does, but for `ne`, which an empty list fulfils as well, and
    /// `eq null`, which only an empty list does.
    pub fn conditions(&self, sort: ResourceType, name: &str) -> Vec<ScimCondition<'_>> {
        let mut found = Vec::new();
        if let Some(node) = self.node(sort) {
            node.collect(name, &mut found);
        }
        found
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

/// One condition of a filter.
#[derive(Debug, Clone, Copy)]
pub struct ScimCondition<'a>(&'a Node);

impl ScimCondition<'_> {
    /// Returns whether a resource fulfils it.
    pub fn matches(&self, resource: &Map<String, Value>) -> bool {
        self.0.matches(&Object::Resource(resource))
    }
}

/// What paths are resolved in.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Resource {
        sort: ResourceType,
        types: &'a [ResourceType],
    },
    /// The values of an attribute.
    Value(Inner<'a>),
}

/// Whose sub-attributes paths in brackets name.
#[derive(Clone, Copy)]
enum Inner<'a> {
    /// Those of an attribute that the type has.
    Of(&'a AttributePath, &'static Attribute),
    /// Those of an attribute that RFC 7643 defines and no resource here has.
    WithoutValue(&'a AttributePath),
    /// Those of an attribute that only another type has, for which they are checked.
    OfOtherType,
}

impl Inner<'_> {
    /// Returns whether RFC 7643 defines a sub-attribute that has no value here.
    fn is_without_value(self, part: &AttributePath) -> bool {
        match self {
            Self::Of(path, _) | Self::WithoutValue(path) => {
                is_without_value(&AttributePath {
                    sub: Some(part.name.clone()),
                    ..path.clone()
                }) && part.sub.is_none()
            }
            Self::OfOtherType => true,
        }
    }
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
            Found::Nothing(_) => Node::Test {
                route: None,
                check: unresolved(test),
            },
            Found::Values(route, attribute) => comparison(path, route, attribute, test)?,
        },
        Expression::Within { path, filter } => {
            let (route, inner) = match found(path, scope)? {
                Found::Extension(_) => return Err(not_comparable(path)),
                Found::Nothing(Missing::WithoutValue) => (None, Inner::WithoutValue(path)),
                Found::Nothing(Missing::OfOtherType) => (None, Inner::OfOtherType),
                Found::Values(route, attribute) => (Some(route), Inner::Of(path, attribute)),
            };
            Node::Within {
                route,
                inner: Box::new(resolve(filter, Scope::Value(inner))?),
            }
        }
    })
}

enum Found {
    Extension(&'static ScimSchema),
    Values(Route, &'static Attribute),
    Nothing(Missing),
}

/// Why there is no value.
enum Missing {
    /// RFC 7643 defines the attribute, and no resource here has it.
    WithoutValue,
    /// Only another type has the attribute.
    OfOtherType,
}

/// Finds an attribute. Fails if no type has it that is searched, unless the standard defines it.
fn found(path: &AttributePath, scope: Scope<'_>) -> Result<Found, ScimFilterError> {
    match scope {
        Scope::Value(inner) => {
            let attribute = match inner {
                Inner::Of(_, attribute) => Some(attribute),
                Inner::WithoutValue(_) | Inner::OfOtherType => None,
            };
            let part = attribute.and_then(|it| it.part(&path.name));
            match (part.filter(|_| path.sub.is_none()), attribute) {
                (Some(part), _) => Ok(Found::Values(Route::to(part.name), part)),
                // A list of plain values has them as `value`.
                (None, Some(attribute)) if is_plain_value(attribute, path) => {
                    Ok(Found::Values(Route::to("value"), attribute))
                }
                (None, _) if inner.is_without_value(path) => {
                    Ok(Found::Nothing(Missing::WithoutValue))
                }
                (None, _) => Err(unknown(path)),
            }
        }
        Scope::Resource { sort, types } => match sort.lead(path) {
            Some(Led::Extension(schema)) => Ok(Found::Extension(schema)),
            Some(Led::Core) => Err(not_comparable(path)),
            Some(Led::One(place)) => Ok(in_resource(path, place)?),
            None if types.iter().any(|it| it.lead(path).is_some()) => {
                Ok(Found::Nothing(Missing::OfOtherType))
            }
            None if is_without_value(path) => Ok(Found::Nothing(Missing::WithoutValue)),
            None => Err(unknown(path)),
        },
    }
}

/// Returns whether a path in brackets means the values of an attribute that are not objects.
fn is_plain_value(attribute: &Attribute, path: &AttributePath) -> bool {
    attribute.parts.is_empty() && path.sub.is_none() && path.name.eq_ignore_ascii_case("value")
}

fn unknown(path: &AttributePath) -> ScimFilterError {
    let shown = path.to_string();
    let what = format!(
        "there is no attribute `{}`; `/Schemas` lists those that exist",
        shown.escape_debug()
    );
    ScimFilterError::at(path.at.0, what)
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
        (comparer, literal) => {
            has_no_lone_backslash(attribute, literal).map_err(wrong)?;
            check(attribute, comparer, literal).map_err(wrong)?
        }
    };
    let route = Some(route);
    Ok(Node::Test { route, check })
}

/// The value of an object that does not have the asked sub-attribute.
static NO_VALUE: Value = Value::Null;

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

    /// Returns the values at the end of the route, those of lists one by one. An object without the
    /// sub-attribute counts as one without a value.
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
            Some(part) => {
                let parts = all.into_iter().map(|it| it.get(part).unwrap_or(&NO_VALUE));
                parts.collect()
            }
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

    /// Collects the conditions about an attribute.
    fn collect<'a>(&'a self, name: &str, found: &mut Vec<ScimCondition<'a>>) {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().for_each(|it| it.collect(name, found)),
            Self::Not(inner) => inner.collect(name, found),
            Self::HasExtension(_) => {}
            Self::Test { .. } | Self::Within { .. } => {
                if self.needs(name) {
                    found.push(ScimCondition(self));
                }
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
