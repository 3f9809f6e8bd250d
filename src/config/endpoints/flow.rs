//! Validates how fast an endpoint gets its events, and how long it may fail.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::config::problem::Problems;
use crate::config::{Fault, raw};
use crate::deliver::{Backfilling, Flow, Lists, MAX_IN_FLIGHT, Schedule};
use crate::sync::parse_duration;

/// The most waits between the attempts of an event.
const MAX_WAITS: usize = 30;

/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Validates the flow of an endpoint.
pub(super) fn flow(at: &str, raw: &raw::Endpoint, problems: &mut Problems) -> Option<Flow> {
    let usual = Flow::default();
    let max_in_flight = match raw.max_in_flight {
        None => Some(usual.max_in_flight),
        Some(number) => {
            let fits = NonZeroUsize::new(number as usize).filter(|n| n.get() <= MAX_IN_FLIGHT);
            if fits.is_none() {
                let fault = Fault::OutOfRange {
                    value: number.to_string(),
                    allowed: "a number from 1 to 256; 16 suit most receivers",
                };
                problems.add(format!("{at}.max_in_flight"), fault);
            }
            fits
        }
    };
    let max_per_second = match raw.max_per_second.map(std::num::NonZeroU32::new) {
        None => Some(None),
        Some(Some(number)) => Some(Some(number)),
        Some(None) => {
            let fault = Fault::OutOfRange {
                value: "0".to_owned(),
                allowed: "a number of 1 or more, or leave it out to have no limit",
            };
            problems.add(format!("{at}.max_per_second"), fault);
            None
        }
    };
    let disable_after = match &raw.disable_after {
        None => Some(usual.disable_after),
        Some(text) => {
            let time = parse_duration(text);
            if time.is_none() {
                let text = text.clone();
                problems.add(format!("{at}.disable_after"), Fault::BadDuration { text });
            }
            time
        }
    };
    Some(Flow {
        max_in_flight: max_in_flight?,
        max_per_second: max_per_second?,
        disable_after: disable_after?,
        backfill: if raw.backfill {
            Backfilling::First
        } else {
            Backfilling::None
        },
        lists: if raw.expand_lists {
            Lists::Expanded
        } else {
            Lists::Whole
        },
    })
}

/// Validates the waits between the attempts of an event.
pub(super) fn schedule(
    at: &str,
    waits: Option<&[String]>,
    problems: &mut Problems,
) -> Option<Schedule> {
    let Some(texts) = waits else {
        return Some(Schedule::standard());
    };
    let key = format!("{at}.retry_schedule");
    if texts.len() > MAX_WAITS {
        let fault = Fault::OutOfRange {
            value: format!("a list of {}", texts.len()),
            allowed: "at most 30 waits",
        };
        problems.add(key, fault);
        return None;
    }
    let mut valid = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        match parse_duration(text) {
            Some(wait) if wait <= LONGEST_WAIT => valid.push(wait),
            Some(_) => {
                let fault = Fault::OutOfRange {
                    value: format!("`{text}`"),
                    allowed: "waits of at most a day",
                };
                problems.add(format!("{key}[{i}]"), fault);
            }
            None => {
                let text = text.clone();
                problems.add(format!("{key}[{i}]"), Fault::BadDuration { text });
            }
        }
    }
    (valid.len() == texts.len()).then(|| Schedule::of(valid))
}
