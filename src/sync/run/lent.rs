//! A value of a run that blocking steps change, one after the other.

use std::ops::{Deref, DerefMut};

use crate::store::Store;

const IS_BACK: &str =
    "each step gives it back, and a run that is dropped in a step goes no further";

/// A value of a run that blocking steps change, one after the other.
///
/// A step runs on a thread of its own, which can borrow nothing from the run. So the value goes
/// there with the step and comes back with its result.
#[derive(Debug)]
pub(in crate::sync) struct Lent<T>(Option<T>);

impl<T> Lent<T> {
    pub(in crate::sync) fn of(value: T) -> Self {
        Self(Some(value))
    }

    /// Does a step on a thread for blocking work.
    pub(in crate::sync) async fn offload<R: Send + 'static>(
        &mut self,
        store: &Store,
        step: impl FnOnce(&Store, &mut T) -> R + Send + 'static,
    ) -> R
    where
        T: Send + 'static,
    {
        let mut value = self.0.take().expect(IS_BACK);
        let (outcome, value) = store
            .offload(move |store| {
                let outcome = step(store, &mut value);
                (outcome, value)
            })
            .await;
        self.0 = Some(value);
        outcome
    }

    /// Returns the value after the last step.
    pub(in crate::sync) fn end(self) -> T {
        self.0.expect(IS_BACK)
    }
}

impl<T> Deref for Lent<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect(IS_BACK)
    }
}

impl<T> DerefMut for Lent<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(IS_BACK)
    }
}
