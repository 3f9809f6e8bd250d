//! A world to test in: a tenant, a receiver, and a folder for the configuration and the store.

mod compare;
mod terminal;
mod world;

pub use compare::{assert_journal_leads_to_state, assert_same_as_tenant, assert_same_as_tenants};
pub use terminal::{Terminal, is_watched};
pub use world::{Running, SECRET, World, within};
