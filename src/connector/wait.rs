//! What a request to a source waits for before it is sent, in words.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A wait that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// How much of the wait is left.
    pub left: Duration,
    /// Why the request waits.
    pub why: WaitCause,
}

/// Why a request waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitCause {
    /// The source accepts no more requests now, or our share of its limit is used up.
    Limit,
    /// The last attempt failed and will be repeated.
    Failure {
        /// How it failed.
        why: String,
        /// The code under which `docs/errors.md` explains it.
        code: String,
    },
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded up, so that no wait shows as 0 seconds.
        let seconds = self.left.as_millis().div_ceil(1_000);
        match &self.why {
            WaitCause::Limit => write!(f, "waiting {seconds} s for the rate limit"),
            WaitCause::Failure { why, code } => {
                write!(
                    f,
                    "trying again in {seconds} s after a failure: {why} [{code}]"
                )
            }
        }
    }
}
