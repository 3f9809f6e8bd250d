//! Lists of a space that lost more members at once than we accept without a second reading.

use serde::{Deserialize, Serialize};

use crate::store::layout::stored;
use crate::store::layout::v6::space::SpacePart;

stored!(9: SpaceDoubts);

/// The lists of a space that lost too many members at once, each with the loss.
#[derive(Debug, Serialize, Deserialize)]
pub struct SpaceDoubts(pub Vec<(SpacePart, SpaceDoubt)>);

/// The number of the reading that found the loss, and a digest of the missing members.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SpaceDoubt {
    pub reading: u64,
    pub lost: u64,
}
