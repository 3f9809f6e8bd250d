//! Tells which roles and groups wait, since what refers to them does.
//!
//! Pure. A role whose assignments are held is still held by people, as far as anybody was told:
//! were its end told before theirs, later events would list a role that there is not.

use std::collections::BTreeSet;

use crate::model::{Record, RecordRef, Taken};

use super::access::{named, references};

/// The roles and groups that something refers to that waits. Grows with their number, not with that
/// of their holders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting(BTreeSet<RecordRef>);

impl Waiting {
    /// Notes that somebody keeps these for now.
    pub fn note_taken(&mut self, taken: &Taken) {
        match taken {
            Taken::Access { roles, groups } => self.0.extend(named(roles.keys(), groups.keys())),
            // What it refers to, the record says.
            Taken::Record { .. } => {}
        }
    }

    /// Notes that a record stays for now that is gone, with all that it refers to.
    pub fn note_record(&mut self, record: &Record) {
        self.0.extend(references(record));
    }

    /// Returns whether nothing is referred to.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a role or group waits.
    pub fn contains(&self, record: &RecordRef) -> bool {
        self.0.contains(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GroupId, Id, Kind, Proof, RoleId, User, UserId};

    fn id(n: u32) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    #[test]
    fn what_is_referred_to_waits_and_nothing_else() {
        let mut waiting = Waiting::default();
        let mut user = User::new(UserId(id(1)), "s");
        user.roles = Some([(RoleId(id(2)), "R".to_owned())].into());
        user.groups = Some([(GroupId(id(3)), "G".to_owned())].into());
        waiting.note_taken(&Taken::Record {
            proof: Proof::Confirmed,
        });
        assert_eq!(waiting, Waiting::default());

        waiting.note_record(&Record::User(user));
        waiting.note_taken(&Taken::Access {
            roles: [(RoleId(id(4)), "S".to_owned())].into(),
            groups: [(GroupId(id(5)), "H".to_owned())].into(),
        });

        for kind in Kind::ALL {
            for n in 1..7 {
                let record = RecordRef { kind, id: id(n) };
                let expected = matches!((kind, n), (Kind::Role, 2 | 4) | (Kind::Group, 3 | 5));
                assert_eq!(waiting.contains(&record), expected, "{record}");
            }
        }
    }
}
