//! Assignments of licences to subjects that no user has.

use xxhash_rust::xxh3::xxh3_64;

use crate::model::{FindingId, LicenceAssignment, SubjectKey, TenantId, canonical};

use super::{Concern, ConcernCode, ConcernSubject};

/// The subjects of users, in memory: eight bytes for each. Among a million subjects, two have the
/// same digest with a probability of one in 37 million. An orphan with the digest of a user is not
/// found.
#[derive(Debug, Default)]
pub struct Subjects(Vec<SubjectDigest>);

/// A digest of a subject, whatever its letter case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubjectDigest(u64);

impl SubjectDigest {
    /// Makes the digest of a subject.
    pub fn of(subject: &str) -> Self {
        Self::of_key(&SubjectKey::of(subject))
    }

    fn of_key(subject: &SubjectKey) -> Self {
        Self(xxh3_64(folded(subject.as_str()).as_bytes()))
    }
}

/// Removes differences that remain in lower case. We lowercase a text as a whole, but the source
/// may do so letter by letter, which gives other letters for `Σ` at the end of a word and for `İ`.
/// It may also write an accent as a separate character. Two subjects that differ only in these ways
/// count as the same, because reporting a user's licence as an orphan is worse than missing an
/// orphan.
fn folded(subject: &str) -> String {
    canonical(subject)
        .replace('ς', "σ")
        .replace("i\u{307}", "i")
}

impl Subjects {
    /// Makes the set from the digests of users' subjects, in any order.
    pub fn of(mut digests: Vec<SubjectDigest>) -> Self {
        digests.sort_unstable();
        digests.dedup();
        Self(digests)
    }

    /// Returns the number of subjects.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns whether a user has this subject.
    pub fn has(&self, subject: &SubjectKey) -> bool {
        self.0
            .binary_search(&SubjectDigest::of_key(subject))
            .is_ok()
    }
}

/// Returns the concern about the assignments to a subject that no user has; `None` without
/// assignments. `searched` names the tenants whose users were searched.
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
            "{}{since}; no user of {searched} has this subject",
            sorts.join(", ")
        ),
        extent: sorts.iter().map(|sort| (*sort).to_owned()).collect(),
    })
}

/// Returns the id of the finding that a subject's licence is an orphan.
pub fn orphan_licence_id(tenant: &TenantId, subject: &SubjectKey) -> FindingId {
    let subject = ConcernSubject::Licence(subject.clone());
    ConcernCode::OrphanLicence.finding(tenant, &subject, None)
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
            let digests = known.iter().map(|subject| SubjectDigest::of(subject));
            let subjects = Subjects::of(digests.collect());

            let expected = known.iter().any(|it| it.to_lowercase() == asked.to_lowercase());
            prop_assert_eq!(subjects.has(&SubjectKey::of(&asked)), expected);
        }

        /// The source may lowercase letter by letter, as most programming languages do, and may
        /// write accents as separate characters.
        #[test]
        fn a_subject_is_known_however_its_letters_are_lowered(
            known in "[a-cÄäΣσςİIiÉé. |]{1,6}",
        ) {
            let subjects = Subjects::of(vec![SubjectDigest::of(&known)]);
            let of_letter = |letter: char| match letter {
                'İ' => 'i',
                other => other.to_lowercase().next().unwrap_or(other),
            };
            let by_letter: String = known.chars().map(of_letter).collect();

            for asked in [by_letter.as_str(), &known.to_lowercase()] {
                let decomposed = asked.replace('ä', "a\u{308}").replace('é', "e\u{301}");
                prop_assert!(subjects.has(&SubjectKey::of(asked)), "{asked}");
                prop_assert!(subjects.has(&SubjectKey::of(&decomposed)), "{decomposed}");
            }
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
            "analyzer, unknown type; no user of `acme` has this subject"
        );
        assert_eq!(concern.extent.len(), 2);
        assert_eq!(concern.subject.to_string(), "acme\\eve");
    }
}
