//! Opens the store's folder, whatever state it was left in.

pub mod create;
pub mod current;
pub mod database;
pub mod identify;
pub mod lock;
pub mod open;
pub mod refusal;
pub mod sound;
pub mod starting;
