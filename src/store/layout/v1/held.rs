//! What held plans and the entries that report them share, in format 1.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    Users,
    Roles,
    Groups,
    Memberships,
    RoleAssignments,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct HeldLoss {
    pub weight: Weight,
    pub reason: Reason,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Weight {
    pub lost: u64,
    pub known: u64,
    pub shown: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Reason {
    NothingLeft,
    OverCount { max_count: u64 },
    OverShare { max_permille: u32 },
    Never,
}
