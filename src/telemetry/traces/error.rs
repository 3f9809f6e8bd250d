//! Why no traces are sent.

use crate::http_client::BuildError;
use crate::tls::InvalidCertificate;

/// Why no traces are sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The program was built without them.
    #[error("this program was built without the feature `otel`")]
    NotBuilt,
    /// A file that the environment names cannot be read.
    #[error("reading the file that `{variable}` names")]
    Unreadable {
        /// The variable.
        variable: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file that the environment names contains no certificate or key.
    #[error("reading the certificates that `{variable}` names")]
    BadCertificate {
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        #[source]
        source: InvalidCertificate,
    },
    /// The HTTP client could not be built.
    #[error("preparing to send traces")]
    Client(#[source] BuildError),
    /// The exporter does not accept the settings.
    #[error("preparing to send traces: {why}")]
    Exporter {
        /// Why not.
        why: String,
    },
    /// Traces are sent already.
    #[error("traces were started before in this process")]
    AlreadyStarted,
}

impl TracesError {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotBuilt => "traces.not-built",
            Self::Unreadable { .. }
            | Self::BadCertificate { .. }
            | Self::Client(_)
            | Self::Exporter { .. }
            | Self::AlreadyStarted => "traces.unusable",
        }
    }
}
