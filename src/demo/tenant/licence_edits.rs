//! What can be done to the licence of a tenant.

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
    }

    /// Takes the licence from a subject.
    pub fn unlicense(&self, subject: &str) {
        self.write().licence.assignments.remove(subject);
    }
}
