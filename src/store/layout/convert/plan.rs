//! Sealed plans and held plans.

use std::borrow::Cow;

use crate::model::{
    Fingerprint, HeldLoss, HeldPlan, Loss, PlanState, Proof, Reason, Removal, Taken, Weight,
};
use crate::store::layout::{v1, v8};
use crate::store::values::commit::Write;
use crate::store::values::plan::PlanHead;

use super::{pairs, same_words};

same_words! {
    Loss = v1::Loss { Users, Roles, Groups, Memberships, RoleAssignments }
    Proof = v1::Proof { Confirmed, NotYetAsked }
}

impl<'a> From<&'a PlanHead> for v1::PlanHead<'a> {
    fn from(head: &'a PlanHead) -> Self {
        let PlanHead {
            run,
            at,
            account,
            rows_total,
        } = head;
        Self {
            run: *run,
            at: *at,
            account: account.into(),
            rows_total: *rows_total,
        }
    }
}

impl From<v1::PlanHead<'_>> for PlanHead {
    fn from(head: v1::PlanHead<'_>) -> Self {
        let v1::PlanHead {
            run,
            at,
            account,
            rows_total,
        } = head;
        Self {
            run,
            at,
            account: account.into(),
            rows_total,
        }
    }
}

impl<'a> From<&'a Write> for v8::plan::Write<'a> {
    fn from(write: &'a Write) -> Self {
        match write {
            Write::Change {
                change,
                fingerprint,
                raw,
                reported,
            } => Self::Change {
                change: change.into(),
                fingerprint: fingerprint.0,
                raw: Cow::Borrowed(raw),
                reported: reported.as_ref().map(Into::into),
            },
            Write::Quiet {
                record,
                fingerprint,
                raw,
            } => Self::Quiet {
                record: record.into(),
                fingerprint: fingerprint.0,
                raw: Cow::Borrowed(raw),
            },
            Write::Forget { record } => Self::Forget {
                record: record.into(),
            },
        }
    }
}

impl From<v8::plan::Write<'_>> for Write {
    fn from(write: v8::plan::Write<'_>) -> Self {
        match write {
            v8::plan::Write::Change {
                change,
                fingerprint,
                raw,
                reported,
            } => Self::Change {
                change: change.into(),
                fingerprint: Fingerprint(fingerprint),
                raw: raw.into_owned().into(),
                reported: reported.map(Into::into),
            },
            v8::plan::Write::Quiet {
                record,
                fingerprint,
                raw,
            } => Self::Quiet {
                record: record.into(),
                fingerprint: Fingerprint(fingerprint),
                raw: raw.into_owned().into(),
            },
            v8::plan::Write::Forget { record } => Self::Forget {
                record: record.into(),
            },
        }
    }
}

impl From<HeldLoss> for v1::HeldLoss {
    fn from(HeldLoss { weight, reason }: HeldLoss) -> Self {
        let Weight { lost, known, shown } = weight;
        Self {
            weight: v1::Weight { lost, known, shown },
            reason: match reason {
                Reason::NothingLeft => v1::Reason::NothingLeft,
                Reason::OverCount { max_count } => v1::Reason::OverCount { max_count },
                Reason::OverShare { max_permille } => v1::Reason::OverShare { max_permille },
                Reason::Never => v1::Reason::Never,
            },
        }
    }
}

impl From<v1::HeldLoss> for HeldLoss {
    fn from(v1::HeldLoss { weight, reason }: v1::HeldLoss) -> Self {
        let v1::Weight { lost, known, shown } = weight;
        Self {
            weight: Weight { lost, known, shown },
            reason: match reason {
                v1::Reason::NothingLeft => Reason::NothingLeft,
                v1::Reason::OverCount { max_count } => Reason::OverCount { max_count },
                v1::Reason::OverShare { max_permille } => Reason::OverShare { max_permille },
                v1::Reason::Never => Reason::Never,
            },
        }
    }
}

impl<'a> From<&'a HeldPlan> for v1::HeldPlan<'a> {
    fn from(plan: &'a HeldPlan) -> Self {
        let HeldPlan {
            id,
            account,
            at,
            losses,
            entries,
            checksum,
            state,
        } = plan;
        Self {
            id: *id,
            account: account.into(),
            at: *at,
            losses: pairs(losses.clone()),
            entries: *entries,
            checksum: *checksum,
            state: (*state).into(),
        }
    }
}

impl From<v1::HeldPlan<'_>> for HeldPlan {
    fn from(plan: v1::HeldPlan<'_>) -> Self {
        let v1::HeldPlan {
            id,
            account,
            at,
            losses,
            entries,
            checksum,
            state,
        } = plan;
        Self {
            id,
            account: account.into(),
            at,
            losses: pairs(losses),
            entries,
            checksum,
            state: state.into(),
        }
    }
}

impl From<PlanState> for v1::PlanState {
    fn from(state: PlanState) -> Self {
        match state {
            PlanState::Held => Self::Held,
            PlanState::Approved { at } => Self::Approved { at },
            PlanState::Applied { at, run } => Self::Applied { at, run },
            PlanState::Rejected { at } => Self::Rejected { at },
            PlanState::Superseded { at, by } => Self::Superseded { at, by },
            PlanState::Recovered { at, run } => Self::Recovered { at, run },
        }
    }
}

impl From<v1::PlanState> for PlanState {
    fn from(state: v1::PlanState) -> Self {
        match state {
            v1::PlanState::Held => Self::Held,
            v1::PlanState::Approved { at } => Self::Approved { at },
            v1::PlanState::Applied { at, run } => Self::Applied { at, run },
            v1::PlanState::Rejected { at } => Self::Rejected { at },
            v1::PlanState::Superseded { at, by } => Self::Superseded { at, by },
            v1::PlanState::Recovered { at, run } => Self::Recovered { at, run },
        }
    }
}

impl<'a> From<&'a Removal> for v1::Removal<'a> {
    fn from(removal: &'a Removal) -> Self {
        let Removal {
            record,
            label,
            what,
        } = removal;
        Self {
            record: record.into(),
            label: Cow::Borrowed(label),
            what: match what {
                Taken::Record { proof } => v1::Taken::Record {
                    proof: (*proof).into(),
                },
                Taken::Access { roles, groups } => v1::Taken::Access {
                    roles: Cow::Borrowed(roles),
                    groups: Cow::Borrowed(groups),
                },
            },
        }
    }
}

impl From<v1::Removal<'_>> for Removal {
    fn from(removal: v1::Removal<'_>) -> Self {
        let v1::Removal {
            record,
            label,
            what,
        } = removal;
        Self {
            record: record.into(),
            label: label.into_owned(),
            what: match what {
                v1::Taken::Record { proof } => Taken::Record {
                    proof: proof.into(),
                },
                v1::Taken::Access { roles, groups } => Taken::Access {
                    roles: roles.into_owned(),
                    groups: groups.into_owned(),
                },
            },
        }
    }
}
