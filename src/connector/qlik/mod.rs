//! Qlik Cloud, read over its REST APIs.

mod host;
mod options;

pub use host::{InvalidHost, TenantHost};
pub use options::{Credentials, Limits, Options, REQUESTS_PER_MINUTE, TIMEOUT};
