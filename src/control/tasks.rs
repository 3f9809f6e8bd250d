//! Commands that take long: started, watched, and answered when they have ended.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::lock::lock;

use super::outcomes::{Awaited, Outcomes, Produced, TaskResult};
use super::{ControlError, Page, SentError, TaskId};

/// How long one question waits for a task to end, at most.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// A task that was started, and the type of its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Begun<T> {
    /// The name by which it is watched.
    pub task: TaskId,
    #[serde(skip)]
    outcome: PhantomData<fn() -> T>,
}

/// The progress of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watched<T> {
    /// It is still running.
    UnderWay,
    /// It has ended with this result.
    Ended(T),
    /// It has failed.
    Failed(SentError),
}

impl<T> Watched<T> {
    /// Returns the task's result; `None` while it is running.
    pub fn ended(self) -> Result<Option<T>, SentError> {
        match self {
            Self::UnderWay => Ok(None),
            Self::Ended(outcome) => Ok(Some(outcome)),
            Self::Failed(problem) => Err(problem),
        }
    }
}

/// The tasks of this process.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Mutex<Outcomes>>);

/// Notes that a task has ended, even if it panicked.
struct Ending {
    tasks: Tasks,
    task: TaskId,
    n_bytes: usize,
}

impl Drop for Ending {
    fn drop(&mut self) {
        lock(&self.tasks.0).end(self.task.clone(), self.n_bytes, Instant::now());
    }
}

impl Tasks {
    /// Starts a task. It continues whether or not somebody watches it.
    pub(super) fn begin<T: Serialize + Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ControlError>> + Send + 'static,
    ) -> Begun<T> {
        let rows: Vec<()> = Vec::new();
        self.begin_list(async { Ok((work.await?, rows)) })
    }

    /// Starts a task whose result has a list beside it, which is read page by page.
    #[expect(
        clippy::disallowed_methods,
        reason = "it waits for a run or for the store, each of which ends by itself or with the \
                  process"
    )]
    pub(super) fn begin_list<T: Serialize + Send, R: Serialize + Send>(
        &self,
        work: impl Future<Output = Result<(T, Vec<R>), ControlError>> + Send + 'static,
    ) -> Begun<T> {
        let task = TaskId::new();
        let (tell, outcome) = watch::channel(None);
        lock(&self.0).add(task.clone(), outcome, Instant::now());
        let ending = Ending {
            tasks: self.clone(),
            task: task.clone(),
            n_bytes: 0,
        };
        tokio::spawn(async move {
            // Moved in as a whole: it must live as long as the work.
            let mut ending = ending;
            let outcome = match work.await {
                Ok((result, rows)) => Ok(Produced {
                    result: encoded(&result),
                    rows: rows.iter().map(encoded).collect(),
                }),
                Err(error) => Err(SentError::of(&error)),
            };
            // An error is short, so its size does not count.
            ending.n_bytes = outcome.as_ref().map_or(0, Produced::n_bytes);
            tell.send_replace(Some(Arc::new(outcome)));
        });
        Begun {
            task,
            outcome: PhantomData,
        }
    }

    /// Waits a limited time for a task to end. Returns its progress.
    pub(super) async fn watch(
        &self,
        task: &TaskId,
        wait: Duration,
    ) -> Result<Watched<Box<RawValue>>, ControlError> {
        let mut outcome = self.awaited(task)?;
        let ended = outcome.wait_for(Option::is_some);
        let ended = tokio::time::timeout(wait.min(MAX_WAIT), ended).await;
        let outcome = match ended {
            Err(_elapsed) => return Ok(Watched::UnderWay),
            Ok(Ok(outcome)) => outcome.clone(),
            // The task panicked: its end of the channel is gone.
            Ok(Err(_gone)) => None,
        };
        Ok(match outcome.as_deref() {
            Some(Ok(produced)) => Watched::Ended(produced.result.clone()),
            Some(Err(problem)) => Watched::Failed(problem.clone()),
            None => return Err(ControlError::UnknownTask { task: task.clone() }),
        })
    }

    /// Returns a page of the rows that are wanted in the list beside the result of a task. It
    /// begins after this many rows, wanted or not.
    pub(super) fn rows<R: DeserializeOwned>(
        &self,
        task: &TaskId,
        after: usize,
        limit: usize,
        is_wanted: impl Fn(&R) -> bool,
    ) -> Result<Page<R, usize>, ControlError> {
        let awaited = self.awaited(task)?;
        lock(&self.0).read(task, Instant::now());
        let outcome = awaited.borrow().clone();
        let all = match outcome.as_deref() {
            Some(Ok(Produced { rows, .. })) => rows,
            Some(Err(problem)) => {
                return Err(ControlError::FailedTask {
                    task: task.clone(),
                    problem: problem.clone(),
                });
            }
            None => return Err(ControlError::NotEnded { task: task.clone() }),
        };
        let rows = all.iter().enumerate().skip(after).map(|(n_before, row)| {
            let row: Result<R, _> = serde_json::from_str(row.get());
            (row.expect("it was written by its own type"), n_before + 1)
        });
        let wanted = rows.filter(|(row, _)| is_wanted(row));
        // One more than belongs on the page shows that another page follows.
        let wanted = wanted.take(limit.saturating_add(1)).collect();
        let Page { rows, next } = Page::of(wanted, limit, |(_, n_read)| *n_read);
        let rows = rows.into_iter().map(|(row, _)| row).collect();
        Ok(Page { rows, next })
    }

    fn awaited(&self, task: &TaskId) -> Result<Awaited, ControlError> {
        match lock(&self.0).get(task) {
            Some(TaskResult::Awaited(outcome)) => Ok(outcome),
            Some(TaskResult::Dropped) => Err(ControlError::DroppedOutcome { task: task.clone() }),
            None => Err(ControlError::UnknownTask { task: task.clone() }),
        }
    }
}

