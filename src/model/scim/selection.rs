//! Which attributes of resources are wanted: `attributes` and `excludedAttributes` (RFC 7644, 3.9).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ResourceType;
use super::attribute::{Attribute, Returned};
use super::filter::AttributePath;
use super::schema::{AttributePlace, COMMON, Led, ScimSchema};

/// The attributes that a request wants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Those that are returned by default.
    #[default]
    Default,
    /// Only these.
    Only(Vec<AttributePath>),
    /// Those that are returned by default, but for these.
    Without(Vec<AttributePath>),
}

/// The wanted attributes of one type of resources.
#[derive(Debug, Clone)]
pub struct Selection {
    sort: ResourceType,
    mode: Mode,
    named: Vec<Led>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Default,
    Only,
    Without,
}

impl Wanted {
    /// Returns the wanted attributes of a type. Names that the type does not have are
    /// ignored: another
    /// type may have them, and a client may be newer.
    pub fn of(&self, sort: ResourceType) -> Selection {
        let led = |paths: &[AttributePath]| {
            let led = paths.iter().filter_map(|path| sort.lead(path));
            led.collect()
        };
        let (mode, named) = match self {
            Self::Default => (Mode::Default, Vec::new()),
            Self::Only(paths) => (Mode::Only, led(paths)),
            Self::Without(paths) => (Mode::Without, led(paths)),
        };
        Selection { sort, mode, named }
    }
}

impl Selection {
    /// Returns whether an attribute of the core schema is wanted, or anything of an extension.
    pub fn wants(&self, name: &str) -> bool {
        let extension = self.sort.extension();
        if name == extension.id {
            let mut attributes = extension.attributes.iter();
            return attributes.any(|it| self.has(Some(extension), it));
        }
        self.attribute(name).is_some_and(|it| self.has(None, it))
    }

    /// Returns whether a part of an attribute of the core schema is wanted.
    pub fn wants_part(&self, name: &str, part: &str) -> bool {
        self.attribute(name).is_some_and(|attribute| {
            let part = attribute.part(part);
            self.has(None, attribute) && part.is_some_and(|it| self.has_part(None, attribute, it))
        })
    }

    /// Returns whether an attribute of the extension is wanted.
    pub fn wants_of_extension(&self, name: &str) -> bool {
        let extension = self.sort.extension();
        let attribute = extension.attribute(name);
        attribute.is_some_and(|it| self.has(Some(extension), it))
    }

    /// Returns whether an attribute was asked for by name, and not only because it is returned by
    /// default.
    pub fn names(&self, name: &str) -> bool {
        self.mode == Mode::Only
            && self.attribute(name).is_some_and(|attribute| {
                self.named.iter().any(|led| match led {
                    Led::One(place) => place.attribute == attribute,
                    Led::Core | Led::Extension(_) => false,
                })
            })
    }

    /// Removes what is not wanted from a resource.
    pub fn prune(&self, resource: &mut Map<String, Value>) {
        let extension = self.sort.extension();
        resource.retain(|name, value| {
            if name == extension.id {
                let Value::Object(fields) = value else {
                    return false;
                };
                fields.retain(|name, value| {
                    let attribute = extension.attribute(name);
                    attribute.is_some_and(|it| self.keep(Some(extension), it, value))
                });
                return !fields.is_empty();
            }
            self.attribute(name)
                .is_some_and(|it| self.keep(None, it, value))
        });
        if !resource.contains_key(extension.id)
            && let Some(Value::Array(schemas)) = resource.get_mut("schemas")
        {
            schemas.retain(|schema| schema != extension.id);
        }
    }

    fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        let core = self.sort.schema().attribute(name);
        core.or_else(|| COMMON.iter().find(|it| it.name.eq_ignore_ascii_case(name)))
    }

    /// Returns whether an attribute is wanted, or a part of it.
    fn has(&self, of: Option<&'static ScimSchema>, attribute: &'static Attribute) -> bool {
        let is_default = match attribute.returned {
            Returned::Always => return true,
            Returned::Default => true,
            Returned::Request => false,
        };
        let mut named = self.named.iter();
        match self.mode {
            Mode::Default => is_default,
            Mode::Only => named.any(|led| match led {
                Led::Extension(schema) => is_default && of == Some(*schema),
                Led::Core => is_default && of.is_none(),
                Led::One(place) => place.is_of(of, attribute),
            }),
            Mode::Without => {
                is_default
                    && !named.any(|led| match led {
                        Led::Extension(schema) => of == Some(*schema),
                        Led::Core => of.is_none(),
                        Led::One(place) => place.part.is_none() && place.is_of(of, attribute),
                    })
            }
        }
    }

    /// Returns whether a part of an attribute that is wanted is wanted as well.
    fn has_part(
        &self,
        of: Option<&'static ScimSchema>,
        attribute: &'static Attribute,
        part: &'static Attribute,
    ) -> bool {
        let mut named = self.named.iter();
        match self.mode {
            Mode::Default => true,
            Mode::Only => named.any(|led| match led {
                Led::Extension(schema) => of == Some(*schema),
                Led::Core => of.is_none(),
                Led::One(place) => {
                    place.is_of(of, attribute) && place.part.is_none_or(|it| it == part)
                }
            }),
            Mode::Without => !named.any(|led| match led {
                Led::Extension(_) | Led::Core => false,
                Led::One(place) => place.is_of(of, attribute) && place.part == Some(part),
            }),
        }
    }

    /// Removes unwanted parts from a value. Returns whether anything of it is wanted.
    fn keep(
        &self,
        of: Option<&'static ScimSchema>,
        attribute: &'static Attribute,
        value: &mut Value,
    ) -> bool {
        if !self.has(of, attribute) {
            return false;
        }
        if attribute.parts.is_empty() || attribute.returned == Returned::Always {
            return true;
        }
        let prune = |value: &mut Value| {
            if let Value::Object(fields) = value {
                fields.retain(|name, _| {
                    let part = attribute.part(name);
                    part.is_some_and(|part| self.has_part(of, attribute, part))
                });
                return !fields.is_empty();
            }
            true
        };
        match value {
            Value::Array(list) => {
                // An empty list says that there is nothing.
                let was_empty = list.is_empty();
                list.retain_mut(prune);
                was_empty || !list.is_empty()
            }
            one => prune(one),
        }
    }
}

impl AttributePlace {
    fn is_of(&self, of: Option<&'static ScimSchema>, attribute: &'static Attribute) -> bool {
        self.extension == of && self.attribute == attribute
    }
}
