//! Progress through something ordered: everything up to a position, and single positions after it.

use std::collections::BTreeSet;

/// Positions that were read, and which of them are settled. Pure.
///
/// What counts is the last position up to which nothing is open. Positions after it that are
/// already settled are remembered one by one, so that they are not sent again after a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position<P> {
    settled: Option<P>,
    read: Option<P>,
    open: BTreeSet<P>,
    done: BTreeSet<P>,
}

impl<P: Ord + Clone> Position<P> {
    /// Starts after a position, with the positions after it that are settled.
    pub fn behind(settled: Option<P>, done: BTreeSet<P>) -> Self {
        Self {
            read: settled.clone(),
            settled,
            open: BTreeSet::new(),
            done,
        }
    }

    /// Returns the position up to which everything is settled.
    pub fn settled(&self) -> Option<&P> {
        self.settled.as_ref()
    }

    /// Returns the last position that was read.
    pub fn read(&self) -> Option<&P> {
        self.read.as_ref()
    }

    /// Returns the positions that are settled although an earlier one is not.
    pub fn done(&self) -> &BTreeSet<P> {
        &self.done
    }

    /// Returns whether everything that was read is settled.
    pub fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// Returns whether further positions may be read, if this many may be settled after an earlier
    /// one that is open. After a restart, nothing is open until it is read again, however many are
    /// settled already.
    pub fn may_read_on(&self, max_done: usize) -> bool {
        self.open.is_empty() || self.done.len() < max_done
    }

    /// Notes that a position was read that has something to deliver. Returns whether that is still
    /// open: it may have been settled before a crash.
    pub fn open(&mut self, place: P) -> bool {
        let is_open = !self.done.contains(&place);
        self.read = self.read.take().max(Some(place.clone()));
        if is_open {
            self.open.insert(place);
        } else {
            self.advance();
        }
        is_open
    }

    /// Notes that a position was read that has nothing to deliver.
    pub fn pass(&mut self, place: P) {
        self.read = self.read.take().max(Some(place.clone()));
        self.done.insert(place);
        self.advance();
    }

    /// Notes that a position is settled.
    pub fn settle(&mut self, place: P) {
        self.open.remove(&place);
        if self.settled.as_ref().is_none_or(|settled| *settled < place) {
            self.done.insert(place);
        }
        self.advance();
    }

    fn advance(&mut self) {
        // After the last position that was read, there may be more that are not settled.
        let end = self.open.first().or(self.read.as_ref());
        let is_before = |place: &P| match self.open.first() {
            Some(open) => place < open,
            None => end.is_some_and(|end| place <= end),
        };
        while self.done.first().is_some_and(is_before) {
            self.settled = self.done.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_stands_before_the_first_open_place() {
        let mut position = Position::behind(Some(2), BTreeSet::new());
        for place in 3..=6 {
            assert!(position.open(place));
        }

        position.settle(4);
        position.settle(5);
        assert_eq!(position.settled(), Some(&2));
        assert_eq!(position.done(), &[4, 5].into());
        position.settle(3);
        assert_eq!(position.settled(), Some(&5));
        position.pass(8);
        assert_eq!((position.settled(), position.read()), (Some(&5), Some(&8)));
        position.settle(6);
        assert_eq!(position.settled(), Some(&8));
        assert!(position.is_settled() && position.done().is_empty());
    }

    #[test]
    fn however_much_is_settled_after_an_open_place_a_restart_reads_that_place() {
        let mut position = Position::behind(Some(2), BTreeSet::new());
        for place in 3..=9 {
            position.open(place);
            assert_eq!(position.may_read_on(4), place < 8, "{place}");
            if place > 3 {
                position.settle(place);
            }
        }

        let stored = position.done().clone();
        let mut again = Position::behind(position.settled().copied(), stored);

        assert!(again.may_read_on(4));
        assert!(again.open(3) && !again.may_read_on(4));
        for place in 4..=9 {
            assert!(!again.open(place), "{place} is settled");
        }
        again.settle(3);
        assert_eq!(again.settled(), Some(&9));
        assert!(again.may_read_on(4));
    }

    proptest! {
        #[test]
        fn nothing_is_forgotten_and_nothing_is_sent_again(
            wanted in prop::collection::vec(any::<bool>(), 1..60),
            settled in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let mut position = Position::behind(None, BTreeSet::new());
            for (place, is_wanted) in wanted.iter().enumerate() {
                if *is_wanted {
                    position.open(place);
                } else {
                    position.pass(place);
                }
            }
            let settled: BTreeSet<usize> = settled.iter().map(|i| i.index(wanted.len())).collect();
            for place in settled.iter().filter(|place| wanted[**place]) {
                position.settle(*place);
            }

            // A restart begins here, with what was stored.
            let begin = position.settled().map_or(0, |settled| settled + 1);
            let mut again = Position::behind(position.settled().copied(), position.done().clone());
            for (place, is_wanted) in wanted.iter().enumerate() {
                let is_settled = !is_wanted || settled.contains(&place);
                if place < begin {
                    prop_assert!(is_settled, "{place} is open");
                } else if *is_wanted {
                    prop_assert_eq!(again.open(place), !is_settled, "{}", place);
                } else {
                    again.pass(place);
                }
            }
            if settled.len() == wanted.len() {
                prop_assert!(again.is_settled());
            }
        }
    }
}
