//! An app as the tenant keeps it. Like Qlik, the tenant lists apps among its items.

use crate::model::{SpaceId, Timestamp, UserId};

/// An app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its id, which is that of a resource. The item has an id of its own.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: UserId,
    /// Where it is; `None` if it is in the personal space of its owner.
    pub space: Option<SpaceId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
