//! The numbers that identify runs and held plans.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of a run, counted over all tenants of a store. Starts at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("run-{}", self.0))
    }
}

impl FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("run-").unwrap_or(text);
        digits
            .parse()
            .map(Self)
            .map_err(|_not_a_number| format!("`{text}` is not the name of a run, such as `run-7`"))
    }
}

/// The number of a held plan, which is that of the run that held it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(pub u64);

impl From<RunId> for PlanId {
    fn from(run: RunId) -> Self {
        Self(run.0)
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("plan-{}", self.0))
    }
}

impl FromStr for PlanId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("plan-").unwrap_or(text);
        digits.parse().map(Self).map_err(|_not_a_number| {
            format!("`{text}` is not the name of a plan, such as `plan-7`")
        })
    }
}
