//! Remembers which message sizes a receiver accepts, so that batches can be split to fit.

use std::sync::Mutex;

use crate::lock::lock;

/// The sizes that an endpoint is known to accept, in bytes of the body.
#[derive(Debug)]
pub(in crate::deliver) struct Sizes {
    /// What the configuration allows.
    most: usize,
    met: Mutex<Met>,
}

#[derive(Debug, Default)]
struct Met {
    /// The largest that was accepted and is below all that were refused.
    taken: usize,
    /// The smallest that was refused as too large; `None` if there is none.
    refused: Option<usize>,
}

impl Sizes {
    /// Sets the upper limit.
    pub fn up_to(most: usize) -> Self {
        Self {
            most,
            met: Mutex::default(),
        }
    }

    /// Returns the size up to which a batch is worth trying.
    pub fn limit(&self) -> usize {
        let met = lock(&self.met);
        // Half of the events take a little more than half of the bytes: some events are larger than
        // others, and each half has an envelope of its own.
        let half = |refused: usize| refused / 2 + refused / 16;
        let by_receiver = met.refused.map(|refused| met.taken.max(half(refused)));
        by_receiver.map_or(self.most, |limit| limit.min(self.most))
    }

    /// Notes that a message of this size was accepted.
    pub fn taken(&self, size: usize) {
        let mut met = lock(&self.met);
        met.taken = met.taken.max(size);
        // The receiver accepts more than it used to.
        met.refused = met.refused.filter(|refused| *refused > size);
    }

    /// Notes that a message of this size was refused as too large.
    pub fn refused(&self, size: usize) {
        let mut met = lock(&self.met);
        met.refused = Some(met.refused.map_or(size, |refused| refused.min(size)));
        // The receiver accepts less than it used to.
        if met.taken >= size {
            met.taken = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_halves_the_limit_and_what_passed_is_remembered() {
        let sizes = Sizes::up_to(1_000);
        assert_eq!(sizes.limit(), 1_000);

        sizes.refused(800);
        assert_eq!(sizes.limit(), 450);
        sizes.refused(400);
        assert_eq!(sizes.limit(), 225);
        sizes.taken(220);
        sizes.taken(100);
        assert_eq!(sizes.limit(), 225);
        sizes.refused(225);
        assert_eq!(sizes.limit(), 220);
    }

    #[test]
    fn a_receiver_that_changes_its_mind_is_followed() {
        let sizes = Sizes::up_to(1_000);
        sizes.taken(900);
        sizes.refused(480);
        assert_eq!(sizes.limit(), 270);
        sizes.taken(600);
        assert_eq!(sizes.limit(), 1_000);
    }
}
