//! Decides what is written to disk, and in how many writes.

use super::State;
use crate::store::{self, MAX_CHANGES, Progress};

/// How many attempts of an endpoint are kept.
const MAX_ATTEMPTS: usize = 10_000;

impl State {
    /// Returns whether there is something that is not on disk.
    pub fn is_dirty(&self) -> bool {
        self.is_dirty || !self.changes.is_empty()
    }

    /// Returns whether something failed, was given up on or came to an end. Such changes must not
    /// wait for more.
    pub fn is_urgent(&self) -> bool {
        !self.changes.is_empty() || self.fact.is_some()
    }

    /// Takes what has to be written. Rows must be written before the cursor that moves past them,
    /// so if one write cannot contain them all, the earlier writes leave the cursor where it was.
    pub fn progress(&mut self) -> Vec<Progress> {
        self.is_dirty = false;
        let cursor = self.cursor();
        let mut changes = std::mem::take(&mut self.changes).into_iter();
        let mut writes = Vec::new();
        let mut attempts = std::mem::take(&mut self.attempts).into_iter();
        // Each write deletes some of the oldest attempts, or more would be added than deleted.
        while changes.len() > MAX_CHANGES || attempts.len() > store::ATTEMPTS_AT_ONCE {
            writes.push(Progress {
                changes: changes.by_ref().take(MAX_CHANGES).collect(),
                attempts: attempts.by_ref().take(store::ATTEMPTS_AT_ONCE).collect(),
                keep: MAX_ATTEMPTS,
                ..Progress::of(self.saved.clone())
            });
        }
        writes.push(Progress {
            changes: changes.collect(),
            attempts: attempts.collect(),
            fact: self.fact.take(),
            keep: MAX_ATTEMPTS,
            cursor: cursor.clone(),
        });
        self.saved = cursor;
        writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::Endpoint;
    use crate::deliver::queue::read_position::{Met, Page};
    use crate::deliver::tests::{options, start};
    use crate::model::Seq;
    use crate::store::{Attempt, Cursor, DeliveryChange, Item, Store};

    #[test]
    fn attempts_that_take_several_writes_let_as_many_go_as_come() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
        let name = endpoint.name().clone();
        let mut log = store.attempt_log(&name).unwrap();
        let mut state = State::of(endpoint, Cursor::default(), Vec::new(), start());
        let attempt = Attempt {
            item: Item::Entry(Seq(1)),
            event_type: "user.created".into(),
            number: 1,
            at: start(),
            took_ms: 1,
            status: Some(204),
            answer: "".into(),
            error: None,
        };

        for _ in 0..10 {
            state.attempts = vec![attempt.clone(); 4_000];
            for write in state.progress() {
                store.save_progress(&name, &mut log, write).unwrap();
            }
        }

        let kept = store.attempts(&name, usize::MAX, |_| true).unwrap().len();
        assert!((MAX_ATTEMPTS..MAX_ATTEMPTS + 200).contains(&kept), "{kept}");
    }

    #[test]
    fn the_cursor_moves_with_the_last_of_the_rows_that_it_steps_over() {
        let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
        let mut state = State::of(endpoint, Cursor::default(), Vec::new(), start());
        state.take(
            Page {
                met: vec![Met::Entry(Seq(1), None)],
                is_end: true,
            },
            start(),
        );
        let rows = (0..=2 * MAX_CHANGES as u64).map(DeliveryChange::OrderApplied);
        state.changes = rows.collect();

        let writes = state.progress();

        let settled: Vec<Seq> = writes.iter().map(|write| write.cursor.settled).collect();
        assert_eq!(settled, [Seq(0), Seq(0), Seq(1)]);
    }
}
