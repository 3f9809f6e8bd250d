//! Sessions: when each user last began one, and the time since which all are known.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::store::layout::stored;

stored!(7: LastSession, SessionReading);

/// When a user last began a session, as far as the audit log was read.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct LastSession(pub Timestamp);

/// The span of the audit log that was read with its sessions. `until` is that of the bookmark that
/// it was written with; if the bookmark has another, the log was since read without sessions.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SessionReading {
    pub since: Timestamp,
    pub until: Timestamp,
}
