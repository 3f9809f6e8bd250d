//! What happens to held plans when a run and an operator change them at the same time.

use crate::model::{HeldPlan, PlanId, PlanState, RunId, Timestamp};
use crate::store::handle::Store;
use crate::store::kept::held::Decision;
use crate::store::values::commit::{Closing, Commit};

use super::support::{account, adopt, open};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn plan(state: PlanState) -> HeldPlan {
    HeldPlan {
        id: PlanId(3),
        account: account(),
        at: at(1),
        losses: [].into(),
        entries: 0,
        checksum: 0,
        state,
    }
}

fn settle(store: &Store, seen: Option<&HeldPlan>, state: PlanState) -> bool {
    let commit = Commit {
        tenant: adopt(store, 1).no,
        run: RunId(4),
        at: at(9),
        account: account(),
        writes: Vec::new(),
        closing: Closing::Report {
            plans: vec![plan(state)],
            facts: Vec::new(),
        },
    };
    store.settle_plans(seen, commit).unwrap()
}

#[test]
fn a_run_does_not_overrule_an_operator_who_has_decided_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let no = adopt(&store, 1).no;
    assert!(settle(&store, None, PlanState::Held));
    let seen = store.open_plan(no).unwrap();
    assert_eq!(seen, Some(plan(PlanState::Held)));

    let decided = store.decide(no, PlanId(3), Decision::Approve, at(5));
    let approved = Some(plan(PlanState::Approved { at: at(5) }));
    assert_eq!(decided.unwrap(), approved);

    let (at, run) = (at(9), RunId(4));
    let recovered = PlanState::Recovered { at, run };
    assert!(!settle(&store, seen.as_ref(), recovered));
    assert_eq!(store.open_plan(no).unwrap(), approved);
    assert!(settle(&store, approved.as_ref(), recovered));
    assert_eq!(store.open_plan(no).unwrap(), None);
}
