//! Asks the listing as well before anything is removed because of a single record's answer.
//!
//! A sweep considers a record gone if the listing does not show it and a request by its id finds
//! nothing. A poll starts from the id, and so must also ask the listing. Otherwise we would accept
//! a service that answers 404 to everything, or shows all users without roles.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use futures_util::stream;

use crate::connector::{Connector, Sweep};
use crate::model::{Change, Fingerprint, Id, Kind, Record, RecordRef};
use crate::reconcile;

use crate::sync::RunError;
use crate::sync::run::job::Job;
use crate::sync::sweep::answers::Answers;

/// Listings read at a time.
const AT_ONCE: usize = 4;

/// What a record's own answer would remove.
pub(super) enum Doubt {
    /// There is no such record. `known` is what we know of it, if anything.
    Gone {
        record: RecordRef,
        known: Option<Box<Record>>,
    },
    /// It has lost roles or group memberships.
    Access {
        change: Box<Change>,
        fingerprint: Fingerprint,
        raw: Box<str>,
    },
}

/// What the listing says about a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Confirmation {
    /// The same.
    Confirmed,
    /// Something else: one of the two is wrong.
    Contradicted,
    /// Nothing: we are not allowed to read the listing, or it does not show that part.
    Silent,
}

/// How the listing shows a record.
enum Listed {
    Absent,
    Shown(Box<Record>),
    Unreadable,
    Unseen,
}

impl<C: Connector> Job<C> {
    /// Asks the listing about each doubt.
    pub(super) async fn cross_check(
        &self,
        doubts: Vec<Doubt>,
    ) -> Result<Vec<(Doubt, Confirmation)>, RunError> {
        let mut walks = Vec::new();
        let mut others: BTreeMap<Kind, BTreeSet<Id>> = BTreeMap::new();
        for record in doubts.iter().map(Doubt::record) {
            match self.connector.sweep_for(&record) {
                Some(sweep) => walks.push((record.kind, sweep, BTreeSet::from([record.id]))),
                None => drop(others.entry(record.kind).or_default().insert(record.id)),
            }
        }
        let others = others.into_iter();
        walks.extend(others.map(|(kind, ids)| (kind, self.connector.sweep(kind), ids)));
        let answers = &self.answers;
        let walks = walks.into_iter().map(|(kind, sweep, ids)| async move {
            let found = walk(kind, sweep, ids, answers).await;
            found.map(|found| (kind, found))
        });
        let mut walks = stream::iter(walks).buffered(AT_ONCE);
        let mut listed = BTreeMap::new();
        while let Some(walked) = walks.next().await {
            let (kind, found) = walked?;
            let found = found.into_iter();
            listed.extend(found.map(|(id, how)| (RecordRef { kind, id }, how)));
        }
        let judged = doubts.into_iter().map(|doubt| {
            let listed = listed.get(&doubt.record());
            let word = doubt.compared_with(listed.unwrap_or(&Listed::Absent));
            (doubt, word)
        });
        Ok(judged.collect())
    }
}

impl Doubt {
    /// Returns the record that the doubt is about.
    pub(in crate::sync) fn record(&self) -> RecordRef {
        match self {
            Self::Gone { record, .. } => record.clone(),
            Self::Access { change, .. } => change.latest().to_ref(),
        }
    }

    /// Returns whether the doubt is that one of these records is gone.
    pub(super) fn is_gone_from(&self, records: &BTreeSet<RecordRef>) -> bool {
        match self {
            Self::Gone { record, .. } => records.contains(record),
            Self::Access { .. } => false,
        }
    }

    fn compared_with(&self, listed: &Listed) -> Confirmation {
        match (self, listed) {
            (_, Listed::Unseen) | (Self::Access { .. }, Listed::Unreadable) => Confirmation::Silent,
            (Self::Gone { .. }, Listed::Absent) => Confirmation::Confirmed,
            (Self::Gone { .. }, Listed::Shown(_) | Listed::Unreadable)
            | (Self::Access { .. }, Listed::Absent) => Confirmation::Contradicted,
            (Self::Access { change, .. }, Listed::Shown(shown)) => {
                if reconcile::has_hidden(shown) {
                    return Confirmation::Silent;
                }
                let more = reconcile::shift(&Change::Updated {
                    before: change.latest().clone(),
                    after: Record::clone(shown),
                });
                match more.joined + more.granted {
                    0 => Confirmation::Confirmed,
                    _ => Confirmation::Contradicted,
                }
            }
        }
    }
}

