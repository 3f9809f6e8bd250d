//! Starts a part of the daemon again after a crash, and remembers that it crashed.
//!
//! A panic is a mistake in the program. It ends the part in which it happens, and not the others:
//! everything that the part needs to continue is in the store.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::error;

use crate::clock::Clock;
use crate::lock::lock;
use crate::pulse::Pulse;
use crate::signal::Shutdown;

use super::{Metrics, Part, Sample};

/// The first and the longest wait before a part is started again.
const BACK_OFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(300)];

/// A part that has run this long without a crash gets the first wait again.
const STEADY: Duration = Duration::from_secs(600);

/// The most characters of a panic's message that are logged.
const MAX_MESSAGE: usize = 80;

/// The crashes of the process. Clones share them.
#[derive(Debug, Clone)]
pub struct Crashes {
    clock: Clock,
    metrics: Metrics,
    noted: Arc<Mutex<Noted>>,
}

#[derive(Debug, Default)]
struct Noted {
    total: u64,
    /// What crashed last, and when by [`Clock::passed`].
    last: Option<(String, Duration)>,
}

/// The last crash of a part of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCrash {
    /// The part, and the tenant or endpoint that it is for.
    pub part: String,
    /// How long ago it crashed.
    pub ago: Duration,
    /// How many crashes there were since the process started, of all parts.
    pub total: u64,
}

impl LastCrash {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        "daemon.crashed"
    }
}

impl Crashes {
    /// Begins without a crash.
    pub fn new(clock: Clock, metrics: Metrics) -> Self {
        Self {
            clock,
            metrics,
            noted: Arc::default(),
        }
    }

    /// Returns the last crash; `None` if there was none.
    pub fn last(&self) -> Option<LastCrash> {
        let noted = lock(&self.noted);
        let (part, passed) = noted.last.as_ref()?;
        Some(LastCrash {
            part: part.clone(),
            ago: self.clock.passed().saturating_sub(*passed),
            total: noted.total,
        })
    }

    /// Runs a part, and starts it again after each crash, until it ends by itself. `whose` is the
    /// tenant or endpoint that it is for; empty if there is only one such part.
    pub async fn survive<T, F>(
        &self,
        (part, whose): (Part, &str),
        (pulse, ending): (Pulse, &Shutdown),
        start: impl Fn(Pulse) -> F,
    ) -> T
    where
        F: Future<Output = T>,
    {
        let mut wait = BACK_OFF[0];
        let mut is_told = false;
        loop {
            let began = Instant::now();
            let running = AssertUnwindSafe(start(pulse.clone())).catch_unwind();
            if let Ok(ended) = running.await {
                return ended;
            }
            if began.elapsed() >= STEADY {
                wait = BACK_OFF[0];
            }
            self.note(part, whose, wait);
            // At the end it starts at once, and ends by itself; but not again and again if it
            // crashes at each start.
            tokio::select! {
                () = ending.triggered(), if !is_told => is_told = true,
                () = pulse.sleep(wait) => {}
            }
            wait = (wait * 2).min(BACK_OFF[1]);
        }
    }

    fn note(&self, part: Part, whose: &str, wait: Duration) {
        let name = match whose {
            "" => part.word().to_owned(),
            whose => format!("{} of {whose}", part.word()),
        };
        error!(
            part = part.word(),
            code = "daemon.crashed",
            "A part of the daemon ({name}) crashed, which is a mistake in the program; it is \
             started again in {wait:?}, and everything else goes on"
        );
        self.metrics.count(Sample::Crashes { part: &part });
        let mut noted = lock(&self.noted);
        noted.total += 1;
        noted.last = Some((name, self.clock.passed()));
    }
}

/// Makes panics appear in the log, without the values that their messages contain.
pub fn log_panics() {
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map(ToString::to_string);
        let place = place.unwrap_or_else(|| "an unknown place".to_owned());
        let message = message(info.payload());
        error!(
            place,
            "The program failed at {place}: {message}; please report it"
        );
    }));
}

/// Returns the beginning of a panic's message. Messages may end with values, and these may be
/// personal data or secrets.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let plain = text.split(['{', '[', '(', '"', '\'', '`', ':', '\n']);
    let plain = plain.into_iter().next().unwrap_or_default().trim_end();
    plain.chars().take(MAX_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::model::Timestamp;

    fn crashes() -> (Crashes, Metrics) {
        let clock = Clock::stopped_at(Timestamp::from_millis(1_700_000_000_000));
        let metrics = Metrics::default();
        (Crashes::new(clock, metrics.clone()), metrics)
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_crashes_is_started_again_at_ever_longer_times() {
        let (crashes, metrics) = crashes();
        assert_eq!(crashes.last(), None);
        let began = Instant::now();
        let starts = Mutex::new(Vec::new());
        let start = |_| async {
            let n = {
                let mut starts = lock(&starts);
                starts.push(began.elapsed().as_secs());
                starts.len()
            };
            // The fourth start works for a while.
            if n == 4 {
                tokio::time::sleep(STEADY).await;
            }
            assert!(n > 5, "a mistake");
            n
        };

        let part = (Part::Deliveries, "hr");
        let ended = crashes
            .survive(part, (Pulse::default(), &Shutdown::never()), start)
            .await;

        assert_eq!(ended, 6);
        assert_eq!(*lock(&starts), [0, 1, 3, 7, 608, 610]);
        let counted = metrics.get(Sample::Crashes {
            part: &Part::Deliveries,
        });
        assert_eq!(counted, Some(5.0));
        let last = crashes.last().unwrap();
        assert_eq!((&*last.part, last.total), ("deliveries of hr", 5));
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_wait_is_five_minutes_and_the_pulse_goes_on() {
        let (crashes, _) = crashes();
        let pulses = crate::pulse::Pulses::every(Duration::from_secs(1));
        let n_starts = AtomicU64::new(0);
        let start = |_| async {
            n_starts.fetch_add(1, Ordering::Relaxed);
            panic!("always");
        };
        let watch = async {
            for _ in 0..3_600 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                assert_eq!(pulses.stuck(Duration::from_secs(2)), None);
            }
        };

        let (part, never) = ((Part::Clock, ""), Shutdown::never());
        tokio::select! {
            () = crashes.survive(part, (pulses.of("clock"), &never), start) => {}
            () = watch => {}
        }

        // 1, 3, 7, … 255, 511 and then every 300 seconds.
        assert_eq!(n_starts.into_inner(), 20);
    }

    #[test]
    fn what_a_panic_says_is_logged_without_values() {
        let say = |panicking: fn()| {
            let payload = panic::catch_unwind(panicking).unwrap_err();
            message(payload.as_ref())
        };
        assert_eq!(say(|| panic!("the lane is there")), "the lane is there");
        assert_eq!(
            say(|| {
                let read = "secret".parse::<u8>().map_err(|_wrong| "secret");
                drop(read.expect("it was read").to_string());
            }),
            "it was read"
        );
        let slice = || drop("Maria Silvá"[..11].to_owned());
        assert!(!say(slice).contains("Maria"));
        let none = || drop("".chars().next_back().map(String::from).expect("a key"));
        assert_eq!(say(none), "a key");
    }
}
