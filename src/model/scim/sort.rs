//! The order of resources: `sortBy` (RFC 7644, 3.4.2.3).

use serde_json::{Map, Value};

use super::ResourceType;
use super::attribute::{Attribute, AttributeForm};
use super::filter::AttributePath;
use super::schema::{AttributePlace, Led};

/// The most bytes of a sort key. Names are shorter; what differs only after that is in the order of
/// ids.
const MAX_KEY: usize = 256;

/// The attribute by which resources of a type are sorted.
#[derive(Debug, Clone, Copy)]
pub struct SortAttribute {
    place: AttributePlace,
    leaf: &'static Attribute,
}

impl SortAttribute {
    /// Finds the attribute that a request names; `None` if the type has no such single value.
    pub fn of(sort: ResourceType, path: &AttributePath) -> Option<Self> {
        let place = match sort.lead(path)? {
            Led::One(place) => place,
            Led::Core | Led::Extension(_) => return None,
        };
        let leaf = match (place.part, place.attribute.form) {
            (Some(part), _) => part,
            // A list of objects is sorted by their values.
            (None, AttributeForm::Complex) => place.attribute.part("value")?,
            (
                None,
                AttributeForm::Text
                | AttributeForm::Boolean
                | AttributeForm::Time
                | AttributeForm::Reference,
            ) => place.attribute,
        };
        let part = (!std::ptr::eq(leaf, place.attribute)).then_some(leaf);
        let place = AttributePlace { part, ..place };
        Some(Self { place, leaf })
    }

    /// Returns what a resource must have to be sorted: an attribute, or an extension.
    pub fn name(&self) -> &'static str {
        let extension = self.place.extension.map(|it| it.id);
        extension.unwrap_or(self.place.attribute.name)
    }

    /// Returns the key of a resource; `None` if it has no value. Of several values it is that of
    /// the primary one, else of the first.
    pub fn key(&self, resource: &Map<String, Value>) -> Option<String> {
        let AttributePlace {
            extension,
            attribute,
            part: _,
        } = self.place;
        let found = match extension {
            None => resource.get(attribute.name),
            Some(extension) => resource.get(extension.id)?.get(attribute.name),
        };
        let one = match found? {
            Value::Array(list) => {
                let mut primary = list.iter();
                let primary = primary.find(|it| it.get("primary") == Some(&Value::Bool(true)));
                primary.or_else(|| list.first())?
            }
            one => one,
        };
        let value = match self.place.part {
            None => one,
            Some(part) => one.get(part.name)?,
        };
        let text = match value {
            Value::String(text) if self.leaf.is_case_exact => text.clone(),
            Value::String(text) => text.to_lowercase(),
            Value::Null => return None,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                value.to_string()
            }
        };
        let mut end = MAX_KEY.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.get(..end).map(str::to_owned)
    }
}
