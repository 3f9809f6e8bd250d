//! Why a connection to a tenant could not be set up.

use reqwest::header::InvalidHeaderValue;

use crate::http_client;

/// A connection to a tenant could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The HTTP client could not be built.
    #[error("preparing the connection")]
    Client(#[source] http_client::BuildError),
    /// The API key contains characters that a key cannot have.
    #[error("reading the API key")]
    InvalidKey(#[source] InvalidHeaderValue),
}

impl BuildError {
    /// Returns the stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Client(error) => error.code(),
            Self::InvalidKey(_) => "qlik.invalid-key",
        }
    }
}
