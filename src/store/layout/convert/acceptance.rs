//! Findings that an operator accepted.

use crate::model::Acceptance;
use crate::store::layout::v4;

impl From<&Acceptance> for v4::Acceptance {
    fn from(acceptance: &Acceptance) -> Self {
        let Acceptance {
            at,
            by,
            why,
            extent,
        } = acceptance;
        Self {
            at: *at,
            by: by.clone(),
            why: why.clone(),
            extent: extent.iter().cloned().collect(),
        }
    }
}

impl From<v4::Acceptance> for Acceptance {
    fn from(acceptance: v4::Acceptance) -> Self {
        let v4::Acceptance {
            at,
            by,
            why,
            extent,
        } = acceptance;
        Self {
            at,
            by,
            why,
            extent: extent.into_iter().collect(),
        }
    }
}
