//! Validates values that several sections have: required values, names, schedules.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::Fault;
use super::problem::Problems;
use crate::sync::Schedule;

/// Returns a required value, or notes that it is missing.
pub(super) fn required<T>(
    key: &str,
    value: Option<T>,
    remedy: &'static str,
    problems: &mut Problems,
) -> Option<T> {
    if value.is_none() {
        problems.add(key, Fault::Missing { remedy });
    }
    value
}

/// Validates a schedule at any key.
pub(super) fn schedule(
    key: &str,
    text: &str,
    zone: Tz,
    problems: &mut Problems,
) -> Option<Schedule> {
    Schedule::parse(text, zone)
        .map_err(|source| problems.add(key, Fault::BadSchedule { source }))
        .ok()
}

/// Validates the name of a time zone at any key.
pub(super) fn time_zone(key: &str, text: &str, problems: &mut Problems) -> Option<Tz> {
    let zone = text.parse().ok();
    if zone.is_none() {
        let text = text.to_owned();
        problems.add(key, Fault::BadTimeZone { text });
    }
    zone
}

/// The names of one list, each of which may be used once.
pub(super) struct Names {
    list: &'static str,
    taken: BTreeMap<String, usize>,
}

impl Names {
    pub(super) fn new(list: &'static str) -> Self {
        let taken = BTreeMap::new();
        Self { list, taken }
    }

    /// Validates and records the name of one entry. Names are used in commands and addresses.
    pub(super) fn take(
        &mut self,
        i: usize,
        name: Option<&str>,
        problems: &mut Problems,
    ) -> Option<String> {
        let key = format!("{}[{i}].name", self.list);
        let remedy = "add a name, by which commands and other sections refer to it";
        let name = required(&key, name, remedy, problems)?.to_owned();
        let mut bytes = name.bytes();
        let fits = name.len() <= 64
            && bytes
                .next()
                .is_some_and(|first| first.is_ascii_alphanumeric())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !fits {
            problems.add(key, Fault::BadName { name });
            return None;
        }
        if let Some(first) = self.taken.get(&name) {
            let first = format!("{}[{first}]", self.list);
            problems.add(key, Fault::DuplicateName { name, first });
            return None;
        }
        self.taken.insert(name.clone(), i);
        Some(name)
    }
}
