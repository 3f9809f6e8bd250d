//! Validates the exports that are written on a schedule.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use super::problem::Problems;
use super::values::{Names, required, schedule, time_zone};
use super::{Fault, raw};
use crate::export::{Export, Readers, ReportFormat, ReportName};
use crate::model::{ExportName, TenantName};
use crate::sync::Schedule;

/// How many exports there may be: they are written one after the other.
const MAX_EXPORTS: usize = 100;

/// How many exports are kept in a folder by default: a week, if one is written each day.
const KEEP: usize = 7;

/// How many may be kept: all of them are looked at each time.
const KEEPS: RangeInclusive<u32> = 1..=1_000;

/// The reports that an export can have: all but changes, which need two times.
const REPORTS: &str =
    "`users`, `roles`, `groups`, `memberships`, `access`, `space-access` or `findings`";

/// All formats.
const FORMATS: &str = "`csv`, `json` or `parquet`";

/// Validates all exports. `source` is the file of the configuration, `store` the store's folder.
pub(super) fn exports(
    list: Vec<raw::Export>,
    zone: Tz,
    source: &Path,
    store: &Path,
    problems: &mut Problems,
) -> Vec<Export> {
    if list.len() > MAX_EXPORTS {
        let fault = Fault::OutOfRange {
            value: format!("a list of {}", list.len()),
            allowed: "at most 100 exports",
        };
        problems.add("exports", fault);
    }
    let mut names = Names::new("exports");
    let mut valid = Vec::new();
    for (i, raw) in list.into_iter().enumerate() {
        let at = format!("exports[{i}]");
        let name = names.take(i, raw.name.as_deref(), problems);
        let folder = folder(&at, raw.folder.as_deref(), source, store, problems);
        let reports = reports(&at, raw.reports, problems);
        let tenants = tenants(&at, raw.tenants, problems);
        let format = format(&at, raw.format.as_deref(), problems);
        let schedule = due(
            &at,
            raw.schedule.as_deref(),
            raw.timezone.as_deref(),
            zone,
            problems,
        );
        let keep = keep(&at, raw.keep, problems);
        let readers = readers(&at, raw.readers.as_deref(), problems);
        let written = name.zip(folder).zip(reports);
        let rest = format.zip(schedule).zip(keep).zip(readers);
        let Some((((name, folder), reports), (((format, schedule), keep), readers))) =
            written.zip(rest)
        else {
            continue;
        };
        valid.push(Export {
            name: ExportName(name),
            folder,
            reports,
            tenants,
            format,
            schedule,
            keep,
            readers,
        });
    }
    valid
}

/// Returns the folder. A relative path refers to the folder of the configuration, as that of the
/// store does. Whether it exists is found out when an export is written: what is mounted there may
/// come later.
fn folder(
    at: &str,
    text: Option<&str>,
    source: &Path,
    store: &Path,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let key = format!("{at}.folder");
    let remedy = "name the folder that it is written to";
    let text = required(&key, text.filter(|text| !text.is_empty()), remedy, problems)?;
    let folder = match source.parent() {
        Some(beside) => beside.join(text),
        None => PathBuf::from(text),
    };
    if folder.starts_with(store) {
        let fault = Fault::Conflict {
            detail: "this is the store's folder, or in it".to_owned(),
            remedy: "name another folder: what is in that of the store is copied and moved with it",
        };
        problems.add(key, fault);
        return None;
    }
    Some(folder)
}

fn reports(
    at: &str,
    words: Option<Vec<String>>,
    problems: &mut Problems,
) -> Option<Vec<ReportName>> {
    let key = format!("{at}.reports");
    let is_table = |report: &ReportName| *report != ReportName::Changes;
    let Some(words) = words else {
        return Some(ReportName::ALL.into_iter().filter(is_table).collect());
    };
    let mut reports = Vec::new();
    for text in words {
        match ReportName::of(&text) {
            Some(ReportName::Changes) => {
                let fault = Fault::Conflict {
                    detail: "`changes` need a time with which they begin".to_owned(),
                    remedy: "remove it, and call `qlik-roster export changes --from TIME`",
                };
                problems.add(key, fault);
                return None;
            }
            Some(report) if reports.contains(&report) => {}
            Some(report) => reports.push(report),
            None => {
                let allowed = REPORTS;
                problems.add(key, Fault::BadChoice { text, allowed });
                return None;
            }
        }
    }
    if reports.is_empty() {
        let fault = Fault::Conflict {
            detail: "the list is empty, so nothing would be written".to_owned(),
            remedy: "leave it out to mean all",
        };
        problems.add(key, fault);
        return None;
    }
    Some(reports)
}

/// Returns the tenants; `None` for all. A list without any is noted, and means all as well.
fn tenants(
    at: &str,
    names: Option<Vec<String>>,
    problems: &mut Problems,
) -> Option<Vec<TenantName>> {
    let names = names?;
    if names.is_empty() {
        let fault = Fault::Conflict {
            detail: "the list is empty, so nothing would be written".to_owned(),
            remedy: "leave it out to mean all",
        };
        problems.add(format!("{at}.tenants"), fault);
        return None;
    }
    Some(names.into_iter().map(TenantName).collect())
}

fn format(at: &str, text: Option<&str>, problems: &mut Problems) -> Option<ReportFormat> {
    let text = text.unwrap_or("csv");
    let format = ReportFormat::of(text);
    if format.is_none() {
        let fault = Fault::BadChoice {
            text: text.to_owned(),
            allowed: FORMATS,
        };
        problems.add(format!("{at}.format"), fault);
    }
    format
}

fn due(
    at: &str,
    text: Option<&str>,
    zone: Option<&str>,
    usual: Tz,
    problems: &mut Problems,
) -> Option<Schedule> {
    let zone = match zone {
        None => Some(usual),
        Some(text) => time_zone(&format!("{at}.timezone"), text, problems),
    };
    let key = format!("{at}.schedule");
    let remedy = "say when it is written, such as `1d`, or `\"0 5 * * *\"` for each day at five";
    let text = required(&key, text, remedy, problems)?;
    schedule(&key, text, zone?, problems)
}

fn keep(at: &str, number: Option<u32>, problems: &mut Problems) -> Option<usize> {
    let Some(number) = number else {
        return Some(KEEP);
    };
    if !KEEPS.contains(&number) {
        let fault = Fault::OutOfRange {
            value: number.to_string(),
            allowed: "a number from 1 to 1000",
        };
        problems.add(format!("{at}.keep"), fault);
        return None;
    }
    usize::try_from(number).ok()
}

fn readers(at: &str, text: Option<&str>, problems: &mut Problems) -> Option<Readers> {
    match text {
        None | Some("owner") => Some(Readers::Owner),
        Some("group") => Some(Readers::Group),
        Some(other) => {
            let fault = Fault::BadChoice {
                text: other.to_owned(),
                allowed: "`owner` or `group`",
            };
            problems.add(format!("{at}.readers"), fault);
            None
        }
    }
}
