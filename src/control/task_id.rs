//! The names of tasks.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a task, unique across all processes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(String);

impl TaskId {
    /// Creates a name that no other task of any process has.
    pub(super) fn new() -> Self {
        Self(format!("{:032x}", fastrand::u128(..)))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
