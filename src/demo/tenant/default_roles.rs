//! The roles that Qlik gives every tenant, and what they allow.

use std::collections::BTreeSet;

use super::record::Role;

/// The role that every user has. It can be changed, but not assigned.
pub const USER_DEFAULT: &str = "UserDefault";

/// Qlik's default roles, each with its level and with the kinds of resources that it allows
/// everything with.
pub const DEFAULT_ROLES: [(&str, &str, &[&str]); 16] = [
    ("TenantAdmin", "admin", &ALL),
    (
        "AnalyticsAdmin",
        "admin",
        &["app", "managedspace", "sharedspace"],
    ),
    ("AuditAdmin", "admin", &["audit"]),
    ("DataAdmin", "admin", &["dataspace"]),
    ("AutomationCreator", "user", &["automation"]),
    ("AutomlDeploymentContributor", "user", &["mldeployment"]),
    ("AutomlExperimentContributor", "user", &["mlexperiment"]),
    ("CollaborationPlatformUser", "user", &["collaboration"]),
    ("DataProductManager", "user", &["dataproduct"]),
    ("DataServicesContributor", "user", &["dataservice"]),
    ("DataSpaceCreator", "user", &["dataspace"]),
    ("EmbeddedAnalyticsUser", "user", &["embed"]),
    ("ManagedSpaceCreator", "user", &["managedspace"]),
    ("PrivateAnalyticsContentCreator", "user", &["app"]),
    ("SharedSpaceCreator", "user", &["sharedspace"]),
    ("Steward", "user", &["glossary"]),
];

/// The kinds of resources. With [`ACTIONS`] they make more permissions than a page has rows: Qlik
/// leaves permissions out of its events because there are so many.
const ALL: [&str; 22] = [
    "apikey",
    "app",
    "audit",
    "automation",
    "collaboration",
    "collection",
    "dataconnection",
    "dataproduct",
    "dataservice",
    "dataspace",
    "embed",
    "glossary",
    "group",
    "idp",
    "license",
    "managedspace",
    "mldeployment",
    "mlexperiment",
    "role",
    "sharedspace",
    "theme",
    "user",
];

const ACTIONS: [&str; 5] = ["create", "delete", "read", "share", "update"];

/// Returns the permissions to do everything with these kinds of resources: `automation:delete`.
pub fn permissions(resources: &[&str]) -> BTreeSet<String> {
    let of = |resource: &&str| ACTIONS.map(|action| format!("{resource}:{action}"));
    resources.iter().flat_map(of).collect()
}

/// Returns whether a role is the one that every user has.
pub fn is_user_default(role: &Role) -> bool {
    role.origin == "default" && role.name == USER_DEFAULT
}
