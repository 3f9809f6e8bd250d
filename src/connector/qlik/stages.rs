//! Tells from the outcome of a request how far it got on its way to the tenant. Pure.

use super::ReadError;
use crate::obstacle::Stage;

/// The stages of a connection that are known to work, and the one that does not.
pub type Stages = Vec<(Stage, Result<(), ReadError>)>;

/// Returns the outcome of a request that was sent over these stages: how far it got, and the
/// tenant's answer, or `None` if it did not reach the tenant. If no answer came in time, nobody
/// knows how far the request got, and the list is empty.
pub(super) fn of<T>(
    stages: Vec<Stage>,
    asked: Result<T, ReadError>,
) -> (Stages, Option<Result<T, ReadError>>) {
    let passed = |stage| (stage, Ok(()));
    match asked {
        Err(ReadError::Unreachable { doing, obstacle }) => {
            let failed = obstacle.stage();
            let before = stages.into_iter().take_while(|stage| *stage != failed);
            let mut tried: Stages = before.map(passed).collect();
            tried.push((failed, Err(ReadError::Unreachable { doing, obstacle })));
            (tried, None)
        }
        Err(error @ (ReadError::TimedOut { .. } | ReadError::Unsigned { .. })) => {
            (Vec::new(), Some(Err(error)))
        }
        asked => (stages.into_iter().map(passed).collect(), Some(asked)),
    }
}
