//! What is read apart from users, roles and groups: on a schedule of its own, over several runs if
//! need be.
//!
//! What must stay true: a reading that was interrupted goes on where it was, and what is read apart
//! never keeps a sweep from its turn.

pub(super) mod due;
pub(super) mod reader;
pub(super) mod readings;
