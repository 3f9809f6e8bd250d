//! Finds the creations that follow a deletion of the same person.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::model::{Id, Record, canonical};

/// The users created by a run, by subject and e-mail, each with its place in the plan.
///
/// Identity is the source's immutable id: a user under a new id is a new user and inherits
/// nothing. But whoever hears of the creation should know whom it follows.
#[derive(Debug, Default)]
pub struct Replacements {
    by_subject: HashMap<u64, u32>,
    by_email: HashMap<u64, u32>,
}

impl Replacements {
    /// Notes a created record at its place. Only users can be re-created under a new id.
    pub fn note(&mut self, created: &Record, place: u32) {
        let Record::User(user) = created else { return };
        self.by_subject.insert(hash(&user.subject), place);
        if let Some(email) = &user.email {
            self.by_email.insert(hash(email), place);
        }
    }

    /// Returns the place of the creation that follows the deletion of `gone`, with the id
    /// that it replaces.
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

/// Neither e-mail addresses nor identity providers' subjects are told apart by letter case, Unicode
/// form or blanks around them.
fn hash(text: &str) -> u64 {
    xxh3_64(canonical(text).as_bytes())
}
