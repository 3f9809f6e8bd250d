//! Weighs what a run would remove, and decides what an operator must approve first.

use std::collections::BTreeMap;

use crate::model::{HeldLoss, Loss, Reason, Weight};

/// How much of one sort may be lost in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most that may be lost of each thousand known.
    pub max_permille: u32,
    /// The most that may be lost, whatever the share.
    pub max_count: u64,
    /// The share does not count if fewer than this many are known: one of three would be a third.
    pub min_population: u64,
}

/// Decides how much may be removed without an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Removals within these limits are applied.
    Limits(BTreeMap<Loss, Limits>),
    /// Nothing: every removal waits for an operator.
    Never,
}

impl Default for Guard {
    fn default() -> Self {
        Self::Limits(
            Loss::ALL
                .map(|loss| (loss, Limits::usual(loss)))
                .into_iter()
                .collect(),
        )
    }
}

impl Limits {
    /// Returns the default limits.
    ///
    /// A company loses one user in ten in one interval only when something is wrong. Access
    /// changes more at once: a project ends, and a group with it.
    pub fn usual(loss: Loss) -> Self {
        let (max_permille, max_count) = match loss {
            Loss::Users => (100, 500),
            Loss::Roles | Loss::Groups => (250, 100),
            Loss::Memberships | Loss::RoleAssignments => (250, 5_000),
        };
        Self {
            max_permille,
            max_count,
            min_population: 20,
        }
    }

    /// Returns whether a loss is within these limits.
    pub fn allows(&self, weight: Weight) -> bool {
        self.weigh(weight).is_none()
    }

    fn weigh(&self, weight: Weight) -> Option<Reason> {
        if weight.lost > self.max_count {
            return Some(Reason::OverCount {
                max_count: self.max_count,
            });
        }
        let share_counts = weight.known >= self.min_population;
        // Multiplied rather than divided: this is exact, and never divides by zero.
        let lost = u128::from(weight.lost) * 1000;
        let allowed = u128::from(weight.known) * u128::from(self.max_permille);
        (share_counts && lost > allowed).then_some(Reason::OverShare {
            max_permille: self.max_permille,
        })
    }
}

impl Guard {
    /// Returns why a loss of this weight is held; `None` if it may be applied.
    pub fn weigh(&self, loss: Loss, weight: Weight) -> Option<Reason> {
        if weight.lost == 0 {
            return None;
        }
        // A source that shows nothing at all is broken more often than empty.
        if weight.shown == 0 {
            return Some(Reason::NothingLeft);
        }
        match self {
            Self::Never => Some(Reason::Never),
            Self::Limits(limits) => limits
                .get(&loss)
                .copied()
                .unwrap_or_else(|| Limits::usual(loss))
                .weigh(weight),
        }
    }

    /// Returns whether any share of this sort may be lost, as long as something is left.
    pub fn ignores_share(&self, loss: Loss) -> bool {
        match self {
            Self::Never => false,
            Self::Limits(limits) => limits
                .get(&loss)
                .is_some_and(|limits| limits.max_permille >= 1_000),
        }
    }

    /// Returns which of these losses are held.
    pub fn hold(&self, weights: &BTreeMap<Loss, Weight>) -> BTreeMap<Loss, HeldLoss> {
        let held = weights.iter().filter_map(|(loss, weight)| {
            let reason = self.weigh(*loss, *weight)?;
            Some((
                *loss,
                HeldLoss {
                    weight: *weight,
                    reason,
                },
            ))
        });
        held.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(lost: u64, known: u64) -> Weight {
        Weight {
            lost,
            known,
            shown: known.saturating_sub(lost),
        }
    }

    #[test]
    fn what_goes_and_what_is_held() {
        let guard = Guard::default();
        for (loss, lost, known, held) in [
            (Loss::Users, 0, 0, None),
            (Loss::Users, 0, 100, None),
            (Loss::Users, 10, 100, None),
            (
                Loss::Users,
                11,
                100,
                Some(Reason::OverShare { max_permille: 100 }),
            ),
            (Loss::Users, 500, 1_000_000, None),
            (
                Loss::Users,
                501,
                1_000_000,
                Some(Reason::OverCount { max_count: 500 }),
            ),
            // Below the minimum population the share does not count, but removing the last one is
            // held.
            (Loss::Users, 9, 19, None),
            (Loss::Users, 18, 19, None),
            (Loss::Users, 19, 19, Some(Reason::NothingLeft)),
            (Loss::Users, 1, 1, Some(Reason::NothingLeft)),
            (Loss::Roles, 5, 20, None),
            (
                Loss::Roles,
                6,
                20,
                Some(Reason::OverShare { max_permille: 250 }),
            ),
            (Loss::RoleAssignments, 5_000, 1_000_000, None),
            (
                Loss::RoleAssignments,
                5_001,
                1_000_000,
                Some(Reason::OverCount { max_count: 5_000 }),
            ),
            (
                Loss::Memberships,
                u64::MAX,
                u64::MAX,
                Some(Reason::NothingLeft),
            ),
        ] {
            assert_eq!(
                guard.weigh(loss, weight(lost, known)),
                held,
                "{lost} of {known} {loss}"
            );
        }
    }

    #[test]
    fn never_lets_nothing_go() {
        assert_eq!(
            Guard::Never.weigh(Loss::Users, weight(1, 1000)),
            Some(Reason::Never)
        );
        assert_eq!(Guard::Never.weigh(Loss::Users, weight(0, 1000)), None);
    }

    #[test]
    fn limits_of_one_sort_do_not_touch_another() {
        let guard = Guard::Limits(
            [(
                Loss::Groups,
                Limits {
                    max_permille: 1000,
                    max_count: 2,
                    min_population: 0,
                },
            )]
            .into(),
        );
        let weights = Loss::ALL.map(|loss| (loss, weight(3, 100))).into();

        let held = guard.hold(&weights);

        assert_eq!(held.keys().copied().collect::<Vec<_>>(), [Loss::Groups]);
        assert_eq!(
            held[&Loss::Groups].reason,
            Reason::OverCount { max_count: 2 }
        );
    }
}
