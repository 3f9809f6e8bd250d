//! Compares what a person types with the names and the id of a thing.

use super::{Holder, Record, Right, RoleMention, SpaceMention};

/// Something that people call by one of several names.
pub trait Called {
    /// Returns whether any of its names, or its id, passes the test.
    fn any_name(&self, test: impl Fn(&str) -> bool) -> bool;

    /// Returns whether this is one of its names, or its id. Letter case is ignored.
    fn is_called(&self, called: &str) -> bool {
        let called = called.to_lowercase();
        self.any_name(|name| name.to_lowercase() == called)
    }
}

/// A user is also found by the subject and the e-mail address.
impl Called for Record {
    fn any_name(&self, test: impl Fn(&str) -> bool) -> bool {
        let is_named = match self {
            Self::Role(role) => test(&role.name),
            Self::Group(group) => test(&group.name),
            Self::User(user) => {
                test(&user.subject)
                    || user.name.as_deref().is_some_and(&test)
                    || user.email.as_deref().is_some_and(&test)
            }
        };
        is_named || test(&self.id().to_string())
    }
}

impl Called for Holder {
    fn any_name(&self, test: impl Fn(&str) -> bool) -> bool {
        test(&self.subject)
            || self.name.as_deref().is_some_and(&test)
            || self.email.as_deref().is_some_and(&test)
            || test(&self.id.to_string())
    }
}

impl Called for RoleMention {
    fn any_name(&self, test: impl Fn(&str) -> bool) -> bool {
        test(&self.name) || test(&self.id.to_string())
    }
}

impl Called for SpaceMention {
    fn any_name(&self, test: impl Fn(&str) -> bool) -> bool {
        test(&self.name) || test(&self.id.to_string())
    }
}

/// A right is found by its role, whether that is one in the tenant or one in a space.
impl Called for Right {
    fn any_name(&self, test: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Role(role) => role.any_name(test),
            Self::SpaceRole { role, .. } | Self::App { role, .. } => test(role),
        }
    }
}
