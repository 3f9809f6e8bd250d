//! Decides what becomes of a tenant's open plan at the end of a run.
//!
//! Pure. The laws, each checked against the whole table in the tests:
//!
//! - A run that applied an approved plan closes it, even if the run could not see everything. What
//!   it did not see stays as it is known, and is held again once it is seen to be gone.
//! - What a run holds and the open plan does not list always gets a plan of its own, so that
//!   nothing is held without one. The one exception is an approved plan that the run did not apply:
//!   that plan's own run comes within minutes, and decides.
//! - What a run could not see does not close a plan, and is not lost from one.

use crate::model::PlanState;

/// A tenant's open plan, as far as its fate depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Open {
    /// There is none.
    No,
    /// It waits for an operator.
    Held,
    /// The next run applies it.
    Approved,
    /// An operator has rejected it.
    Rejected,
}

/// What a run holds, compared with what the open plan lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Holds {
    /// Nothing, and everything that the plan lists is back.
    AllIsBack,
    /// Nothing, and some of what the plan lists was removed within the limits.
    SomeWent,
    /// The same removals.
    Same,
    /// Some of the same removals, and no others.
    Part,
    /// Something that the plan does not list.
    Others,
}

/// Whether a run could see everything that the open plan is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Sight {
    Whole,
    Part,
}

/// Whether a run applied the open plan, which was approved before the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Went {
    ByIt,
    WithoutIt,
}

/// What becomes of the open plan, and of what the run holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// There is nothing to write.
    Nothing,
    /// What is held gets a new plan.
    Opens,
    /// It stays open, and lists what the run holds, if it holds anything.
    Stays,
    /// It stays open for its own run, which decides about what it does not list.
    StaysForItsRun,
    /// It is closed: its removals were applied.
    Applied,
    /// It is closed, and what is held gets a plan of its own.
    AppliedAndOpens,
    /// Another plan replaces it.
    Superseded(Heir),
    /// It is closed: everything that it lists is back.
    Recovered,
}

/// What a plan lists when it replaces another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heir {
    /// What the run holds.
    Found,
    /// What the run holds, and what it could not see of the other plan.
    FoundAndUnseen,
}

impl Open {
    pub(in crate::sync) fn of(state: Option<PlanState>) -> Self {
        match state {
            Some(PlanState::Held) => Self::Held,
            Some(PlanState::Approved { .. }) => Self::Approved,
            Some(PlanState::Rejected { .. }) => Self::Rejected,
            None
            | Some(
                PlanState::Applied { .. }
                | PlanState::Superseded { .. }
                | PlanState::Recovered { .. },
            ) => Self::No,
        }
    }
}

impl Fate {
    pub(in crate::sync) fn of(open: Open, holds: Holds, sight: Sight, went: Went) -> Self {
        match open {
            Open::No => match holds {
                Holds::AllIsBack | Holds::SomeWent => Self::Nothing,
                Holds::Same | Holds::Part | Holds::Others => Self::Opens,
            },
            Open::Approved => match (went, holds) {
                (Went::ByIt, Holds::AllIsBack | Holds::SomeWent) => Self::Applied,
                (Went::ByIt, Holds::Same | Holds::Part | Holds::Others) => Self::AppliedAndOpens,
                (
                    Went::WithoutIt,
                    Holds::AllIsBack | Holds::SomeWent | Holds::Same | Holds::Part,
                ) => Self::Stays,
                (Went::WithoutIt, Holds::Others) => Self::StaysForItsRun,
            },
            // No run applies these.
            Open::Held | Open::Rejected => match (holds, sight) {
                (Holds::Same, Sight::Whole | Sight::Part)
                | (Holds::AllIsBack | Holds::SomeWent | Holds::Part, Sight::Part) => Self::Stays,
                (Holds::AllIsBack, Sight::Whole) => Self::Recovered,
                (Holds::SomeWent, Sight::Whole) => Self::Applied,
                (Holds::Part | Holds::Others, Sight::Whole) => Self::Superseded(Heir::Found),
                (Holds::Others, Sight::Part) => Self::Superseded(Heir::FoundAndUnseen),
            },
        }
    }

