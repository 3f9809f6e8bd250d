//! What a run has decided to write, and how that is gathered, shown and committed.

pub(super) mod gather;
pub(super) mod preview;
pub(super) mod run_plan;
pub(super) mod withdraw;
pub(super) mod commit;
pub(super) mod results;
