//! Separation of duties: which roles nobody may hold together, and who does.

use std::collections::{BTreeMap, BTreeSet};

use super::RolePaths;
use crate::model::RoleId;

/// A rule: nobody may hold a role of one side and a role of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Separation {
    /// The operator's name for it.
    pub name: String,
    /// The tenants that it applies to, each by one of its names; `None` if it applies to all.
    pub tenants: Option<BTreeSet<String>>,
    /// The roles of one side, by name or id. Letter case does not count.
    pub left: BTreeSet<String>,
    /// The roles of the other side.
    pub right: BTreeSet<String>,
}

impl Separation {
    /// Returns whether the rule is for the tenant that has these names.
    pub fn is_for(&self, names: &[&str]) -> bool {
        let tenants = self.tenants.as_ref();
        tenants.is_none_or(|tenants| names.iter().any(|name| tenants.contains(*name)))
    }

    /// Returns the roles that it names, on both sides.
    pub fn roles(&self) -> BTreeSet<String> {
        self.left.union(&self.right).cloned().collect()
    }
}

/// The result of a rule in one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The rule.
    pub rule: String,
    /// How many users break it; all of them if all users hold both sides.
    pub n_broken: u64,
    /// How many more users cannot be judged, since not all of their roles or groups are visible.
    pub n_unseen: u64,
    /// Whether no role of the tenant is visible, so that the rule's names mean nothing.
    pub is_blind: bool,
}

/// A rule, with the roles that it means in one tenant.
#[derive(Debug)]
pub(super) struct Judge {
    rule: Separation,
    /// The names and ids of each side, in lower case.
    words: [BTreeSet<String>; 2],
    /// The roles of each side that the tenant has.
    sides: [BTreeSet<RoleId>; 2],
    n_broken: u64,
    n_unseen: u64,
}

/// The roles by which somebody breaks a rule, for each side of the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breach([RolePaths; 2]);

impl Judge {
    pub(super) fn of(rule: Separation) -> Self {
        let lower = |words: &BTreeSet<String>| words.iter().map(|it| it.to_lowercase()).collect();
        Self {
            words: [lower(&rule.left), lower(&rule.right)],
            rule,
            sides: [BTreeSet::new(), BTreeSet::new()],
            n_broken: 0,
            n_unseen: 0,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.rule.name
    }

    /// Notes a role of the tenant if the rule names it. Returns whether it does.
    pub(super) fn learn(&mut self, id: &RoleId, name: &str) -> bool {
        let mut is_named = false;
        let (name, text) = (name.to_lowercase(), id.to_string().to_lowercase());
        for (words, side) in self.words.iter().zip(&mut self.sides) {
            if words.contains(&name) || words.contains(&text) {
                side.insert(id.clone());
                is_named = true;
            }
        }
        is_named
    }

    /// Returns by which roles the rule is broken; `None` if it is not.
    pub(super) fn breach(&self, by_role: &RolePaths) -> Option<Breach> {
        let sides = self.sides.each_ref().map(|side| -> RolePaths {
            let by_role = by_role.iter().filter(|(role, _)| side.contains(*role));
            by_role
                .map(|(role, paths)| (role.clone(), paths.clone()))
                .collect()
        });
        let [left, right] = &sides;
        // A role may be on both sides, by name on one and by id on the other. Holding it alone does
        // not break the rule.
        let is_two = left
            .keys()
            .chain(right.keys())
            .collect::<BTreeSet<_>>()
            .len()
            > 1;
        (!left.is_empty() && !right.is_empty() && is_two).then_some(Breach(sides))
    }

    /// Counts users who break the rule.
    pub(super) fn count_broken(&mut self, n_users: u64) {
        self.n_broken += n_users;
    }

    /// Counts a user who may break the rule, since not all of the user's roles are visible.
    pub(super) fn count_unseen(&mut self) {
        self.n_unseen += 1;
    }

    /// Returns the result of the rule. `n_roles` is how many roles of the tenant are visible.
    pub(super) fn judged(self, n_roles: usize) -> Judged {
        let is_blind = n_roles == 0;
        // If the tenant lacks all roles of one side, nobody can hold one, seen or not.
        let may_be_broken = is_blind || self.sides.iter().all(|side| !side.is_empty());
        Judged {
            rule: self.rule.name,
            n_broken: self.n_broken,
            n_unseen: if may_be_broken { self.n_unseen } else { 0 },
            is_blind,
        }
    }
}

impl Breach {
    /// Returns the roles of each side, with the paths to each.
    pub(super) fn sides(&self) -> &[RolePaths; 2] {
        &self.0
    }

    /// Returns whether there is a path that not everybody has.
    pub(super) fn has_own(&self) -> bool {
        let mut paths = self.0.iter().flat_map(BTreeMap::values).flatten();
        paths.any(|path| !path.is_everybodys())
    }
}

/// Shows a role to each rule. Returns whether any names it.
pub(super) fn learn(judges: &mut [Judge], id: &RoleId, name: &str) -> bool {
    let named = judges.iter_mut().map(|judge| judge.learn(id, name));
    // Every rule must see the role, so this must not stop at the first that names it.
    named.fold(false, |any, is_named| any | is_named)
}
