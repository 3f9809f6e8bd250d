//! The results of tasks, kept for a minute and within a bound in bytes.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use tokio::sync::watch;

use super::{SentError, TaskId};

/// How long a task's result is kept for clients that ask again.
const KEPT: Duration = Duration::from_secs(60);

/// How long a result is safe from being dropped after a page of it was read.
const READING: Duration = Duration::from_secs(10);

/// The most bytes that all kept results have together. The preview of a dry run lists up to ten
/// thousand changes, which takes several megabytes: some ten of them fit.
const MAX_BYTES: usize = 64 << 20;

/// The most ended tasks that are remembered, with or without their results.
const MAX_ENDED: usize = 10_000;

/// The result of a task, or why it failed.
pub(super) type Outcome = Result<Produced, SentError>;

/// A task's result, as JSON.
#[derive(Debug)]
pub(super) struct Produced {
    /// The result itself.
    pub(super) result: Box<RawValue>,
    /// The list that belongs to it and is read page by page.
    pub(super) rows: Vec<Box<RawValue>>,
}

impl Produced {
    /// Returns its size in bytes.
    pub(super) fn n_bytes(&self) -> usize {
        let rows = self.rows.iter().map(|row| row.get().len());
        self.result.get().len() + rows.sum::<usize>()
    }
}

/// A task's result, or `None` until the task ends.
pub(super) type Awaited = watch::Receiver<Option<Arc<Outcome>>>;

/// The results of running tasks and of those that ended a short time ago.
#[derive(Debug)]
pub(super) struct Outcomes {
    tasks: HashMap<TaskId, TaskResult>,
    /// The tasks that have ended, in the order in which they ended.
    ended: VecDeque<Ended>,
    n_bytes: usize,
    max_bytes: usize,
}

/// What is known of a task.
#[derive(Debug, Clone)]
pub(super) enum TaskResult {
    /// It is running, or its result is kept. Whoever waits for the result gets it, even if it is
    /// dropped here at once; its rows are kept only here.
    Awaited(Awaited),
    /// It has ended, and its result was dropped to keep all results within their bound.
    Dropped,
}

#[derive(Debug)]
struct Ended {
    task: TaskId,
    at: Instant,
    n_bytes: usize,
    /// When a page of its result was last read.
    read_at: Option<Instant>,
}

impl Default for Outcomes {
    fn default() -> Self {
        Self::within(MAX_BYTES)
    }
}

impl Outcomes {
    /// Keeps results that have at most `max_bytes` bytes together.
    pub(super) fn within(max_bytes: usize) -> Self {
        Self {
            tasks: HashMap::new(),
            ended: VecDeque::new(),
            n_bytes: 0,
            max_bytes,
        }
    }

    /// Adds a task that is running.
    pub(super) fn add(&mut self, task: TaskId, awaited: Awaited, now: Instant) {
        self.forget(now);
        self.tasks.insert(task, TaskResult::Awaited(awaited));
    }

    /// Notes that a task has ended, with a result of `n_bytes` bytes.
    pub(super) fn end(&mut self, task: TaskId, n_bytes: usize, now: Instant) {
        self.n_bytes += n_bytes;
        self.ended.push_back(Ended {
            task,
            at: now,
            n_bytes,
            read_at: None,
        });
        self.forget(now);
        self.drop_oldest(now);
    }

    /// Returns what is known of a task; `None` if nothing is known, or if it was dropped.
    pub(super) fn get(&self, task: &TaskId) -> Option<TaskResult> {
        self.tasks.get(task).cloned()
    }

