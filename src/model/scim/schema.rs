//! The schemas of what is served over SCIM, and how the name of an attribute leads into them.

use super::attribute::{Attribute, Returned, boolean, complex, reference, text, time};
use super::filter::AttributePath;

/// A schema: a set of attributes under a name.
#[derive(Debug, PartialEq, Eq)]
pub struct ScimSchema {
    /// Its URN.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it describes.
    pub description: &'static str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
}

/// What the name of an attribute leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Led {
    /// All attributes of an extension.
    Extension(&'static ScimSchema),
    /// All attributes of the core schema.
    Core,
    /// One attribute.
    One(AttributePlace),
}

/// Where a resource has an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributePlace {
    /// The extension that it belongs to; `None` if it is not of an extension.
    pub extension: Option<&'static ScimSchema>,
    /// The attribute.
    pub attribute: &'static Attribute,
    /// The sub-attribute, if one is named.
    pub part: Option<&'static Attribute>,
}

/// The attributes that every resource has, besides those of its schemas.
pub const COMMON: &[Attribute] = &[
    reference("schemas", &["uri"], "The URNs of the schemas.")
        .many()
        .required()
        .returned(Returned::Always),
    text(
        "id",
        "The id in Qlik, with the tenant's id behind it at the address of all tenants.",
    )
    .required()
    .case_exact()
    .unique()
    .returned(Returned::Always),
    text("externalId", "The identity provider's name for it.").case_exact(),
    complex(
        "meta",
        &[
            text("resourceType", "The type of the resource.").case_exact(),
            time("created", "When it was created, as Qlik says."),
            time("lastModified", "When it was last changed, as Qlik says."),
            reference("location", &["uri"], "Its address."),
            text("version", "The version of its content.").case_exact(),
        ],
        "What is known about the resource itself.",
    ),
];

const TENANT: Attribute = complex(
    "tenant",
    &[
        text("name", "The tenant's name in the configuration."),
        text("id", "The tenant's id in Qlik.").case_exact(),
        text("region", "The region that stores its data."),
    ],
    "The tenant that it belongs to.",
);

/// A user, as far as RFC 7643 has attributes for it.
pub(super) const USER: ScimSchema = ScimSchema {
    id: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    description: "A user of a Qlik tenant",
    attributes: &[
        text(
            "userName",
            "The subject: the identity provider's name for the user.",
        )
        .required()
        .unique(),
        complex(
            "name",
            &[text("formatted", "The whole name. Qlik does not split it.")],
            "The name.",
        ),
        text("displayName", "The name, as it is shown."),
        text("userType", "Whether it is a person or a bot.").one_of(&["Person", "Bot"]),
        text(
            "preferredLanguage",
            "The language that the user has chosen.",
        ),
        text("locale", "The locale that the identity provider says."),
        text("timezone", "The time zone that the identity provider says."),
        boolean("active", "Whether the user may log in."),
        complex(
            "emails",
            &[
                text("value", "The address."),
                text("type", "Always `work`: Qlik has one address.").one_of(&["work"]),
                boolean("primary", "Always true."),
            ],
            "The e-mail address.",
        )
        .many(),
        complex(
            "photos",
            &[
                reference("value", &["external"], "The address of the picture."),
                text("type", "Always `photo`.").one_of(&["photo"]),
            ],
            "The picture.",
        )
        .many(),
        complex(
            "groups",
            &[
                text("value", "The group's id."),
                reference("$ref", &["Group"], "The group's address."),
                text("display", "The group's name."),
                text("type", "Always `direct`: Qlik's groups do not nest.").one_of(&["direct"]),
            ],
            "The groups that the user is in.",
        )
        .many(),
        complex(
            "entitlements",
            &[
                text("value", "The entitlement's id."),
                text("display", "The entitlement's name."),
                text("type", "What it is.").one_of(&["Scope", "SpaceRole", "SpaceRoleByGroup"]),
            ],
            "Roles in spaces, and scopes that are assigned.",
        )
        .many(),
        complex(
            "roles",
            &[
                text("value", "The role's id."),
                text("display", "The role's name."),
            ],
            "The roles that are assigned directly.",
        )
        .many(),
    ],
};