fn encoded<T: Serialize>(value: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("keys are texts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_watched_to_its_end_and_told_to_whoever_asks_once_more() {
        let tasks = Tasks::default();
        let (go_on, gate) = tokio::sync::oneshot::channel::<()>();
        let begun: Begun<u64> = tasks.begin(async move {
            gate.await.unwrap();
            Ok(17_u64)
        });

        let early = tasks.watch(&begun.task, Duration::ZERO).await.unwrap();
        assert!(matches!(early, Watched::UnderWay), "{early:?}");
        go_on.send(()).unwrap();
        for _ in 0..2 {
            match tasks.watch(&begun.task, MAX_WAIT).await.unwrap() {
                Watched::Ended(outcome) => assert_eq!(outcome.get(), "17"),
                other => panic!("not its end: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn what_failed_says_why_and_what_is_not_known_is_said_so() {
        let tasks = Tasks::default();
        let begun: Begun<()> = tasks.begin(async { Err::<(), _>(ControlError::Ending) });

        match tasks.watch(&begun.task, MAX_WAIT).await.unwrap() {
            Watched::Failed(problem) => assert_eq!(problem.code(), "control.ending"),
            other => panic!("no failure: {other:?}"),
        }
        let unknown = TaskId::new();
        let error = tasks.watch(&unknown, MAX_WAIT).await.unwrap_err();
        assert_eq!(error.code(), "control.unknown-task");
    }

    #[tokio::test]
    async fn there_are_no_rows_of_what_has_not_ended_or_has_failed() {
        let tasks = Tasks::default();
        let (go_on, gate) = tokio::sync::oneshot::channel::<()>();
        let begun: Begun<u64> = tasks.begin_list(async move {
            gate.await.unwrap();
            Ok((17_u64, vec!["a", "b"]))
        });

        let early = tasks
            .rows(&begun.task, 0, 10, |_: &String| true)
            .unwrap_err();
        assert_eq!(early.code(), "control.not-ended");
        go_on.send(()).unwrap();
        tasks.watch(&begun.task, MAX_WAIT).await.unwrap();
        let page = tasks.rows(&begun.task, 0, 10, |_: &String| true).unwrap();
        assert_eq!(page.rows, ["a", "b"]);
        let failing = async { Err::<(u64, Vec<u64>), _>(ControlError::Ending) };
        let failed = tasks.begin_list(failing);
        tasks.watch(&failed.task, MAX_WAIT).await.unwrap();
        let error = tasks.rows(&failed.task, 0, 10, |_: &u64| true).unwrap_err();
        assert_eq!(error.code(), "control.failed-task");
    }

    #[tokio::test]
    async fn a_task_that_panics_does_not_leave_its_watcher_waiting() {
        let tasks = Tasks::default();
        let begun: Begun<()> = tasks.begin(async { panic!("on purpose") });

        let error = tasks.watch(&begun.task, MAX_WAIT).await.unwrap_err();

        assert_eq!(error.code(), "control.unknown-task");
    }

    #[tokio::test]
    async fn a_result_that_had_to_go_is_said_to_be_dropped() {
        let tasks = Tasks(Arc::new(Mutex::new(Outcomes::within(100))));
        let early: Begun<String> = tasks.begin(async { Ok("x".repeat(60)) });
        tasks.watch(&early.task, MAX_WAIT).await.unwrap();

        let late: Begun<String> = tasks.begin(async { Ok("y".repeat(60)) });
        tasks.watch(&late.task, MAX_WAIT).await.unwrap();
        let dropped = async {
            // The end of a task is noted just after its result is there.
            while let Ok(_still_kept) = tasks.watch(&early.task, MAX_WAIT).await {
                tokio::task::yield_now().await;
            }
            tasks.watch(&early.task, MAX_WAIT).await.unwrap_err()
        };
        let error = tokio::time::timeout(MAX_WAIT, dropped).await.unwrap();

        assert_eq!(error.code(), "control.dropped-outcome");
        let last = tasks.watch(&late.task, MAX_WAIT).await.unwrap();
        assert!(matches!(last, Watched::Ended(_)), "{last:?}");
    }
}
