//! Why no configuration was written.

use std::path::PathBuf;

use crate::cli::Exit;

/// No configuration was written.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum InitError {
    /// A configuration exists, or a secret's file is in the way.
    #[error(
        "{} already exists and is not overwritten; move it away, or name another file",
        file.display()
    )]
    Exists {
        /// The existing file.
        file: PathBuf,
    },
    /// A value is missing, and there is no terminal to ask on.
    #[error(
        "{} must be given if standard input and standard error are not a terminal to ask on; \
         `init --full` writes a configuration to fill in by hand",
        missing.join(" and ")
    )]
    Unanswered {
        /// The options.
        missing: Vec<&'static str>,
    },
    /// The webhook's address cannot be used.
    #[error(
        "{what}; write it as `https://hr.example.com/hooks/qlik`, or as `http://127.0.0.1:8000/` \
         for a receiver on this machine"
    )]
    BadWebhook {
        /// Why.
        what: String,
    },
    /// The client's id is invalid.
    #[error("a client id is one word, as Qlik's administration shows it")]
    BadClientId,
    /// The person who was asked did not answer.
    #[error("standard input ended before all questions were answered; nothing was written")]
    Ended,
}

impl InitError {
    /// Returns the code as `docs/errors.md` lists it.
    pub(in super::super) fn code(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "init.exists",
            Self::Unanswered { .. } => "init.unanswered",
            Self::BadWebhook { .. } => "init.bad-webhook",
            Self::BadClientId => "init.bad-client-id",
            Self::Ended => "init.ended",
        }
    }

    pub(in super::super) fn exit(&self) -> Exit {
        match self {
            Self::Exists { .. } => Exit::Failure,
            Self::Unanswered { .. } | Self::BadWebhook { .. } | Self::BadClientId | Self::Ended => {
                Exit::Usage
            }
        }
    }
}