/// What Qlik has of a user and RFC 7643 has no attribute for.
pub(super) const USER_EXTENSION: ScimSchema = ScimSchema {
    id: "urn:qlik-roster:scim:schemas:extension:2.0:User",
    name: "Qlik user",
    description: "What Qlik has of a user beside the attributes of SCIM",
    attributes: &[
        TENANT,
        text("subject", "The identity provider's name for the user.").case_exact(),
        text("status", "The status, as Qlik writes it."),
        text("clientId", "The OAuth client that a bot acts for.").case_exact(),
        time("inviteExpiresAt", "When the invitation ends."),
        text(
            "preferredTimezone",
            "The time zone that the user has chosen.",
        ),
        complex(
            "inheritedRoles",
            &[
                text("value", "The role's id."),
                text("display", "The role's name."),
                text("group", "The id of the group that gives it."),
                text("groupDisplay", "The name of the group that gives it."),
            ],
            "The roles that the user has by groups.",
        )
        .many()
        .returned(Returned::Request),
    ],
};

/// A group.
pub(super) const GROUP: ScimSchema = ScimSchema {
    id: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    description: "A group of a Qlik tenant",
    attributes: &[
        text("displayName", "The name.").required(),
        complex(
            "members",
            &[
                text("value", "The user's id."),
                reference("$ref", &["User"], "The user's address."),
                text("display", "The user's name."),
                text("type", "Always `User`.").one_of(&["User"]),
            ],
            "The users who are in the group.",
        )
        .many(),
    ],
};

/// What Qlik has of a group and RFC 7643 has no attribute for. Events have its `roles`, too.
pub(super) const GROUP_EXTENSION: ScimSchema = ScimSchema {
    id: "urn:qlik-roster:scim:schemas:extension:2.0:Group",
    name: "Qlik group",
    description: "What Qlik has of a group beside the attributes of SCIM",
    attributes: &[
        TENANT,
        complex(
            "roles",
            &[
                text("value", "The role's id."),
                text("display", "The role's name."),
            ],
            "The roles that members hold.",
        )
        .many(),
        text("description", "What it is for."),
        text("type", "Where it comes from, as Qlik writes it."),
        text("status", "The status, as Qlik writes it."),
        text("idpId", "The identity provider that it comes from.").case_exact(),
    ],
};

/// A role, in the form that Okta reads.
pub(super) const ROLE: ScimSchema = ScimSchema {
    id: "urn:okta:scim:schemas:core:1.0:Role",
    name: "Role",
    description: "A role of a Qlik tenant",
    attributes: &[text("displayName", "The name.").required()],
};

/// What Qlik has of a role beside its name.
pub(super) const ROLE_EXTENSION: ScimSchema = ScimSchema {
    id: "urn:qlik-roster:scim:schemas:extension:2.0:Role",
    name: "Qlik role",
    description: "What Qlik has of a role beside its name",
    attributes: &[
        TENANT,
        text("description", "What it is for."),
        text(
            "origin",
            "`default` for Qlik's own roles, `custom` for others.",
        ),
        text("level", "The level, as Qlik writes it."),
        text("permissions", "What it allows.").many().case_exact(),
        text("scopes", "The scopes that it gives.")
            .many()
            .case_exact(),
    ],
};

/// A role in a space or a scope, in the form that Okta reads.
pub(super) const ENTITLEMENT: ScimSchema = ScimSchema {
    id: "urn:okta:scim:schemas:core:1.0:Entitlement",
    name: "Entitlement",
    description: "A role in a space of a Qlik tenant, or a scope",
    attributes: &[
        text(
            "displayName",
            "The role and the name of the space, or the scope.",
        )
        .required(),
        text("type", "What it is.").one_of(&["SpaceRole", "Scope"]),
    ],
};

/// What Qlik has of a role in a space.
pub(super) const ENTITLEMENT_EXTENSION: ScimSchema = ScimSchema {
    id: "urn:qlik-roster:scim:schemas:extension:2.0:Entitlement",
    name: "Qlik entitlement",
    description: "The role and the space of a role in a space",
    attributes: &[
        TENANT,
        text("role", "The role, as Qlik writes it."),
        complex(
            "space",
            &[
                text("value", "The space's id.").case_exact(),
                text("display", "The space's name."),
                text("type", "The type of the space, as Qlik writes it."),
            ],
            "The space.",
        ),
    ],
};

