//! The error of a source that could not be read, the same type for every source.

use std::error::Error;
use std::fmt;

/// The source could not be read.
///
/// It wraps the connector's own error, shows that error's message and causes as its own, and adds
/// what callers ask of every source. So each source has its own words, codes and remedies.
#[derive(Debug)]
pub struct FetchError {
    code: &'static str,
    cause: FetchCause,
    error: Box<dyn Error + Send + Sync>,
}

/// What the failure means to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchCause {
    /// The credentials are valid, but do not permit reading what was asked for.
    Forbidden,
    /// The answer was larger than we accept, so that asking for less may help.
    TooLarge,
    /// The source did not answer this request, or not as it should; it may answer others.
    Answer,
    /// Anything else.
    Other,
}

impl FetchError {
    /// Wraps a connector's error. Its code begins with the name of the source, and
    /// `docs/errors.md` explains it.
    pub fn new(
        code: &'static str,
        cause: FetchCause,
        error: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            code,
            cause,
            error: Box::new(error),
        }
    }

    /// Returns the stable code of the error.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns whether the answer was larger than we accept, so that asking for less may help.
    pub fn is_too_large(&self) -> bool {
        self.cause == FetchCause::TooLarge
    }

    /// Returns whether the failure may concern this request alone, so that the source may answer
    /// others.
    pub fn is_of_one_request(&self) -> bool {
        match self.cause {
            FetchCause::TooLarge | FetchCause::Answer => true,
            FetchCause::Forbidden | FetchCause::Other => false,
        }
    }

    /// Returns whether the credentials are valid, but do not permit reading what was asked for.
    pub fn is_forbidden(&self) -> bool {
        self.cause == FetchCause::Forbidden
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
