//! The rows of plans.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Reported;
use crate::store::layout::stored;
use crate::store::layout::v1::{Change, Record, RecordRef};

stored!(8: Write<'a>);

#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "changes are nearly all there is")]
pub enum Write<'a> {
    Change {
        change: Change<'a>,
        fingerprint: [u8; 16],
        raw: Cow<'a, str>,
        reported: Option<Reported>,
    },
    Quiet {
        record: Record<'a>,
        fingerprint: [u8; 16],
        raw: Cow<'a, str>,
    },
    Forget {
        record: RecordRef,
    },
}
