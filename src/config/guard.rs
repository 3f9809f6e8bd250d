//! Validates how much may be removed without an operator.

use std::collections::BTreeMap;

use super::Fault;
use super::problem::Problems;
use super::raw;
use crate::model::Loss;
use crate::sync::{Guard, Limits, RemovalPolicy};

/// The largest value of `sync.absent_sweeps`: from how many sweeps in a row a record must be absent
/// before it counts as gone, if we are not allowed to ask for it by its id.
const MAX_ABSENT_SWEEPS: u32 = 100;

/// A guard while the configuration is read: first the settings for all tenants, then those for one.
#[derive(Debug, Clone, Default)]
pub(super) struct GuardDraft {
    is_never: bool,
    limits: BTreeMap<Loss, Limits>,
}

impl GuardDraft {
    /// Applies the settings that are given, and keeps the rest.
    pub(super) fn with(mut self, at: &str, raw: &raw::Guard, problems: &mut Problems) -> Self {
        match raw.mode.as_deref() {
            None => {}
            Some("limits") => self.is_never = false,
            Some("never") => self.is_never = true,
            Some(other) => problems.add(
                format!("{at}.mode"),
                Fault::BadGuard {
                    detail: format!("`{other}` is not a mode; `limits` or `never` is expected"),
                },
            ),
        }
        let given = [
            (Loss::Users, &raw.users),
            (Loss::Roles, &raw.roles),
            (Loss::Groups, &raw.groups),
            (Loss::Memberships, &raw.memberships),
            (Loss::RoleAssignments, &raw.role_assignments),
        ];
        for (loss, raw) in given {
            let Some(raw) = raw else { continue };
            let before = self.limits.get(&loss).copied();
            let before = before.unwrap_or_else(|| Limits::usual(loss));
            let at = format!("{at}.{}", loss.word());
            let limits = Limits {
                max_permille: raw.max_share.map_or(before.max_permille, |share| {
                    permille(&format!("{at}.max_share"), share, problems)
                }),
                max_count: raw.max_count.unwrap_or(before.max_count),
                min_population: raw.min_population.unwrap_or(before.min_population),
            };
            self.limits.insert(loss, limits);
        }
        self
    }

    /// Makes the removal policy of a tenant.
    pub(super) fn removal_policy(self, absent_sweeps: u32) -> RemovalPolicy {
        let guard = if self.is_never {
            Guard::Never
        } else {
            let limits = Loss::ALL.map(|loss| {
                let given = self.limits.get(&loss).copied();
                (loss, given.unwrap_or_else(|| Limits::usual(loss)))
            });
            Guard::Limits(limits.into())
        };
        RemovalPolicy {
            guard,
            absent_sweeps,
        }
    }
}

/// Validates how many sweeps in a row a record must be absent from.
pub(super) fn absent_sweeps(given: Option<u32>, problems: &mut Problems) -> u32 {
    let usual = RemovalPolicy::default().absent_sweeps;
    let sweeps = given.unwrap_or(usual);
    if (1..=MAX_ABSENT_SWEEPS).contains(&sweeps) {
        return sweeps;
    }
    let detail = format!("{sweeps} is not between 1 and {MAX_ABSENT_SWEEPS}");
    problems.add("sync.absent_sweeps", Fault::BadGuard { detail });
    usual
}

fn permille(key: &str, share: f64, problems: &mut Problems) -> u32 {
    if !(0.0..=1.0).contains(&share) {
        let detail =
            format!("{share} is not a share, which is a number from 0 to 1, such as 0.1 for 10 %");
        problems.add(key, Fault::BadGuard { detail });
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000"
    )]
    let permille = (share * 1000.0).round() as u32;
    permille
}
