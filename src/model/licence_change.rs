//! What changed in a licence between two complete readings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LicenceAssignment, SubjectKey, Timestamp};

/// What changed in the licence of a tenant, as a complete reading found it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceChange {
    /// When the complete reading before began: nothing of this had happened then. `None` if that is
    /// not known.
    pub not_before: Option<Timestamp>,
    /// Which licence the tenant had before, and has now; `None` if it has the same one.
    pub licence: Option<OtherLicence>,
    /// The subjects whose assignments changed.
    pub subjects: BTreeMap<SubjectKey, SubjectChange>,
}

/// The numbers of the licences that a tenant had and has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherLicence {
    /// The number of the one before; `None` if it was not known.
    pub before: Option<String>,
    /// The number of the present one.
    pub after: Option<String>,
}

/// What was and is assigned to a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectChange {
    /// What was assigned before; empty if nothing was.
    pub before: Vec<LicenceAssignment>,
    /// When that had been found, by our clock; `None` if the first reading found it.
    pub since: Option<Timestamp>,
    /// What is assigned now; empty if nothing is.
    pub after: Vec<LicenceAssignment>,
}

/// Returns whether two lists contain the same assignments, in whatever order and letter case: the
/// source does not keep that of subjects.
pub fn are_same_assignments(some: &[LicenceAssignment], others: &[LicenceAssignment]) -> bool {
    // Nearly always there is one of each.
    match (some, others) {
        ([one], [other]) => of_key(one) == of_key(other),
        _ => sorted(some) == sorted(others),
    }
}

fn sorted(all: &[LicenceAssignment]) -> Vec<OfKey<'_>> {
    let mut all: Vec<_> = all.iter().map(of_key).collect();
    all.sort();
    all
}

type OfKey<'a> = (SubjectKey, Option<&'a str>, Option<bool>, Option<Timestamp>);

fn of_key(assignment: &LicenceAssignment) -> OfKey<'_> {
    let LicenceAssignment {
        subject: _,
        sort,
        is_excess,
        created_at,
    } = assignment;
    (assignment.key(), sort.as_deref(), *is_excess, *created_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(subject: &str, sort: &str) -> LicenceAssignment {
        LicenceAssignment {
            subject: subject.to_owned(),
            sort: Some(sort.to_owned()),
            is_excess: Some(false),
            created_at: None,
        }
    }

    #[test]
    fn assignments_are_the_same_in_whatever_order_and_letter_case() {
        let (a, b) = (assignment("eve", "a"), assignment("eve", "b"));
        let upper = assignment("EVE", "a");
        let in_excess = LicenceAssignment {
            is_excess: Some(true),
            ..a.clone()
        };
        for (some, others, expected) in [
            (vec![], vec![], true),
            (vec![a.clone()], vec![], false),
            (vec![a.clone()], vec![upper.clone()], true),
            (vec![a.clone(), b.clone()], vec![b.clone(), upper], true),
            (vec![a.clone()], vec![b], false),
            (vec![a], vec![in_excess], false),
        ] {
            assert_eq!(are_same_assignments(&some, &others), expected, "{some:?}");
        }
    }
}
