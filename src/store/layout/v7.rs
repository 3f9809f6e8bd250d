//! What format 7 added: when users last began a session, and to whom licences are assigned. Its
//! bytes are on disk: nothing here is ever changed.

pub mod licence;
pub mod session;
