//! How the configuration is read again.

use std::fmt;
use std::sync::Arc;

use crate::config::{Config, ConfigError};

/// How the configuration is read again.
#[derive(Clone)]
pub struct ReadAgain(Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>);

impl ReadAgain {
    /// Reads it by a function, which may block.
    pub fn by(read: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Reads it. Blocks.
    pub(super) fn read(&self) -> Result<Config, ConfigError> {
        (self.0)()
    }
}

impl fmt::Debug for ReadAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadAgain")
    }
}
