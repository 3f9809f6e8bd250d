//! What format 7 added: when users last began a session. Its bytes are on disk: nothing here is
//! ever changed.

pub mod session;
