//! What can be done to the licence of a tenant.

use super::deed::Deed;
use super::directory::Directory;
use super::licence::{Licence, Licensed};

impl Directory {
    /// Returns the licence.
    pub fn licence(&self) -> Licence {
        self.read().licence.clone()
    }

    /// Gives the tenant another licence, such as that of another tenant.
    pub fn set_licence(&self, licence: Licence) {
        self.write().licence = licence;
    }

    /// Assigns the licence to a subject, which need not be that of a user.
    pub fn license(&self, subject: &str, sort: &str) {
        let licensed = Licensed {
            sort: sort.to_owned(),
            created_at: self.clock().now(),
        };
        let mut state = self.write();
        state
            .licence
            .assignments
            .insert(subject.to_owned(), licensed);
        let deed = Deed::Licensed(subject, sort);
        self.audit().write(self.clock().now(), &deed);
    }

    /// Takes the licence from a subject.
    pub fn unlicense(&self, subject: &str) {
        let mut state = self.write();
        if let Some(licensed) = state.licence.assignments.remove(subject) {
            let deed = Deed::Unlicensed(subject, &licensed.sort);
            self.audit().write(self.clock().now(), &deed);
        }
    }
}
