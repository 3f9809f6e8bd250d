//! How far rights were compared.

use serde::{Deserialize, Serialize};

use crate::model::Seq;
use crate::store::layout::stored;

stored!(9: RightsMark);

/// How far the rights of a tenant were compared.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct RightsMark {
    pub reported: Seq,
    pub under_way: Option<(Seq, u64)>,
    pub in_spaces: Option<Behind>,
}

/// The entry after which the comparison of rights in spaces continues, and the last reading of all
/// spaces: a later reading must end first.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Behind {
    pub reported: Seq,
    pub reading: u64,
}
