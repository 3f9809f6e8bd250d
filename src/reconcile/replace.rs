//! Finds the creations that follow a deletion of the same person.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::model::{Id, Record, canonical};

/// The users created by a run, by subject and e-mail, each with its position in the plan.
///
/// Identity is the source's immutable id: a user under a new id is a new user and inherits nothing.
/// But a receiver of the creation should know which user it replaces.
#[derive(Debug, Default)]
pub struct Replacements {
    by_subject: HashMap<u64, u32>,
    by_email: HashMap<u64, u32>,
}

impl Replacements {
    /// Notes a created record at its position. Only users can be re-created under a new id.
    pub fn note(&mut self, created: &Record, place: u32) {
        let Record::User(user) = created else { return };
        self.by_subject.insert(hash(&user.subject), place);
        if let Some(email) = &user.email {
            self.by_email.insert(hash(email), place);
        }
    }

    /// Returns the position of the creation that replaces the deleted record `gone`, with the id of
    /// `gone`.
    pub fn follower(&self, gone: &Record) -> Option<(u32, Id)> {
        let Record::User(user) = gone else {
            return None;
        };
        let by_email = || self.by_email.get(&hash(user.email.as_deref()?));
        let place = self
            .by_subject
            .get(&hash(&user.subject))
            .or_else(by_email)?;
        Some((*place, user.id.0.clone()))
    }
}

/// Ignores letter case, Unicode form and surrounding blanks, which do not distinguish e-mail
/// addresses or identity providers' subjects.
fn hash(text: &str) -> u64 {
    xxh3_64(canonical(text).as_bytes())
}
