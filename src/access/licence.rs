//! Finds licences that are assigned to a subject that no user has.

use xxhash_rust::xxh3::xxh3_64;

use crate::model::{LicenceAssignment, SubjectKey};

use super::{Concern, ConcernCode, ConcernSubject};

/// The subjects of users, in memory: eight bytes for each. An orphan licence is missed if its
/// subject has the digest of a user's: with a million of both, the chance of one is some one in
/// twenty million.
#[derive(Debug, Default)]
pub struct Subjects {
    digests: Vec<u64>,
    is_sorted: bool,
}

impl Subjects {
    /// Adds the subject of a user. Letter case is ignored.
    pub fn add(&mut self, subject: &str) {
        self.digests.push(digest(&SubjectKey::of(subject)));
        self.is_sorted = false;
    }

    /// Returns how many subjects there are.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Returns whether there is no subject.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Returns whether a user has this subject.
    pub fn has(&mut self, subject: &SubjectKey) -> bool {
        if !self.is_sorted {
            self.digests.sort_unstable();
            self.digests.dedup();
            self.is_sorted = true;
        }
        self.digests.binary_search(&digest(subject)).is_ok()
    }
}

fn digest(subject: &SubjectKey) -> u64 {
    xxh3_64(subject.as_str().as_bytes())
}

/// Returns the concern about a licence whose subject no user of the searched tenants has.
pub fn orphan_licence(
    subject: &SubjectKey,
    assignments: &[LicenceAssignment],
    searched: &str,
) -> Option<Concern> {
    let label = assignments.first()?.subject.clone();
    let sorts = assignments
        .iter()
        .map(|it| it.sort.as_deref().unwrap_or("unknown type"));
    let sorts: Vec<&str> = sorts.collect();
    let since = assignments.iter().filter_map(|it| it.created_at).min();
    let since = since.map(|at| format!(", since {at}")).unwrap_or_default();
    Some(Concern {
        code: ConcernCode::OrphanLicence,
        subject: ConcernSubject::Licence(subject.clone()),
        part: None,
        label,
        detail: format!(
            "{}{since}; nobody has this subject in {searched}",
            sorts.join(", ")
        ),
        extent: sorts.iter().map(|sort| (*sort).to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_subject_is_known_in_whatever_letter_case(
            known in prop::collection::vec("[a-cA-CÄä|]{1,3}", 0..20),
            asked in "[a-cA-CÄä|]{1,3}",
        ) {
            let mut subjects = Subjects::default();
            for subject in &known {
                subjects.add(subject);
            }

            let expected = known.iter().any(|it| it.to_lowercase() == asked.to_lowercase());
            prop_assert_eq!(subjects.has(&SubjectKey::of(&asked)), expected);
        }
    }

    #[test]
    fn a_concern_covers_the_types_that_are_assigned() {
        let of = |subject: &str, sort: Option<&str>| LicenceAssignment {
            subject: subject.into(),
            sort: sort.map(str::to_owned),
            is_excess: None,
            created_at: None,
        };
        let assignments = [of("ACME\\Eve", Some("analyzer")), of("acme\\eve", None)];

        let concern = orphan_licence(&assignments[0].key(), &assignments, "`acme`").unwrap();

        assert_eq!(concern.label, "ACME\\Eve");
        assert_eq!(
            concern.detail,
            "analyzer, unknown type; nobody has this subject in `acme`"
        );
        assert_eq!(concern.extent.len(), 2);
        assert_eq!(concern.subject.to_string(), "acme\\eve");
    }
}
