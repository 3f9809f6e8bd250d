//! Reading a tenant as a whole, and asking for what a listing did not show.

pub(super) mod answers;
pub(super) mod comparison;
pub(super) mod confirm;
pub(super) mod kind;
pub(super) mod sights;
pub(super) mod incomplete;
