//! Packs the users of a posting list into rows of some hundred users, in the order of their ids.
//!
//! As with fingerprints, a row has the ids from its key up to the next row's key, and the key of a
//! list's first row comes before all ids.

use crate::model::{Id, UserId};
use crate::store::error::StoreError;
use crate::store::layout::keys::Key;
use crate::store::layout::{PACKED, codec};

/// The most users of a row before it is divided: a leaf of sixteen such rows needs no file of its
/// own.
const FULL: usize = 480;

/// The most users of a piece when a full row is divided.
const PIECE: usize = 290;

/// The most bytes of a row before it is divided, and of a piece, for ids of other shapes.
const FULL_BYTES: usize = 7 * 1024;
const PIECE_BYTES: usize = 4 * 1024;

/// The fewest users that a piece of a full row has, except for the last one: an id takes 66 bytes
/// at the most.
pub const FEWEST: usize = 60;

/// A user, and whether the user is in the list from now on.
type Change = (UserId, bool);

/// Users in the order of their ids.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Users(pub Vec<UserId>);

impl Users {
    /// Decodes a row. Ids that are out of order count as damage.
    pub fn read(key: &[u8], value: &[u8]) -> Result<Self, StoreError> {
        let mut rest = codec::open(PACKED, key, value)?;
        let mut users: Vec<UserId> = Vec::with_capacity(rest.len() / 14);
        while let Some((&len, behind)) = rest.split_first() {
            let (id, behind) = behind
                .split_at_checked(usize::from(len))
                .ok_or_else(|| codec::flawed(key, "cut short"))?;
            let id = Id::from_key(id)
                .map(UserId)
                .map_err(|_no_id| codec::flawed(key, "holds what is not an id"))?;
            if users.last().is_some_and(|last| *last >= id) {
                return Err(codec::flawed(key, "out of order"));
            }
            users.push(id);
            rest = behind;
        }
        Ok(Self(users))
    }

    /// Encodes the row.
    pub fn write(&self, key: &Key) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.0.len() * 14);
        for user in &self.0 {
            let id = user.0.to_key();
            payload.push(u8::try_from(id.len()).expect("an id's key has 65 bytes at the most"));
            payload.extend_from_slice(&id);
        }
        codec::seal(PACKED, key, &[], &payload)
    }

    /// Adds and removes users, given in the order of their ids. Returns whether that changed
    /// anything.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) -> bool {
        let old = std::mem::take(&mut self.0);
        let mut merged = Vec::with_capacity(old.len());
        let mut has_changed = false;
        let mut old = old.into_iter().peekable();
        for (user, is_in) in changes {
            while let Some(before) = old.next_if(|known| *known < user) {
                merged.push(before);
            }
            let was_in = old.next_if_eq(&user).is_some();
            has_changed |= was_in != is_in;
            merged.extend(is_in.then_some(user));
        }
        merged.extend(old);
        self.0 = merged;
        has_changed
    }

    /// Divides the users into pieces, if they are too many for a row.
    pub fn divide(self) -> Vec<Self> {
        let bytes: usize = self.0.iter().map(len).sum();
        if self.0.len() <= FULL && bytes <= FULL_BYTES {
            return vec![self];
        }
        let mut divided = Vec::new();
        let (mut piece, mut n_bytes) = (Self::default(), 0);
        for user in self.0 {
            let len = len(&user);
            if piece.0.len() == PIECE || n_bytes + len > PIECE_BYTES {
                divided.push(std::mem::take(&mut piece));
                n_bytes = 0;
            }
            n_bytes += len;
            piece.0.push(user);
        }
        divided.push(piece);
        divided
    }
}

/// Returns the size of a user in bytes.
fn len(user: &UserId) -> usize {
    match user.0.object_bytes() {
        Some(bytes) => 2 + bytes.len(),
        None => 1 + user.0.to_key().len(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn user(number: u32) -> UserId {
        let text = match number % 5 {
            4 => format!("{}{number:08}", "x".repeat(50)),
            _ => format!("60d5ca1b2f8a4c00{number:08x}"),
        };
        UserId(Id::parse(&text).unwrap())
    }

    fn users() -> impl Strategy<Value = BTreeSet<UserId>> {
        prop::collection::btree_set((0..5_000_u32).prop_map(user), 0..1_500)
    }

    proptest! {
        #[test]
        fn a_row_has_what_was_added_and_not_removed(
            before in users(),
            changes in prop::collection::btree_map((0..5_000_u32).prop_map(user), any::<bool>(), 0..300),
        ) {
            let mut row = Users(before.iter().cloned().collect());
            let mut expected = before.clone();
            for (user, is_in) in &changes {
                match is_in {
                    true => expected.insert(user.clone()),
                    false => expected.remove(user),
                };
            }

            let has_changed = row.apply(changes);

            prop_assert_eq!(has_changed, expected != before);
            prop_assert!(row.0.iter().eq(&expected));
        }

        #[test]
        fn a_divided_row_has_the_same_users_in_rows_that_read_as_written(whole in users()) {
            let key = vec![0x24, 1];
            let divided = Users(whole.iter().cloned().collect()).divide();

            let mut read = Vec::new();
            let n_pieces = divided.len();
            for (index, piece) in divided.into_iter().enumerate() {
                let value = piece.write(&key);
                prop_assert!(value.len() <= FULL_BYTES + 80);
                prop_assert!(index + 1 == n_pieces || piece.0.len() >= FEWEST);
                read.extend(Users::read(&key, &value).unwrap().0);
            }

            prop_assert!(read.iter().eq(&whole));
        }
    }

    #[test]
    fn a_value_that_is_no_row_is_damage() {
        let key = vec![0x24, 1];
        let bad = |payload: &[u8]| {
            let value = codec::seal(PACKED, &key, &[], payload);
            Users::read(&key, &value).unwrap_err().to_string()
        };

        assert!(bad(&[13, 0, 1]).contains("cut short"));
        assert!(bad(&[2, 7, 7]).contains("not an id"));
        let twice = [2, 1, b'a', 2, 1, b'a'];
        assert!(bad(&twice).contains("out of order"));
    }
}
