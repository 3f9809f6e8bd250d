//! Sessions: when each user last began one, and the time since which all are known.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::store::layout::stored;

stored!(7: LastSession, SessionReading);

/// When a user last began a session, as far as the audit log was read.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct LastSession(pub Timestamp);

/// The span of the audit log that was read with its sessions. `until` is the same as in the
/// bookmark that was written with it; if they differ, the log was read without sessions since then.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SessionReading {
    pub since: Timestamp,
    pub until: Timestamp,
}