    /// Notes that a page of a task's result was read, since its client will probably read others.
    pub(super) fn read(&mut self, task: &TaskId, now: Instant) {
        let place = self.ended.iter().position(|ended| ended.task == *task);
        if let Some(mut ended) = place.and_then(|place| self.ended.remove(place)) {
            (ended.at, ended.read_at) = (now, Some(now));
            self.ended.push_back(ended);
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.ended.front() {
            let is_due = now.duration_since(oldest.at) >= KEPT;
            if !is_due && self.ended.len() <= MAX_ENDED {
                return;
            }
            self.n_bytes -= oldest.n_bytes;
            self.tasks.remove(&oldest.task);
            self.ended.pop_front();
        }
    }

    /// Drops results until the rest fits. The last one stays whatever its size: a client that asks
    /// between two waits could not get it otherwise. Those that are being read stay as well: there
    /// are only as many of them as clients that read.
    fn drop_oldest(&mut self, now: Instant) {
        let is_read = |at: Instant| now.duration_since(at) < READING;
        let n_others = self.ended.len().saturating_sub(1);
        for ended in self.ended.iter_mut().take(n_others) {
            if self.n_bytes <= self.max_bytes {
                return;
            }
            if ended.n_bytes > 0 && !ended.read_at.is_some_and(is_read) {
                self.n_bytes -= mem::take(&mut ended.n_bytes);
                self.tasks.insert(ended.task.clone(), TaskResult::Dropped);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets tasks with results of these sizes end one after the other.
    fn ended(outcomes: &mut Outcomes, now: Instant, sizes: &[usize]) -> Vec<TaskId> {
        let end = |n_bytes: &usize| {
            let task = TaskId::new();
            let (_tell, awaited) = watch::channel(None);
            outcomes.add(task.clone(), awaited, now);
            outcomes.end(task.clone(), *n_bytes, now);
            task
        };
        sizes.iter().map(end).collect()
    }

    fn known(outcomes: &Outcomes, tasks: &[TaskId]) -> Vec<&'static str> {
        let word = |task| match outcomes.get(task) {
            Some(TaskResult::Awaited(_)) => "kept",
            Some(TaskResult::Dropped) => "dropped",
            None => "unknown",
        };
        tasks.iter().map(word).collect()
    }

    #[test]
    fn the_oldest_results_make_place_for_the_newest() {
        let mut outcomes = Outcomes::within(100);
        let now = Instant::now();

        let tasks = ended(&mut outcomes, now, &[40, 0, 40, 30, 20]);

        assert_eq!(
            known(&outcomes, &tasks),
            ["dropped", "kept", "kept", "kept", "kept"]
        );
        // It alone exceeds the bound, but the last result always stays.
        let large = ended(&mut outcomes, now, &[500]);
        assert_eq!(known(&outcomes, &large), ["kept"]);
        assert_eq!(
            known(&outcomes, &tasks),
            ["dropped", "kept", "dropped", "dropped", "dropped"]
        );
        assert_eq!(outcomes.n_bytes, 500);
    }

    #[test]
    fn a_result_that_is_being_read_is_kept() {
        let mut outcomes = Outcomes::within(100);
        let now = Instant::now();
        let tasks = ended(&mut outcomes, now, &[80, 10]);

        outcomes.read(&tasks[0], now + KEPT / 2);
        let later = ended(&mut outcomes, now + KEPT / 2, &[80]);

        assert_eq!(known(&outcomes, &tasks), ["kept", "dropped"]);
        assert_eq!(known(&outcomes, &later), ["kept"]);
        // It is kept for a minute after its last page was read, unless others need the space.
        ended(&mut outcomes, now + KEPT, &[0]);
        assert_eq!(known(&outcomes, &tasks), ["dropped", "unknown"]);
    }

    #[test]
    fn nothing_is_known_of_a_task_that_ended_a_minute_ago() {
        let mut outcomes = Outcomes::within(100);
        let now = Instant::now();
        let old = ended(&mut outcomes, now, &[80, 80]);

        let new = ended(&mut outcomes, now + KEPT, &[90]);

        assert_eq!(known(&outcomes, &old), ["unknown", "unknown"]);
        assert_eq!(known(&outcomes, &new), ["kept"]);
        assert_eq!(outcomes.n_bytes, 90);
    }

    #[test]
    fn only_so_many_tasks_are_remembered() {
        let mut outcomes = Outcomes::within(100);

        let tasks = ended(&mut outcomes, Instant::now(), &vec![0; MAX_ENDED + 1]);

        assert_eq!(known(&outcomes, &tasks[..2]), ["unknown", "kept"]);
        assert_eq!(outcomes.tasks.len(), MAX_ENDED);
    }
}
