//! Tells which roles and groups must wait because something that refers to them waits.
//!
//! Pure. If the removal of a role's assignments is held, receivers still have people with the role.
//! If they learned of its deletion first, later events would list a role that does not exist.

use std::collections::BTreeSet;

use crate::model::{Record, RecordRef, Taken};

use super::access::{named, references};

/// The roles and groups that held removals refer to. Grows with their number, not with the number
/// of their holders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting(BTreeSet<RecordRef>);

impl Waiting {
    /// Notes that a record keeps these roles and groups for now.
    pub fn note_taken(&mut self, taken: &Taken) {
        match taken {
            Taken::Access { roles, groups } => self.0.extend(named(roles.keys(), groups.keys())),
            // The record itself says what it refers to; see `note_record`.
            Taken::Record { .. } => {}
        }
    }

    /// Notes that a deleted record stays for now, with everything that it refers to.
    pub fn note_record(&mut self, record: &Record) {
        self.0.extend(references(record));
    }

    /// Returns whether no role or group waits.
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
