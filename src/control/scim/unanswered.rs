//! Refusals, which are answers, and errors of ours.

use super::answers::ScimRefusal;
use crate::control::ControlError;
use crate::store::StoreError;

/// Why a question is not answered: by a refusal for the client, or by an error of ours.
pub(super) enum Unanswered {
    Refused(ScimRefusal),
    Failed(ControlError),
}

impl From<StoreError> for Unanswered {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ControlError> for Unanswered {
    fn from(error: ControlError) -> Self {
        Self::Failed(error)
    }
}

/// Takes refusals, which are answers, from errors.
pub(super) fn answered<T>(
    result: Result<T, Unanswered>,
) -> Result<Result<T, ScimRefusal>, ControlError> {
    match result {
        Ok(answer) => Ok(Ok(answer)),
        Err(Unanswered::Refused(refusal)) => Ok(Err(refusal)),
        Err(Unanswered::Failed(error)) => Err(error),
    }
}