    /// Returns whether what the run holds gets a plan.
    pub(super) fn opens(self) -> bool {
        match self {
            Self::Opens | Self::AppliedAndOpens | Self::Superseded(_) => true,
            Self::Nothing
            | Self::Stays
            | Self::StaysForItsRun
            | Self::Applied
            | Self::Recovered => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const OPEN: [Open; 4] = [Open::No, Open::Held, Open::Approved, Open::Rejected];
    const HOLDS: [Holds; 5] = [
        Holds::AllIsBack,
        Holds::SomeWent,
        Holds::Same,
        Holds::Part,
        Holds::Others,
    ];
    const SIGHT: [Sight; 2] = [Sight::Whole, Sight::Part];
    const WENT: [Went; 2] = [Went::ByIt, Went::WithoutIt];

    fn rows() -> impl Iterator<Item = (Open, Holds, Sight, Went, Fate)> {
        let all = OPEN.into_iter().flat_map(|open| {
            let holds = HOLDS.into_iter();
            holds.flat_map(move |holds| {
                let sight = SIGHT.into_iter();
                sight.flat_map(move |sight| WENT.map(|went| (open, holds, sight, went)))
            })
        });
        all.map(|(open, holds, sight, went)| {
            (open, holds, sight, went, Fate::of(open, holds, sight, went))
        })
    }

    fn holds_something(holds: Holds) -> bool {
        matches!(holds, Holds::Same | Holds::Part | Holds::Others)
    }

    #[test]
    fn what_becomes_of_the_open_plan_in_every_case() {
        let mut table = String::new();
        for (open, holds, sight, went, fate) in rows() {
            let row = format!("{open:?} | {holds:?} | {sight:?} | {went:?} | {fate:?}");
            let cells: Vec<_> = row.split(" | ").collect();
            writeln!(
                table,
                "{:8} | {:9} | {:5} | {:9} | {}",
                cells[0], cells[1], cells[2], cells[3], cells[4]
            )
            .unwrap();
        }

        assert_eq!(table.lines().count(), 80, "a line of each case");
        insta::assert_snapshot!(table, @r"
        No       | AllIsBack | Whole | ByIt      | Nothing
        No       | AllIsBack | Whole | WithoutIt | Nothing
        No       | AllIsBack | Part  | ByIt      | Nothing
        No       | AllIsBack | Part  | WithoutIt | Nothing
        No       | SomeWent  | Whole | ByIt      | Nothing
        No       | SomeWent  | Whole | WithoutIt | Nothing
        No       | SomeWent  | Part  | ByIt      | Nothing
        No       | SomeWent  | Part  | WithoutIt | Nothing
        No       | Same      | Whole | ByIt      | Opens
        No       | Same      | Whole | WithoutIt | Opens
        No       | Same      | Part  | ByIt      | Opens
        No       | Same      | Part  | WithoutIt | Opens
        No       | Part      | Whole | ByIt      | Opens
        No       | Part      | Whole | WithoutIt | Opens
        No       | Part      | Part  | ByIt      | Opens
        No       | Part      | Part  | WithoutIt | Opens
        No       | Others    | Whole | ByIt      | Opens
        No       | Others    | Whole | WithoutIt | Opens
        No       | Others    | Part  | ByIt      | Opens
        No       | Others    | Part  | WithoutIt | Opens
        Held     | AllIsBack | Whole | ByIt      | Recovered
        Held     | AllIsBack | Whole | WithoutIt | Recovered
        Held     | AllIsBack | Part  | ByIt      | Stays
        Held     | AllIsBack | Part  | WithoutIt | Stays
        Held     | SomeWent  | Whole | ByIt      | Applied
        Held     | SomeWent  | Whole | WithoutIt | Applied
        Held     | SomeWent  | Part  | ByIt      | Stays
        Held     | SomeWent  | Part  | WithoutIt | Stays
        Held     | Same      | Whole | ByIt      | Stays
        Held     | Same      | Whole | WithoutIt | Stays
        Held     | Same      | Part  | ByIt      | Stays
        Held     | Same      | Part  | WithoutIt | Stays
        Held     | Part      | Whole | ByIt      | Superseded(Found)
        Held     | Part      | Whole | WithoutIt | Superseded(Found)
        Held     | Part      | Part  | ByIt      | Stays
        Held     | Part      | Part  | WithoutIt | Stays
        Held     | Others    | Whole | ByIt      | Superseded(Found)
        Held     | Others    | Whole | WithoutIt | Superseded(Found)
        Held     | Others    | Part  | ByIt      | Superseded(FoundAndUnseen)
        Held     | Others    | Part  | WithoutIt | Superseded(FoundAndUnseen)
        Approved | AllIsBack | Whole | ByIt      | Applied
        Approved | AllIsBack | Whole | WithoutIt | Stays
        Approved | AllIsBack | Part  | ByIt      | Applied
        Approved | AllIsBack | Part  | WithoutIt | Stays
        Approved | SomeWent  | Whole | ByIt      | Applied
        Approved | SomeWent  | Whole | WithoutIt | Stays
        Approved | SomeWent  | Part  | ByIt      | Applied
        Approved | SomeWent  | Part  | WithoutIt | Stays
        Approved | Same      | Whole | ByIt      | AppliedAndOpens
        Approved | Same      | Whole | WithoutIt | Stays
        Approved | Same      | Part  | ByIt      | AppliedAndOpens
        Approved | Same      | Part  | WithoutIt | Stays
        Approved | Part      | Whole | ByIt      | AppliedAndOpens
        Approved | Part      | Whole | WithoutIt | Stays
        Approved | Part      | Part  | ByIt      | AppliedAndOpens
        Approved | Part      | Part  | WithoutIt | Stays
        Approved | Others    | Whole | ByIt      | AppliedAndOpens
        Approved | Others    | Whole | WithoutIt | StaysForItsRun
        Approved | Others    | Part  | ByIt      | AppliedAndOpens
        Approved | Others    | Part  | WithoutIt | StaysForItsRun
        Rejected | AllIsBack | Whole | ByIt      | Recovered
        Rejected | AllIsBack | Whole | WithoutIt | Recovered
        Rejected | AllIsBack | Part  | ByIt      | Stays
        Rejected | AllIsBack | Part  | WithoutIt | Stays
        Rejected | SomeWent  | Whole | ByIt      | Applied
        Rejected | SomeWent  | Whole | WithoutIt | Applied
        Rejected | SomeWent  | Part  | ByIt      | Stays
        Rejected | SomeWent  | Part  | WithoutIt | Stays
        Rejected | Same      | Whole | ByIt      | Stays
        Rejected | Same      | Whole | WithoutIt | Stays
        Rejected | Same      | Part  | ByIt      | Stays
        Rejected | Same      | Part  | WithoutIt | Stays
        Rejected | Part      | Whole | ByIt      | Superseded(Found)
        Rejected | Part      | Whole | WithoutIt | Superseded(Found)
        Rejected | Part      | Part  | ByIt      | Stays
        Rejected | Part      | Part  | WithoutIt | Stays
        Rejected | Others    | Whole | ByIt      | Superseded(Found)
        Rejected | Others    | Whole | WithoutIt | Superseded(Found)
        Rejected | Others    | Part  | ByIt      | Superseded(FoundAndUnseen)
        Rejected | Others    | Part  | WithoutIt | Superseded(FoundAndUnseen)
        ");
    }

    #[test]
    fn a_run_that_went_by_a_plan_closes_it_whatever_it_could_not_see() {
        for (open, holds, sight, went, fate) in rows() {
            if (open, went) == (Open::Approved, Went::ByIt) {
                let expected = match holds_something(holds) {
                    true => Fate::AppliedAndOpens,
                    false => Fate::Applied,
                };
                assert_eq!(fate, expected, "{holds:?} {sight:?}");
            }
        }
    }

    #[test]
    fn what_no_plan_lists_gets_one() {
        for (open, holds, sight, went, fate) in rows() {
            let is_listed = open != Open::No && holds != Holds::Others;
            if holds_something(holds) && !is_listed {
                let waits_for_its_run = (open, went) == (Open::Approved, Went::WithoutIt);
                assert_eq!(
                    fate.opens(),
                    !waits_for_its_run,
                    "{open:?} {holds:?} {sight:?} {went:?}"
                );
            }
            assert!(holds_something(holds) || !fate.opens());
        }
    }

    #[test]
    fn what_was_not_seen_closes_no_plan_that_waits() {
        for (open, holds, sight, _, fate) in rows() {
            if matches!(open, Open::Held | Open::Rejected) && sight == Sight::Part {
                let expected = match holds {
                    Holds::Others => Fate::Superseded(Heir::FoundAndUnseen),
                    Holds::AllIsBack | Holds::SomeWent | Holds::Same | Holds::Part => Fate::Stays,
                };
                assert_eq!(fate, expected, "{open:?} {holds:?}");
            }
        }
    }
}
