//! The spaces of a user, as answers mention them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::access::{ShareGrant, SpaceGrant};
use crate::model::{Id, SpaceMention, Timestamp};

/// A space that a user can open, or of which a single app is shared with the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSpace {
    /// The space.
    pub space: SpaceMention,
    /// Every path to the space.
    pub grants: Vec<SpaceGrant>,
    /// Every path to single apps of it.
    pub shares: Vec<ShareGrant>,
}

/// The spaces of a user, as far as they are on one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSpaces {
    /// When the last reading of all spaces began that was complete by then; `None` if there was
    /// none.
    pub read_at: Option<Timestamp>,
    /// The names of the groups in the paths, and of the users who created what gives them, as far
    /// as they are known.
    pub names: BTreeMap<Id, String>,
    /// The spaces, in the order of their ids.
    pub spaces: Vec<UserSpace>,
}