/// Attributes that RFC 7643 defines and no resource here has a value for. A filter may ask for
/// them, and finds nobody; a name that nobody defines is a mistake.
const WITHOUT_VALUES: &[&str] = &[
    "nickName",
    "profileUrl",
    "title",
    "phoneNumbers",
    "ims",
    "addresses",
    "x509Certificates",
    "password",
];

/// Sub-attributes of the name that RFC 7643 defines.
const NAME_WITHOUT_VALUES: &[&str] = &[
    "familyName",
    "givenName",
    "middleName",
    "honorificPrefix",
    "honorificSuffix",
];

/// The lists of objects that RFC 7643 defines.
const LISTS: &[&str] = &[
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
    "members",
];

/// The sub-attributes that RFC 7643, 2.4 gives to every list of objects.
const OF_LISTS: &[&str] = &["value", "display", "type", "primary", "$ref"];

/// The other sub-attributes of addresses.
const OF_ADDRESSES: &[&str] = &[
    "formatted",
    "streetAddress",
    "locality",
    "region",
    "postalCode",
    "country",
];

/// The schema of employees in RFC 7643.
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The attributes of employees.
const OF_EMPLOYEES: &[&str] = &[
    "employeeNumber",
    "costCenter",
    "organization",
    "division",
    "department",
    "manager",
];

/// The sub-attributes of the manager of an employee.
const OF_MANAGERS: &[&str] = &["value", "$ref", "displayName"];

/// Returns whether RFC 7643 defines an attribute that has no value here.
pub fn is_without_value(path: &AttributePath) -> bool {
    let is = |names: &[&str], name: &str| names.iter().any(|it| it.eq_ignore_ascii_case(name));
    let (name, sub) = (path.name.as_str(), path.sub.as_deref());
    match &path.schema {
        Some(schema) if schema.eq_ignore_ascii_case(ENTERPRISE) => {
            return match sub {
                None => is(OF_EMPLOYEES, name),
                Some(sub) => is(&["manager"], name) && is(OF_MANAGERS, sub),
            };
        }
        Some(schema) if !schema.eq_ignore_ascii_case(USER.id) => {
            // The URN of the extension itself.
            let whole = format!("{schema}:{name}");
            return sub.is_none() && whole.eq_ignore_ascii_case(ENTERPRISE);
        }
        Some(_) | None => {}
    }
    match sub {
        None => is(WITHOUT_VALUES, name),
        Some(sub) if is(&["name"], name) => is(NAME_WITHOUT_VALUES, sub),
        Some(sub) if is(&["addresses"], name) => is(OF_ADDRESSES, sub) || is(OF_LISTS, sub),
        Some(sub) => is(LISTS, name) && is(OF_LISTS, sub),
    }
}

impl ScimSchema {
    /// Returns the attribute with a name, whatever its letter case.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        find(self.attributes, name)
    }

    fn is_called(&self, urn: &str) -> bool {
        self.id.eq_ignore_ascii_case(urn)
    }
}

fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes
        .iter()
        .find(|it| it.name.eq_ignore_ascii_case(name))
}

/// Follows the name of an attribute into a core schema and its extension. Returns `None` if they do
/// not have it.
pub(super) fn lead(
    core: &'static ScimSchema,
    extension: &'static ScimSchema,
    path: &AttributePath,
) -> Option<Led> {
    let (extension, attribute) = match &path.schema {
        None => (
            None,
            core.attribute(&path.name)
                .or_else(|| find(COMMON, &path.name))?,
        ),
        Some(schema) => {
            let whole = format!("{schema}:{}", path.name);
            if path.sub.is_none() && extension.is_called(&whole) {
                return Some(Led::Extension(extension));
            }
            if path.sub.is_none() && core.is_called(&whole) {
                return Some(Led::Core);
            }
            if core.is_called(schema) {
                let name = &path.name;
                (None, core.attribute(name).or_else(|| find(COMMON, name))?)
            } else if extension.is_called(schema) {
                (Some(extension), extension.attribute(&path.name)?)
            } else {
                return None;
            }
        }
    };
    let part = match &path.sub {
        None => None,
        Some(sub) => Some(attribute.part(sub)?),
    };
    Some(Led::One(AttributePlace {
        extension,
        attribute,
        part,
    }))
}
