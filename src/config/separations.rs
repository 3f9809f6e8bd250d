//! Validates the rules of separation of duties.

use std::collections::BTreeSet;

use super::problem::Problems;
use super::values::{Names, required};
use super::{Fault, raw};
use crate::access::Separation;

/// How many rules there may be: each is looked at for each user.
const MAX_RULES: usize = 100;

/// How many roles a side may have.
const MAX_ROLES: usize = 50;

/// Validates all rules.
pub(super) fn separations(rules: Vec<raw::Separation>, problems: &mut Problems) -> Vec<Separation> {
    if rules.len() > MAX_RULES {
        let fault = Fault::OutOfRange {
            value: format!("a list of {}", rules.len()),
            allowed: "at most 100 rules",
        };
        problems.add("access.sod", fault);
    }
    let mut names = Names::new("access.sod");
    let rules = rules.into_iter().enumerate();
    rules
        .filter_map(|(i, rule)| separation(i, rule, &mut names, problems))
        .collect()
}

fn separation(
    i: usize,
    raw: raw::Separation,
    names: &mut Names,
    problems: &mut Problems,
) -> Option<Separation> {
    let at = format!("access.sod[{i}]");
    let name = names.take(i, raw.name.as_deref(), problems);
    let left = side(&at, "left", raw.left, problems);
    let right = side(&at, "right", raw.right, problems);
    let tenants = match raw.tenants {
        None => Some(None),
        Some(tenants) if tenants.is_empty() => {
            let fault = Fault::Conflict {
                detail: "the list is empty, so the rule would apply to no tenant".to_owned(),
                remedy: "leave it out to mean all",
            };
            problems.add(format!("{at}.tenants"), fault);
            None
        }
        Some(tenants) => Some(Some(tenants.into_iter().collect())),
    };
    let (left, right) = (left?, right?);
    let lower: BTreeSet<String> = left.iter().map(|role| role.to_lowercase()).collect();
    if let Some(both) = right
        .iter()
        .find(|role| lower.contains(&role.to_lowercase()))
    {
        let fault = Fault::Conflict {
            detail: format!("`{both}` is on both sides, so anybody who holds it breaks the rule"),
            remedy: "leave it on one side",
        };
        problems.add(format!("{at}.right"), fault);
        return None;
    }
    Some(Separation {
        name: name?,
        tenants: tenants?,
        left,
        right,
    })
}

fn side(
    at: &str,
    key: &str,
    roles: Vec<String>,
    problems: &mut Problems,
) -> Option<BTreeSet<String>> {
    let key = format!("{at}.{key}");
    let n_roles = roles.len();
    let given = (n_roles > 0).then_some(roles);
    let remedy =
        "name the roles of this side: nobody may hold one of them and one of the other side";
    let roles = required(&key, given, remedy, problems)?;
    if n_roles > MAX_ROLES {
        let fault = Fault::OutOfRange {
            value: format!("a list of {n_roles}"),
            allowed: "at most 50 roles",
        };
        problems.add(key, fault);
        return None;
    }
    Some(roles.into_iter().collect())
}
