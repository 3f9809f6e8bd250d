//! Orders to read the configuration again, and what became of the last one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::ControlError;
use crate::model::Timestamp;
use crate::signal::Wake;

/// Orders to read the configuration again, and the results. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Reloads(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wake: Wake,
    ordered: watch::Sender<u64>,
    /// Up to which order it was read, and the last result.
    answered: watch::Sender<(u64, Option<Reloaded>)>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            wake: Wake::default(),
            ordered: watch::Sender::new(0),
            answered: watch::Sender::new((0, None)),
        }
    }
}

/// What became of reading the configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// When it was read.
    pub at: Timestamp,
    /// The result.
    pub outcome: ReloadOutcome,
}

/// The result of reading the configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReloadOutcome {
    /// It is valid.
    Taken {
        /// The settings that differ and are in force now.
        changed: Vec<String>,
        /// The settings that differ from those in force, which cannot change while the daemon runs.
        needs_restart: Vec<String>,
    },
    /// It is not valid, and everything stays as it was.
    Refused {
        /// What is wrong.
        problems: Vec<String>,
    },
}

impl Reloaded {
    /// Returns the code of the problem that `status` finds.
    pub fn code(&self) -> Option<&'static str> {
        match &self.outcome {
            ReloadOutcome::Refused { .. } => Some("config.refused"),
            ReloadOutcome::Taken { needs_restart, .. } if needs_restart.is_empty() => None,
            ReloadOutcome::Taken { .. } => Some("config.needs-restart"),
        }
    }
}

impl Reloads {
    /// Orders it. Returns what waits for the result.
    pub fn order(&self) -> impl Future<Output = Result<Reloaded, ControlError>> + use<> {
        let mut mine = 0;
        self.0.ordered.send_modify(|ordered| {
            *ordered += 1;
            mine = *ordered;
        });
        self.0.wake.wake();
        let mut answered = self.0.answered.subscribe();
        async move {
            let answered = answered.wait_for(|(upto, _)| *upto >= mine).await;
            let last = answered.ok().and_then(|answered| answered.1.clone());
            last.ok_or(ControlError::Ending)
        }
    }

    /// Waits until somebody orders it. Returns the order.
    pub async fn ordered(&self) -> u64 {
        loop {
            let ordered = *self.0.ordered.borrow();
            if ordered > self.0.answered.borrow().0 {
                return ordered;
            }
            self.0.wake.woken().await;
        }
    }

    /// Tells those who gave an order the result.
    pub fn answer(&self, order: u64, result: Reloaded) {
        self.0.answered.send_replace((order, Some(result)));
    }

    /// Returns the last result; `None` if it was not read again since the start.
    pub fn last(&self) -> Option<Reloaded> {
        self.0.answered.borrow().1.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(problem: &str) -> Reloaded {
        Reloaded {
            at: Timestamp::from_millis(0),
            outcome: ReloadOutcome::Refused {
                problems: vec![problem.to_owned()],
            },
        }
    }

    #[tokio::test]
    async fn orders_that_come_together_get_one_result() {
        let reloads = Reloads::default();
        let (first, second) = (reloads.order(), reloads.order());

        let order = reloads.ordered().await;
        let third = reloads.order();
        reloads.answer(order, refused("a"));

        assert_eq!(first.await.unwrap(), refused("a"));
        assert_eq!(second.await.unwrap(), refused("a"));
        assert_eq!(reloads.last(), Some(refused("a")));
        // This one came later, and the files may have changed meanwhile.
        let order = reloads.ordered().await;
        reloads.answer(order, refused("b"));
        assert_eq!(third.await.unwrap(), refused("b"));
    }
}
