//! Lists of a space that lost more members at once than is believed.

use serde::{Deserialize, Serialize};

use crate::store::layout::stored;
use crate::store::layout::v6::space::SpacePart;

stored!(9: SpaceDoubts);

/// The lists of a space that lost more members at once than is believed.
#[derive(Debug, Serialize, Deserialize)]
pub struct SpaceDoubts(pub Vec<(SpacePart, SpaceDoubt)>);

/// The reading that found it, and a digest of the members that were not shown.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SpaceDoubt {
    pub reading: u64,
    pub lost: u64,
}
