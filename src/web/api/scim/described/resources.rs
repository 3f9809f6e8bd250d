//! Describes resources and messages. Those of resources come from the schemas by which SCIM itself
//! describes them.

use serde_json::{Value, json};

use super::super::params::SEARCH;
use crate::model::scim::{Attribute, AttributeForm, COMMON, ResourceType, Returned};
use crate::web::openapi::{
    anything, count, flag, list, object, open, partial, reference, said, text, time,
};

/// Returns the schemas that operations refer to by name.
pub(in crate::web::api::scim) fn schemas() -> Vec<(&'static str, Value)> {
    let mut all = vec![
        ("ScimError", error()),
        ("SearchRequest", search()),
        ("ServiceProviderConfig", config()),
        ("ResourceType", resource_type()),
        ("Schema", schema()),
        ("SchemaAttribute", schema_attribute()),
    ];
    for sort in ResourceType::ALL {
        let name: &'static str = match sort {
            ResourceType::User => "ScimUser",
            ResourceType::Group => "ScimGroup",
            ResourceType::Role => "ScimRole",
            ResourceType::Entitlement => "ScimEntitlement",
        };
        debug_assert_eq!(name, schema_of(sort));
        all.push((name, resource(sort)));
    }
    all
}

/// Returns the name of a type's schema in the document.
pub(super) fn schema_of(sort: ResourceType) -> String {
    format!("Scim{}", sort.name())
}

/// What a resource has depends on which attributes were asked for.
fn resource(sort: ResourceType) -> Value {
    let (core, extension) = (sort.schema(), sort.extension());
    let own = core.attributes.iter().chain(COMMON);
    let mut fields: Vec<_> = own.map(field).collect();
    let more = said(
        open(extension.attributes.iter().map(field).collect()),
        extension.description,
    );
    fields.push((extension.id, more));
    let always = COMMON.iter().filter(|it| it.returned == Returned::Always);
    let always: Vec<&str> = always.map(|it| it.name).collect();
    said(partial(&always, fields), core.description)
}

fn field(attribute: &'static Attribute) -> (&'static str, Value) {
    let one = match attribute.form {
        AttributeForm::Text | AttributeForm::Reference => text(),
        AttributeForm::Boolean => flag(),
        AttributeForm::Time => time(),
        AttributeForm::Complex => open(attribute.parts.iter().map(field).collect()),
    };
    let schema = match attribute.is_many {
        true => list(one),
        false => one,
    };
    (attribute.name, said(schema, attribute.description))
}

fn error() -> Value {
    partial(
        &["schemas", "status", "detail"],
        vec![
            ("schemas", list(text())),
            ("status", said(text(), "The status, once more.")),
            ("detail", said(text(), "What is wrong, for people.")),
            (
                "scimType",
                said(text(), "What is wrong, in a word of SCIM."),
            ),
        ],
    )
}

/// A search. Names are compared without their letter case, and other names are ignored.
fn search() -> Value {
    let names = || json!({ "anyOf": [list(text()), { "type": ["string", "null"] }] });
    let number = || {
        json!({ "anyOf": [
        { "type": ["integer", "null"] },
        { "type": "string", "pattern": "^\\s*([+-]?[0-9]+\\s*)?$" },
    ] })
    };
    let format = |format: &str| json!({ "type": ["string", "null"], "format": format });
    let schemas = json!({ "type": ["array", "null"], "contains": { "const": SEARCH } });
    open(vec![
        ("schemas", schemas),
        ("filter", format("scim-filter")),
        ("attributes", names()),
        ("excludedAttributes", names()),
        ("sortBy", format("scim-attribute")),
        (
            "sortOrder",
            json!({ "type": ["string", "null"], "enum": ["ascending", "descending", "", null] }),
        ),
        ("startIndex", number()),
        ("count", number()),
        ("cursor", format("scim-cursor")),
    ])
}

fn meta() -> Value {
    object(vec![("resourceType", text()), ("location", text())])
}

fn config() -> Value {
    let supported = || object(vec![("supported", flag())]);
    let bulk = object(vec![
        ("supported", flag()),
        ("maxOperations", count()),
        ("maxPayloadSize", count()),
    ]);
    let filter = object(vec![("supported", flag()), ("maxResults", count())]);
    let pagination = object(vec![
        ("cursor", flag()),
        ("index", flag()),
        ("defaultPaginationMethod", text()),
        ("defaultPageSize", count()),
        ("maxPageSize", count()),
        ("cursorTimeout", count()),
    ]);
    let scheme = partial(
        &["type", "name", "description", "specUri"],
        vec![
            ("type", text()),
            ("name", text()),
            ("description", text()),
            ("specUri", text()),
            ("primary", flag()),
        ],
    );
    object(vec![
        ("schemas", list(text())),
        ("documentationUri", text()),
        ("patch", supported()),
        ("bulk", bulk),
        ("filter", filter),
        ("changePassword", supported()),
        ("sort", supported()),
        ("etag", supported()),
        ("pagination", pagination),
        ("authenticationSchemes", list(scheme)),
        ("meta", meta()),
    ])
}

fn resource_type() -> Value {
    let extension = object(vec![("schema", text()), ("required", flag())]);
    object(vec![
        ("schemas", list(text())),
        ("id", text()),
        ("name", text()),
        ("endpoint", text()),
        ("description", text()),
        ("schema", text()),
        ("schemaExtensions", list(extension)),
        ("meta", meta()),
    ])
}

fn schema() -> Value {
    object(vec![
        ("schemas", list(text())),
        ("id", text()),
        ("name", text()),
        ("description", text()),
        ("attributes", list(reference("SchemaAttribute"))),
        ("meta", meta()),
    ])
}

fn schema_attribute() -> Value {
    partial(
        &["name", "type", "multiValued", "description", "required"],
        vec![
            ("name", text()),
            ("type", text()),
            ("multiValued", flag()),
            ("description", text()),
            ("required", flag()),
            ("caseExact", flag()),
            ("mutability", text()),
            ("returned", text()),
            ("uniqueness", text()),
            ("canonicalValues", list(anything())),
            ("referenceTypes", list(text())),
            ("subAttributes", list(reference("SchemaAttribute"))),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scim::ScimSchema;

    #[test]
    fn each_attribute_is_described() {
        for sort in ResourceType::ALL {
            let schema = resource(sort);
            let check = |of: &ScimSchema, at: &Value| {
                for attribute in of.attributes {
                    assert!(
                        at["properties"][attribute.name].is_object(),
                        "{}",
                        attribute.name
                    );
                }
            };
            check(sort.schema(), &schema);
            check(sort.extension(), &schema["properties"][sort.extension().id]);
        }
    }
}
