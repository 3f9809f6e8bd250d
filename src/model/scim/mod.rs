//! SCIM 2.0 (RFC 7643 and 7644): the schemas of what is served, how records look as resources, and
//! the filters of clients.
//!
//! Pure. `control` finds the records, and applies filters to resources as they are shown; `web`
//! knows the protocol.

mod attribute;
mod filter;
mod kind;
mod resource;
mod schema;
mod selection;
mod sort;
mod version;

pub use attribute::{Attribute, AttributeForm, Returned};
pub use filter::{
    AttributePath, Compared, MAX_CONDITIONS, MAX_DEPTH, MAX_FILTER, ScimCondition, ScimFilter,
    ScimFilterError, ScimMatcher,
};
pub use kind::ResourceType;
pub use resource::{
    Member, Needed, Origin, Resource, RoleByGroup, RoleInSpace, UserExtra, Way, entitlement_id,
    in_path,
};
pub use schema::{AttributePlace, COMMON, Led, ScimSchema, is_without_value};
pub use selection::{Selection, Wanted};
pub use sort::SortAttribute;
pub use version::{MembersDigest, content_version};