/// Reads a listing until it has shown every record that is wanted, or to its end. Its count
/// confirms nothing: a count that is always wrong would keep every record for ever.
async fn walk(
    kind: Kind,
    mut sweep: impl Sweep,
    mut wanted: BTreeSet<Id>,
    answers: &Answers,
) -> Result<BTreeMap<Id, Listed>, RunError> {
    let mut listed = BTreeMap::new();
    while !wanted.is_empty() {
        let page = match sweep.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            // The listing tells us nothing, now or the next time.
            Err(error) if error.is_forbidden() || error.is_too_large() => {
                listed.extend(wanted.into_iter().map(|id| (id, Listed::Unseen)));
                return Ok(listed);
            }
            Err(error) => return Err(RunError::fetch(what(kind))(error)),
        };
        let readout = page.read();
        answers.drop_shown(kind, &readout);
        for observed in readout.observed {
            if wanted.remove(observed.record.id()) {
                let id = observed.record.id().clone();
                let how = match observed.torn.is_empty() {
                    true => Listed::Shown(Box::new(observed.record)),
                    false => Listed::Unreadable,
                };
                listed.insert(id, how);
            }
        }
        for finding in readout.unreadable {
            if let Some(id) = finding.id.filter(|id| wanted.remove(id)) {
                listed.insert(id, Listed::Unreadable);
            }
        }
    }
    listed.extend(wanted.into_iter().map(|id| (id, Listed::Absent)));
    Ok(listed)
}

fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Role => "listing of roles, for those that the audit log named",
        Kind::Group => "listing of groups, for those that the audit log named",
        Kind::User => "listing of users, for those that the audit log named",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RoleId, User, UserId};

    fn user(roles: Option<&[u8]>) -> Record {
        let id = |n: u8| Id::parse(&format!("{n:024x}")).unwrap();
        let roles = roles.map(|roles| roles.iter().map(|n| (RoleId(id(*n)), String::new())));
        Record::User(User {
            roles: roles.map(Iterator::collect),
            groups: Some(BTreeMap::new()),
            ..User::new(UserId(id(7)), "s")
        })
    }

    fn gone() -> Doubt {
        Doubt::Gone {
            record: user(None).to_ref(),
            known: None,
        }
    }

    fn has_lost_the_second() -> Doubt {
        let change = Change::Updated {
            before: user(Some(&[1, 2])),
            after: user(Some(&[1])),
        };
        Doubt::Access {
            change: Box::new(change),
            fingerprint: Fingerprint([0; 16]),
            raw: Box::default(),
        }
    }

    #[test]
    fn nothing_is_taken_away_unless_the_listing_says_the_same() {
        use Confirmation::{Confirmed, Contradicted, Silent};
        let shown = |roles| Listed::Shown(Box::new(user(roles)));
        for (doubt, listed, expected) in [
            (gone(), Listed::Absent, Confirmed),
            (gone(), shown(Some(&[1])), Contradicted),
            (gone(), Listed::Unreadable, Contradicted),
            (gone(), Listed::Unseen, Silent),
            (has_lost_the_second(), shown(Some(&[1])), Confirmed),
            (has_lost_the_second(), shown(Some(&[])), Confirmed),
            (has_lost_the_second(), shown(Some(&[1, 2])), Contradicted),
            (has_lost_the_second(), shown(None), Silent),
            (has_lost_the_second(), Listed::Absent, Contradicted),
            (has_lost_the_second(), Listed::Unreadable, Silent),
            (has_lost_the_second(), Listed::Unseen, Silent),
        ] {
            let is_gone = matches!(doubt, Doubt::Gone { .. });
            let how = match &listed {
                Listed::Absent => "absent".to_owned(),
                Listed::Shown(record) => format!("{record:?}"),
                Listed::Unreadable => "unreadable".to_owned(),
                Listed::Unseen => "unseen".to_owned(),
            };
            assert_eq!(doubt.compared_with(&listed), expected, "{is_gone} {how}");
        }
    }
}
