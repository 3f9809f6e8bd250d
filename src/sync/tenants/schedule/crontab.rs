//! Reads cron expressions, so that five fields mean what crontab(5) says.
//!
//! The crate `cron` knows seconds and years, counts the days of the week from 1 = Sunday and
//! demands that day of month *and* day of week fit. crontab(5) counts from 0 = Sunday, also takes
//! 7, and lets either field fit if both are restricted. This file translates.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};

use super::invalid::InvalidSchedule;

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A cron expression, blind to time zones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crontab {
    /// One rule, or two of which either may fit.
    rules: Vec<cron::Schedule>,
    /// Whether it names hours instead of running in every hour or in steps. Named hours come once a
    /// day, also on the day when the clock strikes one of them twice.
    pub(super) names_hours: bool,
}

impl Crontab {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let text = match text {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let (hour, rules) = match fields.as_slice() {
            [minute, hour, day, month, weekday] => {
                let start = format!("0 {minute} {hour}");
                (*hour, five_fields(&start, day, month, weekday)?)
            }
            [second, _, hour, _, _, _] | [second, _, hour, _, _, _, _] => {
                if second.is_empty() || !second.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(InvalidSchedule::TooOften);
                }
                (*hour, vec![fields.join(" ")])
            }
            _ => {
                return Err(InvalidSchedule::Fields {
                    n_fields: fields.len(),
                });
            }
        };
        // An expression of five fields has none for the seconds.
        let first = usize::from(fields.len() == 5);
        for (part, field) in PARTS.iter().skip(first).zip(&fields) {
            // crontab(5)'s days of the week were read above.
            if fields.len() != 5 || part.name != "days of the week" {
                part.check(field)?;
            }
        }
        let crontab = Self {
            rules: rules
                .iter()
                .map(|rule| read(rule))
                .collect::<Result<_, _>>()?,
            names_hours: !hour.starts_with('*'),
        };
        let ever = crontab.after(DateTime::UNIX_EPOCH.naive_utc()).next();
        match ever {
            Some(_) => Ok(crontab),
            None => Err(InvalidSchedule::Never),
        }
    }

    /// Returns the fitting wall-clock times after another, in order.
    pub(super) fn after(&self, wall: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + '_ {
        // UTC stands in for a clock on the wall, which knows no zones and no gaps.
        let start = Utc.from_utc_datetime(&wall);
        let mut rules: Vec<_> = self
            .rules
            .iter()
            .map(|rule| rule.after(&start).map(|time| time.naive_utc()).peekable())
            .collect();
        std::iter::from_fn(move || {
            let next = rules
                .iter_mut()
                .filter_map(|rule| rule.peek().copied())
                .min()?;
            for rule in &mut rules {
                rule.next_if_eq(&next);
            }
            Some(next)
        })
    }
}

/// A field of a cron expression: what it is called, and what may stand there.
struct Part {
    name: &'static str,
    allowed: &'static str,
    /// The rest of an expression, before and after the field.
    others: (&'static str, &'static str),
}

const PARTS: [Part; 7] = [
    part("seconds", "0 to 59", ("", " * * * * *")),
    part("minutes", "0 to 59", ("0 ", " * * * *")),
    part("hours", "0 to 23", ("0 0 ", " * * *")),
    part("days of the month", "1 to 31", ("0 0 0 ", " * *")),
    part("months", "1 to 12 or jan to dec", ("0 0 0 * ", " *")),
    part(
        "days of the week",
        "1 (Sunday) to 7 or sun to sat",
        ("0 0 0 * * ", ""),
    ),
    part("years", "1970 to 2100", ("0 0 0 * * * ", "")),
];

const fn part(
    name: &'static str,
    allowed: &'static str,
    others: (&'static str, &'static str),
) -> Part {
    Part {
        name,
        allowed,
        others,
    }
}

impl Part {
    /// Parses a field alone, so that an error names this field.
    fn check(&self, field: &str) -> Result<(), InvalidSchedule> {
        let Self {
            name,
            allowed,
            others: (before, behind),
        } = self;
        let alone = cron::Schedule::from_str(&format!("{before}{field}{behind}"));
        match alone {
            Ok(_) => Ok(()),
            Err(_) => Err(InvalidSchedule::Field {
                field: field.to_owned(),
                reason: format!(
                    "{name} are {allowed}; `1,2`, `1-5`, `*` and `*/5` also stand for several"
                ),
            }),
        }
    }
}

fn read(rule: &str) -> Result<cron::Schedule, InvalidSchedule> {
    cron::Schedule::from_str(rule).map_err(|error| InvalidSchedule::Field {
        field: rule.to_owned(),
        reason: error.to_string(),
    })
}

fn five_fields(
    start: &str,
    day: &str,
    month: &str,
    weekday: &str,
) -> Result<Vec<String>, InvalidSchedule> {
    let weekdays = weekdays(weekday)?;
    // crontab(5): either field may fit, unless one of them begins with a star.
    if !day.starts_with('*') && !weekday.starts_with('*') {
        return Ok(vec![
            format!("{start} {day} {month} *"),
            format!("{start} * {month} {weekdays}"),
        ]);
    }
    Ok(vec![format!("{start} {day} {month} {weekdays}")])
}

/// Translates crontab(5)'s days of the week into those of the crate, written out one by one.
fn weekdays(field: &str) -> Result<String, InvalidSchedule> {
    if field == "*" {
        return Ok("*".to_owned());
    }
    let wrong = |reason: &str| InvalidSchedule::Field {
        field: field.to_owned(),
        reason: reason.to_owned(),
    };
    let mut days = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step = step.parse::<usize>().ok().filter(|step| *step > 0);
                (
                    range,
                    step.ok_or_else(|| wrong("a step is a number of 1 or more"))?,
                )
            }
            None => (part, 1),
        };
        let day = |text: &str| {
            day(text).ok_or_else(|| wrong("days of the week are 0 to 7 or sun to sat"))
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => match (day(first)?, day(last)?) {
                // A week that ends on Sunday: `mon-sun`.
                (first, 0) if first > 0 => (first, 7),
                ends => ends,
            },
            None if range == "*" => (0, 6),
            None => {
                let first = day(range)?;
                (
                    first,
                    if part.contains('/') {
                        6.max(first)
                    } else {
                        first
                    },
                )
            }
        };
        if first > last {
            return Err(wrong("the range runs backwards"));
        }
        days.extend((first..=last).step_by(step).map(|day| day % 7 + 1));
    }
    let days: Vec<String> = days.iter().map(usize::to_string).collect();
    Ok(days.join(","))
}

fn day(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [digit @ b'0'..=b'7'] => Some(usize::from(digit - b'0')),
        _ => DAYS.iter().position(|day| day.eq_ignore_ascii_case(text)),
    }
}
